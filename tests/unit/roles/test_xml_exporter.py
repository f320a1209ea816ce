# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics from XML files."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from python_exporters import ROLES, series
from xml_exporter.__main__ import XmlExporter
from xml_exporter.tables import Store

ORDERS = """\
<?xml version="1.0"?>
<s:store xmlns:s="urn:store" xmlns:m="urn:meta">
  <s:order m:state="open"><s:id>1</s:id><s:total currency="EUR"> 12.5 </s:total></s:order>
  <s:order m:state="open"><s:id>2</s:id><s:total currency="USD">3</s:total></s:order>
  <s:order m:state="paid"><s:id>3</s:id><s:total currency="EUR">7</s:total></s:order>
  <s:queue length="4"/>
</s:store>
"""
SPACES = {"s": "urn:store", "m": "urn:meta"}


def metrics(tmp_path: Path, *table: dict[str, t.Any], **files: str) -> dict[str, float]:
    """Return the series of a store with *table* and *files*, without the paths of the directory."""
    for name, text in files.items():
        (tmp_path / f"{name}.xml").write_text(text)
    store = Store({"name": "orders", "files": f"{tmp_path}/*.xml", "namespaces": SPACES, "metrics": list(table)})
    found = series(XmlExporter([store]).collect())
    return {name.replace(f"{tmp_path}/", ""): value for name, value in found.items() if "modified" not in name}


def test_nodes_become_metrics(tmp_path: Path) -> None:
    """Texts and attributes, numbers of nodes, labels, and names with namespaces."""
    found = metrics(
        tmp_path,
        {
            "name": "order_total",
            "nodes": "//s:order",
            "value": "s:total",
            "labels": {"id": "s:id", "currency": "s:total/@currency"},
        },
        {"name": "orders", "nodes": "s:store/s:order", "value": "count", "labels": {"state": "@m:state"}},
        {"name": "orders_dead", "nodes": "//s:dead", "value": "count"},
        {"name": "queue_length", "nodes": "/s:store/s:queue", "value": "@length"},
        {"name": "orders_seen", "nodes": "s:store/s:order[3]/s:id", "type": "counter"},
        {"name": "maybe", "nodes": "//s:maybe", "optional": True},
        a=ORDERS,
    )
    file = "store=orders,file=a.xml"
    assert found == {
        "xml_store_files{store=orders}": 1,
        f"xml_file_up{{{file}}}": 1,
        f"order_total{{{file},id=1,currency=EUR}}": 12.5,
        f"order_total{{{file},id=2,currency=USD}}": 3,
        f"order_total{{{file},id=3,currency=EUR}}": 7,
        f"orders{{{file},state=open}}": 2,
        f"orders{{{file},state=paid}}": 1,
        f"orders_dead{{{file}}}": 0,
        f"queue_length{{{file}}}": 4,
        f"orders_seen_total{{{file}}}": 3,
    }


@pytest.mark.parametrize(
    ("row", "text", "message"),
    [
        ({"value": "s:total"}, ORDERS[:-20], "unclosed token"),
        ({"value": "s:total"}, "", "no element found"),
        ({"value": "s:missing"}, ORDERS, "x: a node has no s:missing"),
        ({"value": "@missing"}, ORDERS, "x: a node has no @missing"),
        ({"nodes": "//s:missing"}, ORDERS, "x: no node //s:missing"),
        ({"value": "s:total/@currency"}, ORDERS, "x: 'EUR' is no number"),
        ({"value": "s:total"}, ORDERS, "x: two nodes have the same labels (none)"),
    ],
)
def test_a_file_with_an_error_has_the_error_as_its_only_metric(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: dict[str, t.Any], text: str, message: str
) -> None:
    """Other files keep their metrics. The journal has the reason."""
    found = metrics(
        tmp_path,
        {"name": "queue_length", "nodes": "//s:queue", "value": "@length"},
        {"name": "x", "nodes": "//s:order", **row},
        bad=text,
    )
    assert found == {"xml_store_files{store=orders}": 1, "xml_file_up{store=orders,file=bad.xml}": 0}
    assert message in capsys.readouterr().err
    good = ORDERS.replace("order", "none", 6)
    both = metrics(tmp_path, {"name": "queue_length", "nodes": "//s:queue", "value": "@length"}, bad="<", good=good)
    assert both["queue_length{store=orders,file=good.xml}"] == 4
    assert both["xml_file_up{store=orders,file=bad.xml}"] == 0


def test_a_store_without_files_is_seen(tmp_path: Path) -> None:
    """Its metrics would only be missing."""
    assert metrics(tmp_path) == {"xml_store_files{store=orders}": 0}


def test_one_metric_has_one_set_of_labels(tmp_path: Path) -> None:
    """The program refuses to start, and the previous configuration stays in service."""
    rows = [{"name": "x", "nodes": "a"}], [{"name": "x", "nodes": "a", "labels": {"b": "@b"}}]
    stores = [Store({"name": "s", "files": str(tmp_path), "metrics": row}) for row in rows]
    with pytest.raises(ValueError, match=r"metric x has the labels \[\] and \['b'\]"):
        XmlExporter(stores)


def test_the_textfile_is_written_completely_or_not_at_all(tmp_path: Path) -> None:
    """The textfile collector of node_exporter reads it."""
    (tmp_path / "a.xml").write_text(ORDERS)
    table = [{"name": "queue_length", "nodes": "//s:queue", "value": "@length"}]
    config = tmp_path / "config.json"
    config.write_text(json.dumps([{"name": "o", "files": f"{tmp_path}/*.xml", "namespaces": SPACES, "metrics": table}]))
    output = tmp_path / "out/xml.prom"
    command = [sys.executable, "-m", "xml_exporter", "--config", str(config), "--textfile", str(output)]
    environment = {"PYTHONPATH": f"{ROLES}/python_service/files:{ROLES}/xml_exporter/files"}
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode != 0
    output.parent.mkdir()
    subprocess.run(command, env=environment, check=True)
    assert f'queue_length{{file="{tmp_path}/a.xml",store="o"}} 4.0\n' in output.read_text()
    assert [path.name for path in output.parent.iterdir()] == ["xml.prom"]
