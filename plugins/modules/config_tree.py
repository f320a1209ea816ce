#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module config_tree: replace the whole configuration of a service atomically."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_tree
short_description: Replace a directory of configuration files atomically
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Writes all configuration files of a service beside the configuration in force, validates the new files there with the
    service's own tool, and switches to the new files by changing one symbolic link.
  - Then reloads the service, and waits until the service reports that it accepted the configuration. If the service does not
    accept the configuration, the module restores the previous configuration and fails.
  - Removes files that earlier runs wrote and that O(files) no longer contains. Other files stay. A file of somebody else that
    has the name of a file in O(files) is kept as C(NAME.before-vigie).
options:
  path:
    description: Directory of the configuration.
    type: path
    required: true
  files:
    description:
      - All files of the configuration. The key is the path of the file relative to O(path).
      - The value is the text of the file, or a dictionary with V(content) (the text), V(mode) and V(secret). If V(secret) is
        V(true), the diff does not show the text.
      - The value can also be the output of the filter P(vigie.monitoring._packed#filter), which compresses large texts.
      - Use relative paths where a configuration file names another one. Then the paths are also right during the validation.
    type: dict
    default: {}
  watched:
    description:
      - Directories directly below O(path) whose files the service reads again without a reload.
      - The module replaces each of these files atomically, and does not reload the service for them.
      - If such a directory exists before the module writes to O(path) for the first time, the directory is kept as
        C(NAME.before-vigie). Later runs remove every file in the directory that is not in O(files).
    type: list
    elements: str
    default: []
  validate:
    description:
      - Commands that must accept the configuration before the module switches to it. Each command is a list of arguments.
      - C({tree}) is replaced by the directory that contains the new configuration during the validation.
      - The commands also run in check mode.
    type: list
    elements: list
    default: []
  owner:
    description: Owner of the files. The directories always belong to root.
    type: str
    default: root
  group:
    description: Group of the files and the directories. Set the group of the service, so that the service can read the files.
    type: str
    default: root
  mode:
    description: Octal mode of the files.
    type: str
    default: "0640"
  directory_mode:
    description: >-
      Octal mode of the directories. Only root may write to the directories. The module rejects a mode such as V(0770).
    type: str
    default: "0750"
  service:
    description: Systemd unit to reload after a change. A unit that does not run is neither reloaded nor started.
    type: str
    default: ""
  verify:
    description: The metrics that show whether the service accepted the configuration.
    type: dict
    suboptions:
      url:
        description: URL of the service's own metrics.
        type: str
        required: true
      username:
        description: User name, if O(verify.url) requires a password.
        type: str
        default: ""
      password:
        description: Password of O(verify.username).
        type: str
        default: ""
      metric:
        description: Metric that must have O(verify.value) after the reload.
        type: str
        required: true
      value:
        description: Expected value of O(verify.metric).
        type: float
        default: 1.0
      changed:
        description: Metric whose value changes with each successful reload, such as the time of the last reload.
        type: str
      timeout:
        description: Seconds to wait for the expected values.
        type: int
        default: 60
  lock_timeout:
    description: See O(vigie.monitoring.release#module:lock_timeout).
    type: int
    default: 600
  state:
    description: V(absent) removes the configuration.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Predicts the change, and validates the configuration in a temporary directory.
    support: full
  diff_mode:
    description: Shows each file that changes, except secret files.
    support: full
"""

EXAMPLES = r"""
- name: Configure Prometheus
  vigie.monitoring.config_tree:
    path: /etc/prometheus
    files:
      prometheus.yml: "{{ lookup('ansible.builtin.template', 'prometheus.yml.j2') }}"
      rules/node.yml: "{{ lookup('ansible.builtin.file', 'node.yml') }}"
      targets/node.json: '[{"targets": ["web1:9100"], "labels": {"function": "web"}}]'
    watched: [targets]
    validate:
      - [/usr/local/bin/promtool, check, config, "{tree}/prometheus.yml"]
    group: prometheus
    service: prometheus
    verify:
      url: http://localhost:9090/metrics
      metric: prometheus_config_last_reload_successful
"""

RETURN = r"""
changed_files:
  description: Paths of the files that changed, or would change in check mode, relative to O(path).
  returned: success
  type: list
  elements: str
  sample: [prometheus.yml, targets/node.json]
reloaded:
  description: Whether the service was reloaded, or would be reloaded in check mode.
  returned: success
  type: bool
validated:
  description: >-
    Whether the configuration was validated. V(false) in check mode on a host where the validation tool is not installed yet.
  returned: if the configuration changes
  type: bool
"""

import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._common.module import RedactingModule
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files, locks
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree import Tree
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import TREE_SPEC, TreeError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.rollback import rolled_back_on_failure
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import ServiceError, Unit


def remove(module: RedactingModule, tree: Tree) -> dict[str, t.Any]:
    """Remove the configuration; return the result of the module."""
    changed = tree.present()
    if changed and not module.check_mode:
        tree.remove()
    return {"changed": changed, "changed_files": [], "reloaded": False}


def apply(module: RedactingModule, tree: Tree, unit: Unit | None) -> dict[str, t.Any]:
    """Deploy the configuration; return the result of the module.

    :raises TreeError, ServiceError: nothing has changed, or everything was rolled back.
    """
    if not module.check_mode and tree.compare().unfinished:
        tree.recover()
    plan = tree.plan if tree.plan.unfinished else tree.compare()
    result: dict[str, t.Any] = {
        "changed": plan.changed,
        "changed_files": sorted({*plan.config, *plan.watched, *plan.stale}),
        "reloaded": False,
    }
    if not plan.changed:
        return result
    if module._diff:  # noqa: SLF001 - the only way to know about --diff
        result["diff"] = tree.diff()
    reload = plan.switch and unit is not None and unit.running()
    tree.stage(dry=module.check_mode)
    try:
        result["validated"] = tree.validate({}, missing_ok=module.check_mode)
    except BaseException:
        tree.discard()
        raise
    result["reloaded"] = reload
    if module.check_mode:
        tree.discard()
        return result
    with files.uninterrupted():
        _switch_and_reload(tree, unit if reload else None, module.params["verify"])
    return result


def _switch_and_reload(tree: Tree, unit: Unit | None, verify: t.Mapping[str, t.Any] | None) -> None:
    """Put the staged tree in force and reload *unit*, unless *unit* is None.

    :raises ServiceError: with a description of the configuration that is in force now.
    """
    with rolled_back_on_failure(unit, tree.path, lambda reloaded: _roll_back(tree, unit if reloaded else None, verify)):
        tree.switch()
        if unit is not None:
            unit.reload(verify)
        tree.commit()


def _roll_back(tree: Tree, unit: Unit | None, verify: t.Mapping[str, t.Any] | None) -> str:
    """Restore the previous configuration and reload *unit*; return a sentence about the outcome.

    :param unit: None if the service does not run, or has not read the new configuration.
    """
    try:
        tree.roll_back()
    except OSError as error:
        return f"{files.incomplete_rollback(error, tree.path)}."
    if unit is not None:
        try:
            unit.reload(verify)
        except ServiceError as error:
            return (
                "The previous configuration is restored, but the service did not confirm that it uses this configuration: "
                f"{error}."
            )
    return "The previous configuration is in force again."


def main() -> None:
    """Run the module."""
    module = RedactingModule(
        argument_spec={
            **TREE_SPEC,
            **locks.LOCK_SPEC,
            "service": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    params = module.params
    unit = Unit(params["service"], module.run_command) if params["service"] else None
    try:
        tree = Tree(params, module.run_command)
        with locks.held([locks.tree(tree.path)], params["lock_timeout"], shared=module.check_mode):
            result = remove(module, tree) if params["state"] == "absent" else apply(module, tree, unit)
    except locks.BusyError as error:
        module.fail_json(msg=str(error), busy=error.busy)
    except (TreeError, ServiceError, files.InterruptedRunError, files.UnsafePathError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        # `apply` rolls back errors after the first change, and raises another exception.
        module.fail_json(
            msg=f"Cannot write a file: {files.describe_error(error, params['path'])}. The configuration in force is unchanged."
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
