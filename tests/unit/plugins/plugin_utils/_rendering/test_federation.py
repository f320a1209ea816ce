# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the servers of shards, and of the global server that reads from them."""

from __future__ import annotations

import collections
import json
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from shared_fleets import SERVERS, WEBS, shared_fleet

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import prometheus
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.preview import rendered_files
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import expected_targets

WEB = {
    "cert_file": "/etc/ssl/x.crt",
    "key_file": "/etc/ssl/x.key",
    "ca_file": "/etc/ssl/x.crt",
    "username": "prometheus",
    "password": "secret",
    "password_hash": "$2b$04$j5eICHxL1K/SDEB2s0ktFObAkT6H02q2iNbHJbEKG3TumDV6G/hmO",
}


def built(path: Path, variables: dict[str, t.Any] | None = None, **of_all: t.Any) -> t.Any:
    """Return the model of the fleet."""
    model, problems = shared_fleet(path, variables, **of_all).build(contracts())
    assert problems == []
    return model


def text_of(file: t.Any) -> str:
    """Return the content of a file of the tree."""
    return str(file["content"] if isinstance(file, dict) else file)


def config_of(model: t.Any, server: str) -> dict[str, t.Any]:
    """Return prometheus.yml of a *server*."""
    found: dict[str, t.Any] = yaml.safe_load(prometheus.prometheus_tree(model, server)["prometheus.yml"])
    return found


def test_every_target_is_scraped_by_the_replicas_of_one_shard(tmp_path: Path) -> None:
    """Also each probe, although one host alone has the blackbox exporter, and several hosts name the same website."""
    probes = [{"module": "icmp"}, {"module": "http_2xx", "target": "https://shop.example.com/"}]
    model = built(tmp_path, monitoring_probes=probes)
    counts = collections.Counter(
        (item["job"], item["instance"]) for server in SERVERS for item in expected_targets(model, server)
    )
    assert set(counts.values()) == {2}
    assert {("node", f"{name}:9100") for name in WEBS} | {("probe_icmp", name) for name in (*WEBS, *SERVERS, "am", "g")} <= set(
        counts
    )
    assert ("probe_http_2xx", "https://shop.example.com/") in counts
    assert ("prometheus", "g:9090") in counts
    shards = {frozenset(item["host"] for item in expected_targets(model, server)) for server in SERVERS}
    assert len(shards) == 2


def test_replicas_differ_in_a_label_that_alerts_lose(tmp_path: Path) -> None:
    """The other files are the same."""
    model = built(tmp_path)
    first, second = (prometheus.prometheus_tree(model, server) for server in ("p1", "p2"))
    assert {name for name in first if first[name] != second[name]} == {"prometheus.yml"}
    configs = [config_of(model, server) for server in ("p1", "p2")]
    assert [config["global"]["external_labels"] for config in configs] == [{"replica": "p1"}, {"replica": "p2"}]
    for config in configs:
        assert config["alerting"]["alert_relabel_configs"] == [{"action": "labeldrop", "regex": "replica"}]


def test_a_global_server_copies_recorded_series(tmp_path: Path) -> None:
    """It scrapes nothing else, and has the rules about the whole fleet alone."""
    model = built(tmp_path)
    files = prometheus.prometheus_tree(model, "g")
    assert sorted(files) == ["prometheus.yml", "rules/prometheus.yml", "targets/federate.json"]
    main = config_of(model, "g")
    assert main["scrape_configs"] == [
        {
            "job_name": "federate",
            "honor_labels": True,
            "honor_timestamps": False,
            "params": {"match[]": ['{__name__=~".+:.+"}']},
            "file_sd_configs": [{"files": ["targets/federate.json"]}],
        }
    ]
    assert "remote_read" not in main
    assert "alert_relabel_configs" not in main["alerting"]
    targets = json.loads(files["targets/federate.json"])
    assert targets[2] == {
        "targets": ["p3:9090"],
        "labels": {"__metrics_path__": "/federate", "instance": "p3:9090", "server": "p3", "shard": "2"},
    }
    assert [group["labels"]["shard"] for group in targets] == ["1", "1", "2", "2"]
    names = [rule.get("alert") for group in yaml.safe_load(files["rules/prometheus.yml"])["groups"] for rule in group["rules"]]
    assert "HostUnwatched" in names
    assert "HostDown" not in names
    assert "HostUnwatched" not in str(prometheus.prometheus_tree(model, "p1"))
    assert expected_targets(model, "g", hosts=["p2", "web1"]) == [
        {"job": "federate", "instance": "p2:9090", "host": "p2", "address": "p2:9090"}
    ]
    assert expected_targets(model, "g", roles=["node_exporter"]) == []


def test_a_global_server_can_read_through(tmp_path: Path) -> None:
    """By TLS, with the password, and below the path of each server."""
    variables = {"prometheus_global_mode": "remote_read", "prometheus_global_series": ["host:.+", "my:\\w+"]}
    model = built(tmp_path, variables, monitoring_web=WEB, prometheus_external_url="https://example.com/prom")
    files = prometheus.prometheus_tree(model, "g")
    main = config_of(model, "g")
    (config,) = main["scrape_configs"]
    assert config["params"] == {"match[]": ['{__name__=~"host:.+"}', '{__name__=~"my:\\\\w+"}']}
    login = {"username": "prometheus", "password_file": config["basic_auth"]["password_file"]}
    assert config["basic_auth"] == login
    assert config["tls_config"] == {"ca_file": "/etc/ssl/x.crt"}
    assert text_of(files[login["password_file"]]) == "secret"
    assert main["remote_read"][0] == {
        "name": "p1",
        "url": "https://p1:9090/prom/api/v1/read",
        "read_recent": True,
        "basic_auth": login,
        "tls_config": {"ca_file": "/etc/ssl/x.crt"},
    }
    (first, *_others) = json.loads(files["targets/federate.json"])
    assert first["labels"]["__scheme__"] == "https"
    assert first["labels"]["__metrics_path__"] == "/prom/federate"


@pytest.mark.parametrize("mode", ["federate", "remote_read"])
def test_prometheus_accepts_the_files(promtool: str, tmp_path: Path, mode: str) -> None:
    """Of a global server, and of a server of a shard."""
    model = built(tmp_path / "inventory", {"prometheus_global_mode": mode})
    for server in ("g", "p1"):
        directory = tmp_path / server
        for name, file in prometheus.prometheus_tree(model, server).items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(text_of(file))
        done = subprocess.run(
            [promtool, "check", "config", directory / "prometheus.yml"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_review_shows_the_hosts_of_each_shard(tmp_path: Path) -> None:
    """In one file of the rendered directory, which a fleet without shards does not have."""
    model = built(tmp_path)
    files = rendered_files(model)
    shards = yaml.safe_load(files["shards.yml"])
    assert [found["servers"] for found in shards.values()] == [["p1", "p2"], ["p3", "p4"]]
    assert shards["1"]["hosts"] == model["servers"]["prometheus"]["p1"]["scrape_hosts"]
    for settings in model["servers"]["prometheus"].values():
        settings.pop("shard", None)
    assert "shards.yml" not in rendered_files(model)
