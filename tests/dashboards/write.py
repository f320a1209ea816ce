# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the dashboards of all roles. With --check, fail if a dashboard is not up to date."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import exporters
import home

ROLES = Path(__file__).parents[2] / "roles"
PAGES = {
    "grafana/monitoring/dashboard.json": home.fleet,
    "node_exporter/monitoring/dashboard.json": home.node_exporter,
    "node_exporter/monitoring/dashboard_supervisord.json": home.supervisord,
    **{
        f"{page.__name__}/monitoring/dashboard.json": page
        for page in (
            exporters.alertmanager,
            exporters.apache_exporter,
            exporters.blackbox_exporter,
            exporters.haproxy_exporter,
            exporters.postgres_exporter,
            exporters.prometheus,
            exporters.uwsgi_exporter,
        )
    },
}


def main() -> None:
    """Write the dashboards, or compare them."""
    stale = []
    for name, page in PAGES.items():
        path, text = ROLES / name, json.dumps(page().build(), indent=1, ensure_ascii=False) + "\n"
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if stale and "--check" in sys.argv:
        sys.exit(f"Not up to date with tests/dashboards: {', '.join(stale)}. Run `make dashboards`.")


if __name__ == "__main__":
    main()
