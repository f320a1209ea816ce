# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import of, rate


def build() -> Page:
    """Return the dashboard of StatsD clients."""
    page = Page("vigie-statsd", "StatsD", "Metrics that programs send by StatsD.", 'up{job="statsd",host!=""}')
    page.row("Now")
    up = of("up", 'job="statsd",')
    page.stat("Exporters up", "none", f"sum({up})")
    page.stat("Events", "ops", rate("statsd_exporter_events_total", ""), decimals=1)
    page.stat("Lines that cannot be read", "ops", rate("statsd_exporter_sample_errors_total", ""), {0.01: "red"}, decimals=2)
    page.stat("Packets dropped", "ops", rate("statsd_exporter_udp_packet_drops_total", ""), {0.01: "red"}, decimals=2)
    page.row("Over time")
    page.graph("Events", "ops", {"{{host}} {{type}}": rate("statsd_exporter_events_total", "host, type")})
    page.graph("Events without a mapping", "ops", {"{{host}}": rate("statsd_exporter_events_unmapped_total", "host")})
    page.graph("Lines", "ops", {"{{host}}": rate("statsd_exporter_lines_total", "host")})
    page.graph("Metrics", "short", {"{{host}} {{type}}": of("statsd_exporter_metrics_total")})
    return page
