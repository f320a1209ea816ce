# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module release, beside other runs on the same host."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from processes import Started, service_options, tree_options
from servers import Reply, Server

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import locks
from ansible_collections.vigie.monitoring.plugins.modules import config_tree, release

pytestmark = pytest.mark.usefixtures("private")


@pytest.mark.parametrize("check", [False, True])
def test_a_refresh_does_not_touch_what_a_deployment_is_changing(host: Path, check: bool) -> None:  # noqa: FBT001 - a parameter
    """A deployment waits for its service, with the new configuration in force: nobody takes that for an interrupted run."""
    path = host / "etc/prog"
    assert Started(config_tree, tree_options(path, main_yml="old")).result()["changed"]
    deployment = release.Release(
        {**_defaults(), **service_options(host, **_full(tree_options(path, main_yml="new")))}, lambda _argv: (0, "", "")
    )
    with locks.held(deployment.locks(), 0):
        live = deployment.tree
        live.compare()
        live.stage()
        live.switch()
        refresh = Started(config_tree, {**tree_options(path, main_yml="old"), "lock_timeout": 1}, check=check).result()
        assert refresh.get("failed"), refresh
        assert "is changing the directory" in refresh["msg"]
        assert f"process {os.getpid()}" in refresh["msg"]
        assert refresh["busy"]["what"] == f"the directory {path}"
        assert (path / "main.yml").read_text() == "new"
        other = Started(
            release, {**service_options(host, **tree_options(path, main_yml="old")), "lock_timeout": 1}, check=check
        ).result()
        assert "prog: Another run" in other["msg"]
        assert "the service prog" in other["msg"]
        live.commit()
    assert (path / "main.yml").read_text() == "new"
    assert Started(config_tree, tree_options(path, main_yml="old"), check=check).result()["changed"]


def test_two_runs_at_once_leave_one_whole_tree(host: Path) -> None:
    """Refreshes and deployments with different files, many at a time: each waits for its turn."""
    path = host / "etc/prog"
    runs = []
    for number in range(12):
        files = {"a_yml": f"{number}", "b_yml": f"{number}"}
        options = tree_options(path, **files)
        runs.append(Started(release, service_options(host, **options)) if number % 3 == 0 else Started(config_tree, options))
    results = [run.result() for run in runs]
    assert [result for result in results if result.get("failed")] == []
    assert (path / "a.yml").read_text() == (path / "b.yml").read_text()
    assert len([p for p in (path / ".trees").iterdir() if not p.name.startswith(".")]) <= 2
    assert not any(Path(p).name.startswith("the-directory") for p in (host / "private/state").iterdir())


@pytest.mark.parametrize("check", [False, True])
def test_a_requirement_is_checked_before_anything_changes(host: Path, check: bool) -> None:  # noqa: FBT001 - a parameter
    """Also in check mode, and on a host without the service. The removal of a service requires nothing."""
    path = host / "ssl/prog.crt"
    requirements = [{"path": str(path), "error": "Host web1: {path} does not exist."}]
    options = {**service_options(host, **tree_options(host / "etc/prog", main_yml="new")), "requirements": requirements}
    before = sorted(host.rglob("*"))
    result = Started(release, options, check=check).result()
    assert (result["failed"], result["msg"]) == (True, f"Host web1: {path} does not exist.")
    assert sorted(host.rglob("*")) == before
    assert not Started(release, {**options, "state": "absent"}, check=check).result().get("failed")
    path.parent.mkdir()
    path.touch()
    result = Started(release, options, check=check).result()
    assert (result.get("failed", False), result["changed"]) == (False, True), result


def test_the_environment_is_for_the_download(host: Path) -> None:
    """The module asks the proxy for the release, and never shows the proxy's password."""
    asked = []

    def reply(path: str, headers: t.Mapping[str, str]) -> Reply:
        asked.append((path, headers.get("Proxy-authorization", headers.get("Proxy-Authorization", ""))))
        return 404, {"Content-Length": "0"}, b""

    proxy = Server(reply)
    url = "http://release.invalid/prog-2.tar.gz"
    environment = {"http_proxy": f"http://u:hunter2@{proxy.host}", "no_proxy": ""}
    options = {**service_options(host), "unit": "[Service]", "version": "2", "url": url, "environment": environment}
    text = Started(release, {**options, "checksums": {"amd64": "0" * 64}, "arch": "amd64"}).text()
    proxy.close()
    assert '"failed": true' in text
    assert {path for path, _authorization in asked} == {url}
    assert all(authorization.startswith("Basic ") for _path, authorization in asked)
    assert "hunter2" not in text


def _defaults() -> dict[str, t.Any]:
    return {"arch": "test", "arch_names": {}, "checksums": {}, "binaries": [], "keep": 1, "python": None}


def _full(options: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"validate": [], "owner": None, "group": None, "mode": "0640", "directory_mode": "0750", **options}
