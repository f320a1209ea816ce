# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases for tests: tar and zip archives, Debian packages and single files."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import typing as t
import zipfile
from pathlib import Path

# Path in the archive, and the target of a link, or None for a file.
Member = tuple[str, t.Optional[str]]
NAMES = ("a.tgz", "a.zip")
# The types of members by their types in a tar archive. Zip has no hard links.
_TYPES = {
    tarfile.SYMTYPE: stat.S_IFLNK,
    tarfile.CHRTYPE: stat.S_IFCHR,
    tarfile.FIFOTYPE: stat.S_IFIFO,
    tarfile.DIRTYPE: stat.S_IFDIR,
}


def write(path: Path, *members: Member, kind: bytes = tarfile.SYMTYPE, mode: int = 0o644) -> str:
    """Write an archive with the program prog-2.0/prog and *members*; the name of *path* decides on the format."""
    if not any(name == "prog-2.0/prog" for name, _target in members):
        members = (*members, ("prog-2.0/prog", None))
    return write_exactly(path, *members, kind=kind, mode=mode)


def write_exactly(path: Path, *members: Member, kind: bytes = tarfile.SYMTYPE, mode: int = 0o644) -> str:
    """Write an archive with *members*. A program prog has the content ``fine``, other files are empty."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, target in members:
                entry = zipfile.ZipInfo(name)
                entry.external_attr = (stat.S_IFREG | mode if target is None else _TYPES[kind] | 0o777) << 16
                archive.writestr(entry, _content(name) if target is None else target.encode())
        return str(path)
    with tarfile.open(path, mode="w:gz") as tar:
        for name, target in members:
            member = tarfile.TarInfo(name)
            member.uid = member.gid = 4711
            if target is not None:
                member.type, member.linkname = kind, target
                tar.addfile(member)
                continue
            content = _content(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return str(path)


# A program, as far as the magic number.
PROGRAM = b"\x7fELF fine"


def write_single(path: Path, content: bytes = PROGRAM) -> str:
    """Write a release that is a single file; the name of *path* decides on the format."""
    if path.suffix == ".jar":
        with zipfile.ZipFile(path, "w") as jar:
            jar.writestr("META-INF/MANIFEST.MF", "Main-Class: x")
    else:
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return str(path)


def write_package(path: Path, *members: Member, data: str = "data.tar.gz") -> str:
    """Write a Debian package with *members*, whose file of files has the name *data*."""
    files = Path(write_exactly(path.with_suffix(".tgz"), *members)).read_bytes()
    content = [("debian-binary", b"2.0\n"), ("control.tar.gz", b"odd"), (data, files)]
    path.write_bytes(
        b"!<arch>\n"
        + b"".join(
            f"{name:16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(text):<10}`\n".encode() + text + b"\n" * (len(text) % 2)
            for name, text in content
        )
    )
    return str(path)


def _content(name: str) -> bytes:
    return b"fine" if name.rpartition("/")[2] == "prog" else b""
