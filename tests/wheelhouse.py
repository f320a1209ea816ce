# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels for tests."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

PROGRAM = "import sys\n\ndef main():\n    print('{text}', *sys.argv[1:], flush=True)\n"


def requirement(wheel: Path, digest: str = "") -> str:
    """Return the pinned requirement of *wheel*, with its hash or with *digest*."""
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} --hash=sha256:{digest or hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def write(directory: Path, name: str = "prog", version: str = "1.0", **more: str) -> Path:
    """Write a wheel with the program *name*. The same arguments make the same wheel.

    *more* can have the ``tag`` of the wheel, the ``text`` that the program prints before its arguments, the whole ``code`` of the
    program with its function main, and the requirement that the wheel ``needs``.
    """
    tag, needs = more.get("tag", "py3-none-any"), more.get("needs", "")
    path = directory / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (f"Requires-Dist: {needs}\n" if needs else "")
    texts = {
        f"{name}.py": more.get("code") or PROGRAM.format(text=more.get("text", "fine")),
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for file, content in texts.items():
            wheel.writestr(zipfile.ZipInfo(file), content)
        record = "".join(f"{file},,\n" for file in [*texts, f"{info}/RECORD"])
        wheel.writestr(zipfile.ZipInfo(f"{info}/RECORD"), record)
    return path
