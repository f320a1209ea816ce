# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release as a service: what is there, what would change, and the change itself. Private to the collection."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import typing as t

from ansible.module_utils.common.text.converters import to_bytes, to_text

from ansible_collections.vigie.monitoring.plugins.module_utils._common.redaction import redacted_diff
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import download, files
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree import Tree
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import FOREIGN, HIDDEN, parse_mode
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.locks import file_name, service, tree
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import (
    NotReloadedError,
    Run,
    ServiceError,
    Unit,
)
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.transaction import Transaction
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.versions import Versions

UNIT_DIR = "/etc/systemd/system"
BIN_DIR = "/usr/local/bin"


class Release:
    """The release that *params* (the module's) ask for."""

    def __init__(self, params: t.Mapping[str, t.Any], run: Run, unit_dir: str = UNIT_DIR, bin_dir: str = BIN_DIR) -> None:
        """Nothing on the host is touched. *run* executes commands."""
        self.params = params
        self.name = params["name"]
        # The program and its unit come with a package.
        self.packaged = not params["url"]
        arch = download.architecture(os.uname().machine)
        self.arch = params["arch"] or params["arch_names"].get(arch, arch)
        self.versions = Versions(params["root"], self.name)
        self.unit = Unit(self.name, run)
        self.unit_path = os.path.join(unit_dir, self.unit.name)
        self.tree = Tree(params["config"], run) if params["config"] else None
        self.links = {os.path.join(bin_dir, binary): os.path.join(self.versions.link, binary) for binary in params["binaries"]}
        self.files = {file["path"]: file for file in params["files"]}
        self.transaction = Transaction(os.path.join(self.versions.path, ".transaction"))
        # Which files are ours, and whether each is secret.
        self._record = os.path.join(files.STATE, f"{file_name(service(self.name))}.json")
        self.state: dict[str, str] = {}
        self.directory: str | None = None
        self.unfinished = False

    def locks(self) -> list[str]:
        """Return the locks that `recover`, `look` and what follows need, in their order."""
        return [service(self.name), *([tree(self.tree.path)] if self.tree else [])]

    # -- looking ----------------------------------------------------------------------------------------------------

    def look(self) -> list[str]:
        """Return what has to be done, in order: nothing where the release is in service as asked for. No network."""
        self.state = self.unit.show()
        self.unfinished = self.unfinished or self.transaction.unfinished()
        actions = [] if self.packaged else self._program_actions()
        if self._unit_differs():
            actions.append("unit")
        elif self.state.get("NeedDaemonReload") == "yes":
            actions.append("daemon-reload")
        if self._changed_files():
            actions.append("files")
        if self.tree and self.tree.look().changed:
            actions.append("config")
        if self.state.get("UnitFileState") != "enabled":
            actions.append("enable")
        return actions + self._service_actions(actions)

    def _program_actions(self) -> list[str]:
        """Return what has to be done for the program of the release."""
        pinned = str(self.params["checksums"].get(self.arch) or "").lower() or None
        self.directory = self.versions.find(self.params["version"], self.arch, pinned)
        actions = [] if self.directory else ["download", "unpack"]
        if self.directory is None or self.versions.current() != self.directory:
            actions.append("switch")
        if any(files.link_target(path) != target for path, target in self.links.items()):
            actions.append("link")
        return actions

    def _unit_differs(self) -> bool:
        if self.packaged:
            # That of a release came before the package's; one of somebody else's is theirs.
            return self.versions.current() is not None and os.path.lexists(self.unit_path)
        return not self._same(self.unit_path, to_bytes(self.params["unit"]), 0o644, None, None)

    def _service_actions(self, actions: t.Container[str]) -> list[str]:
        """Return what has to be said to the service after *actions*: start, restart, reload or nothing."""
        if self.state.get("ActiveState") not in ("active", "reloading"):
            return ["start"]
        effects = {file["on_change"] for file in self._changed_files()}
        if self.tree and self.tree.plan.switch:
            effects.add("reload")
        if self.unfinished or "restart" in effects or self._runs_something_else():
            return ["restart"]
        if any(action in actions for action in ("switch", "unit", "daemon-reload")):
            return ["restart"]
        if "reload" in effects:
            # Without a way to reload, a restart is the only way to make the service see it.
            return ["reload" if "ExecReload=" in self.params["unit"] else "restart"]
        return []

    def diff(self, actions: t.Collection[str]) -> list[dict[str, str]]:
        """Return Ansible's diff of *actions*: version, unit, files, configuration."""
        items = []
        if "switch" in actions:
            before = self.versions.stamp(self.versions.current()).get("version")
            items.append(_diff_item(self.versions.link, before and f"{before}\n", f"{self.params['version']}\n"))
        if "unit" in actions:
            items.append(_diff_item(self.unit_path, _text(files.read(self.unit_path)), self.params["unit"]))
        recorded = self._recorded()
        for file in self._changed_files():
            path, before = file["path"], _text(files.read(file["path"]))
            if before and (file["secret"] or recorded.get(path)):
                before = HIDDEN
            elif before and path not in recorded:
                before = FOREIGN
            items.append(_diff_item(path, before, f"{HIDDEN}(changed)\n" if file["secret"] else file["content"]))
        if self.tree and "config" in actions:
            items += self.tree.diff()
        return [redacted_diff(item) for item in items]

    def _runs_something_else(self) -> bool:
        """Return whether the running process is of another version than the one in service (an interrupted run)."""
        try:
            running = os.readlink(f"/proc/{int(self.state.get('MainPID') or 0)}/exe")
        except (OSError, ValueError):
            return False
        if self.packaged:
            # The package was replaced, and did not start its service again.
            return running.endswith(" (deleted)")
        return running.startswith(self.versions.path + "/") and not running.startswith(
            os.path.join(self.versions.path, self.directory or "") + "/"
        )

    def _recorded(self) -> dict[str, bool]:
        """Return, by its path, whether a file that was written before is secret."""
        try:
            found = json.loads(files.read(self._record) or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _changed_files(self) -> list[t.Mapping[str, t.Any]]:
        return [f for f in self.files.values() if not self._same(f["path"], to_bytes(f["content"]), *_ownership(f))]

    @staticmethod
    def _same(path: str, content: bytes, mode: int, owner: str | None, group: str | None) -> bool:
        try:
            found = os.stat(path)
        except OSError:
            return False
        uid, gid = files.owner_ids(owner, group)
        owned = uid in (-1, found.st_uid) and gid in (-1, found.st_gid)
        return owned and found.st_mode & 0o7777 == mode and files.read(path) == content

    # -- changing ---------------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Put back what a run that was killed in the middle had changed; the service is restarted later on.

        Only for who holds the locks of the service and of its configuration: the change may be that of a run that is alive.

        :raises ServiceError: where not everything could be put back.
        """
        self.versions.tidy()
        try:
            if self.transaction.unfinished():
                self.unfinished = True
                self.transaction.roll_back()
                self.unit.daemon_reload()
        except OSError as error:
            raise ServiceError(f"An earlier run was interrupted. {files.unfinished(error, self.versions.path)}") from error
        if self.tree and self.tree.look().unfinished:
            self.unfinished = True
            self.tree.recover()

    def fetch(self) -> str:
        """Download, verify and unpack the release beside the one in service; return the name of its directory.

        :raises DownloadError: what is in service is untouched.
        """
        params = self.params
        url = params["url"].replace("{arch}", self.arch)
        downloader = download.Downloader(params["token"], params["token_host"], params["timeout"])
        archive_name = url.rsplit("/", 1)[-1]
        expected = download.expected_sum(
            downloader,
            archive_name,
            self.arch,
            params["checksums"],
            (params["checksum_url"] or "").replace("{arch}", self.arch),
        )
        files.make_directory(self.versions.path, 0o755)
        archive = params["archive"] or downloader.file(url, self.versions.path)
        try:
            download.verify(archive, expected, url)
            stamp = {"version": params["version"], "arch": self.arch, "archive": archive_name, "sha256": expected}
            return self.versions.unpack(archive, stamp, params["binaries"])
        finally:
            if not params["archive"]:
                files.remove(archive)

    def rehearse(self, actions: t.Collection[str]) -> None:
        """Validate the configuration, as far as the tool for it is on the host already (check mode).

        :raises DownloadError, TreeError: `apply` would fail.
        """
        if "download" in actions and self.params["checksums"]:
            download.pinned_sum(self.arch, self.params["checksums"])
        if self.tree and "config" in actions:
            self.tree.stage(dry=True)
            try:
                directory = self.directory or self.versions.current() or "none"
                self.tree.validate({"release": os.path.join(self.versions.path, directory)}, missing_ok=True)
            finally:
                self.tree.discard()

    def apply(self, actions: t.Sequence[str]) -> None:
        """Do *actions*, all of them or none.

        :raises ServiceError: the service was not healthy; what was there before is in service again.
        :raises DownloadError, TreeError: nothing has changed.
        """
        fetched = self.directory is None and not self.packaged
        try:
            if fetched:
                self.directory = self.fetch()
            if self.tree and "config" in actions:
                self.tree.stage()
                self.tree.validate({"release": os.path.join(self.versions.path, self.directory or "")})
            with files.uninterrupted():
                self._change(actions)
        except BaseException:
            if self.tree:
                self.tree.discard()
            if fetched and self.directory:
                shutil.rmtree(os.path.join(self.versions.path, self.directory), ignore_errors=True)
            if not self.versions.directories():
                self._remove_directories()
            raise

    def _change(self, actions: t.Sequence[str]) -> None:
        previous = self.versions.current()
        paths = [self.versions.link, self.unit_path, self._record, *self.links, *self.files]
        files.make_directory(self.versions.path, 0o755)
        snapshot = self.tree.snapshot() if self.tree and "config" in actions else None
        self.transaction.begin(paths, snapshot, asides=self.links)
        began = time.time()
        try:
            self._write(actions)
            self._serve(actions)
        except BaseException as error:
            journal = self.unit.journal(since=began) if isinstance(error, ServiceError) else ""
            outcome = self._back_to(previous, actions, told=not isinstance(error, NotReloadedError))
            if isinstance(error, ServiceError):
                raise ServiceError(f"{error}. {outcome}\nThe journal of {self.unit.name}:\n{journal}") from error
            if isinstance(error, OSError):
                raise ServiceError(f"Cannot write a file: {files.reason(error, self.versions.path)}. {outcome}") from error
            if isinstance(error, files.InterruptedRunError):
                raise files.InterruptedRunError(f"{error}. {outcome}") from error
            raise
        if self.tree and "config" in actions:
            self.tree.commit()
        self.transaction.commit()
        self.versions.prune(self.params["keep"], previous)

    def _write(self, actions: t.Sequence[str]) -> None:
        for file in self._changed_files():
            mode, owner, group = _ownership(file)
            os.makedirs(os.path.dirname(file["path"]), mode=0o755, exist_ok=True)
            files.write(file["path"], to_bytes(file["content"]), mode, *files.owner_ids(owner, group))
        recorded = self._recorded()
        ours = {**recorded, **{path: bool(file["secret"]) for path, file in self.files.items()}}
        if ours != recorded:
            files.private_directory(files.STATE)
            files.write(self._record, json.dumps(ours, sort_keys=True).encode(), 0o600)
        if self.tree and "config" in actions:
            self.tree.switch()
        if self.packaged:
            # What a release left here is not in service any more.
            files.remove(self.versions.link)
            if "unit" in actions:
                files.remove(self.unit_path)
        else:
            self._write_program(actions)

    def _write_program(self, actions: t.Container[str]) -> None:
        if "unit" in actions:
            files.write(self.unit_path, to_bytes(self.params["unit"]), 0o644)
        if self.versions.current() != self.directory:
            files.link(str(self.directory), self.versions.link)
        for path, target in self.links.items():
            if files.link_target(path) != target:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                self.transaction.set_aside(path)
                files.link(target, path)

    def _serve(self, actions: t.Sequence[str]) -> None:
        if "unit" in actions or "daemon-reload" in actions:
            self.unit.daemon_reload()
        if "enable" in actions:
            self.unit.act("enable")
        probe = self.params["probe"]
        if "reload" in actions:
            self.unit.reload(self.tree.verify if self.tree else None)
        elif "start" in actions or "restart" in actions:
            self.unit.act("restart")
            self.unit.wait_healthy(probe["url"], probe["status"], probe["timeout"], probe["settle"])

    def _back_to(self, previous: str | None, actions: t.Sequence[str], *, told: bool) -> str:
        """Put everything back after a failure; return sentences about what is in service now: what was seen, and no more.

        :param told: whether the service may have seen anything of the change.
        """
        was_active = self.state.get("ActiveState") == "active"
        was_enabled = self.state.get("UnitFileState") == "enabled"
        if not was_enabled:
            # While its unit file is there still: systemd finds by it what to undo.
            with contextlib.suppress(ServiceError):
                self.unit.act("stop")
            with contextlib.suppress(ServiceError):
                self.unit.act("disable")
        try:
            self.transaction.roll_back()
            if self.tree:
                self.tree.restore()
        except OSError as error:
            return f"{files.unfinished(error, self.versions.path)}. {self.unit.name} was not restarted."
        try:
            self.unit.daemon_reload()
            if not was_active and not was_enabled:
                with contextlib.suppress(ServiceError):
                    self.unit.act("reset-failed")
                return f"{self.unit.name} was not in service before the run and was removed."
            return self._serve_again(previous, actions, told=told)
        except ServiceError as error:
            outcome = f"The previous files are restored, but the service is not healthy with these files: {error}."
            if "switch" in actions:
                outcome += (
                    " The failed version may have changed the service's data, so that the previous version cannot read the data."
                )
            return outcome

    def _serve_again(self, previous: str | None, actions: t.Sequence[str], *, told: bool) -> str:
        """Bring the former files, which are there again, into service; return a sentence about it.

        :raises ServiceError: where the service is not healthy with them.
        """
        version = self.versions.stamp(previous).get("version") or "of the service"
        probe = self.params["probe"]
        if "reload" in actions:
            if told:
                self.unit.reload(self.tree.verify if self.tree else None)
            return f"The previous version {version} is back in service."
        # Unit and files may say at which address the service answers: that of the former ones is not known.
        same_address = not {"unit", "files"}.intersection(actions)
        self.unit.act("restart")
        self.unit.wait_healthy(probe["url"] if same_address else "", probe["status"], probe["timeout"], probe["settle"])
        outcome = f"The previous version {version} is back in service."
        if probe["url"] and not same_address:
            outcome += " The service runs. Its URL was not probed, because the previous configuration may use another address."
        return outcome

    # -- removing ---------------------------------------------------------------------------------------------------

    def present(self) -> bool:
        """Return whether anything that `remove` removes is there."""
        paths = [self.versions.path, self.unit_path, *self.files]
        ours = any(files.link_target(path) == target for path, target in self.links.items())
        return ours or any(os.path.lexists(path) for path in paths) or bool(self.tree and self.tree.present())

    def remove(self) -> None:
        """Stop the service and remove it: unit, links, versions, configuration and files, never its data."""
        if os.path.lexists(self.unit_path):
            self.unit.act("stop")
            self.unit.act("disable")
            files.remove(self.unit_path)
            self.unit.daemon_reload()
        for path, target in self.links.items():
            if files.link_target(path) == target:
                files.remove(path)
        for path in self.files:
            files.remove(path)
        if self.tree:
            self.tree.remove()
        files.remove(self._record)
        files.remove(self.versions.path)
        self._remove_directories()

    def _remove_directories(self) -> None:
        files.remove_if_empty(self.versions.path)
        files.remove_if_empty(self.params["root"])


def _ownership(file: t.Mapping[str, t.Any]) -> tuple[int, str | None, str | None]:
    return parse_mode(file["mode"]), file["owner"], file["group"]


def _text(content: bytes | None) -> str | None:
    return None if content is None else to_text(content, errors="replace")


def _diff_item(path: str, before: str | None, after: str) -> dict[str, str]:
    header = path if before is not None else f"{path} (absent)"
    return {"before_header": header, "after_header": path, "before": before or "", "after": after}
