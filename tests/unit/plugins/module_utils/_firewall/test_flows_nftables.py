# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a connection in the rules that nft lists."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from firewall_rules import FLOW, REPLY, fate

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import (
    flows,
    flows_nftables,
)


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
