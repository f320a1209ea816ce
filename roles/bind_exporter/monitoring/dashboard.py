# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import of, rate


def build() -> Page:
    """Return the dashboard of BIND."""
    page = Page("vigie-bind", "BIND", "BIND: queries, answers, cache, zones.", 'up{job="bind",host!=""}')
    page.now("bind_up")
    page.stat("Queries", "ops", rate("bind_incoming_queries_total", ""), decimals=1)
    page.stat("Zones", "none", f"count({of('bind_zone_serial')})")
    page.row("Over time")
    page.graph("Queries by type", "ops", {"{{host}} {{type}}": rate("bind_incoming_queries_total", "host, type")})
    page.graph("Answers by result", "ops", {"{{host}} {{result}}": rate("bind_responses_total", "host, result")})
    page.graph("Queries to other name servers", "ops", {"{{host}}": rate("bind_resolver_queries_total", "host")})
    page.graph(
        "Failures of other name servers",
        "ops",
        {"{{host}} {{error}}": rate("bind_resolver_response_errors_total", "host, error")},
    )
    page.graph("Recursive queries", "ops", {"{{host}}": rate("bind_query_recursions_total", "host")})
    page.graph("Zone transfers", "ops", {"{{host}}": rate("bind_zone_transfer_success_total", "host")})
    page.row("Zones")
    page.table(
        "Serials", {"Serial": of("bind_zone_serial")}, {"host": "Server", "view": "View", "zone_name": "Zone"}, {"Serial": "none"}
    )
    return page
