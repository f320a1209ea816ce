#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module grafana_info: what a Grafana has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_info
short_description: What a Grafana has
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Asks a Grafana for its version, its dashboards, and its data sources, and whether it can use them.
  - It changes nothing.
options:
  url:
    description: URL of Grafana, as seen from the host that the module runs on.
    type: str
    required: true
  username:
    description: Name of an administrator.
    type: str
    default: admin
  password:
    description: The administrator's password.
    type: str
    required: true
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
- name: Ask Grafana what it has
  vigie.monitoring.grafana_info:
    url: http://localhost:3000
    password: "{{ vault_grafana }}"
  register: found
"""

RETURN = r"""
version:
  description: Version that runs.
  returned: success
  type: str
sources:
  description:
    - The data sources, with C(uid), C(name), C(type), C(url) and C(problem), what keeps Grafana from using it; it is empty where
      nothing does.
  returned: success
  type: list
  elements: dict
dashboards:
  description: The dashboards, with C(uid), C(title) and C(folder).
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.client import ApiError
from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.grafana import Grafana


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "username": {"type": "str", "default": "admin"},
            "password": {"type": "str", "required": True, "no_log": True},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    grafana = Grafana(**module.params)
    try:
        module.exit_json(changed=False, version=grafana.version(), sources=grafana.sources(), dashboards=grafana.dashboards())
    except ApiError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
