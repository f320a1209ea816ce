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


def written(file: Path, hosts: list[dict[str, t.Any]], jobs: list[str], **more: t.Any) -> str:
    """Write a page and return its URL."""
    problems = ["monitor: the rule X is not loaded"]
    data = {
        "made": "2026-01-01 00:00 UTC",
        "servers": ["monitor"],
        "jobs": jobs,
        "hosts": hosts,
        "alerts": [],
        "problems": problems,
    }
    page = {"json": json.dumps({**data, **more}).replace("<", "\\u003c")}
    file.write_text(jinja2.Template(TEMPLATE.read_text()).render(__prometheus_page=page))
    return file.as_uri()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URL of the page."""
    return written(tmp_path_factory.mktemp("page") / "report.html", [row(number) for number in range(1, 501)], JOBS)


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


def test_what_is_wrong_comes_first(page: sync_api.Page) -> None:
    """Critical alerts, what is down, what is missing; then all others."""
    first = ["server9", *(f"server{number * 50}" for number in range(1, 11)), "server7", "server1", "server2"]
    assert names(page)[: len(first)] == first
    down = page.locator("tbody tr").nth(1)
    assert "✗ node: connection refused" in down.inner_text()
    page.get_by_role("button", name="server", exact=True).click()
    page.get_by_role("button", name="urgency", exact=True).click()
    assert names(page)[: len(first)] == first


def test_all_servers_are_there_in_natural_order(page: sync_api.Page) -> None:
    """server2 comes before server10; a job that a server does not have is a dot."""
    page.get_by_role("button", name="server", exact=True).click()
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


def test_differences_do_not_look_like_alerts(page: sync_api.Page) -> None:
    """The box of alerts is red, and not there without any; the tile counts alerts alone."""
    assert page.locator("#firing").is_hidden()
    assert page.get_by_role("button", name="1 alerts fire").count() == 1
    red, of_notes = (
        page.locator(place).evaluate(f"(x) => getComputedStyle(x).{of}")
        for place, of in (("tbody .alert >> nth=0", "color"), ("#notes", "borderLeftColor"))
    )
    assert red != of_notes
    assert page.locator("#notes summary").inner_text() == "1 difference from the inventory"


def test_alerts_without_a_server_are_named(browser: sync_api.Browser, tmp_path: Path) -> None:
    """Apart from the differences, and counted."""
    alert = {"name": "JobDown", "host": "", "severity": "warning", "summary": "nothing answers"}
    opened = browser.new_page()
    opened.goto(written(tmp_path / "report.html", [row(1)], JOBS, alerts=[alert], problems=[]))
    assert opened.locator("#firing li").all_inner_texts() == ["JobDown (warning): nothing answers"]
    assert opened.locator("#notes").is_hidden()
    assert opened.get_by_role("button", name="1 alerts fire").count() == 1
    opened.close()


def full_row(number: int, jobs: list[str]) -> dict[str, t.Any]:
    """Return a server with six labels and nearly all jobs; every 20th is down with a long reason, every 50th has an alert."""
    found = row(1)
    labels = {
        "client": "example",
        "datacenter": "par1",
        "function": "database",
        "group": "fleet",
        "rack": "r17",
        "type": "server",
    }
    cells = {job: cell("up") for index, job in enumerate(jobs) if (index + number) % 4}
    if number % 20 == 0:
        cells["node"] = cell("down", 'Get "http://192.0.2.1:9100/metrics": dial tcp 192.0.2.1:9100: connect: connection refused')
    alerts = [{"name": "DiskFull", "host": "", "severity": "warning", "summary": "x"}] if number % 50 == 0 else []
    return {**found, "name": f"server{number}.example.com", "labels": labels, "cells": cells, "alerts": alerts}


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("jobs", [9, 25])
@pytest.mark.parametrize("servers", [3, 25, 500])
def test_rows_are_low(browser: sync_api.Browser, tmp_path: Path, servers: int, jobs: int, width: int) -> None:
    """A row without an alert takes 44 px at most, whatever there is to say; nothing is wider than the screen."""
    named = ["node", *(f"application_{number}" for number in range(1, jobs))]
    hosts = [full_row(number, named) for number in range(1, servers + 1)]
    opened = browser.new_page(viewport={"width": width, "height": 800})
    opened.goto(written(tmp_path / "report.html", hosts, named))
    heights = opened.evaluate(
        "[...document.querySelectorAll('tbody tr')].filter((x) => !x.querySelector('.alert')).map((x) => x.offsetHeight)"
    )
    assert len(heights) == servers - servers // 50
    assert max(heights) <= 44
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    if width > 1000:
        # All jobs are on the screen.
        last = opened.locator("thead th").last.bounding_box()
        assert last is not None
        assert last["x"] + last["width"] <= width
        assert last["height"] <= 160
        # Of many, so many rows of that height are on the screen at once.
        shown = opened.locator(".scroll").evaluate("(x) => (x.clientHeight - x.querySelector('thead').offsetHeight) / 44")
        assert servers == 3 or shown >= 14
    opened.close()


def test_the_first_column_and_the_heads_stay(browser: sync_api.Browser, tmp_path: Path) -> None:
    """When a table that is wider than the screen is scrolled sideways, and down."""
    named = ["node", *(f"application_{number}" for number in range(1, 60))]
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    opened.goto(written(tmp_path / "report.html", [full_row(number, named) for number in range(1, 101)], named))

    def places() -> list[float]:
        found: list[float] = opened.evaluate(
            "[document.querySelector('tbody tr:nth-child(90) th').getBoundingClientRect().left,"
            " document.querySelector('thead th:last-child').getBoundingClientRect().top,"
            " document.querySelector('thead th:last-child').getBoundingClientRect().left]"
        )
        return found

    before = places()
    opened.locator(".scroll").evaluate("(x) => { x.scrollLeft = 500; x.scrollTop = 900; }")
    after = places()
    assert after[:2] == before[:2]
    assert after[2] == before[2] - 500
    opened.close()


def test_a_click_on_a_name_shows_all_of_it(page: sync_api.Page) -> None:
    """All labels and reasons; again hides them."""
    page.fill("#search", "server9.")
    server, more = page.get_by_role("button", name="server9.example.com"), page.locator("tbody .more")
    cut = more.evaluate("(x) => x.clientHeight < x.scrollHeight")
    server.click()
    assert server.get_attribute("aria-expanded") == "true"
    assert more.evaluate("(x) => x.clientHeight === x.scrollHeight")
    server.click()
    assert more.evaluate("(x) => x.clientHeight < x.scrollHeight") == cut


def test_it_fits_a_phone(page: sync_api.Page) -> None:
    """Nothing is wider than the screen; a tap on a name shows the jobs of the server, and what is not planned takes no place."""
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.fill("#search", "server9.")
    cells = page.locator("tbody tr").first.locator("td:visible")
    assert cells.count() == 0
    assert page.locator("tbody .sum").inner_text().strip() == "✔2"
    page.get_by_role("button", name="server9.example.com").click()
    assert cells.count() == 2
