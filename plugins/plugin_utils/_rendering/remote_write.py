# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the sections of prometheus.yml for the stores of the fleet. Private to the collection.

The documentation of Prometheus ("Configuration", <remote_write>) has the format.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import stores
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers, server_settings
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import REPLICA
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import merged
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.web import scrape_config, server_client_settings
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import expected_targets


def remote_write(model: Model, server: str, external_labels: t.Collection[str]) -> list[dict[str, t.Any]]:
    """Return the section remote_write of *server*: one item for each store.

    :param external_labels: the names of the external labels of *server*.
    """
    options = server_settings(model, "prometheus", server)["prometheus_remote_write_options"]
    found = []
    for store in stores.stores_of(model, server):
        item: dict[str, t.Any] = {
            "name": store.name,
            "url": stores.write_url(model, server, store),
            **scrape_config(store.role, stores.store_client(model, store)),
        }
        if REPLICA in external_labels and stores.removes_duplicates(store):
            # The store can remove the duplicates of replicas only if their series have the same labels.
            item["write_relabel_configs"] = [{"action": "labeldrop", "regex": REPLICA}]
        found.append(merged(item, options))
    return found


def secrets(model: Model, server: str) -> list[tuple[str, dict[str, t.Any]]]:
    """Return the role and the client settings of each store, for the password files."""
    return [(store.role, stores.store_client(model, store)) for store in stores.stores_of(model, server)]


def store_queries(model: Model, server: str) -> list[dict[str, t.Any]]:
    """Return the stores of *server* for the module prometheus_info: how to reach each, and a target of *server* to read back."""
    targets = expected_targets(model, server)
    if not targets:
        return []
    # The own target of the server exists on every server that scrapes itself.
    target = next((target for target in targets if target["host"] == server), targets[0])
    asked = [(store, stores.store_client(model, store)) for store in stores.stores_of(model, server)]
    if asked:
        # A query through vmauth finds what the stores have.
        asked += [
            (stores.Store("vmauth", name), server_client_settings(settings, "vmauth"))
            for name, settings in active_servers(model, "vmauth").items()
        ]
    return [
        {
            "name": store.name,
            "role": store.role,
            "host": store.host,
            "url": stores.store_url(model, server, store),
            "tls": {key: client[key] for key in ("ca_file", "server_name", "insecure_skip_verify") if key in client},
            "username": client.get("username", ""),
            "password": str(client.get("password", "")),
            "job": target["job"],
            "instance": target["instance"],
        }
        for store, client in asked
    ]
