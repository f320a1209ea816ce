# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate the variables of monitoring servers, and what depends on these. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import alert_rules
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import TIMES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import label_problem, parse_duration
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.inventory_variables import Inventory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import Contract
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import is_global
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation import alert_labels, contacts, formats, thresholds
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.global_servers import validate_global_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.grafana_alerting import alerting_problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.shards import divide_hosts


def validate_servers(  # noqa: PLR0913 - what the build of a model has
    inventory: Inventory,
    model: Model,
    contracts: t.Iterable[Contract],
    order: t.Sequence[str],
    problems: Problems,
    *,
    is_complete: bool,
) -> None:
    """Report problems of the variables of servers, and of thresholds.

    :param order: the Prometheus servers in the order of their group.
    :param is_complete: whether the model has all hosts of the inventory.
    """
    formats.validate_formats(model, problems)
    selected = _selected_hosts(inventory, model, problems)
    divide_hosts(model, selected, order, problems)
    validate_global_servers(inventory, model, problems)
    _check_servers(model, problems)
    # One wrong pattern must not become one error for each host.
    if len(selected) == len(model["servers"].get("prometheus", {})):
        _check_scraped(model, problems)
    _check_thresholds(model, contracts, problems)
    for name, settings in active_servers(model, "grafana").items():
        if not settings["grafana_admin_password"]:
            problems.add(
                name,
                "grafana_admin_password",
                "",
                "the password of Grafana's administrator is missing. Set one, and encrypt it with ansible-vault",
            )
        for variable, value, remedy in alerting_problems(settings):
            problems.add(name, f"grafana_{variable}", value, remedy)
    # Only the labels of all hosts show that a route matches no alert.
    if is_complete:
        labels = alert_labels.labels_of(model)
        values = alert_labels.values_of(model, (*(contract.rules for contract in contracts), *model["rules"].values()))
        for name, settings in model["servers"].get("alertmanager", {}).items():
            for variable, value, remedy in contacts.contact_and_route_problems(settings, labels, values):
                problems.add(name, f"alertmanager_{variable}", value, remedy)


def _selected_hosts(inventory: Inventory, model: Model, problems: Problems) -> dict[str, list[str]]:
    """Return the hosts that prometheus_scrape_hosts of each Prometheus server selects; nothing for a server with a wrong pattern.

    Servers with the same pattern share the list.
    """
    found: dict[str, list[str]] = {}
    known: dict[str, list[str]] = {}
    for name, settings in model["servers"].get("prometheus", {}).items():
        pattern = settings.get("prometheus_scrape_hosts") or "all"
        try:
            if repr(pattern) not in known:
                known[repr(pattern)] = sorted(inventory.select(pattern))
        except (ValueError, TypeError, AttributeError) as error:
            problems.add(name, "prometheus_scrape_hosts", pattern, f"must be an Ansible host pattern: {error}")
            continue
        if any(host in inventory.hosts for host in known[repr(pattern)]):
            found[name] = known[repr(pattern)]
        else:
            problems.add(
                name, "prometheus_scrape_hosts", pattern, "the pattern matches no host of the inventory. Correct the pattern"
            )
    return found


def _check_servers(model: Model, problems: Problems) -> None:
    """Validate the variables of the Prometheus servers."""
    for name, settings in model["servers"].get("prometheus", {}).items():
        # A null removes the label, as in all variables that merge.
        labels = {
            label: value for label, value in (settings.get("prometheus_external_labels") or {}).items() if value is not None
        }
        settings["prometheus_external_labels"] = labels
        for label, value in labels.items():
            remedy = label_problem(label, value)
            if remedy:
                problems.add(name, f"prometheus_external_labels.{label}", value, remedy)
        for key in settings.get("prometheus_extra_config") or {}:
            if key == "scrape_configs":
                problems.add(
                    name,
                    f"prometheus_extra_config.{key}",
                    "…",
                    "scrape configs have their own variable. Use prometheus_extra_scrape_configs",
                )
        _check_times(model, name, settings, problems)
        jobs: set[t.Any] = {item["job"] for host in settings["scrape_hosts"] for item in model["hosts"][host]["endpoints"]}
        for config in settings.get("prometheus_extra_scrape_configs") or []:
            job = config.get("job_name") if isinstance(config, dict) else None
            if job is None or job in jobs:
                remedy = "each scrape config needs a job_name that no other job has"
                problems.add(name, "prometheus_extra_scrape_configs", job or config, remedy)
            jobs.add(job)


def _check_scraped(model: Model, problems: Problems) -> None:
    """Report hosts with endpoints or probes that no Prometheus server scrapes: no alert would fire for them."""
    servers = model["servers"].get("prometheus", {})
    # If all servers are retired, count their hosts as scraped: one decision must not become one error for each host.
    active = active_servers(model, "prometheus") or servers
    scraping = {name: settings for name, settings in active.items() if not is_global(settings)}
    scraped = {host for settings in scraping.values() for host in settings["scrape_hosts"]}
    where = (
        f"Add the host to prometheus_scrape_hosts of {', '.join(sorted(scraping))}"
        if scraping
        else "Add a Prometheus server to the inventory (group prometheus, or the group that monitoring_groups sets)"
    )
    remedy = f"no Prometheus server scrapes this host. {where}, or set monitoring_scraped: false if this is intended"
    for name, host in model["hosts"].items():
        if (host["endpoints"] or host.get("probes") or host.get("snmp")) and name not in scraped and host.get("scraped", True):
            problems.add(name, "monitoring_scraped", value=True, remedy=remedy)


def _check_thresholds(model: Model, contracts: t.Iterable[Contract], problems: Problems) -> None:
    """Report thresholds that no alert of any role has."""
    if not any(host["thresholds"] for host in model["hosts"].values()):
        return
    texts = (*(contract.rules for contract in contracts), *model["rules"].values())
    known = alert_rules.known_thresholds(dict.fromkeys(texts))
    for name, host in model["hosts"].items():
        for threshold, value in host["thresholds"].items():
            remedy = thresholds.threshold_problem(threshold, value, known)
            if remedy:
                problems.add(name, f"monitoring_thresholds.{threshold}", value, remedy)


def _check_times(model: Model, server: str, settings: dict[str, t.Any], problems: Problems) -> None:
    """Report endpoints that *server* would reject: a scrape timeout must not be longer than the scrape interval."""
    for host in settings["scrape_hosts"]:
        for item in model["hosts"][host]["endpoints"]:
            if any(key in item for key in TIMES):
                interval, timeout = (item.get(key) or settings.get(f"prometheus_{key}") for key in TIMES)
                if parse_duration(timeout) > parse_duration(interval):
                    remedy = f"on {server}, the timeout {timeout} is longer than the interval {interval}. Set a shorter timeout"
                    problems.add(host, f"monitoring_scrapes[{item['job']}].scrape_timeout", item.get("scrape_timeout"), remedy)
