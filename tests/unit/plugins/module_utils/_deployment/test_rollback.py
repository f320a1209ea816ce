# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that fails is rolled back, and the error says what is in service."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.files import InterruptedRunError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.rollback import rolled_back_on_failure
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import NotReloadedError, ServiceError, Unit


def journal(argv: t.Sequence[str]) -> tuple[int, str, str]:
    """Stand in for journalctl."""
    assert argv[0] == "journalctl"
    return 0, "the last words", ""


class Rollback:
    """Notes what it is called with."""

    def __init__(self) -> None:
        """Start with no call."""
        self.calls: list[bool] = []

    def __call__(self, may_have_read: bool) -> str:  # noqa: FBT001 - as it is called
        """Restore."""
        self.calls.append(may_have_read)
        return "The previous state is in force"


def test_a_change_that_succeeds_is_not_rolled_back() -> None:
    """Neither is the journal read."""
    rollback = Rollback()
    with rolled_back_on_failure(None, "/etc/x", rollback):
        pass
    assert rollback.calls == []


@pytest.mark.parametrize(
    ("error", "kind", "said", "may_have_read"),
    [
        (ServiceError("it died"), ServiceError, "it died. The previous state is in force\nThe journal of x.service:\n", True),
        (NotReloadedError("it was not reloaded"), ServiceError, "it was not reloaded. The previous state is in force\n", False),
        (OSError(28, "No space left on device"), ServiceError, "No space left on device: /etc/x", True),
        (OSError(30, "Read-only file system", "/etc/y"), ServiceError, "Read-only file system: /etc/y", True),
        (InterruptedRunError("stopped by signal 15"), InterruptedRunError, "stopped by signal 15. The previous state", True),
    ],
)
def test_the_error_says_what_is_in_force(
    error: Exception,
    kind: type[Exception],
    said: str,
    may_have_read: bool,  # noqa: FBT001 - a parameter
) -> None:
    """With the journal where the service failed, and the file where the operating system did."""
    rollback = Rollback()
    with pytest.raises(kind) as raised, rolled_back_on_failure(Unit("x", journal), "/etc/x", rollback):
        raise error
    assert said in str(raised.value)
    assert "The previous state is in force" in str(raised.value)
    assert ("the last words" in str(raised.value)) == isinstance(error, ServiceError)
    assert rollback.calls == [may_have_read]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a mistake of ours")])
def test_whatever_else_happens_is_rolled_back_too(error: BaseException) -> None:
    """And goes on as it is."""
    rollback = Rollback()
    with pytest.raises(type(error)) as raised, rolled_back_on_failure(None, "/etc/x", rollback):
        raise error
    assert raised.value is error
    assert rollback.calls == [True]


def test_a_change_without_a_service_has_no_journal() -> None:
    """The unit is not known."""
    with pytest.raises(ServiceError) as raised, rolled_back_on_failure(None, "/etc/x", Rollback()):
        raise ServiceError("refused")
    assert str(raised.value) == "refused. The previous state is in force"
