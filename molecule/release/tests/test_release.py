# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test releases that are broken, that break later, or that are for another architecture.

The tests share a fleet and run in any order.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
import time
import typing as t
import zipfile
from pathlib import Path

import pytest

MIRROR = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vigie" / "mirror"
VERSIONS = json.loads((MIRROR / "versions.json").read_text())["node_exporter"]
NEWEST, OLDER = VERSIONS[0], VERSIONS[-1]
NODE = ("site.yml", "--tags", "node_exporter", "--skip-tags", "targets,verify")
ROLES = ["node_exporter", "alertmanager", "prometheus"]


def path(version: str, arch: str = "amd64") -> str:
    """Return the path of an archive on the mirror."""
    release = f"prometheus/node_exporter/releases/download/v{version}"
    return f"{release}/node_exporter-{version}.linux-{arch}.tar.gz"


def sums(version: str) -> str:
    """Return the path of the checksums of a release on the mirror."""
    return f"prometheus/node_exporter/releases/download/v{version}/sha256sums.txt"


def state(scenario: t.Any, host: str = "native") -> str:
    """Return all files and processes of node_exporter on *host* that a failed run must not change."""
    machine = scenario.on(host)
    files = machine.check_output(
        "find /opt/vigie /usr/local/bin /etc/systemd/system -type f -printf '%p %T@ %s\\n' -o -type l -printf '%p %l\\n' | sort"
    )
    running = machine.check_output("systemctl show --property ActiveState,InvocationID node_exporter")
    return f"{files}\n{running}"


def serving(scenario: t.Any, host: str = "native") -> str:
    """Return the version that answers on *host*."""
    metrics = scenario.get(host, "http://localhost:9100/metrics")
    (line,) = [x for x in metrics.splitlines() if x.startswith("node_exporter_build_info{")]
    return line.split(',version="')[1].split('"')[0]


def release_of(script: str, version: str) -> tuple[bytes, bytes]:
    """Return an archive whose program is *script*, and its checksums."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo(f"node_exporter-{version}.linux-amd64/node_exporter")
        member.size, member.mode = len(script), 0o755
        tar.addfile(member, io.BytesIO(script.encode()))
    archive = buffer.getvalue()
    return archive, f"{hashlib.sha256(archive).hexdigest()}  node_exporter-{version}.linux-amd64.tar.gz\n".encode()


# A jar is a zip archive with a manifest. Python runs zip archives as Java runs jars, and the hosts have Python.
JAR_MAIN = """
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'node_exporter_build_info{x="",version="7.4"} 1')

print("a jar starts with", sys.argv[1:], flush=True)
http.server.ThreadingHTTPServer(("", 9100), Handler).serve_forever()
"""


def jar_of(main: str) -> bytes:
    """Return a jar whose program is *main*."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Main-Class: x")
        jar.writestr("__main__.py", main)
    return buffer.getvalue()


def package_of(program: bytes, tmp_path: Path) -> bytes:
    """Return a Debian package with *program*, and with another file of the same name."""
    for path, content in {
        "DEBIAN/control": b"Package: p\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n",
        "DEBIAN/postinst": b"#!/bin/sh\ntouch /installed\n",
        "etc/default/node_exporter": b"ARGS=",
        "usr/bin/node_exporter": program,
    }.items():
        (tmp_path / "p" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / path).write_bytes(content)
        (tmp_path / "p" / path).chmod(0o644 if path.endswith("control") or "etc" in path else 0o755)
    subprocess.run(["dpkg-deb", "--build", tmp_path / "p", tmp_path / "p.deb"], check=True, capture_output=True)
    return (tmp_path / "p.deb").read_bytes()


@pytest.fixture
def newest(scenario: t.Any) -> None:
    """Provide a host with the newest version in service, and without the version that the tests install."""
    on = scenario.on("native")
    if on.file(f"/opt/vigie/node_exporter/{OLDER}").exists:
        scenario.renew("native")
    current = on.run("readlink -f /opt/vigie/node_exporter/current").stdout
    if not (current.endswith(f"/{NEWEST}") and on.service("node_exporter").is_running):
        play = scenario.play(*NODE, "--limit", "native")
        assert play.rc == 0, play.output


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.usefixtures("bare")
def test_check_mode_on_a_fresh_host_predicts_and_touches_nothing(scenario: t.Any, role: str) -> None:
    """Check mode downloads nothing, and its diff shows the unit."""
    before = len(scenario.requests())
    play = scenario.play("site.yml", "--check", "--diff", "--tags", role, "--skip-tags", "targets,verify", "--limit", "native")
    assert play.rc == 0, play.output
    result = play.result("native", "release")
    assert result["changed"]
    account = [] if role == "node_exporter" else ["group", "user", "data directory"]
    assert result["actions"][: len(account) + 2] == [*account, "download", "unpack"]
    assert result["actions"][-1] == "start"
    assert f"{role}/current/{role}" in str(result["diff"])
    assert scenario.requests()[before:] == []
    assert not scenario.on("native").file("/opt/vigie").exists
    assert not scenario.on("native").file(f"/etc/systemd/system/{role}.service").exists


@pytest.mark.usefixtures("bare")
def test_check_mode_of_everything_on_a_fresh_fleet(scenario: t.Any) -> None:
    """Check mode of the whole playbook works, with refresh and verification, although no Prometheus runs yet."""
    for arguments in ((), ("--limit", "pi")):
        play = scenario.play("site.yml", "--check", "--diff", *arguments)
        assert play.rc == 0, play.output
        assert "pi: Deploy the release, its unit and its configuration" in play.changed
    assert not scenario.on("pi").file("/opt/vigie").exists


@pytest.mark.usefixtures("bare")
def test_two_architectures_in_one_run_are_each_verified_by_their_own_checksum(scenario: t.Any) -> None:
    """The run rejects a changed archive for ARM and deploys the other host. The original archive is then installed and runs."""
    if not Path("/proc/sys/fs/binfmt_misc/qemu-arm").exists():
        pytest.skip("this machine runs no programs for ARM")
    good = (MIRROR / path(NEWEST, "armv7")).read_bytes()
    scenario.overlay(path(NEWEST, "armv7"), good[:-1] + bytes([good[-1] ^ 1]))
    play = scenario.play(*NODE)
    assert play.rc != 0
    assert play.changed == ["native: Deploy the release, its unit and its configuration"]
    message = play.result("pi", "release")["msg"]
    assert f"{path(NEWEST, 'armv7')} is wrong: expected the SHA-256" in message
    assert hashlib.sha256(good).hexdigest() in message
    assert not scenario.on("pi").file("/opt/vigie").exists

    scenario.overlay(path(NEWEST, "armv7"), None)
    play = scenario.play(*NODE)
    assert play.rc == 0, play.output
    assert serving(scenario, "native") == serving(scenario, "pi") == NEWEST
    program = scenario.on("pi").check_output("head -c 20 /opt/vigie/node_exporter/current/node_exporter | od -An -tx1")
    assert program.split()[18] == "28", "not an ARM program"


@pytest.mark.parametrize("fault", ["checksum", "truncated", "missing", "full disk", "unreachable"])
@pytest.mark.usefixtures("newest")
def test_a_bad_release_leaves_what_runs_untouched(scenario: t.Any, fault: str) -> None:
    """No file and no process changes. The message says what is wrong and where."""
    machine = scenario.on("native")
    variables: dict[str, t.Any] = {"node_exporter_version": OLDER}
    archive = (MIRROR / path(OLDER)).read_bytes()
    if fault == "checksum":
        scenario.overlay(sums(OLDER), f"{'0' * 64}  {path(OLDER).rsplit('/', 1)[1]}\n".encode())
        expected = " is wrong: expected the SHA-256"
    elif fault == "truncated":
        scenario.overlay(path(OLDER) + ".reply", json.dumps({"truncate": len(archive) // 2}).encode())
        expected = f"{path(OLDER)} ended after {len(archive) // 2} of {len(archive)} bytes"
    elif fault == "missing":
        scenario.overlay(path(OLDER) + ".reply", b'{"status": 404}')
        expected = f"{path(OLDER)} answers with HTTP status 404"
    elif fault == "unreachable":
        variables["monitoring_release_base_url"] = "http://198.18.2.2:81"
        expected = "http://198.18.2.2:81/prometheus/node_exporter/releases/download/"
    else:
        machine.check_output("mkdir -p /small && mount -t tmpfs -o size=3m tmpfs /small")
        variables["release_service_root"] = "/small"
        expected = "bytes free. Free some space"
    before = state(scenario)
    play = scenario.play(*NODE, "--limit", "native", **variables)
    for suffix in ("", ".reply"):
        scenario.overlay(path(OLDER) + suffix, None)
        scenario.overlay(sums(OLDER) + suffix, None)
    assert play.rc != 0
    assert expected in play.result("native", "release")["msg"]
    assert state(scenario) == before
    assert serving(scenario) == NEWEST
    if fault == "full disk":
        assert machine.check_output("find /small -type f") == ""
        machine.check_output("umount /small && rmdir /small")


@pytest.mark.usefixtures("newest")
def test_upgrade_and_downgrade_the_second_without_network(scenario: t.Any) -> None:
    """The previous version stays on the host."""
    assert scenario.play(*NODE, "--limit", "native", node_exporter_version=OLDER).rc == 0
    assert serving(scenario) == OLDER
    scenario.docker("stop", "mirror")
    play = scenario.play(*NODE, "--limit", "native")
    again = scenario.play(*NODE, "--limit", "native")
    scenario.heal()
    assert play.rc == 0, play.output
    assert play.result("native", "release")["actions"] == ["switch", "restart"]
    assert serving(scenario) == NEWEST
    assert again.rc == 0
    assert again.changed == []


@pytest.mark.usefixtures("newest")
@pytest.mark.parametrize(
    ("version", "script", "reason"),
    [
        ("6.6.6", "#!/bin/sh\necho I start and die\nsleep 1\nexit 3\n", "exited within"),
        ("6.6.7", "#!/bin/sh\necho I do not answer\nsleep 600\n", "does not answer"),
    ],
)
def test_a_version_that_is_not_healthy_is_taken_back(scenario: t.Any, version: str, script: str, reason: str) -> None:
    """The run fails with the reason and the last lines of the journal. The previous version answers again."""
    archive, lines = release_of(script, version)
    scenario.overlay(path(version), archive)
    scenario.overlay(sums(version), lines)
    play = scenario.play(*NODE, "--limit", "native", node_exporter_version=version, release_service_probe_timeout=6)
    assert play.rc != 0
    message = play.result("native", "release")["msg"]
    assert reason in message
    assert script.splitlines()[1].removeprefix("echo ") in message, "the journal is missing"
    assert f"The previous version {NEWEST} is back in service" in message
    scenario.wait(lambda: serving(scenario) == NEWEST)
    assert scenario.play(*NODE, "--limit", "native").changed == []


@pytest.mark.usefixtures("newest")
def test_a_release_can_be_a_program_a_package_or_a_jar(scenario: t.Any, tmp_path: Path) -> None:
    """Each form is verified, switched to and rolled back as an archive is. The scripts of a package do not run."""
    with tarfile.open(MIRROR / path(NEWEST)) as tar:
        (member,) = [member for member in tar.getmembers() if member.name.endswith("/node_exporter")]
        program = t.cast("t.IO[bytes]", tar.extractfile(member)).read()
    java: dict[str, t.Any] = {
        "release_service_interpreter": ["/usr/bin/python3"],
        "release_service_binaries": ["node_exporter.jar"],
        "release_service_linked": [],
    }
    forms: dict[str, tuple[str, bytes, dict[str, t.Any]]] = {
        "7.1": ("node_exporter-linux-{arch}", program, {}),
        "7.2": ("node_exporter-linux-{arch}.gz", gzip.compress(program, 1), {}),
        "7.3": ("node_exporter_{arch}.deb", package_of(program, tmp_path), {}),
        "7.4": ("node_exporter.jar", jar_of(JAR_MAIN), java),
        "7.5": ("node_exporter.jar", jar_of("import sys; sys.exit('this jar is broken')"), java),
    }
    for version, (file, content, variables) in forms.items():
        release = f"prometheus/node_exporter/releases/download/v{version}"
        name = file.replace("{arch}", "amd64")
        scenario.overlay(f"{release}/{name}", content)
        scenario.overlay(f"{release}/{name}.sha256", hashlib.sha256(content).hexdigest().encode())
        variables |= {"release_service_archive": file, "release_service_checksum_url": "{{ release_service_url }}.sha256"}
        play = scenario.play(*NODE, "--limit", "native", node_exporter_version=version, **variables)
        current = scenario.on("native").file("/opt/vigie/node_exporter/current").linked_to
        if version == "7.5":
            assert play.rc != 0
            message = play.result("native", "release")["msg"]
            assert "this jar is broken" in message
            assert "The previous version 7.4 is back in service" in message
            assert current == "/opt/vigie/node_exporter/7.4"
            continue
        assert play.rc == 0, play.output
        assert current == f"/opt/vigie/node_exporter/{version}"
        assert serving(scenario) == ("7.4" if version == "7.4" else NEWEST)
    assert not scenario.on("native").file("/installed").exists
    play = scenario.play(*NODE, "--limit", "native", node_exporter_version="7.4", **{
        **java, "release_service_archive": "node_exporter.jar", "release_service_interpreter": ["/usr/bin/java", "-jar"]
    })  # fmt: skip
    assert play.rc != 0
    assert play.result("native", "release")["msg"] == (
        "Host native, variable release_service_interpreter, value /usr/bin/java: the file does not exist on the host. "
        "Install the file, or correct the path."
    )


@pytest.mark.usefixtures("newest")
def test_a_run_that_was_killed_is_finished_by_the_next(scenario: t.Any) -> None:
    """SIGKILL ends the module during the health check of the new version.

    The next run rolls back, and then deploys the version.
    """
    archive, lines = release_of("#!/bin/sh\nsleep 600\n", "6.6.8")
    scenario.overlay(path("6.6.8"), archive)
    scenario.overlay(sums("6.6.8"), lines)
    machine = scenario.on("native")
    inventory = ["-i", str(scenario.inventory.parent.parent / "shared/inventory"), "-i", str(scenario.inventory)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [root / ".venv/bin/ansible-playbook", *inventory, root / "playbooks" / NODE[0], *NODE[1:], "--limit", "native",
         "-e", "node_exporter_version=6.6.8"], cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:  # fmt: skip
        scenario.wait(lambda: machine.file("/opt/vigie/node_exporter/.transaction").exists)
        time.sleep(1)
        machine.check_output("pkill -KILL -x python3")
        run.wait(timeout=60)
    assert machine.file("/opt/vigie/node_exporter/.transaction").exists
    play = scenario.play(*NODE, "--limit", "native")
    assert play.rc == 0, play.output
    assert serving(scenario) == NEWEST
    assert not machine.file("/opt/vigie/node_exporter/.transaction").exists
    assert scenario.play(*NODE, "--limit", "native").changed == []


def test_a_token_goes_to_its_host_and_not_along_a_redirect(scenario: t.Any) -> None:
    """The token is sent as Authorization. The other host, which is the mirror with another name, does not get the token."""
    target = f"http://elsewhere/{path(OLDER)}?moved"
    archive, lines = release_of("#!/bin/sh\nexit 1\n", "6.6.9")
    scenario.overlay(sums("6.6.9"), lines)
    scenario.overlay(path("6.6.9") + ".reply", json.dumps({"status": 302, "location": target}).encode())
    before = len(scenario.requests())
    scenario.play(*NODE, "--limit", "native", node_exporter_version="6.6.9", monitoring_release_token="s3cret")
    seen = [(r["host"], r["authorization"]) for r in scenario.requests()[before:]]
    secret = "Bearer " + hashlib.sha256(b"Bearer s3cret").hexdigest()
    assert seen == [("198.18.2.2", secret), ("198.18.2.2", secret), ("elsewhere", None)]
    assert archive


def test_an_unknown_architecture_is_an_error_that_lists_the_known(scenario: t.Any) -> None:
    """The error names the architecture and the architectures of the release."""
    play = scenario.play(*NODE, "--limit", "native", node_exporter_arch="vax")
    assert play.rc != 0
    said = play.result("native", "release")["msg"]
    released, vax = said.split("This version is released for ")[1].split(", and not for ")
    assert vax == "vax."
    assert {"amd64", "arm64"} <= set(released.split(", ")), said
