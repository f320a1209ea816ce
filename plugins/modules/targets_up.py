#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module targets_up: wait until a Prometheus server reports targets as up."""

from __future__ import annotations

DOCUMENTATION = r"""
module: targets_up
short_description: Wait until Prometheus reports targets as up
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Queries a Prometheus server until each expected target is up. If the time runs out, the module fails with the reason that
    Prometheus reports for each target that is not up.
  - By default, only a scrape after the start of the module counts. The state of a target before a change is ignored.
  - The module changes nothing. In check mode, the module queries the server once and never fails.
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
  targets:
    description:
      - The expected targets, each with C(job) and C(instance). Other keys are ignored.
    type: list
    elements: dict
    default: []
  hosts:
    description: Limit RV(active) to the targets of these hosts. An empty list means all hosts.
    type: list
    elements: str
    default: []
  until:
    description:
      - V(up) waits until all targets are up.
      - V(scraped) waits until Prometheus has scraped each target, successfully or not. The module does not wait for a target that
        Prometheus does not discover within ten seconds, nor for a scrape that is due after the O(timeout).
    type: str
    choices: [up, scraped]
    default: up
  agent:
    description: Whether the server is an agent, which answers no queries. The module reads the list of all targets each time.
    type: bool
    default: false
  fresh:
    description: >-
      Whether each target needs a scrape after the start of the module. V(false) accepts the last scrape, for a run that has
      changed nothing.
    type: bool
    default: true
  timeout:
    description: Seconds to wait.
    type: int
    default: 60
  interval:
    description: Seconds between two queries.
    type: float
    default: 1.0
attributes:
  check_mode:
    description: Queries the server once and never fails.
    support: full
  diff_mode:
    description: The module changes nothing.
    support: none
"""

EXAMPLES = r"""
- name: Wait until Prometheus scrapes the new server
  vigie.monitoring.targets_up:
    url: http://localhost:9090
    targets:
      - job: node
        instance: web3.example.com:9100
"""

RETURN = r"""
active:
  description:
    - The active targets, each with C(job), C(instance), C(host), C(address), C(health), C(last_error), C(last_scrape) (seconds
      since 1970) and C(interval) (seconds).
  returned: O(until=scraped)
  type: list
  elements: dict
waiting:
  description: One line for each target that is not up, with the reason that Prometheus reports.
  returned: always
  type: list
  elements: str
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api import prometheus_targets
from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.client import ApiError, password_options

# The URL of a query has room for this number of targets.
MAX_QUERIED_TARGETS = 100
# Seconds. Prometheus treats a series without a newer sample as gone.
LAST_SCRAPE_WITHIN = 300


def wait(params: dict[str, t.Any], *, once: bool) -> tuple[list[prometheus_targets.Target], list[str]]:
    """Query the server until all targets are up or the time runs out; return the active targets and the missing targets."""
    began = time.time()
    since = began if params["fresh"] else began - LAST_SCRAPE_WITHIN
    active: list[prometheus_targets.Target] = []
    asking = {"timeout": 10, **password_options(params.get("username", ""), params.get("password", ""))}
    # The list of all targets of a large fleet has megabytes. Query a few targets alone, and the reasons only at the end.
    query_alone = (
        params["until"] == "up" and not once and not params.get("agent") and len(params["targets"]) <= MAX_QUERIED_TARGETS
    )
    while True:
        over = once or time.time() - began >= params["timeout"]
        try:
            if query_alone and not over:
                waiting = [(line, False) for line in prometheus_targets.not_up(params["url"], params["targets"], since, **asking)]
            else:
                active = prometheus_targets.fetch(params["url"], **asking)
                since = 0 if once else since
                waiting = prometheus_targets.waiting_for(params["targets"], active, since, time.time(), began + params["timeout"])
        except ApiError as error:
            waiting = [(str(error), False)]
        settled = all(final for _line, final in waiting) if params["until"] == "scraped" else not waiting
        if over or settled:
            return active, [line for line, _final in waiting]
        time.sleep(params["interval"])


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "username": {"type": "str", "default": ""},
            "password": {"type": "str", "default": "", "no_log": True},
            "targets": {"type": "list", "elements": "dict", "default": []},
            "hosts": {"type": "list", "elements": "str", "default": []},
            "until": {"type": "str", "choices": ["up", "scraped"], "default": "up"},
            "agent": {"type": "bool", "default": False},
            "fresh": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 60},
            "interval": {"type": "float", "default": 1.0},
        },
        supports_check_mode=True,
    )
    active, waiting = wait(module.params, once=module.check_mode)
    hosts = set(module.params["hosts"])
    # Leave the list of expected targets out of the result. For a large fleet, the list is long.
    result = {
        "changed": False,
        "waiting": waiting,
        "invocation": {"module_args": {"url": module.params["url"]}},
    }
    if module.params["until"] == "scraped":
        result["active"] = [target for target in active if not hosts or target["host"] in hosts]
    if waiting and not module.check_mode:
        count = f"{len(waiting)} of {len(module.params['targets'])} targets are not up in Prometheus"
        lines = "\n".join(f"- {line}" for line in waiting)
        module.fail_json(msg=f"{count} ({module.params['url']}):\n{lines}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
