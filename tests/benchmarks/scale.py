# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulate a fleet of 100,000 hosts on 20 shards: the balance of the shards, the hosts that a 21st shard moves, the cost.

The program generates inventories of 10,000 and of 100,000 hosts, renders the files of all servers, and fails if a limit is
exceeded. The program contacts no host.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

import yaml

import inventory

PROJECT = Path(__file__).parents[2]
HERE = Path(__file__).parent


class Cost(t.NamedTuple):
    """The cost of a run: seconds of wall time, seconds of CPU time, MiB of the largest process."""

    wall: float
    cpu: float
    memory: float


def write(directory: Path, hosts: int, shards: int) -> None:
    """Write an inventory of *hosts* hosts, and of one Prometheus server for each of the *shards*."""
    if not directory.exists():
        inventory.write(directory, hosts, prometheus=False)
    servers = [f"p{number:02}.example.com ansible_host=127.8.0.{number}" for number in range(1, shards + 1)]
    lines = ["[prometheus]", *servers, "[prometheus:vars]", f"prometheus_shards={shards}"]
    (directory / "servers.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")


def render(directory: Path, source: Path) -> tuple[Cost, dict[str, int]]:
    """Render the inventory *source* into a new *directory*; return the cost, and the shard of each host."""
    command = ["ansible-playbook", "-i", source, PROJECT / "playbooks" / "render.yml"]
    # Without promtool, the run measures the collection alone.
    variables = {"render_dir": str(directory), "render_promtool": "none", "render_amtool": "none", "render_mtail": "none"}
    command += ["-e", json.dumps(variables)]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_DISPLAY_OK_HOSTS": "false"}
    with tempfile.NamedTemporaryFile() as cost:
        measured = [sys.executable, HERE / "cost.py", cost.name, *command]
        done = subprocess.run(measured, cwd=HERE, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
        found = yaml.load((directory / "shards.yml").read_text(), Loader=yaml.CSafeLoader)
        return Cost(*json.load(cost)), {host: int(shard) for shard, its in found.items() for host in its["hosts"]}


def main() -> None:
    """Measure, print, and fail if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=100_000, help="the size of the fleet (%(default)s)")
    parser.add_argument("--shards", type=int, default=20, help="the number of shards (%(default)s)")
    arguments = parser.parse_args()
    hosts, shards = arguments.hosts, arguments.shards
    with tempfile.TemporaryDirectory() as work:
        costs = {}
        placed: dict[int, dict[str, int]] = {}
        for size in (hosts // 10, hosts):
            source = Path(work, f"inventory-{size}")
            write(source, size, shards)
            costs[size], placed[shards] = render(Path(work, f"rendered-{size}"), source)
            print(f"{size} hosts, {shards} shards: {costs[size].cpu:.1f} s CPU, {costs[size].memory:.0f} MiB", flush=True)
        write(source, hosts, shards + 1)
        _cost, placed[shards + 1] = render(Path(work, "rendered-more"), source)
    monitored = {name for name in placed[shards] if not name.startswith("p")}
    sizes = [sum(shard == number for shard in placed[shards].values()) for number in range(1, shards + 1)]
    moved = [name for name in monitored if placed[shards][name] != placed[shards + 1][name]]
    found = [
        ("hosts of the largest shard, times the mean, at most", max(sizes) * shards / sum(sizes), 1.05),
        ("share of the hosts that a further shard moves, at most", len(moved) / len(monitored), 1 / (shards + 1) + 0.01),
        ("hosts that move to another shard than the new one, at most", sum(placed[shards + 1][n] <= shards for n in moved), 0),
        ("CPU time, times that of a tenth of the hosts, at most", costs[hosts].cpu / costs[hosts // 10].cpu, 11.0),
        ("memory, times that of a tenth of the hosts, at most", costs[hosts].memory / costs[hosts // 10].memory, 11.0),
    ]
    for what, value, limit in found:
        print(f"{'kept    ' if value <= limit else 'EXCEEDED'}  {what} {limit:.3f}: {value:.3f}")
    sys.exit(any(value > limit for _what, value, limit in found))


if __name__ == "__main__":
    main()
