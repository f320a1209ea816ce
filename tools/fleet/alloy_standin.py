# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for Alloy, which the machine of the tests cannot download. The stand-in sends no lines.

The stand-in does what the role alloy depends on, as Alloy's documentation describes it: ``validate FILE`` refuses a block that is
not closed, ``run FILE`` serves /-/ready and /metrics, and a SIGHUP loads the file again.
"""

from __future__ import annotations

import re
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VERSION = "0.0.0"


def problem(path: str) -> str:
    """Return what is wrong with the configuration, or an empty text."""
    text = re.sub(r'"(\\.|[^"\\])*"|//[^\n]*', "", Path(path).read_text())
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        depth += len(re.findall(r"[{\[(]", line)) - len(re.findall(r"[}\])]", line))
        if depth < 0:
            return f"{path}:{number}:1: unexpected }}"
    return f"{path}: missing }}" if depth else ""


def main() -> None:
    """Validate, or run."""
    command, path, *flags = sys.argv[1:]
    wrong = problem(path)
    if wrong:
        sys.exit(f"Error: {wrong}")
    if command == "validate":
        return
    options = dict(flag.lstrip("-").partition("=")[::2] for flag in flags)
    loaded = {"successful": 1, "at": time.time()}

    def load(*_args: object) -> None:
        loaded["successful"] = int(not problem(path))
        if loaded["successful"]:
            loaded["at"] = time.time()

    signal.signal(signal.SIGHUP, load)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            metrics = (
                f'alloy_build_info{{version="v{VERSION}"}} 1\nalloy_config_last_load_successful {loaded["successful"]}\n'
                f"alloy_config_last_load_success_timestamp_seconds {loaded['at']}\n"
            )
            text = {"/-/ready": "Alloy is ready.\n", "/metrics": metrics}.get(self.path)
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *_args: object) -> None:
            """Print nothing."""

    address, _colon, port = options["server.http.listen-addr"].rpartition(":")
    ThreadingHTTPServer((address or "0.0.0.0", int(port)), Handler).serve_forever()  # noqa: S104 - as Alloy


if __name__ == "__main__":
    main()
