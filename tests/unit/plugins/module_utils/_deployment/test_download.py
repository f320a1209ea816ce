# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads: architectures, checksums, and who gets the token."""

from __future__ import annotations

import hashlib
import os
import typing as t
from pathlib import Path

import pytest
from servers import Reply, Server

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import download
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import Downloader, DownloadError

SUM = "a" * 64


class Mirror(Server):
    """A server of releases, which remembers what it was asked."""

    def __init__(self) -> None:
        """Start it."""
        self.seen: list[tuple[str, str | None]] = []
        self.replies: dict[str, Reply] = {}
        super().__init__(self._reply)

    def _reply(self, path: str, headers: t.Mapping[str, str]) -> Reply:
        self.seen.append((path, headers.get("Authorization")))
        return self.replies.get(path, (404, {}, b""))


@pytest.fixture
def servers() -> t.Iterator[tuple[Mirror, Mirror]]:
    """Return two servers."""
    pair = Mirror(), Mirror()
    yield pair
    for server in pair:
        server.close()


@pytest.mark.parametrize(
    ("machine", "expected"),
    [("x86_64", "amd64"), ("aarch64", "arm64"), ("armv7l", "armv7"), ("armv8l", "armv7"), ("armv6l", "armv6")],
)
def test_architecture(machine: str, expected: str) -> None:
    """The kernel's name becomes the release's."""
    assert download.architecture(machine, pointer_bytes=8) == expected


@pytest.mark.parametrize(("machine", "expected"), [("aarch64", "armv7"), ("x86_64", "386"), ("armv7l", "armv7")])
def test_a_32_bit_system_on_a_64_bit_kernel_gets_32_bit_programs(machine: str, expected: str) -> None:
    """As on many a Raspberry Pi."""
    assert download.architecture(machine, pointer_bytes=4) == expected


def test_an_unknown_machine_is_an_error_that_lists_the_known() -> None:
    """It names the way out, too."""
    with pytest.raises(DownloadError, match=r"'vax'.*aarch64.*armv6l.*armv7l.*x86_64.*_arch"):
        download.architecture("vax")


@pytest.mark.parametrize("line", [f"{SUM}  x.tar.gz", f"{SUM} *x.tar.gz", f"{SUM}  ./x.tar.gz", f"{SUM.upper()}  x.tar.gz"])
def test_sums_are_found_in_each_form(line: str) -> None:
    """sha256sum writes text and binary lines, and some releases a leading dot and slash."""
    other = f"{'b' * 64}  other-x.tar.gz\n{'c' * 64}  x.tar.gz.asc\n"
    assert download.find_sum(other + line + "\n", "x.tar.gz") == SUM


def test_the_sum_of_another_file_is_no_sum_of_this() -> None:
    """The peers picked the wrong line."""
    assert download.find_sum(f"{SUM}  x.tar.gz.asc\n{SUM}  my-x.tar.gz\nnonsense  x.tar.gz\n", "x.tar.gz") is None


def test_a_file_with_one_checksum_is_of_the_file_that_it_is_asked_for() -> None:
    """Projects publish x.tar.gz.sha256 with the checksum alone. A file with other text is no such file."""
    assert download.find_sum(f"{SUM.upper()}\n", "x.tar.gz") == SUM
    assert download.find_sum(f"{SUM}\n{SUM}\n", "x.tar.gz") is None


def test_a_pinned_checksum_needs_no_network_and_is_of_this_architecture() -> None:
    """A missing architecture is never passed over."""
    nobody = Downloader()
    assert download.expected_sum(nobody, "x", "armv7", {"armv7": SUM.upper()}, None) == SUM
    with pytest.raises(DownloadError, match=r"no SHA-256 for arm64 \(they have: armv7\)"):
        download.expected_sum(nobody, "x", "arm64", {"armv7": SUM}, None)


@pytest.mark.parametrize("pinned", ["abc", SUM + "0", f"sha256:{SUM}", "g" * 64, 5])
def test_a_pinned_checksum_that_is_none_is_told_as_that(pinned: t.Any) -> None:
    """It is there, and it is wrong: the message has its text."""
    got = rf"got '{pinned}' \({len(str(pinned))} characters\)"
    expected = rf"The pinned checksum for amd64 is not a SHA-256: .* {got}\. Correct the checksum"
    with pytest.raises(DownloadError, match=expected):
        download.expected_sum(Downloader(), "x", "amd64", {"amd64": pinned}, None)


def test_a_connection_that_breaks_is_no_error_of_a_file(
    servers: tuple[Mirror, Mirror], tmp_path: Path, monkeypatch: t.Any
) -> None:
    """It names the URL."""
    first, _second = servers
    first.replies["/x"] = (200, {}, b"x")
    open_url = download.open_url

    def broken(*args: t.Any, **kwargs: t.Any) -> t.Any:
        response = open_url(*args, **kwargs)

        def read(*_args: t.Any) -> t.NoReturn:
            raise ConnectionResetError(104, "Connection reset by peer")

        monkeypatch.setattr(response, "read", read)
        return response

    monkeypatch.setattr(download, "open_url", broken)
    with pytest.raises(DownloadError, match=rf"The download of {first.url}/x stopped after 0 bytes \(.*reset by peer"):
        Downloader().file(f"{first.url}/x", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_with_the_file(servers: tuple[Mirror, Mirror], tmp_path: Path, monkeypatch: t.Any) -> None:
    """Where the size was not told beforehand."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    first, _second = servers
    first.replies["/x"] = (200, {}, b"x" * 100)
    path = tmp_path / "x"
    monkeypatch.setattr(download.tempfile, "mkstemp", lambda **_options: (os.open("/dev/full", os.O_WRONLY), str(path)))
    with pytest.raises(OSError, match="No space left") as raised:
        Downloader().file(f"{first.url}/x", str(tmp_path))
    assert raised.value.filename == str(path)


def test_nothing_is_installed_unverified() -> None:
    """Neither pinned sums nor a list of them is an error."""
    with pytest.raises(DownloadError, match="cannot be verified"):
        download.expected_sum(Downloader(), "x", "amd64", {}, None)


def test_a_list_without_this_architecture_is_an_error(servers: tuple[Mirror, Mirror]) -> None:
    """It names list, file and architecture, and the architectures of the release."""
    first, _second = servers
    names = ("x-386.tar.gz", "x-amd64.tar.gz", "x-amd64.tar.gz.asc", "xx-riscv64.tar.gz")
    first.replies["/sums"] = (200, {}, "".join(f"{SUM}  {name}\n" for name in names).encode())
    with pytest.raises(DownloadError, match=r"/sums has no line for x-arm64\.tar\.gz\. .* for 386, amd64, and not for arm64\."):
        download.expected_sum(Downloader(), "x-arm64.tar.gz", "arm64", {}, f"{first.url}/sums")
    with pytest.raises(DownloadError, match=r"/sums has no line for y-arm64\.tar\.gz\. Check the version.* released for arm64\."):
        download.expected_sum(Downloader(), "y-arm64.tar.gz", "arm64", {}, f"{first.url}/sums")


def test_a_token_goes_to_its_host_alone(servers: tuple[Mirror, Mirror], tmp_path: Path) -> None:
    """As Authorization; neither to another host, nor along a redirect."""
    mine, other = servers
    other.replies["/file"] = (200, {"Content-Length": "2"}, b"ok")
    mine.replies["/file"] = (302, {"Location": f"{other.url}/file"}, b"")
    downloader = Downloader("secret", mine.host)
    path = downloader.file(f"{mine.url}/file", str(tmp_path))
    assert Path(path).read_bytes() == b"ok"
    downloader.file(f"{other.url}/file", str(tmp_path))
    assert mine.seen == [("/file", "Bearer secret")]
    assert other.seen == [("/file", None), ("/file", None)]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ((404, {}, b""), "answers with HTTP status 404"),
        ((200, {"Content-Length": "10"}, b"half"), "ended after 4 of 10 bytes"),
        ((200, {"Content-Length": str(1 << 60)}, b""), r"only \d+ bytes free"),
    ],
)
def test_a_failed_download_names_the_url_and_leaves_nothing(
    servers: tuple[Mirror, Mirror], tmp_path: Path, reply: tuple[int, dict[str, str], bytes], message: str
) -> None:
    """A missing file, a broken connection, a disk that is too small."""
    first, _second = servers
    first.replies["/x"] = reply
    with pytest.raises(DownloadError, match=message) as raised:
        Downloader().file(f"{first.url}/x", str(tmp_path))
    assert f"{first.url}/x" in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Port 9 of the loopback refuses."""
    with pytest.raises(DownloadError, match=r"http://127\.0\.0\.1:9/x cannot be reached"):
        Downloader().file("http://127.0.0.1:9/x", str(tmp_path))


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    """With both sums in the message."""
    path = tmp_path / "x"
    path.write_bytes(b"tampered")
    found = hashlib.sha256(b"tampered").hexdigest()
    download.verify(str(path), found, "url")
    with pytest.raises(DownloadError, match=rf"The checksum of url is wrong: expected the SHA-256 {SUM}, got {found}\."):
        download.verify(str(path), SUM, "url")
