# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates the keys of prometheus_extra_rules against the versions of the servers. Private to the collection."""

from __future__ import annotations

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.alert_rules import GROUP_KEYS, RULE_KEYS
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.scrape_options import newer_options

_VARIABLE = "prometheus_extra_rules"


def validate_rule_keys(model: Model, problems: Problems) -> None:
    """Report keys of the inventory's rule groups and rules that the version of the server does not have."""
    for server, settings in active_servers(model, "prometheus").items():
        of_groups, of_rules = (
            newer_options(server, settings.get("prometheus_version"), since) for since in (GROUP_KEYS, RULE_KEYS)
        )
        for number, group in enumerate(settings.get(_VARIABLE) or []):
            where = f"{_VARIABLE}[{number}]"
            rules = group.get("rules")
            for path, item, newer in (
                (where, group, of_groups),
                *((f"{where}.rules[{n}]", rule, of_rules) for n, rule in enumerate(rules if isinstance(rules, list) else [])),
            ):
                for key, remedy in newer.items():
                    if isinstance(item, dict) and key in item:
                        problems.add(server, f"{path}.{key}", item[key], remedy)
