# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import BASE, GREEN, RED, YELLOW, Page
from series import ANY, DAYS, of


def build() -> Page:
    """Return the dashboard of the probes."""
    page = Page(
        "vigie-probes", "Probes", "Probes of websites, certificates, pings, DNS and TCP ports.", 'probe_success{host!=""}'
    )
    page.choose("module", "Modules", 'label_values(probe_success{host=~"$node"}, module)')
    page.choose("target", "Targets", 'label_values(probe_success{module=~"$module",host=~"$node"}, instance)')
    its = 'module=~"$module",instance=~"$target",'
    page.row("Now")
    page.stat("Probes that succeed", "none", f"count({of('probe_success', its)} == 1) or vector(0)", span=6)
    page.stat("Probes that fail", "none", f"count({of('probe_success', its)} == 0) or vector(0)", ANY, span=6)
    page.stat("Slowest", "s", f"max({of('probe_duration_seconds', its)})", {3.0: YELLOW, 10.0: RED}, span=6, decimals=2)
    first = f"min({of('probe_ssl_earliest_cert_expiry', its)})"
    page.stat("Next certificate ends", "d", f"({first} - time()) / 86400", DAYS, span=6)
    page.row("Over time")
    page.states("Probes", {"{{instance}} ({{module}})": of("probe_success", its)}, height=10)
    page.graph("Probes take", "s", {"{{instance}} ({{module}})": of("probe_duration_seconds", its)})
    phases = f"avg by (phase) ({of('probe_http_duration_seconds', its)})"
    page.graph("HTTP, by phase", "s", {"{{phase}}": phases}, stacked=True)
    page.graph("Ping", "s", {"{{instance}}": of("probe_icmp_duration_seconds", 'phase="rtt",' + its)})
    pinged = of("probe_success", 'module="icmp",instance=~"$target",')
    lost = f"100 * (1 - avg_over_time({pinged}[$__rate_interval]))"
    page.graph("Pings lost", "percent", {"{{instance}}": lost}, most=100)
    page.row("Certificates and sites")
    days = f"({of('probe_ssl_earliest_cert_expiry', its)} - time()) / 86400"
    page.bars("Days until certificates end", "d", {"{{instance}}": days}, DAYS)
    page.table(
        "Sites",
        {"Status": of("probe_http_status_code", its)},
        {"instance": "Site", "host": "Server", "module": "Module"},
        {"Status": "none"},
        steps={"Status": {BASE: RED, 200.0: GREEN, 400.0: RED}},
        span=12,
    )
    return page
