# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a Loki."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.loki import loki_files


def fleet(tmp_path: Path, **variables: t.Any) -> dict[str, t.Any]:
    """Return the model of a fleet with a Loki, which has these *variables*."""
    children = {
        "alertmanager": {
            "hosts": {
                "store": {"alertmanager_listen_address": "127.0.0.1"},
                "other": {"ansible_host": "2001:db8::2", "alertmanager_external_url": "https://example.com/alerts/"},
                "old": {"alertmanager_state": "absent"},
            }
        },
        "loki": {"hosts": {"store": variables}},
        "prometheus": {"hosts": {"store": None}},
    }
    model, problems = Made(tmp_path, {"hosts.yml": {"all": {"children": children}}}).build(contracts())
    assert problems == []
    return model


def config(model: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return loki.yml as data."""
    return yaml.safe_load(loki_files(model, "store")["loki.yml"])


def test_logs_are_stored_in_files_and_removed_after_some_time(tmp_path: Path) -> None:
    """In the directory of the role, with the index that Loki recommends. Without the compactor, retention has no effect."""
    made = config(fleet(tmp_path, loki_data_dir="/srv/loki", loki_retention="90d"))
    assert made["common"]["path_prefix"] == "/srv/loki"
    assert made["common"]["storage"] == {
        "filesystem": {"chunks_directory": "/srv/loki/chunks", "rules_directory": "/srv/loki/rules"}
    }
    (period,) = made["schema_config"]["configs"]
    assert (period["store"], period["object_store"], period["schema"]) == ("tsdb", "filesystem", "v13")
    assert made["compactor"] == {"retention_enabled": True, "delete_request_store": "filesystem"}
    assert made["limits_config"] == {"retention_period": "90d"}


def test_only_the_port_of_clients_is_reached_from_other_hosts(tmp_path: Path) -> None:
    """The parts of Loki use the loopback interface, and nothing is sent to the vendor."""
    made = config(fleet(tmp_path, loki_listen_address="192.0.2.3", loki_port=3101))
    assert made["server"] == {
        "http_listen_address": "192.0.2.3",
        "http_listen_port": 3101,
        "grpc_listen_address": "127.0.0.1",
        "grpc_listen_port": 9096,
    }
    assert made["auth_enabled"] is False
    assert made["analytics"] == {"reporting_enabled": False}


def test_alerts_go_to_the_alertmanagers_of_the_inventory(tmp_path: Path) -> None:
    """At the address that reaches each, and below the path of its URL."""
    url = config(fleet(tmp_path))["ruler"]["alertmanager_url"]
    assert sorted(url.split(",")) == ["http://127.0.0.1:9093", "http://[2001:db8::2]:9093/alerts"]


@pytest.mark.parametrize(
    ("variables", "path", "value"),
    [
        ({"loki_limits": {"ingestion_rate_mb": 16}}, ("limits_config", "ingestion_rate_mb"), 16),
        ({"loki_limits": {"retention_period": "7d"}}, ("limits_config", "retention_period"), "7d"),
        ({"loki_config": {"server": {"log_level": "warn"}}}, ("server", "log_level"), "warn"),
        ({"loki_config": {"auth_enabled": True}}, ("auth_enabled",), True),
        ({"loki_schema_configs": [{"from": "2020-01-01"}]}, ("schema_config", "configs"), [{"from": "2020-01-01"}]),
        ({"loki_evaluation_interval": "15s"}, ("ruler", "evaluation_interval"), "15s"),
    ],
)
def test_the_operator_has_the_last_word(tmp_path: Path, variables: dict[str, t.Any], path: tuple[str, ...], value: t.Any) -> None:
    """With limits, a schema of earlier data, and everything else in Loki's own format."""
    made = config(fleet(tmp_path, **variables))
    for key in path:
        made = made[key]
    assert made == value
    assert "http_listen_port" in config(fleet(tmp_path, **variables))["server"]


def test_rules_of_the_operator_are_in_the_directory_of_the_one_tenant(tmp_path: Path) -> None:
    """Loki calls the tenant fake."""
    group = {"name": "own", "rules": [{"alert": "Own", "expr": 'absent_over_time({host="web1"}[5m])'}]}
    files = loki_files(fleet(tmp_path, loki_extra_rules=[group]), "store")
    assert sorted(files) == ["loki.yml", "rules/fake/extra.yml"]
    assert yaml.safe_load(files["rules/fake/extra.yml"]) == {"groups": [group]}
    assert sorted(loki_files(fleet(tmp_path), "store")) == ["loki.yml"]


def test_alertmanagers_with_tls_and_a_password(tmp_path: Path) -> None:
    """The ruler sends alerts as Prometheus does. The file with the password is secret."""
    web = {"cert_file": "/c", "key_file": "/k", "ca_file": "/ca", "server_name": "am"}
    web.update(username="me", password="hidden", password_hash="$2y$10$x")  # noqa: S106 - nothing secret
    hosts = {
        "alertmanager": {"hosts": {"store": None}},
        "loki": {"hosts": {"store": None}},
        "prometheus": {"hosts": {"store": None}},
    }
    inventory = {"all": {"vars": {"monitoring_web": web}, "children": hosts}}
    model, problems = Made(tmp_path, {"hosts.yml": inventory}).build(contracts())
    assert problems == []
    file = loki_files(model, "store")["loki.yml"]
    assert file["secret"]
    ruler = yaml.safe_load(file["content"])["ruler"]
    assert ruler["alertmanager_url"] == "https://localhost:9093"
    assert ruler["alertmanager_client"] == {
        "tls_ca_path": "/ca",
        "tls_server_name": "am",
        "basic_auth_username": "me",
        "basic_auth_password": "hidden",
    }
