# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the fleet, against real inventories and what Ansible itself makes of them."""

from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.vars.manager import VariableManager

from ansible_collections.vigie.monitoring.plugins.plugin_utils import _fleet
from ansible_collections.vigie.monitoring.plugins.plugin_utils._inventory import Inventory

# As `contracts` reads them from the roles' folders.
CONTRACTS = tuple(
    dataclasses.replace(c, scrape=_fleet._trusted(c.scrape), defaults=_fleet._trusted(c.defaults))
    for c in (
        _fleet.Contract(
            "node_exporter", {"job": "node", "port": "{{ node_exporter_port }}"}, {"node_exporter_port": 9100}, "rules"
        ),
        _fleet.Contract(
            "uwsgi_exporter",
            {"job": "uwsgi", "port": "{{ uwsgi_exporter_port }}", "instances": "{{ uwsgi_exporter_instances }}"},
            {"uwsgi_exporter_port": 9118, "uwsgi_exporter_instances": []},
            "",
        ),
        _fleet.Contract(
            "prometheus",
            {"job": "prometheus", "port": "{{ prometheus_port }}", "server": True},
            {
                "prometheus_port": 9090,
                "prometheus_scrape_hosts": "all",
                "prometheus_note": "{{ site }}-{{ prometheus_port }}",
            },
            "",
        ),
    )
)


class Made:
    """An inventory on disk, and Ansible's own objects for it."""

    def __init__(self, path: Path, files: dict[str, t.Any], extra: dict[str, t.Any] | None = None) -> None:
        """Write *files* (texts, or data that becomes YAML) below *path*."""
        for name, content in files.items():
            file = path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        self.loader = DataLoader()
        self.loader.set_basedir(str(path / "play"))
        self.manager = InventoryManager(loader=self.loader, sources=[str(path / "hosts.yml")])
        self.variables = VariableManager(loader=self.loader, inventory=self.manager)
        self.variables._extra_vars = extra or {}
        self.inventory = Inventory(self.manager, self.variables, self.loader)

    def build(self) -> tuple[dict[str, t.Any], list[str]]:
        """Return the model and the mistakes."""
        return _fleet.build(self.inventory, CONTRACTS, self.template)

    def template(self, value: t.Any, available: dict[str, t.Any]) -> t.Any:
        """Template as the lookup does."""
        return Templar(loader=self.loader, variables=available).template(value)

    def ansible(self, host: str) -> dict[str, t.Any]:
        """Return what Ansible itself gives *host*."""
        return self.variables.get_vars(host=self.manager.get_host(host), include_hostvars=False)


AWKWARD = {
    "hosts.yml": """
all:
  vars: {site: x, who: all-inline, monitoring_labels: {a: all-inline, only_all: x}}
  children:
    zeta:
      vars: {who: zeta-inline, ansible_group_priority: 10, monitoring_labels: {a: zeta-inline}}
      hosts: {h1: {who_host: inline, monitoring_labels: {h: inline}}, h2: }
    alpha:
      vars: {who: alpha-inline, monitoring_labels: {a: alpha-inline, only_alpha: x}}
      hosts: {h1: , h2: }
      children:
        deep:
          vars: {depth: deep}
          hosts: {h3: {depth: host}}
    node_exporter: {children: {zeta: , alpha: }}
    prometheus: {hosts: {h1: }}
""",
    "group_vars/all.yml": {"who": "all-file", "file_only": 1, "monitoring_labels": {"a": "all-file", "f": "all-file"}},
    "group_vars/alpha/one.yml": {"who": "alpha-file", "monitoring_labels": {"a": "alpha-file"}},
    "group_vars/deep.yml": {"monitoring_labels": {"d": "{{ depth }}-{{ inventory_hostname }}"}},
    "host_vars/h1.yml": {"who_host": "file", "monitoring_labels": {"h": "file"}},
    "play/group_vars/alpha.yml": {"play": "alpha"},
    "play/host_vars/h2.yml": {"who": "play-host", "monitoring_labels": {"p": "play"}},
}


@pytest.mark.parametrize("host", ["h1", "h2", "h3"])
def test_variables_are_those_that_ansible_itself_gives(tmp_path: Path, host: str) -> None:
    """Groups with priorities, files beside inventory and playbook, host files, an extra variable."""
    made = Made(tmp_path, AWKWARD, {"extra": "wins", "file_only": 2})
    ours, theirs = made.inventory.variables(host), made.ansible(host)
    magic = {
        "omit",
        "ansible_version",
        "ansible_check_mode",
        "vars",
        "environment",
        "group_names",
        "groups",
        "playbook_dir",
    }
    for name, value in theirs.items():
        if name not in magic and not name.startswith(("ansible_", "inventory_")):
            assert ours[name] == value, name
    assert ours["group_names"] == theirs["group_names"]


def test_labels_merge_in_the_same_order_of_precedence(tmp_path: Path) -> None:
    """The strongest value of each label wins, as it would if the whole variable were replaced."""
    model, problems = Made(tmp_path, AWKWARD).build()
    assert problems == []
    assert model["hosts"]["h1"]["labels"] == {
        "a": "alpha-file",
        "f": "all-file",
        "h": "file",
        "only_all": "x",
        "only_alpha": "x",
    }
    assert model["hosts"]["h2"]["labels"]["p"] == "play"
    assert model["hosts"]["h3"]["labels"]["d"] == "host-h3"


def test_the_weakest_and_strongest_contribution_are_ansibles_own(tmp_path: Path) -> None:
    """The last contribution is what Ansible gives for the variable as a whole."""
    made = Made(tmp_path, AWKWARD)
    for host in ("h1", "h2", "h3"):
        assert made.inventory.contributions(host, "monitoring_labels")[-1] == made.ansible(host)["monitoring_labels"]
        assert made.inventory.contributions(host, "who")[-1] == made.ansible(host)["who"]


def simple(host: dict[str, t.Any] | None = None, **groups: t.Any) -> dict[str, t.Any]:
    """Return an inventory of one host *h* in node_exporter and one server."""
    children = {"node_exporter": {"hosts": {"h": host}}, "prometheus": {"hosts": {"p": None}}, **groups}
    return {"hosts.yml": {"all": {"vars": {"site": "x"}, "children": children}}}


def test_a_target_follows_the_roles_own_variable(tmp_path: Path) -> None:
    """Also where it is reached through another one."""
    model, _problems = Made(tmp_path, simple({"node_exporter_port": "{{ base + 100 }}", "base": 19000})).build()
    (endpoint,) = model["hosts"]["h"]["endpoints"]
    assert (endpoint["job"], endpoint["port"], endpoint["instance"]) == ("node", 19100, "h:19100")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ({}, "h"),
        ({"ansible_host": "192.0.2.1"}, "192.0.2.1"),
        ({"ansible_host": "192.0.2.1", "monitoring_address": "{{ vpn }}", "vpn": "2001:db8::1"}, "2001:db8::1"),
    ],
)
def test_the_address(tmp_path: Path, host: dict[str, t.Any], address: str) -> None:
    """monitoring_address, then ansible_host, then the name."""
    model, _problems = Made(tmp_path, simple(host)).build()
    assert model["hosts"]["h"]["address"] == address


def test_several_instances_are_several_targets(tmp_path: Path) -> None:
    """Each with labels of its own."""
    instances = [{"port": 9118, "labels": {"uwsgi": "a"}}, {"port": 9119, "labels": {"uwsgi": "b"}}]
    files = simple({"uwsgi_exporter_instances": instances}, uwsgi_exporter={"hosts": {"h": None}})
    model, problems = Made(tmp_path, files).build()
    assert problems == []
    found = [(e["port"], e["labels"]) for e in model["hosts"]["h"]["endpoints"] if e["job"] == "uwsgi"]
    assert found == [(9118, {"uwsgi": "a"}), (9119, {"uwsgi": "b"})]


def test_other_endpoints_of_a_host_add_up(tmp_path: Path) -> None:
    """From groups and from the host."""
    files = simple({"monitoring_scrapes": [{"job": "app", "port": 8080}]})
    files["group_vars/node_exporter.yml"] = {"monitoring_scrapes": [{"job": "web", "port": 80, "path": "/m", "scheme": "https"}]}
    model, _problems = Made(tmp_path, files).build()
    assert [e["job"] for e in model["hosts"]["h"]["endpoints"]] == ["node", "web", "app"]


def test_an_absent_exporter_is_no_target(tmp_path: Path) -> None:
    """What is removed is not scraped."""
    model, _problems = Made(tmp_path, simple({"node_exporter_state": "absent"})).build()
    assert model["hosts"]["h"]["endpoints"] == []


def test_a_role_may_have_a_group_of_another_name(tmp_path: Path) -> None:
    """monitoring_groups maps it once."""
    files = simple(servers={"hosts": {"h": None}})
    files["group_vars/all.yml"] = {"monitoring_groups": {"prometheus": "servers"}}
    model, _problems = Made(tmp_path, files).build()
    assert list(model["servers"]["prometheus"]) == ["h"]


def test_settings_of_a_server_are_its_own(tmp_path: Path) -> None:
    """Defaults of the role under the variables of the host, templated."""
    model, _problems = Made(tmp_path, simple()).build()
    settings = model["servers"]["prometheus"]["p"]
    assert settings["prometheus_note"] == "x-9090"
    assert settings["scrape_hosts"] == ["h", "p"]


def test_the_model_is_plain_data(tmp_path: Path) -> None:
    """Nothing of Ansible's own types is left in it."""
    model, _problems = Made(tmp_path, AWKWARD).build()

    def check(value: t.Any) -> None:
        assert type(value) in (dict, list, str, int, float, bool, type(None))
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(item)

    check(model)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Each with host, variable, value and remedy."""
    host = {
        "monitoring_labels": {"bad-name": "x", "__name__": "x", "host": "x", "rack": 12, "broken": "{{ nowhere }}"},
        "node_exporter_port": 70000,
        "monitoring_scrapes": [
            {"job": "app"},
            {"job": "a b", "port": 1},
            {"job": "app", "port": 1, "scheme": "ftp", "pth": "/"},
            5,
        ],
        "monitoring_probes": "none",
    }
    _model, problems = Made(tmp_path, simple(host)).build()
    assert all(line.startswith("host h, variable ") for line in problems)
    text = "\n".join(problems)
    for expected in (
        "monitoring_labels, value {",
        "node_exporter.port, value 70000: a port is a number from 1 to 65535",
        "monitoring_scrapes.port, value None",
        "monitoring_scrapes.job, value 'a b'",
        "monitoring_scrapes.scheme, value 'ftp'",
        "monitoring_scrapes, value 'pth': unknown",
        "monitoring_scrapes, value 5: it must be a dictionary",
        "monitoring_probes, value 'none': it must be a list",
    ):
        assert expected in text


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"bad-name": "x"}, "value 'bad-name': a label's name"),
        ({"__name__": "x"}, "value '__name__': __name__ is reserved"),
        ({"instance": "x"}, "instance is reserved"),
        ({"rack": 12}, "monitoring_labels.rack, value 12: a label's value is a text: put it in quotes"),
    ],
)
def test_labels_that_no_target_can_have(tmp_path: Path, labels: dict[str, t.Any], message: str) -> None:
    """Prometheus would refuse them, or lose them."""
    _model, problems = Made(tmp_path, simple({"monitoring_labels": labels})).build()
    assert len(problems) == 1
    assert message in problems[0]


def test_a_null_takes_a_label_of_the_group_away(tmp_path: Path) -> None:
    """A host need not have what its groups have."""
    files = simple({"monitoring_labels": {"a": None}})
    files["group_vars/all.yml"] = {"monitoring_labels": {"a": "x", "b": "y"}}
    model, _problems = Made(tmp_path, files).build()
    assert model["hosts"]["h"]["labels"] == {"b": "y"}


def test_two_exporters_on_one_port_are_a_mistake(tmp_path: Path) -> None:
    """uwsgi_exporter and apache_exporter both like 9117."""
    files = simple({"uwsgi_exporter_instances": [{}], "uwsgi_exporter_port": 9100}, uwsgi_exporter={"hosts": {"h": None}})
    _model, problems = Made(tmp_path, files).build()
    assert problems == [
        "host h, variable uwsgi_exporter_port, value 9100: node_exporter has the same port on this host: give one of them another"
    ]


def test_two_hosts_at_one_address_are_a_mistake(tmp_path: Path) -> None:
    """The same target twice in one job."""
    files = simple({"ansible_host": "192.0.2.1"})
    files["hosts.yml"]["all"]["children"]["node_exporter"]["hosts"]["twin"] = {"ansible_host": "192.0.2.1"}
    _model, problems = Made(tmp_path, files).build()
    assert len(problems) == 1
    assert "host twin, variable node_exporter_port, value 9100: h has the same target 192.0.2.1" in problems[0]


def test_a_pattern_that_selects_nobody_is_a_mistake(tmp_path: Path) -> None:
    """A server that scrapes nothing is hardly what was meant."""
    files = simple()
    files["group_vars/all.yml"] = {"prometheus_scrape_hosts": "all:!all"}
    _model, problems = Made(tmp_path, files).build()
    assert "prometheus_scrape_hosts" in problems[0]


def test_the_roles_of_the_collection_have_contracts() -> None:
    """Discovered by their folder, nothing lists them."""
    assert {"node_exporter", "prometheus", "alertmanager"} <= {c.role for c in _fleet.contracts()}
