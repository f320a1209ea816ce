# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What blackbox exporters and SNMP exporters ask."""

from __future__ import annotations

import inventories
from models import PROBER, endpoint, probing_model

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.probes import probe_targets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.prometheus import web_of_jobs
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import expected_targets


def test_a_probe_is_a_target_at_the_exporter() -> None:
    """With the labels of the host that wants it; its own address is the target where there is no other."""
    made = probing_model(
        {"w": [{"module": "icmp"}, {"module": "http_2xx", "target": "https://w/", "labels": {"site": "shop", "rack": "r"}}]}
    )
    groups = probe_targets(made, "m")
    assert list(groups) == ["probe_http_2xx", "probe_icmp"]
    (site,) = groups["probe_http_2xx"]
    assert site["targets"] == ["m.example.com:9115"]
    assert site["labels"] == {
        "__metrics_path__": "/probe",
        "__param_module": "http_2xx",
        "__param_target": "https://w/",
        "instance": "https://w/",
        "module": "http_2xx",
        "prober": "m",
        "host": "w",
        "function": "web",
        "rack": "r",
        "site": "shop",
    }
    (ping,) = groups["probe_icmp"]
    assert (ping["labels"]["__param_target"], ping["labels"]["rack"]) == ("w.example.com", "w")


def test_what_several_hosts_want_is_probed_once() -> None:
    """With the labels that they share: a group's variable names a site of the group."""
    made = probing_model({name: [{"module": "http_2xx", "target": "https://site/"}] for name in ("w1", "w2")})
    ((group,),) = probe_targets(made, "m").values()
    assert "host" not in group["labels"]
    assert "rack" not in group["labels"]
    assert group["labels"]["function"] == "web"


def test_several_probe_from_where_they_are() -> None:
    """Each is a target of its own; one that this server does not scrape does not probe for it."""
    wanted = {"w": [{"module": "icmp"}]}
    made = probing_model(wanted, probers=("m", "n"))
    ((first, second),) = probe_targets(made, "m").values()
    assert [group["labels"]["instance"] for group in (first, second)] == ["w.example.com from m", "w.example.com from n"]
    assert second["targets"] == ["n.example.com:9115"]
    made["servers"]["prometheus"]["m"]["scrape_hosts"] = ["m", "w"]
    ((only,),) = probe_targets(made, "m").values()
    assert only["labels"]["instance"] == "w.example.com"
    made["servers"]["blackbox_exporter"] = {"m": {**PROBER, "blackbox_exporter_state": "absent"}}
    assert probe_targets(made, "m") == {}


def test_a_probe_can_have_a_job_an_instance_and_times() -> None:
    """They are those of the target; the scrape config stays that of the module."""
    own = {"job": "sites", "instance": "shop", "scrape_interval": "5m", "scrape_timeout": "20s"}
    made = probing_model({"w": [{"module": "icmp", "target": "a"}, {"module": "icmp", "target": "a", **own}]})
    ((usual, other),) = probe_targets(made, "m").values()
    times = {"__scrape_interval__": "5m", "__scrape_timeout__": "20s"}
    assert other["labels"] == {**usual["labels"], "job": "sites", "instance": "shop", **times}
    assert [target["job"] for target in expected_targets(made, "m") if target["address"].endswith(":9115")] == [
        "probe_icmp",
        "sites",
    ]
    several = probing_model({"w": [{"module": "icmp", "target": "a", **own}]}, probers=("m", "n"))
    ((first, second),) = probe_targets(several, "m").values()
    assert [group["labels"]["instance"] for group in (first, second)] == ["shop from m", "shop from n"]


def test_a_device_is_a_target_at_the_snmp_exporter() -> None:
    """With the credentials of its own, in another job than the probes of the same host, and expected with its role."""
    made = probing_model({"w": [{"module": "icmp"}]})
    made["servers"]["snmp_exporter"] = {"m": inventories.defaults("snmp_exporter")}
    made["roles"]["snmp_exporter"] = "vigie.monitoring.snmp_exporter"
    usual = {"target": "", "labels": {}}
    made["hosts"]["w"]["snmp"] = [
        {**usual, "module": "if_mib"},
        {**usual, "module": "ups_mib", "auth": "fleet", "target": "ups1"},
    ]
    groups = probe_targets(made, "m")
    assert list(groups) == ["probe_icmp", "snmp_if_mib", "snmp_ups_mib"]
    (switch,), (power,) = groups["snmp_if_mib"], groups["snmp_ups_mib"]
    assert switch["targets"] == ["m.example.com:9116"]
    assert switch["labels"] == {
        "__metrics_path__": "/snmp",
        "__param_module": "if_mib",
        "__param_target": "w.example.com",
        "instance": "w.example.com",
        "module": "if_mib",
        "prober": "m",
        "host": "w",
        "function": "web",
        "rack": "w",
    }
    assert [power["labels"][f"__param_{name}"] for name in ("target", "auth")] == ["ups1", "fleet"]
    expected = {role: [target["job"] for target in expected_targets(made, "m", roles=[role])] for role in made["roles"]}
    assert expected == {
        "blackbox_exporter": ["probe_icmp"],
        "snmp_exporter": ["snmp_if_mib", "snmp_ups_mib"],
        "node_exporter": [],
    }


def test_each_kind_of_exporter_has_its_own_settings_for_tls() -> None:
    """One is scraped with the settings of its endpoint, and the other without."""
    made = probing_model({"w": [{"module": "icmp"}]})
    made["servers"]["snmp_exporter"] = {"m": inventories.defaults("snmp_exporter")}
    made["hosts"]["w"]["snmp"] = [{"module": "if_mib", "target": "", "labels": {}}]
    web = {"ca_file": "/etc/ssl/ca.crt"}
    made["hosts"]["m"]["endpoints"] = [endpoint(role="snmp_exporter", job="snmp", port=9116, scheme="https", web=web)]
    assert web_of_jobs(made, "m") == {"snmp": web, "snmp_if_mib": web}
    ((device,),) = [groups for job, groups in probe_targets(made, "m").items() if job == "snmp_if_mib"]
    assert device["labels"]["__scheme__"] == "https"
