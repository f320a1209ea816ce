# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release as a service: on a real file system, with archives from a real HTTP server, and systemctl played by a fake."""

from __future__ import annotations

import hashlib
import shutil
import typing as t

import pytest
from releases import Place, config, packaged

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files as files_module
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree import Tree
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.download import DownloadError
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import ServiceError

pytestmark = pytest.mark.usefixtures("private")


def test_from_nothing_to_converged(place: Place) -> None:
    """The second time there is nothing to do."""
    assert place.bring("1.0") == ["download", "unpack", "switch", "link", "unit", "enable", "start"]
    assert (place.base / "bin/prog").read_text() == "1.0 fine"
    assert (place.base / "bin/prog").resolve().stat().st_mode & 0o777 == 0o755
    assert place.bring("1.0") == []


def test_there_and_back_again_without_network(place: Place) -> None:
    """The previous version is kept, one alone."""
    place.publish("3.0")
    place.bring("1.0")
    assert place.bring("2.0") == ["download", "unpack", "switch", "restart"]
    shutil.rmtree(place.base / "mirror")
    assert place.bring("1.0") == ["switch", "restart"]
    assert place.bring("1.0") == []


def test_older_versions_go(place: Place) -> None:
    """As many as asked for stay."""
    place.publish("3.0")
    for version in ("1.0", "2.0", "3.0"):
        place.bring(version)
    assert sorted(p.name for p in (place.base / "opt/prog").iterdir() if p.is_dir() and not p.is_symlink()) == [
        "2.0",
        "3.0",
    ]


def test_a_changed_unit_restarts_and_downloads_nothing(place: Place) -> None:
    """One cause, one effect."""
    place.bring("1.0")
    assert place.bring("1.0", "changed") == ["unit", "restart"]
    assert place.systemd.state["log"][-2:] == ["daemon-reload", "restart"]


@pytest.mark.parametrize(
    ("on_change", "actions"), [("restart", ["files", "restart"]), ("reload", ["files", "reload"]), ("none", ["files"])]
)
def test_a_changed_file_has_the_effect_that_it_asks_for(place: Place, on_change: str, actions: list[str]) -> None:
    """And its mode is what was asked for."""
    file = {"path": str(place.base / "etc/web.yml"), "owner": None, "group": None, "mode": "0600", "secret": True}
    (place.base / "etc").mkdir()
    place.bring("1.0", files=[{**file, "content": "one", "on_change": on_change}])
    assert place.bring("1.0", files=[{**file, "content": "two", "on_change": on_change}]) == actions
    assert (place.base / "etc/web.yml").stat().st_mode & 0o777 == 0o600
    release = place.release("1.0", files=[{**file, "content": "hunter2", "on_change": on_change}])
    assert "hunter2" not in str(release.diff(release.find_actions()))


def test_binary_and_configuration_change_together(place: Place) -> None:
    """And the validator of the new version judges the new configuration."""
    place.bring("1.0", config=config(place, "good 1"))
    assert place.bring("2.0", config=config(place, "good 2")) == ["download", "unpack", "switch", "config", "restart"]
    assert (place.base / "etc/prog.yml").read_text() == "good 2"
    assert place.bring("2.0", config=config(place, "good 3")) == ["config", "reload"]


def test_a_refused_configuration_stops_an_upgrade_before_it_begins(place: Place) -> None:
    """Neither version nor configuration changes, and the new version is not left lying about."""
    place.bring("1.0", config=config(place, "good 1"))
    before, log = place.picture(), place.systemd.state["log"]
    with pytest.raises(Exception, match="grep rejects the configuration"):
        place.bring("2.0", config=config(place, "bad"))
    assert place.picture() == before
    assert place.systemd.state["log"] == log


def test_a_version_that_dies_is_taken_back(place: Place) -> None:
    """With unit and configuration, and the journal in the message."""
    place.publish("6.6", "BROKEN")
    place.bring("1.0", config=config(place, "good 1"))
    before = place.picture()
    with pytest.raises(
        ServiceError, match=r"(?s)exited within.*The previous version 1\.0 is back in service.*the journal's last words"
    ):
        place.bring("6.6", "changed", config=config(place, "good 2"))
    assert place.picture() == before
    assert place.systemd.state["active"]
    assert place.bring("1.0", config=config(place, "good 1")) == []


def test_a_first_version_that_dies_leaves_nothing(place: Place) -> None:
    """As if it had not been tried."""
    place.publish("6.6", "BROKEN")
    with pytest.raises(ServiceError, match="was not in service before the run and was removed"):
        place.bring("6.6", config=config(place, "good"))
    assert place.picture() == {}
    assert not (place.base / "opt").exists()
    assert not place.systemd.state["active"]
    assert not place.systemd.state["enabled"]


@pytest.mark.parametrize("kind", ["checksum", "truncated", "missing", "no binary", "no archive"])
def test_a_bad_release_leaves_the_running_version_untouched(place: Place, kind: str) -> None:
    """Not a file has changed, not a verb was said to systemd."""
    place.bring("1.0")
    file = place.base / "mirror/2.0/prog-2.0.linux-test.tar.gz"
    if kind == "checksum":
        place.publish("2.0", sums="f" * 64)
    elif kind == "truncated":
        file.write_bytes(file.read_bytes()[:-20])
    elif kind == "missing":
        file.unlink()
    elif kind == "no binary":
        place.publish("2.0", name="other")
    else:
        file.write_bytes(b"no archive")
        (file.parent / "sums").write_text(f"{hashlib.sha256(b'no archive').hexdigest()}  {file.name}\n")
    before, log = place.picture(), place.systemd.state["log"]
    message = {
        "checksum": "expected the SHA-256 f{64}, got",
        "truncated": r"/2\.0/prog-2\.0\.linux-test\.tar\.gz is wrong: expected the SHA-256",
        "missing": r"/2\.0/prog-2\.0\.linux-test\.tar\.gz answers with HTTP status 404",
        "no binary": "does not contain the program prog. It contains other",
        "no archive": "cannot be unpacked",
    }[kind]
    with pytest.raises(DownloadError, match=message):
        place.bring("2.0")
    assert place.picture() == before
    assert place.systemd.state["log"] == log


def test_a_tampered_program_is_brought_back(place: Place) -> None:
    """A version directory that is not as it was unpacked counts as missing."""
    place.bring("1.0")
    (place.base / "opt/prog/1.0/prog").write_text("tampered with")
    assert "download" in place.bring("1.0")
    assert (place.base / "bin/prog").read_text() == "1.0 fine"


def test_a_stopped_service_is_started_and_nothing_else(place: Place) -> None:
    """Somebody stopped it."""
    place.bring("1.0")
    place.systemd(["systemctl", "--no-pager", "stop", "prog"])
    assert place.bring("1.0") == ["start"]


def test_a_program_of_somebody_else_in_the_way_is_kept(place: Place) -> None:
    """It comes back where ours does not start."""
    (place.base / "bin/prog").write_text("theirs")
    place.publish("6.6", "BROKEN")
    with pytest.raises(ServiceError):
        place.bring("6.6")
    assert (place.base / "bin/prog").read_text() == "theirs"
    place.bring("1.0")
    assert (place.base / "bin/prog.before-vigie").read_text() == "theirs"


def test_killed_anywhere_the_next_run_gets_there(place: Place, killed_at_every_step: t.Any) -> None:
    """A kill before each change to the file system, in an upgrade of everything at once."""

    def prepare() -> None:
        place.clear()
        place.bring("1.0", "one", config=config(place, "good 1"))

    def action() -> None:
        place.bring("2.0", "two", config=config(place, "good 2"))

    def check(_finished: bool) -> None:  # noqa: FBT001 - as it is called
        place.bring("2.0", "two", config=config(place, "good 2"))
        assert (place.base / "bin/prog").read_text() == "2.0 fine"
        assert (place.base / "etc/prog.yml").read_text() == "good 2"
        assert "# two" in (place.base / "units/prog.service").read_text()
        assert place.systemd.state["active"]
        assert place.bring("2.0", "two", config=config(place, "good 2")) == []
        leftovers = [p.name for p in (place.base / "opt/prog").iterdir() if p.name.startswith((".unpack", ".download", ".trans"))]
        assert leftovers == []

    assert killed_at_every_step(prepare, action, check) > 30


def test_killed_anywhere_going_back_works_too(place: Place, killed_at_every_step: t.Any) -> None:
    """The inventory was put back after the kill: the former state is there, byte for byte."""
    pictures: list[dict[str, str]] = []

    def prepare() -> None:
        place.clear()
        place.bring("1.0", "one", config=config(place, "good 1"))
        pictures[:] = [place.picture()]

    def action() -> None:
        place.bring("2.0", "two", config=config(place, "good 2"))

    def check(_finished: bool) -> None:  # noqa: FBT001 - as it is called
        interrupted = (place.base / "opt/prog/.transaction").exists()
        actions = place.bring("1.0", "one", config=config(place, "good 1"))
        # What runs may be of the version, the unit or the configuration that was put back.
        assert "restart" in actions or not interrupted
        now = place.picture()
        for path, content in pictures[0].items():
            if "/.trees/" not in path and not path.endswith(".current"):
                assert now[path] == content

    killed_at_every_step(prepare, action, check)


def test_a_refresh_between_a_killed_deployment_and_the_next_is_not_undone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree that the deployment would have put back has gone meanwhile."""
    place.bring("1.0", config=config(place, "good 1"))
    killed = place.release("2.0", config=config(place, "good 2"))
    killed.recover()
    with monkeypatch.context() as patch:
        for name in ("_activate", "_roll_back"):
            patch.setattr(killed, name, _killed)
        with pytest.raises(KeyboardInterrupt):
            killed.apply(killed.find_actions())
    assert (place.base / "etc/prog.yml").read_text() == "good 2"
    for text in ("good 3", "good 4"):
        options = config(place, text)
        refresh = Tree({**options, "validate": []}, place.systemd)
        if refresh.compare().unfinished:
            refresh.recover()
            assert (place.base / "etc/prog.yml").read_text() == "good 1"
        refresh.stage()
        refresh.switch()
        refresh.commit()
    release = place.release("2.0", config=config(place, "good 4"))
    release.recover()
    assert (place.base / "etc/prog.yml").read_text() == "good 4"
    assert "config" not in release.find_actions()


def _killed(*_args: t.Any, **_kwargs: t.Any) -> t.NoReturn:
    raise KeyboardInterrupt


def test_what_is_in_service_after_a_failure_was_seen_and_not_supposed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The previous version has to answer, too, before it is told to be back."""
    place.publish("6.6", "BROKEN")
    probe = {"url": "http://127.0.0.1:9/", "status": [200], "timeout": 0.5, "settle": 0}
    place.bring("1.0")
    with pytest.raises(
        ServiceError,
        match=r"The previous files are restored, but the service is not healthy .*does not answer.*cannot read the data",
    ):
        place.bring("6.6", probe=probe)
    with pytest.raises(ServiceError, match=r"is back in service\. The service runs\. Its URL was not probed"):
        place.bring("6.6", "changed", probe=probe)

    def full(path: str, *_args: t.Any) -> t.NoReturn:
        raise OSError(28, "No space left on device", path)

    release = place.release("1.0", "changed")
    actions = release.find_actions()
    monkeypatch.setattr(files_module, "write", full)
    monkeypatch.setattr(release.transaction, "begin", lambda *_args, **_options: None)
    monkeypatch.setattr(release.transaction, "roll_back", lambda: full("/etc/x"))
    with pytest.raises(
        ServiceError, match=r"Cannot write a file: No space left on device: .*The rollback is incomplete: No space .*/etc/x"
    ):
        release.apply(actions)


def test_a_malformed_checksum_is_found_in_check_mode(place: Place) -> None:
    """It needs no network."""
    release = place.release("1.0", checksums={"test": "abc"})
    with pytest.raises(DownloadError, match="is not a SHA-256"):
        release.rehearse(release.find_actions())


def test_absent_leaves_nothing(place: Place) -> None:
    """Service, unit, links, versions and configuration are gone; a second time there is nothing to do."""
    place.bring("1.0", config=config(place, "good"))
    place.bring("2.0", config=config(place, "good"))
    release = place.release("2.0", config=config(place, "good"))
    assert release.present()
    release.remove()
    assert place.picture() == {}
    assert not (place.base / "opt").exists()
    assert place.systemd.state["log"][-3:] == ["stop", "disable", "daemon-reload"]
    assert not place.release("2.0", config=config(place, "good")).present()


def test_a_package_brings_the_program(place: Place) -> None:
    """Files and service are cared for, and there is no unit of ours."""
    assert place.bring("", **packaged(place)) == ["files", "enable", "start"]
    assert list(place.picture()) == [str(place.base / "etc/prog.ini")]
    assert place.systemd.state["log"] == ["enable", "restart"]
    assert place.bring("", **packaged(place)) == []


def test_a_package_takes_over_from_a_release(place: Place) -> None:
    """The unit, which would come before the package's, goes with the link; one of somebody else's stays."""
    place.bring("1.0")
    assert place.bring("", **packaged(place)) == ["unit", "files", "restart"]
    assert not (place.base / "units/prog.service").exists()
    assert not (place.base / "opt/prog/current").exists()
    place.clear()
    (place.base / "units/prog.service").write_text("theirs")
    assert place.bring("", **packaged(place)) == ["files", "enable", "start"]
    assert (place.base / "units/prog.service").read_text() == "theirs"


def test_a_packages_service_that_dies_has_its_former_files_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a release."""
    place.bring("", **packaged(place))
    other = packaged(place)
    other["files"] = [{**other["files"][0], "content": "y"}]
    release = place.release("", **other)
    actions = release.find_actions()
    assert actions == ["files", "restart"]
    monkeypatch.setattr(release.unit, "wait_healthy", _dies_once())
    with pytest.raises(ServiceError, match="exited within"):
        release.apply(actions)
    assert (place.base / "etc/prog.ini").read_text() == "x"


def _dies_once() -> t.Callable[..., None]:
    """Return what waits for a service to be healthy, the first time in vain."""
    deaths = [ServiceError("prog.service exited within 0.1 s after its start")]

    def wait(*_args: t.Any) -> None:
        if deaths:
            raise deaths.pop()

    return wait
