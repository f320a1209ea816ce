# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it is waited for targets."""

from __future__ import annotations

import typing as t

import pytest
from processes import Started
from servers import JsonServer

from ansible_collections.vigie.monitoring.plugins.modules import targets_up

EXPECTED = [{"job": "node", "instance": "web1:9100"}]


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        """Start."""
        self.now = 1000.0

    def time(self) -> float:
        """Return what it is."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.now += seconds


@pytest.mark.parametrize(("until", "seconds"), [("scraped", 10), ("up", 60)])
def test_a_missing_target_is_waited_for_as_long_as_it_may_come(
    monkeypatch: pytest.MonkeyPatch, until: str, seconds: float
) -> None:
    """A comparison does not wait for what was not rolled out; a deployment gives its targets all the time."""
    clock = Clock()
    monkeypatch.setattr(targets_up, "time", clock)
    monkeypatch.setattr(targets_up.prometheus_targets, "time", clock)
    monkeypatch.setattr(targets_up.prometheus_targets, "fetch", lambda *_args, **_options: [])
    monkeypatch.setattr(targets_up.prometheus_targets, "not_up", lambda *_args, **_options: ["web1:9100"])
    params: dict[str, t.Any] = {
        "url": "http://x",
        "targets": EXPECTED,
        "until": until,
        "timeout": 60,
        "interval": 1.0,
        "fresh": True,
    }
    _active, (line,) = targets_up.wait(params, once=False)
    assert line == "web1:9100 (job node): Prometheus does not know this target"
    assert clock.now - 1000 == seconds


@pytest.mark.parametrize(("fresh", "seconds"), [(True, 12), (False, 0)])
def test_a_run_without_a_change_does_not_wait_for_a_scrape(monkeypatch: pytest.MonkeyPatch, fresh: bool, seconds: float) -> None:  # noqa: FBT001 - a parameter
    """Prometheus scrapes every 20 seconds, the last time 8 seconds ago, and the target was up."""
    clock = Clock()

    def get_json(_url: str, _timeout: float, *_path: str) -> t.Any:
        last = clock.now - (clock.now - 992) % 20
        return [{"metric": {"job": "node", "instance": "web1:9100"}, "values": [[last, "1"]]}]

    monkeypatch.setattr(targets_up, "time", clock)
    monkeypatch.setattr(targets_up.prometheus_targets, "time", clock)
    monkeypatch.setattr(targets_up.prometheus_targets, "get_json", get_json)
    params: dict[str, t.Any] = {
        "url": "http://x",
        "targets": EXPECTED,
        "until": "up",
        "timeout": 60,
        "interval": 1.0,
        "fresh": fresh,
    }
    assert targets_up.wait(params, once=False) == ([], [])
    assert clock.now - 1000 == seconds


def test_a_target_that_was_down_is_waited_for_without_a_change_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last scrape failed: the run waits and fails."""
    clock = Clock()
    down = [{"metric": {"job": "node", "instance": "web1:9100"}, "values": [[999, "0"]]}]
    target = {**EXPECTED[0], "health": "down", "last_error": "refused", "last_scrape": 999.0, "interval": 20}
    monkeypatch.setattr(targets_up, "time", clock)
    monkeypatch.setattr(targets_up.prometheus_targets, "time", clock)
    monkeypatch.setattr(targets_up.prometheus_targets, "get_json", lambda *_arguments: down)
    monkeypatch.setattr(targets_up.prometheus_targets, "fetch", lambda *_args, **_options: [target])
    params: dict[str, t.Any] = {
        "url": "http://x",
        "targets": EXPECTED,
        "until": "up",
        "timeout": 60,
        "interval": 1.0,
        "fresh": False,
    }
    _active, (line,) = targets_up.wait(params, once=False)
    assert line == "web1:9100 (job node): down: refused"
    assert clock.now - 1000 == 60


@pytest.mark.parametrize("until", ["scraped", "up"])
def test_a_server_that_requires_a_password(json_server: t.Callable[[dict[str, t.Any]], JsonServer], until: str) -> None:
    """Each request has the credentials, and no result shows the password."""
    server = json_server({"/api/v1/targets": {"data": {"activeTargets": []}}, "/api/v1/query": {"data": {"result": []}}})
    arguments = {"url": server.url, "username": "p", "password": "hidden", "targets": EXPECTED, "until": until, "timeout": 1}
    result = Started(targets_up, arguments).result()
    assert server.users == ({"/api/v1/targets": "p"} if until == "scraped" else {"/api/v1/targets": "p", "/api/v1/query": "p"})
    assert result["failed"]
    assert "hidden" not in str(result)


def test_an_agent_is_asked_for_its_targets_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers no query."""
    clock = Clock()
    monkeypatch.setattr(targets_up, "time", clock)
    monkeypatch.setattr(targets_up.prometheus_targets, "time", clock)
    target = {**EXPECTED[0], "health": "up", "last_error": "", "last_scrape": clock.now + 5, "interval": 15}
    monkeypatch.setattr(targets_up.prometheus_targets, "fetch", lambda *_args, **_options: [target])

    def refuse(*_args: t.Any, **_options: t.Any) -> list[str]:
        raise targets_up.ApiError("unavailable with Prometheus Agent")

    monkeypatch.setattr(targets_up.prometheus_targets, "not_up", refuse)
    params = {"url": "u", "targets": EXPECTED, "until": "up", "timeout": 60, "interval": 1.0, "fresh": True, "agent": True}
    assert targets_up.wait(params, once=False) == ([target], [])
    assert clock.now == 1000
