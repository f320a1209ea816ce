# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import ANY, BUSY, CPU, DISK, MEMORY, of, rate

UP = of("up", 'job="collectd",')
SAMPLES = of("scrape_samples_scraped", 'job="collectd",')


def build() -> Page:
    """Return the dashboard of hosts with collectd."""
    page = Page(
        "vigie-collectd", "collectd", "Hosts that run collectd: load, memory, disks, network.", 'up{job="collectd",host!=""}'
    )
    page.row("Now")
    page.stat("Hosts up", "none", f"sum({UP})")
    page.stat("Hosts down", "none", f"count({UP} == 0) or vector(0)", ANY)
    page.stat("Values", "short", f"sum({SAMPLES})")
    page.row("CPU and memory")
    page.graph("CPU used", "percent", {"{{host}}": CPU}, most=100)
    page.graph("Load, 5 minutes", "short", {"{{host}}": of("collectd_load_midterm")})
    page.graph("Memory used", "percent", {"{{host}}": MEMORY}, most=100)
    page.row("Disks")
    page.bars("Disks used", "percent", {"{{host}} {{mountpoint}}": DISK}, BUSY)
    page.graph(
        "Read and written",
        "Bps",
        {f"{{{{host}}}} {what}": rate(f"collectd_disk_disk_octets_{what}_total", "host") for what in ("read", "write")},
    )
    page.row("Network")
    for way, title in (("rx", "Received"), ("tx", "Sent")):
        octets = rate(f"collectd_interface_if_octets_{way}_total", "host, interface")
        page.graph(title, "bps", {"{{host}} {{interface}}": f"8 * {octets}"})
    return page
