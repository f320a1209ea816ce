# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees of configuration on disk, for tests."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import config_tree_undo
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree import Tree

OLD = {"main.yml": "old", "rules/a.yml": "old", "rules/b.yml": "old", "targets/x.json": "old"}


NEW = {"main.yml": "new", "rules/a.yml": "new", "targets/x.json": "new", "targets/y.json": "new"}


def run(argv: t.Sequence[str]) -> tuple[int, str, str]:
    """Run a command for real."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def tree(path: Path, files: t.Mapping[str, t.Any], **options: t.Any) -> Tree:
    """Return a tree at *path* that belongs to whoever runs the tests."""
    defaults: dict[str, t.Any] = {
        "path": str(path),
        "files": files,
        "watched": ["targets"],
        "validate": [],
        "owner": None,
        "group": None,
        "mode": "0640",
        "directory_mode": "0750",
    }
    return Tree({**defaults, **options}, run)


def put(path: Path, files: t.Mapping[str, t.Any], **options: t.Any) -> Tree:
    """Bring *files* into force as the module does."""
    wanted = tree(path, files, **options)
    if wanted.compare().unfinished:
        wanted.recover()
    if wanted.plan.changed:
        wanted.stage()
        wanted.validate({})
        wanted.switch()
        wanted.commit()
    return wanted


def pending(path: Path) -> bool:
    """Return whether a change of the tree at *path* has not finished."""
    return config_tree_undo.Journal(str(path)).exists()


def live(path: Path) -> dict[str, str]:
    """Return what a service that reads *path* sees."""
    found = {}
    for directory, directories, names in os.walk(path, followlinks=True):
        directories[:] = [name for name in directories if not name.startswith(".")]
        for name in names:
            file = Path(directory, name)
            if not name.startswith(".") and file.exists():
                found[str(file.relative_to(path))] = file.read_text()
    return found


def theirs(etc: Path) -> dict[str, str]:
    """Put files of somebody else's where the tree goes; return them."""
    found = {"main.yml": "theirs", "rules/theirs.yml": "theirs", "targets/a.json": "theirs", "targets/x.json": "theirs"}
    for name, text in found.items():
        (etc / name).parent.mkdir(parents=True, exist_ok=True)
        (etc / name).write_text(text)
    return found
