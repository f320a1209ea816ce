# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads releases: tar and zip archives, Debian packages, jars, and single programs. Private to the collection.

All formats are read by the methods of `tarfile.TarFile`, so that the same code verifies and unpacks them.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
import typing as t
import zipfile

from ansible.module_utils.common.process import get_bin_path

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"
_AR_MAGIC = b"!<arch>\n"
# An ELF file, or a script.
_PROGRAM_MAGIC = (b"\x7fELF", b"#!")
_MANIFEST = "META-INF/MANIFEST.MF"
# The longest target of a symbolic link that Linux accepts (PATH_MAX).
_LINK_BYTES = 4096
# The header of a member of an ar archive: the name, times and owners, the size, and an end mark.
_AR_NAME, _AR_SIZE, _AR_HEADER = slice(0, 16), slice(48, 58), 60


@contextlib.contextmanager
def opened(path: str, program: str) -> t.Iterator[t.Any]:
    """Open the release at *path*; the result has the methods ``getmembers`` and ``extract`` of `tarfile.TarFile`.

    The content decides on the format, because the URL of a release can end in anything.

    :param program: the name of the file if the release is a single file: a program, a compressed program or a jar.
    :raises DownloadError: if the file has none of the formats.
    """
    with open(path, "rb") as file:
        start = file.read(len(_AR_MAGIC))
    with contextlib.ExitStack() as stack:
        if start.startswith(_PROGRAM_MAGIC):
            yield _SingleFile(path, program, os.path.getsize(path))
        elif start == _AR_MAGIC:
            yield stack.enter_context(_debian_package(path))
        elif start.startswith(_ZIP_MAGIC):
            archive = stack.enter_context(zipfile.ZipFile(path))
            # A jar is a zip archive, which Java reads as it is.
            is_jar = _MANIFEST in archive.namelist()
            yield _SingleFile(path, program, os.path.getsize(path)) if is_jar else _Zip(archive)
        else:
            yield _compressed_program(path, program) or stack.enter_context(tarfile.open(path))


class _SingleFile:
    """A release that consists of one file."""

    def __init__(self, path: str, program: str, size: int, read: t.Callable[[str, t.Literal["rb"]], t.Any] = open) -> None:
        """Use the file at *path*, which has *size* bytes if *read* opens it, under the name *program*."""
        self._path = path
        self._read = read
        self._member = tarfile.TarInfo(program)
        self._member.size, self._member.mode = size, 0o755

    def getmembers(self) -> list[tarfile.TarInfo]:
        return [self._member]

    def extract(self, member: tarfile.TarInfo, path: str, **_options: t.Any) -> None:
        target = os.path.join(path, member.name)
        with self._read(self._path, "rb") as source, open(target, "wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        os.chmod(target, member.mode)


def _compressed_program(path: str, program: str) -> _SingleFile | None:
    """Return the program in the gzip file at *path*; None for any other file, for example a compressed tar archive."""
    with open(path, "rb") as file:
        if file.read(len(_GZIP_MAGIC)) != _GZIP_MAGIC:
            return None
        file.seek(-4, os.SEEK_END)
        # The last four bytes of a gzip file are the size of its content.
        size = int.from_bytes(file.read(), "little")
    with gzip.open(path, "rb") as unpacked:
        if not unpacked.read(len(_PROGRAM_MAGIC[0])).startswith(_PROGRAM_MAGIC):
            return None
    return _SingleFile(path, program, size, gzip.open)


class _ZipMember(tarfile.TarInfo):
    """A member of a zip archive, in the form of a member of a tar archive."""

    source: zipfile.ZipInfo


class _Zip:
    """A zip archive."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Use the open *archive*."""
        self._zip = archive

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


class _PackageFiles:
    """The files of a Debian package. Their paths begin at the root of the file system."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        """Use the open archive of the files."""
        self._tar = tar

    def getmembers(self) -> list[tarfile.TarInfo]:
        """Return the members of the archive below a directory, so that `usr` is not taken for a top directory of the archive."""
        members = self._tar.getmembers()
        for member in members:
            path = os.path.normpath(f"/{member.name}")
            if member.issym() and member.linkname.startswith("/"):
                # A package links to files in other top directories by their absolute paths.
                member.linkname = os.path.relpath(member.linkname, os.path.dirname(path))
            member.name = f"root{path}"
        return members

    def extract(self, member: tarfile.TarInfo, path: str, **options: t.Any) -> None:
        self._tar.extract(member, path, **options)


@contextlib.contextmanager
def _debian_package(path: str) -> t.Iterator[_PackageFiles]:
    """Open the files of the Debian package at *path*. The scripts of the package are ignored."""
    with tempfile.TemporaryFile(dir=os.path.dirname(path)) as data:
        name = _copy_ar_member(path, "data.tar", data)
        try:
            tar = tarfile.open(fileobj=data)  # noqa: SIM115 - closed below
        except tarfile.ReadError:
            # Python before 3.14 cannot read zstd.
            if not name.endswith(".zst"):
                raise
            data.truncate(0)
            _unpack_by_dpkg(path, data)
            tar = tarfile.open(fileobj=data)  # noqa: SIM115 - closed below
        with tar:
            yield _PackageFiles(tar)


def _copy_ar_member(path: str, prefix: str, target: t.IO[bytes]) -> str:
    """Copy the member whose name begins with *prefix* from the ar archive at *path* to *target*; return the name.

    :raises DownloadError: if there is no such member.
    """
    found = []
    with open(path, "rb") as file:
        file.seek(len(_AR_MAGIC))
        while len(header := file.read(_AR_HEADER)) == _AR_HEADER:
            name, size = header[_AR_NAME].decode(errors="replace").rstrip(" /"), int(header[_AR_SIZE])
            if name.startswith(prefix):
                target.write(file.read(size))
                target.seek(0)
                return name
            found.append(name)
            # Members begin at even positions.
            file.seek(size + size % 2, os.SEEK_CUR)
    raise DownloadError(f"The archive is no Debian package: {prefix} is missing. It contains {', '.join(found) or 'nothing'}.")


def _unpack_by_dpkg(path: str, target: t.IO[bytes]) -> None:
    """Write the files of the Debian package at *path* to *target*, as an uncompressed tar archive.

    :raises DownloadError: if dpkg is missing or fails.
    """
    target.seek(0)
    try:
        command = [get_bin_path("dpkg-deb"), "--fsys-tarfile", path]
        subprocess.run(command, stdout=target, stderr=subprocess.PIPE, check=True)  # noqa: S603 - the path has no meaning for it
    except ValueError as error:
        raise DownloadError(
            "The Debian package is compressed with zstd, and this host has no dpkg-deb to unpack it. Install the package dpkg, "
            "or use another archive of the release."
        ) from error
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip()
        raise DownloadError(f"dpkg-deb cannot unpack the Debian package: {reason}") from error
    target.seek(0)
