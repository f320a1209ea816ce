# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Made by vigie.monitoring. Changes made here are lost at its next run.
"""Copy the messages of systemd units from the journal into named pipes, one pipe for each unit, for mtail.

Usage: mtail_journal DIRECTORY STATE UNIT...

The file STATE names the last entry that was copied. The program ends only between two entries, so that a restart of the program,
of mtail or of systemd-journald neither loses nor repeats a message. While mtail does not run, a full pipe makes the program wait.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import typing as t

JOURNALCTL = ("/usr/bin/journalctl", "--quiet", "--all", "--output=json")
# The fields that journalctl --unit selects by: a message about a unit can come from the unit, from systemd, or after a crash.
FIELDS = ("_SYSTEMD_UNIT", "UNIT", "OBJECT_SYSTEMD_UNIT", "COREDUMP_UNIT")
# Linux writes so many bytes into a pipe at once or not at all. mtail therefore never reads a part of a line.
ATOMIC = 4096


def values_of(field: t.Any) -> list[bytes]:
    """Return the values of a field of the journal. journalctl writes a value that is not UTF-8 as a list of numbers."""
    if isinstance(field, list) and not all(isinstance(item, int) for item in field):
        return [value for item in field for value in values_of(item)]
    return [bytes(field) if isinstance(field, list) else (field or "").encode("utf-8", "surrogatepass")]


def lines_of(entry: dict[str, t.Any]) -> list[bytes]:
    """Return the lines of the message of an entry, each short enough for one write."""
    message = b"\n".join(values_of(entry.get("MESSAGE")))
    return [line[: ATOMIC - 1] + b"\n" for line in message.split(b"\n")]


def unit_of(entry: dict[str, t.Any], units: t.Container[bytes]) -> bytes:
    """Return which of *units* an entry belongs to, or an empty text."""
    named = (value for field in FIELDS for value in values_of(entry.get(field)))
    return next((name for name in named if name in units), b"")


def newest_entry() -> str:
    """Return the cursor of the newest entry of the journal, or an empty text if the journal is empty."""
    command = [*JOURNALCTL, "--lines=1", "--output-fields=MESSAGE"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - no input of users
    return json.loads(done.stdout)["__CURSOR"] if done.stdout.strip() else ""


def keep_open(pipes: list[int]) -> None:
    """Let systemd hold the *pipes* open while this program restarts. A pipe that nobody has open loses its content."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.connect(os.environ["NOTIFY_SOCKET"])
        socket.send_fds(manager, [b"FDSTORE=1"], pipes)


class State:
    """The last entry that was copied, and the units at that time, in a file."""

    def __init__(self, path: str, units: t.Sequence[str]) -> None:
        """Read the file. The first start begins after the newest entry of the journal."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._units = units
        self.cursor, *known = os.pread(self._file, 1 << 20, 0).decode().split() or [newest_entry()]
        # The cursor can be older than the rule for a new unit. Earlier messages of the unit belong to no rule.
        self.new = {unit.encode() for unit in units if unit not in known}
        if not known:
            self.write(self.cursor)

    def write(self, cursor: str) -> None:
        """Replace the content of the file in one call."""
        os.pwrite(self._file, " ".join([cursor, *self._units]).ljust(ATOMIC).encode(), 0)


def copy(entries: t.Iterable[bytes], pipes: dict[bytes, int], state: State) -> None:
    """Copy the messages of *entries*, lines of JSON, into the *pipes* of their units."""
    began = time.time() * 1e6
    for line in entries:
        entry = json.loads(line)
        # journalctl repeats the entry of --cursor.
        if entry["__CURSOR"] == state.cursor:
            continue
        unit = unit_of(entry, pipes)
        if unit and (unit not in state.new or int(entry["__REALTIME_TIMESTAMP"]) >= began):
            for text in lines_of(entry):
                os.write(pipes[unit], text)
        state.write(entry["__CURSOR"])


def main(directory: str, path: str, *units: str) -> int:
    """Copy messages until the program is terminated. Return an error if journalctl ends."""
    # Because a pipe is also open for reading, its content survives a restart of mtail.
    pipes = {unit.encode(): os.open(pathlib.Path(directory, unit), os.O_RDWR) for unit in units}
    keep_open(list(pipes.values()))
    state = State(path, units)
    # With --after-cursor, journalctl skips one entry too many if the journal no longer has the entry of the cursor.
    command = [*JOURNALCTL, "--follow", "--no-tail", f"--output-fields=MESSAGE,{','.join(FIELDS)}"]
    command += [f"--cursor={state.cursor}"] if state.cursor else []
    command += [f"--unit={unit}" for unit in units]
    stopped = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as journal:  # noqa: S603 - the units are from the inventory

        def stop(number: int, _frame: t.Any) -> None:
            stopped.append(number)
            # The loop ends after the entries that journalctl has already written.
            journal.terminate()

        signal.signal(signal.SIGTERM, stop)
        copy(journal.stdout or (), pipes, state)
    return 0 if stopped else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
