# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill a local mirror of releases, in upstream's layout, with Debian's own builds of the same programs.

Writes below the directory that it is given:

    <owner>/<name>/releases/download/v<version>/<name>-<version>.linux-<arch>.tar.gz  and  sha256sums.txt
    versions.json    {"<name>": [versions, the newest first]}
    share/           the data that Debian's builds read from /usr/share/prometheus; upstream's carry it inside

Every version is there for this machine's architecture, and the newest of the programs that a test runs on ARM for ARM. Debian is
asked at most once a day. Where Debian cannot be reached, even after some tries, the mirror stays as it was, and a message says
so.
Exit code 75: the network failed, and nothing was there before.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import network

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
FRESH_SECONDS = 24 * 60 * 60

# Debian's name of an architecture -> upstream's.
ARCHITECTURES = {"amd64": "amd64", "arm64": "arm64", "armhf": "armv7"}
# The first suite has the newest versions, the others have earlier ones, to upgrade from. All run on Debian 12.
SUITES = ("sid", "trixie", "bookworm")
# Where Debian's builds look for data, and where hosts find it.
SHARE = "./usr/share/prometheus/"


class Program(NamedTuple):
    """Debian's packages that may hold a program (the first one always does), and its files by Debian's path."""

    packages: tuple[str, ...]
    files: dict[str, str]
    # Whether every version is there; otherwise the newest one.
    whole: bool = False
    # Whether the names of the archives have the v of the tag.
    has_v: bool = False
    # For which architectures the newest version is there, beside this machine's.
    foreign: tuple[str, ...] = ()


PROGRAMS = {
    "prometheus/prometheus": Program(
        ("prometheus", "promtool"),
        {"usr/bin/prometheus": "prometheus", "usr/bin/promtool": "promtool"},
        whole=True,
    ),
    "prometheus/alertmanager": Program(
        ("prometheus-alertmanager",),
        {"usr/bin/prometheus-alertmanager": "alertmanager", "usr/bin/amtool": "amtool"},
        whole=True,
    ),
    "prometheus/node_exporter": Program(
        ("prometheus-node-exporter",),
        {"usr/bin/prometheus-node-exporter": "node_exporter"},
        whole=True,
        foreign=("armhf",),
    ),
    **{
        f"{owner}/{name}": Program((package,), {f"usr/bin/{package}": name})
        for owner, name, package in (
            ("prometheus", "blackbox_exporter", "prometheus-blackbox-exporter"),
            ("prometheus", "haproxy_exporter", "prometheus-haproxy-exporter"),
            ("prometheus", "pushgateway", "prometheus-pushgateway"),
            ("prometheus-community", "postgres_exporter", "prometheus-postgres-exporter"),
            ("Lusitaniae", "apache_exporter", "prometheus-apache-exporter"),
        )
    },
    "oliver006/redis_exporter": Program(
        ("prometheus-redis-exporter",), {"usr/bin/prometheus-redis-exporter": "redis_exporter"}, has_v=True
    ),
}
# What Debian does not have: a stand-in, which says so in its name.
STAND_IN = Path(__file__).with_name("uwsgi_exporter_standin.py")
STAND_IN_RELEASE = "timonwong/uwsgi_exporter/releases/download/v1.3.0"


class Package(NamedTuple):
    """A binary package of Debian, named as its archive does."""

    name: str
    version: str
    architecture: str

    @property
    def upstream_version(self) -> str:
        """Upstream's version: 3.5.3 of 3.5.3+ds1-2."""
        version = self.version.partition(":")[2] or self.version
        version = re.sub(r"[+~](ds|dfsg|really).*", "", version.rpartition("-")[0] or version)
        return re.sub(r"~rc\.?", "-rc.", version)

    @property
    def file(self) -> str:
        """The name that apt-get downloads it as."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"


class Archive(NamedTuple):
    """A release archive, and the packages that it is made of."""

    repository: str
    version: str
    architecture: str
    packages: tuple[Package, ...]

    @property
    def release(self) -> str:
        """Where the release lies in the mirror."""
        return f"{self.repository}/releases/download/v{self.version}"

    @property
    def name(self) -> str:
        """The archive's one directory, and its file name without the ending."""
        v = "v" if PROGRAMS[self.repository].has_v else ""
        return f"{self.repository.rpartition('/')[2]}-{v}{self.version}.linux-{ARCHITECTURES[self.architecture]}"

    @property
    def path(self) -> str:
        """The archive's file in the mirror."""
        return f"{self.release}/{self.name}.tar.gz"


def run(*command: str, cwd: Path | None = None) -> str:
    """Run *command* and return what it prints; its errors go to ours."""
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


class Apt:
    """An apt of our own, with the machine's settings but other suites; nothing is installed."""

    def __init__(self, root: Path) -> None:
        """Lay out the directories and the sources."""
        self.downloads = root / "packages"
        for directory in ("state/lists/partial", "cache/archives/partial", "packages"):
            (root / directory).mkdir(parents=True, exist_ok=True)
        (root / "status").touch()
        find_uri = Path(__file__).with_name("debian_mirror.sh")
        uri = run("sh", str(find_uri)).strip()
        self.native = run("dpkg", "--print-architecture").strip()
        foreign = {architecture for program in PROGRAMS.values() for architecture in program.foreign}
        self.architectures = [self.native, *sorted(foreign - {self.native})]
        asked = [",".join(self.architectures), *(self.native for _older in SUITES[1:])]
        (root / "sources.list").write_text(
            "".join(
                f"deb [arch={arch} target=Packages signed-by={KEYRING}] {uri} {suite} main\n"
                for suite, arch in zip(SUITES, asked, strict=True)
            )
        )
        options = {
            "Dir::State": root / "state",
            "Dir::State::status": root / "status",
            "Dir::Cache": root / "cache",
            "Dir::Etc::sourcelist": root / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Architecture": self.native,
            "APT::Architectures": ",".join(self.architectures),
            "APT::Sandbox::User": "root",
            "APT::Update::Error-Mode": "any",
            "Acquire::Languages": "none",
            "Acquire::Retries": "5",
            # Differences to the lists of yesterday are more files to ask for, each of which may be missing.
            "Acquire::PDiffs": "false",
            # A mirror that is behind, or a frozen snapshot, serves as well: the signatures are checked all the same.
            "Acquire::Check-Valid-Until": "false",
        }
        self.options = [f"-o{name}={value}" for name, value in options.items()]

    def fetch(self, *arguments: str) -> None:
        """Let apt-get ask the network."""
        network.run("mirror", ["apt-get", "--quiet", *self.options, *arguments], cwd=self.downloads)

    def packages(self, names: list[str]) -> list[Package]:
        """Return every version of the packages, for every architecture."""
        wanted = [f"{name}:{architecture}" for name in names for architecture in self.architectures]
        found = []
        for paragraph in run("apt-cache", "--quiet", *self.options, "show", "--all-versions", *wanted).split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|Architecture): (.*)$", paragraph, re.MULTILINE))
            if fields:
                found.append(Package(fields["Package"], fields["Version"], fields["Architecture"]))
        return found


def archives(packages: list[Package], native: str) -> list[Archive]:
    """Return the archives that can be made, as PROGRAMS asks for them."""
    found = []
    for repository, program in PROGRAMS.items():
        parts: dict[tuple[str, str], dict[str, Package]] = {}
        for package in packages:
            if package.name in program.packages:
                parts.setdefault((package.upstream_version, package.architecture), {})[package.name] = package
        newest = max((version_key(version) for version, _architecture in parts), default=[])
        for (version, architecture), by_name in parts.items():
            is_newest = version_key(version) == newest
            asked = is_newest if architecture in program.foreign else architecture == native and (program.whole or is_newest)
            if asked and program.packages[0] in by_name:
                members = tuple(by_name[name] for name in program.packages if name in by_name)
                found.append(Archive(repository, version, architecture, members))
    return found


@contextlib.contextmanager
def contents(package_file: Path) -> Iterator[tarfile.TarFile]:
    """Give the files in a package, one after the other, without unpacking it to the disk."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package_file)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as unpacked,
        tarfile.open(fileobj=unpacked.stdout, mode="r|") as source,
    ):
        yield source


def share(package_file: Path, directory: Path) -> None:
    """Copy a package's share of SHARE. Files are replaced one by one: containers have the directory mounted."""
    with contents(package_file) as source:
        for member in source:
            data = source.extractfile(member) if member.isfile() and member.name.startswith(SHARE) else None
            if data:
                path = directory / member.name.removeprefix(SHARE)
                path.parent.mkdir(parents=True, exist_ok=True)
                part = path.with_name(path.name + ".part")
                part.write_bytes(data.read())
                part.chmod(member.mode)
                part.replace(path)


def pack(archive: Archive, mirror: Path, downloads: Path) -> None:
    """Write the archive. The same packages always make the same bytes."""
    files = dict(PROGRAMS[archive.repository].files)
    files[f"usr/share/doc/{archive.packages[0].name}/copyright"] = "LICENSE"
    files[f"usr/share/doc/{archive.packages[0].name}/NOTICE"] = "NOTICE"
    target_path = mirror / archive.path
    target_path.parent.mkdir(parents=True, exist_ok=True)
    part = target_path.with_suffix(".part")
    missing = set(PROGRAMS[archive.repository].files)
    with (
        part.open("wb") as raw,
        gzip.GzipFile("", "wb", 1, raw, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as target,
    ):
        for package in archive.packages:
            with contents(downloads / package.file) as source:
                for member in source:
                    path = member.name.removeprefix("./")
                    if path in files and member.isfile():
                        entry = tarfile.TarInfo(f"{archive.name}/{files[path]}")
                        entry.size, entry.mode = member.size, member.mode & 0o755
                        target.addfile(entry, source.extractfile(member))
                        missing.discard(path)
    if missing:
        part.unlink()
        sys.exit(f"{archive.name}: Debian's packages do not hold {', '.join(sorted(missing))}")
    part.replace(target_path)


def pack_stand_in(release: Path) -> None:
    """Write the archive of the stand-in, in the layout of what it stands in for."""
    program = b"#!/usr/bin/python3\n" + STAND_IN.read_bytes()
    for architecture in ARCHITECTURES.values():
        name = f"uwsgi_exporter-1.3.0.linux-{architecture}"
        write_archive(release / f"{name}.tar.gz", {f"{name}/uwsgi_exporter": (program, 0o755)})
    write_sums(release)


def write_archive(path: Path, files: dict[str, tuple[bytes, int]]) -> None:
    """Write an archive of *files*: content and mode by name. The same files always make the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.GzipFile(path, "wb", 1, mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as target:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            target.addfile(entry, io.BytesIO(content))


def write_sums(directory: Path) -> None:
    """Write sha256sums.txt of a release, as upstream's sha256sum does."""
    lines = []
    for path in sorted(directory.glob("*.tar.gz")):
        with path.open("rb") as file:
            digest = hashlib.sha256()
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
        lines.append(f"{digest.hexdigest()}  {path.name}\n")
    part = directory / "sha256sums.part"
    part.write_text("".join(lines))
    part.replace(directory / "sha256sums.txt")


def say(text: str) -> None:
    """Show progress."""
    print(f"mirror: {text}", file=sys.stderr, flush=True)


def fill(mirror: Path, *, anew: bool) -> None:
    """Ask Debian what there is, and make what is missing, or all of it anew."""
    apt = Apt(mirror.parent / "apt")
    say("reading Debian's package lists")
    apt.fetch("update")
    packages = apt.packages([name for program in PROGRAMS.values() for name in program.packages])
    wanted = archives(packages, apt.native)
    missing = [archive for archive in wanted if anew or not (mirror / archive.path).exists()]
    if missing:
        packages = sorted({package for archive in missing for package in archive.packages})
        say(f"downloading {len(packages)} packages")
        apt.fetch("download", *(f"{p.name}:{p.architecture}={p.version}" for p in packages))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = {archive.name: pool.submit(pack, archive, mirror, apt.downloads) for archive in missing}
            for name, job in jobs.items():
                job.result()
                say(name)
        # Of two versions the newer one's data stays, since it is written last.
        for archive in sorted(missing, key=lambda archive: version_key(archive.version)):
            if archive.architecture == apt.native:
                for package in archive.packages:
                    share(apt.downloads / package.file, mirror / "share")
        for release in sorted({archive.release for archive in missing}):
            write_sums(mirror / release)
        for package in packages:
            (apt.downloads / package.file).unlink()
    pack_stand_in(mirror / STAND_IN_RELEASE)
    versions: dict[str, set[str]] = {"uwsgi_exporter": {"1.3.0"}}
    for archive in wanted:
        versions.setdefault(archive.repository.rpartition("/")[2], set()).add(archive.version)
    ordered = {name: sorted(found, key=version_key, reverse=True) for name, found in sorted(versions.items())}
    part = mirror / "versions.part"
    part.write_text(json.dumps(ordered, indent=2) + "\n")
    part.replace(mirror / "versions.json")


def version_key(version: str) -> list[int]:
    """Return what versions are sorted by."""
    return [int(number) for number in re.findall(r"\d+", version)]


def main() -> None:
    """Fill the mirror where it is not fresh."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--refresh", action="store_true", help="ask Debian for newer versions now")
    parser.add_argument("mirror", type=Path)
    args = parser.parse_args()
    mirror: Path = args.mirror.absolute()
    mirror.mkdir(parents=True, exist_ok=True)
    made = mirror / "made"
    recipe = hashlib.sha256(Path(__file__).read_bytes() + STAND_IN.read_bytes()).hexdigest()
    with (mirror.parent / "mirror.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        same_recipe = made.exists() and made.read_text() == recipe
        if same_recipe and not args.refresh and time.time() - made.stat().st_mtime < FRESH_SECONDS:
            return
        began = time.monotonic()
        # A mirror that only wants newer versions can do without them.
        tries = 1 if same_recipe else 0
        try:
            network.persist("mirror", lambda: fill(mirror, anew=not same_recipe), tries)
        except network.NetworkFailedError:
            if not (mirror / "versions.json").exists():
                say(network.ADVICE)
                sys.exit(network.NETWORK_FAILED)
            say("using the mirror as it was before, because the network failed")
        except network.CommandFailedError as error:
            sys.exit(f"mirror: {error}")
        except subprocess.CalledProcessError as error:
            sys.exit(f"mirror: {error.cmd[0]} failed, see above")
        else:
            made.write_text(recipe)
            say(f"filled in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
