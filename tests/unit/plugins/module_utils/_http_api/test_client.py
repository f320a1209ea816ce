# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to HTTP APIs."""

from __future__ import annotations

import typing as t

import pytest
from servers import Server, TlsServer

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.client import ApiError, get_json


@pytest.fixture
def server() -> t.Iterator[tuple[str, dict[str, tuple[int, bytes]]]]:
    """Return the URL of a server, and its answers by path."""
    answers: dict[str, tuple[int, bytes]] = {"/x": (200, b'{"data": {"result": [1, 2]}}')}

    def reply(path: str, _headers: t.Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        status, body = answers[path]
        return status, {}, body

    made = Server(reply)
    yield made.url, answers
    made.close()


def test_a_part_of_the_answer(server: t.Any) -> None:
    """The keys go one inside the other; without keys it is the whole answer."""
    url, _answers = server
    assert get_json(f"{url}/x", 5, "data", "result") == [1, 2]
    assert get_json(f"{url}/x", 5) == {"data": {"result": [1, 2]}}


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"<html>", ""),
        (200, b"", ""),
        (200, b'{"error": "x"}', "data"),
        (200, b'{"data": null}', ""),
        (200, b"[]", ""),
        (200, b"\xff\xfe", ""),
        (404, b'{"data": {"result": []}}', "Not Found"),
        (503, b"", "Service Unavailable"),
    ],
)
def test_an_answer_that_is_none_is_an_error_with_the_address(server: t.Any, status: int, body: bytes, reason: str) -> None:
    """A page of a proxy, somebody else's JSON, an error of the server: never a traceback."""
    url, answers = server
    answers["/x"] = status, body
    with pytest.raises(ApiError, match=rf"Alertmanager .*{url}/x.*{reason}"):
        get_json(f"{url}/x", 5, "data", "result", server="Alertmanager")


def test_a_server_that_is_not_there_is_an_error_with_the_reason() -> None:
    """Port 9 of the loopback refuses. A proxy of the environment is not asked."""
    with pytest.raises(ApiError, match=r"Prometheus .*http://127\.0\.0\.1:9/x.*refused") as raised:
        get_json("http://127.0.0.1:9/x", 2)
    assert "urlopen" not in str(raised.value)


def test_no_proxy_is_asked(server: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of the fleet are reached directly, whatever the environment of the host says."""
    url, _answers = server
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert get_json(f"{url}/x", 5, "data", "result") == [1, 2]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[TlsServer]:
    """Return a server with a certificate for another name than its address, which asks for a password."""

    def reply(_path: str, headers: t.Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        return (200, {}, b'{"data": 1}') if headers.get("Authorization") == "Basic bWU6cHc=" else (401, {}, b"")

    made = TlsServer(reply, tmp_path_factory.mktemp("tls"), "am.example.com")
    yield made
    made.close()


ME = {"url_username": "me", "url_password": "pw", "force_basic_auth": True}


def test_the_certificate_of_a_server_on_another_host_is_verified(secured: TlsServer) -> None:
    """By its authority and its name, before the password is sent."""
    tls = {"ca_file": str(secured.certificate), "server_name": "am.example.com"}
    assert get_json(secured.url, 5, "data", tls=tls, **ME) == 1
    for wrong in ({}, {**tls, "ca_file": None}, {**tls, "server_name": "other.example.com"}, {**tls, "server_name": ""}):
        with pytest.raises(ApiError, match=r"(?i)certificate"):
            get_json(secured.url, 5, "data", tls=wrong, **ME)


def test_an_operator_can_switch_the_verification_off(secured: TlsServer) -> None:
    """As for Prometheus."""
    assert get_json(secured.url, 5, "data", tls={"insecure_skip_verify": True}, **ME) == 1
    with pytest.raises(ApiError, match="Unauthorized"):
        get_json(secured.url, 5, "data", tls={"insecure_skip_verify": True})


def test_a_server_on_this_host_is_not_verified(secured: TlsServer) -> None:
    """Its certificate has the name of the host, and the request stays on the host."""
    assert get_json(secured.url, 5, "data", **ME) == 1
