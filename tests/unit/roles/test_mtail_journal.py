# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the role mtail that copies the journal into named pipes."""

from __future__ import annotations

import importlib.util
import json
import os
import typing as t
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "roles/mtail/files/mtail_journal.py"


@pytest.fixture(scope="module")
def program() -> t.Any:
    """Return the program as a module."""
    spec = importlib.util.spec_from_file_location("mtail_journal", PROGRAM)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def entry(cursor: str, message: t.Any, *, at: float = 9e18, **fields: t.Any) -> bytes:
    """Return an entry as journalctl prints it."""
    return json.dumps({"__CURSOR": cursor, "__REALTIME_TIMESTAMP": str(int(at)), "MESSAGE": message, **fields}).encode()


@pytest.fixture
def copied(program: t.Any, tmp_path: Path) -> t.Callable[..., dict[str, bytes]]:
    """Return a function that copies entries, and returns the content of each unit's pipe."""

    def copy(*entries: bytes, units: tuple[str, ...] = ("app.service", "db.service")) -> dict[str, bytes]:
        pipes = {unit: os.pipe() for unit in units}
        state = program.State(str(tmp_path / "state"), units)
        program.copy(entries, {unit.encode(): ends[1] for unit, ends in pipes.items()}, state)
        for ends in pipes.values():
            os.close(ends[1])
        return {unit: os.read(ends[0], 1 << 20) for unit, ends in pipes.items()}

    return copy


def test_each_message_is_in_the_pipe_of_its_unit(copied: t.Any, tmp_path: Path) -> None:
    """A message can come from the unit or from systemd, have several lines, and have bytes that are not text."""
    (tmp_path / "state").write_text("c0 app.service db.service")
    assert copied(
        entry("c1", "one\ntwo", _SYSTEMD_UNIT="app.service"),
        entry("c2", "Started.", _SYSTEMD_UNIT="init.scope", UNIT="db.service"),
        entry("c3", [255, 10, 254], _SYSTEMD_UNIT="app.service"),
        entry("c4", ["first", "second"], _SYSTEMD_UNIT=["other.service", "app.service"]),
        entry("c5", None, _SYSTEMD_UNIT="db.service"),
        entry("c6", "x" * 9000, _SYSTEMD_UNIT="db.service"),
        entry("c7", "not asked for", _SYSTEMD_UNIT="other.service"),
    ) == {
        "app.service": b"one\ntwo\n\xff\n\xfe\nfirst\nsecond\n",
        # A longer line would not reach the pipe in one piece.
        "db.service": b"Started.\n\n" + b"x" * 4095 + b"\n",
    }


def test_a_restart_goes_on_after_the_last_entry(copied: t.Any, tmp_path: Path) -> None:
    """The journal repeats the entry of the cursor, and the program does not copy it again."""
    (tmp_path / "state").write_text("c1 app.service db.service")
    entries = [entry(f"c{number}", str(number), _SYSTEMD_UNIT="app.service") for number in range(1, 4)]
    assert copied(*entries)["app.service"] == b"2\n3\n"
    assert (tmp_path / "state").read_text().split() == ["c3", "app.service", "db.service"]
    assert copied(entries[2])["app.service"] == b""


def test_a_new_unit_begins_with_its_first_start(copied: t.Any, tmp_path: Path) -> None:
    """Messages of the unit from before are not copied. Those of the other unit are, however old they are."""
    (tmp_path / "state").write_text("c1 app.service")
    found = copied(
        entry("c2", "old", at=1, _SYSTEMD_UNIT="app.service"),
        entry("c3", "old", at=1, _SYSTEMD_UNIT="db.service"),
        entry("c4", "new", _SYSTEMD_UNIT="db.service"),
    )
    assert found == {"app.service": b"old\n", "db.service": b"new\n"}


def test_the_first_start_begins_at_the_end_of_the_journal(
    program: t.Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The position is written at once: a restart before the first message neither skips nor repeats messages."""
    monkeypatch.setattr(program, "newest_entry", lambda: "c9")
    assert program.State(str(tmp_path / "state"), ["app.service"]).cursor == "c9"
    assert (tmp_path / "state").read_text().split() == ["c9", "app.service"]
