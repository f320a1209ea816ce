# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret of the inventory is printed where a task fails: not at -vvv, not in the JSON that callbacks get.

The real playbooks and roles fail in the ways that need no host of its own: nothing that they look for is on this machine, nothing
listens where they ask, and modules fail before they change anything.
"""

from __future__ import annotations

import base64
import dataclasses
import http.server
import json
import threading
import typing as t
from pathlib import Path

import pytest
import yaml
from playbook_runs import run_playbook

ROOT = Path(__file__).parents[3]
SECRETS = {
    name: f"hunter2-{name}"
    for name in (
        "smtp",
        "matrix",
        "grafana",
        "web",
        "prometheusweb",
        "alertmanagerweb",
        "contactpoint",
        "scrape",
        "remote",
        "release",
        "consul",
        "slack",
        "telegram",
        "webhook",
        "postgres",
        "grafanasmtp",
        "blackbox",
        "textfile",
        "proxy",
    )
}
NOWHERE = "127.0.0.1:1"


def inventory(homeserver: str) -> dict[str, t.Any]:
    """Return hosts for every role, and every secret that a role can have."""
    variables = {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "monitoring_address": "{{ inventory_hostname }}.example.com",
        "monitoring_release_base_url": f"http://{NOWHERE}",
        "monitoring_release_token": SECRETS["release"],
        "release_service_download_environment": {"https_proxy": f"http://vigie:{SECRETS['proxy']}@{NOWHERE}"},
        **{
            f"{owner}_web": {"username": "prometheus", "password": SECRETS[secret], "password_hash": "$2y$10$abcdefghijklmnopqr"}
            for owner, secret in (("monitoring", "web"), ("prometheus", "prometheusweb"), ("alertmanager", "alertmanagerweb"))
        },
        "alertmanager_smtp": {
            "smarthost": NOWHERE,
            "from": "a@example.com",
            "username": "vigie",
            "password": SECRETS["smtp"],
        },
        "alertmanager_contacts": {
            "ops": {"mail": "ops@example.com"},
            "room": {"matrix": {"homeserver": homeserver, "room": "!a:example.com", "access_token": SECRETS["matrix"]}},
            "chat": {
                "slack": f"http://{NOWHERE}/{SECRETS['slack']}",
                "telegram": {"bot_token": SECRETS["telegram"], "chat_id": 7},
                "webhook": f"http://{NOWHERE}/{SECRETS['webhook']}",
            },
        },
        "grafana_admin_password": SECRETS["grafana"],
        "grafana_config": {"smtp": {"password": SECRETS["grafanasmtp"]}},
        "grafana_alerting": {
            "contact_points": [
                {
                    "name": "shop",
                    "receivers": [
                        {
                            "uid": "shop-hook",
                            "type": "webhook",
                            "settings": {
                                "url": f"http://{NOWHERE}/{SECRETS['contactpoint']}",
                                "username": "a",
                                "password": SECRETS["contactpoint"],
                            },
                        }
                    ],
                }
            ]
        },
        "grafana_apt_key_url": f"http://{NOWHERE}/key",
        "grafana_listen_address": "127.0.0.1",
        "grafana_port": 1,
        "prometheus_port": 2,
        "alertmanager_port": 3,
        "prometheus_verify_timeout": 1,
        "prometheus_extra_scrape_configs": [
            {"job_name": "own", "basic_auth": {"username": "a", "password": SECRETS["scrape"]}, "static_configs": []},
            {"job_name": "consul", "consul_sd_configs": [{"server": NOWHERE, "token": SECRETS["consul"]}]},
        ],
        "prometheus_extra_config": {
            "remote_write": [{"url": f"http://{NOWHERE}/", "basic_auth": {"username": "a", "password": SECRETS["remote"]}}]
        },
        "blackbox_exporter_modules": {
            "http_2xx": {"prober": "http", "http": {"basic_auth": {"username": "a", "password": SECRETS["blackbox"]}}}
        },
        "node_exporter_textfile_scripts": [{"name": "orders", "script": f"#!/bin/sh\nTOKEN={SECRETS['textfile']}"}],
        "postgres_exporter_uri": "db.example.com:5432/postgres",
        "postgres_exporter_database_user": "exporter",
        "postgres_exporter_password": SECRETS["postgres"],
    }
    roles = sorted(path.parents[1].name for path in ROOT.glob("roles/*/monitoring/scrape.yml"))
    servers = {role: {"hosts": {f"{role.replace('_', '-')}-host": None}} for role in roles}
    return {"all": {"vars": variables, "children": {**servers, "firewall": {"hosts": {"prometheus-host": None}}}}}


@dataclasses.dataclass
class Run:
    """What a run said: on the terminal, and to callbacks."""

    rc: int
    said: str
    # The names of the tasks that failed.
    failed: set[str]


class Homeserver(http.server.BaseHTTPRequestHandler):
    """Refuses every token, as Matrix does."""

    def do_GET(self) -> None:
        """Answer."""
        body = json.dumps({"errcode": "M_UNKNOWN_TOKEN", "error": "Invalid access token passed."}).encode()
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: t.Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def homeserver() -> t.Iterator[str]:
    """Return the URL of a homeserver that refuses every token."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Homeserver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def play(tmp_path: Path, homeserver: str) -> t.Callable[..., Run]:
    """Return a function that runs a playbook, by its name or its content, with all secrets set."""

    def run(playbook: str | list[dict[str, t.Any]], arguments: str = "", **variables: t.Any) -> Run:
        hosts = tmp_path / "hosts.yml"
        hosts.write_text(yaml.safe_dump(inventory(homeserver)))
        path = ROOT / f"playbooks/{playbook}.yml"
        if not isinstance(playbook, str):
            path = tmp_path / "mine.yml"
            path.write_text(yaml.safe_dump(playbook))
        runner = run_playbook(path, [hosts], tmp_path, f"-vvv {arguments}", variables)
        events = list(runner.events)
        failed = {
            event["event_data"]["task"] for event in events if event["event"] in ("runner_on_failed", "runner_on_unreachable")
        }
        return Run(runner.rc, runner.stdout.read() + json.dumps(events), failed)

    return run


def leaked(run: Run) -> list[str]:
    """Return the names of the secrets that *run* said, in clear or as HTTP's basic authentication."""
    found = []
    for name, secret in SECRETS.items():
        forms = [secret] + [base64.b64encode(f"{user}:{secret}".encode()).decode() for user in ("a", "admin", "prometheus")]
        if any(form in run.said for form in forms):
            found.append(name)
    return found


def role(name: str, tasks_from: str = "main") -> list[dict[str, t.Any]]:
    """Return a play that runs tasks of a role on its hosts."""
    imported = {"ansible.builtin.import_role": {"name": f"vigie.monitoring.{name}", "tasks_from": tasks_from}}
    return [{"hosts": name, "gather_facts": False, "tasks": [imported]}]


# By what fails: the playbook, the arguments, the variables, and tasks that must have failed.
PATHS: dict[str, tuple[t.Any, str, dict[str, t.Any], set[str]]] = {
    "nothing there": (
        "site",
        "--check",
        {},
        {"Fail if a homeserver rejects a Matrix account", "Update the metrics frontend in HAProxy's configuration"},
    ),
    "no module runs": (
        "site",
        "--check",
        {"ansible_python_interpreter": "/nonexistent/python3"},
        {"Deploy the release, its unit and its configuration"},
    ),
    "no host answers": (
        "site",
        "--check --tags alertmanager",
        {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
        {"Fail for the host that has failed"},
    ),
    "no amtool": ("offboard", "--check -e host=node-exporter-host", {}, {"Fail if no Alertmanager answers"}),
    "no Alertmanager": (
        "silence",
        "--limit node-exporter-host",
        {"for": "2h", "why": "disk"},
        {"Fail if no Alertmanager answers"},
    ),
    "no server to verify": ("verify", "", {}, {"Fail if the deployment differs from the inventory"}),
    "no Grafana": (role("grafana", "password"), "", {}, {"Sign in to Grafana with the administrator password"}),
    "a mistake in the inventory": (
        "site",
        "--check",
        {"alertmanager_routes": [{"match": {"no_such": "x"}, "contact": "nobody"}]},
        {"Validate the inventory, the tags and the limit before anything changes"},
    ),
    "wrong arguments": (
        "site",
        "--check --tags alertmanager,grafana,node_exporter",
        {f"{name}_state": "no such" for name in ("alertmanager", "node_exporter")},
        set(),
    ),
    # Nothing of these tasks fails in check mode; what their loops print is the same.
    "scripts": (
        [
            *role("node_exporter", "collectors"),
            {"hosts": "node_exporter", "tasks": [{"name": "End", "ansible.builtin.fail": {}}]},
        ],
        "--check",
        {},
        {"End"},
    ),
    "no promtool": (
        role("prometheus", "refresh"),
        "",
        {"prometheus_user": "root"},
        {"Refresh targets, rules and configuration of the Prometheus servers"},
    ),
}


@pytest.mark.parametrize("path", PATHS)
def test_what_fails_prints_no_secret(play: t.Callable[..., Run], tmp_path: Path, path: str) -> None:
    """It fails where it is to fail, and says why."""
    playbook, arguments, variables, fails = PATHS[path]
    run = play(playbook, arguments, prometheus_config_dir=str(tmp_path / "prometheus"), **variables)
    assert leaked(run) == []
    assert run.rc != 0, run.said
    assert fails <= run.failed, run.failed
