# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check what a service answers over HTTP. Private to the collection."""

from __future__ import annotations

import re
import time
import typing as t

from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.urls import open_url

CHECK_SPEC: dict[str, t.Any] = {
    "url": {"type": "str", "required": True},
    "username": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
    "pattern": {"type": "str", "default": ""},
    "error": {"type": "str", "required": True},
    "timeout": {"type": "int", "default": 5},
}
# The option ``check`` of a module, with the keys of CHECK_SPEC.
Check = t.Mapping[str, t.Any]
_POLL_SECONDS = 0.5


def failed_check(check: Check) -> str:
    """Query the service until its answer passes *check*; return the message of the check if it does not pass in time."""
    deadline = time.monotonic() + check["timeout"]
    while True:
        problem = _problem(check)
        if not problem:
            return ""
        if time.monotonic() >= deadline:
            return str(check["error"]).replace("{problem}", problem)
        time.sleep(_POLL_SECONDS)


def _problem(check: Check) -> str:
    """Query the service once; return what is wrong with the answer, or an empty text."""
    # The request goes from the host to the host itself.
    options = {"use_proxy": False, "validate_certs": False, "timeout": 5}
    if check["username"]:
        options.update(url_username=check["username"], url_password=check["password"], force_basic_auth=True)
    try:
        text = to_text(open_url(check["url"], **options).read(), errors="replace")
    except Exception as error:  # noqa: BLE001 - every error is a result: refused, reset, no HTTP, status
        return f"{check['url']}: {to_text(error)}"
    if not re.search(check["pattern"], text):
        return f"{check['url']} does not answer as expected"
    return ""
