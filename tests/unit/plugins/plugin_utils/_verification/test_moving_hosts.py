# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that move between Prometheus servers: who scrapes them, and whom their firewall accepts, at each step."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from held_targets import held
from shared_fleets import SERVERS, WEBS, shared_fleet

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.firewall import firewall_rules
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import expected_targets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.lost_targets import lost_targets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.moving_hosts import (
    moving_hosts,
    servers_of_hosts,
    settled_hosts,
    unread_servers,
    while_moving,
)

NEW = ["p5", "p6"]


def built(path: Path, servers: t.Sequence[str] = SERVERS) -> t.Any:
    """Return the model of a fleet with two replicas for every two servers."""
    model, problems = shared_fleet(path, servers=servers).build(contracts())
    assert problems == []
    return model


@pytest.fixture
def fleets(tmp_path: Path) -> tuple[t.Any, t.Any]:
    """Return the models of the fleet with two shards, and with three."""
    return built(tmp_path / "two"), built(tmp_path / "three", [*SERVERS, *NEW])


def scraping(model: t.Any, host: str) -> list[str]:
    """Return the servers that scrape a *host*."""
    return [name for name, settings in model["servers"]["prometheus"].items() if host in settings["scrape_hosts"]]


def let_in(model: t.Any, host: str) -> list[str]:
    """Return the sources that the firewall of a *host* accepts."""
    (chain,) = [chain for chain in firewall_rules(model, host) if chain["parent"] == "INPUT"]
    return [rule["source"] for rule in chain["rules"] if rule.get("source") and rule["destination_port"] == 9100]


def test_a_host_is_scraped_at_each_step_of_its_move(fleets: tuple[t.Any, t.Any], tmp_path: Path) -> None:
    """First by the old servers, then by the old and the new ones, at the end by the new ones; the firewall follows."""
    before, after = fleets
    results = held(tmp_path / "held", before, *SERVERS)
    moves = moving_hosts(after, results)
    assert set(moves) & set(WEBS) == {host for host in WEBS if scraping(before, host) != scraping(after, host)}
    assert set(moves) & set(WEBS)
    # The hosts that stay, and those that no server has yet, are none of it.
    assert not set(moves) & {host for host in WEBS if scraping(before, host) == scraping(after, host)}
    assert not set(NEW) & set(moves)
    host = min(set(moves) & set(WEBS))
    old = scraping(before, host)
    assert moves[host] == {"from": old, "to": NEW, "new": []}
    # The new servers were not read: they have no targets.
    results += [{"__prometheus_server": name, "rc": 0, "stdout": ""} for name in NEW]
    moves = moving_hosts(after, results)
    assert moves[host] == {"from": old, "to": NEW, "new": NEW}
    assert lost_targets(after, results) == []
    first = while_moving(after, moves)
    assert scraping(first, host) == old
    assert let_in(while_moving(after, moves, list(moves)), host) == sorted([*old, *NEW])
    second = while_moving(after, moves, [host])
    assert scraping(second, host) == sorted([*old, *NEW])
    others = [name for name in moves if name != host]
    assert all(scraping(second, name) == scraping(before, name) for name in others if name in before["hosts"])
    third = while_moving(after, moves, [host], [host])
    assert scraping(third, host) == let_in(third, host) == NEW
    assert while_moving(after, moves, list(moves), list(moves)) is after
    assert scraping(after, host) == NEW
    # The rest of the model is the same, and shared.
    assert first["hosts"] is after["hosts"]


def test_nothing_moves_on_a_converged_fleet(fleets: tuple[t.Any, t.Any], tmp_path: Path) -> None:
    """Nor for the first deployment, for a server that was reinstalled, or for one that cannot be reached."""
    before, after = fleets
    assert moving_hosts(before, held(tmp_path / "all", before, *SERVERS)) == {}
    nothing = [{"__prometheus_server": name, "rc": 0, "stdout": ""} for name in SERVERS]
    assert moving_hosts(before, nothing) == {}
    assert moving_hosts(before, [*held(tmp_path / "some", before, "p2", "p3", "p4"), nothing[0]]) == {}
    lost = {"__prometheus_server": "p1", "unreachable": True}
    moves = moving_hosts(after, [lost, *held(tmp_path / "lost", before, "p2", "p3", "p4")])
    assert moves
    assert not [move for move in moves.values() if "p1" in move["from"] + move["new"]]


def test_a_host_arrives_with_all_targets_on_all_new_servers(fleets: tuple[t.Any, t.Any], tmp_path: Path) -> None:
    """Until then, the old servers keep the host."""
    before, after = fleets
    moves = moving_hosts(after, held(tmp_path / "held", before, *SERVERS))
    hosts = sorted(set(moves) & set(WEBS))
    first, *others = hosts
    assert others
    answers = [
        {
            "__prometheus_server": server,
            "active": [{**target, "health": "up"} for target in expected_targets(after, server, hosts)],
        }
        for server in NEW
    ]
    assert settled_hosts(after, moves, hosts, answers) == hosts
    assert settled_hosts(after, moves, others, answers) == others
    answers[1]["active"] = [{**target, "health": "down" if target["host"] == first else "up"} for target in answers[1]["active"]]
    assert settled_hosts(after, moves, hosts, answers) == others
    assert settled_hosts(after, moves, hosts, answers[:1]) == []
    assert settled_hosts(after, moves, hosts, [{"__prometheus_server": "p5", "failed": True}, answers[1]]) == []


def test_a_run_for_one_host_concerns_one_shard(fleets: tuple[t.Any, t.Any], tmp_path: Path) -> None:
    """The old servers, too, while the host moves. A server concerns its own files, the other shard and the global server."""
    before, after = fleets
    for host in WEBS:
        assert servers_of_hosts(before, [host]) == scraping(before, host)
    assert len(servers_of_hosts(before, WEBS)) == 4
    assert servers_of_hosts(before, ["p1"]) == ["g", "p1", "p3", "p4"]
    before["hosts"]["web1"]["scraped"] = False
    for settings in before["servers"]["prometheus"].values():
        settings["scrape_hosts"] = [host for host in settings["scrape_hosts"] if host != "web1"]
    # Its servers can still have its targets.
    assert len(servers_of_hosts(before, ["web1"])) == 2
    moves = moving_hosts(after, held(tmp_path / "held", before, *SERVERS))
    host = min(set(moves) & set(WEBS))
    assert servers_of_hosts(after, [host]) == NEW
    assert servers_of_hosts(after, [host], moves) == sorted([*moves[host]["from"], *NEW])


def test_the_servers_of_a_new_shard_make_a_run_read_the_others(fleets: tuple[t.Any, t.Any], tmp_path: Path) -> None:
    """Those of a shard that has all its other hosts do not: the host of the run is new."""
    before, after = fleets
    host = next(name for name in WEBS if scraping(after, name) == NEW)
    nothing = [{"__prometheus_server": name, "rc": 0, "stdout": ""} for name in NEW]
    assert unread_servers(after, [host], nothing) == ["g", *SERVERS]
    kept = next(name for name in WEBS if scraping(after, name) == scraping(before, name))
    own = scraping(before, kept)
    assert unread_servers(before, [kept], held(tmp_path / "held", before, *own)) == []
    for name in own:
        before["servers"]["prometheus"][name]["scrape_hosts"].remove(kept) if kept in scraping(before, kept) else None
    assert unread_servers(before, [kept], held(tmp_path / "without", before, *own)) == []
