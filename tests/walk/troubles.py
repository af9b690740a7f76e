# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The kinds of trouble that an account can have; walk.py --trouble KIND shows one in all worlds."""

import math

from trouble import FOREVER, HOUR_S, AtMessages, Trouble

NOT_REFUSED = frozenset({77})  # by no login that might have been good

# --- one message, or two ---


def arrange_for(trouble, verb):
    """An account where this command is sent for messages."""
    trouble.verb = verb
    trouble.needs_uids()  # one without a uid cannot be known again
    if verb == "RETR":
        return
    trouble.style["dele"] = "works"
    if verb == "TOP":
        trouble.style.update(has_top=True, top="plain")
        trouble.can("TOP")
        trouble.keep_one_of("2 days", "14 days", "2 hours")
    elif verb == "DELE":
        trouble.keep_one_of("no", "2 days", "14 days")
    else:
        trouble.can("PIPELINING")
        trouble.account.pipelining = True


class Poison(AtMessages):
    """The line, or the protocol, breaks at it."""

    def arrange(self):
        rng = self.rng
        arrange_for(self, rng.choices(("RETR", "TOP", "DELE", "LIST"), (6, 3, 2, 2))[0])
        hows = ["cut", "cut", "silence", b"\r\n", b"what is this\r\n"]
        self.what = rng.choice(hows + ["half"] * (self.verb == "RETR"))
        if self.what == "silence":
            self.be_impatient()

    def mark(self, item):
        """Where TOP breaks the line, the header cannot be compared before a deletion."""
        super().mark(item)
        item.is_stuck |= self.verb == "TOP"

    def answer(self, session, verb, argument, item):
        if verb != self.verb or not self.is_at(item):
            return None
        return self.give(item, self.what)


class Refusal(AtMessages):
    """The server refuses it, perhaps as if that would pass."""

    WORDS = (
        b"-ERR [SYS/TEMP] Internal error occurred.\r\n",
        b"-ERR cannot open message, try again later\r\n",
        b"-ERR cannot read message\r\n",
        b"-ERR\r\n",
    )

    def arrange(self):
        arrange_for(self, self.rng.choices(("RETR", "TOP", "DELE"), (5, 2, 2))[0])
        self.what = self.rng.choice(self.WORDS)

    answer = Poison.answer


class Few(Refusal):
    """With max_messages those that fail, or are known, must not take the place of the others."""

    def arrange(self):
        rng = self.rng
        self.verb, self.what, self.times, self.count = "RETR", Refusal.WORDS[2], FOREVER, 2
        self.account.max_messages = rng.choice((1, 2))
        self.is_named = rng.random() < 0.5
        if rng.random() < 0.3:
            self.style.update(uid="none", dele="vain")
            self.account.keep, self.count = "no", 0
            self.cannot("UIDL")
        else:
            self.needs_uids()

    def settle(self):
        if self.count:
            super().settle()
        self.account.max_messages = max(2, math.ceil(len(self.account.mailbox.items) / 7))

    def __repr__(self):
        named = ", and the account is named" if self.is_named else ""
        return f"a small max_messages{named}; " + super().__repr__()


# --- the server ---


class Quota(Trouble):
    """So many RETR in a session, or in half an hour; then each is refused."""

    WORDS = (
        "Download exceed. msg=%d",
        "Server Unavailable. 21",
        "quota exceeded",
        "too many downloads, wait",
    )

    def arrange(self):
        self.most, self.is_by_time = self.rng.randint(1, 4), self.rng.random() < 0.4
        self.words = self.rng.choice(self.WORDS)
        self.since, self.used = 0, 0
        self.style["dele"] = "works"
        self.needs_uids()  # comparing takes RETRs, too

    def settle(self):
        self.most = max(self.most, math.ceil(len(self.account.mailbox.items) / 4))
        if self.world.is_calm:  # what was refused is fetched when the quota is free again
            self.most = FOREVER
            self.world.say(f"  {self.account.name}: the quota is gone")

    def judge(self, run):
        self.is_said_once(run, self.words.partition("%")[0])

    def answer(self, session, verb, argument, item):
        if verb != "RETR" or item is None:
            return None
        mark = self.world.true // 1800 if self.is_by_time else session
        if mark != self.since:
            self.since, self.used = mark, 0
        self.used += 1
        if self.used <= self.most:
            return None
        words = self.words % session.number_of(item) if "%" in self.words else self.words
        return self.fire(f"-ERR {words}\r\n".encode())

    def __repr__(self):
        span = "in 30 minutes" if self.is_by_time else "a session"
        return f"{self.most} RETR {span}, then {self.words!r}"


class OddList(Trouble):
    """LIST with a number is refused, ignored or answered in another form; or there is no LIST."""

    FORMS = ("refused", "silence", "size alone", "whole list", "no LIST at all")

    def arrange(self):
        self.form = self.rng.choice(self.FORMS)
        self.needs_uids()
        if self.rng.random() < 0.7:
            self.can("PIPELINING")
            self.account.pipelining = True
        self.style["size"] = self.rng.choice(("exact", "estimated", "off", "off", "lf"))
        if self.form == "no LIST at all":
            self.style["size"] = "none"  # for all that anybody can know
        if self.form == "silence":
            self.be_impatient()

    def answer(self, session, verb, argument, item):
        if verb != "LIST" or not (argument or self.form == "no LIST at all"):
            return None
        server = self.account.server
        if self.form == "silence":
            return self.fire("silence")
        if self.form == "size alone" and item:
            return self.fire(b"+OK %d\r\n" % (self.account.mailbox.size(item) or 0))
        if self.form == "whole list":
            return self.fire(server.list_of(session))
        return self.fire(b"-ERR unsupported\r\n")

    def __repr__(self):
        return f"LIST n: {self.form}"


class OddStat(Trouble):
    """STAT says less than there is: only a count, or too low a one; or sizes are absurd."""

    FORMS = ("a count alone", "too low", "absurd sizes", "absurd sizes and sum")

    def arrange(self):
        self.form = self.rng.choice(self.FORMS)
        if self.form == "too low":
            self.style["stat"] = "low"
        if "absurd" in self.form:
            self.style["size"] = "huge"

    def answer(self, session, verb, argument, item):
        if verb != "STAT":
            return None
        words = self.account.server.stat_of(session).split()
        if self.form == "a count alone":
            return self.fire(words[0] + b" " + words[1] + b"\r\n")
        if self.form == "absurd sizes":
            return self.fire(b"+OK %s %d\r\n" % (words[1], min(int(words[2]), 2**63 - 1)))
        return self.fire(b" ".join(words) + b"\r\n")

    def __repr__(self):
        return f"STAT: {self.form}"


class Backlog(Trouble):
    """More mail than one session brings, in the end at the latest; DELE works."""

    def arrange(self):
        self.style["dele"] = "works"
        self.keep_one_of("no", "no", "2 days")

    def settle(self):
        self.account.keep = self.keep
        count = 70 - len(self.account.mailbox.items)
        if count > 0:
            self.world.mail_arrives(self.account, count)


class Slow(Backlog):
    """A session ends by its time before all is done."""

    speed, delay_s = 20, 0.0015  # 30 ms for the program; 3 s are 150 ms on our clock

    def arrange(self):
        self.account.session_timeout_s = 3
        self.cannot("PIPELINING")
        super().arrange()

    def answer(self, session, verb, argument, item):
        return self.fire(None)

    def __repr__(self):
        return "slow answers and a short session_timeout"


class Short(Backlog):
    """The line drops in each session, at the next RETR, TOP or DELE behind so many."""

    # eight that break, then some that do not; where uids are positions, or are given again, each
    # deletion makes all others be compared anew
    final_runs = 300

    def arrange(self):
        self.most = self.rng.randint(12, 40)
        self.given = {}
        super().arrange()

    def answer(self, session, verb, argument, item):
        if verb not in ("RETR", "TOP", "DELE"):
            return None
        self.given[session] = self.given.get(session, 0) + 1
        return self.fire("cut") if self.given[session] > self.most else None

    def __repr__(self):
        return f"sessions that end behind {self.most} commands"


class Login(Trouble):
    """AUTH in one line is not understood, or not at all; or the login is put off for some runs."""

    FORMS = {
        "syntax error": b"-ERR syntax error\r\n",
        "closes": "cut",
        "says so and closes": (b"-ERR Protocol error. Connection is closed. 10\r\n", "cut"),
        "unknown mechanism": b"-ERR authentication mechanism not supported\r\n",
        "unknown command": b"-ERR Unknown command.\r\n",
    }
    unfit_statuses = NOT_REFUSED

    def arrange(self):
        self.form = self.rng.choice(list(self.FORMS))
        self.has_two_lines = "unknown" not in self.form and self.rng.random() < 0.7
        self.can("USER")
        self.can("SASL PLAIN NTLM")

    def answer(self, session, verb, argument, item):
        words = argument.split(" ")
        if verb != "AUTH" or (self.has_two_lines and len(words) == 1):
            return None
        return self.fire(self.FORMS[self.form])

    def __repr__(self):
        two = "; in two lines it works" if self.has_two_lines else ""
        return f"AUTH PLAIN: {self.form}{two}"


class PutOff(Trouble):
    """For some runs the server is in trouble and says so in words; the password is good."""

    WORDS = (
        b"-ERR Temporarily unavailable\r\n",
        b"-ERR too many logins\r\n",
        b"-ERR Exceeded the login limit for a 15 minute period\r\n",
        b"-ERR Mailbox is busy, try again later\r\n",
    )
    unfit_statuses = NOT_REFUSED

    def arrange(self):
        self.words = self.rng.choice(self.WORDS)
        self.left = self.rng.randint(1, 4)

    def end(self):
        self.left -= self.has_fired

    def answer(self, session, verb, argument, item):
        return self.fire(self.words) if verb == "PASS" and self.left > 0 else None

    def __repr__(self):
        return f"PASS: {self.words!r} in {self.left} runs"


# --- the MDA ---


class AtMda(Trouble):
    """The suite's MDA does something special."""

    def use_mda(self):
        self.inbox = next(i for i in self.world.inboxes if i.kind == "mda")
        self.account.inbox, self.started = self.inbox, 0

    def begin(self):
        super().begin()
        self.started = len(self.inbox.starts())

    def end(self):
        new = self.inbox.starts()[self.started :]
        self.has_fired = any(letter == "*" + self.letter for _, letter in new)
        self.has_killed = self.has_fired and self.letter == "k"


class BadMda(AtMda, AtMessages):
    """It says later, refuses, dies or kills popfetch at one message."""

    LETTERS = {"l": "says later", "r": "refuses", "d": "dies", "k": "kills popfetch"}
    verb = "hand-over"

    def arrange(self):
        self.letter = self.rng.choice("llkkrd")
        self.what = self.LETTERS[self.letter]
        self.count = 1
        self.times = min(self.times, 3) if self.times < FOREVER else FOREVER
        if self.style["uid"] != "none":
            self.needs_uids()
        self.use_mda()

    def see(self, items):
        super().see([i for i in items if self.words_of(i).encode() in i.letter.raw])

    def words_of(self, item):
        return f"token {item.letter.token} of world"

    def mark(self, item):
        for other in self.account.mailbox.all():
            if other.letter is item.letter:  # a copy has the same words
                other.is_poison = other.is_unwanted = True

    def choose(self, item):
        super().choose(item)
        times = 0 if self.is_lasting else self.times
        self.inbox.be_special(self.words_of(item), self.letter, times)

    def settle(self):
        self.account.inbox = self.inbox
        for _ in range(9):
            if self.left():
                return
            self.world.mail_arrives(self.account, 3)


class NoMda(AtMda):
    """It cannot work, for no message, until the options change."""

    fit_statuses = frozenset({78})

    def arrange(self):
        self.letter = self.rng.choice("nxu")  # 127, 126, 64
        self.use_mda()
        self.inbox.be_special("", self.letter, 0)

    def judge(self, run):
        self.is_said_once(run, self.inbox.program)

    def settle(self):
        self.account.inbox = self.inbox
        self.inbox.is_fixed = True
        if self.world.is_calm:  # all is tried at once
            self.final_runs, self.steps = 2, (HOUR_S,)
        self.world.say("  the MDA's options are changed, and it works")

    def __repr__(self):
        return f"an MDA that ends with {dict(n=127, x=126, u=64)[self.letter]}"


KINDS = {
    "poison": (9, Poison),
    "refusal": (6, Refusal),
    "few": (3, Few),
    "quota": (5, Quota),
    "list": (5, OddList),
    "stat": (3, OddStat),
    "slow": (1, Slow),
    "short": (2, Short),
    "login": (3, Login),
    "put-off": (3, PutOff),
    "mda": (5, BadMda),
    "no-mda": (2, NoMda),
}


def random_trouble(rng, account, kind=None):
    kind = kind or rng.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
    return KINDS[kind][1](rng, account)
