# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that are really full: small file systems in a mount name space of their own."""

import os
import shutil
import subprocess

import pytest

from popmail import mail
from runner import Popfetch
from scene import DESTINATIONS, Scene

PAGE = 4096
LARGE = "16m"


class Disk:
    """A tmpfs over a directory, seen by those only that are started with inside()."""

    def __init__(self, directory):
        self.directory = directory
        user = [] if os.geteuid() == 0 else ["-r"]
        script = 'mount -t tmpfs -o "size=$2,mode=700" disk "$1" && echo ready && exec cat'
        self.holder = subprocess.Popen(
            ["unshare", *user, "-m", "sh", "-c", script, "sh", str(directory), LARGE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if self.holder.stdout.readline() != b"ready\n":
            said = self.holder.stderr.read().decode()
            self.close()
            raise OSError(said)
        self.inside = ["nsenter", "-t", str(self.holder.pid), "-m"]
        if user:
            self.inside += ["-U", "--preserve-credentials"]
        self.path = type(directory)(f"/proc/{self.holder.pid}/root{directory}")

    def limit(self, size, files=0):
        options = f"remount,size={size},nr_inodes={files or 100_000}"
        subprocess.run([*self.inside, "mount", "-o", options, str(self.directory)], check=True)

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()


@pytest.fixture
def small_disk():
    disks = []

    def make(directory):
        if os.environ.get("POPFETCH_NO_MOUNT"):
            pytest.skip("POPFETCH_NO_MOUNT is set")
        assert shutil.which("unshare") and shutil.which("nsenter"), "needs util-linux"
        try:
            disks.append(Disk(directory))
        except OSError as error:
            pytest.fail(
                f"no small file system can be mounted here ({error}); run this as root or where "
                "user name spaces are allowed, or set POPFETCH_NO_MOUNT=1 to do without"
            )
        return disks[-1]

    yield make
    for disk in disks:
        disk.close()


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


def messages():
    return [mail(str(number), f"line {number}\n" * (700 * number)) for number in range(1, 6)]


def check_said(scene, result):
    """One line, whatever did not fit."""
    assert result.status in {0, os.EX_CANTCREAT, os.EX_IOERR}, result
    assert len(result.errors) == (result.status != 0), result
    if "is left on the server" in result.stderr:
        assert "free on the disk" in result.stderr, result


def try_disk(scene, disk, size, files=0):
    scene.fresh()
    disk.limit(size, files)
    result = scene.popfetch("work")
    disk.limit(LARGE)
    try:
        scene.check_nothing_wrong(result)
        check_said(scene, result)
        scene.finish(doubtful=1 if result.status else 0)
    except AssertionError as error:
        raise AssertionError(f"a disk of {size} bytes, {files} files:\n{error}") from None
    return result.status != 0


def try_disks(scene, disk, points, sizes):
    tried, full, failures = 0, 0, []
    for size, files in sizes:
        try:
            full += try_disk(scene, disk, size, files)
        except AssertionError as error:
            failures.append(str(error))
        tried += 1
    points(tried)
    assert not failures, f"{len(failures)} of {tried}\n" + "\n".join(failures[:3])
    assert 0 < full < tried, f"full {full} times of {tried}: not what was meant"


@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("keep", ["no", "forever"])
def test_a_disk_of_any_size(
    binary, tmp_path, server, small_disk, points, long_form, destination, keep
):
    pop = server(tls="off", pipelining=True)
    scene = SmallScene(binary, tmp_path / "scene", pop, destination, keep, wires=messages())
    disk = small_disk(scene.home)
    scene.popfetch.move(disk)
    scene.home = scene.popfetch.home
    step = 1 if long_form else 3
    sizes = [*range(2 + 2 * (keep == "no"), 90, step), *range(90, 600, 30)]
    try_disks(scene, disk, points, [(n * PAGE, 0) for n in sizes])


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_a_disk_for_so_many_files(binary, tmp_path, server, small_disk, points, destination):
    pop = server(tls="off", pipelining=True)
    scene = SmallScene(binary, tmp_path / "scene", pop, destination, wires=messages())
    disk = small_disk(scene.home)
    scene.popfetch.move(disk)
    scene.home = scene.popfetch.home
    try_disks(scene, disk, points, [(LARGE, files) for files in range(6, 36)])


def test_a_message_that_an_mda_took_makes_room_for_the_next(binary, tmp_path, server, small_disk):
    """There is never room for two of them."""
    pop = server(tls="off", pipelining=True)
    wires = [mail(str(number), ("x" * 71 + "\n") * 50_000) for number in range(4)]
    scene = SmallScene(binary, tmp_path / "scene", pop, "mda", wires=wires)
    disk = small_disk(scene.home)
    scene.popfetch.move(disk)
    scene.home = scene.popfetch.home
    scene.fresh()
    disk.limit("6m")
    result = scene.popfetch("work")
    assert result.status == 0 and not result.errors, result
    assert len(scene.delivered()) == len(wires)


def test_the_disk_fills_up_while_mail_comes_and_is_emptied_again(
    binary, tmp_path, server, small_disk, points
):
    """Run after run on a disk that is too small for all: each brings what fits, nothing twice."""
    pop = server(tls="off", pipelining=True)
    wires = [mail(str(number), ("x" * 70 + "\n") * 300) for number in range(120)]
    scene = SmallScene(binary, tmp_path / "scene", pop, "maildir", wires=wires)
    disk = small_disk(scene.home)
    scene.popfetch.move(disk)
    scene.home = scene.popfetch.home
    scene.fresh()
    disk.limit(60 * PAGE)
    statuses = set()
    for _ in range(30):
        result = scene.popfetch("work")
        statuses.add(result.status)
        scene.check_nothing_wrong(result)
        check_said(scene, result)
        points(1)
        if not pop.left():
            break
        for file in (scene.home / "Maildir/new").iterdir():  # a reader makes room
            scene.taken.append(file.read_bytes())
            file.unlink()
    assert statuses - {0} and not pop.left(), "it was full, and all came in the end"
    disk.limit(LARGE)
    scene.finish()
