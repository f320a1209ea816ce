# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the firewall rules of a host. Private to the collection.

The rules allow connections to the endpoints of a host from the monitoring servers and the host itself, and refuse all others.
Rules with ``when_closed`` are for a host whose own rules refuse everything else: they allow the other direction as well.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import addresses, probes, shards
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import NO_ACCESS, Model, active_servers

INPUT, OUTPUT, DOCKER = "VIGIE-INPUT", "VIGIE-OUTPUT", "VIGIE-DOCKER"
REFUSE = {"reject": "REJECT", "drop": "DROP", "none": ""}
# Ports that are often public.
_WEB = (80, 443)
# The hosts and networks that send metrics to a Prometheus server.
_NO_SENDERS: dict[str, list[str]] = {"hosts": [], "networks": []}
Rule = dict[str, t.Any]
Service = tuple[str, int]  # protocol, port


@dataclasses.dataclass
class _Opening:
    """Who may reach one port of the host."""

    jobs: set[str] = dataclasses.field(default_factory=set)
    # Address, network or name -> the host, or the variable, that it belongs to.
    sources: dict[str, str] = dataclasses.field(default_factory=dict)
    # Whether the other rules of the host decide about all other sources.
    public: bool = False


def firewall_rules(  # noqa: PLR0913 - a filter's options
    model: Model,
    host: str,
    default: str = "reject",
    interface: str = "",
    admin_networks: t.Sequence[str] = (),
    *,
    exporters_removed: bool = False,
) -> list[dict[str, t.Any]]:
    """Return the chains of *host*, as the module iptables_chain takes them.

    :param default: what happens to other connections to a monitored port: ``reject``, ``drop``, or ``none`` (other rules decide).
    :param interface: the rules match this interface only.
    :param admin_networks: the networks from which people reach the web interfaces of the monitoring servers.
    :param exporters_removed: whether the services of roles that the host no longer has are removed. Otherwise the ports of these
        services stay refused as long as the services run.
    :raises ValueError: for a wrong value, or for a port that would be closed unintentionally; with host, variable and remedy.
    """
    if default not in REFUSE:
        raise ValueError(f"host {host}, variable firewall_default, value {default!r}: must be one of {', '.join(REFUSE)}")
    networks = [_network(host, network) for network in admin_networks]
    openings = _openings(model, host, networks, closing=default != "none")
    incoming: list[Rule] = []
    outgoing: list[Rule] = []
    for (protocol, port), opening in sorted(openings.items()):
        what = f"{','.join(sorted(opening.jobs))} on {host}"
        to_port = {"protocol": protocol, "destination_port": port}
        incoming.append({**to_port, "in_interface": "lo", "jump": "ACCEPT", "comment": f"{what} for itself"})
        for source, whose in sorted(opening.sources.items(), key=lambda item: (item[1], item[0])):
            comment = f"{what} for {whose}"
            incoming.append({**to_port, "source": source, "in_interface": interface, "jump": "ACCEPT", "comment": comment})
            outgoing.append(
                {
                    "protocol": protocol,
                    "source_port": port,
                    "destination": source,
                    "out_interface": interface,
                    "established": True,
                    "jump": "ACCEPT",
                    "comment": comment,
                    "when_closed": True,
                }
            )
        if REFUSE[default] and not opening.public:
            refused = {"jump": REFUSE[default], "comment": f"{what} for nobody else"}
            incoming.append({**to_port, "in_interface": interface, **refused})
    # Docker forwards packets to published ports, so that they do not pass the chain INPUT.
    published = [rule for rule in incoming if rule["in_interface"] != "lo"]
    for rule in _own_connections(model, host, interface):
        (incoming if "source_port" in rule else outgoing).append(rule)
    still_refused = [] if exporters_removed or default == "none" else [f"{job} on {host}" for job in model["jobs"]]
    return [
        {"name": INPUT, "parent": "INPUT", "rules": incoming, "still_refused": still_refused},
        {"name": OUTPUT, "parent": "OUTPUT", "rules": outgoing},
        {"name": DOCKER, "parent": "DOCKER-USER", "rules": published},
    ]


def _network(host: str, network: t.Any) -> str:
    found = addresses.parse_source(network)
    if found is None:
        raise ValueError(
            f"host {host}, variable firewall_admin_networks, value {network!r}: must be an address or a network (192.0.2.0/24)"
        )
    return found


def _openings(model: Model, host: str, networks: list[str], *, closing: bool) -> dict[Service, _Opening]:
    """Return who may reach which port of *host*."""
    openings: dict[Service, _Opening] = {}
    servers = active_servers(model, "prometheus")
    scraping = [name for name, settings in servers.items() if host in settings["scrape_hosts"]]
    # The servers of all shards probe through each blackbox or SNMP exporter, and global servers read from those of the shards.
    sharing = [other for name in scraping for other in shards.sharing_servers(model, name)]
    others = {
        **dict.fromkeys((prober.role for prober in probes.PROBERS), sharing),
        "prometheus": shards.global_servers(model, host),
    }
    senders = servers.get(host, {}).get("otlp_senders", _NO_SENDERS)
    for item in model["hosts"][host]["endpoints"]:
        opening = openings.setdefault(("tcp", item["port"]), _Opening())
        opening.jobs.add(item["job"])
        opening.public = opening.public or item.get("public", False)
        if closing and not item["role"] and item["port"] in _WEB and "public" not in item:
            raise ValueError(
                f"host {host}, variable monitoring_scrapes[{item['job']}], value {item['port']}: the firewall would close this "
                "port to everybody but Prometheus. Set `public: true` in this entry to leave the port open to others, or "
                "`public: false` to close it"
            )
        access = model["access"].get(item["role"], NO_ACCESS)
        otlp = senders if item["role"] == "prometheus" else _NO_SENDERS
        for name in (*scraping, *others.get(item["role"], ()), *access["clients"], *otlp["hosts"]):
            if name != host:
                opening.sources.update((source, name) for source in _sources(model, name))
        if access["admins"]:
            opening.sources.update((network, "firewall_admin_networks") for network in networks)
        opening.sources.update((network, "prometheus_otlp") for network in otlp["networks"])
    for role, port, peers in _clusters(model, host):
        for protocol in ("tcp", "udp"):
            opening = openings.setdefault((protocol, port), _Opening())
            opening.jobs.add(f"{role}-cluster")
            for name in peers:
                opening.sources.update((source, name) for source in _sources(model, name))
    return openings


def _own_connections(model: Model, host: str, interface: str) -> t.Iterator[Rule]:
    """Yield the rules for both directions of connections that *host* opens, for a host whose own rules refuse everything else."""
    opened: dict[tuple[str, int, str], set[str]] = {}
    for protocol, port, address, what in (
        *_scrape_connections(model, host),
        *_client_connections(model, host),
        *_cluster_connections(model, host),
    ):
        opened.setdefault((protocol, port, address), set()).add(what)
    for (protocol, port, address), comments in sorted(opened.items()):
        rule = {"protocol": protocol, "jump": "ACCEPT", "comment": ",".join(sorted(comments)), "when_closed": True}
        yield {**rule, "destination_port": port, "destination": address, "out_interface": interface}
        yield {**rule, "source_port": port, "source": address, "in_interface": interface, "established": True}


# Protocol, port, address (empty for any), comment.
Connection = tuple[str, int, str, str]


def _scrape_connections(model: Model, host: str) -> t.Iterator[Connection]:
    """Yield the scrapes of a Prometheus server, one for each port: with one rule for each target the chain would be too long."""
    if host not in active_servers(model, "prometheus"):
        return
    settings = model["servers"]["prometheus"][host]
    for name in settings["scrape_hosts"]:
        for item in model["hosts"][name]["endpoints"]:
            yield "tcp", item["port"], "", f"{item['job']} scraped by {host}"
    others = [(name, prober.role) for prober in probes.PROBERS for name in probes.exporters_of(prober, model, host)]
    others += [(name, "prometheus") for name in settings.get("reads_from", ())]
    for name, role in others:
        for item in model["hosts"][name]["endpoints"]:
            if item["role"] == role:
                yield "tcp", item["port"], "", f"{item['job']} scraped by {host}"


def _client_connections(model: Model, host: str) -> t.Iterator[Connection]:
    """Yield the connections of *host* to services whose role contract has the host as a client."""
    for role, access in model["access"].items():
        for name, server in model["hosts"].items() if host in access["clients"] else ():
            for item in server["endpoints"] if name != host else ():
                if item["role"] == role:
                    yield "tcp", item["port"], server["address"], f"{item['job']} on {name} for {host}"
    for name, settings in active_servers(model, "prometheus").items():
        for item in model["hosts"][name]["endpoints"] if name != host else ():
            if item["role"] == "prometheus" and host in settings.get("otlp_senders", _NO_SENDERS)["hosts"]:
                yield "tcp", item["port"], model["hosts"][name]["address"], f"{item['job']} on {name} for {host}"


def _cluster_connections(model: Model, host: str) -> t.Iterator[Connection]:
    for role, port, peers in _clusters(model, host):
        for name in peers:
            for protocol in ("tcp", "udp"):
                yield protocol, port, model["hosts"][name]["address"], f"{role}-cluster on {name} for {host}"


def _clusters(model: Model, host: str) -> t.Iterator[tuple[str, int, list[str]]]:
    """Yield (role, port, other hosts) for each role of *host* that forms a cluster."""
    for role, access in model["access"].items():
        servers = active_servers(model, role)
        if access["peers"] and host in servers and len(servers) > 1:
            yield role, int(servers[host][access["peers"]]), [name for name in servers if name != host]


def role_peers(model: Model, role: str, host: str) -> list[str]:
    """Return address and port of the other hosts of a *role* that forms a cluster."""
    port = model["access"].get(role, NO_ACCESS)["peers"]
    servers = active_servers(model, role)
    return [
        addresses.host_port(model["hosts"][name]["address"], settings[port])
        for name, settings in servers.items()
        if port and name != host and host in servers
    ]


def _sources(model: Model, name: str) -> list[str]:
    """Return the source addresses of connections from the host *name*."""
    host = model["hosts"][name]
    return host.get("sources") or [host["address"]]
