# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as the module iptables_chain has them."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import (
    flows,
)


def rule(**changes: t.Any) -> dict[str, t.Any]:
    """Return a rule as the module has it."""
    usual = {
        "protocol": "tcp",
        "source": "",
        "destination": "",
        "in_interface": "",
        "out_interface": "",
        "source_port": 0,
        "destination_port": 9100,
        "established": False,
        "jump": "ACCEPT",
        "comment": "node on a for b",
        "when_closed": False,
    }
    return {**usual, **changes}


FLOW = flows.Flow("input", 4, "tcp", "192.0.2.1/32", "", 0, 9100, "", "", established=False, comment="node on a for b")


REPLY = flows.Flow("output", 4, "tcp", "", "192.0.2.1/32", 9100, 0, "", "", established=True, comment="node on a for b")


def fate(obstacle: flows.Obstacle | None) -> str:
    """Return whether something is in the way."""
    return "passes" if obstacle is None else "blocked" if obstacle.certain else "perhaps"
