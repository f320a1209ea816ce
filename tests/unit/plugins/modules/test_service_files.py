# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module service_files, as it runs on a host."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from processes import Started
from servers import Server

from ansible_collections.vigie.monitoring.plugins.modules import service_files

pytestmark = pytest.mark.usefixtures("private")


def options(path: Path, content: str = "ours", **others: t.Any) -> dict[str, t.Any]:
    """Return the options of the module, for a service that does not run here."""
    item = {"path": str(path), "content": content, "validate": ["grep", "ours", "{file}"]}
    return {"service": "vigie-unit-test-nobody", "name": "metrics", "files": [item], **others}


def test_check_mode_predicts_the_run(tmp_path: Path) -> None:
    """The diff and the result are the same; check mode writes nothing. A second run changes nothing."""
    path = tmp_path / "status.conf"
    predicted = Started(service_files, options(path), check=True).result()
    assert not path.exists()
    done = Started(service_files, options(path)).result()
    assert path.read_text() == "ours"
    assert done["changed"]
    assert predicted == done
    assert not Started(service_files, options(path)).result()["changed"]


@pytest.mark.parametrize("check", [False, True])
def test_a_validator_rejects(tmp_path: Path, check: bool) -> None:  # noqa: FBT001 - a parameter
    """Check mode says so, too."""
    path = tmp_path / "status.conf"
    result = Started(service_files, options(path, "other"), check=check).result()
    assert f"grep rejects {path}" in result["msg"]
    assert not path.exists()


def test_a_blocker_is_removed_by_the_role_first(tmp_path: Path) -> None:
    """Nothing is written. Check mode predicts what the second call does."""
    path, blocker = tmp_path / "status.conf", tmp_path / "unit"
    blocker.write_text("")
    wanted = options(path, blockers=[str(blocker), str(tmp_path / "none")])
    predicted = Started(service_files, wanted, check=True).result()
    assert predicted["changed"]
    result = Started(service_files, wanted).result()
    assert (result["changed"], result["blockers"]) == (False, [str(blocker)])
    assert not path.exists()


def test_the_check_is_part_of_every_run_but_not_of_check_mode(tmp_path: Path) -> None:
    """Also of a run that changes nothing. Its password is in no result."""
    server = Server(lambda _path, _headers: (200, {}, b"down"))
    path = tmp_path / "status.conf"
    check = {"url": server.url, "username": "me", "password": "hunter2", "pattern": "up", "error": "no metrics", "timeout": 0}
    Started(service_files, options(path)).result()
    failed = Started(service_files, options(path, check=check))
    text = failed.text()
    assert "no metrics" in text
    assert "hunter2" not in text
    assert not Started(service_files, options(path, check=check), check=True).result().get("failed")
    passed = Started(service_files, options(path, check={**check, "pattern": "down"})).result()
    server.close()
    assert not passed.get("failed")


def test_a_requirement_comes_first(tmp_path: Path) -> None:
    """Nothing is written on a host without the service."""
    path = tmp_path / "status.conf"
    requirement = {"path": str(tmp_path / "module"), "error": "Host web1: no service. Install it."}
    result = Started(service_files, options(path, requirements=[requirement])).result()
    assert result["msg"] == "Host web1: no service. Install it."
    assert not path.exists()


def test_a_mistyped_option_shows_no_content(tmp_path: Path) -> None:
    """Contents can be secret."""
    text = Started(service_files, options(tmp_path / "a", "hunter2", fiels=[])).text()
    assert "fiels" in text
    assert "hunter2" not in text
