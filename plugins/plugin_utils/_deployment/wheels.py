# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the wheels on the controller that a host needs. Private to the collection."""

from __future__ import annotations

import re
import tarfile
import typing as t
from pathlib import Path

# A pinned requirement: name, extras, version, and the condition under which it applies.
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*==\s*([^\s;\\\\]+)\s*(;)?")
# The platforms of wheels for programs with 32 bits on a machine with 64 bits.
_32_BIT_MACHINES = {"x86_64": "i686", "aarch64": "armv7l"}


class WheelError(Exception):
    """The directory lacks a wheel that the host needs. The text is for the operator."""


def choose(directory: Path, requirements: str, tags: t.Mapping[str, str]) -> list[Path]:
    """Return the wheels in *directory* of the pinned *requirements* that can fit a host. pip on the host makes the final choice.

    pip also verifies the hashes, so that its message names a wheel whose hash is wrong.

    :param tags: the answer of the module: ``python``, ``machine`` and ``bits``.
    :raises WheelError: if a requirement that always applies has no such wheel.
    """
    if not directory.is_dir():
        raise WheelError(f"{directory} is no directory on the controller. Put the wheels there, or correct the path.")
    machine = _32_BIT_MACHINES.get(tags["machine"], tags["machine"]) if tags["bits"] == "32" else tags["machine"]
    wheels = sorted(directory.glob("*.whl"))
    chosen, missing = [], []
    for name, version, condition in (match.groups() for match in map(_REQUIREMENT.match, requirements.splitlines()) if match):
        of_version = [path for path in wheels if _project(path) == (_normal(name), version.lower())]
        fitting = [path for path in of_version if _fits(path, tags["python"], machine)]
        chosen += fitting
        if not fitting and not condition:
            others = f" (it has {', '.join(path.name for path in of_version)})" if of_version else ""
            missing.append(f"{name} {version}{others}")
    if missing:
        python = f"{tags['python'][0]}.{tags['python'][1:]}"
        raise WheelError(
            f"{directory} on the controller has no wheel for Python {python} on {machine} of: {'; '.join(missing)}. "
            "Download the wheels with `pip download --only-binary :all:`, and the options --python-version and --platform."
        )
    return chosen


def pack(wheels: t.Iterable[Path], target: t.IO[bytes]) -> None:
    """Write a tar archive with *wheels* to *target*. Wheels are compressed already."""
    with tarfile.open(fileobj=target, mode="w") as tar:
        for path in wheels:
            tar.add(path, f"./{path.name}", recursive=False)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _project(wheel: Path) -> tuple[str, str]:
    """Return the normalized name and the version in the file name of *wheel*."""
    name, _dash, rest = wheel.name.partition("-")
    return _normal(name), rest.partition("-")[0].lower()


def _fits(wheel: Path, python: str, machine: str) -> bool:
    """Return whether *wheel* can fit the version of Python and the machine. NAME-VERSION(-BUILD)-PYTHON-ABI-PLATFORM.whl."""
    pythons, abi, platforms = wheel.stem.rsplit("-", 3)[1:]
    right_python = abi == "abi3" or bool({"py3", f"py{python}", f"cp{python}"}.intersection(pythons.split(".")))
    return right_python and any(platform == "any" or platform.endswith(f"_{machine}") for platform in platforms.split("."))
