# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action render: write rendered files on the controller. The documentation is beside the module of the same name."""

from __future__ import annotations

import pathlib
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.vigie.monitoring.plugins.module_utils._common import redaction
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import local_directory


class ActionModule(ActionBase):
    """Runs only on the controller, without a module."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Write the files that differ."""
        result = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            argument_spec={"path": {"type": "path", "required": True}, "files": {"type": "dict", "required": True}}
        )
        for name, text in args["files"].items():
            if not isinstance(text, str):
                raise AnsibleActionFail(f"files: the content of {name} must be a string, got {text!r:.80}")
        # Ansible passes the arguments to callbacks, and the files of a large fleet have many megabytes.
        self._task.args = {**self._task.args, "files": sorted(args["files"])}
        directory = pathlib.Path(args["path"]).absolute()
        try:
            changes = local_directory.plan(directory, args["files"])
            if self._task.diff:
                result["diff"] = [
                    redaction.redacted_diff(
                        {
                            "before_header": change.name,
                            "after_header": change.name,
                            "before": (directory / change.name).read_text(encoding="utf-8") if change.exists else "",
                            "after": change.text or "",
                        }
                    )
                    for change in changes
                ]
            if changes and not self._task.check_mode:
                local_directory.write(directory, changes)
        except (OSError, ValueError) as error:
            raise AnsibleActionFail(f"render_dir: {error}") from error
        result.update(changed=bool(changes), changed_files=[change.name for change in changes], path=str(directory))
        return result
