# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What is wrong with one account all along: a message that fails whenever it is asked for, a quota,
a server that answers LIST in its own way, a program that kills popfetch. The faults of a script
last for a run; a trouble lasts for the world, and all other mail must come in spite of it.

The kinds are in troubles.py. A trouble has a random generator of its own, so that a world without
one is the same whatever kinds there are.
"""

from oracle import Missed

HOUR_S, DAY_S = 3600, 86400
FOREVER = 10**9
TIMEOUT_S, SPEED = 1, 10  # where a server falls silent: a tenth of a second on our clock


class Trouble:
    """What the kinds have in common. An answer is None (nothing is wrong), bytes that are sent in
    place of the server's answer, "silence", "cut", or "half": of the message, and then cut."""

    is_lasting = False  # runs may fail for ever
    is_named = False  # the last runs name the account
    fit_statuses = frozenset()  # that no other world has
    unfit_statuses = frozenset()  # while it is at work
    final_runs = 12  # within which all must come to an end
    steps = (HOUR_S, DAY_S, 8 * DAY_S)  # between them: pauses pass, the short and the long
    speed = 1  # of the clock for time-outs
    delay_s = 0  # before each answer

    def __init__(self, rng, account):
        self.rng, self.account, self.world = rng, account, account.world
        self.style = account.style
        self.has_fired = self.has_killed = False  # in this run
        self.has_begun = False  # in an earlier one, and a pause may last
        self.arrange()

    def arrange(self):
        """The account becomes one that can have this trouble."""

    def see(self, items):
        """New mail has come."""

    def begin(self):
        """Before a run."""
        self.has_begun |= self.has_fired
        self.has_fired = self.has_killed = False

    def end(self):
        """Behind it."""

    def fire(self, answer):
        self.has_fired = True
        return answer

    def answer(self, session, verb, argument, item):
        return None

    def judge(self, run):
        """What people must not be told. Raises Missed."""

    def is_said_once(self, run, words):
        """It is one thing to say, not one for each message; of five and fewer in a session nobody
        can tell."""
        begin = f"popfetch: {self.account.name}: "
        lines = [x for x in run.stderr.splitlines() if x.startswith(begin) and words in x]
        if self.has_fired and len(lines) > 5 * max(1, len(run.sessions(self.account))):
            raise Missed(f"{len(lines)} lines about one trouble: {lines[:3]}")

    def settle(self):
        """The end of the world begins."""

    # For arrange().

    def can(self, capability):
        if self.style["capa"] is None:
            self.style["capa"] = ["USER"] + ["UIDL"] * (self.style["uid"] != "none")
        if capability not in self.style["capa"]:
            self.style["capa"].append(capability)

    def cannot(self, capability):
        if self.style["capa"] and capability in self.style["capa"]:
            self.style["capa"].remove(capability)

    def needs_uids(self):
        """Each message has one of its own."""
        if self.style["uid"] not in ("numbers", "long", "reused"):
            self.style["uid"] = "numbers"
            self.can("UIDL")

    def keep_one_of(self, *keeps):
        if self.style["uid"] == "none":
            keeps = ("no",)
        self.account.keep = self.keep = self.rng.choice(keeps)

    def be_impatient(self):
        self.account.timeout_s, self.account.is_impatient = TIMEOUT_S, True
        self.speed = SPEED


class AtMessages(Trouble):
    """Some messages have it, always or so many times."""

    verb, keep = None, None

    def __init__(self, rng, account):
        self.items, self.given = [], {}
        self.count = rng.choice((1, 1, 2))
        self.times = rng.choice((FOREVER, FOREVER, 1, 2, 3, 5))
        super().__init__(rng, account)

    @property
    def is_lasting(self):
        return self.times == FOREVER

    def left(self):
        return [i for i in self.items if i.end is None]

    def see(self, items):
        for item in items:
            if len(self.left()) < self.count and self.rng.random() < 0.4:
                self.choose(item)

    def choose(self, item):
        self.items.append(item)
        self.world.say(f"  {self.account.name}: the trouble is about {item}")
        if self.is_lasting:
            self.mark(item)

    def mark(self, item):
        """For the oracle: what can never be asked of it."""
        item.is_poison |= self.verb == "RETR"
        item.is_stuck |= self.verb == "DELE"

    def is_at(self, item):
        return item in self.items and self.given.get(item, 0) < self.times

    def give(self, item, answer):
        self.given[item] = self.given.get(item, 0) + 1
        return self.fire(answer)

    def settle(self):
        mailbox = self.account.mailbox
        if not self.left() and len(mailbox.items) < 3:
            self.world.mail_arrives(self.account, 3)
        if not self.left():
            self.choose(self.rng.choice(mailbox.items))
        if self.keep:
            self.account.keep = self.keep

    def __repr__(self):
        times = "always" if self.is_lasting else f"{self.times} times"
        return f"at {self.verb} of {self.count}, {times}: {self.what!r}"
