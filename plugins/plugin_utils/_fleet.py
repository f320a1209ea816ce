# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the inventory and the roles' scrape contracts to the model of the fleet. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils import _model, _rules, _together
from ansible_collections.vigie.monitoring.plugins.plugin_utils._contracts import Contract, roles
from ansible_collections.vigie.monitoring.plugins.plugin_utils._host import HostBuilder
from ansible_collections.vigie.monitoring.plugins.plugin_utils._inventory import Inventory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._values import MISSING, Renderer, plain


def build(
    inventory: Inventory, contracts: t.Sequence[Contract], render: Renderer, host: str = "", without: t.Collection[str] = ()
) -> tuple[_model.Model, list[str]]:
    """Return the model and the mistakes of the inventory, one line each.

    :param host: as far as it concerns this host: itself, and the hosts that serve the fleet. All hosts concern a Prometheus
        server.
    :param without: hosts that are left out.
    """
    problems = _model.Problems()
    model: _model.Model = {"hosts": {}, "servers": {c.role: {} for c in contracts if c.is_server}, "rules": {}, "access": {}}
    groups = role_groups(inventory, contracts, render, problems)

    def members(role: str) -> list[str]:
        return [name for name in inventory.members(groups.get(role, role)) if name not in without]

    by_host: dict[str, list[Contract]] = {}
    for contract in contracts:
        names = members(contract.role)
        for name in names:
            by_host.setdefault(name, []).append(contract)
        if names and contract.rules:
            model["rules"][contract.role] = contract.rules
        if names and contract.access:
            model["access"][contract.role] = _access(contract, members)
    concerned = set(map(plain, inventory.hosts)).difference(without)
    if host and host not in members("prometheus"):
        clients = {name for access in model["access"].values() for name in access["clients"]}
        concerned &= {host, *clients, *(name for name, its in by_host.items() if any(c.is_server for c in its))}
    for name in sorted(concerned):
        _add_host(name, by_host.get(name, []), HostBuilder(name, inventory.host(name), render, problems), model)
        if name in by_host:
            _check_name(inventory, name, problems)
    _together.check(model, problems)
    _check_thresholds(model, contracts, problems)
    _check_servers(inventory, model, problems)
    return model, problems.lines


def _access(contract: Contract, members: t.Callable[[str], list[str]]) -> dict[str, t.Any]:
    """Return who may connect to a role's endpoints, beside the Prometheus servers."""
    return {
        "clients": sorted({name for role in contract.access.get("clients", []) for name in members(role)}),
        "admins": bool(contract.access.get("admins")),
        "peers": contract.access.get("peers", ""),
    }


def _add_host(name: str, contracts: list[Contract], builder: HostBuilder, model: _model.Model) -> None:
    model["hosts"][name] = builder.model(contracts)
    for contract in contracts:
        if contract.is_server:
            model["servers"][contract.role][name] = builder.settings(contract)


def role_groups(
    inventory: Inventory, contracts: t.Iterable[Contract], render: Renderer, problems: _model.Problems
) -> dict[str, str]:
    """Return the groups that monitoring_groups gives to roles, where they are not named like the role."""
    everywhere = inventory.everywhere()
    raw = everywhere.get("monitoring_groups")
    if raw is MISSING:
        return {}
    try:
        groups = render(raw, everywhere) or {}
    except Exception as error:  # noqa: BLE001 - whatever a template raises is a mistake of the inventory
        problems.add("all", "monitoring_groups", raw, f"it cannot be templated: {error}")
        return {}
    if not isinstance(groups, dict):
        problems.add("all", "monitoring_groups", groups, "it must be a dictionary from role to group")
        return {}
    known = {*(contract.role for contract in contracts), *roles()}
    found = {}
    for role, group in groups.items():
        if role not in known:
            problems.add("all", f"monitoring_groups.{role}", group, f"no such role; the roles are {', '.join(sorted(known))}")
        elif not isinstance(group, str):
            problems.add("all", f"monitoring_groups.{role}", group, "it must be the name of a group")
        else:
            found[role] = group
    return found


def _check_name(inventory: Inventory, name: str, problems: _model.Problems) -> None:
    """Report a host that was meant to be a group: in an INI inventory ``[prometheus]`` lists hosts, whatever their names."""
    namesake = inventory.groups.get(name)
    if namesake is not None and namesake not in inventory.hosts[name].groups:
        problems.add(
            name,
            "group_names",
            sorted(plain(group.name) for group in inventory.hosts[name].groups if group.name != "all"),
            f"{name} is a group too: to put the group there, list it under children, or [...:children] in an INI inventory",
        )


def _check_servers(inventory: Inventory, model: _model.Model, problems: _model.Problems) -> None:
    """Resolve which hosts each Prometheus server scrapes, and check what it adds to that."""
    for name, settings in model["servers"].get("prometheus", {}).items():
        pattern = settings.get("prometheus_scrape_hosts") or "all"
        settings["scrape_hosts"] = []
        try:
            selected = inventory.select(pattern)
        except (ValueError, TypeError, AttributeError) as error:
            problems.add(name, "prometheus_scrape_hosts", pattern, f"it must be an Ansible host pattern: {error}")
            continue
        settings["scrape_hosts"] = sorted(host for host in selected if host in model["hosts"])
        if not any(host in inventory.hosts for host in selected):
            problems.add(name, "prometheus_scrape_hosts", pattern, "the pattern selects no host")
        for label, value in (settings.get("prometheus_external_labels") or {}).items():
            remedy = _model.label_problem(label, value)
            if remedy:
                problems.add(name, f"prometheus_external_labels.{label}", value, remedy)
        for key in settings.get("prometheus_extra_config") or {}:
            if key == "scrape_configs":
                problems.add(name, f"prometheus_extra_config.{key}", "…", "they have a variable: prometheus_extra_scrape_configs")
        _check_times(model, name, settings, problems)
        jobs = {item["job"] for host in settings["scrape_hosts"] for item in model["hosts"][host]["endpoints"]}
        for config in settings.get("prometheus_extra_scrape_configs") or []:
            job = config.get("job_name") if isinstance(config, dict) else None
            if job is None or job in jobs:
                remedy = "each has a job_name, which no other job has"
                problems.add(name, "prometheus_extra_scrape_configs", job or config, remedy)
            jobs.add(job)


def _check_thresholds(model: _model.Model, contracts: t.Iterable[Contract], problems: _model.Problems) -> None:
    """Report thresholds that no alert has, also none of a role that this fleet does not use."""
    if not any(host["thresholds"] for host in model["hosts"].values()):
        return
    known = _rules.known_thresholds(contract.rules for contract in contracts)
    for name, host in model["hosts"].items():
        for threshold, value in host["thresholds"].items():
            remedy = _rules.threshold_problem(threshold, value, known)
            if remedy:
                problems.add(name, f"monitoring_thresholds.{threshold}", value, remedy)


def _check_times(model: _model.Model, server: str, settings: dict[str, t.Any], problems: _model.Problems) -> None:
    """Report endpoints that *server* would refuse to scrape: a scrape may not take longer than its interval."""
    for host in settings["scrape_hosts"]:
        for item in model["hosts"][host]["endpoints"]:
            if any(key in item for key in _model.TIMES):
                interval, timeout = (item.get(key) or settings.get(f"prometheus_{key}") for key in _model.TIMES)
                if _model.milliseconds(timeout) > _model.milliseconds(interval):
                    remedy = f"a scrape by {server} may take {timeout}, longer than its interval {interval}: give it another"
                    problems.add(host, f"monitoring_scrapes[{item['job']}].scrape_timeout", item.get("scrape_timeout"), remedy)
