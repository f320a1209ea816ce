# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has of a release and its service, and what has to change. Private to the collection."""

from __future__ import annotations

import glob
import json
import os
import typing as t

from ansible.module_utils.common.text.converters import to_bytes, to_text

from ansible_collections.vigie.monitoring.plugins.module_utils._common.redaction import redacted_diff
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import download, files
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree import Tree
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import FOREIGN, HIDDEN, parse_mode
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.locks import file_name, service, tree
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.python_environment import PythonEnvironment
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import Run, Unit
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.transaction import Transaction
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.versions import Versions

UNIT_DIR = "/etc/systemd/system"
BIN_DIR = "/usr/local/bin"


class ReleaseState:
    """Compares the release that *params* (the options of the module) describe with the host, and changes nothing."""

    def __init__(self, params: t.Mapping[str, t.Any], run: Run, unit_dir: str = UNIT_DIR, bin_dir: str = BIN_DIR) -> None:
        """Read *params*; nothing on the host is touched. *run* executes commands."""
        self.params = params
        self.name = params["name"]
        self.python = PythonEnvironment(params["python"], run) if params["python"] else None
        # Whether a package of the operating system contains the program and its unit.
        self.packaged = not params["url"] and self.python is None
        arch = download.architecture(os.uname().machine)
        self.arch = params["arch"] or params["arch_names"].get(arch, arch)
        self.versions = Versions(params["root"], self.name)
        self.unit = Unit(self.name, run)
        self.unit_path = os.path.join(unit_dir, self.unit.name)
        self.tree = Tree(params["config"], run) if params["config"] else None
        self.links = {os.path.join(bin_dir, binary): os.path.join(self.versions.link, binary) for binary in params["binaries"]}
        self.files = {file["path"]: file for file in params["files"]}
        self.transaction = Transaction(os.path.join(self.versions.path, ".transaction"))
        # The list of the files that this module wrote: whether each one is secret, by path.
        self._written_list = os.path.join(files.STATE, f"{file_name(service(self.name))}.json")
        # The properties of the unit, as `find_actions` saw them.
        self.state: dict[str, str] = {}
        # The directory of the wanted version, or None if the version is not on the host.
        self.directory: str | None = None
        # Whether an earlier run was interrupted.
        self.unfinished = False

    def locks(self) -> list[str]:
        """Return the locks that a run needs, in the order in which the run must take them."""
        return [service(self.name), *([tree(self.tree.path)] if self.tree else [])]

    def find_actions(self) -> list[str]:
        """Return what has to be done, in order. The list is empty if the release is in service. Needs no network."""
        self.state = self.unit.show()
        self.unfinished = self.unfinished or self.transaction.unfinished()
        actions = [] if self.packaged else self._program_actions()
        if self._unit_differs():
            actions.append("unit")
        elif self.state.get("NeedDaemonReload") == "yes":
            actions.append("daemon-reload")
        if self._changed_files():
            actions.append("files")
        if self.tree and self.tree.compare().changed:
            actions.append("config")
        if self.state.get("UnitFileState") != "enabled":
            actions.append("enable")
        return actions + self._service_actions(actions)

    def diff(self, actions: t.Collection[str]) -> list[dict[str, str]]:
        """Return Ansible's diff of *actions*: version, unit, files and configuration."""
        items = []
        if "switch" in actions:
            before = self.versions.stamp(self.versions.current()).get("version")
            items.append(_diff_item(self.versions.link, before and f"{before}\n", f"{self.params['version']}\n"))
        if self.python and "switch" in actions:
            for name, text in self.python.texts().items():
                path = next(iter(glob.glob(os.path.join(self.versions.link, name))), os.path.join(self.versions.link, name))
                if _read_text(path) != text:
                    items.append(_diff_item(path, _read_text(path), text))
        if "unit" in actions:
            items.append(_diff_item(self.unit_path, _read_text(self.unit_path), self.params["unit"]))
        written = self._written_files()
        for file in self._changed_files():
            path, before = file["path"], _read_text(file["path"])
            if before and (file["secret"] or written.get(path)):
                before = HIDDEN
            elif before and path not in written:
                before = FOREIGN
            items.append(_diff_item(path, before, f"{HIDDEN}(changed)\n" if file["secret"] else file["content"]))
        if self.tree and "config" in actions:
            items += self.tree.diff()
        return [redacted_diff(item) for item in items]

    def present(self) -> bool:
        """Return whether the host has anything that `Release.remove` removes."""
        paths = [self.versions.path, self.unit_path, *self.files]
        linked = any(files.link_target(path) == target for path, target in self.links.items())
        return linked or any(os.path.lexists(path) for path in paths) or bool(self.tree and self.tree.present())

    def wanted_wheels(self) -> dict[str, str]:
        """Return which wheels the controller must copy to the host before the run; empty if the host needs none.

        :raises DownloadError: if the host lacks Python.
        """
        if not self.python or not self.params["python"]["wheels"] or self.params["archive"] or self._find():
            return {}
        return self.python.tags()

    def _find(self) -> str | None:
        """Return the directory of the wanted version, or None if the version is not on the host."""
        pinned = str(self.params["checksums"].get(self.arch) or "").lower() or None
        return self.versions.find(self.params["version"], self.arch, self.python.checksum() if self.python else pinned)

    def _program_actions(self) -> list[str]:
        """Return what has to be done for the program of the release."""
        self.directory = self._find()
        new = ["environment"] if self.python else ["download", "unpack"]
        actions = [] if self.directory else new
        if self.directory is None or self.versions.current() != self.directory:
            actions.append("switch")
        if any(files.link_target(path) != target for path, target in self.links.items()):
            actions.append("link")
        return actions

    def _service_actions(self, actions: t.Container[str]) -> list[str]:
        """Return what systemd has to do after *actions*: start, restart, reload or nothing."""
        if self.state.get("ActiveState") not in ("active", "reloading"):
            return ["start"]
        effects = {file["on_change"] for file in self._changed_files()}
        if self.tree and self.tree.plan.switch:
            effects.add("reload")
        if self.unfinished or "restart" in effects or self._runs_other_version():
            return ["restart"]
        if any(action in actions for action in ("switch", "unit", "daemon-reload")):
            return ["restart"]
        if "reload" in effects:
            # A service that cannot be reloaded has to be restarted.
            return ["reload" if "ExecReload=" in self.params["unit"] else "restart"]
        return []

    def _unit_differs(self) -> bool:
        if self.packaged:
            # Remove the unit that this module wrote for a release. Without a release, the unit belongs to somebody else.
            return self.versions.current() is not None and os.path.lexists(self.unit_path)
        return not files.is_current(self.unit_path, to_bytes(self.params["unit"]), 0o644)

    def _runs_other_version(self) -> bool:
        """Return whether the process is of another version than the one in service, for example after an interrupted run."""
        try:
            running = os.readlink(f"/proc/{int(self.state.get('MainPID') or 0)}/exe")
        except (OSError, ValueError):
            return False
        if self.packaged:
            # The package was upgraded without a restart of its service.
            return running.endswith(" (deleted)")
        return running.startswith(self.versions.path + "/") and not running.startswith(
            os.path.join(self.versions.path, self.directory or "") + "/"
        )

    def _written_files(self) -> dict[str, bool]:
        """Return, by path, whether a file that earlier runs wrote is secret."""
        try:
            written = json.loads(files.read(self._written_list) or b"{}")
        except ValueError:
            return {}
        return written if isinstance(written, dict) else {}

    def _changed_files(self) -> list[t.Mapping[str, t.Any]]:
        return [
            file
            for file in self.files.values()
            if not files.is_current(file["path"], to_bytes(file["content"]), *mode_and_owner(file))
        ]


def mode_and_owner(file: t.Mapping[str, t.Any]) -> tuple[int, int, int]:
    """Return the mode, the user and the group of *file*, an item of the option ``files``, as numbers."""
    return parse_mode(file["mode"], f"File {file['path']!r}: mode"), *files.owner_ids(file["owner"], file["group"])


def _read_text(path: str) -> str | None:
    content = files.read(path)
    return None if content is None else to_text(content, errors="replace")


def _diff_item(path: str, before: str | None, after: str) -> dict[str, str]:
    header = path if before is not None else f"{path} (absent)"
    return {"before_header": header, "after_header": path, "before": before or "", "after": after}
