# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cache the fleet model in a run of Ansible, and build it again if the inventory has changed. Private to the collection.

Ansible forks a worker process for each task. A model that the main process has built is available in all worker processes. A
model that a worker process builds is lost when the process ends.
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
# Each model, with the state of the inventory that it was built from.
_models: dict[_Key, tuple[t.Any, Model]] = {}
# Models that stay valid until this worker process ends.
_of_this_task: set[_Key] = set()


def in_the_controller() -> bool:
    """Return whether this is the main process, from which Ansible forks the worker processes."""
    return multiprocessing.parent_process() is None


def inventory_of(hostvars: t.Any) -> tuple[Inventory, Renderer]:
    """Return the inventory behind Ansible's *hostvars*, and a renderer for its values."""
    # Ansible offers no public access to these objects from a template.
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
    """Fail if the inventory has no *hosts*. Ansible gives a play without hosts no hostvars.

    :raises AnsibleError: if there are none, for example because the inventory does not exist.
    """
    if not hosts:
        raise AnsibleError("The inventory has no hosts. Set an inventory that exists and can be read: -i inventory.yml")


def model(hostvars: t.Any, host: str = "", without: t.Iterable[str] = ()) -> Model:
    """Return the model of the inventory behind Ansible's *hostvars*; see `build.build_model` for the other parameters.

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
            # The templates of a task need the model several times, and the inventory cannot change within a worker process.
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
    """Pause garbage collection. A model of 10,000 hosts has no cycles, and a search for them takes as long as the build."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
