# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""One account of a world: its mailbox, its server, its options; and which of its messages nobody
could tell from others, as far as the manual says that."""

from mailbox import Mailbox
from server import Server

DAY_S = 86400
KEEPS = {"forever": 30, "no": 38, "2 hours": 4, "2 days": 8, "14 days": 16, "30 days": 4}
SECONDS = {"forever": None, "no": 0, "2 hours": 7200}


def random_keep(rng, style):
    if style["uid"] == "none":
        return "no"
    return rng.choices(list(KEEPS), list(KEEPS.values()))[0]


class Spell:
    """For some runs a server does not list these, nor count them. What is missed for 180 days may
    be forgotten, and so may more when the clock is wrong."""

    def __init__(self, world, items, runs):
        self.items, self.runs, self.began, self.is_long = items, runs, world.true, False

    def note(self, world):
        self.is_long |= bool(world.skew) or world.true - self.began > 150 * DAY_S


class Account:
    def __init__(self, name, world, style, inbox):
        self.name, self.world, self.rng = name, world, world.rng
        rng = world.rng
        self.mailbox = Mailbox(rng, world.writer, style)
        self.server = Server(self.mailbox)
        self.style, self.inbox = style, inbox
        self.keep = random_keep(rng, style)
        self.max_messages = rng.choice((0, 0, 0, 1, 3))
        self.max_size = rng.choice((0, 0, 0, 0, 5000))
        self.received = rng.random() < 0.6
        self.pipelining = rng.random() < 0.9
        self.mda_jobs = rng.choice((1, 1, 3))
        self.is_impatient = rng.random() < 0.04
        self.has_state_name = rng.random() < 0.3
        self.full_listings = []  # turns of clean runs that saw a complete listing
        self.was_refused = False
        self.spell = None  # see Spell
        self.trouble = None  # see trouble.py
        self.timeout_s, self.session_timeout_s = 2, None
        self.was_fetched = False  # or tried

    @property
    def keep_s(self):
        if self.keep in SECONDS:
            return SECONDS[self.keep]
        return int(self.keep.split()[0]) * DAY_S

    @property
    def tells_exact_sizes(self):
        return self.style["size"] in ("exact", "lf", "off")

    def get_trouble(self, trouble):
        self.trouble = self.server.trouble = trouble

    def change(self, inboxes):
        """One option, and in words which."""
        what = self.rng.choice(
            ("keep", "keep", "inbox", "inbox", "max_messages", "max_size", "received", "pipelining")
        )
        if what == "keep":
            self.keep = random_keep(self.rng, self.style)
        elif what == "inbox":
            self.inbox = self.rng.choice(inboxes)
        elif what == "max_messages":
            self.max_messages = self.rng.choice((0, 1, 5))
        elif what == "max_size":
            self.max_size = self.rng.choice((0, 600, 5000))
        else:
            setattr(self, what, not getattr(self, what))
        return f"{self.name}: {what} = {getattr(self, what)}"

    def be_quiet(self):
        """As it is at the end of a world."""
        self.max_messages = self.max_size = 0
        if self.trouble:
            self.trouble.settle()

    def text(self):
        lines = [
            f'account "{self.name}" {{',
            f'  host = "127.0.0.1" port = {self.server.port} tls = "off"',
            f'  user = "{self.name}" password = "p"',
            f"  {self.inbox.option()}",
            f'  keep = "{self.keep}"',
            f"  max_messages = {self.max_messages} max_size = {self.max_size}",
            f"  received_header = {str(self.received).lower()}",
            f"  mda_jobs = {self.mda_jobs}",
            f'  timeout = "{self.timeout_s if self.is_impatient else 20} seconds"',
        ]
        if self.session_timeout_s:
            lines.append(f'  session_timeout = "{self.session_timeout_s} seconds"')
        if not self.pipelining:
            lines.append('  pipelining = "off"')
        if self.has_state_name:
            lines.append(f'  state = "box-{self.name}"')
        return "\n".join([*lines, "}"])

    def __repr__(self):
        trouble = f"; trouble: {self.trouble}" if self.trouble else ""
        style = {k: v for k, v in self.style.items() if k != "has_top"}
        return (
            f"{self.name}: {style}, {self.inbox}, keep {self.keep}, max_messages "
            f"{self.max_messages}, max_size {self.max_size}, mda_jobs {self.mda_jobs}{trouble}"
        )

    # What the oracle asks.

    def overdue(self, oracle, now):
        """What should be deleted by now."""
        if self.keep_s is None or self.style["dele"] == "vain" or self.style["top"] != "plain":
            return []
        if self._is_never_left():
            return []
        found = []
        for item in self.mailbox.items:
            since = oracle.delivered.get(item.letter)
            alone = item.uid and sum(i.uid == item.uid for i in self.mailbox.all()) == 1
            if item.recorded or item.is_poison or item.is_stuck or since is None:
                continue
            if self.style["uid"] != "none" and not alone:
                continue
            if now - since > self.keep_s + 10 * DAY_S and len(item.names) == 1:
                found.append(item)
        return found

    def _is_never_left(self):
        """By QUIT: not while something retrieved is not delivered, where the server would delete
        that (EXPIRE 0). What has no uid is retrieved in each run, and here no MDA takes it."""
        has_uids = self.style["uid"] != "none"
        return self.style["expire"] == 0 and any(
            i.is_unwanted and not (has_uids and i.uid) for i in self.mailbox.items
        )

    def incarnations(self, item):
        """As how many messages it may pass."""
        if self.style["uid"] == "none":
            return 1
        return len({name.uid for name in item.names})

    def is_bare(self, item):
        """May it be on record without a header? What has none gives none by TOP."""
        has_top = self.style["has_top"] and self.style["top"] != "empty"
        is_shown = has_top and item.letter.fields
        is_bare = item.is_bare or item.is_unlearned or (item.recorded and not is_shown)
        return bool(item.is_poison or is_bare)

    def may_look_new(self, item):
        """Without a header its size has to do, which changes when it has been retrieved."""
        return self.is_bare(item) and self.style["size"] == "estimated"

    def looks_known(self, item, at_the_end):
        """Is there another that the manual lets it be taken for?"""
        if self.style["uid"] == "none":
            return False
        others = [o for o in self.mailbox.all() if o is not item]
        return bool(self.twins(item)) or any(
            self._is_swapped(item, o, at_the_end) for o in others
        )

    def twins(self, item):
        """Those that it may be taken for."""
        return [o for o in self.mailbox.all() if o is not item and self._is_twin(item, o)]

    def hides_another(self, item, turn):
        """Is there one with its uid that this listing lacks, and that it may be taken for?"""
        return any(
            o is not item and o.uid == item.uid and o.uid and turn not in o.listings
            for o in self.mailbox.items
            if self._is_size_alike(item, o)
        )

    def _is_twin(self, item, other):
        """Of several with one uid, one header and one size, or none that the server tells, only one
        is delivered; and one that comes under uid and header of another, which somebody else took
        away or a listing hid, is taken for it."""
        shared = {n.uid for n in item.names} & {n.uid for n in other.names}
        if shared == {b""}:  # known by all of its content
            return item.letter is other.letter
        if not shared:
            is_bare = any(b"" in {n.uid for n in i.names} for i in (item, other))
            return is_bare and item.letter is other.letter
        if not self._is_header_alike(item, other):
            return False
        if any(other.is_missing(turn) for turn in item.listings):
            return True
        return other.end in ("other", "server") or self._is_size_alike(item, other)

    def _is_header_alike(self, item, other):
        if self.style["top"] == "empty" or self.is_bare(other):
            return True
        return item.letter.key == other.letter.key

    def _is_size_alike(self, item, other):
        sizes, others = self._sizes(item), self._sizes(other)
        return None in sizes or None in others or bool(sizes & others)

    def _sizes(self, item):
        told = set(item.listings.values())
        if told == {None} and self.style["size"] != "none":
            told = set()  # never asked for: STAT's sum was enough
        return told | item.sizes | {self.mailbox.size(item), len(item.letter.raw)}

    def _is_swapped(self, item, other, at_the_end):
        """It came under uid and size of another that was gone, before any run could see that, or
        was there and not fetched when that went: only a comparison of headers tells, which is made
        before it would be deleted."""
        if not self._is_size_alike(item, other):
            return False
        if item.end == "us" and not self.is_bare(other):
            return False
        is_compared = at_the_end and not item.is_stuck
        if is_compared and item.end is None and self.keep_s is not None:
            return False
        for mine in item.names:
            for uid, end in other.past_names():
                if mine.uid != uid or uid == b"":
                    continue
                if end > mine.since:  # it was beside it, and has not come
                    return True
                if not any(end < turn <= mine.since for turn in self.full_listings):
                    return True
        return False
