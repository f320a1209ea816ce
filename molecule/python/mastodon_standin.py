# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for Mastodon: it serves pages with the shapes of the API of Mastodon 4."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGES = {
    "/api/v1/instance": {
        "version": "4.3.1",
        "registrations": False,
        "stats": {"user_count": 1200, "status_count": 34567, "domain_count": 890},
    },
    "/api/v2/instance": {"usage": {"users": {"active_month": 321}}},
    "/api/v1/instance/activity": [{"week": "1763942400", "statuses": "55", "logins": "44", "registrations": "3"}],
    "/api/v1/instance/peers": ["a.example.com", "b.example.com"],
}


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        """Answer the request."""
        self.send_response(200 if self.path in PAGES else 404)
        self.end_headers()
        self.wfile.write(json.dumps(PAGES.get(self.path)).encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 3000), Handler).serve_forever()
