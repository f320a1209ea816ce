# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that tests log rules, with a stand-in for mtail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import mtail_check

EXPECTED = {"r-0.mtail": {"rule": "r", "kind": "matches", "line": "x", "counters": {"log_rule_matches_total": 1}}}


@pytest.mark.parametrize(("value", "lines"), [("1", []), ("0", ["match does not match"]), ("2", ["match does not match"])])
def test_the_counter_of_the_example_counts(value: str, lines: list[str]) -> None:
    """A counter of another program does not."""
    output = f'log_rule_matches_total{{prog="r-0.mtail"}} {value}\nlog_rule_matches_total{{prog="s.mtail"}} 1\n'
    found = mtail_check.failures(EXPECTED, output)
    assert [line.split(": ")[1].removesuffix(" the example in examples.matches") for line in found] == lines


def test_a_missing_counter_is_an_error() -> None:
    """The mtail program did not load the rule."""
    assert len(mtail_check.failures(EXPECTED, "")) == 1


def test_an_mtail_that_cannot_run_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its own message is shown."""
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs/r-0.mtail").write_text("")
    (tmp_path / "expected.json").write_text(json.dumps(EXPECTED))
    mtail = tmp_path / "mtail"
    mtail.write_text("#!/bin/sh\necho flag provided but not defined >&2\nexit 2\n")
    mtail.chmod(0o755)
    assert mtail_check.main([str(mtail), str(tmp_path)]) == 1
    assert capsys.readouterr().out == "mtail exits 2: flag provided but not defined\n"
