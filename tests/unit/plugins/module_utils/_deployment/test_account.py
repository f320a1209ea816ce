# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account of a service: what is missing is created, what exists is not changed."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import account
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.account import Account, AccountError


class Machine:
    """The users and the groups of a machine, and the commands that create them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Start with neither users nor groups."""
        self.users: set[str] = set()
        self.groups: set[str] = set()
        self.commands: list[str] = []
        self.refuses = 0
        monkeypatch.setattr(account.pwd, "getpwnam", lambda name: self._find(self.users, name))
        monkeypatch.setattr(account.grp, "getgrnam", lambda name: self._find(self.groups, name))
        monkeypatch.setattr(account, "get_bin_path", lambda name: f"/usr/sbin/{name}")
        monkeypatch.setattr(account, "_PAUSE_SECONDS", 0)

    @staticmethod
    def _find(known: set[str], name: str) -> t.Any:
        if name not in known:
            raise KeyError(name)

        class Entry:
            pw_uid = os.geteuid()
            gr_gid = os.getegid()

        return Entry()

    def __call__(self, argv: t.Sequence[str]) -> tuple[int, str, str]:
        """Run a command."""
        self.commands.append(" ".join(argv))
        if self.refuses:
            self.refuses -= 1
            return 10, "", "cannot lock /etc/passwd; try again later."
        (self.users if argv[0].endswith("useradd") else self.groups).add(argv[-1])
        return 0, "", ""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine without accounts."""
    return Machine(monkeypatch)


def test_what_is_missing_is_created_once(machine: Machine, tmp_path: Path) -> None:
    """The group, the user, the directory; then nothing."""
    data = tmp_path / "lib" / "prog"
    wanted = Account("prog", str(data), machine)
    actions = wanted.find_actions()
    assert actions == ["group", "user", "data directory"]
    assert machine.commands == []
    wanted.create(actions)
    assert machine.commands == [
        "/usr/sbin/groupadd --system prog",
        f"/usr/sbin/useradd --system --gid prog --home-dir {data} --no-create-home --shell /usr/sbin/nologin prog",
    ]
    assert data.stat().st_mode & 0o7777 == 0o750
    assert wanted.find_actions() == []


def test_a_service_without_an_account_needs_nothing(machine: Machine) -> None:
    """Systemd creates a user for the time that the service runs."""
    assert Account("", "", machine).find_actions() == []


def test_a_user_without_a_group_of_its_name_gets_the_group_only(machine: Machine) -> None:
    """The unit names the group."""
    machine.users.add("prog")
    wanted = Account("prog", "", machine)
    assert wanted.find_actions() == ["group"]
    wanted.create(["group"])
    assert machine.commands == ["/usr/sbin/groupadd --system prog"]


@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_a_data_directory_of_another_mode_is_corrected(machine: Machine, tmp_path: Path, mode: int) -> None:
    """Other users must not read the data, and the group must."""
    machine.users.add("prog")
    machine.groups.add("prog")
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(mode)
    wanted = Account("prog", str(tmp_path / "data"), machine)
    assert wanted.find_actions() == ["data directory"]
    wanted.create(["data directory"])
    assert wanted.find_actions() == []


def test_a_lock_of_another_run_is_waited_for(machine: Machine) -> None:
    """Two attempts that fail, and a third one; a fourth is not made."""
    machine.refuses = 2
    Account("prog", "", machine).create(["group"])
    assert machine.groups == {"prog"}
    machine.refuses = 3
    with pytest.raises(AccountError, match=r"useradd cannot create prog: cannot lock /etc/passwd"):
        Account("prog", "", machine).create(["user"])


def test_an_account_that_another_run_has_just_created_is_no_error(machine: Machine) -> None:
    """Groupadd fails then, but the group is there."""
    machine.refuses = 1
    machine.groups.add("prog")
    Account("prog", "", machine).create(["group"])
    assert len(machine.commands) == 1


def test_a_machine_without_the_command_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the program and the user."""

    def missing(name: str) -> str:
        raise ValueError(f"Failed to find required executable {name!r}")

    monkeypatch.setattr(account, "get_bin_path", missing)
    with pytest.raises(AccountError, match=r"Cannot create prog: .*groupadd"):
        Account("prog", "", machine).create(["group"])
