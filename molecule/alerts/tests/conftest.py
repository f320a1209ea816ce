# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages that the contacts of the fleet receive."""

from __future__ import annotations

import email
import email.policy
import http.server
import json
import threading
import time
import typing as t

import pytest
from aiosmtpd import controller, smtp

HERE = "198.18.6.1"
# The answers of chats that do not answer ok. Alertmanager sends a message again if it does not get the expected answer.
ANSWERS = {
    "rocketchat": b'{"success": true}',
    "telegram": b'{"ok": true, "result": {"message_id": 1, "date": 0, "chat": {"id": 7, "type": "group"}}}',
}


class Inbox:
    """The received messages by contact. A mail belongs to its address, a chat message to the first part of its path."""

    def __init__(self) -> None:
        """Create an empty inbox."""
        self.messages: list[tuple[str, str]] = []

    async def handle_DATA(self, _server: t.Any, _session: t.Any, envelope: t.Any) -> str:  # noqa: N802 - aiosmtpd's
        """Keep a mail: its subject, and its plain part as a person sees it."""
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = message.get_body(("plain",))
        assert body is not None
        assert message.get_body(("html",)) is not None
        for address in envelope.rcpt_tos:
            self.messages.append((address, f"{message['Subject']}\n{body.get_content()}"))
        return "250 OK"

    def chat(self, path: str, payload: dict[str, t.Any]) -> None:
        """Store a chat message, after the same checks as the real chat."""
        kind = path.split("/")[1]
        if kind == "telegram":
            assert payload["chat_id"] == "7"
            text = payload["text"]
        elif kind == "rocketchat":
            text = payload["text"].removeprefix("`").replace("`\n", "\n", 1)
        elif kind != "webhook":
            (attachment,) = payload["attachments"]
            text = f"{attachment['title']}\n{attachment['text']}"
            assert attachment["title_link"].startswith("http")
        else:
            assert payload["version"] == "4"
            text = "\n".join(
                f"{alert['status']} {alert['labels']['alertname']} {alert['labels'].get('host')}" for alert in payload["alerts"]
            )
        self.messages.append((kind, text))

    def of(self, contact: str, *words: str) -> list[str]:
        """Return the messages of a contact that contain all *words*."""
        return [text for to, text in self.messages if to == contact and all(word in text for word in words)]

    def wait(self, seconds: float, contact: str, *words: str) -> str:
        """Wait for such a message and return the first one."""
        deadline = time.monotonic() + seconds
        while not self.of(contact, *words):
            assert time.monotonic() < deadline, f"nothing for {contact} with {words}: {self.messages}"
            time.sleep(0.5)
        return self.of(contact, *words)[0]


@pytest.fixture(scope="module")
def inbox() -> t.Iterator[Inbox]:
    """Start an SMTP server with a password and a web server, and return the messages that they receive."""
    found = Inbox()

    def authenticate(_server: t.Any, _session: t.Any, _envelope: t.Any, _mechanism: str, data: t.Any) -> smtp.AuthResult:
        return smtp.AuthResult(success=(data.login, data.password) == (b"vigie", b"first-secret"))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            # The path of Telegram contains the token.
            secret = self.path.startswith("/webhook") or self.path.removesuffix("/sendMessage").endswith("second-secret")
            try:
                assert secret, self.path
                found.chat(self.path, payload)
                self.send_response(200)
            except (AssertionError, KeyError) as error:
                found.messages.append(("refused", f"{self.path}: {error!r} {payload}"))
                self.send_response(400)
            kind = self.path.split("/")[1]
            self.send_header("Content-Type", "application/json" if kind in ANSWERS else "text/plain")
            self.end_headers()
            self.wfile.write(ANSWERS.get(kind, b"ok"))

        def log_message(self, *_args: t.Any) -> None:
            pass

    class Mail(smtp.SMTP):
        # Alertmanager expects the usual prompts of LOGIN, which no RFC defines. The prompts of aiosmtpd are different.
        AuthLoginUsernameChallenge = "Username:"
        AuthLoginPasswordChallenge = "Password:"

    class Controller(controller.Controller):
        def factory(self) -> smtp.SMTP:
            return Mail(self.handler, **self.SMTP_kwargs)

    mail = Controller(found, hostname=HERE, port=2525, authenticator=authenticate, auth_required=True, auth_require_tls=False)
    mail.start()
    web = http.server.ThreadingHTTPServer((HERE, 2580), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield found
    web.shutdown()
    mail.stop()
