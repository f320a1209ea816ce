# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Derive the flags and the files of vmalert, which evaluates the rules of the fleet against a store. Private to the collection.

The documentation of vmalert has the flags ("Flags") and the format of the rules ("Groups"), which is that of Prometheus.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.promql import any_of
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import host_port
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.agents import agents
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_duration
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import (
    Model,
    active_servers,
    server_route_prefix,
    server_settings,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import is_global, replicas_of
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.stores import (
    Store,
    readable_stores,
    store_client,
    store_url,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import made_yaml
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.web import (
    password_file,
    server_client_settings,
    server_scheme,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import prometheus, rules
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.client_flags import client_flags, listed
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.scrape_limits import LIMIT, limit_groups
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import pools

ROLE = "vmalert"
# An expression names this number of hosts at most: the alert of an agent fires only if all of its hosts are gone.
_NAMED = 50


def store_of(model: Model, host: str) -> Store:
    """Return the store of the vmalert on *host*: the one on the same host, or the one at its place in the order of the names.

    vmalert reads and writes the series of its recording rules, so that it must read from the store that it writes to.

    :raises ValueError: if the fleet has no store.
    """
    stores = readable_stores(model)
    if not stores:
        raise ValueError(f"host {host}: vmalert has no store to read from. Add a host to the group victoria_metrics")
    place = list(active_servers(model, ROLE)).index(host)
    return next((store for store in stores if store.host == host), stores[place % len(stores)])


def vmalert_flags(model: Model, host: str, settings: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the flags of the vmalert on *host*, without its address, TLS and password."""
    directory, store = settings["vmalert_config_dir"], store_of(model, host)
    url, client = store_url(model, host, store), store_client(model, store)
    address = host_port(model["hosts"][host]["address"], int(settings["vmalert_port"]))
    found: dict[str, t.Any] = {
        "rule": f"{directory}/rules/*.yml",
        "evaluationInterval": settings["vmalert_evaluation_interval"],
        "external.url": f"{server_scheme(settings, ROLE)}://{address}",
    }
    for prefix in ("datasource", "remoteWrite", "remoteRead"):
        found[f"{prefix}.url"] = url
        found.update({f"{prefix}.{name}": value for name, value in client_flags(directory, store.role, client).items()})
    alertmanagers = active_servers(model, "alertmanager")
    if not alertmanagers:
        # Without an Alertmanager, vmalert does not start unless this flag is set. Recording rules are evaluated.
        return {**found, "notifier.blackhole": True}
    clients = [
        client_flags(directory, "alertmanager", server_client_settings(its, "alertmanager")) for its in alertmanagers.values()
    ]
    addresses = prometheus.alertmanagers(model)
    found["notifier.url"] = [
        f"{server_scheme(its, 'alertmanager')}://{addresses[name]}{server_route_prefix(its, 'alertmanager')}"
        for name, its in alertmanagers.items()
    ]
    return {**found, **listed("notifier", clients)}


def vmalert_files(model: Model, host: str) -> dict[str, t.Any]:
    """Return the configuration files of the vmalert on *host*: relative path -> text, or a dictionary with content and secret."""
    files: dict[str, t.Any] = {}
    webs = [
        ("alertmanager", server_client_settings(its, "alertmanager")) for its in active_servers(model, "alertmanager").values()
    ]
    store = store_of(model, host)
    for job, web in (*webs, (store.role, store_client(model, store))):
        if web.get("username"):
            files[password_file(job, web)] = {"content": str(web["password"]), "secret": True}
    for name, groups in _groups(model, host).items():
        files[f"rules/{name}.yml"] = made_yaml({"groups": groups})
    return files


def _groups(model: Model, host: str) -> dict[str, list[dict[str, t.Any]]]:
    """Return the rule groups of the fleet, by file."""
    settings = server_settings(model, ROLE, host)
    scraping = {name: its for name, its in active_servers(model, "prometheus").items() if not is_global(its)}
    # A Prometheus server that scrapes the hosts of all others would have these rules.
    whole = {
        "scrape_hosts": sorted({name for its in scraping.values() for name in its["scrape_hosts"]}),
        "prometheus_runbook_url": settings["vmalert_runbook_url"],
    }
    fleet: Model = {**model, "servers": {**model["servers"], "prometheus": {host: whole}}}
    found = rules.alert_rules(fleet, host)
    if any(LIMIT in text for text in model["rules"].values()):
        timeout = max((its["prometheus_scrape_timeout"] for its in scraping.values()), key=parse_duration, default="10s")
        found["limits"] = limit_groups(pools(fleet, host), timeout)
    silent = [_silent(model, name) for name in agents(model) if replicas_of(model, name)[0] == name]
    if silent := [rule for rule in silent if rule]:
        found["agents"] = [{"name": "agents", "rules": silent}]
    if settings["vmalert_extra_rules"]:
        found["extra"] = settings["vmalert_extra_rules"]
    return found


def _silent(model: Model, agent: str) -> dict[str, t.Any]:
    """Return the alert about an agent and its replicas of which the store has no samples; empty for an agent without hosts."""
    hosts = [name for name in server_settings(model, "prometheus", agent)["scrape_hosts"] if model["hosts"][name]["endpoints"]]
    if not hosts:
        return {}
    names = ", ".join(replicas_of(model, agent))
    return {
        "alert": "AgentSilent",
        "expr": f"absent(up{{host=~{any_of(hosts[:_NAMED])}}})",
        "for": "2m",
        # No label host: Alertmanager mutes the alerts of a host that is down.
        "labels": {"severity": "critical", "agents": names},
        "annotations": {
            "summary": f"Nobody watches the hosts of the agent {names}",
            "description": f"The store has no samples from the hosts that {names} scrapes ({len(hosts)} hosts), so that no alert "
            "about these hosts can fire. Check that the agent runs, and that it reaches the stores.",
        },
    }
