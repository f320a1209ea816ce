# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of the model: its address, endpoints and settings."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from inventories import CONTRACTS, Made, contract, problems_of, simple


def test_a_target_follows_the_roles_own_variable(tmp_path: Path) -> None:
    """Also where it is reached through another one."""
    (endpoint,) = Made(tmp_path, simple({"node_exporter_port": "{{ base + 100 }}", "base": 19000})).host("h")["endpoints"]
    assert (endpoint["job"], endpoint["port"], endpoint["instance"]) == ("node", 19100, "h:19100")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ({}, "h"),
        ({"ansible_host": "192.0.2.1"}, "192.0.2.1"),
        ({"ansible_host": "192.0.2.1", "monitoring_address": "{{ vpn }}", "vpn": "2001:db8::1"}, "2001:db8::1"),
        ({"ansible_host": "192.0.2.1", "monitoring_address": None}, "192.0.2.1"),
        ({"ansible_host": "192.0.2.1", "monitoring_address": ""}, "192.0.2.1"),
        ({"ansible_host": "{{ inventory_hostname }}.example.com"}, "h.example.com"),
        ({"monitoring_address": "[2001:db8::1]"}, "2001:db8::1"),
        ({"monitoring_address": "fe80::1%eth0"}, "fe80::1%eth0"),
    ],
)
def test_the_address(tmp_path: Path, host: dict[str, t.Any], address: str) -> None:
    """monitoring_address, then ansible_host, then the name."""
    assert Made(tmp_path, simple(host)).host("h")["address"] == address


@pytest.mark.parametrize("address", ["http://h", "h:9100", "2001:db8::1:9100x", "[192.0.2.1]", "a b", 5.5, ["h"]])
def test_an_address_that_is_none(tmp_path: Path, address: t.Any) -> None:
    """With a scheme or a port, for example."""
    if address == 5.5:
        assert Made(tmp_path, simple({"monitoring_address": address})).host("h")["address"] == "5.5"
        return
    (problem,) = problems_of(tmp_path, simple({"monitoring_address": address}))
    assert problem == (
        f"host h, variable monitoring_address, value {address!r}: "
        "must be a host name, an IPv4 address or an IPv6 address, without scheme and port"
    )


def test_several_instances_are_several_targets(tmp_path: Path) -> None:
    """Each with what it has of its own; templates of the contract see it."""
    instances = [{"name": "a", "port": 9118}, {"name": "{{ inventory_hostname }}b", "port": 9119, "labels": {"uwsgi": "other"}}]
    files = simple({"uwsgi_exporter_instances": instances}, uwsgi_exporter={"hosts": {"h": None}})
    found = [(e["port"], e["labels"]) for e in Made(tmp_path, files).host("h")["endpoints"] if e["job"] == "uwsgi"]
    assert found == [(9118, {"uwsgi": "a"}), (9119, {"uwsgi": "other"})]


def test_instances_of_one_exporter_share_its_port(tmp_path: Path) -> None:
    """With one target each, told apart by their parameters and instances."""
    probing = contract(
        "uwsgi_exporter",
        {
            "job": "uwsgi",
            "port": 9118,
            "path": "/probe",
            "params": {"target": "{{ item.stats }}"},
            "instance": "{{ inventory_hostname }}/{{ item.name }}",
            "instances": "{{ uwsgi_exporter_instances }}",
        },
        {"uwsgi_exporter_instances": []},
    )
    instances = [{"name": "a", "stats": "tcp://127.0.0.1:1"}, {"name": "b", "stats": "tcp://127.0.0.1:2"}]
    made = Made(tmp_path, simple({"uwsgi_exporter_instances": instances}, uwsgi_exporter={"hosts": {"h": None}}))
    model, problems = made.build([*CONTRACTS[:2], probing])
    assert problems == []
    found = [(e["instance"], e["params"]) for e in model["hosts"]["h"]["endpoints"] if e["job"] == "uwsgi"]
    assert found == [("h/a", {"target": ["tcp://127.0.0.1:1"]}), ("h/b", {"target": ["tcp://127.0.0.1:2"]})]


def test_other_endpoints_of_a_host_add_up(tmp_path: Path) -> None:
    """From groups and from the host."""
    files = simple({"monitoring_scrapes": [{"job": "app", "port": 8080}]})
    files["group_vars/node_exporter.yml"] = {"monitoring_scrapes": [{"job": "web", "port": 80, "path": "/m", "scheme": "https"}]}
    assert [e["job"] for e in Made(tmp_path, files).host("h")["endpoints"]] == ["node", "web", "app"]


def test_a_host_replaces_an_endpoint_of_its_group(tmp_path: Path) -> None:
    """The one with the same job, port and path; another path is another endpoint, which takes an instance of its own."""
    files = simple({"monitoring_scrapes": [{"job": "app", "port": 80, "labels": {"tier": "own"}}]})
    files["group_vars/node_exporter.yml"] = {
        "monitoring_scrapes": [
            {"job": "app", "port": 80, "path": "/metrics", "labels": {"tier": "group"}},
            {"job": "app", "port": 80, "path": "/more", "instance": "h:80/more", "labels": {"tier": "group"}},
        ]
    }
    found = [(e["path"], e["labels"]["tier"]) for e in Made(tmp_path, files).host("h")["endpoints"] if e["job"] == "app"]
    assert found == [("/metrics", "own"), ("/more", "group")]


def test_an_absent_exporter_is_no_target(tmp_path: Path) -> None:
    """What is removed is not scraped."""
    assert Made(tmp_path, simple({"node_exporter_state": "absent"})).host("h")["endpoints"] == []


def test_settings_of_a_server_are_its_own(tmp_path: Path) -> None:
    """Defaults of the role under the variables of the host, templated."""
    model, _problems = Made(tmp_path, simple()).build()
    settings = model["servers"]["prometheus"]["p"]
    assert settings["prometheus_note"] == "x-9090"
    assert settings["scrape_hosts"] == ["h", "p"]
