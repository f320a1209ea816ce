# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate agents: Prometheus servers with prometheus_mode: agent. Private to the collection."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import host_port
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.agents import (
    AGENT,
    MODES,
    SERVER,
    VMAGENT,
    agents,
    is_agent,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import Version, is_older
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import is_global
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.stores import readable_stores, stores_of

_VARIABLE = "prometheus_mode"
# The first version with the flag --agent.
FIRST: Version = (3, 0)
# The only key of a section remote_write that vmagent has in a file.
_RELABELING = "write_relabel_configs"
# Prometheus refuses these sections in agent mode ("field alerting is not allowed in agent mode").
_REFUSED = ("alerting", "remote_read", "rule_files")
_Problem = tuple[str, t.Any, str]


def validate_agents(model: Model, problems: Problems) -> None:
    """Report problems of agents, and of a Grafana without a data source that answers queries."""
    for name, settings in active_servers(model, "prometheus").items():
        mode = settings.get(_VARIABLE, SERVER)
        if mode not in MODES and name not in model["servers"].get(VMAGENT, {}):
            problems.add(name, _VARIABLE, mode, f"must be {' or '.join(MODES)}")
        elif is_agent(settings):
            for problem in _problems(model, name, settings):
                problems.add(name, *problem)
    if agents(model):
        for name, settings in active_servers(model, "grafana").items():
            for problem in _grafana_problems(model, settings):
                problems.add(name, *problem)


def _problems(model: Model, name: str, settings: t.Mapping[str, t.Any]) -> t.Iterator[_Problem]:
    mode = settings[_VARIABLE]
    if mode == AGENT and is_older(settings["prometheus_version"], FIRST):
        first = ".".join(map(str, FIRST))
        yield _VARIABLE, AGENT, f"needs Prometheus {first} or later. Set a later prometheus_version, or prometheus_mode: server"
    unknown = sorted(set(settings["prometheus_remote_write_options"]) - {_RELABELING}) if mode == VMAGENT else []
    if unknown:
        remedy = f"vmagent has flags in place of these keys, except {_RELABELING}. Use vmagent_flags"
        yield "prometheus_remote_write_options", ", ".join(unknown), remedy
    if active_servers(model, "alertmanager") and not active_servers(model, "vmalert"):
        remedy = "an agent evaluates no alerts, and nobody else does it for its hosts. Add a host to the group vmalert"
        yield _VARIABLE, mode, remedy
    if is_global(settings):
        remedy = "a global server evaluates rules and answers queries, and an agent does neither. Remove prometheus_mode"
        yield _VARIABLE, mode, remedy
    if settings["prometheus_extra_rules"]:
        remedy = "an agent evaluates no rules. Remove the rules from this server, or set prometheus_mode: server"
        yield "prometheus_extra_rules", "…", remedy
    extra = settings["prometheus_extra_config"]
    for key in _REFUSED:
        if key in extra:
            yield f"prometheus_extra_config.{key}", "…", "an agent refuses this section. Remove the section"
    if not stores_of(model, name) and (mode == VMAGENT or "remote_write" not in extra):
        remedy = (
            "an agent keeps no samples, and this agent writes to no store. Add a host to the group victoria_metrics, or correct "
            "prometheus_stores"
        )
        yield _VARIABLE, mode, remedy


def _grafana_problems(model: Model, settings: t.Mapping[str, t.Any]) -> t.Iterator[_Problem]:
    servers = active_servers(model, "prometheus")
    extra = settings["grafana_extra_datasources"]
    addresses = {
        host_port(model["hosts"][name]["address"], int(servers[name]["prometheus_port"])): name
        for name in agents(model)
        if str(servers[name]["prometheus_port"]).isdigit()
    }
    for number, source in enumerate(extra):
        url = source.get("url")
        agent = addresses.get(urlsplit(str(url)).netloc)
        if agent:
            remedy = f"{agent} is an agent, which answers no queries. Use a store of the agent as the data source"
            yield f"grafana_extra_datasources[{number}].url", url, remedy
    if not extra and not readable_stores(model) and all(map(is_agent, servers.values())):
        remedy = (
            "Grafana has no data source: all Prometheus servers are agents, which answer no queries. Add a host to the group "
            "victoria_metrics, or a data source to grafana_extra_datasources"
        )
        yield "groups", "grafana", remedy
