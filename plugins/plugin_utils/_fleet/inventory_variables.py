# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the variables of every host of an inventory, with the precedence of Ansible, but faster. Private to the collection.

Ansible merges all variables of a host on each access. This module merges the variables of groups once for each distinct set of
groups, and puts the variables of the host on top. The order of precedence is that of `VariableManager.get_vars` (ansible-core,
lib/ansible/vars/manager.py), and functions of Ansible read all files. Facts are left out, because the result would depend on the
hosts of a run.
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
# The variables that `Host.get_magic_vars` returns.
_HOST_MAGIC = frozenset({"inventory_hostname", "inventory_hostname_short", "group_names"})


class Layer(t.NamedTuple):
    """The variables of one group or host from one source. Equal ``source`` means the same file or directory."""

    source: tuple[str, ...]
    variables: Variables


class Share:
    """The variables from the groups of a host. Hosts with the same groups share one object."""

    def __init__(self, layers: list[Layer], merged: Variables) -> None:
        """Take the *layers* in ascending order of precedence, and the *merged* variables of all layers."""
        self.merged = merged
        self.layers = _without_duplicates(layers)
        # A cache for values that are derived from these variables, by name of the variable.
        self.memo: dict[t.Any, t.Any] = {}


class Inventory:
    """All hosts of the inventory, including those that --limit leaves out, with their variables."""

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
        """Return a value that stays equal as long as the hosts, the groups and their variables are unchanged.

        Files beside the inventory are not included. Ansible also reads these once, and again when it reloads the inventory.
        """
        return (
            # A playbook in another directory has other files beside it.
            self._loader.get_basedir(),
            # `meta: refresh_inventory` makes a new object. When Python compares tuples, it compares items by identity first.
            self._manager._inventory,  # noqa: SLF001 - Ansible has no other way
            dict(self.extra),
            {name: (dict(host.vars), [group.name for group in host.groups]) for name, host in self.hosts.items()},
            {name: (dict(group.vars), group.priority, group.depth) for name, group in self.groups.items()},
        )

    def sources(self) -> t.Iterator[tuple[str, Variables]]:
        """Yield (group or host, variables) for each source that was read so far, and for extra variables."""
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
        """Return the names of the hosts that an Ansible host *pattern* selects. --limit has no effect.

        :raises ValueError: if the pattern is not valid.
        """
        try:
            found = self._manager.get_hosts(pattern, ignore_limits=True, ignore_restrictions=True)
        except AnsibleError as error:
            raise ValueError(str(error)) from error
        return [plain(host.name) for host in found]

    def members(self, group: str) -> list[str]:
        """Return the names of the hosts in *group*; an empty list if the group does not exist."""
        found = self._manager.groups.get(group)
        return [plain(host.name) for host in found.get_hosts()] if found else []

    def host(self, name: str) -> HostVariables:
        """Return the variables of the host *name*."""
        host = self._manager.hosts[name]
        layers = [Layer(("host",), host.vars)]
        files = [layer for paths in self._paths.values() for path in paths for layer in self._of_path(path, "host", host)]
        return HostVariables(self, host, self._share(host.groups), _without_duplicates([*layers, *files]))

    def everywhere(self) -> HostVariables:
        """Return the variables of the group ``all``, and extra variables."""
        return HostVariables(self, None, self._share([]), [])

    def _share(self, groups: t.Iterable[t.Any]) -> Share:
        key = frozenset([group.name for group in groups]) - {"all"}
        if key not in self._shares:
            self._shares[key] = self._make_share(sort_groups([self._manager.groups[name] for name in key]))
        return self._shares[key]

    def _make_share(self, groups: list[t.Any]) -> Share:
        """Read the variables of the group ``all`` and of *groups*, in ascending order of precedence."""
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
                    # Each vars plugin reads all groups before the next plugin reads any. Let Ansible merge the results.
                    values = [self._read(path, entities) for path in paths]
            layers += found
            for variables in values:
                merged = combine_vars(merged, variables)
        return Share(layers, merged)

    def _of_path(self, path: str, base: str, entity: t.Any) -> list[Layer]:
        """Return the variables that files (and other vars plugins) at *path* have for a group or host: one layer, or none."""
        if base == "host" and self._only_files and not self._may_have_files(path, entity.name):
            return []
        key = (path, base, entity.name)
        if key not in self._layers:
            variables = self._read(path, [entity])
            self._layers[key] = [Layer((base, os.path.realpath(path), entity.name), variables)] if variables else []
        return self._layers[key]

    def _read(self, path: str, entities: list[t.Any]) -> Variables:
        """Return the variables that vars plugins read below *path* for groups or hosts."""
        try:
            found: Variables = get_vars_from_path(self._loader, path, entities, "task")
        except AnsibleError as error:
            # Since ansible-core 2.19, the innermost exception names the file.
            cause = error
            while isinstance(cause.__context__, AnsibleError):
                cause = cause.__context__
            where = getattr(cause, "_formatted_source_context", None) or f"The files with these variables are beside {path}."
            names = ", ".join(entity.name for entity in entities)
            raise AnsibleError(f"The variables of {names} cannot be read: {cause}\n{where}") from None
        return found

    def _may_have_files(self, path: str, name: str) -> bool:
        """Return whether files at *path* can have variables of the host *name*.

        To call the vars plugin of Ansible for each of 10,000 hosts takes seconds. To list the directory once is enough.
        """
        if path not in self._host_files:
            directory = os.path.join(os.path.realpath(path), "host_vars")
            found = os.listdir(directory) if os.path.isdir(directory) else []
            self._host_files[path] = {*found, *(os.path.splitext(file)[0] for file in found)}
        return name in self._host_files[path] or "/" in name


class HostVariables:
    """The variables of one host, before templating."""

    __slots__ = ("_all", "_host", "_inventory", "own", "share")

    def __init__(self, inventory: Inventory, host: t.Any, share: Share, own: list[Variables]) -> None:
        """Take the variables from the groups, and the *own* variables of the host in ascending order of precedence."""
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
        """Return the extra variables, which have the highest precedence."""
        return self._inventory.extra

    def all(self) -> Variables:
        """Return all of them."""
        if self._all is None:
            merged = self.share.merged
            # Magic variables of the host override variables from the inventory, and files override both (`Host.get_vars`).
            own = [self._host.get_vars(), *(v for v in self.own if v is not self._host.vars)] if self._host else []
            for layer in [*own, self._inventory.extra, self._inventory.magic]:
                merged = combine_vars(merged, layer)
            self._all = merged
        return self._all

    def own_contributions(self, variable: str) -> list[t.Any]:
        """Return the values of a merged *variable* from the host and from extra variables, in ascending order of precedence."""
        return [layer[variable] for layer in (*self.own, self._inventory.extra) if variable in layer]

    def group_contributions(self, variable: str) -> list[t.Any]:
        """Return the values of a merged *variable* from the groups of the host, in ascending order of precedence."""
        key = "groups", variable
        if key not in self.share.memo:
            self.share.memo[key] = [layer[variable] for layer in self.share.layers if variable in layer]
        return t.cast("list[t.Any]", self.share.memo[key])


def _without_duplicates(layers: list[Layer]) -> list[Variables]:
    """Return the variables of *layers*, and only the last of layers with the same source.

    If two inventories are in one directory, or one is beside the playbook, Ansible reads the same files twice. Only the second
    time counts, so that a merged list does not have the items twice.
    """
    last = {layer.source: index for index, layer in enumerate(layers)}
    return [layer.variables for index, layer in enumerate(layers) if last[layer.source] == index]


def _directory(source: str | None) -> str | None:
    """Return the directory of the files beside an inventory *source*, as `get_vars_from_inventory_sources` does."""
    if source is None or ("," in source and not os.path.exists(source)):
        return None
    return source if os.path.isdir(source) else os.path.dirname(source)
