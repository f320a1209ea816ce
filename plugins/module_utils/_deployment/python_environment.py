# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the virtual environment of a Python program from wheels with hashes. Private to the collection."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
import typing as t

from ansible.module_utils.common.text.converters import to_bytes, to_text

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import archives, files
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import Run

PYTHON_SPEC: dict[str, t.Any] = {
    "requirements": {"type": "str", "required": True},
    "modules": {"type": "dict", "default": {}},
    "interpreter": {"type": "path", "default": "/usr/bin/python3"},
    "wheels": {"type": "path", "default": ""},
}
REQUIREMENTS = "requirements.txt"
# Installers that `python -m venv` puts into an environment. No service needs them, and they grow old there.
_INSTALLERS = ("pip", "setuptools")
_LINES = 12


class PythonEnvironment:
    """The virtual environment that *params* (the option ``python`` of the module) describe."""

    def __init__(self, params: t.Mapping[str, t.Any], run: Run) -> None:
        """Read *params*; nothing on the host is touched. *run* executes commands."""
        self._requirements: str = params["requirements"]
        self._modules = {str(path): to_text(content) for path, content in params["modules"].items()}
        self._interpreter: str = params["interpreter"]
        self._run = run

    def checksum(self) -> str:
        """Return a SHA-256 that changes with everything that the environment is built from.

        An environment works only with the version of Python that it was built with: `/usr/bin/python3` links to `python3.11`.
        """
        parts = [self._requirements, sorted(self._modules.items()), os.path.realpath(self._interpreter)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def texts(self) -> dict[str, str]:
        """Return the texts of the environment for a diff, by their paths in the environment. A star stands for the version."""
        modules = {f"lib/python*/site-packages/{path}": text for path, text in self._modules.items()}
        return {REQUIREMENTS: self._requirements, **modules}

    def tags(self) -> dict[str, str]:
        """Return what a wheel must fit, for the controller: the version of Python (`311`) and the type of the machine.

        :raises DownloadError: if the host lacks the interpreter.
        """
        program = "import struct, sys; print('%d%d' % sys.version_info[:2], struct.calcsize('P') * 8)"
        code, out, err = self._run([self._interpreter, "-I", "-c", program])
        if code:
            raise DownloadError(f"{self._interpreter} does not run: {(err or out).strip()}. Install Python 3.")
        version, bits = out.split()
        return {"python": version, "machine": os.uname().machine, "bits": bits}

    def build(self, directory: str, archive: str) -> list[str]:
        """Build the environment in the empty *directory*; return the paths of the modules in the directory.

        :param archive: a tar archive with the wheels. If it is empty, pip downloads the wheels as pip is configured.
        :raises DownloadError: with the reason of pip.
        """
        files.write(os.path.join(directory, REQUIREMENTS), to_bytes(self._requirements), 0o644)
        code, out, err = self._run([self._interpreter, "-I", "-m", "venv", directory])
        if code:
            raise DownloadError(
                f"{self._interpreter} cannot create a virtual environment: {_last_lines(out, err)}\n"
                "Install the package that contains Python's modules venv and ensurepip, which is python3-venv in Debian."
            )
        wheels = tempfile.mkdtemp(prefix=".unpack-", dir=os.path.dirname(directory)) if archive else ""
        try:
            if archive:
                archives.extract(archive, wheels, "wheel")
            self._install(directory, wheels)
        finally:
            if wheels:
                shutil.rmtree(wheels)
        return self._write_modules(directory)

    def _install(self, directory: str, wheels: str) -> None:
        pip = [os.path.join(directory, "bin/python3"), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
        names = [line.partition("==")[0].strip().lower() for line in self._requirements.splitlines() if "==" in line]
        install = [*pip, "install", "--no-cache-dir", "--retries", "2", "--require-hashes", "--only-binary", ":all:"]
        sources = ["--no-index", "--find-links", wheels] if wheels else []
        # pip refuses a file without requirements. A program can need Python alone.
        command = [*install, *sources, "--requirement", os.path.join(directory, REQUIREMENTS)]
        code, out, err = self._run(command) if self._requirements.strip() else (0, "", "")
        if code:
            raise DownloadError(
                f"pip cannot install the requirements: {_last_lines(out, err)}\nThe version in service is unchanged. Each "
                "requirement needs a wheel with one of its hashes that fits the Python and the architecture of this host."
            )
        surplus = [name for name in _INSTALLERS if name not in names]
        code, out, err = self._run([*pip, "uninstall", "--yes", *surplus]) if surplus else (0, "", "")
        if code:
            raise DownloadError(f"pip cannot remove itself from the environment: {_last_lines(out, err)}")

    def _write_modules(self, directory: str) -> list[str]:
        # pip removes the directory of the packages with the last package.
        (library,) = glob.glob(os.path.join(glob.escape(directory), "lib/python*"))
        packages = os.path.join(library, "site-packages")
        written = []
        for path, content in self._modules.items():
            target = os.path.normpath(os.path.join(packages, path))
            if not target.startswith(f"{packages}/"):
                raise DownloadError(f"The module {path!r} is rejected: its path leaves the environment.")
            os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
            files.write(target, to_bytes(content), 0o644)
            written.append(os.path.relpath(target, directory))
        return written


def _last_lines(out: str, err: str) -> str:
    """Return the messages of pip: its errors, or else the end of its output. Warnings of retries repeat the same reason."""
    lines = [line.strip() for line in f"{out}\n{err}".splitlines() if line.strip()]
    errors = [line for line in lines if not re.match(r"(WARNING|Looking in|Collecting|\[notice\])", line)]
    return "\n".join((errors or lines)[-_LINES:])
