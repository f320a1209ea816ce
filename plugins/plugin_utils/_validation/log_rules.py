# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate the log rules of monitoring_logs with the rest of the model. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_duration
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.inventory_variables import Inventory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.log_rules import ENGINES, LogRule
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Host, Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import MISSING, Renderer

_ENGINE = "monitoring_logs_engine"
DEFAULT_ENGINE = ENGINES[0]
# The role that reads the logs, by engine.
_READERS = {"mtail": "mtail", "loki": "alloy"}


def logs_engine(inventory: Inventory, render: Renderer, problems: Problems) -> str:
    """Return monitoring_logs_engine of the group all, or an empty string for the default."""
    everywhere = inventory.everywhere()
    raw = everywhere.get(_ENGINE)
    if raw is MISSING:
        return ""
    try:
        value = render(raw, everywhere)
    except Exception as error:  # noqa: BLE001 - whatever a template raises is an error of the inventory
        problems.add("all", _ENGINE, raw, f"cannot be templated: {error}")
        return ""
    if value not in ENGINES:
        problems.add("all", _ENGINE, value, f"must be one of {', '.join(ENGINES)}")
        return ""
    return "" if value == ENGINES[0] else str(value)


def validate_log_rules(model: Model, problems: Problems) -> None:
    """Report log rules that cannot work with the engine, the labels of their hosts or the scrape interval of the servers."""
    engine = model.get("logs_engine", ENGINES[0])
    # Hosts with the same groups share the list.
    intervals = _intervals(model)
    for name, host in model["hosts"].items():
        if "logs" not in host:
            continue
        reader = _READERS[engine]
        # The folder of the role can be missing in a collection of the user.
        if reader in model["roles"] and reader not in host["roles"]:
            remedy = f"no program reads the logs of the host. Add the host to the group of the role {reader}"
            problems.add(name, "monitoring_logs", [rule["name"] for rule in host["logs"]], remedy)
        for rule in host["logs"]:
            for field, value, remedy in _rule_problems(rule, host, engine, intervals.get(name)):
                problems.add(name, f"monitoring_logs[{rule['name']}].{field}", value, remedy)


def _intervals(model: Model) -> dict[str, str]:
    """Return the longest interval in which a Prometheus server scrapes each host with log rules."""
    found: dict[str, str] = {}
    for settings in active_servers(model, "prometheus").values():
        interval = str(settings.get("prometheus_scrape_interval"))
        for name in settings.get("scrape_hosts") or []:
            if "logs" in model["hosts"][name] and parse_duration(interval) > parse_duration(found.get(name)):
                found[name] = interval
    return found


def _rule_problems(rule: LogRule, host: Host, engine: str, interval: str | None) -> t.Iterator[tuple[str, t.Any, str]]:
    if rule["show_line"] and engine == "mtail":
        yield (
            "show_line",
            True,
            "mtail counts lines and cannot put a line into an alert. Remove show_line, or set monitoring_logs_engine: loki",
        )
    for label in rule["labels"]:
        if label in host["labels"]:
            yield "labels", label, "monitoring_labels of the host has a label of this name. Rename the group in match"
    shortest = 2 * parse_duration(interval)
    for field, value in (("window", rule["window"]), ("silent_for", rule["silent_for"])):
        if value and parse_duration(value) < shortest:
            yield field, value, f"must be at least twice the scrape interval of the Prometheus server, which is {interval}"
