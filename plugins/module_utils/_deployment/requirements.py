# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions that a host must meet before a module changes it. Private to the collection."""

from __future__ import annotations

import os
import re
import typing as t

from ansible.module_utils.common.process import get_bin_path

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import Run

REQUIREMENTS_SPEC: dict[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "path": {"type": "path", "default": ""},
        "command": {"type": "list", "elements": "str", "default": []},
        "pattern": {"type": "str", "default": ""},
        "error": {"type": "str", "required": True},
    },
}
# The exit status of a shell for a command that does not exist.
NOT_FOUND = 127


def unmet_requirement(requirements: t.Iterable[t.Mapping[str, t.Any]], run: Run) -> str:
    """Return the message of the first of *requirements* that the host does not meet, or an empty text.

    :param requirements: the option of a module, with the keys of REQUIREMENTS_SPEC.
    """
    for requirement in requirements:
        message = str(requirement["error"]).replace("{path}", requirement["path"])
        if requirement["path"] and not os.path.exists(requirement["path"]):
            return message
        if requirement["command"]:
            code, out, err = execute(requirement["command"], run)
            if code or not re.search(requirement["pattern"], out):
                first = next(iter((out if not code else err or out).splitlines()), "")
                return message.replace("{output}", first)
    return ""


def execute(command: t.Sequence[str], run: Run) -> tuple[int, str, str]:
    """Run *command*; return exit status, output and errors. The status of a command that does not exist is NOT_FOUND."""
    try:
        # With su, PATH is that of the login user and can lack /usr/sbin.
        program = get_bin_path(command[0])
    except ValueError as error:
        return NOT_FOUND, "", str(error)
    return run([program, *command[1:]])
