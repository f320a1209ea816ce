# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find secrets in the configuration of Prometheus and Alertmanager. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._common.redaction import is_secret

# Whether the value of a key is secret.
Keys = t.Callable[[str], bool]
IN_PROMETHEUS: Keys = is_secret


def IN_ALERTMANAGER(key: str) -> bool:  # noqa: N802 - beside IN_PROMETHEUS
    """Return whether the value of a *key* is secret. URLs of receivers are secret, too."""
    return key == "url" or is_secret(key)


# Names below these keys are chosen by the user.
_NAMES = ("labels", "external_labels", "annotations")
_USERINFO = re.compile(r"^[a-z][a-z0-9+.-]*://[^/@\s]*:[^/@\s]*@", re.IGNORECASE)


def replaced(value: t.Any, keys: Keys, replace: t.Callable[[tuple[str, ...], t.Any], t.Any], path: tuple[str, ...] = ()) -> t.Any:
    """Return *value* with each secret replaced by the result of *replace*, which gets the path and the secret.

    A URL with a password is a secret under any key. The path consists of keys, and of the names of items of lists.
    """
    if isinstance(value, dict):
        return {
            name: item if name in _NAMES else replaced(item, keys, replace, (*path, str(name))) for name, item in value.items()
        }
    if isinstance(value, list):
        return [replaced(item, keys, replace, (*path, *_name(item))) for item in value]
    if value is None or isinstance(value, bool) or value == "":
        return value
    key = next((part for part in reversed(path) if part), "")
    is_secret = keys(key) or (isinstance(value, str) and _USERINFO.match(value))
    return replace(path, value) if is_secret else value


def _name(item: t.Any) -> tuple[str, ...]:
    name = (item.get("job_name") or item.get("name")) if isinstance(item, dict) else None
    return (str(name),) if name else ()
