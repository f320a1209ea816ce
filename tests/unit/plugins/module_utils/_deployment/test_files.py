# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, links and directories that change in one step."""

from __future__ import annotations

import os
import signal
import time
import typing as t
from pathlib import Path

import pytest
from trees import NEW, tree

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files as files_module


def test_full_disk_names_the_file_and_the_room(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system does not say which file: an open one has no name for it."""

    def full(_handle: int) -> t.NoReturn:
        raise OSError(28, "No space left on device")

    wanted = tree(etc, NEW)
    wanted.compare()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as raised:
        wanted.stage()
    said = files_module.describe_error(raised.value, "elsewhere")
    assert "None" not in said
    assert str(etc / ".trees") in said
    assert "bytes and" in said
    assert said.endswith("inodes are free). Free some space and run again")


@pytest.mark.parametrize("failing", ["fsync", "chmod", "replace"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    """And no part of the new one."""
    path = tmp_path / "x"
    path.write_text("old")

    def fail(*_args: t.Any, **_options: t.Any) -> t.NoReturn:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="Input/output error"):
        files_module.write(str(path), b"new", 0o600)
    monkeypatch.undo()
    assert {found.name: found.read_text() for found in tmp_path.iterdir()} == {"x": "old"}


def test_a_write_goes_to_the_link_and_not_through_it(tmp_path: Path) -> None:
    """A link that somebody planted is replaced; the mode is what was asked for, whatever the umask is."""
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "x").symlink_to("theirs")
    umask = os.umask(0o077)
    try:
        files_module.write(str(tmp_path / "x"), b"ours", 0o644)
    finally:
        os.umask(umask)
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert not (tmp_path / "x").is_symlink()
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o644


def test_a_link_is_replaced_in_one_step(tmp_path: Path) -> None:
    """Also where an interrupted run has left the temporary link, and where the target is a directory."""
    (tmp_path / "one").mkdir()
    link = tmp_path / "current"
    files_module.link("one", str(link))
    (tmp_path / ".current.part").symlink_to("left")
    files_module.link("two", str(link))
    assert files_module.link_target(str(link)) == "two"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "one"]
    assert files_module.link_target(str(tmp_path / "one")) is None


def test_what_is_removed_is_the_link_and_not_its_target(tmp_path: Path) -> None:
    """Files, whole directories, links to directories, links to nothing."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").touch()
    (tmp_path / "link").symlink_to("kept")
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("link", "dangling"):
        assert files_module.remove(str(tmp_path / name))
        assert not files_module.remove(str(tmp_path / name))
    assert (tmp_path / "kept/file").exists()
    assert files_module.remove(str(tmp_path / "kept"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "current"),
    [
        (lambda _path: None, True),
        (lambda path: path.write_text("other"), False),
        (lambda path: path.chmod(0o600), False),
        (lambda path: path.chmod(0o4644), False),
        (lambda path: path.unlink(), False),
        (lambda path: (path.unlink(), path.mkdir()), False),
    ],
)
def test_a_file_that_is_as_it_should_be(tmp_path: Path, change: t.Callable[[Path], t.Any], current: bool) -> None:  # noqa: FBT001
    """With its content and its mode; -1 stands for any owner."""
    path = tmp_path / "x"
    path.write_text("content")
    path.chmod(0o644)
    change(path)
    assert files_module.is_current(str(path), b"content", 0o644) == current
    assert not files_module.is_current(str(path), b"content", 0o644, uid=os.geteuid() + 1)


def test_older_copies_keep_their_names(tmp_path: Path) -> None:
    """Also one that is a link to nothing."""
    path = str(tmp_path / "x")
    assert files_module.free_name(path) == f"{path}.before-vigie"
    Path(f"{path}.before-vigie").symlink_to("nowhere")
    Path(f"{path}.before-vigie-2").touch()
    assert files_module.free_name(path) == f"{path}.before-vigie-3"


@pytest.mark.parametrize("danger", ["writable", "link", "file", "parent"])
def test_a_private_directory_is_private(tmp_path: Path, danger: str) -> None:
    """Where somebody else could put something there, it is not used; the message names it."""
    parent, path = tmp_path / "lib", tmp_path / "lib/vigie"
    parent.mkdir(mode=0o755)
    if danger == "writable":
        path.mkdir()
        path.chmod(0o770)
    elif danger == "link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        path.symlink_to(tmp_path / "theirs")
    elif danger == "file":
        path.touch(mode=0o600)
    else:
        parent.chmod(0o777)
    with pytest.raises(files_module.UnsafePathError, match=str(parent if danger == "parent" else path)):
        files_module.private_directory(str(path))


def test_a_private_directory_is_made(tmp_path: Path) -> None:
    """For this user alone, also where others could read it before."""
    path = tmp_path / "lib/vigie"
    files_module.private_directory(str(path))
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o700, 0o755)
    path.chmod(0o755)
    files_module.private_directory(str(path))
    assert path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_change_in_order(number: signal.Signals) -> None:
    """A lost connection does not. What the signals did before, they do again afterwards."""
    handlers = [signal.getsignal(each) for each in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)]
    with files_module.uninterrupted():
        os.kill(os.getpid(), signal.SIGHUP)

    def be_stopped() -> None:
        os.kill(os.getpid(), number)
        time.sleep(5)

    with pytest.raises(files_module.InterruptedRunError, match=str(int(number))), files_module.uninterrupted():
        be_stopped()
    assert [signal.getsignal(each) for each in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)] == handlers


def test_names_that_the_host_does_not_know_stand_for_any() -> None:
    """In check mode the account is not there yet."""
    assert files_module.owner_ids("root", None) == (0, -1)
    assert files_module.owner_ids("no-such-user", "no-such-group") == (-1, -1)
