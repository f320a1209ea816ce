# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that wait for another run, and an operator who is told so meanwhile. Private to the collection."""

from __future__ import annotations

import time
import typing as t

from ansible.plugins.action.normal import ActionModule
from ansible.utils.display import Display

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import locks

# Seconds: a module that waits says nothing until it ends. Where no other run is in the way, the module is called once.
_STEP = 5


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


class WaitingAction(ActionModule):
    """Calls the module again while it finds another run at work, for as long as ``lock_timeout`` allows."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the result of the last call."""
        arguments = self._task.args
        try:
            limit = float(arguments.get("lock_timeout", locks.TIMEOUT))
        except (TypeError, ValueError):
            # The module says what is wrong with the option.
            return dict(super().run(tmp, task_vars))
        deadline = time.monotonic() + limit
        told = set()
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
                if busy["holder"] not in told:
                    told.add(busy["holder"])
                    host = self._task.delegate_to or (task_vars or {}).get("inventory_hostname")
                    wait = f"Waiting for at most {_left(deadline):.0f} s until this has finished"
                    Display().warning(f"Host {host}: {busy['holder']} is changing {busy['what']}. {wait}")
        finally:
            self._task.args = arguments
