# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and validate the files of a role that the model needs. Private to the collection.

A role of the user is not tested by this collection: each error names the file and the key.
"""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import yaml
from ansible.module_utils.common.yaml import yaml_load

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.alert_rules import SEVERITIES, rule_groups
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import ENDPOINT_KEYS, JOB
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_number
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.probes import PREFIXES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import may_be_template

KEYS = (*ENDPOINT_KEYS, "web_since", "instances", "server", "all_hosts", "reads_logs", "keeps_data", "alerts_of", "access")
_ACCESS = ("clients", "admins", "peers")
_VERSION = re.compile(r"\d+(\.\d+)*")
_ROLE = re.compile(r"[a-z][a-z0-9_]*")
# Tags with a meaning of their own, groups of Ansible, and names of files in the configuration of Prometheus.
_RESERVED = frozenset(
    (
        *("all", "always", "cleanup", "configure", "extra", "install", "limits", "monitoring", "never", "service", "tagged"),
        *("targets", "thresholds", "ungrouped", "untagged", "verify"),
    )
)


class Errors:
    """Errors in the files of roles: all are collected, so that one run shows them all."""

    def __init__(self) -> None:
        """Start without errors."""
        self.lines: list[str] = []

    def add(self, file: pathlib.Path, key: str, value: t.Any, remedy: str) -> None:
        """Note an error in the *key* of a *file*; an empty key stands for all of the file."""
        self.lines.append(f"{file}{f', key {key}, value {value!r}' if key else ''}: {remedy}")


def read_yaml(path: pathlib.Path, errors: Errors) -> dict[str, t.Any]:
    """Return the dictionary in a YAML file; an empty one if the file is missing or wrong."""
    if not path.is_file():
        return {}
    try:
        found = yaml_load(path.read_bytes())
    except yaml.YAMLError as error:
        errors.add(path, "", None, f"not valid YAML: {' '.join(str(error).split())}")
        return {}
    if found is not None and not isinstance(found, dict):
        errors.add(path, "", None, "must be a dictionary")
        return {}
    return found or {}


def read_scrape(path: pathlib.Path, errors: Errors) -> dict[str, t.Any]:
    """Return the contract in the file monitoring/scrape.yml."""
    before = len(errors.lines)
    scrape = read_yaml(path, errors)
    if len(errors.lines) > before:
        return {}
    for key in scrape:
        if key not in KEYS:
            errors.add(path, str(key), scrape[key], f"unknown key. The known keys are {', '.join(KEYS)}")
    job = scrape.get("job")
    if not isinstance(job, str) or may_be_template(job) or not JOB.fullmatch(job):
        errors.add(path, "job", job, "must be the name of the scrape job, not a template: letters, digits and any of _ . : -")
    elif job.startswith(PREFIXES):
        reserved = " or ".join(PREFIXES)
        errors.add(path, "job", job, f"names that begin with {reserved} are reserved for the jobs of probes. Choose another name")
    if scrape.get("port") is None and "instances" not in scrape:
        role = path.parents[1].name
        errors.add(path, "port", None, f'must be the port, or a template for the port: "{{{{ {role}_port }}}}"')
    since = scrape.get("web_since")
    if since is not None and not (isinstance(since, str) and _VERSION.fullmatch(since)):
        errors.add(path, "web_since", since, "must be a version in quotes: '1.5.0'")
    alerts_of = scrape.get("alerts_of", [])
    if not isinstance(alerts_of, list) or not all(isinstance(role, str) for role in alerts_of):
        errors.add(path, "alerts_of", alerts_of, "must be a list of roles")
    access = scrape.get("access") or {}
    if not isinstance(access, dict) or not set(access) <= set(_ACCESS) or not isinstance(access.get("clients", []), list):
        errors.add(path, "access", access, "must be a dictionary with clients (a list of roles), admins (true) and peers")
    return scrape


def read_defaults(role: pathlib.Path, errors: Errors) -> dict[str, t.Any]:
    """Return the default variables of a role."""
    return read_yaml(role / "defaults" / "main.yml", errors)


def read_rules(path: pathlib.Path, errors: Errors) -> str:
    """Return the text of a role's rules; an empty one if there are none or if they are wrong."""
    return valid_rules(path.read_text(encoding="utf-8"), path, errors) if path.is_file() else ""


def valid_rules(text: str, path: pathlib.Path, errors: Errors) -> str:
    """Return the *text* of the rules in the file *path*; an empty one if they are wrong."""
    try:
        found = list(_rule_errors(rule_groups(text)))
    except yaml.YAMLError as error:
        errors.add(path, "", None, f"not valid YAML: {' '.join(str(error).split())}")
        return ""
    except (AttributeError, TypeError):
        errors.add(path, "groups", "…", "must be a list of rule groups, each with a name and a list of rules")
        return ""
    for key, value, remedy in found:
        errors.add(path, key, value, remedy)
    return "" if found else text


def _rule_errors(groups: list[dict[str, t.Any]]) -> t.Iterator[tuple[str, t.Any, str]]:
    """Yield (key, value, remedy) for each rule that this collection cannot render; promtool validates the rest."""
    for index, group in enumerate(groups):
        where = f"groups[{index}]"
        if not isinstance(group.get("name"), str) or not isinstance(group.get("rules"), list):
            yield where, group.get("name"), "a group must have a name and a list of rules"
            continue
        for position, rule in enumerate(group["rules"]):
            within = f"{where}.rules[{position}]"
            if ("alert" in rule) == ("record" in rule) or not rule.get("expr"):
                yield within, rule, "a rule must have expr, and either alert or record"
                continue
            if "threshold" not in rule and not {"above", "below"} & set(rule):
                continue
            sides = [rule[side] for side in ("above", "below") if side in rule]
            by_severity = sides[0] if len(sides) == 1 and isinstance(sides[0], dict) else {}
            if not by_severity or not set(by_severity) <= set(SEVERITIES) or None in map(parse_number, by_severity.values()):
                remedy = f"above or below must be a dictionary of numbers by severity ({', '.join(SEVERITIES)})"
                yield within, rule.get("alert"), f"{remedy}: above: {{warning: 80}}"
            elif not isinstance(rule.get("threshold"), str):
                yield within, rule.get("alert"), "threshold must be the name that monitoring_thresholds has for it"


def read_dashboards(role: pathlib.Path) -> dict[str, str]:
    """Return the texts of a role's dashboards: dashboard.json by the name of the role, dashboard_NAME.json by NAME."""
    return {
        path.stem.partition("_")[2] or role.name: path.read_text(encoding="utf-8")
        for path in sorted((role / "monitoring").glob("dashboard*.json"))
    }


def check_dashboards(role: pathlib.Path, errors: Errors) -> None:
    """Report the dashboards of a role that Grafana could not load."""
    for path in sorted((role / "monitoring").glob("dashboard*.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            errors.add(path, "", None, f"not valid JSON: {error}")
            continue
        uid = found.get("uid") if isinstance(found, dict) else None
        if not isinstance(uid, str) or not uid:
            errors.add(path, "uid", uid, "a dashboard must have a uid, a string that no other dashboard has")
        elif uid.startswith("vigie-"):
            errors.add(path, "uid", uid, "uids that begin with vigie- are reserved for the collection. Choose another uid")


def check_name(role: pathlib.Path, errors: Errors) -> None:
    """Report a role whose name cannot be a group, a tag and the beginning of variables."""
    if not _ROLE.fullmatch(role.name) or role.name in _RESERVED:
        remedy = "The name of a role must consist of small letters, digits and underscores"
        errors.add(role, "", None, f"rename the folder. {remedy}, and must not be one of {', '.join(sorted(_RESERVED))}")
