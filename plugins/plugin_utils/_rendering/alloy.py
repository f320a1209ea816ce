# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the configuration of Alloy on a host, formatted as ``alloy fmt`` formats it. Private to the collection.

The documentation of Alloy ("Components", "loki.source.file" and others) has the format.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Host, Model, active_servers, server_address

_HEADER = "// Made by vigie.monitoring from the inventory. Changes made here are lost at its next run.\n"
_PLAIN_UNIT = re.compile(r"[A-Za-z0-9.]+")
_RECEIVER = "[loki.write.fleet.receiver]"
# Lines from before the first start would get the current time, so that rules would match them.
_FILES = f"""loki.source.file "files" {{
\ttargets       = local.file_match.files.targets
\tforward_to    = {_RECEIVER}
\ttail_from_end = true
}}
"""
# In the whole journal, only services get the label unit, and all instances of a template the same: sessions and users have units
# with numbers, and each value of a label is a stream of its own.
_UNIT_RULES = """loki.relabel "journal" {
\tforward_to = []

\trule {
\t\tsource_labels = ["__journal__systemd_unit"]
\t\tregex         = "([^@]+)(?:@.*)?\\\\.service"
\t\ttarget_label  = "unit"
\t\treplacement   = "$1.service"
\t}
}
"""


def alloy_config(model: Model, host: str, labels: t.Sequence[str] = (), extra: str = "") -> str:
    """Return the configuration of Alloy on *host*: the logs of monitoring_logs and monitoring_log_files go to every Loki.

    :param labels: the labels of the host that the lines get. Each combination of values is a stream of Loki.
    :param extra: text to append, in the format of Alloy.
    """
    blocks = ['logging {\n\tlevel = "warn"\n}\n']
    of_host = model["hosts"][host]
    targets, journals = _targets(of_host), _journals(of_host)
    urls = [f"http://{server_address(model, host, name, 'loki')}/loki/api/v1/push" for name in active_servers(model, "loki")]
    if urls and (targets or journals):
        own = of_host["labels"]
        blocks.append(_write(urls, {**{name: own[name] for name in labels if name in own}, "host": host}))
        if targets:
            blocks += _files(targets)
        if "" in journals:
            blocks.append(_UNIT_RULES)
        blocks += [_journal(unit, its) for unit, its in sorted(journals.items())]
    if extra:
        blocks.append(extra.rstrip("\n") + "\n")
    return _HEADER + "\n".join(blocks)


def _targets(host: Host) -> list[dict[str, str]]:
    """Return the files to read, each pattern once: those of monitoring_log_files have labels, those of log rules have none."""
    found: dict[str, dict[str, str]] = {}
    for item in host.get("log_files", ()):
        for path in item["files"]:
            found[path] = {"__path__": path, **dict(sorted(item["labels"].items()))}
    for rule in host.get("logs", ()):
        for path in rule["files"]:
            found.setdefault(path, {"__path__": path})
    return [found[path] for path in sorted(found)]


def _journals(host: Host) -> dict[str, dict[str, str]]:
    """Return the labels of each unit whose journal is read. The empty unit is the whole journal."""
    found: dict[str, dict[str, str]] = {
        item["journal"]: item["labels"] for item in host.get("log_files", ()) if item["journal"] is not None
    }
    for rule in host.get("logs", ()):
        unit = rule["journal"]["unit"] if rule["journal"] else ""
        # The whole journal has the lines of all services, with the same label.
        in_whole = "" in found and unit.endswith(".service") and "@" not in unit
        if unit and not in_whole:
            found.setdefault(unit, {})
    return found


def _write(urls: t.Sequence[str], labels: t.Mapping[str, str]) -> str:
    endpoints = "\n".join(f"\n\tendpoint {{\n\t\turl = {_text(url)}\n\t}}" for url in urls)
    return f'loki.write "fleet" {{\n\texternal_labels = {_object(labels)}\n{endpoints}\n}}\n'


def _files(targets: t.Sequence[t.Mapping[str, str]]) -> list[str]:
    lines = "".join(f"\t\t{_object(target)},\n" for target in targets)
    return [
        f'local.file_match "files" {{\n\tpath_targets = [\n{lines}\t]\n}}\n',
        _FILES,
    ]


def _journal(unit: str, labels: t.Mapping[str, str]) -> str:
    # Alloy keeps the position in the journal by the name of the component, so that the name must not depend on other units.
    name = re.sub(r"[^A-Za-z0-9]", "_", unit) if unit else "all"
    if unit and not _PLAIN_UNIT.fullmatch(unit):
        name += f"_{hashlib.sha256(unit.encode()).hexdigest()[:8]}"
    if unit:
        return (
            f'loki.source.journal "unit_{name}" {{\n'
            f"\tmatches    = {_text(f'_SYSTEMD_UNIT={unit}')}\n"
            f"\tlabels     = {_object({'job': 'journal', 'unit': unit, **labels})}\n"
            f"\tforward_to = {_RECEIVER}\n}}\n"
        )
    return (
        f'loki.source.journal "{name}" {{\n\tlabels        = {_object({"job": "journal", **labels})}\n'
        f"\trelabel_rules = loki.relabel.journal.rules\n\tforward_to    = {_RECEIVER}\n}}\n"
    )


def _object(values: t.Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_text(key)} = {_text(value)}" for key, value in values.items()) + "}"


def _text(value: str) -> str:
    """Return a string of Alloy, which has the escapes of JSON."""
    return json.dumps(value, ensure_ascii=False)
