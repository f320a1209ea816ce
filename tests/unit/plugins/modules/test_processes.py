# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules as they run on a host: each in a process of its own, with its options as Ansible gives them."""

from __future__ import annotations

import functools
import json
import os
import sys
import time
import traceback
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.vigie.monitoring.plugins.module_utils._common.module import DiscreetModule
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import locks
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.release import Release
from ansible_collections.vigie.monitoring.plugins.modules import config_tree, iptables_chain, release

pytestmark = pytest.mark.usefixtures("private")
# Of a file: it may be a password.
CONTENT = "hunter2-hunter2"
WRONG_TREES: list[dict[str, t.Any]] = [
    {"files": CONTENT},
    {"files": {"a.yml": CONTENT}, "watched": {"a": "b"}},
    {"fiels": {"a.yml": CONTENT}},
    {"files": {"a.yml": {"content": CONTENT, "owner": "x"}}},
    {"files": {"a.yml": {"content": CONTENT, "mode": "rw-r--r--"}}},
    {"files": {"/a.yml": CONTENT}},
    {"files": {"a.yml": [CONTENT]}},
    {"files": {"a.yml": CONTENT}, "state": "gone"},
    {"files": {"a.yml": CONTENT}, "directory_mode": "0770"},
    {"files": {"a.yml": CONTENT}, "validate": [["/nonexistent/tool"]]},
]
WRONG_RELEASES: list[dict[str, t.Any]] = [
    {"files": [{"path": "/x", "content": CONTENT}], "state": "gone"},
    {"files": [{"path": "/x", "content": {"a": CONTENT}, "on_change": "never"}]},
    {"files": [{"path": "/x", "contents": CONTENT}]},
    {"files": [CONTENT]},
    {"files": CONTENT},
    {"config": CONTENT},
    {"config": {"files": {"a.yml": CONTENT}}},
    {"config": {"path": "/x", "files": {"a.yml": CONTENT}, "watched": 5, "verify": {}}},
    {"konfig": {"path": "/x", "files": {"a.yml": CONTENT}}},
    {"token": CONTENT, "timeout": "soon"},
]


class Started:
    """A module that runs."""

    def __init__(self, module: t.Any, options: dict[str, t.Any], *, umask: int = 0o022, check: bool = False) -> None:
        """Start the process."""
        reader, writer = os.pipe()
        self._reader = reader
        self._pid = os.fork()
        if self._pid == 0:
            os.dup2(writer, 1)
            sys.stdout = os.fdopen(1, "w")
            os.umask(umask)
            try:
                with patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": True}):
                    module.main()
            except SystemExit:
                sys.stdout.flush()
            except BaseException:  # noqa: BLE001 - as a crash shows to Ansible
                print(traceback.format_exc())
                sys.stdout.flush()
            os._exit(0)
        os.close(writer)

    def text(self) -> str:
        """Return all that the module printed."""
        with os.fdopen(self._reader) as stream:
            text = stream.read()
        os.waitpid(self._pid, 0)
        return text

    def result(self) -> dict[str, t.Any]:
        """Return the module's result."""
        text = self.text()
        try:
            return dict(json.loads(text))
        except ValueError as error:
            raise AssertionError(text) from error


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a host whose systemd is played: what is started stays up."""
    known = "ActiveState=active\nUnitFileState=enabled\nInvocationID=1\nMainPID=0\nNeedDaemonReload=no\n"

    def run(_module: t.Any, argv: t.Sequence[str], **_options: t.Any) -> tuple[int, str, str]:
        return (0, known, "") if argv[0] == "systemctl" else (1, "", "no such command here")

    monkeypatch.setattr(DiscreetModule, "run_command", run)
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True, mode=0o755)
    ours = functools.partial(Release, unit_dir=str(units), bin_dir=str(tmp_path / "usr/local/bin"))
    monkeypatch.setattr(release, "Release", ours)
    return tmp_path


def tree(path: Path, **files: str) -> dict[str, t.Any]:
    """Return the options of config_tree."""
    named = {name.replace("_", "."): text for name, text in files.items()}
    owned = {"owner": None, "group": None} if os.geteuid() else {}
    return {"path": str(path), "files": named, "watched": ["targets"], **owned}


def service(host: Path, **config: t.Any) -> dict[str, t.Any]:
    """Return the options of release, for a program that comes with a package."""
    file = {"path": str(host / "etc/vigie/x/web.yml"), "content": "x"}
    return {
        "name": "prog", "version": "", "url": "", "unit": "", "root": str(host / "opt/vigie"), "files": [file],
        "probe": {"settle": 0}, "config": config or None,
    }  # fmt: skip


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077, 0o000])
def test_a_first_install_under_any_umask(host: Path, umask: int) -> None:
    """Directories on the way are open to those who have to pass, those of configuration to root and the group alone."""
    found = Started(release, service(host, **tree(host / "etc/a/prog", main_yml="x")), umask=umask).result()
    assert found.get("changed"), found
    found = Started(config_tree, tree(host / "srv/b/other", main_yml="x"), umask=umask).result()
    assert found.get("changed"), found
    modes = {str(p.relative_to(host)): p.stat().st_mode & 0o777 for p in host.rglob("*") if p.is_dir() and not p.is_symlink()}
    closed = {f"{base}{end}" for base in ("etc/a/prog", "srv/b/other") for end in ("", "/.trees", "/targets")}
    for path, mode in modes.items():
        inside = path in closed or "/.trees/" in path
        assert mode == (0o700 if path in ("private/state", "private/locks") else 0o750 if inside else 0o755), path
    assert {"opt/vigie", "opt/vigie/prog", "etc/a", "etc/vigie", "etc/vigie/x", "srv", "srv/b"} <= set(modes)


def test_the_firewall_module_sets_its_umask_too(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its directory in /etc is one that others look into."""
    seen = host / "umask"

    def apply(_module: t.Any) -> dict[str, t.Any]:
        seen.mkdir()
        return {"changed": True}

    monkeypatch.setattr(iptables_chain, "apply", apply)
    assert Started(iptables_chain, {"chains": []}, umask=0o077).result()["changed"]
    assert seen.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("check", [False, True])
def test_a_refresh_does_not_touch_what_a_deployment_is_changing(host: Path, check: bool) -> None:  # noqa: FBT001 - a parameter
    """A deployment waits for its service, with the new configuration in force: nobody takes that for an interrupted run."""
    path = host / "etc/prog"
    assert Started(config_tree, tree(path, main_yml="old")).result()["changed"]
    deployment = release.Release({**_defaults(), **service(host, **_full(tree(path, main_yml="new")))}, lambda _argv: (0, "", ""))
    with locks.held(deployment.locks(), 0):
        live = deployment.tree
        live.look()
        live.stage()
        live.switch()
        refresh = Started(config_tree, {**tree(path, main_yml="old"), "lock_timeout": 1}, check=check).result()
        assert refresh.get("failed"), refresh
        assert "is changing the directory" in refresh["msg"]
        assert f"process {os.getpid()}" in refresh["msg"]
        assert refresh["busy"]["what"] == f"the directory {path}"
        assert (path / "main.yml").read_text() == "new"
        other = Started(release, {**service(host, **tree(path, main_yml="old")), "lock_timeout": 1}, check=check).result()
        assert "prog: Another run" in other["msg"]
        assert "the service prog" in other["msg"]
        live.commit()
    assert (path / "main.yml").read_text() == "new"
    assert Started(config_tree, tree(path, main_yml="old"), check=check).result()["changed"]


def test_two_runs_at_once_leave_one_whole_tree(host: Path) -> None:
    """Refreshes and deployments with different files, many at a time: each waits for its turn."""
    path = host / "etc/prog"
    runs = []
    for number in range(12):
        files = {"a_yml": f"{number}", "b_yml": f"{number}"}
        options = tree(path, **files)
        runs.append(Started(release, service(host, **options)) if number % 3 == 0 else Started(config_tree, options))
    results = [run.result() for run in runs]
    assert [result for result in results if result.get("failed")] == []
    assert (path / "a.yml").read_text() == (path / "b.yml").read_text()
    assert len([p for p in (path / ".trees").iterdir() if not p.name.startswith(".")]) <= 2
    assert not any(Path(p).name.startswith("the-directory") for p in (host / "private/state").iterdir())


def test_a_second_run_waits_for_the_first(host: Path) -> None:
    """As long as it may."""
    path = host / "etc/prog"
    reader, writer = os.pipe()
    first = os.fork()
    if first == 0:
        with locks.held([locks.tree(str(path))], 0):
            os.write(writer, b"x")
            time.sleep(1)
            os._exit(1 if path.exists() else 0)
    os.read(reader, 1)
    assert Started(config_tree, {**tree(path, main_yml="x"), "lock_timeout": 20}).result()["changed"]
    assert os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) == 0


@pytest.mark.parametrize(
    ("module", "options"),
    [(config_tree, {"path": "/x", **wrong}) for wrong in WRONG_TREES]
    + [
        (release, {"name": "prog", "version": "1", "url": "http://127.0.0.1:9/x", "unit": "x", **wrong})
        for wrong in WRONG_RELEASES
    ],
)
def test_options_that_are_refused_are_not_shown(host: Path, module: t.Any, options: dict[str, t.Any]) -> None:
    """Neither in the message nor in the invocation that -vvv prints."""
    owned = {"path": str(host / "etc/x")} if module is config_tree else {"root": str(host / "opt")}
    text = Started(module, {**options, **owned}, check=False).text()
    assert json.loads(text)["failed"], text
    assert CONTENT not in text


def _defaults() -> dict[str, t.Any]:
    return {"arch": "test", "arch_names": {}, "checksums": {}, "binaries": [], "keep": 1}


def _full(options: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"validate": [], "owner": None, "group": None, "mode": "0640", "directory_mode": "0750", **options}
