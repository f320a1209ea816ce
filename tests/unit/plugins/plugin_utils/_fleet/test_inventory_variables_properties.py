# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For inventories that nobody thought of: what the model has is what Ansible itself, and plain reason, make of them."""

from __future__ import annotations

import dataclasses
import tempfile
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from ansible.template import Templar
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import MISSING, may_be_template, plain, trusted

GROUPS = ("alpha", "beta", "delta", "gamma", "omega")
HOSTS = ("h1", "h2", "h3")
# A template refers to variables before its own, so that none goes round in a circle.
NAMES = ("first", "second", "third")
LABELS = ("one", "two", "three")
# Where variables are read from, the weakest first (ansible-core, VARIABLE_PRECEDENCE and `VariableManager.get_vars`).
GROUP_SOURCES = (
    ("all", "inline"),
    ("groups", "inline"),
    ("all", "inventory"),
    ("all", "second"),
    ("all", "play"),
    ("groups", "inventory"),
    ("groups", "second"),
    ("groups", "play"),
)
HOST_SOURCES = ("inline", "inventory", "second", "play")
Scope = tuple[str, str, str]  # group or host, its name, source


@dataclasses.dataclass
class Spec:
    """An inventory as it is written."""

    parents: dict[str, set[str]]
    priorities: dict[str, int]
    members: dict[str, set[str]]
    variables: dict[Scope, dict[str, t.Any]]
    extra: dict[str, t.Any]

    def files(self) -> dict[str, t.Any]:
        """Return the files of two inventories, and what lies beside them and beside the playbook."""
        files: dict[str, t.Any] = {}
        for (kind, name, source), values in self.variables.items():
            if source != "inline":
                directory = {"inventory": ".", "second": "other", "play": "play"}[source]
                files[f"{directory}/{kind}_vars/{name}.yml"] = values
        children = {
            group: {
                "children": {child: None for child in GROUPS if group in self.parents[child]},
                "hosts": dict.fromkeys(sorted(self.members[group])),
                "vars": {
                    **({"ansible_group_priority": self.priorities[group]} if group in self.priorities else {}),
                    **self.variables.get(("group", group, "inline"), {}),
                },
            }
            for group in GROUPS
        }
        files["hosts.yml"] = {
            "all": {
                "vars": self.variables.get(("group", "all", "inline"), {}),
                "hosts": {host: self.variables.get(("host", host, "inline")) for host in HOSTS},
                "children": children,
            }
        }
        files["other/hosts.yml"] = {"all": {"hosts": {"h1": None}}}
        return files

    def depth(self, group: str) -> int:
        """Return how far *group* is below the group all."""
        return 1 + max([self.depth(parent) for parent in self.parents[group]], default=0)

    def groups_of(self, host: str) -> list[str]:
        """Return all groups of *host* but all, the weakest first."""
        found: set[str] = set()
        new = {group for group in GROUPS if host in self.members[group]}
        while new - found:
            found |= new
            new = {parent for group in found for parent in self.parents[group]}
        return sorted(found, key=lambda group: (self.depth(group), self.priorities.get(group, 1), group))

    def contributions(self, host: str, variable: str) -> list[t.Any]:
        """Return every value of *variable* that *host* gets, the weakest first."""
        scopes: list[Scope] = []
        for who, source in GROUP_SOURCES:
            scopes += [("group", group, source) for group in (["all"] if who == "all" else self.groups_of(host))]
        scopes += [("host", host, source) for source in HOST_SOURCES]
        layers = [self.variables.get(scope, {}) for scope in scopes] + [self.extra]
        return [layer[variable] for layer in layers if variable in layer]


def texts(position: int) -> st.SearchStrategy[str]:
    """Return texts and templates that may refer to the variables before *position*."""
    plain_texts = st.sampled_from(["x", "ü €", "", "a b", "10", "no", "{ x", "100%", "a\\nb"])
    names = ["inventory_hostname", *NAMES[:position]]
    templates = st.sampled_from(names).flatmap(
        lambda name: st.sampled_from(
            [
                f"{{{{ {name} }}}}",
                f"{{{{{name}}}}}",
                f"{{{{ {name} }}}}-x\n",
                f"<{{{{ {name} }}}}.{{{{ inventory_hostname }}}}>",
                f"{{{{ {name} | default('none') }}}}",
                f"{{% if {name} is defined %}}y{{% endif %}}",
                f"{{# {name} #}}z",
                f"{{{{ {name} | string | upper }}}}",
            ]
        )
    )
    return plain_texts | templates


def values(position: int) -> st.SearchStrategy[t.Any]:
    """Return values of any type."""
    scalars = texts(position) | st.integers(-3, 99999) | st.booleans() | st.none() | st.sampled_from([1.5, -0.25])
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["k", "l"]), inner, max_size=2),
        max_leaves=3,
    )


@st.composite
def scope_variables(draw: st.DrawFn) -> dict[str, t.Any]:
    """Return what one source has."""
    found: dict[str, t.Any] = {}
    for position, name in enumerate(NAMES):
        if draw(st.booleans()):
            found[name] = draw(values(position))
    if draw(st.booleans()):
        found["monitoring_labels"] = draw(
            st.dictionaries(st.sampled_from(LABELS), st.none() | texts(0), max_size=3)
            | st.none()
            | st.sampled_from(["{{ {'one': inventory_hostname} }}", "{{ {} }}"])
        )
    if draw(st.booleans()):
        numbers = st.integers(-5, 5) | st.none() | st.just("{{ inventory_hostname | length }}")
        found["monitoring_thresholds"] = draw(st.dictionaries(st.sampled_from(LABELS), numbers, max_size=2))
    if draw(st.booleans()):
        found["monitoring_scrapes"] = draw(
            st.lists(st.fixed_dictionaries({"job": st.sampled_from("xyz"), "port": st.sampled_from([1, 2])}), max_size=2)
        )
    return found


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """Return an inventory: groups in groups, with priorities, and variables from everywhere."""
    parents = {group: draw(st.sets(st.sampled_from(GROUPS[:index]))) if index else set() for index, group in enumerate(GROUPS)}
    places: list[Scope] = [
        ("group", name, source) for name in ("all", *GROUPS) for source in ("inline", "inventory", "second", "play")
    ]
    places += [("host", name, source) for name in HOSTS for source in HOST_SOURCES]
    chosen = draw(st.lists(st.sampled_from(places), unique=True, max_size=12))
    return Spec(
        parents=parents,
        priorities=draw(st.dictionaries(st.sampled_from(GROUPS), st.integers(-1, 3), max_size=3)),
        members={group: draw(st.sets(st.sampled_from(HOSTS))) for group in GROUPS},
        variables={place: draw(scope_variables()) for place in chosen},
        extra=draw(scope_variables()) if draw(st.booleans()) else {},
    )


def same(left: t.Any, right: t.Any) -> bool:
    """Return whether two values are equal, also in type: 1 is not True."""
    return repr(left) == repr(right)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(spec=specs())
def test_any_inventory(spec: Spec) -> None:
    """Variables are what hostvars gives; what merges is what the contributions, in order, make."""
    with tempfile.TemporaryDirectory() as directory:
        made = Made(Path(directory), spec.files(), spec.extra, sources=["hosts.yml", "other/hosts.yml"])
        model, _problems = made.build()
        for name in HOSTS:
            variables = made.inventory.host(name)
            theirs = made.hostvars[name]
            for variable in (*NAMES, "inventory_hostname", "inventory_hostname_short", "group_names", "inventory_file", "groups"):
                if variable not in theirs:
                    assert variables.get(variable) is MISSING
                    assert variable not in variables.all()
                    continue
                assert same(plain(made.ansible(name)[variable]), plain(variables.get(variable)))
                assert same(plain(made.ansible(name)[variable]), plain(variables.all()[variable]))
                try:
                    expected = plain(theirs[variable])
                except AnsibleError:
                    with pytest.raises(AnsibleError):
                        made.renderer(variables.get(variable), variables)
                    continue
                try:
                    found = made.renderer(variables.get(variable), variables)
                except AnsibleError:
                    # Before ansible-core 2.19, hostvars gives back what it cannot template.
                    found = plain(variables.get(variable))
                    assert may_be_template(str(found))
                assert same(found, expected)

            def rendered(value: t.Any, name: str = name) -> t.Any:
                return plain(Templar(loader=made.loader, variables=made.ansible(name)).template(trusted(value)))

            labels: dict[str, t.Any] = {}
            for contribution in spec.contributions(name, "monitoring_labels"):
                labels.update(rendered(contribution) or {})
            expected_labels = {key: value for key, value in labels.items() if value is not None}
            assert model["hosts"][name]["labels"] == expected_labels
            thresholds: dict[str, t.Any] = {}
            for contribution in spec.contributions(name, "monitoring_thresholds"):
                thresholds.update(rendered(contribution))
            assert model["hosts"][name]["thresholds"] == {k: int(v) for k, v in thresholds.items() if v is not None}
            scrapes = [item for items in spec.contributions(name, "monitoring_scrapes") for item in items]
            found = [(item["job"], item["port"]) for item in model["hosts"][name]["endpoints"]]
            assert found == list(dict.fromkeys((item["job"], item["port"]) for item in scrapes))
