# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill a local mirror of releases, in upstream's layout, with Debian's own builds of the same programs.

Write these files below the given directory:

    <owner>/<name>/releases/download/v<version>/<name>-<version>.linux-<arch>.tar.gz  and  sha256sums.txt
                     (some projects have other names)
    versions.json    {"<name>": [versions, the newest first]}
    share/           the data that Debian's builds read from /usr/share/prometheus (upstream's builds contain the data)

The mirror has every version for the architecture of this machine. For ARM, it has the newest version of programs that a test
runs on ARM. The program queries Debian at most once a day. If Debian is not reachable after several tries, the mirror stays
unchanged, and a message says so.
Exit code 75: the network failed, and there is no earlier mirror.
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

# From Debian's name of an architecture to upstream's name.
ARCHITECTURES = {"amd64": "amd64", "arm64": "arm64", "armhf": "armv7"}
# The first suite has the newest versions. The others have earlier versions, for tests of upgrades. All versions run on Debian 12.
SUITES = ("sid", "trixie", "bookworm")
# A suite with programs that newer suites no longer have.
OLD_SUITE = "bullseye"
# Debian's builds read their data from this directory, also on the hosts.
SHARE = "./usr/share/prometheus/"


class Program(NamedTuple):
    """Debian's packages of a program (the first package is required), and the files of the program by their path in Debian."""

    packages: tuple[str, ...]
    files: dict[str, str]
    # Whether the mirror has every version, or only the newest.
    whole: bool = False
    # The name of an archive without the ending.
    archive: str = "{name}-{version}.linux-{arch}"
    # The ending of the name of an archive. Without one, the release is the program itself.
    ending: str = ".tar.gz"
    # Whether the files are at the top of the archive, not in a directory with the name of the archive.
    flat: bool = False
    # The file with the checksums. {archive} is the name of the archive without the ending.
    sums: str = "sha256sums.txt"
    # For which architectures the newest version is there, beside this machine's.
    foreign: tuple[str, ...] = ()
    # Names of architectures in the names of archives, if they differ from ARCHITECTURES.
    arch_names: tuple[tuple[str, str], ...] = ()
    # The name of the role that deploys the program, if it differs from the name of the repository.
    role: str = ""
    # The suites that have the program.
    suites: tuple[str, ...] = SUITES


# By repository. A repository with several programs has one entry for each, with the name of the program after a colon.
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
            ("prometheus", "mysqld_exporter", "prometheus-mysqld-exporter"),
            ("prometheus-community", "bind_exporter", "prometheus-bind-exporter"),
            ("prometheus-community", "ipmi_exporter", "prometheus-ipmi-exporter"),
            ("prometheus-community", "pgbouncer_exporter", "prometheus-pgbouncer-exporter"),
            ("prometheus-community", "postgres_exporter", "prometheus-postgres-exporter"),
            ("prometheus-community", "systemd_exporter", "prometheus-systemd-exporter"),
            ("Lusitaniae", "phpfpm_exporter", "prometheus-phpfpm-exporter"),
            ("Lusitaniae", "apache_exporter", "prometheus-apache-exporter"),
        )
    },
    "prometheus-community/smartctl_exporter": Program(
        ("prometheus-smartctl-exporter",), {"usr/bin/smartctl_exporter": "smartctl_exporter"}
    ),
    "google/cadvisor": Program(
        ("cadvisor",), {"usr/bin/cadvisor": "cadvisor"}, archive="{name}-v{version}-linux-{arch}", ending="", suites=(OLD_SUITE,)
    ),
    "boynux/squid-exporter": Program(
        ("prometheus-squid-exporter",),
        {"usr/bin/prometheus-squid-exporter": "squid-exporter"},
        archive="{name}-linux-{arch}",
        ending="",
        role="squid_exporter",
    ),
    "Hsn723/postfix_exporter": Program(
        ("prometheus-postfix-exporter",),
        {"usr/bin/prometheus-postfix-exporter": "postfix_exporter"},
        archive="{name}_systemd_{version}_linux_{arch}",
        flat=True,
        sums="checksums.txt",
    ),
    "otto-de/prometheus_varnish_exporter": Program(
        ("prometheus-varnish-exporter",),
        {"usr/bin/prometheus-varnish-exporter": "prometheus-varnish-exporter"},
        archive="prometheus-varnish-exporter_Linux_{arch}",
        flat=True,
        sums="prometheus-varnish-exporter_{version}_checksums.txt",
        arch_names=(("amd64", "x86_64"),),
        role="varnish_exporter",
    ),
    # Debian's snmp.yml is empty, because the licences of MIBs do not allow to distribute what is made of them.
    "prometheus/snmp_exporter": Program(
        ("prometheus-snmp-exporter",),
        {"usr/bin/prometheus-snmp-exporter": "snmp_exporter", "etc/prometheus/snmp.yml": "snmp.yml"},
    ),
    "nginx/nginx-prometheus-exporter": Program(
        ("prometheus-nginx-exporter",),
        {"usr/bin/prometheus-nginx-exporter": "nginx-prometheus-exporter"},
        archive="{name}_{version}_linux_{arch}",
        flat=True,
        sums="{name}_{version}_checksums.txt",
        role="nginx_exporter",
    ),
    "ncabatoff/process-exporter": Program(
        ("prometheus-process-exporter",),
        {"usr/bin/prometheus-process-exporter": "process-exporter"},
        sums="checksums.txt",
        role="process_exporter",
    ),
    "oliver006/redis_exporter": Program(
        ("prometheus-redis-exporter",),
        {"usr/bin/prometheus-redis-exporter": "redis_exporter"},
        archive="{name}-v{version}.linux-{arch}",
    ),
    "jaqx0r/mtail": Program(
        ("mtail",),
        {"usr/bin/mtail": "mtail"},
        whole=True,
        archive="{name}_{version}_linux_{arch}",
        flat=True,
        sums="checksums.txt",
    ),
    **{
        f"VictoriaMetrics/VictoriaMetrics:{name}": Program(
            ("victoria-metrics",),
            {f"usr/bin/{program}": f"{program}-prod" for program in programs},
            archive=f"{name.replace('_', '-')}-linux-{{arch}}-v{{version}}",
            flat=True,
            sums="{archive}_checksums.txt",
        )
        for name, programs in (
            ("victoria_metrics", ("victoria-metrics",)),
            ("vmutils", ("vmagent", "vmalert", "vmauth", "vmbackup", "vmrestore")),
        )
    },
}
# Debian has no uwsgi_exporter: a stand-in replaces it.
STAND_IN = Path(__file__).with_name("uwsgi_exporter_standin.py")
STAND_IN_RELEASE = "timonwong/uwsgi_exporter/releases/download/v1.3.0"


class Package(NamedTuple):
    """A binary package of Debian."""

    name: str
    version: str
    architecture: str

    @property
    def upstream_version(self) -> str:
        """Upstream's version: 3.5.3 for 3.5.3+ds1-2."""
        version = self.version.partition(":")[2] or self.version
        version = re.sub(r"[+~](ds|dfsg|really).*", "", version.rpartition("-")[0] or version)
        return re.sub(r"~rc\.?", "-rc.", version)

    @property
    def key(self) -> list[int]:
        """The sort key of the version. Debian starts a new epoch if a newer version has a smaller number."""
        epoch, colon, _version = self.version.partition(":")
        return [int(epoch) if colon else 0, *version_key(self.upstream_version)]

    @property
    def file(self) -> str:
        """The name of the file that apt-get downloads."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"


class Archive(NamedTuple):
    """A release archive, and the packages that it is built from."""

    repository: str
    version: str
    architecture: str
    packages: tuple[Package, ...]

    @property
    def release(self) -> str:
        """The directory of the release in the mirror."""
        return f"{self.repository.partition(':')[0]}/releases/download/v{self.version}"

    @property
    def program(self) -> str:
        """The name of the program."""
        return self.repository.rpartition("/")[2].rpartition(":")[2]

    @property
    def name(self) -> str:
        """The file name of the archive without the ending."""
        program, arch = PROGRAMS[self.repository], ARCHITECTURES[self.architecture]
        return program.archive.format(name=self.program, version=self.version, arch=dict(program.arch_names).get(arch, arch))

    @property
    def sums(self) -> str:
        """The name of the file with the checksums of the release."""
        return PROGRAMS[self.repository].sums.format(name=self.program, version=self.version, archive=self.name)

    @property
    def path(self) -> str:
        """The path of the archive in the mirror."""
        return f"{self.release}/{self.name}{PROGRAMS[self.repository].ending}"


def run(*command: str, cwd: Path | None = None) -> str:
    """Run *command* and return its standard output. Its errors are printed."""
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


class Apt:
    """A separate apt, with the settings of the machine but other suites. It installs nothing."""

    def __init__(self, root: Path, suites: tuple[str, ...]) -> None:
        """Create the directories and the sources."""
        self.suites = suites
        self.downloads = root / "packages"
        for directory in ("state/lists/partial", "cache/archives/partial", "packages"):
            (root / directory).mkdir(parents=True, exist_ok=True)
        (root / "status").touch()
        find_uri = Path(__file__).with_name("debian_mirror.sh")
        uri = run("sh", str(find_uri)).strip()
        self.native = run("dpkg", "--print-architecture").strip()
        foreign = {architecture for program in PROGRAMS.values() if program.suites == suites for architecture in program.foreign}
        self.architectures = [self.native, *sorted(foreign - {self.native})]
        asked = [",".join(self.architectures), *(self.native for _older in suites[1:])]
        (root / "sources.list").write_text(
            "".join(
                f"deb [arch={arch} target=Packages signed-by={KEYRING}] {uri} {suite} main\n"
                for suite, arch in zip(suites, asked, strict=True)
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
            # Differences to older lists are more files to download, and each file may be missing.
            "Acquire::PDiffs": "false",
            # A mirror that is behind, or a snapshot, is accepted. The signatures are verified nevertheless.
            "Acquire::Check-Valid-Until": "false",
        }
        self.options = [f"-o{name}={value}" for name, value in options.items()]

    def fetch(self, *arguments: str) -> None:
        """Run apt-get, which uses the network."""
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
    """Return the archives of PROGRAMS that can be built from *packages*."""
    found = []
    for repository, program in PROGRAMS.items():
        parts: dict[tuple[str, str], dict[str, Package]] = {}
        for package in packages:
            if package.name in program.packages:
                parts.setdefault((package.upstream_version, package.architecture), {})[package.name] = package
        keys = {
            version: by_name[program.packages[0]].key
            for (version, _architecture), by_name in parts.items()
            if program.packages[0] in by_name
        }
        newest = max(keys.values(), default=[])
        for (version, architecture), by_name in parts.items():
            is_newest = keys.get(version) == newest
            asked = is_newest if architecture in program.foreign else architecture == native and (program.whole or is_newest)
            if asked and program.packages[0] in by_name:
                members = tuple(by_name[name] for name in program.packages if name in by_name)
                found.append(Archive(repository, version, architecture, members))
    return found


@contextlib.contextmanager
def contents(package_file: Path) -> Iterator[tarfile.TarFile]:
    """Yield the files of a package as a stream, without unpacking the package to the disk."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package_file)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as unpacked,
        tarfile.open(fileobj=unpacked.stdout, mode="r|") as source,
    ):
        yield source


def share(package_file: Path, directory: Path) -> None:
    """Copy the files of a package below SHARE. Files are replaced one by one, because containers mount the directory."""
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


def copy_program(archive: Archive, mirror: Path, downloads: Path) -> None:
    """Write a release that is the program itself."""
    (source_path,) = PROGRAMS[archive.repository].files
    target_path = mirror / archive.path
    target_path.parent.mkdir(parents=True, exist_ok=True)
    with contents(downloads / archive.packages[0].file) as source:
        for member in source:
            data = source.extractfile(member) if member.name.removeprefix("./") == source_path else None
            if data:
                target_path.write_bytes(data.read())


def pack(archive: Archive, mirror: Path, downloads: Path) -> None:
    """Write the archive. The same packages result in the same bytes."""
    if not PROGRAMS[archive.repository].ending:
        copy_program(archive, mirror, downloads)
        return
    files = dict(PROGRAMS[archive.repository].files)
    files[f"usr/share/doc/{archive.packages[0].name}/copyright"] = "LICENSE"
    files[f"usr/share/doc/{archive.packages[0].name}/NOTICE"] = "NOTICE"
    target_path = mirror / archive.path
    target_path.parent.mkdir(parents=True, exist_ok=True)
    part = target_path.with_suffix(".part")
    missing = set(PROGRAMS[archive.repository].files)
    directory = "" if PROGRAMS[archive.repository].flat else f"{archive.name}/"
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
                        entry = tarfile.TarInfo(f"{directory}{files[path]}")
                        entry.size, entry.mode = member.size, member.mode & 0o755
                        target.addfile(entry, source.extractfile(member))
                        missing.discard(path)
    if missing:
        part.unlink()
        sys.exit(f"{archive.name}: Debian's packages do not contain {', '.join(sorted(missing))}")
    part.replace(target_path)


def pack_stand_in(release: Path) -> None:
    """Write the archive of the stand-in, in the layout of the real release."""
    program = b"#!/usr/bin/python3\n" + STAND_IN.read_bytes()
    for architecture in ARCHITECTURES.values():
        name = f"uwsgi_exporter-1.3.0.linux-{architecture}"
        write_archive(release / f"{name}.tar.gz", {f"{name}/uwsgi_exporter": (program, 0o755)})
    write_sums(release)


def write_archive(path: Path, files: dict[str, tuple[bytes, int]]) -> None:
    """Write an archive of *files*: content and mode by name. The same files result in the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.GzipFile(path, "wb", 1, mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as target:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            target.addfile(entry, io.BytesIO(content))


def write_sums(directory: Path, name: str = "sha256sums.txt") -> None:
    """Write the checksums of a release into the file *name*, as upstream's sha256sum does."""
    lines = []
    for path in sorted(path for path in directory.iterdir() if not path.name.endswith("sums.txt")):
        with path.open("rb") as file:
            digest = hashlib.sha256()
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
        lines.append(f"{digest.hexdigest()}  {path.name}\n")
    part = directory / "sha256sums.part"
    part.write_text("".join(lines))
    part.replace(directory / name)


def say(text: str) -> None:
    """Show progress."""
    print(f"mirror: {text}", file=sys.stderr, flush=True)


def fill_from(apt: Apt, mirror: Path, *, anew: bool) -> list[Archive]:
    """Build the archives of the programs in the suites of *apt*: those that are missing in the mirror, or all. Return all."""
    say(f"reading Debian's package lists of {', '.join(apt.suites)}")
    apt.fetch("update")
    programs = [program for program in PROGRAMS.values() if program.suites == apt.suites]
    packages = apt.packages([name for program in programs for name in program.packages])
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
        # The data of the newest version is written last, and stays.
        for archive in sorted(missing, key=lambda archive: version_key(archive.version)):
            if archive.architecture == apt.native:
                for package in archive.packages:
                    share(apt.downloads / package.file, mirror / "share")
        for release, sums in sorted({(archive.release, archive.sums) for archive in missing}):
            write_sums(mirror / release, sums)
        for package in packages:
            (apt.downloads / package.file).unlink()
    return wanted


def fill(mirror: Path, *, anew: bool) -> None:
    """Build the archives that are missing in the mirror, or all of them."""
    roots = {SUITES: mirror.parent / "apt", (OLD_SUITE,): mirror.parent / "apt-old"}
    wanted = [archive for suites, root in roots.items() for archive in fill_from(Apt(root, suites), mirror, anew=anew)]
    pack_stand_in(mirror / STAND_IN_RELEASE)
    versions: dict[str, set[str]] = {"uwsgi_exporter": {"1.3.0"}}
    for archive in wanted:
        versions.setdefault(PROGRAMS[archive.repository].role or archive.program, set()).add(archive.version)
    ordered = {name: sorted(found, key=version_key, reverse=True) for name, found in sorted(versions.items())}
    part = mirror / "versions.part"
    part.write_text(json.dumps(ordered, indent=2) + "\n")
    part.replace(mirror / "versions.json")


def version_key(version: str) -> list[int]:
    """Return the sort key of a version."""
    return [int(number) for number in re.findall(r"\d+", version)]


def main() -> None:
    """Fill the mirror if it is older than a day."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--refresh", action="store_true", help="query Debian for newer versions now")
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
        # If only newer versions are missing, one try is enough.
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
