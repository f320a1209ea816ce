# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases on a host with a mirror, for tests."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import typing as t
from pathlib import Path

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.release import Release

UNIT = "[Service]\nExecStart={root}/prog/current/prog\nExecReload=/bin/kill -HUP $MAINPID\n# {text}\n"


class FakeSystemd:
    """Plays systemctl, with its memory on disk: what runs dies if its program says BROKEN."""

    def __init__(self, base: Path) -> None:
        """Start with a unit that nobody knows."""
        self._base = base
        self._memory = base / "systemd.json"

    def reset(self) -> None:
        """Forget everything."""
        self._save({"active": False, "enabled": False, "log": []})

    @property
    def state(self) -> dict[str, t.Any]:
        """Return whether the unit is active and enabled, and every verb so far."""
        return json.loads(self._memory.read_text())

    def _save(self, state: dict[str, t.Any]) -> None:
        self._memory.write_text(json.dumps(state))

    def __call__(self, argv: t.Sequence[str]) -> tuple[int, str, str]:
        """Run a command; what is not systemd's is run for real."""
        if argv[0] == "journalctl":
            return 0, "the journal's last words", ""
        if argv[0] != "systemctl":
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout, done.stderr
        state, verb = self.state, argv[2]
        program = self._base / "opt/prog/current/prog"
        broken = program.exists() and "BROKEN" in program.read_text()
        if verb == "show":
            active = "active" if state["active"] and not broken else "failed" if state["active"] else "inactive"
            enabled = "enabled" if state["enabled"] else "disabled"
            return (
                0,
                f"ActiveState={active}\nUnitFileState={enabled}\nMainPID=0\nInvocationID=1\nNeedDaemonReload=no\n",
                "",
            )
        state["log"].append(verb)
        if verb in ("enable", "disable"):
            state["enabled"] = verb == "enable"
        elif verb in ("restart", "start", "stop"):
            state["active"] = verb != "stop"
        self._save(state)
        return 0, "", ""


class Place:
    """A host's directories and a mirror."""

    def __init__(self, base: Path, url: str) -> None:
        """Use the directory *base*."""
        self.base = base
        self.url = url
        self.systemd = FakeSystemd(base)
        self.clear()

    def clear(self) -> None:
        """Empty the host."""
        for name in ("opt", "units", "bin", "etc"):
            shutil.rmtree(self.base / name, ignore_errors=True)
        for name in ("units", "bin"):
            (self.base / name).mkdir()
        self.systemd.reset()

    def publish(self, version: str, program: str = "fine", *, sums: str | None = None, name: str = "prog") -> bytes:
        """Put a release into the mirror; return the archive."""
        directory = self.base / "mirror" / version
        directory.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            content = f"{version} {program}".encode()
            member = tarfile.TarInfo(f"prog-{version}.linux-test/{name}")
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
        archive = buffer.getvalue()
        file = f"prog-{version}.linux-test.tar.gz"
        (directory / file).write_bytes(archive)
        (directory / "sums").write_text(f"{sums or hashlib.sha256(archive).hexdigest()}  {file}\n")
        return archive

    def release(self, version: str, text: str = "", **params: t.Any) -> Release:
        """Return a release of the service, with the options of the module."""
        root = str(self.base / "opt")
        defaults: dict[str, t.Any] = {
            "name": "prog",
            "version": version,
            "url": f"{self.url}/{version}/prog-{version}.linux-{{arch}}.tar.gz",
            "arch": "test",
            "checksums": {},
            "checksum_url": f"{self.url}/{version}/sums",
            "archive": "",
            "token": "",
            "token_host": "",
            "timeout": 5,
            "root": root,
            "binaries": ["prog"],
            "program": "",
            "python": None,
            "unit": UNIT.format(root=root, text=text),
            "files": [],
            "config": None,
            "probe": {"url": "", "status": [200], "timeout": 5, "settle": 0},
            "keep": 1,
        }
        return Release({**defaults, **params}, self.systemd, str(self.base / "units"), str(self.base / "bin"))

    def bring(self, version: str, text: str = "", **params: t.Any) -> list[str]:
        """Do what the module does; return the actions."""
        release = self.release(version, text, **params)
        release.recover()
        actions = release.find_actions()
        if actions:
            release.apply(actions)
        return actions

    def picture(self) -> dict[str, str]:
        """Return every file and link of the host."""
        found = {}
        for name in ("opt", "units", "bin", "etc"):
            for path in sorted((self.base / name).rglob("*")):
                if path.is_symlink():
                    found[str(path)] = f"-> {path.readlink()}"
                elif path.is_file():
                    found[str(path)] = path.read_text()
        return found


def config(place: Place, text: str) -> dict[str, t.Any]:
    """Return a configuration that changes with the release."""
    return {
        "path": str(place.base / "etc"),
        "files": {"prog.yml": text},
        "watched": [],
        "validate": [["/usr/bin/grep", "-q", "good", "{tree}/prog.yml"], ["/usr/bin/test", "-e", "{release}/prog"]],
        "owner": None,
        "group": None,
        "mode": "0640",
        "directory_mode": "0750",
        "verify": None,
    }


def packaged(place: Place, **params: t.Any) -> dict[str, t.Any]:
    """Return the parameters of a service whose program comes with a package."""
    files = [{"path": str(place.base / "etc/prog.ini"), "content": "x", "owner": None, "group": None, "mode": "0640"}]
    file = {**files[0], "on_change": "restart", "secret": False}
    return {"url": "", "unit": "", "binaries": [], "files": [file], **params}
