# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of Mastodon, from a stand-in with the shapes of the answers of Mastodon 4, and from a stand-in for Redis."""

from __future__ import annotations

import json
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from mastodon_exporter.instance import Instance
from mastodon_exporter.sidekiq import Sidekiq
from python_exporters import series

PAGES: dict[str, t.Any] = {
    "/api/v1/instance": {"uri": "mastodon.example.com", "version": "4.3.1", "registrations": False,
                         "stats": {"user_count": 1200, "status_count": 34567, "domain_count": 890}},
    "/api/v2/instance": {"domain": "mastodon.example.com", "usage": {"users": {"active_month": 321}}},
    "/api/v1/instance/activity": [{"week": "1763942400", "statuses": "55", "logins": "44", "registrations": "3"},
                                  {"week": "1763337600", "statuses": "1", "logins": "1", "registrations": "1"}],
    "/api/v1/instance/peers": ["a.example.com", "b.example.com"],
}  # fmt: skip


@pytest.fixture
def pages() -> dict[str, t.Any]:
    """Return the pages of the instance: the content, or a status."""
    return dict(PAGES)


@pytest.fixture
def instance(pages: dict[str, t.Any]) -> t.Iterator[str]:
    """Serve the pages; return the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages[self.path]
            if self.headers.get("Authorization") != "Bearer t0ken":
                page = 401
            self.send_response(page if isinstance(page, int) else 200)
            self.end_headers()
            self.wfile.write(json.dumps(page).encode())

        def log_message(self, *_arguments: t.Any) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_the_instance(instance: str) -> None:
    """The first week of the list is the current one."""
    assert series(Instance(instance, "t0ken").collect()) == {
        "mastodon_info{version=4.3.1}": 1,
        "mastodon_users{}": 1200,
        "mastodon_statuses{}": 34567,
        "mastodon_known_instances{}": 890,
        "mastodon_registrations_open{}": 0,
        "mastodon_active_users{}": 321,
        "mastodon_week_statuses{}": 55,
        "mastodon_week_logins{}": 44,
        "mastodon_week_registrations{}": 3,
        "mastodon_peers{}": 2,
    }


def test_an_administrator_may_hide_pages(instance: str, pages: dict[str, t.Any]) -> None:
    """Their metrics are missing, and the instance is up."""
    pages.update({"/api/v1/instance/activity": 404, "/api/v1/instance/peers": 401})
    found = series(Instance(instance, "t0ken").collect())
    assert "mastodon_users{}" in found
    assert not [name for name in found if "week" in name or "peers" in name]


@pytest.mark.parametrize("page", [503, {"version": "4"}, []])
def test_an_instance_that_fails_is_an_error(instance: str, pages: dict[str, t.Any], page: t.Any) -> None:
    """Also a page with another form: half of the metrics would look like a change of the instance."""
    pages["/api/v1/instance"] = page
    with pytest.raises((OSError, KeyError, TypeError)):
        Instance(instance, "t0ken").collect()
    with pytest.raises(OSError, match="401"):
        Instance(instance, "wrong").collect()


class Redis:
    """Sidekiq's data, with the methods that the exporter calls."""

    def __init__(self, prefix: str) -> None:
        """Use keys with *prefix*."""
        job = json.dumps({"class": "PushWorker", "enqueued_at": 1000_000_000.0}).encode()
        self._lists: dict[str, list[bytes]] = {f"{prefix}queue:default": [job, job], f"{prefix}queue:mailers": []}
        self._values = {f"{prefix}stat:processed": b"500"}
        self._sets = {f"{prefix}queues": {b"default", b"mailers"}, f"{prefix}retry": {1, 2, 3}, f"{prefix}processes": {1}}

    def smembers(self, key: str) -> set[t.Any]:
        """Return a set."""
        return self._sets.get(key, set())

    def llen(self, key: str) -> int:
        """Return the length of a list."""
        return len(self._lists[key])

    def lrange(self, key: str, start: int, _end: int) -> list[bytes]:
        """Return a part of a list."""
        return self._lists[key][start:]

    def get(self, key: str) -> bytes | None:
        """Return a value."""
        return self._values.get(key)

    def scard(self, key: str) -> int:
        """Return the size of a set."""
        return len(self._sets.get(key, ()))

    zcard = scard


@pytest.mark.parametrize("namespace", ["", "mastodon"])
def test_the_jobs(monkeypatch: pytest.MonkeyPatch, namespace: str) -> None:
    """Of all queues, with the age of the oldest job."""
    monkeypatch.setattr("time.time", lambda: 1000_000_060.0)
    redis = t.cast("t.Any", Redis(f"{namespace}:" if namespace else ""))
    assert series(Sidekiq(redis, namespace).collect()) == {
        "mastodon_sidekiq_queue_jobs{queue=default}": 2,
        "mastodon_sidekiq_queue_jobs{queue=mailers}": 0,
        "mastodon_sidekiq_queue_seconds{queue=default}": 60,
        "mastodon_sidekiq_queue_seconds{queue=mailers}": 0,
        "mastodon_sidekiq_jobs_total{result=processed}": 500,
        "mastodon_sidekiq_jobs_total{result=failed}": 0,
        "mastodon_sidekiq_set_jobs{set=schedule}": 0,
        "mastodon_sidekiq_set_jobs{set=retry}": 3,
        "mastodon_sidekiq_set_jobs{set=dead}": 0,
        "mastodon_sidekiq_processes{}": 1,
    }


def test_sidekiq_8_counts_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier versions count seconds."""
    monkeypatch.setattr("time.time", lambda: 1000_000_060.0)
    redis = Redis("")
    redis._lists["queue:default"] = [json.dumps({"enqueued_at": 1000_000_030_000}).encode()]
    found = series(Sidekiq(t.cast("t.Any", redis)).collect())
    assert found["mastodon_sidekiq_queue_seconds{queue=default}"] == 30
