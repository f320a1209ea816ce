# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks release archives, tar and zip. Private to the collection."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import typing as t
import zipfile
import zlib

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.files import name_in_errors

_ZIP_MAGIC = b"PK\x03\x04"
# The longest target of a symbolic link that Linux accepts (PATH_MAX).
_LINK_BYTES = 4096
# zipfile raises RuntimeError for an encrypted file, and NotImplementedError, a RuntimeError, for an unknown compression.
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError)


class _ZipMember(tarfile.TarInfo):
    """A member of a zip archive, in the form of a member of a tar archive."""

    source: zipfile.ZipInfo


class _Zip:
    """Read a zip archive by the methods of `tarfile.TarFile`, so that the same code verifies and unpacks both formats."""

    def __init__(self, path: str) -> None:
        """Open the archive at *path*."""
        self._zip = zipfile.ZipFile(path)

    def __enter__(self) -> _Zip:  # noqa: PYI034 - Python 3.9 has no Self
        return self

    def __exit__(self, *_error: object) -> None:
        self._zip.close()

    def getmembers(self) -> list[_ZipMember]:
        """Return the members of the archive. A member that is no file, directory or symbolic link has the type of a pipe."""
        members = []
        for source in self._zip.infolist():
            # Unix keeps its mode in the upper half. Archives from other systems have no mode there.
            mode = source.external_attr >> 16
            member = _ZipMember(source.filename)
            member.source = source
            member.mode = mode & 0o7777
            if source.is_dir() or stat.S_ISDIR(mode):
                member.type = tarfile.DIRTYPE
            elif stat.S_ISLNK(mode):
                member.type = tarfile.SYMTYPE
                with self._zip.open(source) as target:
                    member.linkname = os.fsdecode(target.read(_LINK_BYTES))
            elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
                member.size = source.file_size
            else:
                member.type = tarfile.FIFOTYPE
            members.append(member)
        return members

    def extract(self, member: _ZipMember, path: str, **options: t.Any) -> None:
        """Write *member*, one of `getmembers`, below the directory *path*."""
        if options.get("filter"):
            tarfile.data_filter(member, path)
        target = os.path.join(path, member.name)
        os.makedirs(target if member.isdir() else os.path.dirname(target), mode=0o755, exist_ok=True)
        if member.issym():
            os.symlink(member.linkname, target)
        elif member.isfile():
            # zipfile reads no more than the size that the archive states, and verifies the checksum of the file.
            with self._zip.open(member.source) as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
        if not member.issym():
            os.chmod(target, member.mode)


def extract(archive: str, directory: str) -> None:
    """Unpack the tar or zip file *archive* without its single top directory into *directory*, so that only root may write there.

    Only files, directories and symbolic links inside the archive are accepted. Links are extracted last, so that nothing is
    written through a link. The file system resolves the links afterwards, because the target of a link can depend on other links.

    :raises DownloadError: if the archive is malformed, or does not fit on the disk.
    """
    try:
        with name_in_errors(directory), _open(archive) as opened:
            members = opened.getmembers()
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
                opened.extract(chosen[name], directory, set_attrs=name not in links, numeric_owner=True, **filtered)
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


def _open(archive: str) -> t.Any:
    # The content decides, because the URL of a release can end in anything.
    with open(archive, "rb") as file:
        is_zip = file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC
    return _Zip(archive) if is_zip else tarfile.open(archive)


def _members_by_path(members: t.Sequence[tarfile.TarInfo]) -> dict[str, tarfile.TarInfo]:
    """Return the members to unpack, by their paths below the single top directory.

    :raises DownloadError: for a member that a release must not contain.
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
