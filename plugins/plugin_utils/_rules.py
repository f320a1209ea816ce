# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the roles' rules and the inventory's thresholds to the rule files of a Prometheus server. Private to the collection.

``roles/ROLE/monitoring/rules.yml`` is in Prometheus' own form, and an alert may say more::

    - alert: HostMemoryUsed
      expr: 100 - 100 * node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes
      threshold: memory_used_percent     # its name in monitoring_thresholds
      above: {warning: 90, critical: 97}  # or below: one alert for each severity, with these thresholds

Hosts with a threshold of their own are few: only for them there is a series ``monitoring_threshold``, which the alert is
compared with by ``host``; all others are compared with the number.
"""

from __future__ import annotations

import functools
import typing as t

import yaml

from ansible_collections.vigie.monitoring.plugins.module_utils._promql import any_of
from ansible_collections.vigie.monitoring.plugins.plugin_utils._model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._values import plain

SEVERITIES = ("info", "warning", "critical")
_SIGNS = {"above": ">", "below": "<"}
_RECORD = "monitoring_threshold"
# Of the thresholds of one name: "above" or "below", and the usual number by severity.
Known = dict[str, tuple[str, dict[str, float]]]
# By name and severity, then by number: the hosts.
Overrides = dict[tuple[str, str], dict[float, list[str]]]


@functools.lru_cache
def groups(text: str) -> list[dict[str, t.Any]]:
    """Return the rule groups in a role's *text*; they are not to be changed."""
    # libyaml takes no text of Ansible's own kinds, which filters are given before ansible-core 2.19.
    return (yaml.load(plain(text), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}).get("groups") or []  # noqa: S506 - safe


def known_thresholds(texts: t.Iterable[str]) -> Known:
    """Return the thresholds that the rules in *texts* have."""
    found: Known = {}
    for rule in (rule for text in texts for group in groups(text) for rule in group["rules"]):
        if "threshold" in rule:
            sign = "above" if "above" in rule else "below"
            found[rule["threshold"]] = sign, rule[sign]
    return found


def by_severity(name: str, value: t.Any, known: Known) -> dict[str, float]:
    """Return a threshold of the inventory by severity: a number alone is that of the mildest."""
    if isinstance(value, dict):
        return value
    return {min(known[name][1], key=SEVERITIES.index): value}


def threshold_problem(name: str, value: t.Any, known: Known) -> str | None:
    """Return what is wrong with a threshold of the inventory that is a number, or numbers by severity; or None."""
    if name not in known:
        return f"no alert has this threshold; known are {', '.join(sorted(known))}"
    sign, usual = known[name]
    own = by_severity(name, value, known)
    unknown = sorted(set(own) - set(usual))
    if unknown:
        return f"the alert has no severity {', '.join(unknown)}; it has {', '.join(usual)}"
    # The mildest is passed first.
    numbers = [{**usual, **own}[severity] for severity in sorted(usual, key=SEVERITIES.index)]
    if numbers != sorted(numbers, reverse=sign == "below"):
        return f"a more severe alert would come first: they would be {', '.join(map(str, numbers))}, set each one"
    return None


def alert_rules(model: Model, server: str) -> dict[str, list[dict[str, t.Any]]]:
    """Return the rule groups of the Prometheus *server*, by file: one a role, and one for thresholds where there are any."""
    settings = model["servers"]["prometheus"][server]
    overrides = _overrides(model, settings["scrape_hosts"])
    files = {}
    for role, text in model["rules"].items():
        runbooks = settings.get("prometheus_runbook_url") or ""
        link = f"{runbooks.rstrip('/')}/{role}.md" if runbooks else ""
        files[role] = [
            {**group, "rules": [item for rule in group["rules"] for item in _expanded(rule, overrides, link)]}
            for group in groups(text)
        ]
    if overrides:
        files["thresholds"] = [{"name": "thresholds", "rules": list(_records(overrides))}]
    return files


def _overrides(model: Model, hosts: t.Iterable[str]) -> Overrides:
    known = known_thresholds(model["rules"].values())
    found: Overrides = {}
    for host in hosts:
        for name, value in (model["hosts"][host].get("thresholds") or {}).items():
            # Alerts of a role that the fleet does not have are not there.
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
    """Yield an alert for each of its severities, with a link to its runbook; other rules as they are."""
    if "alert" in rule and link:
        rule = {**rule, "annotations": {**rule.get("annotations", {}), "runbook_url": f"{link}#{rule['alert'].lower()}"}}
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
