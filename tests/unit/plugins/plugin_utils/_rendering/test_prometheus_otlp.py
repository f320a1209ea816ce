# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics that the SDK of OpenTelemetry sends to a real Prometheus, which prometheus_otlp configures."""

from __future__ import annotations

import contextlib
import importlib
import json
import subprocess
import time
import typing as t
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml
from inventories import Made, write
from servers import running_prometheus

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import ROLES, contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.flags import render
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.prometheus import prometheus_tree

MODULES = (
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.sdk.metrics",
    "opentelemetry.sdk.resources",
)
FLAG = "--web.enable-otlp-receiver"
OTLP = {"promote_resource_attributes": ["deployment.environment.name"], "out_of_order_time_window": "30m"}
SERVER = {"ansible_host": "127.0.0.1", "prometheus_scrape_interval": "1h", "prometheus_version": "latest"}


def asked(url: str) -> t.Any:
    """Return the data of the API, as soon as the server answers."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - it is ours
            return json.load(answer)["data"]
        time.sleep(0.1)
    message = f"{url} does not answer"
    raise AssertionError(message)


def send(url: str) -> None:
    """Count seven orders of a shop."""
    pytest.importorskip("opentelemetry.sdk", reason="no SDK of OpenTelemetry here: run `make`")
    exporter, metrics, resources = map(importlib.import_module, MODULES)
    attributes = {
        "service.name": "shop",
        "service.instance.id": "web1",
        "deployment.environment.name": "test",
        "os.type": "linux",
    }
    reader = metrics.export.PeriodicExportingMetricReader(exporter.OTLPMetricExporter(endpoint=url, timeout=5))
    provider = metrics.MeterProvider([reader], resources.Resource(attributes), shutdown_on_exit=False)
    provider.get_meter("tests").create_counter("orders").add(7, {"kind": "book"})
    provider.shutdown()


def flags_of(made: Made, settings: dict[str, t.Any]) -> list[str]:
    """Return the flags of the role that concern the receiver."""
    role = yaml.safe_load((ROLES / "prometheus" / "vars" / "main.yml").read_text())
    flags = made.template(role["__prometheus_flags"], __prometheus_own_url="", **settings)
    return render({name: value for name, value in flags.items() if name.startswith("web.enable")})


def fleet(path: Path, otlp: t.Any) -> tuple[Made, t.Any]:
    """Return an inventory with one server, and the model."""
    hosts = {"p": {**SERVER, "prometheus_otlp": otlp}}
    made = Made(path, {"hosts.yml": {"all": {"children": {"prometheus": {"hosts": hosts}}}}})
    model, problems = made.build(contracts())
    assert problems == []
    return made, model


@pytest.mark.parametrize(("otlp", "flags"), [(False, []), (None, []), (True, [FLAG]), (OTLP, [FLAG])])
def test_the_flag_of_the_receiver(tmp_path: Path, otlp: t.Any, flags: list[str]) -> None:
    """Prometheus has no key for it."""
    made, model = fleet(tmp_path, otlp)
    assert flags_of(made, model["servers"]["prometheus"]["p"]) == flags


@pytest.mark.parametrize("otlp", [OTLP, None])
def test_the_sdk_of_opentelemetry_sends_a_metric(tmp_path: Path, newest_prometheus: str, otlp: t.Any) -> None:
    """With the flags and the files of the role. Without the variable, Prometheus takes nothing."""
    known = subprocess.run([newest_prometheus, "--help-long"], capture_output=True, text=True, check=True).stdout
    if FLAG.strip("-") not in known:
        pytest.skip("the Prometheus of the mirror has no receiver: Debian builds Prometheus without it")
    made, model = fleet(tmp_path / "fleet", otlp)
    write(tmp_path / "etc", prometheus_tree(model, "p"))
    (tmp_path / "data").mkdir()
    flags = flags_of(made, model["servers"]["prometheus"]["p"])
    with running_prometheus(newest_prometheus, tmp_path / "etc" / "prometheus.yml", tmp_path / "data", *flags) as url:
        loaded = asked(f"{url}/api/v1/status/config")["yaml"]
        assert ("out_of_order_time_window: 30m" in loaded) == bool(otlp)
        send(f"{url}/api/v1/otlp/v1/metrics")
        found = asked(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': 'orders_total'})}")["result"]
    labels = {
        "__name__": "orders_total",
        "job": "shop",
        "instance": "web1",
        "kind": "book",
        "deployment_environment_name": "test",
    }
    assert [(series["metric"], series["value"][1]) for series in found] == ([(labels, "7")] if otlp else [])
