# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import of


def build() -> Page:
    """Return the dashboard of Graphite clients."""
    page = Page("vigie-graphite", "Graphite", "Metrics that programs send to Graphite.", 'up{job="graphite",host!=""}')
    page.row("Now")
    up = of("up", 'job="graphite",')
    page.stat("Exporters up", "none", f"sum({up})")
    last = f"time() - {of('graphite_last_processed_timestamp_seconds')}"
    page.stat("Last metric received", "s", f"max({last})", {300.0: "yellow", 900.0: "red"})
    page.stat("Metrics", "none", 'sum(scrape_samples_scraped{job="graphite",host=~"$node"})')
    page.row("Over time")
    page.graph("Metrics", "short", {"{{host}}": of("scrape_samples_scraped", 'job="graphite",')})
    page.graph("Since the last metric", "s", {"{{host}}": last})
    return page
