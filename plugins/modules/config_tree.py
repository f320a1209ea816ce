#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module config_tree: a directory of configuration, all of it or nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_tree
short_description: Put a whole directory of configuration in place, all of it or nothing
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Writes the whole configuration of a service beside the one in force, lets the service's own tool validate it there, and
    brings it into force by changing one link.
  - Then it reloads the service and waits until the service says that it took the configuration. Where it does not, the
    previous configuration is put back, and the module fails.
  - What is no longer asked for is removed. Files that the module did not write are left alone; one that is in the way is
    kept as C(NAME.before-vigie).
options:
  path:
    description: The directory.
    type: path
    required: true
  files:
    description:
      - Every file of the configuration, by its path relative to O(path).
      - The value is its text, or a dictionary of V(content), V(mode), and V(secret), which keeps the text out of the diff.
      - What the filter P(vigie.monitoring._packed#filter) makes of large texts is taken, too.
      - The configuration should name its own files by relative paths, so that it means the same while it is validated.
    type: dict
    default: {}
  watched:
    description:
      - Directories directly below O(path) whose files the service picks up by itself.
      - They are written file by file, each in one step, and the service is not reloaded for them.
      - A directory of that name which is there before the module writes to O(path) for the first time is kept as
        C(NAME.before-vigie). From then on the module removes every file in the directory that is not in O(files).
    type: list
    elements: str
    default: []
  validate:
    description:
      - Commands, each a list of arguments, that must accept the configuration before it is put in place, also in check mode.
      - C({tree}) is the directory that holds it until then.
    type: list
    elements: list
    default: []
  owner:
    description: Owner of the files. Directories belong to root.
    type: str
    default: root
  group:
    description: Group of the files and directories. Give the group of the service, so that the service can read them.
    type: str
    default: root
  mode:
    description: Octal mode of the files.
    type: str
    default: "0640"
  directory_mode:
    description: Octal mode of the directories. Nobody but root may write to them, so that a mode such as V(0770) is refused.
    type: str
    default: "0750"
  service:
    description: Systemd unit that is reloaded after a change; one that does not run is left alone.
    type: str
    default: ""
  verify:
    description: How the service says that it took the configuration.
    type: dict
    suboptions:
      url:
        description: URL of the service's own metrics.
        type: str
        required: true
      metric:
        description: Metric that must have O(verify.value) after the reload.
        type: str
        required: true
      value:
        description: The value it must have.
        type: float
        default: 1.0
      changed:
        description: Metric whose value differs after each successful reload, such as a time.
        type: str
      timeout:
        description: Seconds that the service has.
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
    description: Shows each file that changes, unless it is secret.
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
  description: Paths below O(path) that changed, or would change.
  returned: success
  type: list
  elements: str
  sample: [prometheus.yml, targets/node.json]
reloaded:
  description: Whether the service was reloaded, or would be.
  returned: success
  type: bool
validated:
  description: Whether the configuration was validated; in check mode on a fresh host the tool for it may be missing.
  returned: where something changes
  type: bool
"""

import time
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._common.module import DiscreetModule
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files, locks
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree import Tree
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import TREE_SPEC, TreeError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import NotReloadedError, ServiceError, Unit


def remove(module: DiscreetModule, tree: Tree) -> dict[str, t.Any]:
    """Bring ``state: absent`` about."""
    changed = tree.present()
    if changed and not module.check_mode:
        tree.remove()
    return {"changed": changed, "changed_files": [], "reloaded": False}


def apply(module: DiscreetModule, tree: Tree, unit: Unit | None) -> dict[str, t.Any]:
    """Bring ``state: present`` about.

    :raises TreeError, ServiceError: nothing has changed, or all of it was put back.
    """
    if not module.check_mode and tree.look().unfinished:
        tree.recover()
    plan = tree.plan if tree.plan.unfinished else tree.look()
    result: dict[str, t.Any] = {
        "changed": plan.changed,
        "changed_files": sorted({*plan.config, *plan.watched, *plan.stale}),
        "reloaded": False,
    }
    if not plan.changed:
        return result
    if module._diff:  # noqa: SLF001 - the way that a module learns of --diff
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
        _bring(tree, unit if reload else None, module.params["verify"])
    return result


def _bring(tree: Tree, unit: Unit | None, verify: t.Mapping[str, t.Any] | None) -> None:
    """Bring the staged tree into force, and let *unit*, where there is one, take it.

    :raises TreeError, ServiceError: the message says what is in force.
    """
    began = time.time()
    try:
        tree.switch()
        if unit is not None:
            unit.reload(verify)
        tree.commit()
    except BaseException as error:
        outcome = _back(tree, None if isinstance(error, NotReloadedError) else unit, verify)
        if isinstance(error, ServiceError) and unit is not None:
            raise ServiceError(f"{error}\n{outcome} The journal of {unit.name}:\n{unit.journal(since=began)}") from error
        if isinstance(error, OSError):
            raise TreeError(f"Cannot write a file: {files.reason(error, tree.path)}. {outcome}") from error
        if isinstance(error, files.InterruptedRunError):
            raise files.InterruptedRunError(f"{error}. {outcome}") from error
        raise


def _back(tree: Tree, unit: Unit | None, verify: t.Mapping[str, t.Any] | None) -> str:
    """Put the previous configuration back, let *unit* take it, and return a sentence about what was seen of that.

    :param unit: None where the service has seen nothing of the change.
    """
    try:
        tree.restore()
    except OSError as error:
        return f"{files.unfinished(error, tree.path)}."
    if unit is None:
        return "The previous configuration is in force again."
    try:
        unit.reload(verify)
    except ServiceError as error:
        return (
            f"The previous configuration is restored, but the service did not confirm that it uses this configuration: {error}."
        )
    return "The previous configuration is in force again."


def main() -> None:
    """Run the module."""
    module = DiscreetModule(
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
        # What happens once the change has begun is put back, and told, by `apply`.
        module.fail_json(
            msg=f"Cannot write a file: {files.reason(error, params['path'])}. The configuration in force is unchanged."
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
