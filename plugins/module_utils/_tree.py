# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory of configuration that changes as a whole. Private to the collection.

On disk, below ``path``::

    .trees/<time>-<hash>/...   the files of one state of the configuration
    .current                   link to the tree in force: changing it is the one step that changes the configuration
    <entry>                    link to .current/<entry>, for each file or directory at the top of the tree
    <watched>/...              directories whose files the service picks up by itself: written one by one, each in one step
    .pending                   what a run that has not finished would have to put back
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
import time
import typing as t

from ansible.module_utils.common.text.converters import to_text

from ansible_collections.vigie.monitoring.plugins.module_utils import _files
from ansible_collections.vigie.monitoring.plugins.module_utils._service import Run
from ansible_collections.vigie.monitoring.plugins.module_utils._tree_spec import (
    HIDDEN,
    File,
    Plan,
    TreeError,
    parse_files,
    parse_mode,
)


class Tree:
    """The tree that *options* (the options of _tree_spec) ask for, and what is on disk in its place."""

    def __init__(self, options: t.Mapping[str, t.Any], run: Run) -> None:
        """Read *options*; nothing on disk is touched. *run* executes the validators."""
        self.path = str(options["path"]).rstrip("/")
        self.files = parse_files(options["files"], options["mode"])
        self._watched = set(options["watched"])
        self._validate = options["validate"]
        self.verify = options.get("verify")
        self._directory_mode = parse_mode(options["directory_mode"])
        self._uid, self._gid = _files.owner_ids(options["owner"], options["group"])
        self._run = run
        self._staged: str | None = None
        self._undo: dict[str, t.Any] | None = None
        self.plan = Plan()

    # -- looking ----------------------------------------------------------------------------------------------------

    def look(self) -> Plan:
        """Compare the tree with the disk, without touching it."""
        plan = Plan(unfinished=os.path.exists(self._at(".pending")))
        current = _files.link_target(self._at(".current"))
        plan.aside = self._of_others(is_first=current is None)
        plan.first = current is None and bool(self.files or plan.aside)
        for name, file in self.files.items():
            if self._is_watched(name):
                if _top(name) in plan.aside or not self._same(self._at(name), file):
                    plan.watched.append(name)
            elif not current or not self._same(self._at(".current", name), file) or not self._linked(name):
                plan.config.append(name)
        if current:
            plan.config += sorted(set(_walk(self._at(".current"))) - set(self.files))
        for directory in sorted(self._watched - set(plan.aside)):
            plan.stale += sorted({f"{directory}/{name}" for name in _walk(self._at(directory))} - set(self.files))
        plan.stale_links = sorted(set(self._entry_links()) - self._entries())
        self.plan = plan
        return plan

    def diff(self) -> list[dict[str, str]]:
        """Return Ansible's diff of the plan, one item a file; what is secret stays so."""
        items = []
        for directory in self.plan.aside:
            kept = _walk(self._at(directory))
            if kept:
                items.append(
                    {
                        "before_header": self._at(directory),
                        "after_header": f"{self._free_name(directory)} (kept)",
                        "before": "".join(f"{directory}/{name}\n" for name in sorted(kept)),
                        "after": "",
                    }
                )
        for name in sorted({*self.plan.config, *self.plan.watched, *self.plan.stale}):
            before, file = _files.read(self._at(name)), self.files.get(name)
            after = file.content if file else b""
            if before == after:
                continue
            secret = file is not None and file.secret
            header = self._at(name)
            items.append(
                {
                    "before_header": header if before is not None else f"{header} (absent)",
                    "after_header": header if file is not None else f"{header} (removed)",
                    "before": HIDDEN if secret and before else to_text(before or b"", errors="replace"),
                    "after": HIDDEN + "(changed)\n" if secret else to_text(after, errors="replace"),
                }
            )
        return items

    # -- changing ---------------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Put back what a run that was killed in the middle had changed; the plan still counts as unfinished."""
        pending = _files.read(self._at(".pending"))
        if pending is not None:
            put_back(json.loads(pending))
            self.look()
            self.plan.unfinished = True
        for directory in ("", ".trees"):
            for name in _listdir(self._at(directory)):
                if name.startswith(".staged-") or (name.startswith(".") and name.endswith(".part")):
                    _files.remove(self._at(directory, name))

    def stage(self, *, dry: bool = False) -> None:
        """Write the whole tree beside the live one, or, *dry*, into a temporary directory of the system's."""
        if dry:
            self._staged = tempfile.mkdtemp(prefix="vigie-tree-")
        else:
            _files.make_directory(self.path, self._directory_mode, self._uid, self._gid)
            _files.make_directory(self._at(".trees"), self._directory_mode, self._uid, self._gid)
            self._staged = tempfile.mkdtemp(prefix=".staged-", dir=self._at(".trees"))
        self._own(self._staged)
        try:
            for directory in sorted(self._watched):
                self._make_parents(self._staged, f"{directory}/")
            for name, file in self.files.items():
                self._make_parents(self._staged, name)
                _files.write(os.path.join(self._staged, name), file.content, file.mode, self._uid, self._gid)
        except BaseException:
            self.discard()
            raise

    def validate(self, substitutions: t.Mapping[str, str], *, missing_ok: bool = False) -> bool:
        """Run the validators on the staged tree; return whether they ran.

        :param substitutions: what else than ``{tree}`` is filled in, for instance ``{release}``.
        :param missing_ok: a validator that is not there yet (check mode on a fresh host) is passed over.
        :raises TreeError: with the validator's own words; it speaks of the live paths.
        """
        if self._staged is None:
            raise AssertionError("nothing is staged")
        for argv in self._validate:
            command = [str(part) for part in argv]
            for key, value in {**substitutions, "tree": self._staged}.items():
                command = [part.replace("{" + key + "}", value) for part in command]
            if not os.access(command[0], os.X_OK):
                if missing_ok:
                    return False
                raise TreeError(f"The validator {command[0]} is not on this host. Is the service that brings it deployed here?")
            code, out, err = self._run(command)
            if code:
                words = "\n".join(text.strip() for text in (out, err) if text.strip()).replace(self._staged, self.path)
                raise TreeError(f"{os.path.basename(command[0])} refuses the configuration of {self.path}:\n{words}")
        return True

    def snapshot(self) -> dict[str, t.Any]:
        """Return what `put_back` needs, as plain JSON: what is live now and about to change."""
        # What is set aside is put back as a whole.
        watched = [name for name in (*self.plan.watched, *self.plan.stale) if _top(name) not in self.plan.aside]
        return {
            "path": self.path,
            "current": _files.link_target(self._at(".current")),
            "links": sorted(self._entry_links()),
            "asides": {name: self._free_name(name) for name in self.plan.aside},
            "watched": {name: _encoded(_files.read(self._at(name))) for name in watched},
            "modes": {name: _mode(self._at(name)) for name in watched},
        }

    def switch(self) -> None:
        """Bring the staged tree into force. `restore` undoes it, `commit` makes it final."""
        if self._staged is None:
            raise AssertionError("nothing is staged")
        self._undo = self.snapshot()
        _files.write(self._at(".pending"), json.dumps(self._undo).encode(), 0o600)
        for directory in self._watched.intersection(self.plan.aside):
            os.rename(self._at(directory), self._undo["asides"][directory])
        for name in self.plan.watched:
            self._make_parents(self.path, name)
            _files.write(self._at(name), self.files[name].content, self.files[name].mode, self._uid, self._gid)
        if not self.plan.switch:
            self.discard()
            return
        for directory in self._watched:
            _files.make_directory(self._at(directory), self._directory_mode, self._uid, self._gid)
            _files.remove(os.path.join(self._staged, directory))
        tree = f".trees/{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{self._hash()}-{self._staged[-4:]}"
        os.rename(self._staged, self._at(tree))
        self._staged = None
        # A link to what the old tree lacks dangles and harms nobody; a file of somebody else's is replaced after the switch.
        foreign = self._entries().intersection(self.plan.aside)
        for entry in sorted(self._entries() - foreign):
            _files.link(f".current/{entry}", self._at(entry))
        _files.link(tree, self._at(".current"))
        for entry in sorted(foreign):
            os.rename(self._at(entry), self._undo["asides"][entry])
            _files.link(f".current/{entry}", self._at(entry))

    def restore(self) -> None:
        """Put back what `switch` replaced."""
        if self._undo is not None:
            put_back(self._undo)
            self._undo = None
        self.discard()

    def commit(self) -> None:
        """Make the switch final: drop what is stale, keep the previous tree alone."""
        for name in self.plan.stale:
            _files.remove(self._at(name))
        for entry in self.plan.stale_links:
            _files.remove(self._at(entry))
        previous = (self._undo or {}).get("current")
        current = _files.link_target(self._at(".current"))
        if self.plan.switch:
            for name in _listdir(self._at(".trees")):
                if f".trees/{name}" not in (previous, current):
                    _files.remove(self._at(".trees", name))
        _files.remove(self._at(".pending"))
        self._undo = None

    def discard(self) -> None:
        """Remove the staged tree, if there is one."""
        if self._staged is not None:
            _files.remove(self._staged)
            self._staged = None

    def present(self) -> bool:
        """Return whether anything of ours is there."""
        return any(os.path.lexists(self._at(name)) for name in (".trees", ".current"))

    def remove(self) -> None:
        """Remove all that is ours, and the directory itself where nothing else is left in it."""
        for entry in self._entry_links():
            _files.remove(self._at(entry))
        # A watched directory is the tree's where the tree has been in force.
        watched = sorted(self._watched) if _files.link_target(self._at(".current")) else []
        for name in (*watched, ".current", ".pending", ".lock", ".trees"):
            _files.remove(self._at(name))
        _files.remove_if_empty(self.path)

    # -- helpers ----------------------------------------------------------------------------------------------------

    def _at(self, *parts: str) -> str:
        return os.path.join(self.path, *parts)

    def _is_watched(self, name: str) -> bool:
        return _top(name) in self._watched

    def _entries(self) -> set[str]:
        return {_top(name) for name in self.files if not self._is_watched(name)}

    def _of_others(self, *, is_first: bool) -> list[str]:
        """Return the names at the top of the tree that hold what is not the tree's.

        A watched directory becomes the tree's the first time that the tree comes into force; an empty one is nobody's loss.
        """
        found = [name for name in self._entries() if _files.link_target(self._at(name)) != f".current/{name}"]
        if is_first:
            found += [name for name in self._watched if not os.path.isdir(self._at(name)) or os.path.islink(self._at(name))]
            found += [name for name in self._watched if _walk(self._at(name))]
        return sorted({name for name in found if os.path.lexists(self._at(name))})

    def _entry_links(self) -> list[str]:
        return [name for name in _listdir(self.path) if _files.link_target(self._at(name)) == f".current/{name}"]

    def _linked(self, name: str) -> bool:
        entry = _top(name)
        return _files.link_target(self._at(entry)) == f".current/{entry}"

    def _same(self, path: str, file: File) -> bool:
        try:
            found = os.stat(path)
        except OSError:
            return False
        owned = self._uid in (-1, found.st_uid) and self._gid in (-1, found.st_gid)
        return owned and found.st_mode & 0o7777 == file.mode and _files.read(path) == file.content

    def _hash(self) -> str:
        digest = hashlib.sha256()
        for name, file in self.files.items():
            digest.update(f"{name}\0{file.mode}\0{len(file.content)}\0".encode() + file.content)
        return digest.hexdigest()[:8]

    def _own(self, path: str) -> None:
        os.chmod(path, self._directory_mode)
        _files.chown(path, self._uid, self._gid)

    def _make_parents(self, root: str, name: str) -> None:
        path = root
        for part in name.split("/")[:-1]:
            path = os.path.join(path, part)
            if not os.path.isdir(path):
                os.mkdir(path)
                self._own(path)

    def _free_name(self, entry: str) -> str:
        """Return the path that somebody else's *entry* is kept at."""
        kept = self._at(f"{entry}.before-vigie")
        path, number = kept, 1
        while os.path.lexists(path):
            number += 1
            path = f"{kept}-{number}"
        return path


def put_back(undo: t.Mapping[str, t.Any]) -> None:
    """Bring a tree back to what `Tree.snapshot` saw."""
    root = undo["path"]
    for entry, kept in undo.get("asides", {}).items():
        if os.path.lexists(kept):
            _files.remove(os.path.join(root, entry))
            os.rename(kept, os.path.join(root, entry))
    for name, content in undo["watched"].items():
        path = os.path.join(root, name)
        if content is None:
            _files.remove(path)
        else:
            mode, uid, gid = undo["modes"][name]
            _files.write(path, base64.b64decode(content), mode, uid, gid)
    current = os.path.join(root, ".current")
    replaced = _files.link_target(current)
    if undo["current"] is not None:
        _files.link(undo["current"], current)
    else:
        _files.remove(current)
    for name in _listdir(root):
        path = os.path.join(root, name)
        if _files.link_target(path) == f".current/{name}" and name not in undo["links"]:
            _files.remove(path)
    if replaced is not None and replaced != undo["current"]:
        _files.remove(os.path.join(root, replaced))
    _files.remove(os.path.join(root, ".pending"))
    if undo["current"] is None:
        _files.remove_if_empty(os.path.join(root, ".trees"))


def _top(name: str) -> str:
    """Return the first part of a path below the tree."""
    return name.split("/", 1)[0]


def _walk(root: str) -> list[str]:
    """Return the files below *root*, relative to it; leftovers of an interrupted write count."""
    found = []
    for directory, _directories, names in os.walk(root):
        found += [os.path.relpath(os.path.join(directory, name), root) for name in names]
    return found


def _listdir(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _encoded(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _mode(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mode & 0o7777, found.st_uid, found.st_gid
