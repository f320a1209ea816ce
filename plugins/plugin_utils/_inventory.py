# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of every host of an inventory, as Ansible itself would see them, but fast. Private to the collection.

Ansible merges the variables of a host anew each time somebody asks. Here the share of the groups is merged once for each
distinct set of groups, and the share of the hosts is added to it. The order is that of `VariableManager.get_vars`
(ansible-core, lib/ansible/vars/manager.py), whose functions are used for all that reads files.
"""

from __future__ import annotations

import os
import typing as t

from ansible import constants as C
from ansible.inventory.helpers import sort_groups
from ansible.plugins.loader import vars_loader
from ansible.utils.vars import combine_vars
from ansible.vars.plugins import get_vars_from_path

from ansible_collections.vigie.monitoring.plugins.plugin_utils._model import plain

Variables = dict[str, t.Any]
_HOST_GROUP_VARS = "ansible.builtin.host_group_vars"


class Inventory:
    """All hosts of the inventory, also those that a limit leaves out, and their variables."""

    def __init__(self, manager: t.Any, variable_manager: t.Any, loader: t.Any) -> None:
        """Take Ansible's InventoryManager, VariableManager and DataLoader."""
        self._manager = manager
        self._loader = loader
        self._extra = variable_manager.extra_vars
        self._inventory_paths = [p for p in map(_directory, manager._sources) if p]  # noqa: SLF001 - Ansible has no other way
        self._play_paths = [loader.get_basedir()] if variable_manager.safe_basedir else []
        self._by_groups: dict[tuple[str, ...], tuple[Variables, list[Variables]]] = {}
        self._host_files: dict[str, set[str] | None] = {}

    @property
    def hosts(self) -> dict[str, t.Any]:
        """Return Ansible's hosts by name."""
        return self._manager.hosts

    def select(self, pattern: str) -> list[str]:
        """Return the names of the hosts that an Ansible host *pattern* selects, whatever the limit of the run."""
        return [plain(host.name) for host in self._manager.get_hosts(pattern, ignore_limits=True, ignore_restrictions=True)]

    def group(self, name: str) -> list[str]:
        """Return the names of the hosts in the group *name*; none where there is no such group."""
        group = self._manager.groups.get(name)
        return [plain(host.name) for host in group.get_hosts()] if group else []

    def global_variable(self, variable: str) -> t.Any:
        """Return the value that *variable* has for the whole inventory: of the group ``all``, or an extra variable."""
        everyone = self._manager.groups["all"]
        layers = [
            everyone.get_vars(),
            *self._files([*self._inventory_paths, *self._play_paths], [everyone]),
            self._extra,
        ]
        values = [layer[variable] for layer in layers if variable in layer]
        return values[-1] if values else None

    def variables(self, name: str) -> Variables:
        """Return the variables of the host *name*, not templated."""
        merged: Variables = {}
        for layer in self._layers(name):
            merged.update(layer)
        merged.update(self._magic(name))
        merged.update(self._extra)
        return merged

    def contributions(self, name: str, variable: str) -> list[t.Any]:
        """Return every value that the inventory has of *variable* for the host *name*, the weakest first."""
        host = self._manager.hosts[name]
        layers = [*self._group_layers(host)[1], *self._host_layers(host), self._extra]
        return [layer[variable] for layer in layers if variable in layer]

    def _layers(self, name: str) -> list[Variables]:
        host = self._manager.hosts[name]
        return [self._group_layers(host)[0], *self._host_layers(host)]

    def _magic(self, name: str) -> Variables:
        host = self._manager.hosts[name]
        return {
            **host.get_magic_vars(),
            "groups": self._manager.get_groups_dict(),
        }

    def _group_layers(self, host: t.Any) -> tuple[Variables, list[Variables]]:
        """Return what the groups of *host* give it: merged, and one by one, the weakest first."""
        groups = host.get_groups()
        key = tuple(sorted(group.name for group in groups))
        if key not in self._by_groups:
            everyone = [self._manager.groups["all"]]
            others = sort_groups([group for group in groups if group.name != "all"])
            readers: dict[str, t.Callable[[], list[Variables]]] = {
                "all_inventory": lambda: [group.get_vars() for group in everyone],
                "all_plugins_inventory": lambda: self._files(self._inventory_paths, everyone),
                "all_plugins_play": lambda: self._files(self._play_paths, everyone),
                "groups_inventory": lambda: [group.get_vars() for group in others],
                "groups_plugins_inventory": lambda: self._files(self._inventory_paths, others),
                "groups_plugins_play": lambda: self._files(self._play_paths, others),
            }
            layers = [layer for entry in C.VARIABLE_PRECEDENCE if entry in readers for layer in readers[entry]() if layer]
            merged: Variables = {}
            for layer in layers:
                merged = combine_vars(merged, layer)
            self._by_groups[key] = merged, layers
        return self._by_groups[key]

    def _host_layers(self, host: t.Any) -> list[Variables]:
        layers = [host.vars]
        for paths in (self._inventory_paths, self._play_paths):
            relevant = [path for path in paths if self._may_have_files(path, host.name)]
            layers += self._files(relevant, [host])
        return layers

    def _files(self, paths: t.Iterable[str], entities: t.Iterable[t.Any]) -> list[Variables]:
        entities = list(entities)
        return [v for path in paths for entity in entities if (v := get_vars_from_path(self._loader, path, [entity], "task"))]

    def _may_have_files(self, path: str, name: str) -> bool:
        """Return whether *path* may hold variables of the host *name*.

        Asking Ansible's own plugin for each of 10,000 hosts costs seconds; one look at the directory tells as much. Other
        plugins are always asked.
        """
        if path not in self._host_files:
            loaded = list(vars_loader._plugin_instance_cache or ())  # noqa: SLF001 - Ansible has no other way
            plugins = {vars_loader.get(plugin).ansible_name for plugin in loaded}
            directory = os.path.join(path, "host_vars")
            if plugins - {_HOST_GROUP_VARS}:
                self._host_files[path] = None
            else:
                found = os.listdir(directory) if os.path.isdir(directory) else []
                self._host_files[path] = {*found, *(os.path.splitext(file)[0] for file in found)}
        known = self._host_files[path]
        return known is None or name in known or "/" in name


def _directory(source: str | None) -> str | None:
    """Return where the files beside an inventory *source* are, as get_vars_from_inventory_sources does."""
    if source is None or ("," in source and not os.path.exists(source)):
        return None
    return source if os.path.isdir(source) else os.path.dirname(source)
