#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Whatever dies when, each message is there exactly once: shown by trying.

    POPFETCH=./popfetch python3 tests/crash/crash.py            the form for every change
    POPFETCH=./popfetch python3 tests/crash/crash.py --long     more of everything
    ... crash.py kill power                                     these suites only
    ... crash.py --point 'kill:SCENARIO:renameat2#3'          one point again, as a failure names it

The real program runs against a server, and something ends it: SIGKILL at a system call, or a power
cut. Then a mail reader may move and delete messages, and one clean run follows. After it the
promises must hold (World.verify): exactly the right messages, whole; what a reader deleted has not
come back; nothing stale is left in the mailbox or the state; the database is sound; the server has
what `keep` says; and the clean run said 0.

    syncs      how often a run waits for the disk: not more for more messages of a batch
    kill       killed at every call that changes a file or the network, of every process
    dovecot    the same with a real Dovecot, over TLS
    pairs      killed, and killed again in the run that recovers
    failed     a sync fails with EIO, alone and with a kill behind it
    looks      killed; then the recovery cannot see something
    power      power cuts: the states that a disk may be found in, from a recording (disk.py)
    lost       a sync fails, a clean run follows, then a power cut that shows what was lost
    mutants    each rule of the protocol broken, one at a time: the suites above must notice

Points are pairs of a call's name and its ordinal, taken from a recording of a good run, so that
they follow the program when it changes (calls.py). All is sampled evenly where there is too much of
it.

Environment: POPFETCH, the program. POPFETCH_SRCDIR and POPFETCH_BUILDDIR: the sources and a
configured build, for the mutants. TMPDIR: everything is written below it, /dev/shm otherwise if
that is there. Needs strace; Dovecot for its suite. Exit status 0: all passed.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "functional")]

import calls  # noqa: E402
import kill  # noqa: E402
import mutants  # noqa: E402
import power  # noqa: E402
import syncs  # noqa: E402
from certs import Certificates  # noqa: E402
from manyusers import DovecotForMany  # noqa: E402
from workers import Place, Workers  # noqa: E402
from world import Broken, name_of  # noqa: E402


LOOKED_AT = [kill.SCENARIOS[2], kill.SCENARIOS[10]]


class Sizes:
    """How much of everything."""

    def __init__(self, long):
        self.kill = [*kill.SCENARIOS, *(kill.more_scenarios() if long else [])]
        self.firsts, self.seconds = (40, 12) if long else (6, 5)
        self.behind = 12 if long else 2
        self.recovery_points, self.begun_points = (24, 40) if long else (5, 14)
        self.states = None if long else 120  # of a recording
        self.lost = 40 if long else 2
        self.looks = 1000 if long else 8
        self.shares = 2


class Suite:
    """Counts what was tried, and shows what failed."""

    def __init__(self, name, what, run):
        self.name, self.what, self.run = name, what, run
        self.tried = self.failed = 0
        self.began = time.monotonic()

    def map(self, tasks, points=1):
        """The tasks' values; failures are shown as they come. points=None: a value is a number of
        points."""
        found = []
        for task, value, error, _ in self.run.workers.each(tasks):
            if error is not None:
                self.fail(describe(self.name, task), error)
            else:
                self.tried += value if points is None else points
                found.append((task, value))
        return found

    def fail(self, name, error):
        self.failed += 1
        self.tried += 1
        print(f"FAILED {name}\n  " + error.rstrip().replace("\n", "\n  "))
        print(f"  again: {self.run.command()} --point '{name}'", flush=True)

    def end(self):
        if not self.tried:
            self.failed = 1
            print(f"FAILED {self.name}: nothing was tried")
        result = f"{self.failed} failed" if self.failed else "all passed"
        seconds = time.monotonic() - self.began
        print(f"{self.name}: {self.tried} {self.what}, {result}, {seconds:.0f} s", flush=True)


def describe(suite, task):
    _, scenario, arguments = task
    points = [calls.show(a) if isinstance(a, calls.Point) else None for a in arguments]
    named = ",".join(p for p in points if p) or "-"
    return f"{suite}:{name_of(scenario) if scenario else '-'}:{named}"


class Run:
    def __init__(self, options, directory):
        self.options, self.directory = options, Path(directory)
        self.binary = Path(os.environ["POPFETCH"]).resolve()
        self.sizes = Sizes(options.long)
        self.workers = None
        self.suites = []

    def command(self):
        return f"POPFETCH={self.binary} python3 {HERE / 'crash.py'}"

    def suite(self, name, what):
        self.suites.append(Suite(name, what, self))
        return self.suites[-1]

    def all(self, wanted):
        with Workers(Place(self.binary, self.directory)) as self.workers:
            for name in wanted:
                if name != "dovecot":
                    getattr(self, name)()
        if "dovecot" in wanted:
            self.with_dovecot()

    # The suites.

    def syncs(self):
        suite, found = self.suite("syncs", "runs"), {}
        for (_, scenario, _), value in suite.map(
            [(syncs.count_syncs, scenario, ()) for scenario in syncs.SCENARIOS]
        ):
            found.setdefault(scenario.to, {})[scenario.count] = value
        found = {to: dict(sorted(counts.items())) for to, counts in sorted(found.items())}
        print("\n".join(syncs.lines(found)))
        try:
            if not suite.failed:
                syncs.check(found)
        except Broken as broken:
            suite.fail("syncs", str(broken))
        suite.end()

    def points_of(self, suite, scenarios, function=kill.kill_points, *arguments):
        """[(scenario, point)] in order of scenarios."""
        tasks = [(function, scenario, arguments) for scenario in scenarios]
        found = suite.map(tasks, points=0)
        found.sort(key=lambda item: scenarios.index(item[0][1]))
        return [(task[1], point) for task, value in found for point in value]

    def kill(self):
        suite = self.suite("kill", "points")
        points = self.points_of(suite, self.sizes.kill)
        suite.map([(kill.kill, scenario, (point,)) for scenario, point in points], None)
        suite.end()

    def pairs(self):
        suite, tasks = self.suite("pairs", "pairs of points"), []
        points = self.points_of(suite, kill.SCENARIOS)
        for number, scenario in enumerate(kill.SCENARIOS):
            own = [point for where, point in points if where == scenario]
            for begin, first in enumerate(kill.spread(own, self.sizes.firsts, number)):
                tasks.append((kill.pairs, scenario, (first, 7 * begin, self.sizes.seconds)))
        suite.map(tasks, None)
        suite.end()

    def failed(self):
        suite = self.suite("failed", "failed syncs, alone or with a kill")
        scenarios = kill.SCENARIOS if self.options.long else [*kill.SCENARIOS[2:17:4], kill.MDA]
        points = self.points_of(suite, scenarios, kill.sync_points)
        suite.map(
            [
                (kill.failed_sync, scenario, (point, self.sizes.behind, number))
                for number, (scenario, point) in enumerate(points)
            ],
            None,
        )
        suite.end()

    def looks(self):
        suite, tasks = self.suite("looks", "failed looks"), []
        points = self.points_of(suite, LOOKED_AT, kill.look_points)
        for scenario in LOOKED_AT:
            own = [point for where, point in points if where == scenario]
            for begin, first in enumerate(kill.spread(own, self.sizes.firsts, 0)):
                tasks.append((kill.failed_looks, scenario, (first, self.sizes.looks, begin)))
        suite.map(tasks, None)
        suite.end()

    def power(self):
        suite, tasks = self.suite("power", "states of a disk"), []
        shares = range(self.sizes.shares)
        for scenario in power.SCENARIOS:
            for share in shares:
                tasks.append((power.power, scenario, (None, share, len(shares), self.sizes.states)))
        for scenarios, function, count in (
            (power.RECOVERED, power.recovery_points, self.sizes.recovery_points),
            (power.BEGUN, power.begun_points, self.sizes.begun_points),
        ):
            for scenario, point in self.points_of(suite, scenarios, function, count):
                tasks.append((power.power, scenario, (point, 0, 1, self.sizes.states)))
        suite.map(tasks, None)
        suite.end()

    def lost(self):
        suite, tasks = self.suite("lost", "states of a disk"), []
        for scenario, point in self.points_of(suite, power.FAILED, power.failure_points):
            for how in power.FAILURES:
                tasks.append((power.lost, scenario, (point, how, self.sizes.lost)))
        suite.map(tasks, None)
        suite.end()

    def mutants(self):
        suite = self.suite("mutants", "mutants")
        directory = self.directory / "objects"
        directory.mkdir()
        source, build = os.environ["POPFETCH_SRCDIR"], os.environ["POPFETCH_BUILDDIR"]
        builder = mutants.Builder(source, build, directory)
        builder.build_all()
        tasks = [(mutants.control, None, (builder, mutant)) for mutant in mutants.CONTROLS]
        tasks += [(mutants.hunt, None, (builder, mutant)) for mutant in mutants.MUTANTS]
        for task, value, error, seconds in self.workers.each(tasks):
            mutant = task[2][1]
            if error is not None:
                suite.fail(f"mutants:-:{mutant.name}", error)
                continue
            if task[0] is mutants.control:
                continue
            suite.tried += 1
            tried, first = value
            print(
                f"  {mutant.name}: {mutant.suite} ({tried} tried, {seconds:.0f} s): {first[:110]}"
            )
        suite.end()

    def with_dovecot(self):
        suite = self.suite("dovecot", "points")
        with DovecotForMany(Certificates(self.directory / "certificates")) as dovecot:
            with Workers(Place(self.binary, self.directory, dovecot)) as self.workers:
                points = self.points_of(suite, kill.WITH_DOVECOT)
                suite.map([(kill.kill, scenario, (point,)) for scenario, point in points], None)
        suite.end()


SUITES = ("syncs", "kill", "dovecot", "pairs", "failed", "looks", "power", "lost", "mutants")


# --- one point again ---


def again(run, name):
    suite, scenario_name, rest = name.split(":", 2)
    scenarios = [*run.sizes.kill, *kill.more_scenarios(), *kill.WITH_DOVECOT]
    scenarios += [*power.SCENARIOS, *power.RECOVERED, *power.BEGUN, *power.FAILED]
    scenario = {name_of(s): s for s in scenarios}.get(scenario_name)
    points = (
        [] if suite == "mutants" else [calls.read_point(p) for p in rest.split(",") if p != "-"]
    )
    place = Place(run.binary, run.directory)
    if suite == "mutants":
        return again_mutant(place, run, rest)
    if suite == "dovecot":
        place.dovecot = DovecotForMany(Certificates(run.directory / "certificates"))
        place.dovecot.start()
        place.dovecot.name_for_worker(0)
    try:
        return TRY[suite](place.world_of(scenario), *points)
    finally:
        if place.dovecot:
            place.dovecot.stop()


def again_mutant(place, run, name):
    directory = run.directory / "objects"
    directory.mkdir()
    builder = mutants.Builder(
        os.environ["POPFETCH_SRCDIR"], os.environ["POPFETCH_BUILDDIR"], directory
    )
    builder.build_all()
    known = {m.name: (mutants.hunt, m) for m in mutants.MUTANTS}
    known.update({m.name: (mutants.control, m) for m in mutants.CONTROLS})
    function, mutant = known[name]
    return function(place, builder, mutant)


TRY = {
    "kill": kill.kill,
    "dovecot": kill.kill,
    "pairs": lambda world, first, *second: kill.pairs_again(world, first, *second),
    "failed": lambda world, sync: kill.failed_sync(world, sync, 1000, 0),
    "power": lambda world, point=None: power.power(world, point, 0, 1, None),
    "looks": lambda world, first: kill.failed_looks(world, first, 1000, 0),
    "lost": lambda world, point: sum(power.lost(world, point, how, 1000) for how in power.FAILURES),
}


# --- the command line ---


def place_for_files():
    """Where syncs are quick and known to be good; nothing here depends on a real disk."""
    if "TMPDIR" not in os.environ and os.access("/dev/shm", os.W_OK):
        return "/dev/shm"
    return None


def main():
    parser = argparse.ArgumentParser(description="Crash tests of popfetch; see the file's head.")
    parser.add_argument("--long", action="store_true", help="more of everything")
    parser.add_argument("--point", help="one point that failed")
    parser.add_argument("suites", nargs="*", help=" ".join(SUITES))
    options = parser.parse_args()
    if set(options.suites) - set(SUITES):
        parser.error("suites: " + " ".join(SUITES))
    if not os.access(os.environ.get("POPFETCH", ""), os.X_OK):
        parser.error("POPFETCH names the program to test")
    if not calls.works():
        parser.error("strace is missing, or not allowed here")
    directory = tempfile.mkdtemp(prefix="popfetch-crash-", dir=place_for_files())
    run = Run(options, directory)
    if options.point:
        return try_again(run, options.point)
    try:
        run.all([name for name in SUITES if not options.suites or name in options.suites])
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    failed = sum(suite.failed for suite in run.suites)
    print(f"{sum(suite.tried for suite in run.suites) - failed} passed, {failed} failed")
    return 1 if failed else 0


def try_again(run, name):
    try:
        print("passed:", again(run, name))
        shutil.rmtree(run.directory, ignore_errors=True)
        return 0
    except Broken as broken:
        print(broken)
        print(f"everything is in {run.directory}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
