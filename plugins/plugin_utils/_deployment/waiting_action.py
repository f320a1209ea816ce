# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action for modules that wait for another run: it shows a warning while the module waits. Private to the collection."""

from __future__ import annotations

import time
import typing as t

from ansible.plugins.action.normal import ActionModule
from ansible.utils.display import Display

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import locks

# Seconds. A module cannot print messages while it waits, so that each call waits for a short time only.
_STEP = 5


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


class WaitingAction(ActionModule):
    """Calls the module again as long as another run holds the lock, up to ``lock_timeout``."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the result of the last call of the module."""
        arguments = self._task.args
        try:
            limit = float(arguments.get("lock_timeout", locks.TIMEOUT))
        except (TypeError, ValueError):
            # The module reports the problem of the option.
            return dict(super().run(tmp, task_vars))
        deadline = time.monotonic() + limit
        warned_about = set()
        try:
            while True:
                self._task.args = {**arguments, "lock_timeout": int(min(_STEP, _left(deadline)))}
                result = dict(super().run(tmp, task_vars))
                busy = result.pop("busy", None)
                if not busy:
                    return result
                if time.monotonic() >= deadline:
                    result["msg"] = locks.busy_message(busy["what"], busy["holder"], limit)
                    return result
                if busy["holder"] not in warned_about:
                    warned_about.add(busy["holder"])
                    host = self._task.delegate_to or (task_vars or {}).get("inventory_hostname")
                    wait = f"Waiting for at most {_left(deadline):.0f} s until this has finished"
                    Display().warning(f"Host {host}: {busy['holder']} is changing {busy['what']}. {wait}")
        finally:
            self._task.args = arguments
