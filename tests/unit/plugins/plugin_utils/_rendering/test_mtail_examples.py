# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of log rules as tests, run by each mtail that the mirror has."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import typing as t
from pathlib import Path

from models import log_rule

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.mtail_examples import example_files, mtail_examples

GOOD = {
    "match": r"No space left on device: (?P<path>/\S+)",
    "clear": r"space available again: (?P<path>/\S+)",
    "labels": ["path"],
    "examples": {
        "matches": ['app: No space left on device: /srv "x"'],
        "others": ["disk 70 % full"],
        "clears": ["space available again: /srv"],
    },
}


def errors(mtail: str, directory: Path, *rules: t.Any) -> list[str]:
    """Return what the script prints for *rules*."""
    for name, text in example_files(list(rules)).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run([sys.executable, directory / "check.py", mtail], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == (1 if done.stdout else 0)
    return done.stdout.splitlines()


def test_right_examples_give_no_error(mtail: str, tmp_path: Path) -> None:
    """Also those of a rule without an expression, and of two rules of one name on different hosts."""
    rules = [log_rule(**GOOD), log_rule(**{**GOOD, "labels": []}), log_rule(name="q", match=None, flood=5)]
    assert errors(mtail, tmp_path, *rules) == []


def test_examples_run_beside_the_service(mtail: str, tmp_path: Path) -> None:
    """On a host, the service already uses the port of mtail."""
    with socket.socket() as listener:
        # An mtail of the machine may use the port, which serves the purpose of the test as well.
        with contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", 3903))
            listener.listen()
        assert errors(mtail, tmp_path, log_rule(**GOOD)) == []


def test_a_wrong_example_names_the_rule_and_the_line(mtail: str, tmp_path: Path) -> None:
    """One line for each, with the key that has the example."""
    wrong = {"matches": ["nothing"], "others": ["No space left on device: /x"], "clears": ["No space left on device: /y"]}
    assert errors(mtail, tmp_path, log_rule(**GOOD), log_rule(**{**GOOD, "name": "wrong", "examples": wrong})) == [
        "log rule wrong: match does not match the example in examples.matches: 'nothing'",
        "log rule wrong: the rule matches the example in examples.others, which it must not match: 'No space left on device: /x'",
        "log rule wrong: clear does not match the example in examples.clears: 'No space left on device: /y'",
    ]


def test_an_expression_that_mtail_rejects_hides_no_other_error(mtail: str, tmp_path: Path) -> None:
    """The mtail program stops at the first one."""
    rules = [
        log_rule(name="escape", match=r"\y", examples={"matches": ["y"]}),
        log_rule(name="repeat", match="a{2000}"),
        log_rule(name="wrong", examples={"matches": ["y"]}),
    ]
    found = errors(mtail, tmp_path, *rules)
    assert len(found) == 3
    assert found[0].startswith(
        r"log rule escape: mtail rejects match or clear: error parsing regexp: invalid escape sequence: `\y` (line "
    )
    assert found[1].startswith("log rule repeat: mtail rejects match or clear: error parsing regexp: invalid repeat count")
    assert found[2] == "log rule wrong: match does not match the example in examples.matches: 'y'"


def test_equal_rules_of_several_hosts_are_tested_once() -> None:
    """The tests of one host are those of its rules."""
    shared = [log_rule(name="a", examples={"matches": ["x"]})]
    model: t.Any = {
        "hosts": {"h": {"logs": shared}, "i": {"logs": shared}, "j": {"logs": [*shared, log_rule(name="b")]}, "k": {}}
    }

    def programs(host: str = "") -> list[str]:
        return [name for name in mtail_examples(model, host) if name.startswith("programs/")]

    assert len(programs()) == 3
    assert len(programs("h")) == 2
    assert mtail_examples(model, "k") == {}
