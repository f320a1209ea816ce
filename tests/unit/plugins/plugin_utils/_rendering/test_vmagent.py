# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmagent in place of a Prometheus server. The real program reads the configuration."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest
from store_fleets import WEB, built, groups, model

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.firewall import firewall_rules
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.prometheus import prometheus_config, prometheus_tree
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import expected_targets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.victoria_metrics import victoria_flags


def fleet(path: Path, **variables: t.Any) -> t.Any:
    """Return a fleet with two shards: of a Prometheus server, and of a vmagent."""
    children = groups()
    children["prometheus"] = {"hosts": {"p1": None}}
    children["vmagent"] = {"hosts": {"a1": None}}
    return model(path, children, prometheus_shards=2, **variables)


def test_a_vmagent_takes_the_place_of_a_shard(tmp_path: Path) -> None:
    """It scrapes the hosts that the Prometheus server does not scrape, and their firewall accepts it."""
    its = fleet(tmp_path)
    hosts = {server: {row["host"] for row in expected_targets(its, server)} for server in ("p1", "a1")}
    assert hosts["p1"] & hosts["a1"] == set()
    assert hosts["p1"] | hosts["a1"] >= {"web1", "web2", "s1", "s2", "p1", "a1"}
    own = min(hosts["a1"] & {"web1", "web2", "s1", "s2"})
    assert "a1" in str(firewall_rules(its, own))
    assert its["servers"]["prometheus"]["a1"]["prometheus_port"] == 8429


def test_each_store_is_a_flag(tmp_path: Path) -> None:
    """With the password in a file, and without the label of a replica."""
    children = {**groups(), "vmagent": {"hosts": {"a1": None}}}
    its = model(tmp_path, children, monitoring_web=WEB)
    flags, files = victoria_flags(its, "a1", "vmagent"), prometheus_tree(its, "a1")
    assert flags["remoteWrite.url"] == ["https://s1:8428/api/v1/write", "https://s2:8428/api/v1/write"]
    assert flags["remoteWrite.tlsServerName"] == ["example.com", "example.com"]
    assert "hidden" not in str(flags)
    for path in flags["remoteWrite.basicAuth.passwordFile"]:
        assert files[path.removeprefix("/etc/vmagent/")]["content"] == "hidden"
    for path in flags["remoteWrite.urlRelabelConfig"]:
        assert "replica" in files[path.removeprefix("/etc/vmagent/")]
    assert set(prometheus_config(its, "a1")) == {"global", "scrape_configs"}
    assert not [path for path in files if path.startswith("rules/")]


def test_vmagent_reads_the_configuration(tmp_path: Path, newest_vmagent: str) -> None:
    """With the options that a scrape job can have."""
    options = {"node": {"sample_limit": 9000, "metric_relabel": [{"drop": "go_.*"}]}}
    files = prometheus_tree(
        fleet(tmp_path / "fleet", monitoring_scrape_options=options, prometheus_external_labels={"site": "x"}), "a1"
    )
    for path, file in files.items():
        target = tmp_path / "tree" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(str(file))
    flags = ["-promscrape.config.strictParse=false", "-promscrape.config.dryRun"]
    command = [newest_vmagent, f"-promscrape.config={tmp_path}/tree/prometheus.yml", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    ("role", "settings", "problem"),
    [
        (
            "vmagent",
            {"prometheus_remote_write_options": {"queue_config": {}, "write_relabel_configs": []}},
            (
                "host p2, variable prometheus_remote_write_options, value 'queue_config': vmagent has flags in place of these "
                "keys, except write_relabel_configs. Use vmagent_flags"
            ),
        ),
        (
            "prometheus",
            {},
            (
                "host p2, variable groups, value 'vmagent': the host is also in the group prometheus. Remove it from one of the "
                "two groups"
            ),
        ),
        (
            "prometheus",
            {"prometheus_mode": "vmagent"},
            "host p1, variable prometheus_mode, value 'vmagent': must be server or agent",
        ),
    ],
)
def test_a_wrong_vmagent(tmp_path: Path, role: str, settings: dict[str, t.Any], problem: str) -> None:
    """Each is one error."""
    children = groups()
    if settings.get("prometheus_mode"):
        children["prometheus"] = {"hosts": {"p1": settings}}
    else:
        children["vmagent"] = {"hosts": {"p2": settings}}
        if role == "vmagent":
            children["prometheus"] = {"hosts": {"p1": None}}
    assert built(tmp_path, children)[1] == [problem]
