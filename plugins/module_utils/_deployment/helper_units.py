# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small systemd units that help a service, such as timers: which of them run, and which of them are left over.

Private to the collection. The files of the units change together with the other files of the service.
"""

from __future__ import annotations

import contextlib
import glob
import os
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import Run, ServiceError, Unit

UNIT_DIR = "/etc/systemd/system"


class HelperUnits:
    """Compares the helper units that *params* (the options of the module service_files) describe with systemd's state."""

    def __init__(self, params: t.Mapping[str, t.Any], run: Run) -> None:
        """Read *params*; nothing on the host is touched. *run* executes commands."""
        self._enabled: list[str] = params["enabled_units"]
        self._started: list[str] = params["started_units"]
        self._patterns: list[dict[str, t.Any]] = params["surplus"]
        self._wanted = {os.path.basename(file["path"]) for file in params["files"] if file["state"] == "present"}
        self._run = run

    def surplus(self) -> list[str]:
        """Return the names of the units that match a pattern of the option ``surplus``, but are not wanted."""
        found = {os.path.basename(path) for item in self._patterns for path in glob.glob(os.path.join(UNIT_DIR, item["units"]))}
        return sorted(found - self._wanted)

    def surplus_files(self) -> list[str]:
        """Return the paths of the surplus units, and of the existing files that belong to them."""
        paths = []
        for name in self.surplus():
            paths.append(os.path.join(UNIT_DIR, name))
            for item in self._patterns:
                prefix, _star, suffix = item["units"].partition("*")
                if name.startswith(prefix) and name.endswith(suffix):
                    star = name[len(prefix) : len(name) - len(suffix)]
                    paths += [path.replace("*", star) for path in item["files"]]
        return [path for path in dict.fromkeys(paths) if os.path.lexists(path)]

    def actions(self, changed: t.Container[str]) -> list[tuple[str, str]]:
        """Return what systemd has to do, as verbs and units, after the files with the paths *changed* have changed."""
        actions = []
        for name in self._enabled:
            state = Unit(name, self._run).show()
            if state.get("UnitFileState") != "enabled":
                actions.append(("enable", name))
            if os.path.join(UNIT_DIR, name) in changed or state.get("ActiveState") not in ("active", "activating"):
                actions.append(("restart", name))
        return actions + [("start", name) for name in self._started if os.path.join(UNIT_DIR, name) in changed]

    def stop_surplus(self) -> list[tuple[str, str]]:
        """Stop and disable the surplus units, before their files are removed; return what undoes that, as verbs and units."""
        undo = []
        for name in self.surplus():
            state = Unit(name, self._run).show()
            undo += [("enable", name)] if state.get("UnitFileState") == "enabled" else []
            undo += [("start", name)] if state.get("ActiveState") == "active" else []
            # A unit that systemd does not know needs neither.
            self._try([("stop", name), ("disable", name)])
        return undo

    def act(self, actions: t.Sequence[tuple[str, str]], changed: t.Iterable[str]) -> None:
        """Make systemd read changed unit files, and do the *actions*.

        :raises ServiceError: if systemd rejects a unit, or a unit does not start.
        """
        if any(os.path.dirname(path) == UNIT_DIR for path in changed):
            Unit("vigie", self._run).daemon_reload()
        for verb, name in actions:
            Unit(name, self._run).act(verb)

    def restore(self, actions: t.Sequence[tuple[str, str]], undo: t.Sequence[tuple[str, str]], changed: t.Iterable[str]) -> None:
        """Undo `act` and, by *undo*, `stop_surplus` as far as possible, after the files were restored."""
        gone = {name for _verb, name in actions if not os.path.lexists(os.path.join(UNIT_DIR, name))}
        restarts = [(verb, name) for verb, name in actions if verb == "restart" and name not in gone]
        self._try((verb, name) for name in sorted(gone) for verb in ("stop", "disable"))
        with contextlib.suppress(ServiceError):
            self.act([], changed)
        self._try([*restarts, *undo])

    def _try(self, actions: t.Iterable[tuple[str, str]]) -> None:
        """Do as many of *actions* as possible."""
        for verb, name in actions:
            with contextlib.suppress(ServiceError):
                Unit(name, self._run).act(verb)
