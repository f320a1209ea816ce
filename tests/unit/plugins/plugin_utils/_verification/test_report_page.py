# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of hosts and jobs."""

from __future__ import annotations

import copy
import json

from answers import active, asked, change, endpoint, model

from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification import report_page


def test_the_page_has_a_row_a_host_and_a_column_a_job() -> None:
    """What is not planned is a dot; several servers' words are one cell, the worst first."""
    fleet, answer = model(), asked()
    fleet["hosts"]["x"]["endpoints"] = [endpoint("alertmanager", 9093, "x")]
    fleet["hosts"]["a"]["labels"] = {"note": "a|b <script>"}
    second = copy.deepcopy(fleet["servers"]["prometheus"]["p"])
    fleet["servers"]["prometheus"]["q"] = {**second, "scrape_hosts": ["a"]}
    answer["targets"].append({"__prometheus_server": "q", "active": [active(health="down", last_error="refused")], "waiting": []})
    everywhere = {"name": "JobDown", "host": "", "severity": "", "since": 0.0, "summary": "", "labels": {}}
    disk = {**everywhere, "name": "DiskFull", "host": "a", "summary": "/ is full"}
    # The Watchdog fires while all is well.
    change(answer, "info", alerts=[everywhere, disk, {**everywhere, "name": "Watchdog"}])
    change(answer, "tree", changed_files=["prometheus.yml"])
    page = report_page.report_page(fleet, answer, list(fleet["hosts"]), now=0)
    assert page["markdown"].splitlines() == [
        "# Coverage",
        "",
        f"1970-01-01 00:00 UTC, as seen by p, q. {report_page.LEGEND}.",
        "",
        "- JobDown",
        f"- Difference from the inventory: {json.loads(page['json'])['problems'][0]}",
        "",
        "| server | alertmanager | node | labels | alerts |",
        "| --- | --- | --- | --- | --- |",
        r"| a | · | ✗ q: refused | note=a\|b \<script> | DiskFull: / is full |",
        "| p | · | · | function=web |  |",
        "| x | ! p: Prometheus does not know this target | · | function=web |  |",
        "| y | · | · | function=web |  |",
    ]
    assert "<" not in page["json"]
    data = json.loads(page["json"])
    assert [alert["name"] for alert in data["alerts"]] == ["JobDown"]
    assert data["hosts"][0]["labels"] == {"note": "a|b <script>"}
    assert data["hosts"][0]["cells"]["node"] == {"state": "down", "reason": "q: refused", "version": "1.11.1+ds1"}
