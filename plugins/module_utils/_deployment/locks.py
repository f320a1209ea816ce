# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that keep concurrent runs on one host apart. Private to the collection.

Each lock protects one object, whichever module changes the object: a service, a directory of configuration, the firewall.
Every module takes its locks in the same order (the service, then its configuration), so that no two runs wait for each other.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import typing as t
from urllib.parse import quote

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files

# Only root may open files there, because a process that can open the file of a lock can hold the lock for ever.
DIRECTORY = "/run/vigie/.locks"
FIREWALL = "the firewall"
# Seconds. A run holds the lock during the download of a release and the start of its service.
TIMEOUT = 600
LOCK_SPEC: dict[str, t.Any] = {"lock_timeout": {"type": "int", "default": TIMEOUT}}
_POLL_SECONDS = 0.2
# File names are limited to 255 bytes.
_LONGEST_NAME = 200


class BusyError(Exception):
    """Another run holds a lock for longer than this run can wait."""

    def __init__(self, what: str, holder: str, timeout: float) -> None:
        """Describe that *holder* has kept the lock of *what* for *timeout* seconds."""
        super().__init__(busy_message(what, holder, timeout))
        # The controller shows this while it waits.
        self.busy = {"what": what, "holder": holder}


def busy_message(what: str, holder: str, timeout: float) -> str:
    """Return the message of a run that stops waiting for a lock."""
    return (
        f"{holder} is changing {what} on this host and did not finish within {timeout:g} s. This run has not changed {what}. "
        "Wait until the other run has finished, then run again."
    )


def service(name: str) -> str:
    """Return the name of the lock of the systemd service *name*."""
    return f"the service {name}"


def tree(path: str) -> str:
    """Return the name of the lock of the directory *path*, however it is spelled."""
    return f"the directory {os.path.realpath(path)}"


def file_name(name: str) -> str:
    """Return *name* as the name of a file."""
    return quote(name, safe=" ").replace(" ", "-")[:_LONGEST_NAME]


@contextlib.contextmanager
def held(names: t.Iterable[str], timeout: float, *, shared: bool = False) -> t.Iterator[None]:
    """Hold the locks *names*, taken in this order.

    :param timeout: seconds to wait for all locks together.
    :param shared: take shared locks, for check mode. A shared lock waits for runs that change something, and writes nothing.
    :raises BusyError: if another run holds a lock for longer, with the user and the process of that run.
    :raises UnsafePathError: if another user could open the files of the locks.
    """
    deadline = time.monotonic() + timeout
    with contextlib.ExitStack() as stack:
        for name in names:
            handle = _open(name, shared=shared)
            if handle is None:
                continue
            stack.callback(os.close, handle)
            while not _try_lock(handle, shared=shared):
                if time.monotonic() >= deadline:
                    raise BusyError(name, _holder(handle), timeout)
                time.sleep(_POLL_SECONDS)
            if not shared:
                _write_holder(handle)
                stack.callback(os.ftruncate, handle, 0)
        yield


def _open(name: str, *, shared: bool) -> int | None:
    """Return a handle of the lock file; None for a shared lock that no run has ever taken."""
    if shared and not os.path.lexists(DIRECTORY):
        return None
    files.private_directory(DIRECTORY)
    try:
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (0 if shared else os.O_CREAT)
        return os.open(os.path.join(DIRECTORY, file_name(name)), flags, 0o600)
    except FileNotFoundError:
        return None


def _try_lock(handle: int, *, shared: bool) -> bool:
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_holder(handle: int) -> None:
    """Write who holds the lock into its file, for the messages of runs that wait."""
    user = next((os.environ[name] for name in ("SUDO_USER", "DOAS_USER", "LOGNAME", "USER") if os.environ.get(name)), "root")
    text = json.dumps({"user": user, "process": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())})
    os.ftruncate(handle, 0)
    # A full disk must not stop the run: the text is only for messages.
    with contextlib.suppress(OSError):
        os.pwrite(handle, text.encode(), 0)


def _holder(handle: int) -> str:
    try:
        holder = json.loads(os.pread(handle, 4096, 0))
        return f"Another run (of the user {holder['user']}, process {holder['process']}, since {holder['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "Another run"
