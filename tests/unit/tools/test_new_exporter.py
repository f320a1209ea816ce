# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An exporter is one folder: a new one in a copy of the tree gets everything that the others have."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
# What the questions of the tests need.
COPIED = ("plugins", "roles", "playbooks", "tools", "tests/unit", "meta", ".collections")
ROLE = "acme_exporter"
ARGUMENTS = (ROLE, "acme/acme_exporter", "9876", "2.3.4")
INVENTORY = {
    "prometheus": {"hosts": {"monitor": {"ansible_host": "192.0.2.1"}}},
    ROLE: {"hosts": {"web": {"ansible_host": "192.0.2.2"}}},
}


class Tree(t.NamedTuple):
    """A copy of the tree."""

    path: Path

    def run(self, *command: t.Any) -> subprocess.CompletedProcess[str]:
        """Run a program of the virtual environment in the copy."""
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(self.path / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(self.path / ".collections"),
        }
        program = ROOT / ".venv/bin" / command[0]
        return subprocess.run(
            [program, *command[1:]], cwd=self.path, env=environment, capture_output=True, text=True, check=False
        )

    def output(self, *command: t.Any) -> str:
        """Return what a program says that must not fail."""
        done = self.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Return a copy of the tree with a new exporter."""
    path = tmp_path_factory.mktemp("tree")
    for name in COPIED:
        shutil.copytree(ROOT / name, path / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    (path / "docs").mkdir()
    pages = ("docs/rules.md", "docs/presets.md", "docs/exporters.md", "docs/exporters.json")
    for name in ("README.md", "ansible.cfg", "pyproject.toml", ".yamllint", *pages):
        shutil.copy(ROOT / name, path / name)
    (path / ".venv").symlink_to(ROOT / ".venv")
    made = Tree(path)
    made.output("python", "tools/new_exporter.py", *ARGUMENTS)
    (path / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": INVENTORY}}))
    return made


def test_the_checks_of_lint_notice_the_new_folder_until_the_generated_files_follow(tree: Tree) -> None:
    """They name the files, and the commands that write them; nothing is left for hands."""
    stale = tree.run("python", "tools/generate.py", "--check")
    assert stale.returncode != 0
    for file in (f"roles/{ROLE}/README.md", "README.md", "playbooks/site.yml"):
        assert file in stale.stderr
    for program in ("tools/generate.py", "tools/dashboards/write.py"):
        tree.output("python", program)
        tree.output("python", program, "--check")
    tree.output("ruff", "check", "--no-cache", f"roles/{ROLE}")
    tree.output("ruff", "format", "--check", "--no-cache", f"roles/{ROLE}")
    tree.output("yamllint", "--strict", f"roles/{ROLE}")
    assert f"| [`{ROLE}`](roles/{ROLE}/README.md) | Metrics of acme | [runbook](" in (tree.path / "README.md").read_text()


def test_the_new_role_passes_the_tests_of_the_roles(tree: Tree) -> None:
    """Specification, defaults, rules and what they notice, runbook, dashboard."""
    tree.output("python", "tools/dashboards/write.py")
    said = tree.output("pytest", "-q", "-p", "no:cacheprovider", "tests/unit/roles", "-k", f"{ROLE} or own_name")
    assert " passed" in said


def test_the_model_has_the_new_role(tree: Tree) -> None:
    """Target, rules and firewall; `site` has its name as a tag of its play, the firewall and the refresh, and removes it."""
    tree.output("python", "tools/generate.py")
    ask = (
        "{'rules': lookup('vigie.monitoring.fleet') | vigie.monitoring.firewall_rules('web'),"
        " 'removed': lookup('vigie.monitoring.roles', removable=true, wantlist=true)}"
    )
    write = {
        "ansible.builtin.copy": {"content": "{{ " + ask + " | to_json }}", "dest": str(tree.path / "answer"), "mode": "0600"}
    }
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [write]}
    (tree.path / "ask.yml").write_text(yaml.safe_dump([play]))
    tree.output("ansible-playbook", "-i", "hosts.yml", "ask.yml", "playbooks/render.yml", "-e", "render_dir=rendered")
    rendered = tree.path / "rendered/monitor"
    assert "192.0.2.2:9876" in (rendered / "targets/acme.json").read_text()
    assert "AcmeDown" in (rendered / f"rules/{ROLE}.yml").read_text()
    answer = json.loads((tree.path / "answer").read_text())
    assert ROLE in answer["removed"]
    let_in = {rule["source"] for chain in answer["rules"] for rule in chain["rules"] if rule.get("source")}
    assert let_in == {"192.0.2.1"}
    listed = tree.output("ansible-playbook", "-i", "hosts.yml", "playbooks/site.yml", "--list-tasks", "--tags", ROLE)
    for name in (f"({ROLE}): Deploy {ROLE}", "Apply the firewall rules for", "Refresh targets", "Wait until Prometheus"):
        assert name in listed, listed


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("Acme", *ARGUMENTS[1:]), "NAME=Acme: it must have lower-case letters"),
        (("node_exporter", *ARGUMENTS[1:]), "roles/node_exporter exists already"),
        (("other_exporter", "acme", "9876"), "REPOSITORY=acme: name a repository"),
        (("other_exporter", "acme/x", "99999"), "PORT=99999: it must be a number"),
        (("other_exporter", "acme/x", "9876", "v1.0"), "VERSION=v1.0: name a version without"),
        (("", "", ""), "NAME=: it must have"),
    ],
)
def test_wrong_arguments_are_named(tree: Tree, arguments: tuple[str, ...], reason: str) -> None:
    """Nothing is written."""
    done = tree.run("python", "tools/new_exporter.py", *arguments)
    assert done.returncode != 0
    assert reason in done.stderr
    assert not (tree.path / "roles/other_exporter").exists()
