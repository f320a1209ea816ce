# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import BUSY, of, rate


def build() -> Page:
    """Return the dashboard of Apache."""
    page = Page("vigie-apache", "Apache", "Requests and workers of Apache.", 'up{job="apache",host!=""}')
    page.now("apache_up", "Apaches")
    page.stat("Requests", "reqps", rate("apache_accesses_total", ""), decimals=1)
    page.stat("Sent", "KBs", rate("apache_sent_kilobytes_total", ""), decimals=1)
    busy = of("apache_scoreboard", 'state!~"idle|open_slot",')
    page.stat("Workers busy", "percent", f"100 * sum({busy}) / sum({of('apache_scoreboard')})", BUSY)
    page.stat("Up for, at least", "dtdurations", f"min({of('apache_uptime_seconds_total')})")
    page.row("Over time")
    page.graph("Requests", "reqps", {"{{host}}": rate("apache_accesses_total", "host")})
    page.graph("Sent", "KBs", {"{{host}}": rate("apache_sent_kilobytes_total", "host")})
    page.graph("Workers, by state", "short", {"{{state}}": f"sum by (state) ({of('apache_scoreboard')})"}, stacked=True)
    took = f"{rate('apache_duration_ms_total', 'host')} / {rate('apache_accesses_total', 'host')}"
    page.graph("A request takes", "ms", {"{{host}}": took})
    return page
