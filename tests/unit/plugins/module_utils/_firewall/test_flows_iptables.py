# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a connection in the rules that iptables-save prints."""

from __future__ import annotations

import pytest
from firewall_rules import FLOW, REPLY, fate

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import (
    flows,
    flows_iptables,
    iptables,
)


def by_iptables(*rules: str, policy: str = "ACCEPT", flow: flows.Flow = FLOW) -> flows.Obstacle | None:
    """Return what is in the way in a table that has these rules."""
    names = {rule.split()[1] for rule in rules} - {"INPUT", "OUTPUT"}
    saved = [f":INPUT {policy} [0:0]", f":OUTPUT {policy} [0:0]", *(f":{name} - [0:0]" for name in names), *rules]
    return flows_iptables.Table(iptables.parse("\n".join(saved)), 4).obstacle(flow, "iptables-legacy", "iptables-legacy")


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], "passes"),
        (["-A INPUT -j DROP"], "blocked"),
        (["-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "-A INPUT -j REJECT --reject-with icmp-port-unreachable"], "blocked"),
        (["-A INPUT -p tcp -m tcp --dport 9000:9200 -j ACCEPT", "-A INPUT -j DROP"], "passes"),
        (["-A INPUT -p tcp -m multiport --dports 22,9100 -j ACCEPT", "-A INPUT -j DROP"], "passes"),
        (["-A INPUT ! -s 192.0.2.0/24 -j DROP"], "passes"),
        (["-A INPUT ! -s 198.51.100.0/24 -j DROP"], "blocked"),
        (
            ["-A INPUT -i lo -j ACCEPT", "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A INPUT -j DROP"],
            "blocked",
        ),
        (["-A INPUT -m conntrack --ctstate INVALID -j DROP"], "passes"),
        (["-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP"], "passes"),
        (["-A INPUT -p udp -m udp --dport 9100 -j DROP"], "passes"),
        (["-A INPUT -m rt --rt-type 0 -j DROP"], "passes"),
        (["-A INPUT -m mark --mark 0x7 -j DROP"], "perhaps"),
        (["-A INPUT -i eth7 -j ACCEPT", "-A INPUT -j DROP"], "perhaps"),
        (["-A INPUT -m limit --limit 3/min -j LOG", "-A INPUT -p tcp -j OTHER", "-A OTHER -s 192.0.2.1/32 -j RETURN"], "passes"),
        (["-A INPUT -j OTHER", "-A INPUT -j DROP", "-A OTHER -s 192.0.2.0/24 -j ACCEPT"], "passes"),
        (["-A INPUT -g OTHER", "-A INPUT -j DROP", "-A OTHER -p udp -j DROP"], "passes"),
        (["-A INPUT -i eth7 -j OTHER", "-A OTHER -j DROP"], "perhaps"),
        (["-A INPUT -m comment --comment \"a -j DROP of 'none'\" -j ACCEPT", "-A INPUT -j DROP"], "passes"),
    ],
)
def test_rules_of_iptables(rules: list[str], expected: str) -> None:
    """Certain or not."""
    assert fate(by_iptables(*rules)) == expected


def test_a_policy_of_iptables() -> None:
    """For what no rule accepts; the reply to a server has a chain of its own."""
    found = by_iptables("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", policy="DROP")
    assert found is not None
    assert (found.certain, found.dropped_by) == (True, "chain INPUT, policy drop")
    established = "-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"
    assert fate(by_iptables(established, policy="DROP", flow=REPLY)) == "passes"
    assert fate(by_iptables("-A OUTPUT -p tcp -m tcp --sport 22 -j ACCEPT", policy="DROP", flow=REPLY)) == "blocked"
