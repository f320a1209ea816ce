# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import ANY, of


def build() -> Page:
    """Return the dashboard of NVIDIA graphics cards."""
    page = Page("vigie-nvidia-gpu", "Graphics cards", "Graphics cards of NVIDIA.", 'up{job="nvidia_gpu",host!=""}')
    page.row("Now")
    page.stat("Cards", "none", f"count({of('nvidia_smi_gpu_info')})")
    page.stat("Hosts whose cards do not answer", "none", f"count({of('nvidia_smi_last_collect_success')} == 0) or vector(0)", ANY)
    page.stat("Busy", "percentunit", f"avg({of('nvidia_smi_utilization_gpu_ratio')})", decimals=2)
    page.stat("Hottest", "celsius", f"max({of('nvidia_smi_temperature_gpu')})", {85.0: "yellow", 95.0: "red"})
    page.stat("Power", "watt", f"sum({of('nvidia_smi_power_draw_watts')})")
    page.row("Over time")
    legend = "{{host}} {{uuid}}"
    page.graph("Busy", "percentunit", {legend: of("nvidia_smi_utilization_gpu_ratio")}, most=1)
    memory = {legend: of("nvidia_smi_memory_used_bytes"), f"{legend} in all": of("nvidia_smi_memory_total_bytes")}
    page.graph("Memory", "bytes", memory)
    page.graph("Temperatures", "celsius", {legend: of("nvidia_smi_temperature_gpu")})
    page.graph("Power", "watt", {legend: of("nvidia_smi_power_draw_watts")})
    page.graph("Fans", "percentunit", {legend: of("nvidia_smi_fan_speed_ratio")}, most=1)
    return page
