# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules as they run on a host: each in a process of its own, with its options as Ansible gives them."""

from __future__ import annotations

import json
import os
import sys
import traceback
import typing as t
from pathlib import Path

from ansible.module_utils.testing import patch_module_args


class Started:
    """A module that runs."""

    def __init__(self, module: t.Any, options: dict[str, t.Any], *, umask: int = 0o022, check: bool = False) -> None:
        """Start the process."""
        reader, writer = os.pipe()
        self._reader = reader
        self._pid = os.fork()
        if self._pid == 0:
            os.dup2(writer, 1)
            sys.stdout = os.fdopen(1, "w")
            os.umask(umask)
            try:
                with patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": True}):
                    module.main()
            except SystemExit:
                sys.stdout.flush()
            except BaseException:  # noqa: BLE001 - as a crash shows to Ansible
                print(traceback.format_exc())
                sys.stdout.flush()
            os._exit(0)
        os.close(writer)

    def text(self) -> str:
        """Return all that the module printed."""
        with os.fdopen(self._reader) as stream:
            text = stream.read()
        os.waitpid(self._pid, 0)
        return text

    def result(self) -> dict[str, t.Any]:
        """Return the module's result."""
        text = self.text()
        try:
            return dict(json.loads(text))
        except ValueError as error:
            raise AssertionError(text) from error


def tree_options(path: Path, **files: str) -> dict[str, t.Any]:
    """Return the options of config_tree."""
    named = {name.replace("_", "."): text for name, text in files.items()}
    owned = {"owner": None, "group": None} if os.geteuid() else {}
    return {"path": str(path), "files": named, "watched": ["targets"], **owned}


def service_options(host: Path, **config: t.Any) -> dict[str, t.Any]:
    """Return the options of release, for a program that comes with a package."""
    file = {"path": str(host / "etc/vigie/x/web.yml"), "content": "x"}
    return {
        "name": "prog", "version": "", "url": "", "unit": "", "root": str(host / "opt/vigie"), "files": [file],
        "probe": {"settle": 0}, "config": config or None,
    }  # fmt: skip
