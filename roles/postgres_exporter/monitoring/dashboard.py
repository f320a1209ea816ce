# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import RED, YELLOW, Page
from series import BUSY, RATE, of, rate


def build() -> Page:
    """Return the dashboard of PostgreSQL."""
    page = Page("vigie-postgres", "PostgreSQL", "Databases: connections, transactions, sizes, replication.", 'pg_up{host!=""}')
    page.choose("datname", "Databases", 'label_values(pg_database_size_bytes{host=~"$node"}, datname)')
    its = 'datname=~"$datname",'
    page.now("pg_up")
    page.stat("Connections used", "percent", f"max({of('instance:pg_connections_used:percent')})", BUSY)
    page.stat("Transactions", "ops", rate("pg_stat_database_xact_commit", "", its), decimals=1)
    page.stat("Size", "bytes", f"sum({of('pg_database_size_bytes', its)})", decimals=1)
    page.stat("Replication is behind", "s", f"max({of('pg_replication_lag_seconds')})", {60.0: YELLOW, 600.0: RED})
    page.row("Over time")
    page.graph(
        "Connections, by state", "short", {"{{host}} {{state}}": f"sum by (host, state) ({of('pg_stat_activity_count', its)})"}
    )
    page.graph(
        "Transactions",
        "ops",
        {f"{{{{host}}}} {what}": rate(f"pg_stat_database_xact_{what}", "host", its) for what in ("commit", "rollback")},
    )
    page.graph("Sizes", "bytes", {"{{host}} {{datname}}": of("pg_database_size_bytes", its)})
    hit, read = (rate(f"pg_stat_database_blks_{what}", "host", its) for what in ("hit", "read"))
    page.graph("Blocks found in memory", "percent", {"{{host}}": f"100 * {hit} / ({hit} + {read})"}, most=100)
    page.graph(
        "Rows",
        "ops",
        {
            f"{{{{host}}}} {what}": rate(f"pg_stat_database_tup_{what}", "host", its)
            for what in ("fetched", "inserted", "updated", "deleted")
        },
    )
    page.graph("Locks", "short", {"{{host}} {{mode}}": f"sum by (host, mode) ({of('pg_locks_count', its)}) > 0"})
    page.graph("Deadlocks", "short", {"{{host}}": f"sum by (host) (increase({of('pg_stat_database_deadlocks', its)}{RATE}))"})
    page.graph("Replication is behind", "s", {"{{host}}": of("pg_replication_lag_seconds")})
    return page
