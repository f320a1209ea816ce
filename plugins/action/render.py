# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action render: write rendered files on the controller. The documentation is beside the module of the same name."""

from __future__ import annotations

import pathlib
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.vigie.monitoring.plugins.plugin_utils import _render


class ActionModule(ActionBase):
    """Runs on the controller alone: no module is sent anywhere."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Write what differs."""
        result = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            argument_spec={"path": {"type": "path", "required": True}, "files": {"type": "dict", "required": True}}
        )
        directory = pathlib.Path(args["path"]).absolute()
        try:
            changes = _render.plan(directory, args["files"])
            if changes and not self._task.check_mode:
                _render.write(directory, changes)
        except (OSError, ValueError) as error:
            raise AnsibleActionFail(f"render_dir: {error}") from error
        result.update(changed=bool(changes), changed_files=[name for name, _before, _after in changes], path=str(directory))
        if self._task.diff:
            result["diff"] = [
                {"before_header": name, "after_header": name, "before": before or "", "after": after or ""}
                for name, before, after in changes
            ]
        return result
