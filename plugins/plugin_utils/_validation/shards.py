# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Divide the hosts among the Prometheus servers: replicas and shards. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import REPLICA, assigned, is_global, placed

_Settings = dict[str, t.Any]


def divide_hosts(model: Model, selected: t.Mapping[str, t.Sequence[str]], order: t.Sequence[str], problems: Problems) -> None:
    """Put the hosts that each Prometheus server scrapes into its settings, and report problems of shards and replicas.

    :param selected: the hosts of the inventory that prometheus_scrape_hosts of each server selects.
    :param order: the servers in the order of their group.
    """
    servers = active_servers(model, "prometheus")
    scraped: dict[int, list[str]] = {}
    for name, settings in model["servers"].get("prometheus", {}).items():
        hosts = selected.get(name, ())
        if id(hosts) not in scraped:
            scraped[id(hosts)] = [host for host in hosts if host in model["hosts"] and model["hosts"][host].get("scraped", True)]
        settings["scrape_hosts"] = [] if is_global(settings) else scraped[id(hosts)]
    for group in _sharing(servers, selected, order):
        first = servers[group[0]]
        shards, replicas = _number(first.get("prometheus_shards")), _number(first.get("prometheus_replicas", 1))
        found = list(_problems(group, servers, shards, replicas))
        for problem in found:
            for name in group:
                problems.add(name, *problem)
        if found:
            continue
        if shards or replicas > 1:
            _divide(group, servers, max(shards, 1), replicas)
        else:
            _set_replicas(group, servers)


def _number(value: t.Any) -> int:
    """Return a number of the inventory; 0 for a value that is reported as a problem of its format."""
    return int(value) if re.fullmatch(r"-?\d+", str(value)) else 0


def _sharing(
    servers: t.Mapping[str, _Settings], selected: t.Mapping[str, t.Sequence[str]], order: t.Sequence[str]
) -> list[list[str]]:
    """Return the groups of servers that share their hosts: prometheus_scrape_hosts selects the same hosts for all of them."""
    groups: list[list[str]] = []
    for name in order:
        if name in servers and not is_global(servers[name]) and selected.get(name):
            for group in groups:
                first = servers[group[0]]
                same = all(first.get(key) == servers[name].get(key) for key in ("prometheus_shards", "prometheus_replicas"))
                if same and selected[group[0]] == selected[name]:
                    group.append(name)
                    break
            else:
                groups.append([name])
    return groups


def _problems(
    group: t.Sequence[str], servers: t.Mapping[str, _Settings], shards: int, replicas: int
) -> t.Iterator[tuple[str, t.Any, str]]:
    """Yield variable, value and remedy of each problem of a *group* of servers that share their hosts."""
    if shards < 0:
        yield "prometheus_shards", shards, "must be a number of shards, or 0 for a fleet without shards"
    if replicas < 1:
        yield "prometheus_replicas", replicas, "must be the number of servers that scrape each host: 1 or a larger number"
    if shards < 0 or replicas < 1:
        return
    numbers = {name: _number(servers[name].get("prometheus_shard")) for name in group}
    if not shards and replicas == 1:
        for name in group:
            if numbers[name]:
                remedy = f"{name} is in a fleet without shards. Set prometheus_shards to the number of shards"
                yield "prometheus_shard", numbers[name], remedy
        return
    shards = max(shards, 1)
    needed = shards * replicas
    if len(group) != needed:
        of_each = f"{shards} shard{'s' * (shards > 1)} with {replicas} replica{'s' * (replicas > 1)} (prometheus_replicas)"
        have = f"the inventory has {len(group)} for the hosts of prometheus_scrape_hosts: {', '.join(group)}"
        remedy = f"{of_each} need {needed} Prometheus servers, but {have}. Add or remove servers, or change the numbers"
        yield "prometheus_shards", shards, remedy
    else:
        yield from _number_problems(numbers, shards, replicas)


def _number_problems(numbers: t.Mapping[str, int], shards: int, replicas: int) -> t.Iterator[tuple[str, t.Any, str]]:
    """Yield the problems of the values of prometheus_shard, which *numbers* has by server."""
    for name, number in numbers.items():
        if not 0 <= number <= shards:
            yield "prometheus_shard", number, f"{name} must have a number from 1 to {shards} (prometheus_shards), or 0"
    for shard in range(1, shards + 1):
        inside = [name for name, number in numbers.items() if number == shard]
        if len(inside) > replicas:
            remedy = f"{', '.join(inside)} are {len(inside)} servers of one shard, and prometheus_replicas is {replicas}"
            yield "prometheus_shard", shard, f"{remedy}. Set the number of another shard for one of the servers"


def _divide(group: t.Sequence[str], servers: t.Mapping[str, _Settings], shards: int, replicas: int) -> None:
    """Put the shard, its hosts and its replicas into the settings of each server of the *group*."""
    numbers = placed({name: _number(servers[name].get("prometheus_shard")) for name in group}, shards, replicas)
    hosts = assigned(servers[group[0]]["scrape_hosts"], shards, numbers)
    for name in group:
        servers[name].update(shard=numbers[name], sharing=list(group), scrape_hosts=hosts[numbers[name] - 1])
    for shard in range(1, shards + 1):
        _set_replicas([name for name in group if numbers[name] == shard], servers)


def _set_replicas(names: list[str], servers: t.Mapping[str, _Settings]) -> None:
    """Record in the settings of the servers *names* that they scrape the same hosts, and label their series with the replica.

    Alertmanager merges the alerts of two servers only if the labels are equal. ``labels_of_replica`` has the external labels with
    different values, which Prometheus removes from alerts.
    """
    if len(names) == 1:
        return
    labels = {name: {REPLICA: name, **(servers[name].get("prometheus_external_labels") or {})} for name in names}
    for name in names:
        servers[name]["replicas"] = names
        servers[name]["prometheus_external_labels"] = labels[name]
        servers[name]["labels_of_replica"] = sorted(
            label
            for label, value in labels[name].items()
            if value is not None and any(labels[other].get(label) != value for other in names)
        )
