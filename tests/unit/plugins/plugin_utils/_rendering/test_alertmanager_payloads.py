# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real Alertmanager sends to each kind of service."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
import typing as t
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from alertmanagers import known_services, settings

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import alertmanager

HIDDEN = "first-hidden"
# The address of Pushover is part of Alertmanager.
PUSHOVER = "api.pushover.net"
TITLE = "[FIRING 1] CRITICAL web1 is down"
# The first line of the template vigie.text. The default templates of Alertmanager have no such line.
TEXT = "FIRING HostDown: web1 is down"
ALERT = {
    "labels": {"alertname": "HostDown", "severity": "critical", "host": "web1"},
    "annotations": {"summary": "web1 is down", "description": "No exporter answers."},
}
# Each service answers as the real service does. The other services accept every answer.
ANSWERS = {
    "jira": '{"issues": [], "key": "OPS-1"}',
    "sns": "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>",
}


@dataclasses.dataclass(frozen=True)
class Request:
    """One request: path, parameters of the URL, headers and body."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


class Services:
    """A web server and a proxy that keep what each service receives, by the first part of the path."""

    def __init__(self, certificate: Path) -> None:
        """Listen on a free port of the loopback interface."""
        self.received: dict[str, list[Request]] = {}
        services = self
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                """Be the service that the client asks the proxy for."""
                self.send_response(200)
                self.end_headers()
                host = self.path.split(":", maxsplit=1)[0]
                with tls.wrap_socket(self.connection, server_side=True) as inner:
                    self.rfile, self.wfile = inner.makefile("rb"), inner.makefile("wb")
                    self.raw_requestline = self.rfile.readline()
                    self.parse_request()
                    self.path = f"/{host}{self.path}"
                    self.do_POST()
                    self.wfile.flush()
                    self.close_connection = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                url = urllib.parse.urlsplit(self.path)
                kind = url.path.split("/")[1]
                query = dict(urllib.parse.parse_qsl(url.query))
                services.received.setdefault(kind, []).append(Request(url.path, query, dict(self.headers.items()), body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(ANSWERS.get(kind, "{}").encode())

            def log_message(self, *_args: t.Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, expected: t.Mapping[str, int]) -> None:
        """Wait until each service has received the *expected* number of requests."""
        deadline = time.monotonic() + 30
        while missing := [kind for kind, count in expected.items() if len(self.received.get(kind, [])) < count]:
            assert time.monotonic() < deadline, f"no request for {missing}"
            time.sleep(0.1)


def write(path: Path, **changes: t.Any) -> None:
    """Write the files of an Alertmanager."""
    for name, file in alertmanager.alertmanager_files(settings(**changes)).items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(file["content"])


@contextlib.contextmanager
def running(program: str, path: Path) -> t.Iterator[str]:
    """Run an Alertmanager with the configuration in *path*; return its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    command = [program, f"--config.file={path}/alertmanager.yml", f"--storage.path={path}/data", "--cluster.listen-address="]
    command += [f"--web.listen-address={address}"]
    with (
        (path / "log").open("w") as log,
        subprocess.Popen(command, cwd=Path(program).parent, stdout=log, stderr=log) as server,
    ):
        try:
            yield f"http://{address}"
        except AssertionError as error:
            raise AssertionError(f"{error}\n{(path / 'log').read_text()}") from error
        finally:
            server.terminate()


def send(url: str, body: t.Any) -> None:
    """Send JSON to an Alertmanager, as soon as it answers."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - the server is ours
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(request, timeout=5).close()  # noqa: S310 - the server is ours
            return
        time.sleep(0.2)
    message = "Alertmanager does not answer"
    raise AssertionError(message)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Services]:
    """Return a receiver for all kinds."""
    certificate = tmp_path_factory.mktemp("certificate") / "cert.pem"
    key = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x"]
    subprocess.run([*key, "-keyout", f"{certificate}.key", "-out", certificate], check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + Path(f"{certificate}.key").read_text())
    found = Services(certificate)
    yield found
    found.server.shutdown()


@pytest.fixture(scope="module")
def received(
    alertmanager_program: tuple[str, str], services: Services, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Request]]:
    """Return the requests for one alert that one contact of all kinds receives."""
    program, version = alertmanager_program
    path = tmp_path_factory.mktemp("sending")
    (path / "secret").write_text(HIDDEN)
    for kind in ("msteams", "discord"):
        (path / kind).write_text(f"{services.url}/{kind}/{HIDDEN}")
    contact = known_services(program, version, services.url, str(path))
    contact["pushover"]["http_config"] = {"proxy_url": services.url, "tls_config": {"insecure_skip_verify": True}}
    changes = {"contacts": {"all": contact}, "routes": [], "smtp": {}, "version": version, "group_wait": "0s"}
    write(path, **changes)
    services.received.clear()
    # Alertmanager searches for an issue before it creates one.
    expected = {PUSHOVER if kind == "pushover" else kind: 2 if kind == "jira" else 1 for kind in contact}
    with running(program, path) as url:
        send(f"{url}/api/v2/alerts", [ALERT])
        services.wait(expected)
    return dict(services.received)


def check_pagerduty(request: Request) -> None:
    body = json.loads(request.body)
    assert (body["routing_key"], body["event_action"]) == (HIDDEN, "trigger")
    assert (body["payload"]["summary"], body["payload"]["severity"]) == (TITLE, "critical")
    assert TEXT in body["payload"]["custom_details"]["alerts"]
    assert body["payload"]["custom_details"]["site"] == "north"


def check_opsgenie(request: Request) -> None:
    body = json.loads(request.body)
    assert request.headers["Authorization"] == f"GenieKey {HIDDEN}"
    assert (body["message"], body["priority"]) == (TITLE, "P1")
    assert TEXT in body["description"]


def check_victorops(request: Request) -> None:
    body = json.loads(request.body)
    assert request.path == f"/victorops/{HIDDEN}/databases"
    assert (body["entity_display_name"], body["message_type"]) == (TITLE, "CRITICAL")
    assert TEXT in body["state_message"]


def check_jira(request: Request) -> None:
    fields = json.loads(request.body)["fields"]
    assert request.path == "/jira/rest/api/2/issue"
    assert base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode() == f"vigie@example.com:{HIDDEN}"
    assert (fields["project"], fields["issuetype"], fields["summary"]) == ({"key": "OPS"}, {"name": "Bug"}, TITLE)
    assert TEXT in fields["description"]


def check_msteams(request: Request) -> None:
    (attachment,) = json.loads(request.body)["attachments"]
    title, text = attachment["content"]["body"]
    assert request.path == f"/msteams/{HIDDEN}"
    assert title["text"] == TITLE
    assert TEXT in text["text"]


def check_discord(request: Request) -> None:
    (embed,) = json.loads(request.body)["embeds"]
    assert embed["title"] == TITLE
    assert TEXT in embed["description"]


def check_webex(request: Request) -> None:
    body = json.loads(request.body)
    assert request.headers["Authorization"] == f"Bearer {HIDDEN}"
    assert body["roomId"] == "room7"
    assert body["markdown"].startswith(f"{TITLE}\n")
    assert TEXT in body["markdown"]


def check_pushover(request: Request) -> None:
    assert (request.query["user"], request.query["token"]) == (HIDDEN, HIDDEN)
    assert (request.query["title"], request.query["priority"]) == (TITLE, "2")
    assert TEXT in request.query["message"]


def check_sns(request: Request) -> None:
    body = dict(urllib.parse.parse_qsl(request.body))
    assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=A/")
    assert (body["TopicArn"], body["Subject"]) == ("arn:aws:sns:eu-west-1:123456789012:alerts", TITLE)
    assert TEXT in body["Message"]


def check_incidentio(request: Request) -> None:
    body = json.loads(request.body)
    assert request.headers["Authorization"] == f"Bearer {HIDDEN}"
    assert body["alerts"][0]["annotations"]["description"] == "No exporter answers."


CHECKS: dict[str, t.Callable[[Request], None]] = {
    "pagerduty": check_pagerduty,
    "opsgenie": check_opsgenie,
    "victorops": check_victorops,
    "jira": check_jira,
    "msteams": check_msteams,
    "discord": check_discord,
    "webex": check_webex,
    PUSHOVER: check_pushover,
    "sns": check_sns,
    "incidentio": check_incidentio,
}


def test_every_service_receives_the_alert(received: dict[str, list[Request]]) -> None:
    """Each payload has the title, the text and the secret where the service expects them."""
    for kind, requests in received.items():
        CHECKS[kind](requests[-1])


def test_an_escalation_reaches_its_contact_unless_the_alert_is_silenced(
    alertmanager_program: tuple[str, str], services: Services, tmp_path: Path
) -> None:
    """The first contact receives both alerts at once. The second contact receives the alert that nobody silenced, later."""
    program, version = alertmanager_program
    contacts = {name: {"webhook": f"{services.url}/{name}"} for name in ("default", "oncall", "lead")}
    routes = [{"match": {"severity": "critical"}, "contact": "oncall", "escalate": {"contact": "lead", "after": "3s"}}]
    changes = {"contacts": contacts, "routes": routes, "smtp": {}, "version": version, "group_wait": "0s", "group_by": ["host"]}
    write(tmp_path, **changes)
    services.received.clear()
    alerts = [{**ALERT, "labels": {**ALERT["labels"], "host": host}} for host in ("web1", "web2")]
    with running(program, tmp_path) as url:
        silence = {"matchers": [{"name": "host", "value": "web1", "isRegex": False, "isEqual": True}]}
        send(f"{url}/api/v2/alerts", alerts)
        services.wait({"oncall": 2})
        times = {"startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z"}
        send(f"{url}/api/v2/silences", {**silence, **times, "createdBy": "a person", "comment": "I look into it"})
        assert "lead" not in services.received
        services.wait({"lead": 1})
        # A second escalation would be sent at the same time.
        time.sleep(1)
    hosts = {
        to: sorted(json.loads(request.body)["groupLabels"]["host"] for request in services.received[to])
        for to in contacts
        if to in services.received
    }
    assert hosts == {"oncall": ["web1", "web2"], "lead": ["web2"]}
