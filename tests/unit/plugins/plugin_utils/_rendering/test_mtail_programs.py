# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of log rules, run by each mtail that the mirror has."""

from __future__ import annotations

import re
import subprocess
import typing as t
from pathlib import Path

import pytest
from models import log_rule

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.mtail_programs import (
    mtail_programs,
    mtail_sources,
    program,
    program_name,
    source_pattern,
)

SAMPLE = re.compile(r"^(\w+)\{(.*)\} (\S+)$", re.MULTILINE)
Counted = dict[tuple[str, str], float]


def run(mtail: str, directory: Path, rule: dict[str, t.Any], logs: dict[str, list[str]]) -> Counted:
    """Return the metrics of the program of *rule* after lines of *logs*, by name and labels without prog. Paths are absolute."""
    (directory / "programs").mkdir()
    complete = log_rule(**rule)
    (directory / "programs" / program_name(complete)).write_text(program(complete, source_pattern(complete)))
    for path, lines in logs.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("".join(f"{line}\n" for line in lines))
    command = [mtail, f"--progs={directory}/programs", "--one_shot", "--one_shot_format=prometheus", "--logtostderr"]
    done = subprocess.run([*command, *(f"--logs={path}" for path in logs)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    labels = {
        text: ",".join(part for part in text.split(",") if not part.startswith("prog="))
        for _m, text, _v in SAMPLE.findall(done.stdout)
    }
    return {(metric, labels[text]): float(value) for metric, text, value in SAMPLE.findall(done.stdout)}


def test_a_program_counts_lines_of_its_own_logs(mtail: str, tmp_path: Path) -> None:
    """The counter of matches starts at 0, so that Prometheus sees the first match."""
    logs = {f"{tmp_path}/{name}": ["x", "y"] for name in ("app/1.log", "app/b.log", "app/b.log.1", "app/sub/b.log", "z.log")}
    rule = {"files": [f"{tmp_path}/app/*b.log", f"{tmp_path}/app/[0-9].lo?"], "match": "^x$"}
    counted = run(mtail, tmp_path, rule, logs)
    assert counted["log_rule_source_lines_total", ""] == 4
    assert counted["log_rule_matches_total", ""] == 2
    for directory, lines in (("other", 2), ("none", 0)):
        at = tmp_path / directory
        at.mkdir()
        counted = run(mtail, at, {**rule, "files": [f"{at}/app/{directory[0]}.log"]}, {f"{at}/app/o.log": ["a", "b"]})
        assert counted["log_rule_source_lines_total", ""] == lines
        assert counted["log_rule_matches_total", ""] == 0


def test_a_line_that_clears_ends_the_state(mtail: str, tmp_path: Path) -> None:
    """A line that matches both expressions clears the state."""
    log = f"{tmp_path}/app.log"
    for number, (lines, state, matches, clears) in enumerate(
        [
            (["down"], 1, 1, 0),
            (["down", "up"], 0, 1, 1),
            (["down", "up", "down"], 1, 2, 1),
            (["down", "up down"], 0, 1, 1),
        ]
    ):
        at = tmp_path / str(number)
        at.mkdir()
        counted = run(mtail, at, {"files": [log], "match": "down", "clear": "up"}, {log: lines})
        assert [counted[f"log_rule_{name}", ""] for name in ("state", "matches_total", "clears_total")] == [
            state,
            matches,
            clears,
        ]
        assert counted["log_rule_last_match_timestamp_seconds", ""] > 1.6e9
        assert (counted["log_rule_last_clear_timestamp_seconds", ""] > 1.6e9) is bool(clears)


def test_labels_have_a_limited_number_of_values(mtail: str, tmp_path: Path) -> None:
    """Of 10,000 values, those over the limit are one value, and no line is lost."""
    log = f"{tmp_path}/app.log"
    rule = {"files": [log], "match": r"full: (?P<path>/\S+) (?P<code>[A-Z]+)", "labels": ["path", "code"], "label_limit": 3}
    lines = [f"full: /d{number} A" for number in range(10_000)]
    counted = run(mtail, tmp_path, rule, {log: [*lines, lines[2], lines[3]]})
    assert {labels: value for (metric, labels), value in counted.items() if metric == "log_rule_r_matches_total"} == {
        'code="A",path="/d0"': 1,
        'code="A",path="/d1"': 1,
        'code="A",path="/d2"': 2,
        'code="(other)",path="(other)"': 9998,
    }
    assert counted["log_rule_matches_total", ""] == 10_002
    assert counted["log_rule_dropped_label_values_total", ""] == 9998
    assert not [metric for metric, _labels in counted if "known" in metric]


def test_a_state_with_labels_is_cleared_for_one_value(mtail: str, tmp_path: Path) -> None:
    """A line that clears a value that no line has set creates no series."""
    log = f"{tmp_path}/app.log"
    rule = {"files": [log], "match": r"(?P<disk>\w+) full", "clear": r"(?P<disk>\w+) free", "labels": ["disk", "file"]}
    counted = run(mtail, tmp_path, rule, {log: ["a full", "b full", "a free", "c free"]})
    assert {labels: value for (metric, labels), value in counted.items() if metric == "log_rule_r_state"} == {
        f'disk="a",file="{log}"': 0,
        f'disk="b",file="{log}"': 1,
    }


@pytest.mark.parametrize(
    ("expression", "line", "other"),
    [
        (r"/dev/sd\w+ a\/b", "/dev/sda a/b", "dev"),
        (r"a\\/", "a\\/", "a/"),
        (r'"quoted" [/"]', '"quoted" /', "quoted"),
        (r"(?i)OUT of memory", "out Of memory", "out memory"),
    ],
)
def test_any_expression_becomes_a_literal(mtail: str, tmp_path: Path, expression: str, line: str, other: str) -> None:
    """The slash ends a literal of mtail."""
    log = f"{tmp_path}/app.log"
    counted = run(mtail, tmp_path, {"files": [log], "match": expression}, {log: [line, other]})
    assert counted["log_rule_matches_total", ""] == 1


def test_a_journal_is_a_pipe_of_the_role() -> None:
    """Files and journals of a host are in the list once, in an order that does not change."""
    journal = log_rule(name="j", files=[], journal={"unit": "app"}, match="x")
    rules = [journal, {**journal, "name": "k"}, log_rule(name="f", files=["/b", "/a"]), log_rule(name="g", files=["/a"])]
    model: t.Any = {"hosts": {"a": {"logs": rules}, "b": {}}}
    assert mtail_sources(model, "a") == {
        "files": ["/a", "/b"],
        "journals": [{"unit": "app.service", "path": "/run/vigie/mtail/journal/app.service"}],
    }
    assert sorted(mtail_programs(model, "a")) == ["f.mtail", "g.mtail", "j.mtail", "k.mtail"]
    assert r"/^(\/run\/vigie\/mtail\/journal\/app\.service)$/" in mtail_programs(model, "a")["j.mtail"]
    assert mtail_programs(model, "b") == {}
    assert mtail_sources(model, "b") == {"files": [], "journals": []}
