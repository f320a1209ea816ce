# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module prometheus_info, as a task runs it."""

from __future__ import annotations

import typing as t

import pytest
from processes import Started
from servers import JsonServer

from ansible_collections.vigie.monitoring.plugins.modules import prometheus_info

NOTHING = {"data": {"result": []}}
ALERTS = [
    {"labels": {"alertname": "Down", "host": host}, "state": "firing", "activeAt": "2024-01-01T00:00:00Z", "annotations": {}}
    for host in ("a", "b")
]


@pytest.fixture
def prometheus(json_server: t.Callable[[dict[str, t.Any]], JsonServer]) -> JsonServer:
    """Return a Prometheus whose answers the test can change."""
    return json_server(
        {
            "/api/v1/status/buildinfo": {"data": {"version": "3.5.0"}},
            "/api/v1/rules": {"data": {"groups": [{"file": "f", "name": "g", "rules": [{"name": "Down", "health": "ok"}]}]}},
            "/api/v1/alertmanagers": {"data": {"activeAlertmanagers": []}},
            "/api/v1/alerts": {"data": {"alerts": [*ALERTS, {**ALERTS[0], "state": "pending"}]}},
            "/api/v1/query": NOTHING,
        }
    )


def test_all_that_is_compared(prometheus: JsonServer) -> None:
    """In one result that changes nothing, also in check mode; a slash at the end of the URL does not matter."""
    for check in (False, True):
        result = Started(prometheus_info, {"url": f"{prometheus.url}/"}, check=check).result()
        assert (result["changed"], result["version"]) == (False, "3.5.0")
        assert result["rules"] == [{"file": "f", "group": "g", "name": "Down", "health": "ok", "last_error": ""}]
        assert [alert["host"] for alert in result["alerts"]] == ["a", "b"]
        assert [result[key] for key in ("alertmanagers", "builds", "clocks", "largest")] == [[], [], [], []]


def test_servers_that_require_a_password(prometheus: JsonServer) -> None:
    """Each server gets its own credentials, and no result shows a password."""
    prometheus.answers["/am/api/v2/status"] = {"cluster": {"peers": [{}, {}]}, "versionInfo": {"version": "0.33.1"}}
    address = {"url": f"{prometheus.url}/am/api/v2/alerts"}
    prometheus.answers["/api/v1/alertmanagers"] = {"data": {"activeAlertmanagers": [address]}}
    credentials = {"username": "p", "password": "hidden-p", "alertmanager_username": "a", "alertmanager_password": "hidden-a"}
    result = Started(prometheus_info, {"url": prometheus.url, **credentials}).result()
    assert [(row["peers"], row["version"]) for row in result["alertmanagers"]] == [(2, "0.33.1")]
    assert prometheus.users.pop("/am/api/v2/status") == "a"
    assert set(prometheus.users.values()) == {"p"}
    assert "hidden" not in str(result)


def test_of_some_hosts_only(prometheus: JsonServer) -> None:
    """The alerts, and what is asked about builds, clocks and series: a run with a limit asks a large fleet for little."""
    result = Started(prometheus_info, {"url": prometheus.url, "hosts": ["b", "b"]}).result()
    assert [alert["host"] for alert in result["alerts"]] == ["b"]
    queries = [path for path in prometheus.asked if "/query" in path]
    assert len(queries) == 3
    assert all('host=~"b"' in path for path in queries)


def test_a_server_that_answers_nonsense_is_an_error(prometheus: JsonServer) -> None:
    """Named with its address, in place of a traceback."""
    prometheus.answers["/api/v1/rules"] = {"data": None}
    result = Started(prometheus_info, {"url": prometheus.url}).result()
    assert result["failed"]
    assert f"{prometheus.url}/api/v1/rules" in result["msg"]


def test_an_agent_answers_no_queries(json_server: t.Callable[[dict[str, t.Any]], JsonServer]) -> None:
    """Its version is known, and nothing else is asked for."""
    server = json_server({"/api/v1/status/buildinfo": {"data": {"version": "3.5.0"}}})
    result = Started(prometheus_info, {"url": server.url, "mode": "agent"}).result()
    assert (result["version"], result["rules"], result["builds"], result["alertmanagers"]) == ("3.5.0", [], [], [])


def test_a_vmalert_has_rules_and_notifiers(prometheus: JsonServer) -> None:
    """It has no version, and answers no query."""
    target = {"address": "http://a:9093/am/api/v2/alerts", "lastError": "refused"}
    del prometheus.answers["/api/v1/status/buildinfo"], prometheus.answers["/api/v1/query"]
    prometheus.answers["/api/v1/notifiers"] = {"data": {"notifiers": [{"kind": "static", "targets": [target]}]}}
    result = Started(prometheus_info, {"url": prometheus.url, "mode": "vmalert"}).result()
    assert [rule["name"] for rule in result["rules"]] == ["Down"]
    assert result["alertmanagers"] == [{"address": "a:9093", "error": "refused", "peers": 0, "version": ""}]
