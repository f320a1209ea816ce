# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios' tests share: hosts to look at, and playbooks to run and to take apart."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import subprocess
import time
import typing as t
from pathlib import Path
from urllib.parse import quote

import pytest
import testinfra
import yaml
from playbook_runs import run_playbook

ROOT = Path(__file__).parents[1]
SHARED = ROOT / "molecule" / "shared" / "inventory"
SSH_CONFIG = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vigie" / "ssh" / "config"
# Results of the controller's own doing: no module was sent to the host.
LOCAL_ACTIONS = {
    "assert",
    "debug",
    "set_fact",
    "validate_argument_spec",
    "fail",
    "include_role",
    "import_role",
    "include_tasks",
    "meta",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests in another order where MOLECULE_TEST_ORDER says so: ``reversed``, or the seed of a random order.

    The tests of a module stay together, since they share what is made for the module.
    """
    order = os.environ.get("MOLECULE_TEST_ORDER")
    if order == "reversed":
        items.reverse()
    elif order:
        chance = random.Random(order)  # noqa: S311 - nothing secret
        places = {path: chance.random() for path in sorted({item.path for item in items})}
        items.sort(key=lambda item: (places[item.path], chance.random()))


@dataclasses.dataclass
class Play:
    """One run of ansible-playbook."""

    rc: int
    output: str
    results: list[dict[str, t.Any]]

    def of(self, host: str) -> list[dict[str, t.Any]]:
        """Return the results that the recap counts for *host*."""
        return [result for result in self.results if result["host"] == host]

    def remote(self, host: str) -> list[str]:
        """Return the actions whose modules ran on *host*, also by delegation; items of a loop count each."""
        return [r["action"] for r in self.results if r["on"] == host and not r["skipped"] and r["action"] not in LOCAL_ACTIONS]

    @property
    def changed(self) -> list[str]:
        """Return ``host: task`` of everything that changed."""
        return [f"{result['host']}: {result['task']}" for result in self.results if result["changed"]]

    def result(self, host: str, action: str) -> dict[str, t.Any]:
        """Return what the one task with *action* returned for *host*."""
        (found,) = [result for result in self.of(host) if result["action"] == action and not result["skipped"]]
        return found["res"]


class Scenario:
    """The scenario under test: its inventory, its hosts and its mirror."""

    # Whether a test, of any module, has left the fleet other than the inventory has it.
    torn = False

    def __init__(self, directory: Path, tmp: Path) -> None:
        """Read the inventory of the scenario in *directory*."""
        self.inventory = directory / "inventory"
        self._tmp = tmp
        listing = subprocess.run(
            [ROOT / ".venv/bin/ansible-inventory", "-i", self.inventory, "--list"],
            check=True,
            capture_output=True,
            text=True,
        )
        self._vars = json.loads(listing.stdout)["_meta"]["hostvars"]
        self.fleet = next(iter(self._vars.values()))["fleet_name"]

    def var(self, host: str, name: str) -> t.Any:
        """Return a variable of the inventory."""
        return self._vars[host][name]

    def on(self, host: str) -> t.Any:
        """Return testinfra's view of *host*, as root."""
        return testinfra.get_host(f"ssh://{self._vars[host]['ansible_host']}", ssh_config=str(SSH_CONFIG), sudo=True)

    @staticmethod
    def wait(
        true: t.Callable[[], t.Any], what: t.Callable[[], t.Any] = lambda: "it did not come about", seconds: int = 60
    ) -> None:
        """Wait until something is *true*; say *what* is instead. The time is for machines that do much else."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, what()
            time.sleep(0.5)

    def get(self, host: str, url: str) -> str:
        """Return what *url* answers, asked from *host*."""
        program = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())"
        return self.on(host).check_output("python3 -c %s %s", program, url)

    def prometheus(self, path: str, server: str = "monitor") -> t.Any:
        """Return the data that the Prometheus of *server* answers at a *path* of its API."""
        return json.loads(self.get(server, f"http://localhost:9090/api/v1/{path}"))["data"]

    def query(self, expression: str, server: str = "monitor") -> list[dict[str, t.Any]]:
        """Return the result of an instant query."""
        return self.prometheus(f"query?query={quote(expression)}", server)["result"]

    def targets(self, server: str = "monitor") -> list[dict[str, t.Any]]:
        """Return the active targets of a Prometheus."""
        return self.prometheus("targets?state=active", server)["activeTargets"]

    def play(self, playbook: str, *arguments: str, inventory: Path | None = None, **variables: t.Any) -> Play:
        """Run *playbook* on the scenario's inventory, or on another *inventory* in its place."""
        path, sources = ROOT / "playbooks" / playbook, [SHARED, inventory or self.inventory]
        runner = run_playbook(path, sources, self._tmp, " ".join(arguments), variables)
        return Play(
            runner.rc, runner.stdout.read(), _results(runner.events, {v["ansible_host"]: name for name, v in self._vars.items()})
        )

    def requests(self) -> list[dict[str, t.Any]]:
        """Return every request that the mirror has answered so far."""
        log = subprocess.run(["docker", "logs", f"vigie-{self.fleet}-mirror"], check=True, capture_output=True, text=True)
        return [json.loads(line) for line in log.stdout.splitlines()]

    def docker(self, verb: str, host: str) -> None:
        """Run ``docker VERB`` on the container of *host*."""
        subprocess.run(["docker", verb, f"vigie-{self.fleet}-{host}"], check=True, capture_output=True)

    def overlay(self, path: str, content: bytes | None) -> None:
        """Let the mirror serve *content* at *path*; None lets it serve its own again. See mirror_server.py for replies."""
        container = f"vigie-{self.fleet}-mirror"
        target = f"/srv/overlay/{path.lstrip('/')}"
        script = f"rm -f {target}" if content is None else f"mkdir -p $(dirname {target}) && cat > {target}"
        subprocess.run(["docker", "exec", "-i", container, "sh", "-c", script], input=content or b"", check=True)

    def renew(self, *hosts: str) -> None:
        """Make the containers of *hosts* again: nothing is left of what was done to them."""
        containers = [f"vigie-{self.fleet}-{host}" for host in hosts]
        subprocess.run(["docker", "rm", "--force", "--volumes", *containers], check=True, capture_output=True)
        self.heal()

    def put_back(self) -> None:
        """Let the inventory be in force again, where a test has left the fleet torn."""
        if self.torn:
            play = self.play("site.yml")
            assert play.rc == 0, play.output
            type(self).torn = False

    def heal(self) -> None:
        """Start what was killed."""
        subprocess.run([ROOT / ".venv/bin/python", ROOT / "tests/fleet/fleet.py", "up", self.inventory], check=True)


def _results(events: t.Iterable[dict[str, t.Any]], names: dict[str, str]) -> list[dict[str, t.Any]]:
    """Return the results of tasks.

    Of a loop, only the items tell where they ran: by an address, to which *names* has the host.
    """
    delegated: dict[tuple[str, str], str] = {}
    found = []
    for event in events:
        # What -v prints is an event, too.
        data = event.get("event_data") or {}
        if event["event"].startswith("runner_item_on_"):
            address = ((data.get("res") or {}).get("_ansible_delegated_vars") or {}).get("ansible_host")
            if address:
                delegated[data["host"], data["task_uuid"]] = names.get(address, address)
        result = _result(event)
        if result:
            found.append({**result, "on": delegated.get((data["host"], data["task_uuid"]), result["on"])})
    return found


def _result(event: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """Return one result of a task as the recap counts it, or None for other events."""
    kind = event["event"]
    if kind not in ("runner_on_ok", "runner_on_failed", "runner_on_skipped", "runner_on_unreachable"):
        return None
    data = event["event_data"]
    result = data.get("res") or {}
    delegated = (result.get("_ansible_delegated_vars") or {}).get("ansible_delegated_host")
    return {
        "host": data["host"],
        "on": delegated or data["host"],
        "task": data["task"],
        "action": data["task_action"].rpartition(".")[2],
        "skipped": kind == "runner_on_skipped",
        "failed": kind in ("runner_on_failed", "runner_on_unreachable"),
        "changed": bool(result.get("changed")) and kind == "runner_on_ok",
        "res": result,
    }


@pytest.fixture
def edited(scenario: Scenario, tmp_path: Path) -> t.Callable[..., Path]:
    """Return a function that copies the inventory with other variables for all hosts, and lets another one change its groups."""

    def edit(change: t.Callable[[dict[str, t.Any]], t.Any] = lambda _groups: None, **variables: t.Any) -> Path:
        copy = tmp_path / "inventory"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(scenario.inventory, copy)
        content = yaml.safe_load((copy / "hosts.yml").read_text())
        change(content["all"]["children"])
        (copy / "hosts.yml").write_text(yaml.safe_dump(content))
        if variables:
            # Behind the others by its name.
            (copy / "group_vars" / "all" / "zz.yml").write_text(yaml.safe_dump(variables))
        return copy

    return edit


@pytest.fixture
def torn(scenario: Scenario) -> None:
    """Let a test leave the fleet other than the inventory has it: what comes next finds it put back."""
    type(scenario).torn = True


@pytest.fixture(autouse=True)
def _whole(request: pytest.FixtureRequest) -> None:
    """Put back what a test has left torn, before the first one that does not tear itself."""
    if "scenario" in request.fixturenames and "torn" not in request.fixturenames:
        request.getfixturevalue("scenario").put_back()


@pytest.fixture(autouse=True, scope="module")
def _whole_for_the_module(scenario: Scenario) -> None:
    """Put back what another module has left torn, before what this one makes for all its tests."""
    scenario.put_back()


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """Return the scenario that molecule runs."""
    return Scenario(Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]), tmp_path_factory.mktemp("scenario"))
