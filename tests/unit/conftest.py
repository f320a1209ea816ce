# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the unit tests share."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import typing as t
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader

# Before the collection is imported, so that Ansible finds its plugins as it does in a run.
init_plugin_loader([str(Path(__file__).parents[2] / ".collections")])

MIRROR = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vigie" / "mirror"
VERSIONS = MIRROR / "versions.json"
HELD = json.loads(VERSIONS.read_text()) if VERSIONS.exists() else {"prometheus": [None], "alertmanager": [None]}
PROMETHEUS, ALERTMANAGER, MTAIL = HELD["prometheus"], HELD["alertmanager"], HELD.get("mtail", [None])
STEPS = ("replace", "rename", "symlink", "unlink", "mkdir", "rmdir", "chmod", "fsync")


def _run_and_die(action: t.Callable[[], None], step: int) -> bool:
    """Run *action* in a process that is gone at its file system's change number *step*; return whether it got to the end."""
    child = os.fork()
    if child == 0:
        left = step

        def counting(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
            def counted(*args: t.Any, **kwargs: t.Any) -> t.Any:
                nonlocal left
                if left == 0:
                    os._exit(9)
                left -= 1
                return function(*args, **kwargs)

            return counted

        for name in STEPS:
            setattr(os, name, counting(getattr(os, name)))
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    _pid, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9), f"the action failed at step {step}"
    return code == 0


@pytest.fixture
def killed_at_every_step() -> t.Callable[[t.Callable[[], t.Any], t.Callable[[], None], t.Callable[[bool], None]], int]:
    """Return a function that kills an action before each of its changes to the file system, one after the other."""

    def run(prepare: t.Callable[[], t.Any], action: t.Callable[[], None], check: t.Callable[[bool], None]) -> int:
        """Run *prepare*, *action* (killed) and *check* for each step; return how many there are.

        *check* is told whether the action got to its end.
        """
        step = 0
        while True:
            prepare()
            finished = _run_and_die(action, step)
            check(finished)
            if finished:
                return step
            step += 1

    return run


def _unpacked(program: str, tool: str, version: str | None, directory: Path) -> str:
    """Return a tool from the archive of a *version* that the mirror has."""
    if version is None:
        pytest.skip(f"the mirror has no {program}: run `make mirror`")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    path = directory / tool
    (archive,) = MIRROR.glob(f"*/*/releases/download/v{version}/{program}*{machine}*.tar.gz")
    with tarfile.open(archive) as tar:
        # Some archives have a directory.
        (name,) = (name for name in tar.getnames() if name.rpartition("/")[2] == tool)
        member = tar.extractfile(name)
        assert member is not None
        path.write_bytes(member.read())
    path.chmod(0o755)
    return str(path)


@pytest.fixture(scope="session", params=PROMETHEUS)
def promtool(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the promtool of each Prometheus that the mirror has."""
    return _unpacked("prometheus", "promtool", request.param, tmp_path_factory.mktemp("promtool"))


@pytest.fixture(scope="session")
def newest_promtool(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the promtool of the newest Prometheus that the mirror has."""
    return _unpacked("prometheus", "promtool", PROMETHEUS[0], tmp_path_factory.mktemp("promtool"))


@pytest.fixture(scope="session")
def newest_prometheus(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the newest Prometheus that the mirror has."""
    return _unpacked("prometheus", "prometheus", PROMETHEUS[0], tmp_path_factory.mktemp("prometheus"))


@pytest.fixture(scope="session")
def newest_vmalert(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the newest vmalert that the mirror has."""
    return _unpacked("vmutils", "vmalert-prod", HELD.get("vmutils", [None])[0], tmp_path_factory.mktemp("vmalert"))


@pytest.fixture(scope="session")
def newest_vmagent(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the newest vmagent that the mirror has."""
    return _unpacked("vmutils", "vmagent-prod", HELD.get("vmutils", [None])[0], tmp_path_factory.mktemp("vmagent"))


@pytest.fixture(scope="session", params=MTAIL)
def mtail(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return each mtail that the mirror has."""
    return _unpacked("mtail", "mtail", request.param, tmp_path_factory.mktemp("mtail"))


@pytest.fixture(scope="session")
def newest_mtail(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the newest mtail that the mirror has."""
    return _unpacked("mtail", "mtail", MTAIL[0], tmp_path_factory.mktemp("mtail"))


@pytest.fixture(scope="session", params=ALERTMANAGER)
def amtool(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return the amtool of each Alertmanager that the mirror has, and its version."""
    return _unpacked("alertmanager", "amtool", request.param, tmp_path_factory.mktemp("amtool")), str(request.param)


def _alertmanager(version: str | None, directory: Path) -> str:
    """Return the Alertmanager of a *version* that the mirror has. The program runs in its own directory."""
    path = Path(_unpacked("alertmanager", "alertmanager", version, directory))
    # Debian's builds read their default templates from this directory, which only the hosts of the scenarios have. A path of the
    # same length makes this copy read the templates from its working directory.
    share = b"/usr/share/prometheus/alertmanager"
    for template in (MIRROR / "share" / "alertmanager").glob("*.tmpl"):
        shutil.copy(template, path.parent)
    path.write_bytes(path.read_bytes().replace(share, b"./" * (len(share) // 2)))
    return str(path)


@pytest.fixture(scope="session", params=ALERTMANAGER)
def alertmanager_program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return each Alertmanager that the mirror has, and its version. The program runs in its own directory."""
    return _alertmanager(request.param, tmp_path_factory.mktemp("alertmanager")), str(request.param)


@pytest.fixture(scope="session")
def newest_alertmanager(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the newest Alertmanager that the mirror has. The program runs in its own directory."""
    return _alertmanager(ALERTMANAGER[0], tmp_path_factory.mktemp("alertmanager"))


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory where the modules keep what only root may write, in place of the machine's own."""
    from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files, locks  # noqa: PLC0415 - after the loader

    state = tmp_path / "private" / "state"
    (tmp_path / "private").mkdir(mode=0o755)
    monkeypatch.setattr(files, "STATE", str(state))
    monkeypatch.setattr(locks, "DIRECTORY", str(tmp_path / "private" / "locks"))
    return state
