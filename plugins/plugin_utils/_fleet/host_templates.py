# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Template the variables of one host. Values that cannot be templated are problems of the host. Private to the collection."""

from __future__ import annotations

import contextlib
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.inventory_variables import HostVariables
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import (
    MISSING,
    OMITTED,
    Renderer,
    Variables,
    plain,
)

# A template that is only the name of a variable.
REFERENCE = re.compile(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}")
_SYNTAX = re.compile(r"(?i)syntax error|template error|unexpected|expected token|unknown tag|no (filter|test) named")
_SECRETS = "secrets of the vault"


class HostTemplates:
    """Templates values with the variables of one host, and reports the problems of these values."""

    def __init__(self, host: str, variables: HostVariables, renderer: Renderer, problems: Problems) -> None:
        """Take the name and *variables* of the host, and the list to add problems to."""
        self.host = host
        self.variables = variables
        self._renderer = renderer
        self._problems = problems
        self._secrets: list[str] | None = None

    def of_kind(self, value: t.Any, variable: str, kind: type) -> t.Any:
        """Return *value* if it has the type *kind*; otherwise report it, and return an empty value of this type."""
        if isinstance(value, kind):
            return value
        if value is not None and value is not MISSING:
            self.report(variable, value, f"must be a {'dictionary' if kind is dict else 'list'}")
        return kind()

    def render(self, value: t.Any, variable: str, available: Variables | None = None) -> t.Any:
        """Return *value* as plain data, with templates evaluated, or MISSING if a template fails."""
        try:
            return self._renderer(value, available or self.variables)
        except Exception as error:  # noqa: BLE001 - whatever a template raises is an error of the inventory
            where, what = self._failing_part(value, variable, available or self.variables)
            self.report(where, what, f"cannot be templated: {_template_error(error)}")
            return MISSING

    def _failing_part(self, value: t.Any, variable: str, available: Variables) -> tuple[str, t.Any]:
        """Return the name and the value of the part of *value* that cannot be templated."""
        parts: t.Iterable[tuple[str, t.Any]] = ()
        if isinstance(value, dict):
            parts = ((f"{variable}.{plain(key)}", item) for key, item in value.items())
        elif isinstance(value, (list, tuple)):
            parts = ((f"{variable}[{index}]", item) for index, item in enumerate(value))
        elif isinstance(value, str) and (named := REFERENCE.fullmatch(value)) and named.group(1) == variable:
            # The role contract has only the name of the variable. The failing template is in the value of the variable.
            written = available.get(variable)
            return (variable, value) if written == value else self._failing_part(written, variable, available)
        for name, item in parts:
            try:
                self._renderer(item, available)
            except Exception:  # noqa: BLE001, PERF203 - see above
                return self._failing_part(item, name, available)
        return variable, value

    def report(self, variable: str, value: t.Any, remedy: str) -> None:
        """Add a problem, without secrets that are encrypted with ansible-vault."""
        if self._secrets is None:
            self._secrets = list(self._open_secrets())
        self._problems.add(self.host, variable, _without_secrets(value, self._secrets), _without_secrets(remedy, self._secrets))

    def _open_secrets(self) -> t.Iterator[str]:
        memo = self.variables.share.memo
        if _SECRETS not in memo:
            memo[_SECRETS] = list(_secrets(self.variables.share.merged))
        for secret in (*memo[_SECRETS], *_secrets(self.variables.own), *_secrets(self.variables.extra)):
            # A secret that cannot be decrypted cannot appear in a message.
            with contextlib.suppress(Exception):
                yield self._renderer(secret, self.variables)


def _template_error(error: Exception) -> str:
    """Return why a template fails, and the remedy if it is known."""
    if isinstance(error, RecursionError):
        return "the variables in the template refer to each other in a loop"
    reason = f"{error}".strip().splitlines()[0]
    if reason == OMITTED or "Omit" in reason:
        return f"{OMITTED}. Use default(none) to leave out the value"
    if "ansible_" in reason:
        return f"{reason} (facts cannot be used here: with --limit, Ansible does not gather the facts of all hosts)"
    if _SYNTAX.search(reason):
        return f"{reason} (if the double braces are meant for Prometheus or Alertmanager, put the tag !unsafe before the string)"
    return reason


def _secrets(value: t.Any) -> t.Iterator[t.Any]:
    """Yield the values in *value* that are encrypted with ansible-vault: these are neither plain data nor strings."""
    if isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _secrets(item)
    elif value is not None and not isinstance(value, (str, int, float)):
        yield value


def _without_secrets(value: t.Any, secrets: list[str]) -> t.Any:
    """Return *value* with "(secret)" in place of each of *secrets*, and of each encrypted value."""
    if isinstance(value, dict):
        return {_without_secrets(plain(key), secrets): _without_secrets(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_secrets(item, secrets) for item in value]
    if isinstance(value, str):
        text = plain(value)
        for secret in secrets:
            text = text.replace(secret, "(secret)") if secret else text
        return text
    return plain(value) if value is None or isinstance(value, (int, float)) else "(secret)"
