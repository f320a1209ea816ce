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
  - Returns the group of a role, as a host pattern for C(hosts) of a play. It is named like the role, unless
    C(monitoring_groups), set for the group C(all), gives another one.
  - Where the inventory has no such group, the pattern selects no host, without a warning.
  - Fails where the inventory has no hosts at all, for example because its file does not exist.
  - Ansible itself does not know the variables of hosts before the first play runs, so that in a playbook's first play, and
    with C(--list-hosts), C(monitoring_groups) counts only as an extra variable.
  - In C(hosts) of a play it builds the model that the lookup P(vigie.monitoring.fleet#lookup) returns, too, so that the tasks
    that follow need not.
options:
  _terms:
    description: Name of the role; V(all) stands for all hosts.
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
  description: The pattern, for each role.
  type: list
  elements: str
"""

import contextlib
import typing as t

from ansible import context
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
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
        # A play that selects no host is passed over without a word. A check of the syntax has no inventory.
        if not context.CLIARGS.get("syntax"):
            cache.require_hosts(available["groups"].get("all"))
        # Mistakes are told by the lookup fleet, all together.
        if groups is None and hostvars is not None:
            inventory, render = cache.inventory_of(hostvars)
            groups = build.role_groups(inventory, cache.contracts_of(inventory, render), render, Problems())
        if hostvars is not None and cache.in_the_controller():
            with contextlib.suppress(AnsibleError):
                cache.model(hostvars)
        patterns = [(groups or {}).get(role, role) for role in terms]
        return [pattern if pattern in available["groups"] else NO_HOST for pattern in patterns]
