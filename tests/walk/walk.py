#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A random walk: worlds of random servers, faults, clocks and changes, and what must be true in all
of them. Each world comes from its seed alone, which is told when something was missed.

    walk.py [--worlds N] [--seed S] [--jobs N] [--power | --no-power] [--old FILE] [--keep]
            [--trouble KIND | --no-trouble]
    walk.py --seed S --worlds 1 -v      shows one world again
"""

import argparse
import collections
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True

import disk
import run as run_module
from troubles import KINDS
from world import World, ask

HERE = Path(__file__).resolve().parent
POWER_SHARE, TROUBLE_SHARE = 0.2, 0.3
Result = collections.namedtuple("Result", "seed missed history runs cuts is_old kept")


class Tools:
    """What all worlds share: programs, a place, and a disk whose power can be cut."""

    def __init__(self, options, directory):
        self.program = os.path.abspath(options.program)
        self.old = os.path.abspath(options.old) if options.old else None
        self.directory = directory
        self.shim, self.mda = f"{directory}/shim.so", f"{directory}/mda"
        self.power_share = options.power_share
        self.trouble, self.trouble_share = options.trouble, options.trouble_share
        self.disk, self.why_no_power = None, None
        self.old_schema = None

    def build(self):
        compiler = os.environ.get("CC", "cc").split()
        for source, output, flags in (
            ("shim.c", self.shim, ["-shared", "-fPIC"]),
            ("mda.c", self.mda, []),
        ):
            subprocess.run([*compiler, "-O1", *flags, "-o", output, HERE / source], check=True)
        if self.old:
            self.old_schema = self._schema_of(self.old)

    def _schema_of(self, program):
        """The version of the states that it makes; for that it need not reach a server."""
        place = f"{self.directory}/trial-of-old"
        os.mkdir(place)
        with open(os.open(f"{place}/conf", os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(
                f"state_dir = '{place}'\n"
                'account "a" { host = "127.0.0.1" port = 1 tls = "off" user = "a"'
                f" password = 'p' maildir = '{place}/Maildir' }}\n"
            )
        subprocess.run([program, "-q", "-c", f"{place}/conf"], stderr=subprocess.DEVNULL)
        path = next(Path(place).glob("*.db"))
        return ask(str(path), f"{place}/copy", "user_version")[0][0]


def old_program():
    built = os.path.join(os.environ.get("POPFETCH_BUILDDIR", "."), "old/popfetch")
    return os.environ.get("POPFETCH_OLD") or (built if os.path.exists(built) else None)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--seed", type=int, help="of the first one; by default a random number")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--program", default=os.environ.get("POPFETCH", "popfetch"))
    parser.add_argument("--old", default=old_program(), help="worlds may begin with this one")
    parser.add_argument("--power", action="store_true", help="power cuts in all worlds")
    parser.add_argument("--no-power", action="store_true", help="in none")
    parser.add_argument("--trouble", choices=sorted(KINDS), help="this kind, in all worlds")
    parser.add_argument("--no-trouble", action="store_true", help="none in any world")
    parser.add_argument("--keep", action="store_true", help="the directories of failed worlds")
    parser.add_argument("--failures", type=int, default=20, help="end behind so many")
    parser.add_argument("-v", "--verbose", action="store_true", help="show each world's history")
    options = parser.parse_args(arguments)
    options.power_share = 1.0 if options.power else 0.0 if options.no_power else POWER_SHARE
    options.trouble_share = 1.0 if options.trouble else TROUBLE_SHARE * (not options.no_trouble)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(10**9)
    return options


# --- the workers ---

tools = None


def begin_worker(shared):
    global tools
    tools = shared
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run_module.adopt_orphans()
    if tools.power_share and not tools.why_no_power:
        tools.disk = disk.Disk(os.path.join(tools.directory, f"disk-{os.getpid()}"))


def walk_world(job):
    seed, keep = job
    world = World(seed, tools)
    try:
        missed = world.walk()
    except Exception:
        missed = "the walk itself fails:\n" + traceback.format_exc()
    kept = None
    if missed and keep:
        kept = f"{tools.directory}-world-{seed}"
        shutil.copytree(world.directory, kept, symlinks=True)
        if world.disk:
            shutil.copytree(world.root, f"{kept}/root", symlinks=True)
    world.remove()
    return Result(seed, missed, world.history, world.turn, world.cuts, world.has_old_program, kept)


# --- what is told ---


class Summary:
    def __init__(self, options, shared):
        self.options, self.shared = options, shared
        self.passed = self.failed = self.runs = self.cuts = self.with_cuts = self.old = 0
        self.began = time.monotonic()

    def add(self, result):
        self.runs, self.cuts = self.runs + result.runs, self.cuts + result.cuts
        self.with_cuts, self.old = self.with_cuts + bool(result.cuts), self.old + result.is_old
        self.passed, self.failed = (
            self.passed + (not result.missed),
            self.failed + bool(result.missed),
        )
        if result.missed or self.options.verbose:
            self._show(result)

    def _show(self, result):
        options = self.options
        flag = " --power" if options.power else " --no-power" if options.no_power else ""
        flag += f" --trouble {options.trouble}" if options.trouble else ""
        flag += " --no-trouble" if options.no_trouble else ""
        flag += f" --old {options.old}" if options.old else ""
        print(f"\n===== world {result.seed} =====")
        print("\n".join(result.history))
        if result.missed:
            print(f"MISSED: {result.missed}")
        print(f"again: walk.py --seed {result.seed} --worlds 1{flag}")
        if result.kept:
            print(f"kept: {result.kept}")
        sys.stdout.flush()

    def end(self):
        """The exit status."""
        seconds, count = time.monotonic() - self.began, self.passed + self.failed
        print(f"walk: {self.runs} runs in {seconds:.0f} s, {count / seconds:.1f} worlds a second")
        print(f"walk: {self.old} worlds began with the old program")
        if self.shared.why_no_power:
            print(f"walk: no power cuts: {self.shared.why_no_power}")
            self.failed += os.environ.get("CI") == "true"  # there it must be possible
        else:
            print(f"walk: {self.cuts} power cuts in {self.with_cuts} worlds")
        print(f"walk: {self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    options = parse(sys.argv[1:])
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    directory = tempfile.mkdtemp(prefix="walk-", dir=os.environ.get("WALK_DIR", place))
    shared = Tools(options, directory)
    print(f"walk: {options.worlds} worlds from seed {options.seed} on", flush=True)
    try:
        shared.build()
        if shared.power_share:
            shared.why_no_power = disk.why_not(directory)
        summary = Summary(options, shared)
        jobs = [(options.seed + n, options.keep) for n in range(options.worlds)]
        workers = min(options.jobs, options.worlds)
        pool = multiprocessing.Pool(workers, begin_worker, (shared,))
        try:
            for result in pool.imap_unordered(walk_world, jobs):
                summary.add(result)
                if summary.failed >= options.failures:
                    break
        finally:
            pool.terminate()
            pool.join()
    finally:
        remove(directory)
    return summary.end()


def remove(directory):
    """Programs that had been at work may end only now."""
    end = time.monotonic() + 5
    while os.path.exists(directory) and time.monotonic() < end:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
