# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notifications that the contact of the fleet receives."""

from __future__ import annotations

import http.server
import json
import threading
import time
import typing as t

import pytest


class Inbox:
    """The received alerts: status and labels of each alert in each notification."""

    def __init__(self) -> None:
        """Create an empty inbox."""
        self.alerts: list[tuple[str, dict[str, str]]] = []

    def of(self, status: str, name: str, **labels: str) -> list[dict[str, str]]:
        """Return the labels of the received alerts with this status, name and labels."""
        return [
            found for its, found in self.alerts if (its, found["alertname"]) == (status, name) and labels.items() <= found.items()
        ]

    def wait(self, seconds: float, status: str, name: str, **labels: str) -> None:
        """Wait for such an alert."""
        deadline = time.monotonic() + seconds
        while not self.of(status, name, **labels):
            assert time.monotonic() < deadline, f"no {status} {name} {labels}: {self.alerts}"
            time.sleep(0.5)


@pytest.fixture(scope="module")
def inbox() -> t.Iterator[Inbox]:
    """Start a web server for the webhook of the contact, and return what it receives."""
    found = Inbox()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.alerts += [(alert["status"], alert["labels"]) for alert in payload["alerts"]]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: t.Any) -> None:
            pass

    web = http.server.ThreadingHTTPServer(("198.18.19.1", 2580), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield found
    web.shutdown()
