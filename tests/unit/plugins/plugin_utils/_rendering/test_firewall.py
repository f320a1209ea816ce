# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may reach which port of a host."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from inventories import Made
from shared_fleets import SERVERS, WEBS, shared_fleet

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import build
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import firewall

FLEET = {
    "hosts.yml": {
        "all": {
            "children": {
                "node_exporter": {"hosts": {"web": {"monitoring_scrapes": [{"job": "app", "port": 8080}]}, "pi": None}},
                "prometheus": {
                    "hosts": {
                        "p1": {"ansible_host": "192.0.2.1"},
                        "p2": {
                            "monitoring_source_addresses": ["198.51.100.0/24", "nat.example.com"],
                            "prometheus_scrape_hosts": "web",
                        },
                    }
                },
                "alertmanager": {"hosts": {"p1": None, "am": {"ansible_host": "192.0.2.3"}}},
                "grafana": {"hosts": {"pages": {"grafana_admin_password": "secret"}}},
            }
        }
    }
}


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Return the fleet's inventory."""
    return Made(tmp_path, FLEET)


def rules(made: Made, host: str, **options: t.Any) -> dict[str, list[dict[str, t.Any]]]:
    """Return the rules by chain: the same from the whole model, and from what concerns the host of it."""
    whole, problems = made.build(contracts())
    part, more = build.build_model(made.inventory, contracts(), made.renderer, host)
    assert problems == more == []
    found = firewall.firewall_rules(whole, host, **options)
    assert firewall.firewall_rules(part, host, **options) == found
    return {chain["parent"]: chain["rules"] for chain in found}


def who(made: Made, host: str, port: int, protocol: str = "tcp", **options: t.Any) -> list[str]:
    """Return the sources that get in at a port, with what becomes of the others last."""
    return [
        rule.get("source") or (rule["jump"] if rule["jump"] != "ACCEPT" else rule["in_interface"])
        for rule in rules(made, host, **options)["INPUT"]
        if rule.get("destination_port") == port and rule["protocol"] == protocol
    ]


def test_ports_of_exporters_that_may_still_run_stay_refused(made: Made) -> None:
    """Of every role, whether or not the host has it; not where the exporters are removed, or where others are not refused."""
    model, _problems = made.build(contracts())

    def starts(**options: t.Any) -> list[str]:
        chains = firewall.firewall_rules(model, "web", **options)
        (found,) = [chain["still_refused"] for chain in chains if chain["parent"] == "INPUT"]
        return found

    assert {"node on web", "apache on web", "postgres on web"} <= set(starts())
    assert starts(exporters_removed=True) == starts(default="none") == []


def test_an_endpoint_is_open_to_those_who_scrape_it(made: Made) -> None:
    """And to the host itself; a server that has another pattern is not among them."""
    assert who(made, "web", 9100) == ["lo", "192.0.2.1", "198.51.100.0/24", "nat.example.com", "REJECT"]
    assert who(made, "web", 8080) == ["lo", "192.0.2.1", "198.51.100.0/24", "nat.example.com", "REJECT"]
    assert who(made, "pi", 9100) == ["lo", "192.0.2.1", "REJECT"]


def test_pages_are_open_to_those_who_use_them(made: Made) -> None:
    """Grafana and people, and for Alertmanager every Prometheus."""
    people = {"admin_networks": ["203.0.113.7"]}
    assert who(made, "p1", 9090, **people) == ["lo", "203.0.113.7", "pages", "REJECT"]
    assert who(made, "am", 9093, **people) == [
        "lo",
        "203.0.113.7",
        "192.0.2.1",
        "198.51.100.0/24",
        "nat.example.com",
        "pages",
        "REJECT",
    ]
    assert who(made, "web", 9100, **people) == who(made, "web", 9100)


def test_senders_of_metrics_reach_prometheus(tmp_path: Path) -> None:
    """Hosts of the inventory and networks, to this port alone; a closed host gets out to it."""
    senders = {"prometheus_otlp": {"senders": ["node_exporter", "p1", "203.0.113.0/24"]}}
    made = Made(tmp_path, {**FLEET, "host_vars/p1.yml": senders, "host_vars/web.yml": {"ansible_host": "192.0.2.9"}})
    assert who(made, "p1", 9090) == ["lo", "pages", "pi", "203.0.113.0/24", "192.0.2.9", "REJECT"]
    assert who(made, "p2", 9090) == ["lo", "192.0.2.1", "pages", "REJECT"]
    assert who(made, "p1", 9093) == ["lo", "198.51.100.0/24", "nat.example.com", "pages", "REJECT"]
    opened = [rule for rule in rules(made, "web")["OUTPUT"] if rule.get("destination_port") == 9090]
    assert [(rule["destination"], rule["comment"]) for rule in opened] == [("192.0.2.1", "prometheus on p1 for web")]
    (reply,) = [rule for rule in rules(made, "web")["INPUT"] if rule.get("source_port") == 9090]
    assert (reply["source"], reply["established"], reply["when_closed"]) == ("192.0.2.1", True, True)


def test_what_docker_publishes_is_open_to_the_same(made: Made) -> None:
    """But for the host itself, whose packets are not forwarded."""
    chains = rules(made, "am", admin_networks=["203.0.113.7"])
    expected = [rule for rule in chains["INPUT"] if rule["in_interface"] != "lo" and "destination_port" in rule]
    assert chains["DOCKER-USER"] == expected
    assert {(rule["protocol"], rule["destination_port"]) for rule in expected} == {("tcp", 9093), ("tcp", 9094), ("udp", 9094)}


def test_alertmanagers_reach_each_other(made: Made) -> None:
    """By TCP and UDP."""
    for protocol in ("tcp", "udp"):
        assert who(made, "am", 9094, protocol) == ["lo", "192.0.2.1", "REJECT"]
        assert who(made, "p1", 9094, protocol) == ["lo", "192.0.2.3", "REJECT"]
    model, _problems = made.build(contracts())
    assert firewall.role_peers(model, "alertmanager", "am") == ["192.0.2.1:9094"]
    assert firewall.role_peers(model, "alertmanager", "web") == []


def test_a_server_that_is_removed_is_not_let_in_any_more(tmp_path: Path) -> None:
    """And an Alertmanager alone opens no port for peers."""
    files = {**FLEET, "host_vars/p1.yml": {"prometheus_state": "absent", "alertmanager_state": "absent"}}
    # Of what it scraped alone, nobody does now.
    files.update({f"host_vars/{name}.yml": {"monitoring_scraped": False} for name in ("pi", "am", "pages")})
    files["hosts.yml"] = yaml.safe_load(yaml.safe_dump(FLEET["hosts.yml"]))
    files["hosts.yml"]["all"]["children"]["prometheus"]["hosts"]["p2"]["monitoring_scraped"] = False
    made = Made(tmp_path, files)
    assert who(made, "pi", 9100) == ["lo", "REJECT"]
    assert who(made, "am", 9094) == []


@pytest.mark.parametrize(("default", "last"), [("reject", "REJECT"), ("drop", "DROP"), ("none", "192.0.2.1")])
def test_what_the_others_get(made: Made, default: str, last: str) -> None:
    """Or nothing of ours."""
    assert who(made, "pi", 9100, default=default)[-1] == last


def test_a_closed_host_gets_the_other_half(made: Made) -> None:
    """Replies for what is scraped; for a server what it opens itself, by port, and for clients by address."""
    (reply,) = rules(made, "pi")["OUTPUT"]
    assert reply["when_closed"]
    assert reply["established"]
    assert (reply["source_port"], reply["destination"]) == (9100, "192.0.2.1")
    opened = {
        (r["protocol"], r["destination_port"], r["destination"]) for r in rules(made, "p1")["OUTPUT"] if "destination_port" in r
    }
    assert opened == {
        *(("tcp", port, "") for port in (3000, 8080, 9090, 9093, 9100)),
        ("tcp", 9093, "192.0.2.3"),
        ("tcp", 9094, "192.0.2.3"),
        ("udp", 9094, "192.0.2.3"),
    }
    replies = {(r["source_port"], r["source"]) for r in rules(made, "p1")["INPUT"] if "source_port" in r}
    assert {(port, address) for _protocol, port, address in opened} == replies


def test_every_rule_names_job_and_host(made: Made) -> None:
    """For whom it is, too."""
    for host in ("web", "p1", "am"):
        for chain in rules(made, host).values():
            for rule in chain:
                assert (
                    f" on {host} for " in rule["comment"]
                    or f"for {host}" in rule["comment"]
                    or f"scraped by {host}" in rule["comment"]
                )


def test_the_interface(made: Made) -> None:
    """Of all rules but those for the host itself."""
    chains = rules(made, "web", interface="eth0")
    assert {rule["in_interface"] for rule in chains["INPUT"]} == {"lo", "eth0"}
    assert {rule["out_interface"] for rule in chains["OUTPUT"]} == {"eth0"}


@pytest.mark.parametrize("public", [None, True, False])
def test_a_port_of_the_web_is_closed_only_by_those_who_mean_it(tmp_path: Path, public: bool | None) -> None:  # noqa: FBT001 - a table
    """Otherwise a site would be gone with the first run."""
    scrape = {"job": "site", "port": 443, **({} if public is None else {"public": public})}
    children = {"prometheus": {"hosts": {"p": None}}, "web": {"hosts": {"w": {"monitoring_scrapes": [scrape]}}}}
    made = Made(tmp_path, {"hosts.yml": {"all": {"children": children}}})
    if public is None:
        with pytest.raises(ValueError, match=r"host w, variable monitoring_scrapes\[site\], value 443: .*public: true"):
            rules(made, "w")
        assert who(made, "w", 443, default="none") == ["lo", "p"]
    else:
        assert who(made, "w", 443)[-1] == ("p" if public else "REJECT")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"admin_networks": ["everybody else"]},
            "host p1, variable firewall_admin_networks, value 'everybody else': must be an address",
        ),
        ({"default": "open"}, "host p1, variable firewall_default, value 'open': must be one of reject, drop, none"),
    ],
)
def test_mistakes(made: Made, options: dict[str, t.Any], message: str) -> None:
    """Named with the host, the variable and the remedy."""
    with pytest.raises(ValueError, match=message):
        rules(made, "p1", **options)


def test_sources_that_are_none_are_a_mistake(tmp_path: Path) -> None:
    """Told with all others."""
    children = {"prometheus": {"hosts": {"p": {"monitoring_source_addresses": ["http://x", "192.0.2.0/99"]}}}}
    _model, problems = Made(tmp_path, {"hosts.yml": {"all": {"children": children}}}).build(contracts())
    assert [line.partition(":")[0] for line in problems] == [
        "host p, variable monitoring_source_addresses, value 'http",
        "host p, variable monitoring_source_addresses, value '192.0.2.0/99'",
    ]


def test_a_host_lets_in_its_own_shard_alone(tmp_path: Path) -> None:
    """All shards probe through a blackbox exporter, and the global server reads from the servers of the shards."""
    shared = shared_fleet(tmp_path)
    model, _problems = shared.build(contracts())
    shards = {name: settings["shard"] for name, settings in model["servers"]["prometheus"].items() if name != "g"}
    for host in WEBS:
        its = {name for name, settings in model["servers"]["prometheus"].items() if host in settings["scrape_hosts"]}
        assert who(shared, host, 9100) == ["lo", *sorted(its), "REJECT"]
        assert len({shards[name] for name in its}) == 1
    assert who(shared, "web3", 9115) == ["lo", *SERVERS, "REJECT"]
    # The other shard scrapes the server.
    assert who(shared, "p1", 9090) == ["lo", "g", "p3", "p4", "REJECT"]
    ports = {server: {rule.get("destination_port") for rule in rules(shared, server)["OUTPUT"]} for server in (*SERVERS, "g")}
    assert all(9115 in ports[server] for server in SERVERS)
    assert 9090 in ports["g"]
    assert not {9100, 9115} & ports["g"]
