# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move hosts between Prometheus servers without a gap. Private to the collection.

A host moves if a server has it as a target and the inventory assigns it to other servers: after a change of prometheus_shards or
prometheus_scrape_hosts. A run moves a host in three steps:

1. The firewall of the host accepts both the old and the new servers. Until then, only the old servers scrape the host: the new
   ones would report the host as down.
2. The new servers scrape the host, too.
3. When the new servers report the targets of the host as up, the old servers stop, and the firewall refuses them.

A host that the run does not reach stays where it was. During the move, the model has other scrape_hosts.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import is_global, shard_of
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import expected_targets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.lost_targets import held_files

# The label host in a targets file. In a value, the quotes would be escaped.
_HOST = re.compile(r'"host":\s*"([^"\\]+)"')
Results = t.Iterable[t.Mapping[str, t.Any]]
# For each host that moves: the old servers (from), the new ones (to), and the new ones without the host so far (new).
Moves = t.Mapping[str, t.Mapping[str, list[str]]]


def moving_hosts(model: Model, held: Results) -> dict[str, dict[str, list[str]]]:
    """Return the hosts that move, see `Moves`.

    :param held: see `lost_targets.lost_targets`. A server that is unreachable takes part in no move.
    """
    servers = {name: settings for name, settings in active_servers(model, "prometheus").items() if not is_global(settings)}
    if len(servers) < 2:  # noqa: PLR2004 - a host moves between two servers
        return {}
    has = {name: hosts for name, hosts in _held_hosts(held).items() if name in servers}
    assigned = {name: set(servers[name]["scrape_hosts"]) for name in servers}
    found: dict[str, dict[str, list[str]]] = {}
    for host in sorted({host for name, hosts in has.items() for host in hosts.difference(assigned[name])}):
        to = [name for name in servers if host in assigned[name]]
        if to:
            found[host] = {
                "from": [name for name in has if host in has[name] and host not in assigned[name]],
                "to": to,
                "new": [name for name in to if name in has and host not in has[name]],
            }
    return found


def _held_hosts(held: Results) -> dict[str, set[str]]:
    """Return the hosts with targets on each server that is reachable."""
    return {
        result["__prometheus_server"]: {
            host for text in held_files(result.get("stdout") or "").values() for host in _HOST.findall(text)
        }
        for result in held
        if not result.get("unreachable") and not result.get("skipped")
    }


def while_moving(model: Model, moves: Moves, started: t.Collection[str] = (), settled: t.Collection[str] = ()) -> Model:
    """Return the model in which each server scrapes the hosts that it must scrape now.

    :param started: the hosts that both the old and the new servers scrape. Other hosts that move are on the old servers alone.
    :param settled: the hosts that the new servers alone scrape.
    """
    added: dict[str, set[str]] = {}
    removed: dict[str, set[str]] = {}
    started, settled = set(started), set(settled)
    for host, move in moves.items():
        if host not in settled and host in model["hosts"]:
            for name in move["from"]:
                added.setdefault(name, set()).add(host)
            for name in move["new"] if host not in started else ():
                removed.setdefault(name, set()).add(host)
    if not added:
        return model
    servers = dict(model["servers"]["prometheus"])
    for name in {*added, *removed} & set(servers):
        hosts = added.get(name, set()).union(servers[name]["scrape_hosts"]) - removed.get(name, set())
        servers[name] = {**servers[name], "scrape_hosts": sorted(hosts)}
    return {**model, "servers": {**model["servers"], "prometheus": servers}}


def settled_hosts(model: Model, moves: Moves, started: t.Collection[str], answers: Results) -> list[str]:
    """Return those of the *started* hosts whose targets are up on all their new servers.

    :param answers: results of a loop over the servers (``__prometheus_server`` in each) of the module targets_up, with the active
        targets of these hosts.
    """
    waiting = {host for host in started if host in moves}
    up = {
        (result["__prometheus_server"], target["job"], target["instance"])
        for result in answers
        for target in result.get("active") or ()
        if target["health"] == "up"
    }
    late = {
        target["host"]
        for server in {name for host in waiting for name in moves[host]["to"]}
        for target in expected_targets(model, server, [host for host in waiting if server in moves[host]["to"]])
        if (server, target["job"], target["instance"]) not in up
    }
    return sorted(waiting - late)


def servers_of_hosts(model: Model, hosts: t.Collection[str], moves: Moves | None = None) -> list[str]:
    """Return the Prometheus servers whose files can change if the run has these *hosts* only, in the order of the model.

    These are all servers without shards, the servers of the shards of the hosts, also of a host that nobody scrapes, and servers
    among the hosts with the global servers that read from them.
    """
    servers = active_servers(model, "prometheus")
    wanted = set(hosts)
    shards: dict[int, set[int]] = {}
    found = {
        name for host in wanted.intersection(moves or ()) for move in [(moves or {})[host]] for name in move["from"] + move["to"]
    }
    for name, settings in servers.items():
        number, count = settings.get("shard"), max(int(settings.get("prometheus_shards") or 0), 1)
        if not number:
            if not is_global(settings) or wanted.intersection([name, *settings["reads_from"]]):
                found.add(name)
            continue
        if count not in shards:
            shards[count] = {shard_of(host, count) for host in wanted}
        if number in shards[count] or name in wanted or not wanted.isdisjoint(settings["scrape_hosts"]):
            found.add(name)
    return [name for name in servers if name in found]


def unread_servers(model: Model, hosts: t.Collection[str], held: Results) -> list[str]:
    """Return the servers whose targets a run with these *hosts* only must read in addition to those *held*.

    A server whose shard lacks hosts that are not in the run is new: its hosts can still be on other servers.
    """
    wanted = set(hosts)
    has = _held_hosts(held)
    monitored = {name for name, host in model["hosts"].items() if host["endpoints"]}
    for name, of_server in has.items():
        settings = model["servers"]["prometheus"].get(name, {})
        if "shard" in settings and monitored.intersection(settings["scrape_hosts"]) - wanted - of_server:
            return [other for other in active_servers(model, "prometheus") if other not in has]
    return []
