# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tree of configuration is asked to be: options, files, and the changes to get there. Private to the collection."""

from __future__ import annotations

import base64
import dataclasses
import os
import typing as t
import zlib

from ansible.module_utils.common.text.converters import to_bytes

TREE_SPEC: dict[str, t.Any] = {
    "path": {"type": "path", "required": True},
    "files": {"type": "dict", "default": {}},
    "watched": {"type": "list", "elements": "str", "default": []},
    "validate": {"type": "list", "elements": "list", "default": []},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "default": "0640"},
    "directory_mode": {"type": "str", "default": "0750"},
    "verify": {
        "type": "dict",
        "options": {
            "url": {"type": "str", "required": True},
            "metric": {"type": "str", "required": True},
            "value": {"type": "float", "default": 1.0},
            "changed": {"type": "str"},
            "timeout": {"type": "int", "default": 60},
        },
    },
}
# Smaller texts are not worth it.
LARGE = 1 << 16
HIDDEN = "(a secret file: its content is not shown)\n"
FOREIGN = "(a file that vigie.monitoring did not write: its content is not shown)\n"


class TreeError(Exception):
    """The configuration cannot be put in place; the text says why, for a person."""


@dataclasses.dataclass(frozen=True)
class File:
    """One file of a tree."""

    content: bytes
    mode: int
    secret: bool


@dataclasses.dataclass
class Plan:
    """What bringing the tree in place would change: paths relative to the tree's, each sorted."""

    config: list[str] = dataclasses.field(default_factory=list)
    watched: list[str] = dataclasses.field(default_factory=list)
    stale: list[str] = dataclasses.field(default_factory=list)
    stale_links: list[str] = dataclasses.field(default_factory=list)
    # Names at the top of the tree that somebody else's files have: those files are kept under another name.
    aside: list[str] = dataclasses.field(default_factory=list)
    first: bool = False
    # Directories of the tree that have another owner, group or mode, or are none.
    directories: list[str] = dataclasses.field(default_factory=list)
    # The record of the files that are secret differs.
    record: bool = False
    unfinished: bool = False

    @property
    def switch(self) -> bool:
        """Whether the service has to read its configuration again."""
        return bool(self.config or self.stale_links or self.first or self.directories or self.record or self.unfinished)

    @property
    def changed(self) -> bool:
        """Whether there is anything to do at all."""
        return bool(self.switch or self.watched or self.stale)


def parse_mode(mode: t.Any) -> int:
    """Return an octal mode as a number.

    :raises TreeError: where it is none. A mode written without quotes reaches us as a decimal number.
    """
    try:
        return int(str(mode), 8)
    except ValueError:
        raise TreeError(f"{mode!r} is not an octal mode. Write the mode in quotes, for example '0640'.") from None


def parse_directory_mode(mode: t.Any) -> int:
    """Return the octal mode of directories as a number.

    :raises TreeError: where others than the owner, root, could write to them.
    """
    number = parse_mode(mode)
    if number & 0o022:
        raise TreeError(
            f"directory_mode {mode!r} lets users other than root write to directories of the configuration. "
            "Set a mode such as '0750', and set group to the group of the service."
        )
    return number


def packed(files: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return *files* as `parse_files` takes them, the large texts among them packed: those of many targets by 50 to 1."""
    return {name: _packed(text) if isinstance(text, str) and len(text) > LARGE else text for name, text in files.items()}


def _packed(text: str) -> dict[str, str]:
    return {"packed": base64.b64encode(zlib.compress(to_bytes(text), 1)).decode()}


def _content(entry: t.Mapping[str, t.Any]) -> bytes | None:
    """Return what a file is to hold; None where the *entry* does not tell."""
    if "packed" not in entry:
        return to_bytes(entry["content"]) if isinstance(entry.get("content"), str) else None
    try:
        return zlib.decompress(base64.b64decode(entry["packed"], validate=True))
    except (TypeError, ValueError, zlib.error):
        return None


def parse_files(files: t.Mapping[str, t.Any], mode: str) -> dict[str, File]:
    """Return the *files* by their relative path.

    :raises TreeError: for a path that leaves the tree or that the tree keeps for itself.
    """
    parsed = {}
    for name, value in sorted(files.items()):
        first = name.split("/", 1)[0]
        if name.startswith("/") or os.path.normpath(name) != name or first in ("..", ".", "") or first.startswith("."):
            raise TreeError(
                f"File {name!r} cannot be part of the configuration tree. "
                "Give a path below the directory of the tree that does not start with a dot."
            )
        entry = value if isinstance(value, dict) else {"content": value}
        content = _content(entry)
        if content is None or set(entry) - {"content", "packed", "mode", "secret"}:
            got = f"the keys {', '.join(sorted(map(str, entry)))}" if isinstance(value, dict) else type(value).__name__
            raise TreeError(
                f"File {name!r}: expected a string, or a dictionary of content (a string), mode and secret; got {got}."
            )
        parsed[name] = File(content, parse_mode(entry.get("mode") or mode), bool(entry.get("secret")))
    return parsed
