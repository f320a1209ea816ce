# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write files that are generated from other files of the project; with --check, report the stale ones."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]


def write(files: Iterable[tuple[Path, str]], target: str) -> None:
    """Write the *files* (path and text of each) that are stale. With --check, exit with their names instead.

    The message of --check says that ``make`` *target* writes them.
    """
    stale = [(path, text) for path, text in files if not path.exists() or path.read_text(encoding="utf-8") != text]
    if stale and "--check" in sys.argv:
        sys.exit(f"Stale: {', '.join(str(path.relative_to(ROOT)) for path, _text in stale)}. Run `make {target}`.")
    for path, text in stale:
        path.write_text(text, encoding="utf-8")
