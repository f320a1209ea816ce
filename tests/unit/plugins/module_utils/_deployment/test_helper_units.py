# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers and other units beside a service: they run with their newest files, and those of nobody are removed."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import helper_units, service_files
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.service_files import ServiceFiles
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import ServiceError

pytestmark = pytest.mark.usefixtures("private")


class Systemd:
    """Plays systemctl: a unit whose file says BROKEN does not start."""

    def __init__(self, units: Path) -> None:
        """Start without units."""
        self.units = units
        self.active: set[str] = set()
        self.enabled: set[str] = set()
        self.log: list[str] = []

    def __call__(self, argv: t.Sequence[str]) -> tuple[int, str, str]:
        """Run a command."""
        if argv[0] != "systemctl":
            return 0, "", ""
        verb, name = argv[2], argv[-1]
        if verb == "show":
            active = "active" if name in self.active else "inactive"
            return 0, f"ActiveState={active}\nUnitFileState={'enabled' if name in self.enabled else 'disabled'}\n", ""
        self.log.append(" ".join(argv[2:]))
        path = self.units / name
        if verb in ("enable", "start", "restart") and (not path.exists() or "BROKEN" in path.read_text()):
            return 1, "", f"{name} is broken"
        if verb in ("enable", "disable"):
            (self.enabled.add if verb == "enable" else self.enabled.discard)(name)
        if verb in ("start", "restart", "stop"):
            (self.active.discard if verb == "stop" else self.active.add)(name)
        return 0, "", ""


class Host:
    """A host with timers."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Use directories below *base*."""
        self.units, self.output = base / "units", base / "output"
        for path in (self.units, self.output):
            path.mkdir()
        self.systemd = Systemd(self.units)
        monkeypatch.setattr(helper_units, "UNIT_DIR", str(self.units))

    def bring(self, **texts: str) -> bool:
        """Deploy a timer and its service for each name; return whether anything changed."""
        files = []
        for name, text in texts.items():
            files += [
                {"path": str(self.units / f"vigie-job-{name}.{suffix}"), "content": f"{suffix} {text}\n"}
                for suffix in ("service", "timer")
            ]
        files.append({"path": str(self.units / "vigie-once.service"), "content": "once\n"})
        default = {"type": "file", "target": "", "mode": "0644", "group": "", "validate": [], "state": "present", "reload": False}
        surplus = [
            {"units": "vigie-job-*.timer", "files": [f"{self.output}/*.prom"]},
            {"units": "vigie-job-*.service", "files": []},
        ]
        wanted = ServiceFiles(
            {
                "service": "prog",
                "name": "jobs",
                "restart": False,
                "requirements": [],
                "files": [{**default, **file} for file in files],
                "enabled_units": [f"vigie-job-{name}.timer" for name in texts],
                "started_units": ["vigie-once.service"],
                "surplus": surplus,
            },
            self.systemd,
        )
        recovered = wanted.recover()
        changes = wanted.changes()
        actions = wanted.unit_actions(changes)
        if changes or actions:
            wanted.apply(changes, actions, None)
        return bool(changes or actions or recovered)

    def names(self) -> set[str]:
        """Return the names of all unit files."""
        return {path.name for path in self.units.iterdir()}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Return a host without units."""
    return Host(tmp_path, monkeypatch)


def test_timers_are_enabled_and_run(host: Host) -> None:
    """A second run does nothing."""
    assert host.bring(a="1", b="1")
    assert host.systemd.enabled == {"vigie-job-a.timer", "vigie-job-b.timer"}
    assert host.systemd.active == {"vigie-job-a.timer", "vigie-job-b.timer", "vigie-once.service"}
    assert host.systemd.log[0] == "daemon-reload"
    host.systemd.log.clear()
    assert not host.bring(a="1", b="1")
    assert host.systemd.log == []


def test_only_a_unit_whose_file_changed_is_restarted(host: Host) -> None:
    """The others keep their schedule."""
    host.bring(a="1", b="1")
    host.systemd.log.clear()
    assert host.bring(a="2", b="1")
    assert host.systemd.log == ["daemon-reload", "restart vigie-job-a.timer"]


def test_a_unit_that_somebody_stopped_or_disabled_runs_again(host: Host) -> None:
    """Without a change of its file."""
    host.bring(a="1")
    host.systemd.active.clear()
    host.systemd.enabled.clear()
    host.systemd.log.clear()
    assert host.bring(a="1")
    assert host.systemd.log == ["enable vigie-job-a.timer", "restart vigie-job-a.timer"]


def test_what_nobody_wants_any_more_is_removed_with_its_output(host: Host) -> None:
    """Other units and the output of other jobs stay."""
    host.bring(a="1", b="1")
    (host.units / "vigie-jobs.timer").write_text("theirs")
    for name in "ab":
        (host.output / f"{name}.prom").write_text("up 1")
    assert host.bring(b="1")
    assert host.names() == {"vigie-job-b.timer", "vigie-job-b.service", "vigie-once.service", "vigie-jobs.timer"}
    assert [path.name for path in host.output.iterdir()] == ["b.prom"]
    assert host.systemd.enabled == {"vigie-job-b.timer"}
    assert "vigie-job-a.timer" not in host.systemd.active
    assert not host.bring(b="1")


def test_a_timer_that_systemd_rejects_changes_nothing(host: Host) -> None:
    """The former timer runs again, a new one is gone, and a surplus one is back."""
    host.bring(a="1", c="1")
    with pytest.raises(ServiceError, match=r"vigie-job-b.timer failed: vigie-job-b.timer is broken. The former files are back"):
        host.bring(a="2", b="BROKEN")
    assert (host.units / "vigie-job-a.timer").read_text() == "timer 1\n"
    assert "vigie-job-b.timer" not in host.names()
    assert {"vigie-job-a.timer", "vigie-job-c.timer"} <= host.systemd.active
    assert host.systemd.enabled == {"vigie-job-a.timer", "vigie-job-c.timer"}
    assert not host.bring(a="1", c="1")


def test_killed_anywhere_the_next_run_gets_there(host: Host, killed_at_every_step: t.Any) -> None:
    """A kill before each change to the file system, while one job changes, one comes and one goes."""

    def prepare() -> None:
        for path in [*host.units.iterdir(), *host.output.iterdir()]:
            path.unlink()
        host.systemd.active.clear()
        host.systemd.enabled.clear()
        host.bring(a="1", b="1")
        (host.output / "b.prom").write_text("up 1")

    def check(_finished: bool) -> None:  # noqa: FBT001 - as it is called
        # The process that was killed had a systemd of its own: the timer may not run.
        host.bring(a="2", c="1")
        assert host.names() == {f"vigie-job-{name}.{suffix}" for name in "ac" for suffix in ("timer", "service")} | {
            "vigie-once.service"
        }
        assert (host.units / "vigie-job-a.timer").read_text() == "timer 2\n"
        assert list(host.output.iterdir()) == []
        assert {"vigie-job-a.timer", "vigie-job-c.timer"} <= host.systemd.active
        assert not host.bring(a="2", c="1")

    assert killed_at_every_step(prepare, lambda: host.bring(a="2", c="1"), check) > 15


def test_a_directory_has_its_group(tmp_path: Path) -> None:
    """Its mode and its group are corrected; a group that this host does not know yet (check mode) differs from none."""
    path = tmp_path / "textfile"
    path.mkdir(mode=0o700)
    assert not service_files._is_directory(str(path), 0o755, "")
    path.chmod(0o755)
    assert service_files._is_directory(str(path), 0o755, "group-of-nobody")
    assert not service_files._is_directory(str(path), 0o755, "adm")
