# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP server that the exporters of this collection have in common."""

from __future__ import annotations

import abc
import signal
import typing as t

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Exporter(Collector):
    """Queries a service at each scrape."""

    @abc.abstractmethod
    def collect(self) -> t.Iterator[Metric]:
        """Query the service, and yield the metrics."""

    def describe(self) -> list[Metric]:
        """Return no metrics, so that the registration does not query the service."""
        return []


def gauge(name: str, text: str, labels: t.Mapping[str, str], value: float) -> GaugeMetricFamily:
    """Return a metric with one series."""
    family = GaugeMetricFamily(name, text, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family


def split_address(text: str) -> tuple[str, int]:
    """Return host and port of *text*, such as `:9400` (all addresses, IPv4 and IPv6) or `[::1]:9400`."""
    host, _colon, port = text.rpartition(":")
    return host.strip("[]") or "::", int(port)


def serve(exporter: Exporter, address: str) -> None:
    """Serve the metrics of *exporter* at *address* until the process is terminated."""
    registry = CollectorRegistry()
    registry.register(exporter)
    host, port = split_address(address)
    server, _thread = start_http_server(port, host, registry)
    signal.signal(signal.SIGTERM, lambda *_arguments: signal.raise_signal(signal.SIGINT))
    print(f"Listening on {address}", flush=True)  # noqa: T201 - the journal
    try:
        signal.pause()
    except KeyboardInterrupt:
        server.shutdown()
