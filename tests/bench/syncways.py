#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The ways to make a batch durable (syncways.c), on file systems made for it. For root.

    syncways.py [--fs ext4,xfs,btrfs,ext4-nojournal,tmpfs] [--disk DIRECTORY]
                [--flush-us 5000] [--extra-us 5000] [--neighbour-mib 512] [--rounds 5]

Three disks: the one that DIRECTORY lies on, as it is; a loop device on a disk in memory whose
flush takes --flush-us (slowdisk.c; wants libfuse 3); and the first again with each call that
waits for the disk made --extra-us longer. Then the same beside a neighbour that has just written
a lot. Prints tables of medians in milliseconds, and what could not be had.
"""

import argparse
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
MKFS = {
    "ext4": ["mkfs.ext4", "-q"],
    "ext4-nojournal": ["mkfs.ext4", "-q", "-O", "^has_journal"],
    "xfs": ["mkfs.xfs", "-q"],
    "btrfs": ["mkfs.btrfs", "-q"],
    "f2fs": ["mkfs.f2fs", "-q"],
}
BATCHES = ((1, 5000), (8, 5000), (32, 5000), (256, 5000), (4, 4_000_000))
WAYS = "row range+row threads-4 threads-16 threads-32 io_uring syncfs trick".split()
IMAGE_BYTES = 4_000_000_000


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def build(name, place, *flags):
    cc = shlex.split(os.environ.get("CC", "cc"))
    program = place / name
    run(*cc, "-std=c11", "-O2", "-pthread", "-o", program, HERE / f"{name}.c", *flags)
    return program


# --- disks ---


@contextlib.contextmanager
def mounted(kind, image, place):
    """A directory of a new file system of this kind on a loop device of the image."""
    device = run("losetup", "-f", "--show", image).strip()
    try:
        run(*MKFS[kind], device)
        place.mkdir(exist_ok=True)
        run("mount", device, place)
        try:
            yield place
        finally:
            run("umount", place)
    finally:
        run("losetup", "-d", device)


@contextlib.contextmanager
def slow_disk(flush_us, work):
    program = build("slowdisk", work, *run("pkg-config", "--cflags", "--libs", "fuse3").split())
    place = work / "slow"
    place.mkdir()
    with subprocess.Popen([program, str(flush_us), str(IMAGE_BYTES), place]) as server:
        try:
            deadline = time.monotonic() + 10
            while not (place / "disk").exists():
                if time.monotonic() > deadline or server.poll() is not None:
                    raise OSError("the slow disk does not start")
                time.sleep(0.05)
            yield place / "disk"
        finally:
            subprocess.run(["umount", place], check=False, capture_output=True)
            server.wait(timeout=10)


@contextlib.contextmanager
def slow_place(kind, flush_us, work):
    with slow_disk(flush_us, work) as image, mounted(kind, image, work / "mounted") as place:
        yield place


@contextlib.contextmanager
def disk_place(kind, disk, work):
    """The disk at hand: as it is, or for another file system an image on it."""
    if kind in ("as it is", "tmpfs"):
        base = "/dev/shm" if kind == "tmpfs" else disk
        with tempfile.TemporaryDirectory(dir=base) as place:
            yield Path(place)
        return
    with tempfile.NamedTemporaryFile(dir=disk) as image:
        image.truncate(IMAGE_BYTES)
        with mounted(kind, image.name, work / "mounted") as place:
            yield place


# --- tables ---


def measure(program, place, *options):
    """{way: its figures, or None}"""
    found = {}
    for line in run(program, *map(str, options), place).splitlines():
        way, _, _, *figures = line.split("\t")
        found[way] = [float(figure) for figure in figures] if figures != ["-"] else None
    return found


def table(title, heads, rows):
    print(f"\n{title}\n")
    print("| " + " | ".join(["way", *heads]) + " |")
    print("|---|" + "---:|" * len(heads))
    for way, cells in rows.items():
        print("| " + " | ".join([way, *cells]) + " |")
    print(flush=True)


def shown(figure):
    return f"{figure:.0f}" if figure >= 20 else f"{figure:.1f}"


def batches_table(title, program, place, rounds, *options):
    rows = {way: [] for way in WAYS}
    for count, size in BATCHES:
        found = measure(program, place, "-c", count, "-s", size, "-r", rounds, *options)
        for way, cells in rows.items():
            cells.append(shown(found[way][0]) if found[way] else "-")
    table(title, [f"{c} x {s // 1000} kB" for c, s in BATCHES], rows)


def neighbour_table(title, program, place, mib, rounds, *options):
    found = measure(program, place, "-n", mib, "-r", rounds, *options)
    rows = {
        way: [shown(figures[n]) for n in (0, 2, 4, 5)] if figures else ["-"] * 4
        for way, figures in found.items()
    }
    table(
        title,
        ["the batch", "at most", "the neighbour's fsync", "slowest fsync of the third"],
        rows,
    )


def all_tables(args, kind, program, work):
    name = f"{kind}, the disk at hand"
    with disk_place(kind, args.disk, work) as place:
        batches_table(name, program, place, args.rounds)
        if kind in ("as it is", "tmpfs"):
            longer = f"{name}, each call {args.extra_us} us longer"
            batches_table(longer, program, place, args.rounds, "-x", args.extra_us)
        if kind == "as it is":
            both_neighbours(args, name, program, place, args.neighbour_mib)
    if kind in MKFS:
        name = f"{kind}, a flush takes {args.flush_us} us"
        with slow_place(kind, args.flush_us, work) as place:
            batches_table(name, program, place, args.rounds)
            both_neighbours(args, name, program, place, args.neighbour_mib // 4)


def both_neighbours(args, name, program, place, mib):
    rounds = min(args.rounds, 3)
    for title, options in (
        ("has just written", ["-p", 100, "-q"]),
        ("is writing, then syncs", ["-p", 50]),
    ):
        heading = f"{name}; 256 files; a neighbour {title} {mib} MiB"
        neighbour_table(heading, program, place, mib, rounds, *options)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fs", default="as it is,tmpfs,ext4,xfs,btrfs,ext4-nojournal,f2fs")
    parser.add_argument("--disk", default=".", help="a directory on the disk at hand")
    parser.add_argument("--flush-us", type=int, default=5000)
    parser.add_argument("--extra-us", type=int, default=5000)
    parser.add_argument("--neighbour-mib", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory() as work:
        program = build("syncways", Path(work))
        for kind in args.fs.split(","):
            place = Path(tempfile.mkdtemp(dir=work))
            try:
                all_tables(args, kind, program, place)
            except subprocess.CalledProcessError as e:
                print(f"\n{kind}: not to be had: {e.cmd[0]}: {e.stderr.strip()}\n")
            except OSError as e:
                print(f"\n{kind}: not to be had: {e}\n")


if __name__ == "__main__":
    main()
