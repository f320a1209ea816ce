#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module prometheus_info: return the rules, alerts, versions, clocks and stores of a Prometheus server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: prometheus_info
short_description: Return the rules, alerts, versions, clocks and stores of a Prometheus server
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Queries the HTTP API of a Prometheus server for the loaded rules, the Alertmanagers, the firing alerts, and for the versions
    and clocks of the targets. To query the targets, use M(vigie.monitoring.targets_up).
  - The module changes nothing.
options:
  url:
    description: URL of the Prometheus server, as seen from the host that the module runs on.
    type: str
    required: true
  username:
    description: User name, if the server requires a password.
    type: str
    default: ""
  password:
    description: Password of O(username). The module sends the password only if O(username) is not empty.
    type: str
    default: ""
  alertmanager_username:
    description: User name, if the Alertmanagers require a password.
    type: str
    default: ""
  alertmanager_password:
    description: Password of O(alertmanager_username).
    type: str
    default: ""
  alertmanager_tls:
    description:
      - How to verify the certificates of the Alertmanagers. The keys are C(ca_file) (a path on the host that the module runs on),
        C(server_name) and C(insecure_skip_verify), with the meanings that they have for Prometheus.
      - By default, the certificate authorities of the system count.
    type: dict
    default: {}
  hosts:
    description:
      - Limit RV(alerts), RV(builds), RV(clocks) and RV(largest) to these hosts, by the label C(host). An empty list means all
        hosts.
    type: list
    elements: str
    default: []
  stores:
    description:
      - The stores that the server writes its samples to. The module waits until it reads a sample back from each store that was
        written after the start of the module.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the store in the section C(remote_write) of the server.
        type: str
        required: true
      role:
        description: Role of the store.
        type: str
        required: true
      host:
        description: Host of the store.
        type: str
        required: true
      url:
        description: URL of the store, as seen from the host that the module runs on.
        type: str
        required: true
      tls:
        description: How to verify the certificate of the store, with the keys of O(alertmanager_tls).
        type: dict
        default: {}
      username:
        description: User name, if the store requires a password.
        type: str
        default: ""
      password:
        description: Password of O(stores[].username).
        type: str
        default: ""
      job:
        description: Scrape job of a target of the server.
        type: str
        required: true
      instance:
        description: Instance of this target.
        type: str
        required: true
  mode:
    description:
      - V(server) is a Prometheus server.
      - V(agent) is a Prometheus server that keeps no samples and answers no queries. The lists RV(rules), RV(alertmanagers),
        RV(alerts) and RV(largest) are empty. RV(builds) and RV(clocks) come from the first of O(stores) that answers queries, and
        have the hosts of all servers that write to this store.
      - V(vmagent) is a vmagent, for which V(agent) holds. RV(version) is empty.
      - V(vmalert) is a vmalert, which only has RV(rules), RV(alertmanagers) and RV(alerts).
    type: str
    choices: [server, agent, vmagent, vmalert]
    default: server
  stores_wait:
    description: Seconds to wait for the samples in the stores.
    type: int
    default: 60
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
- name: Query the Prometheus server
  vigie.monitoring.prometheus_info:
    url: http://localhost:9090
  register: prometheus
"""

RETURN = r"""
version:
  description: Version of the Prometheus server.
  returned: success
  type: str
rules:
  description: The loaded rules, each with C(file), C(group), C(name), C(health) and C(last_error).
  returned: success
  type: list
  elements: dict
alertmanagers:
  description:
    - The Alertmanagers that the server sends alerts to, each with C(address), C(error), C(peers) and C(version).
    - C(error) is the reason why the Alertmanager does not answer from this host, or empty. C(peers) is the number of members in
      the cluster of the Alertmanager.
  returned: success
  type: list
  elements: dict
alerts:
  description:
    - The firing alerts, each with C(name), C(host), C(severity), C(since) (seconds since 1970), C(summary) and C(labels).
  returned: success
  type: list
  elements: dict
builds:
  description:
    - The versions of the programs that have a metric C(PROGRAM_build_info) in their last scrape, each with C(host), C(instance),
      C(program) and C(version).
  returned: success
  type: list
  elements: dict
clocks:
  description:
    - The clocks of the hosts, each with C(host), C(instance) and C(offset). C(offset) is the number of seconds that the clock is
      ahead of the clock of the Prometheus server.
  returned: success
  type: list
  elements: dict
largest:
  description:
    - The ten targets with the most series in their last scrape, each with C(host), C(job), C(instance) and C(series).
    - The first has the most series.
  returned: success
  type: list
  elements: dict
stores:
  description:
    - The stores, each with C(name), C(role), C(host), C(error), C(refused), C(arrived), C(waited), C(lag), C(pending), C(failed),
      C(dropped) and C(dedup).
    - C(error) is the reason why the store does not answer from this host, or empty. C(refused) is whether the store refuses the
      password. C(arrived) is whether a sample was read back, C(waited) the number of seconds until then.
    - C(lag) is the number of seconds that the queue of the store is behind, C(pending) the number of samples in the queue.
      C(failed) and C(dropped) are the numbers of samples that were lost during the wait.
    - C(dedup) is the interval of which the store keeps one sample of each series, as a duration, or empty.
  returned: success
  type: list
  elements: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api import prometheus, stores
from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.client import ApiError, password_options

_TEXT = {"type": "str", "required": True}
STORE = {
    **dict.fromkeys(("name", "role", "host", "url", "job", "instance"), _TEXT),
    "tls": {"type": "dict", "default": {}},
    "username": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
}


def _asked(
    params: dict[str, t.Any], url: str, hosts: set[str], of_alertmanagers: dict[str, t.Any], credentials: dict[str, t.Any]
) -> dict[str, t.Any]:
    """Return what the server reports, except about its stores."""
    timeout, mode = params["timeout"], params["mode"]
    if mode in ("agent", "vmagent"):
        return {
            "version": prometheus.version(url, timeout, **credentials) if mode == "agent" else "",
            **stores.of_agent(params["stores"], timeout, hosts),
        }
    ruling: dict[str, t.Any] = {
        "rules": prometheus.rules(url, timeout, **credentials),
        "alerts": prometheus.alerts(url, timeout, hosts, **credentials),
    }
    if mode == "vmalert":
        notifiers = prometheus.notifiers(url, timeout, **credentials)
        return {**ruling, "alertmanagers": notifiers, "version": "", "builds": [], "clocks": [], "largest": []}
    return {
        **ruling,
        "version": prometheus.version(url, timeout, **credentials),
        "alertmanagers": prometheus.alertmanagers(url, timeout, of_alertmanagers, **credentials),
        "builds": prometheus.builds(url, timeout, hosts, **credentials),
        "clocks": prometheus.clocks(url, timeout, hosts, **credentials),
        "largest": prometheus.largest(url, timeout, hosts, **credentials),
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "username": {"type": "str", "default": ""},
            "password": {"type": "str", "default": "", "no_log": True},
            "alertmanager_username": {"type": "str", "default": ""},
            "alertmanager_password": {"type": "str", "default": "", "no_log": True},
            "alertmanager_tls": {"type": "dict", "default": {}},
            "hosts": {"type": "list", "elements": "str", "default": []},
            "stores": {"type": "list", "elements": "dict", "default": [], "options": STORE},
            "mode": {"type": "str", "choices": ["server", "agent", "vmagent", "vmalert"], "default": "server"},
            "stores_wait": {"type": "int", "default": 60},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    params = module.params
    url, timeout, hosts = params["url"].rstrip("/"), params["timeout"], set(params["hosts"])
    credentials = password_options(params["username"], params["password"])
    of_alertmanagers = {
        "tls": params["alertmanager_tls"],
        **password_options(params["alertmanager_username"], params["alertmanager_password"]),
    }
    try:
        module.exit_json(
            changed=False,
            **_asked(params, url, hosts, of_alertmanagers, credentials),
            stores=stores.read_back(url, timeout, params["stores_wait"], params["stores"], **credentials),
        )
    except ApiError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
