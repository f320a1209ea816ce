# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validation of the tags and the limit of a run of ``site``. Private to the collection."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import pathlib
import typing as t

import yaml
from ansible.module_utils.common.yaml import yaml_load

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import first_names

COLLECTION = pathlib.Path(__file__).parents[3]
PLAYBOOKS = COLLECTION / "playbooks"
# Tags with a meaning of Ansible's own.
_ANSIBLES = frozenset({"all", "always", "never", "tagged", "untagged"})
_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Selection:
    """What ``--tags``, ``--skip-tags`` and ``--limit`` select."""

    tags: t.Sequence[str]
    skipped: t.Sequence[str]
    hosts: t.Sequence[str]


def refusal(model: Model, selection: Selection, roles: t.Collection[str], others: t.Callable[[], set[str]]) -> str:
    """Return why a run would do nothing that was asked for, or an empty text.

    :param roles: the names of the roles with a contract: each is a tag.
    :param others: returns all other tags. It is called if a tag is no role: it reads files.
    """
    reasons = []
    unknown = {*selection.tags, *selection.skipped} - _ANSIBLES - set(roles)
    known = {*roles, *others()} - _ANSIBLES if unknown else set(roles)
    for option, given in (("--tags", selection.tags), ("--skip-tags", selection.skipped)):
        reasons += [_unknown(option, tag, known) for tag in given if tag not in known | _ANSIBLES]
    return " ".join(reasons) or _no_host(model, selection, set(roles))


def _unknown(option: str, tag: str, known: t.Collection[str]) -> str:
    near = difflib.get_close_matches(tag, known, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"The tags are {', '.join(sorted(known))}."
    return f"{option} {tag}: no role and no task has this tag. {hint}"


def _no_host(model: Model, selection: Selection, roles: set[str]) -> str:
    """Return why only roles that no host of the run has were asked for, or an empty text."""
    tags = selection.tags
    has = {host: model["hosts"][host]["roles"] for host in selection.hosts if host in model["hosts"]}
    if not set(tags) <= roles or any(role in tags for names in has.values() for role in names):
        return ""
    asked = " or ".join(sorted(tags))
    elsewhere = [host for host, content in model["hosts"].items() if set(tags).intersection(content["roles"])]
    if not elsewhere:
        return f"--tags {','.join(tags)}: no host of the inventory has the role {asked}. Add hosts to the group of the role."
    run, others = first_names(list(has), _SHOWN), first_names(elsewhere, _SHOWN)
    return (
        f"--tags {','.join(tags)}: no host of this run has the role {asked}. The hosts of the run are {run}; "
        f"hosts with the role are {others}. Change --limit or --tags, or add the host to the group of the role."
    )


def task_tags(folders: t.Iterable[pathlib.Path]) -> set[str]:
    """Return the tags of the tasks of ``site``, and of the roles with these *folders*."""
    paths = [PLAYBOOKS / "site.yml", PLAYBOOKS / "_role.yml", *PLAYBOOKS.glob("tasks/*.yml")]
    for folder in folders:
        paths += folder.glob("tasks/**/*.yml")
    found: set[str] = set()
    for path in paths:
        # Values can have tags of Ansible's (!vault), which a reader of plain YAML refuses.
        with contextlib.suppress(yaml.YAMLError):
            found.update(_tags_in(yaml_load(path.read_bytes())))
    return found


def _tags_in(content: t.Any) -> t.Iterator[str]:
    """Yield the tags in the content of a file of tasks or plays. Tags that are templates stand for names of roles."""
    if isinstance(content, list):
        for item in content:
            yield from _tags_in(item)
    elif isinstance(content, dict):
        tags = content.get("tags") or []
        for tag in tags.split(",") if isinstance(tags, str) else tags:
            if "{{" not in str(tag):
                yield str(tag).strip()
        for value in content.values():
            yield from _tags_in(value)


def is_ours(playbooks: t.Iterable[str]) -> bool:
    """Return whether all of the *playbooks* on the command line are of this collection: others can have tags of their own."""
    return all(
        name.startswith("vigie.monitoring.") or pathlib.Path(name).resolve().parent == PLAYBOOKS.resolve() for name in playbooks
    )
