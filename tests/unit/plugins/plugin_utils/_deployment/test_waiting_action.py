# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator sees while a module waits for another run."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._deployment import waiting_action

BUSY = {"failed": True, "msg": "short", "busy": {"what": "the firewall", "holder": "Another run (of the user alice)"}}


class Clock:
    """A time that passes while a module runs."""

    def __init__(self) -> None:
        """Start at zero."""
        self.now = 0.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., t.Any]:
    """Return a function that runs the action on a module that gives *results*, one a call, the last one for ever."""

    def run(results: list[dict[str, t.Any]], **arguments: t.Any) -> tuple[dict[str, t.Any], list[t.Any], list[str]]:
        clock, calls, warnings = Clock(), list[t.Any](), list[str]()
        task = types.SimpleNamespace(args=arguments, delegate_to=None)

        def module(action: t.Any, _tmp: t.Any = None, _task_vars: t.Any = None) -> dict[str, t.Any]:
            limit = action._task.args["lock_timeout"]
            calls.append(limit)
            clock.now += limit if isinstance(limit, int) else 0
            return dict(results[min(len(calls), len(results)) - 1])

        monkeypatch.setattr(waiting_action.ActionModule, "run", module)
        monkeypatch.setattr(waiting_action, "time", clock)
        monkeypatch.setattr(waiting_action, "Display", lambda: types.SimpleNamespace(warning=warnings.append))
        action = waiting_action.WaitingAction.__new__(waiting_action.WaitingAction)
        action._task = t.cast("t.Any", task)
        result = action.run(None, {"inventory_hostname": "web1"})
        assert task.args is arguments
        return result, calls, warnings

    return run


def test_a_free_host_is_asked_once(waiting: t.Callable[..., t.Any]) -> None:
    """And nothing is said."""
    assert waiting([{"changed": True}]) == ({"changed": True}, [5], [])


def test_a_run_that_waits_says_so_once_and_goes_on(waiting: t.Callable[..., t.Any]) -> None:
    """The result is the last one's."""
    result, calls, (warning,) = waiting([BUSY, BUSY, {"changed": True}])
    assert (result, len(calls)) == ({"changed": True}, 3)
    assert warning == (
        "Host web1: Another run (of the user alice) is changing the firewall. Waiting for at most 595 s until this has finished"
    )


def test_the_time_limit_is_the_option_of_the_task(waiting: t.Callable[..., t.Any]) -> None:
    """The message speaks of the whole time."""
    result, calls, _warnings = waiting([BUSY], lock_timeout="12")
    assert calls == [5, 5, 2]
    assert result["failed"]
    assert (
        "is changing the firewall on this host and did not finish within 12 s. This run has not changed the firewall"
        in result["msg"]
    )
    assert "busy" not in result


def test_another_failure_is_no_reason_to_wait(waiting: t.Callable[..., t.Any]) -> None:
    """It comes back as it is; so does an option that is no number, which the module refuses."""
    failed = {"failed": True, "msg": "no"}
    assert waiting([failed]) == (failed, [5], [])
    assert waiting([failed], lock_timeout="soon") == (failed, ["soon"], [])
