# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts of log rules on the metrics of their mtail programs. Private to the collection.

A counter never goes back to 0, so that an alert on its value never resolves. The alerts compare times and increases instead:

- An event fires while the counter has increased within ``window``. Two kinds of matches can be invisible in the increase: those
  before the first scrape, and those after a restart of mtail that bring the counter to the value before the restart. The time of
  the last match shows these.
- A state fires while the last match is younger than ``window`` and later than the last line that clears it. Two such lines can
  be in one second. The gauge of the state then decides. After a restart of mtail, Prometheus' earlier samples of the times count.

mtail adds the label ``prog``, which names the program. The alerts have the label ``rule`` instead.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.promql import any_of
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_duration
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.log_rules import (
    DROPPED_LABEL_VALUES,
    FLOOD,
    SILENT,
    LogRule,
    alert_name,
    log_of,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.mtail_programs import (
    DROPPED,
    LAST_CLEAR,
    LAST_LINE,
    LAST_MATCH,
    LINES,
    MATCHES,
    OTHER,
    STATE,
    metric_of,
    program_name,
)

Alert = dict[str, t.Any]
# What the alerts of a rule depend on. Hosts that differ only in other keys share the alerts.
_PARTS = ("match", "clear", "severity", "for", "window", "summary", "description", "labels", "label_limit", "silent_for", "flood")


@dataclasses.dataclass
class _Variant:
    """Hosts for which a rule has the same alerts."""

    rule: LogRule
    hosts: list[str] = dataclasses.field(default_factory=list)
    # The sources as texts. Alerts have the label log if all hosts have the same.
    logs: set[str] = dataclasses.field(default_factory=set)


def log_alerts(model: Model, server: str) -> list[dict[str, t.Any]]:
    """Return the rule groups of the log rules on hosts that *server* scrapes: one group for each name of a rule."""
    if model.get("logs_engine", "mtail") != "mtail":
        return []
    hosts = model["hosts"]
    # By rule name, and by what the alerts depend on.
    found: dict[str, dict[str, _Variant]] = {}
    # Hosts with the same rule share it.
    keys: dict[int, str] = {}
    for name in model["servers"]["prometheus"][server]["scrape_hosts"]:
        for rule in hosts[name].get("logs", []):
            key = keys.get(id(rule)) or keys.setdefault(id(rule), _key(rule))
            variant = found.setdefault(rule["name"], {}).setdefault(key, _Variant(rule))
            variant.hosts.append(name)
            variant.logs.add(log_of(rule))
    return [
        {
            "name": f"log_{rule_name}",
            "rules": [alert for variant, only in _selected(variants) for alert in _alerts(variant, only)],
        }
        for rule_name, variants in sorted(found.items())
    ]


def _key(rule: LogRule) -> str:
    return json.dumps([rule[part] for part in _PARTS])  # type: ignore[literal-required]


def _selected(variants: dict[str, _Variant]) -> t.Iterator[tuple[_Variant, str]]:
    """Yield each variant of a rule with the selector of its hosts. One with more than half of the hosts names the other hosts."""
    *others, most = sorted(variants.values(), key=lambda variant: len(variant.hosts))
    rest = [name for variant in others for name in variant.hosts]
    for variant in others:
        yield variant, f"host=~{any_of(variant.hosts)}"
    if not rest:
        yield most, ""
    else:
        yield most, f"host=~{any_of(most.hosts)}" if len(most.hosts) < len(rest) else f"host!~{any_of(rest)}"


def _alerts(variant: _Variant, hosts: str) -> t.Iterator[Alert]:
    rule = variant.rule
    log = next(iter(variant.logs), "") if len(variant.logs) == 1 else ""
    named = log or f"The log of the rule {rule['name']}"
    where = f"{named} on {{{{ $labels.host }}}}"

    def series(metric: str) -> str:
        return f'{metric}{{prog="{program_name(rule)}"{f", {hosts}" if hosts else ""}}}'

    def alert(name: str, expression: str, summary: str, description: str, hold: str = "") -> Alert:
        return {
            "alert": name,
            "expr": f"max without (prog) (\n{expression}\n)",
            **({"for": hold} if parse_duration(hold) else {}),
            "labels": {
                "severity": "warning" if name == DROPPED_LABEL_VALUES else rule["severity"],
                "rule": rule["name"],
                **({"log": log} if log else {}),
            },
            "annotations": {"summary": summary, **({"description": description} if description else {})},
        }

    if rule["match"]:
        expression = _state(rule, series) if rule["clear"] else _event(rule, series)
        yield alert(alert_name(rule), expression, rule["summary"], rule["description"], rule["for"])
    if rule["silent_for"]:
        yield alert(
            SILENT,
            _silence(rule, series),
            f"{where} has had no line for {rule['silent_for']}",
            "The program that writes the log does not run or writes elsewhere, or mtail cannot read the log.",
        )
    if rule["flood"]:
        yield alert(
            FLOOD,
            f"rate({series(LINES)}[5m]) > {rule['flood']:g}",
            f"{where} grows by {{{{ $value | humanize }}}} lines per second",
            f"The log rule {rule['name']} allows {rule['flood']:g} lines per second. The log can fill the disk.",
            "5m",
        )
    if rule["match"] and rule["labels"]:
        yield alert(
            DROPPED_LABEL_VALUES,
            f"increase({series(DROPPED)}[1h]) > 0",
            f"The labels of the log rule {rule['name']} on {{{{ $labels.host }}}} have more than {rule['label_limit']} values",
            f"Further values count as {OTHER}. Choose a label that has fewer values, or raise label_limit.",
        )


def _event(rule: LogRule, series: t.Callable[[str], str]) -> str:
    count, last, window = series(metric_of(rule, MATCHES)), series(metric_of(rule, LAST_MATCH)), rule["window"]
    return (
        f"increase({count}[{window}]) > 0\n"
        f"or\nmax_over_time({count}[{window}]) and max_over_time({last}[{window}]) > time() - {_seconds(window)}"
    )


def _state(rule: LogRule, series: t.Callable[[str], str]) -> str:
    last, clear, window = series(metric_of(rule, LAST_MATCH)), series(metric_of(rule, LAST_CLEAR)), rule["window"]
    last_time = f"max_over_time({last}[{window}])"
    return (
        f"{last_time} > time() - {_seconds(window)}\n"
        f"and\n({last_time} > max_over_time({clear}[{window}]) or {series(metric_of(rule, STATE))} == 1)"
    )


def _silence(rule: LogRule, series: t.Callable[[str], str]) -> str:
    """Return when a log is silent: mtail has run for the whole time, and has read no line."""
    duration = rule["silent_for"]
    return (
        f"increase({series(LINES)}[{duration}]) == 0\n"
        f"and {series(LINES)} offset {duration}\n"
        f"unless max_over_time({series(LAST_LINE)}[{duration}]) > time() - {_seconds(duration)}"
    )


def _seconds(duration: str) -> str:
    return f"{parse_duration(duration) / 1000:g}"
