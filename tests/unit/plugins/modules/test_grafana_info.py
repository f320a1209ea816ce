# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module grafana_info, as a task runs it."""

from __future__ import annotations

import json
import typing as t

import pytest
from processes import Started
from servers import JsonServer

from ansible_collections.vigie.monitoring.plugins.modules import grafana_info

PASSWORD = "hidden-hidden"  # noqa: S105 - of the test


@pytest.fixture
def grafana(json_server: t.Callable[[dict[str, t.Any]], JsonServer]) -> JsonServer:
    """Return a Grafana whose answers the test can change."""
    return json_server(
        {
            "/api/health": {"version": "12.0.0"},
            "/api/datasources": [{"uid": "p", "name": "P", "type": "prometheus", "url": "http://p"}],
            "/api/datasources/uid/p/health": {"status": "OK"},
            "/api/search": [{"uid": "x", "title": "X", "folderTitle": "F"}],
        }
    )


def test_what_a_grafana_has(grafana: JsonServer) -> None:
    """Nothing changes, also in check mode, and the password is in no result."""
    for check in (False, True):
        started = Started(grafana_info, {"url": f"{grafana.url}/", "password": PASSWORD}, check=check)
        text = started.text()
        assert PASSWORD not in text
        result = json.loads(text)
        assert (result["changed"], result["version"]) == (False, "12.0.0")
        assert result["sources"] == [{"uid": "p", "name": "P", "type": "prometheus", "url": "http://p", "problem": ""}]
        assert result["dashboards"] == [{"uid": "x", "title": "X", "folder": "F"}]


def test_it_signs_in_as_the_administrator(grafana: JsonServer) -> None:
    """Or as another user; the version needs no password."""
    Started(grafana_info, {"url": grafana.url, "password": PASSWORD}).result()
    assert set(grafana.users.values()) == {"admin", None}
    assert grafana.users["/api/health"] is None
    Started(grafana_info, {"url": grafana.url, "password": PASSWORD, "username": "viewer"}).result()
    assert grafana.users["/api/datasources"] == "viewer"


def test_a_grafana_that_does_not_answer_is_an_error(grafana: JsonServer) -> None:
    """Named with its address; the password is not in the message."""
    del grafana.answers["/api/search"]
    text = Started(grafana_info, {"url": grafana.url, "password": PASSWORD}).text()
    result = json.loads(text)
    assert result["failed"]
    assert f"{grafana.url}/api/search" in result["msg"]
    assert PASSWORD not in text
