# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries the HTTP APIs of Prometheus, Alertmanager and Grafana. Private to the collection."""

from __future__ import annotations

import functools
import json
import operator
import typing as t

from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.urls import open_url


class ApiError(Exception):
    """A server did not answer, or gave an invalid answer. The text is for the operator."""


def password_options(username: str, password: str) -> dict[str, t.Any]:
    """Return the parameters of ``open_url`` for a user name and a password; none if *username* is empty."""
    return {"url_username": username, "url_password": password, "force_basic_auth": True} if username else {}


def get_json(address: str, timeout: float, *keys: str, server: str = "Prometheus", **credentials: t.Any) -> t.Any:
    """Return the value at *keys*, one below the other, in the JSON that *address* returns.

    :param server: name of the program, for the message.
    :param credentials: parameters of ``open_url`` for user name and password.
    :raises ApiError: if the server does not answer, or the answer is not JSON with these keys.
    """
    try:
        answer = open_url(address, timeout=timeout, use_proxy=False, validate_certs=False, **credentials).read()
        return functools.reduce(operator.getitem, keys, json.loads(answer))
    except Exception as error:
        raise ApiError(f"{server} does not answer at {address}: {to_text(getattr(error, 'reason', error))}") from error
