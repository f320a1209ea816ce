# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images fleets need, and where Debian comes from."""

from __future__ import annotations

import typing as t
from pathlib import Path

import fleet as fleets
import pytest

ROOT = Path(__file__).parents[3]


def test_images_are_built_one_after_the_other_and_each_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of all scenarios; for ARM it is the one of the host that runs programs for ARM."""
    built = []

    def run(*command: str, check: bool = True) -> str:
        assert check
        if "image.sh" not in command[1]:
            return real(*command)
        built.append(command[2:])
        return f"tag-{len(built)}\n"

    real = fleets.run
    monkeypatch.setattr(fleets, "run", run)
    fleets.build([str(path) for path in sorted(ROOT.glob("molecule/*/inventory")) if path.parent.name != "shared"])
    assert len(set(built)) == len(built)
    assert {option for option, *_image in built} == {"--anew"}
    assert [image for image in built if image[-1]] == [("--anew", "bookworm", "", "armhf")]
    assert ("--anew", "bookworm", "", "") in built
    assert capsys.readouterr().out.splitlines()[-1] == f"images: {len(built)} of {len(built)}: tag-{len(built)}"


def test_the_mirror_is_known_before_lists_were_ever_read(
    stand_ins: t.Any, fleet: t.Callable[[str], Path], tmp_path: Path
) -> None:
    """As on a machine that was just installed, or whose lists were removed to save room."""
    lists = tmp_path / "lists"
    lists.mkdir()
    (tmp_path / "sources.list").write_text(
        "deb http://mirror.example.com/security bookworm-security main\ndeb http://mirror.example.com/debian bookworm main\n"
    )
    (tmp_path / "apt.conf").write_text(
        f'Dir::State::lists "{lists}"; Dir::Etc::sourcelist "{tmp_path}/sources.list"; Dir::Etc::sourceparts "/dev/null";\n'
    )
    done = stand_ins.run("sh", fleet("debian_mirror.sh"), APT_CONFIG=str(tmp_path / "apt.conf"))
    assert (done.returncode, done.stdout) == (0, "http://mirror.example.com/debian/\n"), done.stderr
