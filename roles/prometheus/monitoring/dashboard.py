# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import GREEN, RED, Page
from series import ANY, RATE, of, rate


def build() -> Page:
    """Return the dashboard of the Prometheus servers."""
    page = Page("vigie-prometheus", "Prometheus", "State and load of the Prometheus servers.", 'up{job="prometheus",host!=""}')
    own = 'job="prometheus",'
    page.row("Now")
    page.stat("Targets", "none", "count(up)", description="All targets of the data source. The selected hosts do not apply.")
    page.stat("Series", "short", f"sum({of('prometheus_tsdb_head_series')})", decimals=1)
    page.stat("Samples", "cps", rate("prometheus_tsdb_head_samples_appended_total", ""))
    page.stat("On disk", "bytes", f"sum({of('prometheus_tsdb_storage_blocks_bytes')})", decimals=1)
    reloaded = {"1": ("yes", GREEN), "0": ("no", RED)}
    taken = f"min({of('prometheus_config_last_reload_successful')})"
    page.stat("Configuration in force", "none", taken, mappings=reloaded)
    page.stat("Rules that fail", "none", f"sum(increase({of('prometheus_rule_evaluation_failures_total')}{RATE}))", ANY)
    page.row("Scraping")
    page.graph("Series", "short", {"{{host}}": of("prometheus_tsdb_head_series")})
    page.graph("Samples", "cps", {"{{host}}": rate("prometheus_tsdb_head_samples_appended_total", "host")})
    page.graph("A scrape takes, the slowest by job", "s", {"{{job}}": "max by (job) (scrape_duration_seconds)"})
    page.graph("Samples of a scrape, by job", "short", {"{{job}}": "sum by (job) (scrape_samples_scraped)"}, stacked=True)
    page.row("Rules and queries")
    page.graph("Rules take", "s", {"{{host}}": f"sum by (host) ({of('prometheus_rule_group_last_duration_seconds')})"})
    slices = of("prometheus_engine_query_duration_seconds", 'quantile="0.9",')
    page.graph("Queries take, by slice", "s", {"{{slice}}": f"max by (slice) ({slices})"})
    page.graph("Alerts sent", "cps", {"{{host}}": rate("prometheus_notifications_sent_total", "host")})
    page.graph("Alerts that fire", "short", {"{{severity}}": 'count by (severity) (ALERTS{alertstate="firing"})'}, stacked=True)
    page.row("Process")
    page.graph("Memory", "bytes", {"{{host}}": of("process_resident_memory_bytes", own)})
    page.graph("CPU", "percentunit", {"{{host}}": rate("process_cpu_seconds_total", "host", own)})
    return page
