# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules in force on a host: which programs there are, what is read of them, and with what ours are put in force."""

from __future__ import annotations

import json
import typing as t

import pytest
from firewall_rules import rule

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import host_firewall, iptables, nftables
from ansible_collections.vigie.monitoring.plugins.module_utils._firewall.host_firewall import NFT, HostFirewall

EMPTY = "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
OWN_CHAIN = EMPTY + ":OURS - [0:0]\n-A INPUT -j OURS\n-A OURS -p tcp -m tcp --dport 9100 -j DROP\n"
FILTERING = EMPTY + "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
CHAIN: dict[str, t.Any] = {"name": "OURS", "parent": "INPUT", "rules": [rule(source="192.0.2.1")], "still_refused": []}
IPTABLES = {"iptables": EMPTY, "ip6tables": EMPTY}


def listed(*tables: tuple[str, str], policy: str = "drop") -> str:
    """Return what nft lists of tables, each with a chain for what comes in."""
    found: list[dict[str, t.Any]] = [{"metainfo": {"version": "1"}}]
    for family, name in tables:
        chain = {"family": family, "table": name, "name": "input", "type": "filter", "hook": "input", "prio": 0, "policy": policy}
        found += [{"table": {"family": family, "name": name}}, {"chain": chain}]
    return json.dumps({"nftables": found})


class Programs:
    """Stands in for the module: programs of a host with what each prints."""

    def __init__(self, saved: t.Mapping[str, str], nft: str | None = None, backend: str = "auto", chain: t.Any = None) -> None:
        """Have iptables and its kinds by *saved*, and nft where it lists something."""
        self.saved = dict(saved)
        self.nft = nft
        self.params = {"chains": [chain or CHAIN], "backend": backend}
        self.fails = ""
        self.calls: list[str] = []

    def get_bin_path(self, name: str) -> str | None:
        """Return where a program is."""
        there = (self.nft is not None) if name == "nft" else name.removesuffix("-save").removesuffix("-restore") in self.saved
        return f"/usr/sbin/{name}" if there else None

    def run_command(self, argv: t.Sequence[str], data: str | None = None) -> tuple[int, str, str]:
        """Run a program."""
        name = argv[0].rpartition("/")[2]
        self.calls.append(" ".join([name, *argv[1:]]))
        if self.fails and self.fails in self.calls[-1]:
            return 4, "", "the reason"
        if name.endswith("-restore"):
            return 0, "", ""
        if name == "nft":
            return 0, "" if data else str(self.nft), ""
        return 0, self.saved[name.removesuffix("-save")], ""


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read nothing of the machine that runs the tests: no older kind of iptables has a table, no program is a link."""
    monkeypatch.setattr(host_firewall, "_legacy_filters", lambda _family: False)
    monkeypatch.setattr(host_firewall.os.path, "realpath", lambda path: path)


def host(programs: Programs) -> HostFirewall:
    """Return the firewall of a host."""
    return HostFirewall(t.cast("t.Any", programs))


@pytest.mark.parametrize(
    ("saved", "nft", "asked", "backend"),
    [
        (IPTABLES, None, "auto", "iptables"),
        ({}, listed(), "auto", NFT),
        ({}, None, "auto", ""),
        # Both are there: nftables is taken where somebody filters with it, and nobody with iptables.
        (IPTABLES, listed(), "auto", "iptables"),
        (IPTABLES, listed(("inet", "filter")), "auto", NFT),
        ({**IPTABLES, "iptables": FILTERING}, listed(("inet", "filter")), "auto", "iptables"),
        # Chains of ours are not somebody's rules.
        ({**IPTABLES, "iptables": OWN_CHAIN}, listed(("inet", "filter")), "auto", NFT),
        (IPTABLES, listed(("inet", "vigie")), "auto", "iptables"),
        (IPTABLES, listed(("ip", "docker-bridges")).replace('"hook": "input"', '"hook": "forward"'), "auto", NFT),
        (IPTABLES, listed(("inet", "filter")), "iptables", "iptables"),
        (IPTABLES, listed(), "nftables", NFT),
        (IPTABLES, None, "nftables", ""),
        ({}, listed(), "iptables", ""),
    ],
)
def test_what_the_rules_are_put_in_force_with(saved: dict[str, str], nft: str | None, asked: str, backend: str) -> None:
    """What was asked for, if it is there; otherwise what the host filters with."""
    assert host(Programs(saved, nft, asked)).backend() == backend


def test_the_rules_of_the_other_kind_go() -> None:
    """The program that the host uses has the rules, all others have none."""
    found = host(Programs(IPTABLES, listed()))
    (usual,) = [item for item in found.rule_sets if item.name == "iptables"]
    assert [wanted.rules != [] for wanted in found.wanted(usual, "iptables")] == [True]
    assert [wanted.rules for wanted in found.wanted(usual, NFT)] == [[]]
    assert found.wanted_objects("iptables") == []
    assert {"table": nftables.TABLE} in found.wanted_objects(NFT)


def test_the_older_kind_is_read_only_where_it_has_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """To ask it for a table makes the table."""
    programs = Programs({**IPTABLES, "iptables-legacy": FILTERING})
    assert [item.name for item in host(programs).rule_sets if item.family.version == 4] == ["iptables"]
    assert "legacy" not in str(programs.calls)
    monkeypatch.setattr(host_firewall, "_legacy_filters", lambda family: family.version == 4)
    found = host(programs)
    kinds = [(item.name, item.is_default) for item in found.rule_sets if item.family.version == 4]
    assert kinds == [("iptables", True), ("iptables-legacy", False)]
    assert found.wanted(found.rule_sets[1], "iptables")[0].rules == []


def test_on_a_host_with_the_older_kind_the_newer_one_is_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables can be read without making them."""
    monkeypatch.setattr(host_firewall.os.path, "realpath", lambda path: f"{path}-legacy" if path.endswith("iptables") else path)
    found = host(Programs({**IPTABLES, "iptables-nft": FILTERING, "ip6tables-nft": ""}))
    names = [item.name for item in found.rule_sets if item.family.version == 4]
    assert names == ["iptables", "iptables-nft"]
    assert "ip6tables-nft" not in [item.name for item in found.rule_sets]


def test_a_program_that_fails_is_an_error_with_its_words() -> None:
    """Nothing has changed."""
    programs = Programs(IPTABLES)
    programs.fails = "iptables-save"
    with pytest.raises(iptables.FirewallError, match=r"iptables-save -t filter.*the reason"):
        host(programs)


@pytest.mark.parametrize("said", ["no JSON", None])
def test_rules_of_nftables_that_cannot_be_read_are_a_warning(said: str | None) -> None:
    """The program iptables can be used nevertheless; what blocks is not known, and that is reported."""
    programs = Programs(IPTABLES, said or listed())
    programs.fails = "" if said else "nft -j list"
    found = host(programs)
    assert found.backend() == "iptables"
    (warning,) = found.warnings
    assert ("Expecting value" if said else "the reason") in warning


@pytest.mark.parametrize("backend", ["iptables", NFT])
def test_what_is_in_the_way(backend: str) -> None:
    """A table of others that drops what a rule of ours accepts; rules of the kind that is used come after ours."""
    programs = Programs({**IPTABLES, "iptables": EMPTY + "-A INPUT -j DROP\n"}, listed(("inet", "site")))
    wheres = {obstacle.base.where for obstacle in host(programs).obstacles(backend)}
    usual = {"iptables, table filter"} if backend == NFT else set()
    assert wheres == {"nftables, table inet site"} | usual


def test_rules_of_ufw_are_known_by_their_chains() -> None:
    """The remedy is a command of the program that has them."""
    rules = EMPTY + ":ufw-before-input - [0:0]\n-A INPUT -j DROP\n"
    obstacles = host(Programs({**IPTABLES, "iptables": rules}, listed())).obstacles(NFT)
    assert [obstacle.base.manager for obstacle in obstacles] == ["ufw"]


def test_a_transaction_is_looked_at_afterwards() -> None:
    """A program that takes rules and does not keep them is an error, with what is left to do."""
    programs = Programs(IPTABLES, listed())
    found = host(programs)
    (usual,) = [item for item in found.rule_sets if item.name == "iptables"]
    wanted = found.wanted(usual, "iptables")
    with pytest.raises(iptables.FirewallError, match=r"iptables .*(?s:.*)-A OURS -s 192.0.2.1/32"):
        found.restore(usual, "commands", wanted)
    assert "iptables-restore --wait=30 --noflush" in programs.calls
    programs.saved["iptables"] = EMPTY + ":OURS - [0:0]\n-A INPUT -j OURS\n" + "\n".join(wanted[0].rules) + "\n"
    found.restore(usual, "commands", wanted)
    with pytest.raises(iptables.FirewallError, match=r'nft .*(?s:.*)"table"'):
        found.replace("commands", found.wanted_objects(NFT))
    programs.nft = json.dumps({"nftables": found.wanted_objects(NFT)})
    found.replace("commands", found.wanted_objects(NFT))


def test_a_port_stays_refused_while_its_service_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as a program listens there. The rules that are in force say which ports that are."""
    refusal = (
        '-A OURS -p tcp -m tcp --dport 9100 -m comment --comment "node on a for nobody else" -j REJECT --reject-with tcp-reset'
    )
    saved = {**IPTABLES, "iptables": EMPTY + f":OURS - [0:0]\n-A INPUT -j OURS\n{refusal}\n"}
    chain = {**CHAIN, "rules": [], "still_refused": ["node on a"]}

    def ports(listening: set[tuple[str, int]]) -> list[int]:
        monkeypatch.setattr(host_firewall.still_refused, "listening", lambda _read: listening)
        found = host(Programs(saved, chain=chain))
        (usual,) = [item for item in found.rule_sets if item.name == "iptables"]
        (wanted,) = found.wanted(usual, "iptables")
        return [9100 for line in wanted.rules if "--dport 9100" in line and "REJECT" in line]

    assert ports({("tcp", 9100)}) == [9100]
    assert ports(set()) == []
