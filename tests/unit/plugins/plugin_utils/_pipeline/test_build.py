# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the fleet, from real inventories."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from inventories import AWKWARD, CONTRACTS, Made, contract

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts


def simple(host: dict[str, t.Any] | None = None, **groups: t.Any) -> dict[str, t.Any]:
    """Return an inventory of one host *h* in node_exporter and one server."""
    children = {"node_exporter": {"hosts": {"h": host}}, "prometheus": {"hosts": {"p": None}}, **groups}
    return {"hosts.yml": {"all": {"vars": {"site": "x"}, "children": children}}}


def problems_of(path: Path, files: dict[str, t.Any], extra: dict[str, t.Any] | None = None) -> list[str]:
    """Return the mistakes of an inventory."""
    return Made(path, files, extra).build()[1]


def test_labels_merge_in_the_same_order_of_precedence(tmp_path: Path) -> None:
    """The strongest value of each label wins, as it would if the whole variable were replaced."""
    model, problems = Made(tmp_path, AWKWARD, {"monitoring_labels": {"only_all": "extra"}}).build()
    assert problems == []
    assert model["hosts"]["h1"]["labels"] == {
        "a": "alpha-file",
        "f": "all-file",
        "h": "file",
        "only_all": "extra",
        "only_alpha": "x",
    }
    assert model["hosts"]["h2"]["labels"]["p"] == "play"
    assert model["hosts"]["h3"]["labels"]["d"] == "host-h3"


def test_a_target_follows_the_roles_own_variable(tmp_path: Path) -> None:
    """Also where it is reached through another one."""
    (endpoint,) = Made(tmp_path, simple({"node_exporter_port": "{{ base + 100 }}", "base": 19000})).host("h")["endpoints"]
    assert (endpoint["job"], endpoint["port"], endpoint["instance"]) == ("node", 19100, "h:19100")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ({}, "h"),
        ({"ansible_host": "192.0.2.1"}, "192.0.2.1"),
        ({"ansible_host": "192.0.2.1", "monitoring_address": "{{ vpn }}", "vpn": "2001:db8::1"}, "2001:db8::1"),
        ({"ansible_host": "192.0.2.1", "monitoring_address": None}, "192.0.2.1"),
        ({"ansible_host": "192.0.2.1", "monitoring_address": ""}, "192.0.2.1"),
        ({"ansible_host": "{{ inventory_hostname }}.example.com"}, "h.example.com"),
        ({"monitoring_address": "[2001:db8::1]"}, "2001:db8::1"),
        ({"monitoring_address": "fe80::1%eth0"}, "fe80::1%eth0"),
    ],
)
def test_the_address(tmp_path: Path, host: dict[str, t.Any], address: str) -> None:
    """monitoring_address, then ansible_host, then the name."""
    assert Made(tmp_path, simple(host)).host("h")["address"] == address


@pytest.mark.parametrize("address", ["http://h", "h:9100", "2001:db8::1:9100x", "[192.0.2.1]", "a b", 5.5, ["h"]])
def test_an_address_that_is_none(tmp_path: Path, address: t.Any) -> None:
    """With a scheme or a port, for example."""
    if address == 5.5:
        assert Made(tmp_path, simple({"monitoring_address": address})).host("h")["address"] == "5.5"
        return
    (problem,) = problems_of(tmp_path, simple({"monitoring_address": address}))
    assert problem == (
        f"host h, variable monitoring_address, value {address!r}: "
        "an address is a name, an IPv4 or an IPv6 address, without scheme and port"
    )


def test_several_instances_are_several_targets(tmp_path: Path) -> None:
    """Each with what it has of its own; templates of the contract see it."""
    instances = [{"name": "a", "port": 9118}, {"name": "{{ inventory_hostname }}b", "port": 9119, "labels": {"uwsgi": "other"}}]
    files = simple({"uwsgi_exporter_instances": instances}, uwsgi_exporter={"hosts": {"h": None}})
    found = [(e["port"], e["labels"]) for e in Made(tmp_path, files).host("h")["endpoints"] if e["job"] == "uwsgi"]
    assert found == [(9118, {"uwsgi": "a"}), (9119, {"uwsgi": "other"})]


def test_instances_of_one_exporter_share_its_port(tmp_path: Path) -> None:
    """With one target each, told apart by their parameters and instances."""
    probing = contract(
        "uwsgi_exporter",
        {
            "job": "uwsgi",
            "port": 9118,
            "path": "/probe",
            "params": {"target": "{{ item.stats }}"},
            "instance": "{{ inventory_hostname }}/{{ item.name }}",
            "instances": "{{ uwsgi_exporter_instances }}",
        },
        {"uwsgi_exporter_instances": []},
    )
    instances = [{"name": "a", "stats": "tcp://127.0.0.1:1"}, {"name": "b", "stats": "tcp://127.0.0.1:2"}]
    made = Made(tmp_path, simple({"uwsgi_exporter_instances": instances}, uwsgi_exporter={"hosts": {"h": None}}))
    model, problems = made.build([*CONTRACTS[:2], probing])
    assert problems == []
    found = [(e["instance"], e["params"]) for e in model["hosts"]["h"]["endpoints"] if e["job"] == "uwsgi"]
    assert found == [("h/a", {"target": ["tcp://127.0.0.1:1"]}), ("h/b", {"target": ["tcp://127.0.0.1:2"]})]


def test_other_endpoints_of_a_host_add_up(tmp_path: Path) -> None:
    """From groups and from the host."""
    files = simple({"monitoring_scrapes": [{"job": "app", "port": 8080}]})
    files["group_vars/node_exporter.yml"] = {"monitoring_scrapes": [{"job": "web", "port": 80, "path": "/m", "scheme": "https"}]}
    assert [e["job"] for e in Made(tmp_path, files).host("h")["endpoints"]] == ["node", "web", "app"]


def test_a_host_replaces_an_endpoint_of_its_group(tmp_path: Path) -> None:
    """The one with the same job, port and path; another path is another endpoint, which takes an instance of its own."""
    files = simple({"monitoring_scrapes": [{"job": "app", "port": 80, "labels": {"tier": "own"}}]})
    files["group_vars/node_exporter.yml"] = {
        "monitoring_scrapes": [
            {"job": "app", "port": 80, "path": "/metrics", "labels": {"tier": "group"}},
            {"job": "app", "port": 80, "path": "/more", "instance": "h:80/more", "labels": {"tier": "group"}},
        ]
    }
    found = [(e["path"], e["labels"]["tier"]) for e in Made(tmp_path, files).host("h")["endpoints"] if e["job"] == "app"]
    assert found == [("/metrics", "own"), ("/more", "group")]


def test_an_absent_exporter_is_no_target(tmp_path: Path) -> None:
    """What is removed is not scraped."""
    assert Made(tmp_path, simple({"node_exporter_state": "absent"})).host("h")["endpoints"] == []


def test_thresholds_and_probes_merge_too(tmp_path: Path) -> None:
    """Numbers by name; by severity where there are several."""
    files = simple({"monitoring_thresholds": {"memory_used_percent": 85}, "monitoring_probes": [{"module": "icmp"}]})
    files["group_vars/all.yml"] = {
        "monitoring_thresholds": {
            "memory_used_percent": 88,
            "disk_used_percent": {"warning": "80.5", "critical": "{{ 45 * 2 }}"},
        },
        "monitoring_probes": [{"module": "http_2xx", "target": "https://{{ inventory_hostname }}/"}],
    }
    host = Made(tmp_path, files).host("h")
    assert host["thresholds"] == {"memory_used_percent": 85, "disk_used_percent": {"warning": 80.5, "critical": 90}}
    assert host["probes"] == [{"module": "http_2xx", "target": "https://h/"}, {"module": "icmp"}]


@pytest.mark.parametrize("groups", [{"prometheus": "servers"}, "{{ {'prometheus': 'servers'} }}"])
def test_a_role_may_have_a_group_of_another_name(tmp_path: Path, groups: t.Any) -> None:
    """monitoring_groups maps it once."""
    files = simple(servers={"hosts": {"h": None}})
    files["group_vars/all.yml"] = {"monitoring_groups": groups}
    model, _problems = Made(tmp_path, files).build()
    assert list(model["servers"]["prometheus"]) == ["h"]


def test_settings_of_a_server_are_its_own(tmp_path: Path) -> None:
    """Defaults of the role under the variables of the host, templated."""
    model, _problems = Made(tmp_path, simple()).build()
    settings = model["servers"]["prometheus"]["p"]
    assert settings["prometheus_note"] == "x-9090"
    assert settings["scrape_hosts"] == ["h", "p"]


@pytest.mark.parametrize(
    ("pattern", "hosts"), [("all", ["a1", "a2", "b1"]), ("dc1:&web", ["a1"]), ("!retired", ["a1", "b1"]), (["dc2"], ["b1"])]
)
def test_two_servers_side_by_side(tmp_path: Path, pattern: t.Any, hosts: list[str]) -> None:
    """Each scrapes what its pattern selects, whatever the other does."""
    children = {
        "dc1": {"hosts": {"a1": None, "a2": None}},
        "dc2": {"hosts": {"b1": {"prometheus_scrape_hosts": "dc2"}}},
        "web": {"hosts": {"a1": None, "b1": None}},
        "retired": {"hosts": {"a2": None}},
        "prometheus": {"hosts": {"a1": {"prometheus_scrape_hosts": pattern}, "b1": None}},
    }
    model, problems = Made(tmp_path, {"hosts.yml": {"all": {"vars": {"site": "x"}, "children": children}}}).build()
    # Where neither does, the server a1 is scraped by nobody; a2 has nothing to scrape.
    assert [problem.partition(",")[0] for problem in problems] == ["host a1"] * (hosts == ["b1"])
    servers = model["servers"]["prometheus"]
    assert servers["a1"]["scrape_hosts"] == hosts
    assert servers["b1"]["scrape_hosts"] == ["b1"]


def test_secrets_of_the_vault_are_opened(tmp_path: Path) -> None:
    """A label of one's own, and a variable that another one names; an error does not show them."""
    secret = VaultSecret(b"password")
    box = VaultLib([("default", secret)]).encrypt

    def vaulted(text: str) -> str:
        return "!vault |\n" + "".join(f"                {line}\n" for line in box(text.encode()).decode().splitlines())

    hosts = f"""
all:
  vars: {{site: x}}
  children:
    prometheus: {{hosts: {{p: }}}}
    node_exporter:
      hosts:
        h:
          contract_number: {vaulted("c-17")}
          monitoring_labels:
            contract: "{{{{ contract_number }}}}"
            direct: {vaulted("d-18")}
        wrong:
          monitoring_address: {vaulted("http://secret")}
"""
    model, problems = Made(tmp_path, {"hosts.yml": hosts}, vault=[("default", secret)]).build()
    assert model["hosts"]["h"]["labels"] == {"contract": "c-17", "direct": "d-18"}
    (problem,) = problems
    assert "secret" not in problem.replace("(secret)", "")


def test_a_secret_without_its_password_is_one_mistake(tmp_path: Path) -> None:
    """It names the variable."""
    text = VaultLib([("default", VaultSecret(b"password"))]).encrypt(b"x").decode()
    lines = "".join(f"          {line}\n" for line in text.splitlines())
    hosts = f"all:\n  vars: {{site: x}}\n  hosts:\n    h:\n      monitoring_labels:\n        a: !vault |\n{lines}"
    (problem,) = problems_of(tmp_path, {"hosts.yml": hosts})
    assert problem.startswith("host h, variable monitoring_labels.a, value '(secret)': it cannot be templated: ")


def test_odd_fleets(tmp_path: Path) -> None:
    """Hosts without any exporter, empty groups, none in a role's group, names and labels in any script."""
    children = {
        "node_exporter": {"hosts": {}},
        "empty": None,
        "plain": {"hosts": {"lonely": None, "ünïcode": {"monitoring_labels": {"place": "Zürich ☃"}}}},
    }
    model, problems = Made(tmp_path, {"hosts.yml": {"all": {"children": children}}}).build()
    assert problems == []
    assert model["hosts"]["lonely"]["endpoints"] == []
    assert model["hosts"]["ünïcode"]["labels"] == {"place": "Zürich ☃"}
    assert model["servers"]["prometheus"] == {}


def test_the_implicit_localhost_is_no_host_of_the_fleet(tmp_path: Path) -> None:
    """Plays on the controller bring it in; an explicit one counts."""
    made = Made(tmp_path / "a", simple())
    assert made.manager.get_host("localhost").implicit
    assert sorted(made.build()[0]["hosts"]) == ["h", "p"]
    explicit = Made(tmp_path / "b", simple(node_exporter={"hosts": {"localhost": None}})).build()[0]
    assert [e["instance"] for e in explicit["hosts"]["localhost"]["endpoints"]] == ["localhost:9100"]


def test_a_group_listed_as_a_host_is_a_mistake(tmp_path: Path) -> None:
    """In an INI inventory, [prometheus] without :children lists hosts."""
    files = {"hosts.yml": "[web]\nw1\n[prometheus]\np\n[node_exporter]\nweb\n[all:vars]\nsite=x\n"}
    (tmp_path / "ini").mkdir()
    (problem,) = problems_of(tmp_path / "ini", files)
    assert problem.startswith("host web, variable group_names, value ['node_exporter']: web is a group too: ")
    assert ":children" in problem
    fine = {"hosts.yml": "[web]\nw1\n[prometheus]\np\n[node_exporter:children]\nweb\n[all:vars]\nsite=x\n"}
    (tmp_path / "fine").mkdir()
    assert problems_of(tmp_path / "fine", fine) == []


def test_the_model_is_plain_data(tmp_path: Path) -> None:
    """Nothing of Ansible's own types is left in it."""
    model, _problems = Made(tmp_path, AWKWARD).build()

    def check(value: t.Any) -> None:
        assert type(value) in (dict, list, str, int, float, bool, type(None))
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(item)

    check(model)


def test_ten_mistakes_are_ten_lines(tmp_path: Path) -> None:
    """Each with host, variable, value and remedy, all in one run; none hides another."""
    host = {
        "monitoring_labels": {"bad-name": "x", "__name__": "x", "instance": "x", "rack": 12, "broken": "{{ nowhere }}"},
        "monitoring_thresholds": {"memory_used_percent": "much"},
        "node_exporter_port": 70000,
        "monitoring_scrapes": [{"job": "a b", "port": 1}],
        "monitoring_probes": "none",
        "monitoring_address": "http://h",
    }
    text = "a label's name has letters, digits and underscores, and starts with no digit"
    assert sorted(problems_of(tmp_path, simple(host))) == [
        (
            "host h, variable monitoring_address, value 'http://h': "
            "an address is a name, an IPv4 or an IPv6 address, without scheme and port"
        ),
        "host h, variable monitoring_labels.__name__, value 'x': __name__ is reserved: choose another name for the label",
        f"host h, variable monitoring_labels.bad-name, value 'x': {text}",
        "host h, variable monitoring_labels.broken, value '{{ nowhere }}': it cannot be templated: 'nowhere' is undefined",
        "host h, variable monitoring_labels.instance, value 'x': instance is reserved: choose another name for the label",
        (
            "host h, variable monitoring_labels.rack, value 12: "
            "a label's value is a text: put it in quotes, or `| string` behind it in a template"
        ),
        "host h, variable monitoring_probes, value 'none': it must be a list",
        "host h, variable monitoring_scrapes[a b].job, value 'a b': a job's name has letters, digits, and any of _ . : -",
        (
            "host h, variable monitoring_thresholds.memory_used_percent, value 'much': "
            "a threshold is a number, or a dictionary of numbers by severity"
        ),
        "host h, variable node_exporter_port, value 70000: a port is a number from 1 to 65535",
    ]


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ({"monitoring_labels": ["a"]}, "monitoring_labels, value ['a']: it must be a dictionary"),
        ({"monitoring_labels": "{{ [5] }}"}, "monitoring_labels, value [5]: it must be a dictionary"),
        (
            {"monitoring_labels": {"a": "{{ b }}"}, "b": "{{ a }}", "a": "{{ b }}"},
            "monitoring_labels.a, value '{{ b }}': it cannot",
        ),
        (
            {"monitoring_labels": {"a": "{{ ansible_distribution }}"}},
            "(facts are not used: the fleet is the same whichever hosts",
        ),
        ({"monitoring_labels": {"a": "{{ x +"}}, "monitoring_labels.a, value '{{ x +': it cannot be templated: "),
        ({"node_exporter_port": True}, "node_exporter_port, value True: a port is a number"),
        ({"node_exporter_port": 91.5}, "node_exporter_port, value 91.5: a port is a number"),
        ({"node_exporter_port": "{{ nowhere }}"}, "node_exporter_port, value '{{ nowhere }}': it cannot be templated"),
        ({"monitoring_scrapes": [5]}, "monitoring_scrapes[0], value 5: it must be a dictionary with job and port"),
        ({"monitoring_scrapes": [{"job": "app"}]}, "monitoring_scrapes[app].port, value None: a port is a number"),
        (
            {"monitoring_scrapes": [{"job": "a", "port": 1, "pth": "/"}]},
            "monitoring_scrapes[a], value 'pth': unknown; known are job",
        ),
        (
            {"monitoring_scrapes": [{"job": "a", "port": 1, "scheme": "ftp"}]},
            "monitoring_scrapes[a].scheme, value 'ftp': a scheme",
        ),
        ({"monitoring_scrapes": [{"job": "a", "port": 1, "path": "m?x=1"}]}, "monitoring_scrapes[a].path, value 'm?x=1': a path"),
        ({"monitoring_scrapes": [{"job": "a", "port": 1, "params": 1}]}, "monitoring_scrapes[a].params, value 1: it must be"),
        (
            {"monitoring_scrapes": [{"job": "a", "port": 1, "params": {"x": {}}}]},
            "monitoring_scrapes[a].params.x, value {}: it must",
        ),
        (
            {"monitoring_scrapes": [{"job": "a", "port": 1, "labels": {"job": "b"}}]},
            "monitoring_scrapes[a].labels.job, value 'b': job",
        ),
        (
            {"monitoring_thresholds": {"memory_usd_percent": 85}},
            "monitoring_thresholds.memory_usd_percent, value 85: no alert has this threshold; known are disk_used_percent",
        ),
        ({"monitoring_thresholds": {"x y": 1}}, "monitoring_thresholds.x y, value 1: a threshold's name"),
        ({"monitoring_thresholds": {"x": "nan"}}, "monitoring_thresholds.x, value 'nan': a threshold is"),
        ({"monitoring_thresholds": {"x": {"warning": True}}}, "monitoring_thresholds.x, value {'warning': True}: a threshold is"),
        ({"monitoring_groups": {"x_exporter": "y"}}, ""),
    ],
)
def test_a_mistake(tmp_path: Path, host: dict[str, t.Any], problem: str) -> None:
    """Named with its variable and its value; a host's own monitoring_groups is none."""
    assert [problem in line for line in problems_of(tmp_path, simple(host))] == [True] * bool(problem)


NULL = "{{ nowhere | default(none) }}"


def test_a_template_may_be_null(tmp_path: Path) -> None:
    """With every version of ansible-core the same: it takes away, as a null does; an empty text is a text."""
    files = simple(
        {
            "monitoring_labels": {
                "rack": NULL,
                "empty": "{{ '' }}",
                "part": "a{{ '' }}",
                "spaced": " {{- nowhere | default(none) -}} ",
            },
            "monitoring_thresholds": {"memory_used_percent": NULL},
            "monitoring_probes": NULL,
            "monitoring_address": NULL,
            "monitoring_scrapes": [{"job": "app", "port": 1, "path": NULL, "instance": NULL, "labels": {"a": NULL, "b": "x"}}],
        }
    )
    files["group_vars/all.yml"] = {"monitoring_labels": {"rack": "r1", "spaced": "x"}, "prometheus_external_labels": {"dc": NULL}}
    host = Made(tmp_path, files).host("h")
    assert host["labels"] == {"empty": "", "part": "a"}
    assert (host["thresholds"], host["probes"], host["address"]) == ({}, [], "h")
    assert [e["labels"] for e in host["endpoints"] if e["job"] == "app"] == [{"b": "x"}]
    model, problems = Made(tmp_path, files).build(contracts())
    assert [problem for problem in problems if "monitoring_thresholds" not in problem] == []
    assert model["servers"]["prometheus"]["p"]["prometheus_external_labels"] == {}


@pytest.mark.parametrize(
    ("value", "named", "remedy"),
    [
        (
            {"a": "{{ nowhere | default(omit) }}"},
            "monitoring_labels.a, value '{{ nowhere | default(omit) }}'",
            "write default(none)",
        ),
        ("{{ nowhere | default(omit) }}", "monitoring_labels, value '{{ nowhere", "write default(none)"),
        (
            {"a": "{{ $labels.host }} is down"},
            "monitoring_labels.a, value '{{ $labels.host }} is down'",
            "put the tag !unsafe before",
        ),
        ({"a": '{{ template "x" . }}'}, "monitoring_labels.a, value ", "put the tag !unsafe before"),
    ],
)
def test_a_template_that_is_not_one_for_ansible(tmp_path: Path, value: t.Any, named: str, remedy: str) -> None:
    """The message names the variable with what is written there, and what to do."""
    (problem,) = problems_of(tmp_path, simple({"monitoring_labels": value}))
    assert problem.startswith(f"host h, variable {named}")
    assert remedy in problem


def test_the_part_that_cannot_be_templated_is_named(tmp_path: Path) -> None:
    """And not all of the rules, or the password beside it; a mistake of a server is one mistake."""
    rule = {"alert": "A", "expr": "up", "annotations": {"summary": "{{ $labels.host }}"}}
    files = simple()
    files["host_vars/p.yml"] = {
        "prometheus_extra_rules": [{"name": "own", "rules": [rule]}],
        "prometheus_extra_config": {"remote_write": [{"password": "hidden", "url": "{{ nowhere }}"}]},
        "prometheus_port": "{{ nowhere + 1 }}",
        "prometheus_version": "{{ nowhere }}",
    }
    problems = sorted(Made(tmp_path, files).build(contracts())[1])
    assert [problem.partition(": ")[0] for problem in problems] == [
        "host p, variable prometheus_extra_config.remote_write[0].url, value '{{ nowhere }}'",
        "host p, variable prometheus_extra_rules[0].rules[0].annotations.summary, value '{{ $labels.host }}'",
        "host p, variable prometheus_port, value '{{ nowhere + 1 }}'",
        "host p, variable prometheus_version, value '{{ nowhere }}'",
    ]


@pytest.mark.parametrize(
    ("groups", "problem"),
    [
        ({"promtheus": "servers"}, "monitoring_groups.promtheus, value 'servers': no such role; the roles are alertmanager"),
        ({"prometheus": ["servers"]}, "monitoring_groups.prometheus, value ['servers']: it must be the name of a group"),
        (["servers"], "monitoring_groups, value ['servers']: it must be a dictionary from role to group"),
        ("{{ nowhere }}", "monitoring_groups, value '{{ nowhere }}': it cannot be templated: 'nowhere' is undefined"),
    ],
)
def test_a_mistake_in_the_groups(tmp_path: Path, groups: t.Any, problem: str) -> None:
    """Named like all others."""
    files = {**simple(), "group_vars/all.yml": {"monitoring_groups": groups}}
    assert [problem in line for line in problems_of(tmp_path, files)] == [True]


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        ({"prometheus_scrape_hosts": "all:!all"}, "prometheus_scrape_hosts, value 'all:!all': the pattern selects no host"),
        (
            {"prometheus_scrape_hosts": "node_exporter[7]"},
            "prometheus_scrape_hosts, value 'node_exporter[7]': it must be an Ansible",
        ),
        ({"prometheus_scrape_hosts": 5}, "prometheus_scrape_hosts, value 5: "),
        ({"prometheus_external_labels": {"a-b": "x"}}, "prometheus_external_labels.a-b, value 'x': a label's name"),
        ({"prometheus_extra_scrape_configs": [{"job_name": "node"}]}, "prometheus_extra_scrape_configs, value 'node': each has"),
    ],
)
def test_a_mistake_of_a_server(tmp_path: Path, server: dict[str, t.Any], problem: str) -> None:
    """Checked with the role's own contract."""
    files = {**simple(), "host_vars/p.yml": server}
    (found,) = Made(tmp_path, files).build(contracts())[1]
    assert found.startswith(f"host p, variable {problem}")


def test_one_mistake_of_a_group_is_one_line(tmp_path: Path) -> None:
    """However many hosts have it."""
    hosts = {f"h{index}": None for index in range(7)}
    files = simple(node_exporter={"hosts": hosts})
    files["group_vars/node_exporter.yml"] = {"monitoring_labels": {"a-b": "x"}}
    (problem,) = problems_of(tmp_path, files)
    assert problem.startswith("host h0, h1, h2 and 4 more, variable monitoring_labels.a-b")


def test_a_null_takes_a_label_of_the_group_away(tmp_path: Path) -> None:
    """A host need not have what its groups have, not even what is wrong there."""
    files = simple({"monitoring_labels": {"a": None, "bad-name": None, "j": None}})
    files["group_vars/all.yml"] = {"monitoring_labels": {"a": "x", "b": "y", "j": "{{ site }}"}}
    files["group_vars/node_exporter.yml"] = {"monitoring_labels": {"bad-name": "x"}}
    assert Made(tmp_path, files).host("h")["labels"] == {"b": "y"}


def test_hosts_do_not_share_what_one_of_them_adds(tmp_path: Path) -> None:
    """The same groups, but labels of their own."""
    files = simple(node_exporter={"hosts": {"h1": None, "h2": {"monitoring_labels": {"a": "own", "b": "own"}}, "h3": None}})
    files["group_vars/all.yml"] = {"monitoring_labels": {"a": "group"}}
    model, _problems = Made(tmp_path, files).build()
    assert [model["hosts"][name]["labels"] for name in ("h1", "h2", "h3")] == [
        {"a": "group"},
        {"a": "own", "b": "own"},
        {"a": "group"},
    ]


def test_two_exporters_on_one_port_are_a_mistake(tmp_path: Path) -> None:
    """uwsgi_exporter and apache_exporter both like 9117."""
    files = simple(
        {"uwsgi_exporter_instances": [{"name": "a"}], "uwsgi_exporter_port": 9100}, uwsgi_exporter={"hosts": {"h": None}}
    )
    assert problems_of(tmp_path, files) == [
        "host h, variable uwsgi_exporter_port, value 9100: node_exporter has the same port on this host: give one of them another"
    ]


def test_two_hosts_at_one_address_are_a_mistake(tmp_path: Path) -> None:
    """The same target twice in one job."""
    files = simple({"ansible_host": "192.0.2.1"})
    files["hosts.yml"]["all"]["children"]["node_exporter"]["hosts"]["twin"] = {"ansible_host": "192.0.2.1"}
    assert problems_of(tmp_path, files) == [
        (
            "host twin, variable node_exporter_port, value 9100: h has the same target 192.0.2.1:9100 in the job node: "
            "give one of them another port, or a monitoring_address"
        )
    ]


def test_two_targets_of_one_instance_are_a_mistake(tmp_path: Path) -> None:
    """Prometheus would take their series for each other's."""
    scrapes = [{"job": "app", "port": 1, "instance": "same"}, {"job": "app", "port": 2, "path": "/m", "instance": "same"}]
    (problem,) = problems_of(tmp_path, simple({"monitoring_scrapes": scrapes}))
    assert problem.startswith("host h, variable monitoring_scrapes[app], value 2: h has the target same in the job app already")


def test_parameters_with_several_values_are_those_of_a_job(tmp_path: Path) -> None:
    """A target of it with others cannot be."""
    scrapes = {"job": "app", "port": 1, "params": {"match[]": ["a", "b"]}}
    hosts = {"h1": {"monitoring_scrapes": [scrapes]}, "h2": {"monitoring_scrapes": [{**scrapes, "params": {}}]}}
    (problem,) = problems_of(tmp_path, simple(node_exporter={"hosts": hosts}))
    assert problem.startswith(
        "host h2, variable monitoring_scrapes[app].params.match[], value None: other targets of the job app"
    )


def test_the_roles_of_the_collection_have_contracts() -> None:
    """Discovered by their folder, nothing lists them."""
    assert {"node_exporter", "prometheus", "alertmanager"} <= {c.role for c in contracts()}


def test_hosts_can_be_left_out(tmp_path: Path) -> None:
    """As if the inventory did not have them."""
    made = Made(tmp_path, simple())
    model = made.template("{{ lookup('vigie.monitoring.fleet', without=['h', 'nobody']) }}")
    assert list(model["hosts"]) == ["p"]
    assert model["servers"]["prometheus"]["p"]["scrape_hosts"] == ["p"]


def test_the_lookup_tells_all_mistakes(tmp_path: Path) -> None:
    """In a template, as plays use it; without mistakes it is the model."""
    made = Made(tmp_path / "fine", simple())
    assert made.template("{{ (lookup('vigie.monitoring.fleet')).hosts | list }}") == ["h", "p"]
    wrong = Made(tmp_path / "wrong", simple({"monitoring_labels": {"a-b": "x", "c-d": "x"}}))
    with pytest.raises(Exception, match=r"The inventory has 2 mistake\(s\):\n- host h, variable monitoring_labels.a-b"):
        wrong.template("{{ lookup('vigie.monitoring.fleet') }}")
