# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory in the README is valid, with all its other examples beside it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
# Any bcrypt hash.
HASH = "$2y$10$" + "a" * 53


def render(directory: Path, examples: t.Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Render the inventory of *examples*, one file each. Each secret of the vault has a value."""
    (directory / "orders.json").write_text("{}", encoding="utf-8")
    sources = []
    for number, example in enumerate(examples):
        path = directory / f"inventory{number}.yml"
        path.write_text(example, encoding="utf-8")
        sources += ["-i", str(path)]
    vault = {name: HASH if "hash" in name else "https://secret.example.com/" for name in re.findall(r"vault_\w+", str(examples))}
    command = [ROOT / ".venv/bin/ansible-playbook", "playbooks/render.yml", *sources]
    variables = json.dumps({**vault, "render_dir": str(directory / "rendered")})
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    return subprocess.run([*command, "-e", variables], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("count", [1, len(EXAMPLES)], ids=["the first inventory", "all examples"])
def test_the_examples_of_the_readme_are_valid(tmp_path: Path, count: int) -> None:
    """They render, and every host of the first inventory is a target."""
    done = render(tmp_path, EXAMPLES[:count])
    assert done.returncode == 0, done.stdout + done.stderr
    (directory,) = (tmp_path / "rendered").glob("*/targets")
    targets = json.loads((directory / "node.json").read_text(encoding="utf-8"))
    groups = yaml.safe_load(EXAMPLES[0])["all"]["children"]
    assert {target["labels"]["host"] for target in targets} == {*groups["web"]["hosts"], *groups["database"]["hosts"]}
    jobs = {path.stem for path in directory.iterdir()}
    assert ("probe_tls" in jobs) == (count > 1)
