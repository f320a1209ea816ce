# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and changes the rules of all firewall programs of this host. Private to the collection."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import (
    flows,
    flows_iptables,
    flows_nftables,
    iptables,
    nftables,
    still_refused,
)
from ansible_collections.vigie.monitoring.plugins.module_utils._firewall.obstacles import BlockedFlows, group_by_obstacle

NFT = "nftables"


@dataclasses.dataclass
class RuleSet:
    """The table filter of one variant of iptables and one IP family."""

    # The program: iptables, ip6tables, or the other variant, for example iptables-legacy.
    name: str
    family: iptables.Family
    chains: dict[str, iptables.Chain]

    @property
    def is_default(self) -> bool:
        """Return whether the host uses this variant of iptables."""
        return self.name == self.family.name


class HostFirewall:
    """The firewall of this host."""

    def __init__(self, module: AnsibleModule) -> None:
        """Read the rules in force."""
        self._module = module
        self._chains: list[dict[str, t.Any]] = module.params["chains"]
        self.warnings: list[str] = []
        # A host without IPv6 has no ip6tables rules.
        families = [f for f in iptables.FAMILIES if f.version == 4 or os.path.exists("/proc/net/if_inet6")]  # noqa: PLR2004
        self.rule_sets = [rule_set for family in families for rule_set in self._rule_sets(family)]
        self.ruleset = self._read_nftables()
        self._others = nftables.foreign_objects(self.ruleset or [])
        self._versions = [family.version for family in families]
        self._chains = [{**chain, "rules": chain["rules"] + self._kept_refusals(chain)} for chain in self._chains]

    def _kept_refusals(self, chain: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
        """Return the rules that refuse the ports of services that still run, although no rule of *chain* is about the ports."""
        if not chain["still_refused"]:
            return []
        lines = [
            line
            for rule_set in self.rule_sets
            if chain["name"] in rule_set.chains
            for line in rule_set.chains[chain["name"]].rules
        ]
        native = [item["rule"] for item in nftables.in_force(self.ruleset or []) if "rule" in item]
        refusals = [
            *still_refused.refusals_in_iptables(lines),
            *still_refused.refusals_in_nftables(rule for rule in native if rule["chain"] == chain["name"]),
        ]
        return still_refused.kept_refusals(chain, refusals)

    def _program(self, name: str) -> str:
        """Return the path of a program. The PATH of the user may lack the directories of system programs."""
        return str(self._module.get_bin_path(name) or "")

    def _run(self, program: str, *arguments: str, data: str | None = None) -> str:
        """Run a command and return what it prints.

        :raises FirewallError: if the command fails.
        """
        code, out, err = self._module.run_command([self._program(program) or program, *arguments], data=data)
        if code:
            command = " ".join([program, *arguments])
            raise iptables.FirewallError(f"{command} failed and changed no rule: {(err or out).strip()}")
        return str(out)

    def _rule_sets(self, family: iptables.Family) -> t.Iterator[RuleSet]:
        program = self._program(family.name)
        if not program:
            return
        yield RuleSet(family.name, family, self._read(family.name))
        other = f"{family.name}-{'nft' if 'legacy' in os.path.realpath(program) else 'legacy'}"
        # iptables-legacy-save creates a missing table.
        if self._program(f"{other}-save") and (other.endswith("nft") or _legacy_filters(family)):
            chains = self._read(other)
            if chains:
                yield RuleSet(other, family, chains)

    def _read(self, name: str) -> dict[str, iptables.Chain]:
        return iptables.parse(self._run(f"{name}-save", "-t", "filter"))

    def _read_nftables(self) -> nftables.Objects | None:
        if not self._program("nft"):
            return None
        try:
            return nftables.parse(self._run("nft", "-j", "list", "ruleset"))
        except (iptables.FirewallError, ValueError) as error:
            self.warnings.append(
                f"The nftables rules cannot be read, so the connections that these rules block are not known: {error}"
            )
            return None

    def backend(self) -> str:
        """Return the firewall program to use (iptables or nftables), or an empty string if the host has none."""
        chosen = self._module.params["backend"]
        usable = {"iptables": any(rule_set.is_default for rule_set in self.rule_sets), NFT: self.ruleset is not None}
        if chosen != "auto":
            return chosen if usable[chosen] else ""
        names = {chain["name"] for chain in self._chains}
        by_iptables = any(
            iptables.filters_input(iptables.without_chains(rule_set.chains, names))
            for rule_set in self.rule_sets
            if rule_set.is_default
        )
        native = nftables.filters_input(self._others) or nftables.has_docker(self._others)
        if usable[NFT] and (not usable["iptables"] or (native and not by_iptables)):
            return NFT
        return "iptables" if usable["iptables"] else ""

    def wanted(self, rule_set: RuleSet, backend: str) -> list[iptables.Wanted]:
        """Return the wanted chains of one variant of iptables, which are empty if *backend* is not this variant."""
        if backend == "iptables" and rule_set.is_default:
            return [iptables.wanted(rule_set.chains, chain, rule_set.family) for chain in self._chains]
        return [iptables.Wanted(chain["name"], chain["parent"], []) for chain in self._chains]

    def wanted_objects(self, backend: str) -> nftables.Objects:
        """Return the wanted table of nftables, which is empty if *backend* is not nftables."""
        docker = any(iptables.DOCKER in rule_set.chains for rule_set in self.rule_sets) or nftables.has_docker(self._others)
        return nftables.wanted(self._chains, docker=docker) if backend == NFT else []

    def obstacles(self, backend: str) -> BlockedFlows:
        """Return the obstacles in the rules of other programs for the connections that the chains accept."""
        names = {chain["name"] for chain in self._chains}
        kinds = [
            (rule_set.name, rule_set.family.version, iptables.without_chains(rule_set.chains, names))
            for rule_set in self.rule_sets
            if backend == NFT or not rule_set.is_default
        ]
        tables = flows_nftables.tables(self._others)
        blocked: list[tuple[flows.Flow, flows.Obstacle]] = []
        for flow in flows.flows(self._chains, self._versions):
            for name, version, chains in kinds:
                manager = "ufw" if any(chain.startswith("ufw") for chain in chains) else name
                obstacle = flows_iptables.Table(chains, version).obstacle(flow, name, manager)
                if obstacle:
                    blocked.append((flow, obstacle))
            for table in tables:
                blocked += [(flow, obstacle) for obstacle in table.obstacles(flow)]
        return group_by_obstacle(blocked)

    def restore(self, rule_set: RuleSet, commands: str, wanted: list[iptables.Wanted]) -> None:
        """Run a transaction of iptables and compare the result with the wanted chains."""
        self._run(f"{rule_set.name}-restore", "--wait=30", "--noflush", data=commands)
        remaining = iptables.transaction(self._read(rule_set.name), wanted)
        if remaining:
            raise _different_rules(rule_set.name, remaining)

    def replace(self, commands: str, wanted: nftables.Objects) -> None:
        """Run a transaction of nftables and compare the result with the wanted table."""
        self._run("nft", "-j", "-f", "-", data=commands)
        remaining = nftables.transaction(self._read_nftables() or [], wanted)
        if remaining:
            raise _different_rules("nft", remaining)


def _different_rules(program: str, remaining: str) -> iptables.FirewallError:
    return iptables.FirewallError(
        f"{program} accepted the rules, but lists different rules. Another program may have changed the rules at the same time: "
        f"run again. These commands would still be needed:\n{remaining}"
    )


def _legacy_filters(family: iptables.Family) -> bool:
    """Return whether iptables-legacy has a table filter."""
    with contextlib.suppress(OSError), open(f"/proc/net/{family.name[:-6]}_tables_names", encoding="utf-8") as file:
        return "filter" in file.read().split()
    return False
