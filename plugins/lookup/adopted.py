# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup adopted: the inventory that the configuration of a Prometheus server could have been made from."""

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
  - Jobs that the inventory cannot say (relabeling, service discovery, credentials) go over in Prometheus' own form.
options:
  _terms:
    description: The path of prometheus.yml.
    required: true
  server:
    description: The name, in the inventory, of the host that the configuration is of.
    type: str
    required: true
  config_dir:
    description: Where the configuration lies on that host; paths below it are looked for beside prometheus.yml.
    type: str
    default: /etc/prometheus
  alertmanager:
    description: The path of alertmanager.yml, where the Alertmanagers are to be adopted, too.
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
  description: C(files), the texts of the inventory by path, and C(notes), what is different or left to do.
  type: list
  elements: dict
"""

import pathlib
import typing as t

import yaml
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.vigie.monitoring.plugins.plugin_utils import _adopt
from ansible_collections.vigie.monitoring.plugins.plugin_utils._contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._values import plain


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[str], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return files and notes, as the one item of a list."""
        self.set_options(var_options=variables, direct=kwargs)
        if len(terms) != 1:
            raise AnsibleLookupError(f"vigie.monitoring.adopted takes the path of one prometheus.yml, got {terms!r}")
        path = pathlib.Path(terms[0]).absolute()
        alertmanager = self.get_option("alertmanager")
        try:
            source = _read(path, self.get_option("config_dir"))
            source.alertmanager = _load(pathlib.Path(alertmanager)) if alertmanager else None
            return [_adopt.adopt(source, plain(self.get_option("server")), contracts())]
        except (ValueError, OSError) as error:
            raise AnsibleLookupError(f"{path} cannot be adopted: {error}") from error


def _load(path: pathlib.Path) -> t.Any:
    """Return a YAML file's data; JSON is YAML, too."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML: {error}") from error


def _read(path: pathlib.Path, config_dir: str) -> _adopt.Source:
    config = _load(path)
    if not isinstance(config, dict):
        raise ValueError("it is no configuration of Prometheus")  # noqa: TRY004 - a mistake of the file, not of the program
    for pattern in config.get("scrape_config_files") or []:
        for file in _matching(path.parent, pattern, config_dir):
            config.setdefault("scrape_configs", []).extend(_load(file).get("scrape_configs") or [])
    source = _adopt.Source(config)
    for job in config.get("scrape_configs") or []:
        for pattern in (pattern for discovery in job.get("file_sd_configs") or [] for pattern in discovery["files"]):
            files = _matching(path.parent, pattern, config_dir)
            source.targets[pattern] = [group for file in files for group in _load(file) or []] if files else None
    for pattern in config.get("rule_files") or []:
        for file in _matching(path.parent, pattern, config_dir):
            source.rules[str(file)] = _load(file) or {}
    return source


def _matching(directory: pathlib.Path, pattern: str, config_dir: str) -> list[pathlib.Path]:
    """Return the files that a pattern of prometheus.yml means, in the copy that lies in *directory*."""
    beside = pattern[len(config_dir) :].lstrip("/") if pattern.startswith(config_dir.rstrip("/") + "/") else pattern
    found = sorted(directory.glob(beside)) if not beside.startswith("/") else []
    return found or sorted(pathlib.Path("/").glob(pattern.lstrip("/")) if pattern.startswith("/") else [])
