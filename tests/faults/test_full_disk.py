# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Disks that are really full: small file systems in a mount name space of their own."""

import contextlib
import os

import pytest

from popmail import mail
from runner import Popfetch
from scene import DESTINATIONS, Scene
from smalldisk import LARGE, Disk

PAGE = 4096


class Inside(Popfetch):
    """popfetch, with its home on the small disk."""

    disk = None

    def move(self, disk):
        self.disk = disk
        self.home = disk.path
        self.configuration = self.home / ".config/popfetch/popfetch.conf"
        self.configuration.parent.mkdir(parents=True)

    def start(self, *arguments, before=(), **more):
        return super().start(*arguments, before=[*self.disk.inside, *before], **more)


class SmallScene(Scene):
    """What an MDA writes goes elsewhere: its troubles are not ours."""

    runner = Inside

    def move(self, disk):
        self.disk = disk
        self.popfetch.move(disk)
        self.home = self.popfetch.home

    def _saver(self):
        self.elsewhere = self.popfetch.directory / "elsewhere"
        self.elsewhere.mkdir()
        return self.popfetch.script(
            f'exec cat > "{self.elsewhere}/$POPFETCH_DELIVERY_ID.$$"', "saver"
        )

    def fresh(self):
        super().fresh()
        if self.destination == "mda":
            for file in self.elsewhere.iterdir():
                file.unlink()

    def delivered(self):
        if self.destination != "mda":
            return super().delivered()
        return [file.read_bytes() for file in self.elsewhere.iterdir()]


@pytest.fixture
def small_scene(binary, tmp_path, server):
    """A scene whose home is on a small disk. To do without has to be wished."""
    if os.environ.get("POPFETCH_NO_MOUNT"):
        pytest.skip("POPFETCH_NO_MOUNT is set")
    with contextlib.ExitStack() as disks:

        def make(destination, wires, keep="no"):
            pop = server(tls="off", pipelining=True)
            scene = SmallScene(binary, tmp_path / "scene", pop, destination, keep, wires=wires)
            try:
                scene.move(disks.enter_context(Disk(scene.home)))
            except OSError as error:
                pytest.fail(
                    f"no small file system can be mounted here ({error}): run this as root or "
                    "where user name spaces are allowed, or set POPFETCH_NO_MOUNT=1"
                )
            return scene

        yield make


def messages():
    return [mail(str(number), f"line {number}\n" * (700 * number)) for number in range(1, 6)]


def check_said(scene, result):
    """One line, whatever did not fit."""
    assert result.status in {0, os.EX_CANTCREAT, os.EX_IOERR}, result
    assert len(result.errors) == (result.status != 0), result
    if "is left on the server" in result.stderr:
        assert "free on the disk" in result.stderr, result


def try_disk(scene, size, files=0):
    scene.fresh()
    scene.disk.limit(size, files)
    result = scene.popfetch("work")
    scene.disk.limit(LARGE)
    try:
        scene.check_nothing_wrong(result)
        check_said(scene, result)
        scene.finish(doubtful=1 if result.status else 0)
    except AssertionError as error:
        raise AssertionError(f"a disk of {size} bytes, {files} files:\n{error}") from None
    return result.status != 0


def try_disks(scene, points, sizes):
    tried, full, failures = 0, 0, []
    for size, files in sizes:
        try:
            full += try_disk(scene, size, files)
        except AssertionError as error:
            failures.append(str(error))
        tried += 1
    points(tried)
    assert not failures, f"{len(failures)} of {tried}\n" + "\n".join(failures[:3])
    assert 0 < full < tried, f"full {full} times of {tried}: not what was meant"


@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("keep", ["no", "forever"])
def test_a_disk_of_any_size(small_scene, points, long_form, destination, keep):
    scene = small_scene(destination, messages(), keep)
    step = 1 if long_form else 3
    sizes = [*range(2 + 2 * (keep == "no"), 90, step), *range(90, 600, 30)]
    try_disks(scene, points, [(n * PAGE, 0) for n in sizes])


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_a_disk_for_so_many_files(small_scene, points, destination):
    scene = small_scene(destination, messages())
    try_disks(scene, points, [(LARGE, files) for files in range(6, 36)])


def test_a_message_that_an_mda_took_makes_room_for_the_next(small_scene):
    """There is never room for two of them."""
    wires = [mail(str(number), ("x" * 71 + "\n") * 50_000) for number in range(4)]
    scene = small_scene("mda", wires)
    scene.fresh()
    scene.disk.limit("6m")
    result = scene.popfetch("work")
    assert result.status == 0 and not result.errors, result
    assert len(scene.delivered()) == len(wires)


def test_the_disk_fills_up_while_mail_comes_and_is_emptied_again(small_scene, points):
    """Run after run on a disk that is too small for all: each brings what fits, nothing twice."""
    wires = [mail(str(number), ("x" * 70 + "\n") * 10_000) for number in range(40)]
    scene = small_scene("maildir", wires)
    scene.fresh()
    scene.disk.limit("8m")  # 1 MiB is left free, and up to 1 MiB is the log of the state
    statuses = set()
    for _ in range(30):
        result = scene.popfetch("work")
        statuses.add(result.status)
        scene.check_nothing_wrong(result)
        check_said(scene, result)
        points(1)
        if not scene.pop.left():
            break
        for file in (scene.home / "Maildir/new").iterdir():  # a reader makes room
            scene.taken.append(file.read_bytes())
            file.unlink()
    assert statuses - {0} and not scene.pop.left(), "it was full, and all came in the end"
    scene.disk.limit(LARGE)
    scene.finish()
