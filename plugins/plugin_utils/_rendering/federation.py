# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a global Prometheus server reads from the servers of the shards. Private to the collection.

The job ``federate`` copies the series of recording rules (Prometheus' documentation, "Federation"). Its targets have the labels
``shard`` and ``server``, which the copied series get as well. A label ``host`` would name the wrong host: that of the server.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import host_port
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, server_route_prefix, server_settings
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import shard_name
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.web import (
    scrape_config,
    server_client_settings,
    server_scheme,
)

ROLE = "prometheus"
JOB = "federate"


def _sources(model: Model, server: str) -> t.Iterator[tuple[str, str, dict[str, t.Any]]]:
    """Yield name, address and variables of each server that the Prometheus *server* reads from."""
    for name in server_settings(model, "prometheus", server).get("reads_from", ()):
        settings = model["servers"]["prometheus"][name]
        yield name, host_port(model["hosts"][name]["address"], int(settings["prometheus_port"])), settings


def federated_targets(model: Model, server: str) -> list[dict[str, t.Any]]:
    """Return the file_sd groups of the servers that the Prometheus *server* reads from, one a server."""
    found = []
    for name, address, settings in _sources(model, server):
        labels = {
            "__metrics_path__": f"{server_route_prefix(settings, ROLE)}/federate",
            "instance": f"{name}:{settings['prometheus_port']}",
            "server": name,
            "shard": shard_name(model, name),
        }
        if server_scheme(settings, "prometheus") == "https":
            labels["__scheme__"] = "https"
        found.append({"targets": [address], "labels": labels})
    return found


def federated_web(model: Model, server: str) -> dict[str, t.Any]:
    """Return the keys of prometheus_web for the job: all Prometheus servers have the same, being targets of one job."""
    return next((server_client_settings(settings, "prometheus") for _name, _address, settings in _sources(model, server)), {})


def federation(model: Model, server: str) -> dict[str, t.Any] | None:
    """Return the scrape config of the job, or None if the Prometheus *server* reads from no other server."""
    settings = server_settings(model, "prometheus", server)
    if not settings.get("reads_from"):
        return None
    return {
        "job_name": JOB,
        "honor_labels": True,
        # Prometheus marks no series with timestamps of its own as stale: a server that is down would seem to watch its hosts for
        # five more minutes.
        "honor_timestamps": False,
        "params": {"match[]": [f"{{__name__=~{json.dumps(pattern)}}}" for pattern in settings["prometheus_global_series"]]},
        "file_sd_configs": [{"files": [f"targets/{JOB}.json"]}],
        **scrape_config(JOB, federated_web(model, server)),
    }


def remote_read(model: Model, server: str) -> list[dict[str, t.Any]]:
    """Return the section remote_read of a global server, which reads through in the mode remote_read only."""
    if server_settings(model, "prometheus", server).get("prometheus_global_mode") != "remote_read":
        return []
    web = scrape_config(JOB, federated_web(model, server))
    return [
        {
            "name": name,
            "url": f"{server_scheme(settings, ROLE)}://{address}{server_route_prefix(settings, ROLE)}/api/v1/read",
            # Without this key, Prometheus reads only samples that are older than its own database.
            "read_recent": True,
            **web,
        }
        for name, address, settings in _sources(model, server)
    ]
