# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows connections through the rules that ``nft -j list ruleset`` prints. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import flows, nftables
from ansible_collections.vigie.monitoring.plugins.module_utils._firewall.flows import Flow, Maybe, Step
from ansible_collections.vigie.monitoring.plugins.module_utils._firewall.flows_iptables import interface_is, port_within

_VERDICTS = {"accept": "accept", "drop": "drop", "reject": "drop", "return": "return", "jump": "jump", "goto": "goto"}
_VERSIONS = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
# Statements after which the packet continues.
_WITHOUT_CONDITION = {"counter", "log", "mangle", "notrack", "ct helper", "flow", "meta"}
Json = t.Mapping[str, t.Any]


def tables(ruleset: nftables.Objects) -> list[Table]:
    """Return the tables of *ruleset* that filter IP packets."""
    return [Table(ruleset, item["table"]) for item in ruleset if item.get("table", {}).get("family") in _VERSIONS]


class Table:
    """One table of nftables."""

    def __init__(self, ruleset: nftables.Objects, table: Json) -> None:
        """Select the objects of *table* in *ruleset*."""
        self.family, self.name = table["family"], table["name"]
        self._rules: dict[str, list[Json]] = {}
        self._bases: list[Json] = []
        self._sets: dict[str, Json] = {}
        for item in ruleset:
            ((kind, found),) = item.items()
            if (found.get("family"), found.get("table")) != (self.family, self.name):
                continue
            if kind == "rule":
                self._rules.setdefault(found["chain"], []).append(found)
            elif kind in ("set", "map"):
                self._sets[found["name"]] = found
            elif kind == "chain" and found.get("type") == "filter":
                self._bases.append(found)

    def obstacles(self, flow: Flow) -> t.Iterator[flows.Obstacle]:
        """Return the obstacles for *flow* in the base chains of its hook."""
        manager = "firewalld" if self.name == "firewalld" else "nftables"
        for chain in self._bases if flow.version in _VERSIONS[self.family] else ():
            if chain["hook"] == flow.hook:
                where = f"nftables, table {self.family} {self.name}"
                base = flows.BaseChain(where, manager, chain["name"], chain.get("policy", "accept"))
                obstacle = flows.find_obstacle(self, base, flow)
                if obstacle:
                    yield obstacle

    def steps(self, chain: str, flow: Flow) -> t.Iterator[Step]:
        """Return the rules of *chain* that have a verdict, evaluated for *flow*."""
        for rule in self._rules.get(chain, ()):
            conditions: list[Maybe] = []
            for statement in rule["expr"]:
                ((kind, value),) = statement.items()
                if kind in _VERDICTS:
                    target = (value or {}).get("target", "") if kind in ("jump", "goto") else ""
                    yield Step(flows.all_of(conditions), _VERDICTS[kind], target, nftables.rule_text(rule))
                elif kind == "vmap":
                    yield from self._steps_of_map(rule, value, conditions, flow)
                elif kind == "queue":
                    # A program decides about the packet.
                    yield Step(None, "drop", "", nftables.rule_text(rule))
                elif kind == "match":
                    conditions.append(self._match(value, flow))
                elif kind not in _WITHOUT_CONDITION:
                    conditions.append(None)

    def _steps_of_map(self, rule: Json, vmap: Json, conditions: list[Maybe], flow: Flow) -> t.Iterator[Step]:
        data = vmap["data"]
        known = isinstance(data, dict) and "set" in data
        for key, verdict in data["set"] if known else self._sets.get(str(data).lstrip("@"), {}).get("elem", ()):
            ((kind, value),) = verdict.items()
            if kind in _VERDICTS:
                matches = flows.all_of([*conditions, self._equals(vmap["key"], key, flow)])
                yield Step(matches, _VERDICTS[kind], (value or {}).get("target", ""), nftables.rule_text(rule))

    def _match(self, match: Json, flow: Flow) -> Maybe:
        operator, left, right = match["op"], match["left"], match["right"]
        if operator in ("==", "in", "!="):
            equal = self._equals(left, right, flow)
            return flows.opposite(equal) if operator == "!=" else equal
        port = _port(left, flow)
        if port and isinstance(right, int) and operator in ("<", ">", "<=", ">="):
            return {"<": port < right, ">": port > right, "<=": port <= right, ">=": port >= right}[operator]
        return False if port is False else None

    def _equals(self, left: t.Any, right: t.Any, flow: Flow) -> Maybe:
        """Return whether the property *left* of *flow* equals *right*, or one of the elements of *right*."""
        if isinstance(left, dict) and "&" in left:
            return _flags(left["&"], right, flow)
        if isinstance(right, str) and right.startswith("@"):
            named_set = self._sets.get(right[1:], {})
            # Programs can add elements at run time. The listing has only the current elements.
            right = {"set": named_set.get("elem", [])}
        if isinstance(right, dict) and "set" in right:
            return flows.any_of(self._equals(left, item, flow) for item in _listed(right["set"]))
        if isinstance(right, dict) and "elem" in right:
            return self._equals(left, right["elem"]["val"], flow)
        if isinstance(right, list):
            return flows.any_of(self._equals(left, item, flow) for item in right)
        if not isinstance(left, dict) or len(left) != 1:
            return None
        ((kind, key),) = left.items()
        compare = {"payload": _payload, "meta": _meta, "ct": _ct, "fib": _fib}.get(kind)
        return compare(key, right, flow) if compare else None


def _listed(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else [value]


def _payload(key: Json, right: t.Any, flow: Flow) -> Maybe:  # noqa: PLR0911 - a table
    protocol, field = key.get("protocol"), key.get("field")
    if protocol in ("ip", "ip6"):
        if flow.version not in _VERSIONS[protocol]:
            return False
        if field in ("saddr", "daddr"):
            return _address(flow.source if field == "saddr" else flow.destination, right)
        return _protocol(right, flow) if field in ("protocol", "nexthdr") else None
    port = _port({"payload": key}, flow)
    if protocol == "tcp" and field == "flags" and port is not False:
        return _flags([{"payload": key}, list(_FLAGS)], right, flow)
    if not port:
        # The port is of another protocol, or unknown.
        return port if port is False else None
    if isinstance(right, dict) and "range" in right:
        return port_within(port, *right["range"])
    return port == right if isinstance(right, int) else None


def _port(left: Json, flow: Flow) -> t.Any:
    """Return the port of *flow* that *left* stands for: 0 for any, False for another protocol, None if *left* is no port."""
    payload = left.get("payload", {}) if isinstance(left, dict) else {}
    protocol = str(payload.get("protocol", "th"))
    if protocol not in ("th", flow.protocol, "ip", "ip6", "ether"):
        return False
    return {"sport": flow.source_port, "dport": flow.destination_port}.get(str(payload.get("field")))


def _address(network: str, right: t.Any) -> Maybe:
    if isinstance(right, dict) and "range" in right:
        return flows.within_range(network, *right["range"])
    if isinstance(right, dict) and "prefix" in right:
        right = f"{right['prefix']['addr']}/{right['prefix']['len']}"
    try:
        return flows.within(network, right)
    except (TypeError, ValueError):
        return None


def _protocol(right: t.Any, flow: Flow) -> bool:
    return right in (flow.protocol, {"tcp": 6, "udp": 17}[flow.protocol])


def _meta(key: Json, right: t.Any, flow: Flow) -> Maybe:
    name = key["key"]
    if name in ("iifname", "iif", "oifname", "oif"):
        return interface_is(flow.in_interface if name.startswith("i") else flow.out_interface, str(right))
    if name == "l4proto":
        return _protocol(right, flow)
    if name in ("nfproto", "protocol"):
        return right in ({4: ("ipv4", "ip", 2), 6: ("ipv6", "ip6", 10)}[flow.version])
    if name == "pkttype" and flow.hook == "input":
        return right in ("host", "unicast")
    return None


def _ct(key: Json, right: t.Any, flow: Flow) -> Maybe:
    if key["key"] == "state":
        return right == flow.state
    if key["key"] == "status" and right in ("dnat", "snat"):
        # Packets with a translated address pass the chains for forwarded packets.
        return False
    if key["key"] == "direction":
        return right == ("reply" if flow.established else "original")
    return None


def _fib(key: Json, right: t.Any, flow: Flow) -> Maybe:
    if key.get("result") == "type" and key.get("flags") == ["daddr"] and flow.hook == "input":
        return right == "local"
    return None


_FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr")


def _flags(left: t.Any, right: t.Any, flow: Flow) -> Maybe:
    """Return whether the TCP flags of *flow* that the mask in *left* selects equal *right*."""
    tested, mask = left
    if not isinstance(tested, dict) or tested.get("payload", {}).get("field") != "flags":
        return None
    return flows.flags_match(flow, _flag_names(mask), _flag_names(right))


def _flag_names(value: t.Any) -> set[str]:
    if isinstance(value, dict):
        return {name for part in value.values() for name in _flag_names(part)}
    if isinstance(value, list):
        return {name for part in value for name in _flag_names(part)}
    return {str(value)} if value in _FLAGS else set()
