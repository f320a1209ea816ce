# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what a deployment costs: node_exporter on 1, 8 and 20 hosts, and the whole site of a host with many exporters.

The hosts are containers. Each run is measured by its wall time, the CPU time of the controller, the SSH commands that Ansible
starts, and the bytes that all hosts receive and send. The runs are: on new hosts, without a change, and with the next version.

With ``--peer DIRECTORY``, the role node_exporter of the collection prometheus.prometheus does the same on containers of its own.
The directory has ``ansible_collections/prometheus/prometheus`` and ``ansible_collections/community/general``.

The program prints a table, and with the usual numbers of hosts writes docs/converge.md and docs/converge.svg.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import typing as t
from importlib.metadata import version
from pathlib import Path

import matplotlib as mpl
import yaml

mpl.use("svg")
from matplotlib import pyplot as plt

PROJECT = Path(__file__).parents[2]
HERE = Path(__file__).parent
FLEET = PROJECT / "tools" / "fleet" / "fleet.py"
SHARED = PROJECT / "molecule" / "shared" / "inventory"
LOADED = PROJECT / "molecule" / "exporters"
SIZES = (1, 8, 20)
NETWORK = "198.18.9"
RUNS = ("first run", "second run", "next version")
OURS, PEER = "vigie.monitoring", "prometheus.prometheus"
# An SSH client that counts its runs.
COUNTING = '#!/bin/sh\necho >> "$COUNTED_CALLS"\nexec {program} "$@"\n'


class Cost(t.NamedTuple):
    """The cost of a run: seconds of wall time and of CPU time, the number of SSH commands, MiB on the network of the hosts."""

    wall: float
    cpu: float
    calls: int
    traffic: float


def newest_first(releases: Path) -> list[str]:
    """Return the versions of the directories ``v1.2.3`` in *releases*."""
    versions = [path.name.removeprefix("v") for path in releases.iterdir()]
    return sorted(versions, key=lambda text: [int(part) for part in re.findall(r"\d+", text)], reverse=True)


def write(directory: Path, hosts: int) -> dict[str, t.Any]:
    """Write the inventory of a fleet, and return the variables that select the mirror."""
    names = {f"n{index}": {"ansible_host": f"{NETWORK}.{10 + index}"} for index in range(hosts)}
    variables = {"fleet_name": "converge", "fleet_network": f"{NETWORK}.0/24", "monitoring_scraped": False}
    (directory / "group_vars" / "all").mkdir(parents=True)
    (directory / "group_vars" / "all" / "fleet.yml").write_text(yaml.safe_dump(variables), encoding="utf-8")
    (directory / "hosts.yml").write_text(yaml.safe_dump({"node_exporter": {"hosts": names}}), encoding="utf-8")
    mirror = fleet("vars", directory)
    (directory / "group_vars" / "all" / "mirror.yml").write_text(mirror, encoding="utf-8")
    return yaml.safe_load(mirror)


def write_peer(path: Path, mirror: str) -> None:
    """Write a playbook with the peer's role, which downloads from *mirror*."""
    release = f"{mirror}/prometheus/node_exporter/releases/download/v{{{{ node_exporter_version }}}}"
    archive = "node_exporter-{{ node_exporter_version }}.linux-amd64.tar.gz"
    play = {
        "hosts": "node_exporter",
        "become": True,
        "vars": {
            "node_exporter_binary_url": f"{release}/{archive}",
            "node_exporter_checksums_url": f"{release}/sha256sums.txt",
        },
        "roles": ["prometheus.prometheus.node_exporter"],
    }
    path.write_text(yaml.safe_dump([play]), encoding="utf-8")


def fleet(action: str, directory: Path) -> str:
    """Run the program that creates and removes fleets."""
    command = [sys.executable, str(FLEET), action, str(directory)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def traffic(name: str) -> int:
    """Return the bytes that all hosts of the fleet *name* have received and sent."""
    listed = subprocess.run(["docker", "ps", "--format", "{{.Names}}"], check=True, capture_output=True, text=True).stdout
    total = 0
    for container in listed.split():
        if container.startswith(f"vigie-{name}-") and container != f"vigie-{name}-mirror":
            counters = "cat /sys/class/net/eth0/statistics/[rt]x_bytes"
            command = ["docker", "exec", container, "sh", "-c", counters]
            total += sum(map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()))
    return total


def run(name: str, inventory: Path, playbook: Path, variables: dict[str, str], collections: str) -> Cost:
    """Run a playbook against the fleet *name*, and return the cost."""
    with tempfile.TemporaryDirectory() as temporary:
        calls, cost = Path(temporary, "calls"), Path(temporary, "cost")
        calls.touch()
        environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": collections, "COUNTED_CALLS": str(calls)}
        environment["ANSIBLE_CONFIG"] = str(PROJECT / "ansible.cfg")
        for program in ("ssh", "sftp", "scp"):
            counting = Path(temporary, program)
            counting.write_text(COUNTING.format(program=f"/usr/bin/{program}"), encoding="utf-8")
            counting.chmod(0o755)
            environment[f"ANSIBLE_{program.upper()}_EXECUTABLE"] = str(counting)
        command = ["ansible-playbook", "-i", str(SHARED), "-i", str(inventory), str(playbook), "-e", json.dumps(variables)]
        before = traffic(name)
        measured = [sys.executable, str(HERE / "cost.py"), str(cost), *command]
        done = subprocess.run(measured, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        wall, cpu, _memory = json.loads(cost.read_text(encoding="utf-8"))
        return Cost(wall, cpu, len(calls.read_text(encoding="utf-8")), (traffic(name) - before) / 2**20)


def measure(hosts: int, side: str, collections: str) -> dict[str, Cost]:
    """Return the cost of each run with *hosts* new containers."""
    with tempfile.TemporaryDirectory() as made:
        inventory, playbook = Path(made, "inventory"), PROJECT / "playbooks" / "site.yml"
        mirror = write(inventory, hosts)["monitoring_release_base_url"]
        if side == PEER:
            playbook = Path(made, "peer.yml")
            write_peer(playbook, mirror)
        releases = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vigie/mirror/prometheus/node_exporter"
        new, old, *_older = newest_first(releases / "releases" / "download")
        fleet("up", inventory)
        try:
            costs = {}
            for name, wanted in zip(RUNS, (old, old, new), strict=True):
                print(f"{side}, {hosts} hosts: {name}", file=sys.stderr)
                costs[name] = run("converge", inventory, playbook, {"node_exporter_version": wanted}, collections)
            return costs
        finally:
            fleet("down", inventory)


def measure_loaded() -> dict[str, Cost]:
    """Return the cost of the whole site with hosts that run many services and exporters, first and without a change."""
    environment = {**os.environ, "MOLECULE_GLOB": "molecule/*/molecule.yml"}

    def molecule(action: str) -> None:
        subprocess.run(["molecule", action, "-s", LOADED.name], cwd=PROJECT, env=environment, check=True, capture_output=True)

    try:
        molecule("create")
        molecule("prepare")
        site = PROJECT / "playbooks" / "site.yml"
        costs = {}
        for name in RUNS[:2]:
            print(f"{OURS}, the fleet of the scenario {LOADED.name}: {name}", file=sys.stderr)
            costs[name] = run(LOADED.name, LOADED / "inventory", site, {}, str(PROJECT / ".collections"))
        return costs
    finally:
        molecule("destroy")


def table(results: dict[tuple[str, str], dict[str, Cost]]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = ["| hosts | run | collection | wall | CPU of the controller | SSH commands | network of the hosts |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- |")
    for (fleet_of, side), costs in results.items():
        for name, cost in costs.items():
            numbers = f"{cost.wall:.1f} s | {cost.cpu:.1f} s | {cost.calls} | {cost.traffic:.1f} MiB"
            lines.append(f"| {fleet_of} | {name} | {side} | {numbers} |")
    return lines


def draw(results: dict[tuple[str, str], dict[str, Cost]], path: Path) -> None:
    """Draw the SSH commands for each host, and the wall time, of the runs with node_exporter alone."""
    mpl.rcParams.update({"svg.hashsalt": "vigie", "svg.fonttype": "none", "font.family": "sans-serif"})
    figure, panels = plt.subplots(1, 2, figsize=(9, 4))
    for panel, (title, value) in zip(
        panels,
        (("SSH commands for each host", lambda cost, hosts: cost.calls / hosts), ("seconds", lambda cost, _hosts: cost.wall)),
        strict=True,
    ):
        for side, marker in ((OURS, "o"), (PEER, "s")):
            found = {int(hosts): costs for (hosts, of), costs in results.items() if of == side and hosts.isdigit()}
            for name in RUNS if found else ():
                values = [value(costs[name], hosts) for hosts, costs in found.items()]
                panel.plot(list(found), values, marker=marker, label=f"{side}, {name}")
        panel.set(title=title, xlabel="hosts", xlim=0, ylim=0)
        panel.grid(alpha=0.3)
    panels[0].legend(fontsize="x-small")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def machine() -> str:
    """Return when and on what the program has measured."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    processors = f"{os.cpu_count()} processors ({model.group(1) if model else platform.machine()})"
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return f"Measured on {today} with ansible-core {version('ansible-core')}, {processors}, load {os.getloadavg()[2]:.1f}."


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="*", default=SIZES)
    parser.add_argument("--peer", type=Path, help="directory with ansible_collections of the peer")
    parser.add_argument("--no-loaded", action="store_true", help="leave the fleet with many services out")
    arguments = parser.parse_args()
    results: dict[tuple[str, str], dict[str, Cost]] = {}
    for hosts in arguments.hosts:
        results[str(hosts), OURS] = measure(hosts, OURS, str(PROJECT / ".collections"))
        if arguments.peer:
            results[str(hosts), PEER] = measure(hosts, PEER, str(arguments.peer))
    if not arguments.no_loaded:
        results["4, many services", OURS] = measure_loaded()
    lines = table(results)
    print("\n".join(lines), machine(), sep="\n")
    if tuple(arguments.hosts) == SIZES:
        draw(results, PROJECT / "docs" / "converge.svg")
        about = (__doc__ or "").partition("\n\n")[2].partition("\n\nThe program prints")[0]
        text = [
            "# The cost of a deployment",
            "",
            about,
            "",
            *lines,
            "",
            machine(),
            "",
            "![The cost by the number of hosts](converge.svg)",
        ]
        (PROJECT / "docs" / "converge.md").write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
