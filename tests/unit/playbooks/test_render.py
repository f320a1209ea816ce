# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What render.yml writes, and that every Prometheus takes it."""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from inventories import AWKWARD, write

ROOT = Path(__file__).parents[3]
# All that an inventory can say, on two servers.
EVERYTHING = {
    "hosts.yml": {
        "all": {
            "vars": {"monitoring_labels": {"place": "Zürich ☃", "unit": "{{ inventory_hostname }}-{{ rack }}"}, "rack": "r1"},
            "children": {
                "node_exporter": {
                    "hosts": {
                        "v4": {"ansible_host": "127.0.0.1"},
                        "v6": {"ansible_host": "::1", "node_exporter_port": 19100},
                        "named.example.com": {"monitoring_labels": {"quoted": 'a "b" \\ $c {{ "{{" }} d'}},
                    }
                },
                "apps": {
                    "hosts": {
                        "v4": None,
                        "v6": {"monitoring_scrapes": [{"job": "app", "port": 8080, "path": "/m", "labels": {"tier": "v6"}}]},
                    },
                    "vars": {
                        "monitoring_scrapes": [
                            {"job": "app", "port": 8080, "path": "/m", "scheme": "https", "params": {"module": "x"}},
                            {"job": "federated", "port": 9090, "path": "/federate", "params": {"match[]": ["up", '{job="a"}']}},
                        ]
                    },
                },
                "prometheus": {
                    "hosts": {
                        "p1": {
                            "prometheus_scrape_hosts": "node_exporter:&apps",
                            "prometheus_external_labels": {"datacenter": "dc1"},
                            "prometheus_extra_rules": [{"name": "own", "rules": [{"alert": "A", "expr": "vector(1)"}]}],
                        },
                        "p2": {
                            "prometheus_extra_scrape_configs": [
                                {"job_name": "own", "static_configs": [{"targets": ["127.0.0.1:1"]}]},
                            ]
                        },
                    }
                },
                "alertmanager": {"hosts": {"p1": None, "p2": None}},
            },
        }
    }
}


def render(inventory: Path | str, output: Path, *arguments: str) -> str:
    """Run render.yml and return what it says."""
    playbook = ROOT / ".venv/bin/ansible-playbook"
    command = [playbook, "playbooks/render.yml", "-i", inventory, "-e", f"render_dir={output}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def texts(output: Path) -> dict[str, str]:
    """Return the files below *output*."""
    return {str(path.relative_to(output)): path.read_text() for path in output.rglob("*") if path.is_file()}


@pytest.fixture(scope="module", params=["demo", "myelefant", "awkward", "everything"])
def rendered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render an inventory once for all versions of Prometheus; a second time changes nothing."""
    directory = tmp_path_factory.mktemp(request.param)
    made: dict[str, dict[str, t.Any]] = {"awkward": AWKWARD, "everything": EVERYTHING}
    inventory: Path = ROOT / "inventory" / request.param
    if request.param in made:
        write(directory / "inventory", made[request.param])
        inventory = directory / "inventory" / "hosts.yml"
    output = directory / "out"
    assert "changed=1" in render(inventory, output)
    before = texts(output)
    assert "changed=0" in render(inventory, output)
    assert texts(output) == before
    render(inventory, directory / "again")
    assert texts(directory / "again") == before
    return output


def test_promtool_accepts_it(promtool: str, rendered: Path) -> None:
    """With the targets and the rules that the configuration names."""
    configs = list(rendered.glob("*/prometheus.yml"))
    assert configs
    for config in configs:
        checked = subprocess.run([promtool, "check", "config", config], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "rule files found" in checked.stdout
        for targets in config.parent.glob("targets/*.json"):
            assert f"targets/{targets.name}" in config.read_text()


def test_the_model_is_built_once(tmp_path: Path) -> None:
    """All tasks share it: to build the model of a large fleet takes as long as Ansible takes to load the inventory."""
    label = "{{ lookup('pipe', 'echo built >> ' ~ inventory_dir ~ '/builds') }}"
    hosts = {"p": {"ansible_host": "127.0.0.1", "monitoring_labels": {"built": label}}}
    write(tmp_path, {"hosts.yml": {"all": {"children": {"prometheus": {"hosts": hosts}}}}})
    render(tmp_path / "hosts.yml", tmp_path / "out")
    assert (tmp_path / "builds").read_text().splitlines() == ["built"]


def test_the_fleet_of_the_notes(tmp_path: Path) -> None:
    """33 servers on port 19100, with their labels."""
    render("inventory/myelefant", tmp_path)
    groups = json.loads((tmp_path / "m33.myelefant.com/targets/node.json").read_text())
    assert len(groups) == 33
    assert all(group["targets"][0].endswith(".myelefant.com:19100") for group in groups)
    assert all(group["labels"].items() >= {"group": "myelefant", "type": "server"}.items() for group in groups)
    assert all(group["labels"]["function"] for group in groups)


def test_all_that_an_inventory_can_say(tmp_path: Path) -> None:
    """Each of the two servers has what its pattern selects, with what is its own."""
    write(tmp_path / "in", EVERYTHING)
    render(tmp_path / "in" / "hosts.yml", tmp_path / "out")
    files = texts(tmp_path / "out")
    first = json.loads(files["p1/targets/app.json"])
    assert [group["targets"] for group in first] == [["127.0.0.1:8080"], ["[::1]:8080"]]
    assert [group["labels"].get("tier") for group in first] == [None, "v6"]
    assert (
        first[0]["labels"].items() >= {"place": "Zürich ☃", "unit": "v4-r1", "__param_module": "x", "__scheme__": "https"}.items()
    )
    assert len(json.loads(files["p1/targets/node.json"])) == 2
    assert next(group["labels"].get("quoted") for group in json.loads(files["p2/targets/node.json"])) == 'a "b" \\ $c {{ d'
    config = yaml.safe_load(files["p1/prometheus.yml"])
    assert config["global"]["external_labels"] == {"datacenter": "dc1"}
    federated = next(job for job in config["scrape_configs"] if job["job_name"] == "federated")
    assert federated["params"] == {"match[]": ["up", '{job="a"}']}


def test_a_changed_label_of_one_host_is_one_line_of_one_file(tmp_path: Path) -> None:
    """So that a review of a change shows what changes."""
    write(tmp_path / "in", AWKWARD)
    write(tmp_path / "in", {"host_vars/h2.yml": {"monitoring_labels": {"a": "one"}}})
    inventory = tmp_path / "in" / "hosts.yml"
    render(inventory, tmp_path / "out")
    before = texts(tmp_path / "out")
    write(tmp_path / "in", {"host_vars/h2.yml": {"monitoring_labels": {"a": "two"}}})
    render(inventory, tmp_path / "out")
    after = texts(tmp_path / "out")
    changed = [name for name in before | after if before.get(name) != after.get(name)]
    assert changed == ["h1/targets/node.json"]
    lines = zip(before[changed[0]].splitlines(), after[changed[0]].splitlines(), strict=True)
    assert [(old.count("one"), new.count("two")) for old, new in lines if old != new] == [(1, 1)]


def test_an_inventory_that_is_wrong_leaves_what_was_rendered(tmp_path: Path) -> None:
    """Also one that could not be read at all."""
    write(tmp_path / "in", AWKWARD)
    render(tmp_path / "in" / "hosts.yml", tmp_path / "out")
    before = texts(tmp_path / "out")
    for text, message in (("{", "the inventory has no Prometheus server"), ("[prometheus]\np\n[p]\nx\n", "p is also a group")):
        (tmp_path / "in" / "hosts.yml").write_text(text)
        with pytest.raises(AssertionError) as failed:
            render(tmp_path / "in" / "hosts.yml", tmp_path / "out")
        assert message in str(failed.value)
        assert texts(tmp_path / "out") == before


ALERTS = {
    "hosts.yml": {
        "all": {
            "children": {
                "prometheus": {"hosts": {"m": None}},
                "alertmanager": {"hosts": {"m": None}},
                "node_exporter": {"hosts": {"w": {"monitoring_labels": {"function": "sms"}}}},
            },
            "vars": {
                "alertmanager_contacts": {
                    "ops": {"webhook": "https://192.0.2.1/hidden"},
                    "sms": {"slack": "https://192.0.2.1/hidden"},
                },
                "alertmanager_routes": [{"match": {"function": ["sms", "x"]}, "contact": "sms"}],
                "prometheus_extra_rules": [{"name": "own", "rules": [{"alert": "Own", "expr": "x > 1"}]}],
                "prometheus_extra_rule_tests": [
                    {
                        "input_series": [{"series": "x", "values": "2x5"}],
                        "alert_rule_test": [{"alertname": "Own", "eval_time": "1m", "exp_alerts": [{"exp_labels": {}}]}],
                    }
                ],
            },
        }
    }
}


def test_what_is_rendered_is_checked_by_the_tools(tmp_path: Path, newest_promtool: str, amtool: tuple[str, str]) -> None:
    """Where alerts go is shown, tests of own rules are run, secrets are not written; a test that fails fails the run."""
    ALERTS["hosts.yml"]["all"]["vars"]["alertmanager_version"] = amtool[1]
    write(tmp_path, ALERTS)
    tools = ["-e", f"render_promtool={newest_promtool}", "-e", f"render_amtool={amtool[0]}"]
    said = render(tmp_path / "hosts.yml", tmp_path / "out", *tools)
    assert "alertname=Example function=sms: sms" in said
    assert "hidden" not in " ".join(texts(tmp_path / "out").values()) + said
    wrong = yaml.safe_load(yaml.safe_dump(ALERTS).replace("2x5", "1x5"))
    write(tmp_path, wrong)
    with pytest.raises(AssertionError, match="FAILED"):
        render(tmp_path / "hosts.yml", tmp_path / "out", *tools)


SECRETS = {
    "hosts.yml": {
        "all": {
            "children": {
                "prometheus": {"hosts": {"m": None}},
                "alertmanager": {"hosts": {"m": None}},
                "node_exporter": {
                    "hosts": {
                        "w": {"monitoring_scrapes": [{"job": "app", "port": 80, "params": {"token": "hidden", "module": "x"}}]}
                    }
                },
            },
            "vars": {
                "monitoring_web": {"username": "u", "password": "hidden", "password_hash": "$2y$10$hidden"},
                "prometheus_extra_scrape_configs": [
                    {
                        "job_name": "own",
                        "basic_auth": {"username": "seen", "password": "hidden"},
                        "proxy_url": "http://u:hidden@seen.example.com:3128",
                        "params": {"api_key": ["hidden"]},
                        "http_sd_configs": [{"url": "http://u:hidden@127.0.0.1/"}],
                    }
                ],
                "prometheus_extra_config": {
                    "remote_write": [
                        {
                            "url": "https://u:hidden@seen.example.com/push?tenant=seen&token=hidden",
                            "headers": {"X-Api-Key": "hidden"},
                        },
                        {
                            "url": "https://seen.example.com/",
                            "oauth2": {"client_id": "seen", "client_secret": "hidden", "token_url": "https://seen.example.com/t"},
                        },
                    ]
                },
                "alertmanager_config": {
                    "route": {"receiver": "all"},
                    "receivers": [
                        {
                            "name": "all",
                            "pushover_configs": [{"user_key": "hidden", "token": "hidden", "title": "seen"}],
                            "pagerduty_configs": [{"routing_key": "hidden"}],
                            "slack_configs": [{"api_url": "https://hidden.example.com/", "channel": "#seen"}],
                            "webhook_configs": [
                                {
                                    "url": "https://hidden.example.com/",
                                    "http_config": {
                                        "proxy_url": "http://u:hidden@seen.example.com",
                                        "authorization": {"credentials": "hidden"},
                                    },
                                }
                            ],
                        }
                    ],
                },
            },
        }
    }
}


def test_no_secret_is_rendered(tmp_path: Path, newest_promtool: str) -> None:
    """Whichever section of whichever server it stands in; promtool still accepts the files, and --diff shows none."""
    write(tmp_path, SECRETS)
    tools = ["-e", f"render_promtool={newest_promtool}", "-e", "render_amtool=no-amtool", "--diff"]
    said = render(tmp_path / "hosts.yml", tmp_path / "out", *tools)
    files = texts(tmp_path / "out")
    assert [name for name, text in files.items() if "hidden" in text] == []
    assert "hidden" not in said
    assert files["m/prometheus.yml"].count("seen") == 7
    assert files["m/alertmanager/alertmanager.yml"].count("seen") == 3
    # A directory that an earlier version rendered holds them.
    write(tmp_path / "out" / "m", {"prometheus.yml": "remote_write:\n- bearer_token: hidden\n"})
    assert "hidden" not in render(tmp_path / "hosts.yml", tmp_path / "out", "--diff")


def test_without_the_tools_it_says_so(tmp_path: Path) -> None:
    """In one line."""
    write(tmp_path, ALERTS)
    said = render(tmp_path / "hosts.yml", tmp_path / "out", "-e", "render_promtool=no-promtool", "-e", "render_amtool=no-amtool")
    assert "Validate the rendered files with promtool and amtool" in said
    assert "skipping: [localhost]" in said


def test_targets_that_a_run_would_refuse_to_remove_are_named(tmp_path: Path) -> None:
    """In one line, also in check mode; what was accepted, and what was rendered already, is not said."""

    def said(*arguments: str) -> str:
        return " ".join(render(tmp_path / "hosts.yml", tmp_path / "out", *arguments).split())

    hosts = {f"web{n}": {"monitoring_labels": {"place": "par" if n < 6 else "lyo"}} for n in range(10)}
    write(
        tmp_path, {"hosts.yml": {"all": {"children": {"prometheus": {"hosts": {"m": None}}, "node_exporter": {"hosts": hosts}}}}}
    )
    assert "would remove" not in said()
    left = {name: its for name, its in hosts.items() if its["monitoring_labels"]["place"] == "lyo"}
    write(
        tmp_path, {"hosts.yml": {"all": {"children": {"prometheus": {"hosts": {"m": None}}, "node_exporter": {"hosts": left}}}}}
    )
    line = (
        "m: this run would remove 6 of 11 targets from Prometheus, more than prometheus_max_lost_targets (20%) allows. "
        "Hosts that are not in the inventory: web0, web1, web2, web3, web4, web5. "
        "Labels and jobs without a target left: place=par (6 targets)."
    )
    assert said("--check").count(line) == 1
    assert "would remove" not in said("--check", "-e", "prometheus_lost_targets=accept")
    assert said().count(line) == 1
    assert "would remove" not in said()


def test_the_examples_of_log_rules_are_tested(tmp_path: Path, newest_mtail: str) -> None:
    """A right example passes; a wrong one fails the run, which names the rule and the line."""
    rule = {
        "name": "full",
        "files": ["/var/log/app.log"],
        "match": "No space left",
        "examples": {"matches": ["x: No space left"]},
    }
    hosts = {"h": {"monitoring_logs": [rule]}}
    children = {"mtail": {"hosts": hosts}, "prometheus": {"hosts": {"p": None}}}
    tools = ["-e", f"render_mtail={newest_mtail}", "-e", "render_promtool=no-promtool", "-e", "render_amtool=no-amtool"]
    write(tmp_path, {"hosts.yml": {"all": {"children": children}}})
    render(tmp_path / "hosts.yml", tmp_path / "out", *tools)
    rule["examples"] = {"matches": ["disk full"]}
    write(tmp_path, {"hosts.yml": {"all": {"children": children}}})
    with pytest.raises(
        AssertionError, match=r"log rule full: match does not match the example in examples\.matches: 'disk full'"
    ):
        render(tmp_path / "hosts.yml", tmp_path / "out", *tools)
