# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question `ruok` of the ZEO protocol."""

from __future__ import annotations

import datetime
import json
import socket
import struct
import typing as t

# Bytes. An answer has less than 1 KB for each storage.
_LIMIT = 1 << 20


def ask(address: str, timeout: float) -> dict[str, dict[str, t.Any]]:
    """Return the statistics of the storages of the ZEO server at *address*, by the names of the storages.

    :param address: `HOST:PORT`, `[IPV6]:PORT`, or the absolute path of a unix socket.
    :raises OSError: if the server does not answer.
    :raises ValueError: if the answer is not one of ZEO.
    """
    with _connect(address, timeout) as connection:
        connection.sendall(struct.pack(">I", 4) + b"ruok")
        # The server announces its version of the protocol first.
        _read_message(connection)
        answer = json.loads(_read_message(connection))
    if not isinstance(answer, dict) or not all(isinstance(statistics, dict) for statistics in answer.values()):
        raise ValueError("the answer is not one of ZEO")
    return answer


def time_of(transaction: str) -> float:
    """Return the time of *transaction*, an ID in hexadecimal, in seconds since 1970; 0 if there is no transaction.

    The first half of an ID counts the minutes since 1900, in months of 31 days. The second half is the part of the minute.
    """
    minutes, fraction = struct.unpack(">II", bytes.fromhex(transaction))
    if not minutes:
        return 0.0
    rest, minute = divmod(minutes, 60)
    rest, hour = divmod(rest, 24)
    rest, day = divmod(rest, 31)
    year, month = divmod(rest, 12)
    moment = datetime.datetime(1900 + year, month + 1, day + 1, hour, minute, tzinfo=datetime.timezone.utc)
    return moment.timestamp() + fraction * 60 / 2**32


def _connect(address: str, timeout: float) -> socket.socket:
    if address.startswith("/"):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect(address)
        except OSError:
            connection.close()
            raise
        return connection
    host, _colon, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout)


def _read_message(connection: socket.socket) -> bytes:
    (size,) = struct.unpack(">I", _read(connection, 4))
    if size > _LIMIT:
        raise ValueError(f"the answer is not one of ZEO: it claims to have {size} bytes")
    return _read(connection, size)


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the server closed the connection")
        data += part
    return data
