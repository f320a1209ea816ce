# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the files of a Loki server. Private to the collection.

The documentation of Loki ("Grafana Loki configuration parameters") has the format of loki.yml.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import (
    Model,
    active_servers,
    server_address,
    server_route_prefix,
    server_settings,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import made_yaml, merged
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.web import server_client_settings, server_scheme
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.logql import log_rule_groups

ROLE = "loki"
# Without authentication, Loki has this one tenant. The name is also the directory of the tenant's rules.
TENANT = "fake"
# A past date, so that Loki accepts the lines of old files. Loki must keep the schema of a period as long as it has data of it.
_FIRST_PERIOD: dict[str, t.Any] = {
    "from": "2024-01-01",
    "store": "tsdb",
    "object_store": "filesystem",
    "schema": "v13",
    "index": {"prefix": "index_", "period": "24h"},
}


def loki_files(model: Model, host: str) -> dict[str, t.Any]:
    """Return the configuration files of the Loki on *host*: relative path -> text.

    With a password of the Alertmanagers, loki.yml is a dictionary of ``content`` and ``secret``.
    """
    settings = server_settings(model, ROLE, host)
    config = loki_config(model, host)
    files: dict[str, t.Any] = {"loki.yml": made_yaml(config)}
    if "basic_auth_password" in config["ruler"].get("alertmanager_client", {}):
        files["loki.yml"] = {"content": files["loki.yml"], "secret": True}
    groups = log_rule_groups(model)
    if groups:
        files[f"rules/{TENANT}/logs.yml"] = made_yaml({"groups": groups})
    if settings["loki_extra_rules"]:
        files[f"rules/{TENANT}/extra.yml"] = made_yaml({"groups": settings["loki_extra_rules"]})
    return files


def _alertmanager_client(server: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the TLS settings and the password of the ruler. All Alertmanagers have the same ones."""
    web = server_client_settings(server, "alertmanager")
    names = {
        "ca_file": "tls_ca_path",
        "server_name": "tls_server_name",
        "insecure_skip_verify": "tls_insecure_skip_verify",
        "username": "basic_auth_username",
        "password": "basic_auth_password",
    }
    return {name: web[key] for key, name in names.items() if key in web}


def loki_config(model: Model, host: str) -> dict[str, t.Any]:
    """Return loki.yml of *host* as data."""
    settings = server_settings(model, ROLE, host)
    data, loopback = settings["loki_data_dir"], "127.0.0.1"
    ruler: dict[str, t.Any] = {
        "storage": {"type": "local", "local": {"directory": f"{settings['loki_config_dir']}/rules"}},
        "rule_path": f"{data}/ruler",
        "evaluation_interval": settings["loki_evaluation_interval"],
        "poll_interval": "1m",
    }
    alertmanagers = active_servers(model, "alertmanager")
    if alertmanagers:
        ruler["alertmanager_url"] = ",".join(
            f"{server_scheme(server, 'alertmanager')}://{server_address(model, host, name, 'alertmanager')}"
            f"{server_route_prefix(server, 'alertmanager')}"
            for name, server in alertmanagers.items()
        )
        client = _alertmanager_client(next(iter(alertmanagers.values())))
        if client:
            ruler["alertmanager_client"] = client
    config: dict[str, t.Any] = {
        # The firewall, not a password, decides who may connect.
        "auth_enabled": False,
        # Loki would send statistics about itself to its vendor.
        "analytics": {"reporting_enabled": False},
        "server": {
            "http_listen_address": settings["loki_listen_address"],
            "http_listen_port": int(settings["loki_port"]),
            "grpc_listen_address": loopback,
            "grpc_listen_port": int(settings["loki_grpc_port"]),
        },
        "common": {
            "path_prefix": data,
            "instance_addr": loopback,
            "replication_factor": 1,
            "ring": {"kvstore": {"store": "inmemory"}},
            "storage": {"filesystem": {"chunks_directory": f"{data}/chunks", "rules_directory": f"{data}/rules"}},
        },
        # There is no other ingester that could take over: a restart need not wait for the ring.
        "ingester": {"lifecycler": {"min_ready_duration": "0s"}},
        "schema_config": {"configs": settings["loki_schema_configs"] or [_FIRST_PERIOD]},
        # Only the compactor deletes old logs, and only with retention_enabled.
        "compactor": {"retention_enabled": True, "delete_request_store": "filesystem"},
        "limits_config": {"retention_period": settings["loki_retention"], **settings["loki_limits"]},
        "ruler": ruler,
    }
    return merged(config, settings["loki_config"])
