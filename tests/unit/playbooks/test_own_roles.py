# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles in directories of the user, in runs of the real playbooks: the example of docs/own_exporter.md, and others."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from inventories import write
from own_role import NAME, example, role
from playbook_runs import ENVIRONMENT, ROOT
from site_runs import FAILING, UNREACHABLE, Run

DEPLOY = "Deploy the release, its unit and its configuration"
FIREWALL = "Apply the firewall rules for the monitoring servers"
REFRESH = "Refresh targets, rules and configuration of the Prometheus servers"
WAIT = "Wait until Prometheus reports the targets of this run as up"
OTHER = "stock_exporter"
STOCK = {f"{OTHER}_port": 9301}
Site = t.Callable[..., Run]


def fleet(cache1: dict[str, t.Any] | None = None) -> dict[str, dict[str, dict[str, t.Any]]]:
    """Return a fleet whose hosts have the user's two roles, one of them, or none."""
    addresses = {name: {"monitoring_address": f"127.0.0.{n}"} for n, name in enumerate(("cache1", "cache2", "web1", "mon"), 2)}
    return {
        NAME: {"cache1": {**addresses["cache1"], **(cache1 or {})}, "cache2": addresses["cache2"]},
        OTHER: {"cache1": STOCK},
        "node_exporter": {"web1": addresses["web1"]},
        "firewall": {"cache2": {}},
        "prometheus": {"mon": addresses["mon"]},
    }


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    """Write the two roles beside the inventory; return its directory."""
    write(tmp_path, {**role(), **role(OTHER)})
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "deployed", "firewall", "refreshed"),
    [
        ("", ["cache1", "cache1", "cache2", "mon", "web1"], True, True),
        (f"--tags {NAME}", ["cache1", "cache2"], True, True),
        (f"--tags {NAME} --limit cache2", ["cache2"], True, True),
        (f"--tags {OTHER},node_exporter", ["cache1", "web1"], True, True),
        ("--tags install", ["cache1", "cache1", "cache2", "mon", "web1"], False, False),
        ("--tags firewall", [], True, False),
        ("--tags targets", [], False, True),
        ("--tags verify", [], False, True),
        (f"--skip-tags {NAME}", ["cache1", "mon", "web1"], True, True),
    ],
)
@pytest.mark.usefixtures("roles")
def test_the_tags_of_a_run(site: Site, arguments: str, deployed: list[str], firewall: t.Any, refreshed: t.Any) -> None:
    """Are those of the collection's roles: the role, the firewall of its hosts, and the refresh, which knows the new target."""
    run = site(fleet(), f"--check {arguments}")
    assert (run.rc, run.failed) == (0, {}), run.output
    assert sorted(run.tasks.get(DEPLOY, [])) == deployed, run.output
    assert (FIREWALL in run.tasks, bool({REFRESH, WAIT} & set(run.tasks))) == (firewall, refreshed), run.output


@pytest.mark.usefixtures("roles")
def test_a_tag_that_is_almost_the_roles_name(site: Site) -> None:
    """Is refused with the name."""
    run = site(fleet(), "--check --tags memcached_exporer")
    assert run.rc != 0
    assert f"Did you mean {NAME}?" in " ".join(run.output.split())


@pytest.mark.parametrize(("variables", "task"), [(FAILING, DEPLOY), (UNREACHABLE, None)], ids=["failing", "unreachable"])
@pytest.mark.usefixtures("roles")
def test_a_host_that_fails(site: Site, variables: dict[str, t.Any], task: str | None) -> None:
    """Stops neither the other hosts nor the run, and is named at the end with its roles that failed."""
    run = site(fleet(variables), f"--check --tags {NAME},{OTHER}")
    assert run.rc != 0
    assert set(run.failed) == {"cache1"}, run.output
    assert "cache2" in run.tasks[DEPLOY], run.output
    assert WAIT in run.tasks, run.output
    if task:
        assert run.summary == [f"cache1: {NAME} ({task}), {OTHER} ({task})"]
    else:
        assert [line.partition(":")[0] for line in run.summary] == ["cache1"]


@pytest.mark.usefixtures("roles")
def test_a_tag_of_a_playbook_that_imports_site(site: Site, tmp_path: Path) -> None:
    """Runs all that no tag runs, also in the roles of the user."""
    mine = tmp_path / "mine.yml"
    mine.write_text(yaml.safe_dump([{"import_playbook": "vigie.monitoring.site", "tags": ["monitoring"]}]))
    run = site(fleet(), "--check --tags monitoring", mine)
    again = site(fleet(), "--check", mine)
    assert {task: sorted(hosts) for task, hosts in run.tasks.items()} == {
        task: sorted(hosts) for task, hosts in again.tasks.items()
    }
    assert {"cache1", "cache2"} <= set(run.tasks[DEPLOY])


def test_a_host_that_left_the_group(site: Site, roles: Path) -> None:
    """Loses the role: the state is absent, by the role's own tasks."""
    left = roles / "opt" / NAME
    left.mkdir(parents=True)
    everywhere = {"release_service_root": str(roles / "opt")}
    run = site(
        {"node_exporter": fleet()["node_exporter"], "prometheus": fleet()["prometheus"]}, "--check --tags cleanup", **everywhere
    )
    assert run.rc == 0, run.output
    assert sorted(run.tasks[DEPLOY]) == ["mon", "web1"], run.output
    # Nothing is left of it, or the role is no longer known.
    (roles / "roles" / NAME / "monitoring/scrape.yml").unlink()
    again = site(
        {"node_exporter": fleet()["node_exporter"], "prometheus": fleet()["prometheus"]}, "--check --tags cleanup", **everywhere
    )
    assert DEPLOY not in again.tasks, again.output


def test_a_host_that_is_offboarded(site: Site, roles: Path) -> None:
    """Loses the user's roles with the others."""
    run = site(fleet(), "--check", ROOT / "playbooks/offboard.yml", host="cache1", prometheus_lost_targets="accept")
    assert run.tasks[DEPLOY] == ["cache1", "cache1"], run.output
    assert roles.is_dir()


def test_a_role_of_the_users_changes_nothing_twice(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in check mode: a role that only writes a file. It is in a collection, and uses a plugin of the collection."""
    collection = "collections/ansible_collections/example/extra"
    files = {
        f"{collection}/galaxy.yml": "{namespace: example, name: extra, version: 1.0.0}",
        f"{collection}/plugins/filter/loud.py": (
            "class FilterModule:\n    def filters(self):\n        return {'loud': lambda text: text.upper()}\n"
        ),
        f"{collection}/roles/note_exporter/monitoring/scrape.yml": "{job: note, port: 9999}",
        f"{collection}/roles/note_exporter/tasks/main.yml": [
            {
                "name": "Write the note",
                "ansible.builtin.copy": {
                    "content": "{{ inventory_hostname | example.extra.loud }}",
                    "dest": f"{tmp_path}/{{{{ inventory_hostname }}}}.txt",
                },
                "tags": ["configure"],
            }
        ],
    }
    write(tmp_path, files)
    hosts: dict[str, t.Any] = {"note_exporter": {"a": {}, "b": {}}}
    variables = {"monitoring_role_paths": ["example.extra"], "monitoring_scraped": False}
    paths = f"{ENVIRONMENT['ANSIBLE_COLLECTIONS_PATH']}{os.pathsep}{tmp_path / 'collections'}"
    monkeypatch.setitem(ENVIRONMENT, "ANSIBLE_COLLECTIONS_PATH", paths)
    outputs = []
    for _time in range(2):
        run = site(hosts, "--tags note_exporter", **variables)
        assert run.rc == 0, run.output
        assert sorted(run.tasks["Write the note"]) == ["a", "b"], run.output
        outputs.append(run.output)
    assert (tmp_path / "a.txt").read_text() == "A"
    assert ["changed: [a]" in output for output in outputs] == [True, False]


def test_the_example_of_the_guide(tmp_path: Path, newest_promtool: str) -> None:
    """Its inventory renders targets and rules that promtool accepts, from whichever directory it is run."""
    write(
        tmp_path,
        {**example(), "group_vars/memcached_exporter.yml": {"monitoring_thresholds": {"memcached_connections_percent": 90}}},
    )
    out = tmp_path / "out"
    command = [
        ROOT / ".venv/bin/ansible-playbook",
        "-i",
        tmp_path / "hosts.yml",
        "vigie.monitoring.render",
        "-e",
        f"render_dir={out}",
    ]
    environment = {**os.environ, **ENVIRONMENT, "PATH": f"{Path(newest_promtool).parent}:{ENVIRONMENT['PATH']}"}
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "promtool check config" in done.stdout or "TASK [Validate the configuration of each Prometheus server" in done.stdout
    targets = (out / "monitor.example.com/targets/memcached.json").read_text()
    assert '"cache1.example.com:9150"' in targets
    rules = (out / f"monitor.example.com/rules/{NAME}.yml").read_text()
    assert "MemcachedDown" in rules
    assert "> 80" in rules
    assert "* 90" in (out / "monitor.example.com/rules/thresholds.yml").read_text()
