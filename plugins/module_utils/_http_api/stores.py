# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads samples back from the stores that a Prometheus server writes to. Private to the collection."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import time
import typing as t
from urllib.parse import quote

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.client import (
    ApiError,
    get_json,
    get_text,
    password_options,
)
from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.prometheus import builds, clocks

# Metrics of the queue of a store, with the labels of the series.
_METRIC = re.compile(r"^prometheus_remote_storage_(?P<name>\w+?)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$", re.MULTILINE)
_FAILED, _DROPPED = "samples_failed_total", "samples_dropped_total"
# Samples that the configuration drops on purpose.
_INTENDED = 'reason="dropped_series"'
_DEDUP = re.compile(r'^-dedup\.minScrapeInterval="?([^"\s]+)', re.MULTILINE)
# A wrong password stays wrong.
_FINAL = ("Unauthorized", "Forbidden")
# The roles with the API of Prometheus for queries.
QUERYABLE = ("victoria_metrics", "vmauth")
# Seconds between two queries.
_PAUSE = 0.5


@dataclasses.dataclass
class _State:
    """What is known about one store."""

    store: dict[str, t.Any]
    error: str = ""
    # Seconds since 1970, by the clock of the Prometheus server; 0 for no sample.
    newest: float = 0.0
    before: dict[str, float] = dataclasses.field(default_factory=dict)
    queue: dict[str, float] = dataclasses.field(default_factory=dict)

    def growth(self, name: str) -> float:
        """Return by how much a counter of the queue has grown."""
        return self.queue.get(name, 0.0) - self.before.get(name, 0.0)

    @property
    def is_refused(self) -> bool:
        """Whether the store refuses the password."""
        return any(reason in self.error for reason in _FINAL)

    def has_arrived(self, since: float) -> bool:
        """Return whether the store has a sample after *since*, and Prometheus has sent samples after *since*."""
        sent = self.queue.get("queue_highest_sent_timestamp_seconds")
        return not self.error and self.newest >= since and (sent is None or sent >= int(since))


def read_back(
    url: str, timeout: float, wait: float, stores: t.Sequence[dict[str, t.Any]], **credentials: t.Any
) -> list[dict[str, t.Any]]:
    """Wait until each store returns a sample that the Prometheus server has written after the start; return a row for each.

    :param url: URL of the Prometheus server.
    :param timeout: seconds to wait for each answer.
    :param wait: seconds to wait for the samples.
    :param stores: name, host, role, url, tls, username, password, job and instance of each store. The last two name a target of
        the Prometheus server.
    """
    if not stores:
        return []
    since = time.time()
    states = [_State(dict(store)) for store in stores]
    text = get_text(f"{url}/metrics", timeout, **credentials)
    for state in states:
        state.before = state.queue = queue_of(text, state.store["name"])
    while True:
        for state in states:
            if not state.has_arrived(since) and not state.is_refused:
                _ask(state, timeout)
        text = get_text(f"{url}/metrics", timeout, **credentials)
        for state in states:
            state.queue = queue_of(text, state.store["name"])
        waited = time.time() - since
        if waited >= wait or all(state.has_arrived(since) or state.is_refused for state in states):
            return [_row(state, since, waited, timeout) for state in states]
        time.sleep(_PAUSE)


def of_agent(stores: t.Sequence[t.Mapping[str, t.Any]], timeout: float, hosts: t.Collection[str]) -> dict[str, t.Any]:
    """Return what the module prometheus_info reports of an agent: the versions and clocks from the first store that answers."""
    found: dict[str, t.Any] = {"rules": [], "alertmanagers": [], "alerts": [], "largest": [], "builds": [], "clocks": []}
    for store in stores:
        if store["role"] in QUERYABLE:
            # An error of a store is in its row.
            with contextlib.suppress(ApiError):
                options = _options(store)
                found["builds"] = builds(store["url"], timeout, hosts, **options)
                found["clocks"] = clocks(store["url"], timeout, hosts, **options)
                return found
    return found


def queue_of(metrics: str, store: str) -> dict[str, float]:
    """Return the values of the queue of a *store* in the *metrics* of a Prometheus server, by name without the common prefix."""
    found: dict[str, float] = {}
    for match in _METRIC.finditer(metrics):
        labels = match["labels"] or ""
        if (f'remote_name="{store}"' in labels and _INTENDED not in labels) or not labels:
            found[match["name"]] = found.get(match["name"], 0.0) + float(match["value"])
    return found


def _options(store: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the parameters of `get_json` for the queries to a *store*."""
    return {
        "server": f"the store {store['name']}",
        "tls": store.get("tls") or {},
        **password_options(store.get("username") or "", store.get("password") or ""),
    }


def _ask(state: _State, timeout: float) -> None:
    """Query the newest sample of a store."""
    store = state.store
    try:
        state.newest = _newest(store, timeout)
    except ApiError as error:
        # The expression of the query does not help a reader.
        state.error = re.sub(r"\?latency_offset=\S*: ", ": ", str(error))
    else:
        state.error = ""


def _newest(store: t.Mapping[str, t.Any], timeout: float) -> float:
    """Return the time of the newest sample of the target, in seconds since 1970; 0 if there is no sample."""
    matchers = ", ".join(f"{key}={json.dumps(store[key], ensure_ascii=False)}" for key in ("job", "instance"))
    # By default, VictoriaMetrics does not return the samples of the last 30 seconds.
    address = f"{store['url']}/api/v1/query?latency_offset=1ms&nocache=1&query={quote(f'timestamp(up{{{matchers}}})')}"
    result = get_json(address, timeout, "data", "result", **_options(store))
    return max((float(series["value"][1]) for series in result), default=0.0)


def _dedup(store: t.Mapping[str, t.Any], timeout: float) -> str:
    """Return the interval of which the store keeps one sample, as the store reports it; empty if it keeps all samples."""
    found = _DEDUP.search(get_text(f"{store['url']}/flags", timeout, **_options(store)))
    return found[1] if found else ""


def _row(state: _State, since: float, waited: float, timeout: float) -> dict[str, t.Any]:
    queue, dedup = state.queue, ""
    if not state.error and state.store["role"] == "victoria_metrics":
        try:
            dedup = _dedup(state.store, timeout)
        except ApiError as error:
            state.error = str(error)
    sent = queue.get("queue_highest_sent_timestamp_seconds")
    # Before Prometheus 3.9, all queues share this value.
    read = queue.get("queue_highest_timestamp_seconds", queue.get("highest_timestamp_in_seconds"))
    return {
        **{key: state.store[key] for key in ("name", "host", "role")},
        "error": state.error,
        "refused": state.is_refused,
        "arrived": state.has_arrived(since),
        "waited": round(waited, 1),
        # Seconds between the newest sample of the Prometheus server and the newest sample that the server has sent.
        "lag": max(0.0, read - sent) if sent is not None and read is not None else 0.0,
        "pending": int(queue.get("samples_pending", 0)),
        "failed": int(state.growth(_FAILED)),
        "dropped": int(state.growth(_DROPPED)),
        "dedup": dedup,
    }
