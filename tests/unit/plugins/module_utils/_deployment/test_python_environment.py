# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments of programs, built by the real pip from wheels on the disk, without a network."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import typing as t
from pathlib import Path

import pytest
import wheelhouse
from releases import Place

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.python_environment import PythonEnvironment
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.versions import Versions

pytestmark = pytest.mark.usefixtures("private")
# The Python of the tests is in an environment itself.
PYTHON = str(Path(sys.executable).resolve())


def archive(tmp_path: Path, *wheels: Path) -> str:
    """Return an archive of *wheels*, as the controller sends it."""
    path = tmp_path / "wheels.tar"
    with tarfile.open(path, "w") as tar:
        for wheel in wheels:
            tar.add(wheel, f"./{wheel.name}")
    return str(path)


def python(requirements: str, **params: t.Any) -> dict[str, t.Any]:
    """Return the option ``python`` of the module."""
    return {"requirements": requirements, "modules": {}, "interpreter": PYTHON, "wheels": "/controller", **params}


def options(tmp_path: Path, requirements: str, *wheels: Path, **params: t.Any) -> dict[str, t.Any]:
    """Return the options of the module for a program with a unit."""
    return {"url": "", "archive": archive(tmp_path, *wheels), "python": python(requirements, **params), "checksums": {}}


def output(place: Place) -> str:
    """Return what the program in service prints."""
    return subprocess.run([place.base / "opt/prog/current/prog", "x"], check=True, capture_output=True, text=True).stdout


def test_a_program_is_deployed_upgraded_and_rolled_back(place: Place, tmp_path: Path) -> None:
    """Each version has an environment of its own, without pip. A version that is on the host needs neither pip nor the wheels."""
    one, two = wheelhouse.write(tmp_path), wheelhouse.write(tmp_path, version="2.0", text="better")
    first = options(tmp_path, wheelhouse.requirement(one), one)
    assert place.bring("1.0", **first) == ["environment", "switch", "link", "unit", "enable", "start"]
    assert output(place) == "fine x\n"
    assert place.bring("1.0", **first) == []
    environment = place.base / "opt/prog/1.0"
    assert sorted(path.name for path in environment.glob("lib/python*/site-packages/*.dist-info")) == ["prog-1.0.dist-info"]

    second = options(tmp_path, wheelhouse.requirement(two), two)
    release = place.release("2.0", **second)
    diff = release.diff(release.find_actions())
    assert [(item["before"], item["after"]) for item in diff] == [
        ("1.0\n", "2.0\n"),
        (wheelhouse.requirement(one), wheelhouse.requirement(two)),
    ]
    assert place.bring("2.0", **second) == ["environment", "switch", "restart"]
    assert output(place) == "better x\n"
    assert place.bring("1.0", **{**first, "archive": ""}) == ["switch", "restart"]
    assert output(place) == "fine x\n"

    # The same version with another requirement is another environment.
    extra = wheelhouse.write(tmp_path, "extra")
    both = wheelhouse.requirement(one) + wheelhouse.requirement(extra)
    assert place.bring("1.0", **options(tmp_path, both, one, extra)) == ["environment", "switch", "restart"]
    assert place.release("1.0").versions.current() == "1.0.2"


@pytest.mark.parametrize(
    ("wheel", "requirements", "reason"),
    [
        ({}, lambda wheel: wheelhouse.requirement(wheel, "0" * 64), "DO NOT MATCH THE HASHES"),
        ({"needs": "extra"}, wheelhouse.requirement, "extra"),
        ({"tag": "cp399-cp399-manylinux_2_17_x86_64"}, wheelhouse.requirement, "No matching distribution found for prog==1.0"),
    ],
    ids=["wrong hash", "dependency without a hash", "other architecture"],
)
def test_half_an_environment_never_stays(
    place: Place, tmp_path: Path, wheel: dict[str, str], requirements: t.Callable[[Path], str], reason: str
) -> None:
    """The version in service is unchanged, and nothing of the new version remains."""
    place.bring("1.0")
    before = place.picture()
    written = wheelhouse.write(tmp_path, **wheel)
    release = place.release("2.0", **options(tmp_path, requirements(written), written))
    with pytest.raises(DownloadError, match=reason) as error:
        release.apply(release.find_actions())
    assert "The version in service is unchanged" in str(error.value)
    assert place.picture() == before


def test_an_interrupted_build_is_removed_by_the_next_run(place: Place, tmp_path: Path) -> None:
    """An environment is built at its final path, so its stamp decides whether it is complete."""
    wheel = wheelhouse.write(tmp_path)
    release = place.release("1.0", **options(tmp_path, wheelhouse.requirement(wheel), wheel))

    class KilledError(BaseException):
        """SIGKILL."""

    def killed(_path: str) -> t.NoReturn:
        raise KilledError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("shutil.rmtree", lambda *_args, **_options: None)
        Path(release.versions.path).mkdir(parents=True)
        with pytest.raises(KilledError):
            release.versions.build({"version": "1.0", "arch": "test", "sha256": release.python.checksum()}, [], killed)  # type: ignore[union-attr]
    assert release.versions.directories() == ["1.0"]
    assert release.find_actions()[0] == "environment"
    release.recover()
    assert Versions(str(place.base / "opt"), "prog").directories() == []


def test_modules_without_a_wheel_are_part_of_the_environment(place: Place, tmp_path: Path) -> None:
    """A changed module is another environment; a module that somebody has changed on the host is written again."""
    wheel = wheelhouse.write(tmp_path)
    modules = {"mine/__init__.py": "", "mine/__main__.py": "import prog\nprog.main()\n"}
    options_ = options(tmp_path, wheelhouse.requirement(wheel), wheel, modules=modules)
    place.bring("1.0", **options_)
    environment = place.base / "opt/prog/1.0"
    command = [environment / "bin/python3", "-I", "-m", "mine"]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "fine\n"
    (main,) = environment.glob("lib/python*/site-packages/mine/__main__.py")
    main.write_text("tampered")
    assert place.bring("1.0", **options_)[0] == "environment"
    changed = options(tmp_path, wheelhouse.requirement(wheel), wheel, modules={**modules, "mine/__main__.py": "print(2)\n"})
    release = place.release("1.0", **changed)
    (item,) = [item for item in release.diff(release.find_actions()) if item["after"] == "print(2)\n"]
    assert item["before"] == modules["mine/__main__.py"]


def test_a_program_may_need_python_alone(place: Place, tmp_path: Path) -> None:
    """Then pip removes the directory for packages, with its last package, which is pip."""
    place.bring("1.0", **options(tmp_path, "", modules={"mine.py": "print('fine')\n"}), binaries=["bin/python3"])
    command = [place.base / "opt/prog/1.0/bin/python3", "-I", "-m", "mine"]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "fine\n"


def test_a_module_does_not_leave_the_environment(place: Place, tmp_path: Path) -> None:
    """Its path comes from the inventory."""
    wheel = wheelhouse.write(tmp_path)
    release = place.release("1.0", **options(tmp_path, wheelhouse.requirement(wheel), wheel, modules={"../../../../out.py": "x"}))
    with pytest.raises(DownloadError, match="its path leaves the environment"):
        release.apply(release.find_actions())
    assert not list(place.base.glob("**/out.py"))


def test_another_version_of_the_interpreter_needs_another_environment(tmp_path: Path) -> None:
    """An environment has its packages in the directory of one version of Python."""
    link = tmp_path / "python3"
    link.symlink_to("/usr/bin/python3.11")
    environment = PythonEnvironment(python("x==1", interpreter=str(link)), lambda _command: (0, "", ""))
    before = environment.checksum()
    assert environment.checksum() == before
    link.unlink()
    link.symlink_to("/usr/bin/python3.13")
    assert environment.checksum() != before


def test_a_host_without_venv_gets_the_remedy(place: Place, tmp_path: Path) -> None:
    """Debian has the module in a package of its own."""
    wheel = wheelhouse.write(tmp_path)
    release = place.release(
        "1.0", **options(tmp_path, wheelhouse.requirement(wheel), wheel, interpreter=str(_without_venv(tmp_path)))
    )
    with pytest.raises(DownloadError, match=r"ensurepip is not available\nInstall .* python3-venv in Debian"):
        release.apply(release.find_actions())
    assert place.picture() == {}


def _without_venv(tmp_path: Path) -> Path:
    fake = tmp_path / "python3"
    fake.write_text("#!/bin/sh\necho ensurepip is not available\nexit 1\n")
    fake.chmod(0o755)
    return fake


def test_the_controller_learns_which_wheels_fit(place: Place, tmp_path: Path) -> None:
    """Only if the host needs wheels, and only if the wheels come from the controller."""
    wheel = wheelhouse.write(tmp_path)
    options_ = options(tmp_path, wheelhouse.requirement(wheel), wheel)
    wanted = place.release("1.0", **{**options_, "archive": ""}).wanted_wheels()
    assert wanted["python"] == "".join(map(str, sys.version_info[:2]))
    assert wanted["bits"] == "64"
    assert place.release("1.0", **options_).wanted_wheels() == {}
    place.bring("1.0", **options_)
    assert place.release("1.0", **{**options_, "archive": ""}).wanted_wheels() == {}
    by_index = {**options_, "archive": "", "python": python("x==1", wheels="")}
    assert place.release("1.0", **by_index).wanted_wheels() == {}
    missing = {**options_, "archive": "", "python": python("x==1", interpreter=str(_without_venv(tmp_path)))}
    with pytest.raises(DownloadError, match="does not run: ensurepip is not available"):
        place.release("1.0", **missing).wanted_wheels()
