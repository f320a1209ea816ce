# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of playbooks of this tree, for tests on the controller and for scenarios."""

from __future__ import annotations

import os
import tempfile
import typing as t
from pathlib import Path

import ansible_runner

ROOT = Path(__file__).parents[1]
# The settings, the collections and the programs of this tree, whatever the machine has.
ENVIRONMENT = {
    "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
    "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
}


def run_playbook(
    playbook: Path,
    inventory: t.Sequence[Path],
    directory: Path,
    arguments: str = "",
    variables: t.Mapping[str, t.Any] | None = None,
) -> t.Any:
    """Run a playbook and return what ansible_runner has of the run.

    :param directory: a directory for files of the run, each run has its own below it. Otherwise the runner would give the
        variables of one run to the next.
    :param arguments: arguments of ansible-playbook.
    :param variables: extra variables.
    """
    return ansible_runner.run(
        private_data_dir=tempfile.mkdtemp(dir=directory),
        project_dir=str(ROOT),
        playbook=str(playbook),
        inventory=list(map(str, inventory)),
        cmdline=arguments,
        extravars=dict(variables or {}),
        envvars=ENVIRONMENT,
        quiet=True,
    )
