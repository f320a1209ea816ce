# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories on disk with Ansible's own objects for them, and scrape contracts, for tests."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing import vault as ansible_vault
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.vars import host_group_vars
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.inventory_variables import Inventory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import Contract, contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import Renderer, trusted
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import build as pipeline


def contract(role: str, scrape: dict[str, t.Any], defaults: dict[str, t.Any], rules: str = "") -> Contract:
    """Return a contract as `contracts` reads it from the role's folder."""
    return Contract(role, trusted(scrape), trusted(defaults), rules)


def defaults(role: str) -> dict[str, t.Any]:
    """Return the default variables of one of the collection's own roles, as the model has them of a server."""
    (found,) = [contract.defaults for contract in contracts() if contract.role == role]
    # The one default that is a template, for an inventory without monitoring_web.
    return {name: {} if name == f"{role}_web" else value for name, value in found.items()}


def _alert(threshold: str, **above: float) -> dict[str, t.Any]:
    return {"alert": threshold, "expr": "up", "threshold": threshold, "above": above}


# Thresholds for which inventories of tests have numbers.
RULES = yaml.safe_dump(
    {
        "groups": [
            {
                "name": "g",
                "rules": [
                    *(_alert(name, warning=80, critical=90) for name in ("memory_used_percent", "disk_used_percent")),
                    *(_alert(name, warning=1) for name in ("one", "two", "three")),
                ],
            }
        ]
    }
)

CONTRACTS = (
    contract("node_exporter", {"job": "node", "port": "{{ node_exporter_port }}"}, {"node_exporter_port": 9100}, RULES),
    contract(
        "prometheus",
        {"job": "prometheus", "port": "{{ prometheus_port }}", "server": True},
        {"prometheus_port": 9090, "prometheus_scrape_hosts": "all", "prometheus_note": "{{ site }}-{{ prometheus_port }}"},
    ),
    contract(
        "uwsgi_exporter",
        {
            "job": "uwsgi",
            "port": "{{ uwsgi_exporter_port }}",
            "labels": {"uwsgi": "{{ item.name }}"},
            "instances": "{{ uwsgi_exporter_instances }}",
        },
        {"uwsgi_exporter_port": 9118, "uwsgi_exporter_instances": []},
    ),
)

# Groups with priorities, files beside the inventory and beside the playbook, files of hosts.
AWKWARD = {
    "hosts.yml": """
all:
  vars: {site: x, who: all-inline, monitoring_labels: {a: all-inline, only_all: x}}
  children:
    zeta:
      vars: {who: zeta-inline, ansible_group_priority: 10, monitoring_labels: {a: zeta-inline}}
      hosts: {h1: {who_host: inline, monitoring_labels: {h: inline}}, h2: }
    alpha:
      vars: {who: alpha-inline, monitoring_labels: {a: alpha-inline, only_alpha: x}}
      hosts: {h1: , h2: }
      children:
        deep:
          vars: {depth: deep}
          hosts: {h3: {depth: host}}
    node_exporter: {children: {zeta: , alpha: }}
    prometheus: {hosts: {h1: }}
""",
    "group_vars/all.yml": {"who": "all-file", "file_only": 1, "monitoring_labels": {"a": "all-file", "f": "all-file"}},
    "group_vars/alpha/one.yml": {"who": "alpha-file", "monitoring_labels": {"a": "alpha-file"}},
    "group_vars/deep.yml": {"monitoring_labels": {"d": "{{ depth }}-{{ inventory_hostname }}"}},
    "host_vars/h1.yml": {"who_host": "file", "monitoring_labels": {"h": "file"}},
    "play/group_vars/alpha.yml": {"play": "alpha"},
    "play/host_vars/h2.yml": {"who": "play-host", "monitoring_labels": {"p": "play"}},
}


def write(path: Path, files: dict[str, t.Any]) -> None:
    """Write *files* (texts, or data that becomes YAML) below *path*."""
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")


def _open_vault(secrets: t.Any) -> None:
    """Do what the command line does since ansible-core 2.19, once."""
    context = getattr(ansible_vault, "VaultSecretsContext", None)
    if context is not None:
        context._current = context(secrets)


class Made:
    """An inventory on disk, and Ansible's own objects for it."""

    def __init__(
        self,
        path: Path,
        files: dict[str, t.Any],
        extra: dict[str, t.Any] | None = None,
        sources: t.Sequence[str] = ("hosts.yml",),
        vault: t.Any = (),
    ) -> None:
        """Write *files* below *path* and load the *sources*; the playbook lies in ``play``."""
        write(path, files)
        # What Ansible remembers of directories, for a run, is not so where tests make new ones.
        host_group_vars.FOUND.clear()
        host_group_vars.NAK.clear()
        self.loader = DataLoader()
        self.loader.set_basedir(str(path / "play"))
        self.loader.set_vault_secrets(vault)
        _open_vault(vault)
        self.manager = InventoryManager(loader=self.loader, sources=[str(path / source) for source in sources])
        self.variables = VariableManager(loader=self.loader, inventory=self.manager)
        self.variables._extra_vars = trusted(extra or {})
        self.hostvars = HostVars(self.manager, self.variables, self.loader)
        self.inventory = Inventory(self.manager, self.variables, self.loader)
        self.renderer = Renderer(self.loader)

    def build(self, contracts: t.Sequence[Contract] = CONTRACTS) -> tuple[dict[str, t.Any], list[str]]:
        """Return the model and the mistakes."""
        return pipeline.build_model(self.inventory, contracts, self.renderer)

    def build_for(self, host: str) -> tuple[dict[str, t.Any], list[str]]:
        """Return the part of the model that *host* needs, and the mistakes."""
        return pipeline.build_model(self.inventory, contracts(), self.renderer, host=host)

    def host(self, name: str) -> dict[str, t.Any]:
        """Return the model of one host of an inventory that has no mistakes."""
        model, problems = self.build()
        assert problems == []
        return model["hosts"][name]

    def ansible(self, host: str) -> dict[str, t.Any]:
        """Return what Ansible itself gives *host*, not templated."""
        return self.variables.get_vars(host=self.manager.get_host(host), include_hostvars=False)

    def template(self, text: str, **variables: t.Any) -> t.Any:
        """Return what Ansible makes of a template in a playbook, with the plugins of the collection."""
        available = {"hostvars": self.hostvars, "groups": self.manager.get_groups_dict(), **variables}
        return Templar(loader=self.loader, variables=available).template(trusted(text))


def simple(host: dict[str, t.Any] | None = None, **groups: t.Any) -> dict[str, t.Any]:
    """Return an inventory of one host *h* in node_exporter and one server."""
    children = {"node_exporter": {"hosts": {"h": host}}, "prometheus": {"hosts": {"p": None}}, **groups}
    return {"hosts.yml": {"all": {"vars": {"site": "x"}, "children": children}}}


def problems_of(path: Path, files: dict[str, t.Any], extra: dict[str, t.Any] | None = None) -> list[str]:
    """Return the mistakes of an inventory."""
    return Made(path, files, extra).build()[1]


FLEET: dict[str, t.Any] = {
    "hosts.yml": {
        "all": {
            "children": {
                "node_exporter": {"hosts": {"web1": None, "web2": None}},
                "prometheus": {"hosts": {"mon": None}},
            }
        }
    }
}


def build(path: Path, files: dict[str, t.Any] | None = None, extra: dict[str, t.Any] | None = None) -> tuple[t.Any, list[str]]:
    """Return the model and the mistakes of the fleet with some files more."""
    return Made(path, {**FLEET, **(files or {})}, extra).build(contracts())
