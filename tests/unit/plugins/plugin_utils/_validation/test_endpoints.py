# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints that are right each by itself, but cannot exist together."""

from __future__ import annotations

from pathlib import Path

from inventories import problems_of, simple


def test_two_exporters_on_one_port_are_a_mistake(tmp_path: Path) -> None:
    """uwsgi_exporter and apache_exporter both like 9117."""
    files = simple(
        {"uwsgi_exporter_instances": [{"name": "a"}], "uwsgi_exporter_port": 9100}, uwsgi_exporter={"hosts": {"h": None}}
    )
    assert problems_of(tmp_path, files) == [
        (
            "host h, variable uwsgi_exporter_port, value 9100: node_exporter has the same port on this host. "
            "Set another port for one of the two"
        )
    ]


def test_two_hosts_at_one_address_are_a_mistake(tmp_path: Path) -> None:
    """The same target twice in one job."""
    files = simple({"ansible_host": "192.0.2.1"})
    files["hosts.yml"]["all"]["children"]["node_exporter"]["hosts"]["twin"] = {"ansible_host": "192.0.2.1"}
    assert problems_of(tmp_path, files) == [
        (
            "host twin, variable node_exporter_port, value 9100: h has the same target 192.0.2.1:9100 in the job node. "
            "Set another port or another monitoring_address for one of the two"
        )
    ]


def test_two_targets_of_one_instance_are_a_mistake(tmp_path: Path) -> None:
    """Prometheus would take their series for each other's."""
    scrapes = [{"job": "app", "port": 1, "instance": "same"}, {"job": "app", "port": 2, "path": "/m", "instance": "same"}]
    (problem,) = problems_of(tmp_path, simple({"monitoring_scrapes": scrapes}))
    assert problem.startswith("host h, variable monitoring_scrapes[app], value 2: h already has the target same in the job app")


def test_parameters_with_several_values_are_those_of_a_job(tmp_path: Path) -> None:
    """A target of it with others cannot be."""
    scrapes = {"job": "app", "port": 1, "params": {"match[]": ["a", "b"]}}
    hosts = {"h1": {"monitoring_scrapes": [scrapes]}, "h2": {"monitoring_scrapes": [{**scrapes, "params": {}}]}}
    (problem,) = problems_of(tmp_path, simple(node_exporter={"hosts": hosts}))
    assert problem.startswith(
        "host h2, variable monitoring_scrapes[app].params.match[], value None: other targets of the job app"
    )


def test_the_hosts_of_a_job_have_one_password(tmp_path: Path) -> None:
    """A password is given to a job, and not to a target."""
    web = {"username": "u", "password": "x", "password_hash": "$2y$10$x"}
    scrapes = [{"job": "app", "port": 80, "web": True}]
    hosts = {"h1": {"monitoring_scrapes": scrapes}, "h2": {"monitoring_scrapes": scrapes}}
    files = {**simple(node_exporter={"hosts": hosts}), "group_vars/all.yml": {"monitoring_web": web}}
    assert problems_of(tmp_path, files) == []
    files["host_vars/h2.yml"] = {"monitoring_web": {**web, "password": "hidden"}}
    (problem,) = problems_of(tmp_path, files)
    assert problem.startswith("host h2, variable monitoring_web, value '…': h1 has a different value")
    assert "hidden" not in problem
