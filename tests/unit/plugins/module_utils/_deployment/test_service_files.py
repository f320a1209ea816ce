# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of somebody else's service: all of them change and the service takes them, or nothing changes."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from servers import Server

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import requirements, service_files
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.service_files import ServiceFiles, ServiceFilesError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import ServiceError

pytestmark = pytest.mark.usefixtures("private")


class Service:
    """A service with a configuration file, a directory of modules, and a validator that rejects the word BAD."""

    def __init__(self, base: Path) -> None:
        """Create the files of the service, which runs."""
        self.base = base
        self.active = True
        self.refuses_reload = ""
        self.log: list[str] = []
        self.verbs: list[str] = []
        self.clear()

    def clear(self) -> None:
        """Restore the state before the first run."""
        for path in sorted(self.base.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        (self.base / "enabled").mkdir()
        (self.base / "main.cfg").write_text("theirs")
        (self.base / "main.cfg").chmod(0o640)

    def __call__(self, argv: t.Sequence[str]) -> tuple[int, str, str]:
        """Run a command: systemctl, and the validator."""
        if argv[0].endswith("cat"):
            text = Path(argv[1]).read_text()
            return (1, "", f"{argv[1]}: BAD in line 2") if "BAD" in text else (0, text, "")
        if argv[0].endswith("echo"):
            return 0, " ".join(argv[1:]) + "\nmore\n", ""
        if argv[0] == "journalctl":
            return 0, "the last words", ""
        assert argv[0] == "systemctl", argv
        if argv[2] == "show":
            return 0, f"ActiveState={'active' if self.active else 'inactive'}\n", ""
        self.verbs.append(argv[2])
        if argv[2] in ("reload", "restart"):
            self.log.append((self.base / "main.cfg").read_text())
            if self.refuses_reload and self.refuses_reload in self.log[-1]:
                return 1, "", "Job failed"
        return 0, "", ""

    def wanted(self, text: str = "ours", **options: t.Any) -> ServiceFiles:
        """Return the files as the tests want them."""
        items = [
            {"path": str(self.base / "enabled" / "status"), "type": "link", "target": "../available/status"},
            {"path": str(self.base / "status.conf"), "content": f"{text}\n"},
            {"path": str(self.base / "main.cfg"), "type": "block", "content": text, "validate": ["cat", "{file}"]},
            {"path": str(self.base / "opt" / "mark"), "type": "directory", "mode": "0755"},
        ]
        state = options.pop("state", "present")
        default = {"type": "file", "content": "", "target": "", "mode": "0644", "group": "", "validate": [], "state": state}
        wanted = [{**default, "reload": item.get("type") != "directory", **item} for item in [*items, *options.pop("more", [])]]
        params = {"service": "prog", "name": "metrics", "restart": False, "requirements": [], "files": wanted}
        params.update(enabled_units=[], started_units=[], surplus=[])
        return ServiceFiles({**params, **options}, self)

    def bring(self, text: str = "ours", check: t.Any = None, **options: t.Any) -> list[str]:
        """Change the files; return the names of what changed."""
        wanted = self.wanted(text, **options)
        wanted.recover()
        changes = wanted.changes()
        actions = wanted.unit_actions(changes)
        if changes or actions:
            wanted.apply(changes, actions, check)
        return [Path(change["path"]).name for change in changes]

    def state(self) -> dict[str, str]:
        """Return all files and links with their contents."""
        return {
            str(path.relative_to(self.base)): str(path.readlink()) if path.is_symlink() else path.read_text()
            for path in self.base.rglob("*")
            if path.is_symlink() or path.is_file()
        }


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """Return a service that runs."""
    (tmp_path / "service").mkdir()
    return Service(tmp_path / "service")


BLOCK = "# BEGIN vigie.monitoring\n{}\n# END vigie.monitoring\n"
WHOLE = {
    "enabled/status": "../available/status",
    "status.conf": "ours\n",
    "main.cfg": "theirs\n" + BLOCK.format("ours"),
}


def test_a_service_that_cannot_be_reloaded_is_restarted(service: Service) -> None:
    """Also after the former files are back, and not without a change."""
    service.bring(restart=True)
    service.bring(restart=True)
    assert [verb for verb in service.verbs if verb != "show"] == ["restart"]
    service.refuses_reload = "worse"
    with pytest.raises(ServiceError, match="The former files are back"):
        service.bring("worse", restart=True)
    assert [verb for verb in service.verbs if verb != "show"] == ["restart"] * 3
    assert service.state() == WHOLE
    service.active = False
    service.bring("third", restart=True)
    assert [verb for verb in service.verbs if verb != "show"] == ["restart"] * 3


def test_all_files_are_written_and_the_service_is_reloaded_once(service: Service) -> None:
    """A second run does nothing."""
    assert service.bring() == ["status", "status.conf", "main.cfg", "mark"]
    assert service.state() == WHOLE
    assert len(service.log) == 1
    assert (service.base / "main.cfg").stat().st_mode & 0o7777 == 0o640
    assert (service.base / "opt/mark").is_dir()
    assert service.bring() == []
    assert len(service.log) == 1


def test_a_block_keeps_its_place(service: Service) -> None:
    """Lines of the operator stand around it."""
    service.bring()
    path = service.base / "main.cfg"
    path.write_text("first\n" + BLOCK.format("ours") + "last\n")
    assert service.bring("ours 2") == ["status.conf", "main.cfg"]
    assert path.read_text() == "first\n" + BLOCK.format("ours 2") + "last\n"
    assert service.bring(state="absent") == ["status", "status.conf", "main.cfg", "mark"]
    assert path.read_text() == "first\nlast\n"
    assert service.state() == {"main.cfg": "first\nlast\n"}
    assert not (service.base / "opt/mark").exists()
    assert service.bring(state="absent") == []


def test_a_block_is_absent_from_a_file_that_does_not_exist(service: Service) -> None:
    """The service has been removed."""
    (service.base / "main.cfg").unlink()
    assert service.bring(state="absent") == []


def test_a_service_that_does_not_run_is_not_reloaded(service: Service) -> None:
    """And not started."""
    service.active = False
    assert len(service.bring()) == 4
    assert service.log == []


def test_a_directory_alone_is_no_reason_to_reload(service: Service) -> None:
    """The service does not read the directory."""
    service.bring()
    (service.base / "opt/mark").rmdir()
    assert service.bring() == ["mark"]
    assert len(service.log) == 1


def test_a_file_that_the_validator_rejects_changes_nothing(service: Service) -> None:
    """The files before it are restored, the service is not reloaded, and the message names the file and not its copy."""
    before = service.state()
    with pytest.raises(ServiceFilesError, match=rf"cat rejects {service.base}/main.cfg:\n{service.base}/main.cfg: BAD in line 2"):
        service.bring("BAD")
    assert service.state() == before
    assert service.log == []
    assert not service.wanted().recover()


def test_a_validator_that_is_missing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check mode leaves the validation out; a run fails."""

    def missing(name: str) -> str:
        raise ValueError(f"Failed to find required executable {name!r}")

    monkeypatch.setattr(requirements, "get_bin_path", missing)
    wanted = service.wanted()
    wanted.validate(wanted.changes(), missing_ok=True)
    before = service.state()
    with pytest.raises(ServiceFilesError, match="cat rejects"):
        service.bring()
    assert service.state() == before


def test_a_service_that_refuses_to_reload_gets_its_former_files(service: Service) -> None:
    """And is reloaded with them."""
    service.bring("old")
    service.refuses_reload = "new"
    before = service.state()
    with pytest.raises(ServiceError, match=r"systemctl reload prog.service failed: Job failed. The former files are back"):
        service.bring("new")
    assert service.state() == before
    assert [("new" in text, "old" in text) for text in service.log[-2:]] == [(True, False), (False, True)]


def test_a_service_that_does_not_answer_gets_its_former_files(service: Service) -> None:
    """The check sees what the reload did not."""
    server = Server(lambda _path, _headers: (503, {}, b""))
    check = {"url": server.url, "username": "", "password": "", "pattern": "", "error": "no metrics ({problem})", "timeout": 0}
    before = service.state()
    with pytest.raises(ServiceError, match=r"no metrics \(.*503.*\). The former files are back"):
        service.bring(check=check)
    server.close()
    assert service.state() == before
    assert len(service.log) == 2


def test_killed_anywhere_the_next_run_gets_there(service: Service, killed_at_every_step: t.Any) -> None:
    """A kill before each change to the file system. The next run restores the files first, and reloads the service."""

    def prepare() -> None:
        service.clear()
        service.bring("old")

    def check(_finished: bool) -> None:  # noqa: FBT001 - as it is called
        service.bring()
        assert service.state() == WHOLE
        assert service.bring() == []

    assert killed_at_every_step(prepare, service.bring, check) > 8


def test_after_a_kill_the_former_files_come_back_first(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a run with other files does not leave a mixture."""
    service.bring("old")
    before = service.state()
    with monkeypatch.context() as patch:
        patch.setattr(service_files.Transaction, "roll_back", lambda _self: None)
        service.refuses_reload = "new"
        with pytest.raises(ServiceError):
            service.bring("new")
    assert service.state() != before
    service.refuses_reload = ""
    assert service.wanted("old").recover()
    assert service.state() == before
    assert "old" in service.log[-1]


def test_a_requirement_that_is_not_met_is_named(service: Service) -> None:
    """The message of the first one."""
    needed = [{"path": path, "command": [], "pattern": "", "error": f"{path} needed"} for path in ("/", "/nonexistent")]
    assert service.wanted(requirements=needed).find_problem() == "/nonexistent needed"


def test_the_diff_shows_what_changes(service: Service) -> None:
    """A link, a new file and the file with the block; without a change it is empty."""
    wanted = service.wanted()
    assert len(wanted.changes()) == 4
    shown = {Path(item["after_header"]).name: item for item in wanted.diff(wanted.changes())}
    assert shown["status"]["after"] == "link to ../available/status\n"
    assert shown["status.conf"]["before_header"].endswith("status.conf (absent)")
    assert (shown["main.cfg"]["before"], shown["main.cfg"]["after"]) == ("theirs", WHOLE["main.cfg"])
    service.bring()
    assert wanted.diff(wanted.changes()) == []
