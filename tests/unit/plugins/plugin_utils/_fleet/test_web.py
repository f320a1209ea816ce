# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS and a password for exporters: what Prometheus gets of monitoring_web."""

from __future__ import annotations

import hashlib
import typing as t
from pathlib import Path

import pytest
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import probes
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.web import scrape_config
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import preview, prometheus
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import scrape_targets

WEB = {
    "cert_file": "/c",
    "key_file": "/k",
    "ca_file": "/ca",
    "username": "u",
    "password": "hidden",
    "password_hash": "$2y$10$x",
}
REVISION = hashlib.sha256(b"$2y$10$x").hexdigest()[:8]


def made(tmp_path: Path, **web: t.Any) -> Made:
    """Return a fleet of the collection's own roles with monitoring_web."""
    hosts = {
        "p": None,
        "w": {"monitoring_probes": [{"module": "icmp"}], "monitoring_scrapes": [{"job": "app", "port": 80}]},
        "x": {"haproxy_exporter_native": False, "monitoring_scrapes": [{"job": "own", "port": 81, "web": True}]},
    }
    groups = {
        "prometheus": {"hosts": {"p": None}},
        "blackbox_exporter": {"hosts": {"p": None}},
        "node_exporter": {"hosts": {"w": None}},
        "haproxy_exporter": {"hosts": {"w": None, "x": None}},
    }
    files = {
        "hosts.yml": {"all": {"hosts": hosts, "children": groups}},
        "group_vars/all.yml": {"monitoring_web": {**WEB, **web}},
    }
    return Made(tmp_path, files)


def test_prometheus_follows(tmp_path: Path) -> None:
    """Where an exporter has it; HAProxy's own endpoint and other programs have not."""
    model, problems = made(tmp_path).build(contracts())
    assert problems == []
    configs = {config["job_name"]: config for config in prometheus.scrape_configs(model, "p")}
    for job in ("node", "blackbox", "own", "probe_icmp"):
        assert configs[job]["basic_auth"] == {"username": "u", "password_file": f"web/{job}-{REVISION}.password"}
        assert configs[job]["tls_config"] == {"ca_file": "/ca"}
    assert "basic_auth" not in configs["app"]
    targets = scrape_targets(model, "p")
    assert targets["node"][0]["labels"]["__scheme__"] == "https"
    assert targets["probe_icmp"][0]["labels"]["__scheme__"] == "https"
    schemes = {group["labels"]["host"]: group["labels"].get("__scheme__") for group in targets["haproxy"]}
    assert schemes == {"w": None, "x": "https"}
    assert "__scheme__" not in targets["app"][0]["labels"]


def test_the_password_is_in_a_file_of_its_own(tmp_path: Path) -> None:
    """Which no diff and no rendered directory shows."""
    model, _problems = made(tmp_path).build(contracts())
    files = prometheus.prometheus_tree(model, "p")
    assert files[f"web/node-{REVISION}.password"] == {"content": "hidden", "secret": True}
    assert "hidden" not in files["prometheus.yml"]
    assert "hidden" not in str(preview.rendered_files(model))
    assert "$2y$10$x" not in str(preview.rendered_files(model))


def test_tls_alone_and_a_password_alone(tmp_path: Path) -> None:
    """Each without the other."""
    assert scrape_config("j", {"insecure_skip_verify": True}) == {"tls_config": {"insecure_skip_verify": True}}
    model, problems = made(tmp_path, cert_file="", key_file="", ca_file="").build(contracts())
    assert problems == []
    assert not any("tls_config" in config for config in prometheus.scrape_configs(model, "p"))
    assert "__scheme__" not in probes.probe_targets(model, "p")["probe_icmp"][0]["labels"]


@pytest.mark.parametrize(
    ("change", "where", "remedy"),
    [
        ({"key_file": ""}, "key_file", "missing. It is required together with cert_file"),
        ({"password": ""}, "password", "missing. It is required together with username"),
        ({"password_hash": "hidden"}, "password_hash", "must be the bcrypt hash of the password"),
        ({"cert": "/c"}, "cert", "unknown key. The known keys are cert_file"),
    ],
)
def test_a_mistake_is_told_without_the_secret(tmp_path: Path, change: dict[str, str], where: str, remedy: str) -> None:
    """Of all hosts in one line."""
    _model, problems = made(tmp_path, **change).build(contracts())
    (line,) = problems
    assert f"variable monitoring_web.{where}, value '…': {remedy}" in line
    assert "hidden" not in line
