# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve the metrics of ZEO servers."""

from __future__ import annotations

import argparse
import sys
import time
import typing as t

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from vigie_exporter import Exporter, serve

from zeo_exporter import protocol

_LABELS = ("server", "storage")
_GAUGES = {
    "connections": ("zeo_connections", "Clients that are connected."),
    "active_txns": ("zeo_active_transactions", "Transactions that have begun and not ended."),
    "waiting": ("zeo_waiting_transactions", "Transactions that wait for the commit lock."),
    "verifying_clients": ("zeo_verifying_clients", "Clients that compare their caches with the server."),
}
_COUNTERS = {
    "commits": ("zeo_commits", "Committed transactions."),
    "aborts": ("zeo_aborts", "Aborted transactions."),
    "conflicts": ("zeo_conflicts", "Conflicts of transactions that could not be resolved."),
    "conflicts_resolved": ("zeo_conflicts_resolved", "Conflicts of transactions that were resolved."),
    "loads": ("zeo_loads", "Objects that clients loaded, because their caches did not have them."),
    "stores": ("zeo_stores", "Objects that clients stored."),
}


class ZeoExporter(Exporter):
    """Asks ZEO servers for their statistics."""

    def __init__(self, servers: t.Sequence[str], timeout: float) -> None:
        """Ask *servers*, and wait for each for at most *timeout* seconds."""
        self._servers = servers
        self._timeout = timeout

    def collect(self) -> t.Iterator[Metric]:
        """Yield the metrics of all servers."""
        up = GaugeMetricFamily("zeo_up", "Whether the ZEO server answers.", labels=["server"])
        families: dict[str, Metric] = {
            **{key: GaugeMetricFamily(*names, labels=_LABELS) for key, names in _GAUGES.items()},
            **{key: CounterMetricFamily(*names, labels=_LABELS) for key, names in _COUNTERS.items()},
        }
        lock = GaugeMetricFamily(
            "zeo_commit_lock_seconds", "Seconds since a transaction took the commit lock, or 0.", labels=_LABELS
        )
        last = GaugeMetricFamily(
            "zeo_last_transaction_timestamp_seconds", "Time of the last transaction, or 0 for an empty storage.", labels=_LABELS
        )
        storages = GaugeMetricFamily("zeo_storages", "Storages of the server.", labels=["server"])
        for server in self._servers:
            try:
                answer = protocol.ask(server, self._timeout)
                times = {storage: protocol.time_of(state["last-transaction"]) for storage, state in answer.items()}
            except (OSError, ValueError, KeyError) as error:
                print(f"The ZEO server {server} does not answer: {error}", file=sys.stderr)  # noqa: T201 - the journal
                up.add_metric([server], 0)
                continue
            up.add_metric([server], 1)
            storages.add_metric([server], len(answer))
            for storage, state in answer.items():
                for key, family in families.items():
                    if key in state:
                        t.cast("t.Any", family).add_metric([server, storage], state[key])
                locked = state.get("lock_time")
                lock.add_metric([server, storage], max(0.0, time.time() - locked) if locked else 0)
                last.add_metric([server, storage], times[storage])
        yield from (up, storages, *families.values(), lock, last)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="zeo_exporter", description="Serve the metrics of ZEO servers to Prometheus.")
    parser.add_argument("--web.listen-address", dest="address", default=":9810", help="address and port of the metrics")
    parser.add_argument(
        "--server", dest="servers", action="append", required=True, help="HOST:PORT or the path of a unix socket; repeatable"
    )
    parser.add_argument("--timeout", type=float, default=3.0, help="seconds to wait for each server")
    arguments = parser.parse_args()
    serve(ZeoExporter(arguments.servers, arguments.timeout), arguments.address)


if __name__ == "__main__":
    main()
