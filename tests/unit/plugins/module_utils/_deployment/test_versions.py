# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of a program side by side, and the archives that they come from."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.versions import STAMP, Versions

# Path in the archive, and the target of a link, or None for a file.
Member = tuple[str, t.Optional[str]]


def archive(path: Path, *members: Member, kind: bytes = tarfile.SYMTYPE, mode: int = 0o644) -> str:
    """Write an archive with the program prog-2.0/prog and *members*."""
    with tarfile.open(path, mode="w:gz") as tar:
        for name, target in members:
            entry = tarfile.TarInfo(name)
            if target is not None:
                entry.type, entry.linkname = kind, target
            tar.addfile(entry)
        if not any(name == "prog-2.0/prog" for name, _target in members):
            program = tarfile.TarInfo("prog-2.0/prog")
            program.size, program.mode = 4, mode
            program.uid = program.gid = 4711
            tar.addfile(program, io.BytesIO(b"fine"))
    return str(path)


@pytest.fixture(autouse=True, params=[True, False], ids=["filter", "no filter"])
def _python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test with a Python that judges members of archives itself, and with one that does not."""
    if not request.param:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    """Return the versions of a program that has none yet."""
    (tmp_path / "opt/prog").mkdir(parents=True)
    return Versions(str(tmp_path / "opt"), "prog")


def unpack(versions: Versions, file: str, version: str = "2.0", arch: str = "amd64", **stamp: str) -> str:
    """Unpack an archive with the program prog."""
    return versions.unpack(file, {"version": version, "arch": arch, "sha256": "s", **stamp}, ["prog"])


def put_in_service(versions: Versions, directory: str) -> None:
    """Let the link name *directory*."""
    Path(versions.link).unlink(missing_ok=True)
    Path(versions.link).symlink_to(directory)


def test_a_version_is_found_whole(versions: Versions, tmp_path: Path) -> None:
    """By its version, its architecture and its checksum; the program may be run and belongs to whoever unpacked it."""
    assert (versions.current(), versions.directories()) == (None, [])
    directory = unpack(versions, archive(tmp_path / "a.tgz"))
    program = Path(versions.path, directory, "prog")
    assert (directory, program.read_text(), program.stat().st_mode & 0o777) == ("2.0", "fine", 0o755)
    assert program.stat().st_uid == os.geteuid()
    assert Path(versions.path, directory).stat().st_mode & 0o777 == 0o755
    assert versions.find("2.0", "amd64", None) == versions.find("2.0", "amd64", "s") == "2.0"
    assert versions.find("2.0", "amd64", "other") is None
    assert versions.find("2.0", "arm64", None) is None
    assert versions.find("2.1", "amd64", None) is None


@pytest.mark.parametrize("damage", ["content", "mode", "gone", "stamp", "no stamp"])
def test_a_version_that_is_not_whole_is_not_found(versions: Versions, tmp_path: Path, damage: str) -> None:
    """Somebody changed the program, or an unpacking was interrupted."""
    directory = Path(versions.path, unpack(versions, archive(tmp_path / "a.tgz")))
    if damage == "content":
        (directory / "prog").write_text("evil")
    elif damage == "mode":
        (directory / "prog").chmod(0o777)
    elif damage == "gone":
        (directory / "prog").unlink()
    elif damage == "stamp":
        (directory / STAMP).write_text("{")
    else:
        (directory / STAMP).unlink()
    assert versions.find("2.0", "amd64", None) is None


def test_a_version_in_service_is_never_written_to(versions: Versions, tmp_path: Path) -> None:
    """A new archive of the same version gets a directory beside it; one that is not in service is replaced."""
    file = archive(tmp_path / "a.tgz")
    put_in_service(versions, unpack(versions, file, sha256="old"))
    assert unpack(versions, file, sha256="new") == "2.0.2"
    assert versions.directories() == ["2.0", "2.0.2"]
    # The one in service comes first where both would do.
    assert versions.find("2.0", "amd64", None) == "2.0"
    assert versions.find("2.0", "amd64", "new") == "2.0.2"
    put_in_service(versions, "2.0.2")
    assert unpack(versions, file, sha256="newer") == "2.0"
    assert versions.find("2.0", "amd64", "old") is None


def test_the_newest_versions_stay(versions: Versions, tmp_path: Path) -> None:
    """With the one in service, and the one that was in service before, however old that is."""
    file = archive(tmp_path / "a.tgz")
    for second, version in enumerate(("1.0", "1.1", "1.2", "1.3", "1.4")):
        os.utime(Path(versions.path, unpack(versions, file, version)), (second, second))
    put_in_service(versions, "1.4")
    versions.prune(2, "1.0")
    assert versions.directories() == ["1.0", "1.3", "1.4"]
    versions.prune(1, None)
    assert versions.directories() == ["1.3", "1.4"]
    versions.prune(0, "1.3")
    assert versions.directories() == ["1.4"]


def test_what_an_interrupted_run_left_goes(versions: Versions, tmp_path: Path) -> None:
    """Half an archive and half a directory; nothing else."""
    unpack(versions, archive(tmp_path / "a.tgz"))
    (Path(versions.path) / ".unpack-x").mkdir()
    (Path(versions.path) / ".download-y").write_text("half")
    (Path(versions.path) / "theirs").mkdir()
    assert versions.directories() == ["2.0", "theirs"]
    versions.remove_leftovers()
    assert sorted(path.name for path in Path(versions.path).iterdir()) == ["2.0", "theirs"]
    shutil.rmtree(versions.path)
    versions.remove_leftovers()


def refused(versions: Versions, file: str, message: str) -> None:
    """Unpack an archive that is refused, and see that it leaves nothing."""
    with pytest.raises(DownloadError, match=message):
        unpack(versions, file)
    assert list(Path(versions.path).iterdir()) == []


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ([("../evil", None)], b""),
        ([("/etc/evil", None)], b""),
        ([("prog-1/../../evil", None)], b""),
        ([("prog-2.0/x", "/etc/passwd")], tarfile.SYMTYPE),
        ([("prog-2.0/x", "../../x")], tarfile.SYMTYPE),
        ([("prog-2.0/x", "prog")], tarfile.LNKTYPE),
        ([("prog-2.0/x", "")], tarfile.CHRTYPE),
        ([("prog-2.0/x", "")], tarfile.FIFOTYPE),
    ],
)
def test_an_archive_that_reaches_out_of_its_directory_is_refused(
    versions: Versions, tmp_path: Path, members: list[Member], kind: bytes
) -> None:
    """Paths, links and devices that have no place in a release."""
    refused(versions, archive(tmp_path / "a.tgz", *members, kind=kind), "is rejected")


CHAINS: list[list[Member]] = [
    [("a", "."), ("b", "a/a/a/../..")],
    [("d/e/f", None), ("x", "d/e/f"), ("d/y", "../x/../../../../elsewhere")],
    [("a", "."), ("a/a/out", "../..")],
    [("a", "."), ("a/evil", None)],
]


@pytest.mark.parametrize("chain", CHAINS)
def test_links_that_leave_together_are_refused(versions: Versions, tmp_path: Path, chain: list[Member]) -> None:
    """Each alone seems to stay inside."""
    file = archive(tmp_path / "a.tgz", *((f"prog-2.0/{name}", target) for name, target in chain))
    before = sorted(tmp_path.rglob("*"))
    refused(versions, file, "is rejected")
    assert sorted(tmp_path.rglob("*")) == before


def test_links_that_stay_inside_are_unpacked(versions: Versions, tmp_path: Path) -> None:
    """To files and directories, also several in a row; a program anywhere in the archive is found at the top."""
    links = (("prog", "bin/prog"), ("bin", "real"), ("real/lib/x", None), ("real/lib/back", "../prog"))
    with tarfile.open(tmp_path / "a.tgz", mode="w:gz") as tar:
        for name, target in links:
            entry = tarfile.TarInfo(f"prog-2.0/{name}")
            if target:
                entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
        program = tarfile.TarInfo("prog-2.0/real/prog")
        program.size, program.mode = 4, 0o755
        tar.addfile(program, io.BytesIO(b"fine"))
    directory = Path(versions.path, unpack(versions, str(tmp_path / "a.tgz")))
    assert (directory / "prog").read_text() == "fine"
    assert (directory / "real/lib/back").read_text() == "fine"


@pytest.mark.parametrize("top", ["", "prog-2.0/"])
def test_a_single_directory_at_the_top_is_left_out(versions: Versions, tmp_path: Path, top: str) -> None:
    """Some archives have one, others have not; a program below it is linked."""
    file = tmp_path / "a.tgz"
    with tarfile.open(file, mode="w:gz") as tar:
        for name in ("bin/prog", "LICENSE"):
            tar.addfile(tarfile.TarInfo(f"{top}{name}"))
    directory = Path(versions.path, unpack(versions, str(file)))
    assert sorted(path.name for path in directory.iterdir()) == [STAMP, "LICENSE", "bin", "prog"]
    assert (directory / "prog").readlink() == Path("bin/prog")
    assert json.loads((directory / STAMP).read_text())["version"] == "2.0"


def test_an_archive_without_the_program_is_refused(versions: Versions, tmp_path: Path) -> None:
    """The message says what it holds instead."""
    file = tmp_path / "a.tgz"
    with tarfile.open(file, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("prog-2.0/other"))
    refused(versions, str(file), "prog.*other")


def test_an_archive_that_is_larger_than_the_disk_is_refused(
    versions: Versions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a byte is unpacked, with both numbers."""
    file = archive(tmp_path / "a.tgz")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: types.SimpleNamespace(free=3))
    refused(versions, file, "4 bytes.* 3 ")


def test_what_is_no_archive_is_refused(versions: Versions, tmp_path: Path) -> None:
    """A page of HTML under the name of an archive, and an archive that ends too early."""
    (tmp_path / "page.tgz").write_text("<html>")
    refused(versions, str(tmp_path / "page.tgz"), "cannot be unpacked")
    whole = Path(archive(tmp_path / "a.tgz")).read_bytes()
    (tmp_path / "half.tgz").write_bytes(whole[: len(whole) // 2])
    refused(versions, str(tmp_path / "half.tgz"), "cannot be unpacked")
