# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a configuration to an inventory, and from that inventory to the same configuration."""

from __future__ import annotations

import copy
import subprocess
import tempfile
import typing as t
from pathlib import Path

import inventories
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption import prometheus_config
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import role_contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import prometheus
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import scrape_targets

SERVER = "mon.example.com"
Seen = tuple[str, str, tuple[tuple[str, str], ...]]


def config(*jobs: dict[str, t.Any], **sections: t.Any) -> dict[str, t.Any]:
    """Return a prometheus.yml."""
    return {"global": {"scrape_interval": "30s"}, "scrape_configs": list(jobs), **sections}


def job(name: str, *groups: dict[str, t.Any], **settings: t.Any) -> dict[str, t.Any]:
    """Return a job with static targets."""
    return {"job_name": name, "static_configs": list(groups), **settings}


def group(*targets: str, **labels: str) -> dict[str, t.Any]:
    """Return targets with labels."""
    return {"targets": list(targets), "labels": labels}


def seen(jobs: t.Iterable[dict[str, t.Any]], targets: t.Mapping[str, t.Any] | None = None) -> set[Seen]:
    """Return what Prometheus makes of *jobs*: job, address and labels of each target, without the host that we add."""
    found: set[Seen] = set()
    for item in jobs:
        named = next((rule["replacement"] for rule in item.get("relabel_configs") or []), item["job_name"])
        its = {"__metrics_path__": item.get("metrics_path", "/metrics"), "__scheme__": item.get("scheme", "http")}
        its |= {f"__param_{key}": values[0] for key, values in (item.get("params") or {}).items()}
        its["__scrape_interval__"] = item.get("scrape_interval", "30s")
        groups = item.get("static_configs") or []
        if targets is not None and "file_sd_configs" in item:
            groups = targets[item["job_name"]]
        for static in groups:
            for address in static["targets"]:
                labels = {"job": named, "instance": address, **its, **(static.get("labels") or {})}
                labels.pop("host", None)
                # An empty value is no label.
                found.add((named, address, tuple(sorted((name, value) for name, value in labels.items() if value))))
    return found


def rendered(adopted: dict[str, t.Any], path: Path) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """Return prometheus.yml and the targets by job that the adopted inventory is rendered to."""
    # Through the files, as a user has them.
    model, mistakes = inventories.Made(
        path, {f"inv/{name}": text for name, text in adopted["files"].items()}, sources=["inv"]
    ).build(role_contracts.contracts())
    assert mistakes == []
    return prometheus.prometheus_config(model, SERVER), scrape_targets(model, SERVER)


def round_trip(source: dict[str, t.Any], path: Path) -> list[str]:
    """Adopt and render; all targets must be as before. Return the notes."""
    before = seen(source["scrape_configs"])
    adopted = prometheus_config.adopt(prometheus_config.Source(copy.deepcopy(source)), SERVER, role_contracts.contracts())
    made, targets = rendered(adopted, path)
    own = f"{SERVER}:9090"
    after = {item for item in seen(made["scrape_configs"], targets) if item[:2] != ("prometheus", own)}
    assert after == {item for item in before if item[:2] != ("prometheus", own)}
    return adopted["notes"]


PLAIN = config(
    job("prometheus", group(f"{SERVER}:9090")),
    job(
        "node",
        group("web1:9100", "web2:9100", function="web"),
        group("db1:19100", "192.0.2.7:9100", "[2001:db8::1]:9100", function="db"),
    ),
    job("app", group("web1:8080", function="web", app="shop"), metrics_path="/m", params={"a": ["b"]}, scrape_interval="2m"),
    job("tls", group("web1:8443", instance="shop"), scheme="https"),
    job("named", group("192.0.2.9:1", instance="n9:1"), group("192.0.2.10:2", host="n10", instance="192.0.2.10:2")),
    job("exporter", group("web2:9100", __param_x="1", __metrics_path__="/x", instance="x")),
)


def test_plain_jobs_go_round(tmp_path: Path) -> None:
    """Groups of labels, other ports, addresses, paths, parameters, schemes, names and intervals; no job is left."""
    assert round_trip(PLAIN, tmp_path) == []
    hosts = yaml.safe_load((tmp_path / "inv/hosts.yml").read_text())["all"]
    assert hosts["children"]["node_exporter"]["hosts"]["db1"] == {"node_exporter_port": 19100}
    assert hosts["children"]["function_web"] == {
        "vars": {"monitoring_labels": {"function": "web"}},
        "hosts": {"web1": None, "web2": None},
    }
    assert hosts["hosts"]["n9"]["monitoring_address"] == "192.0.2.9"
    assert hosts["hosts"]["2001-db8-1"]["monitoring_address"] == "2001:db8::1"


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (
            job("odd", group("x:1"), relabel_configs=[{"action": "labeldrop", "regex": r"\pL"}]),
            r"the regular expression '\\pL' has the escape \p, which adopt cannot evaluate",
        ),
        (
            job("odd", group("x:1"), oauth2={"client_id": "i", "client_secret_file": "/p", "token_url": "http://t/"}),
            "the inventory has no counterpart of oauth2",
        ),
        ({"job_name": "odd", "file_sd_configs": [{"files": ["gone/*.yml"]}]}, "no file matches gone/*.yml on the controller"),
        (job("odd", group("x:1", a="b"), group("x:1", a="c")), "two targets have the same instance"),
        (job("odd", group("x:1", **{"a.b": "c"})), "the label a.b: a label name must consist of letters"),
        (job("odd", group("x:1", a="{{ b }}")), "a label value contains double braces"),
        (job("odd", group("x:port")), "the target x:port is not a valid address"),
    ],
)
def test_a_job_that_the_inventory_cannot_say_stays_as_it_is(tmp_path: Path, odd: dict[str, t.Any], reason: str) -> None:
    """Nothing is lost, and the notes say which and why."""
    adopted = prometheus_config.adopt(
        prometheus_config.Source(config(job("node", group("a:9100")), odd)), SERVER, role_contracts.contracts()
    )
    (note,) = adopted["notes"]
    assert note.startswith("the job odd is kept unchanged in prometheus_extra_scrape_configs: ")
    assert reason in note
    made, targets = rendered(adopted, tmp_path)
    assert made["scrape_configs"][-1] == odd
    assert set(targets) == {"node", "prometheus"}


def test_settings_rules_and_other_sections_go_over(tmp_path: Path, promtool: str) -> None:
    """What the role would set otherwise is said; rules keep their own braces; promtool accepts what comes out."""
    rules = {"name": "g", "rules": [{"alert": "A", "expr": "up == 0", "annotations": {"summary": "{{ $labels.host }} {% x %}"}}]}
    source = prometheus_config.Source(
        config(
            job("node", group("a:9100")),
            alerting={"alertmanagers": [{"static_configs": [{"targets": ["am:9093"]}]}]},
            remote_write=[{"url": "http://192.0.2.1/"}],
        ),
        rules={"one.yml": {"groups": [rules]}, "two.yml": {"groups": [copy.deepcopy(rules)]}},
    )
    source.config["global"]["external_labels"] = {"dc": "a"}
    adopted = prometheus_config.adopt(source, SERVER, role_contracts.contracts())
    assert adopted["notes"] == ["2 rule groups have the name g: a number is appended to all but the first"]
    made, _targets = rendered(adopted, tmp_path)
    assert made["global"] == {
        "scrape_interval": "30s",
        "scrape_timeout": "10s",
        "evaluation_interval": "1m",
        "external_labels": {"dc": "a"},
    }
    assert made["alerting"] == {"alertmanagers": [{"static_configs": [{"targets": ["am:9093"]}]}]}
    assert made["remote_write"] == [{"url": "http://192.0.2.1/"}]
    model, _mistakes = inventories.Made(
        tmp_path / "again", {f"inv/{name}": text for name, text in adopted["files"].items()}, sources=["inv"]
    ).build(role_contracts.contracts())
    inventories.write(tmp_path / "out", dict(prometheus.prometheus_tree(model, SERVER)))
    assert yaml.safe_load((tmp_path / "out/rules/extra.yml").read_text())["groups"] == [rules, {**rules, "name": "g-2"}]
    subprocess.run([promtool, "check", "config", "prometheus.yml"], cwd=tmp_path / "out", check=True, capture_output=True)


def test_alertmanagers_become_hosts_where_their_configuration_is_given(tmp_path: Path) -> None:
    """Otherwise they stay what somebody else runs."""
    alertmanager = {"route": {"receiver": "x"}, "receivers": [{"name": "x"}]}
    others = {"dns_sd_configs": [{"names": ["x"]}]}
    statics = {"static_configs": [{"targets": ["localhost:9093", "am2:9193"]}]}
    source = prometheus_config.Source(config(alerting={"alertmanagers": [statics, others]}), alertmanager=alertmanager)
    adopted = prometheus_config.adopt(source, SERVER, role_contracts.contracts())
    made, targets = rendered(adopted, tmp_path)
    assert made["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["am2:9193", f"{SERVER}:9093"]}]}, others]
    assert [group["targets"] for group in targets["alertmanager"]] == [["am2:9193"], [f"{SERVER}:9093"]]
    assert yaml.safe_load((tmp_path / "inv/group_vars/alertmanager.yml").read_text()) == {"alertmanager_config": alertmanager}


def test_what_is_there_twice_is_there_once(tmp_path: Path) -> None:
    """Prometheus scrapes a target that two groups have once; an interval that all have is not the target's own."""
    same = job("node", group("a:9100", x="y"), group("a:9100", x="y"), scrape_interval="30s")
    assert round_trip(config(same), tmp_path) == []
    hosts = yaml.safe_load((tmp_path / "inv/hosts.yml").read_text())["all"]
    assert hosts["hosts"]["a"] == {"monitoring_labels": {"x": "y"}}


def test_a_port_belongs_to_one_role(tmp_path: Path) -> None:
    """What a job says of the port that Prometheus has on its host stays an endpoint of its own."""
    assert round_trip(config(job("node", group(f"{SERVER}:9090"))), tmp_path) == []
    assert "node_exporter" not in yaml.safe_load((tmp_path / "inv/hosts.yml").read_text())["all"]["children"]


def test_groups_have_names_of_their_own(tmp_path: Path) -> None:
    """Values that differ in signs which Ansible does not want in a group's name are different groups."""
    jobs = job("node", group("a:1", "b:1", r="x y"), group("c:1", "d:1", r="x-y"), group("e:1"))
    assert round_trip(config(jobs), tmp_path) == []
    children = yaml.safe_load((tmp_path / "inv/hosts.yml").read_text())["all"]["children"]
    assert {"r_x_y", "r_x_y_"} <= set(children)


def test_localhost_is_the_server(tmp_path: Path) -> None:
    """And the notes say that its instance has another name."""
    source = prometheus_config.Source(config(job("node", group("localhost:9100", a="b"))))
    adopted = prometheus_config.adopt(source, SERVER, role_contracts.contracts())
    assert adopted["notes"] == [
        f"localhost:9100: these targets are on the host {SERVER}, and their instances are named after the host"
    ]
    _made, targets = rendered(adopted, tmp_path)
    labels = {"host": SERVER, "instance": f"{SERVER}:9100", "a": "b"}
    assert targets["node"] == [{"targets": [f"{SERVER}:9100"], "labels": labels}]


def test_one_name_with_two_addresses_is_refused() -> None:
    """With both of them, and what to do."""
    source = prometheus_config.Source(config(job("a", group("192.0.2.1:1", host="x")), job("b", group("192.0.2.2:1", host="x"))))
    with pytest.raises(ValueError, match=r"the targets of x have several addresses \(192\.0\.2\.1, 192\.0\.2\.2\)"):
        prometheus_config.adopt(source, SERVER, role_contracts.contracts())


LABELS = st.dictionaries(
    st.sampled_from(["function", "group", "rack", "note"]), st.sampled_from(["web", "db", "ü x", "1", "yes", ""])
)
GROUPS = st.lists(
    st.builds(
        lambda hosts, port, labels: {"targets": [f"{host}:{port}" for host in hosts], "labels": labels},
        st.lists(st.sampled_from(["a", "b.example.com", "192.0.2.3", "[2001:db8::2]", SERVER]), unique=True, max_size=4),
        st.sampled_from([9100, 9101, 9090]),
        LABELS,
    ),
    max_size=3,
)
JOBS = st.lists(
    st.builds(
        lambda name, groups, extra: {"job_name": name, "static_configs": groups, **extra},
        st.sampled_from(["node", "app", "prometheus", "alertmanager", "x"]),
        GROUPS,
        st.fixed_dictionaries(
            {},
            optional={
                "metrics_path": st.sampled_from(["/metrics", "/m"]),
                "scheme": st.sampled_from(["http", "https"]),
                "params": st.sampled_from([{}, {"a": ["b"]}]),
                "scrape_interval": st.sampled_from(["30s", "2m"]),
            },
        ),
    ),
    unique_by=lambda item: item["job_name"],
    max_size=4,
)


@settings(max_examples=80, deadline=None)
@given(jobs=JOBS)
def test_any_plain_configuration_goes_round(jobs: list[dict[str, t.Any]]) -> None:
    """Whatever the jobs are, every target is there again with its labels, and no other but the server's own."""
    with tempfile.TemporaryDirectory() as directory:
        round_trip({"global": {"scrape_interval": "30s"}, "scrape_configs": jobs}, Path(directory))
