# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages about the rules of other programs that block connections. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall.flows import Flow, Obstacle

BlockedFlows = dict[Obstacle, list[Flow]]
# The number of connections that one message lists.
_LISTED = 5


def group_by_obstacle(blocked: t.Iterable[tuple[Flow, Obstacle]]) -> BlockedFlows:
    """Return the flows of each obstacle."""
    grouped: BlockedFlows = {}
    for flow, obstacle in blocked:
        grouped.setdefault(obstacle, []).append(flow)
    return grouped


def describe(blocked: BlockedFlows, *, certain: bool) -> list[str]:
    """Return a text for each obstacle that certainly (*certain*), or possibly, blocks flows."""
    texts = []
    for obstacle, flows in blocked.items():
        if obstacle.certain != certain:
            continue
        named = "; ".join(flow.description for flow in flows[:_LISTED])
        more = f"; and {len(flows) - _LISTED} more" if len(flows) > _LISTED else ""
        # The message has one command for each IP family.
        firsts = [flow for number, flow in enumerate(flows) if flow.version not in {other.version for other in flows[:number]}]
        how = "; ".join(dict.fromkeys(remedy(obstacle, flow) for flow in firsts))
        texts.append(
            f"{obstacle.base.where}, {obstacle.dropped_by}, {'blocks' if certain else 'can block'}: {named}{more}. "
            f"Accept these connections in that chain, for example: {how}. {note(obstacle)}".rstrip()
        )
    return texts


def blocked_message(texts: t.Sequence[str]) -> str:
    """Return the error about obstacles that certainly block flows, each described in *texts*."""
    return (
        "Other firewall rules of the host block connections that the inventory needs. The rules of vigie.monitoring accept these "
        "connections, but an accept in one chain does not override a drop in another base chain. " + " ".join(texts)
    )


def remedy(obstacle: Obstacle, flow: Flow) -> str:
    """Return a command that accepts *flow*, for the program that manages the rules."""
    manager, chain = obstacle.base.manager, obstacle.base.name
    incoming = flow.hook == "input"
    address = flow.source if incoming else flow.destination
    address = address.replace("/32", "").replace("/128", "")
    port = flow.destination_port or flow.source_port
    direction = "dport" if flow.destination_port else "sport"
    if manager == "firewalld" and not incoming:
        return "add a policy of firewalld"
    if manager == "firewalld":
        where = f'source address="{address}" ' if address else ""
        rule = f'rule family="ipv{flow.version}" {where}port port="{port}" protocol="{flow.protocol}" accept'
        how = f"firewall-cmd --permanent --add-rich-rule='{rule}' && firewall-cmd --reload"
    elif manager == "ufw":
        ends = f"from {address or 'any'} to any" if incoming else f"to {address or 'any'}"
        how = f"ufw allow {'in' if incoming else 'out'} proto {flow.protocol} {ends} port {port}"
    elif manager == "nftables":
        _program, _comma, table = obstacle.base.where.partition(", table ")
        ip = "ip" if flow.version == 4 else "ip6"  # noqa: PLR2004
        where = f"{ip} {'saddr' if incoming else 'daddr'} {address} " if address else ""
        how = f"nft insert rule {table} {chain} {where}{flow.protocol} {direction} {port} accept"
    else:
        where = f"{'-s' if incoming else '-d'} {address} " if address else ""
        how = f"{manager} -I {chain} -p {flow.protocol} {where}--{direction} {port} -j ACCEPT"
    return how


def note(obstacle: Obstacle) -> str:
    """Return advice about the rules of one firewall program."""
    manager, chain = obstacle.base.manager, obstacle.base.name
    if manager == "nftables":
        return "Make the same change in the file that the table is loaded from (/etc/nftables.conf)."
    if manager.startswith("ip"):
        return (
            f"If these rules are a remainder of {manager}, which the host does not use any more, remove the rules: "
            f"{manager} -P {chain} ACCEPT && {manager} -F"
        )
    return ""
