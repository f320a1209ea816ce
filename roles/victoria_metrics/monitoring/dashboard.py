# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import RED, Page
from series import ANY, of, rate


def build() -> Page:
    """Return the dashboard of VictoriaMetrics."""
    page = Page(
        "vigie-victoria-metrics", "VictoriaMetrics", "State and load of the stores.", 'up{job="victoria_metrics",host!=""}'
    )
    own = 'job="victoria_metrics",'
    active = of("vm_cache_entries", 'type="storage/hour_metric_ids",')
    page.row("Now")
    page.stat("Active series", "short", f"max({active})", decimals=1)
    page.stat("Samples written", "cps", f"sum({rate('vm_rows_inserted_total', 'host', own)})")
    page.stat("On disk", "bytes", f"sum({of('vm_data_size_bytes', own)})", decimals=1)
    page.stat("Free disk space", "bytes", f"min({of('vm_free_disk_space_bytes', own)})", decimals=1)
    page.stat("Stores without space", "none", f"sum({of('vm_storage_is_read_only', own)})", {1.0: RED})
    errors = f"sum(increase({of('vm_http_request_errors_total', own)}[1h])) or vector(0)"
    page.stat("Requests refused in an hour", "short", errors, ANY)
    page.row("Over time")
    page.graph("Samples written", "cps", {"{{host}}": rate("vm_rows_inserted_total", "host", own)})
    page.graph("Active series", "short", {"{{host}}": active})
    page.graph("New series", "cps", {"{{host}}": rate("vm_new_timeseries_created_total", "host", own)})
    page.graph("Duplicates removed", "cps", {"{{host}} {{type}}": rate("vm_deduplicated_samples_total", "host, type", own)})
    page.graph("Requests", "reqps", {"{{path}}": f"{rate('vm_http_requests_total', 'path', own)} > 0"})
    slow = of("vm_request_duration_seconds", 'quantile="0.9",' + own)
    page.graph("Queries take, nine of ten", "s", {"{{host}} {{path}}": slow})
    page.graph("On disk", "bytes", {"{{host}}": f"sum by (host) ({of('vm_data_size_bytes', own)})"})
    page.graph("Free disk space", "bytes", {"{{host}}": f"min by (host) ({of('vm_free_disk_space_bytes', own)})"})
    page.row("Process")
    page.graph("Memory", "bytes", {"{{host}}": of("process_resident_memory_bytes", own)})
    page.graph("CPU", "percentunit", {"{{host}}": rate("process_cpu_seconds_total", "host", own)})
    return page
