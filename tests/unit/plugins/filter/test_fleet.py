# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters on the model, as templates use them."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from inventories import FLEET, Made

from ansible_collections.vigie.monitoring.plugins.filter import fleet, roles
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import targets

ROOT = Path(__file__).parents[4]
NAMES = sorted({*fleet.FilterModule().filters(), *roles.FilterModule().filters()})


def test_a_filter_gets_what_the_lookup_returns(tmp_path: Path) -> None:
    """Parameters by position and by name."""
    made = Made(tmp_path, FLEET)
    model = "lookup('vigie.monitoring.fleet')"
    found = made.template(f"{{{{ {model} | vigie.monitoring.scrape_targets('mon') }}}}")
    assert [group["targets"] for group in found["node"]] == [["web1:9100"], ["web2:9100"]]
    expected = made.template(f"{{{{ {model} | vigie.monitoring.expected_targets('mon', hosts=['web2']) }}}}")
    assert [target["host"] for target in expected] == ["web2"]


def test_a_model_that_passes_through_a_template_is_unwrapped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Since ansible-core 2.19 each item costs microseconds otherwise: ten thousand hosts have many items."""
    plain = {"hosts": {}}

    class Lazy(dict[str, t.Any]):
        def _non_lazy_copy(self) -> dict[str, t.Any]:
            return plain

    seen: list[t.Any] = []
    monkeypatch.setattr(targets, "scrape_targets", lambda model, *_args: seen.append(model))
    filters = fleet.FilterModule().filters()
    filters["scrape_targets"](Lazy(), "mon")
    filters["scrape_targets"](plain, "mon")
    assert [model is plain for model in seen] == [True, True]


def test_an_error_names_the_filter_and_what_to_do(tmp_path: Path) -> None:
    """A server that the inventory does not have."""
    with pytest.raises(AnsibleError, match=r"vigie\.monitoring\.scrape_targets: host nowhere .*prometheus.*mon"):
        Made(tmp_path, FLEET).template("{{ lookup('vigie.monitoring.fleet') | vigie.monitoring.scrape_targets('nowhere') }}")


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_is_documented(name: str) -> None:
    """A filter whose name begins with an underscore is internal: its page says so, and a role or a playbook uses it."""
    page = yaml.safe_load((ROOT / "plugins/filter" / f"{name}.yml").read_text(encoding="utf-8"))["DOCUMENTATION"]
    assert page["name"] == name
    assert ("internal" in str(page["description"]).lower()) == name.startswith("_")
    sources = [*ROOT.glob("roles/*/*/*.yml"), *ROOT.glob("playbooks/**/*.yml")]
    uses = [path for path in sources if re.search(rf"vigie\.monitoring\.{name}\b", path.read_text(encoding="utf-8"))]
    assert uses or not name.startswith("_")
