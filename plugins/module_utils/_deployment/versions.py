# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of a program side by side, each in a directory of its own. Private to the collection."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.files import link_target, named, read, remove, write

STAMP = ".release.json"
CURRENT = "current"


class Versions:
    """The directory ``<root>/<name>``: one directory a version, and the link ``current`` to the one in service."""

    def __init__(self, root: str, name: str) -> None:
        """Nothing on disk is touched."""
        self.path = os.path.join(root, name)
        self.link = os.path.join(self.path, CURRENT)

    def current(self) -> str | None:
        """Return the name of the directory in service, or None."""
        return link_target(self.link)

    def stamp(self, directory: str | None) -> dict[str, t.Any]:
        """Return what `unpack` noted of *directory*; empty where it is not whole any more."""
        if not directory:
            return {}
        content = read(os.path.join(self.path, directory, STAMP))
        try:
            stamp = json.loads(content or b"{}")
            for name, seen in stamp.get("files", {}).items():
                if seen != _seen(os.path.join(self.path, directory, name)):
                    return {}
        except (OSError, ValueError):
            return {}
        return stamp

    def find(self, version: str, arch: str, checksum: str | None) -> str | None:
        """Return the directory that holds *version* for *arch*, whole; the one in service first.

        :param checksum: SHA-256 that its archive must have had; None takes any.
        """
        current = self.current()
        for directory in sorted(self.directories(), key=lambda name: name != current):
            stamp = self.stamp(directory)
            if (stamp.get("version"), stamp.get("arch")) == (version, arch) and checksum in (None, stamp.get("sha256")):
                return directory
        return None

    def directories(self) -> list[str]:
        """Return the names of all version directories, also of broken ones."""
        try:
            names = os.listdir(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(n for n in names if n != CURRENT and not n.startswith(".") and os.path.isdir(os.path.join(self.path, n)))

    def unpack(self, archive: str, stamp: t.Mapping[str, t.Any], binaries: t.Sequence[str]) -> str:
        """Unpack *archive* into a directory of its own and return its name. Nothing in service is touched.

        :param stamp: version, arch, archive and sha256, noted in the directory.
        :param binaries: programs that the archive must hold; each is to be found at the directory's top.
        :raises DownloadError: where the archive is not what it should be, or the disk is full; nothing is left behind.
        """
        part = tempfile.mkdtemp(prefix=".unpack-", dir=self.path)
        try:
            _extract(archive, part)
            os.chmod(part, 0o755)
            files = {}
            for binary in binaries:
                files[binary] = _seen(_lift(part, binary))
            write(os.path.join(part, STAMP), json.dumps({**stamp, "files": files}).encode(), 0o644)
            os.sync()
            directory = self._free_name(stamp["version"])
            os.rename(part, os.path.join(self.path, directory))
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return directory

    def prune(self, keep: int, previous: str | None) -> None:
        """Remove versions that are neither in service, nor *previous*, nor among the *keep* - 1 newest others."""
        current = self.current()
        old = [name for name in self.directories() if name != current]
        old.sort(key=lambda name: (name == previous, os.stat(os.path.join(self.path, name)).st_mtime_ns), reverse=True)
        for name in old[max(keep, 0) :]:
            shutil.rmtree(os.path.join(self.path, name))

    def tidy(self) -> None:
        """Remove what an interrupted run left behind."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return
        for name in names:
            if name.startswith((".unpack-", ".download-")):
                remove(os.path.join(self.path, name))

    def _free_name(self, version: str) -> str:
        """Return a name for a new directory of *version*; one that is in service is never written to."""
        name, number = version, 1
        while os.path.lexists(os.path.join(self.path, name)):
            if name != self.current():
                shutil.rmtree(os.path.join(self.path, name))
                break
            number += 1
            name = f"{version}.{number}"
        return name


def _seen(path: str) -> list[int]:
    found = os.stat(path)
    return [found.st_size, found.st_mtime_ns, found.st_mode & 0o7777]


def _lift(directory: str, binary: str) -> str:
    """Make the program *binary*, wherever it is below *directory*, be found at its top; return its path there."""
    top = os.path.join(directory, binary)
    if not os.path.isfile(top):
        for parent, _directories, names in os.walk(directory):
            if binary in names:
                os.symlink(os.path.relpath(os.path.join(parent, binary), directory), top)
                break
        else:
            raise DownloadError(
                f"The archive does not contain the program {binary}. It contains {', '.join(sorted(os.listdir(directory)))}."
            )
    os.chmod(top, 0o755)
    return top


def _extract(archive: str, directory: str) -> None:
    """Unpack the tar file *archive*, without its single top directory, into *directory*, for root alone to write to.

    Files, directories and links that stay inside. Links come last, so that nothing is written through one, and are then
    resolved by the file system: what one of several links means cannot be told from its text.
    """
    try:
        with named(directory), tarfile.open(archive) as tar:
            members = tar.getmembers()
            need, free = sum(m.size for m in members), shutil.disk_usage(directory).free
            if need > free:
                raise DownloadError(
                    f"The unpacked release has {need} bytes, but the file system of {directory} has only {free} bytes free. "
                    "Free some space."
                )
            chosen = _chosen(members)
            links = {name for name, member in chosen.items() if member.issym()}
            for name in sorted(chosen, key=lambda name: name in links):
                # Old Pythons know no filter. Later ones judge once more.
                filtered: dict[str, t.Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
                tar.extract(chosen[name], directory, set_attrs=name not in links, numeric_owner=True, **filtered)
        inside = os.path.realpath(directory)
        for name in sorted(links):
            if os.path.commonpath([inside, os.path.realpath(os.path.join(directory, name))]) != inside:
                raise DownloadError(f"The archive is rejected: the link {name!r} points out of the archive.")
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if isinstance(error, getattr(tarfile, "FilterError", ())):
            raise DownloadError(f"The archive is rejected: one of its files leaves the archive ({error}).") from error
        raise DownloadError(f"The archive cannot be unpacked: {error}") from error


def _chosen(members: t.Sequence[tarfile.TarInfo]) -> dict[str, tarfile.TarInfo]:
    """Return what is to be unpacked, by its path below the single top directory.

    :raises DownloadError: for what has no place in a release.
    """
    tops = {m.name.split("/", 1)[0] for m in members if m.name not in ("", ".")}
    strip = 1 if len(tops) == 1 and any("/" in m.name for m in members) else 0
    chosen: dict[str, tarfile.TarInfo] = {}
    links = set()
    for member in members:
        original = member.name
        name = "/".join([part for part in original.split("/") if part not in ("", ".")][strip:])
        if not name:
            continue
        known = member.isfile() or member.isdir() or member.issym()
        if original.startswith("/") or ".." in name.split("/") or not known:
            raise DownloadError(
                f"The archive is rejected: {original!r} leaves the archive, or is no file, directory or symbolic link."
            )
        target = os.path.normpath(os.path.join(os.path.dirname(name), member.linkname)) if member.issym() else ""
        if target.startswith(("/", "..")):
            raise DownloadError(f"The archive is rejected: the link {original!r} points out of the archive.")
        if member.issym():
            links.add(name)
        member.name = name
        member.mode = 0o755 if member.isdir() or member.mode & 0o111 else 0o644
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        chosen[name] = member
    for name in chosen:
        parts = name.split("/")
        if links.intersection("/".join(parts[:number]) for number in range(1, len(parts))):
            raise DownloadError(f"The archive is rejected: the path {name!r} goes through a symbolic link of the archive.")
    return chosen
