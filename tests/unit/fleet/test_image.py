# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image is built beside a mirror that fails, and an earlier one serves where none can be built."""

from __future__ import annotations

import datetime
import typing as t
from pathlib import Path

import pytest

Fleet = t.Callable[[str], Path]
NOW = datetime.datetime.now(datetime.timezone.utc)
FORMER = "vigie-host:bookworm-0123456789ab"
OLDER = "vigie-host:bookworm-ba9876543210"
# Images are the lines of a file, the newest last: a time, a space, a tag.
DOCKER = """\
images=$(dirname "$0")/images
case "$1 $2" in
    "image inspect")
        for tag; do :; done
        grep -q " $tag\\$" "$images" || exit 1
        sed -n "s/ .* $tag\\$//p" "$images" ;;
    "image ls") for repository; do :; done; grep " $repository:" "$images" || true ;;
    "image rm") grep -v " $3\\$" "$images" >"$images.part" || true; mv "$images.part" "$images" ;;
    "run --name") exec "$(dirname "$0")/install" "$@" ;;
    "import --change" | "commit --change") for tag; do :; done; echo "2999-01-01T00:00:00 +0000 $tag" >>"$images" ;;
esac"""


@pytest.fixture
def images(stand_ins: t.Any) -> Path:
    """Return the file of the images of a stand-in for Docker, beside a stand-in for mmdebstrap and apt."""
    found = stand_ins.bin / "images"
    found.touch()
    stand_ins.add("docker", DOCKER)
    stand_ins.add("apt-get", "echo 'http://mirror.example.com/debian main bookworm'")
    stand_ins.add("mmdebstrap")
    # What `docker run` does.
    stand_ins.add("install")
    return found


def past(days: float, tag: str) -> str:
    """Return the line of an image that was built so many days ago."""
    return f"{(NOW - datetime.timedelta(days=days)).isoformat(timespec='seconds').replace('+00:00', '')} +0000 {tag}\n"


def test_a_mirror_that_fails_for_a_while_does_not_matter(stand_ins: t.Any, images: Path, fleet: Fleet) -> None:
    """The tag alone goes to stdout; a second call builds nothing."""
    stand_ins.add("mmdebstrap", failures=2)
    done = stand_ins.run("sh", fleet("image.sh"))
    assert done.returncode == 0, done.stderr
    assert len(stand_ins.called("mmdebstrap")) == 3
    assert done.stdout == images.read_text().split(" ")[-1]
    again = stand_ins.run("sh", fleet("image.sh"))
    assert (again.stdout, again.stderr) == (done.stdout, "")
    assert len(stand_ins.called("mmdebstrap")) == 3


def test_the_newest_earlier_image_serves_and_a_message_says_so(stand_ins: t.Any, images: Path, fleet: Fleet) -> None:
    """For an hour the mirror is not asked again by the next who needs the image, unless anew is asked for."""
    images.write_text(past(9, OLDER) + past(2, FORMER) + past(1, "vigie-host:trixie-0123456789ab"))
    stand_ins.add("mmdebstrap", failures=6)
    done = stand_ins.run("sh", fleet("image.sh"))
    assert (done.returncode, done.stdout) == (0, f"{FORMER}\n")
    assert f"image vigie-host:bookworm: using the earlier image {FORMER} instead" in done.stderr
    again = stand_ins.run("sh", fleet("image.sh"))
    assert again.stdout == f"{FORMER}\n"
    assert "the network failed in the last hour" in again.stderr
    assert len(stand_ins.called("mmdebstrap")) == 3
    stand_ins.run("sh", fleet("image.sh"), "--anew")
    assert len(stand_ins.called("mmdebstrap")) == 6
    assert stand_ins.run("sh", fleet("image.sh"), "--anew").stdout != f"{FORMER}\n"


def test_without_an_earlier_image_the_network_is_named(stand_ins: t.Any, images: Path, fleet: Fleet) -> None:
    """An image of another release, or with other packages, is none."""
    images.write_text(past(2, FORMER))
    stand_ins.add("mmdebstrap", failures=9)
    stand_ins.add("install", failures=9)
    for arguments in (("trixie",), ("bookworm", "haproxy"), ("bookworm", "", "armhf")):
        done = stand_ins.run("sh", fleet("image.sh"), *arguments)
        assert (done.returncode, done.stdout) == (75, "")
        assert "the network failed, not a test" in done.stderr
        assert "http://mirror.example.com/debian/dists/" in done.stderr


def test_a_recipe_that_is_wrong_is_no_matter_of_the_network(stand_ins: t.Any, images: Path, fleet: Fleet) -> None:
    """An earlier image would hide the mistake."""
    images.write_text(past(2, FORMER))
    stand_ins.add("install", failures=9, says="E: Unable to locate package no-such-package\n")
    done = stand_ins.run("sh", fleet("image.sh"), "bookworm", "no-such-package")
    assert (done.returncode, done.stdout) == (100, "")
    assert "Unable to locate package no-such-package" in done.stderr
    assert len(stand_ins.called("install")) == 1


def test_further_packages_are_added_to_the_image_without(stand_ins: t.Any, images: Path, fleet: Fleet) -> None:
    """The system itself is made once."""
    tags = [
        stand_ins.run("sh", fleet("image.sh"), "bookworm", packages).stdout.strip() for packages in ("haproxy,acl", "ufw", "")
    ]
    assert len(set(tags)) == 3
    assert [line.split(" ")[-1] for line in images.read_text().splitlines()] == [tags[2], *tags[:2]]
    assert len(stand_ins.called("mmdebstrap")) == 1
    assert [call.partition(tags[2])[2].split()[2:] for call in stand_ins.called("install")] == [["haproxy", "acl"], ["ufw"]]


def test_images_of_the_last_day_are_left_to_others(stand_ins: t.Any, images: Path, fleet: Fleet) -> None:
    """Another checkout, with another recipe, may work with them."""
    images.write_text(past(9, OLDER) + past(0.5, FORMER) + past(9, "vigie-host:trixie-0123456789ab"))
    stand_ins.run("sh", fleet("image.sh"))
    assert [line.split(" ")[-1] for line in images.read_text().splitlines()][:2] == [FORMER, "vigie-host:trixie-0123456789ab"]
    assert stand_ins.called("docker").count(f"image rm {FORMER}") == 0


@pytest.mark.usefixtures("images")
def test_foreign_architectures_are_in_an_image_that_asks_for_them_alone(stand_ins: t.Any, fleet: Fleet) -> None:
    """An index that a scenario does not use cannot fail it."""
    tags = [stand_ins.run("sh", fleet("image.sh"), *arguments).stdout for arguments in ((), ("bookworm", "", "armhf"))]
    assert tags[0] != tags[1]
    plain, foreign = stand_ins.called("mmdebstrap")
    assert "armhf" not in plain
    assert ",armhf " in foreign
    assert "libc6:armhf" in foreign


@pytest.mark.usefixtures("images")
def test_the_proxy_of_apt_is_handed_on(stand_ins: t.Any, fleet: Fleet, tmp_path: Path) -> None:
    """Mmdebstrap does not read this machine's configuration by itself."""
    proxy = 'Acquire::http::Proxy "http://127.0.0.1:3142";'
    config = tmp_path / "apt.conf"
    config.write_text(f'{proxy}\nAcquire::Languages "none";\n')
    kept = tmp_path / "kept"
    stand_ins.add("mmdebstrap", f'for one; do case $one in --aptopt=*) cp "${{one#*=}}" {kept} ;; esac; done')
    assert stand_ins.run("sh", fleet("image.sh"), APT_CONFIG=str(config)).returncode == 0
    assert proxy in kept.read_text()
    assert 'Acquire::Retries "5";' in kept.read_text()
    assert "Languages" not in kept.read_text()
