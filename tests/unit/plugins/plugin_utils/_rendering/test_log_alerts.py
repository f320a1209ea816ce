# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts of log rules, evaluated by promtool."""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import pytest
from models import log_rule

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.log_alerts import log_alerts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.rules import alert_rules

PROG = 'host="a", prog="r.mtail"'
# The labels and annotations of the alert of a plain rule.
FIRING = {
    "exp_labels": {"host": "a", "severity": "warning", "rule": "r", "log": "/var/log/app.log"},
    "exp_annotations": {"summary": "The log rule r matched on a"},
}


def fleet(hosts: dict[str, list[t.Any]], **more: t.Any) -> t.Any:
    """Return a model of *hosts* with log rules, all of which the server p scrapes."""
    found: dict[str, t.Any] = {name: {"logs": rules} if rules else {} for name, rules in hosts.items()}
    settings = {"scrape_hosts": sorted(hosts)}
    return {"hosts": found, "servers": {"prometheus": {"p": settings}}, "rules": {}, **more}


def alerts(hosts: dict[str, list[t.Any]], **more: t.Any) -> list[dict[str, t.Any]]:
    """Return the alerts of a fleet."""
    return [alert for group in log_alerts(fleet(hosts, **more), "p") for alert in group["rules"]]


def evaluate(promtool: str, directory: Path, rule: t.Any, series: dict[str, str], cases: dict[str, list[t.Any]]) -> None:
    """Evaluate the alerts of *rule* on host a each minute; *cases*: by alert and time, the expected alerts."""
    groups = log_alerts(fleet({"a": [rule]}), "p")
    (directory / "rules.yml").write_text(json.dumps({"groups": groups}))
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"alertname": case.split()[0], "eval_time": case.split()[1], "exp_alerts": expected}
            for case, expected in cases.items()
        ],
    }
    tests = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
    (directory / "test.yml").write_text(json.dumps(tests))
    done = subprocess.run([promtool, "test", "rules", "test.yml"], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def event(matches: str, last: str, labels: str = PROG) -> dict[str, str]:
    """Return the series of an event; promtool's clock starts at 0."""
    return {
        f"log_rule_matches_total{{{labels}}}": matches,
        f"log_rule_last_match_timestamp_seconds{{{labels}}}": last,
    }


@pytest.mark.parametrize(
    ("series", "firing", "quiet"),
    [
        # A match at 10 min: the alert resolves after the window, although the counter stays at 1.
        (event("0x9 1x60", "_x10 600x60"), ["10m", "24m"], ["9m", "26m"]),
        # mtail starts at 10 min, and the first scrape sees the first match.
        (event("_x10 1x60", "_x10 590x60"), ["10m", "24m"], ["9m", "26m"]),
        # mtail restarts at 40 min. The first scrape sees the counter of before.
        (event("0x9 1x60", "_x10 600x29 2395x60"), ["10m", "40m", "54m"], ["30m", "56m"]),
        # mtail restarts within the window: the alert stays.
        (event("0x9 1x2 0x60", "_x10 600x2"), ["12m", "20m"], ["26m"]),
        # A Prometheus server that is new, and old matches.
        (event("7x60", "-9000x60"), [], ["0m", "5m", "20m"]),
    ],
    ids=["first match", "match before the first scrape", "same count after a restart", "restart", "new server"],
)
def test_an_event_fires_and_resolves(
    promtool: str, tmp_path: Path, series: dict[str, str], firing: list[str], quiet: list[str]
) -> None:
    """In the cases that an increase alone does not see, too."""
    cases: dict[str, list[t.Any]] = {**{f"LogR {time}": [FIRING] for time in firing}, **{f"LogR {time}": [] for time in quiet}}
    evaluate(promtool, tmp_path, log_rule(), series, cases)


def test_an_event_with_labels_fires_for_each_value(promtool: str, tmp_path: Path) -> None:
    """A series that begins with the first match is seen."""
    rule = log_rule(name="full", match=r"full: (?P<path>\S+)", labels=["path"], severity="critical", **{"for": "2m"})
    labels = 'host="a", prog="full.mtail", path="/srv"'
    series = {
        name.replace("log_rule_", "log_rule_full_"): values for name, values in event("_x10 1x60", "_x10 600x60", labels).items()
    }
    series['log_rule_dropped_label_values_total{host="a", prog="full.mtail"}'] = "0x29 5x60"
    labelled = {"host": "a", "severity": "critical", "rule": "full", "log": "/var/log/app.log", "path": "/srv"}
    firing = {"exp_labels": labelled, "exp_annotations": {"summary": "The log rule full matched on a"}}
    dropped = {
        "exp_labels": {**FIRING["exp_labels"], "rule": "full"},
        "exp_annotations": {
            "summary": "The labels of the log rule full on a have more than 100 values",
            "description": "Further values count as (other). Choose a label that has fewer values, or raise label_limit.",
        },
    }
    evaluate(
        promtool,
        tmp_path,
        rule,
        series,
        {
            "LogFull 11m": [],
            "LogFull 13m": [firing],
            "LogFull 26m": [],
            "LogLabelValuesDropped 29m": [],
            "LogLabelValuesDropped 35m": [dropped],
        },
    )


@pytest.mark.parametrize(
    ("last_clear_state", "firing", "quiet"),
    [
        (["_x10 600x60", "_x10 0x60", "_x10 1x60"], ["10m", "38m"], ["9m", "41m"]),
        (["_x10 600x60", "_x10 0x10 1260x60", "_x10 1x10 0x60"], ["20m"], ["21m", "30m"]),
        # Both lines within a second, in either order.
        (["_x10 600x60", "_x10 600x60", "_x10 1x60"], ["10m"], []),
        (["_x10 600x60", "_x10 600x60", "_x10 0x60"], [], ["10m"]),
        # mtail restarts at 15 min and forgets its gauges. The line that clears the state comes at 20 min.
        (["_x10 600x4 _x60", "_x10 0x4 _x5 1200x60", "_x10 1x4 _x5 0x60"], ["16m", "19m"], ["20m", "25m"]),
        # mtail restarts at 15 min, after the line that clears the state at 12 min.
        (["_x10 600x4 _x60", "_x10 0x1 720x2 _x60", "_x10 1x1 0x2 _x60"], ["11m"], ["12m", "16m", "20m"]),
    ],
    ids=["window", "clear", "match last", "clear last", "restart", "cleared before the restart"],
)
def test_a_state_lasts_until_it_is_cleared(
    promtool: str, tmp_path: Path, last_clear_state: list[str], firing: list[str], quiet: list[str]
) -> None:
    """Or until the window is over. The rule has a window of 30 minutes."""
    metrics = ("log_rule_last_match_timestamp_seconds", "log_rule_last_clear_timestamp_seconds", "log_rule_state")
    series = {f"{metric}{{{PROG}}}": values for metric, values in zip(metrics, last_clear_state)}
    cases: dict[str, list[t.Any]] = {**{f"LogR {time}": [FIRING] for time in firing}, **{f"LogR {time}": [] for time in quiet}}
    evaluate(promtool, tmp_path, log_rule(clear="y", window="30m"), series, cases)


@pytest.mark.parametrize(
    ("lines_last", "firing", "quiet"),
    [
        # No line since 10 min.
        (["0x9 5x120", "_x10 600x120"], ["71m", "100m"], ["0m", "60m", "69m"]),
        # mtail starts at 50 min and reads no line.
        (["_x50 0x120", "_x120"], ["111m"], ["50m", "109m"]),
        # A restart at 50 min, and a line that brings the counter to the value of before.
        (["0x9 1x120", "_x10 600x39 3000x120"], ["111m"], ["71m", "109m"]),
    ],
    ids=["silence", "no line ever", "same count after a restart"],
)
def test_a_silent_log_fires(promtool: str, tmp_path: Path, lines_last: list[str], firing: list[str], quiet: list[str]) -> None:
    """The alert waits until mtail has run for silent_for."""
    alert = {
        "exp_labels": FIRING["exp_labels"],
        "exp_annotations": {
            "summary": "/var/log/app.log on a has had no line for 1h",
            "description": "The program that writes the log does not run or writes elsewhere, or mtail cannot read the log.",
        },
    }
    metrics = ("log_rule_source_lines_total", "log_rule_source_last_line_timestamp_seconds")
    series = {f"{metric}{{{PROG}}}": values for metric, values in zip(metrics, lines_last)}
    cases: dict[str, list[t.Any]] = {
        **{f"LogSilent {time}": [alert] for time in firing},
        **{f"LogSilent {time}": [] for time in quiet},
    }
    evaluate(promtool, tmp_path, log_rule(match=None, silent_for="1h"), series, cases)


def test_a_log_that_floods_fires(promtool: str, tmp_path: Path) -> None:
    """After five minutes, and not for one burst."""
    alert = {
        "exp_labels": FIRING["exp_labels"],
        "exp_annotations": {
            "summary": "/var/log/app.log on a grows by 11 lines per second",
            "description": "The log rule r allows 10 lines per second. The log can fill the disk.",
        },
    }
    series = {f"log_rule_source_lines_total{{{PROG}}}": "0+540x20 11460+660x30"}
    cases: dict[str, list[t.Any]] = {"LogFlood 20m": [], "LogFlood 27m": [], "LogFlood 40m": [alert]}
    evaluate(promtool, tmp_path, log_rule(match=None, flood=10), series, cases)


def test_hosts_that_differ_have_their_own_alerts() -> None:
    """Equal definitions are one alert without a selector of hosts, also if the logs differ."""
    usual, other = log_rule(), log_rule(files=["/var/log/other.log"])
    (alert,) = alerts({"a": [usual], "b": [usual], "c": [other], "d": []})
    assert "host" not in alert["expr"]
    assert alert["labels"] == {"severity": "warning", "rule": "r"}
    strict = log_rule(severity="critical")
    own, rest = alerts({"a.b": [strict], "b": [usual], "c": [usual]})
    assert (own["labels"]["severity"], rest["labels"]["severity"]) == ("critical", "warning")
    assert r'{prog="r.mtail", host=~"a\\.b"}' in own["expr"]
    assert r'{prog="r.mtail", host!~"a\\.b"}' in rest["expr"]


def test_the_alerts_are_a_file_of_the_server() -> None:
    """Without rules, and with another engine, there is none."""
    rules = [log_rule(name="b"), log_rule(name="a")]
    files = alert_rules(fleet({"a": rules}), "p")
    assert {name: [group["name"] for group in groups] for name, groups in files.items()} == {"log_rules": ["log_a", "log_b"]}
    assert alert_rules(fleet({"a": []}), "p") == {}
    assert alert_rules(fleet({"a": rules}, logs_engine="loki"), "p") == {}
