# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a scrape config, as the inventory has them in monitoring_scrape_options. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import TIMES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.scrape_options import OPTIONS, Options, option_problems

# Keys of a job that are not options.
_NOT_OPTIONS = {
    "job_name",
    "static_configs",
    "file_sd_configs",
    "relabel_configs",
    "metrics_path",
    "scheme",
    "params",
    *TIMES,
}
# Options that the inventory has under another name.
_RENAMED = {"metric_relabel_configs": "metric_relabel", "tls_config": "tls"}
_SAME_NAME = OPTIONS.keys() - set(_RENAMED.values())
# The defaults of Prometheus.
_USUAL: Options = {
    "honor_labels": False,
    "honor_timestamps": True,
    "follow_redirects": True,
    "enable_compression": True,
    **dict.fromkeys(("sample_limit", "target_limit", "label_limit", "label_name_length_limit", "label_value_length_limit"), 0),
    "metric_relabel": [],
    "tls": {},
}
# The short form of a rule in metric_relabel, by action. The short form applies the rules in this order.
_SHORT = {"keep": "keep", "drop": "drop", "labeldrop": "drop_labels"}


class NotPlainError(Exception):
    """The inventory cannot express a job; the message is the reason."""


def options_of_job(job: t.Mapping[str, t.Any]) -> Options:
    """Return the options of *job*.

    :raises NotPlainError: if the inventory has no such option, or refuses its value.
    """
    found: Options = {}
    unknown = []
    for key, value in job.items():
        if key in _NOT_OPTIONS or value is None:
            continue
        if key == "authorization":
            found |= _authorization(value)
        elif key in _RENAMED or key in _SAME_NAME:
            found[_RENAMED.get(key, key)] = value
        else:
            unknown.append(key)
    if unknown:
        raise NotPlainError(f"the inventory has no counterpart of {', '.join(sorted(unknown))}")
    found = {name: value for name, value in found.items() if name not in _USUAL or value != _USUAL[name]}
    if "metric_relabel" in found:
        found["metric_relabel"] = _in_short(found["metric_relabel"])
    for name, _value, remedy in option_problems(found):
        raise NotPlainError(f"the inventory has no counterpart of this {name}: the option {remedy}")
    return found


def _authorization(value: t.Any) -> Options:
    scheme = (value.get("type") or "Bearer") if isinstance(value, dict) else ""
    if not isinstance(value, dict) or scheme.lower() != "bearer" or set(value) - {"type", "credentials", "credentials_file"}:
        raise NotPlainError(f"the inventory has no counterpart of authorization with the type {scheme}")
    names = {"credentials": "bearer_token", "credentials_file": "bearer_token_file"}
    return {name: value[key] for key, name in names.items() if value.get(key)}


def _in_short(rules: t.Any) -> t.Any:
    """Return the short form of metric_relabel_configs, or *rules* if there is none."""
    short: dict[str, list[str]] = {}
    order = list(_SHORT.values())
    for rule in rules:
        if not isinstance(rule, dict):
            return rules
        action, expression = rule.get("action"), rule.get("regex")
        sources = ["__name__"] if action in ("keep", "drop") else None
        is_short = set(rule) <= {"action", "regex", "source_labels"} and rule.get("source_labels") == sources
        if action not in _SHORT or not is_short or not isinstance(expression, str) or not _is_python(expression):
            return rules
        name = _SHORT[action]
        # Two rules that keep are not one rule that keeps either.
        if any(order.index(other) > order.index(name) for other in short) or (name == "keep" and name in short):
            return rules
        is_simple = re.fullmatch(r"[\w.*+?|]+", expression)
        short.setdefault(name, []).extend(filter(None, expression.split("|")) if is_simple else [expression])
    return short


def _is_python(expression: str) -> bool:
    """Return whether the validation of the inventory accepts *expression*."""
    try:
        re.compile(expression)
    except re.error:
        return False
    return bool(expression)
