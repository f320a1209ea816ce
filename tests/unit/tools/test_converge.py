# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the benchmark of deployments that need no containers."""

from __future__ import annotations

import importlib
import subprocess
import typing as t
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def converge() -> t.Iterator[t.Any]:
    """Return the program."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
        yield importlib.import_module("converge")


def test_versions_are_compared_as_numbers(converge: t.Any, tmp_path: Path) -> None:
    """1.11 is newer than 1.9."""
    for name in ("v1.9.0", "v1.11.1", "v1.5.0"):
        (tmp_path / name).mkdir()
    assert converge.newest_first(tmp_path) == ["1.11.1", "1.9.0", "1.5.0"]


def test_the_ssh_client_counts_its_runs(converge: t.Any, tmp_path: Path) -> None:
    """And runs the real program with all arguments."""
    counting, calls = tmp_path / "ssh", tmp_path / "calls"
    counting.write_text(converge.COUNTING.format(program="/bin/echo"))
    counting.chmod(0o755)
    for _time in range(3):
        done = subprocess.run(
            [counting, "-x", "a b"], env={"COUNTED_CALLS": str(calls)}, capture_output=True, text=True, check=True
        )
        assert done.stdout == "-x a b\n"
    assert len(calls.read_text()) == 3


def test_the_table_has_a_row_for_each_run(converge: t.Any) -> None:
    """With the collection, and its numbers with their units."""
    cost = converge.Cost(wall=1.26, cpu=0.5, calls=3, traffic=2.04)
    *_head, first, second = converge.table({("8", converge.OURS): {"first run": cost, "second run": cost}})
    assert first == "| 8 | first run | vigie.monitoring | 1.3 s | 0.5 s | 3 | 2.0 MiB |"
    assert second.startswith("| 8 | second run |")
