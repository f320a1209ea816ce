# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP servers on the loopback interface, for tests of what asks them."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
import subprocess
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

# Status, headers and body.
Reply = tuple[int, t.Mapping[str, str], bytes]


@contextlib.contextmanager
def running_prometheus(program: str, config: Path, data: Path, *flags: str) -> t.Iterator[str]:
    """Run a Prometheus with the configuration file *config* and the existing directory *data*; return its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    command = [program, f"--config.file={config}", f"--web.listen-address={address}", f"--storage.tsdb.path={data}", *flags]
    log = data / "log"
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            yield f"http://{address}"
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text()}") from error
        finally:
            server.terminate()


class Server:
    """A server that answers by a function of the path and the headers of the request."""

    def __init__(self, reply: t.Callable[[str, t.Mapping[str, str]], Reply]) -> None:
        """Start the server."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                # The handler itself makes one slash of two at the beginning of a path.
                status, headers, body = reply(self.requestline.split()[1], dict(self.headers))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: t.Any) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()


class TlsServer(Server):
    """A server with a certificate of its own."""

    def __init__(self, reply: t.Callable[[str, t.Mapping[str, str]], Reply], directory: Path, name: str) -> None:
        """Start the server with a new certificate for *name*, which is in *directory*."""
        self.certificate, key = directory / "cert.pem", directory / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", self.certificate],
            check=True,
            capture_output=True,
        )  # fmt: skip
        super().__init__(reply)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://{self.host}"


class JsonServer(Server):
    """A server that has JSON at some paths, and remembers what it was asked and by whom."""

    def __init__(self, answers: dict[str, t.Any]) -> None:
        """Start with *answers*, by path without the query; the status 404 is the answer for all others."""
        self.answers = answers
        self.asked: list[str] = []
        # By path, the user of the last request.
        self.users: dict[str, str | None] = {}
        super().__init__(self._reply)

    def _reply(self, target: str, headers: t.Mapping[str, str]) -> Reply:
        path = target.partition("?")[0]
        credentials = headers.get("Authorization", "").removeprefix("Basic ")
        self.asked.append(unquote(target))
        self.users[path] = base64.b64decode(credentials).decode().partition(":")[0] or None
        found = self.answers.get(path)
        return (404, {}, b"{}") if found is None else (200, {}, json.dumps(found).encode())
