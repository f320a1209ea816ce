#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module release: deploy a release of a program with its unit, files and configuration in one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Deploy a release of a program as a systemd service, atomically
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Downloads a release, verifies the checksum for the architecture of the host, unpacks the release beside the version in
    service, writes the unit, the files and the configuration, and switches to the new version by changing one symbolic link.
  - Then restarts the service, or reloads the service if a reload is sufficient. The service must stay up and answer over HTTP.
    If the service does not, the module rolls back all changes, starts the previous version, and fails with the last lines of
    the service's journal.
  - The program can also come from a package of the operating system, see O(url). Then the module manages only the files, the
    configuration and the service.
  - If nothing changes, the module only reads the state of the host and needs no network. A rollback to a version that is kept
    on the host needs no network either.
  - The whole transaction runs on the host. After a lost connection, either the old or the new version is in service. If a run
    is killed, the next run rolls back the unfinished change.
options:
  name:
    description: Name of the service and of its systemd unit.
    type: str
    required: true
  version:
    description: Version to run. Required if O(state=present), unless O(url) is empty.
    type: str
  url:
    description:
      - URL of the release. C({arch}) is replaced by O(arch). Required if O(state=present).
      - The file is a tar archive (also compressed), a zip archive, a Debian package, or a single file - a program, a program
        that is compressed with gzip, or a jar. The module recognizes the format by the content of the file.
      - A Debian package is unpacked like an archive. It is not installed - its scripts do not run, and dpkg does not list it.
      - An empty string means that an installed package contains the program and its unit. Then O(unit) must be empty too, and
        the module removes a unit that an earlier run wrote for a release. An empty string is also right for O(python).
    type: str
  python:
    description:
      - A program in Python, instead of O(url). The directory of the version is then a virtual environment.
      - The module builds the environment if the host does not have it for this version, for these requirements and modules, and
        for the version of the interpreter. After an upgrade of the interpreter, for example from 3.11 to 3.13, it builds the
        environment again. A build that fails leaves the version in service unchanged.
    type: dict
    suboptions:
      requirements:
        description:
          - Text of a requirements file of pip. Each requirement, also each dependency, needs a version (C(==)) and the hashes of
            its wheels (C(--hash=sha256:...)).
          - pip installs wheels only, so that no code of a package runs during the installation.
        type: str
        required: true
      modules:
        description: >-
          Modules of the program that are in no wheel - the text of each module by its path below the directory for packages, for
          example V(my_exporter/__main__.py).
        type: dict
        default: {}
      interpreter:
        description: Python on the host. It needs the modules C(venv) and C(ensurepip), which Debian has in C(python3-venv).
        type: path
        default: /usr/bin/python3
      wheels:
        description:
          - Directory on the controller with the wheels. The module copies the wheels that the host needs to the host, and the
            host needs no network.
          - If empty, pip downloads the wheels from the index that pip on the host, or O(environment), configures.
        type: path
        default: ""
  arch:
    description:
      - Architecture of the archive, as in the file names of releases. The default is the architecture of the host. A 32-bit
        system on a 64-bit kernel counts as 32-bit.
      - For a release that is the same for all architectures, such as a jar, set V(any). O(checksums) then has the key V(any).
    type: str
    default: ""
  arch_names:
    description: >-
      Names of architectures in the file names of the releases, if they differ from the usual names, for example
      V({armv7: arm-7}).
    type: dict
    default: {}
  checksums:
    description: SHA-256 checksums of the archive by architecture. They replace O(checksum_url).
    type: dict
    default: {}
  checksum_url:
    description: >-
      URL of a file with the checksums of all archives of the release, one C(SHA256  FILE) a line, or of a file that contains only
      the checksum of the release.
    type: str
  archive:
    description: >-
      Path of the archive on the host, if it is there already. The module verifies this archive too. With O(python), the path of a
      tar archive that contains the wheels.
    type: path
    default: ""
  token:
    description: Token for O(token_host), which the module sends in the header C(Authorization).
    type: str
    default: ""
  environment:
    description:
      - Environment variables of the module, for instance C(https_proxy) for the download.
      - Unlike the keyword C(environment) of a task, the option keeps the values out of the output of C(-vvv). The URL of a proxy
        can contain a password.
    type: dict
    default: {}
  token_host:
    description: The only host that receives O(token), with the port if the URL has a port. Redirects never receive the token.
    type: str
    default: ""
  timeout:
    description: Seconds to wait for each answer of the download server.
    type: int
    default: 30
  root:
    description: Directory of the versions. V(ROOT/NAME/current) is a link to the version in service, V(ROOT/NAME/VERSION).
    type: path
    default: /opt/vigie
  binaries:
    description:
      - Programs in the archive that the module links into C(/usr/local/bin).
      - The archive may call a program V(NAME-linux-ARCH), as the archives of Loki do. The module links it as V(NAME).
    type: list
    elements: str
    default: []
  program:
    description:
      - Name that a single file gets in the directory of the version, for example V(jmx_exporter.jar). The default is the first of
        O(binaries), or O(name). An archive needs no such name.
    type: str
    default: ""
  unit:
    description: Text of the systemd unit.
    type: str
    default: ""
  user:
    description:
      - System user of the service. The module creates the user, and a group of the same name, if they do not exist. It does not
        change an existing user, and never removes one.
    type: str
    default: ""
  data_dir:
    description: >-
      Directory that belongs to O(user), mode 0750. The module creates the directory if it does not exist, and never removes it.
    type: path
    default: ""
  requirements:
    description:
      - Conditions that the host must meet if O(state=present). The module checks the conditions before it changes anything, also
        in check mode.
      - The options are those of O(vigie.monitoring.service_files#module:requirements).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: See O(vigie.monitoring.service_files#module:requirements[].path).
        type: path
        default: ""
      command:
        description: See O(vigie.monitoring.service_files#module:requirements[].command).
        type: list
        elements: str
        default: []
      pattern:
        description: See O(vigie.monitoring.service_files#module:requirements[].pattern).
        type: str
        default: ""
      error:
        description: See O(vigie.monitoring.service_files#module:requirements[].error).
        type: str
        required: true
  files:
    description: Other files of the service.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path of the file. The module creates a missing directory.
        type: path
        required: true
      content:
        description: Text of the file.
        type: str
        required: true
      owner:
        description: Owner of the file.
        type: str
        default: root
      group:
        description: Group of the file.
        type: str
        default: root
      mode:
        description: Octal mode of the file.
        type: str
        default: "0640"
      on_change:
        description: Action that makes the service use the changed file.
        type: str
        choices: [restart, reload, none]
        default: restart
      secret:
        description: Do not show the text in the diff.
        type: bool
        default: false
  config:
    description:
      - Directory of configuration that changes in the same transaction. The options are those of
        M(vigie.monitoring.config_tree). C({release}) in O(config.validate) is replaced by the directory of the new version.
    type: dict
    suboptions:
      path:
        description: See O(vigie.monitoring.config_tree#module:path).
        type: path
        required: true
      files:
        description: See O(vigie.monitoring.config_tree#module:files).
        type: dict
        default: {}
      watched:
        description: See O(vigie.monitoring.config_tree#module:watched).
        type: list
        elements: str
        default: []
      validate:
        description: See O(vigie.monitoring.config_tree#module:validate).
        type: list
        elements: list
        default: []
      owner:
        description: See O(vigie.monitoring.config_tree#module:owner).
        type: str
        default: root
      group:
        description: See O(vigie.monitoring.config_tree#module:group).
        type: str
        default: root
      mode:
        description: See O(vigie.monitoring.config_tree#module:mode).
        type: str
        default: "0640"
      directory_mode:
        description: See O(vigie.monitoring.config_tree#module:directory_mode).
        type: str
        default: "0750"
      verify:
        description: See O(vigie.monitoring.config_tree#module:verify).
        type: dict
        suboptions:
          url:
            description: See O(vigie.monitoring.config_tree#module:verify.url).
            type: str
            required: true
          username:
            description: See O(vigie.monitoring.config_tree#module:verify.username).
            type: str
            default: ""
          password:
            description: See O(vigie.monitoring.config_tree#module:verify.password).
            type: str
            default: ""
          metric:
            description: See O(vigie.monitoring.config_tree#module:verify.metric).
            type: str
            required: true
          value:
            description: See O(vigie.monitoring.config_tree#module:verify.value).
            type: float
            default: 1.0
          changed:
            description: See O(vigie.monitoring.config_tree#module:verify.changed).
            type: str
          timeout:
            description: See O(vigie.monitoring.config_tree#module:verify.timeout).
            type: int
            default: 60
  probe:
    description: Health check of the service after a start.
    type: dict
    default: {}
    suboptions:
      url:
        description: URL that must answer, as seen from the host. If empty, the service must only stay up.
        type: str
        default: ""
      status:
        description: HTTP statuses of a healthy service.
        type: list
        elements: int
        default: [200]
      timeout:
        description: Seconds to wait for a healthy answer.
        type: int
        default: 60
      settle:
        description: Seconds that the service must stay up.
        type: float
        default: 2.0
  check:
    description:
      - Query that shows whether the service does its work, for example reads the program that it monitors. The module sends the
        query in every run, except in check mode, and fails if the answer does not pass. It does not roll back then, because the
        reason is outside the service.
      - The options are those of O(vigie.monitoring.service_files#module:check).
    type: dict
    suboptions:
      url:
        description: See O(vigie.monitoring.service_files#module:check.url).
        type: str
        required: true
      username:
        description: See O(vigie.monitoring.service_files#module:check.username).
        type: str
        default: ""
      password:
        description: See O(vigie.monitoring.service_files#module:check.password).
        type: str
        default: ""
      pattern:
        description: See O(vigie.monitoring.service_files#module:check.pattern).
        type: str
        default: ""
      error:
        description: See O(vigie.monitoring.service_files#module:check.error).
        type: str
        required: true
      timeout:
        description: See O(vigie.monitoring.service_files#module:check.timeout).
        type: int
        default: 5
  keep:
    description: Number of previous versions to keep.
    type: int
    default: 1
  lock_timeout:
    description:
      - Seconds to wait for another run that is changing the same service, or the same directory of O(config), on the host.
      - While the module waits, Ansible shows a warning that names the other run. After this time, the module fails without a
        change.
    type: int
    default: 600
  state:
    description: V(absent) removes the service with its unit, links, versions, files and configuration, but not the data.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Predicts the change. Needs no network.
    support: full
  diff_mode:
    description: Shows the version, the unit and each file that changes, except secret files.
    support: full
"""

EXAMPLES = r"""
- name: Deploy node_exporter
  vigie.monitoring.release:
    name: node_exporter
    version: 1.12.1
    url: https://github.com/prometheus/node_exporter/releases/download/v1.12.1/node_exporter-1.12.1.linux-{arch}.tar.gz
    checksum_url: https://github.com/prometheus/node_exporter/releases/download/v1.12.1/sha256sums.txt
    binaries: [node_exporter]
    unit: |
      [Service]
      DynamicUser=yes
      ExecStart=/opt/vigie/node_exporter/current/node_exporter
      [Install]
      WantedBy=multi-user.target
    probe:
      url: http://localhost:9100/metrics

- name: Deploy a Python program without a network on the host
  vigie.monitoring.release:
    name: orders_exporter
    version: 1.4.0
    url: ""
    python:
      requirements: "{{ lookup('ansible.builtin.file', 'orders_exporter.txt') }}"
      wheels: /srv/wheels
    unit: |
      [Service]
      DynamicUser=yes
      ExecStart=/opt/vigie/orders_exporter/current/bin/orders-exporter --port 9400
      [Install]
      WantedBy=multi-user.target
    probe:
      url: http://localhost:9400/metrics

- name: Remove node_exporter
  vigie.monitoring.release:
    name: node_exporter
    binaries: [node_exporter]
    state: absent
"""

RETURN = r"""
actions:
  description: Actions of the run, or the actions that a run would take in check mode, in order.
  returned: success
  type: list
  elements: str
  sample: [download, unpack, switch, restart]
arch:
  description: Architecture of the release.
  returned: success
  type: str
  sample: armv7
version:
  description: Version in service after the run. Empty if a package contains the program.
  returned: when O(state=present)
  type: str
previous_version:
  description: Version in service before the run.
  returned: when O(state=present)
  type: str
name:
  description: The option O(name).
  returned: success
  type: str
services:
  description: Names of all services that have versions below O(root) after the run.
  returned: success
  type: list
  elements: str
  sample: [blackbox_exporter, node_exporter]
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vigie.monitoring.plugins.module_utils._common.module import RedactingModule
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files, locks
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.account import Account, AccountError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.answers import CHECK_SPEC, failed_check
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import TREE_SPEC, TreeError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.python_environment import PYTHON_SPEC
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.release import Release
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.requirements import (
    REQUIREMENTS_SPEC,
    unmet_requirement,
)
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import ServiceError

FILE_SPEC = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str", "required": True},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "default": "0640"},
    "on_change": {"type": "str", "choices": ["restart", "reload", "none"], "default": "restart"},
    "secret": {"type": "bool", "default": False},
}
PROBE_SPEC = {
    "url": {"type": "str", "default": ""},
    "status": {"type": "list", "elements": "int", "default": [200]},
    "timeout": {"type": "int", "default": 60},
    "settle": {"type": "float", "default": 2.0},
}
SPEC: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "version": {"type": "str"},
    "url": {"type": "str"},
    "python": {"type": "dict", "options": PYTHON_SPEC},
    "arch": {"type": "str", "default": ""},
    "arch_names": {"type": "dict", "default": {}},
    "checksums": {"type": "dict", "default": {}},
    "checksum_url": {"type": "str"},
    "archive": {"type": "path", "default": ""},
    "token": {"type": "str", "default": "", "no_log": True},
    "token_host": {"type": "str", "default": "", "no_log": False},
    "environment": {"type": "dict", "default": {}},
    "timeout": {"type": "int", "default": 30},
    "root": {"type": "path", "default": "/opt/vigie"},
    "binaries": {"type": "list", "elements": "str", "default": []},
    "program": {"type": "str", "default": ""},
    "unit": {"type": "str", "default": ""},
    "user": {"type": "str", "default": ""},
    "data_dir": {"type": "path", "default": ""},
    "requirements": REQUIREMENTS_SPEC,
    "files": {"type": "list", "elements": "dict", "default": [], "options": FILE_SPEC},
    "config": {"type": "dict", "options": TREE_SPEC},
    "probe": {"type": "dict", "default": {}, "options": PROBE_SPEC, "apply_defaults": True},
    "check": {"type": "dict", "options": CHECK_SPEC},
    "keep": {"type": "int", "default": 1},
    **locks.LOCK_SPEC,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def remove(module: AnsibleModule, release: Release) -> dict[str, t.Any]:
    """Remove the release; return the result of the module."""
    changed = release.present()
    if changed and not module.check_mode:
        release.remove()
    return {"changed": changed, "actions": ["remove"] if changed else []}


def create_account(module: AnsibleModule) -> list[str]:
    """Create what the account of the service lacks; return the actions. The files of the release need their owner.

    :raises AccountError: nothing else has changed.
    """
    account = Account(module.params["user"], module.params["data_dir"], module.run_command)
    actions = account.find_actions()
    if not module.check_mode:
        account.create(actions)
    return actions


def apply(module: AnsibleModule, release: Release, account_actions: list[str]) -> dict[str, t.Any]:
    """Deploy the release; return the result of the module.

    :param account_actions: what was done, or in check mode has to be done, for the account of the service.

    :raises DownloadError, ServiceError, TreeError: nothing has changed, or everything was rolled back.
    """
    if not module.check_mode:
        release.recover()
    actions = release.find_actions()
    previous = release.versions.stamp(release.versions.current()).get("version")
    result = {
        "changed": bool(account_actions or actions),
        "actions": account_actions + actions,
        "arch": release.arch,
        "version": "" if release.packaged else module.params["version"],
        "previous_version": previous,
    }
    if module._diff:  # noqa: SLF001 - the only way to know about --diff
        result["diff"] = release.diff(actions)
    if module.check_mode:
        release.rehearse(actions)
    elif actions:
        release.apply(actions)
    return result


def services(root: str) -> list[str]:
    """Return the names of the directories in *root*."""
    try:
        return sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    except FileNotFoundError:
        return []


def main() -> None:
    """Run the module."""
    module = RedactingModule(
        argument_spec=SPEC,
        required_if=[("state", "present", ("version", "url", "unit"))],
        supports_check_mode=True,
    )
    params = module.params
    os.environ.update({name: str(value) for name, value in params["environment"].items()})
    unmet = unmet_requirement(params["requirements"], module.run_command) if params["state"] == "present" else ""
    if unmet:
        module.fail_json(msg=unmet)
    try:
        wheels = Release(params, module.run_command).wanted_wheels() if params["state"] == "present" else {}
        if wheels and not module.check_mode:
            # The action copies the wheels, and calls the module again.
            module.exit_json(changed=False, wanted_wheels=wheels)
        account_actions = create_account(module) if params["state"] == "present" else []
        # The release reads the numbers of the account when it is created.
        release = Release(params, module.run_command)
        with locks.held(release.locks(), params["lock_timeout"], shared=module.check_mode):
            result = remove(module, release) if params["state"] == "absent" else apply(module, release, account_actions)
    except locks.BusyError as error:
        module.fail_json(msg=f"{params['name']}: {error}", busy=error.busy)
    except (AccountError, DownloadError, ServiceError, TreeError, files.InterruptedRunError, files.UnsafePathError) as error:
        module.fail_json(msg=f"{params['name']}: {error}")
    except OSError as error:
        # `apply` rolls back errors after the first change, and raises another exception.
        module.fail_json(
            msg=f"{params['name']}: Cannot write a file: {files.describe_error(error, params['root'])}. The service is unchanged."
        )
    result.update(name=params["name"], services=services(params["root"]), **({"wanted_wheels": wheels} if wheels else {}))
    problem = failed_check(params["check"]) if params["check"] and _is_in_service(module) else ""
    if problem:
        module.fail_json(msg=problem, **result)
    module.exit_json(**result)


def _is_in_service(module: AnsibleModule) -> bool:
    return module.params["state"] == "present" and not module.check_mode


if __name__ == "__main__":
    main()
