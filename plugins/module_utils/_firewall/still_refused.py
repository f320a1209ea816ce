# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps rules in force that refuse the ports of services that still run. Private to the collection.

An exporter that was removed from the inventory can still run on a host. Its port must not be open to all clients until the
exporter is removed from the host.
"""

from __future__ import annotations

import contextlib
import shlex
import typing as t

Rule = dict[str, t.Any]
_REFUSALS = ("REJECT", "DROP")
# The state of a socket that accepts connections (TCP), or packets from any address (UDP): include/net/tcp_states.h.
_LISTENING = {"tcp": "0A", "udp": "07"}


def _rule(protocol: str, port: int, interface: str, jump: str, comment: str) -> Rule:
    return {
        "protocol": protocol,
        "source": "",
        "destination": "",
        "in_interface": interface,
        "out_interface": "",
        "source_port": 0,
        "destination_port": port,
        "established": False,
        "jump": jump,
        "comment": comment,
        "when_closed": False,
    }


def refusals_in_iptables(lines: t.Iterable[str]) -> list[Rule]:
    """Return the rules that refuse a port to all clients, of the *lines* of a chain in the format of iptables-save."""
    refusals = []
    for line in lines:
        parts = shlex.split(line)
        options = dict(zip(parts, parts[1:]))
        port = options.get("--dport", "")
        if options.get("-j") in _REFUSALS and port.isdigit() and not {"-s", "-d", "--ctstate"} & options.keys():
            comment = options.get("--comment", "")
            refusals.append(_rule(options.get("-p", ""), int(port), options.get("-i", ""), options["-j"], comment))
    return refusals


def refusals_in_nftables(rules: t.Iterable[dict[str, t.Any]]) -> list[Rule]:
    """Return the rules that refuse a port to all clients, of *rules* in the format of ``nft -j``."""
    refusals = []
    for rule in rules:
        *matches, verdict = rule["expr"]
        jump = next(iter(verdict)).upper()
        service, interface = ("", 0), ""
        for match in matches:
            left, right = match["match"]["left"], match["match"]["right"]
            if left.get("payload", {}).get("field") == "dport":
                service = left["payload"]["protocol"], right
            elif left.get("meta", {}).get("key") == "iifname":
                interface = right
            else:
                break
        else:
            if jump in _REFUSALS and service[1]:
                refusals.append(_rule(*service, interface, jump, rule.get("comment", "")))
    return refusals


def listening(files: t.Callable[[str], str]) -> set[tuple[str, int]]:
    """Return (protocol, port) of every socket on this host that accepts connections or packets.

    :param files: returns the content of a file below ``/proc/net``.
    """
    sockets = set()
    for protocol, state in _LISTENING.items():
        for name in (protocol, f"{protocol}6"):
            for line in files(name).splitlines()[1:]:
                _number, local, _remote, socket_state = line.split()[:4]
                if socket_state == state:
                    sockets.add((protocol, int(local.rpartition(":")[2], 16)))
    return sockets


def read_proc(name: str) -> str:
    """Return the content of a file below /proc/net; empty if the file is missing, as on a host without IPv6."""
    with contextlib.suppress(OSError), open(f"/proc/net/{name}", encoding="ascii") as file:
        return file.read()
    return ""


def kept_refusals(
    chain: t.Mapping[str, t.Any],
    refusals: t.Iterable[Rule],
    files: t.Callable[[str], str] = read_proc,
) -> list[Rule]:
    """Return the rules of *refusals* that the option ``still_refused`` of *chain* keeps, for services that still run.

    :param chain: the wanted chain. A rule is kept if its comment starts with an item of ``still_refused``, and no rule of the
        chain is about its port.
    :param refusals: the rules in force that refuse a port.
    """
    known = {(rule["protocol"], rule["destination_port"]) for rule in chain["rules"]}
    starts = tuple(f"{start} " for start in chain["still_refused"])
    candidates = {
        (rule["protocol"], rule["destination_port"], rule["in_interface"]): rule
        for rule in refusals
        if rule["comment"].startswith(starts) and (rule["protocol"], rule["destination_port"]) not in known
    }
    if not candidates:
        return []
    open_ports = listening(files)
    kept = []
    for (protocol, port, _interface), rule in candidates.items():
        if (protocol, port) in open_ports:
            kept += [{**rule, "in_interface": "lo", "jump": "ACCEPT"}, rule]
    return kept
