# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of every host of an inventory, as Ansible itself would see them, but fast. Private to the collection.

Ansible merges the variables of a host anew each time somebody asks. Here the share of the groups is merged once for each
distinct set of groups, and what a host has of its own is laid over it. The order is that of `VariableManager.get_vars`
(ansible-core, lib/ansible/vars/manager.py), whose functions are used for all that reads files. Facts are left out: they
would make the result depend on which hosts a run has.
"""

from __future__ import annotations

import os
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.inventory.helpers import sort_groups
from ansible.plugins.loader import vars_loader
from ansible.utils.vars import combine_vars
from ansible.vars.plugins import get_vars_from_path

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import MISSING, plain

Variables = dict[str, t.Any]
_HOST_GROUP_VARS = "ansible.builtin.host_group_vars"
# What `Host.get_magic_vars` gives.
_HOST_MAGIC = frozenset({"inventory_hostname", "inventory_hostname_short", "group_names"})


class Layer(t.NamedTuple):
    """What one source has for one group or host: ``source`` tells layers apart that are read from the same place."""

    source: tuple[str, ...]
    variables: Variables


class Share:
    """What the groups of a host give it; hosts with the same groups have the same one."""

    def __init__(self, layers: list[Layer], merged: Variables) -> None:
        """Take the *layers*, the weakest first, and all of them *merged*."""
        self.merged = merged
        self.layers = _each_once(layers)
        # For those who derive something from the share once: by variable.
        self.memo: dict[str, t.Any] = {}


class Inventory:
    """All hosts of the inventory, also those that a limit leaves out, and their variables."""

    def __init__(self, manager: t.Any, variable_manager: t.Any, loader: t.Any) -> None:
        """Take Ansible's InventoryManager, VariableManager and DataLoader."""
        self._manager = manager
        self._loader = loader
        self.extra: Variables = variable_manager.extra_vars
        # The magic variables that do not depend on the host: groups, playbook_dir, ansible_version …
        self.magic: Variables = variable_manager._get_magic_variables(  # noqa: SLF001 - Ansible has no other way
            play=None, host=None, task=None, include_hostvars=False
        )
        sources = [path for path in map(_directory, manager._sources) if path is not None]  # noqa: SLF001
        playbook = [loader.get_basedir()] if variable_manager.safe_basedir else []
        self._paths = {"plugins_inventory": sources, "plugins_play": playbook}
        self._shares: dict[frozenset[str], Share] = {}
        self._layers: dict[tuple[str, str, str], list[Layer]] = {}
        self._host_files: dict[str, set[str]] = {}
        for path in [*sources, *playbook]:
            self._of_path(path, "group", manager.groups["all"])  # loads the plugins
        plugins = [vars_loader.get(name) for name in vars_loader._plugin_instance_cache or ()]  # noqa: SLF001
        self._only_files = all(plugin is None or plugin.ansible_name == _HOST_GROUP_VARS for plugin in plugins)

    @property
    def hosts(self) -> t.Mapping[str, t.Any]:
        """Return Ansible's hosts by name."""
        return self._manager.hosts

    @property
    def groups(self) -> t.Mapping[str, t.Any]:
        """Return Ansible's groups by name."""
        return self._manager.groups

    def state(self) -> tuple[t.Any, ...]:
        """Return what is equal as long as no host, no group and no variable of one came, went or changed.

        Files beside the inventory are no part of it: Ansible reads them once in a run, too, and anew with the inventory itself.
        """
        return (
            # Another playbook has other files beside it.
            self._loader.get_basedir(),
            # Another one after `meta: refresh_inventory`. `is` comes before `==` where Python compares what a tuple holds.
            self._manager._inventory,  # noqa: SLF001 - Ansible has no other way
            dict(self.extra),
            {name: (dict(host.vars), [group.name for group in host.groups]) for name, host in self.hosts.items()},
            {name: (dict(group.vars), group.priority, group.depth) for name, group in self.groups.items()},
        )

    def sources(self) -> t.Iterator[tuple[str, Variables]]:
        """Yield (who has them, variables) for each place that variables were read from so far, and for extra variables."""
        for group in self.groups.values():
            yield f"group {plain(group.name)}", group.vars
        for host in self.hosts.values():
            yield plain(host.name), host.vars
        for (_path, base, name), layers in self._layers.items():
            for layer in layers:
                yield (f"group {plain(name)}" if base == "group" else plain(name)), layer.variables
        yield "the extra variables", self.extra

    @property
    def source_directories(self) -> list[str]:
        """Return the directories that the sources of the inventory, files or directories, lie in."""
        sources = [source for source in self._manager._sources if _directory(source) is not None]  # noqa: SLF001 - as above
        return list(dict.fromkeys(os.path.dirname(os.path.abspath(source)) for source in sources))

    @property
    def role_directories(self) -> list[str]:
        """Return the directories that Ansible finds roles in, and those beside the sources of the inventory."""
        beside = (self._loader.get_basedir(), *self.source_directories)
        return [*(os.path.join(path, "roles") for path in beside), *C.DEFAULT_ROLES_PATH]

    def select(self, pattern: str | list[str]) -> list[str]:
        """Return the names of the hosts that an Ansible host *pattern* selects, whatever the limit of the run.

        :raises ValueError: where it is none.
        """
        try:
            found = self._manager.get_hosts(pattern, ignore_limits=True, ignore_restrictions=True)
        except AnsibleError as error:
            raise ValueError(str(error)) from error
        return [plain(host.name) for host in found]

    def members(self, group: str) -> list[str]:
        """Return the names of the hosts in *group*; none where there is no such group."""
        found = self._manager.groups.get(group)
        return [plain(host.name) for host in found.get_hosts()] if found else []

    def host(self, name: str) -> HostVariables:
        """Return the variables of the host *name*."""
        host = self._manager.hosts[name]
        layers = [Layer(("host",), host.vars)]
        files = [layer for paths in self._paths.values() for path in paths for layer in self._of_path(path, "host", host)]
        return HostVariables(self, host, self._share(host.groups), _each_once([*layers, *files]))

    def everywhere(self) -> HostVariables:
        """Return the variables that every host has: those of the group ``all``, and extra variables."""
        return HostVariables(self, None, self._share([]), [])

    def _share(self, groups: t.Iterable[t.Any]) -> Share:
        key = frozenset([group.name for group in groups]) - {"all"}
        if key not in self._shares:
            self._shares[key] = self._make_share(sort_groups([self._manager.groups[name] for name in key]))
        return self._shares[key]

    def _make_share(self, groups: list[t.Any]) -> Share:
        """Read what the group ``all`` and then *groups*, the weakest first, give their hosts."""
        layers: list[Layer] = []
        merged: Variables = {}
        for entry in C.VARIABLE_PRECEDENCE:
            who, _underscore, where = entry.partition("_")
            entities = {"all": [self._manager.groups["all"]], "groups": groups}.get(who, [])
            if where == "inventory":
                found = [Layer((who, group.name), group.vars) for group in entities if group.vars]
                values = [layer.variables for layer in found]
            else:
                paths = self._paths.get(where, [])
                found = [layer for path in paths for group in entities for layer in self._of_path(path, "group", group)]
                values = [layer.variables for layer in found]
                if not self._only_files:
                    # Each plugin sees all groups before the next one sees any: what Ansible makes of that is asked of it.
                    values = [self._read(path, entities) for path in paths]
            layers += found
            for variables in values:
                merged = combine_vars(merged, variables)
        return Share(layers, merged)

    def _of_path(self, path: str, base: str, entity: t.Any) -> list[Layer]:
        """Return what the files of *path* (and other plugins there) have for a group or host: one layer or none."""
        if base == "host" and self._only_files and not self._may_have_files(path, entity.name):
            return []
        key = (path, base, entity.name)
        if key not in self._layers:
            variables = self._read(path, [entity])
            self._layers[key] = [Layer((base, os.path.realpath(path), entity.name), variables)] if variables else []
        return self._layers[key]

    def _read(self, path: str, entities: list[t.Any]) -> Variables:
        """Return what plugins for variables find below *path* for groups or hosts."""
        try:
            found: Variables = get_vars_from_path(self._loader, path, entities, "task")
        except AnsibleError as error:
            # Since ansible-core 2.19 it is the first one that knows the file.
            cause = error
            while isinstance(cause.__context__, AnsibleError):
                cause = cause.__context__
            where = getattr(cause, "_formatted_source_context", None) or f"The files with these variables are beside {path}."
            names = ", ".join(entity.name for entity in entities)
            raise AnsibleError(f"The variables of {names} cannot be read: {cause}\n{where}") from None
        return found

    def _may_have_files(self, path: str, name: str) -> bool:
        """Return whether *path* may hold variables of the host *name*.

        Asking Ansible's own plugin for each of 10,000 hosts costs seconds; one look at the directory tells as much.
        """
        if path not in self._host_files:
            directory = os.path.join(os.path.realpath(path), "host_vars")
            found = os.listdir(directory) if os.path.isdir(directory) else []
            self._host_files[path] = {*found, *(os.path.splitext(file)[0] for file in found)}
        return name in self._host_files[path] or "/" in name


class HostVariables:
    """The variables of one host, as they are written: not templated."""

    __slots__ = ("_all", "_host", "_inventory", "own", "share")

    def __init__(self, inventory: Inventory, host: t.Any, share: Share, own: list[Variables]) -> None:
        """Take what the host's groups give it, and what it has of its *own*, the weakest first."""
        self._inventory = inventory
        self._host = host
        self._all: Variables | None = None
        self.share = share
        self.own = own

    def get(self, name: str) -> t.Any:
        """Return the value of a variable, or MISSING."""
        if self._all is not None or name in _HOST_MAGIC or C.DEFAULT_HASH_BEHAVIOUR == "merge":
            return self.all().get(name, MISSING)
        for layer in (self._inventory.magic, self._inventory.extra, *reversed(self.own), self.share.merged):
            if name in layer:
                return layer[name]
        return MISSING

    @property
    def extra(self) -> Variables:
        """Return the extra variables, which are over all others."""
        return self._inventory.extra

    def all(self) -> Variables:
        """Return all of them."""
        if self._all is None:
            merged = self.share.merged
            # The host's magic variables are over its inventory's, and under its files' (`Host.get_vars`).
            own = [self._host.get_vars(), *(v for v in self.own if v is not self._host.vars)] if self._host else []
            for layer in [*own, self._inventory.extra, self._inventory.magic]:
                merged = combine_vars(merged, layer)
            self._all = merged
        return self._all

    def own_contributions(self, variable: str) -> list[t.Any]:
        """Return what the host and extra variables add to a *variable* that merges, the weakest first."""
        return [layer[variable] for layer in (*self.own, self._inventory.extra) if variable in layer]

    def group_contributions(self, variable: str) -> list[t.Any]:
        """Return the values of a *variable* that merges which the groups of the host give it, the weakest first."""
        return [layer[variable] for layer in self.share.layers if variable in layer]


def _each_once(layers: list[Layer]) -> list[Variables]:
    """Return the variables of *layers*; of those with one source the last.

    Where two inventories lie in one directory, or one beside the playbook, Ansible reads the files there twice: the second
    time counts, and a list that merges must not have them twice.
    """
    last = {layer.source: index for index, layer in enumerate(layers)}
    return [layer.variables for index, layer in enumerate(layers) if last[layer.source] == index]


def _directory(source: str | None) -> str | None:
    """Return where the files beside an inventory *source* are, as `get_vars_from_inventory_sources` finds it."""
    if source is None or ("," in source and not os.path.exists(source)):
        return None
    return source if os.path.isdir(source) else os.path.dirname(source)
