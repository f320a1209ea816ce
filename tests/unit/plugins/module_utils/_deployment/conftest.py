# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests of what is deployed."""

from __future__ import annotations

import functools
import threading
import typing as t
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from releases import Place


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """Return where a tree goes."""
    return tmp_path / "etc" / "service"


@pytest.fixture
def place(tmp_path: Path) -> t.Iterator[Place]:
    """Return a host with a mirror that holds two versions."""
    (tmp_path / "mirror").mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_args: t.Any) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path / "mirror")))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    found = Place(tmp_path, f"http://127.0.0.1:{server.server_port}")
    found.publish("1.0")
    found.publish("2.0")
    yield found
    server.shutdown()
    server.server_close()
