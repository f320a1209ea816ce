# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus says of its targets."""

from __future__ import annotations

import io
import json
import typing as t
from urllib.parse import unquote

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api import client, prometheus_targets

EXPECTED = [{"job": "node", "instance": "web1:9100"}]


def target(**changes: t.Any) -> prometheus_targets.Target:
    """Return a target as `reduce` does."""
    usual = {"job": "node", "instance": "web1:9100", "health": "up", "last_error": "", "last_scrape": 100.0, "interval": 15.0}
    return {**usual, **changes}


def test_reduce_takes_what_matters_of_an_answer() -> None:
    """As recorded from Prometheus 3.5."""
    answer = {
        "discoveredLabels": {"__address__": "198.18.0.12:9100"},
        "labels": {"function": "web", "host": "web2", "instance": "web2:9100", "job": "node"},
        "scrapePool": "nodes",
        "scrapeUrl": "http://198.18.0.12:9100/metrics",
        "lastError": 'Get "http://198.18.0.12:9100/metrics": context deadline exceeded',
        "lastScrape": "2026-11-21T05:40:48.048116734Z",
        "health": "down",
    }
    reduced = prometheus_targets.summarize(answer)
    assert reduced["last_scrape"] == pytest.approx(1795239648.0481167)
    assert (reduced["host"], reduced["address"], reduced["health"]) == ("web2", "198.18.0.12:9100", "down")
    assert (reduced["job"], reduced["pool"]) == ("node", "nodes")


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T01:00:00.5+01:00", 0.5),
        ("0001-01-01T00:00:00Z", 0.0),
        ("", 0.0),
    ],
)
def test_seconds(stamp: str, expected: float) -> None:
    """Go writes up to nine digits of a second, and the year 1 for never."""
    assert prometheus_targets.seconds(stamp) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("active", "line", "final"),
    [
        ([], "Prometheus does not know this target", False),
        ([target(last_scrape=5.0)], "Prometheus has not scraped this target yet", False),
        ([target(health="down", last_error="refused")], "down: refused", True),
        ([target(health="down", last_scrape=5.0)], "has not scraped this target yet", False),
    ],
)
def test_what_is_waited_for(active: list[t.Any], line: str, final: bool) -> None:  # noqa: FBT001 - a column of the table
    """A scrape from before proves nothing, a failed one after is the last word."""
    ((found, last_word),) = prometheus_targets.waiting_for(EXPECTED, active, since=50.0)
    assert found.startswith("web1:9100 (job node): ")
    assert line in found
    assert last_word is final


@pytest.mark.parametrize(
    ("active", "now", "final"),
    [
        # Prometheus reads its files at most every five seconds.
        ([], 55.0, False),
        ([], 60.0, True),
        ([target(last_scrape=30.0, interval=15.0)], 55.0, False),
        ([target(last_scrape=45.0, interval=60.0)], 55.0, False),
        ([target(last_scrape=45.0, interval=300.0)], 55.0, True),
        ([target(last_scrape=0.0, interval=300.0)], 55.0, False),
    ],
)
def test_nobody_waits_for_what_cannot_come(active: list[t.Any], now: float, *, final: bool) -> None:
    """A target that Prometheus has not found by now, and a scrape that comes after the time that there is for it."""
    ((_line, last_word),) = prometheus_targets.waiting_for(EXPECTED, active, since=50.0, now=now, deadline=110.0)
    assert last_word is final


@pytest.mark.parametrize(("text", "expected"), [("15s", 15), ("1h30m", 5400), ("500ms", 0.5), ("1d", 86400), ("", 0)])
def test_interval(text: str, expected: float) -> None:
    """As Prometheus writes durations."""
    assert (
        prometheus_targets.summarize({"labels": {}, "scrapeUrl": "", "health": "up", "scrapeInterval": text})["interval"]
        == expected
    )


def test_up_is_up() -> None:
    """Nothing to wait for; other targets do not matter."""
    assert prometheus_targets.waiting_for(EXPECTED, [target(), target(instance="other", health="down")], since=50.0) == []


@pytest.mark.parametrize(
    ("samples", "missing"),
    [
        ([[100.0, "1"]], []),
        ([[30.0, "0"], [100.0, "1"]], []),
        ([[100.0, "1"], [104.0, "0"]], ["web1:9100"]),
        ([[30.0, "1"]], ["web1:9100"]),
    ],
)
def test_a_few_targets_are_asked_for_by_their_series(
    monkeypatch: pytest.MonkeyPatch, samples: list[list[t.Any]], missing: list[str]
) -> None:
    """As recorded from Prometheus 3.5: a range of an instant query. Only the last scrape counts, and only one since."""
    metric = {"__name__": "up", "job": "node", "instance": "web1:9100", "host": "web1"}
    answer = {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": metric, "values": samples}]}}
    asked = []

    def answers(address: str, **_options: t.Any) -> io.BytesIO:
        asked.append(unquote(address))
        return io.BytesIO(json.dumps(answer).encode())

    monkeypatch.setattr(client, "open_url", answers)
    monkeypatch.setattr(prometheus_targets.time, "time", lambda: 110.0)
    assert prometheus_targets.not_up("http://x/", EXPECTED, since=50.0, timeout=2) == missing
    assert asked == ['http://x/api/v1/query?query=up{job=~"node", instance=~"web1:9100"}[65s]']


def test_a_series_that_is_not_there_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another job's target of the same name does not answer for it; without targets nothing is asked."""
    other = {"metric": {"job": "other", "instance": "web1:9100"}, "values": [[100.0, "1"]]}
    monkeypatch.setattr(
        client, "open_url", lambda *_args, **_kwargs: io.BytesIO(json.dumps({"data": {"result": [other]}}).encode())
    )
    assert prometheus_targets.not_up("http://x", EXPECTED, since=50.0, timeout=2) == ["web1:9100"]
    assert prometheus_targets.not_up("http://x", [{**EXPECTED[0], "job": "other"}], since=50.0, timeout=2) == []
    assert prometheus_targets.not_up("http://x", [], since=50.0, timeout=2) == []


def test_a_server_that_does_not_answer_is_named() -> None:
    """Port 9 of the loopback refuses."""
    with pytest.raises(client.ApiError, match=r"does not answer at http://127\.0\.0\.1:9/api/v1/targets"):
        prometheus_targets.fetch("http://127.0.0.1:9", timeout=2)


def test_an_answer_without_targets_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's JSON, a proxy's for instance."""
    monkeypatch.setattr(client, "open_url", lambda *_args, **_kwargs: io.BytesIO(b'{"error": "x"}'))
    with pytest.raises(client.ApiError, match=r"does not answer at http://x/api/v1/targets"):
        prometheus_targets.fetch("http://x", timeout=2)
