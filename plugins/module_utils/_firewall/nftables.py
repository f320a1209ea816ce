# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces a whole table of nftables. Private to the collection.

The wanted table is written in the format of ``nft -j list ruleset``, so that it can be compared with the table in force.
"""

from __future__ import annotations

import ipaddress
import json
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import iptables

Objects = list[dict[str, t.Any]]
TABLE = {"family": "inet", "name": "vigie"}
# Before the chains of iptables (0), of firewalld (10), and of other programs with the standard priorities.
PRIORITY = -100
HOOKS = {"INPUT": "input", "OUTPUT": "output", "FORWARD": "forward", iptables.DOCKER: "forward"}
# The longest comment that nft accepts, in bytes, with the final zero byte.
_COMMENT_BYTES = 128
# The table of Docker, if Docker uses nftables instead of iptables.
_DOCKER_TABLE = "docker-bridges"


def parse(listed: str) -> Objects:
    """Return the objects that ``nft -j list ruleset`` prints, each as ``{kind: properties}``."""
    return [item for item in json.loads(listed)["nftables"] if "metainfo" not in item]


def _is_ours(item: dict[str, t.Any]) -> bool:
    ((kind, found),) = item.items()
    return found.get("family") == TABLE["family"] and found.get("name" if kind == "table" else "table") == TABLE["name"]


def foreign_objects(ruleset: Objects) -> Objects:
    """Return the objects that are neither in our table nor in a table that iptables-nft manages.

    The program iptables-nft-save shows its own tables with all details. ``nft`` does not.
    """
    managed = {
        (chain["family"], chain["table"])
        for chain in _all(ruleset, "chain")
        if chain["family"] in ("ip", "ip6")
        and chain["table"] in ("filter", "nat", "mangle", "raw", "security")
        and chain.get("hook", "").upper() == chain["name"]
    }
    return [
        item
        for item in ruleset
        for kind, found in item.items()
        if not _is_ours(item) and (found.get("family"), found["name"] if kind == "table" else found.get("table")) not in managed
    ]


def _all(ruleset: Objects, kind: str) -> list[dict[str, t.Any]]:
    return [item[kind] for item in ruleset if kind in item]


def filters_input(others: Objects) -> bool:
    """Return whether a table of another program filters incoming packets."""
    return any(chain.get("hook") == "input" and chain.get("type") == "filter" for chain in _all(others, "chain"))


def has_docker(others: Objects) -> bool:
    """Return whether Docker manages its rules with nftables."""
    return any(table["name"] == _DOCKER_TABLE for table in _all(others, "table"))


def wanted(chains: t.Sequence[t.Mapping[str, t.Any]], *, docker: bool) -> Objects:
    """Return the objects of the table for *chains*; an empty list if no chain has a rule.

    Rules with ``when_closed`` are left out, because an accept in one table does not override a drop in another one.

    :param docker: whether the host has Docker. On a host without Docker, the chains for Docker are left out.
    """
    objects: Objects = []
    for chain in chains:
        rules = [
            {"family": TABLE["family"], "table": TABLE["name"], "chain": chain["name"], "expr": expression, "comment": comment}
            for rule in chain["rules"]
            if not rule["when_closed"] and (docker or chain["parent"] != iptables.DOCKER)
            for expression, comment in _expressions(rule, translated=chain["parent"] == iptables.DOCKER)
        ]
        if rules:
            base = {"type": "filter", "hook": HOOKS[chain["parent"]], "prio": PRIORITY, "policy": "accept"}
            objects.append({"chain": {"family": TABLE["family"], "table": TABLE["name"], "name": chain["name"], **base}})
            objects += [{"rule": rule} for rule in rules]
    return [{"table": TABLE}, *objects] if objects else []


def _match(left: t.Mapping[str, t.Any], right: t.Any, operator: str = "==") -> dict[str, t.Any]:
    return {"match": {"op": operator, "left": left, "right": right}}


def _expressions(rule: t.Mapping[str, t.Any], *, translated: bool) -> t.Iterator[tuple[Objects, str]]:
    """Yield (statements, comment) of one rule for each pair of addresses.

    :param translated: whether the rule is about packets whose destination was replaced, for example by Docker.
    """
    comment = rule["comment"].replace('"', "'").encode()[: _COMMENT_BYTES - 1].decode(errors="ignore")
    protocol = rule["protocol"]
    interfaces = [
        _match({"meta": {"key": key}}, rule[option])
        for key, option in (("iifname", "in_interface"), ("oifname", "out_interface"))
        if rule[option]
    ]
    ports: Objects = [
        _match({"payload": {"protocol": protocol, "field": field}}, rule[option])
        for field, option in (("sport", "source_port"), ("dport", "destination_port"))
        if rule[option] and not (translated and option == "destination_port")
    ]
    if translated:
        ports += [
            _match({"meta": {"key": "l4proto"}}, protocol),
            _match({"ct": {"key": "status"}}, "dnat", "in"),
            _match({"ct": {"key": "direction"}}, "original"),
        ]
        if rule["destination_port"]:
            ports.append(_match({"ct": {"key": "proto-dst", "dir": "original"}}, rule["destination_port"]))
    elif not ports:
        ports = [_match({"meta": {"key": "l4proto"}}, protocol)]
    states = [_match({"ct": {"key": "state"}}, "established", "in")] if rule["established"] else []
    verdict: dict[str, t.Any] = {rule["jump"].lower(): None}
    if rule["jump"] == "REJECT":
        verdict = {"reject": {"type": "tcp reset"} if protocol == "tcp" else {"type": "icmpx", "expr": "port-unreachable"}}
    for source, destination in iptables.address_pairs(rule):
        if source and destination and ipaddress.ip_network(source).version != ipaddress.ip_network(destination).version:
            continue
        addresses = [*_address("saddr", source), *_address("daddr", destination)]
        yield [*interfaces, *addresses, *ports, *states, verdict], comment


def _address(field: str, network: str) -> Objects:
    if not network:
        return []
    parsed = ipaddress.ip_network(network)
    if not parsed.prefixlen:
        return [_match({"meta": {"key": "nfproto"}}, f"ipv{parsed.version}")]
    whole = parsed.prefixlen == parsed.max_prefixlen
    right = str(parsed.network_address) if whole else {"prefix": {"addr": str(parsed.network_address), "len": parsed.prefixlen}}
    return [_match({"payload": {"protocol": "ip" if parsed.version == 4 else "ip6", "field": field}}, right)]  # noqa: PLR2004


def _comparable(objects: Objects) -> tuple[list[t.Any], list[t.Any]]:
    """Return the chains, and the rules in their order, without handles, which differ between listings."""
    chains, rules = (
        [{key: value for key, value in found.items() if key != "handle"} for found in _all(objects, kind)]
        for kind in ("chain", "rule")
    )
    return sorted(chains, key=lambda chain: str(chain["name"])), sorted(rules, key=lambda rule: str(rule["chain"]))


def in_force(ruleset: Objects) -> Objects:
    """Return the objects of our table."""
    return [item for item in ruleset if _is_ours(item)]


def transaction(ruleset: Objects, objects: Objects) -> str:
    """Return the input for ``nft -j -f`` that changes *ruleset* to the table of *objects*; empty for no changes."""
    current = in_force(ruleset)
    if bool(current) == bool(objects) and _comparable(current) == _comparable(objects):
        return ""
    return fragment(objects) or json.dumps({"nftables": _REMOVED}) + "\n"


# A missing table cannot be deleted. Therefore, the table is added first.
_REMOVED: Objects = [{"add": {"table": TABLE}}, {"delete": {"table": TABLE}}]


def fragment(objects: Objects) -> str:
    """Return the text from which nft restores the table at the next start; empty for no table."""
    commands = [*_REMOVED, *({"add": item} for item in objects)]
    return json.dumps({"nftables": commands}, indent=1) + "\n" if objects else ""


def diff_lines(objects: Objects) -> list[str]:
    """Return chains and rules for a diff, in the notation of nft."""
    return [
        f"chain {found['name']} hook {found['hook']} priority {found['prio']}"
        if kind == "chain"
        else f'{found["chain"]}: {rule_text(found)} comment "{found.get("comment", "")}"'
        for kind in ("chain", "rule")
        for found in _all(objects, kind)
    ]


def rule_text(rule: t.Mapping[str, t.Any]) -> str:
    """Return a rule nearly in the notation of nft, without comment and counters."""
    return " ".join(word for statement in rule["expr"] for word in _words(statement) if word)


def _words(statement: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    ((kind, value),) = statement.items()
    if kind == "match":
        operator = "" if value["op"] in ("==", "in") else value["op"]
        yield from (_term(value["left"]), operator, _term(value["right"]))
    elif kind == "vmap":
        yield f"{_term(value['key'])} vmap {_term(value['data'])}"
    elif kind in ("jump", "goto"):
        yield f"{kind} {value['target']}"
    elif kind == "reject" and value:
        yield f"reject with {value.get('type', '')} {value.get('expr', '')}".rstrip()
    elif kind != "counter":
        yield kind


def _term(value: t.Any) -> str:  # noqa: PLR0911 - a table
    """Return an expression nearly in the notation of nft."""
    if isinstance(value, list):
        return ", ".join(map(_term, value))
    if not isinstance(value, dict):
        return "*" if value is None else str(value)
    ((kind, found),) = value.items() if len(value) == 1 else (("", value),)
    if kind == "payload" and "protocol" in found:
        return f"{found['protocol']} {found['field']}"
    if kind in ("meta", "ct"):
        return f"{kind} {found.get('dir', '')} {found['key']}".replace("  ", " ")
    if kind == "prefix":
        return f"{_term(found['addr'])}/{found['len']}"
    if kind == "range":
        return "-".join(map(_term, found))
    if kind == "set":
        return f"{{ {', '.join(map(_term, found)) if isinstance(found, list) else _term(found)} }}"
    if kind == "fib":
        return f"fib {' . '.join(found.get('flags', []))} {found.get('result', '')}"
    return kind or "..."
