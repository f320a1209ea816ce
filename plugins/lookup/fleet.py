# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup fleet: the inventory as one plain model."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
short_description: The whole fleet as one plain model
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Reads the whole inventory, also the hosts that C(--limit) leaves out, and the scrape contracts of the roles
    (C(roles/ROLE/monitoring/scrape.yml)), and returns every host with its address, labels and endpoints.
  - It uses the variables of the inventory and extra variables alone, never facts, so that the result is the same whichever
    hosts a run has.
  - C(monitoring_labels), C(monitoring_thresholds), C(monitoring_scrapes) and C(monitoring_probes) merge down the groups in
    Ansible's own order of precedence, and the host's own come last.
  - All mistakes of the inventory are reported together.
  - A task that asks builds the model, unless the lookup P(vigie.monitoring.role_hosts#lookup) did in the C(hosts) of this or a
    former play, and hosts, groups and their variables are the same since.
options:
  _terms:
    description: None are taken.
    required: false
  host:
    description:
      - The model as far as it concerns this host, which costs a fleet of any size the same.
      - It has the host itself and the hosts that serve the fleet; Prometheus servers and Grafanas are concerned with all hosts.
    type: str
    default: ""
  without:
    description: Hosts that are left out, as if the inventory did not have them.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show what Prometheus scrapes
  ansible.builtin.debug:
    msg: "{{ lookup('vigie.monitoring.fleet') | vigie.monitoring.scrape_targets('monitor.example.com') }}"
"""

RETURN = r"""
_raw:
  description:
    - C(hosts) has, by name, C(address), C(roles), C(versions), C(labels), C(thresholds), C(probes) and C(endpoints);
      an endpoint has C(role), C(job), C(port), C(path), C(scheme), C(params), C(labels) and C(instance).
    - C(servers) has, by role and host, the variables of the roles that serve the fleet, C(prometheus) for instance.
    - C(rules) has, by role, the text of its rules.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import cache


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return the model, as the one item of a list."""
        self.set_options(var_options=variables, direct=kwargs)
        if terms:
            raise AnsibleError(f"vigie.monitoring.fleet: expected no terms, got {terms!r}")
        return [cache.model((variables or {}).get("hostvars"), self.get_option("host"), self.get_option("without"))]
