#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module prometheus_info: what a Prometheus server has loaded and knows."""

from __future__ import annotations

DOCUMENTATION = r"""
module: prometheus_info
short_description: What a Prometheus server has loaded and knows
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Asks a Prometheus server for its rules, its Alertmanagers, the alerts that fire, and for the versions and clocks of what it
    scrapes. For its targets there is M(vigie.monitoring.targets_up).
  - It changes nothing.
options:
  url:
    description: URL of the Prometheus server, as seen from the host that the module runs on.
    type: str
    required: true
  hosts:
    description: Return the alerts, versions and clocks of these hosts alone, by their label C(host); none of them is all.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait for each answer.
    type: int
    default: 30
attributes:
  check_mode:
    description: It changes nothing.
    support: full
  diff_mode:
    description: Nothing changes.
    support: none
"""

EXAMPLES = r"""
- name: Ask Prometheus what it knows
  vigie.monitoring.prometheus_info:
    url: http://localhost:9090
  register: known
"""

RETURN = r"""
version:
  description: The version of the Prometheus server.
  returned: success
  type: str
rules:
  description: The rules that are loaded, with C(file), C(group), C(name), C(health) and C(last_error).
  returned: success
  type: list
  elements: dict
alertmanagers:
  description:
    - The Alertmanagers that alerts go to, with C(address), C(error) (empty where it answers from this host) and C(peers), how
      many members its cluster has, and C(version).
  returned: success
  type: list
  elements: dict
alerts:
  description: The alerts that fire, with C(name), C(host), C(severity), C(since), C(summary) and C(labels).
  returned: success
  type: list
  elements: dict
builds:
  description: What tells its version in its last scrape, with C(host), C(instance), C(program) and C(version).
  returned: success
  type: list
  elements: dict
clocks:
  description: The clocks, with C(host), C(instance) and C(offset), the seconds that it is ahead of Prometheus' clock.
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api import prometheus
from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.client import ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "hosts": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    url, timeout, hosts = module.params["url"].rstrip("/"), module.params["timeout"], set(module.params["hosts"])
    try:
        module.exit_json(
            changed=False,
            version=prometheus.version(url, timeout),
            rules=prometheus.rules(url, timeout),
            alertmanagers=prometheus.alertmanagers(url, timeout),
            alerts=prometheus.alerts(url, timeout, hosts),
            builds=prometheus.builds(url, timeout, hosts),
            clocks=prometheus.clocks(url, timeout, hosts),
        )
    except ApiError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
