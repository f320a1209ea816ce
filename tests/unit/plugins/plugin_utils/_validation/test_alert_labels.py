# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes by values that no target and no alert can have."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import build
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation import alert_labels


def fleet(route: dict[str, t.Any], **variables: t.Any) -> dict[str, t.Any]:
    """Return an inventory whose hosts all have a team, and one a rack; alerts go by one *route*."""
    usual = {
        "alertmanager_contacts": {"ops": {"webhook": "https://192.0.2.1/"}},
        "alertmanager_routes": [{**route, "contact": "ops"}],
        "monitoring_labels": {"team": "ops"},
        "prometheus_external_labels": {"datacenter": "dc1"},
    }
    children = {
        "node_exporter": {"hosts": {"db1": {"monitoring_labels": {"team": "dba", "rack": "r1"}}, "web1": None}},
        "prometheus": {"hosts": {"mon": None}},
        "alertmanager": {"hosts": {"mon": None}},
    }
    return {"hosts.yml": {"all": {"children": children, "vars": {**usual, **variables}}}}


def problems_of(path: Path, route: dict[str, t.Any], **variables: t.Any) -> list[str]:
    """Return the mistakes of the fleet."""
    return Made(path, fleet(route, **variables)).build(contracts())[1]


def rules(**labels: str) -> dict[str, t.Any]:
    """Return variables with an alert of the operator's that has *labels*."""
    return {"prometheus_extra_rules": [{"name": "own", "rules": [{"alert": "Own", "expr": "up == 0", "labels": labels}]}]}


LOGS: dict[str, t.Any] = {
    "monitoring_logs": [
        {"name": "out_of_disk", "files": ["/var/log/a"], "match": r"full: (?P<path>\S+)", "labels": ["path"], "silent_for": "1h"}
    ]
}

NEVER: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], str]] = {
    "a slip": ({"match": {"team": "dbaa"}}, {}, "match.team, value 'dbaa'"),
    "one of several": ({"match": {"team": ["dba", "dbaa"]}}, {}, "match.team, value 'dbaa'"),
    "a label of some": ({"match": {"rack": "r2"}}, {}, "match.rack, value 'r2'"),
    "severity": ({"match": {"severity": "critcal"}}, {}, "match.severity, value 'critcal'"),
    "an alert": ({"match": {"alertname": "HostDwon"}}, {}, "match.alertname, value 'HostDwon'"),
    "a job": ({"match": {"job": "nodes"}}, {}, "match.job, value 'nodes'"),
    "a host": ({"match": {"host": "db2"}}, {}, "match.host, value 'db2'"),
    "an external label": ({"match": {"datacenter": "dc2"}}, {}, "match.datacenter, value 'dc2'"),
    "an expression": ({"match_regex": {"team": "dbaa|web.*"}}, {}, "match_regex.team, value 'dbaa|web.*'"),
    "a matcher": ({"matchers": ['team="dbaa"']}, {}, "matchers[0], value 'dbaa'"),
    "a matcher with an expression": ({"matchers": ["team=~dbaa.+"]}, {}, "matchers[0], value 'dbaa.+'"),
    "a route below": (
        {"match": {"team": "dba"}, "routes": [{"match": {"team": "x"}, "contact": "ops"}]},
        {},
        "routes[0].match.team, value 'x'",
    ),
    "an alert that no log rule has": ({"match": {"alertname": "LogFlood"}}, LOGS, "match.alertname, value 'LogFlood'"),
    "with own rules": ({"match": {"team": "dbaa"}}, rules(severity="page"), "match.team, value 'dbaa'"),
}


@pytest.mark.parametrize("case", NEVER)
def test_a_route_that_would_never_be_taken(tmp_path: Path, case: str) -> None:
    """One mistake, with the value that is likely meant, or those that there are."""
    route, variables, named = NEVER[case]
    (problem,) = problems_of(tmp_path, route, **variables)
    assert problem.startswith(
        f"host mon, variable alertmanager_routes[0].{named}: no alert can match this route, because "
        "no target and no rule has this value of the label"
    )
    assert "Did you mean " in problem or "The known values are " in problem


def test_the_value_that_is_likely_meant(tmp_path: Path) -> None:
    """Is named, and how to say that it is right."""
    (problem,) = problems_of(tmp_path, {"match": {"team": "dbaa"}})
    assert "Did you mean dba?" in problem
    assert problem.endswith("If alerts from other sources have the value, add team to alertmanager_known_labels")


ELSEWHERE: dict[str, t.Any] = {
    "rule_files": {"prometheus_extra_config": {"rule_files": ["/etc/own/*.yml"]}},
    "alerting": {"prometheus_extra_config": {"alerting": {"alert_relabel_configs": []}}},
    "discovery": {"prometheus_extra_scrape_configs": [{"job_name": "own", "http_sd_configs": [{"url": "http://192.0.2.1/"}]}]},
    "relabeling": {"prometheus_extra_scrape_configs": [{"job_name": "own", "relabel_configs": [{"target_label": "team"}]}]},
    "said": {"alertmanager_known_labels": ["team"]},
    "a rule": rules(team="dbaa"),
    "a rule group": {
        "prometheus_extra_rules": [{"name": "own", "labels": {"team": "dbaa"}, "rules": [{"alert": "Own", "expr": "up == 0"}]}]
    },
    "a template": rules(team="x{{ '{{' }} $labels.owner }}"),
    "static": {
        "prometheus_extra_scrape_configs": [
            {"job_name": "own", "static_configs": [{"targets": ["x:1"], "labels": {"team": "dbaa"}}]}
        ]
    },
    "a function": {
        "prometheus_extra_rules": [
            {"name": "own", "rules": [{"alert": "Own", "expr": 'label_replace(up, "team", "$1", "host", "(.*)")'}]}
        ]
    },
    "a selector": {"prometheus_extra_rules": [{"name": "own", "rules": [{"alert": "Own", "expr": 'absent(up{team="dbaa"})'}]}]},
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_value_may_come_from_elsewhere(tmp_path: Path, case: str) -> None:
    """Where it cannot be known, it is not refused."""
    assert problems_of(tmp_path, {"match": {"team": "dbaa"}}, **ELSEWHERE[case]) == []


@pytest.mark.parametrize(
    ("route", "variables"),
    [
        ({"match": {"team": "dba"}}, {}),
        ({"match": {"team": ["dba", "ops"], "severity": "critical"}}, {}),
        ({"match": {"team": ""}}, {}),
        ({"match": {"alertname": "Own"}}, rules()),
        ({"match": {"severity": "page"}}, rules(severity="page")),
        ({"match": {"severity": "page"}}, rules()),
        ({"match": {"alertname": ["Watchdog", "HostDown"]}}, {}),
        # An alert of a role that the fleet does not have yet.
        ({"match": {"alertname": "HaproxyDown"}}, {}),
        ({"match": {"host": "web1", "job": "node", "instance": "web1:9100"}}, {}),
        ({"match": {"datacenter": "dc1"}}, {}),
        # Metrics of the collection's exporters have these labels, too.
        ({"match": {"device": "sda"}}, {}),
        ({"match": {"mountpoint": "/srv"}}, {}),
        # A metric of a host without the label may have it.
        ({"match": {"rack": "r2"}}, rules()),
        ({"match": {"alertname": ["LogOutOfDisk", "LogSilent", "LogLabelValuesDropped"], "severity": "warning"}}, LOGS),
        ({"match": {"rule": "out_of_disk", "log": "/var/log/a", "path": "/srv"}}, LOGS),
        ({"match_regex": {"team": "db.*"}}, {}),
        ({"match_regex": {"team": "(?i)DBA"}}, {}),
        ({"match_regex": {"team": ".*"}}, {}),
        ({"matchers": ['team!="dbaa"', 'team!~"x.*"', 'team=~"dba|x"', "severity = critical"]}, {}),
    ],
)
def test_a_route_that_may_be_taken(tmp_path: Path, route: dict[str, t.Any], variables: dict[str, t.Any]) -> None:
    """By labels of targets, of rules and of metrics; by what it does not want; by expressions."""
    assert problems_of(tmp_path, route, **variables) == []


@pytest.mark.parametrize("route", [{"match_regex": {"team": "d(b"}}, {"matchers": ['team=~"d(b"']}])
def test_an_expression_that_is_none_is_one_problem_at_most(tmp_path: Path, route: dict[str, t.Any]) -> None:
    """Expressions of Alertmanager's own form are left to amtool."""
    found = problems_of(tmp_path, route)
    assert len(found) == ("match_regex" in route)
    assert all("not a valid regular expression: missing )" in problem for problem in found)


def test_a_fleet_without_its_prometheus_says_nothing_of_values(tmp_path: Path) -> None:
    """The alerts come from elsewhere."""
    files = fleet({"match": {"severity": "page"}}, monitoring_scraped=False)
    del files["hosts.yml"]["all"]["children"]["prometheus"]
    assert Made(tmp_path, files).build(contracts())[1] == []


def test_a_host_that_is_taken_out_may_have_its_routes(tmp_path: Path) -> None:
    """Until it leaves the inventory."""
    made = Made(tmp_path, fleet({"match": {"host": "db1"}}))
    assert build.build_model(made.inventory, contracts(), made.renderer, without=["db1"])[1] == []


def test_labels_that_alerts_may_have() -> None:
    """Of targets, of endpoints, of rules, of servers, and what the texts of alerts speak of."""
    rules = (
        'groups: [{name: g, rules: [{alert: A, expr: x, labels: {team: a}, annotations: {summary: "{{ $labels.mountpoint }}"}}]}]'
    )
    model = {
        "hosts": {"a": {"labels": {"function": "x"}, "endpoints": [{"labels": {"uwsgi": "x"}}]}},
        "rules": {"r": rules},
        "servers": {"prometheus": {"p": {"prometheus_external_labels": {"dc": "a"}, "prometheus_extra_rules": []}}},
    }
    assert alert_labels.labels_of(model) == {"function", "uwsgi", "team", "mountpoint", "dc"}
