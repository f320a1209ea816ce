# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases that are single files or Debian packages. The tests of archives cover tar and zip."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from ansible.module_utils.common.process import get_bin_path
from archives import PROGRAM, write_package, write_single

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import archive_formats
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.archives import extract
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return an empty directory for the files of a release."""
    path = tmp_path / "opt/prog"
    path.mkdir(parents=True)
    return path


@pytest.mark.parametrize("name", ["prog-linux-amd64", "prog.gz", "prog.jar", "download"])
def test_a_single_file_gets_the_name_of_the_program(directory: Path, tmp_path: Path, name: str) -> None:
    """Whatever the name in the URL is. A jar stays packed, because Java reads it so."""
    file = write_single(tmp_path / name)
    extract(file, str(directory), "prog")
    (program,) = directory.iterdir()
    assert program.name == "prog"
    assert program.stat().st_mode & 0o7777 == 0o755
    assert program.read_bytes() == (Path(file).read_bytes() if name == "prog.jar" else PROGRAM)


@pytest.mark.parametrize(("name", "content"), [("page", b"<html>not here</html>"), ("page.gz", b"<html>not here</html>")])
def test_a_file_that_is_no_program_is_refused(directory: Path, tmp_path: Path, name: str, content: bytes) -> None:
    """The checksum protects from such a file only if somebody has published the checksum of the right file."""
    with pytest.raises(DownloadError, match="cannot be unpacked"):
        extract(write_single(tmp_path / name, content), str(directory), "prog")


def test_a_damaged_compressed_program_is_refused(directory: Path, tmp_path: Path) -> None:
    """Gzip has a checksum of its own."""
    whole = gzip.compress(PROGRAM * 100)
    (tmp_path / "prog.gz").write_bytes(whole[:-8] + b"0000" + whole[-4:])
    with pytest.raises(DownloadError, match="cannot be unpacked"):
        extract(str(tmp_path / "prog.gz"), str(directory), "prog")


def test_a_program_that_is_larger_than_the_disk_is_refused(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a byte of it is written: the compressed file says how large it is."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(0, 0, 3))
    with pytest.raises(DownloadError, match=f"{len(PROGRAM)} bytes, but .* only 3 bytes free"):
        extract(write_single(tmp_path / "prog.gz"), str(directory), "prog")
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("compression", ["gzip", "xz", "zstd"])
def test_a_package_of_dpkg_is_unpacked(directory: Path, tmp_path: Path, compression: str) -> None:
    """A real package, with the directories of the file system, and with a link by its absolute path."""
    source = tmp_path / "source"
    for path, text in {"DEBIAN/control": "Package: prog\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n",
                       "DEBIAN/postinst": "#!/bin/sh\ntouch /tmp/never\n", "usr/bin/prog": "#!/bin/sh\n", "etc/default/prog": "x",
                       }.items():  # fmt: skip
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text)
        (source / path).chmod(0o755 if text.startswith("#!") else 0o644)
    (source / "etc/alternative").symlink_to("/usr/bin/prog")
    subprocess.run(["dpkg-deb", "--build", f"-Z{compression}", source, tmp_path / "prog.deb"], check=True, capture_output=True)
    extract(str(tmp_path / "prog.deb"), str(directory), "prog")
    assert sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()) == [
        "etc/alternative",
        "etc/default/prog",
        "usr/bin/prog",
    ]
    assert (directory / "etc/alternative").resolve() == directory / "usr/bin/prog"
    assert (directory / "usr/bin/prog").stat().st_mode & 0o777 == 0o755


def test_a_package_with_one_top_directory_keeps_it(directory: Path, tmp_path: Path) -> None:
    """The top directory of other archives is left out, because its name contains the version."""
    extract(write_package(tmp_path / "a.deb", ("./usr/bin/prog", None), ("./usr/bin/other", "prog")), str(directory), "prog")
    assert (directory / "usr/bin/prog").read_text() == "fine"
    assert (directory / "usr/bin/other").readlink() == Path("prog")


@pytest.mark.parametrize("filtered", [True, False])
def test_a_package_does_not_leave_its_directory(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, filtered: bool
) -> None:
    """A path that climbs out of the package ends below the root of the package."""
    if not filtered:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    extract(write_package(tmp_path / "a.deb", ("../../out", None), ("./link", "/../../etc")), str(directory), "prog")
    assert sorted(path.name for path in directory.iterdir()) == ["link", "out"]
    assert (directory / "link").readlink() == Path("etc")
    with pytest.raises(DownloadError, match="points out of the archive"):
        extract(write_package(tmp_path / "a.deb", ("./link", "../../etc")), str(directory), "prog")


def test_an_incomplete_package_is_refused(directory: Path, tmp_path: Path) -> None:
    """The message names what the file contains."""
    file = write_package(tmp_path / "a.deb", ("./usr/bin/prog", None), data="other")
    with pytest.raises(DownloadError, match=r"data\.tar is missing. It contains debian-binary, control.tar.gz, other"):
        extract(file, str(directory), "prog")
    Path(file).write_bytes(Path(file).read_bytes()[:70])
    with pytest.raises(DownloadError, match=r"data\.tar is missing"):
        extract(file, str(directory), "prog")


def test_without_dpkg_a_package_with_zstd_is_refused(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python reads zstd from 3.14 on."""
    file = Path(write_package(tmp_path / "a.deb", data="data.tar.zst"))
    file.write_bytes(file.read_bytes().replace(b"\x1f\x8b", b"\x28\xb5"))
    monkeypatch.setattr(archive_formats, "get_bin_path", lambda name: get_bin_path(f"no-{name}"))
    with pytest.raises(DownloadError, match="this host has no dpkg-deb"):
        extract(str(file), str(directory), "prog")
