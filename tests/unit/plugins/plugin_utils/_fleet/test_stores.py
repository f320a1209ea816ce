# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server writes to which store, where, and what a store keeps of duplicates."""

from __future__ import annotations

from pathlib import Path

from store_fleets import WEB, groups, model

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import stores

S1, S2 = stores.Store("victoria_metrics", "s1"), stores.Store("victoria_metrics", "s2")


def test_each_server_writes_to_each_store_that_is_not_retired(tmp_path: Path) -> None:
    """Unless prometheus_stores selects some."""
    children = groups(s2={"victoria_metrics_state": "absent"}, p2={"prometheus_stores": ""})
    its = model(tmp_path, children)
    assert (stores.stores_of(its, "p1"), stores.stores_of(its, "p2")) == ([S1], [])
    its = model(tmp_path / "some", groups(p2={"prometheus_stores": "s2"}))
    assert (stores.stores_of(its, "p1"), stores.stores_of(its, "p2")) == ([S1, S2], [S2])


def test_urls_have_the_scheme_and_the_address_that_the_client_reaches(tmp_path: Path) -> None:
    """IPv6 addresses with brackets; a store on the same host by its loopback address."""
    children = groups(s1={"ansible_host": "2001:db8::1"})
    children["victoria_metrics"]["hosts"]["p1"] = {"victoria_metrics_port": 9428}
    its = model(tmp_path, children, monitoring_web=WEB)
    assert stores.write_url(its, "p1", S1) == "https://[2001:db8::1]:8428/api/v1/write"
    assert stores.store_url(its, "p1", stores.Store("victoria_metrics", "p1")) == "https://localhost:9428"
    assert stores.store_client(its, S1)["password"] == WEB["password"]


def test_a_store_keeps_one_sample_of_the_shortest_interval_of_what_several_servers_scrape(tmp_path: Path) -> None:
    """A target with an interval of its own counts, if several servers scrape it."""
    assert stores.dedup_interval(model(tmp_path), S1) == 15000
    its = model(tmp_path / "two", groups(p2={"prometheus_scrape_interval": "1m"}), prometheus_scrape_interval="30s")
    assert stores.dedup_interval(its, S1) == 30000
    scrape = {"job": "app", "port": 80, "scrape_interval": "5s", "scrape_timeout": "2s"}
    children = groups()
    children["node_exporter"]["hosts"]["web1"] = {"monitoring_scrapes": [scrape]}
    assert stores.dedup_interval(model(tmp_path / "own", children), S1) == 5000


def test_a_store_keeps_all_samples_if_no_two_servers_scrape_the_same_host(tmp_path: Path) -> None:
    """Or if only one of the servers writes to the store."""
    apart = groups(p1={"prometheus_scrape_hosts": "all:!web1"}, p2={"prometheus_scrape_hosts": "web1"})
    assert stores.dedup_interval(model(tmp_path, apart), S1) == 0
    its = model(tmp_path / "one", groups(p2={"prometheus_stores": "s2"}))
    assert (stores.dedup_interval(its, S1), stores.dedup_interval(its, S2)) == (0, 15000)
    its = model(tmp_path / "retired", groups(p2={"prometheus_state": "absent"}))
    assert stores.dedup_interval(its, S1) == 0


def test_the_longest_interval_is_that_of_a_server_that_writes(tmp_path: Path) -> None:
    """Grafana needs the interval to draw the series of all servers."""
    its = model(tmp_path, groups(p2={"prometheus_scrape_interval": "1m", "prometheus_stores": "s2"}))
    assert [stores.longest_interval(its, found) for found in ([S1], [S2], [S1, S2], [])] == ["15s", "1m", "1m", ""]


def test_vmauth_reads_victoria_metrics(tmp_path: Path) -> None:
    """In the order of the hosts."""
    assert stores.readable_stores(model(tmp_path)) == [S1, S2]
    assert stores.removes_duplicates(S1)
    assert S1.name == "victoria_metrics-s1"
