# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Site does not read an exporter's role whose group the inventory does not have, and deploys each role that a host has."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from inventories import write
from playbook_runs import ROOT
from site_runs import Run

DEPLOY = "Deploy the release, its unit and its configuration"
FLEET: dict[str, dict[str, dict[str, t.Any]]] = {
    "node_exporter": {"web1": {}},
    "proxies": {"web1": {}, "proxy1": {}},
    "prometheus": {"mon": {}},
}
Site = t.Callable[..., Run]


def test_an_exporter_whose_group_the_inventory_does_not_have(site: Site) -> None:
    """Has a play without tasks."""
    run = site(FLEET, "--check -v")
    assert (run.rc, run.failed) == (0, {}), run.output
    assert sorted(run.tasks[DEPLOY]) == ["mon", "web1"], run.output
    assert "PLAY [Deploy process_exporter]" in run.output


@pytest.mark.parametrize(
    ("arguments", "deployed"),
    [
        ("", ["mon", "proxy1", "web1", "web1"]),
        ("--tags process_exporter", ["proxy1", "web1"]),
        ("--tags process_exporter --limit web1", ["web1"]),
        ("--tags node_exporter", ["web1"]),
        ("--skip-tags process_exporter", ["mon", "web1"]),
    ],
)
def test_an_exporter_whose_group_has_another_name(site: Site, tmp_path: Path, arguments: str, deployed: list[str]) -> None:
    """Is deployed, with the tags of a role whose group has the usual name."""
    write(tmp_path, {"group_vars/all.yml": {"monitoring_groups": {"process_exporter": "proxies"}}})
    run = site(FLEET, f"--check {arguments}")
    assert (run.rc, run.failed) == (0, {}), run.output
    assert sorted(run.tasks[DEPLOY]) == deployed, run.output


def test_an_exporter_whose_group_a_play_before_site_creates(site: Site, tmp_path: Path) -> None:
    """Is deployed to the hosts of the group."""
    grouped = {"name": "Group", "ansible.builtin.group_by": {"key": "process_exporter"}}
    plays = [
        {"hosts": "proxies", "gather_facts": False, "tasks": [grouped]},
        {"import_playbook": str(ROOT / "playbooks/site.yml")},
    ]
    write(tmp_path, {"mine.yml": plays})
    run = site(FLEET, "--check", tmp_path / "mine.yml")
    assert (run.rc, run.failed) == (0, {}), run.output
    assert sorted(run.tasks[DEPLOY]) == ["mon", "proxy1", "web1", "web1"], run.output
