#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module grafana_info: return the version, data sources and dashboards of a Grafana server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_info
short_description: Return the version, data sources and dashboards of a Grafana server
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Queries the HTTP API of a Grafana server for the version, the dashboards and the data sources, and tests whether Grafana can
    use each data source.
  - The module changes nothing.
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
    description: Password of the administrator.
    type: str
    required: true
  timeout:
    description: Seconds to wait for each answer.
    type: int
    default: 30
attributes:
  check_mode:
    description: The module changes nothing.
    support: full
  diff_mode:
    description: The module changes nothing.
    support: none
"""

EXAMPLES = r"""
- name: Query the Grafana server
  vigie.monitoring.grafana_info:
    url: http://localhost:3000
    password: "{{ vault_grafana }}"
  register: grafana
"""

RETURN = r"""
version:
  description: Version of the Grafana server.
  returned: success
  type: str
sources:
  description:
    - The data sources, each with C(uid), C(name), C(type), C(url) and C(problem). C(problem) is the reason why Grafana cannot use
      the data source, or empty.
  returned: success
  type: list
  elements: dict
dashboards:
  description: The dashboards, each with C(uid), C(title) and C(folder).
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
