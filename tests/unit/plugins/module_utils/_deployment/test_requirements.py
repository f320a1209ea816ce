# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions that a host must meet: the first one that it does not meet is named."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.requirements import (
    NOT_FOUND,
    execute,
    unmet_requirement,
)


def echo(argv: t.Sequence[str]) -> tuple[int, str, str]:
    """Run a program that writes its arguments, and another line."""
    return 0, " ".join(argv[1:]) + "\nmore\n", ""


@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        ({"path": "/nonexistent/module"}, "needs this"),
        ({"path": "/nonexistent/module", "error": "no {path} here"}, "no /nonexistent/module here"),
        ({"path": "/"}, ""),
        ({"command": ["false-program-of-nobody"]}, "needs this"),
        (
            {"command": ["echo", "version 2"], "pattern": "version 3", "error": "needs this ({output})"},
            "needs this (version 2)",
        ),
        ({"command": ["echo", "version 2"], "pattern": "version [0-9]"}, ""),
    ],
)
def test_a_requirement_that_is_not_met_is_named(requirement: dict[str, t.Any], message: str) -> None:
    """With its path, or the first line of the command's output."""
    default = {"path": "", "command": [], "pattern": "", "error": "needs this"}
    assert unmet_requirement([{**default, "path": "/"}, {**default, **requirement}], echo) == message


def test_programs_of_the_administrator_are_found_with_su(monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps the PATH of the user who calls it, without /usr/sbin."""
    monkeypatch.setenv("PATH", "/nowhere")
    called = []

    def run(argv: t.Sequence[str]) -> tuple[int, str, str]:
        called.append(argv[0])
        return 0, "", ""

    assert execute(["groupadd", "--help"], run)[0] == 0
    assert called[0] in ("/sbin/groupadd", "/usr/sbin/groupadd")
    assert execute(["false-program-of-nobody"], run)[0] == NOT_FOUND
