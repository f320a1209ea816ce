# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Derive the flags and the files of the programs of VictoriaMetrics. Private to the collection.

The documentation of VictoriaMetrics has the flags ("Single-node version", "List of command-line flags") and the configuration of
vmauth ("vmauth", "Auth config").
"""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, server_settings
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.stores import (
    Store,
    dedup_interval,
    readable_stores,
    store_client,
    store_url,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import made_yaml
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.web import server_client_settings
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.vmagent import vmagent_flags
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.vmalert import vmalert_flags

# By default, the programs listen on IPv4 only.
_COMMON: dict[str, t.Any] = {"enableTCP6": True}
# The paths of queries. vmauth refuses all others, in particular writes: only one store would get the samples.
_QUERIES = [
    "/api/v1/(query|query_range|query_exemplars|series|labels|metadata|export|format_query|parse_query)",
    "/api/v1/label/[^/]+/values",
    "/api/v1/status/.+",
    "/federate",
    "/vmui.*",
]
# The answers after which vmauth asks the next store.
_RETRIED = [500, 502, 503]
_TLS = {"ca_file": "tls_ca_file", "server_name": "tls_server_name", "insecure_skip_verify": "tls_insecure_skip_verify"}


def victoria_flags(model: Model, host: str, role: str) -> dict[str, t.Any]:
    """Return the flags of the program of *role* on *host*, without its address, TLS and password."""
    return {**_COMMON, **_FLAGS[role](model, host, server_settings(model, role, host))}


def _storage(model: Model, host: str, role: str, settings: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the flags of a program that stores samples."""
    interval = dedup_interval(model, Store(role, host))
    return {
        "storageDataPath": settings[f"{role}_data_dir"],
        "retentionPeriod": str(settings[f"{role}_retention"]),
        **({"dedup.minScrapeInterval": f"{interval}ms"} if interval else {}),
    }


def _victoria_metrics(model: Model, host: str, settings: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return _storage(model, host, "victoria_metrics", settings)


def _vmauth(_model: Model, _host: str, settings: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {"auth.config": f"{settings['vmauth_config_dir']}/auth.yml"}


_FLAGS: dict[str, t.Callable[[Model, str, t.Mapping[str, t.Any]], dict[str, t.Any]]] = {
    "victoria_metrics": _victoria_metrics,
    "vmauth": _vmauth,
    "vmalert": vmalert_flags,
    "vmagent": vmagent_flags,
}


def vmauth_files(model: Model, host: str) -> dict[str, t.Any]:
    """Return the configuration files of the vmauth on *host*: relative path -> text and whether the text is secret."""
    return {"auth.yml": {"content": made_yaml(vmauth_config(model, host)), "secret": True}}


def vmauth_config(model: Model, host: str) -> dict[str, t.Any]:
    """Return the configuration of the vmauth on *host* as data: each query goes to the first store that answers."""
    stores = readable_stores(model)
    # All stores have the same client settings: the headers are those of a user of vmauth, not of a store.
    client = store_client(model, stores[0]) if stores else {}
    # vmauth would log a password in the URL of a store, and would pass on the header of its own client.
    token = base64.b64encode(f"{client['username']}:{client['password']}".encode()).decode() if client.get("username") else ""
    user = {
        "url_map": [
            {
                "src_paths": _QUERIES,
                "url_prefix": [f"{store_url(model, host, store)}/" for store in stores],
                "load_balancing_policy": "first_available",
                "retry_status_codes": _RETRIED,
                "headers": [f"Authorization: Basic {token}" if token else "Authorization:"],
            }
        ],
        **{name: client[key] for key, name in _TLS.items() if key in client},
    }
    web = server_client_settings(server_settings(model, "vmauth", host), "vmauth")
    if web.get("username"):
        return {"users": [{"username": web["username"], "password": str(web["password"]), **user}]}
    return {"unauthorized_user": user}
