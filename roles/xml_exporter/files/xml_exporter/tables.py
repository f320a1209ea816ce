# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics from the nodes of XML files, as a table describes them.

A store is a set of files with the same table. The path of a node is an XPath expression as Python's ElementTree reads it. A value
or a label is the text of a node below (`PATH`), the text of the node itself (`.`), or an attribute (`@NAME` or `PATH/@NAME`).
"""

from __future__ import annotations

import collections
import glob
import typing as t
from xml.etree import ElementTree

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

COUNT = "count"


class ProblemError(Exception):
    """A file does not have what the table describes. The text is for the journal."""


class Store:
    """The files that *settings* describe: name, files, namespaces and metrics."""

    def __init__(self, settings: t.Mapping[str, t.Any]) -> None:
        """Read nothing yet."""
        self.name: str = settings["name"]
        self._pattern: str = settings["files"]
        self._namespaces: dict[str, str] = settings.get("namespaces") or {}
        self._table: list[dict[str, t.Any]] = settings["metrics"]

    def files(self) -> list[str]:
        """Return the paths of the files."""
        return sorted(glob.glob(self._pattern, recursive=True))  # noqa: PTH207 - the pattern is absolute

    def families(self) -> dict[str, Metric]:
        """Return the metrics of the table without values, by name."""
        families: dict[str, Metric] = {}
        for row in self._table:
            kind = CounterMetricFamily if row.get("type") == "counter" else GaugeMetricFamily
            labels = ["store", "file", *(row.get("labels") or {})]
            families[row["name"]] = kind(row["name"], row.get("help") or "From XML files.", labels=labels)
        return families

    def labels(self) -> dict[str, list[str]]:
        """Return the labels of each metric of the table, beside store and file."""
        return {row["name"]: list(row.get("labels") or {}) for row in self._table}

    def read(self, path: str) -> list[tuple[str, list[str], float]]:
        """Return the values of the file *path*: the name of the metric, its labels and the value. All of them, or none.

        :raises ProblemError: if the file is not readable, is no XML, or lacks a node.
        """
        try:
            root = ElementTree.parse(path).getroot()  # noqa: S314 - the operator chooses the files
        except (OSError, ElementTree.ParseError) as error:
            raise ProblemError(str(error)) from error
        # XPath begins at the document, ElementTree at its first element.
        document = ElementTree.Element("document")
        document.append(root)
        values: dict[tuple[str, tuple[str, ...]], float] = {}
        for row in self._table:
            for labels, value in self._values(row, document):
                key = (row["name"], (self.name, path, *labels))
                if key in values:
                    raise ProblemError(f"{row['name']}: two nodes have the same labels {', '.join(labels) or '(none)'}")
                values[key] = value
        return [(name, list(labels), value) for (name, labels), value in values.items()]

    def _values(self, row: t.Mapping[str, t.Any], document: ElementTree.Element) -> t.Iterator[tuple[list[str], float]]:
        path = row["nodes"]
        nodes = document.findall(f".{path}" if path.startswith("//") else path.lstrip("/"), self._namespaces)
        value = row.get("value") or "."
        if value == COUNT:
            yield from self._counts(row, nodes)
            return
        if not nodes and not row.get("optional"):
            raise ProblemError(f"{row['name']}: no node {path}")
        for node in nodes:
            labels = self._labels(row, node)
            text = self._text(node, value, row["name"])
            try:
                yield labels, float(text)
            except ValueError:
                raise ProblemError(f"{row['name']}: {text!r} is no number") from None

    def _counts(self, row: t.Mapping[str, t.Any], nodes: t.Iterable[ElementTree.Element]) -> t.Iterator[tuple[list[str], float]]:
        """Yield the number of *nodes* for each set of labels; without labels, also the number 0."""
        counts = collections.Counter(tuple(self._labels(row, node)) for node in nodes)
        if not row.get("labels"):
            counts[()] += 0
        for labels, number in counts.items():
            yield list(labels), float(number)

    def _labels(self, row: t.Mapping[str, t.Any], node: ElementTree.Element) -> list[str]:
        return [self._text(node, path, row["name"]) for path in (row.get("labels") or {}).values()]

    def _text(self, node: ElementTree.Element, path: str, metric: str) -> str:
        """Return the text or the attribute at *path* below *node*."""
        below, _at, attribute = path.rpartition("@") if "@" in path else (path, "", "")
        found: ElementTree.Element | None = node
        if below.rstrip("/") not in {"", "."}:
            found = node.find(below.rstrip("/"), self._namespaces)
        text = None if found is None else found.get(self._qualified(attribute)) if attribute else found.text
        if text is None:
            raise ProblemError(f"{metric}: a node has no {path}")
        return text.strip()

    def _qualified(self, attribute: str) -> str:
        prefix, colon, name = attribute.rpartition(":")
        return f"{{{self._namespaces.get(prefix, prefix)}}}{name}" if colon else name
