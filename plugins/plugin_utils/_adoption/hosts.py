# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of adopted targets, with their variables and roles. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption import inventory_file
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.jobs import LOOPBACK, Target
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import endpoints
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import Contract

_PORT_VARIABLE = re.compile(r"\{\{\s*([a-z_0-9]+)\s*\}\}")

# The variables of each host in the group, by group.
Groups = dict[str, dict[str, t.Any]]
# Options of endpoints that ask for credentials.
_PROTECTED = ("basic_auth", "bearer_token", "bearer_token_file", "tls")


def adopted_hosts(
    targets: list[Target], server: str, groups: Groups, contracts: t.Sequence[Contract]
) -> dict[str, dict[str, t.Any]]:
    """Return the variables of each host, and put hosts into the *groups* of their roles."""
    by_host: dict[str, list[Target]] = {}
    for target in targets:
        by_host.setdefault(target.host, []).append(target)
    found = {}
    for name, of_host in sorted(by_host.items()):
        addresses = sorted({target.address for target in of_host if target.address not in LOOPBACK})
        if len(addresses) > 1:
            raise ValueError(
                f"the targets of {name} have several addresses ({', '.join(addresses)}). Use one address for all of them, or "
                "add a label host with a different name to each"
            )
        shared = dict(set.intersection(*(set(target.labels.items()) for target in of_host)))
        variables: dict[str, t.Any] = {"monitoring_address": addresses[0]} if addresses and addresses[0] != name else {}
        if shared:
            variables["monitoring_labels"] = dict(sorted(shared.items()))
        roles = _roles(of_host, name == server, groups, contracts)
        for target in of_host:
            own = {key: value for key, value in sorted(target.labels.items()) if key not in shared}
            role = roles.get(id(target), "")
            endpoint = _with_instance(target)
            if not role or own or not _has_defaults(endpoint):
                scrape = {key: value for key, value in endpoint.items() if value and (key, value) not in _DEFAULTS}
                variables.setdefault("monitoring_scrapes", []).append({**scrape, **({"labels": own} if own else {})})
        found[name] = variables
    return found


_DEFAULTS = (("path", "/metrics"), ("scheme", "http"))


def _with_instance(target: Target) -> dict[str, t.Any]:
    """Return the endpoint of *target*, with the key instance if the inventory would set another instance."""
    is_usual = target.instance == target.expected_instance or (target.is_local and not target.has_own_instance)
    return target.endpoint if is_usual else {**target.endpoint, "instance": target.instance}


def _has_defaults(endpoint: t.Mapping[str, t.Any]) -> bool:
    """Return whether an endpoint has no settings that a role does not have."""
    return (
        not endpoint["params"]
        and all(endpoint[key] == value for key, value in _DEFAULTS)
        and not ({"instance", *endpoints.TIMES} & set(endpoint))
    )


def _roles(
    targets: list[Target],
    is_server: bool,  # noqa: FBT001
    groups: Groups,
    contracts: t.Sequence[Contract],
) -> dict[int, str]:
    """Return the role of each target of a host, by the identity of the target, and add the host to the group of the role.

    A target has no role if no role matches, or if another target already has the role.
    """
    host, found = targets[0].host, {}
    # Ports that roles use on the host, including monitoring servers that are not scraped.
    ports: set[int] = set()
    for contract in sorted(contracts, key=lambda contract: not contract.is_server):
        variable = _PORT_VARIABLE.fullmatch(str(contract.scrape.get("port")))
        if variable is None or "instances" in contract.scrape:
            continue
        usual = contract.defaults[variable.group(1)]
        # A monitoring server is deployed only on hosts that are known to run it.
        serves = is_server if contract.role == "prometheus" else host in groups.get(contract.role, {})
        candidates = [
            target
            for target in sorted(targets, key=lambda target: target.endpoint["port"] != usual)
            if target.endpoint["job"] == contract.scrape["job"]
            and target.endpoint["path"] == "/metrics"
            # The role would replace an exporter that asks for credentials by one that does not.
            and not any(name in target.options for name in _PROTECTED)
            and target.endpoint["port"] not in ports
        ]
        if (contract.is_server and not serves) or (not contract.is_server and not candidates):
            continue
        port = candidates[0].endpoint["port"] if candidates else groups[contract.role][host].get(variable.group(1), usual)
        ports.add(port)
        groups.setdefault(contract.role, {})[host] = {variable.group(1): port} if port != usual else {}
        if candidates:
            found[id(candidates[0])] = contract.role
    return found


def groups_with_options(
    targets: t.Iterable[Target], of_hosts: t.Mapping[str, t.Any], groups: Groups
) -> dict[str, dict[str, t.Any]]:
    """Return the variables of a group for each job with options, and add the hosts of the job to *groups*.

    The hosts of one job can have different options if several jobs of the configuration have the same label job.
    """
    found: dict[str, dict[str, t.Any]] = {}
    names: dict[tuple[str, str], str] = {}
    for target in targets:
        if not target.options:
            continue
        key = target.scrape_config, target.endpoint["job"]
        if key not in names:
            names[key] = inventory_file.free_name(f"job_{key[1]}", {*of_hosts, *groups})
            found[names[key]] = {"monitoring_scrape_options": {key[1]: target.options}}
        groups.setdefault(names[key], {})[target.host] = {}
    return found
