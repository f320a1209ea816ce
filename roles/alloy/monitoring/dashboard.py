# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import GREEN, RED, Page
from series import ANY, of, rate


def build() -> Page:
    """Return the dashboard of Alloy."""
    page = Page("vigie-alloy", "Alloy", "Logs that the hosts send to Loki.", 'up{job="alloy",host!=""}')
    page.row("Now")
    page.stat("Lines in an hour", "short", f"sum(increase({of('loki_write_sent_entries_total')}[1h]))")
    dropped = f"sum(increase({of('loki_write_dropped_entries_total')}[1h])) or vector(0)"
    page.stat("Lines dropped in an hour", "short", dropped, ANY)
    page.stat("Files", "none", f"sum({of('loki_source_file_files_active_total')}) or vector(0)")
    loaded = {"1": ("yes", GREEN), "0": ("no", RED)}
    page.stat("Configuration in force", "none", f"min({of('alloy_config_last_load_successful')})", mappings=loaded)
    page.row("Over time")
    page.graph("Lines sent", "cps", {"{{host}}": rate("loki_write_sent_entries_total", "host")})
    page.graph("Bytes sent", "Bps", {"{{host}}": rate("loki_write_sent_bytes_total", "host")})
    page.graph("Memory", "bytes", {"{{host}}": of("process_resident_memory_bytes", 'job="alloy",')})
    page.graph("CPU", "percentunit", {"{{host}}": rate("process_cpu_seconds_total", "host", 'job="alloy",')})
    return page
