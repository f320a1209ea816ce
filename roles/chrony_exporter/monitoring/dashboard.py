# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import of


def build() -> Page:
    """Return the dashboard of chrony."""
    page = Page("vigie-chrony", "chrony", "chrony: offset, sources.", 'up{job="chrony",host!=""}')
    page.now("chrony_up")
    offset = f"abs({of('chrony_tracking_system_time_seconds')})"
    page.stat("Largest offset", "s", f"max({offset})", {0.1: "yellow", 1.0: "red"}, decimals=4)
    page.stat("Highest stratum", "none", f"max({of('chrony_tracking_stratum')})", {10.0: "yellow", 16.0: "red"})
    page.row("Over time")
    page.graph("Offset", "s", {"{{host}}": offset})
    page.graph("Root delay", "s", {"{{host}}": of("chrony_tracking_root_delay_seconds")})
    page.graph("Root dispersion", "s", {"{{host}}": of("chrony_tracking_root_dispersion_seconds")})
    page.graph("Frequency of the clock, in millionths", "short", {"{{host}}": of("chrony_tracking_frequency_ppms")})
    return page
