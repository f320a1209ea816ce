# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write rendered files to a directory on the controller, for review. Private to the collection."""

from __future__ import annotations

import os
import pathlib
import typing as t

MARKER = ".rendered-by-vigie"
_PIECE = 1 << 20


class Change(t.NamedTuple):
    """A file that differs: the relative path, whether the file exists, and the new content (None to remove the file)."""

    name: str
    exists: bool
    text: str | None


def plan(directory: pathlib.Path, files: t.Mapping[str, str]) -> list[Change]:
    """Return the changes after which *directory* has *files* and no others.

    :raises ValueError: if the directory contains files that were not rendered.
    """
    found = {
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(directory).parts)
    }
    if found and not (directory / MARKER).exists():
        raise ValueError(f"{directory} contains files that were not rendered ({min(found)}, …). Set an empty or a new directory")
    return [
        Change(name, name in found, files.get(name))
        for name in sorted(found | set(files))
        if name not in found or name not in files or not _has(directory / name, files[name])
    ]


def _has(path: pathlib.Path, text: str) -> bool:
    """Return whether the content of a file is *text*. Compare in pieces, since files of large fleets have many megabytes."""
    with path.open(encoding="utf-8", newline="") as file:
        return all(file.read(_PIECE) == text[start : start + _PIECE] for start in range(0, len(text) + 1, _PIECE))


def write(directory: pathlib.Path, changes: t.Iterable[Change]) -> None:
    """Apply *changes*, and remove directories that become empty."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARKER).touch()
    for change in changes:
        path = directory / change.name
        if change.text is None:
            path.unlink()
            for parent in path.relative_to(directory).parents:
                if str(parent) != "." and not any((directory / parent).iterdir()):
                    (directory / parent).rmdir()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.part")
            part.write_text(change.text, encoding="utf-8")
            os.replace(part, path)
