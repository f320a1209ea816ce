# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every query of every dashboard, as Grafana sends it, against Prometheus and the real services."""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader

ROOT = Path(__file__).parents[3]
init_plugin_loader([str(ROOT / ".collections")])
sys.path.insert(0, str(ROOT / "tools" / "dashboards"))

import queries  # noqa: E402 - it lies beside what makes the dashboards

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import grafana  # noqa: E402 - the loader finds it

# The scenario grafana has stand-ins for Loki and Alloy, and the scenario alerts has mtail.
ELSEWHERE = ("alloy", "loki", "mtail")
FILES = sorted(path for path in ROOT.glob("roles/*/monitoring/dashboard*.json") if path.parents[1].name not in ELSEWHERE)
PAGES = {page["uid"]: page for page in (json.loads(path.read_text()) for path in FILES)}
# Containers show the values of the machine that runs them.
SENSORS = [*Path("/sys/class/hwmon").glob("*/temp*_input"), *Path("/sys/class/thermal").glob("thermal_zone*")]
# Panels without data in this scenario, by dashboard, with the reason.
EMPTY = {} if SENSORS else {"vigie-node": {"Temperature": "this machine has no sensors"}}


@pytest.fixture(scope="module")
def url(scenario: t.Any) -> t.Iterator[str]:
    """Return the URL of Prometheus after a job has run and counters have counted for a minute."""
    scenario.on("web1").check_output("vigie-job --every 86400 nightly true")
    address = f"http://{scenario.var('monitor', 'ansible_host')}:9090"
    counted = "sum(rate(haproxy_frontend_http_requests_total[1m])) and on () vigie_job_last_status"
    scenario.wait(lambda: queries.ask(address, "query", query=counted)["result"], seconds=90)
    yield address
    # The next requests are counted by job.
    scenario.on("web1").check_output("rm -f /var/lib/node_exporter/textfile/job_nightly.prom")


@pytest.mark.parametrize("labels", [[], ["function"]], ids=["as_it_is", "with_the_fleets_labels"])
@pytest.mark.parametrize("uid", PAGES)
def test_every_query_finds_something(scenario: t.Any, url: str, uid: str, labels: list[str]) -> None:
    """Each query returns data if all hosts are selected, except the listed panels, which return no data."""
    page = grafana.with_labels(PAGES[uid], labels)

    def silent() -> dict[str, str]:
        return {
            title: text
            for title, expression in queries.queries(page)
            for text in [queries.filled(expression, page)]
            if not queries.ask(url, "query", query=text)["result"]
        }

    # A busy machine can miss a scrape.
    scenario.wait(lambda: set(silent()) == set(EMPTY.get(uid, {})), silent)


@pytest.mark.parametrize("uid", PAGES)
def test_every_variable_offers_something(scenario: t.Any, url: str, uid: str) -> None:
    """Each variable has values. A query returns data for a selected value, and none for a value that does not exist."""
    page = grafana.with_labels(PAGES[uid], ["function"])
    for variable in queries.choices(page):
        values = queries.offered(url, page, variable)
        assert values, variable
        if variable["type"] == "custom":
            continue
        name = variable["name"]
        texts = [expression for _title, expression in queries.queries(page) if f"${name}" in expression]

        def answers(value: str, texts: list[str] = texts, name: str = name) -> list[list[dict[str, t.Any]]]:
            return [queries.ask(url, "query", query=queries.filled(text, page, **{name: value}))["result"] for text in texts]

        def found_by(values: list[str] = values, answers: t.Callable[[str], t.Any] = answers) -> bool:
            return any(found for value in values for found in answers(value.replace(".", "[.]")))

        scenario.wait(found_by, lambda variable=variable: variable)
        found = answers("no-such-value")
        # A counter also has a zero.
        assert all(float(one["value"][1]) == 0 for result in found for one in result), variable
