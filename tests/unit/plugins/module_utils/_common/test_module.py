# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules whose options hold secret files."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from processes import Started, service_options, tree_options

from ansible_collections.vigie.monitoring.plugins.modules import config_tree, release

pytestmark = pytest.mark.usefixtures("private")
# Of a file: it may be a password.
CONTENT = "hunter2-hunter2"


WRONG_TREES: list[dict[str, t.Any]] = [
    {"files": CONTENT},
    {"files": {"a.yml": CONTENT}, "watched": {"a": "b"}},
    {"fiels": {"a.yml": CONTENT}},
    {"files": {"a.yml": {"content": CONTENT, "owner": "x"}}},
    {"files": {"a.yml": {"content": CONTENT, "mode": "rw-r--r--"}}},
    {"files": {"/a.yml": CONTENT}},
    {"files": {"a.yml": [CONTENT]}},
    {"files": {"a.yml": CONTENT}, "state": "gone"},
    {"files": {"a.yml": CONTENT}, "directory_mode": "0770"},
    {"files": {"a.yml": CONTENT}, "validate": [["/nonexistent/tool"]]},
]


WRONG_RELEASES: list[dict[str, t.Any]] = [
    {"files": [{"path": "/x", "content": CONTENT}], "state": "gone"},
    {"files": [{"path": "/x", "content": {"a": CONTENT}, "on_change": "never"}]},
    {"files": [{"path": "/x", "contents": CONTENT}]},
    {"files": [CONTENT]},
    {"files": CONTENT},
    {"config": CONTENT},
    {"config": {"files": {"a.yml": CONTENT}}},
    {"config": {"path": "/x", "files": {"a.yml": CONTENT}, "watched": 5, "verify": {}}},
    {"konfig": {"path": "/x", "files": {"a.yml": CONTENT}}},
    {"token": CONTENT, "timeout": "soon"},
]


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077, 0o000])
def test_a_first_install_under_any_umask(host: Path, umask: int) -> None:
    """Directories on the way are open to those who have to pass, those of configuration to root and the group alone."""
    found = Started(release, service_options(host, **tree_options(host / "etc/a/prog", main_yml="x")), umask=umask).result()
    assert found.get("changed"), found
    found = Started(config_tree, tree_options(host / "srv/b/other", main_yml="x"), umask=umask).result()
    assert found.get("changed"), found
    modes = {str(p.relative_to(host)): p.stat().st_mode & 0o777 for p in host.rglob("*") if p.is_dir() and not p.is_symlink()}
    closed = {f"{base}{end}" for base in ("etc/a/prog", "srv/b/other") for end in ("", "/.trees", "/targets")}
    for path, mode in modes.items():
        inside = path in closed or "/.trees/" in path
        assert mode == (0o700 if path in ("private/state", "private/locks") else 0o750 if inside else 0o755), path
    assert {"opt/vigie", "opt/vigie/prog", "etc/a", "etc/vigie", "etc/vigie/x", "srv", "srv/b"} <= set(modes)


@pytest.mark.parametrize(
    ("module", "options"),
    [(config_tree, {"path": "/x", **wrong}) for wrong in WRONG_TREES]
    + [
        (release, {"name": "prog", "version": "1", "url": "http://127.0.0.1:9/x", "unit": "x", **wrong})
        for wrong in WRONG_RELEASES
    ],
)
def test_options_that_are_refused_are_not_shown(host: Path, module: t.Any, options: dict[str, t.Any]) -> None:
    """Neither in the message nor in the invocation that -vvv prints."""
    owned = {"path": str(host / "etc/x")} if module is config_tree else {"root": str(host / "opt")}
    text = Started(module, {**options, **owned}, check=False).text()
    assert json.loads(text)["failed"], text
    assert CONTENT not in text
