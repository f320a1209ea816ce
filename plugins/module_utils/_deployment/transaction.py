# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A transaction of changes to files and links, with a rollback of all changes. Private to the collection."""

from __future__ import annotations

import base64
import json
import os
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import config_tree_undo, files


class Transaction:
    """Keeps a journal of the former state of everything that changes.

    The journal is written before the first change. If a run is killed, the next run finds the journal and rolls back first.
    """

    def __init__(self, journal: str) -> None:
        """Use the file *journal*, which only root may read, because it can contain secrets."""
        self._journal = journal
        self._asides: dict[str, str] = {}

    def unfinished(self) -> bool:
        """Return whether an earlier run was killed during a change."""
        return os.path.exists(self._journal)

    def begin(
        self, paths: t.Iterable[str], tree: t.Mapping[str, t.Any] | None = None, may_be_foreign: t.Container[str] = ()
    ) -> None:
        """Record the current state of *paths*.

        :param tree: `Tree.snapshot` of a configuration that changes in the same transaction.
        :param may_be_foreign: the paths at which somebody else can have a large file. `set_aside` renames such a file, so that
            the journal does not need its content.
        """
        paths = list(paths)
        self._asides = {path: files.free_name(path) for path in paths if path in may_be_foreign and _is_foreign(path)}
        saved = {path: {"aside": self._asides[path]} if path in self._asides else _state(path) for path in paths}
        record = {"paths": saved, "tree": tree}
        files.write(self._journal, json.dumps(record).encode(), 0o600)

    def set_aside(self, path: str) -> None:
        """Rename the file *path* if it belongs to somebody else."""
        if path in self._asides and _is_foreign(path):
            os.rename(path, self._asides[path])

    def roll_back(self) -> None:
        """Restore the state that `begin` recorded.

        An error does not stop the restoration of other paths. The journal stays then, so that the next run tries again.

        :raises OSError: the first error.
        """
        record = json.loads(files.read(self._journal) or b"{}")
        errors = []
        for path, saved in record.get("paths", {}).items():
            try:
                _restore(path, saved)
            except OSError as error:  # noqa: PERF203 - there are few
                errors.append(error)
        if record.get("tree"):
            config_tree_undo.roll_back(record["tree"])
        if errors:
            raise errors[0]
        files.remove(self._journal)

    def commit(self) -> None:
        """Make the changes final."""
        files.remove(self._journal)


def _is_foreign(path: str) -> bool:
    """Return whether *path* belongs to somebody else: this collection writes links there, not files."""
    return os.path.isfile(path) and not os.path.islink(path)


def _state(path: str) -> dict[str, t.Any] | None:
    """Return what `_restore` needs to restore *path*; None if *path* does not exist."""
    target = files.link_target(path)
    if target is not None:
        return {"target": target}
    content = files.read(path)
    if content is None:
        return None
    status = os.stat(path)
    return {
        "content": base64.b64encode(content).decode(),
        "mode": status.st_mode & 0o7777,
        "uid": status.st_uid,
        "gid": status.st_gid,
    }


def _restore(path: str, saved: t.Mapping[str, t.Any] | None) -> None:
    if saved is None:
        files.remove(path)
    elif "aside" in saved:
        # If the new name exists, it is the renamed file, because the name was unused before. Otherwise the file was not renamed.
        if os.path.lexists(saved["aside"]):
            os.replace(saved["aside"], path)
    elif "target" in saved:
        if files.link_target(path) != saved["target"]:
            files.link(saved["target"], path)
    else:
        files.write(path, base64.b64decode(saved["content"]), saved["mode"], saved["uid"], saved["gid"])
