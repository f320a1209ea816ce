# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces whole chains of iptables. Private to the collection.

The wanted rules are written in the format of iptables-save, and compared with the output of iptables-save. One transaction of
iptables-restore makes all changes.
"""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import shlex
import socket
import typing as t

# The limit of the kernel module xt_comment, with the final zero byte.
_COMMENT_BYTES = 255
# The chain for rules of the operator. Docker sends forwarded packets through this chain first, and keeps its rules.
DOCKER = "DOCKER-USER"


class FirewallError(Exception):
    """The firewall rules cannot be applied. The text is for the operator."""


class Family(t.NamedTuple):
    """One of the two IP families, each with its own rules."""

    name: str
    version: int
    port_unreachable: str


FAMILIES = (Family("iptables", 4, "icmp-port-unreachable"), Family("ip6tables", 6, "icmp6-port-unreachable"))


@dataclasses.dataclass
class Chain:
    """A chain in the output of iptables-save. A user-defined chain has the policy ``-``, and each rule starts with ``-A``."""

    policy: str
    rules: list[str] = dataclasses.field(default_factory=list)


def parse(saved: str) -> dict[str, Chain]:
    """Return the chains in *saved*, the output of ``iptables-save -t filter``."""
    chains: dict[str, Chain] = {}
    for line in saved.splitlines():
        if line.startswith(":"):
            name, policy = line[1:].split()[:2]
            chains[name] = Chain(policy)
        elif line.startswith("-A "):
            chains[line.split()[1]].rules.append(line)
    return chains


def is_closed(chain: Chain | None) -> bool:
    """Return whether a built-in chain drops or rejects packets by default."""
    if chain is None:
        return False
    return chain.policy not in ("ACCEPT", "-") or any(
        shlex.split(rule)[2:4] in (["-j", "DROP"], ["-j", "REJECT"]) for rule in chain.rules
    )


def filters_input(chains: t.Mapping[str, Chain]) -> bool:
    """Return whether INPUT has rules, or another policy than ACCEPT."""
    return "INPUT" in chains and (chains["INPUT"].policy != "ACCEPT" or bool(chains["INPUT"].rules))


def resolve(name: str, rule: t.Mapping[str, t.Any]) -> list[str]:
    """Return the networks of *name*, sorted: an address or a network itself, or all addresses of a host name.

    :raises FirewallError: if the name does not resolve.
    """
    try:
        return [str(ipaddress.ip_network(name, strict=False))]
    except ValueError:
        pass
    try:
        return _addresses(name)
    except OSError as error:
        raise FirewallError(
            f"Rule {rule['comment']!r}: the name {name} does not resolve on this host ({error}). Nothing has changed. "
            "Set monitoring_address of the host with this name to an IP address, or make the name resolvable on this host."
        ) from error


@functools.cache
def _addresses(name: str) -> list[str]:
    """Resolve *name* once, because a server has a rule for each port of a host and each IP family."""
    answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    addresses = {str(address[0]).partition("%")[0] for *_rest, address in answers}
    return sorted(map(str, map(ipaddress.ip_network, addresses)))


def _quoted(text: str) -> str:
    encoded = text.encode()[:_COMMENT_BYTES].decode(errors="ignore")
    return '"' + encoded.replace("\\", "\\\\").replace('"', '\\"') + '"'


def address_pairs(rule: t.Mapping[str, t.Any]) -> list[tuple[str, str]]:
    """Return the pairs of networks (source, destination) that a rule matches; an empty string stands for any."""
    sources, destinations = (resolve(rule[end], rule) if rule[end] else [""] for end in ("source", "destination"))
    return [(source, destination) for source in sources for destination in destinations]


@dataclasses.dataclass
class Wanted:
    """A wanted chain. The *parent* jumps to the chain first. A chain without rules is removed, with its jump."""

    name: str
    parent: str
    rules: list[str]


def _line(wanted: Wanted, rule: t.Mapping[str, t.Any], source: str, destination: str, family: Family) -> str:
    """Return one rule, with its options in the order of iptables-save."""
    parts = ["-A", wanted.name]
    for option, value in (("-s", source), ("-d", destination)):
        # iptables-save leaves out networks of all addresses.
        if value and not value.endswith("/0"):
            parts += [option, value]
    for option, value in (("-i", rule["in_interface"]), ("-o", rule["out_interface"])):
        if value:
            parts += [option, value]
    protocol = rule["protocol"]
    parts += ["-p", protocol]
    if wanted.parent == DOCKER:
        # Docker has replaced the destination before this chain. The rule must not match other connections of containers.
        parts += ["-m", "conntrack", "--ctstate", "DNAT", "--ctorigdstport", str(rule["destination_port"]), "--ctdir", "ORIGINAL"]
    else:
        parts += ["-m", protocol]
        for option, value in (("--sport", rule["source_port"]), ("--dport", rule["destination_port"])):
            if value:
                parts += [option, str(value)]
    if rule["established"]:
        parts += ["-m", "conntrack", "--ctstate", "ESTABLISHED"]
    parts += ["-m", "comment", "--comment", _quoted(rule["comment"]), "-j", rule["jump"]]
    if rule["jump"] == "REJECT":
        parts += ["--reject-with", "tcp-reset" if protocol == "tcp" else family.port_unreachable]
    return " ".join(parts)


def is_of_version(source: str, destination: str, version: int) -> bool:
    """Return whether both networks (empty for any) are of the IP *version*."""
    return all(ipaddress.ip_network(network).version == version for network in (source, destination) if network)


def wanted(chains: t.Mapping[str, Chain], chain: t.Mapping[str, t.Any], family: Family) -> Wanted:
    """Return the wanted chain for one IP family: each rule once for each pair of addresses of this family.

    A chain for Docker is empty on a host without Docker.

    :param chains: the chains in force.
    """
    result = Wanted(chain["name"], chain["parent"], [])
    if chain["parent"] == DOCKER and DOCKER not in chains:
        return result
    closed = is_closed(chains.get(chain["parent"]))
    lines = [
        _line(result, rule, source, destination, family)
        for rule in chain["rules"]
        if closed or not rule["when_closed"]
        for source, destination in address_pairs(rule)
        if is_of_version(source, destination, family.version)
    ]
    result.rules = list(dict.fromkeys(lines))
    return result


def _is_same_rule(left: str, right: str) -> bool:
    """Return whether two rules are equal, whichever words are in quotes. iptables-save uses quotes only if needed."""
    return shlex.split(left) == shlex.split(right)


def _jumps(chains: t.Mapping[str, Chain], wanted: Wanted) -> list[tuple[int, str]]:
    """Return (position, rule) of each jump from the parent to the chain. Positions start at 1."""
    rules = chains[wanted.parent].rules if wanted.parent in chains else []
    return [(position, rule) for position, rule in enumerate(rules, 1) if _jumps_to(rule, (wanted.name,))]


def _jumps_to(rule: str, names: t.Collection[str]) -> bool:
    parts = shlex.split(rule)
    return any(option in ("-j", "-g") and name in names for option, name in zip(parts, parts[1:]))


def in_force(chains: t.Mapping[str, Chain], wanted: Wanted) -> bool:
    """Return whether the chain in force equals the wanted chain."""
    jumps = _jumps(chains, wanted)
    if not wanted.rules:
        return wanted.name not in chains and not jumps
    rules = chains[wanted.name].rules if wanted.name in chains else []
    return (
        [position for position, _rule in jumps] == [1]
        and _is_same_rule(jumps[0][1], _jump(wanted))
        and len(rules) == len(wanted.rules)
        and all(map(_is_same_rule, rules, wanted.rules))
    )


def _jump(wanted: Wanted) -> str:
    return f"-A {wanted.parent} -j {wanted.name}"


def transaction(chains: t.Mapping[str, Chain], all_wanted: t.Sequence[Wanted]) -> str:
    """Return the input for ``iptables-restore --noflush`` that changes *chains* to the wanted chains; empty for no changes."""
    pending = [wanted for wanted in all_wanted if not in_force(chains, wanted)]
    if not pending:
        return ""
    commands = ["*filter", *(f":{wanted.name} - [0:0]" for wanted in pending)]
    for wanted in pending:
        commands += wanted.rules
        commands += [f"-D{rule[2:]}" for _position, rule in _jumps(chains, wanted)]
        commands.append(f"-I {wanted.parent} 1 -j {wanted.name}" if wanted.rules else f"-X {wanted.name}")
    return "\n".join([*commands, "COMMIT", ""])


def diff_before(chains: t.Mapping[str, Chain], all_wanted: t.Sequence[Wanted]) -> list[str]:
    """Return the rules in force of the wanted chains, for a diff."""
    return [
        line
        for wanted in all_wanted
        for line in (
            *(f"{rule} (position {position})" for position, rule in _jumps(chains, wanted)),
            *(" ".join(map(_requoted, shlex.split(rule))) for rule in getattr(chains.get(wanted.name), "rules", [])),
        )
    ]


def diff_after(all_wanted: t.Sequence[Wanted]) -> list[str]:
    """Return the rules of the wanted chains, for a diff."""
    return [
        line
        for wanted in all_wanted
        if wanted.rules
        for line in (f"{_jump(wanted)} (position 1)", *(" ".join(map(_requoted, shlex.split(rule))) for rule in wanted.rules))
    ]


def _requoted(part: str) -> str:
    return _quoted(part) if " " in part else part


def fragment(all_wanted: t.Sequence[Wanted]) -> str:
    """Return the text from which `persistence.PROGRAM` restores the chains at the next start; empty for no chains."""
    kept = [wanted for wanted in all_wanted if wanted.rules]
    lines = [f"# jump {wanted.parent} {wanted.name}" for wanted in kept]
    lines += [f":{wanted.name} - [0:0]" for wanted in kept]
    lines += [rule for wanted in kept for rule in wanted.rules]
    return "".join(f"{line}\n" for line in lines)


def without_chains(chains: t.Mapping[str, Chain], names: t.Collection[str]) -> dict[str, Chain]:
    """Return *chains* without the chains *names* and without the jumps to these chains."""
    return {
        name: Chain(chain.policy, [rule for rule in chain.rules if not _jumps_to(rule, names)])
        for name, chain in chains.items()
        if name not in names
    }
