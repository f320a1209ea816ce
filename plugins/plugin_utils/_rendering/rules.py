# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule files of a Prometheus server. Private to the collection.

An alert with a threshold becomes one alert for each severity. A host that overrides a threshold gets a series
``monitoring_threshold``, which the alert is compared with by ``host``. All other hosts are compared with the default.

The rules of the roles leave out the keys that the version of the server does not have.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.promql import any_of
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.alert_rules import (
    GROUP_KEYS,
    RULE_KEYS,
    by_severity,
    known_thresholds,
    rule_groups,
    without_newer_keys,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.presets import PREFIX
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import GLOBAL, is_global
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.log_alerts import log_alerts

# The runbook of all presets, which `make docs` writes.
PRESETS_PAGE = "prometheus/presets/README.md"
_SIGNS = {"above": ">", "below": "<"}
_RECORD = "monitoring_threshold"
# (name, severity) -> number -> hosts.
Overrides = dict[tuple[str, str], dict[float, list[str]]]


def alert_rules(model: Model, server: str) -> dict[str, list[dict[str, t.Any]]]:
    """Return the rule groups of the Prometheus *server*, by file: one for each role, for thresholds and for log rules."""
    settings = model["servers"]["prometheus"][server]
    overrides = _overrides(model, settings["scrape_hosts"])
    version = settings.get("prometheus_version")
    files = {}
    for role, text in model["rules"].items():
        # The rules about the whole fleet are for global servers. These have no raw series for the other rules.
        groups = [group for group in rule_groups(text) if (group.get("role") == GLOBAL) == is_global(settings)]
        if not groups and rule_groups(text):
            continue
        runbooks = settings.get("prometheus_runbook_url") or ""
        page = PRESETS_PAGE if role.startswith(PREFIX) else f"{role}/monitoring/runbook.md"
        link = f"{runbooks.rstrip('/')}/{page}" if runbooks else ""
        files[role] = [
            {
                **without_newer_keys({key: value for key, value in group.items() if key != "role"}, GROUP_KEYS, version),
                "rules": [
                    without_newer_keys(item, RULE_KEYS, version)
                    for rule in group["rules"]
                    for item in _expanded(rule, overrides, link)
                ],
            }
            for group in groups
        ]
    if overrides:
        files["thresholds"] = [{"name": "thresholds", "rules": list(_records(overrides))}]
    logs = log_alerts(model, server)
    if logs:
        files["log_rules"] = logs
    return files


def _overrides(model: Model, hosts: t.Iterable[str]) -> Overrides:
    known = known_thresholds(model["rules"].values())
    found: Overrides = {}
    for host in hosts:
        for name, value in (model["hosts"][host].get("thresholds") or {}).items():
            # A threshold of a role that the fleet does not have is not used.
            if name in known:
                for severity, number in by_severity(name, value, known).items():
                    found.setdefault((name, severity), {}).setdefault(number, []).append(host)
    return found


def _records(overrides: Overrides) -> t.Iterator[dict[str, t.Any]]:
    for (name, severity), numbers in sorted(overrides.items()):
        for number, hosts in sorted(numbers.items()):
            yield {
                "record": _RECORD,
                "expr": f"group by (host) (up{{host=~{any_of(hosts)}}}) * {_number(number)}",
                "labels": {"threshold": name, "severity": severity},
            }


def _expanded(rule: dict[str, t.Any], overrides: Overrides, link: str) -> t.Iterator[dict[str, t.Any]]:
    """Yield an alert for each severity, with a link to the runbook. Other rules stay unchanged."""
    if "alert" in rule and link:
        rule = {**rule, "annotations": {"runbook_url": f"{link}#{rule['alert'].lower()}", **rule.get("annotations", {})}}
    if "threshold" not in rule:
        yield rule
        return
    kept = {key: value for key, value in rule.items() if key not in ("threshold", *_SIGNS)}
    side = "above" if "above" in rule else "below"
    sign = _SIGNS[side]
    for severity, usual in rule[side].items():
        compared = f"({rule['expr']}) {sign} {_number(usual)}"
        if (rule["threshold"], severity) in overrides:
            own = f'{_RECORD}{{threshold="{rule["threshold"]}", severity="{severity}"}}'
            compared = f"({rule['expr']}) {sign} on (host) group_left () {own}\nor\n({compared} unless on (host) {own})"
        yield {**kept, "expr": compared, "labels": {**rule.get("labels", {}), "severity": severity}}


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
