# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The coverage page in a browser: 500 servers, sorted, filtered, and on a phone."""

from __future__ import annotations

import json
import shutil
import typing as t
from pathlib import Path

import jinja2
import pytest
from playwright import sync_api

TEMPLATE = Path(__file__).parents[3] / "roles" / "prometheus" / "templates" / "report.html.j2"
JOBS = ["apache", "blackbox", "haproxy", "node", "postgres", "uwsgi"]
BAD = "</script><script>document.title = 'taken'</script><img src=x onerror=document.title='taken'>"


def cell(state: str, reason: str = "") -> dict[str, str]:
    """Return a cell of the page's data."""
    return {"state": state, "reason": reason, "version": "1.11.1"}


def row(number: int) -> dict[str, t.Any]:
    """Return a server; every 50th is down, the 7th is missing, the 9th has an alert and awkward texts."""
    name = f"server{number}.example.com"
    cells = {"node": cell("down", "connection refused") if number % 50 == 0 else cell("up")}
    if number % 3 == 0:
        cells["haproxy"] = cell("up")
    if number == 7:
        cells["node"] = cell("missing", "Prometheus does not know this target")
    alerts = [{"name": "DiskFull", "host": name, "severity": "critical", "summary": BAD}] if number == 9 else []
    labels = {"function": ["web", "database", "queue"][number % 3], "note": BAD if number == 9 else "x"}
    return {"name": name, "address": f"192.0.2.{number % 256}", "labels": labels, "cells": cells, "alerts": alerts}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URL of the page."""
    data = {
        "made": "2026-01-01 00:00 UTC",
        "servers": ["monitor"],
        "jobs": JOBS,
        "hosts": [row(number) for number in range(1, 501)],
        "alerts": [],
        "problems": ["monitor: the rule X is not loaded"],
    }
    page = {"json": json.dumps(data).replace("<", "\\u003c")}
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(jinja2.Template(TEMPLATE.read_text()).render(__prometheus_page=page))
    return file.as_uri()


@pytest.fixture(scope="module")
def browser() -> t.Iterator[sync_api.Browser]:
    """Return Debian's Chromium, without a window."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no Chromium here: `make setup` installs it")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: sync_api.Browser, address: str) -> t.Iterator[sync_api.Page]:
    """Return the page, opened; nothing may have been written to the console, nor asked of any network."""
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    said: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(address)
    yield opened
    assert said == []
    assert asked == [address]
    assert opened.title() == "Coverage of the monitoring"
    opened.close()


def names(page: sync_api.Page) -> list[str]:
    """Return the servers that are shown, in their order."""
    found: list[str] = page.evaluate("[...document.querySelectorAll('tbody th')].map((x) => x.firstChild.textContent)")
    return [name.partition(".")[0] for name in found]


def test_all_servers_are_there_in_natural_order(page: sync_api.Page) -> None:
    """server2 comes before server10; a job that a server does not have is a dot."""
    assert names(page) == [f"server{number}" for number in range(1, 501)]
    first = page.locator("tbody tr").first
    assert [cell.strip() for cell in first.locator("td").all_inner_texts()[:4]] == ["·", "·", "·", "✔\n1.11.1"]
    assert page.locator("#notes li").all_inner_texts() == ["monitor: the rule X is not loaded"]


def test_a_click_on_a_heading_sorts(page: sync_api.Page) -> None:
    """What is wrong comes first; the second click turns it round."""
    page.get_by_role("button", name="node", exact=True).click()
    assert names(page)[:11] == [f"server{number * 50}" for number in range(1, 11)] + ["server7"]
    page.get_by_role("button", name="server", exact=True).click()
    page.get_by_role("button", name="server", exact=True).click()
    assert names(page)[:2] == ["server500", "server499"]
    assert page.locator("th[data-column=server]").get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="alerts", exact=True).click()
    assert names(page)[0] == "server9"


def test_words_and_tiles_filter(page: sync_api.Page) -> None:
    """All words must be there; a tile shows what it counts; again shows all."""
    page.fill("#search", "function=web Refused")
    assert names(page) == ["server150", "server300", "server450"]
    assert page.locator("#count").inner_text() == "3 of 500 servers"
    page.fill("#search", "")
    page.get_by_role("button", name="10 down").click()
    assert len(names(page)) == 10
    page.get_by_role("button", name="1 missing").click()
    assert names(page) == ["server7"]
    page.get_by_role("button", name="1 missing").click()
    assert len(names(page)) == 500


def test_texts_of_the_inventory_are_texts(page: sync_api.Page) -> None:
    """Whatever a label or an alert says, it is shown and not run. The fixture looks at the title."""
    page.fill("#search", "server9.")
    assert BAD in page.locator("tbody .alert small").inner_text()
    assert page.locator("tbody img, tbody script").count() == 0


def test_it_fits_a_phone(page: sync_api.Page) -> None:
    """Nothing is wider than the screen, and what is not planned takes no place."""
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert page.locator("tbody tr").first.locator("td:visible").count() == 2
