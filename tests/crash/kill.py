# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed once, killed twice, and killed behind a sync that failed.

A task is (suite, scenario, ...); each returns the number of points that were tried and raises
Broken. Every task starts from a known state, and ends with a clean run and the promises.
"""

import calls
from world import Broken, Scenario

MAILDIR, MBOX = Scenario(), Scenario(to="mbox")

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


# --- killed once ---


def kill_points(world):
    world.reset()
    return world.points()


def kill(world, point):
    world.reset()
    reached = world.run_killed(point)
    world.between_runs()
    world.verify(world.run())
    return int(reached)


# --- killed twice ---


def pairs(world, first, sample, size):
    """Behind a kill at the first point: a kill at `size` of all points of the run that recovers,
    evenly spread; the rest is others' share (`sample` is where to begin)."""
    world.reset()
    if not world.run_killed(first):
        return 0
    world.between_runs()
    state = world.save()
    try:
        seconds = world.points()
        return sum(pair(world, state, second) for second in spread(seconds, size, sample))
    finally:
        world.forget_saved(state)


def pair(world, state, second):
    world.restore(state)
    reached = world.run_killed(second)
    try:
        world.between_runs()
        world.verify(world.run())
    except Broken as broken:
        raise Broken(f"second kill at {calls.show(second)}: {broken}") from None
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
        world.run(calls.fail_at(sync.name, sync.nth, "EIO", world.trace, second))
        try:
            world.between_runs()
            world.verify(world.run())
        except Broken as broken:
            behind = f", killed at {calls.show(second)}" if second else ""
            raise Broken(f"the sync fails{behind}: {broken}") from None
        tried += 1
    return tried


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
