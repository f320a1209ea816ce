# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a connection in the rules of others, and what the operator is told."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from firewall_rules import rule

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import (
    flows,
    flows_iptables,
    flows_nftables,
    iptables,
    obstacles,
)

FLOW = flows.Flow("input", 4, "tcp", "192.0.2.1/32", "", 0, 9100, "", "", established=False, comment="node on a for b")
REPLY = flows.Flow("output", 4, "tcp", "", "192.0.2.1/32", 9100, 0, "", "", established=True, comment="node on a for b")


def by_iptables(*rules: str, policy: str = "ACCEPT", flow: flows.Flow = FLOW) -> flows.Obstacle | None:
    """Return what is in the way in a table that has these rules."""
    names = {rule.split()[1] for rule in rules} - {"INPUT", "OUTPUT"}
    saved = [f":INPUT {policy} [0:0]", f":OUTPUT {policy} [0:0]", *(f":{name} - [0:0]" for name in names), *rules]
    return flows_iptables.Table(iptables.parse("\n".join(saved)), 4).obstacle(flow, "iptables-legacy", "iptables-legacy")


def fate(obstacle: flows.Obstacle | None) -> str:
    """Return whether something is in the way."""
    return "passes" if obstacle is None else "blocked" if obstacle.certain else "perhaps"


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
    assert (found.certain, found.blame) == (True, "chain INPUT, policy drop")
    established = "-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"
    assert fate(by_iptables(established, policy="DROP", flow=REPLY)) == "passes"
    assert fate(by_iptables("-A OUTPUT -p tcp -m tcp --sport 22 -j ACCEPT", policy="DROP", flow=REPLY)) == "blocked"


def match(left: dict[str, t.Any], right: t.Any, operator: str = "==") -> dict[str, t.Any]:
    """Return a condition as nft lists it."""
    return {"match": {"op": operator, "left": left, "right": right}}


def payload(protocol: str, field: str) -> dict[str, t.Any]:
    """Return what a condition is about."""
    return {"payload": {"protocol": protocol, "field": field}}


STATE, MARK, IIF = {"ct": {"key": "state"}}, {"meta": {"key": "mark"}}, {"meta": {"key": "iifname"}}
SADDR, DPORT = payload("ip", "saddr"), payload("tcp", "dport")
ACCEPT, DROP = {"accept": None}, {"drop": None}
STATES = {"vmap": {"key": STATE, "data": {"set": [["established", ACCEPT], ["invalid", DROP]]}}}


def by_nftables(*rules: list[dict[str, t.Any]], policy: str = "accept", flow: flows.Flow = FLOW) -> list[flows.Obstacle]:
    """Return what is in the way in a table that has these rules, and a chain and a set beside."""
    names = {"family": "inet", "table": "site"}
    ruleset: list[dict[str, t.Any]] = [
        {"table": {"family": "inet", "name": "site"}},
        {"set": {**names, "name": "trusted", "elem": [{"prefix": {"addr": "192.0.2.0", "len": 24}}]}},
        {"chain": {**names, "name": "input", "type": "filter", "hook": flow.hook, "prio": 0, "policy": policy}},
        {"chain": {**names, "name": "scraped"}},
        {"rule": {**names, "chain": "scraped", "expr": [match(SADDR, "@trusted"), match(DPORT, {"set": [9100]}), ACCEPT]}},
        *({"rule": {**names, "chain": "input", "expr": list(expression)}} for expression in rules),
    ]
    return [found for table in flows_nftables.tables(ruleset) for found in table.obstacles(flow)]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], ["blocked"]),
        ([[STATES], [match(IIF, "lo"), ACCEPT]], ["blocked"]),
        ([[{"jump": {"target": "scraped"}}]], []),
        ([[match(SADDR, "@trusted", "!="), ACCEPT]], ["blocked"]),
        ([[match(DPORT, {"range": [9000, 9200]}), {"counter": {"packets": 0}}, ACCEPT]], []),
        ([[match(DPORT, 9000, ">"), ACCEPT]], []),
        ([[match({"meta": {"key": "l4proto"}}, {"set": ["icmp", "tcp"]}), ACCEPT]], []),
        ([[match(payload("ip6", "saddr"), "2001:db8::1"), ACCEPT]], ["blocked"]),
        ([[match(payload("udp", "dport"), 9100), ACCEPT]], ["blocked"]),
        ([[match(SADDR, {"range": ["192.0.2.0", "192.0.2.9"]}), ACCEPT]], []),
        ([[match(MARK, 7), ACCEPT]], ["perhaps"]),
        ([[{"limit": {"rate": 5}}, ACCEPT]], ["perhaps"]),
        ([[match(IIF, "eth7"), {"goto": {"target": "scraped"}}]], ["perhaps"]),
        ([[{"xt": {"type": "match", "name": "string"}}, ACCEPT]], ["perhaps"]),
        ([[match({"fib": {"result": "type", "flags": ["daddr"]}}, "local"), ACCEPT]], []),
        ([[match({"&": [payload("tcp", "flags"), ["fin", "syn", "rst", "ack"]]}, "syn", "!="), DROP], [ACCEPT]], []),
    ],
)
def test_rules_of_nftables(rules: list[list[dict[str, t.Any]]], expected: list[str]) -> None:
    """In front of a policy that drops."""
    assert [fate(found) for found in by_nftables(*rules, policy="drop")] == expected


def test_of_each_family_its_own_rules() -> None:
    """A reply is established."""
    flow = dataclasses.replace(FLOW, version=6, source="2001:db8::1/128")
    assert by_nftables([match(payload("ip6", "saddr"), "2001:db8::1"), ACCEPT], policy="drop", flow=flow) == []
    assert fate(by_nftables([match(SADDR, "192.0.2.1"), ACCEPT], policy="drop", flow=flow)[0]) == "blocked"
    assert by_nftables([STATES], policy="drop", flow=REPLY) == []


def test_what_the_rules_of_a_chain_let_through() -> None:
    """Each family and each source by itself; neither what is refused, nor the host itself."""
    usual = rule()
    rules = [
        {**usual, "source": "192.0.2.1"},
        {**usual, "in_interface": "lo"},
        {**usual, "jump": "REJECT"},
        {**usual, "source": "::/0"},
    ]
    chains = [{"parent": "INPUT", "rules": rules}, {"parent": "DOCKER-USER", "rules": rules}]
    assert [(flow.version, flow.source) for flow in flows.flows(chains, [4, 6])] == [(4, "192.0.2.1/32"), (6, "::/0")]


@pytest.mark.parametrize(
    ("manager", "where", "flow", "command"),
    [
        (
            "nftables",
            "nftables, table inet site",
            FLOW,
            "nft insert rule inet site input ip saddr 192.0.2.1 tcp dport 9100 accept. Do the same in the file",
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
            "iptables-legacy -I input -p tcp -s 192.0.2.1 --dport 9100 -j ACCEPT. Rules of iptables-legacy that are left over",
        ),
    ],
)
def test_the_operator_is_told_what_to_do(manager: str, where: str, flow: flows.Flow, command: str) -> None:
    """In the words of the program that has the rules; host, port and peer by name."""
    obstacle = flows.Obstacle(flows.Base(where, manager, "input", "drop"), "chain input, policy drop", certain=True)
    (text,) = obstacles.described({obstacle: [flow]}, certain=True)
    assert text.startswith(f"{where}, chain input, policy drop, blocks: node on a for b (tcp ")
    assert f"for instance: {command}" in text or command in text
    assert obstacles.described({obstacle: [flow]}, certain=False) == []


def test_a_message_names_some_connections_and_counts_the_others() -> None:
    """A server has thousands."""
    obstacle = flows.Obstacle(flows.Base("nftables, table inet site", "nftables", "input", "drop"), "x", certain=False)
    grouped = obstacles.group((dataclasses.replace(FLOW, destination_port=port), obstacle) for port in range(1, 10))
    (text,) = obstacles.described(grouped, certain=False)
    assert text.count("node on a for b") == 5
    assert "can block: " in text
    assert "; and 4 more. " in text
