# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of monitoring_log_files, which Alloy sends to Loki. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import LABEL_NAME

KEYS = ("files", "journal", "labels")
# Labels that Alloy and Loki set.
RESERVED = frozenset({"host", "filename", "job", "unit", "service_name", "detected_level"})
# Field, value, remedy.
Problem = tuple[str, t.Any, str]


class LogFiles(t.TypedDict):
    """Logs with the same labels."""

    # Glob patterns of files. Empty for a journal.
    files: list[str]
    # The unit whose journal is sent, or an empty string for the whole journal. None for files.
    journal: str | None
    labels: dict[str, str]


def build_log_files(raw: t.Any) -> tuple[LogFiles | None, list[Problem]]:
    """Return a complete item of monitoring_log_files, or None, and the problems of *raw*."""
    if not isinstance(raw, dict):
        return None, [("", raw, "must be a dictionary with files or journal")]
    problems = list(_problems(raw))
    if problems:
        return None, problems
    journal = raw.get("journal")
    unit = None if journal is None else str(journal.get("unit", ""))
    # A unit without a suffix is a service, as for systemctl.
    if unit and "." not in unit:
        unit += ".service"
    return {"files": list(raw.get("files") or []), "journal": unit, "labels": dict(raw.get("labels") or {})}, []


def _problems(raw: dict[str, t.Any]) -> t.Iterator[Problem]:
    for key in sorted(map(str, set(raw) - set(KEYS))):
        yield "", key, f"unknown key. The known keys are {', '.join(KEYS)}"
    files, journal, labels = (raw.get(key) for key in KEYS)
    if (files is None) == (journal is None):
        yield "", raw, "must have either files or journal"
    if files is not None and not (isinstance(files, list) and files and all(_is_path(path) for path in files)):
        yield "files", files, "must be a list of absolute paths, with the wildcards * and ?"
    if journal is not None and not _is_journal(journal):
        yield "journal", journal, "must be {unit: app.service}, or {} for the whole journal"
    if labels is not None and not isinstance(labels, dict):
        yield "labels", labels, "must be a dictionary"
        return
    for name, value in (labels or {}).items():
        if not isinstance(name, str) or not LABEL_NAME.fullmatch(name) or name.startswith("__"):
            yield f"labels.{name}", value, "the name must consist of letters, digits and underscores, and start with a letter"
        elif name in RESERVED:
            yield f"labels.{name}", value, f"the label {name} is reserved. Choose another name"
        elif not isinstance(value, str) or not value:
            yield f"labels.{name}", value, "must be a string. Put the value in quotes"


def _is_journal(value: t.Any) -> bool:
    return isinstance(value, dict) and set(value) <= {"unit"} and all(isinstance(unit, str) and unit for unit in value.values())


def _is_path(value: t.Any) -> bool:
    return isinstance(value, str) and value.startswith("/") and "\n" not in value
