# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles' scrape contracts. Private to the collection.

``roles/ROLE/monitoring/scrape.yml`` says how Prometheus scrapes a role. Its values are templates, which see the variables of
the host over the defaults of the role::

    job: uwsgi
    port: "{{ uwsgi_exporter_port }}"
    path, scheme, params, labels, instance: …  # optional
    instances: "{{ uwsgi_exporter_instances }}"  # optional: one endpoint for each item of this list. Templates see it as `item`;
                                                 # where it has keys named as those above, they win
    web: true                                    # optional: `monitoring_web` is for it: TLS, a password
    server: true                                 # optional: the model has the variables of the role's hosts
    all_hosts: true                              # optional: what a host of the role gets depends on all hosts of the fleet
    access:                                      # optional: who may connect to it, beside the Prometheus servers that scrape it
      clients: [grafana]                         # the hosts of these roles
      admins: true                               # people: `firewall_admin_networks`
      peers: alertmanager_cluster_port           # the role's other hosts, to the port in this variable, by TCP and UDP
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import typing as t

from ansible.module_utils.common.yaml import yaml_load

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import trusted

ROLES = pathlib.Path(__file__).parents[3] / "roles"


@dataclasses.dataclass(frozen=True)
class Contract:
    """How Prometheus scrapes a role, the defaults of the role's variables, and the texts of its rules and dashboards."""

    role: str
    scrape: dict[str, t.Any]
    defaults: dict[str, t.Any]
    rules: str = ""
    # The texts of its dashboards, by name.
    dashboards: t.Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def access(self) -> dict[str, t.Any]:
        """Return who may connect, beside the Prometheus servers."""
        return self.scrape.get("access") or {}

    @property
    def is_server(self) -> bool:
        """Return whether others need the variables of the role's hosts."""
        return bool(self.scrape.get("server"))

    @property
    def needs_all_hosts(self) -> bool:
        """Return whether what a host of the role gets depends on all hosts of the fleet."""
        return bool(self.scrape.get("all_hosts"))


def roles(directory: pathlib.Path = ROLES) -> list[str]:
    """Return the names of all roles."""
    return sorted(path.parents[1].name for path in directory.glob("*/defaults/main.yml"))


@functools.cache
def specification(role: str, directory: pathlib.Path = ROLES) -> dict[str, dict[str, t.Any]]:
    """Return what meta/argument_specs.yml of a *role* says of each of its variables."""
    path = directory / role / "meta" / "argument_specs.yml"
    entries = (yaml_load(path.read_bytes()) or {}).get("argument_specs") or {} if path.is_file() else {}
    return {name: option for entry in entries.values() for name, option in (entry.get("options") or {}).items()}


@functools.lru_cache
def contracts(directory: pathlib.Path = ROLES) -> tuple[Contract, ...]:
    """Return the contracts of all roles that have one, by role."""
    found = []
    for path in sorted(directory.glob("*/monitoring/scrape.yml")):
        role = path.parents[1]
        rules = role / "monitoring" / "rules.yml"
        found.append(
            Contract(
                role=role.name,
                scrape=trusted(yaml_load(path.read_bytes())),
                defaults=trusted(yaml_load((role / "defaults" / "main.yml").read_bytes())),
                rules=rules.read_text(encoding="utf-8") if rules.is_file() else "",
                dashboards=_dashboards(role),
            )
        )
    return tuple(found)


def _dashboards(role: pathlib.Path) -> dict[str, str]:
    """Return the texts of a role's dashboards: the role's own by its name, others by what their files say behind it."""
    return {
        path.stem.partition("_")[2] or role.name: path.read_text(encoding="utf-8")
        for path in sorted((role / "monitoring").glob("dashboard*.json"))
    }
