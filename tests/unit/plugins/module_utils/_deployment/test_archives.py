# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that are unpacked, and archives that are refused: tar and zip alike."""

from __future__ import annotations

import shutil
import struct
import tarfile
import types
import zipfile
from pathlib import Path

import pytest
from archives import NAMES, Member, write, write_exactly

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.archives import extract
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Return the file name of an archive, once for each format."""
    return request.param


@pytest.fixture(autouse=True, params=[True, False], ids=["filter", "no filter"])
def _python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test with a Python that judges members of archives itself, and with one that does not."""
    if not request.param:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return an empty directory for the files of an archive."""
    path = tmp_path / "opt/prog"
    path.mkdir(parents=True)
    return path


def refused(file: str, directory: Path, message: str) -> None:
    """Unpack an archive that is refused."""
    with pytest.raises(DownloadError, match=message):
        extract(file, str(directory), "prog")


def test_modes_and_owners_are_those_of_a_release(directory: Path, tmp_path: Path, name: str) -> None:
    """Everybody can read, only the owner can write, no file keeps a special mode."""
    extract(write(tmp_path / name, ("prog-2.0/doc/README", None), mode=0o4777), str(directory), "prog")
    modes = {path.name: path.stat().st_mode & 0o7777 for path in directory.rglob("*")}
    assert modes == {"prog": 0o755, "doc": 0o755, "README": 0o755}
    extract(write(tmp_path / name, mode=0o666), str(directory), "prog")
    assert (directory / "prog").stat().st_mode & 0o7777 == 0o644
    assert (directory / "prog").stat().st_uid != 4711


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ([("../evil", None)], b""),
        ([("/etc/evil", None)], b""),
        ([("prog-1/../../evil", None)], b""),
        ([("prog-2.0/x", "/etc/passwd")], tarfile.SYMTYPE),
        ([("prog-2.0/x", "../../x")], tarfile.SYMTYPE),
        ([("prog-2.0/x", "")], tarfile.CHRTYPE),
        ([("prog-2.0/x", "")], tarfile.FIFOTYPE),
    ],
)
def test_an_archive_that_reaches_out_of_its_directory_is_refused(
    directory: Path, tmp_path: Path, name: str, members: list[Member], kind: bytes
) -> None:
    """Paths, links and devices that have no place in a release. Nothing is written."""
    refused(write(tmp_path / name, *members, kind=kind), directory, "is rejected")
    assert list(directory.iterdir()) == []


def test_an_archive_with_a_hard_link_is_refused(directory: Path, tmp_path: Path) -> None:
    """Only tar has hard links."""
    refused(write(tmp_path / "a.tgz", ("prog-2.0/x", "prog"), kind=tarfile.LNKTYPE), directory, "is rejected")
    assert list(directory.iterdir()) == []


CHAINS: list[list[Member]] = [
    [("a", "."), ("b", "a/a/a/../..")],
    [("d/e/f", None), ("x", "d/e/f"), ("d/y", "../x/../../../../elsewhere")],
    [("a", "."), ("a/a/out", "../..")],
    [("a", "."), ("a/evil", None)],
]


@pytest.mark.parametrize("chain", CHAINS)
def test_links_that_leave_together_are_refused(directory: Path, tmp_path: Path, name: str, chain: list[Member]) -> None:
    """Each alone seems to stay inside."""
    file = write(tmp_path / name, *((f"prog-2.0/{path}", target) for path, target in chain))
    before = {path for path in tmp_path.rglob("*") if directory not in path.parents}
    refused(file, directory, "is rejected")
    assert {path for path in tmp_path.rglob("*") if directory not in path.parents} == before


def test_links_that_stay_inside_are_unpacked(directory: Path, tmp_path: Path, name: str) -> None:
    """To files and directories, also several in a row."""
    links = (("prog", "bin/prog"), ("bin", "real"), ("real/lib/x", None), ("real/lib/back", "../prog"), ("real/prog", None))
    extract(write_exactly(tmp_path / name, *((f"prog-2.0/{path}", target) for path, target in links)), str(directory), "prog")
    assert (directory / "prog").read_text() == "fine"
    assert (directory / "real/lib/back").read_text() == "fine"


def test_an_archive_that_is_larger_than_the_disk_is_refused(
    directory: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a byte is unpacked, with both numbers."""
    file = write(tmp_path / name)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: types.SimpleNamespace(free=3))
    refused(file, directory, "4 bytes.* 3 ")
    assert list(directory.iterdir()) == []


def test_what_is_no_archive_is_refused(directory: Path, tmp_path: Path, name: str) -> None:
    """A page of HTML under the name of an archive, and an archive that ends too early."""
    (tmp_path / f"page-{name}").write_text("<html>")
    refused(str(tmp_path / f"page-{name}"), directory, "cannot be unpacked")
    whole = Path(write(tmp_path / name)).read_bytes()
    (tmp_path / f"half-{name}").write_bytes(whole[: len(whole) // 2])
    refused(str(tmp_path / f"half-{name}"), directory, "cannot be unpacked")


def _damaged(whole: bytes, damage: str) -> bytes:
    """Return a zip archive of one file with one kind of damage."""
    data = bytearray(whole)
    entry = data.index(b"PK\x01\x02")
    if damage == "content":
        # The checksum no longer fits. The content follows the header of 30 bytes and the name of 13 bytes.
        data[43] ^= 0xFF
    elif damage == "size":
        # The archive states one byte, and has four.
        struct.pack_into("<I", data, entry + 24, 1)
    elif damage == "encrypted":
        struct.pack_into("<H", data, entry + 8, 1)
        struct.pack_into("<H", data, 6, 1)
    else:
        struct.pack_into("<H", data, entry + 10, 99)
    return bytes(data)


@pytest.mark.parametrize("damage", ["content", "size", "encrypted", "compression"])
def test_a_damaged_file_of_a_zip_archive_is_refused(directory: Path, tmp_path: Path, damage: str) -> None:
    """A wrong checksum, a size that is not true, a password, and a compression that Python does not know."""
    file = Path(write(tmp_path / "a.zip"))
    file.write_bytes(_damaged(file.read_bytes(), damage))
    refused(str(file), directory, "cannot be unpacked")


def test_a_zip_archive_from_another_system_is_unpacked(directory: Path, tmp_path: Path) -> None:
    """It has no modes; the program becomes executable when it is linked, and all other files are readable."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        entry = zipfile.ZipInfo("prog")
        entry.create_system = entry.external_attr = 0
        archive.writestr(entry, "fine")
        archive.writestr("doc/", "")
    extract(str(tmp_path / "a.zip"), str(directory), "prog")
    assert {path.name: path.stat().st_mode & 0o7777 for path in directory.iterdir()} == {"prog": 0o644, "doc": 0o755}
