# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, links and locks that change in one step. Private to the collection."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import shutil
import signal
import stat
import tempfile
import typing as t

# What must be remembered between runs, where root alone reads and writes.
STATE = "/var/lib/vigie"


class InterruptedRunError(Exception):
    """The process was asked to stop in the middle of a change."""


class UnsafePathError(Exception):
    """A path that only root may write to can be changed by somebody else; the text says which, for a person."""


@contextlib.contextmanager
def named(path: str) -> t.Iterator[None]:
    """Add *path* to an error of the operating system that names no file: what an open file cannot take does not."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = path
        raise


def reason(error: OSError, path: str) -> str:
    """Return why *error* happened, and where, for a person; *path* is where it was where the error does not say so."""
    place = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else path
    text = f"{error.strerror or error}: {place}"
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return text
    while not os.path.exists(place):
        place = os.path.dirname(place) or "/"
    disk = os.statvfs(place)
    return f"{text} ({disk.f_bavail * disk.f_frsize} bytes and {disk.f_favail} inodes are free). Free some space and run again"


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


def _mkdir(path: str) -> bool:
    """Make the directory *path*; return whether this process did."""
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return False
    return True


def make_directory(path: str, mode: int, uid: int = -1, gid: int = -1) -> bool:
    """Make the directory *path* with its parents (0755); return whether it was missing.

    Another run may make the same parents, or remove one that is empty, at the same time.
    """
    missing = not os.path.isdir(path)
    while missing:
        os.makedirs(os.path.dirname(path) or "/", mode=0o755, exist_ok=True)
        # Where the parents have gone again, they are made again.
        with contextlib.suppress(FileNotFoundError):
            missing = _mkdir(path)
            break
    os.chmod(path, mode)
    chown(path, uid, gid)
    return missing


def private_directory(path: str) -> None:
    """Make the directory *path* for this user (root) alone; its parent is one that everybody may look into.

    :raises UnsafePathError: where somebody else could put something there.
    """
    for directory, mode in ((os.path.dirname(path), 0o755), (path, 0o700)):
        with contextlib.suppress(FileExistsError):
            os.mkdir(directory, mode)
        found = os.lstat(directory)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise UnsafePathError(
                f"{directory} must be a directory that belongs to root and that no other user can write to. "
                f"Remove or rename {directory}, and run again."
            )
    os.chmod(path, 0o700)


def write(path: str, content: bytes, mode: int, uid: int = -1, gid: int = -1) -> None:
    """Write *content* to *path* in one step: whoever reads it sees the old file or the new one."""
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=os.path.dirname(path))
    try:
        with named(path), os.fdopen(handle, "wb") as stream:
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


def names(path: str) -> list[str]:
    """Return the names in the directory *path*, sorted; none where there is no such directory."""
    try:
        return sorted(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        return []


def remove_if_empty(path: str) -> bool:
    """Remove the directory *path* where it is empty; return whether it was removed."""
    try:
        os.rmdir(path)
    except OSError:
        return False
    return True


def unfinished(error: OSError, path: str) -> str:
    """Return what is said where *error* stops the putting back of a change."""
    return f"The rollback is incomplete: {reason(error, path)}. The next run continues the rollback"


@contextlib.contextmanager
def uninterrupted() -> t.Iterator[None]:
    """Let a lost connection (SIGHUP) not stop what runs inside, and SIGTERM and SIGINT undo it.

    A connection with a terminal sends SIGHUP when it is lost.
    """

    def interrupt(number: int, _frame: t.Any) -> t.NoReturn:
        raise InterruptedRunError(f"Signal {number} stopped the run")

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
