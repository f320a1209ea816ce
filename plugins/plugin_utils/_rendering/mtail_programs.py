# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of mtail, one for each log rule, and the logs that they read. Private to the collection.

The programs use the parts of the language that mtail 3.0.0-rc50 (Debian 12) to 3.2.24 have. mtail adds the label ``prog`` to each
metric, which is the file name of the program. Metrics of different programs with the same name must have the same label names, so
that the metrics with labels of a rule have the name of the rule in their names.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import regular_expressions
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.log_rules import FILE_LABEL, LogRule
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model

# The role mtail writes the lines of each unit's journal into the named pipe of the unit in this directory.
JOURNALS = "/run/vigie/mtail/journal"
# The value of all labels of a line whose own values are more than label_limit.
OTHER = "(other)"
# The metrics of every program.
LINES = "log_rule_source_lines_total"
LAST_LINE = "log_rule_source_last_line_timestamp_seconds"
# The metrics of programs with match.
MATCHES = "log_rule_matches_total"
LAST_MATCH = "log_rule_last_match_timestamp_seconds"
# The metrics of programs with clear.
CLEARS = "log_rule_clears_total"
LAST_CLEAR = "log_rule_last_clear_timestamp_seconds"
STATE = "log_rule_state"
# The metric of programs with labels.
DROPPED = "log_rule_dropped_label_values_total"
_INDENT = "  "


def program_name(rule: LogRule) -> str:
    """Return the file name of the program of *rule*."""
    return f"{rule['name']}.mtail"


def metric_of(rule: LogRule, metric: str) -> str:
    """Return the name of *metric* for *rule*, which has the name of the rule in it if the rule has labels."""
    return metric.replace("log_rule_", f"log_rule_{rule['name']}_", 1) if rule["labels"] else metric


def mtail_programs(model: Model, host: str) -> dict[str, str]:
    """Return the program of each log rule of *host*, by file name."""
    return {program_name(rule): program(rule, source_pattern(rule)) for rule in model["hosts"][host].get("logs", [])}


def mtail_sources(model: Model, host: str) -> dict[str, t.Any]:
    """Return the logs that the programs of *host* read: the glob patterns of files, and the unit and pipe of each journal."""
    rules = model["hosts"][host].get("logs", [])
    units = {rule["journal"]["unit"] for rule in rules if rule["journal"]}
    return {
        "files": sorted({path for rule in rules for path in rule["files"]}),
        "journals": [{"unit": unit, "path": journal_path(unit)} for unit in sorted(units)],
    }


def journal_path(unit: str) -> str:
    """Return the path of the named pipe with the journal of *unit*."""
    return f"{JOURNALS}/{unit}"


def source_pattern(rule: LogRule) -> str:
    """Return a regular expression that matches the paths of the logs of *rule*, and no other path."""
    paths = [re.escape(journal_path(rule["journal"]["unit"]))] if rule["journal"] else map(_glob_expression, rule["files"])
    return f"^({'|'.join(paths)})$"


def _glob_expression(glob: str) -> str:
    """Return the regular expression of a glob pattern of Go's package filepath."""
    parts = re.findall(r"\*|\?|\[[^\]]*\]|[^*?\[]+", glob)
    wildcards = {"*": "[^/]*", "?": "[^/]"}
    return "".join(wildcards.get(part) or (part if part.startswith("[") else re.escape(part)) for part in parts)


def program(rule: LogRule, sources: str) -> str:
    """Return the program of *rule*, which counts only lines of files whose paths match the regular expression *sources*."""
    lines = [
        "# Made by vigie.monitoring from monitoring_logs in the inventory. Changes made here are lost at its next run.",
        f"counter {LINES}",
        f"gauge {LAST_LINE}",
        *_declarations(rule),
        "",
        f"getfilename() !~ {_literal(sources)} {{",
        f"{_INDENT}stop",
        "}",
        "/$/ {",
        f"{_INDENT}{LINES}++",
        f"{_INDENT}{LAST_LINE} = timestamp()",
        "}",
    ]
    if rule["clear"]:
        lines += _block(f"{_literal(rule['clear'])} {{", _clear_actions(rule))
    if rule["match"]:
        lines += _block(f"{_literal(rule['match'])} {{", _match_actions(rule))
    return "".join(f"{line}\n" for line in lines)


def _declarations(rule: LogRule) -> list[str]:
    if not rule["match"]:
        return []
    metrics = [("counter", MATCHES), ("gauge", LAST_MATCH)]
    metrics += [("gauge", LAST_CLEAR), ("gauge", STATE)] if rule["clear"] else []
    found = [f"{kind} {name}" for kind, name in metrics]
    if rule["clear"]:
        found.append(f"counter {CLEARS}")
    if rule["labels"]:
        by = f" by {', '.join(rule['labels'])}"
        found += [f"{kind} {metric_of(rule, name)}{by}" for kind, name in metrics]
        found += [f"counter {DROPPED}", f"hidden gauge known{by}", "hidden gauge known_total"]
    return found


def _match_actions(rule: LogRule) -> list[str]:
    actions = [f"{MATCHES}++", f"{LAST_MATCH} = timestamp()"]
    if rule["clear"]:
        # mtail exports a gauge after its first assignment.
        actions += [f"{STATE} = 1", f"{LAST_CLEAR} += 0"]
    if not rule["labels"]:
        return actions
    values = _index(rule)
    # An unlimited number of values would fill the memory of mtail and Prometheus.
    return [
        *actions,
        *_block(f"known{values} == 0 && known_total < {rule['label_limit']} {{", [f"known{values} = 1", "known_total++"]),
        f"known{values} == 1 {{",
        *_indented(_labelled_match(rule, values)),
        "} else {",
        *_indented([f"del known{values}", f"{DROPPED}++", *_labelled_match(rule, f'["{OTHER}"]' * len(rule["labels"]))]),
        "}",
    ]


def _labelled_match(rule: LogRule, values: str) -> list[str]:
    actions = [f"{metric_of(rule, MATCHES)}{values}++", f"{metric_of(rule, LAST_MATCH)}{values} = timestamp()"]
    if rule["clear"]:
        actions += [f"{metric_of(rule, STATE)}{values} = 1", f"{metric_of(rule, LAST_CLEAR)}{values} += 0"]
    return actions


def _clear_actions(rule: LogRule) -> list[str]:
    actions = [f"{CLEARS}++", f"{STATE} = 0", f"{LAST_CLEAR} = timestamp()"]
    if rule["labels"]:
        values = _index(rule)
        actions += [
            f"known{values} == 1 {{",
            *_indented([f"{metric_of(rule, STATE)}{values} = 0", f"{metric_of(rule, LAST_CLEAR)}{values} = timestamp()"]),
            # A comparison creates the value.
            "} else {",
            *_indented([f"del known{values}"]),
            "}",
        ]
    # A line that matches both expressions clears the state.
    return [*actions, "stop"]


def _index(rule: LogRule) -> str:
    groups = regular_expressions.named_groups(rule["match"])
    return "".join(
        "[getfilename()]" if label == FILE_LABEL and label not in groups else f"[${label}]" for label in rule["labels"]
    )


def _literal(expression: str) -> str:
    """Return a regular expression as a literal of mtail, in which only the slash has a meaning of its own."""
    return "/" + re.sub(r"(\\.)|/", lambda found: found.group(1) or r"\/", expression) + "/"


def _block(head: str, actions: t.Iterable[str]) -> list[str]:
    return [head, *_indented(actions), "}"]


def _indented(actions: t.Iterable[str]) -> list[str]:
    return [f"{_INDENT}{action}" for action in actions]
