# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directories that hold roles with a contract: the collection's, and those of the user. Private to the collection."""

from __future__ import annotations

import os
import pathlib
import typing as t

from ansible.utils.collection_loader import AnsibleCollectionRef
from ansible.utils.collection_loader._collection_finder import _get_collection_path  # Ansible has no other way

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.inventory_variables import Inventory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import OURS, Directory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import MISSING, Renderer

VARIABLE = "monitoring_role_paths"


def find_directories(inventory: Inventory, render: Renderer, problems: Problems) -> tuple[Directory, ...]:
    """Return the directories to look for roles in, the collection's own first, each one once.

    The others are those that the variable names, those that Ansible finds roles in (``roles/`` beside the playbook, and
    ``roles_path`` of ansible.cfg), and ``roles/`` beside each source of the inventory.
    """
    found = [OURS, *_named(inventory, render, problems)]
    found += [Directory(os.path.realpath(path)) for path in inventory.role_directories]
    first: dict[str, Directory] = {}
    for directory in found:
        first.setdefault(directory.path, directory)
    return tuple(first.values())


def _named(inventory: Inventory, render: Renderer, problems: Problems) -> list[Directory]:
    """Return the directories that the variable names."""
    everywhere = inventory.everywhere()
    raw = everywhere.get(VARIABLE)
    if raw is MISSING:
        return []
    try:
        values = render(raw, everywhere)
    except Exception as error:  # noqa: BLE001 - a template can raise any exception
        problems.add("all", VARIABLE, raw, f"cannot be templated: {error}")
        return []
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        problems.add("all", VARIABLE, values, "must be a list of directories and names of collections")
        return []
    bases = list(map(pathlib.Path, inventory.source_directories))
    return [directory for value in values for directory in _directory(value, bases, problems)]


def _directory(value: str, bases: list[pathlib.Path], problems: Problems) -> list[Directory]:
    """Return the directory of roles that an entry of the variable names, a collection or a path; none if it is wrong.

    :param bases: the directories that a relative path starts at.
    """
    is_collection = "/" not in value and AnsibleCollectionRef.is_valid_collection_name(value)
    try:
        path = _of_collection(value) if is_collection else _of_path(value, bases)
        # The path of a collection, or of a project.
        if (path / "roles").is_dir():
            path /= "roles"
        if not any(path.glob("*/monitoring/scrape.yml")):
            raise ValueError(
                f"{path} has no folder with a file monitoring/scrape.yml. Name the directory that holds the folders of your roles"
            )
    except ValueError as error:
        problems.add("all", VARIABLE, value, str(error))
        return []
    return [Directory(str(path.resolve()), value if is_collection else "")]


def _of_collection(name: str) -> pathlib.Path:
    try:
        return pathlib.Path(_get_collection_path(name))
    except ValueError:
        raise ValueError(
            f"the collection {name} is not installed. Install it, or name a directory (beside the inventory: ./{name})"
        ) from None


def _of_path(value: str, bases: t.Iterable[pathlib.Path]) -> pathlib.Path:
    path = pathlib.Path(value).expanduser()
    # An absolute path stays as it is.
    candidates = [base / path for base in bases] or [path]
    for candidate in candidates:
        if candidate.is_dir() and candidate.is_absolute():
            return candidate
    if not candidates[0].is_absolute():
        raise ValueError("a relative path starts beside the inventory, and this inventory is not a file. Use an absolute path")
    raise ValueError(f"there is no directory {' or '.join(map(str, dict.fromkeys(candidates)))}. Correct the path")
