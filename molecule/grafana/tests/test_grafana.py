# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Grafana's role, on a stand-in for its server. The tests share a fleet, and run in any order.

monitor has Grafana from a repository, archive has it from an archive.
"""

from __future__ import annotations

import json
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
HOSTS = ("monitor", "archive")
OLDER = "13.0.1"
VERSION = yaml.safe_load((ROOT / "roles/grafana/defaults/main.yml").read_text())["grafana_version"]
SOURCES = {"prometheus-monitor": "Prometheus (monitor)", "alertmanager-monitor": "Alertmanager (monitor)"}
PAGES = {"vigie-fleet", "vigie-node", "vigie-supervisord", "vigie-prometheus", "vigie-alertmanager"}
ALERTING_FILE = "/etc/grafana/provisioning/alerting/vigie.yml"
ASK = """
import json, ssl, sys, urllib.error, urllib.request as u
url, password = sys.argv[1:]
request = u.Request(url)
import base64
request.add_header("Authorization", "Basic " + base64.b64encode(b"admin:" + password.encode()).decode())
context = ssl._create_unverified_context()
try:
    print(u.urlopen(request, timeout=5, context=context).read().decode())
except urllib.error.HTTPError as error:
    print(json.dumps({"status": error.code}))
"""


def ask(scenario: t.Any, host: str, path: str, password: str | None = None, scheme: str = "http") -> t.Any:
    """Return the answer of the Grafana on *host* to the administrator, or ``status`` of an error."""
    password = scenario.var(host, "grafana_admin_password") if password is None else password
    return json.loads(scenario.on(host).check_output("python3 -c %s %s %s", ASK, f"{scheme}://localhost:3000{path}", password))


def sources(scenario: t.Any, host: str) -> dict[str, str]:
    """Return the names of the data sources by UID."""
    return {source["uid"]: source["name"] for source in ask(scenario, host, "/api/datasources")}


def pages(scenario: t.Any, host: str) -> dict[str, str]:
    """Return the folders of the dashboards by UID."""
    return {page["uid"]: page["folderTitle"] for page in ask(scenario, host, "/api/search")}


def started(scenario: t.Any, host: str) -> str:
    """Return values that change when Grafana starts."""
    return scenario.on(host).check_output("systemctl show --property InvocationID --value grafana-server")


@pytest.fixture
def bare(scenario: t.Any) -> None:
    """Provide hosts without any deployment. Debian's repository is not reachable from these hosts."""
    if any(scenario.on(host).file("/opt/vigie").exists for host in HOSTS):
        scenario.renew(*HOSTS)
        for host in HOSTS:
            scenario.on(host).check_output("rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*")


@pytest.fixture(autouse=True)
def deployed(request: pytest.FixtureRequest, scenario: t.Any) -> None:
    """Provide Grafana on both hosts to every test that does not need bare hosts."""
    if "bare" in request.fixturenames or all(scenario.on(host).service("grafana-server").is_running for host in HOSTS):
        return
    play = scenario.play("site.yml")
    assert play.rc == 0, play.output


@pytest.mark.usefixtures("bare")
def test_a_fresh_host_is_predicted_and_told_what_it_lacks(scenario: t.Any, edited: t.Callable[..., Path]) -> None:
    """Check mode works on bare containers. A missing repository, a wrong key and a wrong package fail with the reason."""
    predicted = scenario.play("site.yml", "--check")
    assert predicted.rc == 0, predicted.output
    for host in HOSTS:
        assert f"{host}: Deploy the release, its unit and its configuration" in predicted.changed
        assert not scenario.on(host).file("/etc/grafana").exists

    lost = scenario.play("site.yml", "--tags grafana --limit monitor", grafana_apt_url="http://198.18.8.2/nowhere")
    assert lost.rc != 0
    assert "http://198.18.8.2/nowhere/gpg-full.key" in lost.output
    forged = scenario.play("site.yml", "--tags grafana --limit monitor", grafana_apt_key_checksum=f"sha256:{'0' * 64}")
    assert forged.rc != 0
    assert "did not match" in forged.output
    wrong = scenario.play("site.yml", "--tags grafana --limit archive", grafana_checksums={"amd64": "0" * 64, "arm64": "0" * 64})
    assert wrong.rc != 0
    assert "0" * 64 in wrong.output
    nothing = scenario.play("site.yml", "--tags grafana --limit monitor", inventory=edited(), grafana_admin_password="")
    assert nothing.rc != 0
    assert "grafana_admin_password" in nothing.output
    for host in HOSTS:
        assert not scenario.on(host).file("/etc/grafana").exists


@pytest.mark.usefixtures("bare")
def test_it_is_deployed_with_nothing_left_to_click(scenario: t.Any) -> None:
    """The data sources answer, the dashboards are in their folder, with a package and with an archive."""
    play = scenario.play("site.yml")
    assert play.rc == 0, play.output
    for host in HOSTS:
        assert ask(scenario, host, "/api/health")["version"] == VERSION
        assert sources(scenario, host) == SOURCES
        # The other host connects through the firewall.
        assert ask(scenario, host, "/api/datasources/uid/prometheus-monitor/health")["status"] == "OK"
        assert ask(scenario, host, "/api/datasources/proxy/uid/alertmanager-monitor/api/v2/status")["cluster"]
        assert pages(scenario, host) == dict.fromkeys(PAGES, "Vigie")
    again = scenario.play("site.yml")
    assert (again.rc, again.changed) == (0, []), again.output
    # The target files, the installed package, the repository, the password, the silences, and the service.
    assert [action for action in again.remote("monitor") if action in ("get_url", "copy", "shell", "apt", "uri")] == [
        "shell",
        "shell",
        "copy",
        "uri",
        "uri",
    ]
    predicted = scenario.play("site.yml", "--check --diff")
    assert (predicted.rc, predicted.changed) == (0, []), predicted.output


def test_the_host_is_as_an_operator_expects_it(scenario: t.Any) -> None:
    """The key is for this repository only, only Grafana can read the files, and the home page is the overview dashboard."""
    monitor = scenario.on("monitor")
    assert "Signed-By: /etc/apt/keyrings/grafana.asc" in monitor.file("/etc/apt/sources.list.d/grafana.sources").content_string
    assert not monitor.file("/etc/apt/trusted.gpg.d").listdir() or "grafana" not in str(
        monitor.file("/etc/apt/trusted.gpg.d").listdir()
    )
    assert monitor.package("grafana").version == VERSION
    for host in HOSTS:
        for path in (
            "grafana.ini",
            "admin_password",
            "provisioning/datasources/vigie.yml",
            "vigie/dashboards/Vigie/grafana.json",
        ):
            file = scenario.on(host).file(f"/etc/grafana/{path}")
            assert (file.user, file.group, file.mode) == ("root", "grafana", 0o640), path
        ini = scenario.on(host).file("/etc/grafana/grafana.ini").content_string
        assert "default_home_dashboard_path = /etc/grafana/vigie/dashboards/Vigie/grafana.json" in ini
        assert "[auth.anonymous]\nenabled = false" in ini
        assert scenario.var(host, "grafana_admin_password") not in ini
    verdict = scenario.on("archive").check_output("systemd-analyze security --no-pager grafana-server.service | tail -n 1")
    assert float(re.search(r": (\d+\.\d)", verdict).group(1)) <= 2.0, verdict


def test_a_page_has_the_fleets_labels(scenario: t.Any) -> None:
    """The dashboard has a variable for a label with several values, and none for a label with one value.

    The queries use the variable.
    """
    page = json.loads(scenario.on("monitor").file("/etc/grafana/vigie/dashboards/Vigie/node_exporter.json").content_string)
    names = [variable["name"] for variable in page["templating"]["list"]]
    assert names == ["datasource", "function", "node"]
    expressions = [target["expr"] for panel in page["panels"] for target in panel.get("targets", [])]
    assert expressions
    assert all('host=~"$node",function=~"$function"' in expression for expression in expressions)


def test_a_password_is_changed_and_nobody_sees_it(scenario: t.Any, edited: t.Callable[..., Path]) -> None:
    """No process list shows the password, and Grafana does not restart.

    The role replaces a password that somebody else has set.
    """
    before = started(scenario, "monitor")
    watch = "while sleep 0.01; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' >> /tmp/seen; done"
    scenario.on("monitor").check_output("systemd-run --unit watch sh -c %s", watch)
    inventory = edited(grafana_admin_password="another `one`;")
    play = scenario.play("site.yml", "--tags grafana --diff", inventory=inventory)
    scenario.on("monitor").check_output("systemctl stop watch")
    assert play.rc == 0, play.output
    assert {name.partition(": ")[2] for name in play.changed} == {
        "Deploy the release, its unit and its configuration",
        "Set Grafana's administrator password",
    }
    assert "another `one`;" not in play.output
    seen = scenario.on("monitor").file("/tmp/seen").content_string
    assert "reset-admin-password" in seen
    assert "another" not in seen
    assert started(scenario, "monitor") == before
    assert ask(scenario, "monitor", "/api/user", password="another `one`;")["login"] == "admin"
    assert ask(scenario, "monitor", "/api/user")["status"] == 401
    # The old password is set again, as if somebody had changed it by hand.
    again = scenario.play("site.yml", "--tags grafana")
    assert again.rc == 0, again.output
    cli = (
        "runuser -u grafana -- /usr/share/grafana/bin/grafana cli --homepath=/usr/share/grafana --config=/etc/grafana/grafana.ini"
    )
    scenario.on("monitor").check_output(f"echo by-hand | {cli} admin reset-admin-password --password-from-stdin")
    # This is the fourth wrong password. After the fifth, Grafana locks the account.
    back = scenario.play("site.yml", "--tags grafana --limit monitor")
    assert (back.rc, back.changed) == (0, ["monitor: Set Grafana's administrator password"]), back.output
    assert ask(scenario, "monitor", "/api/user")["login"] == "admin"


def test_only_what_has_to_is_restarted(scenario: t.Any, edited: t.Callable[..., Path]) -> None:
    """Dashboards need no restart, data sources need one. Removed data sources and dashboards leave Grafana."""
    before = started(scenario, "monitor")

    def leave(groups: dict[str, t.Any]) -> None:
        del groups["node_exporter"]

    play = scenario.play("site.yml", "--tags grafana", inventory=edited(leave))
    assert play.rc == 0, play.output
    scenario.wait(
        lambda: set(pages(scenario, "monitor")) == PAGES - {"vigie-node", "vigie-supervisord"}, lambda: pages(scenario, "monitor")
    )
    assert started(scenario, "monitor") == before

    def silence(groups: dict[str, t.Any]) -> None:
        del groups["alertmanager"]

    play = scenario.play("site.yml", "--tags grafana", inventory=edited(silence))
    assert play.rc == 0, play.output
    assert started(scenario, "monitor") != before
    assert sources(scenario, "monitor") == {"prometheus-monitor": "Prometheus (monitor)"}
    assert scenario.play("site.yml", "--tags grafana").rc == 0
    assert sources(scenario, "archive") == SOURCES


def test_what_grafana_refuses_is_taken_back(scenario: t.Any, edited: t.Callable[..., Path]) -> None:
    """The run shows the error of Grafana, and restores the previous configuration."""
    ini = scenario.on("archive").file("/etc/grafana/grafana.ini").content_string
    extra = [
        {"name": "Other", "uid": "other", "type": "prometheus", "access": "proxy", "url": "http://localhost:1", "isDefault": True}
    ]
    play = scenario.play("site.yml", "--tags grafana", inventory=edited(grafana_extra_datasources=extra, grafana_port=3001))
    assert play.rc != 0
    assert "Only one datasource per organization can be default" in play.output
    for host in HOSTS:
        assert sources(scenario, host) == SOURCES
    assert scenario.on("archive").file("/etc/grafana/grafana.ini").content_string == ini
    # The other plays of the run continued: Prometheus has the targets of this inventory.
    play = scenario.play("site.yml")
    assert play.rc == 0, play.output


def alerting(scenario: t.Any, host: str) -> tuple[set[str], t.Any]:
    """Return the names of what the Grafana on *host* has for alerting, and its policy."""
    lists = (ask(scenario, host, f"/api/v1/provisioning/{part}") for part in ("alert-rules", "contact-points", "mute-timings"))
    names = {item.get("uid") or item["name"] for found in lists for item in found}
    return names, ask(scenario, host, "/api/v1/provisioning/policies")


def test_alerting_comes_changes_and_goes(scenario: t.Any, edited: t.Callable[..., Path]) -> None:
    """Grafana has the alerting of the inventory, and nothing that the inventory no longer has.

    Check mode predicts the run that deletes something, and the next run changes nothing. No output shows a secret.
    """
    inventory = edited()
    file = scenario.on("monitor").file(ALERTING_FILE)
    guide = (ROOT / "docs" / "grafana_alerting.md").read_text()
    example = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)[0].replace("monitor_example_com", "monitor")
    example = example.replace('{url: "{{ vault_shop_hook }}"}', "{url: 'http://localhost:1', password: 'hid$HOME'}")

    def site(text: str, options: str = "") -> t.Any:
        (inventory / "group_vars" / "all" / "alerting.yml").write_text(text)
        play = scenario.play("site.yml", f"--tags grafana --limit monitor -vvv --diff {options}", inventory=inventory)
        assert "hid$" not in play.output
        assert "aGlkJ" not in play.output
        return play

    play = site(example)
    assert (play.rc, play.changed) == (0, ["monitor: Deploy the release, its unit and its configuration"]), play.output
    names, policy = alerting(scenario, "monitor")
    assert names == {"shop-orders", "shop-hook", "night"}
    assert policy["routes"][0]["receiver"] == "shop"
    settings = ask(scenario, "monitor", "/api/v1/provisioning/contact-points")[0]["settings"]
    assert settings == {"url": "http://localhost:1", "password": "hid$HOME"}
    assert (file.user, file.group, file.mode) == ("root", "grafana", 0o640)

    fewer = example[: example.index("  policies:")].replace("uid: shop-orders", "uid: shop-sales")
    predicted = site(fewer, "--check")
    play = site(fewer)
    # The results of the second change are hidden, because the file has secrets. Only the recap counts this change.
    assert (play.rc, play.changed) == (0, predicted.changed), play.output
    assert re.findall(r"changed=(\d+)", play.output) == re.findall(r"changed=(\d+)", predicted.output) == ["2"]
    assert alerting(scenario, "monitor") == ({"shop-sales", "shop-hook"}, {})
    assert re.findall("delete|reset", scenario.on("monitor").file(ALERTING_FILE).content_string) == []
    before = started(scenario, "monitor")
    again = site(fewer)
    assert (again.rc, re.findall(r"changed=(\d+)", again.output)) == (0, ["0"]), again.output
    assert started(scenario, "monitor") == before

    # A policy of the operator uses the contact point. Grafana refuses to start without it, and the role restores the file.
    own = "/etc/grafana/provisioning/alerting/own.yml"
    policy_file = "apiVersion: 1\npolicies: [{receiver: shop}]\n"
    scenario.on("monitor").check_output("printf %s > %s && chgrp grafana %s", policy_file, own, own)
    refused = site("")
    scenario.on("monitor").check_output("printf %s > %s", "apiVersion: 1\nresetPolicies: [1]\n", own)
    assert refused.rc != 0
    assert "contact point is in use" in refused.output
    assert alerting(scenario, "monitor")[0] == {"shop-sales", "shop-hook"}
    gone = site("")
    scenario.on("monitor").check_output("rm %s", own)
    assert gone.rc == 0, gone.output
    assert alerting(scenario, "monitor") == (set(), {})
    assert not scenario.on("monitor").file(ALERTING_FILE).exists


@pytest.mark.usefixtures("torn")
def test_logs_go_to_loki(scenario: t.Any, edited: t.Callable[..., Path]) -> None:
    """Loki and Alloy, both stand-ins, from zip archives: Grafana has the data source, Loki the rules, Prometheus the targets.

    A second run changes nothing. A configuration that Loki refuses is not deployed.
    """

    def with_logs(groups: dict[str, t.Any]) -> None:
        groups["loki"] = {"hosts": {"monitor": {}}}
        groups["alloy"] = {"hosts": {"archive": logs}}

    logs = {
        "monitoring_log_files": [{"files": ["/var/log/app.log"]}],
        "monitoring_logs": [{"name": "errors", "files": ["/var/log/app.log"], "match": "ERROR", "severity": "warning"}],
    }
    engine = {"monitoring_logs_engine": "loki"}
    tags = "--tags loki,alloy,grafana"
    play = scenario.play("site.yml", tags, inventory=edited(with_logs, **engine))
    assert play.rc == 0, play.output
    assert sources(scenario, "monitor") == {**SOURCES, "loki-monitor": "Loki (monitor)"}
    rules = json.loads(scenario.get("monitor", "http://localhost:3100/prometheus/api/v1/rules"))["data"]["groups"]
    assert "LogErrors" in {rule["alert"] for group in rules for rule in group["rules"]}
    assert "/var/log/app.log" in scenario.on("archive").file("/etc/alloy/config.alloy").content_string
    assert "alloy_config_last_load_successful 1" in scenario.get("archive", "http://localhost:12345/metrics")
    up = {(found["metric"]["job"], found["metric"]["host"]) for found in scenario.query('up{job=~"loki|alloy"} == 1')}
    assert up == {("loki", "monitor"), ("alloy", "archive")}
    play = scenario.play("site.yml", tags, inventory=edited(with_logs, **engine))
    assert (play.rc, play.changed) == (0, []), play.output
    refused = scenario.play("site.yml", "--tags loki", inventory=edited(with_logs, **engine, loki_config={"limits": {}}))
    assert refused.rc != 0
    assert "field limits not found" in refused.output


def test_verify_asks_grafana(scenario: t.Any, tmp_path: Path) -> None:
    """The report has a data source that fails, a missing dashboard, and a different version."""
    fine = scenario.play("verify.yml")
    assert fine.rc == 0, fine.output
    scenario.on("monitor").check_output("systemctl stop alertmanager; rm /etc/grafana/vigie/dashboards/Vigie/prometheus.json")
    scenario.wait(lambda: "vigie-prometheus" not in pages(scenario, "monitor"), lambda: pages(scenario, "monitor"))
    hurt = scenario.play("verify.yml", verify_json=str(tmp_path / "verify.json"), grafana_version="13.9.9")
    scenario.on("monitor").check_output("systemctl start alertmanager")
    assert hurt.rc != 0
    checks = json.loads((tmp_path / "verify.json").read_text())["checks"]
    problems = {
        (check["host"], check["name"]): check["problem"] for check in checks if check["kind"] == "grafana" and check["problem"]
    }
    assert (
        "monitor: Grafana cannot use the data source Alertmanager (monitor)"
        in problems["monitor", "data source Alertmanager (monitor)"]
    )
    assert problems["monitor", "dashboards"] == "monitor: Grafana has not loaded the dashboards vigie-prometheus"
    assert problems["archive", "version"] == f"archive: Grafana {VERSION} runs, but the inventory has 13.9.9"
    mended = scenario.play("site.yml", "--tags grafana")
    assert mended.rc == 0, mended.output


def test_dashboards_of_others(scenario: t.Any, edited: t.Callable[..., Path], tmp_path: Path) -> None:
    """The controller downloads each dashboard once and sets the data source. It rejects a changed file."""
    theirs = {
        "__inputs": [{"name": "DS_PROMETHEUS", "type": "datasource", "pluginId": "prometheus"}],
        "__requires": [],
        "title": "Theirs",
        "panels": [{"type": "timeseries", "title": "Up", "datasource": {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}}],
    }
    text = json.dumps(theirs).encode()
    scenario.overlay("grafana/dashboards/1860-42.json", text)
    server = subprocess.run(
        ["docker", "inspect", "-f", "{{.State.Running}}", f"vigie-{scenario.fleet}-mirror"], check=True, capture_output=True
    )
    assert server.stdout.strip() == b"true"
    variables = {"grafana_cache_dir": str(tmp_path / "cache")}
    wrong = edited(**variables, grafana_community_dashboards=[{"id": 1860, "revision": 42, "checksum": f"sha256:{'0' * 64}"}])
    refused = scenario.play("site.yml", "--tags grafana", inventory=wrong)
    assert refused.rc != 0
    assert "did not match" in refused.output
    right = edited(**variables, grafana_community_dashboards=[{"id": 1860, "revision": 42}])
    before = started(scenario, "archive")
    play = scenario.play("site.yml", "--tags grafana", inventory=right)
    assert play.rc == 0, play.output
    for host in HOSTS:
        scenario.wait(
            lambda host=host: pages(scenario, host).get("vigie-1860-42") == "Community", lambda host=host: pages(scenario, host)
        )
        stored = json.loads(scenario.on(host).file("/etc/grafana/vigie/dashboards/Community/1860-42.json").content_string)
        assert stored["panels"][0]["datasource"]["uid"] == "prometheus-monitor"
        assert "__inputs" not in stored
    asked = len(scenario.requests())
    again = scenario.play("site.yml", "--tags grafana", inventory=right)
    assert (again.rc, again.changed) == (0, []), again.output
    assert len(scenario.requests()) == asked
    assert started(scenario, "archive") == before
    gone = scenario.play("site.yml", "--tags grafana")
    assert gone.rc == 0
    scenario.wait(lambda: set(pages(scenario, "archive")) == PAGES, lambda: pages(scenario, "archive"))


def test_tags_and_limit(scenario: t.Any, edited: t.Callable[..., Path]) -> None:
    """The tag of the role works together with the tags of all roles."""
    inventory = edited(grafana_external_url="https://grafana.example.com/", grafana_plugins=["clock@2.1", "other"])
    for tags, changed in (("install", True), ("verify", False), ("firewall", False), ("targets", False)):
        play = scenario.play("site.yml", "--check", "--tags", tags, "--limit archive", inventory=inventory)
        assert play.rc == 0, play.output
        assert bool(play.changed) is changed, (tags, play.changed)
    shown = scenario.play("site.yml", "--check --diff --tags configure --limit archive", inventory=inventory).output
    assert "root_url = https://grafana.example.com/" in shown
    assert "preinstall_sync = clock@2.1,other" in shown


def test_https(scenario: t.Any, edited: t.Callable[..., Path]) -> None:
    """The health check, the password and the scrape use HTTPS."""
    make = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=archive "
        "-keyout /etc/ssl/grafana.key -out /etc/ssl/grafana.crt 2>/dev/null "
        "&& chgrp grafana /etc/ssl/grafana.key && chmod 0640 /etc/ssl/grafana.key"
    )
    scenario.on("archive").check_output(make)

    def https(groups: dict[str, t.Any]) -> None:
        its = groups["grafana"]["hosts"]["archive"]
        its.update(grafana_cert_file="/etc/ssl/grafana.crt", grafana_key_file="/etc/ssl/grafana.key")

    inventory = edited(https, grafana_admin_password="under TLS")
    play = scenario.play("site.yml", "--tags grafana --skip-tags verify", inventory=inventory)
    assert play.rc == 0, play.output
    assert ask(scenario, "archive", "/api/user", password="under TLS", scheme="https")["login"] == "admin"
    jobs = scenario.on("monitor").file("/etc/prometheus/targets/grafana.json").content_string
    assert '"instance": "archive:3000", "__scheme__": "https"' in jobs
    again = scenario.play("site.yml", "--tags grafana --skip-tags verify", inventory=inventory)
    assert (again.rc, again.changed) == (0, []), again.output
    back = scenario.play("site.yml", "--tags grafana")
    assert back.rc == 0, back.output


def test_versions(scenario: t.Any, edited: t.Callable[..., Path]) -> None:
    """An older version, the newest version, the pinned version again, and a package from a file."""
    older = scenario.play("site.yml", "--tags grafana", inventory=edited(grafana_version=OLDER))
    assert older.rc == 0, older.output
    for host in HOSTS:
        assert ask(scenario, host, "/api/health")["version"] == OLDER
        assert sources(scenario, host) == SOURCES
    newest = edited(grafana_version="latest")
    latest = scenario.play("site.yml", "--tags grafana --limit monitor", inventory=newest)
    assert latest.rc == 0, latest.output
    assert ask(scenario, "monitor", "/api/health")["version"] == VERSION
    asked = len(scenario.requests())
    again = scenario.play("site.yml", "--tags grafana --limit monitor", inventory=newest)
    assert (again.rc, again.changed) == (0, []), again.output
    assert len(scenario.requests()) == asked

    digest = scenario.on("monitor").check_output(
        "python3 -c %s",
        "import hashlib, urllib.request as u; "
        f"print(hashlib.sha256(u.urlopen('http://198.18.8.2/grafana/apt/pool/grafana_{OLDER}_amd64.deb').read()).hexdigest())",
    )
    file = {
        "grafana_install": "deb",
        "grafana_version": OLDER,
        "grafana_url": f"http://198.18.8.2/grafana/apt/pool/grafana_{OLDER}_{{arch}}.deb",
        "grafana_checksums": {"amd64": digest},
    }
    deb = scenario.play("site.yml", "--tags grafana --limit monitor", **file)
    assert deb.rc == 0, deb.output
    assert ask(scenario, "monitor", "/api/health")["version"] == OLDER
    same = scenario.play("site.yml", "--tags grafana --limit monitor", **file)
    assert (same.rc, same.changed) == (0, []), same.output
    back = scenario.play("site.yml", "--tags grafana")
    assert back.rc == 0, back.output
    assert {ask(scenario, host, "/api/health")["version"] for host in HOSTS} == {VERSION}


def test_it_is_removed_and_its_data_stay(scenario: t.Any) -> None:
    """Package, repository, files and unit are removed. The database stays."""
    play = scenario.play("site.yml", "--tags grafana --skip-tags verify", grafana_state="absent")
    assert play.rc == 0, play.output
    for host in HOSTS:
        on = scenario.on(host)
        for path in (
            "/etc/grafana/grafana.ini",
            "/etc/grafana/admin_password",
            "/etc/grafana/vigie",
            "/opt/vigie/grafana-server",
            "/etc/systemd/system/grafana-server.service",
            "/etc/apt/sources.list.d/grafana.sources",
        ):
            assert not on.file(path).exists, (host, path)
        assert on.file("/var/lib/grafana/grafana.db").exists
        assert not on.service("grafana-server").is_running
    assert not scenario.on("monitor").package("grafana").is_installed
    again = scenario.play("site.yml", "--tags grafana --skip-tags verify", grafana_state="absent")
    assert (again.rc, again.changed) == (0, []), again.output
