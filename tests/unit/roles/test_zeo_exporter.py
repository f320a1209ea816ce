# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of ZEO servers, from recorded answers of ZEO 6.2. The scenario python has a real server."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import typing as t

import pytest
from python_exporters import series
from zeo_exporter import protocol
from zeo_exporter.__main__ import ZeoExporter

STATE = {"connections": 2, "loads": 10, "stores": 4, "commits": 3, "aborts": 1, "active_txns": 0, "lock_time": None,
         "conflicts": 1, "conflicts_resolved": 0, "start": "Mon Nov 23 12:00:00 2026", "verifying_clients": 0, "waiting": 1,
         "timeout-thread-is-alive": True, "last-transaction": "0415d13d4b8f5c28"}  # fmt: skip


@contextlib.contextmanager
def server(*messages: bytes) -> t.Iterator[str]:
    """Run a server that answers each client with *messages*; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _address = listener.accept()
                    with client:
                        assert client.recv(8) == b"\x00\x00\x00\x04ruok"
                        for message in messages:
                            client.sendall(message)

        threading.Thread(target=answer, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def frame(content: bytes) -> bytes:
    """Return a message of the protocol."""
    return struct.pack(">I", len(content)) + content


def test_the_answer_becomes_metrics() -> None:
    """Of each storage. The number of connections of a server that does not answer is unknown, not 0."""
    with server(
        frame(b"Z5"), frame(json.dumps({"1": STATE, "empty": {**STATE, "last-transaction": "0" * 16}}).encode())
    ) as address:
        found = series(ZeoExporter([address, "127.0.0.1:1"], 2).collect())
    assert found[f"zeo_up{{server={address}}}"] == 1
    assert found["zeo_up{server=127.0.0.1:1}"] == 0
    assert found[f"zeo_storages{{server={address}}}"] == 2
    storage = f"{{server={address},storage=1}}"
    assert {name.partition("{")[0]: value for name, value in found.items() if name.endswith(storage)} == {
        "zeo_connections": 2,
        "zeo_active_transactions": 0,
        "zeo_waiting_transactions": 1,
        "zeo_verifying_clients": 0,
        "zeo_commits_total": 3,
        "zeo_aborts_total": 1,
        "zeo_conflicts_total": 1,
        "zeo_conflicts_resolved_total": 0,
        "zeo_loads_total": 10,
        "zeo_stores_total": 4,
        "zeo_commit_lock_seconds": 0,
        "zeo_last_transaction_timestamp_seconds": protocol.time_of("0415d13d4b8f5c28"),
    }
    assert found[f"zeo_last_transaction_timestamp_seconds{{server={address},storage=empty}}"] == 0
    assert not [name for name in found if "127.0.0.1:1," in name]


def test_the_time_of_a_transaction() -> None:
    """A transaction of 2010-03-22 15:36:31.5 UTC: months have 31 days, and minutes 2**32 parts."""
    minutes = ((((2010 - 1900) * 12 + 2) * 31 + 21) * 24 + 15) * 60 + 36
    transaction = struct.pack(">II", minutes, int(31.5 / 60 * 2**32)).hex()
    assert protocol.time_of(transaction) == pytest.approx(1269272191.5, abs=1e-3)


def test_the_age_of_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a transaction that began to commit ten seconds ago."""
    monkeypatch.setattr("time.time", lambda: 1010.0)
    with server(frame(b"Z5"), frame(json.dumps({"1": {**STATE, "lock_time": 1000.0}}).encode())) as address:
        assert series(ZeoExporter([address], 2).collect())[f"zeo_commit_lock_seconds{{server={address},storage=1}}"] == 10


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [frame(b"Z5")],
        [frame(b"Z5"), frame(b"[]")],
        [frame(b"Z5"), frame(b"no JSON")],
        [frame(b"Z5"), frame(b'{"1": {}}')],
        [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    ],
)
def test_what_is_no_answer_of_zeo_is_a_server_that_is_down(messages: list[bytes]) -> None:
    """Another program can listen at the address."""
    with server(*messages) as address:
        found = series(ZeoExporter([address], 2).collect())
    assert found == {f"zeo_up{{server={address}}}": 0}
