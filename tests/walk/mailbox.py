# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A mailbox on a server: what is in it, under which uids and sizes, and what became of each item.

The time of the walk is `turn`, the number of the run. What the oracle asks later is kept with each
item: the uids that it had and from when, and how it ended.
"""

import collections

Name = collections.namedtuple("Name", "uid since")  # a uid, and from which turn on

UIDS = {"numbers": 40, "long": 14, "reused": 16, "doubled": 12, "positions": 4, "none": 6}
UIDS["gaps"] = 3  # some messages have none
SIZES = {"exact": 60, "estimated": 18, "lf": 8, "none": 4, "off": 10}


class Item:
    def __init__(self, letter, turn):
        self.letter, self.born = letter, turn
        self.names = []
        self.end = None  # "us", "other" or "server"
        self.end_turn = None
        self.is_retrieved = self.is_poison = self.is_bare = False
        self.is_stuck = False  # nobody can ask for its deletion
        self.is_unwanted = False  # no MDA takes it
        self.asked = None  # the first turn with a RETR of it
        self.breaks = 0  # how often the line broke there
        self.is_unlearned = False  # on record by its uid alone
        self.listings = {}  # turn: the size that was told, or None
        self.sizes = set()  # all that were told
        # By --catch-up: "surely" or "maybe", when by the true time, and marks of the clock.
        self.recorded, self.recorded_true, self.recorded_marks = None, None, []

    @property
    def uid(self):
        return self.names[-1].uid

    def is_missing(self, turn):
        """Was it there, and not in a listing of this turn?"""
        is_there = self.born < turn and (self.end_turn is None or turn < self.end_turn)
        return is_there and turn not in self.listings

    def past_names(self):
        """Pairs of a uid that it has no more, and the turn until which it had it."""
        ends = [name.since for name in self.names[1:]] + [self.end_turn]
        return [(n.uid, end) for n, end in zip(self.names, ends) if end is not None]

    def __repr__(self):
        return f"{self.letter} as {self.uid[:9].decode('latin-1')}"


class Mailbox:
    def __init__(self, rng, writer, style):
        self.rng, self.writer, self.style = rng, writer, style
        self.items, self.past = [], []
        self.next_uid = rng.choice((1, 1, 7, 100000))
        self.turn = 0

    def all(self):
        return [*self.past, *self.items]

    # Mail comes.

    def arrive(self, letter):
        item = Item(letter, self.turn)
        if self.style["top"] == "marked" and self.rng.random() < 0.5:
            letter.mark(b"[spam] ")
        item.names.append(Name(self._new_uid(item), self.turn))
        self.items.append(item)
        self._renumber_positions()
        return item

    def letters(self, count):
        """So many new items; with uids that are used again, often of a size that was there."""
        found = []
        for _ in range(count):
            size = None
            gone = [i for i in self.past[-6:] if i.letter.kind == "plain"]
            if self.style["uid"] in ("reused", "positions") and gone and self.rng.random() < 0.5:
                size = len(self.rng.choice(gone).letter.raw)
            letter = self.writer.write(size)
            found.append(self.arrive(letter))
            if self.rng.random() < 0.02 and self.style["uid"] != "none":
                found.append(self.arrive(letter))  # a copy, as mailing lists make them
        return found

    def _new_uid(self, item):
        style = self.style["uid"]
        if style == "doubled" and self.items and self.rng.random() < 0.35:
            alike = [i for i in self.items if i.letter.key == item.letter.key]
            return self.rng.choice(alike or self.items).uid
        if style == "gaps" and self.rng.random() < 0.3:
            return b""
        if style == "reused":
            taken = {i.uid for i in self.items}
            return next(u for n in range(1, 999) if (u := b"%d" % n) not in taken)
        self.next_uid += 1
        if style == "long":
            return b"%d-" % self.next_uid + bytes([0x21 + self.next_uid % 90, 0xE4]) * 60
        return b"%d" % self.next_uid

    def _renumber_positions(self):
        if self.style["uid"] == "positions":
            for number, item in enumerate(self.items):
                self.rename(item, b"%d" % (number + 1))

    def rename(self, item, uid):
        if item.uid != uid:
            item.names.append(Name(uid, self.turn))

    def renumber(self):
        """The server was moved: all uids are new ones."""
        for item in self.items:
            self.next_uid += 1
            self.rename(item, b"v%d" % self.next_uid)

    # Mail goes.

    def remove(self, items, by):
        for item in items:
            if item.end is None:
                item.end, item.end_turn = by, self.turn
                self.items.remove(item)
                self.past.append(item)
        self._renumber_positions()

    # What is told.

    def size(self, item):
        """The size that LIST tells, or None."""
        exact, style = len(item.letter.raw), self.style["size"]
        if style == "none":
            return None
        if style == "huge":
            return 2**62
        if style == "lf":
            return item.letter.raw.count(b"\n") * -1 + exact
        if style == "off":
            return exact + 11
        if style == "estimated" and not item.is_retrieved:
            return exact + exact // 10 + 13
        return exact


def random_style(rng, keeps_forever_only=False):
    uid = rng.choices(list(UIDS), list(UIDS.values()))[0]
    size = rng.choices(list(SIZES), list(SIZES.values()))[0]
    capa = ["USER"]
    pipelining, top, codes = rng.random() < 0.6, rng.random() < 0.82, rng.random() < 0.6
    capa += ["PIPELINING"] * pipelining + ["TOP"] * top + ["RESP-CODES"] * codes
    if uid != "none":
        capa.append("UIDL")
    expire = rng.choices((None, 0, 30, "NEVER"), (86, 5, 4, 5))[0]
    if expire is not None:
        capa.append(f"EXPIRE {expire}")
    if rng.random() < 0.04:
        capa.append(f"LOGIN-DELAY {rng.choice((60, 900))}")
    capa = capa if rng.random() < 0.93 else None
    return {
        "uid": uid,
        "size": size,
        "capa": capa,
        "has_top": top,
        "top": rng.choices(("plain", "marked", "empty"), (88, 7, 5))[0] if top else "plain",
        "expire": expire if capa else None,  # nobody could know
        "dele": rng.choices(("works", "vain"), (92, 8))[0],
        "stat": rng.choices(("true", "off", "low"), (93, 6, 1))[0],
    }
