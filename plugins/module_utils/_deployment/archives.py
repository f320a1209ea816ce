# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks releases. Private to the collection."""

from __future__ import annotations

import os
import shutil
import tarfile
import typing as t
import zipfile
import zlib

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.archive_formats import opened
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.files import name_in_errors

# zipfile raises RuntimeError for an encrypted file, and NotImplementedError, a RuntimeError, for an unknown compression.
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError)


def extract(archive: str, directory: str, program: str) -> None:
    """Unpack the file *archive* without its single top directory into *directory*, so that only root may write there.

    Only files, directories and symbolic links inside the archive are accepted. Links are extracted last, so that nothing is
    written through a link. The file system resolves the links afterwards, because the target of a link can depend on other links.

    :param program: the name of the file if the release is a single file.
    :raises DownloadError: if the archive is malformed, or does not fit on the disk.
    """
    try:
        with name_in_errors(directory), opened(archive, program) as release:
            members = release.getmembers()
            needed, free = sum(member.size for member in members), shutil.disk_usage(directory).free
            if needed > free:
                raise DownloadError(
                    f"The unpacked release has {needed} bytes, but the file system of {directory} has only {free} bytes free. "
                    "Free some space and run again."
                )
            chosen = _members_by_path(members)
            links = {name for name, member in chosen.items() if member.issym()}
            for name in sorted(chosen, key=lambda name: name in links):
                # Python checks the member again, in versions that have filters.
                filtered: dict[str, t.Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
                release.extract(chosen[name], directory, set_attrs=name not in links, numeric_owner=True, **filtered)
        inside = os.path.realpath(directory)
        for name in sorted(links):
            if os.path.commonpath([inside, os.path.realpath(os.path.join(directory, name))]) != inside:
                raise DownloadError(f"The archive is rejected: the link {name!r} points out of the archive.")
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if isinstance(error, getattr(tarfile, "FilterError", ())):
            raise DownloadError(f"The archive is rejected: one of its files leaves the archive ({error}).") from error
        raise DownloadError(f"The archive cannot be unpacked: {error}") from error


def _members_by_path(members: t.Sequence[tarfile.TarInfo]) -> dict[str, tarfile.TarInfo]:
    """Return the members to unpack, by their paths below the single top directory.

    :raises DownloadError: for a member that a release must not contain.
    """
    paths = {member.name: [part for part in member.name.split("/") if part not in ("", ".")] for member in members}
    tops = {path[0] for path in paths.values() if path}
    strip = 1 if len(tops) == 1 and any(len(path) > 1 for path in paths.values()) else 0
    chosen: dict[str, tarfile.TarInfo] = {}
    links = set()
    for member in members:
        original = member.name
        name = "/".join(paths[original][strip:])
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
