# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command that needs the network, and run the command again where the network or the mirror failed.

Usage: network.py STEP COMMAND [ARGUMENT...]

STEP is the name that all messages begin with. The output of the command is written to a log. The log's last line is shown every
15 seconds as progress. A command that fails for another reason than the network runs once: its last lines are shown, and its exit
code is returned. The exit code 75 means that the network failed in every try.

VIGIE_NETWORK_TRIES (default 6) and VIGIE_NETWORK_PAUSE (seconds between two tries, default 60) change the number of tries.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# EX_TEMPFAIL of sysexits.h.
NETWORK_FAILED = 75
PROGRESS_SECONDS = 15
# How apt, mmdebstrap and pip report that the network or the mirror failed. A mirror that is being synchronized announces indices
# and packages that it does not have, or has with another content.
SIGNS = re.compile(
    r"Failed to fetch|Could not (?:resolve|connect|handshake)|Temporary failure|Connection (?:failed|refused|timed out|reset)"
    r"|Hash Sum mismatch|unexpected size|index files failed to download|Unable to fetch some archives"
    r"|(?:does not have|no longer has) a Release file|Network is unreachable|No route to host|Clearsigned file isn't valid"
    r"|HTTPS?ConnectionPool|ConnectTimeoutError|ReadTimeoutError|IncompleteRead|Connection broken|from versions: none"
    r"|HTTP error \d+ while getting"
)
# apt and pip retry these failures themselves.
PASSING = re.compile(r"(?:Ign:|WARNING: Retrying)")
ADVICE = (
    "the network failed, not a test. Check that this machine reaches the address above, or configure a mirror or a proxy for "
    "apt and pip. Then run the command again: what is there already is kept."
)


class NetworkFailedError(Exception):
    """The network or the mirror failed."""


class CommandFailedError(Exception):
    """A command failed for another reason. ``code`` is its exit code."""

    def __init__(self, message: str, code: int) -> None:
        """Keep the exit code."""
        super().__init__(message)
        self.code = code


def say(text: str) -> None:
    """Show *text* at once."""
    print(text, file=sys.stderr, flush=True)


def network_errors(log: str) -> list[str]:
    """Return the lines of *log* that report a failure of the network, each once, three at most."""
    lines = [line.strip() for line in log.splitlines()]
    found = [line for line in lines if SIGNS.search(line) and not PASSING.match(line)]
    # A line with a URL says most: it comes first.
    return sorted(dict.fromkeys(found), key=lambda line: "://" not in line)[:3]


def run(step: str, command: Sequence[str], cwd: Path | None = None) -> None:
    """Run *command* once, and show its progress as *step*. Raises NetworkFailedError or CommandFailedError."""
    with tempfile.TemporaryFile("w+") as log:
        began = time.monotonic()
        with subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
            while True:
                try:
                    code = process.wait(PROGRESS_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    said = _last_line(log.fileno())
                    say(f"{step}: {time.monotonic() - began:.0f} s{said and ': '}{said}")
        log.seek(0)
        text = log.read()
    if not code:
        return
    errors = network_errors(text)
    if errors:
        raise NetworkFailedError("\n    ".join(errors))
    tail = "\n    ".join(text.splitlines()[-20:])
    raise CommandFailedError(f"{command[0]} failed with exit code {code}:\n    {tail}", code)


def _last_line(log: int) -> str:
    """Return the last line that the file descriptor *log* holds by now. The position of the file is not changed."""
    size = os.fstat(log).st_size
    lines = os.pread(log, 1000, max(0, size - 1000)).decode(errors="replace").split("\n")
    return next((line.strip()[:100] for line in reversed(lines) if line.strip()), "")


def persist(step: str, work: Callable[[], None], tries: int = 0) -> None:
    """Do *work*, and do it again after a pause where the network failed. The last NetworkFailedError is raised.

    *tries* is how often the work is done; 0 takes VIGIE_NETWORK_TRIES.
    """
    tries = tries or int(os.environ.get("VIGIE_NETWORK_TRIES", "6"))
    pause = float(os.environ.get("VIGIE_NETWORK_PAUSE", "60"))
    for number in range(1, tries + 1):
        try:
            return work()
        except NetworkFailedError as error:
            say(f"{step}: the network or the mirror failed (try {number} of {tries}):\n    {error}")
            if number == tries:
                raise
        say(f"{step}: trying again in {pause:.0f} s")
        time.sleep(pause)
    return None


def main() -> None:
    """Run the command line."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    step, *command = sys.argv[1:]
    try:
        persist(step, lambda: run(step, command))
    except NetworkFailedError:
        say(f"{step}: {ADVICE}")
        sys.exit(NETWORK_FAILED)
    except CommandFailedError as error:
        say(f"{step}: {error}")
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
