# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables whose values merge down the groups of a host: dictionaries and lists. Private to the collection."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.host_templates import HostTemplates
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import MISSING, is_static, plain

# Returns the problem of an entry of a dictionary (key, value), or None.
Check = t.Callable[[str, t.Any], str | None]


@dataclasses.dataclass
class _GroupEntries:
    """The entries of a merged dictionary that come from groups, computed once for all hosts with the same groups."""

    # Valid entries without templates.
    plain: dict[str, t.Any]
    # Entries without templates that have a problem: value and remedy.
    wrong: dict[str, tuple[t.Any, str]]
    # Entries to template for each host.
    raw: dict[str, t.Any]
    # All values of the variable, if one of these is not a dictionary before templating. The other fields are then empty.
    contributions: list[t.Any]


def _merge_groups(contributions: list[t.Any], check: Check) -> _GroupEntries:
    contributions = [value for value in contributions if value is not None]
    if not all(isinstance(value, dict) for value in contributions):
        return _GroupEntries({}, {}, {}, contributions)
    entries: dict[str, t.Any] = {}
    for value in contributions:
        entries.update(value)
    of_groups = _GroupEntries({}, {}, {}, [])
    for tagged, value in entries.items():
        key = _plain_key(tagged)
        if not is_static(value):
            of_groups.raw[key] = value
            continue
        remedy = check(key, plain(value)) if value is not None else None
        if remedy:
            of_groups.wrong[key] = plain(value), remedy
        elif value is not None:
            of_groups.plain[key] = plain(value)
    of_groups.plain = dict(sorted(of_groups.plain.items()))
    return of_groups


def merged_dictionary(templates: HostTemplates, variable: str, check: Check) -> dict[str, t.Any]:
    """Return a variable whose dictionaries merge. A null removes an entry, and *check* reports and removes wrong entries."""
    memo = templates.variables.share.memo
    if variable not in memo:
        memo[variable] = _merge_groups(templates.variables.group_contributions(variable), check)
    of_groups: _GroupEntries = memo[variable]
    own = templates.variables.own_contributions(variable)
    if not (own or of_groups.raw or of_groups.contributions or of_groups.wrong):
        # All hosts with the same groups share this dictionary. Copies of 30 labels for 10,000 hosts would take 20 MB.
        return of_groups.plain
    merged = of_groups.plain.copy()
    # By key: the value, and whether it is already templated.
    entries = {key: (value, False) for key, value in of_groups.raw.items()}
    for contribution in (*of_groups.contributions, *own):
        opened, rendered = _as_kind(templates, contribution, variable, dict)
        entries.update((_plain_key(key), (value, rendered)) for key, value in opened.items())
    for key, (raw, rendered) in entries.items():
        value = raw if rendered else templates.render(raw, f"{variable}.{key}")
        remedy = None if value is None or value is MISSING else check(key, value)
        if value is None or value is MISSING or remedy:
            merged.pop(key, None)
        else:
            merged[key] = value
        if remedy:
            templates.report(f"{variable}.{key}", value, remedy)
    for key, (value, remedy) in of_groups.wrong.items():
        if key not in entries:
            templates.report(f"{variable}.{key}", value, remedy)
    return dict(sorted(merged.items()))


def merged_list(templates: HostTemplates, variable: str) -> list[t.Any]:
    """Return a variable whose lists are joined, in ascending order of precedence."""
    contributions = [*templates.variables.group_contributions(variable), *templates.variables.own_contributions(variable)]
    items: list[t.Any] = []
    for contribution in contributions:
        opened, rendered = _as_kind(templates, contribution, variable, list)
        items += (
            opened if rendered else [templates.render(item, f"{variable}[{len(items) + n}]") for n, item in enumerate(opened)]
        )
    return [item for item in items if item is not MISSING] if items else items


def _as_kind(templates: HostTemplates, value: t.Any, variable: str, kind: type) -> tuple[t.Any, bool]:
    """Return *value* as a dictionary or list, and whether the items are already templated."""
    rendered = not isinstance(value, (dict, list))
    return templates.of_kind(templates.render(value, variable) if rendered else value, variable, kind), rendered


def _plain_key(key: t.Any) -> str:
    return plain(key) if isinstance(key, str) else str(key)
