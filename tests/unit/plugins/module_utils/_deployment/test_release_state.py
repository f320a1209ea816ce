# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change so that a release is in service."""

from __future__ import annotations

import hashlib

import pytest
from releases import Place, packaged

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import FOREIGN, HIDDEN

pytestmark = pytest.mark.usefixtures("private")


def test_another_pinned_checksum_is_another_release(place: Place) -> None:
    """A release that was published anew is installed beside the old one, which runs meanwhile."""
    old = hashlib.sha256(place.publish("1.0")).hexdigest()
    place.bring("1.0", checksums={"test": old})
    new = hashlib.sha256(place.publish("1.0", "again")).hexdigest()
    assert place.bring("1.0", checksums={"test": old}) == []
    assert place.bring("1.0", checksums={"test": new}) == ["download", "unpack", "switch", "restart"]
    assert (place.base / "bin/prog").read_text() == "1.0 again"


def test_a_former_secret_of_a_file_is_not_shown(place: Place) -> None:
    """Neither where the file is no secret any more, nor where it is not known to be ours."""
    (place.base / "etc").mkdir()
    (place.base / "etc/a").write_text("hunter0")
    file = {"path": str(place.base / "etc/a"), "owner": None, "group": None, "mode": "0600", "on_change": "none"}
    seen = []
    for content, secret in (("hunter1", False), ("plain", True), ("other", False), ("last", False)):
        release = place.release("1.0", files=[{**file, "content": content, "secret": secret}])
        release.recover()
        actions = release.find_actions()
        seen.append(release.diff(actions)[-1]["before"])
        release.apply(actions)
    assert seen == [FOREIGN, HIDDEN, HIDDEN, "other"]


def test_a_package_that_did_not_start_its_service_anew(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program that runs is no longer on the disk."""
    place.bring("", **packaged(place))
    monkeypatch.setattr("os.readlink", lambda path: "/usr/bin/prog (deleted)" if "/proc/" in str(path) else "/usr/bin/prog")
    assert place.bring("", **packaged(place)) == ["restart"]


def test_an_architecture_may_have_another_name(place: Place) -> None:
    """Of the releases' own; what is said outright comes first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.uname", type("Uname", (), {"machine": "armv7l"}))
        assert place.release("1.0", arch="", arch_names={"armv7": "arm-7"}).arch == "arm-7"
        assert place.release("1.0", arch="", arch_names={"arm64": "x"}).arch == "armv7"
        assert place.release("1.0", arch="y", arch_names={"armv7": "arm-7"}).arch == "y"
