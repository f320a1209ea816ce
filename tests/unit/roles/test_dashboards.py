# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles' dashboards, as they are and as a fleet gets them. What their queries find is tested in the scenario exporters."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import jsonschema
import pytest
import yaml

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import grafana

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "tools/dashboards/schema.json").read_text())
FILES = sorted(ROOT.glob("roles/*/monitoring/dashboard*.json"))
PAGES = {f"{path.parents[1].name}/{path.name}": json.loads(path.read_text()) for path in FILES}
each_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
# Queries that are about all servers, whichever were chosen: panel titles by the page's uid.
WHOLE = {
    "vigie-prometheus": {
        "Targets",
        "A scrape takes, the slowest by job",
        "Samples of a scrape, by job",
        "Alerts that fire",
    }
}
# At 1280 pixels, a column is 53 wide.
NARROWEST = {"stat": 3, "timeseries": 8, "bargauge": 8, "state-timeline": 12, "table": 12}


def panels(page: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the panels that show something."""
    return [panel for panel in page["panels"] if panel["type"] != "row"]


def test_the_schema_is_that_of_the_version_that_is_installed() -> None:
    """See tools/dashboards/schema.sh."""
    defaults = yaml.safe_load((ROOT / "roles/grafana/defaults/main.yml").read_text())
    assert SCHEMA["version"] == defaults["grafana_version"]


@each_page
@pytest.mark.parametrize("labels", [[], ["function", "node", "data_centre"]], ids=["as_it_is", "in_a_fleet"])
def test_grafana_knows_all_of_it(page: dict[str, t.Any], labels: list[str]) -> None:
    """The schema that Grafana publishes, which allows nothing else, of the dashboard and of each kind of panel."""
    page = grafana.with_labels(page, labels) if labels else page
    jsonschema.validate(page, SCHEMA["dashboard"])
    for panel in panels(page):
        schemas = SCHEMA["panels"][panel["type"]]
        jsonschema.validate(panel["options"], schemas["options"])
        if "custom" in panel["fieldConfig"]["defaults"]:
            jsonschema.validate(panel["fieldConfig"]["defaults"]["custom"], schemas["custom"])


def test_each_has_a_name_of_its_own() -> None:
    """In Grafana, and in its address."""
    for key in ("uid", "title"):
        names = [page[key] for page in PAGES.values()]
        assert len(set(names)) == len(names)
    assert all(page["uid"].startswith("vigie-") and len(page["uid"]) <= 40 for page in PAGES.values())


@each_page
def test_each_panel_can_be_read(page: dict[str, t.Any]) -> None:
    """A title, a unit, and room."""
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in page["panels"]]
    assert len(set(ids)) == len(ids)
    titles: list[str] = []
    for panel in panels(page):
        place = panel["gridPos"]
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert place["w"] >= NARROWEST[panel["type"]], panel["title"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
        titles.append((panel["title"], panel["type"]))
    assert len(set(titles)) == len(titles)


@each_page
def test_each_query_heeds_what_was_chosen(page: dict[str, t.Any]) -> None:
    """All variables are there, all are used, and each query is about the servers that were chosen."""
    known = {variable["name"] for variable in page["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z_]+)", json.dumps([page["panels"], [v.get("query") for v in page["templating"]["list"]]])))
    assert {name for name in used if not name.startswith("__")} == known - ({"node"} - used)
    for panel in panels(page):
        for target in panel["targets"]:
            whole = panel["title"] in WHOLE.get(page["uid"], set())
            assert ('host=~"$node"' in target["expr"]) is not whole, (panel["title"], target["expr"])


def test_a_fleets_labels_become_variables() -> None:
    """Each in the order of the fleet, among what the former leave; in all queries; by another name where there is such a one."""
    page = grafana.with_labels(PAGES["grafana/dashboard.json"], ["function", "service", "host"])
    variables = {variable["name"]: variable for variable in page["templating"]["list"]}
    assert list(variables) == ["datasource", "function", "label_service", "node", "cert_instance", "service", "by"]
    assert variables["function"]["query"] == 'label_values(up{host!=""}, function)'
    assert variables["label_service"]["query"] == 'label_values(up{host!="",function=~"$function"}, service)'
    assert variables["node"]["query"] == 'label_values(up{host!="",function=~"$function",service=~"$label_service"}, host)'
    assert (variables["by"]["query"], variables["by"]["current"]["value"]) == ("function,service,host", "function")
    chosen = 'host=~"$node",function=~"$function",service=~"$label_service"'
    assert all(chosen in target["expr"] for panel in panels(page) for target in panel["targets"])
    # What the role has is left as it is.
    assert [variable["name"] for variable in PAGES["grafana/dashboard.json"]["templating"]["list"]][:2] == ["datasource", "node"]
