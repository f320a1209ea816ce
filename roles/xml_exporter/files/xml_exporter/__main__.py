# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve metrics from XML files, or write them to a file for the textfile collector of node_exporter."""

from __future__ import annotations

import argparse
import json
import sys
import typing as t
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.core import GaugeMetricFamily, Metric
from vigie_exporter import Exporter, serve

from xml_exporter.tables import ProblemError, Store


class XmlExporter(Exporter):
    """Reads the files of all stores at each scrape."""

    def __init__(self, stores: t.Sequence[Store]) -> None:
        """Read *stores*.

        :raises ValueError: if two stores have different labels for the same metric.
        """
        self._stores = stores
        labels: dict[str, list[str]] = {}
        for store in stores:
            for name, names in store.labels().items():
                if labels.setdefault(name, names) != names:
                    raise ValueError(f"The metric {name} has the labels {labels[name]} and {names}. Choose other names.")

    def collect(self) -> t.Iterator[Metric]:
        """Yield the metrics of all files. A file with an error has no metrics but the error."""
        labels = ["store", "file"]
        up = GaugeMetricFamily("xml_file_up", "Whether the file could be read completely.", labels=labels)
        modified = GaugeMetricFamily("xml_file_modified_timestamp_seconds", "Time of the last change of the file.", labels=labels)
        found = GaugeMetricFamily("xml_store_files", "Files of the store.", labels=["store"])
        families: dict[str, Metric] = {}
        for store in self._stores:
            families.update({name: family for name, family in store.families().items() if name not in families})
            paths = store.files()
            found.add_metric([store.name], len(paths))
            for path in paths:
                file = [store.name, path]
                try:
                    values = store.read(path)
                    changed = Path(path).stat().st_mtime
                except (ProblemError, OSError) as error:
                    print(f"{path}: {error}", file=sys.stderr)  # noqa: T201 - the journal
                    up.add_metric(file, 0)
                    continue
                up.add_metric(file, 1)
                modified.add_metric(file, changed)
                for name, texts, value in values:
                    t.cast("t.Any", families[name]).add_metric(texts, value)
        yield from (found, up, modified, *families.values())


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="xml_exporter", description="Turn nodes of XML files into metrics for Prometheus.")
    parser.add_argument("--web.listen-address", dest="address", default=":9812", help="address and port of the metrics")
    parser.add_argument("--config", type=Path, required=True, help="JSON file with the list of stores")
    parser.add_argument("--textfile", help="write the metrics to this file once, atomically, instead of serving them")
    arguments = parser.parse_args()
    exporter = XmlExporter([Store(settings) for settings in json.loads(arguments.config.read_text(encoding="utf-8"))])
    if not arguments.textfile:
        serve(exporter, arguments.address)
        return
    registry = CollectorRegistry()
    registry.register(exporter)
    write_to_textfile(arguments.textfile, registry)


if __name__ == "__main__":
    main()
