# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate global Prometheus servers, and resolve the servers that these read from. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.agents import agents, is_agent
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.inventory_variables import Inventory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import GLOBAL, is_global

SCRAPE, FEDERATE, REMOTE_READ = "scrape", "federate", "remote_read"
# A pattern that matches these names is no pattern for the names of recording rules.
_METRICS = ("up", "node_load1", "http_requests_total")
_Problem = tuple[str, t.Any, str]


def validate_global_servers(inventory: Inventory, model: Model, problems: Problems) -> None:
    """Report problems of global servers, and put the servers that each reads from into its settings as ``reads_from``."""
    servers = active_servers(model, "prometheus")
    # An agent answers no queries.
    scraping = [name for name, settings in servers.items() if not is_global(settings) and not is_agent(settings)]
    for name, settings in servers.items():
        role = settings.get("prometheus_role", SCRAPE)
        if role not in (SCRAPE, GLOBAL):
            problems.add(name, "prometheus_role", role, f"must be {SCRAPE} or {GLOBAL}")
        elif role == GLOBAL:
            settings["reads_from"] = scraping
            for problem in _problems(inventory, model, name, settings, scraping):
                problems.add(name, *problem)


def _problems(
    inventory: Inventory, model: Model, name: str, settings: dict[str, t.Any], scraping: list[str]
) -> t.Iterator[_Problem]:
    mode = settings["prometheus_global_mode"]
    if mode not in (FEDERATE, REMOTE_READ):
        yield "prometheus_global_mode", mode, f"must be {FEDERATE} or {REMOTE_READ}"
    if settings["prometheus_shard"]:
        remedy = "a global server is in no shard. Remove prometheus_shard, or set prometheus_role: scrape"
        yield "prometheus_shard", settings["prometheus_shard"], remedy
    patterns = settings["prometheus_global_series"]
    for pattern in patterns:
        if remedy := _pattern_problem(pattern):
            yield "prometheus_global_series", pattern, remedy
    if not patterns:
        yield "prometheus_global_series", patterns, "must have a pattern for the names of recording rules: [.+:.+]"
    if not scraping:
        remedy = "the inventory has no server that scrapes hosts. Set prometheus_role: global for the global server alone"
        if agents(model):
            remedy = "all servers that scrape hosts are agents, which answer no queries. Remove the global server"
        yield "prometheus_role", GLOBAL, remedy
    elif settings["prometheus_global_servers"]:
        yield from _select_servers(inventory, model, name, settings, scraping)


def _select_servers(
    inventory: Inventory, model: Model, name: str, settings: dict[str, t.Any], scraping: list[str]
) -> t.Iterator[_Problem]:
    variable, pattern = "prometheus_global_servers", settings["prometheus_global_servers"]
    try:
        selected = set(inventory.select(pattern))
    except (ValueError, TypeError, AttributeError) as error:
        yield variable, pattern, f"must be an Ansible host pattern: {error}"
        return
    others = ", ".join(sorted(selected.difference(scraping, [name])))
    without_samples = ", ".join(sorted(selected.intersection(agents(model))))
    if name in selected:
        yield variable, pattern, f"a global server cannot read from itself. Exclude {name} from the pattern"
    elif without_samples:
        yield variable, pattern, f"selects {without_samples}. Agents answer no queries. Exclude them from the pattern"
    elif others:
        yield variable, pattern, f"must select Prometheus servers that scrape hosts, and selects {others}. Correct the pattern"
    elif not selected:
        yield variable, pattern, "the pattern matches no host of the inventory. Correct the pattern"
    settings["reads_from"] = [server for server in scraping if server in selected]


def _pattern_problem(pattern: t.Any) -> str:
    """Return what is wrong with a pattern of names of series, or an empty text."""
    try:
        found = re.compile(pattern)
    except (re.error, TypeError) as error:
        return f"must be a regular expression: {error}"
    if all(found.fullmatch(name) for name in _METRICS):
        return "matches the names of all series. A global server reads recording rules, whose names have a colon: .+:.+"
    return ""
