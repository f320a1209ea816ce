# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes files and links atomically. Private to the collection."""

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

# The state that runs keep for later runs. Only root may read and write there.
STATE = "/var/lib/vigie"


class InterruptedRunError(Exception):
    """A signal stopped the process during a change."""


class UnsafePathError(Exception):
    """Another user can change a path that only root may write to. The text is for the operator."""


@contextlib.contextmanager
def name_in_errors(path: str) -> t.Iterator[None]:
    """Add *path* to errors of the operating system that name no file, such as the error of a write to an open file."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = path
        raise


def describe_error(error: OSError, path: str) -> str:
    """Return the reason and the place of *error*, for the operator; *path* is the place if the error names no file."""
    place = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else path
    text = f"{error.strerror or error}: {place}"
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return text
    while not os.path.exists(place):
        place = os.path.dirname(place) or "/"
    disk = os.statvfs(place)
    return f"{text} ({disk.f_bavail * disk.f_frsize} bytes and {disk.f_favail} inodes are free). Free some space and run again"


def owner_ids(owner: str | None, group: str | None) -> tuple[int, int]:
    """Return the numeric IDs of *owner* and *group*; -1 for None, or for a name that this host does not know.

    A name can be unknown in check mode only. A real run creates the account before.
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
    """Change the owner of *path* to *uid* and *gid* if it differs. Without a difference, this works for any user (tests)."""
    status = os.lstat(path)
    if uid not in (-1, status.st_uid) or gid not in (-1, status.st_gid):
        os.chown(path, uid, gid, follow_symlinks=False)


def _mkdir(path: str) -> bool:
    """Create the directory *path*; return whether this process created it."""
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return False
    return True


def make_directory(path: str, mode: int, uid: int = -1, gid: int = -1) -> bool:
    """Create the directory *path* with its parents (mode 0755); return whether the directory was missing.

    Another run may create the same parents, or remove empty ones, at the same time.
    """
    missing = not os.path.isdir(path)
    while missing:
        os.makedirs(os.path.dirname(path) or "/", mode=0o755, exist_ok=True)
        # If another run has removed the parents, create the parents again.
        with contextlib.suppress(FileNotFoundError):
            missing = _mkdir(path)
            break
    os.chmod(path, mode)
    chown(path, uid, gid)
    return missing


def private_directory(path: str) -> None:
    """Create the directory *path* with access for this user (root) only; everybody may read its parent.

    :raises UnsafePathError: if another user could write there.
    """
    for directory, mode in ((os.path.dirname(path), 0o755), (path, 0o700)):
        with contextlib.suppress(FileExistsError):
            os.mkdir(directory, mode)
        status = os.lstat(directory)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise UnsafePathError(
                f"{directory} must be a directory that belongs to root and that no other user can write to. "
                f"Remove or rename {directory}, and run again."
            )
    os.chmod(path, 0o700)


def _part_prefix(path: str) -> str:
    # File names are limited to 255 bytes.
    return f".{os.path.basename(path)[:50]}."


def remove_parts(path: str) -> None:
    """Remove the temporary files of runs that were killed while they wrote the file or the link *path*."""
    directory = os.path.dirname(path)
    for name in names(directory):
        if name.startswith(_part_prefix(path)) and name.endswith(".part"):
            remove(os.path.join(directory, name))


def write(path: str, content: bytes, mode: int, uid: int = -1, gid: int = -1) -> None:
    """Write *content* to *path* atomically: readers see either the old or the new file."""
    handle, temporary = tempfile.mkstemp(prefix=_part_prefix(path), suffix=".part", dir=os.path.dirname(path))
    try:
        with name_in_errors(path), os.fdopen(handle, "wb") as stream:
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
    """Make *path* a symbolic link to *target*, atomically."""
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.part")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, path)


def link_target(path: str) -> str | None:
    """Return the target of the symbolic link *path*, or None if *path* is not a link."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def read(path: str) -> bytes | None:
    """Return the content of the file *path*, or None if the file does not exist."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def remove(path: str) -> bool:
    """Remove a file, a link or a whole directory; return whether *path* existed."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
        return True
    # On a read-only file system, unlink fails also for a path that does not exist.
    if not os.path.lexists(path):
        return False
    os.unlink(path)
    return True


def names(path: str) -> list[str]:
    """Return the sorted names in the directory *path*; an empty list if the directory does not exist."""
    try:
        return sorted(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        return []


def is_current(path: str, content: bytes, mode: int, uid: int = -1, gid: int = -1) -> bool:
    """Return whether the file *path* has this content, mode and owner; -1 stands for any user or group."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    owned = uid in (-1, status.st_uid) and gid in (-1, status.st_gid)
    return owned and status.st_mode & 0o7777 == mode and read(path) == content


def free_name(path: str) -> str:
    """Return an unused path beside *path*, under which a file of somebody else is kept. Older copies keep their names."""
    kept, number = f"{path}.before-vigie", 1
    while os.path.lexists(kept):
        number += 1
        kept = f"{path}.before-vigie-{number}"
    return kept


def remove_if_empty(path: str) -> bool:
    """Remove the directory *path* if it is empty; return whether it was removed."""
    try:
        os.rmdir(path)
    except OSError:
        return False
    return True


def incomplete_rollback(error: OSError, path: str) -> str:
    """Return the message about a rollback that *error* stopped."""
    return f"The rollback is incomplete: {describe_error(error, path)}. The next run continues the rollback"


@contextlib.contextmanager
def uninterrupted() -> t.Iterator[None]:
    """Ignore SIGHUP for the code inside, and raise InterruptedRunError on SIGTERM and SIGINT.

    A connection with a terminal sends SIGHUP when the connection is lost.
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
