# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert rules of roles. Private to the collection.

``roles/ROLE/monitoring/rules.yml`` has the format of a rule file of Prometheus. An alert can have these additional keys::

    - alert: HostMemoryUsed
      expr: 100 - 100 * node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes
      threshold: memory_used_percent      # the name of the threshold in monitoring_thresholds
      above: {warning: 90, critical: 97}  # or below: the default of the threshold, by severity

A group with the key ``role: global`` is for global Prometheus servers alone, and all other groups are for the other servers.

Prometheus rejects a rule file with a key that its version does not have: `GROUP_KEYS` and `RULE_KEYS` have the versions.
"""

from __future__ import annotations

import functools
import typing as t

import yaml

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import Version, is_older
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import plain

SEVERITIES = ("info", "warning", "critical")
# Keys of rule groups and of rules that not every version of Prometheus 2 has, and the version that introduced each key:
# Prometheus' CHANGELOG.
GROUP_KEYS: dict[str, Version] = {"limit": (2, 31), "query_offset": (2, 53), "labels": (3, 0)}
RULE_KEYS: dict[str, Version] = {"keep_firing_for": (2, 42)}
# By the name of a threshold: "above" or "below", and the default numbers by severity.
Known = dict[str, tuple[str, dict[str, float]]]


@functools.lru_cache
def rule_groups(text: str) -> list[dict[str, t.Any]]:
    """Return the rule groups in the content of a rule file. Callers must not change the result, which is cached."""
    # Before ansible-core 2.19, filters get subclasses of str, which libyaml rejects.
    return (yaml.load(plain(text), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}).get("groups") or []  # noqa: S506 - safe


def without_newer_keys(item: t.Mapping[str, t.Any], since: t.Mapping[str, Version], version: t.Any) -> dict[str, t.Any]:
    """Return a rule or a rule group without the keys that the *version* of Prometheus does not have.

    :param since: `RULE_KEYS` or `GROUP_KEYS`.
    """
    return {key: value for key, value in item.items() if not is_older(version, since.get(key, ()))}


def known_thresholds(texts: t.Iterable[str]) -> Known:
    """Return the thresholds of the rules in *texts*, the contents of rule files."""
    found: Known = {}
    for rule in (rule for text in texts for group in rule_groups(text) for rule in group["rules"]):
        if "threshold" in rule:
            sign = "above" if "above" in rule else "below"
            found[rule["threshold"]] = sign, rule[sign]
    return found


def by_severity(name: str, value: t.Any, known: Known) -> dict[str, float]:
    """Return a threshold of the inventory by severity. A single number is the threshold of the mildest severity."""
    if isinstance(value, dict):
        return value
    return {min(known[name][1], key=SEVERITIES.index): value}
