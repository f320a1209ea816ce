# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS and a password: what Prometheus and Grafana get of monitoring_web, prometheus_web and alertmanager_web."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
import typing as t
from pathlib import Path

import pytest
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import probes
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.web import scrape_config
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import grafana, preview, prometheus
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


def servers(tmp_path: Path, **variables: t.Any) -> Made:
    """Return a fleet with all servers, whose hosts have *variables*."""
    names = {"prometheus": ["p1", "p2"], "alertmanager": ["a1", "a2"], "grafana": ["g"], "node_exporter": ["w"]}
    groups = {role: {"hosts": dict.fromkeys(hosts)} for role, hosts in names.items()}
    # Real programs can load the files: the addresses are on the loopback interface.
    addresses = {"monitoring_address": "127.0.0.1"}
    files = {
        "hosts.yml": {"all": {"children": groups}},
        "group_vars/all.yml": {"grafana_admin_password": "g", **addresses, **variables},
        "host_vars/a2.yml": {"alertmanager_port": 9193},
        "host_vars/p2.yml": {"prometheus_port": 9190},
    }
    return Made(tmp_path, files)


def test_the_servers_follow_too(tmp_path: Path, promtool: str) -> None:
    """Scrapes of the servers, alerting and Grafana's data sources; promtool accepts the configuration."""
    (tmp_path / "ca.crt").write_text(ssl.DER_cert_to_PEM_cert(b""))
    web = {**WEB, "ca_file": str(tmp_path / "ca.crt"), "server_name": "m.example.com"}
    model, problems = servers(tmp_path / "inventory", monitoring_web=web).build(contracts())
    assert problems == []
    tls = {"ca_file": web["ca_file"], "server_name": "m.example.com"}
    password = {"username": "u", "password_file": f"web/alertmanager-{REVISION}.password"}
    config = prometheus.prometheus_config(model, "p1")
    assert config["alerting"]["alertmanagers"] == [
        {
            "scheme": "https",
            "tls_config": tls,
            "basic_auth": password,
            "static_configs": [{"targets": ["127.0.0.1:9093", "127.0.0.1:9193"]}],
        }
    ]
    jobs = {item["job_name"]: item for item in config["scrape_configs"]}
    for job in ("prometheus", "alertmanager", "node"):
        assert jobs[job]["tls_config"] == tls
        assert jobs[job]["basic_auth"]["username"] == "u"
        assert all(group["labels"]["__scheme__"] == "https" for group in scrape_targets(model, "p1")[job])
    for source in grafana.datasources(model, "g"):
        assert source["url"].startswith("https://")
        assert (source["basicAuth"], source["basicAuthUser"]) == (True, "u")
        assert source["jsonData"]["tlsAuthWithCACert"]
        assert source["jsonData"]["serverName"] == "m.example.com"
        assert source["secureJsonData"] == {"tlsCACert": f"$__file{{{web['ca_file']}}}", "basicAuthPassword": "hidden"}
    tree = tmp_path / "tree"
    for path, file in prometheus.prometheus_tree(model, "p1").items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(file["content"] if isinstance(file, dict) else file)
    subprocess.run([promtool, "check", "config", str(tree / "prometheus.yml")], check=True, capture_output=True)


def test_a_server_can_have_its_own_settings(tmp_path: Path) -> None:
    """Or none; a Prometheus that does not scrape the Alertmanagers has their password, too."""
    own = {"username": "am", "password": "hidden-am", "password_hash": "$2y$10$am"}
    made = servers(tmp_path, monitoring_web=WEB, prometheus_web={}, alertmanager_web=own, prometheus_scrape_hosts="w")
    made_problems = made.build(contracts())[1]
    assert [line for line in made_problems if "no Prometheus server scrapes" not in line] == []
    model = made.build(contracts())[0]
    (item,) = prometheus.prometheus_config(model, "p1")["alerting"]["alertmanagers"]
    assert set(item) == {"basic_auth", "static_configs"}
    assert prometheus.prometheus_tree(model, "p1")[item["basic_auth"]["password_file"]]["content"] == "hidden-am"
    sources = {source["uid"]: source for source in grafana.datasources(model, "g")}
    assert "basicAuth" not in sources["prometheus-p1"]
    assert sources["prometheus-p1"]["url"] == "http://127.0.0.1:9090"
    assert sources["alertmanager-a1"]["basicAuthUser"] == "am"
    assert "secureJsonData" not in sources["prometheus-p1"]


@pytest.mark.parametrize(
    ("variables", "lines"),
    [
        # The servers have the same value as the exporters: one error.
        ({"monitoring_web": {"username": "u"}}, ["monitoring_web.password", "monitoring_web.password_hash"]),
        ({"monitoring_web": "hidden"}, ["monitoring_web"]),
        ({"alertmanager_web": {"cert": "/c"}}, ["alertmanager_web.cert"]),
        ({"prometheus_web": ["hidden"]}, ["prometheus_web"]),
        ({"prometheus_web": None}, []),
        # Prometheus sets the password for all Alertmanagers at once.
        (
            {"alertmanager_web": {"username": "{{ inventory_hostname }}", "password": "x", "password_hash": "$2y$10$x"}},
            ["alertmanager_web"],
        ),
    ],
)
def test_mistakes_in_the_settings_of_servers(tmp_path: Path, variables: dict[str, t.Any], lines: list[str]) -> None:
    """One line for each mistake."""
    _model, problems = servers(tmp_path, **variables).build(contracts())
    assert [line.partition("variable ")[2].partition(",")[0] for line in problems] == lines


@pytest.mark.parametrize(
    ("change", "where", "remedy"),
    [
        ({"key_file": ""}, "key_file", "missing. It is required together with cert_file"),
        ({"password": ""}, "password", "missing. It is required together with username"),
        ({"password_hash": "hidden"}, "password_hash", "must be the bcrypt hash of the password"),
        ({"cert_file": ""}, "cert_file", "missing. It is required together with key_file"),
        ({"username": ""}, "username", "missing. It is required together with password"),
        ({"ca_file": "ca.crt"}, "ca_file", "must be an absolute path on the host"),
        ({"cert": "/c"}, "cert", "unknown key. The known keys are cert_file"),
    ],
)
def test_a_mistake_is_told_without_the_secret(tmp_path: Path, change: dict[str, str], where: str, remedy: str) -> None:
    """Of all hosts in one line."""
    _model, problems = made(tmp_path, **change).build(contracts())
    (line,) = problems
    assert f"variable monitoring_web.{where}, value '…': {remedy}" in line
    assert "hidden" not in line
