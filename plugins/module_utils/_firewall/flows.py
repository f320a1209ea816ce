# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a connection in the rules of others. Private to the collection.

Each base chain at a hook decides by itself: an accept in one chain does not override a drop in another one. A condition that
cannot be decided from here (a mark, a rate, an interface) is neither true nor false, and makes what follows uncertain.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import iptables

# True, False, or None where it cannot be decided.
Maybe = t.Optional[bool]


@dataclasses.dataclass(frozen=True)
class Flow:
    """Packets that must pass the host's firewall. An empty address, port or interface can be any."""

    hook: str
    version: int
    protocol: str
    source: str
    destination: str
    source_port: int
    destination_port: int
    in_interface: str
    out_interface: str
    established: bool
    comment: str

    @property
    def state(self) -> str:
        """Return the state of the connection that the packets belong to."""
        return "established" if self.established else "new"

    @property
    def shown(self) -> str:
        """Return the flow, for a person."""
        words = [self.protocol]
        for name, port in (("source port", self.source_port), ("port", self.destination_port)):
            words += [name, str(port)] if port else []
        for name, network in (("from", self.source), ("to", self.destination)):
            words += [name, network.replace("/32", "").replace("/128", "")] if network else []
        return f"{self.comment} ({' '.join(words)})"


def flows(chains: t.Sequence[t.Mapping[str, t.Any]], versions: t.Collection[int]) -> list[Flow]:
    """Return the flows that the *chains* of the module's option let through."""
    return [
        Flow(
            chain["parent"].lower(),
            version,
            rule["protocol"],
            source,
            destination,
            rule["source_port"],
            rule["destination_port"],
            rule["in_interface"],
            rule["out_interface"],
            rule["established"],
            rule["comment"],
        )
        for chain in chains
        if chain["parent"] in ("INPUT", "OUTPUT")
        for rule in chain["rules"]
        if rule["jump"] == "ACCEPT" and "lo" not in (rule["in_interface"], rule["out_interface"])
        for source, destination in iptables.ends(rule)
        for version in versions
        if iptables.of_family(source, destination, version)
    ]


class Step(t.NamedTuple):
    """One rule, as far as a flow is concerned."""

    matches: Maybe
    # accept, drop, return, jump or goto.
    verdict: str
    target: str
    text: str


class Table(t.Protocol):
    """Rules that a flow can be followed through."""

    def steps(self, chain: str, flow: Flow) -> t.Iterable[Step]:
        """Return the rules of a chain that have a verdict."""


@dataclasses.dataclass
class Fate:
    """What becomes of a flow in a chain."""

    # accept, drop, or empty where the flow goes on behind the chain.
    verdict: str = ""
    # Whether that is certain.
    certain: bool = True
    # The first rule that drops the flow, or may drop it.
    blame: str = ""


def follow(table: Table, chain: str, flow: Flow, depth: int = 0) -> Fate:
    """Return what becomes of *flow* in a chain and in the chains that it jumps to."""
    fate = Fate()
    for step in table.steps(chain, flow) if depth < 32 else ():  # noqa: PLR2004 - more than the kernel accepts
        if step.matches is False:
            continue
        found = Fate(step.verdict)
        if step.verdict in ("jump", "goto"):
            found = follow(table, step.target, flow, depth + 1)
        elif step.verdict == "drop":
            found.blame = f"chain {chain}, rule `{step.text}`"
        fate.blame = fate.blame or found.blame
        # A chain that is certainly left without a verdict changes nothing, whether it is entered or not.
        fate.certain = fate.certain and found.certain and (step.matches is True or not found.verdict)
        ends = found.verdict or (step.verdict == "goto" and "return")
        if step.matches is True and ends:
            fate.verdict = "" if ends == "return" else ends
            return fate
        if step.verdict == "goto" and not found.verdict:
            fate.certain = False
    return fate


@dataclasses.dataclass(frozen=True)
class Base:
    """A base chain of others: the table that it is in, and the program that manages the table."""

    where: str
    manager: str
    name: str
    policy: str


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """A base chain that drops flows which our rules let through."""

    base: Base
    # The chain and the rule, or the policy, that drops.
    blame: str
    certain: bool


def look(table: Table, base: Base, flow: Flow) -> Obstacle | None:
    """Return what is in the way of *flow* in a base chain, or None where it passes."""
    fate = follow(table, base.name, flow)
    if not fate.verdict and base.policy == "drop":
        fate.verdict = "drop"
        fate.blame = fate.blame or f"chain {base.name}, policy drop"
    if not fate.blame or (fate.certain and fate.verdict != "drop"):
        return None
    return Obstacle(base, fate.blame, fate.certain)


def within(network: str, other: str) -> Maybe:
    """Return whether every address of *network* (any if empty) lies in the network *other*."""
    mine = ipaddress.ip_network(network or "0.0.0.0/0")
    their = ipaddress.ip_network(other, strict=False)
    if network and mine.version != their.version:
        return False
    if not their.prefixlen:
        return True
    if not network or mine.version != their.version:
        return None
    return within_range(network, str(their[0]), str(their[-1]))


def within_range(network: str, first: str, last: str) -> Maybe:
    """Return whether every address of *network* (any if empty) lies between two addresses."""
    if not network:
        return None
    mine = ipaddress.ip_network(network)
    low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
    if mine.version != low.version:
        return False
    ours = (int(mine[0]), int(mine[-1]))
    theirs = (int(low), int(high))
    if theirs[0] <= ours[0] and ours[1] <= theirs[1]:
        return True
    return False if ours[1] < theirs[0] or theirs[1] < ours[0] else None


def any_of(answers: t.Iterable[Maybe]) -> Maybe:
    """Return whether one of the *answers* is true."""
    found: Maybe = False
    for answer in answers:
        if answer:
            return True
        if answer is None:
            found = None
    return found


def all_of(answers: t.Iterable[Maybe]) -> Maybe:
    """Return whether all *answers* are true."""
    found = any_of(opposite(answer) for answer in answers)
    return opposite(found)


def opposite(answer: Maybe) -> Maybe:
    """Return the opposite; what cannot be decided stays so."""
    return None if answer is None else not answer


def flags_match(flow: Flow, mask: t.Collection[str], value: t.Collection[str]) -> Maybe:
    """Return whether the TCP flags of *flow*, as far as they are in *mask*, are those of *value*."""
    if flow.protocol != "tcp":
        return False
    # The first packet of a connection. Later ones have different flags.
    return None if flow.established else {"syn"} & set(mask) == set(value)
