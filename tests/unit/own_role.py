# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role that is not one of the collection's: the example in docs/own_exporter.md."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "own_exporter.md"
NAME = "memcached_exporter"
# A block of code after the name of the file.
_FILE = re.compile(r"^`(?P<path>[\w./]+)`:\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def example() -> dict[str, t.Any]:
    """Return the files of the guide by their paths, as it shows them."""
    return {match["path"]: match["text"] for match in _FILE.finditer(GUIDE.read_text(encoding="utf-8"))}


def role(name: str = NAME, *, below: str = "roles") -> dict[str, t.Any]:
    """Return the files of the role alone; with another *name* it is another role."""
    files = {path: text for path, text in example().items() if path.startswith("roles/")}
    job = name.removesuffix("_exporter")
    return {
        path.replace(f"roles/{NAME}", f"{below}/{name}"): text.replace(NAME, name).replace("memcached", job)
        for path, text in files.items()
    }
