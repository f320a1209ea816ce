# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The labels that alerts of the fleet can have, and the values of these labels. Private to the collection."""

from __future__ import annotations

import functools
import json
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import alert_rules, log_rules, probes
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model

Rule = t.Mapping[str, t.Any]
# Returns the values that a label can have, or None if these are unknown.
Values = t.Callable[[str], t.Collection[str] | None]
# Functions and operators of PromQL that can make any label.
_MAKES_LABELS = re.compile(r"label_replace|label_join|count_values")
_RELABELS = re.compile(r"_sd_configs$|relabel_configs$|^honor_labels$")
# Keys of prometheus_extra_config that add alerts or targets which the inventory does not have.
_FROM_ELSEWHERE = ("rule_files", "alerting", "scrape_config_files")


def labels_of(model: Model) -> set[str]:
    """Return the labels that alerts of this fleet can have: those of targets, servers (external labels) and rules."""
    found = {label for host in model["hosts"].values() for label in host["labels"]}
    found |= {label for host in model["hosts"].values() for item in host["endpoints"] for label in item["labels"]}
    for settings in _servers(model):
        found |= set(settings.get("prometheus_external_labels") or {})
    for rule in (*_rules_in(model["rules"].values()), *_own_rules(model)):
        found |= set(rule.get("labels") or {})
        # Annotations refer to labels that the expression of the alert keeps.
        found |= set(re.findall(r"\$labels\.(\w+)", str(rule.get("annotations") or {})))
    for rule in log_rules.distinct_rules(host.get("logs") for host in model["hosts"].values()):
        found |= {"severity", "rule", "log", *rule["labels"]}
    return found


def values_of(model: Model, rules: t.Iterable[str]) -> Values:
    """Return a function that returns the values that a label of an alert can have.

    :param rules: the contents of the rule files of all roles, since a route can refer to a role that the fleet does not have.
    """
    texts = tuple(rules)
    return functools.cache(lambda label: _values(model, texts, label))


def _values(model: Model, texts: t.Sequence[str], label: str) -> set[str] | None:
    if not _is_complete(model):
        return None
    own = list(_own_rules(model))
    found = {
        str(settings["prometheus_external_labels"][label])
        for settings in _servers(model)
        if label in settings["prometheus_external_labels"]
    }
    for rule in (*_rules_in(texts), *own):
        found |= _values_from_rule(rule, label)
    of_targets = set(_values_from_targets(model, label))
    found |= of_targets - {""}
    for log_rule in log_rules.distinct_rules(host.get("logs") for host in model["hosts"].values()):
        if label in log_rule["labels"]:
            return None
        found |= log_rules.alert_label_values(log_rule, label)
    if any("{{" in value for value in found):
        return None
    # If all targets have the label, Prometheus renames the same label of a metric (exported_…). Otherwise the value can come from
    # a metric.
    if (
        label not in ("alertname", "severity")
        and ("" in of_targets or not of_targets)
        and re.search(rf"\b{re.escape(label)}\b", "".join(texts))
    ):
        return None
    for rule in own:
        from_metrics = label != "alertname" and not _values_from_rule(rule, label) and ("" in of_targets or not of_targets)
        if from_metrics or _MAKES_LABELS.search(str(rule.get("expr"))):
            return None
        # The result of absent(up{team="x"}) has the labels of the selector.
        found |= set(re.findall(r"[\"']([^\"']*)[\"']", str(rule.get("expr"))))
    return found


def _is_complete(model: Model) -> bool:
    """Return whether the inventory has all targets and alerts: nothing in the model adds others."""
    servers = list(_servers(model))
    configs = [config for settings in servers for config in settings["prometheus_extra_scrape_configs"] or []]
    grafanas = json.dumps(
        [
            (settings.get("grafana_datasource_options"), settings.get("grafana_alerting"))
            for settings in model["servers"].get("grafana", {}).values()
        ],
        default=str,
    )
    return (
        bool(servers)
        and not any(key in (settings["prometheus_extra_config"] or {}) for settings in servers for key in _FROM_ELSEWHERE)
        and not any(_RELABELS.search(str(key)) for config in configs for key in config)
        and '"handleGrafanaManagedAlerts": true' not in grafanas
        and '"prometheus-alertmanager"' not in grafanas
    )


def _values_from_rule(rule: Rule, label: str) -> set[str]:
    """Return the values that a *rule* sets for a label."""
    if label == "alertname":
        return {str(rule["alert"])} if "alert" in rule else set()
    severities = {*(rule.get("above") or {}), *(rule.get("below") or {})} if label == "severity" else set()
    labels = rule.get("labels") or {}
    return severities | ({str(labels[label])} if label in labels else set())


def _values_from_targets(model: Model, label: str) -> t.Iterator[str]:
    """Yield the value of a label for each target. The value is empty if the target does not have the label."""
    for name, host in model["hosts"].items():
        for item in host["endpoints"]:
            ours = {"host": name, "job": item["job"], "instance": item["instance"]}
            yield ours.get(label) or item["labels"].get(label) or host["labels"].get(label, "")
    for server, settings in model["servers"].get("prometheus", {}).items():
        for job, groups in probes.probe_targets(model, server).items():
            yield from ({"job": job, **group["labels"]}.get(label, "") for group in groups)
        for config in settings["prometheus_extra_scrape_configs"] or []:
            for group in config.get("static_configs") or []:
                if not isinstance(group, dict):
                    continue
                theirs = {"job": config.get("job_name"), **(group.get("labels") or {})}
                for target in group.get("targets") or []:
                    yield str({"instance": target, **theirs}.get(label, ""))


def _servers(model: Model) -> t.Iterable[dict[str, t.Any]]:
    servers: dict[str, dict[str, t.Any]] = model["servers"].get("prometheus", {})
    return servers.values()


def _rules_in(texts: t.Iterable[str]) -> t.Iterator[Rule]:
    yield from (rule for text in texts for group in alert_rules.rule_groups(text) for rule in _rules_of(group))


def _own_rules(model: Model) -> t.Iterator[Rule]:
    for settings in _servers(model):
        yield from (rule for group in settings.get("prometheus_extra_rules") or [] for rule in _rules_of(group))


def _rules_of(group: t.Mapping[str, t.Any]) -> t.Iterator[Rule]:
    """Yield the rules of a group with the labels of the group."""
    labels = group.get("labels")
    for rule in group.get("rules") or []:
        yield {**rule, "labels": {**labels, **(rule.get("labels") or {})}} if isinstance(labels, dict) else rule
