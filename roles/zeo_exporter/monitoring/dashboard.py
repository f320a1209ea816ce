# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import ANY, of, rate


def build() -> Page:
    """Return the dashboard of ZEO servers."""
    page = Page("vigie-zeo", "ZEO", "ZEO servers: clients, transactions, loads.", 'up{job="zeo",host!=""}')
    page.row("Now")
    page.stat("Servers up", "none", f"sum({of('zeo_up')})")
    page.stat("Servers down", "none", f"count({of('zeo_up')} == 0) or vector(0)", ANY)
    page.stat("Clients", "none", f"sum({of('zeo_connections')})")
    page.stat("Commits", "ops", rate("zeo_commits_total", ""), decimals=1)
    page.stat("Transactions that wait", "none", f"sum({of('zeo_waiting_transactions')})", ANY)
    page.row("Over time")
    page.graph("Commits", "ops", {"{{host}} {{server}} {{storage}}": rate("zeo_commits_total", "host, server, storage")})
    page.graph(
        "Transactions that failed",
        "ops",
        {
            "{{host}} {{storage}} conflicts": rate("zeo_conflicts_total", "host, storage"),
            "{{host}} {{storage}} aborted": rate("zeo_aborts_total", "host, storage"),
        },
    )
    page.graph("Objects loaded: no cache had them", "ops", {"{{host}} {{storage}}": rate("zeo_loads_total", "host, storage")})
    page.graph("Clients", "short", {"{{host}} {{server}} {{storage}}": of("zeo_connections")})
    page.graph("Commit lock", "s", {"{{host}} {{server}} {{storage}}": of("zeo_commit_lock_seconds")})
    return page
