# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scrape contracts of the roles."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import own_role
import pytest
from ansible.errors import AnsibleError
from inventories import contract, write

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import role_contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import OURS, Directory, contracts, in_order


def directory(path: Path, *names: str) -> Directory:
    """Return a directory of the user with some roles."""
    for name in names:
        write(path, own_role.role(name, below="roles"))
    return Directory(os.path.realpath(path / "roles"))


def errors(*directories: Directory) -> list[str]:
    """Return the errors in the files of the roles."""
    with pytest.raises(AnsibleError) as raised:
        contracts((OURS, *directories))
    return [line for line in str(raised.value).splitlines() if line.startswith("- ")]


def test_the_roles_of_the_collection_have_contracts() -> None:
    """Discovered by their folder, nothing lists them."""
    found = {item.role: item for item in contracts()}
    assert {"node_exporter", "prometheus", "alertmanager"} <= set(found)
    assert list(found) == sorted(found)
    assert found["prometheus"].fqcn == "vigie.monitoring.prometheus"
    assert (found["prometheus"].is_server, found["node_exporter"].is_server) == (True, False)
    assert "HostMemoryUsed" in found["node_exporter"].rules
    assert set(found) <= set(role_contracts.roles())
    assert "release_service" in set(role_contracts.roles()) - set(found)


def test_a_folder_of_the_user_is_a_contract(tmp_path: Path) -> None:
    """With its folder, which include_role finds it by; in a collection, by the name of the collection."""
    mine = directory(tmp_path, "made_up_exporter")
    (found,) = [item for item in contracts((OURS, mine)) if item.role == "made_up_exporter"]
    assert found.folder == Path(mine.path) / "made_up_exporter"
    assert found.fqcn == str(found.folder)
    assert found.scrape["job"] == "made_up"
    (found,) = [item for item in contracts((OURS, Directory(mine.path, "mine.own"))) if item.role == "made_up_exporter"]
    assert found.fqcn == "mine.own.made_up_exporter"


def test_roles_that_cannot_exist_together(tmp_path: Path) -> None:
    """One of our names, one name in two directories, one job of two roles: each error names the file."""
    taken = directory(tmp_path / "a", "node_exporter")
    (line,) = errors(taken)
    assert line.startswith(f"- {taken.path}/node_exporter: ")
    first, second = directory(tmp_path / "b", "made_up_exporter"), directory(tmp_path / "c", "made_up_exporter")
    (line,) = errors(first, second)
    assert line.startswith(f"- {second.path}/made_up_exporter: ")
    assert first.path in line
    scrape = Path(second.path) / "made_up_exporter" / "monitoring" / "scrape.yml"
    other = directory(tmp_path / "d", "other_exporter")
    path = Path(other.path) / "other_exporter" / "monitoring" / "scrape.yml"
    path.write_text(scrape.read_text().replace("made_up_exporter", "other_exporter"))
    assert any(str(path) in line and "made_up" in line for line in errors(first, other))


def test_errors_of_several_files_are_reported_together(tmp_path: Path) -> None:
    """Not one at a run."""
    mine = directory(tmp_path, "one_exporter", "two_exporter")
    files = [Path(mine.path) / role / "monitoring/scrape.yml" for role in ("one_exporter", "two_exporter")]
    for file in files:
        file.write_text("job: [")
    found = errors(mine)
    assert [any(str(file) in line for line in found) for file in files] == [True, True]


@pytest.mark.parametrize(
    ("clients", "keeps_data", "expected"),
    [
        ({}, (), ["a", "b", "c"]),
        # The hosts of a connect to c, and those of c to b.
        ({"c": ["a"], "b": ["c"]}, (), ["b", "c", "a"]),
        ({"b": ["a"]}, (), ["b", "a", "c"]),
        ({}, ("a",), ["b", "c", "a"]),
        # A circle: nobody can come after the others, and the run does not hang.
        ({"a": ["b"], "b": ["a"]}, (), ["c", "a", "b"]),
    ],
)
def test_the_order_of_the_plays(clients: dict[str, list[str]], keeps_data: t.Sequence[str], expected: list[str]) -> None:
    """Exporters before servers that keep data, and a role after those whose clients it is."""
    found = [
        contract(name, {"job": name, "access": {"clients": clients.get(name, [])}, "keeps_data": name in keeps_data}, {})
        for name in ("c", "a", "b")
    ]
    assert [item.role for item in in_order(found)] == expected


def test_what_the_specification_says_of_a_variable() -> None:
    """Of all entry points; a role without one has none."""
    assert role_contracts.specification("node_exporter")["node_exporter_port"]["type"] == "int"
    assert role_contracts.specification("no_such_role") == {}
