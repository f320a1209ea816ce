# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that an adopted configuration names, and the secrets in it. Private to the collection."""

from __future__ import annotations

import json
import posixpath
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption import inventory_file
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import secret_values

# Directories in the configuration tree of Prometheus that this collection manages.
OURS = ("rules", "targets", "web")
# Names below these keys are chosen by the user.
_NAMES = ("labels", "external_labels", "params", "headers")
_PATHS = ("files", "rule_files", "scrape_config_files")
# The file with the secrets of a group, with the name that the documentation of Ansible uses.
VAULT = "vault.yml"
# Target groups by pattern of file_sd_configs, and by file; None if no file matches the pattern.
TargetFiles = t.Mapping[str, t.Optional[t.Mapping[str, list[dict[str, t.Any]]]]]


def absolute(value: t.Any, directory: str, key: str = "") -> t.Any:
    """Return *value*, a configuration or a part of one, with absolute paths. Relative paths start at *directory*."""
    if isinstance(value, dict):
        return {name: item if name in _NAMES else absolute(item, directory, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [absolute(item, directory, key) for item in value]
    is_path = isinstance(value, str) and value and (key in _PATHS or key.endswith("_file"))
    return posixpath.normpath(posixpath.join(directory, value)) if is_path else value


def patterns(value: t.Any) -> set[str]:
    """Return the patterns of all ``file_sd_configs`` in *value*."""
    if isinstance(value, list):
        return set().union(*map(patterns, value))
    if not isinstance(value, dict):
        return set()
    own = {pattern for discovery in value.get("file_sd_configs") or [] for pattern in discovery["files"]}
    return own.union(*map(patterns, value.values()))


def with_inlined_targets(value: t.Any, targets: TargetFiles, config_dir: str, notes: list[str], where: str = "") -> t.Any:
    """Return *value* with ``file_sd_configs`` replaced by static ones, for files in directories that this collection manages.

    :raises ValueError: if such a file is missing, or if the configuration needs another file in such a directory.
    """
    if isinstance(value, list):
        return [with_inlined_targets(item, targets, config_dir, notes, where) for item in value]
    if not isinstance(value, dict):
        return value
    where = f"the job {value['job_name']}" if "job_name" in value else where
    found = {
        key: with_inlined_targets(item, targets, config_dir, notes, where or key)
        for key, item in value.items()
        if key != "file_sd_configs"
    }
    for key, item in value.items():
        if key.endswith("_file") and isinstance(item, str) and _is_ours(item, config_dir):
            raise ValueError(
                f"{where or key}: {key} names {item}, and the playbook site replaces the directory {posixpath.dirname(item)}. "
                "Move the file to another directory on the server, and set the new path in prometheus.yml."
            )
    left = []
    for discovery in value.get("file_sd_configs") or []:
        others = [pattern for pattern in discovery["files"] if not _is_ours(pattern, config_dir)]
        left += [{**discovery, "files": others}] if others else []
        for pattern in sorted({*discovery["files"]} - {*others}):
            static = _copied(value, targets.get(pattern), pattern, where)
            found["static_configs"] = [*(found.get("static_configs") or []), *static]
            notes.append(
                f"{where}: the targets are copied from {', '.join(targets[pattern] or ())}. Prometheus no longer reads these "
                f"files: the playbook site replaces the directory {posixpath.dirname(pattern)}, and keeps the files as "
                "*.before-vigie"
            )
    return {**found, "file_sd_configs": left} if left else found


def _copied(
    value: t.Mapping[str, t.Any], files: t.Mapping[str, list[dict[str, t.Any]]] | None, pattern: str, where: str
) -> t.Iterator[dict[str, t.Any]]:
    """Yield the target groups in *files* as static ones."""
    if files is None:
        raise ValueError(
            f"{where}: no file matches {pattern} beside prometheus.yml. The playbook site replaces the directory "
            f"{posixpath.dirname(pattern)}, and the targets would be lost. Copy that directory from the server as well. If the "
            "server has no such file, remove the pattern from the copy of prometheus.yml."
        )
    has_path = "__meta_filepath" in json.dumps(value.get("relabel_configs"))
    for path, groups in files.items():
        for group in groups:
            labels = {**({"__meta_filepath": path} if has_path else {}), **(group.get("labels") or {})}
            yield {"targets": group.get("targets") or [], **({"labels": labels} if labels else {})}


def _is_ours(path: str, config_dir: str) -> bool:
    """Return whether a path or a pattern is in a directory that this collection manages."""
    directory = posixpath.relpath(path, config_dir).partition("/")
    return directory[0] in OURS and directory[1] != ""


def group_vars_files(variables: dict[str, t.Any], group: str, keys: secret_values.Keys, notes: list[str]) -> dict[str, str]:
    """Return the files with the *variables* of a group, by path. Secrets are in a separate file, for ansible-vault."""
    secrets: dict[str, t.Any] = {}

    def out(path: tuple[str, ...], value: t.Any) -> str:
        name = re.sub(r"[^a-z0-9]+", "_", "_".join(("vault", group, *path[1:])).lower()).strip("_")
        while secrets.get(name, value) != value:
            name += "_2"
        secrets[name] = value
        return inventory_file.Reference(f"{{{{ {name} }}}}")

    # Rules, which are templates, have no secrets.
    shown = {
        key: value if key == "prometheus_extra_rules" else secret_values.replaced(value, keys, out, (key,))
        for key, value in variables.items()
    }
    if not secrets:
        return {f"group_vars/{group}.yml": inventory_file.text(shown)}
    path = f"group_vars/{group}/{VAULT}"
    notes.append(f"{path} contains secrets in plain text ({', '.join(secrets)}). Encrypt the file: ansible-vault encrypt {path}")
    return {f"group_vars/{group}/vars.yml": inventory_file.text(shown), path: inventory_file.text(secrets)}
