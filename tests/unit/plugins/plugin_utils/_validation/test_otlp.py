# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""prometheus_otlp: what each version of Prometheus knows, wrong values, and the senders."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.prometheus import prometheus_config
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.otlp import KEYS, STRATEGIES

# A dictionary for each key that Prometheus gets.
EXAMPLES: dict[str, dict[str, t.Any]] = {
    **{key: {key: True} for key in KEYS},
    "out_of_order_time_window": {"out_of_order_time_window": "30m"},
    "promote_resource_attributes": {"promote_resource_attributes": ["service.version"]},
    "ignore_resource_attributes": {"promote_all_resource_attributes": True, "ignore_resource_attributes": ["service.version"]},
    **{strategy: {"translation_strategy": strategy} for strategy in STRATEGIES},
}
del EXAMPLES["senders"], EXAMPLES["translation_strategy"]


def fleet(otlp: t.Any, version: str = "3.9.1") -> dict[str, t.Any]:
    """Return the inventory of two hosts and a server."""
    server = {"prometheus_version": version, "prometheus_otlp": otlp}
    groups = {
        "prometheus": {"hosts": {"p": server}},
        "node_exporter": {"hosts": {"a": None, "b": None}},
        "web": {"hosts": {"a": None}},
    }
    return {"hosts.yml": {"all": {"children": groups}}}


def build(path: Path, otlp: t.Any, version: str = "3.9.1") -> tuple[t.Any, list[str]]:
    """Return the model and the problems."""
    return Made(path, fleet(otlp, version)).build(contracts())


@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_prometheus_takes_what_its_version_knows(tmp_path: Path, example: str, promtool: str) -> None:
    """The collection refuses the rest, with the version that has it."""
    told = subprocess.run([promtool, "--version"], capture_output=True, text=True, check=True)
    version = (told.stdout + told.stderr).split("version ")[1].split(" ")[0]
    model, problems = build(tmp_path / "fleet", EXAMPLES[example], version)
    if problems:
        (problem,) = problems[-1:]
        assert problem.startswith("host p, variable prometheus_otlp")
        assert f"p runs Prometheus {version}, which does not have this option (since 3." in problem
    if version.startswith("2."):
        # This version has the receiver behind a flag, and some of its keys.
        assert len(problems) == 1
        return
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump({**prometheus_config(model, "p"), "rule_files": [], "scrape_configs": []}))
    done = subprocess.run([promtool, "check", "config", "--syntax-only", file], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (problems == []), done.stderr


@pytest.mark.parametrize(
    ("otlp", "field", "remedy"),
    [
        ("yes", "", "must be true, false or a dictionary"),
        ({}, "", "must be true, false or a dictionary"),
        (["web"], "", "must be true, false or a dictionary"),
        ({"sender": ["web"]}, "sender", "there is no such key. The keys are senders"),
        ({"senders": "web"}, "senders", "must be a list of hosts"),
        ({"senders": ["wbe"]}, "senders", "must be a host or a group of the inventory"),
        ({"senders": [{"host": "a"}]}, "senders", "must be a host or a group of the inventory"),
        ({"senders": ["192.0.2.300"]}, "senders", "must be a host or a group of the inventory"),
        ({"out_of_order_time_window": "30 minutes"}, "out_of_order_time_window", "must be a duration"),
        ({"promote_resource_attributes": "service.version"}, "promote_resource_attributes", "must be a list of the names"),
        ({"promote_resource_attributes": ["a", ""]}, "promote_resource_attributes", "must be a list of the names"),
        ({"promote_resource_attributes": ["a", "a "]}, "promote_resource_attributes", "has an attribute twice"),
        ({"promote_scope_metadata": "yes"}, "promote_scope_metadata", "must be true or false"),
        ({"translation_strategy": "None"}, "translation_strategy", "must be one of Underscore"),
        ({"translation_strategy": ["NoTranslation"]}, "translation_strategy", "must be one of Underscore"),
        ({"ignore_resource_attributes": ["a"]}, "ignore_resource_attributes", "set promote_all_resource_attributes: true"),
        (
            {"promote_all_resource_attributes": True, "promote_resource_attributes": ["a"]},
            "promote_resource_attributes",
            "remove one of the two keys",
        ),
    ],
)
def test_a_wrong_value_is_one_line(tmp_path: Path, otlp: t.Any, field: str, remedy: str) -> None:
    """It names the server and the key."""
    (problem,) = build(tmp_path, otlp)[1]
    assert problem.startswith(f"host p, variable prometheus_otlp{'.' if field else ''}{field}, value ")
    assert remedy in problem


@pytest.mark.parametrize("otlp", [True, {"senders": ["nothing"], "promote_all_resource_attributes": True}])
def test_an_old_server_is_one_line(tmp_path: Path, otlp: t.Any) -> None:
    """However many keys it does not know; a server that is asked for by name only may have all."""
    (problem,) = build(tmp_path / "old", otlp, "2.53.3")[1]
    assert problem == (
        "host p, variable prometheus_otlp, value '…': p runs Prometheus 2.53.3, which does not have this option (since 3.0): "
        "remove the option, or set prometheus_version"
    )
    assert build(tmp_path / "latest", {"promote_scope_metadata": True}, "latest")[1] == []


@pytest.mark.parametrize("otlp", [False, None])
def test_without_a_receiver_nothing_is_rendered(tmp_path: Path, otlp: t.Any) -> None:
    """Nor validated: an old server is right."""
    model, problems = build(tmp_path, otlp, "2.42.0")
    assert problems == []
    assert not {"otlp", "storage"} & set(prometheus_config(model, "p"))


def test_senders_are_hosts_groups_addresses_and_networks(tmp_path: Path) -> None:
    """Those of the inventory by name."""
    model, problems = build(tmp_path, {"senders": ["web", "b", "192.0.2.7", "192.0.2.9/28", "2001:db8::/32"]})
    assert problems == []
    senders = model["servers"]["prometheus"]["p"]["otlp_senders"]
    assert senders == {"hosts": ["a", "b"], "networks": ["192.0.2.7", "192.0.2.0/28", "2001:db8::/32"]}
