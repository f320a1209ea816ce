# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section remote_write of prometheus.yml, and the questions to the stores."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml
from store_fleets import WEB, groups, model

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.grafana import datasources
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.prometheus import prometheus_config, prometheus_tree
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.remote_write import (
    remote_write,
    secrets,
    store_queries,
)


def test_a_server_writes_to_every_store_with_its_options(tmp_path: Path) -> None:
    """Dictionaries of the options merge. A fleet without stores has no such section."""
    its = model(tmp_path, prometheus_remote_write_options={"queue_config": {"max_shards": 7}})
    written = prometheus_config(its, "p2")["remote_write"]
    # p1 and p2 are replicas.
    usual = {"write_relabel_configs": [{"action": "labeldrop", "regex": "replica"}], "queue_config": {"max_shards": 7}}
    assert written == [
        {"name": f"victoria_metrics-{name}", "url": f"http://{name}:8428/api/v1/write", **usual} for name in ("s1", "s2")
    ]
    without = {role: group for role, group in groups().items() if role not in ("victoria_metrics", "vmauth")}
    assert "remote_write" not in prometheus_config(model(tmp_path / "without", without), "p1")


def test_each_version_of_prometheus_takes_the_section(tmp_path: Path, promtool: str) -> None:
    """With TLS and a password, which is in a file of its own."""
    ca = tmp_path / "ca.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", "/dev/null", "-out", ca],
        check=True,
        capture_output=True,
    )
    its = model(tmp_path / "fleet", monitoring_web={**WEB, "ca_file": str(ca)}, prometheus_external_labels={"replica": "a"})
    for path, file in prometheus_tree(its, "p1").items():
        target = tmp_path / "tree" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file["content"] if isinstance(file, dict) else file)
    config = yaml.safe_load((tmp_path / "tree/prometheus.yml").read_text())
    first = config["remote_write"][0]
    assert (first["url"], first["tls_config"]["server_name"]) == ("https://s1:8428/api/v1/write", "example.com")
    assert (tmp_path / "tree" / first["basic_auth"]["password_file"]).read_text() == "hidden"
    command = [promtool, "check", "config", tmp_path / "tree/prometheus.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_label_of_a_replica_is_not_written(tmp_path: Path) -> None:
    """Otherwise the series of two replicas would differ, and the store would keep both."""
    its = model(tmp_path)
    assert all("write_relabel_configs" not in item for item in remote_write(its, "p1", ["site"]))
    for item in remote_write(its, "p1", ["site", "replica"]):
        assert item["write_relabel_configs"] == [{"action": "labeldrop", "regex": "replica"}]


def test_a_password_is_a_secret_of_the_server(tmp_path: Path) -> None:
    """Of each store that it writes to."""
    its = model(tmp_path, groups(p2={"prometheus_stores": "s2"}), monitoring_web=WEB)
    assert [(role, web["password"]) for role, web in secrets(its, "p2")] == [("victoria_metrics", "hidden")]


def test_verify_asks_each_store_and_vmauth_for_a_target_of_the_server(tmp_path: Path) -> None:
    """With the password; a server without stores asks nobody."""
    its = model(tmp_path, groups(p2={"prometheus_stores": ""}), monitoring_web=WEB)
    asked = store_queries(its, "p1")
    assert [(item["name"], item["url"]) for item in asked] == [
        ("victoria_metrics-s1", "https://s1:8428"),
        ("victoria_metrics-s2", "https://s2:8428"),
        ("vmauth-p1", "https://localhost:8427"),
    ]
    # The server itself is one of its targets.
    assert {item["instance"].partition(":")[0] for item in asked} == {"p1"}
    assert asked[0]["tls"] == {"ca_file": "/etc/ssl/ca.crt", "server_name": "example.com"}
    assert (asked[0]["username"], asked[0]["password"]) == ("prometheus", "hidden")
    assert store_queries(its, "p2") == []


def test_a_server_without_targets_asks_nobody(tmp_path: Path) -> None:
    """There is no sample that it could read back."""
    its = model(tmp_path)
    its["servers"]["prometheus"]["p1"]["scrape_hosts"] = []
    assert store_queries(its, "p1") == []


def test_an_agent_scrapes_and_writes_alone(tmp_path: Path, newest_promtool: str) -> None:
    """Without rules, and without Alertmanagers. Prometheus accepts the configuration in agent mode."""
    children = {**groups(), "alertmanager": {"hosts": {"p1": None}}, "vmalert": {"hosts": {"p1": None}}}
    its = model(tmp_path / "fleet", children, prometheus_mode="agent")
    files = prometheus_tree(its, "p1")
    assert not [path for path in files if path.startswith("rules/")]
    assert set(prometheus_config(its, "p1")) == {"global", "remote_write", "scrape_configs"}
    for path, file in files.items():
        target = tmp_path / "tree" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(str(file))
    command = [newest_promtool, "check", "config", "--agent", tmp_path / "tree/prometheus.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_reads_from_no_agent(tmp_path: Path) -> None:
    """The first store is its default data source then."""
    sources = datasources(model(tmp_path, prometheus_mode="agent"), "g")
    assert [(source["name"], source["isDefault"]) for source in sources] == [
        ("Stores (p1)", True),
        ("VictoriaMetrics (s1)", False),
        ("VictoriaMetrics (s2)", False),
    ]
