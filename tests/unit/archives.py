# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release archives, tar and zip, for tests."""

from __future__ import annotations

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


def _content(name: str) -> bytes:
    return b"fine" if name.rpartition("/")[2] == "prog" else b""
