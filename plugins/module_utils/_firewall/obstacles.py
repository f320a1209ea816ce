# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to tell the operator about rules of others that are in the way. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall.flows import Flow, Obstacle

Found = dict[Obstacle, list[Flow]]
# As many connections as one message names.
_NAMED = 5


def group(found: t.Iterable[tuple[Flow, Obstacle]]) -> Found:
    """Return the flows of each obstacle."""
    grouped: Found = {}
    for flow, obstacle in found:
        grouped.setdefault(obstacle, []).append(flow)
    return grouped


def described(found: Found, *, certain: bool) -> list[str]:
    """Return a sentence or some for each obstacle that blocks flows certainly, or possibly."""
    texts = []
    for obstacle, flows in found.items():
        if obstacle.certain != certain:
            continue
        named = "; ".join(flow.shown for flow in flows[:_NAMED])
        more = f"; and {len(flows) - _NAMED} more" if len(flows) > _NAMED else ""
        # One command for each family shows how.
        firsts = [flow for number, flow in enumerate(flows) if flow.version not in {other.version for other in flows[:number]}]
        how = "; ".join(dict.fromkeys(remedy(obstacle, flow) for flow in firsts))
        texts.append(
            f"{obstacle.base.where}, {obstacle.blame}, {'blocks' if certain else 'can block'}: {named}{more}. "
            f"Accept these connections in that chain, for example: {how}. {note(obstacle)}".rstrip()
        )
    return texts


def message(texts: t.Sequence[str]) -> str:
    """Return the error about what blocks flows for certain."""
    return (
        "The host's own firewall rules block connections that the inventory asks for. The rules of vigie.monitoring accept these "
        "connections, but an accept in one chain does not override a drop in another base chain. " + " ".join(texts)
    )


def remedy(obstacle: Obstacle, flow: Flow) -> str:
    """Return the command that lets *flow* through, of the program that manages the rules."""
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
    """Return what else the operator needs to know about rules of one kind."""
    manager, chain = obstacle.base.manager, obstacle.base.name
    if manager == "nftables":
        return "Make the same change in the file that the table is loaded from (/etc/nftables.conf)."
    if manager.startswith("ip"):
        return (
            f"If these rules are a remainder of {manager}, which the host does not use any more, remove the rules: "
            f"{manager} -P {chain} ACCEPT && {manager} -F"
        )
    return ""
