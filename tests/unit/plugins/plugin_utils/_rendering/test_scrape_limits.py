# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of targets as series, and the alert of a real Prometheus that names the target which exceeds its limit."""

from __future__ import annotations

import json
import time
import typing as t
import urllib.parse
import urllib.request
from pathlib import Path

import yaml
from servers import Server, running_prometheus

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import prometheus
from plugins.plugin_utils._fleet.test_scrape_options import app, made

SERIES = 200_000


def limits(tmp_path: Path, **hosts: t.Any) -> dict[tuple[str, ...], str]:
    """Return the expressions of the limits of a fleet, by limit."""
    model, problems = made(tmp_path, **hosts).build(contracts())
    assert problems == []
    (group,) = yaml.safe_load(prometheus.prometheus_tree(model, "p")["rules/limits.yml"])["groups"]
    assert {rule["record"] for rule in group["rules"]} == {"monitoring_scrape_limit"}
    return {
        (rule["labels"]["limit"], rule["expr"].rpartition(" * ")[0]): rule["expr"].rpartition(" * ")[2] for rule in group["rules"]
    }


def test_a_fleet_without_limits_has_one_series(tmp_path: Path) -> None:
    """The timeout of the server; a limit of 0 is none."""
    hosts = {"a": app(sample_limit=0), "b": app(body_size_limit="0")}
    assert limits(tmp_path, **hosts) == {("scrape_timeout", "vector(1)"): "10"}


def test_a_limit_of_a_whole_job_names_no_instance(tmp_path: Path) -> None:
    """A limit of some endpoints does."""
    hosts = {
        "a": app(sample_limit=5, scrape_timeout="2500ms"),
        "b": {"monitoring_scrape_options": {"node": {"body_size_limit": "10MB"}}},
    }
    found = limits(tmp_path, **hosts)
    assert found == {
        ("scrape_timeout", "vector(1)"): "10",
        ("sample_limit", 'group by (job, instance) (up{job="app"})'): "5",
        ("scrape_timeout", 'group by (job, instance) (up{job="app", instance=~"a:80"})'): "2.5",
        ("body_size_limit", 'group by (job, instance) (up{job="node", instance=~"b:9100"})'): "1",
    }


def ask(url: str, expression: str) -> list[dict[str, t.Any]]:
    """Return what a query finds; nothing while Prometheus starts."""
    try:
        address = f"{url}/api/v1/query?query={urllib.parse.quote(expression)}"
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - the URL of Prometheus
            return list(json.load(answer)["data"]["result"])
    except OSError:
        return []


def test_the_alert_names_the_target_that_exceeds_its_limit(tmp_path: Path, newest_prometheus: str) -> None:
    """200,000 series against a limit of 1,000: no other target is named, and Prometheus keeps none of the series."""
    body = "".join(f'x{{n="{number}"}} 1\n' for number in range(SERIES)).encode()
    server = Server(lambda path, _headers: (200, {"Content-Type": "text/plain"}, body if path == "/large" else b"x 1\n"))
    port = int(server.host.rpartition(":")[2])
    jobs = ("large", "small")
    scrapes = [{"job": job, "port": port, "path": f"/{job}", "instance": job, "sample_limit": 1000} for job in jobs]
    host = {"ansible_host": "127.0.0.1", "monitoring_scrapes": scrapes}
    model, _problems = made(tmp_path / "fleet", h=host).build(contracts())
    files = prometheus.prometheus_tree(model, "p")
    config = yaml.safe_load(files["prometheus.yml"])
    config["global"].update(scrape_interval="2s", scrape_timeout="2s", evaluation_interval="1s")
    config["scrape_configs"] = [item for item in config["scrape_configs"] if item["job_name"] in jobs]
    etc = tmp_path / "etc"
    (tmp_path / "data").mkdir()
    for name, text in {**files, "prometheus.yml": yaml.safe_dump(config)}.items():
        (etc / name).parent.mkdir(parents=True, exist_ok=True)
        (etc / name).write_text(str(text))
    with running_prometheus(newest_prometheus, etc / "prometheus.yml", tmp_path / "data") as url:
        end, named = time.monotonic() + 60, []
        while time.monotonic() < end and not named:
            time.sleep(0.2)
            named = ask(url, 'ALERTS{alertname="TargetSampleLimit", severity="critical"}')
        assert [(item["metric"]["instance"], item["metric"]["host"]) for item in named] == [("large", "h")]
        assert ask(url, 'count(x{job="large"})') == []
        (percent,) = ask(url, 'target:scrape_samples_of_limit:percent{job="large"}')
        assert float(percent["value"][1]) == 100 * SERIES / 1000
    server.close()
