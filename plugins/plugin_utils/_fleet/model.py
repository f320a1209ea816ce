# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet model: plain data that all files, checks and pages are derived from. Private to the collection.

The model is data of Python's own types, so that it passes through templates and into JSON unchanged.
"""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import host_port, reached_at
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.log_files import LogFiles
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.log_rules import LogRule


class EndpointOptions(t.TypedDict, total=False):
    """What few endpoints have."""

    # Everybody may connect, not the Prometheus servers alone.
    public: bool
    # Prometheus' durations, in place of the server's own.
    scrape_interval: str
    scrape_timeout: str
    # What Prometheus needs to know of monitoring_web, or of the variable of a server.
    web: dict[str, t.Any]
    # Options of the endpoint's scrape config, see scrape_options.py.
    options: dict[str, t.Any]


class Endpoint(EndpointOptions):
    """What one exporter or program serves on one host."""

    # The role that deploys it. Empty for an endpoint of monitoring_scrapes.
    role: str
    job: str
    port: int
    path: str
    scheme: str
    params: dict[str, list[str]]
    labels: dict[str, str]
    instance: str


class HostOptions(t.TypedDict, total=False):
    """What few hosts have."""

    # Where connections of the host come from, if not from its address.
    sources: list[str]
    # False where the inventory says that no Prometheus server scrapes the host.
    scraped: bool
    # from, until and why of each window of monitoring_maintenance. The times are in UTC.
    maintenance: list[dict[str, t.Any]]
    # monitoring_scrape_options: by scrape job, the options of the host's endpoints.
    scrape_options: dict[str, dict[str, t.Any]]
    # The rules of monitoring_logs, by name. Hosts with the same groups share the list.
    logs: list[LogRule]
    # module, target, credentials and labels of each device that an SNMP exporter asks.
    snmp: list[dict[str, t.Any]]
    # The logs of monitoring_log_files.
    log_files: list[LogFiles]
    # The names of the presets in monitoring_presets.
    presets: list[str]


class Host(HostOptions):
    """A host of the inventory."""

    address: str
    roles: list[str]
    # The version of each role's program, by role.
    versions: dict[str, str]
    labels: dict[str, str]
    # A number, or numbers by severity, by the name of the threshold.
    thresholds: dict[str, t.Any]
    # module, target and labels of each probe.
    probes: list[dict[str, t.Any]]
    endpoints: list[Endpoint]


class Access(t.TypedDict):
    """Who may connect to the endpoints of a role, beside the Prometheus servers."""

    # Names of hosts.
    clients: list[str]
    # Whether the networks of firewall_admin_networks may connect.
    admins: bool
    # The variable with the port that hosts of the role open to each other, or an empty text.
    peers: str


class ModelOptions(t.TypedDict, total=False):
    """What few models have."""

    # Variables of the inventory with a prefix of the collection that no role reads.
    unknown: list[str]
    # The program that evaluates the log rules, if it is not mtail: see ENGINES in log_rules.py.
    logs_engine: str


class Model(ModelOptions):
    """The fleet."""

    hosts: dict[str, Host]
    # The variables of the hosts that serve the fleet: by role, host and variable.
    servers: dict[str, dict[str, dict[str, t.Any]]]
    # The scrape jobs of all roles, also of roles that no host has.
    jobs: list[str]
    # By role: the name that include_role finds the role by.
    roles: dict[str, str]
    access: dict[str, Access]
    # The text of the rules of each role that a host has, and of each preset, whose name has a prefix (PREFIX in presets.py).
    rules: dict[str, str]
    # The texts of the dashboards, by role and name. Empty where no Grafana needs them.
    dashboards: dict[str, t.Mapping[str, str]]


NO_ACCESS: Access = {"clients": [], "admins": False, "peers": ""}


def server_settings(model: Model, role: str, host: str) -> dict[str, t.Any]:
    """Return the variables of a *role* that serves the fleet, for a *host* that has it.

    :raises ValueError: where it has not.
    """
    servers = model["servers"].get(role, {})
    if host not in servers:
        known = ", ".join(sorted(servers)) or "none"
        raise ValueError(
            f"host {host} is not in the group of the role {role}, which has these hosts: {known}. Add the host to the group"
        )
    return servers[host]


def active_servers(model: Model, role: str) -> dict[str, dict[str, t.Any]]:
    """Return the hosts whose *role* serves the fleet, with its variables: all of the role's but those that are retired."""
    servers = model["servers"].get(role, {})
    return {name: settings for name, settings in servers.items() if settings.get(f"{role}_state") != "absent"}


def deployed_hosts(model: Model, others: t.Iterable[str] = ()) -> int:
    """Return the number of hosts that have a role of the model, or are in *others*."""
    return len({name for name, host in model["hosts"].items() if host["roles"]}.union(others))


def server_address(model: Model, host: str, name: str, role: str) -> str:
    """Return the address and port at which *host* reaches the server of *role* on the host *name*."""
    settings = model["servers"][role][name]
    port = int(settings[f"{role}_port"])
    if name == host:
        return reached_at(settings[f"{role}_listen_address"], port)
    return host_port(model["hosts"][name]["address"], port)


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
