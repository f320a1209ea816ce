# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import of, rate


def build() -> Page:
    """Return the dashboard of containers."""
    page = Page("vigie-cadvisor", "Containers", "Containers by name: CPU, memory, network.", 'up{job="cadvisor",host!=""}')
    named = 'name!="",'
    page.row("Now")
    page.stat("Containers", "none", f"count({of('container_last_seen', named)})")
    page.stat("CPU, in cores", "none", rate("container_cpu_usage_seconds_total", "", named), decimals=2)
    page.stat("Memory", "bytes", f"sum({of('container_memory_working_set_bytes', named)})")
    page.stat("Hosts that cannot read all", "none", f"sum({of('container_scrape_error')})", {1.0: "red"})
    page.row("Over time")
    legend = "{{host}} {{name}}"
    page.graph("CPU, in cores", "short", {legend: rate("container_cpu_usage_seconds_total", "host, name", named)})
    page.graph("Memory", "bytes", {legend: of("container_memory_working_set_bytes", named)})
    page.graph("Received", "Bps", {legend: rate("container_network_receive_bytes_total", "host, name", named)})
    page.graph("Sent", "Bps", {legend: rate("container_network_transmit_bytes_total", "host, name", named)})
    page.graph("Read from disks", "Bps", {legend: rate("container_fs_reads_bytes_total", "host, name", named)})
    page.graph("Written to disks", "Bps", {legend: rate("container_fs_writes_bytes_total", "host, name", named)})
    page.graph(
        "Periods without CPU time",
        "ops",
        {legend: rate("container_cpu_cfs_throttled_periods_total", "host, name", named)},
        description="Periods in which a container had used its share of the CPU.",
    )
    page.graph("Started", "dateTimeFromNow", {legend: f"1000 * {of('container_start_time_seconds', named)}"})
    return page
