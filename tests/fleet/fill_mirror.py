#!/usr/bin/env python3
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill a local mirror of releases, in upstream's layout, with Debian's own builds of the same programs.

Prints nothing but progress. Below the directory it makes ``OWNER/REPOSITORY/releases/download/vVERSION/`` with the archives
and ``sha256sums.txt``; ``versions.json`` (name -> versions, the newest first); and ``share/``, the data files that Debian's
builds look for outside of themselves, where upstream's carry them inside. A mirror that was filled today is left as it is.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Upstream's repository: its programs, each with the Debian packages that may hold it and its path there.
PROGRAMS: dict[str, dict[str, tuple[str, str]]] = {
    "prometheus/node_exporter": {"node_exporter": ("prometheus-node-exporter", "usr/bin/prometheus-node-exporter")},
    "prometheus/prometheus": {
        "prometheus": ("prometheus", "usr/bin/prometheus"),
        "promtool": ("promtool", "usr/bin/promtool"),
    },
    "prometheus/alertmanager": {
        "alertmanager": ("prometheus-alertmanager", "usr/bin/prometheus-alertmanager"),
        "amtool": ("prometheus-alertmanager", "usr/bin/amtool"),
    },
}
# The newest suite serves every architecture, an older one gives this machine's an earlier version to upgrade from.
SUITES = ("sid", "bookworm")
ARCHITECTURES = {"amd64": "amd64", "arm64": "arm64", "armhf": "armv7"}
# Data that Debian's builds read from /usr/share/prometheus.
SHARED = "usr/share/prometheus"


def run(*command: str, cwd: Path | None = None) -> str:
    """Run *command* and return what it prints; its errors go to ours."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=cwd).stdout


class Apt:
    """A private apt for one suite: nothing of it touches the machine's own."""

    def __init__(self, root: Path, uri: str, suite: str, architectures: list[str]) -> None:
        """Make the directories and read the suite's lists."""
        for directory in ("etc/preferences.d", "state/lists/partial", "cache/archives/partial", "debs", "unpacked"):
            (root / directory).mkdir(parents=True, exist_ok=True)
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        (root / "etc/sources.list").write_text(f"deb [signed-by={keyring}] {uri} {suite} main\n")
        (root / "status").touch()
        self._root = root
        self._options = [
            option
            for pair in {
                "Dir::Etc": root / "etc",
                "Dir::Etc::SourceParts": "-",
                "Dir::State": root / "state",
                "Dir::State::status": root / "status",
                "Dir::Cache": root / "cache",
                "APT::Architecture": architectures[0],
                "APT::Architectures": ",".join(architectures),
                "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
                "Acquire::Languages": "none",
            }.items()
            for option in ("-o", f"{pair[0]}={pair[1]}")
        ]
        run("apt-get", *self._options, "-qq", "update")
        self._names = set(run("apt-cache", *self._options, "pkgnames").split())

    def version(self, package: str) -> str | None:
        """Return upstream's part of the version of *package*, or None where the suite has no such package."""
        text = run("apt-cache", *self._options, "show", "--no-all-versions", package) if self.has(package) else ""
        found = re.search(r"^Version: (?:\d+:)?([0-9.]+)", text, re.MULTILINE)
        return found.group(1) if found else None

    def has(self, package: str) -> bool:
        """Return whether the suite has *package*."""
        return package in self._names

    def unpack(self, package: str, architecture: str) -> Path:
        """Download *package* and return the directory that it is unpacked in."""
        target = self._root / "unpacked" / f"{package}_{architecture}"
        if not target.exists():
            debs = self._root / "debs" / target.name
            debs.mkdir()
            run("apt-get", *self._options, "-qq", "download", f"{package}:{architecture}", cwd=debs)
            (deb,) = debs.glob("*.deb")
            run("dpkg-deb", "--extract", str(deb), str(target))
        return target


def archive(mirror: Path, apt: Apt, repository: str, version: str, architecture: str) -> None:
    """Make the release archive of *repository* for one Debian *architecture*."""
    name = repository.split("/")[1]
    release = mirror / repository / "releases/download" / f"v{version}"
    release.mkdir(parents=True, exist_ok=True)
    top = f"{name}-{version}.linux-{ARCHITECTURES[architecture]}"
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / top
        directory.mkdir()
        for program, (package, path) in PROGRAMS[repository].items():
            # Older suites have promtool in the package of prometheus.
            source = apt.unpack(package if apt.has(package) else name, architecture) / path
            shutil.copy2(source, directory / program)
        (directory / "LICENSE").write_text("Debian's build of the program, packed in upstream's layout for tests.\n")
        run("tar", "--sort=name", "--owner=0", "--group=0", "--mtime=@0", "-C", scratch, "-I", "gzip -1", "-cf", f"{release}/{top}.tar.gz", top)


def sums(release: Path) -> None:
    """Write sha256sums.txt beside the archives."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(release.glob("*.tar.gz"))]
    (release / "sha256sums.txt").write_text("".join(lines))


def fill(mirror: Path, uri: str) -> None:
    """Fill the empty directory *mirror*."""
    native = run("dpkg", "--print-architecture").strip()
    versions: dict[str, list[str]] = {repository.split("/")[1]: [] for repository in PROGRAMS}
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor() as pool:
        jobs = []
        for suite in SUITES:
            every = sorted(ARCHITECTURES, key=lambda name: name != native) if suite == SUITES[0] else [native]
            print(f"Reading {suite}", file=sys.stderr, flush=True)
            apt = Apt(Path(scratch) / suite, uri, suite, every)
            for repository, programs in PROGRAMS.items():
                name, (package, _path) = next(iter(programs.items()))
                version = apt.version(package)
                if version is None or version in versions[name]:
                    continue
                versions[name].append(version)
                for package in {package if apt.has(package) else name for package, _path in programs.values()}:
                    for architecture in every:
                        print(f"Fetching {package} {version} ({architecture})", file=sys.stderr, flush=True)
                        unpacked = apt.unpack(package, architecture)
                        if suite == SUITES[0] and architecture == native and (unpacked / SHARED).is_dir():
                            shutil.copytree(unpacked / SHARED, mirror / "share", dirs_exist_ok=True, symlinks=True)
                jobs += [pool.submit(archive, mirror, apt, repository, version, architecture) for architecture in every]
        for job in jobs:
            job.result()
        for release in mirror.glob("*/*/releases/download/*"):
            sums(release)
    (mirror / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


def main() -> None:
    """Fill the mirror, unless it is of today."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--refresh", action="store_true", help="fill it again, also where it is of today")
    parser.add_argument("mirror", type=Path)
    args = parser.parse_args()
    args.mirror.parent.mkdir(parents=True, exist_ok=True)
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    stamp = f"{datetime.datetime.now(tz=datetime.timezone.utc):%Y-%m-%d} {recipe}\n"
    with (args.mirror.parent / "mirror.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = args.mirror / "made"
        if made.exists() and made.read_text() == stamp and not args.refresh:
            return
        uri = run("sh", str(Path(__file__).with_name("debian_mirror.sh"))).strip()
        args.mirror.mkdir(exist_ok=True)
        # A new mirror takes the old one's place file by file: containers have the directory mounted.
        with tempfile.TemporaryDirectory(dir=args.mirror.parent) as scratch:
            fresh = Path(scratch)
            fill(fresh, uri)
            for old in args.mirror.iterdir():
                shutil.rmtree(old) if old.is_dir() else old.unlink()
            for entry in fresh.iterdir():
                shutil.move(entry, args.mirror / entry.name)
            made.write_text(stamp)


if __name__ == "__main__":
    main()
