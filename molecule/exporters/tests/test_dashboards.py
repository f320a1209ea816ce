# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every query of every dashboard, as Grafana sends it, against Prometheus and the real services."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import dashboard_checks
import pytest

# Elsewhere: alerts has mtail, grafana stand-ins for Loki and Alloy, storage VictoriaMetrics, services and python many exporters.
OTHERS = (dashboard_checks.roles_of("services") | dashboard_checks.roles_of("python")) - {"prometheus"}
ELSEWHERE = {"alloy", "loki", "mtail", "victoria_metrics", "vmagent", "vmalert", "vmauth"} | OTHERS
# No program in Debian: docs/exporters.md has the reason for each.
NOT_RUN = {
    role for role, facts in json.loads((dashboard_checks.ROOT / "docs/exporters.json").read_text()).items() if "not_run" in facts
}
PAGES = dashboard_checks.pages({path.name for path in (dashboard_checks.ROOT / "roles").iterdir()} - ELSEWHERE - NOT_RUN)
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
    scenario.wait(lambda: scenario.query(counted), seconds=90)
    yield address
    # The next requests are counted by job.
    scenario.on("web1").check_output("rm -f /var/lib/node_exporter/textfile/job_nightly.prom")


@pytest.mark.parametrize("labels", [[], ["function"]], ids=["as_it_is", "with_the_fleets_labels"])
@pytest.mark.parametrize("uid", PAGES)
def test_every_query_finds_something(scenario: t.Any, url: str, uid: str, labels: list[str]) -> None:
    """Each query returns data if all hosts are selected, except the listed panels, which return no data."""
    dashboard_checks.check_queries(scenario, url, PAGES[uid], labels, EMPTY.get(uid, {}))


@pytest.mark.parametrize("uid", PAGES)
def test_every_variable_offers_something(scenario: t.Any, url: str, uid: str) -> None:
    """Each variable has values. A query returns data for a selected value, and none for a value that does not exist."""
    dashboard_checks.check_variables(scenario, url, PAGES[uid], ["function"])
