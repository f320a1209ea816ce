# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a configuration tree has on disk, and what would change. Private to the collection.

On disk, below ``path``::

    .trees/<time>-<hash>/...   the files of one version of the configuration, and .secret, the list of the secret files
    .current                   link to the tree in force; changing this link switches the whole configuration
    <entry>                    link to .current/<entry>, for each file or directory at the top of the tree
    <watched>/...              directories whose files the service reads again without a reload; each file is replaced atomically

Root owns all directories. Their group, which is the group of the service, may read them. The record of a change that has not
finished is in another directory, see config_tree_undo.
"""

from __future__ import annotations

import json
import os
import stat
import typing as t

from ansible.module_utils.common.text.converters import to_text

from ansible_collections.vigie.monitoring.plugins.module_utils._common.redaction import redacted_diff
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import config_tree_undo, files
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import (
    FOREIGN,
    HIDDEN,
    File,
    Plan,
    parse_directory_mode,
    parse_files,
)

# The list of the secret files of a tree. No file of a configuration may have a name that starts with a dot.
SECRET_LIST = ".secret"  # noqa: S105 - a file name


class TreeState:
    """Compares the configuration tree that *options* describe (see TREE_SPEC) with the disk, and changes nothing."""

    def __init__(self, options: t.Mapping[str, t.Any]) -> None:
        """Read *options*."""
        self.path = str(options["path"]).rstrip("/")
        self.files = parse_files(options["files"], options["mode"])
        self.plan = Plan()
        self._watched = set(options["watched"])
        self._directory_mode = parse_directory_mode(options["directory_mode"])
        self._uid, self._gid = files.owner_ids(options["owner"], options["group"])
        secret = sorted(name for name, file in self.files.items() if file.secret)
        self._secret_list = File(json.dumps(secret).encode(), 0o600, secret=False)
        self._journal = config_tree_undo.Journal(self.path)

    def compare(self) -> Plan:
        """Return what has to change on disk, and remember it as ``plan``."""
        plan = Plan(unfinished=self._journal.exists())
        current = self._current_tree()
        plan.foreign = self._foreign_entries(is_first=current is None)
        plan.first = current is None and bool(self.files or plan.foreign)
        for name, file in self.files.items():
            if self._is_watched(name):
                if _top(name) in plan.foreign or not self._is_current(self._absolute(name), file):
                    plan.watched.append(name)
            elif not current or not self._is_current(self._absolute(".current", name), file) or not self._is_linked(_top(name)):
                plan.config.append(name)
        if current:
            plan.config += sorted(set(_files_below(self._absolute(".current"))) - {*self.files, SECRET_LIST})
            plan.secret_list = files.read(self._absolute(".current", SECRET_LIST)) != self._secret_list.content
            plan.directories = [path for path in self._directories(current) if not self._has_right_owner(path)]
        for directory in sorted(self._watched - set(plan.foreign)):
            plan.stale += sorted({f"{directory}/{name}" for name in _files_below(self._absolute(directory))} - set(self.files))
        plan.stale_links = sorted(set(self._linked_entries()) - self._entries())
        self.plan = plan
        return plan

    def diff(self) -> list[dict[str, str]]:
        """Return Ansible's diff of the plan, one item for each file, without the contents of secret files."""
        items = []
        written_by_us, secret = self._recorded_secrets()
        for directory in self.plan.foreign:
            kept = _files_below(self._absolute(directory))
            if kept:
                items.append(
                    {
                        "before_header": self._absolute(directory),
                        "after_header": f"{self._name_for_foreign(directory)} (kept)",
                        "before": "".join(f"{directory}/{name}\n" for name in sorted(kept)),
                        "after": "",
                    }
                )
        for name in sorted({*self.plan.config, *self.plan.watched, *self.plan.stale}):
            before, file = files.read(self._absolute(name)), self.files.get(name)
            after = file.content if file else b""
            if before == after:
                continue
            hidden = file is not None and file.secret
            header = self._absolute(name)
            if before is None:
                shown = b""
            elif hidden or name in secret:
                shown = HIDDEN.encode()
            else:
                shown = before if written_by_us else FOREIGN.encode()
            items.append(
                {
                    "before_header": header if before is not None else f"{header} (absent)",
                    "after_header": header if file is not None else f"{header} (removed)",
                    "before": to_text(shown, errors="replace"),
                    "after": HIDDEN + "(changed)\n" if hidden else to_text(after, errors="replace"),
                }
            )
        return [redacted_diff(item) for item in items]

    def present(self) -> bool:
        """Return whether a configuration of this module exists on disk."""
        return any(os.path.lexists(self._absolute(name)) for name in (".trees", ".current"))

    def _absolute(self, *parts: str) -> str:
        return os.path.join(self.path, *parts)

    def _is_watched(self, name: str) -> bool:
        return _top(name) in self._watched

    def _entries(self) -> set[str]:
        """Return the names at the top of the tree that are links to .current."""
        return {_top(name) for name in self.files if not self._is_watched(name)}

    def _linked_entries(self) -> list[str]:
        """Return the names at the top of the directory that are links to .current now."""
        return [name for name in files.names(self.path) if self._is_linked(name)]

    def _is_linked(self, entry: str) -> bool:
        return files.link_target(self._absolute(entry)) == f".current/{entry}"

    def _foreign_entries(self, *, is_first: bool) -> list[str]:
        """Return the names at the top of the tree that files or directories of somebody else have.

        :param is_first: whether the tree has never been in force. Until then, a watched directory with files is foreign.
        """
        foreign = [name for name in self._entries() if not self._is_linked(name)]
        if is_first:
            for name in self._watched:
                path = self._absolute(name)
                if not os.path.isdir(path) or os.path.islink(path) or _files_below(path):
                    foreign.append(name)
        return sorted({name for name in foreign if os.path.lexists(self._absolute(name))})

    def _name_for_foreign(self, entry: str) -> str:
        """Return the path at which the foreign *entry* is kept."""
        return files.free_name(self._absolute(entry))

    def _is_current(self, path: str, file: File) -> bool:
        return files.is_current(path, file.content, file.mode, self._uid, self._gid)

    def _current_tree(self) -> str | None:
        """Return the tree in force, or None, also if .current is a link to something else."""
        target = files.link_target(self._absolute(".current"))
        if target and config_tree_undo.TREE.fullmatch(target) and not os.path.islink(self._absolute(".trees")):
            return target
        return None

    def _recorded_secrets(self) -> tuple[bool, list[str]]:
        """Return whether this module wrote the files on disk, and the names of the secret files."""
        content = files.read(self._absolute(".current", SECRET_LIST)) if self._current_tree() else None
        try:
            return content is not None, [str(name) for name in json.loads(content or b"[]")]
        except ValueError:
            return False, []

    def _directories(self, current: str) -> list[str]:
        """Return the paths of the directories of the tree *current* and of the watched directories."""
        paths = [self.path, self._absolute(".trees")]
        for root in (self._absolute(current), *(self._absolute(name) for name in sorted(self._watched))):
            paths += [directory for directory, _directories, _names in os.walk(root)] or [root]
        return paths

    def _has_right_owner(self, path: str) -> bool:
        """Return whether *path* is a directory with the wanted owner, group and mode."""
        try:
            status = os.stat(path) if path == self.path else os.lstat(path)
        except OSError:
            return False
        owned = status.st_uid == os.geteuid() and self._gid in (-1, status.st_gid)
        return owned and status.st_mode == stat.S_IFDIR | self._directory_mode


def _top(name: str) -> str:
    """Return the first part of a path below the tree."""
    return name.split("/", 1)[0]


def _files_below(root: str) -> list[str]:
    """Return the paths of the files below *root*, relative to it, with the remains of interrupted writes."""
    paths = []
    for directory, _directories, names in os.walk(root):
        paths += [os.path.relpath(os.path.join(directory, name), root) for name in names]
    return paths
