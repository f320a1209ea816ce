# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables and groups of hosts. The round trips: test_prometheus_config.py."""

from __future__ import annotations

import typing as t

from adoptions import targets_of

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.host_names import name_hosts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.hosts import adopted_hosts, groups_with_options
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts


def test_an_exporter_that_asks_for_a_password_keeps_it() -> None:
    """The role would replace the exporter by one without a password."""
    targets = [*targets_of("node", "a:9100"), *targets_of("node", "b:9100")]
    targets[1].options = {"basic_auth": {"username": "u", "password_file": "/p"}}
    name_hosts(targets, "mon")
    groups: dict[str, dict[str, t.Any]] = {}
    hosts = adopted_hosts(targets, "mon", groups, contracts())
    assert groups == {"node_exporter": {"a": {}}}
    assert hosts == {"a": {}, "b": {"monitoring_scrapes": [{"job": "node", "port": 9100}]}}


def test_a_job_with_options_is_a_group() -> None:
    """Its name is neither that of a host nor that of a role."""
    targets = [*targets_of("app", "a:1", "job_app:1"), *targets_of("app", "b:1")]
    for target in targets[:2]:
        target.options = {"honor_labels": True}
    name_hosts(targets, "mon")
    groups: dict[str, dict[str, t.Any]] = {}
    found = groups_with_options(targets, {"a": {}, "b": {}, "job_app": {}}, groups)
    assert found == {"job_app_": {"monitoring_scrape_options": {"app": {"honor_labels": True}}}}
    assert groups == {"job_app_": {"a": {}, "job_app": {}}}


def test_the_job_of_each_exporter_becomes_its_group() -> None:
    """Also of an exporter at another port than usual. A role with several instances stays a list of endpoints."""
    ports = {
        contract.role: contract.defaults[f"{contract.role}_port"]
        for contract in contracts()
        if not contract.is_server and "instances" not in contract.scrape and f"{contract.role}_port" in contract.defaults
    }
    assert {"nginx_exporter", "mysqld_exporter", "pushgateway", "varnish_exporter", "systemd_exporter"} <= ports.keys()
    for contract in contracts():
        if contract.role in ports:
            job, usual = contract.scrape["job"], ports[contract.role]
            targets = [*targets_of(job, f"a:{usual}"), *targets_of(job, "b:19999")]
            name_hosts(targets, "mon")
            groups: dict[str, dict[str, t.Any]] = {}
            assert adopted_hosts(targets, "mon", groups, contracts()) == {"a": {}, "b": {}}
            assert groups == {contract.role: {"a": {}, "b": {f"{contract.role}_port": 19999}}}
