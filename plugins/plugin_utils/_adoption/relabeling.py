# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply relabel_configs to the labels of a target, as Prometheus does. Private to the collection.

The rules: Prometheus' documentation ("Configuration", <relabel_config>), and the package model/relabel of its source.
"""

from __future__ import annotations

import hashlib
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.expressions import (
    NotSupportedError,
    expanded,
    match,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import LABEL_NAME

Labels = dict[str, str]
Rule = t.Mapping[str, t.Any]
_DEFAULTS = {"action": "replace", "separator": ";", "regex": "(.*)", "replacement": "$1", "target_label": ""}


def relabeled(labels: t.Mapping[str, str], rules: t.Iterable[Rule]) -> Labels | None:
    """Return *labels* after all *rules*, or None if a rule drops the target. An empty value is no label.

    :raises NotSupportedError: if this function cannot apply a rule as Prometheus does.
    """
    found: Labels | None = {name: value for name, value in labels.items() if value}
    for rule in rules:
        if found is None:
            break
        found = _applied(found, rule)
    return found


def _applied(labels: Labels, rule: Rule) -> Labels | None:
    unknown = sorted(set(rule) - {*_DEFAULTS, "source_labels", "modulus"})
    if unknown:
        raise NotSupportedError(f"relabel_configs has the unknown key {', '.join(unknown)}")
    fields = {key: _text(key, rule.get(key, default)) for key, default in _DEFAULTS.items()}
    action = _ACTIONS.get(fields["action"].lower())
    if action is None:
        raise NotSupportedError(f"relabel_configs has the unknown action {fields['action']}")
    names = [_text("source_labels", name) for name in rule.get("source_labels") or ()]
    value = fields["separator"].join(labels.get(name, "") for name in names)
    found = action(labels, value, {**fields, "modulus": rule.get("modulus")})
    return found if found is None else {name: text for name, text in found.items() if text}


def _text(key: str, value: t.Any) -> str:
    """Return a field of a rule as a string. Prometheus reads the text of the file, and YAML no longer has it for some types."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise NotSupportedError(f"{key} of relabel_configs is {value!r}, which is not a string. Put the value in quotes")


def _replace(labels: Labels, value: str, rule: t.Mapping[str, t.Any]) -> Labels:
    found = match(rule["regex"], value)
    if found is None:
        return labels
    target = expanded(rule["target_label"], found)
    if not target:
        return labels
    if not LABEL_NAME.fullmatch(target):
        raise NotSupportedError(f"relabel_configs makes the label {target!r}, which only some versions of Prometheus accept")
    return {**labels, target: expanded(rule["replacement"], found)}


def _keep(labels: Labels, value: str, rule: t.Mapping[str, t.Any]) -> Labels | None:
    return labels if match(rule["regex"], value) else None


def _drop(labels: Labels, value: str, rule: t.Mapping[str, t.Any]) -> Labels | None:
    return None if match(rule["regex"], value) else labels


def _keepequal(labels: Labels, value: str, rule: t.Mapping[str, t.Any]) -> Labels | None:
    return labels if labels.get(rule["target_label"], "") == value else None


def _dropequal(labels: Labels, value: str, rule: t.Mapping[str, t.Any]) -> Labels | None:
    return None if labels.get(rule["target_label"], "") == value else labels


def _hashmod(labels: Labels, value: str, rule: t.Mapping[str, t.Any]) -> Labels:
    modulus = rule["modulus"]
    if isinstance(modulus, bool) or not isinstance(modulus, int) or modulus < 1:
        raise NotSupportedError(f"modulus of relabel_configs is {modulus!r}, which is not a number above 0")
    digest = hashlib.md5(value.encode(), usedforsecurity=False).digest()
    return {**labels, rule["target_label"]: str(int.from_bytes(digest[8:], "big") % modulus)}


def _labelmap(labels: Labels, _value: str, rule: t.Mapping[str, t.Any]) -> Labels:
    mapped: Labels = {}
    for name, value in labels.items():
        found = match(rule["regex"], name)
        if found:
            target = expanded(rule["replacement"], found)
            # Prometheus applies the mappings in no certain order.
            if not target or mapped.get(target, value) != value:
                raise NotSupportedError(f"the action labelmap makes several labels {target!r}")
            mapped[target] = value
    return {**labels, **mapped}


def _labeldrop(labels: Labels, _value: str, rule: t.Mapping[str, t.Any]) -> Labels:
    return {name: value for name, value in labels.items() if not match(rule["regex"], name)}


def _labelkeep(labels: Labels, _value: str, rule: t.Mapping[str, t.Any]) -> Labels:
    return {name: value for name, value in labels.items() if match(rule["regex"], name)}


def _in_case(change: t.Callable[[str], str]) -> t.Callable[[Labels, str, t.Mapping[str, t.Any]], Labels]:
    def changed(labels: Labels, value: str, rule: t.Mapping[str, t.Any]) -> Labels:
        if not value.isascii():
            raise NotSupportedError(f"the case of {value!r} can differ between Prometheus and Python")
        return {**labels, rule["target_label"]: change(value)}

    return changed


_ACTIONS: dict[str, t.Callable[[Labels, str, t.Mapping[str, t.Any]], Labels | None]] = {
    "replace": _replace,
    "keep": _keep,
    "drop": _drop,
    "keepequal": _keepequal,
    "dropequal": _dropequal,
    "hashmod": _hashmod,
    "labelmap": _labelmap,
    "labeldrop": _labeldrop,
    "labelkeep": _labelkeep,
    "lowercase": _in_case(str.lower),
    "uppercase": _in_case(str.upper),
}
