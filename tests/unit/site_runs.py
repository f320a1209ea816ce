# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of site.yml in tests: the real playbook, on this machine by several names.

Nothing listens on port 1, where the hosts that cannot be reached are.
"""

from __future__ import annotations

import dataclasses

UNREACHABLE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
# Every module fails there.
FAILING = {"ansible_python_interpreter": "/nonexistent/python3"}


@dataclasses.dataclass
class Run:
    """What a run did."""

    rc: int
    output: str
    # By task, the hosts that it ran on.
    tasks: dict[str, list[str]]
    # By host, how often it was counted as failed or unreachable in the recap.
    failed: dict[str, int]
    # The lines at the end.
    summary: list[str]
