# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the time to add a host to fleets of different sizes.

The new host and the monitoring server are containers. The other hosts are generated: they have loopback addresses, and are
scraped once an hour. The program prints the median seconds of wall time of each step of `site.yml --limit newcomer`. Each run
adds the host again.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import ansible_runner
import yaml

import inventory

PROJECT = Path(__file__).parents[2]
FLEET = PROJECT / "tools" / "fleet" / "fleet.py"
SIZES = (10, 10000)
MONITOR, NEWCOMER = "198.18.9.10", "198.18.9.11"
STEPS = {
    "Refresh targets, rules and configuration of the Prometheus servers": "refresh",
    "Wait until Prometheus reports the targets of this run as up": "wait",
}


def write(directory: Path) -> None:
    """Write the inventory of the containers: a monitoring server, and a new host without exporters."""
    scrape = {"job": "node", "port": 9100, "scrape_interval": "1s", "scrape_timeout": "1s"}
    groups = {
        "prometheus": {"hosts": {"monitor": {"ansible_host": MONITOR}}},
        "node_exporter": {"hosts": {"monitor": None}},
        "spare": {"hosts": {"newcomer": {"ansible_host": NEWCOMER, "monitoring_scrapes": [scrape]}}},
    }
    variables = {
        "fleet_name": "benchmark",
        "fleet_network": "198.18.9.0/24",
        # Prometheus does not scrape the generated hosts during the measurement.
        "prometheus_scrape_interval": "1h",
        "prometheus_evaluation_interval": "1h",
    }
    (directory / "group_vars" / "all").mkdir(parents=True)
    (directory / "group_vars" / "all" / "fleet.yml").write_text(yaml.safe_dump(variables), encoding="utf-8")
    (directory / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": groups}}), encoding="utf-8")


def bring_in(directory: Path, *, member: bool) -> None:
    """Add the new host to the group node_exporter, or remove it from the group."""
    groups = {"node_exporter": {"hosts": {"newcomer": None}}} if member else {}
    (directory / "newcomer.yml").write_text(yaml.safe_dump({"all": {"children": groups}}), encoding="utf-8")


def play(inventories: t.Sequence[Path], *arguments: str) -> dict[str, float]:
    """Run site.yml, and return the seconds of each step and of the whole run."""
    with tempfile.TemporaryDirectory() as data:
        begun = time.monotonic()
        runner = ansible_runner.run(
            private_data_dir=data,
            project_dir=str(PROJECT),
            playbook=str(PROJECT / "playbooks" / "site.yml"),
            inventory=[str(PROJECT / "molecule" / "shared" / "inventory"), *map(str, inventories)],
            cmdline=" ".join(arguments),
            envvars={
                "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".collections"),
            },
            quiet=True,
        )
        took = {"whole run": time.monotonic() - begun}
        if runner.rc:
            sys.exit(runner.stdout.read())
        for event in runner.events:
            about = event.get("event_data") or {}
            if event["event"] == "runner_on_ok" and about["task"] in STEPS:
                took[STEPS[about["task"]]] = about["duration"]
    return took


def measure(real: Path, made_up: Path, repeat: int) -> dict[str, float]:
    """Return the median seconds of each step."""
    found: list[dict[str, float]] = []
    bring_in(real, member=False)
    play([real, made_up], "--limit", "monitor", "--skip-tags", "verify")
    for turn in range(repeat):
        print(f"{made_up.name} hosts, run {turn + 1} of {repeat}", file=sys.stderr)
        # Wait until Prometheus has read its files.
        time.sleep(10)
        bring_in(real, member=True)
        found.append(play([real, made_up], "--limit", "newcomer"))
        bring_in(real, member=False)
        play([real, made_up], "--limit", "monitor", "--tags", "targets")
    return {step: statistics.median(one[step] for one in found) for step in (*STEPS.values(), "whole run")}


def fleet(action: str, directory: Path) -> str:
    """Let the fleet's program do something."""
    command = [sys.executable, str(FLEET), action, str(directory)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=SIZES)
    parser.add_argument("--repeat", type=int, default=5, help="number of runs (%(default)s)")
    arguments = parser.parse_args()
    results: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as made:
        real = Path(made, "real")
        write(real)
        (real / "group_vars" / "all" / "mirror.yml").write_text(fleet("vars", real), encoding="utf-8")
        try:
            fleet("up", real)
            for hosts in arguments.hosts:
                inventory.write(Path(made, str(hosts)), hosts - 2, prometheus=False)
                results[hosts] = measure(real, Path(made, str(hosts)), arguments.repeat)
        finally:
            fleet("down", real)
    print(f"{'hosts':>6} {'refresh s':>10} {'wait s':>10} {'whole run s':>12}")
    for hosts, took in results.items():
        print(f"{hosts:>6} {took['refresh']:>10.2f} {took['wait']:>10.2f} {took['whole run']:>12.2f}")


if __name__ == "__main__":
    main()
