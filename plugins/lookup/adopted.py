# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup adopted: an inventory from which the configuration of an existing Prometheus server is rendered."""

from __future__ import annotations

DOCUMENTATION = r"""
name: adopted
short_description: The inventory for an existing configuration of Prometheus
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Reads prometheus.yml with the files that it names, on the controller, and returns the files of an inventory from which the
    same targets, labels, rules and settings are rendered.
  - Applies the relabeling of static targets. What relabeling makes of a target is in the inventory.
  - Keeps jobs that the inventory cannot express (service discovery, for example) unchanged, in
    C(prometheus_extra_scrape_configs).
  - Writes passwords and other secrets to separate files, which you can encrypt with ansible-vault.
options:
  _terms:
    description: The path of prometheus.yml.
    required: true
  server:
    description: The inventory name of the host that the configuration comes from.
    type: str
    required: true
  config_dir:
    description:
      - The directory of the configuration on that host.
      - Files below this directory are read beside prometheus.yml on the controller.
    type: str
    default: /etc/prometheus
  alertmanager:
    description: The path of alertmanager.yml. By default, the configuration of Alertmanager is not adopted.
    type: str
    default: ""
  blackbox:
    description: The path of the configuration of blackbox_exporter. By default, probes use the modules of the role.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the inventory for a configuration
  ansible.builtin.debug:
    msg: "{{ lookup('vigie.monitoring.adopted', 'prometheus.yml', server='monitor.example.com').files }}"
"""

RETURN = r"""
_raw:
  description: >-
    C(files), the content of each file of the inventory by path; C(secret), the paths of the files that contain secrets;
    C(notes), the differences from the configuration, and what is left to do; and C(share), how many targets became hosts.
  type: list
  elements: dict
"""

import itertools
import pathlib
import posixpath
import typing as t

import yaml
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption import prometheus_config, target_files
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import plain


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[str], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return files and notes, as the one item of a list."""
        self.set_options(var_options=variables, direct=kwargs)
        if len(terms) != 1:
            raise AnsibleLookupError(f"vigie.monitoring.adopted: expected the path of one prometheus.yml, got {terms!r}")
        path = pathlib.Path(terms[0]).absolute()
        alertmanager, blackbox = self.get_option("alertmanager"), self.get_option("blackbox")
        try:
            source = _read(path, self.get_option("config_dir"))
            source.alertmanager = _load(pathlib.Path(alertmanager)) if alertmanager else None
            source.blackbox = _load(pathlib.Path(blackbox)) if blackbox else None
            return [prometheus_config.adopt(source, plain(self.get_option("server")), contracts())]
        except (ValueError, OSError) as error:
            raise AnsibleLookupError(f"{path} cannot be adopted: {error}") from error


def _load(path: pathlib.Path) -> t.Any:
    """Return the data of a YAML file. JSON is also YAML."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not valid YAML: {error}") from error


def _read(path: pathlib.Path, config_dir: str) -> prometheus_config.Source:
    """Read the copy of prometheus.yml at *path*, and the files that the configuration names."""
    config = _load(path)
    if not isinstance(config, dict):
        raise ValueError("the file is not a configuration of Prometheus")  # noqa: TRY004 - an error of the file, not of the program
    config_dir = config_dir.rstrip("/")
    config = target_files.absolute(config, config_dir)
    for pattern in config.get("scrape_config_files") or []:
        for its, file in _matching(path.parent, pattern, config_dir).items():
            # Paths in such a file are relative to its directory.
            jobs = target_files.absolute(_load(file) or {}, its.rpartition("/")[0]).get("scrape_configs") or []
            config["scrape_configs"] = [*(config.get("scrape_configs") or []), *jobs]
    found = {pattern: _matching(path.parent, pattern, config_dir) for pattern in target_files.patterns(config)}
    targets = {pattern: {its: _load(file) or [] for its, file in files.items()} or None for pattern, files in found.items()}
    source = prometheus_config.Source(config, targets, config_dir=config_dir)
    for pattern in config.get("rule_files") or []:
        for its, file in _matching(path.parent, pattern, config_dir).items():
            source.rules[its] = _load(file) or {}
    named = [(key, pattern) for key in ("scrape_config_files", "rule_files") for pattern in config.get(key) or []]
    source.missing = [(key, pattern) for key, pattern in named if not _is_here(path.parent, pattern, config_dir)]
    return source


def _local(directory: pathlib.Path, pattern: str, config_dir: str) -> tuple[pathlib.Path, str, str]:
    """Return two directories, on the controller and on the server, and the *pattern* relative to both.

    Files below *config_dir* on the server are below *directory* on the controller.
    """
    here, there = (directory, config_dir) if pattern.startswith(f"{config_dir}/") else (pathlib.Path("/"), "/")
    return here, there, posixpath.relpath(pattern, there)


def _matching(directory: pathlib.Path, pattern: str, config_dir: str) -> dict[str, pathlib.Path]:
    """Return the files that a pattern of prometheus.yml matches, by their paths on the server."""
    here, there, relative = _local(directory, pattern, config_dir)
    return {posixpath.join(there, path.relative_to(here).as_posix()): path for path in sorted(here.glob(relative))}


def _is_here(directory: pathlib.Path, pattern: str, config_dir: str) -> bool:
    """Return whether the directory of a pattern was copied. The pattern may match no file in the directory."""
    here, _there, relative = _local(directory, pattern, config_dir)
    parts = relative.split("/")
    literal = list(itertools.takewhile(lambda part: not set(part) & set("*?["), parts))
    return here.joinpath(*literal).exists()
