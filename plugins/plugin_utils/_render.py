# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that the controller writes for people to read. Private to the collection."""

from __future__ import annotations

import os
import pathlib
import typing as t

MARKER = ".rendered-by-vigie"


def plan(directory: pathlib.Path, files: t.Mapping[str, str]) -> list[tuple[str, str | None, str | None]]:
    """Return (relative path, text before, text after) of every file that differs; None where there is none.

    :raises ValueError: where the directory holds files that were not rendered.
    """
    found = {
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(directory).parts)
    }
    if found and not (directory / MARKER).exists():
        raise ValueError(f"{directory} holds files that were not rendered ({min(found)}, …): name an empty or a new directory")
    changes: list[tuple[str, str | None, str | None]] = []
    for name in sorted(found | set(files)):
        before = (directory / name).read_text(encoding="utf-8") if name in found else None
        after = files.get(name)
        if before != after:
            changes.append((name, before, after))
    return changes


def write(directory: pathlib.Path, changes: t.Iterable[tuple[str, str | None, str | None]]) -> None:
    """Bring *changes* about; a directory that is left empty goes."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARKER).touch()
    for name, _before, after in changes:
        path = directory / name
        if after is None:
            path.unlink()
            for parent in path.relative_to(directory).parents:
                if str(parent) != "." and not any((directory / parent).iterdir()):
                    (directory / parent).rmdir()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.part")
            part.write_text(after, encoding="utf-8")
            os.replace(part, path)
