# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""How often a run waits for the disk: counted, and held against the number of batches."""

import collections

import calls
from world import Broken, Scenario

COUNTS = (1, 64, 256, 1000)
BATCH = 256
SCENARIOS = [
    Scenario(to=to, later=True, keep=keep, batch=BATCH, count=count)
    for to in ("maildir", "mbox")
    for keep in ("forever",)
    for count in COUNTS
]


def count_syncs(world):
    """{call: how often} of one run."""
    world.reset()
    before = ["strace", "-f", "-qq", "-o", str(world.trace), "-e", calls.known(calls.SYNCING)]
    world.verify(world.run(before))
    text = world.trace.read_text(errors="replace")
    return dict(collections.Counter(name for _, name, _ in calls.entries(text)))


def waits(counts):
    """sync_file_range only starts a write here, and waits for nothing."""
    return sum(number for name, number in counts.items() if name != "sync_file_range")


def check(found):
    """{to: {messages: counts}}: the same for 64 messages as for 256, and not more a batch than
    these; one message may need a little less."""
    for to, counts in found.items():
        of_batch = waits(counts[256])
        if waits(counts[64]) != of_batch or waits(counts[1]) > of_batch + 3:
            raise Broken(f"{to}: waits for the disk grow with the messages of a batch: {counts}")
        batches = -(-1000 // BATCH)
        if waits(counts[1000]) > batches * of_batch:
            raise Broken(f"{to}: {batches} batches wait more often than one by one: {counts}")


def lines(found):
    for to, counts in found.items():
        for messages, calls_made in counts.items():
            named = ", ".join(f"{name} {number}" for name, number in sorted(calls_made.items()))
            yield f"  {to}: {messages} messages: {waits(calls_made)} waits ({named})"
