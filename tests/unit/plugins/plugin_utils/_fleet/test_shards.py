# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assignment of hosts to shards, and of servers to shards and replicas."""

from __future__ import annotations

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import assigned, placed, shard_of

FLEET = [f"host-{number:06}.dc{number % 7}.example.com" for number in range(100_000)]


def test_the_shard_of_a_name_never_changes() -> None:
    """Not between versions of the collection or of Python: every host would move."""
    names = ("web1", "web2", "web3", "db1.example.com", "m\u00fcnchen")
    assert [shard_of(name, 4) for name in names] == [4, 3, 4, 2, 2]
    assert [shard_of(name, 1) for name in names] == [1] * 5


def test_a_hundred_thousand_hosts_are_balanced_and_few_move() -> None:
    """The largest of 20 shards has at most 5% more than the mean. The 21st shard takes its part, and no host moves elsewhere."""
    before = {host: shard_of(host, 20) for host in FLEET}
    after = {host: shard_of(host, 21) for host in FLEET}
    sizes = [list(before.values()).count(shard) for shard in range(1, 21)]
    moved = [host for host in FLEET if before[host] != after[host]]
    print(f"the largest shard has {max(sizes)} hosts, the smallest {min(sizes)}; {len(moved)} hosts move to the 21st shard")
    assert max(sizes) <= 1.05 * len(FLEET) / 20
    assert {after[host] for host in moved} == {21}
    assert 0.9 * len(FLEET) / 21 <= len(moved) <= (1 / 21 + 0.01) * len(FLEET)


def test_another_shard_watches_the_servers_of_a_shard() -> None:
    """Whatever the hash says, the host of a server is in the next shard, and the last shard is followed by the first."""
    servers = {"p1": 1, "p2": 1, "p3": 2, "p4": 2, "p5": 3}
    hosts = sorted([*servers, *FLEET[:30]])
    shards = assigned(hosts, 3, servers)
    assert sorted(host for found in shards for host in found) == hosts
    assert [set(found) & set(servers) for found in shards] == [{"p5"}, {"p1", "p2"}, {"p3", "p4"}]
    for number, found in enumerate(shards, start=1):
        assert found == sorted(found)
        assert all(shard_of(host, 3) == number for host in found if host not in servers)
    # One shard watches itself: each replica watches the other.
    assert assigned(["p1", "p2", "w"], 1, {"p1": 1, "p2": 1}) == [["p1", "p2", "w"]]


@pytest.mark.parametrize(
    ("numbers", "shards", "replicas", "found"),
    [
        ([0, 0, 0, 0], 2, 2, [1, 1, 2, 2]),
        # Two servers more at the end are the third shard.
        ([0, 0, 0, 0, 0, 0], 3, 2, [1, 1, 2, 2, 3, 3]),
        # A second replica for each shard, with numbers: the first servers stay where they were.
        ([0, 0, 1, 2], 2, 2, [1, 2, 1, 2]),
        # A server takes the place of the first one.
        ([0, 0, 0, 1], 2, 2, [1, 2, 2, 1]),
        ([2, 1], 2, 1, [2, 1]),
    ],
)
def test_servers_without_a_number_take_the_free_places(numbers: list[int], shards: int, replicas: int, found: list[int]) -> None:
    """In the order of the group."""
    names = [f"p{index}" for index in range(len(numbers))]
    assert list(placed(dict(zip(names, numbers)), shards, replicas).values()) == found
