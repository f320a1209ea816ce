# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import GREEN, RED, Page
from series import ANY, of, rate


def build() -> Page:
    """Return the dashboard of Alertmanager."""
    page = Page("vigie-alertmanager", "Alertmanager", "Alerts, silences and notifications.", 'up{job="alertmanager",host!=""}')
    page.row("Now")
    page.stat("Active alerts", "none", "max(" + of("alertmanager_alerts", 'state="active",') + ")")
    page.stat("Silenced alerts", "none", "max(" + of("alertmanager_alerts", 'state="suppressed",') + ")")
    page.stat("Silences", "none", "max(" + of("alertmanager_silences", 'state="active",') + ")")
    # A single Alertmanager is not a cluster and does not report its members.
    page.stat(
        "Members of the cluster",
        "none",
        f"min({of('alertmanager_cluster_members')}) or count({of('alertmanager_alerts')}) * 0 + 1",
    )
    reloaded = {"1": ("yes", GREEN), "0": ("no", RED)}
    page.stat("Configuration in force", "none", f"min({of('alertmanager_config_last_reload_successful')})", mappings=reloaded)
    failed = f"sum(increase({of('alertmanager_notifications_failed_total')}[1h]))"
    page.stat("Messages refused in an hour", "none", failed, ANY)
    page.row("Over time")
    page.graph("Alerts", "short", {"{{host}} {{state}}": f"sum by (host, state) ({of('alertmanager_alerts')})"})
    page.graph("Alerts received", "cps", {"{{host}} {{status}}": rate("alertmanager_alerts_received_total", "host, status")})
    page.graph("Messages sent", "cps", {"{{integration}}": rate("alertmanager_notifications_total", "integration")})
    page.graph("Messages refused", "cps", {"{{integration}}": rate("alertmanager_notifications_failed_total", "integration")})
    slow = rate("alertmanager_notification_latency_seconds_bucket", "integration, le")
    page.graph("Messages take, nine of ten", "s", {"{{integration}}": f"histogram_quantile(0.9, {slow})"})
    page.graph("Silences", "short", {"{{host}} {{state}}": of("alertmanager_silences")})
    return page
