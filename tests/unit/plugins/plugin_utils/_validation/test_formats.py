# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types, durations and sizes that the programs would not understand."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts, specification
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation import formats

ROLES = ("prometheus", "alertmanager", "grafana", "blackbox_exporter")
FILES: dict[str, t.Any] = {
    "hosts.yml": {
        "all": {"children": {role: {"hosts": {"m": None}} for role in ROLES}, "vars": {"grafana_admin_password": "secret"}},
    }
}


def problems_of(path: Path, **variables: t.Any) -> list[str]:
    """Return the mistakes of an inventory whose servers have *variables*."""
    return Made(path, {**FILES, "host_vars/m.yml": variables}).build(contracts())[1]


RIGHT: dict[str, list[t.Any]] = {
    "prometheus_max_lost_targets": ["20%", 0, "7"],
    "prometheus_retention_time": ["30d", "1y2w3d4h5m6s7ms", "0", 0, "0s", "90m", "1y"],
    "prometheus_retention_size": ["", "50GB", "512MB", "1.5TiB", "1GB512MB", "0", ".5GB", "100B"],
    "prometheus_evaluation_interval": ["500ms", "1m", "1m30s"],
    "alertmanager_retention": ["120h", "1.5h", "1h30m", "0", "100ms"],
    "alertmanager_group_wait": ["0s", "30s", "0"],
    "alertmanager_repeat_interval": ["4h", "1d"],
    "blackbox_exporter_modules": [{"x": {"prober": "icmp", "timeout": "2.5s"}}, {"x": {"prober": "icmp"}}],
}
WRONG: dict[str, list[t.Any]] = {
    "prometheus_max_lost_targets": ["many", "-1", "20 %%"],
    "prometheus_retention_time": ["30 days", "30", 30, "30D", "1.5d", "-1d", "5m1h", "", "month", ["30d"]],
    "prometheus_retention_size": ["50 GB", "50G", "50gb", "50kB", "50", "1GiB512MB", "-1GB", "half"],
    "prometheus_scrape_interval": ["0s", "15", 15, "15sec", "1h 30m"],
    "prometheus_scrape_timeout": ["10 s", "0"],
    "prometheus_evaluation_interval": ["0", "daily"],
    "alertmanager_retention": ["5d", "120", "1 h", "1w"],
    "alertmanager_group_wait": ["soon", 30],
    "alertmanager_group_interval": ["0s", "5min"],
    "alertmanager_repeat_interval": ["0", "4 h"],
    "alertmanager_contacts": [["ops"], "ops", 5],
    "alertmanager_routes": [{"match": {}}, "ops"],
    "alertmanager_group_by": ["alertname"],
    "alertmanager_smtp": ["mail.example.com:25"],
    "alertmanager_cluster_port": ["many", 1.5],
    "prometheus_extra_config": [[], "x"],
    "prometheus_extra_rules": [{}, "x"],
    "prometheus_external_labels": ["dc1", ["dc1"]],
    "prometheus_probe_timeout": ["5m"],
    "prometheus_verify_timeout": ["one"],
    "grafana_config": [["x"], "x"],
    "grafana_extra_datasources": [{}],
    "grafana_probe_timeout": ["2m"],
}


@pytest.mark.parametrize(("variable", "value"), [(variable, value) for variable, values in RIGHT.items() for value in values])
def test_what_the_programs_understand(tmp_path: Path, variable: str, value: t.Any) -> None:
    """Their own grammar, and no other."""
    assert problems_of(tmp_path, **{variable: value}) == []


@pytest.mark.parametrize(("variable", "value"), [(variable, value) for variable, values in WRONG.items() for value in values])
def test_what_they_do_not(tmp_path: Path, variable: str, value: t.Any) -> None:
    """One mistake, that names variable and value."""
    (problem,) = problems_of(tmp_path, **{variable: value})
    assert problem.startswith(f"host m, variable {variable}, value {value!r}: must ")


def test_other_mistakes(tmp_path: Path) -> None:
    """Items of lists, a scrape that takes longer than its interval, modules of blackbox_exporter."""
    found = problems_of(
        tmp_path,
        prometheus_extra_scrape_configs=["x"],
        prometheus_scrape_interval="10s",
        prometheus_scrape_timeout="11s",
        blackbox_exporter_modules={"x": {"prober": "icmp", "timeout": "1d"}},
    )
    assert sorted(re.split(", variable |, value ", problem)[1] for problem in found) == [
        "blackbox_exporter_modules.x.timeout",
        "prometheus_extra_scrape_configs[0]",
        "prometheus_scrape_timeout",
    ]


def test_nulls_are_empty(tmp_path: Path) -> None:
    """A dictionary or a list whose last entry was taken out."""
    nulls = (
        "alertmanager_contacts",
        "alertmanager_routes",
        "prometheus_extra_config",
        "prometheus_extra_rules",
        "grafana_config",
    )
    assert problems_of(tmp_path, **dict.fromkeys(nulls)) == []


def test_every_duration_size_and_limit_is_checked() -> None:
    """Of the roles that serve the fleet, by the names of their variables."""
    like = re.compile(r"_(interval|timeout|wait|retention|size|time|period|duration|max)(_|$)")
    texts = {
        name for role in ROLES for name, option in specification(role).items() if option["type"] == "str" and like.search(name)
    }
    assert texts == set(formats.FORMATS)
