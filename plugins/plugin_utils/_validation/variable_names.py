# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find groups and variables whose names differ from those of the collection by a typing error. Private to the collection."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import re
import typing as t

import yaml

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.inventory_variables import Inventory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import Contract, roles, specification
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import MISSING, Renderer, plain

# The variables that belong to no role. README.md explains each of them.
MONITORING = frozenset(
    f"monitoring_{name}"
    for name in (
        "address",
        "groups",
        "labels",
        "log_files",
        "logs",
        "logs_engine",
        "maintenance",
        "presets",
        "probes",
        "python_index_url",
        "python_wheels",
        "release_base_url",
        "release_token",
        "role_paths",
        "scrape_options",
        "scraped",
        "scrapes",
        "snmp",
        "source_addresses",
        "thresholds",
        "unknown_variables",
        "web",
    )
)
_SWITCH = "monitoring_unknown_variables"
_CHOICES = ("refuse", "allow")
_ALLOWED = f"If the name is intended, set {_SWITCH}: allow for the group all"
_TOP_LEVEL = re.compile(r"^([A-Za-z_]\w*)\s*:", re.MULTILINE)
# Words that are shorter than the first number must be equal, since short words differ by little. Words from the second number on
# may have two typing errors, others one.
_SHORTEST, _LONG = 4, 8


def slip(name: str, meant: str) -> bool:
    """Return whether *name* differs from *meant* only by a typing error in one word, or by the separators between words.

    Words that differ only in digits are different names. Of two typing errors, at most one may be a wrong letter: internal is
    not external.
    """
    if _squeezed(name) == _squeezed(meant):
        return True
    words, others = name.split("_"), meant.split("_")
    different = [pair for pair in zip(words, others) if pair[0] != pair[1]]
    return len(words) == len(others) and len(different) == 1 and _words_are_close(*different[0])


def group_slip(name: str, meant: str) -> bool:
    """Return whether the *name* of a group differs from *meant* by a typing error. A suffix (a plural) is none."""
    name = name.replace("-", "_").lower()
    longer = any(word != other and word.startswith(other) for word, other in zip(name.split("_"), meant.split("_")))
    return slip(name, meant) and not longer


def _squeezed(name: str) -> str:
    return re.sub(r"[_-]", "", name).lower()


def _words_are_close(word: str, other: str) -> bool:
    longest = max(len(word), len(other))
    limit = 0 if longest < _SHORTEST else 1 if longest < _LONG else 2
    if abs(len(word) - len(other)) > limit or re.sub(r"\d", "", word) == re.sub(r"\d", "", other):
        return False
    return _differ_by(word, other, limit, wrong=1)


def _differ_by(word: str, other: str, left: int, wrong: int) -> bool:
    """Return whether *left* typing errors turn *word* into *other*.

    A typing error is an extra or a missing letter, two swapped letters, or a wrong letter, of which there are at most *wrong*.
    """
    same = 0
    while same < min(len(word), len(other)) and word[same] == other[same]:
        same += 1
    word, other = word[same:], other[same:]
    if not word or not other or not left:
        return len(word) + len(other) <= left
    return (
        _differ_by(word[1:], other, left - 1, wrong)
        or _differ_by(word, other[1:], left - 1, wrong)
        or (word[1::-1] == other[:2] and _differ_by(word[2:], other[2:], left - 1, wrong))
        or (wrong > 0 and _differ_by(word[1:], other[1:], left - 1, wrong - 1))
    )


# The folders of the roles of the user.
Folders = tuple[pathlib.Path, ...]


@functools.cache
def known(folders: Folders = ()) -> frozenset[str]:
    """Return the names of all variables of the collection, and of the roles in *folders*."""
    return MONITORING.union(*(specification(role) for role in roles()), *map(_variables_of_role, folders))


@functools.cache
def _names_by_remaining_words(folders: Folders) -> dict[tuple[int, str], list[str]]:
    """Return the known names by their remaining words when one word is left out, and by the position of that word."""
    found: dict[tuple[int, str], list[str]] = {}
    for name in sorted(known(folders)):
        for key in _remaining_words(name):
            found.setdefault(key, []).append(name)
        found.setdefault((-1, _squeezed(name)), []).append(name)
    return found


def _remaining_words(name: str) -> t.Iterator[tuple[int, str]]:
    words = name.split("_")
    for index in range(len(words)):
        yield index, "_".join((*words[:index], "", *words[index + 1 :]))


def meant(name: str, folders: Folders = ()) -> str | None:
    """Return the variable of the collection, or of a role in *folders*, from which *name* differs by a typing error, or None."""
    index = _names_by_remaining_words(folders)
    near = [*index.get((-1, _squeezed(name)), ()), *(other for key in _remaining_words(name) for other in index.get(key, ()))]
    return next((other for other in near if slip(name, other)), None)


def own_roles(directories: t.Iterable[str]) -> dict[str, list[pathlib.Path]]:
    """Return the paths of the roles in *directories*, by name."""
    found: dict[str, list[pathlib.Path]] = {}
    for directory in dict.fromkeys(directories):
        for path in sorted(pathlib.Path(directory).glob("*/tasks")):
            found.setdefault(path.parent.name, []).append(path.parent)
    return found


@functools.cache
def _variables_of_role(path: pathlib.Path) -> frozenset[str]:
    """Return the names of the variables of a role of the user. Files that cannot be read are left out."""
    names: set[str] = set()
    with contextlib.suppress(OSError, yaml.YAMLError, AttributeError):
        names.update(specification(path.name, path.parent))
    for file in path.glob("defaults/main.y*ml"):
        # Values can have tags of Ansible (!vault), which a parser of plain YAML rejects.
        with contextlib.suppress(OSError, UnicodeDecodeError):
            names.update(_TOP_LEVEL.findall(file.read_text(encoding="utf-8")))
    return frozenset(names)


def validate_variable_names(
    inventory: Inventory, contracts: t.Iterable[Contract], groups: t.Mapping[str, str], render: Renderer, problems: Problems
) -> list[str]:
    """Report groups and variables of *inventory* with a typing error; return other unknown variables with our prefixes.

    The variables of all hosts must have been read before.

    :param groups: the groups that monitoring_groups sets, by role.
    """
    if _allowed(inventory, render, problems):
        return []
    folders = tuple(contract.folder for contract in contracts if contract.folder)
    with_contract = [*roles(), *(folder.name for folder in folders)]
    own = own_roles([*inventory.role_directories, str(pathlib.Path.cwd() / "roles")])
    _check_groups(inventory, {role: groups.get(role, role) for role in with_contract}, groups, own, problems)
    sources = list(inventory.sources())
    names = set().union(*(variables for _who, variables in sources))
    ours = ("monitoring_", *(f"{role}_" for role in with_contract))
    # A role of the user can have a name that begins like one of ours (prometheus_pushgateway). All variables with the prefix of
    # that role belong to it.
    theirs = tuple(f"{role}_" for role in own if role.startswith(ours) and role not in with_contract)
    candidates = {
        name: meant(name, folders)
        for name in sorted(map(plain, names - known(folders)))
        if not name.startswith(("_", "ansible_", *theirs))
    }
    candidates = {name: other for name, other in candidates.items() if other or name.startswith(ours)}
    of_roles = (
        frozenset().union(*(_variables_of_role(path) for paths in own.values() for path in paths)) if candidates else frozenset()
    )
    unknown = []
    for name, other in candidates.items():
        if name in of_roles:
            continue
        if other:
            for who in (who for who, variables in sources if name in variables):
                whose = "the collection" if other in known() else "your role"
                problems.add(who, name, "…", f"{whose} has no such variable. Did you mean {other}? {_ALLOWED}")
        else:
            unknown.append(name)
    return unknown


def _allowed(inventory: Inventory, render: Renderer, problems: Problems) -> bool:
    everywhere = inventory.everywhere()
    raw = everywhere.get(_SWITCH)
    try:
        value = _CHOICES[0] if raw is MISSING else render(raw, everywhere)
    except Exception as error:  # noqa: BLE001 - whatever a template raises is an error of the inventory
        problems.add("all", _SWITCH, raw, f"cannot be templated: {error}")
        return False
    if value not in _CHOICES:
        problems.add("all", _SWITCH, value, f"must be one of {', '.join(_CHOICES)}")
    return value == "allow"


def _check_groups(
    inventory: Inventory, in_use: t.Mapping[str, str], mapped: t.Container[str], own: t.Container[str], problems: Problems
) -> None:
    for name in sorted(map(plain, inventory.groups)):
        if name in in_use or name in own or name in in_use.values() or name in ("all", "ungrouped"):
            continue
        for role, group in in_use.items():
            # If the group of the role exists, too, the other name is intended.
            if group_slip(name, group) and not (
                group in inventory.groups and (role in mapped or _squeezed(name) == _squeezed(group))
            ):
                remedy = (
                    f"no role has a group of this name. Did you mean {group}? Rename the group, or set "
                    f"monitoring_groups: {{{role}: {name}}} for the group all. {_ALLOWED}"
                )
                problems.add(f"group {name}", "groups", name, remedy)
