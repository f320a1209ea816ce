# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the fleet model from the inventory and the role contracts. Private to the collection."""

from __future__ import annotations

import datetime
import functools
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import presets, role_paths
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.agents import VMAGENT, as_server
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.host import HostBuilder
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.inventory_variables import Inventory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Access, Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import Contract, roles
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import MISSING, Renderer, plain
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation import endpoints, log_rules, variable_names
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.agents import validate_agents
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.log_files import validate_log_files
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.maintenance import validate_maintenance
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.otlp import validate_otlp
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.probes import validate_probes
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.rule_keys import validate_rule_keys
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.scrape_options import validate_scrape_options
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.servers import validate_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.stores import validate_stores
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.web_versions import validate_web_versions


def build_model(
    inventory: Inventory, contracts: t.Sequence[Contract], render: Renderer, host: str = "", without: t.Collection[str] = ()
) -> tuple[Model, list[str]]:
    """Return the fleet model, and the errors of the inventory, one line each.

    :param host: build only the part of the model that this host needs: the host itself and the monitoring servers. A host of a
        role with ``all_hosts`` in the contract, for example a Prometheus server, needs all hosts. Empty for the whole model.
    :param without: hosts to leave out.
    """
    problems = Problems()
    load_presets = functools.partial(_presets, inventory, render)
    servers: dict[str, t.Any] = {contract.role: {} for contract in contracts if contract.is_server}
    jobs = [plain(contract.scrape["job"]) for contract in contracts]
    model: Model = {"hosts": {}, "servers": servers, "jobs": jobs, "roles": {}, "rules": {}, "access": {}, "dashboards": {}}
    model["roles"] = {contract.role: contract.fqcn for contract in contracts}
    groups = role_groups(inventory, contracts, render, problems)

    def members(role: str) -> list[str]:
        return [name for name in inventory.members(groups.get(role, role)) if name not in without]

    rules = {contract.role: contract.rules for contract in contracts}
    readers = _log_readers(inventory, contracts, render, problems, model)
    by_host: dict[str, list[Contract]] = {}
    for contract in (contract for contract in contracts if not contract.reads_logs):
        names = members(contract.role)
        for name in names:
            by_host.setdefault(name, []).append(contract)
        if names:
            texts = {role: rules[role] for role in (contract.role, *contract.alerts_of) if rules.get(role)}
            model["rules"].update(texts)
        if names and contract.access:
            model["access"][contract.role] = _access(contract, members)
    grafanas = members("grafana")
    if host in grafanas or (grafanas and not host):
        model["dashboards"] = {contract.role: contract.dashboards for contract in contracts if contract.dashboards}
    for name in sorted(_needed_hosts(model, by_host, host, set(map(plain, inventory.hosts)).difference(without))):
        builder = HostBuilder(name, inventory.host(name), render, problems, load_presets)
        _add_host(name, by_host.get(name, []) + readers, builder, model)
        if name in by_host:
            _check_host_is_not_group(inventory, name, problems)
        _add_vmagent(name, contracts, builder, model, problems)
    _add_rules_of_readers(readers, model)
    _add_rules_of_presets(model, load_presets)
    _remove_retired_clients(model, contracts, members)
    endpoints.validate_endpoints(model, problems)
    validate_web_versions(model, contracts, problems)
    validate_probes(model, problems)
    validate_maintenance(model, problems, datetime.datetime.now(datetime.timezone.utc))
    order = [*members("prometheus"), *members(VMAGENT)]
    validate_servers(inventory, model, contracts, order, problems, is_complete=not host and not without)
    validate_stores(inventory, model, problems)
    validate_agents(model, problems)
    validate_otlp(inventory, model, problems)
    validate_rule_keys(model, problems)
    log_rules.validate_log_rules(model, problems)
    validate_log_files(model, problems)
    validate_scrape_options(model, problems, is_complete=not host and not without)
    if not host:
        unknown = variable_names.validate_variable_names(inventory, contracts, groups, render, problems)
        model.update({"unknown": unknown} if unknown else {})
    return model, problems.lines


def _log_readers(
    inventory: Inventory, contracts: t.Sequence[Contract], render: Renderer, problems: Problems, model: Model
) -> list[Contract]:
    """Add the engine of the log rules to the model; return the contracts of the roles that run on each host with log rules."""
    engine = log_rules.logs_engine(inventory, render, problems)
    model.update({"logs_engine": engine} if engine else {})
    return [contract for contract in contracts if contract.reads_logs and contract.role == (engine or log_rules.DEFAULT_ENGINE)]


def _add_rules_of_readers(readers: t.Iterable[Contract], model: Model) -> None:
    if any("logs" in host for host in model["hosts"].values()):
        model["rules"].update({contract.role: contract.rules for contract in readers if contract.rules})


def _presets(inventory: Inventory, render: Renderer) -> presets.Presets:
    """Return the presets of the collection and of the user. Errors in the directories are those of the contracts."""
    return presets.presets(role_paths.find_directories(inventory, render, Problems()))


def _add_rules_of_presets(model: Model, load: presets.Load) -> None:
    names = sorted({name for host in model["hosts"].values() for name in host.get("presets", ())})
    model["rules"].update({f"{presets.PREFIX}{name}": load()[name].rules for name in names if load()[name].rules})


def _remove_retired_clients(model: Model, contracts: t.Iterable[Contract], members: t.Callable[[str], list[str]]) -> None:
    """Remove retired hosts from the clients, so that no firewall rule allows their connections."""
    for contract in contracts:
        if contract.role in model["access"]:
            clients = {
                name
                for role in contract.access.get("clients", [])
                for name in (active_servers(model, role) if role in model["servers"] else members(role))
            }
            model["access"][contract.role]["clients"] = sorted(clients)


def _needed_hosts(model: Model, by_host: t.Mapping[str, list[Contract]], host: str, hosts: set[str]) -> set[str]:
    """Return those of *hosts* that the model for *host* must have: all of them if *host* is empty."""
    if not host or any(contract.needs_all_hosts for contract in by_host.get(host, [])):
        return hosts
    clients = {name for access in model["access"].values() for name in access["clients"]}
    return hosts & {host, *clients, *(name for name, its in by_host.items() if any(c.is_server for c in its))}


def _access(contract: Contract, members: t.Callable[[str], list[str]]) -> Access:
    """Return who may connect to the endpoints of a role, in addition to the Prometheus servers."""
    return {
        "clients": sorted({name for role in contract.access.get("clients", []) for name in members(role)}),
        "admins": bool(contract.access.get("admins")),
        "peers": contract.access.get("peers", ""),
    }


def _add_host(name: str, contracts: list[Contract], builder: HostBuilder, model: Model) -> None:
    model["hosts"][name] = builder.model(contracts)
    for contract in contracts:
        if contract.is_server:
            model["servers"][contract.role][name] = builder.settings(contract)


def _add_vmagent(name: str, contracts: t.Iterable[Contract], builder: HostBuilder, model: Model, problems: Problems) -> None:
    """Add a host with vmagent to the Prometheus servers."""
    if name not in model["servers"].get(VMAGENT, {}):
        return
    servers = model["servers"].get("prometheus", {})
    if name in servers:
        problems.add(name, "groups", VMAGENT, "the host is also in the group prometheus. Remove it from one of the two groups")
        return
    prometheus = next((contract for contract in contracts if contract.role == "prometheus"), None)
    if prometheus is not None:
        servers[name] = as_server(builder.settings(prometheus), model["servers"][VMAGENT][name])


def role_groups(inventory: Inventory, contracts: t.Iterable[Contract], render: Renderer, problems: Problems) -> dict[str, str]:
    """Return the groups that monitoring_groups sets, by role. A role without an entry has the group of its own name."""
    everywhere = inventory.everywhere()
    raw = everywhere.get("monitoring_groups")
    if raw is MISSING:
        return {}
    try:
        groups = render(raw, everywhere) or {}
    except Exception as error:  # noqa: BLE001 - whatever a template raises is an error of the inventory
        problems.add("all", "monitoring_groups", raw, f"cannot be templated: {error}")
        return {}
    if not isinstance(groups, dict):
        problems.add("all", "monitoring_groups", groups, "must be a dictionary from role to group")
        return {}
    known = {*(contract.role for contract in contracts), *roles()}
    found = {}
    for role, group in groups.items():
        if role not in known:
            problems.add("all", f"monitoring_groups.{role}", group, f"unknown role. The roles are {', '.join(sorted(known))}")
        elif not isinstance(group, str):
            problems.add("all", f"monitoring_groups.{role}", group, "must be the name of a group")
        else:
            found[role] = group
    return found


def _check_host_is_not_group(inventory: Inventory, name: str, problems: Problems) -> None:
    """Report a host with the name of a group: in an INI inventory, ``[prometheus]`` lists hosts, and not groups."""
    namesake = inventory.groups.get(name)
    if namesake is not None and namesake not in inventory.hosts[name].groups:
        problems.add(
            name,
            "group_names",
            sorted(plain(group.name) for group in inventory.hosts[name].groups if group.name != "all"),
            f"{name} is also a group. To add the group, list it under children, or under [...:children] in an INI inventory",
        )
