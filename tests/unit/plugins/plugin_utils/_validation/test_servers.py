# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of servers, validated against the fleet."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from inventories import Made, build, simple

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts


@pytest.mark.parametrize(
    ("pattern", "hosts"), [("all", ["a1", "a2", "b1"]), ("dc1:&web", ["a1"]), ("!retired", ["a1", "b1"]), (["dc2"], ["b1"])]
)
def test_two_servers_side_by_side(tmp_path: Path, pattern: t.Any, hosts: list[str]) -> None:
    """Each scrapes what its pattern selects, whatever the other does."""
    children = {
        "dc1": {"hosts": {"a1": None, "a2": None}},
        "dc2": {"hosts": {"b1": {"prometheus_scrape_hosts": "dc2"}}},
        "web": {"hosts": {"a1": None, "b1": None}},
        "retired": {"hosts": {"a2": None}},
        "prometheus": {"hosts": {"a1": {"prometheus_scrape_hosts": pattern}, "b1": None}},
    }
    model, problems = Made(tmp_path, {"hosts.yml": {"all": {"vars": {"site": "x"}, "children": children}}}).build()
    # Where neither does, the server a1 is scraped by nobody; a2 has nothing to scrape.
    assert [problem.partition(",")[0] for problem in problems] == ["host a1"] * (hosts == ["b1"])
    servers = model["servers"]["prometheus"]
    assert servers["a1"]["scrape_hosts"] == hosts
    assert servers["b1"]["scrape_hosts"] == ["b1"]


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        ({"prometheus_scrape_hosts": "all:!all"}, "prometheus_scrape_hosts, value 'all:!all': the pattern matches no host"),
        (
            {"prometheus_scrape_hosts": "node_exporter[7]"},
            "prometheus_scrape_hosts, value 'node_exporter[7]': must be an Ansible",
        ),
        ({"prometheus_scrape_hosts": 5}, "prometheus_scrape_hosts, value 5: "),
        ({"prometheus_external_labels": {"a-b": "x"}}, "prometheus_external_labels.a-b, value 'x': a label name"),
        (
            {"prometheus_extra_scrape_configs": [{"job_name": "node"}]},
            "prometheus_extra_scrape_configs, value 'node': each scrape config",
        ),
    ],
)
def test_a_mistake_of_a_server(tmp_path: Path, server: dict[str, t.Any], problem: str) -> None:
    """Checked with the role's own contract."""
    files = {**simple(), "host_vars/p.yml": server}
    (found,) = Made(tmp_path, files).build(contracts())[1]
    assert found.startswith(f"host p, variable {problem}")


NOBODY = "no Prometheus server scrapes this host. "


SCRAPED: dict[str, tuple[dict[str, t.Any], list[str]]] = {
    "all": ({}, []),
    "left out": ({"host_vars/mon.yml": {"prometheus_scrape_hosts": "all:!web2"}}, ["host web2, "]),
    "meant": (
        {"host_vars/mon.yml": {"prometheus_scrape_hosts": "all:!web2"}, "host_vars/web2.yml": {"monitoring_scraped": False}},
        [],
    ),
    "absent": (
        {
            "hosts.yml": {
                "all": {
                    "children": {
                        "node_exporter": {"hosts": {"web1": None, "web2": {"node_exporter_state": "absent"}}},
                        "prometheus": {"hosts": {"mon": {"prometheus_scrape_hosts": "mon"}}},
                    }
                }
            }
        },
        ["host web1, "],
    ),
    "no server": (
        {"hosts.yml": {"all": {"children": {"node_exporter": {"hosts": {"web1": None, "web2": None}}}}}},
        ["host web1, web2, "],
    ),
    "no server on purpose": (
        {"hosts.yml": {"all": {"vars": {"monitoring_scraped": "no"}, "children": {"node_exporter": {"hosts": {"web1": None}}}}}},
        [],
    ),
    "other endpoints": (
        {"hosts.yml": {"all": {"hosts": {"web1": {"monitoring_scrapes": [{"job": "app", "port": 80}]}, "bare": None}}}},
        ["host web1, "],
    ),
    "retired": ({"host_vars/mon.yml": {"prometheus_state": "absent"}}, []),
    "no truth": (
        {"host_vars/web2.yml": {"monitoring_scraped": "sometimes"}},
        ["host web2, variable monitoring_scraped, value 'sometimes'"],
    ),
}


@pytest.mark.parametrize("case", SCRAPED)
def test_hosts_that_nobody_scrapes(tmp_path: Path, case: str) -> None:
    """Are a mistake, until the inventory says that they are meant."""
    files, hosts = SCRAPED[case]
    problems = build(tmp_path, files)[1]
    assert len(problems) == len(hosts)
    for problem, host in zip(problems, hosts):
        assert problem.startswith(host)
        assert case == "no truth" or (NOBODY in problem and "set monitoring_scraped: false if this is intended" in problem)


def test_a_host_that_is_not_scraped_is_no_target(tmp_path: Path) -> None:
    """Whatever the pattern of a server selects."""
    model, problems = build(tmp_path, {"host_vars/web2.yml": {"monitoring_scraped": "false"}})
    assert problems == []
    assert model["servers"]["prometheus"]["mon"]["scrape_hosts"] == ["mon", "web1"]


def test_a_grafana_needs_a_password(tmp_path: Path) -> None:
    """The error comes before anything is done. A Grafana that is removed needs no password."""

    def problems(name: str, **variables: t.Any) -> list[str]:
        grafana = {"hosts": {"pages": {"grafana_admin_password": "", **variables}}}
        return Made(tmp_path / name, simple(grafana=grafana)).build(contracts())[1]

    assert problems("a") == [
        (
            "host pages, variable grafana_admin_password, value '': the password of Grafana's administrator is missing. Set one, "
            "and encrypt it with ansible-vault"
        )
    ]
    assert problems("b", grafana_state="absent") == []
