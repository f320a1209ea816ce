# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory of configuration that changes as a whole. Private to the collection.

On disk, below ``path``::

    .trees/<time>-<hash>/...   the files of one state of the configuration, and .secret, which lists those that are secret
    .current                   link to the tree in force: changing it is the one step that changes the configuration
    <entry>                    link to .current/<entry>, for each file or directory at the top of the tree
    <watched>/...              directories whose files the service picks up by itself: written one by one, each in one step

All directories belong to root: their group, the service's, may read them. What a run that has not finished would have to put
back lies elsewhere, see _tree_undo.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import time
import typing as t

from ansible.module_utils.common.text.converters import to_text

from ansible_collections.vigie.monitoring.plugins.module_utils._common.redaction import redacted_diff
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import config_tree_undo, files
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import (
    FOREIGN,
    HIDDEN,
    File,
    Plan,
    TreeError,
    parse_directory_mode,
    parse_files,
)
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import Run

# No file of a tree may have a name that starts with a dot.
RECORD = ".secret"


class Tree:
    """The tree that *options* (the options of _tree_spec) ask for, and what is on disk in its place."""

    def __init__(self, options: t.Mapping[str, t.Any], run: Run) -> None:
        """Read *options*; nothing on disk is touched. *run* executes the validators."""
        self.path = str(options["path"]).rstrip("/")
        self.files = parse_files(options["files"], options["mode"])
        self._watched = set(options["watched"])
        self._validate = options["validate"]
        self.verify = options.get("verify")
        self._directory_mode = parse_directory_mode(options["directory_mode"])
        self._uid, self._gid = files.owner_ids(options["owner"], options["group"])
        secret = sorted(name for name, file in self.files.items() if file.secret)
        self._record = File(json.dumps(secret).encode(), 0o600, secret=False)
        self._journal = config_tree_undo.Journal(self.path)
        self._run = run
        self._staged: str | None = None
        self._becomes: str | None = None
        self._undo: dict[str, t.Any] | None = None
        self.plan = Plan()

    # -- looking ----------------------------------------------------------------------------------------------------

    def look(self) -> Plan:
        """Compare the tree with the disk, without touching it."""
        plan = Plan(unfinished=self._journal.exists())
        current = self._current()
        plan.aside = self._of_others(is_first=current is None)
        plan.first = current is None and bool(self.files or plan.aside)
        for name, file in self.files.items():
            if self._is_watched(name):
                if _top(name) in plan.aside or not self._same(self._at(name), file):
                    plan.watched.append(name)
            elif not current or not self._same(self._at(".current", name), file) or not self._linked(name):
                plan.config.append(name)
        if current:
            plan.config += sorted(set(_walk(self._at(".current"))) - {*self.files, RECORD})
            plan.record = files.read(self._at(".current", RECORD)) != self._record.content
            plan.directories = [path for path in self._directories(current) if not self._owned(path)]
        for directory in sorted(self._watched - set(plan.aside)):
            plan.stale += sorted({f"{directory}/{name}" for name in _walk(self._at(directory))} - set(self.files))
        plan.stale_links = sorted(set(self._entry_links()) - self._entries())
        self.plan = plan
        return plan

    def diff(self) -> list[dict[str, str]]:
        """Return Ansible's diff of the plan, one item a file; what is secret stays so."""
        items = []
        known, secret = self._recorded()
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
            before, file = files.read(self._at(name)), self.files.get(name)
            after = file.content if file else b""
            if before == after:
                continue
            hidden = file is not None and file.secret
            header = self._at(name)
            if before is None:
                shown = b""
            elif hidden or name in secret:
                shown = HIDDEN.encode()
            else:
                shown = before if known else FOREIGN.encode()
            items.append(
                {
                    "before_header": header if before is not None else f"{header} (absent)",
                    "after_header": header if file is not None else f"{header} (removed)",
                    "before": to_text(shown, errors="replace"),
                    "after": HIDDEN + "(changed)\n" if hidden else to_text(after, errors="replace"),
                }
            )
        return [redacted_diff(item) for item in items]

    # -- changing ---------------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Put back what a run that was killed in the middle had changed; the plan still counts as unfinished.

        Only for who holds the tree's lock: the change may be that of a run that is alive.

        :raises TreeError: where not everything could be put back.
        """
        pending = self._journal.read()
        if pending is not None:
            try:
                config_tree_undo.put_back({**pending, "path": self.path})
            except OSError as error:
                raise TreeError(f"An earlier run was interrupted. {files.unfinished(error, self.path)}.") from error
            self._journal.remove()
            self.look()
            self.plan.unfinished = True
        for directory in ("", ".trees"):
            for name in files.names(self._at(directory)):
                if name.startswith(".staged-") or (name.startswith(".") and name.endswith(".part")):
                    files.remove(self._at(directory, name))

    def stage(self, *, dry: bool = False) -> None:
        """Write the whole tree beside the live one, or, *dry*, into a temporary directory of the system's."""
        if dry:
            self._staged = tempfile.mkdtemp(prefix="vigie-tree-")
        else:
            files.make_directory(self.path, self._directory_mode)
            self._own(self.path)
            self._make(self._at(".trees"))
            self._staged = tempfile.mkdtemp(prefix=".staged-", dir=self._at(".trees"))
        self._own(self._staged)
        try:
            for directory in sorted(self._watched):
                self._make_parents(self._staged, f"{directory}/")
            for name, file in self.files.items():
                self._make_parents(self._staged, name)
                files.write(os.path.join(self._staged, name), file.content, file.mode, self._uid, self._gid)
            files.write(os.path.join(self._staged, RECORD), self._record.content, self._record.mode)
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
            raise AssertionError("no tree is staged: call stage() first")
        for argv in self._validate:
            command = [str(part) for part in argv]
            for key, value in {**substitutions, "tree": self._staged}.items():
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
                words = "\n".join(text.strip() for text in (out, err) if text.strip()).replace(self._staged, self.path)
                raise TreeError(f"{os.path.basename(command[0])} rejects the configuration of {self.path}:\n{words}")
        return True

    def snapshot(self) -> dict[str, t.Any]:
        """Return what `put_back` needs, as plain JSON: what is live now and about to change."""
        # What is set aside is put back as a whole.
        watched = [name for name in (*self.plan.watched, *self.plan.stale) if _top(name) not in self.plan.aside]
        current = self._current()
        return {
            "path": self.path,
            "current": current,
            "becomes": self._name() if self.plan.switch else current,
            "links": sorted(self._entry_links()),
            "asides": {name: self._free_name(name) for name in self.plan.aside},
            "watched": {name: config_tree_undo.encoded(files.read(self._at(name))) for name in watched},
            "modes": {name: config_tree_undo.mode(self._at(name)) for name in watched},
        }

    def switch(self) -> None:
        """Bring the staged tree into force. `restore` undoes it, `commit` makes it final."""
        if self._staged is None:
            raise AssertionError("no tree is staged: call stage() first")
        self._undo = self.snapshot()
        self._journal.write(self._undo)
        for directory in self._watched.intersection(self.plan.aside):
            os.rename(self._at(directory), self._undo["asides"][directory])
        for name in self.plan.watched:
            self._make_parents(self.path, name)
            files.write(self._at(name), self.files[name].content, self.files[name].mode, self._uid, self._gid)
        if not self.plan.switch:
            self.discard()
            return
        for directory in self._watched:
            self._make(self._at(directory))
            files.remove(os.path.join(self._staged, directory))
        tree = self._name()
        os.rename(self._staged, self._at(tree))
        self._staged = None
        # A link to what the old tree lacks dangles and harms nobody; a file of somebody else's is replaced after the switch.
        foreign = self._entries().intersection(self.plan.aside)
        for entry in sorted(self._entries() - foreign):
            files.link(f".current/{entry}", self._at(entry))
        files.link(tree, self._at(".current"))
        for entry in sorted(foreign):
            os.rename(self._at(entry), self._undo["asides"][entry])
            files.link(f".current/{entry}", self._at(entry))

    def restore(self) -> None:
        """Put back what `switch` replaced."""
        if self._undo is not None:
            config_tree_undo.put_back(self._undo)
            self._journal.remove()
            self._undo = None
        self.discard()

    def commit(self) -> None:
        """Make the switch final: drop what is stale, keep the previous tree alone."""
        for name in self.plan.stale:
            files.remove(self._at(name))
        for entry in self.plan.stale_links:
            files.remove(self._at(entry))
        previous = (self._undo or {}).get("current")
        current = self._current()
        if self.plan.switch:
            for name in files.names(self._at(".trees")):
                if f".trees/{name}" not in (previous, current):
                    files.remove(self._at(".trees", name))
        self._journal.remove()
        self._undo = None

    def discard(self) -> None:
        """Remove the staged tree, if there is one."""
        if self._staged is not None:
            files.remove(self._staged)
            self._staged = None

    def present(self) -> bool:
        """Return whether anything of ours is there."""
        return any(os.path.lexists(self._at(name)) for name in (".trees", ".current"))

    def remove(self) -> None:
        """Remove all that is ours, and the directory itself where nothing else is left in it."""
        for entry in self._entry_links():
            files.remove(self._at(entry))
        # A watched directory is the tree's where the tree has been in force.
        watched = sorted(self._watched) if self._current() else []
        for name in (*watched, ".current", ".trees"):
            files.remove(self._at(name))
        self._journal.remove()
        files.remove_if_empty(self.path)

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
        found = [name for name in self._entries() if files.link_target(self._at(name)) != f".current/{name}"]
        if is_first:
            found += [name for name in self._watched if not os.path.isdir(self._at(name)) or os.path.islink(self._at(name))]
            found += [name for name in self._watched if _walk(self._at(name))]
        return sorted({name for name in found if os.path.lexists(self._at(name))})

    def _entry_links(self) -> list[str]:
        return [name for name in files.names(self.path) if files.link_target(self._at(name)) == f".current/{name}"]

    def _linked(self, name: str) -> bool:
        entry = _top(name)
        return files.link_target(self._at(entry)) == f".current/{entry}"

    def _same(self, path: str, file: File) -> bool:
        try:
            found = os.stat(path)
        except OSError:
            return False
        owned = self._uid in (-1, found.st_uid) and self._gid in (-1, found.st_gid)
        return owned and found.st_mode & 0o7777 == file.mode and files.read(path) == file.content

    def _hash(self) -> str:
        digest = hashlib.sha256()
        for name, file in self.files.items():
            digest.update(f"{name}\0{file.mode}\0{len(file.content)}\0".encode() + file.content)
        return digest.hexdigest()[:8]

    def _current(self) -> str | None:
        """Return the tree in force, or None; a link to anything else is none of ours."""
        target = files.link_target(self._at(".current"))
        return target if target and config_tree_undo.TREE.fullmatch(target) and not os.path.islink(self._at(".trees")) else None

    def _name(self) -> str:
        """Return the name that the staged tree gets."""
        if self._becomes is None:
            now = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
            self._becomes = f".trees/{now}-{self._hash()}-{(self._staged or '')[-4:]}"
        return self._becomes

    def _recorded(self) -> tuple[bool, list[str]]:
        """Return whether the files that are there are the tree's, and which of them are secret."""
        content = files.read(self._at(".current", RECORD)) if self._current() else None
        try:
            return content is not None, [str(name) for name in json.loads(content or b"[]")]
        except ValueError:
            return False, []

    def _directories(self, current: str) -> list[str]:
        """Return the paths of the directories that are the tree's."""
        found = [self.path, self._at(".trees")]
        for root in (self._at(current), *(self._at(name) for name in sorted(self._watched - set(self.plan.aside)))):
            found += [directory for directory, _directories, _names in os.walk(root)] or [root]
        return found

    def _owned(self, path: str) -> bool:
        """Return whether *path* is a directory that belongs to root, as asked for."""
        try:
            found = os.stat(path) if path == self.path else os.lstat(path)
        except OSError:
            return False
        right = found.st_uid == os.geteuid() and self._gid in (-1, found.st_gid)
        return right and found.st_mode == stat.S_IFDIR | self._directory_mode

    def _own(self, path: str) -> None:
        files.chown(path, os.geteuid(), self._gid)
        os.chmod(path, self._directory_mode)

    def _make(self, path: str) -> None:
        """Make *path* a directory of the tree; a link that somebody put there is no place to write to."""
        if os.path.islink(path):
            os.unlink(path)
        if not os.path.isdir(path):
            os.mkdir(path)
        self._own(path)

    def _make_parents(self, root: str, name: str) -> None:
        path = root
        for part in name.split("/")[:-1]:
            path = os.path.join(path, part)
            if os.path.islink(path) or not os.path.isdir(path):
                self._make(path)

    def _free_name(self, entry: str) -> str:
        """Return the path that somebody else's *entry* is kept at."""
        kept = self._at(f"{entry}.before-vigie")
        path, number = kept, 1
        while os.path.lexists(path):
            number += 1
            path = f"{kept}-{number}"
        return path


def _top(name: str) -> str:
    """Return the first part of a path below the tree."""
    return name.split("/", 1)[0]


def _walk(root: str) -> list[str]:
    """Return the files below *root*, relative to it; leftovers of an interrupted write count."""
    found = []
    for directory, _directories, names in os.walk(root):
        found += [os.path.relpath(os.path.join(directory, name), root) for name in names]
    return found
