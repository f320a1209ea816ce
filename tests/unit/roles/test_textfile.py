# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that write metrics for the textfile collector, run by a real shell."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import jinja2
import pytest

TEMPLATES = Path(__file__).parents[3] / "roles/node_exporter/templates"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="another user's rights are tried")


@pytest.fixture
def run(tmp_path: Path) -> t.Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs one of the programs; the directory of metrics is *tmp_path*/metrics."""
    (tmp_path / "metrics").mkdir()
    tmp_path.chmod(0o755)

    def start(program: str, *arguments: str, user: str = "") -> subprocess.CompletedProcess[str]:
        template = jinja2.Template((TEMPLATES / f"{program}.sh.j2").read_text())
        script = tmp_path / program
        script.write_text(template.render(node_exporter_textfile_dir=str(tmp_path / "metrics")))
        before = ["runuser", "-u", user, "--"] if user else []
        # pytest's directories are for their owner alone: the other user gets the script's text.
        return subprocess.run(
            [*before, "sh", "-c", script.read_text(), program, *arguments], cwd="/", capture_output=True, text=True, check=False
        )

    return start


def metrics(tmp_path: Path) -> dict[str, str]:
    """Return what node_exporter would read: text by file."""
    return {path.name: path.read_text() for path in sorted((tmp_path / "metrics").iterdir())}


def test_a_jobs_name_is_escaped(run: t.Callable[..., t.Any], tmp_path: Path) -> None:
    """A quotation mark or a backslash made a file that node_exporter refuses as a whole."""
    assert run("vigie-job", "--every", "60", 'a"b\\n c', "true").returncode == 0
    assert 'vigie_job_last_status{name="a\\"b\\\\n c"} 0' in metrics(tmp_path)['job_a"b\\n c.prom'].splitlines()


@pytest.mark.parametrize(
    "arguments", [["a/b", "true"], ["../x", "true"], ["", "true"], ["a\nb", "true"], ["x"], ["--every", "1d", "x", "true"]]
)
def test_what_no_file_can_hold_is_refused(run: t.Callable[..., t.Any], tmp_path: Path, arguments: list[str]) -> None:
    """Before the command runs, with one line."""
    done = run("vigie-job", *arguments)
    assert done.returncode == 64
    assert "Usage: vigie-job" in done.stderr
    assert metrics(tmp_path) == {}


@as_root
@pytest.mark.parametrize(("command", "status"), [("true", 73), ("false", 1)])
def test_a_user_who_may_not_write_is_told(run: t.Callable[..., t.Any], tmp_path: Path, command: str, status: int) -> None:
    """The command has run; that nothing was noted is an error of its own."""
    done = run("vigie-job", "nightly", command, user="nobody")
    assert done.returncode == status
    assert "vigie-job: user nobody cannot write" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert metrics(tmp_path) == {}


@as_root
def test_a_script_runs_as_its_user(run: t.Callable[..., t.Any], tmp_path: Path) -> None:
    """Root opens the file, the user writes."""
    done = run("textfile", "--user", "nobody", "who", "sh", "-c", 'echo "who{user=\\"$(id -un)\\", home=\\"$HOME\\"} 1"')
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path) == {"who.prom": 'who{user="nobody", home="/nonexistent"} 1\n'}
    assert run("textfile", "--user", "nobody", "who", "false").returncode == 1
    assert list(metrics(tmp_path)) == ["who.prom"]
