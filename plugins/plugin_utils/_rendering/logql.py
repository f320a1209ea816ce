# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts of log rules as rules of Loki, in LogQL. Private to the collection.

Loki counts the lines themselves, so that no counter can start too late or fall back:

- An event fires while a line of the last ``window`` matches.
- A state fires while a line of the last ``window`` matches, and no later line, or line of the same time, clears the state. The
  query compares the times of the lines.

Loki's documentation ("LogQL", "Template functions", "Alerting and recording rules") has the format.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.promql import any_of
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_duration
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.log_rules import (
    FILE_LABEL,
    FLOOD,
    SILENT,
    LogRule,
    alert_name,
    log_of,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.regular_expressions import named_groups

_TIME = "| label_format vigie_time=`{{ __timestamp__ | unixEpochMillis }}` | unwrap vigie_time"
_LINE = "| label_format line=`{{ __line__ }}`"
_SILENT_DESCRIPTION = "The program that writes the log does not run or writes elsewhere, or Alloy cannot read the log."
_WILDCARDS = {"*": "[^/]*", "?": "[^/]"}


def log_rule_groups(model: Model) -> list[dict[str, t.Any]]:
    """Return the rule groups of monitoring_logs, if Loki evaluates them: one group for all hosts with the same rule."""
    if model.get("logs_engine") != "loki":
        return []
    found: dict[str, tuple[LogRule, list[str]]] = {}
    keys: dict[int, list[tuple[str, LogRule]]] = {}
    for name, host in model["hosts"].items():
        rules = host.get("logs")
        if rules:
            # Hosts with the same groups share the list.
            if id(rules) not in keys:
                keys[id(rules)] = [(json.dumps({**rule, "examples": {}}), rule) for rule in rules]
            for key, rule in keys[id(rules)]:
                found.setdefault(key, (rule, []))[1].append(name)
    groups: list[dict[str, t.Any]] = []
    counts: dict[str, int] = {}
    for rule, hosts in sorted(found.values(), key=lambda item: (item[0]["name"], item[1])):
        counts[rule["name"]] = number = counts.get(rule["name"], 0) + 1
        suffix = f"_{number}" if number > 1 else ""
        groups.append({"name": f"log_{rule['name']}{suffix}", "rules": list(_alerts(rule, hosts))})
    return groups


def _alerts(rule: LogRule, hosts: list[str]) -> t.Iterator[dict[str, t.Any]]:
    log = log_of(rule)
    labels = {"severity": rule["severity"], "rule": rule["name"], "log": log}
    where = f"{log} on {{{{ $labels.host }}}}"
    if rule["match"]:
        shown = {"line": ""} if rule["show_line"] else {}
        lines = [rule["description"], "The last line: {{ $labels.line }}"] if rule["show_line"] else [rule["description"]]
        description = " ".join(line for line in lines if line)
        yield {
            "alert": alert_name(rule),
            "expr": _expression(rule, hosts),
            **({"for": rule["for"]} if parse_duration(rule["for"]) else {}),
            # An empty value removes the label: the alert must stay the same alert when another line follows.
            "labels": {**labels, **shown},
            "annotations": {"summary": rule["summary"], **({"description": description} if description else {})},
        }
    if rule["silent_for"]:
        # Without lines, there is no stream, and the labels of the result come from the query: one query for each host.
        for host in hosts:
            yield {
                "alert": SILENT,
                "expr": f"absent_over_time({_selector(rule, [host])} [{rule['silent_for']}])",
                "labels": {**labels, "host": host},
                "annotations": {
                    "summary": f"{where} has had no line for {rule['silent_for']}",
                    "description": _SILENT_DESCRIPTION,
                },
            }
    if rule["flood"]:
        yield {
            "alert": FLOOD,
            "expr": f"sum by (host) (rate({_selector(rule, hosts)} [5m])) > {rule['flood']:g}",
            "for": "5m",
            "labels": labels,
            "annotations": {
                "summary": f"{where} grows by {{{{ $value | humanize }}}} lines per second",
                "description": f"The log rule {rule['name']} allows {rule['flood']:g} lines per second.",
            },
        }


def _expression(rule: LogRule, hosts: list[str]) -> str:
    by = ", ".join(["host", *rule["labels"]])
    selector, window = _selector(rule, hosts), rule["window"]
    match = _matching(selector, rule["match"], rule["labels"])

    def last(lines: str) -> str:
        return f"max by ({by}) (max_over_time({lines} {_TIME} [{window}]))"

    if rule["show_line"]:
        expression = f"topk by ({by}) (1, max by ({by}, line) (max_over_time({match} {_LINE} {_TIME} [{window}])))"
    elif rule["clear"]:
        expression = last(match)
    else:
        expression = f"sum by ({by}) (count_over_time({match} [{window}]))"
    if rule["clear"]:
        cleared = last(_matching(selector, rule["clear"], rule["labels"]))
        expression = f"({expression}\nunless on ({by})\n({cleared}\n>= on ({by})\n{last(match)}))"
    if rule["labels"]:
        expression = f"topk by (host) ({rule['label_limit']}, {expression})"
    return f"{expression} > 0"


def _matching(selector: str, expression: str, labels: list[str]) -> str:
    """Return the query of the lines that match, with *labels* from the named groups of the *expression*."""
    quoted = _quoted(expression)
    query = f"{selector} |~ {quoted}"
    groups = named_groups(expression)
    if any(label in groups for label in labels):
        query += f" | regexp {quoted}"
    if FILE_LABEL in labels and FILE_LABEL not in groups:
        query += f" | label_format {FILE_LABEL}=filename"
    return query


def _selector(rule: LogRule, hosts: list[str]) -> str:
    host = f"host={json.dumps(hosts[0])}" if len(hosts) == 1 else f"host=~{any_of(hosts)}"
    if rule["journal"]:
        return f"{{{host}, unit={json.dumps(rule['journal']['unit'])}}}"
    paths = "|".join(_glob(path) for path in rule["files"])
    return f"{{{host}, filename=~{json.dumps(paths, ensure_ascii=False)}}}"


def _glob(path: str) -> str:
    """Return the regular expression of a glob pattern. LogQL compares the whole value."""
    # A pattern can have sets in brackets, which regular expressions have, too.
    parts = re.split(r"(\*|\?|\[[^\]]*\])", path)
    return "".join(
        _WILDCARDS.get(part) or (part.replace("[!", "[^", 1) if part.startswith("[") else re.escape(part)) for part in parts
    )


def _quoted(expression: str) -> str:
    # A text in backquotes has no escapes, so that the expression stays readable.
    return json.dumps(expression, ensure_ascii=False) if "`" in expression else f"`{expression}`"
