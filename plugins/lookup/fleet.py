# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup fleet: the fleet model of the inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
short_description: The fleet model of the inventory
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Reads the inventory, including the hosts that C(--limit) leaves out, and the role contracts
    (C(roles/ROLE/monitoring/scrape.yml)), and returns every host with its address, labels and endpoints.
  - Uses the variables of the inventory and extra variables, but no facts, so that the result does not depend on the hosts of a
    run.
  - C(monitoring_labels), C(monitoring_thresholds), C(monitoring_scrapes), C(monitoring_probes) and C(monitoring_logs) merge
    down the groups in the order of precedence of Ansible. The values of the host come last.
  - Validates the inventory, and reports all errors together.
  - Builds the model once in a run, if the C(hosts) of a play uses the lookup P(vigie.monitoring.role_hosts#lookup). Otherwise
    each task builds the model again. A change of hosts, groups or variables makes a new model, too.
options:
  _terms:
    description: The lookup has no terms.
    required: false
  host:
    description:
      - Return the part of the model that this host needs. The time for this does not depend on the size of the fleet.
      - This part has the host itself and the monitoring servers. For Prometheus and Grafana servers, it has all hosts.
    type: str
    default: ""
  without:
    description: Leave out these hosts, as if the inventory did not have them.
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
    - C(hosts) has, for each host, C(address), C(roles), C(versions), C(labels), C(thresholds), C(probes) and C(endpoints);
      an endpoint has C(role), C(job), C(port), C(path), C(scheme), C(params), C(labels) and C(instance).
    - C(servers) has, for each role of monitoring servers (for example C(prometheus)) and each host, the variables of the role.
    - C(rules) has, for each role, the content of the rule file.
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
