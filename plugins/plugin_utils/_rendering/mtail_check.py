# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test the log rules of monitoring_logs with their examples: python3 check.py PATH_OF_MTAIL [DIRECTORY].

The script runs mtail once over the examples in the directory, by default the one of the script, and compares the counters with
those that the examples expect. It prints one line for each error, and exits 1 if there is one.

The script runs on the controller and on hosts. It must not import anything from the collection.
"""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import typing as t

# Of an example: rule, kind, line, and the expected values of counters.
Example = dict[str, t.Any]

_SECONDS = 60
_SAMPLE = re.compile(r'(\w+)\{prog="([^"]+)"\} (\S+)')
# 1: file name of the program, 2: line, 3: column, 4: the error.
_COMPILE_ERROR = re.compile(r"(\S+\.mtail):(\d+):(\d+)\S*: (.*)")
_REMEDIES = {
    "matches": "match does not match the example in examples.matches",
    "others": "the rule matches the example in examples.others, which it must not match",
    "clears": "clear does not match the example in examples.clears",
}


def command(mtail: str, programs: pathlib.Path, logs: pathlib.Path) -> list[str]:
    """Return the command that runs *programs* over *logs*, and prints the metrics."""
    # mtail listens also with --one_shot. Another port than its own lets it run beside the service.
    listen = ["--address=127.0.0.1", "--port=0"]
    return [
        mtail,
        f"--progs={programs}",
        f"--logs={logs}/*",
        *listen,
        "--one_shot",
        "--one_shot_format=prometheus",
        "--logtostderr",
    ]


def rejected_rules(expected: dict[str, Example], errors: str) -> dict[str, str]:
    """Return the rules whose programs mtail rejects, and the reasons, from the standard *errors* of mtail."""
    found: dict[str, str] = {}
    for match in _COMPILE_ERROR.finditer(errors):
        example = expected.get(pathlib.PurePath(match[1]).name)
        if example:
            found.setdefault(example["rule"], f"{match[4]} (line {match[2]}, column {match[3]} of the program)")
    return found


def failures(expected: dict[str, Example], output: str) -> list[str]:
    """Return one line for each example that does not have the *expected* counters in the *output* of mtail."""
    counted = {(metric, program): float(value) for metric, program, value in _SAMPLE.findall(output)}
    return [
        f"log rule {example['rule']}: {_REMEDIES.get(example['kind'], 'mtail did not load the program')}: {example['line']!r}"
        for program, example in expected.items()
        if any(counted.get((metric, program)) != count for metric, count in example["counters"].items())
    ]


def errors_of(mtail: str, directory: pathlib.Path) -> list[str]:
    """Run the tests in *directory*, and return one line for each error."""
    expected = json.loads((directory / "expected.json").read_text(encoding="utf-8"))
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        programs = pathlib.Path(temporary)
        for name in expected:
            shutil.copy(directory / "programs" / name, programs / name)
        while expected:
            run = subprocess.run(  # noqa: S603 - the caller names the program
                command(mtail, programs, directory / "logs"), capture_output=True, text=True, timeout=_SECONDS, check=False
            )
            if not run.returncode:
                return lines + failures(expected, run.stdout)
            # mtail stops at the first program that it rejects. The next run tests the other rules.
            rejected = rejected_rules(expected, run.stderr)
            if not rejected:
                return [*lines, f"mtail exits {run.returncode}: {run.stderr.strip()}"]
            lines += [f"log rule {rule}: mtail rejects match or clear: {reason}" for rule, reason in rejected.items()]
            for name in [name for name, example in expected.items() if example["rule"] in rejected]:
                del expected[name]
                (programs / name).unlink()
    return lines


def main(arguments: list[str]) -> int:
    """Print the errors, and return the exit code."""
    directory = pathlib.Path(arguments[1]) if arguments[1:] else pathlib.Path(__file__).parent
    lines = errors_of(arguments[0], directory.absolute())
    for line in lines:
        print(line)  # noqa: T201 - the output of a script
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
