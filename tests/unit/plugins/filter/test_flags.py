# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter flags, as templates use it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from inventories import FLEET, Made


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (
            "{'web.listen-address': ':9100', 'a': true, 'b': false, 'c': none, 'd': [1, 2]} | vigie.monitoring.flags",
            ["--web.listen-address=:9100", "--a", "--no-b", "--d=1", "--d=2"],
        ),
        ("{'a': true, 'b': false} | vigie.monitoring.flags(style='go')", ["-a", "-b=false"]),
        ("{} | vigie.monitoring.flags", []),
        # A value of the inventory is a tagged type of Ansible's own.
        ("{'label': label} | vigie.monitoring.flags", ['"--label=50%% of $$HOME"']),
    ],
)
def test_in_a_template(tmp_path: Path, expression: str, expected: list[str]) -> None:
    """The arguments, quoted for systemd."""
    assert Made(tmp_path, FLEET).template(f"{{{{ {expression} }}}}", label="50% of $HOME") == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("['--a'] | vigie.monitoring.flags", r"vigie\.monitoring\.flags: .*dictionary"),
        ("'--a' | vigie.monitoring.flags", r"vigie\.monitoring\.flags: .*dictionary"),
        ("{'a': {'b': 1}} | vigie.monitoring.flags", r"vigie\.monitoring\.flags: flag a: "),
        ("{'a': 1} | vigie.monitoring.flags(style='gnu')", r"vigie\.monitoring\.flags: style .*kingpin, go.*'gnu'"),
    ],
)
def test_an_error_names_the_filter(tmp_path: Path, expression: str, message: str) -> None:
    """And what is wrong."""
    with pytest.raises(AnsibleError, match=message):
        Made(tmp_path, FLEET).template(f"{{{{ {expression} }}}}")
