# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import GREEN, RED, Page
from series import ANY, of, rate

OWN = 'job="vmalert",'


def build() -> Page:
    """Return the dashboard of vmalert."""
    page = Page("vigie-vmalert", "vmalert", "Evaluation of rules with the samples in the stores.", 'up{job="vmalert",host!=""}')
    page.row("Now")
    page.stat("Firing alerts", "none", f"sum({of('vmalert_alerts_firing', OWN)})")
    page.stat("Pending alerts", "none", f"sum({of('vmalert_alerts_pending', OWN)})")
    page.stat("Failed evaluations", "short", f"sum(increase({of('vmalert_execution_errors_total', OWN)}[$__rate_interval]))", ANY)
    page.stat(
        "Failed notifications", "short", f"sum(increase({of('vmalert_alerts_send_errors_total', OWN)}[$__rate_interval]))", ANY
    )
    reloaded = {"1": ("yes", GREEN), "0": ("no", RED)}
    page.stat("Rules in force", "none", f"min({of('vmalert_config_last_reload_successful', OWN)})", mappings=reloaded)
    page.row("Over time")
    page.graph("Evaluations", "ops", {"{{host}}": rate("vmalert_execution_total", "host", OWN)})
    page.graph("Failed evaluations", "ops", {"{{host}}": rate("vmalert_execution_errors_total", "host", OWN)})
    page.graph("Notifications", "ops", {"{{host}} to {{addr}}": rate("vmalert_alerts_sent_total", "host, addr", OWN)})
    page.graph("Recorded samples", "cps", {"{{host}}": rate("vmalert_remotewrite_sent_rows_total", "host", OWN)})
    page.graph("Memory", "bytes", {"{{host}}": of("process_resident_memory_bytes", OWN)})
    page.graph("CPU", "percentunit", {"{{host}}": rate("process_cpu_seconds_total", "host", OWN)})
    return page
