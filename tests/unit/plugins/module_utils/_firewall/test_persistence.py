# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that are in force again after a restart."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import persistence

NONE = {"iptables": "", "ip6tables": "", "nft": ""}
IPTABLES = {**NONE, "iptables": "-A OURS -j RETURN\n"}
NFT = {**NONE, "nft": "{}"}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a host whose files lie in a directory of the test."""
    for name in ("DIRECTORY", "PROGRAM", "UNIT_FILE", "ENABLED", "PLUGINS", "PLUGIN"):
        monkeypatch.setattr(persistence, name, f"{tmp_path}{getattr(persistence, name)}")
    monkeypatch.setattr(
        persistence, "_PROGRAM_TEXT", persistence._PROGRAM_TEXT.replace("/etc/vigie/firewall", f"{tmp_path}/etc/vigie/firewall")
    )
    return tmp_path


class Systemctl:
    """Notes what systemd is asked for."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.verbs: list[str] = []

    def __call__(self, argv: t.Sequence[str]) -> tuple[int, str, str]:
        """Succeed."""
        self.verbs.append(next(part for part in argv[1:] if not part.startswith("-")))
        return 0, "", ""


def keep(fragments: dict[str, str]) -> list[str]:
    """Bring about what is to be kept; return the verbs of systemctl. Nothing is left to do then."""
    systemctl = Systemctl()
    persistence.apply(persistence.plan(fragments), systemctl)
    assert persistence.plan(fragments) == {}
    return systemctl.verbs


def files(host: Path) -> dict[str, int]:
    """Return the modes of all files and links below the host's directory."""
    return {
        str(path.relative_to(host)): path.lstat().st_mode & 0o777
        for path in host.rglob("*")
        if path.is_symlink() or (path.is_file() and "bin" not in path.parts)
    }


def test_a_unit_of_ours_puts_the_rules_back(host: Path) -> None:
    """It is enabled, and started: a unit that is not active does not follow the reloads of nftables.service."""
    assert keep(IPTABLES) == ["daemon-reload", "start"]
    assert files(host) == {
        "etc/vigie/firewall/iptables.rules": 0o600,
        "etc/vigie/firewall/restore": 0o755,
        "etc/systemd/system/vigie-firewall.service": 0o644,
        "etc/systemd/system/multi-user.target.wants/vigie-firewall.service": 0o777,
    }
    # Other rules are another file, and nothing for systemd to do.
    assert keep({**IPTABLES, "iptables": "-A OURS -j DROP\n"}) == []


@pytest.mark.usefixtures("host")
def test_netfilter_persistent_does_it_where_it_is_installed() -> None:
    """As one of its plugins, so that also its own restoring of all tables brings our rules back."""
    Path(persistence.PLUGINS).mkdir(parents=True)
    assert keep(IPTABLES) == []
    assert Path(persistence.PLUGIN).readlink() == Path(persistence.PROGRAM)
    assert not Path(persistence.UNIT_FILE).exists()
    # Rules of nftables it would lose when nftables.service starts.
    assert keep(NFT) == ["daemon-reload", "start"]
    assert not os.path.lexists(persistence.PLUGIN)
    assert keep(IPTABLES) == ["daemon-reload"]
    assert not os.path.lexists(persistence.ENABLED)
    assert not Path(persistence.UNIT_FILE).exists()


@pytest.mark.parametrize("plugins", [True, False])
def test_without_rules_nothing_is_left(host: Path, plugins: bool) -> None:  # noqa: FBT001 - a parameter
    """Neither files nor empty directories of ours."""
    if plugins:
        Path(persistence.PLUGINS).mkdir(parents=True)
    keep({**IPTABLES, "ip6tables": "x\n"})
    keep(NONE)
    assert files(host) == {}
    assert not (host / "etc/vigie").exists()
    assert persistence.plan(NONE) == {}


def test_a_file_that_somebody_changed_is_put_right(host: Path) -> None:
    """Its text and its mode."""
    keep(IPTABLES)
    rules = host / "etc/vigie/firewall/iptables.rules"
    rules.chmod(0o644)
    assert list(persistence.plan(IPTABLES)) == [str(rules)]
    keep(IPTABLES)
    Path(persistence.PROGRAM).write_text("#!/bin/sh\n")
    assert list(persistence.plan(IPTABLES)) == [persistence.PROGRAM]
    keep(IPTABLES)


@pytest.fixture
def restore(host: Path) -> t.Callable[..., tuple[int, list[str], str]]:
    """Return a function that runs the program with fakes of iptables; it returns the status, the calls and what is restored."""
    binaries = host / "bin"
    binaries.mkdir()
    log, restored = host / "bin/log", host / "bin/restored"
    for program in ("iptables", "ip6tables", "nft"):
        # -C fails: no jump is there, unless the file says so.
        text = f'#!/bin/sh\necho {program} "$@" >> {log}\ncase "$*" in *" -C "*) test -e {host}/bin/jumps;; esac\n'
        (binaries / program).write_text(text)
    for program in ("iptables", "ip6tables"):
        (binaries / f"{program}-restore").write_text(f'#!/bin/sh\necho {program}-restore "$@" >> {log}\ncat >> {restored}\n')
    for path in binaries.iterdir():
        path.chmod(0o755)

    def run(*arguments: str, jumps: bool = False) -> tuple[int, list[str], str]:
        for path in (log, restored):
            path.write_text("")
        if jumps:
            (binaries / "jumps").touch()
        done = subprocess.run(
            [persistence.PROGRAM, *arguments], env={"PATH": f"{binaries}:{os.environ['PATH']}"}, capture_output=True, check=False
        )
        return done.returncode, log.read_text().splitlines(), restored.read_text()

    return run


def test_the_program_restores_the_chains_and_their_jumps(host: Path, restore: t.Any) -> None:
    """In one transaction, without the rules of others; a jump that is there already is not there twice."""
    keep({**IPTABLES, "iptables": "# jump INPUT OURS\n:OURS - [0:0]\n-A OURS -j RETURN\n"})
    status, calls, text = restore()
    assert status == 0
    assert calls == ["iptables -w 30 -C INPUT -j OURS", "iptables-restore -w 30 --noflush"]
    rules = ["# jump INPUT OURS", ":OURS - [0:0]", "-A OURS -j RETURN"]
    assert text.splitlines() == ["*filter", *rules, "-I INPUT 1 -j OURS", "COMMIT"]
    _status, _calls, text = restore("start", jumps=True)
    assert text.splitlines() == ["*filter", *rules, "-D INPUT -j OURS", "-I INPUT 1 -j OURS", "COMMIT"]
    assert host.exists()


@pytest.mark.parametrize("verb", ["save", "flush", "stop"])
@pytest.mark.usefixtures("host")
def test_netfilter_persistent_calls_its_plugins_for_other_things_too(restore: t.Any, verb: str) -> None:
    """They are none of ours."""
    keep(IPTABLES)
    assert restore(verb) == (0, [], "")


@pytest.mark.usefixtures("host")
def test_the_chain_of_docker_is_there_before_docker(restore: t.Any) -> None:
    """With the jump to it, which an older Docker leaves out where it finds the chain."""
    keep({**NONE, "ip6tables": "# jump DOCKER-USER OURS\n:OURS - [0:0]\n"})
    _status, calls, _text = restore()
    assert calls[:3] == [
        "ip6tables -w 30 -N DOCKER-USER",
        "ip6tables -w 30 -C FORWARD -j DOCKER-USER",
        "ip6tables -w 30 -I FORWARD 1 -j DOCKER-USER",
    ]


def test_a_failure_is_not_hidden(host: Path, restore: t.Any) -> None:
    """The unit fails, and the other family is restored nevertheless."""
    keep({"iptables": "x\n", "ip6tables": "y\n", "nft": "{}"})
    (host / "bin/iptables-restore").write_text("#!/bin/sh\nexit 1\n")
    status, calls, _text = restore()
    assert status == 1
    assert [call.split()[0] for call in calls] == ["ip6tables-restore", "nft"]
