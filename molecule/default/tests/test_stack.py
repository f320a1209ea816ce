# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test a monitoring stack from an inventory, and the tasks of an operator afterwards.

The tests share a fleet and run in any order.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import time
import typing as t
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from playbook_runs import ENVIRONMENT

SERVICES = {
    "monitor": ["node_exporter", "prometheus", "alertmanager"],
    "app1": ["node_exporter"],
    "app2": ["node_exporter"],
}
TOOLS = {"prometheus": ["promtool"], "alertmanager": ["amtool"]}
EVERY_SERVICE = [(host, service) for host, services in SERVICES.items() for service in services]

OWN_RULES = """\
prometheus_extra_rules:
  - name: mine
    rules:
      - alert: Mine
        expr: vector(1)
        annotations:
          summary: !unsafe "VALUE {{ $value }}"
"""


def targets(scenario: t.Any) -> dict[str, dict[str, t.Any]]:
    """Return the active targets of Prometheus by instance and job."""
    return {f"{x['labels']['job']} {x['labels']['instance']}": x for x in scenario.targets()}


@pytest.fixture
def edited(scenario: t.Any, tmp_path: Path) -> t.Callable[..., Path]:
    """Return a function that copies the inventory and changes the variables of a host, or of all hosts."""

    def edit(host: str = "all", **variables: t.Any) -> Path:
        copy = tmp_path / "inventory"
        if not copy.exists():
            shutil.copytree(scenario.inventory, copy)
        where = copy / ("group_vars/all/edited.yml" if host == "all" else f"host_vars/{host}.yml")
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(yaml.safe_dump(variables))
        return copy

    return edit


def test_every_target_is_up_with_the_labels_of_the_inventory(scenario: t.Any) -> None:
    """Labels merge down the groups.

    The labels host and instance use the name in the inventory. Targets use the port of the host.
    """
    found = targets(scenario)
    assert {key: value["health"] for key, value in found.items()} == {
        "prometheus monitor:9090": "up",
        "alertmanager monitor:9093": "up",
        "node monitor:9100": "up",
        "node app1:9100": "up",
        "node app2:19100": "up",
    }
    app2 = found["node app2:19100"]
    assert app2["labels"] == {
        "job": "node",
        "instance": "app2:19100",
        "host": "app2",
        "group": "stack",
        "function": "app",
    }
    assert app2["scrapeUrl"] == "http://198.18.1.12:19100/metrics"


def test_prometheus_sends_its_alerts_to_the_alertmanager(scenario: t.Any) -> None:
    """Prometheus has the Alertmanagers of the group alertmanager."""
    found = scenario.prometheus("alertmanagers")["activeAlertmanagers"]
    assert [x["url"] for x in found] == ["http://198.18.1.10:9093/api/v2/alerts"]


def test_the_shipped_rules_are_loaded_and_healthy(scenario: t.Any) -> None:
    """Prometheus has evaluated each rule without an error."""
    groups = scenario.prometheus("rules")["groups"]
    rules = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
    assert "TargetDown" in rules
    assert "PrometheusConfigReloadFailed" in rules
    # A group with a long interval may not have been evaluated yet. promtool has tested its rules.
    slow = {rule["name"] for group in groups if group["interval"] > 60 for rule in group["rules"]}
    assert {name: health for name, health in rules.items() if health != "ok" and (name not in slow or health != "unknown")} == {}


@pytest.mark.parametrize(("host", "service"), EVERY_SERVICE)
def test_a_service_is_sandboxed_and_not_root(scenario: t.Any, host: str, service: str) -> None:
    """The exposure rating of systemd is low for each unit, and each process belongs to a separate user."""
    machine = scenario.on(host)
    verdict = machine.check_output(f"systemd-analyze security --no-pager {service}.service | tail -n 1")
    exposure = float(verdict.split(": ")[1].split()[0])
    assert exposure <= 2.0, verdict
    pid = machine.check_output(f"systemctl show --property MainPID --value {service}")
    status = machine.check_output(f"cat /proc/{pid}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split()[0] != "0"
    assert int(fields["CapEff"], 16) == 0
    assert fields["NoNewPrivs"] == "1"


def test_the_sandbox_leaves_node_exporter_its_sight(scenario: t.Any) -> None:
    """The collectors that work on every host succeed in the sandbox, also the collector that reads the state of the clock."""
    metrics = scenario.get("app1", "http://localhost:9100/metrics")
    for collector in (
        "cpu",
        "meminfo",
        "filesystem",
        "netdev",
        "stat",
        "time",
        "timex",
        "uname",
        "loadavg",
        "diskstats",
    ):
        assert f'node_scrape_collector_success{{collector="{collector}"}} 1' in metrics.splitlines()


def test_a_second_run_is_one_look_at_each_exporter(scenario: t.Any) -> None:
    """A second run has few results, fewer remote calls and no download, and changes nothing."""
    before = len(scenario.requests())
    play = scenario.play("site.yml")
    assert play.rc == 0, play.output
    assert play.changed == []
    assert len(play.of("app1")) <= 8, play.of("app1")
    assert len(play.remote("app1")) <= 3, play.remote("app1")
    assert scenario.requests()[before:] == []
    print(f"node_exporter, nothing to do: {len(play.of('app1'))} results, {len(play.remote('app1'))} remote calls, 0 downloads")


def test_check_mode_on_a_converged_fleet_predicts_nothing(scenario: t.Any) -> None:
    """Check mode reports no changes, as the real run makes none."""
    play = scenario.play("site.yml", "--check", "--diff")
    assert play.rc == 0, play.output
    assert play.changed == []


def test_a_changed_label_is_one_file_and_neither_reload_nor_restart(scenario: t.Any, edited: t.Any) -> None:
    """Prometheus reads the changed target file by itself."""
    reloaded = scenario.query("prometheus_config_last_reload_success_timestamp_seconds")[0]["value"][1]
    started = scenario.query('process_start_time_seconds{job="prometheus"}')[0]["value"][1]
    inventory = edited("app1", monitoring_labels={"function": "renamed"})
    predicted = scenario.play("site.yml", "--check", "--tags", "prometheus", inventory=inventory)
    play = scenario.play("site.yml", "--tags", "prometheus", inventory=inventory)
    assert play.rc == 0, play.output
    assert play.changed == predicted.changed == ["monitor: Deploy the release, its unit and its configuration"]
    assert play.result("monitor", "release")["actions"] == ["config"]
    scenario.wait(lambda: targets(scenario)["node app1:9100"]["labels"].get("function") == "renamed")
    assert scenario.query("prometheus_config_last_reload_success_timestamp_seconds")[0]["value"][1] == reloaded
    assert scenario.query('process_start_time_seconds{job="prometheus"}')[0]["value"][1] == started


def test_a_broken_rule_is_refused_before_anything_changes(scenario: t.Any, edited: t.Any) -> None:
    """The run shows promtool's message with the file name. The files and the server are not changed."""
    machine = scenario.on("monitor")
    look = "find /etc/prometheus ! -type d -printf '%p %l %T@\\n' | sort"
    before = machine.check_output(look)
    inventory = edited(prometheus_extra_rules=[{"name": "mine", "rules": [{"alert": "Broken", "expr": "up =="}]}])
    for arguments in (["--check"], []):
        play = scenario.play("site.yml", "--tags", "prometheus", *arguments, inventory=inventory)
        assert play.rc != 0
        message = play.result("monitor", "release")["msg"]
        assert "/etc/prometheus/rules/extra.yml" in message
        assert "could not parse expression" in message
    assert machine.check_output(look) == before
    assert "'Broken'" not in str(scenario.prometheus("rules"))


def test_own_rules_go_live_by_a_reload(scenario: t.Any, edited: t.Any) -> None:
    """Text in Prometheus' double braces is not templated, and rules that leave the inventory are removed."""
    inventory = edited()
    (inventory / "group_vars/all/rules.yml").write_text(OWN_RULES)
    play = scenario.play("site.yml", "--tags", "prometheus", inventory=inventory)
    assert play.rc == 0, play.output
    assert play.result("monitor", "release")["actions"] == ["config", "reload"]
    scenario.wait(lambda: "VALUE 1" in str(scenario.prometheus("alerts")))
    play = scenario.play("site.yml", "--tags", "prometheus")
    assert play.result("monitor", "release")["actions"] == ["config", "reload"]
    assert "Mine" not in str(scenario.prometheus("rules"))
    assert not scenario.on("monitor").file("/etc/prometheus/rules/extra.yml").exists


def test_a_server_that_dies_is_named_with_the_reason_and_heals(scenario: t.Any) -> None:
    """The playbook verify fails with the error of Prometheus, also in the cards of --limit.

    After the repair, all targets are up.
    """
    version = scenario.var("app1", "node_exporter_version")
    scenario.docker("kill", "app1")
    play = scenario.play("verify.yml")
    assert play.rc != 0
    (problem,) = play.result("monitor", "assert")["msg"]
    assert problem.startswith("app1:9100 (job node) is down: Get ")
    card = scenario.play("verify.yml", "--limit", "app1,app2")
    assert card.rc != 0
    shown = card.result("app1", "debug")["msg"]
    assert shown[0] == "app1  198.18.1.11  function=app group=stack"
    assert shown[1].startswith("✗ node             198.18.1.11:9100  Get ")
    assert shown[2:] == [
        "app2  198.18.1.12  function=app group=stack",
        "✔ node             198.18.1.12:19100  node_exporter " + version,
    ]
    scenario.heal()
    assert scenario.play("site.yml").rc == 0
    assert scenario.play("verify.yml").rc == 0


def test_what_was_not_rolled_out_is_told(scenario: t.Any, edited: t.Any, tmp_path: Path) -> None:
    """The playbook verify reports versions, rules and files that differ from the inventory. It writes text, JSON and JUnit."""
    inventory = edited(prometheus_extra_rules=[{"name": "mine", "rules": [{"alert": "Mine", "expr": "vector(1)"}]}])
    (inventory / "host_vars").mkdir()
    (inventory / "host_vars/app2.yml").write_text("node_exporter_version: 1.0.0\n")
    files = {"verify_json": str(tmp_path / "v.json"), "verify_junit": str(tmp_path / "v.xml")}
    play = scenario.play("verify.yml", inventory=inventory, **files)
    assert play.rc != 0
    problems = play.result("monitor", "assert")["msg"]
    assert problems == [
        "monitor: deployed files differ from the inventory (rules/extra.yml). Run vigie.monitoring.site --tags targets",
        "monitor: the rule Mine (group mine of rules/extra.yml) is not loaded",
        f"app2: node_exporter {scenario.var('app2', 'node_exporter_version')} runs, but the inventory has 1.0.0",
    ]
    checks = json.loads((tmp_path / "v.json").read_text())["checks"]
    assert [check["problem"] for check in checks if check["problem"]] == problems
    failures = ET.parse(tmp_path / "v.xml").getroot().iter("failure")
    assert [failure.get("message") for failure in failures] == problems


def test_a_monitoring_server_that_cannot_be_reached_is_told(scenario: t.Any) -> None:
    """The playbook verify prints one line without a traceback, and fails."""
    scenario.docker("pause", "monitor")
    try:
        play = scenario.play("verify.yml", "--timeout", "5")
    finally:
        scenario.heal()
    assert play.rc != 0
    (problem,) = play.result("monitor", "assert")["msg"]
    assert problem.startswith("monitor: Task failed: ")


def test_the_coverage_page(scenario: t.Any, tmp_path: Path) -> None:
    """The page shows hosts and jobs, as Markdown and as one HTML file. Another test opens the page in a browser."""
    play = scenario.play("report.yml", report_dir=str(tmp_path / "out"))
    assert play.rc == 0, play.output
    page = (tmp_path / "out/report.md").read_text()
    program, server = (scenario.var("monitor", f"{name}_version") for name in ("node_exporter", "prometheus"))
    assert f"| app1 | · | ✔ {program} | · | function=app group=stack |  |" in page.splitlines()
    assert re.search(rf"^\| monitor \| ✔ \S+ \| ✔ {program} \| ✔ {server}\S* \| group=stack \|  \|$", page, re.MULTILINE)
    assert '"name":"app1"' in (tmp_path / "out/report.html").read_text()


def test_one_command_brings_a_new_server_in(scenario: t.Any, edited: t.Any) -> None:
    """--limit and --tags exclude the Prometheus server. The Prometheus server scrapes the new host all the same."""
    inventory = newcomer_in(edited())
    began = time.monotonic()
    play = scenario.play("site.yml", "--limit", "newcomer", "--tags", "node_exporter", inventory=inventory)
    seconds = time.monotonic() - began
    assert play.rc == 0, play.output
    assert play.changed == [
        "newcomer: Deploy the release, its unit and its configuration",
        "newcomer: Refresh targets, rules and configuration of the Prometheus servers",
    ]
    assert targets(scenario)["node newcomer:9100"]["health"] == "up"
    assert targets(scenario)["node newcomer:9100"]["labels"]["function"] == "app"
    print(f"from a bare server to up in Prometheus: {seconds:.0f} s")

    # Remove the new host again, with the inventory that does not contain it.
    assert scenario.play("site.yml", "--tags", "prometheus").rc == 0
    scenario.wait(lambda: "node newcomer:9100" not in targets(scenario))


def newcomer_in(inventory: Path) -> Path:
    """Return *inventory* with the new host among its hosts."""
    hosts = yaml.safe_load((inventory / "hosts.yml").read_text())
    hosts["all"]["children"]["app"]["hosts"]["newcomer"] = None
    (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
    return inventory


def silences(scenario: t.Any) -> list[str]:
    """Return the silenced hosts."""
    active = json.loads(scenario.get("monitor", "http://198.18.1.10:9093/api/v2/silences?active=true"))
    return [matcher["value"] for silence in active for matcher in silence["matchers"] if silence["status"]["state"] == "active"]


def test_a_server_is_onboarded_and_offboarded(scenario: t.Any, edited: t.Any) -> None:
    """Each is one command. offboard silences the host, removes its targets, then its services. A second run changes nothing."""
    amtool = "/opt/vigie/alertmanager/current/amtool --alertmanager.url=http://198.18.1.10:9093 silence"
    scenario.on("monitor").run(f"{amtool} expire $({amtool} query --quiet)")
    inventory = newcomer_in(edited())
    began = time.monotonic()
    play = scenario.play("onboard.yml", "--limit", "newcomer", inventory=inventory)
    print(f"from a bare server to its table: {time.monotonic() - began:.0f} s")
    assert play.rc == 0, play.output
    assert play.remote("newcomer") == ["release"]
    assert play.remote("monitor") == ["shell", "config_tree", "targets_up", "uri", "targets_up", "prometheus_info"]
    assert "✔ node             198.18.1.13:9100  node_exporter " in play.output

    # offboard removes these targets on purpose, so they are not lost targets.
    play = scenario.play("offboard.yml", inventory=inventory, host="newcomer", prometheus_max_lost_targets=0)
    assert play.rc == 0, play.output
    tasks = [change.partition(": ")[2] for change in play.changed]
    assert tasks == [
        "Silence the host",
        "Refresh targets, rules and configuration of the Prometheus servers",
        "Deploy the release, its unit and its configuration",
    ]
    assert silences(scenario) == ["newcomer"]
    scenario.wait(lambda: "node newcomer:9100" not in targets(scenario))
    assert not scenario.on("newcomer").service("node_exporter").is_running
    assert scenario.play("offboard.yml", inventory=inventory, host="newcomer").changed == []


def test_every_command_of_the_readme_works(scenario: t.Any, edited: t.Any, tmp_path: Path) -> None:
    """All commands of the table of daily tasks work in this order, in a directory of the user, with the names of this fleet."""
    root = Path(__file__).parents[3]
    section = (root / "README.md").read_text().partition("| To | run |")[2].partition("\n\n")[0]
    commands = re.findall(r"`(ansible-playbook .*?)`", section)
    assert len(commands) > 8
    (tmp_path / "prometheus.yml").write_text(scenario.on("monitor").file("/etc/prometheus/prometheus.yml").content_string)
    # The configuration names these files. The targets of a missing file would be lost.
    (tmp_path / "targets").mkdir()
    for path in scenario.on("monitor").check_output("ls /etc/prometheus/targets").split():
        (tmp_path / "targets" / path).write_text(scenario.on("monitor").file(f"/etc/prometheus/targets/{path}").content_string)
    inventories = f"-i {root / 'molecule/shared/inventory'} -i {newcomer_in(edited())}"
    for command in commands:
        ours = (
            command.replace("-i inventory.yml", inventories)
            .replace("web3.example.com", "newcomer")
            .replace("=inventory", "=adopted")
        )
        done = subprocess.run(
            shlex.split(ours), cwd=tmp_path, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        print(f"works: {command}")
    made = {path.name for path in tmp_path.iterdir()}
    assert made >= {"verify.json", "verify.xml", "report", "rendered", "adopted"}
    assert scenario.play("offboard.yml", inventory=edited(), host="newcomer").rc == 0


def test_a_dead_server_is_offboarded_too(scenario: t.Any, edited: t.Any) -> None:
    """The scenario leave tests a host that is missing in the inventory."""
    inventory = newcomer_in(edited())
    assert scenario.play("onboard.yml", "--limit", "newcomer", inventory=inventory).rc == 0
    scenario.docker("kill", "newcomer")
    try:
        play = scenario.play("offboard.yml", inventory=inventory, host="newcomer")
        assert play.rc == 0, play.output
        scenario.wait(lambda: "node newcomer:9100" not in targets(scenario))
    finally:
        scenario.heal()
    assert silences(scenario) == ["newcomer"]
    # The host is reachable again, and its services run.
    assert scenario.play("offboard.yml", inventory=inventory, host="newcomer").rc == 0
    assert not scenario.on("newcomer").file("/opt/vigie").exists


@pytest.mark.parametrize(
    ("playbook", "variables", "message"),
    [
        ("onboard.yml", {}, "onboard needs the new hosts: --limit web3.example.com"),
        ("offboard.yml", {}, "offboard needs the name of one host: -e host=web2.example.com"),
        ("offboard.yml", {"host": "monitor"}, "this host is a Prometheus server of the inventory"),
    ],
)
def test_a_command_without_its_server_is_refused(scenario: t.Any, playbook: str, variables: dict[str, str], message: str) -> None:
    """The run fails and changes nothing."""
    play = scenario.play(playbook, **variables)
    assert play.rc != 0
    assert message in " ".join(play.output.split())
    assert play.changed == []


@pytest.mark.parametrize(
    ("tags", "on_app", "on_monitor"),
    [
        (["--tags", "node_exporter"], {"release"}, {"shell", "release", "config_tree", "targets_up"}),
        # A play with only some of the hosts first contacts one of them, unless an earlier play has done so.
        (["--tags", "prometheus"], set(), {"shell", "raw", "release", "targets_up"}),
        (["--tags", "alertmanager"], set(), {"shell", "raw", "release", "config_tree", "targets_up"}),
        (["--tags", "install"], {"release"}, {"shell", "release"}),
        (["--tags", "configure"], {"release"}, {"shell", "release"}),
        (["--tags", "service"], {"release"}, {"shell", "release"}),
        (["--tags", "targets"], set(), {"shell", "config_tree"}),
        (["--tags", "verify"], set(), {"shell", "raw", "targets_up"}),
        (["--tags", "firewall"], set(), {"shell"}),
        (["--skip-tags", "verify"], {"release"}, {"shell", "release", "uri"}),
        (["--tags", "node_exporter", "--skip-tags", "targets,verify"], {"release"}, {"shell", "release"}),
    ],
)
def test_a_tag_runs_what_it_says_and_nothing_else(
    scenario: t.Any, tags: list[str], on_app: set[str], on_monitor: set[str]
) -> None:
    """Each tag works the same in every role, and changes nothing on a converged fleet."""
    if silences(scenario):
        # A run of site expires the silence of another test.
        assert scenario.play("site.yml").rc == 0
    play = scenario.play("site.yml", *tags)
    assert play.rc == 0, play.output
    assert set(play.remote("app1")) == on_app
    assert set(play.remote("monitor")) == on_monitor
    assert play.changed == []


def test_a_target_that_does_not_come_up_fails_the_run(scenario: t.Any, edited: t.Any) -> None:
    """The run fails with the target and the error of Prometheus."""
    inventory = edited("app1", monitoring_scrapes=[{"job": "dead", "port": 4242}], prometheus_verify_timeout=5)
    (inventory / "host_vars/monitor.yml").write_text("prometheus_verify_timeout: 8\n")
    play = scenario.play("site.yml", "--tags", "prometheus,targets", "--limit", "app1", inventory=inventory)
    play = scenario.play("site.yml", "--limit", "app1", inventory=inventory)
    assert play.rc != 0
    assert "app1:4242 (job dead): down:" in play.output
    assert "connection refused" in play.output
    assert scenario.play("site.yml", "--tags", "prometheus").rc == 0


def test_targets_are_lost_only_where_that_is_meant(scenario: t.Any, edited: t.Any, tmp_path: Path) -> None:
    """An incomplete inventory changes no host, in any mode, with any tag, or with the role alone, unless the loss is accepted."""
    scenario.wait(lambda: "node app2:19100" in targets(scenario))
    inventory = edited(prometheus_max_lost_targets=0)
    hosts = yaml.safe_load((inventory / "hosts.yml").read_text())
    del hosts["all"]["children"]["app"]["hosts"]["app2"]
    (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
    alone = tmp_path / "alone.yml"
    alone.write_text(yaml.safe_dump([{"hosts": "prometheus", "gather_facts": False, "roles": ["vigie.monitoring.prometheus"]}]))
    for arguments in (
        ("site.yml",),
        ("site.yml", "--check"),
        ("site.yml", "--tags", "firewall", "--limit", "app1"),
        (str(alone), "--become"),
    ):
        play = scenario.play(*arguments, inventory=inventory)
        assert play.rc != 0, arguments
        assert {result["action"] for result in play.results} <= {
            "assert",
            "shell",
            "include_tasks",
            "set_fact",
            "validate_argument_spec",
        }
        (line,) = said(play)
        assert line.startswith("monitor: this run would remove 1 of 5 targets from Prometheus, more than"), line
        assert "Hosts that are not in the inventory: app2." in line
        assert play.remote("monitor") == ["shell"]
        assert play.remote("app1") == []
    assert "node app2:19100" in targets(scenario)
    play = scenario.play("site.yml", "--tags", "targets", inventory=inventory, prometheus_lost_targets="accept")
    assert play.rc == 0, play.output
    scenario.wait(lambda: "node app2:19100" not in targets(scenario))
    # Targets that are added again are not lost.
    assert scenario.play("site.yml", "--tags", "targets", prometheus_max_lost_targets=0).rc == 0


def test_a_path_in_the_url_of_a_server_is_followed(scenario: t.Any) -> None:
    """The health check, the scrapes, the alerts, verify and offboard use the path, also after it is removed again."""
    where = {f"{name}_external_url": f"https://example.com/{name}" for name in ("prometheus", "alertmanager")}
    play = scenario.play("site.yml", "--tags", "prometheus,alertmanager", **where)
    assert play.rc == 0, play.output
    assert "up" in scenario.get("monitor", "http://localhost:9090/prometheus/api/v1/label/__name__/values")
    play = scenario.play("verify.yml", **where)
    assert play.rc == 0, play.output
    assert scenario.play("offboard.yml", "--check", host="app1", **where).rc == 0
    assert scenario.play("site.yml", "--tags", "prometheus,alertmanager").rc == 0
    scenario.wait(lambda: all(target["health"] == "up" for target in targets(scenario).values()))


def said(play: t.Any) -> list[str]:
    """Return the message of the failed assertion."""
    return next(r["res"]["msg"] for r in play.results if r["action"] == "assert" and r["failed"])


def test_mistakes_of_the_inventory_are_found_before_anything_is_touched(scenario: t.Any, edited: t.Any) -> None:
    """One report has all problems, each with host, variable, value and remedy."""
    inventory = edited("app1", monitoring_labels={"bad-name": "x", "rack": 12}, node_exporter_port=99999)
    play = scenario.play("site.yml", inventory=inventory)
    assert play.rc != 0
    assert "host app1, variable monitoring_labels.bad-name, value" in play.output
    assert "host app1, variable monitoring_labels.rack, value 12: a label value must be a string" in play.output
    assert "host app1, variable node_exporter_port, value 99999" in play.output
    assert {result["action"] for result in play.results} == {"assert"}


@pytest.mark.usefixtures("torn")
@pytest.mark.parametrize("role", ["alertmanager", "prometheus", "node_exporter"])
def test_absent_leaves_nothing_behind_but_data(scenario: t.Any, role: str) -> None:
    """The lists of files before and after show that the role removes its files and keeps the collected data."""
    machine = scenario.on("monitor")
    names = " -o ".join(f"-path '*/{name}*'" for name in (role, *TOOLS.get(role, ())))
    look = f"find /opt /etc/{role} /etc/systemd /usr/local/bin \\( {names} \\) ! -type d 2>/dev/null | sort"
    before = machine.check_output(look).splitlines()
    arguments = ("site.yml", "--tags", role, "--skip-tags", "targets,verify")
    assert scenario.play(*arguments, "--check", **{f"{role}_state": "absent"}).changed
    assert machine.check_output(look).splitlines() == before
    play = scenario.play(*arguments, "--limit", "monitor", **{f"{role}_state": "absent"})
    assert play.rc == 0, play.output
    left = machine.check_output(look).splitlines()
    assert left == []
    assert f"/opt/vigie/{role}/current" in before
    if role != "node_exporter":
        assert machine.file(f"/var/lib/{role}").is_directory
    assert machine.run(f"systemctl status {role}").rc == 4
    assert scenario.play(*arguments, "--limit", "monitor", **{f"{role}_state": "absent"}).changed == []
    print("\n".join(["before:", *before, "after:", *left]))
