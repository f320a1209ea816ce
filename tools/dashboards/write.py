# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the dashboards of all roles. With --check, fail if a dashboard is not up to date.

roles/ROLE/monitoring/dashboard*.py is the source of a dashboard: its function `build` returns a page. A dashboard without such a
file was exported from Grafana.
"""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import generated  # noqa: E402 - found by the path above


def dashboards() -> Iterator[tuple[Path, str]]:
    """Yield the file and the text of each dashboard."""
    for source in sorted(ROOT.glob("roles/*/monitoring/dashboard*.py")):
        page = runpy.run_path(str(source))["build"]().build()
        yield source.with_suffix(".json"), json.dumps(page, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    generated.write(dashboards(), "dashboards")
