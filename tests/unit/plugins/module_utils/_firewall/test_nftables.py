# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what nft lists, and what is wanted, to one transaction."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import nftables
from plugins.module_utils._firewall.test_iptables import rule


def chain(*rules: dict[str, t.Any], parent: str = "INPUT") -> dict[str, t.Any]:
    """Return a chain as the module has it."""
    return {"name": "VIGIE-INPUT", "parent": parent, "rules": list(rules)}


def shown(*rules: dict[str, t.Any], parent: str = "INPUT", docker: bool = False) -> list[str]:
    """Return the rules of a chain as a diff has them, without the chain."""
    return [
        line.partition(": ")[2]
        for line in nftables.diff_lines(nftables.wanted([chain(*rules, parent=parent)], docker=docker))[1:]
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"source": "192.0.2.7"}, "ip saddr 192.0.2.7 tcp dport 9100 accept"),
        ({"source": "192.0.2.0/24", "in_interface": "eth0"}, "meta iifname eth0 ip saddr 192.0.2.0/24 tcp dport 9100 accept"),
        ({"destination": "2001:db8::1", "jump": "DROP"}, "ip6 daddr 2001:db8::1 tcp dport 9100 drop"),
        ({"source": "0.0.0.0/0", "jump": "REJECT"}, "meta nfproto ipv4 tcp dport 9100 reject with tcp reset"),
        ({"protocol": "udp", "jump": "REJECT"}, "udp dport 9100 reject with icmpx port-unreachable"),
        ({"established": True, "source_port": 5}, "tcp sport 5 tcp dport 9100 ct state established accept"),
        ({"destination_port": 0}, "meta l4proto tcp accept"),
    ],
)
def test_a_rule(changes: dict[str, t.Any], expected: str) -> None:
    """As nft writes it."""
    assert shown(rule(**changes)) == [f'{expected} comment "node on a for b"']


def test_rules_that_do_nothing_here_are_left_out() -> None:
    """Those for closed hosts, of two families at once, and for Docker where there is none."""
    assert nftables.wanted([chain(rule(when_closed=True))], docker=True) == []
    assert shown(rule(source="192.0.2.1", destination="2001:db8::1")) == []
    assert nftables.wanted([chain(rule(), parent="DOCKER-USER")], docker=False) == []


def test_a_published_port_is_that_of_the_host() -> None:
    """Docker has replaced it before this chain sees the packet."""
    (line,) = shown(rule(), parent="DOCKER-USER", docker=True)
    assert line.startswith("meta l4proto tcp ct status dnat ct direction original ct original proto-dst 9100 accept")


def test_a_long_comment_is_cut() -> None:
    """Since nft refuses it."""
    (_table, _chain, found) = nftables.wanted([chain(rule(comment='"ü"' * 100))], docker=False)
    assert len(found["rule"]["comment"].encode()) <= 127
    assert '"' not in found["rule"]["comment"]


WANTED = nftables.wanted([chain(rule())], docker=False)


def listed(objects: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return objects as nft lists them."""
    numbered = [{kind: {**found, "handle": number}} for number, item in enumerate(objects) for kind, found in item.items()]
    return nftables.parse(json.dumps({"nftables": [{"metainfo": {"version": "1"}}, *numbered]}))


def test_nothing_to_do() -> None:
    """Whatever numbers nft gives, and whatever tables others have."""
    others = [{"table": {"family": "inet", "name": "site"}}, {"chain": {"family": "inet", "table": "site", "name": "input"}}]
    assert nftables.transaction(listed([*others, *WANTED]), WANTED) == ""
    assert nftables.transaction(listed(others), []) == ""


@pytest.mark.parametrize("wrong", [[], WANTED[:1], WANTED[:2], [*WANTED, WANTED[2]]])
def test_what_is_wrong_is_replaced_in_one_transaction(wrong: list[dict[str, t.Any]]) -> None:
    """The table goes and comes again."""
    commands = json.loads(nftables.transaction(listed(wrong), WANTED))["nftables"]
    assert [next(iter(command)) for command in commands] == ["add", "delete", "add", "add", "add"]
    assert [command["add"] for command in commands[2:]] == WANTED


def test_a_table_goes() -> None:
    """With all that is in it."""
    commands = json.loads(nftables.transaction(listed(WANTED), []))["nftables"]
    assert commands == [{"add": {"table": nftables.TABLE}}, {"delete": {"table": nftables.TABLE}}]


def test_tables_of_others() -> None:
    """Neither ours, nor those of iptables; a table that is only named like theirs is one."""

    def table(family: str, name: str, base: str) -> list[dict[str, t.Any]]:
        properties = {"family": family, "table": name, "name": base, "type": "filter", "hook": base.lower(), "prio": 0}
        return [{"table": {"family": family, "name": name}}, {"chain": properties}]

    ours = listed(WANTED)
    by_iptables, native, same_name = (
        table("ip", "filter", "INPUT"),
        table("inet", "filter", "input"),
        table("ip6", "filter", "input"),
    )
    assert nftables.foreign_objects([*ours, *by_iptables, *native, *same_name]) == [*native, *same_name]
    assert nftables.filters_input(native)
    assert not nftables.filters_input(table("inet", "x", "forward"))
    assert nftables.has_docker(table("ip", "docker-bridges", "filter-FORWARD"))
