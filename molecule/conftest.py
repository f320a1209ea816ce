# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of all scenarios: access to the hosts, and playbook runs with their results."""

from __future__ import annotations

import base64
import contextlib
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
PORTS = {"prometheus": 9090, "alertmanager": 9093, "victoria_metrics": 8428, "vmauth": 8427}
# A program for the hosts: method, URL, user name and password in Base64 or an empty text.
ASK = (
    "import ssl, sys, urllib.request as u; method, url, login = sys.argv[1:]; "
    "request = u.Request(url, method=method, headers={'Authorization': 'Basic ' + login} if login else {}); "
    "print(u.urlopen(request, timeout=5, context=ssl._create_unverified_context()).read().decode())"
)
# Actions that run on the controller only and send no module to the host.
LOCAL_ACTIONS = {
    "assert",
    "debug",
    "set_fact",
    "validate_argument_spec",
    "fail",
    "group_by",
    "include_role",
    "import_role",
    "include_tasks",
    "meta",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests in the order of MOLECULE_TEST_ORDER: ``reversed``, or the seed of a random order.

    Tests of a module stay together, because they share fixtures.
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

    def remote(self, host: str, play: str = "") -> list[str]:
        """Return the actions whose modules ran on *host*, also by delegation. Each item of a loop counts.

        :param play: count the actions of this play only.
        """
        return [
            result["action"]
            for result in self.results
            if not result["skipped"] and result["action"] not in LOCAL_ACTIONS and play in ("", result["play"])
            for _item in range(result["items"].count(host) if result["items"] else result["on"] == host)
        ]

    @property
    def changed(self) -> list[str]:
        """Return ``host: task`` of each changed result."""
        return [f"{result['host']}: {result['task']}" for result in self.results if result["changed"]]

    def result(self, host: str, action: str) -> dict[str, t.Any]:
        """Return the result of the one task with *action* on *host*."""
        (found,) = [result for result in self.of(host) if result["action"] == action and not result["skipped"]]
        return found["res"]


class Scenario:
    """The scenario under test: its inventory, its hosts and its mirror."""

    # Whether a test of any module has left the fleet in another state than the inventory.
    torn = False

    def __init__(self, directory: Path, tmp: Path) -> None:
        """Read the inventory of the scenario in *directory*."""
        self.inventory = directory / "inventory"
        self._tmp = tmp
        self._served_with: dict[str, t.Any] | None = None
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
        """Return the testinfra host of *host*, as root."""
        return testinfra.get_host(f"ssh://{self._vars[host]['ansible_host']}", ssh_config=str(SSH_CONFIG), sudo=True)

    @staticmethod
    def wait(
        true: t.Callable[[], t.Any], what: t.Callable[[], t.Any] = lambda: "it did not come about", seconds: int = 60
    ) -> None:
        """Wait until a condition is *true*, or fail with *what*. The timeout allows for slow machines."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, what()
            time.sleep(0.5)

    def get(self, host: str, url: str) -> str:
        """Return the answer of *url* to a request from *host*."""
        program = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())"
        return self.on(host).check_output("python3 -c %s %s", program, url)

    def web(self, host: str, role: str) -> dict[str, t.Any]:
        """Return the settings for TLS and the password of the server *role* on *host*; an empty dictionary without both."""
        if self._served_with is not None:
            return self._served_with
        variables = self._vars[host]
        return variables.get(f"{role}_web", variables.get("monitoring_web")) or {}

    @contextlib.contextmanager
    def served_with(self, web: dict[str, t.Any]) -> t.Iterator[None]:
        """Use *web* for the requests to servers that a test has deployed with another monitoring_web than the inventory's."""
        self._served_with = web
        try:
            yield
        finally:
            self._served_with = None

    def ask(self, host: str, role: str, path: str, method: str = "GET") -> str:
        """Return the answer of the server *role* on *host* to a request from this host."""
        web = self.web(host, role)
        url = f"{'https' if web.get('cert_file') else 'http'}://localhost:{PORTS[role]}{path}"
        login = base64.b64encode(f"{web['username']}:{web['password']}".encode()).decode() if web.get("username") else ""
        return self.on(host).check_output("python3 -c %s %s %s %s", ASK, method, url, login)

    def prometheus(self, path: str, server: str = "monitor") -> t.Any:
        """Return the data at a *path* of the API of the Prometheus on *server*."""
        return json.loads(self.ask(server, "prometheus", f"/api/v1/{path}"))["data"]

    def query(self, expression: str, server: str = "monitor") -> list[dict[str, t.Any]]:
        """Return the result of an instant query."""
        return self.prometheus(f"query?query={quote(expression)}", server)["result"]

    def targets(self, server: str = "monitor") -> list[dict[str, t.Any]]:
        """Return the active targets of a Prometheus."""
        return self.prometheus("targets?state=active", server)["activeTargets"]

    def play(self, playbook: str, *arguments: str, inventory: Path | None = None, **variables: t.Any) -> Play:
        """Run *playbook* with the inventory of the scenario, or with another *inventory*."""
        path, sources = ROOT / "playbooks" / playbook, [SHARED, inventory or self.inventory]
        runner = run_playbook(path, sources, self._tmp, " ".join(arguments), variables)
        return Play(
            runner.rc, runner.stdout.read(), _results(runner.events, {v["ansible_host"]: name for name, v in self._vars.items()})
        )

    def requests(self) -> list[dict[str, t.Any]]:
        """Return all requests that the mirror has answered."""
        log = subprocess.run(["docker", "logs", f"vigie-{self.fleet}-mirror"], check=True, capture_output=True, text=True)
        return [json.loads(line) for line in log.stdout.splitlines()]

    def docker(self, verb: str, host: str) -> None:
        """Run ``docker VERB`` on the container of *host*."""
        subprocess.run(["docker", verb, f"vigie-{self.fleet}-{host}"], check=True, capture_output=True)

    def overlay(self, path: str, content: bytes | None) -> None:
        """Serve *content* at *path* of the mirror. None restores the original file. See mirror_server.py for special replies."""
        container = f"vigie-{self.fleet}-mirror"
        target = f"/srv/overlay/{path.lstrip('/')}"
        script = f"rm -f {target}" if content is None else f"mkdir -p $(dirname {target}) && cat > {target}"
        subprocess.run(["docker", "exec", "-i", container, "sh", "-c", script], input=content or b"", check=True)

    def renew(self, *hosts: str) -> None:
        """Create the containers of *hosts* again, without any changes."""
        containers = [f"vigie-{self.fleet}-{host}" for host in hosts]
        subprocess.run(["docker", "rm", "--force", "--volumes", *containers], check=True, capture_output=True)
        self.heal()

    def put_back(self) -> None:
        """Deploy the inventory again, if a test has changed the fleet."""
        if self.torn:
            play = self.play("site.yml")
            assert play.rc == 0, play.output
            type(self).torn = False

    def heal(self) -> None:
        """Start the containers that tests have stopped."""
        subprocess.run([ROOT / ".venv/bin/python", ROOT / "tools/fleet/fleet.py", "up", self.inventory], check=True)


def _results(events: t.Iterable[dict[str, t.Any]], names: dict[str, str]) -> list[dict[str, t.Any]]:
    """Return the results of tasks. The items of a loop only have the address of their host: *names* maps addresses to hosts."""
    delegated: dict[tuple[str, str], list[str]] = {}
    found = []
    for event in events:
        # The output of -v is an event, too.
        data = event.get("event_data") or {}
        if event["event"].startswith("runner_item_on_"):
            address = ((data.get("res") or {}).get("_ansible_delegated_vars") or {}).get("ansible_host")
            if address:
                delegated.setdefault((data["host"], data["task_uuid"]), []).append(names.get(address, address))
        result = _result(event)
        if result:
            items = delegated.get((data["host"], data["task_uuid"]), [])
            found.append({**result, "on": items[-1] if items else result["on"], "items": items})
    return found


def _result(event: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """Return the result of a task as the recap counts it, or None for other events."""
    kind = event["event"]
    if kind not in ("runner_on_ok", "runner_on_failed", "runner_on_skipped", "runner_on_unreachable"):
        return None
    data = event["event_data"]
    result = data.get("res") or {}
    delegated = (result.get("_ansible_delegated_vars") or {}).get("ansible_delegated_host")
    return {
        "host": data["host"],
        "on": delegated or data["host"],
        "play": data["play"],
        "task": data["task"],
        "action": data["task_action"].rpartition(".")[2],
        "skipped": kind == "runner_on_skipped",
        "failed": kind in ("runner_on_failed", "runner_on_unreachable"),
        "changed": bool(result.get("changed")) and kind == "runner_on_ok",
        "res": result,
    }


@pytest.fixture
def edited(scenario: Scenario, tmp_path: Path) -> t.Callable[..., Path]:
    """Return a function that copies the inventory, changes variables of all hosts, and passes the groups to a callback."""

    def edit(change: t.Callable[[dict[str, t.Any]], t.Any] = lambda _groups: None, **variables: t.Any) -> Path:
        copy = tmp_path / "inventory"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(scenario.inventory, copy)
        content = yaml.safe_load((copy / "hosts.yml").read_text())
        change(content["all"]["children"])
        (copy / "hosts.yml").write_text(yaml.safe_dump(content))
        if variables:
            # The name makes Ansible read this file after the others.
            (copy / "group_vars" / "all" / "zz.yml").write_text(yaml.safe_dump(variables))
        return copy

    return edit


@pytest.fixture
def torn(scenario: Scenario) -> None:
    """Allow a test to leave the fleet in another state than the inventory. The next test finds the fleet restored."""
    type(scenario).torn = True


@pytest.fixture(autouse=True)
def _whole(request: pytest.FixtureRequest) -> None:
    """Restore the fleet before the first test without the fixture ``torn``."""
    if "scenario" in request.fixturenames and "torn" not in request.fixturenames:
        request.getfixturevalue("scenario").put_back()


@pytest.fixture(autouse=True, scope="module")
def _whole_for_the_module(scenario: Scenario) -> None:
    """Restore the fleet that another module has changed, before the fixtures of this module."""
    scenario.put_back()


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """Return the scenario that Molecule runs."""
    return Scenario(Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]), tmp_path_factory.mktemp("scenario"))
