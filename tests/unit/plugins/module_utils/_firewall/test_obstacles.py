# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator is told about rules of others."""

from __future__ import annotations

import dataclasses

import pytest
from firewall_rules import FLOW, REPLY

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import (
    flows,
    obstacles,
)


@pytest.mark.parametrize(
    ("manager", "where", "flow", "command"),
    [
        (
            "nftables",
            "nftables, table inet site",
            FLOW,
            "nft insert rule inet site input ip saddr 192.0.2.1 tcp dport 9100 accept. Make the same change in the file",
        ),
        (
            "nftables",
            "nftables, table inet site",
            REPLY,
            "nft insert rule inet site input ip daddr 192.0.2.1 tcp sport 9100 accept",
        ),
        (
            "firewalld",
            "nftables, table inet firewalld",
            FLOW,
            'rule family="ipv4" source address="192.0.2.1" port port="9100" protocol="tcp" accept\' && firewall-cmd --reload.',
        ),
        ("ufw", "iptables, table filter", FLOW, "ufw allow in proto tcp from 192.0.2.1 to any port 9100."),
        (
            "iptables-legacy",
            "iptables-legacy, table filter",
            FLOW,
            "iptables-legacy -I input -p tcp -s 192.0.2.1 --dport 9100 -j ACCEPT. If these rules are a remainder of iptables-",
        ),
    ],
)
def test_the_operator_is_told_what_to_do(manager: str, where: str, flow: flows.Flow, command: str) -> None:
    """In the words of the program that has the rules; host, port and peer by name."""
    obstacle = flows.Obstacle(flows.BaseChain(where, manager, "input", "drop"), "chain input, policy drop", certain=True)
    (text,) = obstacles.describe({obstacle: [flow]}, certain=True)
    assert text.startswith(f"{where}, chain input, policy drop, blocks: node on a for b (tcp ")
    assert f"for example: {command}" in text or command in text
    assert obstacles.describe({obstacle: [flow]}, certain=False) == []


def test_a_message_names_some_connections_and_counts_the_others() -> None:
    """A server has thousands."""
    obstacle = flows.Obstacle(flows.BaseChain("nftables, table inet site", "nftables", "input", "drop"), "x", certain=False)
    grouped = obstacles.group_by_obstacle((dataclasses.replace(FLOW, destination_port=port), obstacle) for port in range(1, 10))
    (text,) = obstacles.describe(grouped, certain=False)
    assert text.count("node on a for b") == 5
    assert "can block: " in text
    assert "; and 4 more. " in text
