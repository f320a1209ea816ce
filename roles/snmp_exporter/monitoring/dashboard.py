# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import RED, YELLOW, Page
from series import ANY, of, rate


def build() -> Page:
    """Return the dashboard of devices with SNMP."""
    page = Page("vigie-snmp", "Devices (SNMP)", "Switches, printers and other devices with SNMP.", 'up{job=~"snmp_.*",host!=""}')
    page.row("Now")
    up = of("up", 'job=~"snmp_.*",')
    page.stat("Devices up", "none", f"sum({up})")
    page.stat("Devices down", "none", f"count({up} == 0) or vector(0)", ANY)
    page.stat("Interfaces up", "none", f"count({of('ifOperStatus')} == 1)")
    page.stat("Received", "Bps", rate("ifHCInOctets", ""), decimals=1)
    page.stat("Sent", "Bps", rate("ifHCOutOctets", ""), decimals=1)
    page.stat("Broken packets", "pps", rate("ifInErrors", ""), {0.01: YELLOW, 10.0: RED}, decimals=2)
    page.row("Over time")
    legend = "{{instance}} {{ifName}}"
    page.graph("Received", "Bps", {legend: rate("ifHCInOctets", "instance, ifName")})
    page.graph("Sent", "Bps", {legend: rate("ifHCOutOctets", "instance, ifName")})
    page.graph("Broken packets received", "pps", {legend: rate("ifInErrors", "instance, ifName")})
    page.graph("Duration of a scrape", "s", {"{{instance}} {{module}}": of("scrape_duration_seconds", 'job=~"snmp_.*",')})
    page.row("Interfaces")
    states = {"1": ("up", "green"), "2": ("down", "red"), "7": ("lower layer down", "red"), "6": ("not present", "yellow")}
    page.states("Interfaces", {legend: of("ifOperStatus")}, states)
    return page
