# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup role_hosts: the hosts that a role runs on, as a host pattern for a play."""

from __future__ import annotations

DOCUMENTATION = r"""
name: role_hosts
short_description: Host pattern of the hosts that a role runs on
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Returns the group of a role, as a host pattern for C(hosts) of a play.
  - The group has the name of the role, unless C(monitoring_groups) of the group C(all) sets another name.
  - A role that reads logs has no group. The pattern selects the hosts with rules in C(monitoring_logs).
  - If the inventory has no such group, the pattern selects no host, without a warning.
  - Fails if the inventory has no hosts, for example because the file of the inventory does not exist.
  - Ansible has no variables of hosts before the first play runs. In the first play of a playbook, and with C(--list-hosts),
    C(monitoring_groups) has an effect only as an extra variable.
  - In C(hosts) of a play, the lookup also builds the fleet model. The lookup P(vigie.monitoring.fleet#lookup) returns this model
    in the tasks that follow, and does not build it again.
options:
  _terms:
    description: Names of roles. V(all) stands for all hosts.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Deploy node_exporter
  hosts: "{{ lookup('vigie.monitoring.role_hosts', 'node_exporter') }}"
  roles:
    - vigie.monitoring.node_exporter
"""

RETURN = r"""
_raw:
  description: The host pattern of each role.
  type: list
  elements: str
"""

import contextlib
import typing as t

from ansible import context
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import build, cache

NO_HOST = "!all"


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[str], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[str]:
        """Return a pattern for each role in *terms*."""
        available = variables or {}
        self.set_options(var_options=available, direct=kwargs)
        hostvars = available.get("hostvars")
        groups = available.get("monitoring_groups")
        # Ansible skips a play that selects no host, without a message. With --syntax-check there is no inventory.
        if not context.CLIARGS.get("syntax"):
            cache.require_hosts(available["groups"].get("all"))
        found = contracts()
        model = None
        # The lookup fleet reports all errors of the inventory together.
        if hostvars is not None:
            inventory, render = cache.inventory_of(hostvars)
            found = cache.contracts_of(inventory, render)
            if groups is None:
                groups = build.role_groups(inventory, found, render, Problems())
            if cache.in_the_controller():
                with contextlib.suppress(AnsibleError):
                    model = cache.model(hostvars)
        readers = {contract.role for contract in found if contract.reads_logs}
        return [
            _hosts_with_role(model, role) if role in readers else _of_group((groups or {}).get(role, role), available["groups"])
            for role in terms
        ]


def _of_group(group: str, groups: t.Container[str]) -> str:
    return group if group in groups else NO_HOST


def _hosts_with_role(model: Model | None, role: str) -> str:
    names = [name for name, host in model["hosts"].items() if role in host["roles"]] if model else []
    return ",".join(names) or NO_HOST
