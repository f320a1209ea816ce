# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import BASE, GREEN, RED, YELLOW, Page
from series import ANY, of


def build() -> Page:
    """Return the dashboard of the BMC."""
    page = Page("vigie-ipmi", "Hardware (IPMI)", "Sensors of servers, as their BMC reports them.", 'up{job="ipmi",host!=""}')
    page.row("Now")
    state = '{__name__=~"ipmi_(temperature|fan_speed|voltage|current|power|sensor)_state",host=~"$node"}'
    page.stat("Servers with a BMC that answers", "none", f"count(max by (host) ({of('ipmi_up')}) == 1)")
    page.stat("Sensors: critical", "none", f"count({state} == 2) or vector(0)", ANY)
    page.stat("Sensors: warning", "none", f"count({state} == 1) or vector(0)", {1.0: YELLOW})
    page.stat("Servers switched on", "none", f"sum({of('ipmi_chassis_power_state')})")
    free = {BASE: RED, 512.0: YELLOW, 2048.0: GREEN}
    page.stat("Event log, least free space", "bytes", f"min({of('ipmi_sel_free_space_bytes')})", free)
    page.row("Over time")
    legend = "{{host}} {{name}}"
    page.graph("Temperatures", "celsius", {legend: of("ipmi_temperature_celsius")})
    page.graph("Fans", "rotrpm", {legend: of("ipmi_fan_speed_rpm")})
    page.graph("Power", "watt", {legend: of("ipmi_power_watts"), "{{host}}": of("ipmi_dcmi_power_consumption_current_watts")})
    page.graph("Voltages", "volt", {legend: of("ipmi_voltage_volts")})
    page.graph("Events in the log", "short", {"{{host}}": of("ipmi_sel_logs_count")})
    page.graph("Duration of a scrape", "s", {"{{host}}": of("ipmi_scrape_duration_seconds")})
    page.row("States")
    texts = {"0": ("nominal", GREEN), "1": ("warning", YELLOW), "2": ("critical", RED)}
    page.states("Sensors", {legend: state}, texts)
    return page
