# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup roles: the names of the roles that have a contract."""

from __future__ import annotations

DOCUMENTATION = r"""
name: roles
short_description: Names of the roles that have a contract
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Returns the names of the roles of this collection, and of your own roles (C(monitoring_role_paths)), that have a role contract
    (C(roles/ROLE/monitoring/scrape.yml)), sorted.
  - The playbook C(vigie.monitoring.site) uses this lookup for its tags and for the list of exporters that it removes.
options:
  _terms:
    description: The lookup takes no terms.
    required: false
  removable:
    description: Return only the roles that C(site) removes from a host that left the group of the role.
    type: bool
    default: false
  own:
    description: Return only the roles that are not part of this collection.
    type: bool
    default: false
  without_play:
    description:
      - Return only the roles that have no play of their own in this run of the playbook C(vigie.monitoring.site). These are your
        own roles, and the exporters whose group did not exist when Ansible read the playbook (see
        P(vigie.monitoring.role_playbook#lookup)).
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the exporters
  ansible.builtin.debug:
    msg: "{{ lookup('vigie.monitoring.roles', removable=true, wantlist=true) }}"
"""

RETURN = r"""
_raw:
  description: The names of the roles.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import cache, role_plays


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[str]:
        """Return the names."""
        self.set_options(var_options=variables, direct=kwargs)
        if terms:
            raise AnsibleError(f"vigie.monitoring.roles: expected no terms, got {terms!r}")
        hostvars = (variables or {}).get("hostvars")
        # Ansible lists tags and tasks without variables of hosts: roles of your own are not listed.
        found = contracts() if hostvars is None else cache.contracts_of(*cache.inventory_of(hostvars))
        if self.get_option("removable"):
            found = tuple(contract for contract in found if not contract.keeps_data)
        if self.get_option("own"):
            found = tuple(contract for contract in found if contract.folder)
        if self.get_option("without_play"):
            found = tuple(contract for contract in found if not role_plays.has_play(contract))
        return [contract.role for contract in found]
