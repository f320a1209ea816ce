# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to files and links that are put back together. Private to the collection."""

from __future__ import annotations

import base64
import json
import os
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import config_tree_undo, files

ASIDE = ".before-vigie"


class Transaction:
    """A journal of what is about to change, written before it does.

    A run that is killed in the middle leaves the journal; the next run finds it and puts everything back first.
    """

    def __init__(self, journal: str) -> None:
        """Use the file *journal*, which only root may read: what it keeps may be secret."""
        self._journal = journal
        self._asides: dict[str, str] = {}

    def unfinished(self) -> bool:
        """Return whether a run was killed in the middle."""
        return os.path.exists(self._journal)

    def begin(self, paths: t.Iterable[str], tree: t.Mapping[str, t.Any] | None = None, asides: t.Container[str] = ()) -> None:
        """Note what *paths* are now.

        :param tree: `Tree.snapshot` of a configuration that changes along with them.
        :param asides: those of *paths* where a file of somebody else's may be large: `set_aside` renames it.
        """
        paths = list(paths)
        self._asides = {path: _free_name(path) for path in paths if path in asides and _is_foreign(path)}
        saved = {path: {"aside": self._asides[path]} if path in self._asides else _save(path) for path in paths}
        record = {"paths": saved, "tree": tree}
        files.write(self._journal, json.dumps(record).encode(), 0o600)

    def set_aside(self, path: str) -> None:
        """Rename the file *path*, which is not ours, so that it is neither in the way nor lost."""
        if path in self._asides and _is_foreign(path):
            os.rename(path, self._asides[path])

    def roll_back(self) -> None:
        """Put everything back to what `begin` noted; what cannot be keeps nothing else from it, nor the next run from trying.

        :raises OSError: the first that could not be.
        """
        record = json.loads(files.read(self._journal) or b"{}")
        errors = []
        for path, saved in record.get("paths", {}).items():
            try:
                _restore(path, saved)
            except OSError as error:  # noqa: PERF203 - there are few
                errors.append(error)
        if record.get("tree"):
            config_tree_undo.put_back(record["tree"])
        if errors:
            raise errors[0]
        files.remove(self._journal)

    def commit(self) -> None:
        """Make the changes final."""
        files.remove(self._journal)


def _is_foreign(path: str) -> bool:
    """Return whether *path* is a file itself, where ours is a link."""
    return os.path.isfile(path) and not os.path.islink(path)


def _free_name(path: str) -> str:
    """Return a path beside *path* that nothing has: an older copy may have the first one."""
    kept, number = path + ASIDE, 1
    while os.path.lexists(kept):
        number += 1
        kept = f"{path}{ASIDE}-{number}"
    return kept


def _save(path: str) -> dict[str, t.Any] | None:
    target = files.link_target(path)
    if target is not None:
        return {"target": target}
    content = files.read(path)
    if content is None:
        return None
    found = os.stat(path)
    return {
        "content": base64.b64encode(content).decode(),
        "mode": found.st_mode & 0o7777,
        "uid": found.st_uid,
        "gid": found.st_gid,
    }


def _restore(path: str, saved: t.Mapping[str, t.Any] | None) -> None:
    if saved is None:
        files.remove(path)
    elif "aside" in saved:
        # The name was free: what has it now is the file that was renamed. Where nothing has it, the file is still at its place.
        if os.path.lexists(saved["aside"]):
            os.replace(saved["aside"], path)
    elif "target" in saved:
        if files.link_target(path) != saved["target"]:
            files.link(saved["target"], path)
    else:
        files.write(path, base64.b64decode(saved["content"]), saved["mode"], saved["uid"], saved["gid"])
