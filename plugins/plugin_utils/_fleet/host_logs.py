# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log rules of one host, and the logs that the host sends to Loki. Private to the collection."""

from __future__ import annotations

import functools
import json
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.host_templates import HostTemplates
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.log_files import LogFiles, build_log_files
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.log_rules import LogRule, Problem, build_log_rule
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.merging import merged_list
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import is_static

_VARIABLE = "monitoring_logs"
_FILES = "monitoring_log_files"
Built = tuple[list[LogRule], list[Problem]]


def host_logs(templates: HostTemplates) -> list[LogRule]:
    """Return the rules of monitoring_logs, by name. A later rule overrides an earlier rule of the same name."""
    of_groups = templates.variables.group_contributions(_VARIABLE)
    own = templates.variables.own_contributions(_VARIABLE)
    if not own and not of_groups:
        return []
    if own or not is_static(of_groups):
        rules, problems = _build(merged_list(templates, _VARIABLE))
    else:
        memo = templates.variables.share.memo
        if _VARIABLE not in memo:
            # The rules of 10,000 hosts with the same groups are built once.
            memo[_VARIABLE] = _build(merged_list(templates, _VARIABLE))
        rules, problems = memo[_VARIABLE]
    for problem in problems:
        templates.report(*problem)
    return rules


@functools.lru_cache(maxsize=10_000)
def _build_one(item: str) -> tuple[LogRule | None, list[Problem]]:
    """Return the rule in JSON text. Hosts with the same rule of a group, and rules of their own, share the rule of the group."""
    return build_log_rule(json.loads(item))


def _build(items: list[t.Any]) -> Built:
    raw = {
        item.get("name") if isinstance(item, dict) and isinstance(item.get("name"), str) else n: item
        for n, item in enumerate(items)
    }
    rules, problems = [], []
    for key, item in raw.items():
        rule, found = _build_one(json.dumps(item))
        named = f"{_VARIABLE}[{key}]"
        problems += [(f"{named}.{field}" if field else named, value, remedy) for field, value, remedy in found]
        if rule:
            rules.append(rule)
    return sorted(rules, key=lambda rule: rule["name"]), problems


def host_log_files(templates: HostTemplates) -> list[LogFiles]:
    """Return the logs of monitoring_log_files."""
    found = []
    for index, raw in enumerate(merged_list(templates, _FILES)):
        item, problems = build_log_files(raw)
        for field, value, remedy in problems:
            templates.report(f"{_FILES}[{index}]{f'.{field}' if field else ''}", value, remedy)
        if item:
            found.append(item)
    return found
