# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Derive the flags and the own files of vmagent, which scrapes in place of a Prometheus server. Private to the collection.

The documentation of vmagent has the flags ("Flags"), and the keys of Prometheus' configuration that vmagent reads ("Features").
"""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.agents import VMAGENT
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, server_settings
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.stores import Store, store_client, stores_of
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import made_yaml
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.client_flags import client_flags, listed
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.remote_write import remote_write


def vmagent_flags(model: Model, host: str, settings: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the flags of the vmagent on *host*, without its address, TLS and password."""
    directory, stores = settings["vmagent_config_dir"], stores_of(model, host)
    items = _written(model, host)
    found: dict[str, t.Any] = {
        "promscrape.config": f"{directory}/prometheus.yml",
        # vmagent does not know all options of scrape jobs.
        "promscrape.config.strictParse": False,
        # The default is a minute. Prometheus reads changed files at once.
        "promscrape.fileSDCheckInterval": "5s",
        "remoteWrite.tmpDataPath": settings["vmagent_data_dir"],
        # The URLs have no password. The metrics of the queues name them.
        "remoteWrite.showURL": True,
        "remoteWrite.url": [item["url"] for item in items],
    }
    relabeling = [f"{directory}/{_file(store)}" if _rules(item) else "" for store, item in zip(stores, items)]
    if any(relabeling):
        found["remoteWrite.urlRelabelConfig"] = relabeling
    clients = [client_flags(directory, store.role, store_client(model, store)) for store in stores]
    return {**found, **listed("remoteWrite", clients)}


def relabeling_files(model: Model, server: str) -> dict[str, str]:
    """Return a file for each store whose samples a vmagent relabels; nothing for a Prometheus server."""
    if server_settings(model, "prometheus", server).get("prometheus_mode") != VMAGENT:
        return {}
    written = zip(stores_of(model, server), _written(model, server))
    return {_file(store): made_yaml(_rules(item)) for store, item in written if _rules(item)}


def _written(model: Model, host: str) -> list[dict[str, t.Any]]:
    labels = server_settings(model, "prometheus", host)["prometheus_external_labels"]
    return remote_write(model, host, labels)


def _rules(item: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    return list(item.get("write_relabel_configs") or ())


def _file(store: Store) -> str:
    return f"relabel/{store.name}.yml"
