# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import ANY, of, rate


def build() -> Page:
    """Return the dashboard of Loki."""
    page = Page("vigie-loki", "Loki", "Logs that Loki receives, and rules that Loki evaluates.", 'up{job="loki",host!=""}')
    page.row("Now")
    page.stat("Streams", "none", f"sum({of('loki_ingester_memory_streams')})")
    page.stat("Lines in an hour", "short", f"sum(increase({of('loki_distributor_lines_received_total')}[1h]))")
    discarded = f"sum(increase({of('loki_discarded_samples_total')}[1h])) or vector(0)"
    page.stat("Lines discarded in an hour", "short", discarded, ANY)
    failures = f"sum(increase({of('loki_prometheus_rule_evaluation_failures_total')}[1h])) or vector(0)"
    page.stat("Failed evaluations in an hour", "short", failures, ANY)
    memory = of("process_resident_memory_bytes", 'job="loki",')
    page.stat("Memory", "bytes", f"sum({memory})")
    page.row("Over time")
    page.graph("Lines received", "cps", {"{{host}}": rate("loki_distributor_lines_received_total", "host")})
    page.graph("Bytes received", "Bps", {"{{host}}": rate("loki_distributor_bytes_received_total", "host")})
    page.graph("Requests", "reqps", {"{{status_code}}": rate("loki_request_duration_seconds_count", "status_code")})
    slow = rate("loki_request_duration_seconds_bucket", "route, le")
    page.graph("Requests take, nine of ten", "s", {"{{route}}": f"histogram_quantile(0.9, {slow})"})
    page.graph("Streams", "short", {"{{host}}": f"sum by (host) ({of('loki_ingester_memory_streams')})"})
    page.graph("CPU", "percentunit", {"{{host}}": rate("process_cpu_seconds_total", "host", 'job="loki",')})
    return page
