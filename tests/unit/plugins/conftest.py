# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that the tests of several packages of plugins need."""

from __future__ import annotations

import functools
import typing as t
from pathlib import Path

import pytest
from servers import JsonServer

from ansible_collections.vigie.monitoring.plugins.module_utils._common.module import RedactingModule
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.release import Release
from ansible_collections.vigie.monitoring.plugins.modules import release
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import build as pipeline
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import cache


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without any model, as a run of Ansible does."""
    monkeypatch.setattr(cache, "_models", {})
    monkeypatch.setattr(cache, "_of_this_task", set())


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets an item for each model that is built: the host that the model is for."""
    found: list[str] = []
    real = pipeline.build_model

    def build(*args: t.Any, **kwargs: t.Any) -> t.Any:
        found.append(kwargs["host"])
        return real(*args, **kwargs)

    monkeypatch.setattr(pipeline, "build_model", build)
    return found


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a host whose systemd is played: what is started stays up."""
    known = "ActiveState=active\nUnitFileState=enabled\nInvocationID=1\nMainPID=0\nNeedDaemonReload=no\n"

    def run(_module: t.Any, argv: t.Sequence[str], **_options: t.Any) -> tuple[int, str, str]:
        return (0, known, "") if argv[0] == "systemctl" else (1, "", "no such command here")

    monkeypatch.setattr(RedactingModule, "run_command", run)
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True, mode=0o755)
    ours = functools.partial(Release, unit_dir=str(units), bin_dir=str(tmp_path / "usr/local/bin"))
    monkeypatch.setattr(release, "Release", ours)
    return tmp_path


@pytest.fixture
def json_server() -> t.Iterator[t.Callable[[dict[str, t.Any]], JsonServer]]:
    """Return a function that starts a server with answers."""
    started: list[JsonServer] = []

    def start(answers: dict[str, t.Any]) -> JsonServer:
        started.append(JsonServer(answers))
        return started[-1]

    yield start
    for server in started:
        server.close()
