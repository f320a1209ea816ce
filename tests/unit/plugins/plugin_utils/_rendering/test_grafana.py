# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a Grafana."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import build
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.grafana import (
    datasources,
    expected,
    grafana_dashboards,
    grafana_datasources,
    grafana_ini,
    source_uid,
    with_labels,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification import checks

LONG = "a-very-long-name-of-a-server.in.a.long.domain.example.com"


def fleet(**variables: t.Any) -> dict[str, t.Any]:
    """Return an inventory with two Prometheus servers and a Grafana, which has these *variables*."""
    grafana = {"grafana_admin_password": "secret", **variables}
    return {
        "hosts.yml": {
            "all": {
                "children": {
                    "prometheus": {
                        "hosts": {
                            "m1.example.com": {"ansible_host": "2001:db8::1", "prometheus_scrape_interval": "30s"},
                            "pages": {"prometheus_port": 9191, "prometheus_version": "3.5.0"},
                        }
                    },
                    "alertmanager": {"hosts": {"m1.example.com": None, "old": {"alertmanager_state": "absent"}}},
                    "grafana": {"hosts": {"pages": grafana}},
                    "node_exporter": {
                        "hosts": {
                            "web": {"monitoring_labels": {"type": "server", "function": "web"}},
                            "db": {"monitoring_labels": {"type": "server", "function": "db", "rack": "7"}},
                        }
                    },
                }
            }
        }
    }


def model(tmp_path: Path, **variables: t.Any) -> dict[str, t.Any]:
    """Return the model of the fleet as the Grafana's host sees it: the whole fleet."""
    made = Made(tmp_path, fleet(**variables))
    whole, problems = made.build(contracts())
    part, more = build.build_model(made.inventory, contracts(), made.renderer, "pages")
    assert problems == more == []
    assert part == whole
    return whole


def test_a_grafana_alone_on_its_host_sees_the_whole_fleet(tmp_path: Path) -> None:
    """Its pages have the labels of all hosts."""
    inventory = fleet()
    children = inventory["hosts.yml"]["all"]["children"]
    children["grafana"]["hosts"] = {"alone": {"grafana_admin_password": "secret"}}
    made = Made(tmp_path, inventory)
    whole, problems = made.build(contracts())
    assert build.build_model(made.inventory, contracts(), made.renderer, "alone") == (whole, problems)
    assert build.build_model(made.inventory, contracts(), made.renderer, "web")[0]["dashboards"] == {}


def test_each_server_is_a_data_source_with_a_name_for_ever(tmp_path: Path) -> None:
    """The first Prometheus by default; one on the same host is reached there; what is absent is none."""
    text = grafana_datasources(model(tmp_path), "pages")
    file = yaml.safe_load(text)
    assert (file["apiVersion"], file["prune"]) == (1, True)
    assert [(its["uid"], its["name"], its["type"], its["url"], its["isDefault"]) for its in file["datasources"]] == [
        ("prometheus-m1_example_com", "Prometheus (m1.example.com)", "prometheus", "http://[2001:db8::1]:9090", True),
        ("prometheus-pages", "Prometheus (pages)", "prometheus", "http://localhost:9191", False),
        ("alertmanager-m1_example_com", "Alertmanager (m1.example.com)", "alertmanager", "http://[2001:db8::1]:9093", False),
    ]
    assert [its["jsonData"].get("timeInterval") for its in file["datasources"]] == ["30s", "15s", None]
    assert file["datasources"][1]["jsonData"]["prometheusVersion"] == "3.5.0"


def test_an_address_to_listen_on_is_the_one_to_ask(tmp_path: Path) -> None:
    """On the same host."""
    its = model(tmp_path)
    its["servers"]["prometheus"]["pages"]["prometheus_listen_address"] = "192.0.2.7"
    assert datasources(its, "pages")[1]["url"] == "http://192.0.2.7:9191"


def test_a_server_below_a_path_is_asked_there(tmp_path: Path) -> None:
    """A Prometheus and an Alertmanager alike."""
    its = model(tmp_path)
    its["servers"]["prometheus"]["pages"]["prometheus_external_url"] = "https://example.com/prometheus/"
    its["servers"]["alertmanager"]["m1.example.com"]["alertmanager_flags"] = {"web.route-prefix": "/alerts"}
    assert [source["url"] for source in datasources(its, "pages")][1:] == [
        "http://localhost:9191/prometheus",
        "http://[2001:db8::1]:9093/alerts",
    ]


def test_a_loki_is_a_data_source_and_its_lines_are_on_the_dashboard_of_the_hosts(tmp_path: Path) -> None:
    """For all hosts that are selected. A fleet without a Loki has neither."""
    assert "loki" not in {source["type"] for source in datasources(model(tmp_path), "pages")}
    inventory = fleet()
    children = inventory["hosts.yml"]["all"]["children"]
    children["loki"] = {"hosts": {"logs": {"ansible_host": "192.0.2.8"}, "old": {"loki_state": "absent"}}}
    its, problems = Made(tmp_path / "with", inventory).build(contracts())
    assert problems == []
    assert [(source["uid"], source["url"]) for source in datasources(its, "pages") if source["type"] == "loki"] == [
        ("loki-logs", "http://192.0.2.8:3100")
    ]
    files = grafana_dashboards(its, "pages")
    found = {
        name: [
            (panel["datasource"]["uid"], panel["targets"][0]["expr"])
            for panel in json.loads(text)["panels"]
            if panel["type"] == "logs"
        ]
        for name, text in files.items()
    }
    assert found.pop("Vigie/node_exporter.json") == [("loki-logs", '{host=~"$node",host=~".+"}')]
    assert not any(found.values())
    page = json.loads(files["Vigie/node_exporter.json"])
    assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])


def test_uids_fit_and_differ() -> None:
    """Grafana takes forty characters of a few kinds."""
    found = [source_uid("prometheus", name) for name in ("a.b", "a-b", LONG, f"{LONG}x")]
    assert len(set(found)) == 4
    assert found[0] == "prometheus-a_b"
    assert all(len(uid) <= 40 for uid in found)


def test_options_and_further_data_sources(tmp_path: Path) -> None:
    """A password for all Prometheus servers, beside what they have."""
    its = model(
        tmp_path,
        grafana_datasource_options={"prometheus": {"basicAuth": True, "jsonData": {"tlsSkipVerify": True}}},
        grafana_extra_datasources=[{"name": "Loki", "type": "loki", "uid": "loki"}],
    )
    first, second, alertmanager, loki = datasources(its, "pages")
    for source in (first, second):
        assert source["basicAuth"] is True
        assert source["jsonData"]["tlsSkipVerify"] is True
        assert source["jsonData"]["httpMethod"] == "POST"
    assert "basicAuth" not in alertmanager
    assert loki["name"] == "Loki"


def test_the_pages_of_the_roles_that_the_fleet_has(tmp_path: Path) -> None:
    """And the home page; with the labels that tell hosts apart, or those that are asked for."""
    its = model(tmp_path)
    files = grafana_dashboards(its, "pages")
    assert sorted(files) == [
        f"Vigie/{name}.json" for name in ("alertmanager", "grafana", "node_exporter", "prometheus", "supervisord")
    ]
    names = [variable["name"] for variable in json.loads(files["Vigie/prometheus.json"])["templating"]["list"]]
    # type has one value, rack has one.
    assert names == ["datasource", "function", "node"]
    its["servers"]["grafana"]["pages"]["grafana_label_variables"] = ["rack"]
    files = grafana_dashboards(its, "pages")
    assert '"name": "rack"' in files["Vigie/grafana.json"]
    assert expected(its, "pages")[1] == [json.loads(text)["uid"] for text in files.values()]


def test_a_page_of_ones_own_is_expected_where_its_uid_is_known(tmp_path: Path) -> None:
    """Grafana gives one without a uid a uid of its own."""
    extra = {"Mine/x.json": '{"uid": "mine"}', "Mine/y.json": '{"title": "no uid"}'}
    assert expected(model(tmp_path, grafana_extra_dashboards=extra), "pages")[1][-1] == "mine"


def test_without_labels_a_page_is_as_it_is() -> None:
    """No variable, no matcher."""
    page = json.loads((Path(__file__).parents[5] / "roles/prometheus/monitoring/dashboard.json").read_text())
    assert with_labels(page, []) == page


def test_dashboards_of_others_and_ones_own(tmp_path: Path) -> None:
    """In their folders; what is asked for on import is filled in, unless the page has a variable of that name."""
    theirs = {
        "__inputs": [
            {"name": "DS_MAIN", "type": "datasource"},
            {"name": "DS_VAR", "type": "datasource"},
            {"name": "VAR_JOB", "type": "constant", "value": "node"},
        ],
        "__requires": [{}],
        "id": 7,
        "uid": "theirs",
        "panels": [{"datasource": "${DS_MAIN}", "other": "${DS_VAR}", "expr": 'up{job="${VAR_JOB}"}'}],
        "templating": {"list": [{"name": "DS_VAR"}]},
    }
    its = model(
        tmp_path,
        grafana_community_dashboards=[{"id": 1860, "revision": 42, "folder": "Linux"}, {"id": 1, "revision": 2}],
        grafana_extra_dashboards={"Mine/x.json": "{}"},
    )
    files = grafana_dashboards(its, "pages", [json.dumps(theirs), '{"title": "plain"}'])
    page = json.loads(files["Linux/1860-42.json"])
    assert page == {
        "id": None,
        "uid": "theirs",
        "panels": [{"datasource": "prometheus-m1_example_com", "other": "${DS_VAR}", "expr": 'up{job="node"}'}],
        "templating": {"list": [{"name": "DS_VAR"}]},
    }
    assert json.loads(files["Community/1-2.json"]) == {"title": "plain", "id": None, "uid": "vigie-1-2"}
    assert files["Mine/x.json"] == "{}"
    with pytest.raises(ValueError, match=r"host pages, variable grafana_community_dashboards, value 1860-42: .* not a dashboard"):
        grafana_dashboards(its, "pages", ["<html>", "{}"])
    with pytest.raises(ValueError, match="value 1-2"):
        grafana_dashboards(its, "pages", ["{}", "[]"])


def test_a_host_without_a_grafana_is_told(tmp_path: Path) -> None:
    """The group is the remedy."""
    with pytest.raises(ValueError, match=r"host web is not in the group of the role grafana, which has these hosts: pages\."):
        grafana_dashboards(model(tmp_path), "web")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "true"),
        (False, "false"),
        (3000, "3000"),
        ("plain text", "plain text"),
        ("a # b", "`a # b`"),
        ("a;b", "`a;b`"),
        (" a", "` a`"),
        ('say "x"', '`say "x"`'),
        ("back`tick", '"""back`tick"""'),
        ("C:\\x", "`C:\\x`"),
        ("$__file{/etc/x}", "$__file{/etc/x}"),
        ("", ""),
    ],
)
def test_values_of_the_ini_file(value: t.Any, written: str) -> None:
    """As go-ini reads them."""
    assert grafana_ini({"s": {"k": value}}) == f"[s]\nk = {written}\n"


def test_sections_of_the_ini_file() -> None:
    """Keys of none come first; none leaves a key out, and an empty section, too."""
    config = {
        "server": {"http_port": 1, "root_url": None},
        "app_mode": "x",
        "auth.anonymous": {"enabled": False},
        "empty": {"x": None},
    }
    assert grafana_ini(config) == "app_mode = x\n\n[server]\nhttp_port = 1\n\n[auth.anonymous]\nenabled = false\n"
    with pytest.raises(ValueError, match=r"grafana_config\.server\.x"):
        grafana_ini({"server": {"x": [1]}})


def test_what_verify_says_of_a_grafana(tmp_path: Path) -> None:
    """Version, data sources, pages: what is wrong, and what cannot be asked."""
    its = model(tmp_path)
    sources, pages = expected(its, "pages")
    has = {
        "__grafana_host": "pages",
        "version": "v13.2.3+1",
        "sources": [{"uid": source["uid"], "problem": ""} for source in sources],
        "dashboards": [{"uid": uid} for uid in pages],
    }

    def problems(**other: t.Any) -> list[str]:
        return [check.problem for check in checks.grafana_checks(its, [{**has, **other}]) if check.problem]

    its["servers"]["grafana"]["pages"]["grafana_version"] = "13.2.3"
    assert problems() == []
    assert len(checks.grafana_checks(its, [has])) == 3 + len(sources)
    assert problems(version="12.0.0") == ["pages: Grafana 12.0.0 runs, but the inventory has 13.2.3"]
    its["servers"]["grafana"]["pages"]["grafana_version"] = "latest"
    assert problems(version="12.0.0") == []
    assert problems(sources=has["sources"][1:]) == [
        "pages: the data source Prometheus (m1.example.com) is missing in Grafana. Run vigie.monitoring.site --tags grafana"
    ]
    dead = [*has["sources"][:2], {**has["sources"][2], "problem": "refused"}]
    assert problems(sources=dead) == ["pages: Grafana cannot use the data source Alertmanager (m1.example.com): refused"]
    assert problems(dashboards=has["dashboards"][1:]) == [f"pages: Grafana has not loaded the dashboards {pages[0]}"]
    lost = {"__grafana_host": "pages", "msg": "Grafana does not answer"}
    assert [check.problem for check in checks.grafana_checks(its, [lost, {"skipped": True}])] == [
        "pages: Grafana does not answer"
    ]


def test_a_dollar_in_a_secret_is_a_dollar(tmp_path: Path) -> None:
    """Grafana puts variables in for it. A secret that is read from somewhere says so as a whole."""
    secure = {"basicAuthPassword": "pa$word${x}", "token": "$__file{/etc/grafana/token}"}
    extra = [{"name": "Loki", "type": "loki", "url": "http://$LOKI", "secureJsonData": secure}]
    text = grafana_datasources(model(tmp_path, grafana_extra_datasources=extra), "pages")
    (found,) = [source for source in yaml.safe_load(text)["datasources"] if source["name"] == "Loki"]
    assert found["secureJsonData"] == {"basicAuthPassword": "pa$$word$${x}", "token": "$__file{/etc/grafana/token}"}
    assert found["url"] == "http://$LOKI"
