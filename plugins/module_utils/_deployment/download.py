# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads releases and verifies their checksums for an architecture. Private to the collection."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import struct
import tempfile
import typing as t
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlsplit

from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.urls import open_url

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files

# The kernel's name of a machine type: the architecture in the names of releases (prometheus/promu, cmd/crossbuild.go).
ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv8l": "armv7",
    "armv7l": "armv7",
    "armv6l": "armv6",
    "i386": "386",
    "i686": "386",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}
_32_BIT_USERLAND = {"x86_64": "386", "aarch64": "armv7"}
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_CHUNK = 1 << 20


class DownloadError(Exception):
    """A release cannot be downloaded, verified or unpacked. The text is for the operator."""


def architecture(machine: str, pointer_bytes: int = struct.calcsize("P")) -> str:
    """Return the architecture of *machine* (the kernel's name, as in ``uname -m``) in the names of releases.

    :param pointer_bytes: size of a pointer of this host's Python. A 64-bit kernel can run a 32-bit system, as on many
        Raspberry Pis, and this system needs 32-bit programs.
    :raises DownloadError: for an unknown machine type.
    """
    if machine not in ARCHITECTURES:
        raise DownloadError(
            f"The machine type {machine!r} is unknown (known: {', '.join(sorted(ARCHITECTURES))}). "
            "Set the role's variable that ends in _arch to the architecture of the releases that this host can run."
        )
    if pointer_bytes * 8 == 32:  # noqa: PLR2004 - a number of bits
        return _32_BIT_USERLAND.get(machine, ARCHITECTURES[machine])
    return ARCHITECTURES[machine]


def find_sum(text: str, file_name: str) -> str | None:
    """Return the SHA-256 of *file_name* in *text*, the output of sha256sum, or None if *text* has no line for the file.

    Some projects publish one file with a checksum for each archive. Then *text* is the checksum alone.
    """
    if _SHA256.fullmatch(text.strip()):
        return text.strip().lower()
    for line in text.splitlines():
        digest, _space, name = line.strip().partition(" ")
        name = name.strip()
        name = name.removeprefix("*")
        name = name.removeprefix("./")
        if name == file_name and _SHA256.fullmatch(digest):
            return digest.lower()
    return None


class Downloader:
    """Downloads files, and sends a token to one host only."""

    def __init__(self, token: str = "", token_host: str = "", timeout: int = 30) -> None:
        """Send *token* only to *token_host*, a host name with an optional port. *timeout* is in seconds, for each answer."""
        self._token = token
        self._token_host = token_host
        self._timeout = timeout

    def text(self, url: str) -> str:
        """Return the text at *url*.

        :raises DownloadError: if the download fails.
        """
        with self._open(url) as response:
            return to_text(response.read(), errors="replace")

    def file(self, url: str, directory: str) -> str:
        """Download *url* into a new file in *directory*, and return its path.

        :raises DownloadError: if the download fails or is incomplete. No file remains.
        """
        handle, path = tempfile.mkstemp(prefix=".download-", dir=directory)
        try:
            with files.name_in_errors(path), os.fdopen(handle, "wb") as stream, self._open(url) as response:
                size = int(response.headers.get("Content-Length") or 0)
                free = shutil.disk_usage(directory).free
                if size > free:
                    raise DownloadError(
                        f"{url} has {size} bytes, but the file system of {directory} has only {free} bytes free. "
                        "Free some space and run again."
                    )
                received = 0
                while chunk := _read(response, url, received):
                    stream.write(chunk)
                    received += len(chunk)
                if received < size:
                    raise DownloadError(
                        f"The download of {url} ended after {received} of {size} bytes. Run again, or check the server."
                    )
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            raise
        return path

    def _open(self, url: str) -> t.Any:
        headers = {}
        if self._token and urlsplit(url).netloc.rpartition("@")[2] == self._token_host:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            # Redirects never receive the token.
            return open_url(url, headers=headers, unredirected_headers=list(headers), timeout=self._timeout)
        except HTTPError as error:
            raise DownloadError(
                f"{url} answers with HTTP status {error.code} ({error.reason}). Check the version and the URL."
            ) from error
        except Exception as error:
            raise DownloadError(
                f"{url} cannot be reached: {to_text(getattr(error, 'reason', error))}. Check the URL and the network of the host."
            ) from error


def _read(response: t.Any, url: str, received: int) -> bytes:
    """Return the next part of *response*.

    :raises DownloadError: if the connection breaks. An OSError would look like an error of a file.
    """
    try:
        return bytes(response.read(_CHUNK))
    except (OSError, HTTPException) as error:
        raise DownloadError(
            f"The download of {url} stopped after {received} bytes ({to_text(error)}). Run again, or check the server."
        ) from error


def sha256(path: str) -> str:
    """Return the SHA-256 of the file *path* in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def pinned_sum(arch: str, checksums: t.Mapping[str, t.Any]) -> str:
    """Return the SHA-256 of *arch* in *checksums*.

    :raises DownloadError: if the checksum is missing or malformed.
    """
    advice = "role's variable that ends in _checksums, or empty this variable to use the list of checksums that the release has."
    if not checksums.get(arch):
        known = ", ".join(sorted(map(str, checksums)))
        raise DownloadError(
            f"The pinned checksums have no SHA-256 for {arch} (they have: {known}). Add the SHA-256 to the {advice}"
        )
    digest = str(checksums[arch])
    if not _SHA256.fullmatch(digest):
        raise DownloadError(
            f"The pinned checksum for {arch} is not a SHA-256: expected 64 hexadecimal digits, got {digest!r} "
            f"({len(digest)} characters). Correct the checksum in the {advice}"
        )
    return digest.lower()


def expected_sum(
    downloader: Downloader, file_name: str, arch: str, checksums: t.Mapping[str, str], checksum_url: str | None
) -> str:
    """Return the SHA-256 that the archive *file_name* for *arch* must have.

    :param checksums: checksums by architecture, which replace *checksum_url*.
    :raises DownloadError: if no checksum exists for this architecture. No release is installed without a verification.
    """
    if checksums:
        return pinned_sum(arch, checksums)
    if not checksum_url:
        raise DownloadError(f"{file_name} cannot be verified. Set checksums or checksum_url.")
    sums = downloader.text(checksum_url)
    digest = find_sum(sums, file_name)
    if digest is None:
        released = ", ".join(_architectures(sums, file_name, arch))
        raise DownloadError(
            f"{checksum_url} has no line for {file_name}. "
            + (
                f"This version is released for {released}, and not for {arch}."
                if released
                else f"Check the version, and whether this version is released for {arch}."
            )
        )
    return digest


def _architectures(sums: str, file_name: str, arch: str) -> list[str]:
    """Return the architectures that the list *sums* has archives for, whose names differ from *file_name* by *arch* only."""
    before, found, after = file_name.rpartition(arch)
    pattern = re.compile(rf"\s\*?{re.escape(before)}(\w+){re.escape(after)}$", re.MULTILINE)
    return sorted(pattern.findall(sums)) if found else []


def verify(path: str, expected: str, source: str) -> None:
    """Compare the SHA-256 of the file *path*, downloaded from *source*, with the *expected* one.

    :raises DownloadError: if the checksums differ.
    """
    digest = sha256(path)
    if digest != expected:
        raise DownloadError(
            f"The checksum of {source} is wrong: expected the SHA-256 {expected}, got {digest}. The archive was not installed; "
            "the version in service is unchanged. Check the pinned checksum and the server of the download."
        )
