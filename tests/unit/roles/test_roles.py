# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps the roles of one kind: specifications, defaults, file sizes, rules and their tests."""

from __future__ import annotations

import os
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def load(path: Path) -> t.Any:
    """Return the YAML in *path*, or an empty dictionary."""
    return yaml.safe_load(path.read_text()) if path.exists() else {}


def options(role: Path) -> dict[str, dict[str, t.Any]]:
    """Return the specified variables of *role*."""
    return load(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]


@each_role
def test_specification_and_defaults_are_equal(role: Path) -> None:
    """Both ways and by value; what has no default is required, or its default has the secrets of monitoring_web."""
    specified = {name: option["default"] for name, option in options(role).items() if "default" in option}
    defaults = load(role / "defaults/main.yml")
    # Ansible shows the templated defaults of the specification if a validation fails.
    secret = {name for name, default in defaults.items() if "monitoring_web" in str(default)}
    assert specified == {name: default for name, default in defaults.items() if name not in secret}
    without = {name for name, option in options(role).items() if "default" not in option and not option.get("required")}
    assert without == secret


@each_role
def test_every_variable_is_described_and_has_the_roles_prefix(role: Path) -> None:
    """Public ones the role's name, internal ones two underscores before it."""
    for name, option in options(role).items():
        assert name.startswith(f"{role.name}_")
        assert option["type"]
        assert option["description"]
    for name in load(role / "vars/main.yml"):
        assert name.startswith(f"__{role.name}_")


@each_role
def test_main_reads_like_a_table_of_contents(role: Path) -> None:
    """A screenful at the most."""
    assert len((role / "tasks/main.yml").read_text().splitlines()) <= 60


def test_entry_points_are_named_without_an_ending() -> None:
    """With one, ansible-core passes the validation of arguments over (ansible/ansible#75456)."""
    for path in [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/*.yml")]:
        assert not re.search(r"tasks_from:.*\.ya?ml", path.read_text()), path


def test_every_role_with_hosts_of_its_own_is_deployed_and_tagged() -> None:
    """A role with a scrape contract has a play in site.yml with its name as a tag."""
    tags = {tag for play in load(ROOT / "playbooks/site.yml") for tag in play.get("tags", [])}
    assert {path.parents[1].name for path in ROOT.glob("roles/*/monitoring/scrape.yml")} <= tags


def test_the_built_artefact_runs_from_elsewhere(tmp_path: Path) -> None:
    """Installed as a user would, without the checkout: vigie.monitoring.render on an inventory of one's own."""
    (tmp_path / "ansible.cfg").touch()
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "installed"),
    }

    def run(program: str, *arguments: t.Any) -> str:
        command = [ROOT / ".venv/bin" / program, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("ansible-galaxy", "collection", "build", "--output-path", tmp_path, ROOT)
    (archive,) = tmp_path.glob("vigie-monitoring-*.tar.gz")
    run("ansible-galaxy", "collection", "install", "--offline", "-p", tmp_path / "installed", archive)
    children = {
        "prometheus": {"hosts": {"m": None}},
        "node_exporter": {"hosts": {"w": {"monitoring_labels": {"function": "web"}}}},
    }
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": children}}))
    run("ansible-playbook", "-i", "hosts.yml", "vigie.monitoring.render", "-e", "render_dir=out")
    assert '"function": "web"' in (tmp_path / "out/m/targets/node.json").read_text()
    assert "node_exporter" in run("ansible-playbook", "-i", "hosts.yml", "vigie.monitoring.site", "--list-tags")


def tasks_of(content: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Return the tasks of a file, those in blocks among them."""
    for task in content or []:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks_of(task.get(part))


# What the roles call of an administrator's programs: by themselves, and to validate a file.
ADMINISTRATORS = re.compile(r"\b(runuser|haproxy|apachectl)\b|__postgres_exporter_psql")


def test_programs_of_the_administrator_are_found_with_su() -> None:
    """It keeps the PATH of the user who calls it, without /usr/sbin."""
    found = 0
    for path in ROOT.glob("roles/*/tasks/*.yml"):
        for task in tasks_of(yaml.safe_load(path.read_text())):
            arguments = [value for name, value in task.items() if name.startswith("ansible.builtin.") and isinstance(value, dict)]
            called = [str(value[name]) for value in arguments for name in ("argv", "cmd", "validate") if name in value]
            if any(map(ADMINISTRATORS.search, called)):
                assert "/usr/sbin" in task["environment"]["PATH"], f"{path}: {task['name']}"
                found += 1
    # The modules service_files and release search these directories themselves.
    assert found >= 3
