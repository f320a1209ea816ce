# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup role_playbook: the playbook that the playbook site imports for a role."""

from __future__ import annotations

DOCUMENTATION = r"""
name: role_playbook
short_description: Playbook that site imports for a role
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Returns the name of the playbook that deploys a role, or the name of a playbook that does nothing if the inventory has no host
    for the role. Ansible does not spend time on reading a role that is not imported.
  - Ansible imports playbooks before it has variables of hosts. This lookup therefore does not find the group of an exporter if
    C(monitoring_groups) in the inventory gives the group another name, or if a play before C(site) creates the group. In these
    cases, another play of C(site) deploys the role, see the option O(vigie.monitoring.roles#lookup:without_play).
  - A role that keeps data or reads logs is always imported, and so are all roles with C(--syntax-check), C(--list-tags),
    C(--list-tasks) and C(--list-hosts).
options:
  _terms:
    description: Names of roles of this collection.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Deploy nginx_exporter
  ansible.builtin.import_playbook: "{{ lookup('vigie.monitoring.role_playbook', 'nginx_exporter') }}"
  vars: {__site_role: nginx_exporter}
"""

RETURN = r"""
_raw:
  description: The file name of the playbook for each role.
  type: list
  elements: str
"""

import typing as t

from ansible import context
from ansible.plugins.lookup import LookupBase

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import role_plays

LISTS = ("syntax", "listhosts", "listtasks", "listtags")


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[str], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[str]:
        """Return the playbook for each role in *terms*."""
        available = variables or {}
        self.set_options(var_options=available, direct=kwargs)
        if any(context.CLIARGS.get(option) for option in LISTS):
            return [role_plays.DEPLOY for _role in terms]
        renamed = available.get("monitoring_groups") or {}
        found = {contract.role: contract for contract in contracts()}
        return [role_plays.choose(found[role], renamed.get(role, role), available["groups"]) for role in terms]
