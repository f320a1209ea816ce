# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mirror of releases is filled beside a mirror of Debian that fails, and stays as it was where it cannot be filled."""

from __future__ import annotations

import json
import os
import sys
import time
import typing as t
from pathlib import Path

import fill_mirror
import pytest

Fleet = t.Callable[[str], Path]
# apt-get and apt-cache of a Debian that has one package, and that package with one program.
SOURCES = "case $* in *indextargets*) echo 'http://mirror.example.com/debian main bookworm'; exit ;; esac"
SHOW = """\
for one; do
    case $one in prometheus-node-exporter:*)
        printf 'Package: %s\\nVersion: 1.11.1-2\\nArchitecture: %s\\n\\n' "${one%:*}" "${one#*:}" ;;
    esac
done"""
DOWNLOAD = """\
case $* in *" download "*)
    for one; do case $one in *=*:*|-o*) ;; *:*=*)
        name=${one%%:*}; rest=${one#*:}; root=$(mktemp -d)
        mkdir -p $root/DEBIAN $root/usr/bin
        echo program >$root/usr/bin/$name
        printf 'Package: %s\\nVersion: %s\\nArchitecture: %s\\nMaintainer: nobody <nobody@example.com>\\nDescription: none\\n' \\
            $name ${rest#*=} ${rest%%=*} >$root/DEBIAN/control
        dpkg-deb --build $root ${name}_${rest#*=}_${rest%%=*}.deb >/dev/null; rm -r $root ;;
    esac; done ;;
esac"""


def package(name: str, version: str, architecture: str) -> fill_mirror.Package:
    """Return a package of Debian."""
    return fill_mirror.Package(name, version, architecture)


def test_only_what_a_test_runs_is_asked_for() -> None:
    """Every version for this machine of what is upgraded, the newest alone of the others; for ARM the newest node_exporter."""
    found = fill_mirror.archives(
        [
            package("prometheus-node-exporter", version, architecture)
            for version in ("1.11.1-2", "1.9.0-1", "1.5.0-1+b6")
            for architecture in ("amd64", "armhf")
        ]
        + [package("prometheus", "3.5.3+ds1-2", architecture) for architecture in ("amd64", "armhf")]
        + [package("prometheus-pushgateway", version, "amd64") for version in ("1.9.0-1", "1.11.2-1")],
        "amd64",
    )
    assert sorted(archive.name for archive in found) == [
        "node_exporter-1.11.1.linux-amd64",
        "node_exporter-1.11.1.linux-armv7",
        "node_exporter-1.5.0.linux-amd64",
        "node_exporter-1.9.0.linux-amd64",
        "prometheus-3.5.3.linux-amd64",
        "pushgateway-1.11.2.linux-amd64",
    ]


def test_each_suite_is_asked_for_its_own_programs(stand_ins: t.Any, fill: t.Callable[..., t.Any]) -> None:
    """The old suite has no versions of a program that the newer suites have: they would be tested as versions to upgrade from."""
    assert fill().returncode == 0
    asked = {call.split("Dir::State=")[1].split()[0]: call for call in stand_ins.called("apt-cache")}
    packages = {Path(state).parent.name: {word for word in call.split() if ":amd64" in word} for state, call in asked.items()}
    assert packages["apt-old"] == {"cadvisor:amd64"}
    assert {"prometheus:amd64", "mtail:amd64"} <= packages["apt"]
    assert "cadvisor:amd64" not in packages["apt"]
    assert "bullseye main" in (stand_ins.cache / "apt-old/sources.list").read_text()


@pytest.fixture
def fill(stand_ins: t.Any, fleet: Fleet) -> t.Callable[..., t.Any]:
    """Return a function that fills a mirror with stand-ins for apt, of which the first calls may fail."""

    def run(failures: int = 0) -> t.Any:
        stand_ins.calls.write_text("")
        stand_ins.add("apt-cache", SHOW)
        stand_ins.add("apt-get", DOWNLOAD, failures, local=SOURCES)
        return stand_ins.run(sys.executable, fleet("fill_mirror.py"), stand_ins.cache / "mirror")

    return run


def test_archives_have_upstreams_names() -> None:
    """Some repositories write the version with the v of the tag, and some write underscores."""
    names = [fill_mirror.Archive(repository, "1.2.3", "amd64", ()).name for repository in fill_mirror.PROGRAMS]
    assert "node_exporter-1.2.3.linux-amd64" in names
    assert [name for name in names if "-v1" in name] == [
        "cadvisor-v1.2.3-linux-amd64",
        "redis_exporter-v1.2.3.linux-amd64",
        "victoria-metrics-linux-amd64-v1.2.3",
        "vmutils-linux-amd64-v1.2.3",
    ]
    assert {name for name in names if "_linux" in name.lower()} == {
        "mtail_1.2.3_linux_amd64",
        "nginx-prometheus-exporter_1.2.3_linux_amd64",
        "postfix_exporter_systemd_1.2.3_linux_amd64",
        "prometheus-varnish-exporter_Linux_x86_64",
    }
    assert "squid-exporter-linux-amd64" in names
    squid = fill_mirror.Archive("boynux/squid-exporter", "1.2.3", "amd64", ())
    assert squid.path == "boynux/squid-exporter/releases/download/v1.2.3/squid-exporter-linux-amd64"


def test_a_new_epoch_is_newer_than_a_greater_number() -> None:
    """Debian's package had the version of another program of the same name before."""
    name = "prometheus-pgbouncer-exporter"
    found = fill_mirror.archives(
        [package(name, version, "amd64") for version in ("1.7-2.1", "1:0.12.0-1", "1:0.10.2-2")], "amd64"
    )
    assert [archive.name for archive in found] == ["pgbouncer_exporter-0.12.0.linux-amd64"]


def test_a_mirror_of_debian_that_fails_for_a_while_does_not_matter(stand_ins: t.Any, fill: t.Callable[..., t.Any]) -> None:
    """Lists and packages are asked for again, and all is there."""
    done = fill(failures=2)
    assert done.returncode == 0, done.stderr
    assert [call.split()[-1] for call in stand_ins.called("apt-get")][:3] == ["update"] * 3
    assert json.loads((stand_ins.cache / "mirror/versions.json").read_text())["node_exporter"] == ["1.11.1"]
    release = stand_ins.cache / "mirror/prometheus/node_exporter/releases/download/v1.11.1"
    assert "node_exporter-1.11.1.linux-armv7.tar.gz" in (release / "sha256sums.txt").read_text()
    # On the same day nobody is asked again.
    assert fill().stderr == ""
    assert stand_ins.called("apt-get") == []


def test_the_former_mirror_serves_and_a_message_says_so(stand_ins: t.Any, fill: t.Callable[..., t.Any]) -> None:
    """After one try, since only newer versions are missing; the next run tries again."""
    assert fill().returncode == 0
    yesterday = time.time() - 25 * 60 * 60
    os.utime(stand_ins.cache / "mirror/made", (yesterday, yesterday))
    for _run in range(2):
        done = fill(failures=99)
        assert done.returncode == 0
        assert len(stand_ins.called("apt-get")) == 1
        assert "mirror: using the mirror as it was before" in done.stderr
        assert "http://mirror.example.com/" in done.stderr


def test_without_a_former_mirror_the_network_is_named(stand_ins: t.Any, fill: t.Callable[..., t.Any]) -> None:
    """With its own exit code, and what to do."""
    done = fill(failures=99)
    assert done.returncode == 75
    assert len(stand_ins.called("apt-get")) == 3
    assert "mirror: the network failed, not a test" in done.stderr
