# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log rules of monitoring_logs: which lines of which logs raise an alert. Private to the collection."""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import regular_expressions
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.alert_rules import SEVERITIES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import (
    DURATION,
    LABEL_NAME,
    RESERVED,
    parse_duration,
    parse_number,
)


class Journal(t.TypedDict):
    """A journal that a log rule reads."""

    # The name of the unit, with its suffix: app.service.
    unit: str


# "for" is a keyword of Python, so that the types of the keys are in a dictionary.
LogRule = t.TypedDict(
    "LogRule",
    {
        "name": str,
        # Glob patterns of files. Empty where the rule reads a journal.
        "files": list[str],
        # None where the rule reads files.
        "journal": t.Optional[Journal],
        # A regular expression of RE2. Empty for a rule that only observes whether and how often the log has lines.
        "match": str,
        # A regular expression of the line that ends the state. Empty where each matching line is an event.
        "clear": str,
        "severity": str,
        # Durations of Prometheus.
        "for": str,
        "window": str,
        "summary": str,
        "description": str,
        # Named groups of match, or "file".
        "labels": list[str],
        # How many combinations of values the labels may have.
        "label_limit": int,
        "show_line": bool,
        # A duration of Prometheus, or an empty string.
        "silent_for": str,
        # Lines in each second, or 0 for no alert.
        "flood": float,
        # By matches, others and clears: lines.
        "examples": dict[str, list[str]],
    },
)
# Field, value, remedy.
Problem = tuple[str, t.Any, str]

ENGINES = ("mtail", "loki")
KEYS = tuple(LogRule.__annotations__)
# The kinds of examples, and whether a rule must have match or clear for them.
EXAMPLES: dict[str, t.Literal["match", "clear"]] = {"matches": "match", "others": "match", "clears": "clear"}
# Alerts that all rules have in common: no line for silent_for, more lines than flood, more values of labels than label_limit.
SILENT, FLOOD, DROPPED_LABEL_VALUES = "LogSilent", "LogFlood", "LogLabelValuesDropped"
# The label that has the path of the file of the line.
FILE_LABEL = "file"
# Labels of the metrics and alerts that the collection sets.
_RESERVED_LABELS = {*RESERVED, "alertname", "log", "prog", "rule", "severity"}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]+")
_UNIT_SUFFIXES = (".service", ".socket", ".timer", ".mount", ".path", ".scope", ".slice", ".target", ".swap", ".automount")
_EVENT_WINDOW, _STATE_WINDOW = "15m", "1d"
_DURATION_FORM = "must be a duration with a unit: 30s, 15m, 1h30m"
_MOST_LABEL_VALUES = 1000


def build_log_rule(raw: t.Any) -> tuple[LogRule | None, list[Problem]]:
    """Return a complete log rule, or None, and the problems of *raw*."""
    if not isinstance(raw, dict):
        return None, [("", raw, "must be a dictionary with name, files or journal, and match")]
    given = {key: value for key, value in raw.items() if value is not None}
    problems = [*_unknown_keys(given), *_type_problems(given)]
    if problems:
        return None, problems
    files, journal = given.get("files", []), given.get("journal")
    rule: LogRule = {
        "name": given["name"],
        "files": list(files),
        "journal": {"unit": _full_unit(journal["unit"])} if journal else None,
        "match": given.get("match", ""),
        "clear": given.get("clear", ""),
        "severity": given.get("severity", "warning"),
        "for": str(given.get("for", "0m")),
        "window": given.get("window", _STATE_WINDOW if given.get("clear") else _EVENT_WINDOW),
        "summary": given.get("summary", f"The log rule {given['name']} matched on {{{{ $labels.host }}}}"),
        "description": given.get("description", ""),
        "labels": list(given.get("labels", [])),
        "label_limit": given.get("label_limit", 100),
        "show_line": given.get("show_line", False),
        "silent_for": given.get("silent_for", ""),
        "flood": parse_number(given.get("flood", 0)) or 0,
        "examples": {kind: list(given.get("examples", {}).get(kind) or []) for kind in EXAMPLES},
    }
    problems = [*_source_problems(rule), *_expression_problems(rule), *_label_problems(rule), *_time_problems(rule)]
    return (None if problems else rule), problems


def alert_name(rule: LogRule) -> str:
    """Return the name of the alert about matching lines: LogOutOfDisk for out_of_disk."""
    return "Log" + "".join(word.capitalize() for word in rule["name"].split("_"))


def log_of(rule: LogRule) -> str:
    """Return the sources of *rule* as a text: the unit, or the files."""
    return rule["journal"]["unit"] if rule["journal"] else ", ".join(rule["files"])


def distinct_rules(lists: t.Iterable[list[LogRule] | None]) -> t.Iterable[LogRule]:
    """Return the rules in *lists*, once if hosts share a list or a rule."""
    by_list = {id(rules): rules for rules in lists if rules}
    return {id(rule): rule for rules in by_list.values() for rule in rules}.values()


def alert_label_values(rule: LogRule, label: str) -> set[str]:
    """Return the values that the alerts of *rule* set for a label."""
    alerts = {
        alert_name(rule): rule["match"],
        SILENT: rule["silent_for"],
        FLOOD: rule["flood"],
        DROPPED_LABEL_VALUES: rule["labels"],
    }
    values = {
        "alertname": {name for name, is_used in alerts.items() if is_used},
        "severity": {rule["severity"], *(["warning"] if rule["labels"] else [])},
        "rule": {rule["name"]},
        "log": {log_of(rule)},
    }
    return values.get(label, set())


def is_expected(value: t.Any, kind: type | tuple[type, ...]) -> bool:
    """Return whether *value* has the type *kind*. For Python, true and false are integers."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


_TEXTS = ("match", "clear", "severity", "window", "summary", "description", "silent_for")


def _unknown_keys(given: dict[str, t.Any]) -> t.Iterator[Problem]:
    for key in sorted(map(str, set(given) - set(KEYS))):
        near = difflib.get_close_matches(key, KEYS, n=1)
        yield "", key, f"unknown key. {f'Did you mean {near[0]}?' if near else 'The known keys are ' + ', '.join(KEYS)}"


def _type_problems(given: dict[str, t.Any]) -> t.Iterator[Problem]:
    """Yield the problems of values with the wrong type. The further functions rely on the types."""
    name = given.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield (
            "name",
            name,
            "must consist of lower-case letters, digits and underscores, start with a letter, and have at most 50 characters",
        )
    for key in _TEXTS:
        if not isinstance(given.get(key, ""), str):
            yield key, given[key], "must be a string. Put the value in quotes"
    for key in ("files", "labels"):
        value = given.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            yield key, value, "must be a list of strings"
    journal = given.get("journal", {"unit": "a"})
    if not isinstance(journal, dict) or set(journal) != {"unit"} or not isinstance(journal["unit"], str):
        yield "journal", journal, "must be a dictionary with the key unit: {unit: app.service}"
    if not is_expected(given.get("show_line", False), bool):
        yield "show_line", given["show_line"], "must be true or false"
    limit = given.get("label_limit", 1)
    if not is_expected(limit, int) or not 1 <= limit <= _MOST_LABEL_VALUES:
        yield "label_limit", limit, f"must be a whole number from 1 to {_MOST_LABEL_VALUES}"
    flood = given.get("flood", 0)
    if (parse_number(flood) or 0) <= 0 and "flood" in given:
        yield "flood", flood, "must be a number of lines in each second that is greater than 0"
    yield from _example_type_problems(given.get("examples", {}))


def _example_type_problems(examples: t.Any) -> t.Iterator[Problem]:
    if not isinstance(examples, dict) or set(examples) - set(EXAMPLES):
        yield "examples", examples, f"must be a dictionary with the keys {', '.join(EXAMPLES)}"
        return
    for kind, lines in examples.items():
        if not isinstance(lines or [], list) or not all(isinstance(line, str) and line for line in lines or []):
            yield f"examples.{kind}", lines, "must be a list of lines, as strings. Put each line in quotes"
        elif any("\n" in line or "\r" in line for line in lines or []):
            yield f"examples.{kind}", lines, "each example must be one line. Remove the line breaks"


def _source_problems(rule: LogRule) -> t.Iterator[Problem]:
    if rule["files"] and rule["journal"]:
        yield "files", rule["files"], "the rule has journal, too. Keep one of them, and write a second rule for the other"
    elif not rule["files"] and not rule["journal"]:
        yield "files", rule["files"], "the rule has no log. Set files: [/var/log/app/*.log], or journal: {unit: app.service}"
    if rule["journal"] and not _UNIT.fullmatch(rule["journal"]["unit"]):
        yield "journal.unit", rule["journal"]["unit"], "must be the name of a systemd unit: app.service"
    for path in rule["files"]:
        remedy = _file_problem(path)
        if remedy:
            yield "files", path, remedy


def _file_problem(path: str) -> str | None:
    if not path.startswith("/"):
        return "must be an absolute path, which starts with a slash. A path can have the wildcards * and ?"
    if "**" in path:
        return "must have no **. The wildcard * matches within one directory. List a path for each directory"
    # mtail separates paths with commas.
    if re.search(r"[,\s{}\\]", path):
        return "must have no spaces, commas, braces and backslashes. Use the wildcard ? in place of such a character"
    if any(part in ("", ".", "..") for part in path[1:].split("/")):
        return "must be the path of a file, without empty parts, . and .."
    if path.count("[") != path.count("]"):
        return "must have a closing bracket for each opening bracket"
    return None


def _expression_problems(rule: LogRule) -> t.Iterator[Problem]:
    if not rule["match"] and not (rule["silent_for"] or rule["flood"]):
        yield "match", rule["match"], "must be a regular expression. Only a rule with silent_for or flood needs no match"
    for key in ("match", "clear"):
        remedy = regular_expressions.problem(rule[key]) if rule[key] else None
        if remedy:
            yield key, rule[key], remedy
    if rule["clear"] and not rule["match"]:
        yield "clear", rule["clear"], "the rule has no match, so that there is no state to clear. Set match"
    elif rule["clear"] and rule["clear"] == rule["match"]:
        yield "clear", rule["clear"], "must be a different regular expression than match"
    for kind, key in EXAMPLES.items():
        if rule["examples"][kind] and not rule[key]:
            yield f"examples.{kind}", rule["examples"][kind], f"the rule has no {key}. Set {key}, or remove these examples"


def _label_problems(rule: LogRule) -> t.Iterator[Problem]:
    groups = regular_expressions.named_groups(rule["match"])
    for label in rule["labels"]:
        if label in _RESERVED_LABELS or label.startswith("__"):
            yield "labels", label, f"the label name {label} is reserved. Rename the group"
        elif not LABEL_NAME.fullmatch(label):
            yield "labels", label, "must consist of letters, digits and underscores, and must not start with a digit"
        elif label not in groups and label != FILE_LABEL:
            known = f"The groups are {', '.join(groups)}" if groups else f"Write (?P<{label}>...) in match"
            yield "labels", label, f"match has no group of this name. {known}. The label file has the path of the file"
        elif rule["clear"] and label != FILE_LABEL and label not in regular_expressions.named_groups(rule["clear"]):
            yield "labels", label, "clear has no group of this name, so that no line could clear the state of one value"
    if len(set(rule["labels"])) < len(rule["labels"]):
        yield "labels", rule["labels"], "must have each label once"
    if rule["labels"] and rule["journal"] and FILE_LABEL in rule["labels"] and FILE_LABEL not in groups:
        yield "labels", FILE_LABEL, "a journal has no files. Remove the label"


def _time_problems(rule: LogRule) -> t.Iterator[Problem]:
    if rule["severity"] not in SEVERITIES:
        yield "severity", rule["severity"], f"must be one of {', '.join(SEVERITIES)}"
    if rule["for"] != "0" and not DURATION.fullmatch(rule["for"]):
        yield "for", rule["for"], _DURATION_FORM
    for key, value in (("window", rule["window"]), ("silent_for", rule["silent_for"] or rule["window"])):
        if not parse_duration(value):
            yield key, value, _DURATION_FORM
            break
    if parse_duration(rule["window"]) and parse_duration(rule["for"]) >= parse_duration(rule["window"]):
        yield "for", rule["for"], f"must be shorter than window, which is {rule['window']}. Otherwise the alert never fires"


def _full_unit(unit: str) -> str:
    return unit if unit.endswith(_UNIT_SUFFIXES) else f"{unit}.service"
