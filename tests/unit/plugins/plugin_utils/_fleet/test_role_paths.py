# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where roles with a contract are found, beside those of the collection."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from inventories import Made, write
from own_role import NAME, role

import ansible_collections
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import OURS
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import cache

HOSTS = {
    "all": {
        "children": {
            NAME: {"hosts": {"cache1": None}},
            "prometheus": {"hosts": {"mon": None}},
            "node_exporter": {"hosts": {"cache1": None}},
        }
    }
}


@pytest.fixture(autouse=True)
def _no_model_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_models", {})
    monkeypatch.setattr(cache, "_of_this_task", set())


def made(path: Path, files: dict[str, t.Any], paths: t.Any = None, sources: t.Sequence[str] = ("inventory/hosts.yml",)) -> Made:
    """Return an inventory with *files* beside it, and monitoring_role_paths for the group all."""
    variables = {} if paths is None else {"inventory/group_vars/all.yml": {"monitoring_role_paths": paths}}
    return Made(path, {"inventory/hosts.yml": HOSTS, **variables, **files}, sources=sources)


def fleet(made: Made) -> dict[str, t.Any]:
    """Return the model, as the lookup has it."""
    return made.template("{{ lookup('vigie.monitoring.fleet') }}")


PLACES: dict[str, tuple[str, t.Any]] = {
    "beside the inventory": ("inventory/roles", None),
    "beside the playbook": ("play/roles", None),
    "in roles_path": ("configured", None),
    "by its path": ("far/away", ["{{ '%s/far' }}/away"]),
    "relative to the inventory": ("shared", ["../shared"]),
    "in roles/ of a project": ("project/roles", ["../project"]),
    "in a collection": ("collections/ansible_collections/example/extra/roles", ["example.extra"]),
    "in the path of a collection": (
        "collections/ansible_collections/example/extra/roles",
        ["%s/collections/ansible_collections/example/extra"],
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_role_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Wherever the user stands; the model has what its contract says, and the name that include_role finds it by."""
    below, paths = PLACES[place]
    monkeypatch.setattr("ansible.constants.DEFAULT_ROLES_PATH", [str(tmp_path / "configured")])
    installed = str(tmp_path / "collections/ansible_collections")
    monkeypatch.setattr(ansible_collections, "__path__", [*ansible_collections.__path__, installed])
    monkeypatch.chdir("/")
    paths = [path.replace("%s", str(tmp_path)) for path in paths] if paths else None
    model = fleet(made(tmp_path, role(below=below), paths))
    assert [item["job"] for item in model["hosts"]["cache1"]["endpoints"]] == ["memcached", "node"]
    expected = f"example.extra.{NAME}" if place == "in a collection" else str(tmp_path / below / NAME)
    assert model["roles"][NAME] == expected
    assert model["roles"]["node_exporter"] == "vigie.monitoring.node_exporter"


def test_roles_of_several_places_are_there_once(tmp_path: Path) -> None:
    """A directory that is found twice counts once, and so does the collection's own."""
    made_here = made(
        tmp_path,
        {
            **role(below="inventory/roles"),
            **role("stock_exporter", below="play/roles"),
            "other/more.yml": "all:\n  hosts: {b: }\n",
        },
        [str(tmp_path / "inventory/roles"), "./roles", OURS.path],
        ("inventory/hosts.yml", "other/more.yml"),
    )
    assert {NAME, "stock_exporter", "node_exporter"} <= set(fleet(made_here)["roles"])


def test_an_inventory_directory_has_its_roles_beside_it(tmp_path: Path) -> None:
    """Ansible would read those inside it as an inventory."""
    assert NAME in fleet(made(tmp_path, role(below="roles"), sources=("inventory",)))["roles"]


WRONG: dict[str, tuple[t.Any, str]] = {
    "no directory": (["/nowhere/roles"], "value '/nowhere/roles': there is no directory /nowhere/roles. Correct the path"),
    "no relative one": (["../nowhere"], "value '../nowhere': there is no directory"),
    "no role": (["."], "inventory has no folder with a file monitoring/scrape.yml"),
    "the role itself": ([f"../roles/{NAME}"], "Name the directory that holds the folders of your roles"),
    "no collection": (["example.nowhere"], "the collection example.nowhere is not installed"),
    "no list": ("/srv", "must be a list of directories and names of collections"),
    "no texts": ([1], "must be a list of directories and names of collections"),
    "no template": (["{{ nowhere }}"], "cannot be templated"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_path_is_one_error(tmp_path: Path, case: str) -> None:
    """It names the variable and the value. Nothing that follows from it is reported beside it."""
    paths, message = WRONG[case]
    with pytest.raises(AnsibleError, match=r"The inventory has 1 error") as error:
        cache.model(made(tmp_path, role(), paths).hostvars)
    assert "host all, variable monitoring_role_paths" in str(error.value)
    assert message in str(error.value)


def test_a_path_relative_to_no_file(tmp_path: Path) -> None:
    """A list of hosts on the command line lies nowhere."""
    here = Made(tmp_path, {}, {"monitoring_role_paths": ["roles"]}, sources=())
    here.manager.parse_source("cache1,")
    here.manager._sources = ["cache1,"]
    with pytest.raises(AnsibleError, match="Use an absolute path"):
        cache.model(here.hostvars)


def test_a_path_that_changes_changes_the_model(tmp_path: Path) -> None:
    """The contracts are read once for the same directories, and not for others."""
    here = made(tmp_path, role(below="far"))
    assert NAME not in cache.model(here.hostvars)["roles"]
    here.variables.extra_vars["monitoring_role_paths"] = [str(tmp_path / "far")]
    assert NAME in cache.model(here.hostvars)["roles"]


def test_a_slip_in_the_name_of_a_variable_or_a_group(tmp_path: Path) -> None:
    """Is an error for a role of the user, too; a variable that only begins with its name is a warning."""
    write(tmp_path, role(below="inventory/roles"))
    files = {
        "inventory/host_vars/cache1.yml": {f"{NAME}_prot": 1, f"{NAME}_other": 2},
        "inventory/more.yml": {"all": {"children": {"memcached_exporer": {"hosts": {"cache1": None}}}}},
    }
    here = made(tmp_path, files, sources=("inventory/hosts.yml", "inventory/more.yml"))
    with pytest.raises(AnsibleError) as error:
        cache.model(here.hostvars)
    assert f"variable {NAME}_prot, value '…': your role has no such variable. Did you mean {NAME}_port?" in str(error.value)
    assert f"Did you mean {NAME}? Rename the group" in str(error.value)
    here.variables.extra_vars["monitoring_unknown_variables"] = "allow"
    assert cache.model(here.hostvars)["hosts"]["cache1"]["roles"] == [NAME, "node_exporter"]
