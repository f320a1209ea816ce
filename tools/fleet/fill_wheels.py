# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Download the wheels of the Python programs that the scenarios deploy, from the index that pip on this machine uses.

Write these files below the given directory:

    wheels/*.whl                the wheels of the roles' and the scenarios' requirements
    simple/NAME/index.html      a package index with these wheels, in the form that pip reads

The requirements have hashes, so the content of the wheels never changes. A wheel that is there already is not downloaded again.
Exit code 75: the network failed, and there are no earlier wheels.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import network

ROOT = Path(__file__).parents[2]
# The requirements of the roles work with any Python, those of the scenarios with the Python of the hosts.
REQUIREMENTS = ("roles/*/files/*/requirements.txt", "molecule/*/*.txt")
PYTHON = "3.11"
PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")


def download(requirements: Path, wheels: Path) -> None:
    """Download the wheels of a file of *requirements* for the hosts of the scenarios."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--require-hashes"]
    platforms = [word for platform in PLATFORMS for word in ("--platform", f"{platform}_{os.uname().machine}")]
    with tempfile.NamedTemporaryFile("w") as unconditional:
        # pip compares the conditions of requirements with the Python that runs it, not with --python-version.
        unconditional.write(re.sub(r" *;[^\\\n]*", " ", requirements.read_text()))
        unconditional.flush()
        target = ["--dest", str(wheels), "--requirement", unconditional.name]
        network.run("wheels", [*pip, "--only-binary", ":all:", "--python-version", PYTHON, *platforms, *target])


def write_index(mirror: Path) -> None:
    """Write the package index of the wheels."""
    pages: dict[str, list[str]] = {}
    for wheel in sorted((mirror / "wheels").glob("*.whl")):
        name = re.sub(r"[-_.]+", "-", wheel.name.partition("-")[0]).lower()
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        pages.setdefault(name, []).append(f'<a href="../../wheels/{wheel.name}#sha256={digest}">{wheel.name}</a>\n')
    for name, links in pages.items():
        page = mirror / "simple" / name / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"<!DOCTYPE html>\n<title>{name}</title>\n{''.join(links)}")


def fill(mirror: Path, files: list[Path]) -> None:
    """Download all wheels and write the index."""
    (mirror / "wheels").mkdir(exist_ok=True)
    for file in files:
        download(file, mirror / "wheels")
    write_index(mirror)


def main() -> None:
    """Download the wheels if the requirements have changed since the last download."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("mirror", type=Path)
    mirror: Path = parser.parse_args().mirror.absolute()
    mirror.mkdir(parents=True, exist_ok=True)
    files = sorted(path for pattern in REQUIREMENTS for path in ROOT.glob(pattern))
    recipe = hashlib.sha256(Path(__file__).read_bytes() + b"".join(file.read_bytes() for file in files)).hexdigest()
    made = mirror / "wheels-made"
    with (mirror.parent / "wheels.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.exists() and made.read_text() == recipe:
            return
        began = time.monotonic()
        try:
            network.persist("wheels", lambda: fill(mirror, files))
        except network.NetworkFailedError:
            network.say(f"wheels: {network.ADVICE}")
            sys.exit(network.NETWORK_FAILED)
        except network.CommandFailedError as error:
            sys.exit(f"wheels: {error}")
        made.write_text(recipe)
        network.say(f"wheels: downloaded in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
