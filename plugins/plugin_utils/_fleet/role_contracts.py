# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role contracts. Private to the collection.

``roles/ROLE/monitoring/scrape.yml`` says how Prometheus scrapes a role. Values can be templates with the variables of the host
and the defaults of the role::

    job: uwsgi
    port: "{{ uwsgi_exporter_port }}"
    path, scheme, params, labels, instance: …  # optional
    instances: "{{ uwsgi_exporter_instances }}"  # optional: one endpoint for each item of this list. Templates use `item`. Keys
                                                 # of an item override the keys above
    web: true                                    # optional: the endpoint uses `monitoring_web` (TLS, password). A dictionary of
                                                 # the same form replaces `monitoring_web`: "{{ prometheus_web }}"
    web_since: 1.5.0                             # optional: the first version of the program with the flag --web.config.file
    server: true                                 # optional: the model has the variables of the role for each of its hosts
    all_hosts: true                              # optional: what a host of the role gets depends on all hosts of the fleet
    reads_logs: true                             # optional: the role runs on the hosts with rules in `monitoring_logs`, if
                                                 # `monitoring_logs_engine` is the name of the role. It needs no group
    keeps_data: true                             # optional: `site` does not remove the role from a host that left its group
    alerts_of: [node_exporter]                   # optional: roles whose alerts also hold for the metrics of this role
    access:                                      # optional: who may connect, in addition to the Prometheus servers
      clients: [grafana]                         # the hosts of these roles
      admins: true                               # people: `firewall_admin_networks`
      peers: alertmanager_cluster_port           # the other hosts of the role, to the port in this variable, by TCP and UDP
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.common.yaml import yaml_load

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import alert_rules, contract_files
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import trusted

COLLECTION = "vigie.monitoring"
ROLES = pathlib.Path(__file__).parents[3] / "roles"


class Directory(t.NamedTuple):
    """A directory that holds the folders of roles: its real path, and the collection that its roles are included from."""

    path: str
    collection: str = ""


OURS = Directory(os.path.realpath(ROLES), COLLECTION)


@dataclasses.dataclass(frozen=True)
class Contract:
    """How Prometheus scrapes a role, the defaults of the role's variables, and the texts of its rules and dashboards."""

    role: str
    scrape: dict[str, t.Any]
    defaults: dict[str, t.Any]
    rules: str = ""
    # The contents of the dashboards, by name.
    dashboards: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    # The folder of a role that is not one of the collection's.
    folder: pathlib.Path | None = None
    # The name that include_role finds such a role by.
    included_as: str = ""

    @property
    def fqcn(self) -> str:
        """Return the name that include_role finds the role by."""
        return self.included_as or f"{COLLECTION}.{self.role}"

    @property
    def access(self) -> dict[str, t.Any]:
        """Return who may connect, in addition to the Prometheus servers."""
        return self.scrape.get("access") or {}

    @property
    def alerts_of(self) -> t.Sequence[str]:
        """Return the roles whose alerts also hold for the metrics of this role."""
        return self.scrape.get("alerts_of") or ()

    @property
    def is_server(self) -> bool:
        """Return whether the model has the variables of the role for each of its hosts."""
        return bool(self.scrape.get("server"))

    @property
    def needs_all_hosts(self) -> bool:
        """Return whether what a host of the role gets depends on all hosts of the fleet."""
        return bool(self.scrape.get("all_hosts"))

    @property
    def reads_logs(self) -> bool:
        """Return whether the role runs on the hosts with rules in monitoring_logs, not on the hosts of a group."""
        return bool(self.scrape.get("reads_logs"))

    @property
    def keeps_data(self) -> bool:
        """Return whether a host that left the role's group keeps the role until `ROLE_state: absent` removes it."""
        return bool(self.scrape.get("keeps_data"))


def in_order(found: t.Iterable[Contract]) -> list[Contract]:
    """Return the contracts in the order in which `site` deploys their roles: exporters first, a server before its clients."""
    waiting = sorted(found, key=lambda contract: (contract.keeps_data, contract.role))
    ordered: list[Contract] = []
    while waiting:
        # A role comes after those whose clients it is. Roles that are clients of each other keep the order of their names.
        clients = {client for contract in waiting for client in contract.access.get("clients") or []}
        ordered.append(next((contract for contract in waiting if contract.role not in clients), waiting[0]))
        waiting.remove(ordered[-1])
    return ordered


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
def contracts(directories: tuple[Directory, ...] = (OURS,)) -> tuple[Contract, ...]:
    """Return the contracts of all roles in *directories* that have one, by role.

    :raises AnsibleError: with all errors in the files of the roles, and with roles that cannot be there together.
    """
    errors = contract_files.Errors()
    found = [
        _contract(directory, path.parents[1], errors)
        for directory in directories
        for path in sorted(pathlib.Path(directory.path).glob("*/monitoring/scrape.yml"))
    ]
    if not errors.lines:
        _check_together(found, errors)
    if errors.lines:
        lines = "\n".join(f"- {line}" for line in errors.lines)
        raise AnsibleError(f"The files of the roles have {len(errors.lines)} error(s):\n{lines}")
    return tuple(sorted(found, key=lambda contract: contract.role))


def _contract(directory: Directory, role: pathlib.Path, errors: contract_files.Errors) -> Contract:
    foreign = directory != OURS
    rules = role / "monitoring" / "rules.yml"
    if foreign:
        contract_files.check_name(role, errors)
        contract_files.check_dashboards(role, errors)
        text = contract_files.read_rules(rules, errors)
    else:
        # The tests of the collection validate them. A fleet without such hosts need not parse them.
        text = rules.read_text(encoding="utf-8") if rules.is_file() else ""
    return Contract(
        role=role.name,
        scrape=trusted(contract_files.read_scrape(role / "monitoring" / "scrape.yml", errors)),
        defaults=trusted(contract_files.read_defaults(role, errors)),
        rules=text,
        dashboards=contract_files.read_dashboards(role),
        folder=role if foreign else None,
        included_as=f"{directory.collection}.{role.name}" if directory.collection else str(role),
    )


def _check_together(found: t.Iterable[Contract], errors: contract_files.Errors) -> None:
    """Report roles of the user with the name, the scrape job, a threshold or a dashboard of another role."""
    names = dict.fromkeys(roles(), COLLECTION)
    jobs: dict[str, str] = {}
    pages: dict[str, str] = {}
    foreign_thresholds = any("threshold:" in contract.rules for contract in found if contract.folder)
    thresholds: dict[str, str] = {}
    known = {contract.role for contract in found}
    for contract in found:
        for role in (role for role in contract.alerts_of if role not in known):
            scrape = (contract.folder or ROLES / contract.role) / "monitoring" / "scrape.yml"
            errors.add(scrape, "alerts_of", role, "no role with a scrape contract has this name. Correct the name")
        own = set(alert_rules.known_thresholds([contract.rules])) if foreign_thresholds else set()
        if contract.folder:
            monitoring = contract.folder / "monitoring"
            where = names.get(contract.role)
            if where:
                remedy = f"{where} already has a role {contract.role}. Rename the folder and its variables"
                errors.add(contract.folder, "", None, remedy)
                continue
            job = contract.scrape["job"]
            if job in jobs:
                remedy = f"the role {jobs[job]} has the same scrape job. Choose another scrape job"
                errors.add(monitoring / "scrape.yml", "job", job, remedy)
            for name in sorted(own & set(thresholds)):
                remedy = f"the role {thresholds[name]} has the same threshold. Choose another name"
                errors.add(monitoring / "rules.yml", "threshold", name, remedy)
            for name in sorted(set(contract.dashboards) & set(pages)):
                remedy = f"the role {pages[name]} has a dashboard of this name: rename the file"
                errors.add(monitoring / f"dashboard_{name}.json", "", None, remedy)
        names[contract.role] = str(contract.folder or COLLECTION)
        jobs.setdefault(contract.scrape["job"], contract.role)
        thresholds.update(dict.fromkeys(own, contract.role))
        pages.update(dict.fromkeys(contract.dashboards, contract.role))
