# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to the HTTP APIs of Prometheus, Alertmanager and Grafana. Private to the collection."""

from __future__ import annotations

import functools
import json
import operator
import typing as t

from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.urls import open_url


class ApiError(Exception):
    """A server did not answer as it should; the text says how, for a person."""


def get(address: str, timeout: float, *keys: str, who: str = "Prometheus", **sign_in: t.Any) -> t.Any:
    """Return what the JSON that *address* answers with has at *keys*, one inside the other.

    :param who: who is asked, for the message.
    :param sign_in: what ``open_url`` takes for a name and a password.
    :raises ApiError: where it does not answer, or not with such JSON.
    """
    try:
        answer = open_url(address, timeout=timeout, use_proxy=False, validate_certs=False, **sign_in).read()
        return functools.reduce(operator.getitem, keys, json.loads(answer))
    except Exception as error:
        raise ApiError(f"{who} does not answer at {address}: {to_text(getattr(error, 'reason', error))}") from error
