# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Killed once, killed twice, and killed behind a sync that failed.

A task is (suite, scenario, ...); each returns the number of points that were tried and raises
Broken. Every task starts from a known state, and ends with a clean run and the promises.
"""

import collections
import os
import re

import calls
from world import Broken, Scenario, World, saying

MAILDIR, MBOX = Scenario(), Scenario(to="mbox")
MDA = Scenario(to="mda", count=4)

# In CI. "by" is the size of a batch: small ones, so that there are several in a session.
SCENARIOS = [
    MAILDIR,
    MAILDIR._replace(keep="forever"),
    MAILDIR._replace(later=True, other="reader", batch=3),
    MAILDIR._replace(later=True, other="reader", keep="forever"),
    MAILDIR._replace(later=True, other="emptier", batch=1, count=5),
    MAILDIR._replace(later=True, other="emptier", keep="forever", batch=256, count=12),
    MAILDIR._replace(later=True, other="cleaner", batch=3, count=7),
    MAILDIR._replace(later=True, other="reader", accounts=3, count=4, batch=2),
    MBOX,
    MBOX._replace(keep="forever"),
    MBOX._replace(later=True, batch=3),
    MBOX._replace(later=True, other="appender"),
    MBOX._replace(later=True, other="appender", keep="forever", batch=256),
    MBOX._replace(later=True, other="mimic", batch=3, count=6),
    MBOX._replace(later=True, batch=1, count=5),
    MBOX._replace(large=True, later=True, count=6, batch=6),
    MBOX._replace(later=True, accounts=3, count=4, batch=2),
    MBOX._replace(later=True, accounts=2, count=4, batch=2, shared=True),
    MDA,
    MDA._replace(keep="forever", deaf=True, later=True),
    MDA._replace(jobs=3, deaf=True, count=5),
]
WITH_DOVECOT = [
    MAILDIR._replace(server="dovecot", later=True, other="reader"),
    MAILDIR._replace(server="dovecot", keep="forever"),
    MBOX._replace(server="dovecot"),
]


def more_scenarios():
    """For the long form: everything with everything."""
    for to in ("maildir", "mbox"):
        for keep in ("no", "forever"):
            for later in (False, True):
                for other in {"maildir": (None, "reader", "emptier")}.get(to, (None, "appender")):
                    for count, batch in ((12, 1), (12, 5), (20, 7), (30, 256)):
                        yield Scenario(to, keep, later, other, batch=batch, count=count)
    for to in ("maildir", "mbox"):
        for keep in ("no", "forever"):
            yield Scenario(to, keep, True, accounts=4, count=7, batch=3)
            yield Scenario(to, keep, True, accounts=3, count=6, batch=2, shared=True)
    for jobs in (1, 2, 4):
        for deaf in (False, True):
            yield MDA._replace(jobs=jobs, deaf=deaf, later=jobs == 2, count=7)


# --- killed once ---


def kill_points(world):
    world.reset()
    return world.points()


def kill(world, point):
    world.reset()
    reached = world.run_killed(point)
    world.recover()
    return int(reached)


# --- killed twice ---


def pairs(world, first, sample, size):
    """Behind a kill at the first point: a kill at `size` of all points of the run that recovers,
    evenly spread; the rest is others' share (`sample` is where to begin)."""
    return behind_kill(world, first, World.points, pair, size, sample)


def behind_kill(world, first, look, attempt, size, begin):
    """attempt(world, state, point), with the state behind the first kill, at `size` of the points
    that look(world) finds in the run that recovers."""
    world.reset()
    if not world.run_killed(first):
        return 0
    world.between_runs()
    state = world.save()
    try:
        return sum(attempt(world, state, point) for point in spread(look(world), size, begin))
    finally:
        world.forget_saved(state)


def pair(world, state, second):
    world.restore(state)
    reached = world.run_killed(second)
    with saying(f"second kill at {calls.show(second)}"):
        world.recover()
    return int(reached)


def pairs_again(world, first, second=None):
    """One pair, or all of a first point."""
    if second is None:
        return pairs(world, first, 0, 100000)
    world.reset()
    world.run_killed(first)
    world.between_runs()
    return pair(world, world.save(), second)


def spread(items, size, begin):
    """So many items, evenly from all of them."""
    if size >= len(items):
        return items
    step = len(items) / size
    return [items[int(begin + number * step) % len(items)] for number in range(size)]


# --- a sync that fails, and a kill behind it ---


def sync_points(world):
    return [p for p in kill_points(world) if p.name in calls.SYNCING[:3]]


def failed_sync(world, sync, size, begin):
    """The call fails (the disk's word for it: EIO); then the run ends by itself, or is killed at
    one of the calls behind."""
    tried = 0
    for second in [None, *spread(points_behind(world, sync), size, begin)]:
        world.reset()
        world.heed_deletions()
        result = world.run(calls.fail_at(sync.name, sync.nth, "EIO", world.trace, second))
        world.kills += 2 if second else 1  # a run that does not get to its end is like one
        with saying("the sync fails" + (f", killed at {calls.show(second)}" if second else "")):
            if second is None:
                check_told(world, result, by_sqlite=sync.name == "fdatasync")
            world.recover()
        tried += 1
    return tried


def check_told(world, result, by_sqlite):
    """The run says that the sync failed, and does nothing more as if it had not. That holds for a
    checkpoint too: its first sync is that of commits which did not wait for one. There is one
    exception: SQLite syncs the directory of a log that it opens, and passes over a failure; what
    is new there popfetch syncs itself. (An MDA's own syncs fail too, and it is its business what it
    says of them.)"""
    if world.scenario.to == "mda":
        return
    path = calls.failed_path(world.trace)
    if path is None or (path.endswith("/.local/state/popfetch") and by_sqlite):
        return
    statuses = (os.EX_IOERR,) if world.scenario.later else (os.EX_IOERR, os.EX_CANTCREAT)
    said = re.search("Input/output error|disk I/O error", result.stderr)
    if result.status not in statuses or not said:
        raise Broken(f"the failure is not told: {result}")
    if world.scenario.accounts == 1 and (deleted := world.rash_deletions()):
        raise Broken(f"{deleted} messages are deleted all the same: {result}")
    world.check_no_doubtful_is_visible()


def points_behind(world, sync):
    """The points behind the failure, of the run in which it fails."""
    world.reset()
    command = calls.record(world.trace)
    world.run([*command, "-e", f"inject={sync.name}:error=EIO:when={sync.nth}"])
    text = world.trace.read_text(errors="replace")
    failure = text.find("(INJECTED)")
    if failure < 0:
        return []
    before = set(calls.points(text[:failure], by_role=False))
    behind = calls.points(text, by_role=False)
    return [p for p in behind if p not in before and p.name != sync.name]


# --- a look that fails, in the run that recovers ---


def look_points(world):
    """Where a run is killed, so that the next one has to find out what was delivered."""
    return [p for p in kill_points(world) if p.name in ("renameat2", "fsync", "pwrite64")]


def failed_looks(world, first, size, begin):
    """What cannot be seen is not absent: behind the kill, one of the calls by which recovery looks
    at the destination fails."""
    return behind_kill(world, first, looks_at, failed_look, size, begin)


def looks_at(world):
    """The calls that look at the destination."""
    known = calls.known(calls.LOOKING)
    world.run(["strace", "-f", "-y", "-qq", "-o", str(world.trace), "-e", known])
    place = str(world.home / world.destination(0))
    counts, found = collections.Counter(), []
    for pid, name, rest in calls.entries(world.trace.read_text(errors="replace")):
        counts[pid, name] += 1
        if place in rest and "lock" not in rest:  # who cannot see whose a lock is waits for it
            found.append(calls.Point(name, counts[pid, name]))
    return list(dict.fromkeys(found))


def failed_look(world, state, look):
    world.restore(state)
    world.run(calls.fail_at(look.name, look.nth, "EIO", world.trace))
    with saying(f"{calls.show(look)} fails"):
        world.recover()
    return 1
