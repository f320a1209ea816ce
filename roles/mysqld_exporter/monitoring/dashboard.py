# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import YELLOW, Page
from series import BUSY, of, rate


def build() -> Page:
    """Return the dashboard of MariaDB and MySQL."""
    page = Page(
        "vigie-mysql", "MariaDB and MySQL", "MariaDB and MySQL: queries, connections, InnoDB.", 'up{job="mysql",host!=""}'
    )
    page.now("mysql_up")
    page.stat("Queries", "ops", rate("mysql_global_status_queries", ""), decimals=1)
    used = f"{of('mysql_global_status_threads_connected')} / {of('mysql_global_variables_max_connections')}"
    page.stat("Connections, of those allowed", "percent", f"100 * max({used})", BUSY, decimals=1)
    page.stat("Slow queries", "ops", rate("mysql_global_status_slow_queries", ""), {0.1: YELLOW}, decimals=2)
    page.stat("Queries that run", "none", f"sum({of('mysql_global_status_threads_running')})")
    page.row("Over time")
    page.graph("Queries", "ops", {"{{host}}": rate("mysql_global_status_queries", "host")})
    commands = 'command=~"select|insert|update|delete|replace|commit|rollback",'
    page.graph("Commands", "ops", {"{{host}} {{command}}": rate("mysql_global_status_commands_total", "host, command", commands)})
    page.graph("Connections", "short", {"{{host}}": of("mysql_global_status_threads_connected")})
    page.graph("Slow queries", "ops", {"{{host}}": rate("mysql_global_status_slow_queries", "host")})
    page.graph(
        "InnoDB: data in memory",
        "bytes",
        {
            "{{host}}": of("mysql_global_status_innodb_buffer_pool_bytes_data"),
            "{{host}} allowed": of("mysql_global_variables_innodb_buffer_pool_size"),
        },
    )
    page.graph(
        "InnoDB: pages from the disk",
        "ops",
        {"{{host}}": rate("mysql_global_status_innodb_buffer_pool_reads", "host")},
        description="Pages that were not in memory.",
    )
    page.graph("InnoDB: waits for row locks", "ops", {"{{host}}": rate("mysql_global_status_innodb_row_lock_waits", "host")})
    page.graph(
        "Network",
        "Bps",
        {f"{{{{host}}}} {way}": rate(f"mysql_global_status_bytes_{way}", "host") for way in ("received", "sent")},
    )
    return page
