# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of playbooks share."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from playbook_runs import ROOT, run_playbook
from site_runs import Run


@pytest.fixture
def site(tmp_path: Path) -> t.Callable[..., Run]:
    """Return a function that runs site.yml for a fleet."""

    def run(
        fleet: dict[str, dict[str, dict[str, t.Any]]],
        arguments: str = "--check",
        playbook: Path = ROOT / "playbooks/site.yml",
        **variables: t.Any,
    ) -> Run:
        always = {
            "ansible_connection": "local",
            "ansible_become": False,
            "monitoring_address": "{{ inventory_hostname }}.example.com",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "prometheus_verify_timeout": 1,
        }
        groups = {group: {"hosts": hosts} for group, hosts in fleet.items()}
        inventory = tmp_path / "hosts.yml"
        inventory.write_text(yaml.safe_dump({"all": {"vars": always, "children": groups}}))
        runner = run_playbook(playbook, [inventory], tmp_path, arguments, variables)
        tasks: dict[str, list[str]] = {}
        summary: list[str] = []
        for event in runner.events:
            if event["event"] in ("runner_on_ok", "runner_on_failed", "runner_on_unreachable"):
                data = event["event_data"]
                tasks.setdefault(data["task"], []).append(data["host"])
                if data["task"] == "List every host that has failed":
                    summary = data["res"]["msg"]
        stats = runner.stats
        failed = {host: stats["failures"].get(host, 0) + stats["dark"].get(host, 0) for host in stats["processed"]}
        return Run(runner.rc, runner.stdout.read(), tasks, {host: count for host, count in failed.items() if count}, summary)

    return run
