# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds parts of PromQL expressions. Private to the collection."""

from __future__ import annotations

import json
import re
import typing as t


def any_of(names: t.Iterable[str]) -> str:
    """Return a regular expression for PromQL, in quotes, that matches exactly *names*."""
    return json.dumps("|".join(re.escape(name) for name in sorted(names)), ensure_ascii=False)
