# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the fleet: a plain structure that everything else is derived from. Private to the collection.

The model::

    {"hosts": {name: {"address": str, "roles": [str], "versions": {role: str}, "labels": {str: str},
                      "thresholds": {}, "probes": [],
                      "sources": [str], (where its connections come from; only where it is not the address)
                      "scraped": False, (only where the inventory says that no Prometheus server scrapes it)
                      "endpoints": [{"role", "job", "port", "path", "scheme", "params", "labels", "instance",
                                     "public", "scrape_interval", "scrape_timeout" (only where the inventory says it),
                                     "web": what Prometheus needs of monitoring_web (only where it is for the endpoint)}]}},
     "servers": {role: {name: {variable of the role: value}}},
     "unknown": [variables with our prefixes that nothing reads] (only where there are any),
     "jobs": [job], (of all roles, also of those that no host has)
     "roles": {role: name that include_role finds it by}, (all roles with a contract)
     "access": {role: {"clients": [name], "admins": bool, "peers": variable with their port or ""}},
     "rules": {role: text},
     "dashboards": {role: {name: text}} (only where a Grafana may need them)}
"""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

Model = dict[str, t.Any]


def server_settings(model: Model, role: str, host: str) -> dict[str, t.Any]:
    """Return the variables of a *role* that serves the fleet, for a *host* that has it.

    :raises ValueError: where it has not.
    """
    servers = model["servers"].get(role, {})
    if host not in servers:
        known = ", ".join(sorted(servers)) or "none"
        raise ValueError(f"{host} is not in the inventory's group for {role}: put it there (there are: {known})")
    return servers[host]


def active_servers(model: Model, role: str) -> dict[str, dict[str, t.Any]]:
    """Return the hosts whose *role* serves the fleet, with its variables: all of the role's but those that are retired."""
    servers = model["servers"].get(role, {})
    return {name: settings for name, settings in servers.items() if settings.get(f"{role}_state") != "absent"}


def route_prefix(external_url: t.Any, flags: t.Mapping[str, t.Any] | None = None) -> str:
    """Return the path below which a Prometheus or an Alertmanager serves all that it has, without a slash at its end.

    That of the flag ``web.route-prefix``, else that of the URL under which people reach it (both programs' documentation).
    """
    given = flags or {}
    prefix = given.get("web.route-prefix")
    if not prefix:
        prefix = urlsplit(str(given.get("web.external-url") or external_url or "")).path
    path = str(prefix).strip("/")
    return f"/{path}" if path else ""


def server_route_prefix(settings: t.Mapping[str, t.Any], role: str) -> str:
    """Return `route_prefix` of a server with such *settings*."""
    return route_prefix(settings.get(f"{role}_external_url"), settings.get(f"{role}_flags"))
