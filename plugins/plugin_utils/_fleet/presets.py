# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets: endpoints and alerts of services that have metrics of their own. Private to the collection.

``presets/NAME.yml`` in the folder of a role is a preset. `monitoring_presets` of a host names the presets of its services::

    title: etcd                        # the name of the service
    needs: …                           # what to configure in the service, in Markdown
    source: https://…                  # the documentation of the metrics
    endpoint: {port: 2379}             # keys of monitoring_scrapes, no templates. The job is the name of the preset by default
    groups: […]                        # optional: rules, as in monitoring/rules.yml of a role
    remedies: {EtcdNoLeader: …}        # optional: by alert, the meaning and the remedy for the runbook, in Markdown
    tests: […]                         # optional: unit tests of promtool
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import typing as t

import yaml
from ansible.errors import AnsibleError

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import contract_files
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import build_endpoint
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.merging import merged_list
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import OURS, Directory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import plain

if t.TYPE_CHECKING:
    from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.host_templates import HostTemplates

VARIABLE = "monitoring_presets"
# The names of the files with the rules of presets begin with this prefix.
PREFIX = "preset_"
KEYS = ("title", "needs", "source", "endpoint", "groups", "remedies", "tests")


@dataclasses.dataclass(frozen=True)
class Preset:
    """The endpoint and the alerts of a service."""

    name: str
    path: pathlib.Path
    # Keys of monitoring_scrapes.
    endpoint: dict[str, t.Any]
    # The content of a rule file, or an empty text.
    rules: str


Presets = t.Mapping[str, Preset]
# Most fleets have no preset, and then no file is read.
Load = t.Callable[[], Presets]


@functools.lru_cache
def presets(directories: tuple[Directory, ...] = (OURS,)) -> Presets:
    """Return the presets in *directories* with the folders of roles, by name.

    :raises AnsibleError: with all errors in the files.
    """
    errors = contract_files.Errors()
    found: dict[str, Preset] = {}
    for directory in directories:
        for path in sorted(pathlib.Path(directory.path).glob("*/presets/*.yml")):
            preset = _preset(path, errors)
            if path.stem in found:
                errors.add(path, "", None, f"{found[path.stem].path} is a preset of the same name. Rename the file")
            found.setdefault(path.stem, preset)
    if errors.lines:
        lines = "\n".join(f"- {line}" for line in errors.lines)
        raise AnsibleError(f"The files of the presets have {len(errors.lines)} error(s):\n{lines}")
    return found


def _preset(path: pathlib.Path, errors: contract_files.Errors) -> Preset:
    found = contract_files.read_yaml(path, errors)
    for key in found:
        if key not in KEYS:
            errors.add(path, str(key), found[key], f"unknown key. The known keys are {', '.join(KEYS)}")
    endpoint = found.get("endpoint")
    if isinstance(endpoint, dict):
        endpoint = {"job": path.stem, **endpoint}
        build_endpoint("", endpoint, "host", lambda key, *problem: errors.add(path, f"endpoint.{key}".rstrip("."), *problem))
    else:
        errors.add(path, "endpoint", endpoint, "must be a dictionary with the port, and other keys of monitoring_scrapes")
    # Rules are rendered from their text.
    groups = found.get("groups")
    text = yaml.safe_dump({"groups": groups}, sort_keys=False, allow_unicode=True) if groups else ""
    return Preset(path.stem, path, plain(endpoint), contract_files.valid_rules(text, path, errors) if text else "")


def host_scrapes(templates: HostTemplates, load: Load) -> list[tuple[str, dict[str, t.Any]]]:
    """Return (preset, entry of monitoring_scrapes) for each entry in monitoring_presets of a host.

    An entry is a name, or a dictionary with the name as ``preset`` and keys that override the keys of the endpoint.
    """
    found = []
    for index, raw in enumerate(merged_list(templates, VARIABLE)):
        own = {"preset": raw} if isinstance(raw, str) else raw
        name = own.get("preset") if isinstance(own, dict) else None
        if not isinstance(name, str):
            remedy = "must be the name of a preset, or a dictionary with preset and keys of monitoring_scrapes"
            templates.report(f"{VARIABLE}[{index}]", raw, remedy)
        elif name not in (known := load()):
            remedy = f"unknown preset. The presets are {', '.join(sorted(known))}. For another service, use monitoring_scrapes"
            templates.report(f"{VARIABLE}[{index}]", name, remedy)
        else:
            found.append((name, {**known[name].endpoint, **{key: value for key, value in own.items() if key != "preset"}}))
    return found
