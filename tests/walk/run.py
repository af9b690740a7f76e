# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""One run of the program, under the shim, and what is known of it."""

import ctypes
import errno
import hashlib
import os
import select
import signal
import subprocess
import threading
import time

from server import Script

RUN_SECONDS = 60
READ_ONLY = ("dry", "check", "status", "back")
KINDS = {"open": 1, "write": 2, "sync": 4, "rename": 8, "unlink": 16, "link": 32, "cut": 64}
KINDS.update({"mkdir": 128, "any": 255})
HOWS = {"fails once": 0, "fails from then on": 1, "kill": 2, "kill behind": 3, "done, but fails": 4}
HOWS.update({"half is written": 5, "half is written, then kill": 6})
KEPT_ENVIRONMENT = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LD_LIBRARY_PATH")
PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Programs that outlive the run that started them become children of this process."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Fault:
    """What the shim does: to the nth call of a kind."""

    def __init__(self, kind, nth, how, error="EIO"):
        self.kind, self.nth, self.how, self.error = kind, nth, how, error

    def text(self):
        return f"{KINDS[self.kind]}:{self.nth}:{HOWS[self.how]}:{getattr(errno, self.error)}"

    @property
    def kills(self):
        return "kill" in self.how

    def __repr__(self):
        return f"call {self.nth} of kind {self.kind}: {self.how}" + (
            "" if self.kills or "half" in self.how else f" with {self.error}"
        )


class Run:
    def __init__(self, world, mode="fetch", arguments=(), accounts=None, program=None):
        self.world, self.mode, self.arguments = world, mode, list(arguments)
        self.accounts = accounts or world.accounts
        self.program = program or world.program
        self.scripts, self._words = {}, {}
        self.fault, self.flush = None, None
        self.clock, self.true = world.true + world.skew, world.true
        self.is_killed = self.is_hanging = self.is_cut = False
        self.troubles = [a.trouble for a in world.accounts if a.trouble]
        # of a trouble people hear when it begins, and then once a day
        has_begun = any(t.has_fired or t.has_begun for t in self.troubles)
        self.must_say = world.says_errors and not world.has_failed and not has_begun
        self.tree_before = self.tree_after = None
        self.inboxes = {a.inbox for a in world.accounts}
        self.has_begun = threading.Event()
        self.hits = ""
        self.is_mda_planned = False
        self.ends_pauses = False  # the one before was more than a week ago
        self.listed = {}  # what the list of another program has, and how old it is

    @property
    def faults(self):
        """In words, of each account's server."""
        return {a: self._words[a] if a in self._words else repr(s) for a, s in self.scripts.items()}

    def __repr__(self):
        words = [os.path.basename(os.path.dirname(self.program)) + "/popfetch", *self.arguments]
        faults = [f"{a.name}: {s}" for a, s in self.faults.items() if s]
        faults += [repr(self.fault)] if self.fault else []
        faults += [f"a commit of the file system before call {self.flush}"] if self.flush else []
        return " ".join(words) + (f"  [{'; '.join(faults)}]" if faults else "")

    # What the oracle asks.

    def sessions(self, account):
        return account.server.sessions if account in self.accounts else []

    @property
    def is_disturbed(self):
        """By the walk, here or on the server."""
        is_troubled = any(t.has_fired for t in self.troubles)
        is_troubled = is_troubled or self.is_killed or self.hits or self.is_mda_planned
        return bool(is_troubled or any(self.faults.values()))

    @property
    def is_old(self):
        return self.program == self.world.tools.old

    @property
    def is_of_all(self):
        return len(self.accounts) == len(self.world.accounts)

    @property
    def is_quiet(self):
        return not (self.is_disturbed or self.is_cut)

    @property
    def is_whole(self):
        """It has ended by itself, and no call has failed."""
        return not self.is_killed and not self.hits

    def is_clean(self, account):
        if account.trouble and account.trouble.has_fired:
            return False
        return self.is_whole and self.status == 0 and not self.faults.get(account)

    def is_kept(self, account):
        """Is all of it on record, also what may go in a power cut?"""
        return self.is_clean(account) and not self.is_cut

    def names(self, account):
        return account.name in self.arguments

    def quiet_statuses(self):
        fit = {0}
        if self.world.disk and any(inbox.is_locked() for inbox in self.world.inboxes):
            fit.add(75)  # by whom, a power cut has taken from the lock
        if any(a.was_refused for a in self.accounts):
            fit.add(77)
        if any(a.is_impatient for a in self.accounts):
            fit.add(75)  # on a machine that is busy
        if any(t.has_begun for t in self.troubles):
            fit.add(75)  # in a pause
        if any("LOGIN-DELAY" in word for a in self.accounts for word in a.style["capa"] or ()):
            fit.add(75)  # there is no second session
        if any(a.style["uid"] in ("none", "gaps") for a in self.accounts):
            fit.add(75)  # nor for a message without uid
        return fit

    # Running.

    def go(self):
        world = self.world
        self._words = self.faults  # a script forgets what has happened
        read_only = self.mode in READ_ONLY
        for account in world.accounts:
            account.mailbox.turn = world.turn
            script = self.scripts.setdefault(account, Script())
            account.server.begin(script, self._kill)
        if read_only:
            self.tree_before = tree(world.root)
        for trouble in self.troubles:
            trouble.begin()
        self._execute()
        for account in world.accounts:
            account.server.settle()
        for trouble in self.troubles:
            trouble.end()
            self.is_killed |= trouble.has_killed
        if read_only:
            self.tree_after = tree(world.root)
        return self

    def _kill(self, how):
        """Called by a server, while the program waits for its answer."""
        self.has_begun.wait()
        try:
            if how == "term":
                os.kill(self.process.pid, signal.SIGTERM)
                return
            self.is_killed = True
            if how == "kill":
                os.killpg(self.process.pid, signal.SIGKILL)
                return
            for pid in self._one_of_them(how):
                os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def _one_of_them(self, how):
        """The parent; the keepers, which it starts; or their couriers."""
        if how == "kill parent":
            return [self.process.pid]
        keepers = children(self.process.pid)
        return keepers if how == "kill keeper" else [c for k in keepers for c in children(k)[:1]]

    def _environment(self):
        kept = {k: os.environ[k] for k in KEPT_ENVIRONMENT if k in os.environ}
        kept["ASAN_OPTIONS"] = kept.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        start = f"{int(self.clock)}:{time.monotonic_ns()}"
        kept.update(
            HOME=self.world.directory, TZ="UTC", LD_PRELOAD=self.world.tools.shim, WALK_CLOCK=start
        )
        kept["WALK_HIT"] = self._file("hit")
        if self.fault:
            kept["WALK_FAULT"] = self.fault.text()
        if self.flush:
            kept["WALK_FLUSH"] = f"{self.flush}:{self.world.root}/flushed"
        if self.world.speed > 1:
            kept["WALK_SPEED"] = str(self.world.speed)
        if self.world.rename_error:
            kept["WALK_RENAME"] = str(self.world.rename_error)
        return kept

    def _file(self, name):
        return os.path.join(self.world.directory, name)

    def _execute(self):
        try:
            os.unlink(self._file("hit"))
        except FileNotFoundError:
            pass
        with open(self._file("out"), "w+b") as out, open(self._file("err"), "w+b") as err:
            self.process = subprocess.Popen(
                [self.program, "-c", self.world.configuration, *self.arguments],
                env=self._environment(),
                cwd=self.world.directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            self.has_begun.set()
            if not has_ended(self.process, RUN_SECONDS):
                self.is_hanging = True
                os.killpg(self.process.pid, signal.SIGKILL)
            self.status = self.process.wait()
            reap()
            self.stdout, self.stderr = text_of(out), text_of(err)
        if os.path.exists(self._file("hit")):
            with open(self._file("hit")) as f:
                self.hits = f.read().replace("flush - -\n", "")
        if "kill" in self.hits:
            self.is_killed = True

    def state_litter(self):
        fit = (".db", ".db-wal", ".lock")
        return [n for n in os.listdir(self.world.state) if not n.endswith(fit)]


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def has_ended(process, seconds):
    """Waits so long at most, and not in the growing steps of Popen.wait."""
    fd = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(fd)


def text_of(file):
    file.seek(0)
    return file.read().decode("latin-1")


def reap():
    """Waits for what the run left behind, such as an MDA that hangs for a moment."""
    end = time.monotonic() + 10
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            if time.monotonic() > end:
                return
            time.sleep(0.003)


def tree(root):
    """Every file below and its content."""
    found = {}
    for place, directories, files in os.walk(root):
        for name in directories:
            found[os.path.join(place, name)] = None
        for name in set(files) - {"special"}:  # which new mail changes, see Mda
            path = os.path.join(place, name)
            with open(path, "rb") as f:
                found[path] = hashlib.sha1(f.read()).hexdigest()
    return found
