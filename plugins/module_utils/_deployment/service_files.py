# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes files that belong to a service, and systemd units that help the service. Private to the collection."""

from __future__ import annotations

import os
import shutil
import tempfile
import typing as t

from ansible.module_utils.common.text.converters import to_bytes, to_text

from ansible_collections.vigie.monitoring.plugins.module_utils._common.redaction import redacted_diff
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.answers import Check, failed_check
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import parse_mode
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.helper_units import HelperUnits
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.locks import file_name
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.requirements import (
    NOT_FOUND,
    execute,
    unmet_requirement,
)
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.rollback import rolled_back_on_failure
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import Run, ServiceError, Unit
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.transaction import Transaction


class ServiceFilesError(Exception):
    """A requirement is not met, or a validator rejects a file. Nothing has changed. The text is for the operator."""


class ServiceFiles:
    """Compares the files that *params* (the options of the module) describe with the host, and changes them."""

    def __init__(self, params: t.Mapping[str, t.Any], run: Run) -> None:
        """Read *params*; nothing on the host is touched. *run* executes commands."""
        self._params = params
        self._run = run
        self._files: list[dict[str, t.Any]] = params["files"]
        self.unit = Unit(params["service"], run)
        # How the service reads its files again.
        self._reload = "restart" if params["restart"] else "reload"
        self._helpers = HelperUnits(params, run)
        # What undoes the stop of surplus units.
        self._undo: list[tuple[str, str]] = []
        # Two roles can change files of one service.
        name = file_name(f"files of {params['service']} for {params['name']}")
        self._transaction = Transaction(os.path.join(files.STATE, f"{name}.transaction"))

    def find_problem(self) -> str:
        """Return the message of the first requirement that the host does not meet, or an empty text."""
        return unmet_requirement(self._params["requirements"], self._run)

    def recover(self) -> bool:
        """Roll back the change of a run that was killed; return whether there was one.

        :raises ServiceError: if the rollback is incomplete.
        """
        if not self._transaction.unfinished():
            return False
        try:
            self._transaction.roll_back()
        except OSError as error:
            raise ServiceError(f"An earlier run was interrupted. {files.incomplete_rollback(error, files.STATE)}.") from error
        for file in self._files:
            files.remove_parts(file["path"])
        if self.unit.running():
            self.unit.act(self._reload)
        return True

    def changes(self) -> list[dict[str, t.Any]]:
        """Return the items of the option ``files`` whose state differs, and an item for each surplus file to remove."""
        surplus = [{**_SURPLUS, "path": path} for path in self._helpers.surplus_files()]
        return [file for file in self._files if not self._is_current(file)] + surplus

    def unit_actions(self, changes: t.Iterable[t.Mapping[str, t.Any]]) -> list[tuple[str, str]]:
        """Return what systemd has to do for the helper units after *changes*, as verbs and units."""
        return self._helpers.actions({file["path"] for file in changes})

    def diff(self, changes: t.Iterable[t.Mapping[str, t.Any]]) -> list[dict[str, str]]:
        """Return Ansible's diff of *changes*."""
        return [redacted_diff(self._diff_item(file)) for file in changes]

    def validate(self, changes: t.Sequence[t.Mapping[str, t.Any]], *, missing_ok: bool = False) -> None:
        """Run the validators of *changes* on copies of the new files.

        :param missing_ok: skip a validator that is not installed (check mode).
        :raises ServiceFilesError: with the output of the validator.
        """
        for file in changes:
            wanted = self._wanted(file)
            if not file["validate"] or wanted is None:
                continue
            directory = tempfile.mkdtemp(prefix="vigie-files-")
            try:
                copy = os.path.join(directory, os.path.basename(file["path"]))
                files.write(copy, wanted, 0o600)
                code, out, err = execute([part.replace("{file}", copy) for part in file["validate"]], self._run)
            finally:
                shutil.rmtree(directory)
            if code == NOT_FOUND and missing_ok:
                continue
            if code:
                output = "\n".join(text.strip() for text in (out, err) if text.strip()).replace(copy, file["path"])
                raise ServiceFilesError(f"{file['validate'][0]} rejects {file['path']}:\n{output}")

    def would_reload(self, changes: t.Iterable[t.Mapping[str, t.Any]]) -> bool:
        """Return whether `apply` reloads the service."""
        return any(file["reload"] for file in changes) and self.unit.running()

    def apply(
        self, changes: t.Sequence[t.Mapping[str, t.Any]], actions: t.Sequence[tuple[str, str]], check: Check | None
    ) -> bool:
        """Write *changes*, do the *actions* of systemd, reload the service, and wait until *check* passes.

        :returns: whether the service was reloaded.
        :raises ServiceError: the former files are back.
        :raises ServiceFilesError: a validator rejects a file, and nothing has changed.
        """
        reload = self.would_reload(changes)
        reloading = False
        files.private_directory(files.STATE)
        with files.uninterrupted():
            self._transaction.begin([file["path"] for file in changes if file["type"] != "directory"])
            with rolled_back_on_failure(
                self.unit if reload else None, files.STATE, lambda _reloaded: self._roll_back(changes, actions, reload=reloading)
            ):
                self._undo = self._helpers.stop_surplus()
                for file in changes:
                    # A validator reads the files before this one at their places, for example a module that a link enables.
                    self.validate([file])
                    self._write(file)
                self._helpers.act(actions, [file["path"] for file in changes])
                if reload:
                    reloading = True
                    self.unit.act(self._reload)
                    problem = failed_check(check) if check else ""
                    if problem:
                        raise ServiceError(problem)
            self._transaction.commit()
        return reload

    def _roll_back(
        self, changes: t.Sequence[t.Mapping[str, t.Any]], actions: t.Sequence[tuple[str, str]], *, reload: bool
    ) -> str:
        try:
            self._transaction.roll_back()
        except OSError as error:
            return f"{files.incomplete_rollback(error, files.STATE)}."
        self._helpers.restore(actions, self._undo, [file["path"] for file in changes])
        if reload:
            try:
                self.unit.act(self._reload)
            except ServiceError as error:
                return f"The former files are back, but {self.unit.name} does not {self._reload} with them: {error}."
        return "The former files are back."

    def _wanted(self, file: t.Mapping[str, t.Any]) -> bytes | None:
        """Return the wanted content of *file*; None if the file must not exist, or is no regular file."""
        if file["type"] == "block":
            return _with_block(files.read(file["path"]) or b"", file["content"] if file["state"] == "present" else None)
        if file["type"] == "file" and file["state"] == "present":
            return to_bytes(file["content"])
        return None

    def _is_current(self, file: t.Mapping[str, t.Any]) -> bool:
        path = file["path"]
        if file["type"] == "block":
            content = files.read(path)
            return self._wanted(file) == content or (content is None and file["state"] == "absent")
        if file["state"] == "absent":
            return not os.path.lexists(path)
        if file["type"] == "link":
            return files.link_target(path) == file["target"]
        mode = parse_mode(file["mode"], f"File {path!r}: mode")
        if file["type"] == "directory":
            return _is_directory(path, mode, file["group"])
        return files.is_current(path, to_bytes(file["content"]), mode, os.geteuid(), os.getegid())

    def _write(self, file: t.Mapping[str, t.Any]) -> None:
        path, wanted = file["path"], self._wanted(file)
        if file["type"] == "block":
            status = os.stat(path)
            files.write(path, wanted or b"", status.st_mode & 0o7777, status.st_uid, status.st_gid)
        elif file["state"] == "absent":
            files.remove(path)
        elif file["type"] == "link":
            files.link(file["target"], path)
        elif file["type"] == "directory":
            uid, gid = files.owner_ids(None, file["group"] or None)
            files.make_directory(path, parse_mode(file["mode"], f"File {path!r}: mode"), uid, gid)
        else:
            files.write(path, wanted or b"", parse_mode(file["mode"], f"File {path!r}: mode"), os.geteuid(), os.getegid())

    def _diff_item(self, file: t.Mapping[str, t.Any]) -> dict[str, str]:
        path, target = file["path"], files.link_target(file["path"])
        before = to_text(files.read(path) or b"", errors="replace") if target is None else f"link to {target}\n"
        wanted = self._wanted(file)
        after = to_text(wanted, errors="replace") if wanted is not None else ""
        if file["state"] == "present" and file["type"] in ("link", "directory"):
            after = f"link to {file['target']}\n" if file["type"] == "link" else "directory\n"
        header = path if os.path.lexists(path) else f"{path} (absent)"
        return {"before_header": header, "after_header": path, "before": before, "after": after}


def _is_directory(path: str, mode: int, group: str) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    _uid, gid = files.owner_ids(None, group or None)
    return os.path.isdir(path) and status.st_mode & 0o7777 == mode and gid in (-1, status.st_gid)


_SURPLUS: dict[str, t.Any] = {"type": "file", "state": "absent", "validate": [], "reload": False}
_BEGIN, _END = b"# BEGIN vigie.monitoring", b"# END vigie.monitoring"


def _with_block(text: bytes, block: str | None) -> bytes:
    """Return *text* with *block* between the markers, at the end if the markers are missing; None removes the block.

    The markers and the place are those that ansible.builtin.blockinfile writes.
    """
    lines = text.splitlines(keepends=True)
    stripped = [line.rstrip() for line in lines]
    inserted = [] if block is None else [_BEGIN + b"\n", *_lines(block), _END + b"\n"]
    if _BEGIN in stripped and _END in stripped:
        first, last = stripped.index(_BEGIN), len(stripped) - 1 - stripped[::-1].index(_END)
        return b"".join([*lines[:first], *inserted, *lines[last + 1 :]])
    if inserted and lines and not lines[-1].endswith(b"\n"):
        lines[-1] += b"\n"
    return b"".join([*lines, *inserted])


def _lines(block: str) -> list[bytes]:
    return [line + b"\n" for line in to_bytes(block).splitlines()]
