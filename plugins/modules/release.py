#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module release: a released program with its unit, files and configuration, in one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Bring a released program into service as a whole, or not at all
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Downloads a release, verifies it against the checksum of this host's architecture, unpacks it beside the version in
    service, writes the unit, files and configuration, and changes one link.
  - Then the service is restarted, or reloaded where that is enough, and must stay up and answer over HTTP. Where it does
    not, everything is put back, the previous version is started again, and the module fails with the last lines of the
    service's journal.
  - The program may also come with a package of the host's own, see O(url). Then the module cares for the rest.
  - Where nothing has to change, the module looks at the host and does nothing. It needs no network then, nor for going back
    to a version that is kept.
  - The whole transaction runs on the host, so that a lost connection leaves the old or the new. A run that was killed is
    put back by the next one.
options:
  name:
    description: Name of the service and of its systemd unit.
    type: str
    required: true
  version:
    description: Version to run. Needed unless O(state=absent), or O(url) is empty.
    type: str
  url:
    description:
      - Where the archive is; C({arch}) stands for O(arch). Needed unless O(state=absent).
      - Where it is empty, the program and its unit come with a package that is installed already, and O(unit) is empty, too. A
        unit that the module wrote for a release is removed then.
    type: str
  arch:
    description:
      - Architecture of the archive, as releases call it. By default that of the host, where a 32-bit system on a 64-bit
        kernel counts as 32-bit.
    type: str
    default: ""
  arch_names:
    description: >-
      How the releases call an architecture, where that is another name; V({armv7: arm-7}) for instance.
    type: dict
    default: {}
  checksums:
    description: SHA-256 of the archive by architecture. Where given, O(checksum_url) is not asked.
    type: dict
    default: {}
  checksum_url:
    description: Where the sums of all archives of the release are, one C(SHA256  FILE) a line.
    type: str
  archive:
    description: Path of the archive on the host, where it has been brought there already. It is verified all the same.
    type: path
    default: ""
  token:
    description: Token for O(token_host), sent as C(Authorization).
    type: str
    default: ""
  token_host:
    description: The one host that gets O(token), with its port where it has one. A redirect never takes the token along.
    type: str
    default: ""
  timeout:
    description: Seconds that the download host has for each answer.
    type: int
    default: 30
  root:
    description: Versions live in V(ROOT/NAME/VERSION), and V(ROOT/NAME/current) names the one in service.
    type: path
    default: /opt/vigie
  binaries:
    description: Programs of the archive that are linked into C(/usr/local/bin).
    type: list
    elements: str
    default: []
  unit:
    description: Text of the systemd unit.
    type: str
    default: ""
  files:
    description: Further files of the service.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path of the file. Its directory is made where it is missing.
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
        description: What the service needs to see a change.
        type: str
        choices: [restart, reload, none]
        default: restart
      secret:
        description: Keep the text out of the diff.
        type: bool
        default: false
  config:
    description:
      - A directory of configuration that changes in the same transaction, with the options of
        M(vigie.monitoring.config_tree) of the same names. C({release}) in O(config.validate) is the directory of the version
        that is brought into service.
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
    description: How the service shows that it is healthy.
    type: dict
    default: {}
    suboptions:
      url:
        description: URL that must answer, seen from the host. Where it is empty, the service must only stay up.
        type: str
        default: ""
      status:
        description: HTTP statuses that count as an answer.
        type: list
        elements: int
        default: [200]
      timeout:
        description: Seconds that the service has to answer.
        type: int
        default: 60
      settle:
        description: Seconds that the service must have stayed up.
        type: float
        default: 2.0
  keep:
    description: How many previous versions are kept.
    type: int
    default: 1
  lock_timeout:
    description:
      - Seconds to wait for another run that is changing the same service, or the same directory of O(config), on the host.
      - While the module waits, Ansible shows a warning that names the other run. After that time the module fails and has changed
        nothing.
    type: int
    default: 600
  state:
    description: V(absent) removes the service with its unit, links, versions, files and configuration, never its data.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Predicts the change without network.
    support: full
  diff_mode:
    description: Shows the version, the unit, and each file that changes, unless it is secret.
    support: full
"""

EXAMPLES = r"""
- name: Run node_exporter
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

- name: Remove it
  vigie.monitoring.release:
    name: node_exporter
    binaries: [node_exporter]
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be, in order.
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
  description: Version in service afterwards; empty where a package brings the program.
  returned: when O(state=present)
  type: str
previous_version:
  description: Version that was in service before.
  returned: when O(state=present)
  type: str
services:
  description: Names of all that lies below O(root) afterwards.
  returned: success
  type: list
  elements: str
  sample: [blackbox_exporter, node_exporter]
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vigie.monitoring.plugins.module_utils._common.module import DiscreetModule
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files, locks
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import TREE_SPEC, TreeError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.release import Release
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
    "arch": {"type": "str", "default": ""},
    "arch_names": {"type": "dict", "default": {}},
    "checksums": {"type": "dict", "default": {}},
    "checksum_url": {"type": "str"},
    "archive": {"type": "path", "default": ""},
    "token": {"type": "str", "default": "", "no_log": True},
    "token_host": {"type": "str", "default": "", "no_log": False},
    "timeout": {"type": "int", "default": 30},
    "root": {"type": "path", "default": "/opt/vigie"},
    "binaries": {"type": "list", "elements": "str", "default": []},
    "unit": {"type": "str", "default": ""},
    "files": {"type": "list", "elements": "dict", "default": [], "options": FILE_SPEC},
    "config": {"type": "dict", "options": TREE_SPEC},
    "probe": {"type": "dict", "default": {}, "options": PROBE_SPEC, "apply_defaults": True},
    "keep": {"type": "int", "default": 1},
    **locks.LOCK_SPEC,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def remove(module: AnsibleModule, release: Release) -> dict[str, t.Any]:
    """Bring ``state: absent`` about."""
    changed = release.present()
    if changed and not module.check_mode:
        release.remove()
    return {"changed": changed, "actions": ["remove"] if changed else []}


def apply(module: AnsibleModule, release: Release) -> dict[str, t.Any]:
    """Bring ``state: present`` about.

    :raises DownloadError, ServiceError, TreeError: nothing has changed, or all of it was put back.
    """
    if not module.check_mode:
        release.recover()
    actions = release.look()
    previous = release.versions.stamp(release.versions.current()).get("version")
    result = {
        "changed": bool(actions),
        "actions": actions,
        "arch": release.arch,
        "version": "" if release.packaged else module.params["version"],
        "previous_version": previous,
    }
    if module._diff:  # noqa: SLF001 - the way that a module learns of --diff
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
    module = DiscreetModule(
        argument_spec=SPEC,
        required_if=[("state", "present", ("version", "url", "unit"))],
        supports_check_mode=True,
    )
    params = module.params
    try:
        release = Release(params, module.run_command)
        with locks.held(release.locks(), params["lock_timeout"], shared=module.check_mode):
            result = remove(module, release) if params["state"] == "absent" else apply(module, release)
    except locks.BusyError as error:
        module.fail_json(msg=f"{params['name']}: {error}", busy=error.busy)
    except (DownloadError, ServiceError, TreeError, files.InterruptedRunError, files.UnsafePathError) as error:
        module.fail_json(msg=f"{params['name']}: {error}")
    except OSError as error:
        # What happens once the change has begun is put back, and told, by the release itself.
        module.fail_json(
            msg=f"{params['name']}: Cannot write a file: {files.reason(error, params['root'])}. The service is unchanged."
        )
    module.exit_json(**result, services=services(params["root"]))


if __name__ == "__main__":
    main()
