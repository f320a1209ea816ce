# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The home dashboard, and the dashboards of node_exporter."""

from __future__ import annotations

from panels import BASE, GREEN, RED, YELLOW, Page

BUSY = {80.0: YELLOW, 95.0: RED}
ANY = {1.0: RED}
DAYS = {BASE: RED, 7.0: YELLOW, 21.0: GREEN}
DISKS = 'fstype!~"tmpfs|ramfs",host=~"$node"'
PROGRAMS = 'supervisord:program_up{name=~"$service",host=~"$node"}'
CPU = '100 * (1 - avg by (host) (rate(node_cpu_seconds_total{mode="idle",host=~"$node"}[$__rate_interval])))'
MEMORY = '100 * (1 - node_memory_MemAvailable_bytes{host=~"$node"} / node_memory_MemTotal_bytes{host=~"$node"})'
DISK = f"100 * (1 - node_filesystem_avail_bytes{{{DISKS}}} / node_filesystem_size_bytes{{{DISKS}}})"


def active(more: str = "") -> str:
    """Return the systemd units that were chosen, in one of their states."""
    return f'node_systemd_unit_state{{{more}name=~"$service",host=~"$node"}}'


def fleet() -> Page:
    """Return the home page."""
    page = Page("vigie-fleet", "Fleet", "The whole fleet at a glance: servers, services, sites and certificates.")
    page.choose("cert_instance", "Clients", 'label_values(probe_ssl_earliest_cert_expiry{host=~"$node"}, instance)')
    names = '{__name__=~"node_systemd_unit_state|supervisord:program_up",host=~"$node"}'
    page.choose("service", "Services", f"label_values({names}, name)")
    page.choose_one("by", "By", ["host"])

    page.row("Now")
    machines = 'max by (host) (up{job!~"probe_.*",host=~"$node"})'
    page.stat("Servers up", "none", f"count({machines} == 1) or vector(0)", span=3)
    page.stat("Servers down", "none", f"count({machines} == 0) or vector(0)", ANY, span=3)
    page.stat("Targets down", "none", 'count(up{host=~"$node"} == 0) or vector(0)', ANY, span=3)
    firing = 'ALERTS{alertstate="firing",severity="%s",host=~"$node"}'
    page.stat("Critical alerts", "none", f"count({firing % 'critical'}) or vector(0)", ANY, span=3)
    page.stat("Warnings", "none", f"count({firing % 'warning'}) or vector(0)", {1.0: YELLOW}, span=3)
    page.stat("Sites down", "none", 'count(probe_success{module!="icmp",host=~"$node"} == 0) or vector(0)', ANY, span=3)
    page.stat("Next certificate ends", "d", '(min(probe_ssl_earliest_cert_expiry{host=~"$node"}) - time()) / 86400', DAYS, span=3)
    page.stat("Fullest disk", "percent", f"max({DISK})", BUSY, span=3)
    page.table(
        "Alerts that fire",
        {"Since": 'ALERTS_FOR_STATE{host=~"$node"} * 1000 and ignoring (alertstate) ALERTS{alertstate="firing",host=~"$node"}'},
        {"alertname": "Alert", "severity": "Severity", "host": "Server", "job": "Job", "instance": "Instance"},
        {"Since": "dateTimeFromNow"},
    )

    page.row("Ping")
    ping = 'probe_icmp_duration_seconds{phase="rtt",host=~"$node"}'
    page.graph("Ping", "s", {"{{host}} {{instance}}": ping}, description="How long an echo takes, from Prometheus' side.")
    page.states("Answers pings", {"{{host}} {{instance}}": 'probe_success{module="icmp",host=~"$node"}'}, span=12)

    page.row("Services by server")
    page.states(
        "systemd units", {"{{host}} {{name}}": active('state="active",')}, description="Those that node_exporter watches."
    )
    page.states("supervisord programs", {"{{host}} {{name}}": PROGRAMS})

    page.row("Services by $by")
    units = active('state="active",')
    page.bars("Units that run", "percent", {"": f"100 * avg by ($by) ({units})"}, {BASE: RED, 100.0: GREEN}, span=12)
    page.bars("Programs that run", "percent", {"": f"100 * avg by ($by) ({PROGRAMS})"}, {BASE: RED, 100.0: GREEN}, span=12)
    some = {"1": ("all run", GREEN), "0": ("some do not", RED)}
    page.states("Units", {"": f"min by ($by, name) ({units})"}, some, span=12)
    page.states("Programs", {"": f"min by ($by, name) ({PROGRAMS})"}, some, span=12)

    page.row("Platforms and internal tools")
    page.bars(
        "Days until certificates end",
        "d",
        {"{{instance}}": '(probe_ssl_earliest_cert_expiry{instance=~"$cert_instance",host=~"$node"} - time()) / 86400'},
        DAYS,
    )
    page.graph(
        "HTTP, by phase",
        "s",
        {"{{phase}}": 'avg by (phase) (probe_http_duration_seconds{host=~"$node"})'},
        stacked=True,
        description="What a request spends its time with, on average over the sites.",
    )

    page.row("Sites")
    site = 'probe_success{module!="icmp",host=~"$node"}'
    page.states("Health", {"{{instance}} ({{module}})": site}, span=12)
    page.table(
        "Sites",
        {
            "Status": 'max by (instance, host) (probe_http_status_code{host=~"$node"})',
            "Takes": 'max by (instance, host) (probe_duration_seconds{module!="icmp",host=~"$node"})',
            "Certificate": '(min by (instance, host) (probe_ssl_earliest_cert_expiry{host=~"$node"}) - time()) / 86400',
        },
        {"instance": "Site", "host": "Server"},
        {"Status": "none", "Takes": "s", "Certificate": "d"},
        steps={"Status": {BASE: RED, 200.0: GREEN, 400.0: RED}, "Certificate": DAYS},
        span=12,
    )
    return page


def node_exporter() -> Page:
    """Return the page of the servers."""
    page = Page("vigie-node", "Servers", "What servers are busy with, and how full they are.", 'node_uname_info{host!=""}')
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
        description="What runs under vigie-job.",
    )
    page.graph("Age of metrics from files", "s", {"{{host}} {{file}}": 'time() - node_textfile_mtime_seconds{host=~"$node"}'})
    return page


def supervisord() -> Page:
    """Return the page of a server with many programs."""
    page = Page(
        "vigie-supervisord",
        "supervisord",
        "The programs of supervisord: whether they run, since when, and how often they were started anew.",
        'supervisord:program_up{host!=""}',
    )
    page.choose("service", "Programs", 'label_values(supervisord:program_up{host=~"$node"}, name)')
    which = '{name=~"$service",host=~"$node"}'

    def either(metric: str, wrap: str = "%s") -> str:
        """Return a metric of the collector, or of the script that replaces it."""
        return " or ".join(wrap % f"{source}_supervisord_{metric}{which}" for source in ("node", "vigie"))

    page.row("Now")
    page.stat("Programs that run", "none", f"count({PROGRAMS} == 1) or vector(0)")
    page.stat("Programs that do not", "none", f"count({PROGRAMS} == 0) or vector(0)", ANY)
    page.table(
        "Programs",
        {
            "Runs": f"max by (host, group, name) ({PROGRAMS})",
            "Started": f"max by (host, group, name) ({either('start_time_seconds')}) * 1000",
            "Exit status": f"max by (host, group, name) ({either('exit_status')})",
        },
        {"name": "Program", "group": "Group", "host": "Server"},
        {"Runs": "bool_on_off", "Started": "dateTimeFromNow", "Exit status": "none"},
        steps={"Runs": {BASE: RED, 1.0: GREEN}, "Exit status": {1.0: YELLOW}},
        span=16,
    )
    page.row("Over time")
    page.states("Programs", {"{{host}} {{name}}": PROGRAMS}, height=16)
    page.graph(
        "Started anew",
        "short",
        {"{{host}} {{name}}": either("start_time_seconds", "changes(%s[10m])")},
        span=24,
        description="How often in ten minutes.",
    )
    return page
