# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of the benchmark."""

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path

import pytest

SECONDS = {1000: (1.0, 1.2), 5000: (1.2, 1.8), 10000: (1.5, 2.6)}


@pytest.fixture(scope="module")
def bench() -> t.Iterator[t.Any]:
    """Return the program."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
        yield importlib.import_module("bench")


def costs(bench: t.Any, slow: float, **more: float) -> dict[int, t.Any]:
    """Return the costs on a machine that is *slow* times slower; *more* is added to the seconds of a play."""
    found = {}
    for hosts, (trivial, render) in SECONDS.items():
        seconds = {"trivial": trivial, "render.yml": render, "by hand": trivial + 20 * (render - trivial)}
        found[hosts] = {
            play: bench.Cost(slow * 2 * cpu, slow * (cpu + (more.get(play.partition(".")[0], 0) if hosts == 10000 else 0)), 100)
            for play, cpu in seconds.items()
        }
    return found


@pytest.mark.parametrize("slow", [0.5, 1, 7])
def test_a_slow_machine_exceeds_no_limit(bench: t.Any, slow: float) -> None:
    """But a slow rendering does, on every machine."""
    assert all(kept for *_rest, kept in bench.limits(costs(bench, slow)))
    exceeded = [what for what, _value, _limit, kept in bench.limits(costs(bench, slow, render=2)) if not kept]
    assert [what.split(",")[0] for what in exceeded] == ["CPU time", "time per host"]
