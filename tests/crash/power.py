# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Power cuts: a run is recorded with all that it writes, the states that a disk may be found in
are rebuilt (disk.py), and on each of them a clean run must keep all promises.

A recording is one whole run, or one that is killed, or in which a sync fails, and the one that
recovers, to its end. The server has what it had at that moment: from the moment of a QUIT on it has
deleted.
"""

import collections
import glob
import itertools
import os
import re
import shutil

import calls
import kill
from disk import SYNCS, Disk, build, events_of, fingerprint, read_events
from popmail import local, mail
from world import Broken, Scenario, saying

MAILDIR, MBOX = Scenario(count=7, batch=3), Scenario(to="mbox", count=7, batch=3)
HANDING_OVER = ("renameat2", "fsync", "fdatasync", "pwrite64", "unlinkat")
SCENARIOS = [
    MAILDIR,
    MAILDIR._replace(keep="forever"),
    MAILDIR._replace(later=True),
    MAILDIR._replace(later=True, keep="forever", batch=256, count=12),
    MBOX,
    MBOX._replace(keep="forever"),
    MBOX._replace(later=True),
    MBOX._replace(later=True, keep="forever", batch=256, count=12),
    MBOX._replace(later=True, large=True, count=4, batch=4),
]
RECOVERED = [
    MAILDIR._replace(later=True, batch=4, count=4),
    MAILDIR._replace(later=True, batch=4, count=4, keep="forever"),
    MBOX._replace(later=True, batch=4, count=4),
    MBOX._replace(later=True, batch=4, count=4, keep="forever"),
]
# A sync fails, and the run ends by itself or is killed at once.
FAILED = [
    MAILDIR._replace(later=True, batch=2, count=4),
    MAILDIR._replace(later=True, batch=2, count=4, keep="forever"),
    MBOX._replace(later=True, batch=2, count=4),
    MBOX._replace(later=True, batch=2, count=4, keep="forever"),
    MAILDIR._replace(batch=2, count=2),
    MBOX._replace(batch=2, count=2),
]
FAILURES = ("error=EIO", "error=EIO:signal=KILL")
# Killed while the directories, the mbox or the state are made: what the next run finds there may
# not be durable.
BEGUN = [
    MAILDIR._replace(batch=4, count=4),
    MAILDIR._replace(batch=4, count=4, keep="forever"),
    MBOX._replace(batch=4, count=4),
]


# --- recording ---


def run_recorded(world, number, point=None, how="signal=KILL"):
    """What the keepers and the couriers logged, in order: there is one of each for every session."""
    prefix = world.directory / f"log{number}"
    for old in glob.glob(f"{prefix}.*"):
        os.unlink(old)
    before = calls.record_whole(prefix)
    if point:
        before += ["-e", f"inject={point.name}:{how}:when={point.nth}"]
    result = world.run(before)
    if not point and result.status != 0:
        raise Broken(f"the recorded run fails: {result}")
    keepers, couriers = [], []
    for log in glob.glob(f"{prefix}.*"):
        with open(log, errors="replace") as f:
            text = f.read()
        if re.search(r" flock\(| mkdirat\(|O_CREAT", text):
            keepers.append(log)
        if " connect(" in text:
            couriers.append(log)
    return in_order(keepers), in_order(couriers)


def in_order(logs):
    return sorted(logs, key=lambda log: next(events_of(log, True)).time)


def deletions(couriers):
    """[(time, numbers)]: each QUIT that deletes, and what, by the numbers of its session."""
    found = []
    for log in couriers:
        sent = [e for e in read_events(log) if e.name == "sendto"]
        numbers = re.findall(rb"DELE (\d+)\r\n", b"".join(e.texts[0] for e in sent))
        quits = [e.time for e in sent if b"QUIT\r\n" in e.texts[0]]
        if numbers and quits:
            found.append((quits[-1], {int(number) for number in numbers}))
    return found


class State:
    """One state of disk and server."""

    def __init__(self, label, tree, left, appended=None):
        self.label, self.tree, self.left = label, tree, left
        self.appended = appended or {}


class Recording:
    def __init__(self, world, point=None, how="signal=KILL"):
        world.reset()
        self.sync_fails = how in FAILURES
        self.world, self.disk = world, Disk(world.home)
        self.killed_logs = []
        if point:
            self.killed_logs, _ = run_recorded(world, 1, point, how)
        self.server = world.servers[0].save()
        self.logs, couriers = run_recorded(world, 2)
        deleted = deletions(couriers)
        self.quits = [time for time, numbers in deleted]
        self.left = [self.server[0]]  # at first, and behind each of them
        for _, numbers in deleted:
            self.left.append([m for n, m in enumerate(self.left[-1], 1) if n not in numbers])

    def states(self):
        """All that differ, in order."""
        seen = set()
        for log in self.killed_logs:
            self.disk.begin_process()
            for event in read_events(log, self.sync_fails):
                self.disk.apply(event)
        events = [event for log in self.logs for event in [None, *read_events(log)]]
        yield from self._unseen(seen, 0, "before all", 0, events[1].time)
        for number, event in enumerate(events):
            if event is None:
                self.disk.begin_process()
                continue
            if not self.disk.apply(event):
                continue
            after = next((e.time for e in events[number + 1 :] if e), float("inf"))
            yield from self._unseen(seen, number, event.name, event.time, after)

    def last_states(self):
        """Of the end, whether they were seen before or not; behind states()."""
        for label, tree in self.disk.states():
            yield State(f"end, {label}", tree, self.left[-1])

    def _unseen(self, seen, number, name, began, after):
        for label, tree, appended in [*self._plain(), *self._appended()]:
            for left in self._servers(began, after):
                key = fingerprint(tree), len(left)
                if key not in seen:
                    seen.add(key)
                    yield State(f"{number} {name}, {label}", tree, left, appended)

    def _plain(self):
        return [(label, tree, None) for label, tree in self.disk.states()]

    def _servers(self, began, after):
        """What the server may have, and have deleted, by then."""
        surely = sum(time < began for time in self.quits)
        perhaps = sum(time < after for time in self.quits)
        return self.left[surely : perhaps + 1]

    def _appended(self):
        """While an mbox is not locked, another program appends to it; and of what we wrote and did
        not sync, only the size has come to the disk. (After a kill that is beyond what is
        promised.)"""
        if self.world.scenario.to != "mbox" or self.killed_logs:
            return
        name = self.world.destination(0)
        mbox = self.world.home / name
        file = self.disk.pending(mbox)
        if file is None or self.disk.is_there(f"{mbox}.lock"):
            return
        theirs = local(mail("from another program", Message_ID="<other@example.org>", number=[0]))
        line = b"From bob@example.org Sun Mar  1 12:00:00 2026\n"
        content = file.content("zeros") + line + theirs + b"\n"
        yield "unlocked", self.disk.tree_with(mbox, content), {name: theirs}


# --- recovering ---


def check(recording, state):
    world = recording.world
    clear(world.home)
    build(state.tree, world.home)
    server = world.servers[0]
    server.restore(recording.server)
    server.pop.mailbox.messages[:] = state.left
    world._forget()
    for name, message in state.appended.items():
        world.delivered[name][message] += 1
    world.verify(world.run(), after_power_cut=True)


def check_all(recording, states, what):
    for state in states:
        with saying(f"{what}, state '{state.label}'"):
            check(recording, state)
    return len(states)


def clear(directory):
    for entry in directory.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def power(world, point, share, shares, limit):
    """Every state of a recording that falls to this share, or an even sample of them."""
    recording = Recording(world, point)
    states = list(recording.states())[share::shares]
    return check_all(recording, kill.spread(states, limit or len(states), 0), "power cut")


def lost(world, point, how, limit):
    """The same behind a sync that failed: those of the end, and an even sample of the others."""
    recording = Recording(world, point, how)
    states = kill.spread(list(recording.states()), limit, 0)
    states += itertools.islice(recording.last_states(), 2)
    return check_all(recording, states, f"{how}, power cut")


def failure_points(world):
    """The syncs of the keeper."""
    return [p for p in kill.kill_points(world) if p.role is None and p.name in SYNCS]


def recovery_points(world, count):
    """Where a run is killed before the one that is recorded: where a batch is handed over, and in
    any case before each sync of what was published."""
    world.reset()
    found = [p for p in world.points() if p.role is None and p.name in HANDING_OVER]
    found = found[len(found) // 3 :]
    syncs = [p for p in found if p.name == "fsync"]
    return list(dict.fromkeys([*syncs, *found[:: max(1, len(found) // count)]]))


def begun_points(world, count):
    """Where a first run is killed right behind something was made, before that is durable."""
    world.reset()
    world.run(calls.record(world.trace))
    text = world.trace.read_text(errors="replace")
    roles, counts = calls.roles_of(text), collections.Counter()
    found, is_made = [], False
    for pid, name, rest in calls.entries(text):
        if roles.get(pid) != "keeper":
            continue
        counts[name] += 1
        if name == "mkdirat" or "O_CREAT" in rest:
            is_made = is_made or " = -1 " not in rest
        elif is_made and name in SYNCS:
            found.append(calls.Point(name, counts[name]))
            is_made = False
    return found[:count]
