# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relabeling gives what a real Prometheus gives."""

from __future__ import annotations

import collections
import random
import typing as t
import urllib.parse

import inventories
import pytest
from scraped_targets import discovered

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.expressions import NotSupportedError
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.jobs import Target, targets_of_job
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.relabeling import relabeled

# No scrape takes place while the test runs. All addresses are those of the loopback interface.
GLOBAL = {"scrape_interval": "1h", "scrape_timeout": "10s"}
GROUPS = [
    {"targets": ["127.0.0.2:9100", "127.0.0.3:9200"], "labels": {"dc": "a", "rack": "R1-x", "copy_of": "127.0.0.2:9100"}},
    {"targets": ["127.0.0.4:9100"], "labels": {"dc": "B;c", "empty": "", "__tmp": "hidden", "note": "line\n", "ip": "ÄÖ"}},
    {"targets": ["127.0.0.5:80"], "labels": {"instance": "five", "__scheme__": "https", "__param_module": "own", "job": "other"}},
]


def rule(action: str = "", source: str = "", **fields: t.Any) -> dict[str, t.Any]:
    """Return one rule."""
    found: dict[str, t.Any] = {"action": action} if action else {}
    return {**found, **({"source_labels": source.split()} if source else {}), **fields}


def replaced(regex: str, replacement: str = "[$0|$1|$2]", source: str = "__address__") -> list[dict[str, t.Any]]:
    """Return a rule that shows what *regex* matches."""
    return [rule("replace", source, regex=regex, replacement=replacement, target_label="shown")]


CASES: list[list[dict[str, t.Any]]] = [
    [],
    # Actions.
    [rule("", "__address__", target_label="instance", regex="([^:]+):.*")],
    [rule("Replace", "dc rack", target_label="both")],
    [rule("replace", "dc rack", target_label="both", separator="")],
    [rule("replace", "dc missing rack", target_label="both", separator="<>")],
    [rule(target_label="added", replacement="x")],
    [rule(target_label="dc", replacement="")],
    [rule("replace", "missing", target_label="dc")],
    [rule("replace", "dc", regex="a|B", target_label="matched", replacement="yes")],
    [rule("replace", "dc", regex="(.).*", target_label="of_${1}", replacement="$1$1")],
    [rule("replace", "missing", regex="(.*)", target_label="$1", replacement="x")],
    [rule("keep", "dc", regex="a")],
    [rule("drop", "dc", regex="a")],
    [rule("drop", regex=".*")],
    [rule("drop", regex="")],
    [rule("drop", "dc", regex="")],
    [rule("keepequal", "copy_of", target_label="__address__")],
    [rule("dropequal", "copy_of", target_label="__address__")],
    [rule("keepequal", "missing", target_label="empty")],
    [rule("hashmod", "__address__", modulus=8, target_label="shard")],
    [rule("hashmod", "dc rack", modulus=4294967296, target_label="shard", separator="-")],
    [rule("hashmod", "__address__", modulus=3, target_label="__tmp"), rule("keep", "__tmp", regex="1")],
    [rule("labelmap", regex="(dc|rack)", replacement="my_$1")],
    [rule("labelmap", regex="__(.+)__", replacement="inner_$1")],
    [rule("labelmap", regex="__param_(.+)")],
    [rule("labeldrop", regex="d.|r.*")],
    [rule("labeldrop", regex="instance|__param_.*")],
    [rule("labelkeep", regex="dc|job|__.*")],
    [rule("lowercase", "rack", target_label="rack")],
    [rule("uppercase", "dc rack", target_label="loud", separator="_")],
    # Labels with a meaning.
    [
        rule("replace", "__address__", target_label="__param_target"),
        rule(target_label="__address__", replacement="127.0.0.9:9115"),
    ],
    [rule("replace", "__param_module", target_label="__param_module", regex="(.*)", replacement="x$1")],
    [rule("labeldrop", regex="__param_module")],
    [rule(target_label="__metrics_path__", replacement="/deep/metrics"), rule(target_label="__scheme__", replacement="https")],
    [rule(target_label="__scrape_interval__", replacement="2h"), rule(target_label="__scrape_timeout__", replacement="7s")],
    [rule("replace", "__scrape_interval__ __scrape_timeout__", target_label="times")],
    [rule("replace", "dc", target_label="job", replacement="job_$1")],
    [rule("replace", "dc", target_label="__tmp_a"), rule("replace", "__tmp_a", target_label="b", replacement="<$1>")],
    [rule(target_label="instance", replacement="")],
    # Templates.
    *(
        replaced("(?P<host>[^:]+):(\\d+)", template)
        for template in (
            "$1",
            "${1}",
            "$1x",
            "${1}x",
            "$$1",
            "$",
            "$ ",
            "x$",
            "$3",
            "${host}",
            "$host",
            "${nope}",
            "${",
            "${1",
            "$0",
            "$01",
            "$-1",
            "${a b}",
        )
    ),
    # Expressions.
    *(
        replaced(expression, source=source)
        for source in ("__address__", "dc", "note", "rack")
        for expression in (
            "127.*",
            "127",
            "^127.*$",
            "(127|127.0)(.*)",
            "(a|ab)(c|bcd)?(.*)",
            "(.*?)(:.*)?",
            "(.+?)[.](.+)",
            "([0-9.]+):([0-9]{3,4})",
            "[[:alpha:]].*",
            "[^[:digit:]]+",
            "[\\w.:-]+",
            "(?i)r1-X",
            "(?i:B);(C|c)",
            "(?i)(A)|(b;C)",
            "(?s)line.",
            "(?-s:line.)",
            "line.",
            "line$",
            "line\\s",
            "(\\d+)\\.(\\d+)\\D.*",
            "\\Q127.0\\E.*",
            "\\x31(.*)",
            "\\x{31}(.*)",
            ".*\\b9100",
            "(x*)*.*",
            "(a|b*)*(.*)",
            "(|a)+(.*)",
            "((a)|b)+(.*)",
            "(.*)?",
            "(b*)?(.*)",
            "(?:127|(.))(.*)",
            "(.){2,}",
            "a{,2}",
            "{a}|.*",
            "[]a;B-c]+",
            "[\\]a]",
            "[a&&b]+",
            "\\A(.*)\\z",
            "()",
            "",
            ".*",
            "#.*|(.*)",
        )
    ),
]


def combined(number: int) -> list[list[dict[str, t.Any]]]:
    """Return lists of several rules, always the same."""
    chosen = random.Random(17)  # noqa: S311 - no secret
    single = [rules for rules in CASES if rules]
    return [[item for rules in chosen.sample(single, 3) for item in rules] for _number in range(number)]


def shown(target: Target, times: t.Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the labels and parameters of *target*, as the API of Prometheus shows them."""
    endpoint = target.endpoint
    query = urllib.parse.urlencode({name: values[0] for name, values in sorted(endpoint["params"].items())})
    url = f"{endpoint['scheme']}://{target.address}:{endpoint['port']}{endpoint['path']}{'?' if query else ''}{query}"
    named = {"job": endpoint["job"], "instance": target.instance, **({"host": target.named} if target.named else {})}
    of_scrape = {name: endpoint.get(f"scrape_{name}", times[f"scrape_{name}"]) for name in ("interval", "timeout")}
    return tuple(sorted({**target.labels, **named, **of_scrape, "url": url}.items()))


@pytest.fixture(scope="module")
def both(newest_prometheus: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[t.Any, t.Any, t.Any]]:
    """Return, by scrape config, the rules, what Prometheus makes of the targets, and what this collection makes of them."""
    etc = tmp_path_factory.mktemp("etc")
    jobs = {
        f"case{number}": {
            "job_name": f"case{number}",
            "params": {"module": ["usual"]},
            "static_configs": GROUPS,
            "relabel_configs": rules,
        }
        for number, rules in enumerate([*CASES, *combined(150)])
    }
    inventories.write(etc, {"prometheus.yml": {"global": GLOBAL, "scrape_configs": list(jobs.values())}})
    real = discovered(newest_prometheus, etc, set(jobs), without=())
    found = {}
    for name, job in jobs.items():
        try:
            ours: t.Any = collections.Counter(shown(target, GLOBAL) for target in targets_of_job(job, GROUPS, GLOBAL)[0])
        except Exception as error:  # noqa: BLE001 - the test looks at it
            ours = error
        found[name] = job["relabel_configs"], real[name], ours
    return found


def test_relabeling_gives_what_prometheus_gives(both: dict[str, tuple[t.Any, t.Any, t.Any]]) -> None:
    """Each target has the same labels, URL, interval and timeout, and the same targets are dropped."""
    compared = [(rules, real, ours) for rules, real, ours in both.values() if isinstance(ours, collections.Counter)]
    assert [(rules, real, ours) for rules, real, ours in compared if real != ours] == []
    # Few combinations are refused, each with a reason.
    assert len(compared) > 0.8 * len(both), [str(ours) for _rules, _real, ours in both.values() if isinstance(ours, Exception)]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"regex": True, "target_label": "a"}, "regex of relabel_configs is True, which is not a string"),
        ({"action": "other"}, "the unknown action other"),
        ({"target": "a"}, "the unknown key target"),
        ({"action": "hashmod", "target_label": "a"}, "modulus of relabel_configs is None"),
        ({"target_label": "a.b", "replacement": "x"}, "the label 'a.b', which only some versions"),
        ({"action": "labelmap", "regex": "dc|rack", "replacement": "same"}, "makes several labels 'same'"),
        ({"action": "uppercase", "source_labels": ["umlaut"], "target_label": "a"}, "the case of 'ß'"),
    ],
)
def test_a_rule_that_this_collection_cannot_apply_is_refused(wrong: dict[str, t.Any], reason: str) -> None:
    """So that the job stays in Prometheus' own form."""
    with pytest.raises(NotSupportedError, match=reason):
        relabeled({"dc": "a", "rack": "b", "umlaut": "ß"}, [wrong])
