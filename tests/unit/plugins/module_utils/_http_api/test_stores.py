# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading samples back from stores, on servers that answer like Prometheus and VictoriaMetrics."""

from __future__ import annotations

import json
import time
import typing as t

import pytest
from servers import Server

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api import stores

# Prometheus 3.5 has one time of the newest sample, Prometheus 3.9 one for each queue.
METRICS = """\
# TYPE prometheus_remote_storage_highest_timestamp_in_seconds gauge
prometheus_remote_storage_highest_timestamp_in_seconds {now}
prometheus_remote_storage_queue_highest_sent_timestamp_seconds{{remote_name="a",url="http://a:1/x"}} {sent}
prometheus_remote_storage_queue_highest_sent_timestamp_seconds{{remote_name="b",url="http://b:1/x"}} 7
prometheus_remote_storage_samples_pending{{remote_name="a",url="http://a:1/x"}} 12
prometheus_remote_storage_samples_failed_total{{remote_name="a",url="http://a:1/x"}} {failed}
prometheus_remote_storage_samples_dropped_total{{reason="dropped_series",remote_name="a",url="http://a:1/x"}} 99
prometheus_remote_storage_samples_dropped_total{{reason="too_old",remote_name="a",url="http://a:1/x"}} 3
"""


class Answers:
    """A Prometheus and a store in one server. Times are relative to now."""

    def __init__(self) -> None:
        """Answer well."""
        self.newest, self.sent, self.failed, self.status, self.flags = 0.0, 0.0, 0, 200, '-dedup.minScrapeInterval="15s"\n'
        self.asked: list[str] = []
        self.server = Server(self._reply)

    def _reply(self, path: str, _headers: t.Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        now = time.time()
        if path == "/metrics":
            # The counter grows with each request, if samples fail.
            failed = 5 + self.failed * len(self.asked)
            return 200, {}, METRICS.format(now=now, sent=now + self.sent, failed=failed).encode()
        if path == "/flags":
            return 200, {}, self.flags.encode()
        metric = {"__name__": "a_build_info"} if "_build_info" in path else {}
        value = [{"metric": metric, "value": [now, str(now + self.newest)]}]
        return self.status, {}, json.dumps({"data": {"result": value if self.newest > -1000 else []}}).encode()


@pytest.fixture
def answers() -> t.Iterator[Answers]:
    """Return servers whose answers the test can change."""
    found = Answers()
    yield found
    found.server.close()


def read(answers: Answers, wait: float = 0.0) -> dict[str, t.Any]:
    """Return the row of the store *a*."""
    store = {"name": "a", "host": "h", "role": "victoria_metrics", "url": answers.server.url, "job": "j", "instance": 'i"'}
    (row,) = stores.read_back(answers.server.url, 5, wait, [store])
    return row


def test_a_new_sample_has_arrived(answers: Answers) -> None:
    """The store is asked for the samples of the last seconds, too."""
    row = read(answers)
    assert (row["arrived"], row["error"], row["pending"], row["failed"], row["dropped"]) == (True, "", 12, 0, 0)
    assert (row["dedup"], row["name"], row["host"], row["role"]) == ("15s", "a", "h", "victoria_metrics")
    assert any("latency_offset=1ms" in path and "%5C%22" in path for path in answers.asked)


def test_an_old_sample_has_not_arrived_until_a_new_one_comes(answers: Answers) -> None:
    """The wait ends at the limit, and with the sample."""
    answers.newest = -60
    row = read(answers, 1.2)
    assert not row["arrived"]
    assert 1.2 <= row["waited"] < 3
    answers.newest = -2000
    assert not read(answers)["arrived"]
    # Another server may have written the newest sample: the own queue must have sent as well.
    answers.newest, answers.sent = 0, -60
    row = read(answers)
    assert not row["arrived"]
    assert 58 <= row["lag"] <= 62


def test_samples_that_fail_during_the_wait_are_counted(answers: Answers) -> None:
    """Not those of the time before."""
    answers.failed = 4
    assert read(answers)["failed"] > 0


def test_a_wrong_password_ends_the_wait(answers: Answers) -> None:
    """The message has the address without the expression."""
    answers.status = 401
    began = time.monotonic()
    row = read(answers, 30)
    assert time.monotonic() - began < 10
    assert (row["refused"], row["arrived"], row["dedup"]) == (True, False, "")
    assert row["error"] == f"the store a does not answer at {answers.server.url}/api/v1/query: Unauthorized"


def test_a_server_without_stores_is_not_asked(answers: Answers) -> None:
    """A fleet without stores costs no request."""
    assert stores.read_back(answers.server.url, 5, 5, []) == []
    assert answers.asked == []


def test_a_newer_prometheus_has_the_time_of_each_queue() -> None:
    """The other queues do not count."""
    metrics = METRICS.format(now=1, sent=2, failed=3) + (
        'prometheus_remote_storage_queue_highest_timestamp_seconds{remote_name="a",url="u"} 1.7e+09\n'
    )
    queue = stores.queue_of(metrics, "a")
    assert queue["queue_highest_timestamp_seconds"] == 1.7e9
    assert (queue["queue_highest_sent_timestamp_seconds"], queue["samples_dropped_total"]) == (2, 3)


def test_a_store_answers_for_an_agent(answers: Answers) -> None:
    """The first one that can; an agent itself has no versions and clocks."""
    store = {"name": "a", "host": "h", "role": "victoria_metrics", "url": answers.server.url}
    down = {**store, "url": "http://127.0.0.1:1"}
    found = stores.of_agent([{**store, "role": "other"}, down, store], 5, ["h"])
    assert (len(found["builds"]), len(found["clocks"]), found["rules"], found["largest"]) == (1, 1, [], [])
    assert stores.of_agent([down], 5, [])["builds"] == []
