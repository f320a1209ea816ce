# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and files of a configuration tree, and the plan of its changes. Private to the collection."""

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
            "username": {"type": "str", "default": ""},
            "password": {"type": "str", "default": "", "no_log": True},
            "metric": {"type": "str", "required": True},
            "value": {"type": "float", "default": 1.0},
            "changed": {"type": "str"},
            "timeout": {"type": "int", "default": 60},
        },
    },
}
# Characters. Smaller texts are not compressed.
LARGE = 1 << 16
HIDDEN = "(a secret file: its content is not shown)\n"
FOREIGN = "(a file that vigie.monitoring did not write: its content is not shown)\n"


class TreeError(Exception):
    """The configuration cannot be deployed. The text is for the operator."""


@dataclasses.dataclass(frozen=True)
class File:
    """One file of a tree."""

    content: bytes
    mode: int
    secret: bool


@dataclasses.dataclass
class Plan:
    """The changes that are needed on disk. Paths are relative to the directory of the tree, and sorted."""

    # Files to write or to remove with a new tree.
    config: list[str] = dataclasses.field(default_factory=list)
    # Files to write in watched directories.
    watched: list[str] = dataclasses.field(default_factory=list)
    # Files to remove from watched directories.
    stale: list[str] = dataclasses.field(default_factory=list)
    # Links to .current to remove.
    stale_links: list[str] = dataclasses.field(default_factory=list)
    # Names at the top of the tree that files of somebody else have. These files are kept under other names.
    foreign: list[str] = dataclasses.field(default_factory=list)
    # Whether the tree has never been in force.
    first: bool = False
    # Paths that must be directories with the wanted owner, group and mode, but are not.
    directories: list[str] = dataclasses.field(default_factory=list)
    # Whether the list of the secret files differs.
    secret_list: bool = False
    # Whether an earlier run was interrupted.
    unfinished: bool = False

    @property
    def switch(self) -> bool:
        """Whether a new tree is needed, which the service reads after a reload."""
        return bool(self.config or self.stale_links or self.first or self.directories or self.secret_list or self.unfinished)

    @property
    def changed(self) -> bool:
        """Whether anything has to change."""
        return bool(self.switch or self.watched or self.stale)


def parse_mode(mode: t.Any, option: str) -> int:
    """Return an octal mode, the value of *option*, as a number.

    :raises TreeError: if *mode* is not octal. YAML turns a mode without quotes into a decimal number.
    """
    try:
        return int(str(mode), 8)
    except ValueError:
        raise TreeError(f"{option} {mode!r} is not an octal mode. Write the mode in quotes, for example '0640'.") from None


def parse_directory_mode(mode: t.Any) -> int:
    """Return the octal mode of directories as a number.

    :raises TreeError: if users other than root could write to the directories.
    """
    number = parse_mode(mode, "directory_mode")
    if number & 0o022:
        raise TreeError(
            f"directory_mode {mode!r} lets users other than root write to directories of the configuration. "
            "Set a mode such as '0750', and set group to the group of the service."
        )
    return number


def packed(files: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return *files* with compressed large texts, for `parse_files`. A file of many targets shrinks to a fiftieth."""
    return {name: _compressed(text) if isinstance(text, str) and len(text) > LARGE else text for name, text in files.items()}


def _compressed(text: str) -> dict[str, str]:
    return {"packed": base64.b64encode(zlib.compress(to_bytes(text), 1)).decode()}


def _content(entry: t.Mapping[str, t.Any]) -> bytes | None:
    """Return the content of a file; None if *entry* is malformed."""
    if "packed" not in entry:
        return to_bytes(entry["content"]) if isinstance(entry.get("content"), str) else None
    try:
        return zlib.decompress(base64.b64decode(entry["packed"], validate=True))
    except (TypeError, ValueError, zlib.error):
        return None


def parse_files(files: t.Mapping[str, t.Any], mode: str) -> dict[str, File]:
    """Return *files*, by their paths relative to the tree.

    :raises TreeError: for a malformed file, and for a path that leaves the tree or starts with a dot.
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
        parsed[name] = File(content, parse_mode(entry.get("mode") or mode, f"File {name!r}: mode"), bool(entry.get("secret")))
    return parsed
