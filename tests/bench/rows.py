# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The rows of the table: what is done, by whom, and what popfetch must reach.

A row is entered once (its mailboxes are filled, and warm for all alike); then each client in turn
does the work: once(client) is one run, with a fresh home directory and an untouched mailbox, and
returns a Sample after what was delivered has been found right.
"""

import collections
import itertools
import os
import poplib
import shutil
import ssl
import subprocess

from clients import MAILDIR, MBOX, MDA, Job
from mailboxes import large, made, tiny
from measure import Void
from relay import Relay, Serial

Sample = collections.namedtuple("Sample", "value seconds cpu peak_kib syncs trips bytes")


class Target:
    """popfetch's value, or its ratio to another client's, is to be at most (below) the limit."""

    def __init__(self, limit, of=None, below=False):
        self.limit, self.of, self.below = limit, of, below

    def met(self, value):
        return value < self.limit if self.below else value <= self.limit

    def __str__(self):
        sign = "<" if self.below else "<="
        return f"{sign} {self.limit:g}" + (f" of {self.of}" if self.of else "")


class Row:
    """clients: who takes part. bare: what the reader asks for. rounds: no more than so many."""

    unit, rounds = "s", None
    clients = ("popfetch", "mpop", "fetchmail", "getmail", "bare")
    to, keep, bare, sync_ms, rtt, mda_jobs = MAILDIR, True, "retr", 0, 0.0, 1
    # Many small files stay until all is over: ext4 is slow to make files for minutes after as many
    # were removed.
    removes = False

    def __init__(self, bench, key, title, target=None, **options):
        self.bench, self.key, self.title, self.target = bench, key, title, target
        self.numbers = itertools.count()
        for name, value in options.items():
            setattr(self, name, value)

    def __enter__(self):
        self.users = self.filled()
        for user in self.users:
            self.warm(user)
        return self

    def __exit__(self, *_):
        pass

    # What differs.

    def filled(self):
        """Users with their mailboxes."""
        raise NotImplementedError

    def expected(self):
        """The Message-IDs that must have been delivered."""
        raise NotImplementedError

    def before(self, client, job):
        """What is done before the clock runs."""

    def value(self, figures):
        return figures.seconds

    # One run.

    port = property(lambda self: self.bench.server.pop3s_port)

    def job(self, client):
        home = self.bench.directory / f"{self.key}-{client.name}-{next(self.numbers)}"
        job = Job(home, self.users, self.port, self.to, self.keep)
        job.mda_jobs = self.mda_jobs
        client.prepare(job)
        self.bench.stopwatch.give(home)
        return job

    def once(self, client):
        client.what = self.bare
        job = self.job(client)
        try:
            self.before(client, job)
            self.bench.stopwatch.give(job.home)
            os.sync()
            sample = self.timed(client, job)
            self.check(client, job)
            return sample
        finally:
            if self.removes:
                shutil.rmtree(job.home)

    def run(self, client, job, command, sync_ms=0):
        output = job.home / "said"
        return self.bench.stopwatch.run(
            command, client.environment(job), job.home, output, sync_ms, client.statuses
        )

    def timed(self, client, job):
        relay = self.relay()
        if relay:
            relay.forget()
            relay.rtt = self.rtt
        runs = [self.run(client, job, command, self.sync_ms) for command in client.commands(job)]
        seconds, cpu, peak, syncs = zip(*runs)
        syncs = None if None in syncs else sum(syncs)
        sample = Sample(None, sum(seconds), sum(cpu), max(peak), syncs, None, None)
        if relay:
            sample = sample._replace(trips=relay.trips(), bytes=relay.bytes())
        return sample._replace(value=self.value(sample))

    def relay(self):
        return None

    def known(self, client, job):
        """A run before the one that counts, so that the client knows the server."""
        if self.relay():
            self.relay().rtt = 0
        for command in client.commands(job):
            self.run(client, job, command)

    def check(self, client, job):
        if client.name == "bare":
            self.check_bare(job)
        else:
            self.check_delivered(client, job)

    def check_delivered(self, client, job):
        found, expected = job.delivered(), self.expected()
        if found != expected:
            raise Void(
                f"{client.name}: {len(found)} messages delivered, {len(set(found))} different; "
                f"there should be {len(expected)}"
            )

    def check_bare(self, job):
        line = (job.home / "said").read_text().splitlines()[-1]  # behind what an MDA complains of
        count = int(line.split()[0])
        if count != self.held:
            raise Void(f"bare: {count} messages, there should be {self.held}")

    def warm(self, user):
        self.look(user, "retr")

    def look(self, user, what):
        tool = self.bench.directory / "tools" / "reader"
        server = self.bench.server
        done = subprocess.run(
            [tool, str(server.pop3s_port), server.certificates.ca, user.name, user.password, what],
            check=True,
            capture_output=True,
            text=True,
        )
        return int(done.stdout.split()[0])

    def single(self, messages):
        """A user with these messages."""
        user = self.bench.server.user()
        self.bench.server.fill(user, messages)
        self.held = len(messages)
        return [user]


def ids(messages, domain=b"bench"):
    return sorted(b"<%d@%s.example>" % (n, domain) for n in range(len(messages)))


class Fetch(Row):
    """A mailbox into a new destination; the mail stays on the server."""

    def filled(self):
        self.messages = self.bench.messages()
        return self.single(self.messages)

    def expected(self):
        return ids(self.messages)


class ThroughMda(Fetch):
    """The floor is the MDA alone, one run after the other. Syncs are not counted: not all clients
    hand the environment down, and the counting would slow the others' MDA."""

    to, sync_ms = MDA, None

    def before(self, client, job):
        if client.name == "bare":
            job.messages.mkdir()
            for number, message in enumerate(self.messages):
                (job.messages / f"{number:06}").write_bytes(message)

    def check(self, client, job):
        super().check(client, job)
        if client.name == "bare":
            self.check_delivered(client, job)


class FetchLarge(Row):
    count = size = None
    removes = True

    def filled(self):
        self.messages = large(self.count, self.size)
        return self.single(self.messages)

    def expected(self):
        return ids(self.messages, b"large")

    def check(self, client, job):
        super().check(client, job)
        if client.name == "bare":
            return
        sizes = [file.stat().st_size for file in (job.destination() / "new").iterdir()]
        if min(sizes) < self.size:
            raise Void(f"{client.name}: only {min(sizes)} bytes of a message")


class Memory(FetchLarge):
    """What the largest process needs for it."""

    unit, rounds = "MiB", 1
    clients = ("popfetch", "mpop", "fetchmail")

    def value(self, figures):
        return figures.peak_kib / 1024


class Listing(Row):
    """Many tiny messages, all known to the client, which has delivered something there before."""

    bare = "uidl"

    def filled(self):
        users = self.single(tiny(self.uids))
        self.known_uids = None
        return users

    def expected(self):
        return []

    def uidl(self):
        if self.known_uids is None:
            context = ssl.create_default_context(cafile=self.bench.server.certificates.ca)
            pop = poplib.POP3_SSL("localhost", self.port, context=context, timeout=60)
            pop.user(self.users[0].name)
            pop.pass_(self.users[0].password)
            self.known_uids = [line.split()[1].decode() for line in pop.uidl()[1]]
            pop.quit()
        return self.known_uids

    def before(self, client, job):
        command = client.catch_up(job, self.uidl())
        self.bench.stopwatch.give(job.home)
        if command:
            self.run(client, job, command)
        self.bench.server.fill(self.users[0], tiny(1))
        self.held += 1
        self.known(client, job)
        if client.name != "bare" and not job.delivered():
            raise Void(f"{client.name}: the new message was not fetched")
        job.empty()


class Trips(Row):
    """Counted in round trips; a little distance keeps apart what is sent one after another."""

    unit, rounds = "trips", 3
    clients = ("popfetch", "mpop", "fetchmail", "getmail")
    rtt = 0.02
    first, serial, count = False, False, 0

    def __enter__(self):
        server = self.bench.server
        self.serial_front = None
        target = server.pop3s_port
        if self.serial:
            pair = server.certificates.pair(server.certificate)
            self.serial_front = Serial(server.pop3_port, *pair).__enter__()
            target = self.serial_front.port
        self.line = Relay(target).__enter__()
        return super().__enter__()

    def __exit__(self, *_):
        self.line.__exit__()
        if self.serial_front:
            self.serial_front.__exit__()

    port = property(lambda self: self.line.port)

    def relay(self):
        return self.line

    def value(self, figures):
        return figures.trips

    def filled(self):
        return self.single(made(0 if self.count else 10))

    def expected(self):
        return ids(range(self.count or 10))

    def before(self, client, job):
        self.known(client, job)
        if self.first:
            client.forget(job)
        self.bench.server.fill(self.users[0], made(self.count))
        self.look(self.users[0], "look")

    def check(self, client, job):
        super().check(client, job)
        left = self.look(self.users[0], "look")
        if left and not self.keep:
            raise Void(f"{client.name}: {left} messages left on the server")


class Accounts(Trips):
    """Many accounts far away, nothing new. A client that can takes them side by side."""

    unit, rounds = "s", None
    rtt = 0.1
    accounts = 20

    def filled(self):
        users = [self.bench.server.user() for _ in range(self.accounts)]
        for number, user in enumerate(users):
            self.bench.server.fill(user, [message(number)])
        return users

    def expected(self):
        return []

    def value(self, figures):
        return figures.seconds

    def before(self, client, job):
        self.known(client, job)
        if len(job.delivered()) != self.accounts:
            raise Void(f"{client.name}: {len(job.delivered())} messages of as many accounts")
        job.empty()


def message(number):
    return b"From: ann@example.org\nMessage-ID: <%d@bench.example>\n\nhi\n" % number


def table(bench, o):
    """All rows, with the sizes that were asked for."""
    count, accounts = f"{o.messages:,}", o.accounts
    size = f"{o.large_size / 1e6:g} MB"
    removing = {"count": 100, "keep": False}
    limits = {} if not o.quick else {"target": None}

    def row(kind, key, title, target=None, **options):
        return kind(bench, key, title, limits.get("target", target), **options)

    return [
        row(Fetch, "maildir", f"{count} messages into a Maildir", Target(0.7, "mpop")),
        row(
            Fetch,
            "slow-disk",
            f"the same, each sync {o.sync_ms:g} ms longer",
            Target(2.5, below=True),
            sync_ms=o.sync_ms,
            clients=("popfetch", "mpop", "fetchmail", "getmail"),
        ),
        row(Trips, "trips-known", "nothing new, known server", Target(5)),
        row(Trips, "trips-first", "nothing new, unknown server", Target(6), first=True),
        row(Trips, "trips-delete", "100 messages, deleted there", Target(7), **removing),
        row(Trips, "trips-serial", "the same, no PIPELINING", serial=True, **removing),
        row(
            Accounts,
            "accounts",
            f"{accounts} accounts, nothing new, {o.rtt_ms:g} ms away",
            Target(0.8, below=True),
            accounts=accounts,
            rtt=o.rtt_ms / 1000,
        ),
        row(Listing, "uids", f"{o.uids:,} uids, nothing new", Target(1.15, "bare"), uids=o.uids),
        row(
            FetchLarge,
            "large",
            f"{o.large_count} messages of {size}",
            Target(1.1, "bare"),
            count=o.large_count,
            size=o.large_size,
        ),
        row(
            Memory,
            "memory",
            f"a message of {o.huge_size / (1 << 20):g} MiB: memory",
            Target(16, below=True),
            count=1,
            size=o.huge_size,
        ),
        row(ThroughMda, "mda", f"{count} messages through procmail", Target(0.6, "mpop")),
        row(
            ThroughMda,
            "mda-jobs",
            "the same, two at a time (mpop: one)",
            Target(0.6, "mpop"),
            mda_jobs=2,
            clients=("popfetch", "mpop"),
        ),
        row(Fetch, "mbox", f"{count} messages into an mbox", to=MBOX),
    ]


def mail_bytes(o):
    """Room that the server needs, generously."""
    return o.messages * 8192 * 3 + o.uids * 4096 + o.large_count * o.large_size + o.huge_size

