# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a Prometheus server, and what it says beside the inventory."""

from __future__ import annotations

import json
from pathlib import Path

import inventories
import yaml
from models import endpoint, model

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import prometheus, targets


def test_what_no_label_can_say_is_said_of_the_job() -> None:
    """Several values of one parameter, and names that no label can have."""
    fleet = model(endpoint(params={"match[]": ["x"], "q": ["x", "y"], "one": ["z"]}))
    (config,) = prometheus.scrape_configs(fleet, "p")
    assert config["params"] == {"match[]": ["x"], "q": ["x", "y"]}
    ((group,),) = targets.scrape_targets(fleet, "p").values()
    assert {name for name in group["labels"] if name.startswith("__param")} == {"__param_one"}


def test_the_tree() -> None:
    """Relative paths, one target a line, own rules and scrape configs."""
    rules = [{"name": "mine", "rules": [{"alert": "A", "expr": "vector(1)"}]}]
    config = [{"job_name": "own", "static_configs": [{"targets": ["x:1"]}]}]
    files = prometheus.prometheus_tree(
        model(endpoint(), endpoint(port=1, instance="a:1"), prometheus_extra_rules=rules, prometheus_extra_scrape_configs=config),
        "p",
    )
    assert sorted(files) == ["prometheus.yml", "rules/extra.yml", "rules/prometheus.yml", "targets/node.json"]
    assert len(files["targets/node.json"].splitlines()) == 4
    assert len(json.loads(files["targets/node.json"])) == 2
    main = yaml.safe_load(files["prometheus.yml"])
    assert main["scrape_configs"] == [{"job_name": "node", "file_sd_configs": [{"files": ["targets/node.json"]}]}, *config]
    assert yaml.safe_load(files["rules/extra.yml"]) == {"groups": rules}
    assert "alerting" not in main


def test_every_alertmanager_is_told() -> None:
    """But not one that is being removed."""
    fleet = model(endpoint())
    fleet["servers"]["alertmanager"] = {
        "a": {"alertmanager_port": 9093, "alertmanager_state": "present"},
        "p": {"alertmanager_port": 9093, "alertmanager_state": "absent"},
    }
    alerting = prometheus.prometheus_config(fleet, "p")["alerting"]
    assert alerting == {"alertmanagers": [{"static_configs": [{"targets": ["192.0.2.1:9093"]}]}]}


def test_a_path_of_an_alertmanager_is_told(tmp_path: Path) -> None:
    """As one group for each path; it is scraped below its path, and so is Prometheus."""
    inventory = {
        "prometheus": {"hosts": {"p": {"prometheus_external_url": "https://example.com/prometheus"}}},
        "alertmanager": {
            "hosts": {
                "a": {"alertmanager_external_url": "https://example.com/alerts/"},
                "b": {"alertmanager_flags": {"web.route-prefix": "/alerts"}},
                "c": {"alertmanager_external_url": "https://example.com"},
            }
        },
    }
    fleet, problems = inventories.Made(tmp_path, {"hosts.yml": inventory}).build(contracts())
    assert problems == []
    assert prometheus.prometheus_config(fleet, "p")["alerting"]["alertmanagers"] == [
        {"path_prefix": "/alerts", "static_configs": [{"targets": ["a:9093", "b:9093"]}]},
        {"static_configs": [{"targets": ["c:9093"]}]},
    ]
    paths = {name: [item["path"] for item in its["endpoints"]] for name, its in fleet["hosts"].items()}
    assert paths == {"a": ["/alerts/metrics"], "b": ["/alerts/metrics"], "c": ["/metrics"], "p": ["/prometheus/metrics"]}
