# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a repository of the stand-ins for Grafana, Loki and Alloy into the mirror, in the layout of the vendor.

    grafana/apt/gpg-full.key, dists/stable/…, pool/…     for apt, signed
    grafana/release/<version>/grafana_<version>_1_linux_<arch>.tar.gz  and  sha256sums.txt
    grafana/{loki,alloy}/releases/download/v<version>/{loki,alloy}-linux-<arch>.zip  and  SHA256SUMS

The repository has the default versions of the roles, and an older version of Grafana. apt, dpkg and the signatures are real; the
programs are grafana_standin.py, loki_standin.py and alloy_standin.py.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from fill_mirror import write_archive, write_sums

HERE = Path(__file__).parent
ROLES = HERE.parents[1] / "roles"
OLDER = "13.0.1"
ARCHITECTURES = {"amd64": "amd64", "arm64": "arm64", "armhf": "arm-7"}
# The parts of the vendor's package that the role uses.
UNIT = """\
[Unit]
Description=Grafana instance
After=network-online.target

[Service]
EnvironmentFile=/etc/default/grafana-server
User=grafana
Group=grafana
Type=notify
Restart=on-failure
WorkingDirectory=/usr/share/grafana
RuntimeDirectory=grafana
RuntimeDirectoryMode=0750
ExecStart=/usr/share/grafana/bin/grafana server --config=${CONF_FILE} --homepath=/usr/share/grafana \\
  --packaging=deb cfg:default.paths.data=${DATA_DIR} cfg:default.paths.provisioning=${PROVISIONING_CFG_DIR}
UMask=0027
NoNewPrivileges=true

[Install]
WantedBy=multi-user.target
"""
DEFAULTS = """\
DATA_DIR=/var/lib/grafana
CONF_FILE=/etc/grafana/grafana.ini
RESTART_ON_UPGRADE=true
PROVISIONING_CFG_DIR=/etc/grafana/provisioning
"""
POSTINST = """\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    getent group grafana >/dev/null || groupadd --system grafana
    id grafana >/dev/null 2>&1 ||
        useradd --system --home-dir /usr/share/grafana --no-create-home --gid grafana --shell /bin/false grafana
    mkdir -p /var/lib/grafana /etc/grafana
    chown -R grafana:grafana /var/lib/grafana
    if [ ! -f /etc/grafana/grafana.ini ]; then cp /usr/share/grafana/conf/sample.ini /etc/grafana/grafana.ini; fi
    for kind in dashboards datasources plugins; do mkdir -p /etc/grafana/provisioning/$kind; done
    chown -Rh root:grafana /etc/grafana/*
    chmod 755 /etc/grafana
    find /etc/grafana -type f -exec chmod 640 {} ';'
    find /etc/grafana -type d -exec chmod 755 {} ';'
    if [ -n "$2" ]; then
        systemctl daemon-reload
        systemctl restart grafana-server || true
    fi
fi
"""
PRERM = '#!/bin/sh\nset -e\nif [ "$1" = remove ]; then systemctl stop grafana-server || true; fi\n'


def default_version(name: str) -> str:
    """Return the default version of the role *name*."""
    path = ROLES / name / "defaults" / "main.yml"
    found = re.search(rf"^{name}_version: (.*)$", path.read_text(), re.MULTILINE)
    if not found:
        sys.exit(f"{path} has no {name}_version")
    return found[1]


def zip_release(name: str, release: Path) -> None:
    """Write a release of the stand-in for *name* in the layout of the vendor: zip archives without a directory."""
    release.mkdir(parents=True, exist_ok=True)
    lines = []
    for architecture in ("amd64", "arm64"):
        path = release / f"{name}-linux-{architecture}.zip"
        entry = zipfile.ZipInfo(f"{name}-linux-{architecture}")
        entry.external_attr = 0o100755 << 16
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(entry, program(default_version(name), name))
        lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    (release / "SHA256SUMS").write_text("".join(lines))


def program(version: str, name: str = "grafana") -> bytes:
    """Return the stand-in for *name* as an executable program."""
    text = (HERE / f"{name}_standin.py").read_text().replace('VERSION = "0.0.0"', f'VERSION = "{version}"')
    return f"#!/usr/bin/python3\n{text}".encode()


def package(version: str, architecture: str, directory: Path) -> Path:
    """Write a package and return its path."""
    path = directory / f"grafana_{version}_{architecture}.deb"
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        control = (
            f"Package: grafana\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: nobody <nobody@example.com>\n"
            "Depends: python3, python3-yaml\nDescription: A stand-in for Grafana\n"
        )
        for name, text, mode in (
            ("DEBIAN/control", control, 0o644),
            ("DEBIAN/conffiles", "/etc/default/grafana-server\n", 0o644),
            ("DEBIAN/postinst", POSTINST, 0o755),
            ("DEBIAN/prerm", PRERM, 0o755),
            ("etc/default/grafana-server", DEFAULTS, 0o644),
            ("lib/systemd/system/grafana-server.service", UNIT, 0o644),
            ("usr/share/grafana/conf/defaults.ini", "", 0o644),
            ("usr/share/grafana/conf/sample.ini", "# A sample.\n", 0o644),
            ("usr/share/grafana/bin/grafana", program(version).decode(), 0o755),
        ):
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(mode)
        root.chmod(0o755)
        command = ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", str(root), str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def archive(version: str, architecture: str, directory: Path) -> None:
    """Write an archive in the layout of the vendor."""
    files = {"bin/grafana": (program(version), 0o755), "conf/defaults.ini": (b"", 0o644), "VERSION": (version.encode(), 0o644)}
    path = directory / f"grafana_{version}_1_linux_{architecture}.tar.gz"
    write_archive(path, {f"grafana-{version}/{name}": file for name, file in files.items()})


def index(root: Path, packages: list[Path]) -> None:
    """Write and sign the package lists of the repository."""
    suite = root / "dists" / "stable"
    sums = []
    for architecture in ARCHITECTURES:
        stanzas = []
        for path in packages:
            if path.stem.endswith(f"_{architecture}"):
                control = subprocess.run(["dpkg-deb", "--field", str(path)], check=True, capture_output=True, text=True).stdout
                content = path.read_bytes()
                digest = hashlib.sha256(content).hexdigest()
                stanzas.append(f"{control}Filename: {path.relative_to(root)}\nSize: {len(content)}\nSHA256: {digest}\n")
        name = f"main/binary-{architecture}/Packages"
        text = "\n".join(stanzas).encode()
        (suite / name).parent.mkdir(parents=True, exist_ok=True)
        (suite / name).write_bytes(text)
        sums.append(f" {hashlib.sha256(text).hexdigest()} {len(text)} {name}")
    date = time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime())
    head = f"Suite: stable\nCodename: stable\nDate: {date}\nArchitectures: {' '.join(ARCHITECTURES)}\nComponents: main\nSHA256:\n"
    release = head + "\n".join(sums) + "\n"
    with tempfile.TemporaryDirectory() as home:
        gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
        subprocess.run(
            [*gpg, "--quick-generate-key", "Grafana's stand-in", "rsa2048", "sign", "2d"], check=True, stderr=subprocess.DEVNULL
        )
        key = subprocess.run([*gpg, "--armor", "--export"], check=True, capture_output=True).stdout
        signed = subprocess.run([*gpg, "--clearsign"], input=release.encode(), check=True, capture_output=True).stdout
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    (root / "gpg-full.key").write_bytes(key)
    (suite / "InRelease").write_bytes(signed)


def main() -> None:
    """Write the whole repository, which takes a second."""
    mirror = Path(sys.argv[1]) / "grafana"
    pool = mirror / "apt" / "pool"
    pool.mkdir(parents=True, exist_ok=True)
    packages = []
    for version in (default_version("grafana"), OLDER):
        release = mirror / "release" / version
        for name, its in ARCHITECTURES.items():
            packages.append(package(version, name, pool))
            archive(version, its, release)
        write_sums(release)
    index(mirror / "apt", packages)
    for name in ("loki", "alloy"):
        zip_release(name, mirror / name / "releases" / "download" / f"v{default_version(name)}")
    os.sync()


if __name__ == "__main__":
    main()
