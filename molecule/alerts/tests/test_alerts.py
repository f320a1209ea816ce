# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test the way of an alert from a failed service to the message that a contact receives.

The tests share a fleet and run in any order.
"""

from __future__ import annotations

import shutil
import time
import typing as t
from pathlib import Path

import pytest
import yaml

CHATS = ("rocketchat", "slack", "mattermost", "telegram")
SECRETS = ("first-secret", "second-secret")


def firing(scenario: t.Any, name: str) -> set[tuple[str, str]]:
    """Return the host and the severity of each firing alert with this name."""
    return {
        (alert["labels"]["host"], alert["labels"]["severity"])
        for alert in scenario.prometheus("alerts", "monitor1")["alerts"]
        if alert["labels"]["alertname"] == name and alert["state"] == "firing"
    }


@pytest.fixture
def edited(scenario: t.Any, tmp_path: Path) -> t.Callable[..., Path]:
    """Return a function that copies the inventory and changes variables of all hosts."""

    def edit(**variables: t.Any) -> Path:
        shutil.copytree(scenario.inventory, tmp_path / "inventory")
        (tmp_path / "inventory/group_vars/all/zz.yml").write_text(yaml.safe_dump(variables).replace("'{{", "!unsafe '{{"))
        return tmp_path / "inventory"

    return edit


def test_an_alert_arrives_once_at_whom_it_is_for_and_so_does_its_end(scenario: t.Any, inbox: t.Any) -> None:
    """Mail and four chats receive the alert once, with host, function, summary and links. Other contacts receive nothing."""
    inbox.messages.clear()
    scenario.on("sms1").check_output("systemctl stop node_exporter mtail")
    began = time.monotonic()
    text = inbox.wait(200, "sms@example.com", "FIRING", "HostDown")
    print(f"from the stop to the mail: {time.monotonic() - began:.0f} s (the alert waits 120 s)\n{text}")
    assert text.startswith("[FIRING 1] CRITICAL sms1 is down\n")
    for word in (
        "host=sms1",
        "function=sms",
        "No exporter on sms1 answers Prometheus.",
        "https://example.com/roles/prometheus/monitoring/runbook.md#hostdown",
        "graph: http",
    ):
        assert word in text
    for chat in CHATS:
        assert "No exporter on sms1 answers Prometheus." in inbox.wait(20, chat, "sms1 is down")
    # The second Alertmanager would send its notification 15 s later.
    time.sleep(20)
    for contact in ("sms@example.com", *CHATS):
        assert len(inbox.of(contact, "FIRING", "sms1 is down")) == 1
    assert {to for to, text in inbox.messages if "sms1" in text} == {"sms@example.com", *CHATS}

    scenario.on("sms1").check_output("systemctl start node_exporter mtail")
    text = inbox.wait(60, "sms@example.com", "RESOLVED", "HostDown")
    assert text.startswith("[RESOLVED] CRITICAL sms1 is down\n")
    assert ", until " in text
    inbox.wait(20, "mattermost", "RESOLVED")


def test_with_one_alertmanager_gone_it_arrives_still_once(scenario: t.Any, inbox: t.Any) -> None:
    """Every Prometheus sends to all Alertmanagers. The remaining Alertmanager does not wait for the other one forever."""
    # The other Alertmanager receives the list of sent notifications a moment later.
    time.sleep(5)
    scenario.on("monitor1").check_output("systemctl kill --signal KILL alertmanager; systemctl stop alertmanager")
    inbox.messages.clear()
    scenario.on("sms1").check_output("systemctl stop node_exporter mtail")
    inbox.wait(220, "sms@example.com", "FIRING", "HostDown")
    time.sleep(20)
    assert len(inbox.of("sms@example.com", "FIRING", "HostDown")) == 1
    for host, service in (("sms1", "node_exporter mtail"), ("monitor1", "alertmanager")):
        scenario.on(host).check_output(f"systemctl start {service}")
    inbox.wait(60, "sms@example.com", "RESOLVED", "HostDown")


def test_a_threshold_of_one_host_is_for_that_host_alone(scenario: t.Any, inbox: t.Any) -> None:
    """The threshold of web1 is 0.1%. Its alert fires and reaches the default contact. The alert fires for no other host."""
    deadline = time.monotonic() + 330
    while not firing(scenario, "HostMemoryUsed"):
        assert time.monotonic() < deadline
        time.sleep(2)
    assert firing(scenario, "HostMemoryUsed") == {("web1", "warning")}
    assert inbox.of("refused") == []


def test_no_secret_is_seen(scenario: t.Any, edited: t.Any) -> None:
    """Other users, the process list, the journal and the output of Ansible show no secret."""
    machine = scenario.on("monitor1")
    config = machine.file("/etc/alertmanager/alertmanager.yml")
    assert all(secret in config.content_string for secret in SECRETS)
    real = machine.file(machine.check_output("readlink -f /etc/alertmanager/alertmanager.yml"))
    assert (real.mode, real.user) == (0o600, "alertmanager")
    seen = machine.check_output("ps auxeww; journalctl --no-pager")
    play = scenario.play("site.yml", "--tags", "alertmanager", "--diff", "-vvv", inventory=edited(alertmanager_group_wait="2s"))
    assert play.rc == 0, play.output
    assert play.result("monitor1", "release")["actions"] == ["config", "reload"]
    for text in (seen, play.output, machine.check_output("journalctl --no-pager")):
        assert not any(secret in text for secret in SECRETS)
    assert scenario.play("site.yml", "--tags", "alertmanager").rc == 0


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"alertmanager_routes": [{"match": {"function": "sms"}, "contact": "team-sns"}]},
            "unknown contact. alertmanager_contacts has ops",
        ),
        ({"alertmanager_routes": [{"match": {"function": "sms"}}]}, "the route has no contact"),
        ({"alertmanager_routes": [{"match": {"functoin": "sms"}, "contact": "ops"}]}, "no target and no rule has this label"),
        ({"alertmanager_routes": [{"match_regex": {"function": "s(ms"}, "contact": "ops"}]}, "not a valid regular expression"),
        # This is a regular expression of Python, but not of Alertmanager: amtool refuses the configuration.
        ({"alertmanager_routes": [{"match_regex": {"function": "(?=s)"}, "contact": "ops"}]}, "amtool rejects the configuration"),
        ({"alertmanager_templates": {"mine": "{{ nonsense }}"}}, "amtool rejects the configuration"),
    ],
)
def test_a_mistake_changes_nothing(scenario: t.Any, edited: t.Any, variables: dict[str, t.Any], message: str) -> None:
    """An invalid configuration changes nothing, with and without check mode."""
    machine = scenario.on("monitor1")
    look = "find /etc/alertmanager ! -type d -printf '%p %l %T@\\n' | sort; systemctl show -p MainPID alertmanager"
    before = machine.check_output(look)
    play = scenario.play("site.yml", "--tags", "alertmanager", inventory=edited(**variables))
    assert play.rc != 0
    assert message in " ".join(play.output.split())
    assert play.changed == []
    assert machine.check_output(look) == before
