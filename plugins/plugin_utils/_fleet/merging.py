# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables whose values merge down the groups of a host: dictionaries and lists. Private to the collection."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.host_templates import HostTemplates
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import MISSING, is_static, plain

# Returns what is wrong with an entry of a dictionary, by its key and value, or None.
Check = t.Callable[[str, t.Any], str | None]


@dataclasses.dataclass
class _Fold:
    """What the groups give to a variable whose dictionaries merge: worked out once for all hosts with the same groups."""

    # What is the same for every host, and right.
    plain: dict[str, t.Any]
    # What is the same for every host, and wrong: value and remedy.
    wrong: dict[str, tuple[t.Any, str]]
    # What is to be templated for each host.
    raw: dict[str, t.Any]
    # Values of the variable that are no dictionary, or not yet: with one of these, all of them, and nothing above.
    contributions: list[t.Any]


def _fold(contributions: list[t.Any], check: Check) -> _Fold:
    contributions = [value for value in contributions if value is not None]
    if not all(isinstance(value, dict) for value in contributions):
        return _Fold({}, {}, {}, contributions)
    entries: dict[str, t.Any] = {}
    for value in contributions:
        entries.update(value)
    fold = _Fold({}, {}, {}, [])
    for tagged, value in entries.items():
        key = _text(tagged)
        if not is_static(value):
            fold.raw[key] = value
            continue
        remedy = check(key, plain(value)) if value is not None else None
        if remedy:
            fold.wrong[key] = plain(value), remedy
        elif value is not None:
            fold.plain[key] = plain(value)
    fold.plain = dict(sorted(fold.plain.items()))
    return fold


def merged_dictionary(templates: HostTemplates, variable: str, check: Check) -> dict[str, t.Any]:
    """Return a variable whose dictionaries merge, without what *check* finds wrong; a null takes an entry away."""
    memo = templates.variables.share.memo
    if variable not in memo:
        memo[variable] = _fold(templates.variables.group_contributions(variable), check)
    fold: _Fold = memo[variable]
    own = templates.variables.own_contributions(variable)
    if not (own or fold.raw or fold.contributions or fold.wrong):
        # The same one for all hosts with the same groups: 30 labels of 10,000 hosts are 20 MB.
        return fold.plain
    merged = fold.plain.copy()
    # By key: the value, and whether it is rendered already.
    entries = {key: (value, False) for key, value in fold.raw.items()}
    for contribution in (*fold.contributions, *own):
        opened, rendered = _opened(templates, contribution, variable, dict)
        entries.update((_text(key), (value, rendered)) for key, value in opened.items())
    for key, (raw, rendered) in entries.items():
        value = raw if rendered else templates.render(raw, f"{variable}.{key}")
        remedy = None if value is None or value is MISSING else check(key, value)
        if value is None or value is MISSING or remedy:
            merged.pop(key, None)
        else:
            merged[key] = value
        if remedy:
            templates.report(f"{variable}.{key}", value, remedy)
    for key, (value, remedy) in fold.wrong.items():
        if key not in entries:
            templates.report(f"{variable}.{key}", value, remedy)
    return dict(sorted(merged.items()))


def merged_list(templates: HostTemplates, variable: str) -> list[t.Any]:
    """Return a variable whose lists are put one behind the other, the strongest last."""
    items: list[t.Any] = []
    for contribution in (*templates.variables.group_contributions(variable), *templates.variables.own_contributions(variable)):
        opened, rendered = _opened(templates, contribution, variable, list)
        items += (
            opened if rendered else [templates.render(item, f"{variable}[{len(items) + n}]") for n, item in enumerate(opened)]
        )
    return [item for item in items if item is not MISSING]


def _opened(templates: HostTemplates, value: t.Any, variable: str, kind: type) -> tuple[t.Any, bool]:
    """Return the dictionary or list that *value* is, and whether what is in it is rendered already."""
    rendered = not isinstance(value, (dict, list))
    return templates.of_kind(templates.render(value, variable) if rendered else value, variable, kind), rendered


def _text(key: t.Any) -> str:
    return plain(key) if isinstance(key, str) else str(key)
