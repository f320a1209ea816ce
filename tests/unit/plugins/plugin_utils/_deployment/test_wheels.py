# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheels that a host needs, of those on the controller."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._deployment import wheels

HOST = {"python": "311", "machine": "x86_64", "bits": "64"}
PI = {"python": "39", "machine": "aarch64", "bits": "32"}
WHEELS = (
    "prometheus_client-0.26.0-py3-none-any.whl",
    "prometheus_client-0.25.0-py3-none-any.whl",
    "zope.interface-8.7-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "zope.interface-8.7-cp311-cp311-manylinux_2_17_aarch64.whl",
    "zope.interface-8.7-cp313-cp313-manylinux_2_17_x86_64.whl",
    "zope.interface-8.7-cp39-cp39-linux_armv7l.whl",
    "fast-1-2-cp38-abi3-musllinux_1_2_x86_64.whl",
    "other-1-py3-none-any.whl",
)
REQUIREMENTS = """\
# a comment
Prometheus-Client[twisted]==0.26.0 \\
    --hash=sha256:0000
zope-interface == 8.7 --hash=sha256:0000
fast==1; python_version < "4" --hash=sha256:0000
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a directory with the WHEELS, and with a source archive."""
    for name in (*WHEELS, "zope.interface-8.7.tar.gz"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_a_host_gets_the_wheels_that_fit_it(directory: Path) -> None:
    """By name, version, Python and machine. Names differ in case and separators."""
    assert [path.name for path in wheels.choose(directory, REQUIREMENTS, HOST)] == [WHEELS[0], WHEELS[2], WHEELS[6]]


def test_a_system_with_32_bits_on_a_machine_with_64_gets_wheels_with_32(directory: Path) -> None:
    """The requirement with a condition has no wheel for this host, and pip decides whether the host needs one."""
    assert [path.name for path in wheels.choose(directory, REQUIREMENTS, PI)] == [WHEELS[0], WHEELS[5]]


def test_all_missing_wheels_are_one_error(directory: Path) -> None:
    """The error names what the directory has instead."""
    with pytest.raises(wheels.WheelError) as error:
        wheels.choose(directory, REQUIREMENTS + "new==2\n", {"python": "312", "machine": "riscv64", "bits": "64"})
    message = str(error.value)
    assert f"{directory} on the controller has no wheel for Python 3.12 on riscv64 of: zope-interface 8.7 (it has " in message
    assert all(name in message for name in WHEELS[2:6])
    assert WHEELS[1] not in message
    assert "; new 2. Download the wheels with `pip download --only-binary :all:`" in message


def test_a_directory_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    """The path is one on the controller."""
    with pytest.raises(wheels.WheelError, match="missing is no directory on the controller"):
        wheels.choose(tmp_path / "missing", REQUIREMENTS, HOST)


def test_the_archive_has_the_wheels_at_its_top(directory: Path) -> None:
    """The program pip finds them there."""
    target = io.BytesIO()
    wheels.pack([directory / WHEELS[0]], target)
    target.seek(0)
    with tarfile.open(fileobj=target) as tar:
        assert tar.getnames() == [f"./{WHEELS[0]}"]
