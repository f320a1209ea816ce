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
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Write the dashboards, or compare them."""
    stale = []
    for source in sorted(ROOT.glob("roles/*/monitoring/dashboard*.py")):
        path = source.with_suffix(".json")
        text = json.dumps(runpy.run_path(str(source))["build"]().build(), indent=1, ensure_ascii=False) + "\n"
        if path.exists() and path.read_text() == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if "--check" not in sys.argv:
            path.write_text(text)
    if stale and "--check" in sys.argv:
        sys.exit(f"Stale: {', '.join(stale)}. Run `make dashboards`.")


if __name__ == "__main__":
    main()
