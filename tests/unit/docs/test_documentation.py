# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands, variables, plugins, paths and links in the documentation exist."""

from __future__ import annotations

import functools
import os
import re
import shlex
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model

ROOT = Path(__file__).parents[3]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/monitoring/*.md")]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
PLAYBOOKS = {path.stem for path in ROOT.glob("playbooks/*.yml")}
ROLES = {path.name for path in ROOT.glob("roles/*")}
# The built artefact of the collection leaves these out.
IGNORED = set(yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"])
# Files of plugins hold one plugin each, or several filters with a file of documentation each.
PLUGINS = {path.stem for path in ROOT.glob("plugins/*/[a-z]*.*")}
RULES = [*ROOT.glob("roles/*/monitoring/rules.yml")]
YAML = [*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/*/[dtv]*/*.yml")]


def code(page: Path) -> list[str]:
    """Return the pieces of code in *page*: between backticks, and indented or fenced blocks."""
    text = page.read_text(encoding="utf-8")
    # The first column of the migration guide has variables of another collection.
    text = re.sub(r"^\| `.*?` .*?\|(?=.*\|$)", "|", text, flags=re.MULTILINE) if "| here |" in text else text
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    blocks += [block.replace("\\\n", " ") for block in re.findall(r"(?<=\n\n)((?:    .*\n)+)", text)]
    return [*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))]


def example_roles(page: Path) -> set[str]:
    """Return the roles of the user that *page* gives the files of."""
    return set(re.findall(r"^`roles/(\w+)/\S+`:$", page.read_text(encoding="utf-8"), re.MULTILINE))


def commands(page: Path, program: str) -> list[str]:
    """Return the command lines of *program* in *page*."""
    lines = [line.strip() for piece in code(page) for line in piece.splitlines()]
    return [line for line in lines if line.startswith(f"{program} ")]


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of *page*, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@functools.cache
def known_names() -> set[str]:
    """Return the variables that a user can set (of all roles, of the whole collection, of the playbooks), and thresholds."""
    found = set(re.findall(r"^\| `(monitoring_[a-z_]+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            found.update(entry.get("options", {}))
    names = {path: set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", path.read_text(encoding="utf-8"))) for path in [*YAML, *RULES]}
    found.update(name for path in YAML for name in names[path] if name.partition("_")[0] in PLAYBOOKS)
    return found.union(*(names[path] for path in RULES))


@functools.cache
def known_tags() -> set[str]:
    """Return the tags of all tasks and plays, and the names of the roles."""
    found = set(ROLES)

    def collect(item: t.Any) -> None:
        if isinstance(item, dict):
            tags = item.get("tags", [])
            found.update([tags] if isinstance(tags, str) else tags)
        for child in item.values() if isinstance(item, dict) else item if isinstance(item, list) else []:
            collect(child)

    for path in YAML:
        collect(yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


def test_there_are_pages_and_commands() -> None:
    """The other tests of this file have something to test."""
    assert {"README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"} <= {page.name for page in PAGES}
    assert len(commands(ROOT / "README.md", "ansible-playbook")) > 10
    assert len(commands(ROOT / "docs" / "migration.md", "ansible-playbook")) > 3


@each_page
def test_commands_exist(page: Path) -> None:
    """The playbook of each command, its variables and its tags exist; so does each target of make."""
    # Playbooks read these variables by other ways than by their names in expressions.
    variables, tags = known_names() | {"host", "for", "why"}, known_tags() | example_roles(page)
    for command in commands(page, "ansible-playbook"):
        playbook = re.search(r" (?:vigie\.monitoring\.(\w+)|playbooks/(\w+)\.yml)", command)
        assert playbook, command
        assert (playbook[1] or playbook[2]) in PLAYBOOKS, command
        assert set(re.findall(r"-e (\w+)=", command)) <= variables, command
        assert {tag for given in re.findall(r"-tags (\S+)", command) for tag in given.split(",")} <= tags, command
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for command in commands(page, "make"):
        assert set(re.findall(r"(?<= )[a-z-]+(?= |$)", command.partition("#")[0])) <= targets, command


@each_page
def test_variables_exist(page: Path) -> None:
    """Names that begin with the name of a role or a playbook, or with monitoring_, are variables, roles or plugins."""
    prefixes = "|".join(sorted({*ROLES, *PLAYBOOKS, "monitoring"}, key=len, reverse=True))
    # In quotes and brackets, a name is a key of another program.
    named = {name for piece in code(page) for name in re.findall(rf"(?<![\w./<'-])(?:{prefixes})_[a-z_]+\b(?![\w./({{])", piece)}
    assert named - known_names() - ROLES - PLUGINS == set()


@each_page
def test_plugins_and_paths_exist(page: Path) -> None:
    """Each vigie.monitoring.NAME is a playbook, a plugin or a role, and each path exists in the repository or in a role."""
    # An inventory in an example is the user's own.
    directories = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"inventory"}
    tops = "|".join(sorted(re.escape(name) for name in directories if not name.startswith(".")))
    for piece in code(page):
        assert set(re.findall(r"\bvigie\.monitoring\.([a-z]\w*)", piece)) <= PLAYBOOKS | PLUGINS | ROLES, piece
        for path in re.findall(rf"(?<![\w./-])(?:{tops})/[\w./*-]+", piece):
            # A part in capitals stands for a name.
            if example_roles(page).intersection(path.split("/")):
                continue
            pattern = re.sub(r"\b[A-Z][A-Z_]+\b", "*", path.rstrip("/."))
            assert [*ROOT.glob(pattern), *ROOT.glob(f"roles/*/{pattern}")], path


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    """The files and the anchors of all links exist, in the repository and in the built artefact."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _sign, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert not IGNORED.intersection(target.resolve().relative_to(ROOT.resolve()).parts[:1]), f"{link} is not in the artefact"
        assert not anchor or anchor in anchors(target), link


def test_commands_of_pytest_find_tests() -> None:
    """Each command in CONTRIBUTING.md selects a test."""
    lines = [line.strip() for piece in code(ROOT / "CONTRIBUTING.md") for line in piece.splitlines()]
    found = [line.partition("pytest ")[2] for line in lines if re.match(r"(?:\S+ )?(?:\S+/)?pytest ", line)]
    assert len(found) > 2
    for arguments in map(shlex.split, found):
        command = [sys.executable, "-m", "pytest", *arguments, "--collect-only", "--quiet"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_changelog_fragments_have_no_markup_of_ansible() -> None:
    """The changelog prints C(name) as it stands: fragments are reStructuredText."""
    for path in ROOT.glob("changelogs/fragments/*"):
        assert re.findall(r"\b[CEILMOPV]+\(.*?\)", path.read_text(encoding="utf-8")) == [], path


def test_the_tags_of_the_readme_exist() -> None:
    """The table of tags has every tag of site, and no other tag. One row stands for the names of all roles with a contract."""
    command = [ROOT / ".venv/bin/ansible-playbook", "playbooks/site.yml", "-i", "inventory/demo", "--list-tags"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    listed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    tags = {tag.strip() for line in re.findall(r"TASK TAGS: \[(.*)\]", listed) for tag in line.split(",")} - {"always", "never"}
    with_contract = {path.parents[1].name for path in ROOT.glob("roles/*/monitoring/scrape.yml")}
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n### Tags\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*?) \|", section, re.MULTILINE)
    assert with_contract <= tags
    assert any(row.startswith("the name of a role") for row in rows)
    documented = {name for row in rows if row.startswith("`") for name in re.findall(r"`(\w+)`", row)}
    assert documented == tags - with_contract


def test_the_keys_of_the_model_are_described() -> None:
    """The table in ARCHITECTURE.md has the keys of the type."""
    section = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("\n## The fleet model\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(t.get_type_hints(Model))


def test_tasks_that_are_measured_exist() -> None:
    """The benchmark of the refresh measures tasks by their names."""
    text = (ROOT / "tests" / "benchmarks" / "refresh.py").read_text(encoding="utf-8")
    steps = re.findall(r'^    "([A-Z].*)": "', text.partition("STEPS = ")[2].partition("}")[0], re.MULTILINE)
    tasks = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("roles/prometheus/tasks/*.yml"))
    assert steps
    for step in steps:
        assert f"- name: {step}\n" in tasks
