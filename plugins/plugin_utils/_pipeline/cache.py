# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet's model in a run of Ansible: built once, and anew where the inventory changed meanwhile. Private to the collection.

Ansible runs each task in a process of its own, made from the controller's: what the controller has built, all of them have.
Of what they build themselves nothing is left when they end.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import typing as t

from ansible.errors import AnsibleError
from ansible.utils.display import Display

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import role_paths
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.inventory_variables import Inventory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import Contract, contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import Renderer
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import build

_display = Display()
_Key = tuple[str, tuple[str, ...]]
# With the state of the inventory that each is made from.
_models: dict[_Key, tuple[t.Any, Model]] = {}
# Those that hold for as long as the process lasts.
_of_this_task: set[_Key] = set()


def in_the_controller() -> bool:
    """Return whether this is the process that all tasks are made from."""
    return multiprocessing.parent_process() is None


def inventory_of(hostvars: t.Any) -> tuple[Inventory, Renderer]:
    """Return the inventory behind Ansible's *hostvars*, which every template has, and what renders its values."""
    # Ansible has no other way from a template to them.
    loader = hostvars._loader  # noqa: SLF001
    return Inventory(hostvars._inventory, hostvars._variable_manager, loader), Renderer(loader)  # noqa: SLF001


def contracts_of(inventory: Inventory, render: Renderer) -> tuple[Contract, ...]:
    """Return the contracts of the collection's roles and of the user's.

    :raises AnsibleError: with the directories of roles, or the files in them, that are wrong.
    """
    problems = Problems()
    directories = role_paths.find_directories(inventory, render, problems)
    _raise(problems.lines)
    return contracts(directories)


def _raise(problems: list[str]) -> None:
    if problems:
        lines = "\n".join(f"- {line}" for line in problems)
        number = f"{len(problems)} error{'' if len(problems) == 1 else 's'}"
        raise AnsibleError(f"The inventory has {number}:\n{lines}")


def require_hosts(hosts: t.Sized | None) -> None:
    """Do nothing where the inventory has *hosts*. Ansible gives a play without hosts no hostvars.

    :raises AnsibleError: where it has none, as one that does not exist.
    """
    if not hosts:
        raise AnsibleError("The inventory has no hosts. Set an inventory that exists and can be read: -i inventory.yml")


def model(hostvars: t.Any, host: str = "", without: t.Iterable[str] = ()) -> Model:
    """Return the model of the inventory behind Ansible's *hostvars*; see `_fleet.build` for the other parameters.

    :raises AnsibleError: with all errors of the inventory.
    """
    key = host, tuple(sorted(map(str, without)))
    if key not in _of_this_task:
        with _without_garbage_collection():
            require_hosts(hostvars and hostvars._inventory.hosts)  # noqa: SLF001 - Ansible has no other way
            inventory, render = inventory_of(hostvars)
            state = inventory.state()
            if key not in _models or _models[key][0] != state:
                _models[key] = state, _build(inventory, render, key)
        if in_the_controller():
            gc.freeze()
        else:
            # The templates of a task ask several times; nothing that the model is made from can change in its process.
            _of_this_task.add(key)
    return _models[key][1]


def _build(inventory: Inventory, render: Renderer, key: _Key) -> Model:
    host, without = key
    built, problems = build.build_model(inventory, contracts_of(inventory, render), render, host=host, without=without)
    _raise(problems)
    if "unknown" in built:
        _display.warning(
            f"No role of vigie.monitoring reads these variables of the inventory: {', '.join(built['unknown'])}. "
            "Check their names. If they are your own, set monitoring_unknown_variables: allow for the group all."
        )
    return built


@contextlib.contextmanager
def _without_garbage_collection() -> t.Iterator[None]:
    """Do not look for cycles: a model of 10,000 hosts has none, and to find that out takes as long as to build it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
