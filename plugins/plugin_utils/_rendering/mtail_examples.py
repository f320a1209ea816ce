# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of log rules as tests of their mtail programs. Private to the collection.

Each example has a log file with its one line, and a program of its own that reads only this file. One run of mtail tests all
examples, and the label ``prog`` of a counter names the example. The script that runs mtail and judges the output needs only
Python, so that it runs on the controller and on the hosts.
"""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.log_rules import LogRule, distinct_rules
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import mtail_check
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.mtail_programs import CLEARS, MATCHES, program

SCRIPT = "check.py"
# By kind of example: how often match and clear must match. A line that matches clear does not count for match.
_COUNTS = {"matches": (1, 0), "others": (0, 0), "clears": (0, 1)}


def mtail_examples(model: Model, host: str = "") -> dict[str, str]:
    """Return the files of the tests of all log rules of *host*, or of the fleet: text by relative path.

    ``python3 check.py PATH_OF_MTAIL`` runs the tests. The result is empty if there are no log rules.
    """
    hosts = [model["hosts"][host]] if host else model["hosts"].values()
    distinct = {
        json.dumps([rule["name"], rule["match"], rule["clear"], rule["labels"], rule["examples"]]): rule
        for rule in distinct_rules(item.get("logs") for item in hosts)
    }
    return example_files([rule for _key, rule in sorted(distinct.items())])


def example_files(rules: t.Sequence[LogRule]) -> dict[str, str]:
    """Return the files of the tests of *rules*."""
    if not rules:
        return {}
    files: dict[str, str] = {}
    expected: dict[str, mtail_check.Example] = {}
    for number, rule in enumerate(rules):
        # A rule without examples is compiled, too.
        lines = [(kind, line) for kind in _COUNTS for line in rule["examples"][kind]]
        for kind, line in [("compile", ""), *lines]:
            name = f"{rule['name']}-{number}-{len(expected)}"
            files[f"programs/{name}.mtail"] = program(rule, f"/{re.escape(name)}$")
            files[f"logs/{name}"] = f"{line}\n" if kind in _COUNTS else ""
            matches, clears = _COUNTS.get(kind, (0, 0))
            counters = {**({MATCHES: matches} if rule["match"] else {}), **({CLEARS: clears} if rule["clear"] else {})}
            expected[f"{name}.mtail"] = {"rule": rule["name"], "kind": kind, "line": line, "counters": counters}
    files["expected.json"] = json.dumps(expected, indent=1, ensure_ascii=False) + "\n"
    files[SCRIPT] = pathlib.Path(mtail_check.__file__).read_text(encoding="utf-8")
    return files
