# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import ANY, BUSY, of, rate


def build() -> Page:
    """Return the dashboard of PgBouncer."""
    page = Page("vigie-pgbouncer", "PgBouncer", "PgBouncer: clients, pools, queries.", 'up{job="pgbouncer",host!=""}')
    page.now("pgbouncer_up")
    page.stat("Queries", "ops", rate("pgbouncer_stats_totals_queries_pooled_total", ""), decimals=1)
    used = f"{of('pgbouncer_used_clients')} / {of('pgbouncer_config_max_client_connections')}"
    page.stat("Clients, of those allowed", "percent", f"100 * max({used})", BUSY)
    page.stat("Clients that wait", "none", f"sum({of('pgbouncer_pools_client_waiting_connections')})", ANY)
    page.row("Over time")
    pool = "{{host}} {{database}} {{user}}"
    page.graph("Queries", "ops", {"{{host}} {{database}}": rate("pgbouncer_stats_totals_queries_pooled_total", "host, database")})
    page.graph("Clients", "short", {pool: of("pgbouncer_pools_client_active_connections")})
    page.graph("Clients that wait", "short", {pool: of("pgbouncer_pools_client_waiting_connections")})
    page.graph("The longest wait", "s", {pool: of("pgbouncer_pools_client_maxwait_seconds")})
    page.graph(
        "Connections to PostgreSQL",
        "short",
        {f"{pool} {state}": of(f"pgbouncer_pools_server_{state}_connections") for state in ("active", "idle")},
    )
    page.graph(
        "Network",
        "Bps",
        {f"{{{{host}}}} {way}": rate(f"pgbouncer_stats_totals_{way}_bytes_total", "host") for way in ("received", "sent")},
    )
    return page
