# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of an inventory, against what Ansible itself makes of it."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible import constants as C  # noqa: N812 - what ansible-core calls it
from ansible.plugins.loader import vars_loader
from inventories import AWKWARD, Made, write

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.inventory_variables import Inventory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import MISSING, plain

# What a run adds to the inventory.
OF_THE_RUN = {"ansible_facts", "ansible_local", "environment", "vars", "hostvars"}


def contributions(made: Made, host: str, variable: str) -> list[t.Any]:
    """Return every value of *variable* for *host*, the weakest first."""
    variables = made.inventory.host(host)
    return plain([*variables.group_contributions(variable), *variables.own_contributions(variable)])


def assert_as_ansible(made: Made, host: str) -> None:
    """Each variable by itself, and all of them."""
    variables, theirs = made.inventory.host(host), made.ansible(host)
    for name in set(theirs) - OF_THE_RUN:
        assert plain(variables.get(name)) == plain(theirs[name]), name
        assert plain(variables.all()[name]) == plain(theirs[name]), name
    assert set(variables.all()) - OF_THE_RUN == set(theirs) - OF_THE_RUN


@pytest.mark.parametrize("behaviour", ["replace", "merge"])
@pytest.mark.parametrize("host", ["h1", "h2", "h3"])
def test_variables_are_those_that_ansible_itself_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, behaviour: str
) -> None:
    """Groups with priorities, files beside inventory and playbook, host files, extra variables, merged dictionaries."""
    monkeypatch.setattr(C, "DEFAULT_HASH_BEHAVIOUR", behaviour)
    assert_as_ansible(Made(tmp_path, AWKWARD, {"extra": "wins", "file_only": 2, "monitoring_labels": {"e": "x"}}), host)


@pytest.mark.parametrize(
    "precedence",
    [
        ["all_plugins_play", "groups_plugins_play", "groups_inventory", "all_inventory"],
        ["groups_plugins_inventory", "groups_inventory", "all_plugins_inventory", "all_plugins_play", "all_inventory"],
    ],
)
def test_the_configured_precedence_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precedence: list[str]) -> None:
    """ANSIBLE_PRECEDENCE puts the sources in another order."""
    monkeypatch.setattr(C, "VARIABLE_PRECEDENCE", precedence)
    for host in ("h1", "h2", "h3"):
        assert_as_ansible(Made(tmp_path, AWKWARD), host)


def test_the_last_contribution_is_what_ansible_gives(tmp_path: Path) -> None:
    """Of a variable that does not merge, the others are lost."""
    made = Made(tmp_path, AWKWARD)
    for host in ("h1", "h2", "h3"):
        assert contributions(made, host, "monitoring_labels")[-1] == plain(made.ansible(host)["monitoring_labels"])
        assert contributions(made, host, "who")[-1] == plain(made.ansible(host)["who"])
    assert contributions(made, "h1", "who") == ["all-inline", "alpha-inline", "zeta-inline", "all-file", "alpha-file"]


def test_a_directory_that_is_read_twice_contributes_once(tmp_path: Path) -> None:
    """Two inventories in one directory, and the playbook in it, too."""
    files = {
        "play/a.yml": {"all": {"hosts": {"h": None}}},
        "play/b.yml": {"web": {"hosts": {"h": None}}},
        "play/group_vars/all.yml": {"v": ["all"]},
        "play/group_vars/web.yml": {"v": ["web"]},
        "play/host_vars/h.yml": {"v": ["h"]},
    }
    made = Made(tmp_path, files, sources=["play/a.yml", "play/b.yml"])
    assert contributions(made, "h", "v") == [["all"], ["web"], ["h"]]
    assert_as_ansible(made, "h")


def test_inventories_without_files(tmp_path: Path) -> None:
    """A list of hosts on the command line has no directory."""
    made = Made(tmp_path, {"play/group_vars/all.yml": {"v": 1}}, sources=[])
    made.manager._sources = ["h1,h2,"]
    made.manager.parse_sources()
    made.inventory = Inventory(made.manager, made.variables, made.loader)
    assert_as_ansible(made, "h1")
    assert made.inventory.host("h2").get("v") == 1
    assert made.inventory.host("h2").get("nothing") is MISSING


@pytest.mark.parametrize("name", ["h.example.com", "h.yml", "ü", "a+b"])
@pytest.mark.parametrize("file", ["{}", "{}.yml", "{}.json", "{}.yaml", "{}/one.yml", "{}.other"])
def test_files_of_hosts_are_found_as_ansible_finds_them(tmp_path: Path, name: str, file: str) -> None:
    """With and without an ending, or in a directory."""
    assert_as_ansible(
        Made(tmp_path, {"hosts.yml": {"all": {"hosts": {name: None}}}, f"host_vars/{file.format(name)}": {"v": 1}}), name
    )


@pytest.fixture
def another_plugin(tmp_path: Path) -> t.Iterator[None]:
    """Load another plugin for variables, as one beside an inventory would be."""
    directory = str(tmp_path / "plugins")
    write(
        Path(directory),
        {
            "zz.py": """
from ansible.plugins.vars import BaseVarsPlugin
class VarsModule(BaseVarsPlugin):
    def get_vars(self, loader, path, entities, cache=True):
        return {"from_plugin": ",".join(e.name for e in entities), "who": entities[-1].name + "-plugin"}
"""
        },
    )
    before = dict(vars_loader._plugin_instance_cache or {})
    vars_loader.add_directory(directory)
    vars_loader._paths = None
    yield
    vars_loader._extra_dirs.remove(directory)
    vars_loader._paths = None
    vars_loader._plugin_instance_cache = before


@pytest.mark.usefixtures("another_plugin")
def test_other_plugins_for_variables_are_asked(tmp_path: Path) -> None:
    """For groups and hosts; each sees all groups before the next one does."""
    made = Made(tmp_path, AWKWARD)
    assert not made.inventory._only_files
    for host in ("h1", "h2", "h3"):
        assert_as_ansible(made, host)
    assert contributions(made, "h3", "who")[-1] == "h3-plugin"


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("all", {"h1", "h2", "h3"}),
        ("alpha:&zeta", {"h1", "h2"}),
        ("!zeta", {"h3"}),
        ("all,!h1", {"h2", "h3"}),
        (["h1", "deep"], {"h1", "h3"}),
        ("~h[12]", {"h1", "h2"}),
        ("nowhere", set()),
    ],
)
def test_patterns_select_whatever_the_limit(tmp_path: Path, pattern: t.Any, hosts: set[str]) -> None:
    """As in `hosts` of a play."""
    made = Made(tmp_path, AWKWARD)
    made.manager.subset("h1")
    made.manager.restrict_to_hosts([made.manager.hosts["h1"]])
    assert set(made.inventory.select(pattern)) == hosts


def test_a_pattern_that_is_none_is_an_error(tmp_path: Path) -> None:
    """A range that the group does not have."""
    with pytest.raises(ValueError, match="No hosts matched the subscripted pattern"):
        Made(tmp_path, AWKWARD).inventory.select("alpha[7]")
