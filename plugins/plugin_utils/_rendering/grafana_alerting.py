# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the file that provisions Grafana's own alerting. Private to the collection.

Grafana keeps everything that it has read from a file, also after it is gone from the file, until a file lists it for deletion
(Grafana's documentation, "Use configuration files to provision alerting resources"). The file that the host has shows what to
delete.
"""

from __future__ import annotations

import typing as t

import yaml

from ansible_collections.vigie.monitoring.plugins.module_utils._common.redaction import is_secret
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, server_settings
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import made_yaml
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.grafana import ROLE, literal

# The keys of grafana_alerting, and of Grafana's file.
_SECTIONS = {
    "rules": "groups",
    "contact_points": "contactPoints",
    "policies": "policies",
    "mute_timings": "muteTimes",
    "templates": "templates",
}
# For each list of deletions: the list of the things, the list below each of them that has the things, and the key that names one.
_DELETIONS = {
    "deleteRules": ("groups", "rules", "uid"),
    "deleteContactPoints": ("contactPoints", "receivers", "uid"),
    "deleteMuteTimes": ("muteTimes", "", "name"),
    "deleteTemplates": ("templates", "", "name"),
}
_RESET = "resetPolicies"
File = dict[str, t.Any]


def grafana_alerting(model: Model, host: str, before: str = "") -> dict[str, t.Any]:
    """Return the file that provisions the alerting of the Grafana on *host*.

    The keys of the result are ``content``, the file that Grafana must read next, with the lists of deletions, and
    ``provisioned``, the file without these lists. Both are empty where no file is necessary. ``secret`` says whether the file has
    contact points.

    :param before: the file that the host has, or nothing.
    :raises ValueError: if *before* cannot be parsed.
    """
    alerting = server_settings(model, ROLE, host)["grafana_alerting"] or {}
    wanted: File = {ours: alerting[name] for name, ours in _SECTIONS.items() if alerting.get(name)}
    if "contactPoints" in wanted:
        wanted["contactPoints"] = [_with_literal_secrets(item) for item in wanted["contactPoints"]]
    earlier = _parsed(before, host)
    deletions = _deletions(wanted, earlier)
    return {
        "content": _text({**wanted, **deletions}),
        "provisioned": _text(wanted),
        "secret": "contactPoints" in wanted or "contactPoints" in earlier,
    }


def _text(file: File) -> str:
    return made_yaml({"apiVersion": 1, **file}) if file else ""


def _parsed(text: str, host: str) -> File:
    try:
        found = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(  # noqa: TRY004 - the filter reports this type
            f"host {host}: the file for Grafana's alerting is not YAML, so that nobody knows what Grafana has read from it. "
            "Repair or remove the file"
        )
    return found


def _with_literal_secrets(contact_point: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a contact point whose secret settings Grafana reads without a replacement of variables."""
    receivers = [
        {
            **receiver,
            "settings": {
                key: literal(value) if isinstance(value, str) and is_secret(key) else value
                for key, value in receiver["settings"].items()
            },
        }
        for receiver in contact_point["receivers"]
    ]
    return {**contact_point, "receivers": receivers}


def _deletions(wanted: File, earlier: File) -> File:
    """Return the lists of what the *earlier* file has and the *wanted* one does not have."""
    found: File = {}
    for name, (section, below, key) in _DELETIONS.items():
        # An interrupted run leaves a file with a list of deletions.
        gone = {**_identities(earlier.get(name), "", key), **_identities(earlier.get(section), below, key)}
        kept = _identities(wanted.get(section), below, key)
        if entries := [{"orgId": organisation, key: its} for organisation, its in gone if (organisation, its) not in kept]:
            found[name] = entries
    kept_policies = [_organisation(item) for item in wanted.get("policies", [])]
    gone_policies = [*(earlier.get(_RESET) or []), *(_organisation(item) for item in earlier.get("policies") or [])]
    if organisations := [number for number in dict.fromkeys(gone_policies) if number not in kept_policies]:
        found[_RESET] = organisations
    return found


def _identities(items: t.Any, below: str, key: str) -> dict[tuple[int, str], None]:
    """Return the organisations and the names (*key*) of *items*, or of what they have in the list *below*, in their order."""
    return {
        (_organisation(item), str(part[key])): None
        for item in items or []
        for part in (item.get(below) or [] if below else [item])
    }


def _organisation(item: t.Mapping[str, t.Any]) -> int:
    return int(item.get("orgId") or 1)
