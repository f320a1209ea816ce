# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores: the servers that keep the samples of the Prometheus servers for a long time. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_duration
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers, server_address
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.web import server_client_settings, server_scheme

# The roles of stores, and the path to which Prometheus writes.
_WRITE = {"victoria_metrics": "/api/v1/write"}
ROLES = tuple(_WRITE)


class Store(t.NamedTuple):
    """A server that keeps samples."""

    role: str
    host: str

    @property
    def name(self) -> str:
        """The name of the store in the configuration and in the metrics of Prometheus."""
        return f"{self.role}-{self.host}"


def all_stores(model: Model) -> list[Store]:
    """Return the stores of the fleet that are not retired."""
    return [Store(role, host) for role in ROLES for host in active_servers(model, role)]


def readable_stores(model: Model) -> list[Store]:
    """Return the stores that vmauth sends queries to: those with the API of Prometheus."""
    return [store for store in all_stores(model) if store.role == "victoria_metrics"]


def stores_of(model: Model, server: str) -> list[Store]:
    """Return the stores that the Prometheus *server* writes to: all, or the hosts that prometheus_stores selects."""
    chosen = model["servers"]["prometheus"][server].get("store_hosts")
    return [store for store in all_stores(model) if chosen is None or store.host in chosen]


def store_url(model: Model, host: str, store: Store) -> str:
    """Return the URL of a *store* as *host* reaches it, without a path."""
    settings = model["servers"][store.role][store.host]
    return f"{server_scheme(settings, store.role)}://{server_address(model, host, store.host, store.role)}"


def write_url(model: Model, host: str, store: Store) -> str:
    """Return the URL to which the Prometheus server on *host* writes."""
    return store_url(model, host, store) + _WRITE[store.role]


def store_client(model: Model, store: Store) -> dict[str, t.Any]:
    """Return the TLS settings and the password for clients of a *store*, with the keys of monitoring_web."""
    return server_client_settings(model["servers"][store.role][store.host], store.role)


def _writers(model: Model, store: Store) -> list[dict[str, t.Any]]:
    """Return the settings of the Prometheus servers that write to a *store*."""
    servers = active_servers(model, "prometheus")
    return [settings for name, settings in servers.items() if store in stores_of(model, name)]


def longest_interval(model: Model, stores: t.Iterable[Store]) -> str:
    """Return the longest scrape interval of the Prometheus servers that write to *stores*; empty if none writes to them."""
    intervals = [settings["prometheus_scrape_interval"] for store in stores for settings in _writers(model, store)]
    return max(intervals, key=parse_duration, default="")


def removes_duplicates(store: Store) -> bool:
    """Return whether a *store* keeps one of the samples that several Prometheus servers write for a series."""
    return store.role == "victoria_metrics"


def dedup_interval(model: Model, store: Store) -> int:
    """Return in milliseconds the interval of which a *store* keeps one sample of each series; 0 keeps all samples.

    Prometheus servers that scrape the same hosts write the same series. The interval is the shortest scrape interval of these
    hosts, so that no sample of a target with a short interval is lost.
    """
    writers = [(settings, set(settings["scrape_hosts"])) for settings in _writers(model, store)]
    shared = {
        host
        for number, (_settings, hosts) in enumerate(writers)
        for _other, others in writers[number + 1 :]
        for host in hosts & others
    }
    if not shared:
        return 0
    intervals = {parse_duration(settings["prometheus_scrape_interval"]) for settings, hosts in writers if hosts & shared}
    own = {item["scrape_interval"] for host in shared for item in model["hosts"][host]["endpoints"] if "scrape_interval" in item}
    return min(intervals | {parse_duration(interval) for interval in own})
