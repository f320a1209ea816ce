# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for uwsgi_exporter 1.3.0, whose binary the machine of the tests cannot download.

The stand-in reads the statistics of a real uWSGI by the same URIs, and exposes the series of upstream that the collection uses,
with the same names: /metrics for --stats.uri, and /probe?target= for any other URI. /probe refuses unix sockets, as upstream
does.
"""

from __future__ import annotations

import argparse
import json
import socket
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


def statistics(uri: str) -> dict:
    """Return the statistics of a uWSGI."""
    parts = urlsplit(uri)
    if parts.scheme == "http":
        with urllib.request.urlopen(uri, timeout=5) as answer:  # noqa: S310 - the scheme is known
            return json.load(answer)
    if parts.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(5)
        connection.connect(parts.path)
    else:
        connection = socket.create_connection((parts.hostname, parts.port), timeout=5)
    with connection, connection.makefile("rb") as answer:
        return json.load(answer)


def series(uri: str) -> list[str]:
    """Return the series of a uWSGI. If it does not answer, return only the series that it is down."""
    try:
        stats = statistics(uri)
    except (OSError, ValueError):
        return ["uwsgi_up 0"]
    workers = [worker for worker in stats["workers"] if worker["id"]]
    label = f'stats_uri="{uri}"'
    lines = [
        "uwsgi_up 1",
        f"uwsgi_workers{{{label}}} {len(workers)}",
        f"uwsgi_listen_queue_length{{{label}}} {stats['listen_queue']}",
        f"uwsgi_listen_queue_errors{{{label}}} {stats['listen_queue_errors']}",
    ]
    for item in stats["sockets"]:
        its = f'{label},name="{item["name"]}",proto="{item["proto"]}"'
        lines.append(f"uwsgi_socket_queue_length{{{its}}} {item['queue']}")
        lines.append(f"uwsgi_socket_max_queue_length{{{its}}} {item['max_queue']}")
    for worker in workers:
        its = f'{label},worker_id="{worker["id"]}"'
        lines += [f"uwsgi_worker_{name}{{{its}}} {int(worker['status'] == name)}" for name in ("busy", "idle", "cheap")]
        for name, key in (
            ("requests_total", "requests"),
            ("exceptions_total", "exceptions"),
            ("harakiri_count_total", "harakiri_count"),
        ):
            lines.append(f"uwsgi_worker_{name}{{{its}}} {worker[key]}")
        lines.append(f"uwsgi_worker_respawn_count_total{{{its}}} {worker['respawn_count']}")
        lines.append(f"uwsgi_worker_rss_bytes{{{its}}} {worker['rss']}")
        lines.append(f"uwsgi_worker_average_response_time_seconds{{{its}}} {worker['avg_rt'] / 1e6}")
    return lines


class Handler(BaseHTTPRequestHandler):
    """One scrape."""

    uri = ""

    def do_GET(self) -> None:
        """Answer the request."""
        parts = urlsplit(self.path)
        target = (parse_qs(parts.query).get("target") or [""])[0]
        if parts.path == "/probe" and urlsplit(target).scheme not in ("http", "https", "tcp"):
            self.reply(400, [f"unsafe scheme: {target}"])
        elif parts.path == "/probe":
            self.reply(200, series(target))
        else:
            version = 'uwsgi_exporter_build_info{version="1.3.0"} 1'
            self.reply(200, [version, *(series(self.uri) if self.uri else [])])

    def reply(self, status: int, lines: list[str]) -> None:
        """Send *lines*."""
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write("".join(f"{line}\n" for line in lines).encode())

    def log_message(self, *_args: object) -> None:
        """Log nothing."""


class Server(ThreadingHTTPServer):
    """A server on IPv4 and IPv6, as servers in Go are."""

    address_family = socket.AF_INET6


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--web.listen-address", dest="listen", default=":9117")
    parser.add_argument("--stats.uri", dest="uri", default="")
    args = parser.parse_args()
    Handler.uri = args.uri
    host, _colon, port = args.listen.rpartition(":")
    Server((host.strip("[]") or "::", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
