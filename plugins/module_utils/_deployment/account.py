# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system user, the group and the data directory of a service. Private to the collection."""

from __future__ import annotations

import grp
import os
import pwd
import time
import typing as t

from ansible.module_utils.common.process import get_bin_path

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import Run

DATA_MODE = 0o750
# Another run can hold the lock of /etc/passwd, or create the same account at the same time.
_ATTEMPTS = 3
_PAUSE_SECONDS = 1.0


class AccountError(Exception):
    """The user or the group of a service cannot be created. The text is for the operator."""


class Account:
    """Creates what is missing of an account.

    An existing user keeps its properties: usermod refuses to change the user of a running service, and the operator may have
    chosen the home and the shell.
    """

    def __init__(self, user: str, data_dir: str, run: Run) -> None:
        """Use the names; without *user*, nothing is needed. *run* executes commands."""
        self.user = user
        self.data_dir = data_dir
        self._run = run

    def find_actions(self) -> list[str]:
        """Return what is missing, in the order of creation: ``group``, ``user``, ``data directory``."""
        if not self.user:
            return []
        missing = []
        # The primary group of an existing user can have another name, but the unit needs a group with the name of the user.
        if not _is_known(grp.getgrnam, self.user):
            missing.append("group")
        if not _is_known(pwd.getpwnam, self.user):
            missing.append("user")
        if self.data_dir and not self._has_data_dir():
            missing.append("data directory")
        return missing

    def create(self, actions: t.Container[str]) -> None:
        """Create what *actions* contain.

        :raises AccountError: with the output of the command.
        """
        if "group" in actions:
            self._create(["groupadd", "--system", self.user], grp.getgrnam)
        if "user" in actions:
            home = ["--home-dir", self.data_dir or "/nonexistent", "--no-create-home"]
            self._create(
                ["useradd", "--system", "--gid", self.user, *home, "--shell", "/usr/sbin/nologin", self.user], pwd.getpwnam
            )
        if "data directory" in actions:
            files.make_directory(self.data_dir, DATA_MODE, *files.owner_ids(self.user, self.user))

    def _create(self, command: t.Sequence[str], lookup: t.Callable[[str], t.Any]) -> None:
        try:
            # With su, PATH is that of the login user and can lack /usr/sbin.
            program = get_bin_path(command[0])
        except ValueError as error:
            raise AccountError(f"Cannot create {self.user}: {error}") from error
        for attempt in range(_ATTEMPTS):
            code, out, err = self._run([program, *command[1:]])
            if code == 0 or _is_known(lookup, self.user):
                return
            if attempt + 1 < _ATTEMPTS:
                time.sleep(_PAUSE_SECONDS)
        raise AccountError(f"{command[0]} cannot create {self.user}: {(err or out).strip()}")

    def _has_data_dir(self) -> bool:
        try:
            status = os.stat(self.data_dir)
        except OSError:
            return False
        uid, gid = files.owner_ids(self.user, self.user)
        return os.path.isdir(self.data_dir) and (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (DATA_MODE, uid, gid)


def _is_known(lookup: t.Callable[[str], t.Any], name: str) -> bool:
    try:
        lookup(name)
    except KeyError:
        return False
    return True
