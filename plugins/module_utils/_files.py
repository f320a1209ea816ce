# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, links and locks that change in one step. Private to the collection."""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import pwd
import shutil
import signal
import tempfile
import typing as t


class InterruptedRunError(Exception):
    """The process was asked to stop in the middle of a change."""


def owner_ids(owner: str | None, group: str | None) -> tuple[int, int]:
    """Return the numbers of *owner* and *group*; -1 for None, or for a name that this host does not know.

    A name may be unknown in check mode alone: the run itself makes the account first.
    """
    uid = gid = -1
    with contextlib.suppress(KeyError):
        if owner is not None:
            uid = pwd.getpwnam(owner).pw_uid
    with contextlib.suppress(KeyError):
        if group is not None:
            gid = grp.getgrnam(group).gr_gid
    return uid, gid


def chown(path: str, uid: int, gid: int) -> None:
    """Give *path* to *uid* and *gid*, where it is not theirs already (a tester need not be root)."""
    found = os.lstat(path)
    if uid not in (-1, found.st_uid) or gid not in (-1, found.st_gid):
        os.chown(path, uid, gid, follow_symlinks=False)


def make_directory(path: str, mode: int, uid: int = -1, gid: int = -1) -> bool:
    """Make the directory *path* with its parents (0755); return whether it was missing."""
    missing = not os.path.isdir(path)
    if missing:
        os.makedirs(os.path.dirname(path) or "/", mode=0o755, exist_ok=True)
        os.mkdir(path)
    os.chmod(path, mode)
    chown(path, uid, gid)
    return missing


def write(path: str, content: bytes, mode: int, uid: int = -1, gid: int = -1) -> None:
    """Write *content* to *path* in one step: whoever reads it sees the old file or the new one."""
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, mode)
        chown(temporary, uid, gid)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def link(target: str, path: str) -> None:
    """Let the symbolic link *path* name *target*, in one step."""
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.part")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, path)


def link_target(path: str) -> str | None:
    """Return what the symbolic link *path* names, or None where it is no link."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def read(path: str) -> bytes | None:
    """Return the content of the file *path*, or None where there is none."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def remove(path: str) -> bool:
    """Remove a file, a link or a whole directory; return whether there was one."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
        return True
    # A file system that is read-only refuses before it sees that there is nothing to remove.
    if not os.path.lexists(path):
        return False
    os.unlink(path)
    return True


def remove_if_empty(path: str) -> bool:
    """Remove the directory *path* where it is empty; return whether it was removed."""
    try:
        os.rmdir(path)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def locked(path: str) -> t.Iterator[None]:
    """Hold the lock file *path*: a second run on the same host waits for the first."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def uninterrupted() -> t.Iterator[None]:
    """Let a lost connection (SIGHUP) not stop what runs inside, and SIGTERM and SIGINT undo it.

    A connection with a terminal sends SIGHUP when it is lost.
    """

    def interrupt(number: int, _frame: t.Any) -> t.NoReturn:
        raise InterruptedRunError(f"stopped by signal {number}")

    previous = {
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_IGN),
        signal.SIGTERM: signal.signal(signal.SIGTERM, interrupt),
        signal.SIGINT: signal.signal(signal.SIGINT, interrupt),
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
