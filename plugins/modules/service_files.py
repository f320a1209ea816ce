#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module service_files: change files that belong to a service, and the units that help it, in one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_files
short_description: Change files that belong to a service in one transaction, and reload the service
version_added: 0.2.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Changes a few files of a service, for example to enable the metrics endpoint of HAProxy. The collection has not deployed the
    service and does not own its configuration.
  - Also for files and small systemd units beside a service, such as scripts and their timers.
  - Validates each changed file by a program of the service, writes all files, starts units, reloads the service, and queries
    O(check). If a step fails, the module restores all files, reloads the service again, and fails.
  - The module never starts the service. It does not reload a service that does not run.
  - If a run is killed, the next run restores the files first.
options:
  service:
    description: Name of the systemd unit of the service.
    type: str
    required: true
  name:
    description: Name of this set of files. Two sets of one service have different names.
    type: str
    required: true
  restart:
    description: Restart the service instead of reloading it. For services that cannot be reloaded, for example collectd.
    type: bool
    default: false
  requirements:
    description: Conditions that the host must meet. The module checks the conditions in this order before it changes a file.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path that must exist.
        type: path
        default: ""
      command:
        description: Command that must succeed. It must not change anything, because check mode runs it too.
        type: list
        elements: str
        default: []
      pattern:
        description: Regular expression that the output of O(requirements[].command) must match.
        type: str
        default: ""
      error:
        description: >-
          Error message. C({path}) is replaced by O(requirements[].path), and C({output}) by the first line of the output of the
          command.
        type: str
        required: true
  files:
    description: The files, in the order in which the module writes them.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Path of the file.
        type: path
        required: true
      type:
        description:
          - V(file) is a whole file. V(link) is a symbolic link. V(directory) is a directory.
          - V(block) is a block of lines between two markers at the end of a file of somebody else. The file must
            exist.
        type: str
        choices: [file, block, link, directory]
        default: file
      content:
        description: Text of the file or of the block.
        type: str
        default: ""
      target:
        description: Target of the link.
        type: str
        default: ""
      mode:
        description: Octal mode of a file or of a directory.
        type: str
        default: "0644"
      group:
        description: Group of a directory. By default, the module does not change the group.
        type: str
        default: ""
      reload:
        description: Whether the service must be reloaded after a change of the file.
        type: bool
        default: true
      validate:
        description: Command that validates the file. C({file}) is replaced by the path of a copy with the new text.
        type: list
        elements: str
        default: []
      state:
        description: V(absent) removes the file, or the block.
        type: str
        choices: [present, absent]
        default: present
  enabled_units:
    description:
      - Systemd units that help the service, for example V(backup.timer). Their files in C(/etc/systemd/system) are items of
        O(files).
      - The module enables and starts them, and restarts a unit whose file has changed.
    type: list
    elements: str
    default: []
  started_units:
    description: Systemd units that the module starts once if their files in C(/etc/systemd/system) have changed.
    type: list
    elements: str
    default: []
  surplus:
    description: Units that the module stops, disables and removes, unless O(files) contains their files.
    type: list
    elements: dict
    default: []
    suboptions:
      units:
        description: Pattern of names of units with one C(*).
        type: str
        required: true
      files:
        description: Other files to remove with a unit. C(*) is replaced by the part of the name that the pattern's C(*) matches.
        type: list
        elements: path
        default: []
  programs:
    description: Programs that the units need. The module returns those that the host lacks, and does not install them.
    type: list
    elements: str
    default: []
  check:
    description:
      - Query that shows whether the service uses its configuration. The module sends the query in every run, except in check
        mode. If the query fails after a change, the module restores the files.
    type: dict
    suboptions:
      url:
        description: URL, as seen from the host.
        type: str
        required: true
      username:
        description: User name for the URL.
        type: str
        default: ""
      password:
        description: Password for the URL.
        type: str
        default: ""
      pattern:
        description: Regular expression that the answer must match.
        type: str
        default: ""
      error:
        description: Error message. C({problem}) is replaced by the reason.
        type: str
        required: true
      timeout:
        description: Seconds to wait for an answer that passes.
        type: int
        default: 5
  blockers:
    description:
      - Paths that must not exist, for example the unit of another program at the same port. If one of them exists, the module
        changes nothing and returns the path, so that the role removes the blocker and calls the module again. Check mode predicts
        the change nevertheless.
    type: list
    elements: path
    default: []
  lock_timeout:
    description:
      - Seconds to wait for another run that changes the files of the same service on the host.
      - While the module waits, Ansible shows a warning that names the other run. After this time, the module fails without a
        change.
    type: int
    default: 600
attributes:
  check_mode:
    description: Predicts the change, and validates a changed file if no other file changes.
    support: full
  diff_mode:
    description: Shows each file that changes.
    support: full
"""

EXAMPLES = r"""
- name: Enable HAProxy's metrics endpoint
  vigie.monitoring.service_files:
    service: haproxy
    name: metrics
    requirements:
      - command: [haproxy, -v]
        error: "Host {{ inventory_hostname }}: HAProxy is not installed."
    files:
      - path: /etc/haproxy/haproxy.cfg
        type: block
        content: |
          frontend metrics
              bind :8405
              http-request use-service prometheus-exporter
        validate: [haproxy, -c, -f, "{file}"]
    check:
      url: http://localhost:8405/metrics
      error: "Host {{ inventory_hostname }}: HAProxy does not serve its metrics ({problem})."
"""

RETURN = r"""
changed_files:
  description: Paths of the files that changed.
  returned: if no blocker exists
  type: list
  elements: str
  sample: [/etc/haproxy/haproxy.cfg]
missing_programs:
  description: The items of O(programs) that the host lacks.
  returned: success
  type: list
  elements: str
  sample: [setfacl]
reloaded:
  description: Whether the service was reloaded, or would be reloaded in check mode.
  returned: if no blocker exists
  type: bool
blockers:
  description: The paths of O(blockers) that exist.
  returned: success
  type: list
  elements: str
"""

import os
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._common.module import RedactingModule
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files, locks
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.answers import CHECK_SPEC, failed_check
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import TreeError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.requirements import REQUIREMENTS_SPEC
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.service_files import ServiceFiles, ServiceFilesError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import ServiceError

SPEC: dict[str, t.Any] = {
    "service": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "restart": {"type": "bool", "default": False},
    "requirements": REQUIREMENTS_SPEC,
    "files": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "path", "required": True},
            "type": {"type": "str", "choices": ["file", "block", "link", "directory"], "default": "file"},
            "content": {"type": "str", "default": ""},
            "target": {"type": "str", "default": ""},
            "mode": {"type": "str", "default": "0644"},
            "group": {"type": "str", "default": ""},
            "reload": {"type": "bool", "default": True},
            "validate": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
    "enabled_units": {"type": "list", "elements": "str", "default": []},
    "started_units": {"type": "list", "elements": "str", "default": []},
    "surplus": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "units": {"type": "str", "required": True},
            "files": {"type": "list", "elements": "path", "default": []},
        },
    },
    "programs": {"type": "list", "elements": "str", "default": []},
    "check": {"type": "dict", "options": CHECK_SPEC},
    "blockers": {"type": "list", "elements": "path", "default": []},
    **locks.LOCK_SPEC,
}


def apply(module: RedactingModule, service: ServiceFiles) -> dict[str, t.Any]:
    """Change the files; return the result of the module.

    :raises ServiceFilesError, ServiceError: nothing has changed, or the former files are back.
    """
    check = module.params["check"]
    problem = service.find_problem()
    if problem:
        raise ServiceFilesError(problem)
    recovered = not module.check_mode and service.recover()
    changes = service.changes()
    actions = service.unit_actions(changes)
    result: dict[str, t.Any] = {
        "changed": bool(changes or actions or recovered),
        "changed_files": [file["path"] for file in changes],
        "reloaded": recovered,
    }
    if changes and module._diff:  # noqa: SLF001 - the only way to know about --diff
        result["diff"] = service.diff(changes)
    if module.check_mode:
        # A validator can depend on the other files, which check mode does not write.
        if len(changes) == 1:
            service.validate(changes, missing_ok=True)
        result["reloaded"] = service.would_reload(changes)
    elif changes or actions:
        result["reloaded"] = service.apply(changes, actions, check)
    if check and not module.check_mode and not result["reloaded"]:
        problem = failed_check(check)
        if problem:
            module.fail_json(msg=problem)
    return result


def main() -> None:
    """Run the module."""
    module = RedactingModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    try:
        service = ServiceFiles(params, module.run_command)
        with locks.held([locks.service(params["service"])], params["lock_timeout"], shared=module.check_mode):
            blockers = [path for path in params["blockers"] if os.path.lexists(path)]
            result = {"changed": False} if blockers and not module.check_mode else apply(module, service)
    except locks.BusyError as error:
        module.fail_json(msg=str(error), busy=error.busy)
    except (ServiceFilesError, ServiceError, TreeError, files.InterruptedRunError, files.UnsafePathError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        # `apply` rolls back errors after the first change, and raises another exception.
        module.fail_json(msg=f"Cannot write a file: {files.describe_error(error, files.STATE)}. The service is unchanged.")
    missing = [name for name in params["programs"] if not module.get_bin_path(name)]
    module.exit_json(**result, blockers=blockers, missing_programs=missing)


if __name__ == "__main__":
    main()
