# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assign hosts to shards, and Prometheus servers to shards and replicas. Private to the collection.

A shard is a part of the hosts that several Prometheus servers share. The servers of one shard are replicas: they scrape the same
hosts. The shard of a host depends on the name of the host and the number of shards alone, so that every endpoint of a host is in
one shard: alerts join the series of a host on the label ``host``.
"""

from __future__ import annotations

import hashlib
import struct
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers

# The external label that differs between the replicas of a shard.
REPLICA = "replica"
GLOBAL = "global"


def shard_of(host: str, shards: int) -> int:
    """Return the number of the shard of *host*, 1 to *shards*.

    Rendezvous hashing: each shard has a weight for the host, and the host is in the shard with the largest weight. The weights
    come from a stream of bytes that depends on the name of the host only. A further shard therefore adds a weight and changes
    none: the hosts for which the new weight is the largest move to the new shard, and no host moves between the other shards.
    """
    weights = struct.unpack(f"<{shards}Q", hashlib.shake_128(host.encode()).digest(8 * shards))
    return weights.index(max(weights)) + 1


def assigned(hosts: t.Iterable[str], shards: int, servers: t.Mapping[str, int]) -> list[list[str]]:
    """Return the *hosts* of each shard, in their order.

    :param servers: the shard of each Prometheus server. The host of a server is in the next shard, so that the failure of all
        servers of a shard is noticed by the servers of another shard.
    """
    found: list[list[str]] = [[] for _shard in range(shards)]
    for host in hosts:
        found[servers[host] % shards if host in servers else shard_of(host, shards) - 1].append(host)
    return found


def placed(servers: t.Mapping[str, int], shards: int, replicas: int) -> dict[str, int]:
    """Return the shard of each of *servers*: the number that the server sets, or the first shard with a free place.

    The first *replicas* servers without a number are in the first shard, the next ones in the second shard: a server that is
    added at the end does not change the shard of another server.

    :param servers: the value of prometheus_shard of each server, in the order of the group; 0 for a server that sets none.
    """
    free = {shard: replicas - list(servers.values()).count(shard) for shard in range(1, shards + 1)}
    found = {}
    for name, number in servers.items():
        shard = number or next(shard for shard, places in free.items() if places > 0)
        free[shard] -= not number
        found[name] = shard
    return found


def is_global(settings: t.Mapping[str, t.Any]) -> bool:
    """Return whether a Prometheus server with such *settings* reads from other Prometheus servers and scrapes no hosts."""
    return settings.get("prometheus_role") == GLOBAL


def global_servers(model: Model, server: str) -> list[str]:
    """Return the global servers that read from the Prometheus *server*."""
    return [name for name, settings in active_servers(model, "prometheus").items() if server in settings.get("reads_from", ())]


def sharing_servers(model: Model, server: str) -> list[str]:
    """Return the Prometheus servers that share their hosts with *server*, itself included: those of all shards and replicas."""
    return t.cast("list[str]", model["servers"]["prometheus"][server].get("sharing") or [server])


def replicas_of(model: Model, server: str) -> list[str]:
    """Return the Prometheus servers that scrape the same hosts as *server*, itself included."""
    return t.cast("list[str]", model["servers"]["prometheus"][server].get("replicas") or [server])


def shared_hosts(model: Model, server: str) -> t.Collection[str]:
    """Return the hosts that *server* and the servers of the other shards scrape together."""
    servers = sharing_servers(model, server)
    if len(servers) == 1:
        return t.cast("list[str]", model["servers"]["prometheus"][server]["scrape_hosts"])
    return {host for name in servers for host in model["servers"]["prometheus"][name]["scrape_hosts"]}


def shard_name(model: Model, server: str) -> str:
    """Return the name of the shard of a *server*: the number, or the names of the replicas where no shards are numbered."""
    settings = model["servers"]["prometheus"][server]
    number = str(settings.get("shard") or "+".join(replicas_of(model, server)))
    numbered = {tuple(others["sharing"]) for others in active_servers(model, "prometheus").values() if "shard" in others}
    # Places that are divided into shards each have a first shard.
    return f"{settings['prometheus_scrape_hosts']} {number}" if "shard" in settings and len(numbered) > 1 else number
