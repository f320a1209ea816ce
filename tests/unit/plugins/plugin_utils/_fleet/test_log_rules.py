# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log rules of monitoring_logs: the complete rule, and what is wrong with a rule."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.log_rules import build_log_rule, log_of

RAW = {"name": "out_of_disk", "files": ["/var/log/app/*.log"], "match": r"No space left on device: (?P<path>\S+)"}


def test_a_short_rule_gets_the_defaults() -> None:
    """A rule needs a name, a log and an expression."""
    rule, problems = build_log_rule(RAW)
    assert problems == []
    assert rule == {
        **RAW,
        "journal": None,
        "clear": "",
        "severity": "warning",
        "for": "0m",
        "window": "15m",
        "summary": "The log rule out_of_disk matched on {{ $labels.host }}",
        "description": "",
        "labels": [],
        "label_limit": 100,
        "show_line": False,
        "silent_for": "",
        "flood": 0,
        "examples": {"matches": [], "others": [], "clears": []},
    }


def test_a_state_lasts_longer_than_an_event() -> None:
    """Until the line that clears the state, or one day."""
    rule, problems = build_log_rule({**RAW, "clear": "space available"})
    assert (problems, rule and rule["window"]) == ([], "1d")


def test_a_journal_has_the_full_name_of_the_unit() -> None:
    """As systemd completes the name."""
    for unit, full in (("app", "app.service"), ("backup.timer", "backup.timer"), ("app.service", "app.service")):
        rule, problems = build_log_rule({"name": "a", "journal": {"unit": unit}, "silent_for": "1h"})
        assert problems == []
        assert rule is not None
        assert rule["journal"] == {"unit": full}
        assert log_of(rule) == full


@pytest.mark.parametrize(
    ("change", "field", "remedy"),
    [
        ({"name": "Out-of-disk"}, "name", "lower-case letters"),
        ({"name": None}, "name", "lower-case letters"),
        ({"sevrity": "info"}, "", "Did you mean severity?"),
        ({"zzz": 1}, "", "The known keys are name, files"),
        ({"files": "/var/log/a"}, "files", "must be a list of strings"),
        ({"files": ["app.log"]}, "files", "must be an absolute path"),
        ({"files": ["/var/log/**/a.log"]}, "files", "must have no **"),
        ({"files": ["/var/log/a b"]}, "files", "must have no spaces"),
        ({"files": ["/var/log/{a,b}"]}, "files", "must have no spaces, commas, braces"),
        ({"files": ["/var/../log"]}, "files", "without empty parts"),
        ({"files": ["/var/log/"]}, "files", "without empty parts"),
        ({"files": ["/var/log/[ab"]}, "files", "closing bracket"),
        ({"files": []}, "files", "the rule has no log"),
        ({"journal": {"unit": "a"}}, "files", "the rule has journal, too"),
        ({"files": None, "journal": {"unit": "a b"}}, "journal.unit", "the name of a systemd unit"),
        ({"files": None, "journal": "a"}, "journal", "{unit: app.service}"),
        ({"match": None}, "match", "Only a rule with silent_for or flood needs no match"),
        ({"match": 7}, "match", "must be a string"),
        ({"match": "(?=x)"}, "match", "a lookahead"),
        ({"clear": "(x"}, "clear", "missing )"),
        ({"clear": RAW["match"]}, "clear", "must be a different regular expression"),
        ({"match": None, "silent_for": "1h", "clear": "x"}, "clear", "no state to clear"),
        ({"severity": "critial"}, "severity", "must be one of info, warning, critical"),
        ({"for": "5"}, "for", "must be a duration"),
        ({"window": "soon"}, "window", "must be a duration"),
        ({"silent_for": "1"}, "silent_for", "must be a duration"),
        ({"for": "15m"}, "for", "must be shorter than window, which is 15m"),
        ({"labels": ["user"]}, "labels", "match has no group of this name. The groups are path"),
        ({"labels": ["host"]}, "labels", "the label name host is reserved"),
        ({"labels": ["prog"]}, "labels", "the label name prog is reserved"),
        ({"labels": ["path", "path"]}, "labels", "each label once"),
        ({"labels": ["path"], "clear": "x"}, "labels", "clear has no group of this name"),
        ({"label_limit": 0}, "label_limit", "from 1 to 1000"),
        ({"label_limit": True}, "label_limit", "from 1 to 1000"),
        ({"files": None, "journal": {"unit": "a"}, "labels": ["file"]}, "labels", "a journal has no files"),
        ({"show_line": "yes"}, "show_line", "must be true or false"),
        ({"flood": 0}, "flood", "greater than 0"),
        ({"flood": "many"}, "flood", "greater than 0"),
        ({"examples": {"match": ["x"]}}, "examples", "matches, others, clears"),
        ({"examples": {"matches": "x"}}, "examples.matches", "must be a list of lines"),
        ({"examples": {"others": ["a\nb"]}}, "examples.others", "must be one line"),
        ({"examples": {"clears": ["x"]}}, "examples.clears", "the rule has no clear"),
    ],
)
def test_a_mistake_is_one_problem(change: dict[str, t.Any], field: str, remedy: str) -> None:
    """The problem names the field, and what to do."""
    rule, problems = build_log_rule({**RAW, **change})
    assert rule is None
    assert [found for found, _value, _remedy in problems] == [field]
    assert remedy in problems[0][2]


def test_a_rule_is_a_dictionary() -> None:
    """A string is none."""
    assert build_log_rule("x") == (None, [("", "x", "must be a dictionary with name, files or journal, and match")])
