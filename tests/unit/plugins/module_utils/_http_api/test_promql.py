# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of PromQL's expressions."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.promql import any_of

AWKWARD = ["a.b", "a-b", 'say "hi"', "back\\slash", "ünïcode ☃", "(a|b)", "^$", "{x}", "[0-9]+", "a b"]


@pytest.mark.parametrize("name", AWKWARD)
def test_a_name_matches_itself_alone(name: str) -> None:
    """Every sign that has a meaning in an expression is escaped, and once more for the quotes."""
    expression = json.loads(any_of([name, "other"]))
    assert re.fullmatch(expression, name)
    assert re.fullmatch(expression, "other")
    assert not re.fullmatch(expression, name + "x")
    assert not re.fullmatch(expression, "axb")


def test_the_order_of_the_names_does_not_matter() -> None:
    """A rule file that differs in the order alone would be a change."""
    assert any_of(["b", "a"]) == any_of({"a": 1, "b": 2}) == '"a|b"'


def test_prometheus_takes_it(newest_promtool: str) -> None:
    """Escapes of Python that Go's expressions do not know would be refused."""
    selector = f"up{{host=~{any_of(AWKWARD)}}}"
    done = subprocess.run(
        [newest_promtool, "--experimental", "promql", "format", selector], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
