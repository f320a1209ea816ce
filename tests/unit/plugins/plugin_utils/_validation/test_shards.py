# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets whose hosts several Prometheus servers share."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import (
    replicas_of,
    shard_name,
    shard_of,
    sharing_servers,
)

WEBS = [f"web{number}" for number in range(20)]


def fleet(path: Path, servers: dict[str, t.Any], **variables: t.Any) -> tuple[t.Any, list[str]]:
    """Return the model and the problems of a fleet with *servers*, whose group has *variables*."""
    children = {"node_exporter": {"hosts": dict.fromkeys(WEBS)}, "prometheus": {"hosts": servers, "vars": variables}}
    # In the order that is given: the order of the group counts.
    text = yaml.safe_dump({"all": {"children": children}}, sort_keys=False)
    return Made(path, {"hosts.yml": text}).build(contracts())


def settings_of(model: t.Any) -> dict[str, t.Any]:
    """Return the settings of the servers."""
    found: dict[str, t.Any] = model["servers"]["prometheus"]
    return found


def test_every_host_is_on_one_shard_and_on_all_its_replicas(tmp_path: Path) -> None:
    """Also the servers themselves, which another shard watches."""
    names = ["p2", "p10", "p3", "p1"]
    model, problems = fleet(tmp_path, dict.fromkeys(names), prometheus_shards=2, prometheus_replicas=2)
    assert problems == []
    its = settings_of(model)
    # The order of the group counts, not the names.
    assert [its[name]["shard"] for name in names] == [1, 1, 2, 2]
    assert its["p2"]["scrape_hosts"] == its["p10"]["scrape_hosts"]
    assert sorted([*its["p2"]["scrape_hosts"], *its["p1"]["scrape_hosts"]]) == sorted([*WEBS, *names])
    assert {host for host in its["p2"]["scrape_hosts"] if host in WEBS} == {host for host in WEBS if shard_of(host, 2) == 1}
    assert {"p1", "p3"} <= set(its["p2"]["scrape_hosts"])
    assert replicas_of(model, "p3") == ["p3", "p1"]
    assert sharing_servers(model, "p3") == names
    assert (shard_name(model, "p2"), shard_name(model, "p1")) == ("1", "2")


def test_a_further_shard_moves_hosts_to_itself_alone(tmp_path: Path) -> None:
    """The servers that were there keep their shard."""
    before, problems = fleet(tmp_path / "a", dict.fromkeys(["p1", "p2"]), prometheus_shards=2)
    after, more = fleet(tmp_path / "b", dict.fromkeys(["p1", "p2", "p3"]), prometheus_shards=3)
    assert problems + more == []
    for server in ("p1", "p2"):
        webs = [set(settings_of(model)[server]["scrape_hosts"]) & set(WEBS) for model in (before, after)]
        assert webs[1] < webs[0]


def test_the_model_of_one_host_agrees_with_the_whole_model(tmp_path: Path) -> None:
    """The firewall of a host is made from such a model."""
    children = {
        "node_exporter": {"hosts": dict.fromkeys(WEBS)},
        "prometheus": {"hosts": dict.fromkeys(["p1", "p2"]), "vars": {"prometheus_shards": 2}},
    }
    made = Made(tmp_path, {"hosts.yml": {"all": {"children": children}}})
    whole, problems = made.build(contracts())
    assert problems == []
    for host in WEBS[:4]:
        part, problems = made.build_for(host)
        assert problems == []
        scraping = [[name for name, its in settings_of(model).items() if host in its["scrape_hosts"]] for model in (whole, part)]
        assert scraping[0] == scraping[1]
        assert len(scraping[0]) == 1


def test_places_can_be_divided_into_shards(tmp_path: Path) -> None:
    """Each has its own numbers, and a server outside shards has the name of its replicas."""
    children = {
        "node_exporter": {"children": {"dc1": None, "dc2": None, "dc3": None}},
        "dc1": {"hosts": dict.fromkeys(WEBS[:8])},
        "dc2": {"hosts": dict.fromkeys(WEBS[8:16])},
        "dc3": {"hosts": dict.fromkeys(WEBS[16:])},
        "prometheus": {"children": {"p_dc1": None, "p_dc2": None, "p_dc3": None}},
        **{
            f"p_{place}": {
                "hosts": dict.fromkeys([f"{place}a", f"{place}b"]),
                "vars": {"prometheus_scrape_hosts": f"{place}:p_{place}", "prometheus_shards": 0 if place == "dc3" else 2},
            }
            for place in ("dc1", "dc2", "dc3")
        },
    }
    model, problems = Made(tmp_path, {"hosts.yml": {"all": {"children": children}}}).build(contracts())
    assert problems == []
    names = {name: shard_name(model, name) for name in settings_of(model)}
    assert names == {
        "dc1a": "dc1:p_dc1 1",
        "dc1b": "dc1:p_dc1 2",
        "dc2a": "dc2:p_dc2 1",
        "dc2b": "dc2:p_dc2 2",
        "dc3a": "dc3a+dc3b",
        "dc3b": "dc3a+dc3b",
    }
    assert set(settings_of(model)["dc1a"]["scrape_hosts"]) | set(settings_of(model)["dc1b"]["scrape_hosts"]) == {
        "dc1a",
        "dc1b",
        *WEBS[:8],
    }


@pytest.mark.parametrize(
    ("labels", "found", "dropped"),
    [
        ({}, {"replica": "p1"}, ["replica"]),
        (
            {"site": "x", "monitor": "{{ inventory_hostname }}"},
            {"replica": "p1", "site": "x", "monitor": "p1"},
            ["monitor", "replica"],
        ),
        ({"replica": "{{ inventory_hostname | upper }}"}, {"replica": "P1"}, ["replica"]),
        ({"replica": None, "site": "x"}, {"site": "x"}, []),
    ],
)
def test_servers_with_the_same_hosts_are_replicas(
    tmp_path: Path, labels: dict[str, t.Any], found: dict[str, str], dropped: list[str]
) -> None:
    """Their external labels name the replica, and alerts lose each label that differs between replicas."""
    model, problems = fleet(tmp_path, dict.fromkeys(["p1", "p2"]), prometheus_external_labels=labels)
    assert problems == []
    its = settings_of(model)
    assert its["p1"]["prometheus_external_labels"] == found
    assert its["p1"]["labels_of_replica"] == its["p2"]["labels_of_replica"] == dropped
    assert its["p1"]["scrape_hosts"] == its["p2"]["scrape_hosts"] == sorted(["p1", "p2", *WEBS])


@pytest.mark.parametrize("servers", [{"p1": None}, {"p1": None, "p2": {"prometheus_state": "absent"}}])
def test_a_server_alone_is_no_replica(tmp_path: Path, servers: dict[str, t.Any]) -> None:
    """Its labels stay as they are. A server that is removed does not count."""
    model, problems = fleet(tmp_path, servers)
    assert problems == []
    assert settings_of(model)["p1"]["prometheus_external_labels"] == {}
    assert "labels_of_replica" not in settings_of(model)["p1"]


MISTAKES: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], str]] = {
    "three for four": (
        dict.fromkeys(["p1", "p2", "p3"]),
        {"prometheus_shards": 2, "prometheus_replicas": 2},
        (
            "host p1, p2, p3, variable prometheus_shards, value 2: 2 shards with 2 replicas (prometheus_replicas) need 4 "
            "Prometheus servers, but the inventory has 3 for the hosts of prometheus_scrape_hosts: p1, p2, p3. Add or remove "
            "servers, or change the numbers"
        ),
    ),
    "one replica of two": (
        dict.fromkeys(["p1"]),
        {"prometheus_replicas": 2},
        "host p1, variable prometheus_shards, value 1: 1 shard with 2 replicas (prometheus_replicas) need 2 Prometheus servers",
    ),
    "a removed server": (
        {"p1": None, "p2": {"prometheus_state": "absent"}},
        {"prometheus_shards": 2},
        "host p1, variable prometheus_shards, value 2: 2 shards with 1 replica (prometheus_replicas) need 2 Prometheus servers",
    ),
    "out of range": (
        {"p1": {"prometheus_shard": 3}, "p2": None},
        {"prometheus_shards": 2},
        "host p1, p2, variable prometheus_shard, value 3: p1 must have a number from 1 to 2 (prometheus_shards), or 0",
    ),
    "two on one place": (
        {"p1": {"prometheus_shard": 2}, "p2": {"prometheus_shard": 2}},
        {"prometheus_shards": 2},
        "host p1, p2, variable prometheus_shard, value 2: p1, p2 are 2 servers of one shard, and prometheus_replicas is 1",
    ),
    "a number without shards": (
        {"p1": {"prometheus_shard": 1}},
        {},
        "host p1, variable prometheus_shard, value 1: p1 is in a fleet without shards. Set prometheus_shards",
    ),
    "no shards": ({"p1": None}, {"prometheus_shards": -1}, "host p1, variable prometheus_shards, value -1: must be a number of"),
    "no replicas": (
        {"p1": None},
        {"prometheus_replicas": 0},
        "host p1, variable prometheus_replicas, value 0: must be the number",
    ),
    "no number": (
        {"p1": None},
        {"prometheus_shards": "two"},
        "host p1, variable prometheus_shards, value 'two': must be a whole number",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_wrong_number_is_one_error(tmp_path: Path, case: str) -> None:
    """The error names the servers, and no host is reported as unwatched because of the error."""
    servers, variables, message = MISTAKES[case]
    (found,) = fleet(tmp_path, servers, **variables)[1]
    assert found.startswith(message)
