# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys a release as a service, and rolls back a deployment that fails. Private to the collection."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import typing as t

from ansible.module_utils.common.text.converters import to_bytes

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import download, files
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.release_state import ReleaseState, mode_and_owner
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.rollback import rolled_back_on_failure
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import ServiceError


class Release(ReleaseState):
    """Deploys or removes the release that the options of the module describe."""

    def recover(self) -> None:
        """Roll back the change of a run that was killed. The service is restarted later.

        The caller must hold the locks of the service and of its configuration, because the change may belong to a run that is
        still active.

        :raises ServiceError: if the rollback is incomplete.
        """
        self.versions.remove_leftovers()
        try:
            if self.transaction.unfinished():
                self.unfinished = True
                self.transaction.roll_back()
                self.unit.daemon_reload()
        except OSError as error:
            message = files.incomplete_rollback(error, self.versions.path)
            raise ServiceError(f"An earlier run was interrupted. {message}.") from error
        if self.tree and self.tree.compare().unfinished:
            self.unfinished = True
            self.tree.recover()

    def fetch(self) -> str:
        """Put the release beside the version in service; return the name of the new directory.

        :raises DownloadError: the version in service is unchanged.
        """
        files.make_directory(self.versions.path, 0o755)
        python = self.python
        if not python:
            return self._download()
        stamp = {"version": self.params["version"], "arch": self.arch, "sha256": python.checksum()}
        return self.versions.build(stamp, self.params["binaries"], lambda path: python.build(path, self.params["archive"]))

    def _download(self) -> str:
        """Download, verify and unpack the release."""
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
        archive = params["archive"] or downloader.file(url, self.versions.path)
        try:
            download.verify(archive, expected, url)
            stamp = {"version": params["version"], "arch": self.arch, "archive": archive_name, "sha256": expected}
            program = params["program"] or next(iter(params["binaries"]), self.name)
            return self.versions.unpack(archive, stamp, params["binaries"], program)
        finally:
            if not params["archive"]:
                files.remove(archive)

    def rehearse(self, actions: t.Collection[str]) -> None:
        """Validate the configuration in check mode, if the validation tool is installed already.

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
        """Do all *actions*, or none of them.

        :raises ServiceError: the service was not healthy, and the previous state is restored.
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
                self._run_transaction(actions)
        except BaseException:
            if self.tree:
                self.tree.discard()
            if fetched and self.directory:
                shutil.rmtree(os.path.join(self.versions.path, self.directory), ignore_errors=True)
            if not self.versions.directories():
                self._remove_empty_directories()
            raise

    def remove(self) -> None:
        """Stop the service and remove its unit, links, versions, configuration and files, but not its data."""
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
        files.remove(self._written_list)
        files.remove(self.versions.path)
        self._remove_empty_directories()

    def _remove_empty_directories(self) -> None:
        files.remove_if_empty(self.versions.path)
        files.remove_if_empty(self.params["root"])

    def _run_transaction(self, actions: t.Sequence[str]) -> None:
        previous = self.versions.current()
        paths = [self.versions.link, self.unit_path, self._written_list, *self.links, *self.files]
        files.make_directory(self.versions.path, 0o755)
        snapshot = self.tree.snapshot() if self.tree and "config" in actions else None
        self.transaction.begin(paths, snapshot, may_be_foreign=self.links)
        with rolled_back_on_failure(
            self.unit, self.versions.path, lambda reloaded: self._roll_back(previous, actions, reloaded=reloaded)
        ):
            self._write(actions)
            self._activate(actions)
        if self.tree and "config" in actions:
            self.tree.commit()
        self.transaction.commit()
        self.versions.prune(self.params["keep"], previous)

    def _write(self, actions: t.Sequence[str]) -> None:
        """Write files, configuration, unit and links."""
        for file in self._changed_files():
            os.makedirs(os.path.dirname(file["path"]), mode=0o755, exist_ok=True)
            files.write(file["path"], to_bytes(file["content"]), *mode_and_owner(file))
        earlier = self._written_files()
        written = {**earlier, **{path: bool(file["secret"]) for path, file in self.files.items()}}
        if written != earlier:
            files.private_directory(files.STATE)
            files.write(self._written_list, json.dumps(written, sort_keys=True).encode(), 0o600)
        if self.tree and "config" in actions:
            self.tree.switch()
        if self.packaged:
            # The package replaces a release that an earlier run deployed.
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

    def _activate(self, actions: t.Sequence[str]) -> None:
        """Let systemd enable, reload or restart the service, and wait until the service is healthy."""
        if "unit" in actions or "daemon-reload" in actions:
            self.unit.daemon_reload()
        if "enable" in actions:
            self.unit.act("enable")
        if "reload" in actions:
            self.unit.reload(self.tree.verify if self.tree else None)
        elif "start" in actions or "restart" in actions:
            self._restart(self.params["probe"]["url"])

    def _restart(self, url: str) -> None:
        probe = self.params["probe"]
        self.unit.act("restart")
        self.unit.wait_healthy(url, probe["status"], probe["timeout"], probe["settle"])

    def _roll_back(self, previous: str | None, actions: t.Sequence[str], *, reloaded: bool) -> str:
        """Restore the state before the run; return sentences about what is in service now.

        :param previous: the directory of the version that was in service.
        :param reloaded: whether the service may have read the new configuration.
        """
        was_active = self.state.get("ActiveState") == "active"
        was_enabled = self.state.get("UnitFileState") == "enabled"
        if not was_enabled:
            # This has to be done before the unit file is removed, because systemd reads there what to undo.
            with contextlib.suppress(ServiceError):
                self.unit.act("stop")
            with contextlib.suppress(ServiceError):
                self.unit.act("disable")
        try:
            self.transaction.roll_back()
            if self.tree:
                self.tree.roll_back()
        except OSError as error:
            return f"{files.incomplete_rollback(error, self.versions.path)}. {self.unit.name} was not restarted."
        try:
            self.unit.daemon_reload()
            if not was_active and not was_enabled:
                with contextlib.suppress(ServiceError):
                    self.unit.act("reset-failed")
                return f"{self.unit.name} was not in service before the run and was removed."
            return self._activate_previous(previous, actions, reloaded=reloaded)
        except ServiceError as error:
            outcome = f"The previous files are restored, but the service is not healthy with these files: {error}."
            if "switch" in actions:
                outcome += (
                    " The failed version may have changed the service's data, so that the previous version cannot read the data."
                )
            return outcome

    def _activate_previous(self, previous: str | None, actions: t.Sequence[str], *, reloaded: bool) -> str:
        """Put the restored files into service; return a sentence about the outcome.

        :raises ServiceError: if the service is not healthy with the restored files.
        """
        version = self.versions.stamp(previous).get("version") or "of the service"
        outcome = f"The previous version {version} is back in service."
        if "reload" in actions:
            if reloaded:
                self.unit.reload(self.tree.verify if self.tree else None)
            return outcome
        # The address of the service can be in the unit or in a file, and the former address is unknown.
        same_address = not {"unit", "files"}.intersection(actions)
        url = self.params["probe"]["url"]
        self._restart(url if same_address else "")
        if url and not same_address:
            outcome += " The service runs. Its URL was not probed, because the previous configuration may use another address."
        return outcome
