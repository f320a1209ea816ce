# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls systemd services and checks their health over HTTP. Private to the collection."""

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.urls import open_url

# Runs an argument list and returns (return code, standard output, standard error), like AnsibleModule.run_command.
Run = t.Callable[[t.Sequence[str]], tuple[int, str, str]]

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "MainPID",
    "InvocationID",
    "NeedDaemonReload",
    "CanReload",
)
_POLL_SECONDS = 0.2


class ServiceError(Exception):
    """A service failed to start, stop or reload, or is not healthy. The text is for the operator."""


class NotReloadedError(ServiceError):
    """A service was not reloaded, because the result of the reload would be unknown."""


class Unit:
    """One unit of systemd."""

    def __init__(self, name: str, run: Run) -> None:
        """Use the unit *name*, with or without ``.service``; *run* executes commands."""
        self.name = name if "." in name else f"{name}.service"
        self._run = run

    def show(self) -> dict[str, str]:
        """Return PROPERTIES of the unit, as systemctl prints them."""
        _rc, out, _err = self._systemctl("show", "--property", ",".join(PROPERTIES), self.name)
        return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)

    def act(self, verb: str) -> None:
        """Run ``systemctl VERB UNIT``.

        :raises ServiceError: with the output of systemctl.
        """
        code, out, err = self._systemctl(verb, self.name)
        if code:
            raise ServiceError(f"systemctl {verb} {self.name} failed: {(err or out).strip()}")

    def daemon_reload(self) -> None:
        """Make systemd read the unit files again."""
        code, out, err = self._systemctl("daemon-reload")
        if code:
            raise ServiceError(f"systemctl daemon-reload failed: {(err or out).strip()}")

    def running(self) -> bool:
        """Return whether the unit is active."""
        return self.show().get("ActiveState") == "active"

    def journal(self, since: float, lines: int = 20) -> str:
        """Return the last *lines* lines of the unit's journal since *since* (seconds since 1970)."""
        options = ["--since", f"@{int(since)}", "--lines", str(lines), "--no-pager", "--output", "short-iso", "--quiet"]
        # The last messages of a service may not be in the journal yet.
        self._run(["journalctl", "--sync"])
        _code, out, err = self._run(["journalctl", "--unit", self.name, *options])
        return (out or err).strip()

    def wait_healthy(self, url: str, status: t.Collection[int], timeout: float, settle: float) -> None:
        """Wait until the unit, which was just started, has stayed up for *settle* seconds and *url* answers.

        :param url: URL that must answer with one of the HTTP statuses *status*. If empty, the unit must only stay up.
        :param timeout: seconds for the whole wait.
        :raises ServiceError: if the unit exited, even if systemd started it again, or did not answer in time.
        """
        began = time.monotonic()
        first = self.show()
        problem = ""
        while True:
            now = self.show()
            if now.get("ActiveState") != "active" or now.get("InvocationID") != first.get("InvocationID"):
                raise ServiceError(
                    f"{self.name} exited within {time.monotonic() - began:.1f} s after its start "
                    f"(state {now.get('ActiveState')}, {now.get('SubState')})"
                )
            problem = probe(url, status, max(1.0, min(5.0, timeout))) if url else ""
            if not problem and time.monotonic() - began >= settle:
                return
            if time.monotonic() - began >= timeout:
                problem = problem or f"the timeout is shorter than the settle time of {settle:g} s"
                raise ServiceError(f"{self.name} runs, but is not healthy after {timeout:g} s: {problem}")
            time.sleep(_POLL_SECONDS)

    def reload(self, verify: t.Mapping[str, t.Any] | None = None) -> None:
        """Reload the unit and, with *verify*, wait until its own metrics show that the unit accepted the configuration.

        :param verify: ``url``, ``username`` and ``password`` of the metrics; ``metric`` that must have ``value`` after the
            reload; ``changed``, a metric whose value changes with each successful reload (a service handles the signal some
            time after the command); ``timeout``.
        :raises ServiceError: if the unit rejects the configuration, or does not answer in time.
        :raises NotReloadedError: if the metrics are not available before the reload, so that nothing can be compared.
        """
        before = self._metrics_before(verify) if verify else {}
        self.act("reload")
        if not verify:
            return
        deadline = time.monotonic() + verify["timeout"]
        metric, changed = verify["metric"], verify.get("changed")
        while True:
            now = _metrics(verify)
            # Without the metric `changed` in the answer, the service has not accepted the configuration yet.
            reloaded = not changed or (changed in now and now[changed] != before[changed])
            if now.get(metric) == verify["value"] and reloaded:
                return
            rejected = metric in now and now[metric] != verify["value"] and before.get(metric) == verify["value"]
            if rejected or time.monotonic() >= deadline:
                value = now.get(metric, "missing")
                unchanged = f", and {changed} has not changed" if changed in now and not reloaded else ""
                raise ServiceError(
                    f"{self.name} did not accept the configuration: at {verify['url']}, the metric {metric} is {value}{unchanged}"
                )
            time.sleep(_POLL_SECONDS)

    def _metrics_before(self, verify: t.Mapping[str, t.Any]) -> dict[str, float]:
        """Return the metrics before a reload. A service that was just started may need some time to serve its metrics."""
        deadline = time.monotonic() + verify["timeout"]
        needed = verify.get("changed") or verify["metric"]
        while True:
            metrics = _metrics(verify)
            if needed in metrics:
                return metrics
            if time.monotonic() >= deadline:
                raise NotReloadedError(
                    f"{self.name} was not reloaded: {verify['url']} did not return the metric {needed} within "
                    f"{verify['timeout']} s. Without this metric, the result of a reload is unknown"
                )
            time.sleep(_POLL_SECONDS)

    def _systemctl(self, *arguments: str) -> tuple[int, str, str]:
        return self._run(["systemctl", "--no-pager", *arguments])


def probe(url: str, status: t.Collection[int], timeout: float) -> str:
    """Query *url* once; return what is wrong with the answer, or an empty string."""
    try:
        answer = open_url(url, timeout=timeout, use_proxy=False, validate_certs=False, follow_redirects="none").status
    except Exception as error:  # noqa: BLE001 - every error is a result: refused, reset, no HTTP, status
        answer = getattr(error, "code", None)
        if answer is None:
            return f"{url} does not answer ({to_text(error)})"
    return "" if answer in status else f"{url} answers with HTTP status {answer}"


def _metrics(verify: t.Mapping[str, t.Any]) -> dict[str, float]:
    """Return the metrics without labels at the URL of *verify*; no metrics if the service does not answer."""
    options: dict[str, t.Any] = {"timeout": 5, "use_proxy": False, "validate_certs": False}
    if verify.get("username"):
        options.update(url_username=verify["username"], url_password=verify.get("password"), force_basic_auth=True)
    try:
        text = to_text(open_url(verify["url"], **options).read())
    except Exception:  # noqa: BLE001 - the caller waits until the service answers
        return {}
    metrics = {}
    for line in text.splitlines():
        name, _space, value = line.partition(" ")
        if line.startswith("#") or "{" in name:
            continue
        # The answer can be an HTML page of a proxy or of another program at this address.
        with contextlib.suppress(IndexError, ValueError):
            metrics[name] = float(value.split()[0])
    return metrics
