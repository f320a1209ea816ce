# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of endpoints that Prometheus has for a whole scrape config, and the scrape configs that come of them."""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_version
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.scrape_options import OPTIONS
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import preview, prometheus
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import expected_targets, scrape_targets

# A value of each option, and what Prometheus gets.
EXAMPLES: dict[str, tuple[t.Any, dict[str, t.Any]]] = {
    **{name: (True, {name: True}) for name in ("honor_labels", "honor_timestamps", "follow_redirects", "enable_compression")},
    **{name: (True, {name: True}) for name in ("always_scrape_classic_histograms", "scrape_native_histograms")},
    **{name: (7, {name: 7}) for name in ("sample_limit", "target_limit", "label_limit", "native_histogram_bucket_limit")},
    **{name: (7, {name: 7}) for name in ("label_name_length_limit", "label_value_length_limit")},
    "body_size_limit": ("10MB", {"body_size_limit": "10MB"}),
    "bearer_token_file": ("/etc/token", {"authorization": {"credentials_file": "/etc/token"}}),
    "basic_auth": (
        {"username": "u", "password_file": "/etc/password"},
        {"basic_auth": {"username": "u", "password_file": "/etc/password"}},
    ),
    "tls": ({"insecure_skip_verify": True}, {"tls_config": {"insecure_skip_verify": True}}),
    "proxy_url": ("http://127.0.0.1:3128", {"proxy_url": "http://127.0.0.1:3128"}),
    "scrape_protocols": (["PrometheusText0.0.4"], {"scrape_protocols": ["PrometheusText0.0.4"]}),
    "fallback_scrape_protocol": ("PrometheusText0.0.4", {"fallback_scrape_protocol": "PrometheusText0.0.4"}),
    "metric_relabel": (
        {"keep": ["up", "app_.*"], "drop": ["go_.*"], "drop_labels": ["id"]},
        {
            "metric_relabel_configs": [
                {"source_labels": ["__name__"], "action": "keep", "regex": "up|app_.*"},
                {"source_labels": ["__name__"], "action": "drop", "regex": "go_.*"},
                {"action": "labeldrop", "regex": "id"},
            ]
        },
    ),
}


def made(path: Path, version: str = "3.9.1", **hosts: dict[str, t.Any]) -> Made:
    """Return a fleet of *hosts* that one Prometheus server scrapes."""
    groups = {"prometheus": {"hosts": {"p": {"prometheus_version": version}}}, "node_exporter": {"hosts": hosts}}
    return Made(path, {"hosts.yml": {"all": {"children": groups}}})


def app(**options: t.Any) -> dict[str, t.Any]:
    """Return the variables of a host with one endpoint."""
    return {"monitoring_scrapes": [{"job": "app", "port": 80, **options}]}


def test_every_option_has_an_example() -> None:
    """But for the one whose secret is in a file."""
    assert set(EXAMPLES) == set(OPTIONS) - {"bearer_token"}


@pytest.mark.parametrize("option", sorted(EXAMPLES))
def test_an_option_in_prometheus_own_form(tmp_path: Path, option: str, promtool: str) -> None:
    """Each version takes what the collection accepts for this version, and the collection refuses the rest."""
    value, rendered = EXAMPLES[option]
    told = subprocess.run([promtool, "--version"], capture_output=True, text=True, check=True)
    version = (told.stdout + told.stderr).split("version ")[1].split(" ")[0]
    model, problems = made(tmp_path / "fleet", version, h=app(**{option: value})).build(contracts())
    if parse_version(version) < OPTIONS[option].since:
        (problem,) = problems
        assert problem.startswith(f"host h, variable monitoring_scrapes[app].{option}, value ")
        assert f"p runs Prometheus {version}, which does not have this option" in problem
    else:
        assert problems == []
    (config,) = (item for item in prometheus.scrape_configs(model, "p") if item["job_name"] == "app")
    assert {key: config[key] for key in rendered} == rendered
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump({"scrape_configs": [config]}))
    done = subprocess.run([promtool, "check", "config", "--syntax-only", file], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (problems == []), done.stderr


@pytest.mark.parametrize(
    ("options", "field", "remedy"),
    [
        ({"honor_labels": "maybe"}, "honor_labels", "must be true or false"),
        ({"sample_limit": -1}, "sample_limit", "must be a whole number"),
        ({"label_limit": True}, "label_limit", "must be a whole number"),
        ({"body_size_limit": "10 MB"}, "body_size_limit", "must be a number with one of the units"),
        ({"metric_relabel": {"drop": ["go_("]}}, "metric_relabel", "'go_(' must be a regular expression"),
        ({"metric_relabel": {"drop": "go_.*"}}, "metric_relabel", "drop must be a list"),
        ({"metric_relabel": {"dorp": ["x"]}}, "metric_relabel", "keys of keep, drop, drop_labels"),
        ({"metric_relabel": ["x"]}, "metric_relabel", "must be a list of dictionaries"),
        ({"bearer_token_file": "token"}, "bearer_token_file", "must be the absolute path"),
        ({"basic_auth": {"username": "u"}}, "basic_auth", "either password or password_file"),
        ({"basic_auth": {"password": "hidden"}}, "basic_auth", "must be a dictionary with username"),
        ({"tls": {"ca": "/x"}}, "tls", "keys of ca_file"),
        ({"proxy_url": "proxy:3128"}, "proxy_url", "must be the URL"),
        ({"scrape_protocols": ["text"]}, "scrape_protocols", "must be one of"),
        ({"scrape_protocols": []}, "scrape_protocols", "must be a list"),
        ({"bearer_token": "hidden", "bearer_token_file": "/t"}, "bearer_token_file", "the endpoint has bearer_token, too"),
        ({"sample_limits": 5}, "", "sample_limits"),
    ],
)
def test_a_wrong_option_is_one_line(tmp_path: Path, options: dict[str, t.Any], field: str, remedy: str) -> None:
    """For an endpoint, and for a job in monitoring_scrape_options; without secrets."""
    (problem,) = made(tmp_path / "a", h=app(**options)).build(contracts())[1]
    assert problem.startswith(f"host h, variable monitoring_scrapes[app]{'.' if field else ''}{field}, value ")
    assert remedy in problem
    (problem,) = made(tmp_path / "b", h={"monitoring_scrape_options": {"node": options}}).build(contracts())[1]
    assert problem.startswith("host h, variable monitoring_scrape_options.node, value ")
    assert remedy in problem
    assert "hidden" not in problem


def test_endpoints_with_options_have_a_scrape_config_of_their_own(tmp_path: Path) -> None:
    """The label job stays, and each target is scraped once."""
    hosts = {"a": None, "b": None, "c": {"monitoring_scrape_options": {"node": {"sample_limit": 5}}}}
    model, problems = made(tmp_path, **hosts).build(contracts())  # type: ignore[arg-type]
    assert problems == []
    plain, limited = (item for item in prometheus.scrape_configs(model, "p") if item["job_name"].startswith("node"))
    assert "sample_limit" not in plain
    assert (plain["job_name"], limited["sample_limit"]) == ("node", 5)
    targets = scrape_targets(model, "p")
    assert [group["targets"] for group in targets["node"]] == [["a:9100"], ["b:9100"]]
    (group,) = targets[limited["job_name"]]
    assert (group["targets"], group["labels"]["job"]) == (["c:9100"], "node")
    assert "job" not in targets["node"][0]["labels"]
    expected = [(item["job"], item["host"]) for item in expected_targets(model, "p")]
    assert sorted(expected) == [("node", "a"), ("node", "b"), ("node", "c"), ("prometheus", "p")]
    assert limited["file_sd_configs"] == [{"files": [f"targets/{limited['job_name']}.json"]}]


def test_the_same_options_of_all_leave_the_name(tmp_path: Path) -> None:
    """Options of the group all, and of one endpoint, which wins; a null takes an option of a job away."""
    options = {"monitoring_scrape_options": {"app": {"sample_limit": 5, "honor_labels": True}}}
    model, problems = made(tmp_path, a={**options, **app(sample_limit=9)}, b={**options, **app(sample_limit=9)}).build(
        contracts()
    )
    assert problems == []
    (config,) = (item for item in prometheus.scrape_configs(model, "p") if item["job_name"].startswith("app"))
    assert (config["job_name"], config["sample_limit"], config["honor_labels"]) == ("app", 9, True)


@pytest.mark.parametrize("options", [{"bearer_token": "hidden"}, {"basic_auth": {"username": "u", "password": "hidden"}}])
def test_a_secret_is_in_a_file(tmp_path: Path, options: dict[str, t.Any]) -> None:
    """No other file has it; another secret is another file."""
    names = set()
    for number, host in enumerate((app(**options), json.loads(json.dumps(app(**options)).replace("hidden", "hidden2")))):
        model, problems = made(tmp_path / str(number), h=host).build(contracts())
        assert problems == []
        files = prometheus.prometheus_tree(model, "p")
        (name,) = (name for name, file in files.items() if isinstance(file, dict))
        assert files[name] == {"content": "hidden2" if number else "hidden", "secret": True}
        assert name in files["prometheus.yml"]
        assert "hidden" not in files["prometheus.yml"]
        assert not any("hidden" in text for text in preview.rendered_files(model).values())
        names.add(name)
    assert len(names) == 2
