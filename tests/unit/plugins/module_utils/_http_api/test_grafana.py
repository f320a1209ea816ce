# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Grafana is asked, over real HTTP."""

from __future__ import annotations

import base64
import json
import typing as t

import pytest
from servers import Reply, Server

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.client import ApiError
from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.grafana import Grafana

SOURCES = [
    {"uid": "p", "name": "P", "type": "prometheus", "url": "http://p", "id": 1},
    {"uid": "a", "name": "A", "type": "alertmanager", "url": "http://a"},
    {"uid": "o", "name": "O", "type": "other"},
]


@pytest.fixture
def grafana() -> t.Iterator[tuple[dict[str, tuple[int, t.Any]], t.Callable[..., Grafana]]]:
    """Return what it answers, by path, and a function that returns it, signed in with a password."""
    answers: dict[str, tuple[int, t.Any]] = {
        "/api/health": (200, {"version": "13.2.3"}),
        "/api/datasources": (200, SOURCES),
        "/api/datasources/uid/p/health": (200, {"status": "OK"}),
        "/api/datasources/proxy/uid/a/api/v2/status": (200, {}),
        "/api/search?type=dash-db&limit=5000": (200, [{"uid": "x", "title": "X", "folderTitle": "F"}, {"uid": "y"}]),
    }

    def reply(path: str, headers: t.Mapping[str, str]) -> Reply:
        right = headers.get("Authorization") == "Basic " + base64.b64encode(b"admin:p:w").decode()
        status, content = answers.get(path, (404, {"message": "Not found"}))
        if not right and path != "/api/health":
            status, content = 401, {"message": "Invalid username or password"}
        return status, {}, content.encode() if isinstance(content, str) else json.dumps(content).encode()

    server = Server(reply)
    yield answers, lambda password="p:w": Grafana(f"{server.url}/", "admin", password, 5)
    server.close()


def test_what_it_has(grafana: t.Any) -> None:
    """Version, data sources without a problem, dashboards; one that has no health to be asked for is none the worse."""
    _answers, ask = grafana
    its = ask()
    assert its.version() == "13.2.3"
    assert its.sources() == [
        {"uid": "p", "name": "P", "type": "prometheus", "url": "http://p", "problem": ""},
        {"uid": "a", "name": "A", "type": "alertmanager", "url": "http://a", "problem": ""},
        {"uid": "o", "name": "O", "type": "other", "url": "", "problem": ""},
    ]
    assert its.dashboards() == [{"uid": "x", "title": "X", "folder": "F"}, {"uid": "y", "title": "", "folder": ""}]


@pytest.mark.parametrize(
    ("path", "answer", "uid", "problem"),
    [
        ("uid/p/health", (400, {"message": "connection refused"}), "p", "connection refused"),
        ("uid/p/health", (500, "no JSON"), "p", "HTTP status 500"),
        ("proxy/uid/a/api/v2/status", (502, {"message": "bad gateway"}), "a", "bad gateway"),
        ("proxy/uid/a/api/v2/status", (404, {"message": "page not found"}), "a", "page not found"),
    ],
)
def test_a_data_source_that_it_cannot_use(grafana: t.Any, path: str, answer: tuple[int, t.Any], uid: str, problem: str) -> None:
    """In Grafana's own words."""
    answers, ask = grafana
    answers[f"/api/datasources/{path}"] = answer
    assert {source["uid"]: source["problem"] for source in ask().sources() if source["problem"]} == {uid: problem}


def test_a_wrong_password_and_no_answer(grafana: t.Any) -> None:
    """Both are told with the address."""
    answers, ask = grafana
    with pytest.raises(ApiError, match=r"Grafana does not answer at http://127\.0\.0\.1:\d+/api/datasources: Unauthorized"):
        ask("wrong").sources()
    answers["/api/health"] = (200, {})
    with pytest.raises(ApiError, match="Grafana does not answer"):
        ask().version()
