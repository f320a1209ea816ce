# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""monitoring_presets: the endpoints and the rules of services that have metrics of their own."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.presets import presets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import OURS, Directory, contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import build
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.rules import alert_rules


def made(path: Path, variables: dict[str, t.Any], group: dict[str, t.Any] | None = None) -> Made:
    """Return an inventory with a Prometheus server and the host q with *variables*, in a group with the variables *group*."""
    hosts = {
        "prometheus": {"hosts": {"p": {}}},
        "queues": {"hosts": {"q": variables}, "vars": group or {}},
    }
    return Made(path, {"hosts.yml": {"all": {"children": hosts}}})


def test_a_preset_is_an_endpoint_with_rules(tmp_path: Path) -> None:
    """Names of groups and of the host are joined. A dictionary overrides keys of the endpoint."""
    etcd = {"preset": "etcd", "port": 2381, "labels": {"cluster": "a"}}
    inventory = made(tmp_path, {"monitoring_presets": [etcd]}, {"monitoring_presets": ["rabbitmq", "docker"]})
    model, problems = inventory.build(contracts())
    assert problems == []
    host = model["hosts"]["q"]
    assert [(item["job"], item["port"], item["path"], item["labels"]) for item in host["endpoints"]] == [
        ("rabbitmq", 15692, "/metrics", {}),
        ("docker", 9323, "/metrics", {}),
        ("etcd", 2381, "/metrics", {"cluster": "a"}),
    ]
    assert host["presets"] == ["docker", "etcd", "rabbitmq"]
    assert "presets" not in model["hosts"]["p"]
    # The preset docker has no rules.
    assert {name for name in model["rules"] if name.startswith("preset_")} == {"preset_etcd", "preset_rabbitmq"}
    assert [group["name"] for group in alert_rules(model, "p")["preset_etcd"]] == ["etcd"]


def test_an_entry_of_scrapes_replaces_the_endpoint_of_a_preset(tmp_path: Path) -> None:
    """Both have the same job, port and path."""
    scrape = {"job": "rabbitmq", "port": 15692, "labels": {"own": "yes"}}
    model, _problems = made(tmp_path, {"monitoring_presets": ["rabbitmq"], "monitoring_scrapes": [scrape]}).build(contracts())
    host = model["hosts"]["q"]
    assert [(item["port"], item["labels"]) for item in host["endpoints"]] == [(15692, {"own": "yes"})]


def test_a_fleet_without_presets_reads_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The presets are loaded for the first host that has one."""

    def never(_directories: t.Any) -> t.NoReturn:
        raise AssertionError

    monkeypatch.setattr(build.presets, "presets", never)
    model, problems = made(tmp_path, {}).build(contracts())
    assert problems == []
    assert not any(name.startswith("preset_") for name in model["rules"])


def test_thresholds_of_a_preset(tmp_path: Path) -> None:
    """The threshold of an alert of a preset is known where the fleet has the preset."""
    threshold = {"monitoring_thresholds": {"etcd_space_percent": 60}}
    model, problems = made(tmp_path / "a", {"monitoring_presets": ["etcd"], **threshold}).build(contracts())
    assert problems == []
    assert "etcd_space_percent" in str(alert_rules(model, "p")["thresholds"])
    _model, problems = made(tmp_path / "b", threshold).build(contracts())
    assert "unknown threshold" in problems[0]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("rabitmq", "host q, variable monitoring_presets[0], value 'rabitmq': unknown preset. The presets are caddy, ceph,"),
        ({"port": 1}, "variable monitoring_presets[0], value {'port': 1}: must be the name of a preset, or a dictionary with"),
        ({"preset": "etcd", "port": 70000}, "variable monitoring_presets[etcd].port, value 70000: must be a port number"),
        ({"preset": "etcd", "prot": 1}, "variable monitoring_presets[etcd], value 'prot': unknown key"),
    ],
)
def test_a_wrong_entry_is_one_error(tmp_path: Path, entry: t.Any, message: str) -> None:
    """It names the host, the variable, the value and the remedy."""
    _model, problems = made(tmp_path, {"monitoring_presets": [entry]}).build(contracts())
    assert len(problems) == 1
    assert message in problems[0]


OWN = """
title: Shop
endpoint: {port: 8000, path: /shop/metrics}
groups:
  - name: shop
    rules:
      - {alert: ShopSlow, expr: shop_seconds, threshold: shop_seconds, above: {warning: 1}}
"""


def own(path: Path, text: str, name: str = "shop") -> tuple[Directory, ...]:
    """Return the directories of roles with that of the user, beside the inventory, whose folder ``own`` has a preset."""
    file = path / "roles" / "own" / "presets" / f"{name}.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return (OURS, Directory(str(path / "roles")))


def test_a_preset_of_the_user(tmp_path: Path) -> None:
    """It is one file in a folder below the user's own directory of roles."""
    own(tmp_path, OWN)
    variables = {"monitoring_presets": ["shop", "docker"], "monitoring_thresholds": {"shop_seconds": 2}}
    model, problems = made(tmp_path, variables).build(contracts())
    assert problems == []
    assert [(item["job"], item["path"]) for item in model["hosts"]["q"]["endpoints"]] == [
        ("shop", "/shop/metrics"),
        ("docker", "/metrics"),
    ]
    assert "preset_shop" in alert_rules(model, "p")


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("endpoint: {port: 8000}\nruls: []\n", "shop", "shop.yml, key ruls, value []: unknown key"),
        ("title: Shop\n", "shop", "shop.yml, key endpoint, value None: must be a dictionary with the port"),
        ("endpoint: {port: x}\n", "shop", "shop.yml, key endpoint.port, value 'x': must be a port number"),
        ("endpoint: {port: 1}\ngroups: [{name: a}]\n", "shop", "a group must have a name and a list of rules"),
        ("a: [\n", "shop", "shop.yml: not valid YAML"),
        (OWN, "etcd", "etcd.yml is a preset of the same name. Rename the file"),
    ],
)
def test_a_wrong_file_is_an_error(tmp_path: Path, text: str, name: str, message: str) -> None:
    """It names the file and the key."""
    with pytest.raises(AnsibleError) as raised:
        presets(own(tmp_path, text, name))
    assert message in str(raised.value)
