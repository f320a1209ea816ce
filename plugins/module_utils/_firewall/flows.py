# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows connections through the firewall rules of other programs. Private to the collection.

Each base chain at a hook decides independently: an accept in one chain does not override a drop in another one. A condition that
cannot be evaluated here (a mark, a rate, an interface) is neither true nor false, and makes the result uncertain.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import iptables

# True, False, or None for a condition that cannot be evaluated.
Maybe = t.Optional[bool]


@dataclasses.dataclass(frozen=True)
class Flow:
    """Packets that must pass the firewall of the host. An empty address, port or interface stands for any."""

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
    def description(self) -> str:
        """Return a description of the flow for the operator."""
        words = [self.protocol]
        for name, port in (("source port", self.source_port), ("port", self.destination_port)):
            words += [name, str(port)] if port else []
        for name, network in (("from", self.source), ("to", self.destination)):
            words += [name, network.replace("/32", "").replace("/128", "")] if network else []
        return f"{self.comment} ({' '.join(words)})"


def flows(chains: t.Sequence[t.Mapping[str, t.Any]], versions: t.Collection[int]) -> list[Flow]:
    """Return the flows that *chains*, the option of the module, accept."""
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
        for source, destination in iptables.address_pairs(rule)
        for version in versions
        if iptables.is_of_version(source, destination, version)
    ]


class Step(t.NamedTuple):
    """One rule, evaluated for a flow."""

    matches: Maybe
    # accept, drop, return, jump or goto.
    verdict: str
    target: str
    text: str


class Table(t.Protocol):
    """A table of firewall rules."""

    def steps(self, chain: str, flow: Flow) -> t.Iterable[Step]:
        """Return the rules of *chain* that have a verdict, evaluated for *flow*."""


@dataclasses.dataclass
class Outcome:
    """The verdict of a chain on a flow."""

    # accept, drop, or empty if the flow continues after the chain.
    verdict: str = ""
    # Whether the verdict is certain.
    certain: bool = True
    # The first rule that drops the flow, or can drop the flow.
    dropped_by: str = ""


def follow(table: Table, chain: str, flow: Flow, depth: int = 0) -> Outcome:
    """Return the verdict on *flow* of *chain* and of the chains that *chain* jumps to."""
    outcome = Outcome()
    for step in table.steps(chain, flow) if depth < 32 else ():  # noqa: PLR2004 - more than the kernel accepts
        if step.matches is False:
            continue
        step_outcome = Outcome(step.verdict)
        if step.verdict in ("jump", "goto"):
            step_outcome = follow(table, step.target, flow, depth + 1)
        elif step.verdict == "drop":
            step_outcome.dropped_by = f"chain {chain}, rule `{step.text}`"
        outcome.dropped_by = outcome.dropped_by or step_outcome.dropped_by
        # A chain that certainly ends without a verdict changes nothing, whether the flow enters the chain or not.
        outcome.certain = outcome.certain and step_outcome.certain and (step.matches is True or not step_outcome.verdict)
        ends = step_outcome.verdict or (step.verdict == "goto" and "return")
        if step.matches is True and ends:
            outcome.verdict = "" if ends == "return" else ends
            return outcome
        if step.verdict == "goto" and not step_outcome.verdict:
            outcome.certain = False
    return outcome


@dataclasses.dataclass(frozen=True)
class BaseChain:
    """A base chain of another program."""

    # The firewall program and the table.
    where: str
    # The program that manages the table.
    manager: str
    name: str
    policy: str


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """A base chain that drops flows which the rules of this collection accept."""

    base: BaseChain
    # The chain, and the rule or the policy that drops the flows.
    dropped_by: str
    certain: bool


def find_obstacle(table: Table, base: BaseChain, flow: Flow) -> Obstacle | None:
    """Return the obstacle for *flow* in the base chain *base*, or None if the flow passes."""
    outcome = follow(table, base.name, flow)
    if not outcome.verdict and base.policy == "drop":
        outcome.verdict = "drop"
        outcome.dropped_by = outcome.dropped_by or f"chain {base.name}, policy drop"
    if not outcome.dropped_by or (outcome.certain and outcome.verdict != "drop"):
        return None
    return Obstacle(base, outcome.dropped_by, outcome.certain)


def within(network: str, other: str) -> Maybe:
    """Return whether every address of *network* (empty for any) is in the network *other*."""
    inner = ipaddress.ip_network(network or "0.0.0.0/0")
    outer = ipaddress.ip_network(other, strict=False)
    if network and inner.version != outer.version:
        return False
    if not outer.prefixlen:
        return True
    if not network or inner.version != outer.version:
        return None
    return within_range(network, str(outer[0]), str(outer[-1]))


def within_range(network: str, first: str, last: str) -> Maybe:
    """Return whether every address of *network* (empty for any) is between the addresses *first* and *last*."""
    if not network:
        return None
    inner = ipaddress.ip_network(network)
    low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
    if inner.version != low.version:
        return False
    begin, end = int(inner[0]), int(inner[-1])
    if int(low) <= begin and end <= int(high):
        return True
    return False if end < int(low) or int(high) < begin else None


def any_of(answers: t.Iterable[Maybe]) -> Maybe:
    """Return whether one of the *answers* is true."""
    result: Maybe = False
    for answer in answers:
        if answer:
            return True
        if answer is None:
            result = None
    return result


def all_of(answers: t.Iterable[Maybe]) -> Maybe:
    """Return whether all *answers* are true."""
    result = any_of(opposite(answer) for answer in answers)
    return opposite(result)


def opposite(answer: Maybe) -> Maybe:
    """Return the opposite of *answer*; None stays None."""
    return None if answer is None else not answer


def flags_match(flow: Flow, mask: t.Collection[str], value: t.Collection[str]) -> Maybe:
    """Return whether exactly the TCP flags *value* of the flags *mask* are set in the packets of *flow*."""
    if flow.protocol != "tcp":
        return False
    # The first packet of a connection has the flag SYN only. The flags of later packets vary.
    return None if flow.established else {"syn"} & set(mask) == set(value)
