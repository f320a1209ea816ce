# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import GREEN, RED, Page
from series import ANY, of, rate


def build() -> Page:
    """Return the dashboard of disks."""
    page = Page("vigie-smartctl", "Disks (S.M.A.R.T.)", "Health of disks, as they report it.", 'up{job="smartctl",host!=""}')
    page.row("Now")
    page.stat("Disks", "none", f"sum({of('smartctl_devices')})")
    page.stat("Disks that fail", "none", f"count({of('smartctl_device_smart_status')} == 0) or vector(0)", ANY)
    page.stat("Disks that warn", "none", f"count({of('smartctl_device_critical_warning')} > 0) or vector(0)", ANY)
    page.stat("Most worn", "percent", f"max({of('smartctl_device_percentage_used')})", {80.0: "yellow", 98.0: RED})
    current = of("smartctl_device_temperature", 'temperature_type="current",')
    page.stat("Hottest", "celsius", f"max({current})", {60.0: "yellow", 75.0: RED})
    page.row("Over time")
    legend = "{{host}} {{device}}"
    page.graph("Temperatures", "celsius", {legend: current})
    page.graph("Worn", "percent", {legend: of("smartctl_device_percentage_used")})
    raw = of("smartctl_device_attribute", 'attribute_id=~"5|187|197|198",attribute_value_type="raw",')
    page.graph(
        "Bad sectors and errors",
        "short",
        {f"{legend} {{{{attribute_name}}}}": raw, f"{legend} media errors": of("smartctl_device_media_errors")},
    )
    page.graph("Written", "Bps", {legend: rate("smartctl_device_bytes_written", "host, device")})
    page.graph("Powered on", "s", {legend: of("smartctl_device_power_on_seconds")})
    page.row("Disks")
    page.states("Health", {legend: of("smartctl_device_smart_status")}, {"1": ("passed", GREEN), "0": ("failed", RED)})
    return page
