# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces a whole configuration tree atomically. Private to the collection. See config_tree_state for the files on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import config_tree_undo, files
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import TreeError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_state import SECRET_LIST, TreeState
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import Run


class Tree(TreeState):
    """Changes the configuration tree on disk: `stage`, `validate` and `switch`, then `commit` or `roll_back`."""

    def __init__(self, options: t.Mapping[str, t.Any], run: Run) -> None:
        """Read *options*; nothing on disk is touched. *run* executes the validators."""
        super().__init__(options)
        self.verify = options.get("verify")
        self._validators = options["validate"]
        self._run = run
        # The directory of the staged tree, the name that the tree will have, and what `roll_back` needs.
        self._staged: str | None = None
        self._next_tree: str | None = None
        self._undo: dict[str, t.Any] | None = None

    def recover(self) -> None:
        """Roll back the change of a run that was killed. The plan still says that the change is unfinished.

        The caller must hold the lock of the tree, because the change may belong to a run that is still active.

        :raises TreeError: if the rollback is incomplete.
        """
        undo = self._journal.read()
        if undo is not None:
            try:
                config_tree_undo.roll_back({**undo, "path": self.path})
            except OSError as error:
                raise TreeError(f"An earlier run was interrupted. {files.incomplete_rollback(error, self.path)}.") from error
            self._journal.remove()
            self.compare()
            self.plan.unfinished = True
        for directory in ("", ".trees"):
            for name in files.names(self._absolute(directory)):
                if name.startswith(".staged-") or (name.startswith(".") and name.endswith(".part")):
                    files.remove(self._absolute(directory, name))

    def stage(self, *, dry: bool = False) -> None:
        """Write the whole tree beside the tree in force, or, with *dry*, into a temporary directory of the system."""
        if dry:
            self._staged = tempfile.mkdtemp(prefix="vigie-tree-")
        else:
            files.make_directory(self.path, self._directory_mode)
            self._set_owner(self.path)
            self._make_directory(self._absolute(".trees"))
            self._staged = tempfile.mkdtemp(prefix=".staged-", dir=self._absolute(".trees"))
        self._set_owner(self._staged)
        try:
            for directory in sorted(self._watched):
                self._make_parents(self._staged, f"{directory}/")
            for name, file in self.files.items():
                self._make_parents(self._staged, name)
                files.write(os.path.join(self._staged, name), file.content, file.mode, self._uid, self._gid)
            files.write(os.path.join(self._staged, SECRET_LIST), self._secret_list.content, self._secret_list.mode)
        except BaseException:
            self.discard()
            raise

    def validate(self, substitutions: t.Mapping[str, str], *, missing_ok: bool = False) -> bool:
        """Run the validators on the staged tree; return whether they ran.

        :param substitutions: values for placeholders other than ``{tree}``, for example for ``{release}``.
        :param missing_ok: skip the validation if a validator is not installed yet (check mode on a fresh host).
        :raises TreeError: with the output of the validator, in which the paths are those of the tree in force.
        """
        staged = self._staged_tree()
        for argv in self._validators:
            command = [str(part) for part in argv]
            for key, value in {**substitutions, "tree": staged}.items():
                command = [part.replace("{" + key + "}", value) for part in command]
            if not os.access(command[0], os.X_OK):
                if missing_ok:
                    return False
                raise TreeError(
                    f"The configuration of {self.path} cannot be validated: {command[0]} is not installed on this host. "
                    "Deploy the service that installs this program first."
                )
            code, out, err = self._run(command)
            if code:
                output = "\n".join(text.strip() for text in (out, err) if text.strip()).replace(staged, self.path)
                raise TreeError(f"{os.path.basename(command[0])} rejects the configuration of {self.path}:\n{output}")
        return True

    def snapshot(self) -> dict[str, t.Any]:
        """Return what `config_tree_undo.roll_back` needs, as plain JSON: the state of everything that is about to change."""
        # A foreign entry is renamed back as a whole.
        watched = [name for name in (*self.plan.watched, *self.plan.stale) if name.split("/", 1)[0] not in self.plan.foreign]
        current = self._current_tree()
        return {
            "path": self.path,
            "current": current,
            "becomes": self._next_tree_name() if self.plan.switch else current,
            "links": sorted(self._linked_entries()),
            "asides": {name: self._name_for_foreign(name) for name in self.plan.foreign},
            "watched": {name: config_tree_undo.encode(files.read(self._absolute(name))) for name in watched},
            "modes": {name: config_tree_undo.mode_and_owner(self._absolute(name)) for name in watched},
        }

    def switch(self) -> None:
        """Put the staged tree in force."""
        staged = self._staged_tree()
        self._undo = self.snapshot()
        self._journal.write(self._undo)
        for directory in self._watched.intersection(self.plan.foreign):
            os.rename(self._absolute(directory), self._undo["asides"][directory])
        for name in self.plan.watched:
            self._make_parents(self.path, name)
            files.write(self._absolute(name), self.files[name].content, self.files[name].mode, self._uid, self._gid)
        if not self.plan.switch:
            self.discard()
            return
        for directory in self._watched:
            self._make_directory(self._absolute(directory))
            files.remove(os.path.join(staged, directory))
        tree = self._next_tree_name()
        os.rename(staged, self._absolute(tree))
        self._staged = None
        # A new link dangles until .current changes, which is harmless. A foreign file is replaced only after the switch.
        foreign = self._entries().intersection(self.plan.foreign)
        for entry in sorted(self._entries() - foreign):
            files.link(f".current/{entry}", self._absolute(entry))
        files.link(tree, self._absolute(".current"))
        for entry in sorted(foreign):
            os.rename(self._absolute(entry), self._undo["asides"][entry])
            files.link(f".current/{entry}", self._absolute(entry))

    def roll_back(self) -> None:
        """Restore what `switch` replaced."""
        if self._undo is not None:
            config_tree_undo.roll_back(self._undo)
            self._journal.remove()
            self._undo = None
        self.discard()

    def commit(self) -> None:
        """Make the switch final: remove stale files, and all trees except the current and the previous one."""
        for name in self.plan.stale:
            files.remove(self._absolute(name))
        for entry in self.plan.stale_links:
            files.remove(self._absolute(entry))
        previous = (self._undo or {}).get("current")
        current = self._current_tree()
        if self.plan.switch:
            for name in files.names(self._absolute(".trees")):
                if f".trees/{name}" not in (previous, current):
                    files.remove(self._absolute(".trees", name))
        self._journal.remove()
        self._undo = None

    def discard(self) -> None:
        """Remove the staged tree, if one exists."""
        if self._staged is not None:
            files.remove(self._staged)
            self._staged = None

    def remove(self) -> None:
        """Remove the configuration, and the directory itself if it is empty then."""
        for entry in self._linked_entries():
            files.remove(self._absolute(entry))
        # A watched directory belongs to the tree only if the tree has been in force.
        watched = sorted(self._watched) if self._current_tree() else []
        for name in (*watched, ".current", ".trees"):
            files.remove(self._absolute(name))
        self._journal.remove()
        files.remove_if_empty(self.path)

    def _staged_tree(self) -> str:
        if self._staged is None:
            raise AssertionError("no tree is staged: call stage() first")
        return self._staged

    def _next_tree_name(self) -> str:
        """Return the name that the staged tree gets."""
        if self._next_tree is None:
            digest = hashlib.sha256()
            for name, file in self.files.items():
                digest.update(f"{name}\0{file.mode}\0{len(file.content)}\0".encode() + file.content)
            now = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
            self._next_tree = f".trees/{now}-{digest.hexdigest()[:8]}-{(self._staged or '')[-4:]}"
        return self._next_tree

    def _set_owner(self, path: str) -> None:
        """Set the wanted owner, group and mode of the directory *path*."""
        files.chown(path, os.geteuid(), self._gid)
        os.chmod(path, self._directory_mode)

    def _make_directory(self, path: str) -> None:
        """Make *path* a directory of the tree. A symbolic link there is removed, because root must not write through it."""
        if os.path.islink(path):
            os.unlink(path)
        if not os.path.isdir(path):
            os.mkdir(path)
        self._set_owner(path)

    def _make_parents(self, root: str, name: str) -> None:
        path = root
        for part in name.split("/")[:-1]:
            path = os.path.join(path, part)
            if os.path.islink(path) or not os.path.isdir(path):
                self._make_directory(path)
