# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that hosts of adopted targets have in the inventory. Private to the collection."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.jobs import HOST_NAME, Target


def inventory_name(host: str) -> str:
    """Return a name for the inventory. Names cannot have the colons of an IPv6 address, because a colon precedes a port."""
    return host.replace("::", "-").replace(":", "-").strip("-") or host


def name_hosts(targets: t.Sequence[Target], server: str) -> None:
    """Set the host of each target.

    The label host names a host. Otherwise the instance names the host, if that name belongs to one address only. The only name of
    an IP address holds for all targets with this address. Without such a name, the address is the name.
    """
    wishes = {id(target): _wish(target) for target in targets}
    addresses: dict[str, set[str]] = {}
    for target in targets:
        for name in {wishes[id(target)], inventory_name(target.address)} - {""}:
            addresses.setdefault(name, set()).add(target.address)
    names: dict[str, set[str]] = {}
    for target in targets:
        wish = wishes[id(target)]
        if wish and (wish == target.named or len(addresses[wish]) == 1):
            names.setdefault(target.address, set()).add(wish)
    for target in targets:
        known = names.get(target.address, set())
        usual = next(iter(known)) if len(known) == 1 and _is_ip(target.address) else inventory_name(target.address)
        wish = wishes[id(target)] if wishes[id(target)] in known else ""
        target.host = server if target.is_local else wish or usual


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _wish(target: Target) -> str:
    """Return the name that a target has besides its address, or an empty string."""
    if target.is_probe:
        # The exporter is another host than the probed one.
        return ""
    if target.named:
        return target.named
    # The instance of an exporter of other devices names a device.
    if not target.has_own_instance or "target" in target.endpoint["params"]:
        return ""
    port = f":{target.endpoint['port']}"
    wish = target.instance.removesuffix(port)
    return wish if HOST_NAME.fullmatch(wish) else ""
