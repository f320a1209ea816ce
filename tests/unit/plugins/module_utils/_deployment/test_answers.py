# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of what a service answers."""

from __future__ import annotations

import typing as t

import pytest
from servers import Server

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import answers


def check(url: str, **options: t.Any) -> dict[str, t.Any]:
    """Return the option ``check`` of a module."""
    return {"url": url, "username": "", "password": "", "pattern": "", "error": "broken: {problem}", "timeout": 0, **options}


@pytest.fixture
def server() -> t.Iterator[Server]:
    """Return a server that counts its answers, and asks for a password at one path."""
    count = 0

    def reply(path: str, headers: t.Mapping[str, str]) -> t.Any:
        nonlocal count
        count += 1
        if path == "/private" and headers.get("Authorization") != "Basic bWU6cHc=":
            return 401, {}, b""
        return 200, {}, b"up %d\n" % count

    made = Server(reply)
    yield made
    made.close()


def test_an_answer_that_passes(server: Server) -> None:
    """Without a pattern, any answer passes."""
    assert answers.failed_check(check(server.url)) == ""
    assert answers.failed_check(check(server.url, pattern="(?m)^up [0-9]+$")) == ""


def test_an_answer_that_comes_late_is_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service needs some queries of its own first."""
    monkeypatch.setattr(answers, "_POLL_SECONDS", 0)
    assert answers.failed_check(check(server.url, pattern="up 3", timeout=5)) == ""


@pytest.mark.parametrize(
    ("path", "options", "problem"),
    [
        ("/", {"pattern": "^down"}, "does not answer as expected"),
        ("/private", {}, "401"),
        ("/private", {"username": "me", "password": "other"}, "401"),
    ],
)
def test_an_answer_that_does_not_pass_is_the_message_of_the_check(
    server: Server, path: str, options: dict[str, str], problem: str
) -> None:
    """With the reason, and without the password."""
    message = answers.failed_check(check(server.url + path, **options))
    assert message.startswith("broken: ")
    assert problem in message
    assert "other" not in message


def test_the_password_opens_the_page(server: Server) -> None:
    """As the exporter asks for it."""
    assert answers.failed_check({**check(f"{server.url}/private"), "username": "me", "password": "pw"}) == ""


def test_nobody_answers() -> None:
    """A closed port is a reason, too."""
    server = Server(lambda _path, _headers: (200, {}, b""))
    server.close()
    assert "refused" in answers.failed_check(check(server.url))
