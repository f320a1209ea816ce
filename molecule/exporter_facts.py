# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of scenarios have seen of each exporter role: docs/exporters.json, which `make docs` turns into a table.

The tests write the file only if the environment variable VIGIE_RECORD is set.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import typing as t
from pathlib import Path

FILE = Path(__file__).parents[1] / "docs/exporters.json"


def record(role: str, **facts: t.Any) -> None:
    """Write what a test has seen of *role*, and print it."""
    print(role, facts)
    if not os.environ.get("VIGIE_RECORD"):
        return
    with (FILE.parent / ".exporters.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = json.loads(FILE.read_text())
        known[role] = {**known.get(role, {}), **facts}
        FILE.write_text(json.dumps(dict(sorted(known.items())), indent=2, ensure_ascii=False) + "\n")
    Path(lock.name).unlink(missing_ok=True)


def version_of(machine: t.Any, package: str) -> str:
    """Return the name of a Debian *package* on the host *machine*, with upstream's version."""
    version = machine.check_output("dpkg-query --show --showformat '${Version}' %s", package)
    return f"{package} {re.sub(r'[-+~].*', '', version.partition(':')[2] or version)}"


def exposure(machine: t.Any, unit: str) -> float:
    """Return systemd's rating of the exposure of a *unit*, from 0 to 10."""
    verdict = machine.check_output(f"systemd-analyze security --no-pager {unit}.service | tail -n 1")
    return float(re.search(r": (\d+\.\d)", verdict)[1])
