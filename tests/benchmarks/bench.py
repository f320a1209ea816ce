# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the cost of rendering the targets of generated inventories: by this collection, by templates, and by Ansible alone.

The program prints a table, draws docs/benchmark.svg, writes the table of README.md, and fails if a limit is exceeded. The plays
run in turns. The CPU time of a play is the minimum of its runs, and its memory is the memory of the largest process.

Every limit is a ratio of two measurements of one run: a slow or busy machine slows down both.
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

import inventory

mpl.use("svg")
from matplotlib import pyplot as plt

PROJECT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SIZES = (100, 1000, 5000, 10000)
PLAYS = {
    "trivial": ["trivial.yml"],
    "render.yml": [str(PROJECT / "playbooks" / "render.yml")],
    "by hand": ["by_hand.yml", "-e", "by_hand_template=by_hand.json.j2"],
    "by hand, tuned": ["by_hand.yml", "-e", "by_hand_template=by_hand_tuned.json.j2"],
}
LABELS = {
    "trivial": "Ansible alone (a trivial template)",
    "render.yml": "vigie.monitoring.render",
    "by hand": "a template over hostvars",
    "by hand, tuned": "a template over hostvars, each host looked up once",
}


class Cost(t.NamedTuple):
    """The cost of a run: seconds of wall time, seconds of CPU time, MiB of the largest process."""

    wall: float
    cpu: float
    memory: float


def run(play: str, hosts: Path, output: Path) -> Cost:
    """Run a play and return its cost."""
    command = ["ansible-playbook", "-i", str(hosts), *PLAYS[play], "-e", json.dumps({"render_dir": str(output)})]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_DISPLAY_OK_HOSTS": "false"}
    with tempfile.NamedTemporaryFile() as cost:
        measured = [sys.executable, str(HERE / "cost.py"), cost.name, *command]
        done = subprocess.run(measured, cwd=HERE, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return Cost(*json.load(cost))


def measure(directory: Path, hosts: int, repeat: int) -> dict[str, Cost]:
    """Return the cost of each play with an inventory of *hosts* hosts."""
    source = directory / "inventory"
    inventory.write(source, hosts)
    costs: dict[str, list[Cost]] = {}
    for turn in range(repeat):
        for play in PLAYS:
            # One run of the slow plays is precise enough.
            if turn == 0 or play in ("trivial", "render.yml"):
                print(f"{hosts} hosts, run {turn + 1} of {repeat}: {play}", file=sys.stderr)
                costs.setdefault(play, []).append(run(play, source, directory / play))
    (targets,) = (directory / "render.yml").glob("*/targets/node.json")
    for play in ("by hand", "by hand, tuned"):
        if json.loads(targets.read_text()) != json.loads((directory / play / "node.json").read_text()):
            sys.exit(f"{hosts} hosts: the targets of render.yml and of the template {play} differ")
    return {play: Cost(*map(min, zip(*found, strict=True))) for play, found in costs.items()}


def above(costs: dict[str, Cost], play: str) -> float:
    """Return the CPU seconds of a play minus those of the trivial play."""
    return costs[play].cpu - costs["trivial"].cpu


def cpu_ratio(costs: dict[str, Cost]) -> float:
    """Return how many times the CPU time of the trivial play the playbook render takes."""
    return costs["render.yml"].cpu / costs["trivial"].cpu


def table(results: dict[int, dict[str, Cost]]) -> str:
    """Return all measurements as a table."""
    lines = [f"{'hosts':>6}  {'':<15} {'wall s':>7} {'CPU s':>7} {'above':>7} {'MiB':>6} {'ratio':>6}"]
    for hosts, costs in results.items():
        for play, cost in costs.items():
            ratio = cost.memory / costs["trivial"].memory
            line = f"{cost.wall:>7.2f} {cost.cpu:>7.2f} {above(costs, play):>7.2f} {cost.memory:>6.0f} {ratio:>6.2f}"
            lines.append(f"{hosts:>6}  {play:<15} {line}")
    return "\n".join(lines)


def limits(results: dict[int, dict[str, Cost]]) -> list[tuple[str, float, float, bool]]:
    """Return (name, measured value, limit, whether the value is within the limit) of each limit for the measured sizes."""
    found = []
    largest = results.get(10000)
    if largest:
        memory = largest["render.yml"].memory / largest["trivial"].memory
        found.append(("CPU time, times that of the trivial play, 10,000 hosts, at most", cpu_ratio(largest), 2.5))
        found.append(("memory, times that of the trivial play, 10,000 hosts, at most", memory, 1.5))
    if largest and 1000 in results:
        per_host = {hosts: above(results[hosts], "render.yml") / hosts for hosts in (1000, 10000)}
        found.append(("time per host, 10,000 hosts against 1,000, at most", per_host[10000] / per_host[1000], 1.3))
    kept = [(what, value, limit, value <= limit) for what, value, limit in found]
    if 5000 in results:
        ratio = above(results[5000], "by hand") / above(results[5000], "render.yml")
        kept.append(("times faster than by hand, 5,000 hosts, at least", ratio, 10.0, ratio >= 10.0))
    return kept


def draw(results: dict[int, dict[str, Cost]], path: Path) -> None:
    """Draw the CPU time by the number of hosts."""
    mpl.rcParams.update({"svg.hashsalt": "vigie", "svg.fonttype": "none", "font.family": "sans-serif"})
    figure, axes = plt.subplots(figsize=(8, 4.5))
    for play, label in LABELS.items():
        axes.plot(list(results), [costs[play].cpu for costs in results.values()], marker="o", label=label)
    axes.set(xlabel="hosts in the inventory", ylabel="CPU seconds of the whole run", xlim=0, ylim=0)
    axes.set_title("Rendering the targets of an inventory")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def machine() -> str:
    """Return the number of processors and their model."""
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{os.cpu_count()} processors ({found.group(1) if found else platform.machine()})"


def write_readme(results: dict[int, dict[str, Cost]], path: Path) -> None:
    """Replace the table of the benchmark in the README."""
    rows = [
        f"| {hosts:,} | {costs['trivial'].cpu:.1f} s | {costs['render.yml'].cpu:.1f} s | {cpu_ratio(costs):.2f} "
        f"| {costs['by hand'].cpu:.1f} s | {costs['by hand, tuned'].cpu:.1f} s |"
        for hosts, costs in results.items()
    ]
    today = datetime.datetime.now(datetime.timezone.utc).date()
    lines = [
        "| hosts | Ansible alone | `render` | ratio | a template over hostvars | each host looked up once |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
        f"CPU time of the whole run, measured on {today} with ansible-core {version('ansible-core')},",
        f"Python {platform.python_version()} and {machine()}.",
    ]
    before, begin, rest = path.read_text(encoding="utf-8").partition("<!-- benchmark: begin -->\n")
    end = "<!-- benchmark: end -->"
    path.write_text(f"{before}{begin}\n" + "\n".join(lines) + f"\n\n{end}{rest.partition(end)[2]}", encoding="utf-8")


def main() -> None:
    """Measure, print, draw, and fail if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=SIZES)
    parser.add_argument("--repeat", type=int, default=5, help="how often the fast plays run (%(default)s)")
    parser.add_argument("--picture", type=Path, default=PROJECT / "docs" / "benchmark.svg")
    arguments = parser.parse_args()
    results = {}
    for hosts in arguments.hosts:
        with tempfile.TemporaryDirectory() as directory:
            results[hosts] = measure(Path(directory), hosts, arguments.repeat)
    print(table(results))
    for what, value, limit, kept in (found := limits(results)):
        print(f"{'kept    ' if kept else 'EXCEEDED'}  {what} {limit:g}: {value:.2f}")
    draw(results, arguments.picture)
    print(f"drawn: {arguments.picture}")
    # The README shows the usual sizes only.
    if tuple(results) == SIZES:
        write_readme(results, PROJECT / "README.md")
    sys.exit(not all(kept for *_rest, kept in found))


if __name__ == "__main__":
    main()
