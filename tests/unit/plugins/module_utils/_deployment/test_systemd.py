# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reloads that are verified by metrics, asked from a real HTTP server."""

from __future__ import annotations

import base64
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import NotReloadedError, ServiceError, Unit

PAGE = "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n\n</html>\n"


class Service:
    """A program with metrics, and its systemd."""

    def __init__(self, answers: t.Callable[[Service], str | None]) -> None:
        """Answer with what *answers* returns; None closes the connection without an answer."""
        self.reloads = 0
        self.asked = 0
        # The headers for authentication in the requests.
        self.credentials: set[str | None] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                outer.credentials.add(self.headers.get("Authorization"))
                text = answers(outer)
                if text is None:
                    return
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_args: t.Any) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.verify = {
            "url": f"http://127.0.0.1:{self._server.server_port}/metrics",
            "metric": "ok",
            "value": 1.0,
            "changed": "time",
            "timeout": 1,
        }
        self.unit = Unit("prog", self._run)

    def _run(self, argv: t.Sequence[str]) -> tuple[int, str, str]:
        self.reloads += argv[2] == "reload"
        return 0, "", ""

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def service() -> t.Iterator[t.Callable[[t.Callable[[Service], str | None]], Service]]:
    """Return a function that starts a service."""
    started = []

    def start(answers: t.Callable[[Service], str | None]) -> Service:
        started.append(Service(answers))
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_a_reload_is_over_when_the_time_has_changed(service: t.Any) -> None:
    """The first answers after the signal are the former ones."""
    found = service(lambda s: f"# HELP ok x\nok 1\ntime {5.5 if s.reloads and s.asked > 4 else 1.5}\n")
    found.unit.reload(found.verify)
    assert found.asked == 5


def test_metrics_with_a_password_are_asked_with_it(service: t.Any) -> None:
    """Before the reload and after it; without a user name, no request has credentials."""
    found = service(lambda s: f"ok 1\ntime {s.reloads}\n")
    found.unit.reload({**found.verify, "username": "u", "password": "p"})
    assert found.credentials == {f"Basic {base64.b64encode(b'u:p').decode()}"}
    found.credentials.clear()
    found.unit.reload({**found.verify, "username": "", "password": ""})
    assert found.credentials == {None}


@pytest.mark.parametrize("page", [PAGE, "", "ok\n", "ok one\ntime two\n", "ok 1\n"])
def test_an_answer_without_the_metrics_is_no_reason_to_crash_nor_to_reload(service: t.Any, page: str) -> None:
    """A page of HTML, from another program at that address, for instance."""
    found = service(lambda _s: page)
    with pytest.raises(
        NotReloadedError, match=rf"^prog\.service was not reloaded: {found.verify['url']} did not return the metric time"
    ):
        found.unit.reload(found.verify)
    assert found.reloads == 0


def test_metrics_out_of_reach_before_a_reload_do_not_make_an_old_time_new(service: t.Any) -> None:
    """The time of the last reload says nothing about this one, where it is not known what it was before."""
    found = service(lambda s: None if s.asked <= 2 else "ok 1\ntime 1.5\n")
    with pytest.raises(
        ServiceError, match=r"did not accept the configuration: at .*, the metric ok is 1\.0, and time has not changed$"
    ):
        found.unit.reload(found.verify)
    assert found.reloads == 1


def test_metrics_that_come_back_late_are_waited_for(service: t.Any) -> None:
    """Before the reload and after."""
    found = service(lambda s: None if s.asked in (1, 2, 4) else f"ok 1\ntime {1 + s.reloads}\n")
    found.unit.reload(found.verify)
    assert (found.reloads, found.asked) == (1, 5)


def test_a_page_after_the_reload_is_no_success(service: t.Any) -> None:
    """The program does not answer any more, and something else does."""
    found = service(lambda s: PAGE if s.reloads else "ok 1\ntime 1\n")
    with pytest.raises(ServiceError, match=r"the metric ok is missing$"):
        found.unit.reload(found.verify)
