# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action that carries wheels of Python from the controller to hosts that need them. Private to the collection."""

from __future__ import annotations

import tempfile
import typing as t
from pathlib import Path

from ansible_collections.vigie.monitoring.plugins.plugin_utils._deployment import wheels
from ansible_collections.vigie.monitoring.plugins.plugin_utils._deployment.waiting_action import WaitingAction


class CarryingAction(WaitingAction):
    """Calls the module; if the module answers that it needs wheels, copies the wheels and calls the module again."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the result of the last call of the module."""
        result = super().run(tmp, task_vars)
        tags = result.pop("wanted_wheels", None)
        if not tags or result.get("failed"):
            return result
        arguments = self._task.args
        python = arguments["python"]
        try:
            chosen = wheels.choose(Path(python["wheels"]).expanduser(), python["requirements"], tags)
        except wheels.WheelError as error:
            return {**result, "failed": True, "msg": f"{arguments['name']}: {error}"}
        if self._task.check_mode:
            return result
        path = self._copy(chosen)
        self._task.args = {**arguments, "archive": path}
        try:
            return super().run(tmp, task_vars)
        finally:
            self._task.args = arguments
            self._remove_tmp_path(str(Path(path).parent), force=True)

    def _copy(self, chosen: t.Iterable[Path]) -> str:
        """Copy the wheels *chosen* to the host as one archive; return the path of the archive."""
        directory = self._make_tmp_path()
        # Each call of a module removes this directory, unless the connection no longer knows the directory.
        self._connection._shell.tmpdir = None  # noqa: SLF001 - the interface of Ansible for temporary directories
        path = self._connection._shell.join_path(directory, "wheels.tar")  # noqa: SLF001
        with tempfile.NamedTemporaryFile() as archive:
            wheels.pack(chosen, archive)
            archive.flush()
            self._transfer_file(archive.name, path)
        self._fixup_perms2((directory, path), execute=False)
        return str(path)
