# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log rules as rules of Loki. A Loki 3.7.6 has evaluated rules of each of these forms."""

from __future__ import annotations

import typing as t

import pytest
from models import log_rule

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.logql import log_rule_groups

SELECTOR = '{host="a", filename=~"/var/log/app\\\\.log"}'
TIME = "| label_format vigie_time=`{{ __timestamp__ | unixEpochMillis }}` | unwrap vigie_time"


def groups(**hosts: t.Any) -> list[dict[str, t.Any]]:
    """Return the rule groups for *hosts* with these log rules."""
    model: t.Any = {"hosts": {name: {"logs": rules} for name, rules in hosts.items()}, "logs_engine": "loki"}
    return log_rule_groups(model)


def alert(**changes: t.Any) -> dict[str, t.Any]:
    """Return the one alert of a rule on the host *a*."""
    ((found,),) = [group["rules"] for group in groups(a=[log_rule(**changes)])]
    return found


def test_an_event_fires_while_a_line_of_the_window_matches() -> None:
    """With the name, the labels and the texts of the rule, as with mtail."""
    assert alert(name="out_of_disk", match="full", severity="critical", summary="S", description="D") == {
        "alert": "LogOutOfDisk",
        "expr": f"sum by (host) (count_over_time({SELECTOR} |~ `full` [15m])) > 0",
        "labels": {"severity": "critical", "rule": "out_of_disk", "log": "/var/log/app.log"},
        "annotations": {"summary": "S", "description": "D"},
    }
    assert alert(**{"for": "2m"})["for"] == "2m"


def test_a_state_fires_until_a_later_line_clears_it() -> None:
    """The times of the lines are compared."""

    def last(expression: str) -> str:
        return f"max by (host) (max_over_time({SELECTOR} |~ `{expression}` {TIME} [1h]))"

    expected = f"({last('full')}\nunless on (host)\n({last('free')}\n>= on (host)\n{last('full')})) > 0"
    assert alert(match="full", clear="free", window="1h")["expr"] == expected


def test_labels_come_from_the_line_and_are_limited() -> None:
    """A file is the label that Alloy sets, unless a group has the name."""
    assert alert(match="full (?P<path>.)", labels=["path", "file"], label_limit=7)["expr"] == (
        f"topk by (host) (7, sum by (host, path, file) (count_over_time({SELECTOR} |~ `full (?P<path>.)`"
        " | regexp `full (?P<path>.)` | label_format file=filename [15m]))) > 0"
    )
    assert "label_format" not in alert(match="(?P<file>.)", labels=["file"])["expr"]
    assert "regexp" not in alert(match="(?P<path>.)", labels=["file"])["expr"]


def test_the_last_line_is_in_the_text_and_not_in_the_labels_of_the_alert() -> None:
    """The alert stays the same alert when another line follows."""
    found = alert(match="full", show_line=True, description="D.")
    assert found["expr"] == (
        "topk by (host) (1, max by (host, line) (max_over_time("
        f"{SELECTOR} |~ `full` | label_format line=`{{{{ __line__ }}}}` {TIME} [15m]))) > 0"
    )
    assert found["labels"]["line"] == ""
    assert found["annotations"]["description"] == "D. The last line: {{ $labels.line }}"


def test_silence_is_seen_for_each_host() -> None:
    """A host without lines has no stream, so that the query names the host."""
    rule = log_rule(match="", silent_for="1h", files=[], journal={"unit": "app"})
    (group,) = groups(a=[rule], b=[rule])
    assert [(item["alert"], item["expr"], item["labels"]["host"]) for item in group["rules"]] == [
        ("LogSilent", 'absent_over_time({host="a", unit="app.service"} [1h])', "a"),
        ("LogSilent", 'absent_over_time({host="b", unit="app.service"} [1h])', "b"),
    ]


def test_a_flood_is_a_rate() -> None:
    """In lines per second."""
    found = alert(match="", flood=2.5)
    assert (found["alert"], found["expr"]) == ("LogFlood", f"sum by (host) (rate({SELECTOR} [5m])) > 2.5")


def test_hosts_with_the_same_rule_share_a_group() -> None:
    """Examples make no difference, everything else does."""
    found = groups(
        a=[log_rule(match="x")], **{"b.c": [log_rule(match="x", examples={"matches": ["x"]})]}, d=[log_rule(match="y")]
    )
    assert [group["name"] for group in found] == ["log_r", "log_r_2"]
    assert 'host=~"a|b\\\\.c"' in found[0]["rules"][0]["expr"]
    assert 'host="d"' in found[1]["rules"][0]["expr"]


@pytest.mark.parametrize(
    ("pattern", "expression"),
    [
        ("/var/log/*/a?.log", "/var/log/[^/]*/a[^/]\\\\.log"),
        ("/var/log/a[!0-9].log", "/var/log/a[^0-9]\\\\.log"),
        ("/var/log/a[xy]+.log", "/var/log/a[xy]\\\\+\\\\.log"),
    ],
)
def test_a_wildcard_matches_within_a_directory(pattern: str, expression: str) -> None:
    """As in the pattern of Alloy."""
    assert f'filename=~"{expression}"' in alert(files=[pattern])["expr"]


def test_an_expression_with_a_backquote_is_escaped() -> None:
    """A text in backquotes cannot have one."""
    assert '|~ "`\\\\d\\"" [15m]' in alert(match='`\\d"')["expr"]


def test_with_mtail_loki_has_no_rules() -> None:
    """Each rule is evaluated once."""
    model: t.Any = {"hosts": {"a": {"logs": [log_rule()]}}}
    assert log_rule_groups(model) == []
