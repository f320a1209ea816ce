# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manages the versions of a program, each in its own directory. Private to the collection."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.archives import extract
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.files import (
    link_target,
    names,
    read,
    remove,
    write,
)

STAMP = ".release.json"
CURRENT = "current"
# This file marks a directory that `build` has not finished.
_UNFINISHED = ".unfinished"


class Versions:
    """The directory ``<root>/<name>``: one directory for each version, and the link ``current`` to the version in service."""

    def __init__(self, root: str, name: str) -> None:
        """Use the directory ``<root>/<name>``; nothing on disk is touched."""
        self.path = os.path.join(root, name)
        self.link = os.path.join(self.path, CURRENT)

    def current(self) -> str | None:
        """Return the name of the directory in service, or None."""
        return link_target(self.link)

    def stamp(self, directory: str | None) -> dict[str, t.Any]:
        """Return the stamp that `unpack` wrote into *directory*; empty if programs are missing or have changed since."""
        if not directory:
            return {}
        content = read(os.path.join(self.path, directory, STAMP))
        try:
            stamp = json.loads(content or b"{}")
            for name, state in stamp.get("files", {}).items():
                if state != _file_state(os.path.join(self.path, directory, name)):
                    return {}
        except (OSError, ValueError):
            return {}
        return stamp

    def find(self, version: str, arch: str, checksum: str | None) -> str | None:
        """Return the complete directory of *version* for *arch*, preferably the directory in service.

        :param checksum: SHA-256 that the archive must have had; None accepts any archive.
        """
        current = self.current()
        for directory in sorted(self.directories(), key=lambda name: name != current):
            stamp = self.stamp(directory)
            if (stamp.get("version"), stamp.get("arch")) == (version, arch) and checksum in (None, stamp.get("sha256")):
                return directory
        return None

    def directories(self) -> list[str]:
        """Return the names of all version directories, including incomplete ones."""
        return [
            name
            for name in names(self.path)
            if name != CURRENT and not name.startswith(".") and os.path.isdir(os.path.join(self.path, name))
        ]

    def unpack(self, archive: str, stamp: t.Mapping[str, t.Any], binaries: t.Sequence[str], program: str) -> str:
        """Unpack *archive* into a new directory and return the name of the directory. The version in service is unchanged.

        :param stamp: version, arch, archive and sha256, which are written into the directory.
        :param binaries: programs that the archive must contain. `unpack` makes each program available at the top.
        :param program: the name of the file if the archive is a single file, for example a program or a jar.
        :raises DownloadError: if the archive is malformed, or does not fit on the disk. No files remain.
        """
        unpacked = tempfile.mkdtemp(prefix=".unpack-", dir=self.path)
        try:
            extract(archive, unpacked, program)
            os.chmod(unpacked, 0o755)
            single = {program}.intersection(names(unpacked)) - set(binaries)
            _finish(unpacked, stamp, binaries, single)
            directory = self._free_name(stamp["version"])
            os.rename(unpacked, os.path.join(self.path, directory))
        except BaseException:
            shutil.rmtree(unpacked, ignore_errors=True)
            raise
        return directory

    def build(self, stamp: t.Mapping[str, t.Any], binaries: t.Sequence[str], fill: t.Callable[[str], t.Iterable[str]]) -> str:
        """Let *fill* build a new directory, and return the name of the directory. The version in service is unchanged.

        The directory has its final path from the beginning, because a virtual environment of Python contains its own path. The
        version is complete when the directory has its stamp.

        :param fill: gets the path of the directory; returns the paths in the directory of files that must not change later.
        """
        directory = self._free_name(stamp["version"])
        path = os.path.join(self.path, directory)
        os.mkdir(path, 0o755)
        try:
            write(os.path.join(path, _UNFINISHED), b"", 0o644)
            _finish(path, stamp, binaries, fill(path))
            os.unlink(os.path.join(path, _UNFINISHED))
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        return directory

    def prune(self, keep: int, previous: str | None) -> None:
        """Remove old versions. The version in service stays, and *keep* others: *previous* and the newest ones."""
        current = self.current()
        old = [name for name in self.directories() if name != current]
        old.sort(key=lambda name: (name == previous, os.stat(os.path.join(self.path, name)).st_mtime_ns), reverse=True)
        for name in old[max(keep, 0) :]:
            shutil.rmtree(os.path.join(self.path, name))

    def remove_leftovers(self) -> None:
        """Remove the temporary files of interrupted runs."""
        for name in names(self.path):
            unfinished = name != CURRENT and os.path.lexists(os.path.join(self.path, name, _UNFINISHED))
            if unfinished or name.startswith((".unpack-", ".download-")):
                remove(os.path.join(self.path, name))

    def _free_name(self, version: str) -> str:
        """Return a name for a new directory of *version*, which is never the directory in service."""
        name, number = version, 1
        while os.path.lexists(os.path.join(self.path, name)):
            if name != self.current():
                shutil.rmtree(os.path.join(self.path, name))
                break
            number += 1
            name = f"{version}.{number}"
        return name


def _finish(directory: str, stamp: t.Mapping[str, t.Any], binaries: t.Sequence[str], others: t.Iterable[str]) -> None:
    """Make the programs *binaries* available at the top of *directory*, and write the stamp, which shows later changes.

    :param others: the paths in the directory of other files whose changes the stamp shows.
    """
    states = {binary: _file_state(_link_at_top(directory, binary, stamp["arch"])) for binary in binaries}
    states.update({path: _file_state(os.path.join(directory, path)) for path in others})
    write(os.path.join(directory, STAMP), json.dumps({**stamp, "files": states}).encode(), 0o644)
    os.sync()


def _file_state(path: str) -> list[int]:
    """Return size, time of the last change and mode of *path*, which show later whether the file has changed."""
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns, status.st_mode & 0o7777]


def _link_at_top(directory: str, binary: str, arch: str) -> str:
    """Link the program *binary*, which can be anywhere below *directory*, at the top of *directory*; return that path.

    Some projects, such as Loki, name the program after the system and the architecture: ``loki-linux-amd64``.
    """
    top = os.path.join(directory, binary)
    if not os.path.isfile(top):
        for wanted in (binary, f"{binary}-linux-{arch}"):
            found = [os.path.join(parent, wanted) for parent, _directories, here in os.walk(directory) if wanted in here]
            if found:
                # Packages have other files with the name of the program, for example in etc/default.
                program = max(sorted(found), key=lambda path: os.access(path, os.X_OK))
                os.symlink(os.path.relpath(program, directory), top)
                break
        else:
            raise DownloadError(
                f"The archive does not contain the program {binary}. It contains {', '.join(sorted(os.listdir(directory)))}."
            )
    os.chmod(top, 0o755)
    return top
