# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records the former state of a configuration tree, and restores it. Private to the collection."""

from __future__ import annotations

import base64
import json
import os
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files, locks
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import TreeError

TREE = re.compile(r"\.trees/[^/]+")


class Journal:
    """The record of a change that has not finished. If a run is killed, the record stays, and the next run rolls back."""

    def __init__(self, path: str) -> None:
        """Use the record for the tree at *path*; nothing on disk is touched.

        The record is not in the directory of the tree, because anybody who can change the record decides what root writes.
        """
        self._root = path
        self._path = os.path.join(files.STATE, f"{locks.file_name(locks.tree(path))}.json")

    def exists(self) -> bool:
        """Return whether a change of the tree has not finished."""
        return os.path.lexists(self._path)

    def write(self, undo: t.Mapping[str, t.Any]) -> None:
        """Record *undo*, the former state, before anything changes.

        :raises UnsafePathError: if another user could change the record.
        """
        files.private_directory(files.STATE)
        files.write(self._path, json.dumps(undo).encode(), 0o600)

    def read(self) -> dict[str, t.Any] | None:
        """Return the record, or None if no record exists.

        :raises TreeError: if `write` cannot have written the record.
        :raises UnsafePathError: if another user could have written the record.
        """
        if not self.exists():
            return None
        files.private_directory(files.STATE)
        try:
            undo = json.loads(files.read(self._path) or b"")
            _check(undo, self._root)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TreeError(
                f"{self._path}, the record of an interrupted change, is damaged ({error}). Nothing has changed. "
                f"Check that the configuration in {self._root} is the one that you want, remove the record, and run again."
            ) from error
        return undo

    def remove(self) -> None:
        """Remove the record, because the change has finished or was rolled back."""
        files.remove(self._path)


def _check(undo: t.Mapping[str, t.Any], root: str) -> None:
    """Reject a record with paths outside the tree at *root*.

    :raises ValueError: with the path.
    """
    for name in undo["watched"]:
        if os.path.isabs(name) or os.path.normpath(name) != name or name.startswith(".."):
            raise ValueError(f"{name!r} is not below the configuration tree")
    for name in (*undo["links"], *undo["asides"], *map(os.path.basename, undo["asides"].values())):
        if "/" in name or name in ("", ".", ".."):
            raise ValueError(f"{name!r} is not at the top of the configuration tree")
    for kept in undo["asides"].values():
        if os.path.realpath(os.path.dirname(kept)) != os.path.realpath(root):
            raise ValueError(f"{kept!r} is not at the top of the configuration tree")
    for tree in (undo["current"], undo["becomes"]):
        if tree is not None and not TREE.fullmatch(tree):
            raise ValueError(f"{tree!r} is not a directory in .trees")


def roll_back(undo: t.Mapping[str, t.Any]) -> None:
    """Restore the state that `Tree.snapshot` returned, unless a later run has changed the tree again."""
    root = undo["path"]
    current = os.path.join(root, ".current")
    replaced = files.link_target(current)
    # This collection did not create a link to anything but a tree.
    replaced = replaced if replaced and TREE.fullmatch(replaced) else None
    if replaced not in (None, undo["current"], undo["becomes"]):
        return
    for entry, kept in undo["asides"].items():
        if os.path.lexists(kept):
            files.remove(os.path.join(root, entry))
            os.rename(kept, os.path.join(root, entry))
    for name, content in undo["watched"].items():
        _restore_file(os.path.join(root, name), content, undo["modes"][name])
    if undo["current"] is not None:
        files.link(undo["current"], current)
    else:
        files.remove(current)
    for name in files.names(root):
        path = os.path.join(root, name)
        if files.link_target(path) == f".current/{name}" and name not in undo["links"]:
            files.remove(path)
    if replaced is not None and replaced != undo["current"]:
        files.remove(os.path.join(root, replaced))
    if undo["current"] is None:
        files.remove_if_empty(os.path.join(root, ".trees"))


def _restore_file(path: str, content: str | None, owned: tuple[int, int, int] | None) -> None:
    """Restore the file *path*: remove it, or write its former content, mode, owner and group."""
    if content is None or owned is None:
        files.remove(path)
    else:
        files.write(path, base64.b64decode(content), *owned)


def encode(content: bytes | None) -> str | None:
    """Return *content* in the form of the record."""
    return None if content is None else base64.b64encode(content).decode()


def mode_and_owner(path: str) -> tuple[int, int, int] | None:
    """Return mode, user and group of *path*; None if *path* does not exist."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mode & 0o7777, status.st_uid, status.st_gid
