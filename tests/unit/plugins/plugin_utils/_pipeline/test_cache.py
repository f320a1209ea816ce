# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model that a run builds once: what makes it be built anew, and that nothing else does."""

from __future__ import annotations

import multiprocessing
import typing as t
from pathlib import Path

import inventories
import pytest
from ansible.errors import AnsibleError
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import cache

FILES = {
    "hosts.yml": """
all:
  children:
    node_exporter:
      vars: {monitoring_labels: {site: x}}
      hosts: {web1: {monitoring_labels: {own: a}}, web2: }
    prometheus: {hosts: {mon: }}
    spare: {}
""",
}


@pytest.fixture
def made(tmp_path: Path, empty_cache: None) -> inventories.Made:  # noqa: ARG001 - a fixture
    """Return an inventory, and begin without any model."""
    return inventories.Made(tmp_path, FILES)


def test_the_controller_builds_it_once(made: inventories.Made, builds: list[str]) -> None:
    """The second question gets the same one, and one about a host another one."""
    assert cache.model(made.hostvars) is cache.model(made.hostvars)
    assert list(cache.model(made.hostvars, host="web1")["hosts"]) == ["mon", "web1"]
    assert list(cache.model(made.hostvars, without=["web1"])["hosts"]) == ["mon", "web2"]
    assert builds == ["", "web1", ""]


def test_a_task_inherits_what_the_controller_built(made: inventories.Made, builds: list[str]) -> None:
    """A process that is forked from it builds nothing."""
    cache.model(made.hostvars)
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()

    def ask() -> None:
        answers.put((sorted(cache.model(made.hostvars)["hosts"]), cache.in_the_controller(), len(builds)))

    task = context.Process(target=ask)
    task.start()
    task.join(30)
    assert answers.get() == (["mon", "web1", "web2"], False, 1)


CHANGES: dict[str, t.Callable[[inventories.Made], t.Any]] = {
    "a host has come": lambda made: made.manager.add_dynamic_host({"host_name": "new", "groups": ["node_exporter"]}, {}),
    "a host got a variable": lambda made: made.manager.get_host("web2").set_variable("monitoring_labels", {"own": "b"}),
    "a variable of a host changed": lambda made: made.manager.get_host("web1").set_variable("monitoring_labels", {"own": "b"}),
    "a variable of a group changed": lambda made: made.manager.groups["node_exporter"].set_variable(
        "monitoring_labels", {"site": "y"}
    ),
    "a group got a variable": lambda made: made.manager.groups["node_exporter"].set_variable("node_exporter_port", 9999),
    "a host got into a group": lambda made: made.manager.groups["node_exporter"].add_host(made.manager.get_host("mon")),
    "a group came first": lambda made: made.manager.groups["spare"].set_priority(20),
    "a group is in another one": lambda made: made.manager.groups["prometheus"].add_child_group(made.manager.groups["spare"]),
    "an extra variable": lambda made: made.variables.extra_vars.update(monitoring_labels={"extra": "x"}),
    "the inventory was read again": lambda made: made.manager.refresh_inventory(),
    "another playbook": lambda made: made.loader.set_basedir("/nonexistent"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_makes_it_be_built_anew(made: inventories.Made, builds: list[str], change: str) -> None:
    """Whatever the model is made from: the result is that of an inventory which was so from the start."""
    cache.model(made.hostvars)
    CHANGES[change](made)
    found = cache.model(made.hostvars)
    assert builds == ["", ""]
    cache._models.clear()
    assert found == cache.model(made.hostvars)
    cache.model(made.hostvars)
    assert builds == ["", "", ""], "nothing else changed"


def test_mistakes_are_told_each_time(made: inventories.Made) -> None:
    """An inventory that is wrong leaves nothing to be found by the next one who asks."""
    made.manager.get_host("web1").set_variable("node_exporter_port", "none")
    for _time in range(2):
        with pytest.raises(AnsibleError, match=r"The inventory has 1 error:\n- host web1, variable node_exporter_port"):
            cache.model(made.hostvars)


def test_an_inventory_without_hosts_is_an_error(tmp_path: Path) -> None:
    """As one that does not exist: each play of it would be passed over."""
    made = Made(tmp_path, {"hosts.yml": {"all": {"children": {"prometheus": {}}}}})
    for template in ("{{ lookup('vigie.monitoring.fleet') }}", "{{ lookup('vigie.monitoring.role_hosts', 'all') }}"):
        with pytest.raises(AnsibleError, match=r"The inventory has no hosts\. Set an inventory that exists"):
            made.template(template)
