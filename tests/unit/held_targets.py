# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets that Prometheus servers have, as a run reads them before it changes anything."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import yaml

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import targets

ROLE = Path(__file__).parents[2] / "roles" / "prometheus"


def held(tmp_path: Path, model: dict[str, t.Any], *servers: str) -> list[dict[str, t.Any]]:
    """Return what reading the files of *servers* gives, by the command that the role has for it."""
    (task, *_rest) = yaml.safe_load((ROLE / "tasks" / "read_targets.yml").read_text())
    results = []
    for server in servers or ("p",):
        directory = tmp_path / server / "targets"
        directory.mkdir(parents=True, exist_ok=True)
        for job, text in targets.targets_files(model, server).items():
            (directory / f"{job}.json").write_text(text)
        command = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["__prometheus_read_targets"]
        assert task["ansible.builtin.shell"]["cmd"] == "{{ __prometheus_read_targets }}"
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path / server, capture_output=True, text=True, check=False)
        results.append({"__prometheus_server": server, "rc": done.returncode, "stdout": done.stdout})
    return results
