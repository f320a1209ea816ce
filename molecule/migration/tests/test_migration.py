# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test the migration from another collection, as described in docs/migration.md.

The steps are fixtures that build on each other; the tests check them in any order.
"""

from __future__ import annotations

import shutil
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
import yaml

INSTANCES = ["app1:9100", "monitor:9100", "monitor:9090"]
SERVICES = [("monitor", "node_exporter"), ("app1", "node_exporter"), ("monitor", "prometheus"), ("monitor", "alertmanager")]


def samples(scenario: t.Any, instance: str) -> list[float]:
    """Return the times of all samples of a target, with any labels."""
    return sorted(
        {float(sample[0]) for series in scenario.query(f'up{{instance="{instance}"}}[1h]') for sample in series["values"]}
    )


def pid(scenario: t.Any, host: str, service: str) -> str:
    """Return the process ID of a service."""
    return scenario.on(host).check_output(f"systemctl show --property MainPID --value {service}")


def own_targets(scenario: t.Any) -> list[str]:
    """Return the targets of the job that is adopted as a scrape config and reads a directory that the collection manages."""
    return [target["labels"]["instance"] for target in scenario.targets() if target["labels"].get("made_by") == "hand"]


@pytest.fixture(scope="module")
def before(scenario: t.Any) -> dict[str, t.Any]:
    """Return the state before the migration: series of half a minute, and the places of the data."""
    deadline = time.monotonic() + 60
    while (
        len(scenario.query('up{job="node"} == 1')) < 2
        or float(scenario.query("count_over_time(up{instance='app1:9100'}[1h])")[0]["value"][1]) < 20
    ):
        assert time.monotonic() < deadline, "the old stack does not collect"
        time.sleep(1)
    first = {instance: samples(scenario, instance)[0] for instance in INSTANCES}
    machine = scenario.on("monitor")
    return {
        "first": first,
        "owner": machine.file("/var/lib/prometheus").uid,
        "accounts": machine.check_output("getent passwd prometheus alertmanager"),
    }


@pytest.fixture(scope="module")
def inventory(scenario: t.Any, before: dict[str, t.Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the adopted inventory with the connection variables of the hosts."""
    assert before
    tmp = tmp_path_factory.mktemp("adopted")
    for directory in ("prometheus", "alertmanager"):
        tar = subprocess.run(
            ["docker", "exec", f"vigie-{scenario.fleet}-monitor", "tar", "-C", "/etc", "-c", directory],
            check=True,
            capture_output=True,
        )
        subprocess.run(["tar", "-C", tmp, "-x"], input=tar.stdout, check=True)
    play = scenario.play(
        "adopt.yml",
        adopt_from=str(tmp / "prometheus/prometheus.yml"),
        adopt_alertmanager=str(tmp / "alertmanager/alertmanager.yml"),
        adopt_server="monitor",
        adopt_dir=str(tmp / "inventory"),
    )
    assert play.rc == 0, play.output
    # As described on the page: the connection variables come from the existing inventory.
    shutil.copytree(scenario.inventory / "group_vars/all", tmp / "inventory/group_vars/all")
    (tmp / "inventory/reached.yml").write_text((scenario.inventory / "hosts.yml").read_text())
    return tmp / "inventory"


@pytest.fixture(scope="module")
def predicted(scenario: t.Any, inventory: Path) -> tuple[t.Any, list[str], list[str]]:
    """Return the output of check mode, and the processes before and after."""
    before = [pid(scenario, *service) for service in SERVICES]
    play = scenario.play("site.yml", "--check", "--diff", inventory=inventory)
    return play, before, [pid(scenario, *service) for service in SERVICES]


@pytest.fixture(scope="module")
def taken_over(scenario: t.Any, inventory: Path, predicted: tuple[t.Any, ...]) -> t.Any:
    """Return the run that migrates the stack."""
    assert predicted
    return scenario.play("site.yml", inventory=inventory)


def test_the_inventory_says_what_the_configuration_said(inventory: Path) -> None:
    """The inventory has the targets, labels, settings, rules and routes of the configuration."""
    hosts = yaml.safe_load((inventory / "hosts.yml").read_text())["all"]
    assert hosts == {
        "hosts": {"app1": {"monitoring_labels": {"env": "test"}}, "monitor": None},
        "children": {
            "alertmanager": {"hosts": {"monitor": None}},
            "node_exporter": {"hosts": {"app1": None, "monitor": None}},
            "prometheus": {"hosts": {"monitor": None}},
        },
    }
    assert "Always there, {{ $value }}" in (inventory / "group_vars/prometheus.yml").read_text()
    assert "receiver: nobody" in (inventory / "group_vars/alertmanager.yml").read_text()


def test_check_mode_tells_what_will_happen(predicted: tuple[t.Any, list[str], list[str]]) -> None:
    """Check mode changes nothing."""
    play, before, after = predicted
    assert play.rc == 0, play.output
    assert before == after
    assert "ansible managed alert rules" in play.output


def test_site_takes_the_stack_over(scenario: t.Any, inventory: Path, before: dict[str, t.Any], taken_over: t.Any) -> None:
    """Units, data and users stay the same. The programs are those of this collection, and each runs once."""
    assert taken_over.rc == 0, taken_over.output
    for host, service in SERVICES:
        machine = scenario.on(host)
        command = machine.check_output(f"cat /proc/{pid(scenario, host, service)}/cmdline")
        assert command.startswith(f"/opt/vigie/{service}/"), command
        assert machine.check_output(f"pgrep -c -x {service}") == "1"
        assert machine.file(f"/usr/local/bin/{service}").is_symlink
    machine = scenario.on("monitor")
    assert machine.file("/var/lib/prometheus").uid == before["owner"]
    assert machine.check_output("getent passwd prometheus alertmanager") == before["accounts"]
    assert machine.file("/etc/prometheus/prometheus.yml.before-vigie").exists
    assert machine.file("/etc/prometheus/rules.before-vigie/ansible_managed.yml").exists
    assert machine.file("/etc/prometheus/targets.before-vigie/a.json").exists
    scenario.wait(lambda: own_targets(scenario) == ["monitor:9093"], lambda: own_targets(scenario))
    rules = str(scenario.prometheus("rules"))
    assert "Watchdog" in rules
    assert "before-vigie" not in rules
    verified = scenario.play("verify.yml", inventory=inventory)
    assert verified.rc == 0, verified.output
    assert scenario.play("site.yml", inventory=inventory).changed == []


def longest_gap(times: list[float]) -> float:
    """Return the longest time between two samples."""
    return max(later - earlier for earlier, later in zip(times, times[1:], strict=False))


@pytest.mark.usefixtures("taken_over")
def test_no_data_is_lost(scenario: t.Any, before: dict[str, t.Any]) -> None:
    """The oldest sample still exists, and no series has a longer gap than a restart of Prometheus causes."""
    found = {instance: samples(scenario, instance) for instance in INSTANCES}
    assert {instance: times[0] for instance, times in found.items()} == before["first"]
    scenario.on("monitor").check_output("systemctl restart prometheus")
    # Prometheus starts to scrape some seconds after its start.
    time.sleep(15)
    for instance, times in found.items():
        plain = longest_gap([stamp for stamp in samples(scenario, instance) if stamp >= times[-1]])
        print(f"{instance}: the longest gap has {longest_gap(times):.1f} s, that of a plain restart {plain:.1f} s")
        assert longest_gap(times) < plain + 3


@pytest.mark.usefixtures("taken_over")
def test_what_is_left_is_told_and_can_go(scenario: t.Any) -> None:
    """The page lists the leftovers: the user of the exporter, and the copies of the configuration."""
    machine = scenario.on("monitor")
    machine.check_output("tar -cf /root/copies.tar /etc/prometheus/*.before-vigie /etc/alertmanager/*.before-vigie")
    page = (Path(__file__).parents[3] / "docs/migration.md").read_text()
    for line in ("userdel node-exp", "rm -r /etc/prometheus/*.before-vigie /etc/alertmanager/*.before-vigie"):
        assert line in page
        machine.check_output(line)
    assert scenario.query('up{instance="monitor:9100"} == 1')
    # Other tests use them, too.
    machine.check_output("tar -C / -xf /root/copies.tar")


def test_an_account_without_a_group_of_its_name_is_used(scenario: t.Any, inventory: Path) -> None:
    """The group is created. The account keeps its home, its shell and its primary group."""
    machine = scenario.on("app1")
    machine.check_output("useradd --system --no-user-group --gid nogroup --home-dir /srv/old --shell /bin/sh node_exporter")
    account = machine.check_output("getent passwd node_exporter")
    arguments = ("site.yml", "--tags", "node_exporter", "--limit", "app1")
    play = scenario.play(*arguments, inventory=inventory, node_exporter_systemd_units="ssh.*")
    assert play.rc == 0, play.output
    assert machine.check_output("getent passwd node_exporter") == account
    process = f"/proc/{pid(scenario, 'app1', 'node_exporter')}"
    assert machine.check_output(f"stat -c %U:%G {process}") == "node_exporter:node_exporter"
    again = scenario.play(*arguments, inventory=inventory, node_exporter_systemd_units="ssh.*")
    assert (again.rc, again.changed) == (0, [])
