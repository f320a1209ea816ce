# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows connections through the rules that iptables-save prints. Private to the collection."""

from __future__ import annotations

import shlex
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import flows, iptables
from ansible_collections.vigie.monitoring.plugins.module_utils._firewall.flows import Flow, Maybe, Step

_VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return"}
_PROTOCOLS = {"6": "tcp", "17": "udp", "all": "", "0": ""}
# Options that do not affect whether a rule matches.
_WITHOUT_CONDITION = {"-m", "--match", "--comment"}
_FLAGS = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"}


class Table:
    """The table filter of one variant of iptables and one IP version."""

    def __init__(self, chains: t.Mapping[str, iptables.Chain], version: int) -> None:
        """Use *chains*, which `iptables.parse` returned, of the IP *version*."""
        self._chains = chains
        self._version = version

    def steps(self, chain: str, flow: Flow) -> t.Iterator[Step]:
        """Return the rules of *chain* that have a verdict, evaluated for *flow*."""
        for rule in self._chains[chain].rules if chain in self._chains else ():
            parts = shlex.split(rule)[2:]
            position = next((place for place, part in enumerate(parts) if part in ("-j", "-g")), None)
            if position is None:
                continue
            kind, target = parts[position : position + 2]
            verdict = _VERDICTS.get(target, "goto" if kind == "-g" else "jump" if target in self._chains else "")
            if verdict:
                matches = flows.all_of(self._conditions(parts[:position], flow))
                yield Step(matches, verdict, target, " ".join(parts))

    def obstacle(self, flow: Flow, program: str, manager: str) -> flows.Obstacle | None:
        """Return the obstacle for *flow* in its base chain, or None."""
        name = flow.hook.upper()
        if flow.version != self._version or name not in self._chains:
            return None
        base = flows.BaseChain(f"{program}, table filter", manager, name, self._chains[name].policy.lower())
        return flows.find_obstacle(self, base, flow)

    @staticmethod
    def _conditions(parts: list[str], flow: Flow) -> t.Iterator[Maybe]:
        place = 0
        while place < len(parts):
            negated = parts[place] == "!"
            place += negated
            option = parts[place]
            end = place + 1
            while end < len(parts) and parts[end] != "!" and not (parts[end].startswith("-") and len(parts[end]) > 1):
                end += 1
            if option not in _WITHOUT_CONDITION:
                matches = _condition(option, parts[place + 1 : end], flow)
                yield flows.opposite(matches) if negated else matches
            place = end


def _condition(option: str, values: list[str], flow: Flow) -> Maybe:  # noqa: C901, PLR0911 - a table
    value = values[0] if values else ""
    if option in ("-s", "-d"):
        return flows.within(flow.source if option == "-s" else flow.destination, value)
    if option in ("-i", "-o"):
        return interface_is(flow.in_interface if option == "-i" else flow.out_interface, value.replace("+", "*"))
    if option == "-p":
        protocol = _PROTOCOLS.get(value, value)
        return protocol in ("", flow.protocol)
    if option in ("--dport", "--dports", "--sport", "--sports"):
        port = flow.destination_port if option.startswith("--d") else flow.source_port
        return flows.any_of(port_within(port, *_bounds(part)) for part in value.split(","))
    if option in ("--ctstate", "--state"):
        return flow.state.upper() in value.split(",")
    if option == "--tcp-flags":
        mask, wanted = (_FLAGS if names == "ALL" else set(names.split(",")) - {"NONE"} for names in values)
        return flows.flags_match(flow, *({flag.lower() for flag in flags} for flags in (mask, wanted)))
    if option == "--rt-type":
        # The packets of the monitoring have no routing header.
        return False
    if option == "--syn":
        return flows.flags_match(flow, {"fin", "syn", "rst", "ack"}, {"syn"})
    if option == "--dst-type" and flow.hook == "input":
        return "LOCAL" in value.split(",") or (False if value in ("BROADCAST", "MULTICAST", "ANYCAST") else None)
    if option == "--pkt-type" and flow.hook == "input":
        return value == "unicast"
    return None


def _bounds(part: str) -> tuple[int, int]:
    first, colon, last = part.partition(":")
    return int(first or 0), int((last or 65535) if colon else first)


def port_within(port: int, first: int, last: int) -> Maybe:
    """Return whether *port* (0 for any) is between the ports *first* and *last*."""
    return first <= port <= last if port else None


def interface_is(interface: str, pattern: str) -> Maybe:
    """Return whether *interface*, the interface of a flow, matches *pattern*, which can end with an asterisk."""
    if pattern == "*":
        return True
    if pattern == "lo":
        return False
    if not interface:
        return None
    return interface.startswith(pattern[:-1]) if pattern.endswith("*") else interface == pattern
