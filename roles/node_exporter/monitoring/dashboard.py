# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import GREEN, RED, YELLOW, Page
from series import ANY, BUSY, CPU, DISK, MEMORY


def build() -> Page:
    """Return the dashboard of the hosts."""
    page = Page("vigie-node", "Servers", "Load, memory, disks and network of the hosts.", 'node_uname_info{host!=""}')
    page.row("Now")
    cores = 'count by (host) (node_cpu_seconds_total{mode="idle",host=~"$node"})'
    page.table(
        "Servers",
        {
            "CPU": CPU,
            "Memory": f"max by (host) ({MEMORY})",
            "Fullest disk": f"max by (host) ({DISK})",
            "Load per core": f'max by (host) (node_load5{{host=~"$node"}}) / {cores}',
            "Up for": 'max by (host) (node_time_seconds{host=~"$node"} - node_boot_time_seconds{host=~"$node"})',
        },
        {"host": "Server"},
        {"CPU": "percent", "Memory": "percent", "Fullest disk": "percent", "Load per core": "short", "Up for": "dtdurations"},
        steps={"CPU": BUSY, "Memory": BUSY, "Fullest disk": BUSY, "Load per core": {2.0: YELLOW, 4.0: RED}},
    )

    page.row("CPU and memory")
    page.graph("CPU used", "percent", {"{{host}}": CPU}, most=100)
    page.graph("Load, 5 minutes", "short", {"{{host}}": 'node_load5{host=~"$node"}'})
    page.graph("Memory used", "percent", {"{{host}}": MEMORY}, most=100)
    page.graph(
        "Memory, by use",
        "bytes",
        {
            "used": 'sum(node_memory_MemTotal_bytes{host=~"$node"} - node_memory_MemAvailable_bytes{host=~"$node"})',
            "available": 'sum(node_memory_MemAvailable_bytes{host=~"$node"})',
        },
        stacked=True,
    )

    page.row("Disks")
    page.bars("Disks used", "percent", {"{{host}} {{mountpoint}}": DISK}, BUSY)
    page.graph("Disks used", "percent", {"{{host}} {{mountpoint}}": DISK}, most=100)
    busy = 'rate(node_disk_io_time_seconds_total{host=~"$node"}[$__rate_interval])'
    page.graph("Disks busy", "percentunit", {"{{host}} {{device}}": busy})
    page.graph(
        "Read and written",
        "Bps",
        {
            f"{{{{host}}}} {what}": f'sum by (host) (rate(node_disk_{what}_bytes_total{{host=~"$node"}}[$__rate_interval]))'
            for what in ("read", "written")
        },
    )

    page.row("Network")
    for what in ("receive", "transmit"):
        expression = f'sum by (host) (rate(node_network_{what}_bytes_total{{device!="lo",host=~"$node"}}[$__rate_interval])) * 8'
        page.graph(f"Network, {what}", "bps", {"{{host}}": expression})
    page.graph("TCP connections", "short", {"{{host}}": 'node_netstat_Tcp_CurrEstab{host=~"$node"}'})
    page.graph(
        "Network errors",
        "pps",
        {
            f"{{{{host}}}} {what}": f'sum by (host) (rate(node_network_{what}_errs_total{{host=~"$node"}}[$__rate_interval]))'
            for what in ("receive", "transmit")
        },
    )

    page.row("System")
    page.graph("Clocks", "s", {"{{host}}": 'abs(node_time_seconds{host=~"$node"} - timestamp(node_time_seconds{host=~"$node"}))'})
    page.graph(
        "Temperature",
        "celsius",
        {"{{host}}": 'max by (host) ({__name__=~"node_hwmon_temp_celsius|node_thermal_zone_temp",host=~"$node"})'},
    )
    page.states(
        "systemd units that failed",
        {"{{host}} {{name}}": 'node_systemd_unit_state{state="failed",host=~"$node"}'},
        {"1": ("failed", RED), "0": ("fine", GREEN)},
        span=12,
    )
    page.graph(
        "Killed for want of memory", "short", {"{{host}}": 'increase(node_vmstat_oom_kill{host=~"$node"}[$__rate_interval])'}
    )

    page.row("Jobs and scripts")
    page.table(
        "Jobs",
        {
            "Last success": 'vigie_job_last_success_timestamp_seconds{host=~"$node"} * 1000',
            "Took": 'vigie_job_last_duration_seconds{host=~"$node"}',
            "Status": 'vigie_job_last_status{host=~"$node"}',
        },
        {"name": "Job", "host": "Server"},
        {"Last success": "dateTimeFromNow", "Took": "s", "Status": "none"},
        steps={"Status": ANY},
        span=12,
        description="Jobs that run under vigie-job.",
    )
    page.graph("Age of metrics from files", "s", {"{{host}} {{file}}": 'time() - node_textfile_mtime_seconds{host=~"$node"}'})
    return page
