# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import BASE, GREEN, RED, YELLOW, Page
from series import ANY, BUSY, DAYS, DISK, PROGRAMS, active


def build() -> Page:
    """Return the dashboard that is Grafana's home page."""
    page = Page("vigie-fleet", "Fleet", "Overview of all hosts, services, sites and certificates.")
    page.choose("cert_instance", "Clients", 'label_values(probe_ssl_earliest_cert_expiry{host=~"$node"}, instance)')
    names = '{__name__=~"node_systemd_unit_state|supervisord:program_up",host=~"$node"}'
    page.choose("service", "Services", f"label_values({names}, name)")
    page.choose_one("by", "By", ["host"])

    page.row("Now")
    machines = 'max by (host) (host:up:max{host=~"$node"})'
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
    page.graph("Ping", "s", {"{{host}} {{instance}}": ping}, description="Round-trip time of the pings of the prober.")
    page.states("Answers pings", {"{{host}} {{instance}}": 'probe_success{module="icmp",host=~"$node"}'}, span=12)

    page.row("Services by server")
    page.states(
        "systemd units", {"{{host}} {{name}}": active('state="active",')}, description="The units that node_exporter reports."
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
        description="Average duration of each phase of a request, over all sites.",
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
