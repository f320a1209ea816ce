# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import GREEN, RED, Page
from series import ANY, of, rate

OWN = 'job="vmagent",'


def targets(status: str) -> str:
    """Return the number of targets with a status."""
    return of("vm_promscrape_targets", f'{OWN}status="{status}",')


def build() -> Page:
    """Return the dashboard of vmagent."""
    page = Page("vigie-vmagent", "vmagent", "Scrapes, and the queues of the stores.", 'up{job="vmagent",host!=""}')
    page.row("Now")
    page.stat("Targets up", "none", f"sum({targets('up')})")
    page.stat("Targets down", "none", f"sum({targets('down')})", ANY)
    page.stat("Samples in queues", "bytes", f"sum({of('vmagent_remotewrite_pending_data_bytes', OWN)})")
    reloaded = {"1": ("yes", GREEN), "0": ("no", RED)}
    page.stat(
        "Configuration in force", "none", f"min({of('vm_promscrape_config_last_reload_successful', OWN)})", mappings=reloaded
    )
    page.row("Over time")
    page.graph("Scrapes", "ops", {"{{host}} {{status_code}}": rate("vm_promscrape_scrapes_total", "host, status_code", OWN)})
    page.graph("Queues", "bytes", {"{{host}} {{url}}": of("vmagent_remotewrite_pending_data_bytes", OWN)})
    page.graph("Written", "Bps", {"{{host}} {{url}}": rate("vmagent_remotewrite_bytes_sent_total", "host, url", OWN)})
    page.graph("Failed writes", "ops", {"{{host}} {{url}}": rate("vmagent_remotewrite_errors_total", "host, url", OWN)})
    page.graph("Memory", "bytes", {"{{host}}": of("process_resident_memory_bytes", OWN)})
    page.graph("CPU", "percentunit", {"{{host}}": rate("process_cpu_seconds_total", "host", OWN)})
    return page
