# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve a directory of release archives as the host of upstream does, and log each request on standard output.

Each request is one JSON line: ``{"method", "host", "path", "status", "authorization", "client"}``. ``authorization`` is the
scheme and the sha256 of the header, or null if the request has no such header.

A file in the overlay replaces a file of the directory. A file ``<path>.reply`` in the overlay contains JSON that changes the
reply: ``{"status": 404}``, ``{"status": 302, "location": URL}``, or ``{"truncate": BYTES}`` to end the body after BYTES bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Handler(BaseHTTPRequestHandler):
    """One request. ``roots`` are the directories to search; the first directory that has the file wins."""

    roots: tuple[Path, ...] = ()
    protocol_version = "HTTP/1.1"

    def find(self, suffix: str = "") -> Path | None:
        """Return the file for the path of the request (plus *suffix*), or None."""
        relative = unquote(urlsplit(self.path).path).lstrip("/") + suffix
        for root in self.roots:
            path = (root / relative).resolve()
            # The pages of a package index are directories.
            if path.is_dir() and not suffix:
                path /= "index.html"
            if path.is_relative_to(root) and path.is_file():
                return path
        return None

    def do_GET(self) -> None:
        """Answer the request."""
        reply_file, path = self.find(".reply"), self.find()
        reply = json.loads(reply_file.read_text()) if reply_file else {}
        status = reply.get("status", 200 if path else 404)
        self.send_response(status)
        if "location" in reply:
            self.send_header("Location", reply["location"])
        if status != 200 or path is None:
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size = path.stat().st_size
        self.send_header("Content-Type", "text/html" if path.suffix == ".html" else "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command == "HEAD":
            return
        with path.open("rb") as source:
            if "truncate" in reply:
                self.wfile.write(source.read(reply["truncate"]))
                self.close_connection = True
            else:
                shutil.copyfileobj(source, self.wfile, 1 << 20)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002 - the signature of http.server
        """Log the request and the status. A secret is logged as a hash."""
        sent = self.headers.get("Authorization")
        line = {
            "method": self.command,
            "host": self.headers.get("Host"),
            "path": self.path,
            "status": int(code),
            "authorization": sent and f"{sent.split()[0]} {hashlib.sha256(sent.encode()).hexdigest()}",
            "client": self.client_address[0],
        }
        # Write the line with one call: several threads write lines.
        os.write(sys.stdout.fileno(), f"{json.dumps(line)}\n".encode())


def main() -> None:
    """Serve until the process is killed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=80)
    parser.add_argument("--overlay", type=Path, help="files that replace files of the directory")
    parser.add_argument("tree", type=Path)
    args = parser.parse_args()
    Handler.roots = tuple(root.resolve() for root in (args.overlay, args.tree) if root)
    ThreadingHTTPServer(("", args.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
