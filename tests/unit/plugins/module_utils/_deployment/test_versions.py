# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of a program side by side."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest
from archives import NAMES, write, write_exactly, write_single

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.versions import STAMP, Versions


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    """Return the versions of a program that has none yet."""
    (tmp_path / "opt/prog").mkdir(parents=True)
    return Versions(str(tmp_path / "opt"), "prog")


def unpack(versions: Versions, file: str, version: str = "2.0", arch: str = "amd64", **stamp: str) -> str:
    """Unpack an archive with the program prog."""
    return versions.unpack(file, {"version": version, "arch": arch, "sha256": "s", **stamp}, ["prog"], "prog")


def put_in_service(versions: Versions, directory: str) -> None:
    """Let the link name *directory*."""
    Path(versions.link).unlink(missing_ok=True)
    Path(versions.link).symlink_to(directory)


@pytest.mark.parametrize("name", NAMES)
def test_a_version_is_found_whole(versions: Versions, tmp_path: Path, name: str) -> None:
    """By its version, its architecture and its checksum; the program may be run and belongs to whoever unpacked it."""
    assert (versions.current(), versions.directories()) == (None, [])
    directory = unpack(versions, write(tmp_path / name))
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
    directory = Path(versions.path, unpack(versions, write(tmp_path / "a.tgz")))
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
    file = write(tmp_path / "a.tgz")
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
    file = write(tmp_path / "a.tgz")
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
    unpack(versions, write(tmp_path / "a.tgz"))
    (Path(versions.path) / ".unpack-x").mkdir()
    (Path(versions.path) / ".download-y").write_text("half")
    (Path(versions.path) / "theirs").mkdir()
    assert versions.directories() == ["2.0", "theirs"]
    versions.remove_leftovers()
    assert sorted(path.name for path in Path(versions.path).iterdir()) == ["2.0", "theirs"]
    shutil.rmtree(versions.path)
    versions.remove_leftovers()


@pytest.mark.parametrize("top", ["", "prog-2.0/", "./", "./prog-2.0/"])
@pytest.mark.parametrize("name", NAMES)
def test_a_single_directory_at_the_top_is_left_out(versions: Versions, tmp_path: Path, top: str, name: str) -> None:
    """Some archives have one, others have not; a program below it is linked."""
    file = write_exactly(tmp_path / name, (f"{top}bin/prog", None), (f"{top}LICENSE", None))
    directory = Path(versions.path, unpack(versions, file))
    assert sorted(path.name for path in directory.iterdir()) == [STAMP, "LICENSE", "bin", "prog"]
    assert (directory / "prog").readlink() == Path("bin/prog")
    assert json.loads((directory / STAMP).read_text())["version"] == "2.0"


@pytest.mark.parametrize("name", NAMES)
def test_a_program_may_be_named_after_its_architecture(versions: Versions, tmp_path: Path, name: str) -> None:
    """The archives of Loki have loki-linux-amd64. The service and the operator call the program loki."""
    file = write_exactly(tmp_path / name, ("prog-linux-arm64", None))
    directory = Path(versions.path, unpack(versions, file, arch="arm64"))
    assert (directory / "prog").readlink() == Path("prog-linux-arm64")
    assert (directory / "prog").stat().st_mode & 0o777 == 0o755
    with pytest.raises(DownloadError, match=r"program prog\. It contains prog-linux-arm64"):
        unpack(versions, file, arch="amd64")


def test_an_archive_without_the_program_is_refused(versions: Versions, tmp_path: Path) -> None:
    """The message says what it holds instead, and nothing remains."""
    with pytest.raises(DownloadError, match=r"prog.*other"):
        unpack(versions, write_exactly(tmp_path / "a.tgz", ("prog-2.0/other", None)))
    assert list(Path(versions.path).iterdir()) == []


@pytest.mark.parametrize("executable", ["etc/default/prog", "usr/bin/prog"])
def test_an_executable_file_is_the_program(versions: Versions, tmp_path: Path, executable: str) -> None:
    """Packages have several files with the name of the program. The others are not executable."""
    source = tmp_path / "source"
    for path in ("etc/default/prog", "usr/bin/prog"):
        (source / path).parent.mkdir(parents=True)
        (source / path).write_text("x")
    (source / executable).chmod(0o755)
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        tar.add(source, "./prog-2.0")
    directory = Path(versions.path, unpack(versions, str(tmp_path / "a.tgz")))
    assert (directory / "prog").readlink() == Path(executable)


def test_a_single_file_that_is_no_command_counts_for_the_whole_version(versions: Versions, tmp_path: Path) -> None:
    """A jar is not linked into the search path of commands. A change of it is seen all the same."""
    stamp = {"version": "2.0", "arch": "any", "sha256": "s"}
    directory = versions.unpack(write_single(tmp_path / "a.jar"), stamp, [], "prog.jar")
    assert versions.find("2.0", "any", "s") == directory
    Path(versions.path, directory, "prog.jar").write_text("other")
    assert versions.find("2.0", "any", "s") is None
