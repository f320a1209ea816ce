# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between processes."""

from __future__ import annotations

import os
import re
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files, locks

pytestmark = pytest.mark.usefixtures("private")


class Other:
    """Another process, which holds locks for some seconds."""

    def __init__(self, names: list[str], seconds: float, *, shared: bool = False) -> None:
        """Start the process, and return when it has the locks."""
        reader, writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.environ["SUDO_USER"] = "alice"
            with locks.held(names, 5, shared=shared):
                os.write(writer, b"x")
                time.sleep(seconds)
            os._exit(0)
        os.read(reader, 1)
        os.close(reader)
        os.close(writer)

    def wait(self) -> None:
        """Wait until it has ended."""
        os.waitpid(self.pid, 0)


def test_the_second_waits_for_the_first() -> None:
    """And goes on as soon as the first has finished."""
    other = Other(["a"], 1)
    began = time.monotonic()
    with locks.held(["a"], 10):
        assert 0.3 < time.monotonic() - began < 5
    other.wait()


def test_who_waits_too_long_learns_whom_for() -> None:
    """The message names what is locked, the other's user and process, and what to do."""
    other = Other(["the service x"], 2)
    with pytest.raises(locks.BusyError) as raised, locks.held(["the service x"], 0.3):
        pass
    expected = (
        rf"Another run \(of the user alice, process {other.pid}, since 20.*\) is changing the service x on this host and did not "
        r"finish within 0\.3 s\. This run has not changed the service x\. Wait until .* run again"
    )
    assert re.match(expected, str(raised.value)), str(raised.value)
    other.wait()
    with locks.held(["the service x"], 0):
        pass


def test_a_run_that_was_killed_holds_nothing() -> None:
    """The kernel lets go of its locks."""
    other = Other(["a"], 60)
    os.kill(other.pid, 9)
    other.wait()
    with locks.held(["a"], 0):
        pass


def test_a_look_waits_for_a_change_and_not_for_another_look(private: Path) -> None:
    """And where nobody has changed anything, it leaves no trace."""
    with locks.held(["a"], 0, shared=True):
        assert list(private.parent.iterdir()) == []
    change = Other(["a"], 1)
    with pytest.raises(locks.BusyError), locks.held(["a"], 0, shared=True):
        pass
    change.wait()
    look = Other(["a"], 1, shared=True)
    with locks.held(["a"], 0, shared=True):
        pass
    # Who looked is not noted, and the one who changed something has gone.
    with pytest.raises(locks.BusyError, match=r"^Another run is changing a on"), locks.held(["a"], 0):
        pass
    look.wait()


@pytest.mark.parametrize("spelling", ["{0}/etc", "{0}/etc/", "{0}/link", "{0}/other/../etc"])
def test_a_directory_has_one_lock_however_it_is_spelled(tmp_path: Path, spelling: str) -> None:
    """A link to it is the same directory."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "link").symlink_to("etc")
    assert locks.tree(spelling.format(tmp_path)) == locks.tree(str(tmp_path / "etc"))
    assert locks.file_name(locks.tree("/etc/a-b")) != locks.file_name(locks.tree("/etc/a/b"))


def test_no_other_user_can_open_a_lock(private: Path) -> None:
    """What cannot be opened cannot be held for ever."""
    with locks.held(["a"], 0):
        directory = Path(locks.DIRECTORY)
        assert directory.stat().st_mode & 0o777 == 0o700
        assert [path.stat().st_mode & 0o777 for path in directory.iterdir()] == [0o600]
    assert private.parent.exists()


def _link(path: Path) -> None:
    (path.parent / "elsewhere").mkdir()
    path.symlink_to("elsewhere")


def _open(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


def _foreign(path: Path) -> None:
    if os.geteuid():
        pytest.skip("needs root")
    path.mkdir()
    os.chown(path, 65534, 65534)


@pytest.mark.parametrize("make", [_link, _open, _foreign])
def test_a_directory_that_somebody_else_made_is_refused(make: t.Callable[[Path], None]) -> None:
    """A link, one that everybody may write to, one of another user."""
    make(Path(locks.DIRECTORY))
    with (
        pytest.raises(files.UnsafePathError, match=f"^{locks.DIRECTORY} must be a directory that belongs to root"),
        locks.held(["a"], 0),
    ):
        pass


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    """It would make root write to another file."""
    with locks.held(["a"], 0):
        pass
    lock = Path(locks.DIRECTORY, "a")
    lock.unlink()
    lock.symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic links"), locks.held(["a"], 0):
        pass
    assert not (tmp_path / "target").exists()
