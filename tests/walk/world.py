# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A world: one account or two on servers of their own, and a random walk through what can happen to
them. All is decided by the seed."""

import errno
import os
import random
import shutil
import sqlite3

import event
from account import DAY_S, Account
from inbox import Maildir, Mbox, Mda, listed, move, sync_directory
from letter import Writer
from mailbox import random_style
from oracle import Missed, Oracle
from run import Run
from troubles import random_trouble

BEGIN = 1811808000  # in 2027
FINAL_RUNS = 9
RENAME_ERRORS = (errno.EPERM, errno.ENOSYS, errno.EINVAL)


class World:
    def __init__(self, seed, tools):
        self.seed, self.tools = seed, tools
        self.rng = rng = random.Random(seed)
        self.history = []
        self.directory = os.path.join(tools.directory, f"world-{seed}")
        self.has_power_cuts = rng.random() < tools.power_share
        self.turn, self.true, self.skew = 0, BEGIN + rng.randint(0, 10**6), 0
        self.has_old_program = rng.random() < 0.3 and bool(tools.old)
        self.program = tools.old if self.has_old_program else tools.program
        self.says_errors = rng.random() < 0.3
        self.rename_error = rng.choice(RENAME_ERRORS) if rng.random() < 0.01 else 0
        # Nothing is in doubt: recovery has come behind each crash.
        self.is_settled = self.was_settled = True
        self.is_whole = True  # no mbox ends in a half of a message
        self.poison = {}  # item: what RETR of it gives, always
        self.has_failed, self.cuts = False, 0  # since the last success
        self.is_slow = rng.random() < 0.05  # a run a month
        self.trouble_rng = random.Random(f"{seed} trouble")
        self.is_troubled = self.trouble_rng.random() < tools.trouble_share
        self.is_calm = False  # nothing happens besides
        self.was_killed = False  # the last run
        self.is_due = True  # all that is not kept for ever, at the end of the world
        self.speed = 1  # of the clock for time-outs
        if self.is_troubled:
            self.is_calm = self.trouble_rng.random() < 0.3
            self.has_old_program = self.is_slow = False
            self.has_power_cuts &= not self.is_calm
            self.program = tools.program
        self.disk = tools.disk if self.has_power_cuts else None

    def _make(self):
        rng = self.rng
        os.mkdir(self.directory)
        self.root = self.disk.begin() if self.disk else os.path.join(self.directory, "root")
        os.makedirs(self.root, exist_ok=True)
        self.configuration = os.path.join(self.directory, "conf")
        self.state = os.path.join(self.root, "state")
        self.writer = Writer(rng, self.seed)
        self.inboxes = [
            Maildir(os.path.join(self.root, "Maildir")),
            Maildir(os.path.join(self.root, "Maildir2")),
            Mbox(os.path.join(self.root, "mbox")),
            Mda(os.path.join(self.root, "mda"), self.tools.mda),
        ]
        for inbox in self.inboxes:
            inbox.make()
        sync_directory(self.root)
        count = 2 if rng.random() < 0.2 else 1
        self.accounts = []
        for name in "ab"[:count]:
            style, inbox = random_style(rng), self._random_inbox()
            if self.has_old_program and style["size"] == "estimated":
                style["size"] = "exact"  # it records no other, and takes what it compares for new
            self.accounts.append(Account(name, self, style, inbox))
        if self.is_troubled:
            account = self.accounts[0]
            trouble = random_trouble(self.trouble_rng, account, self.tools.trouble)
            account.get_trouble(trouble)
            self.speed = trouble.speed
        self.oracle = Oracle(self.accounts, self.inboxes)
        for account in self.accounts:
            self.say(repr(account))
        if self.is_calm:
            self.say("nothing happens but the trouble")

    def _random_inbox(self):
        return self.rng.choices(self.inboxes, (50, 6, 26, 18))[0]

    def say(self, text):
        self.history.append(text)

    # The walk.

    def walk(self):
        """None, or what was missed."""
        try:
            self._make()
            for _ in range(self.rng.choice((3, 4, 5, 6, 7, 8, 14))):
                event.step(self)
            self._end()
            return None
        except Missed as missed:
            if self.program == self.tools.old:  # that is known of it
                self.say(f"the old program misses: {missed}")
                return None
            return str(missed)
        finally:
            for account in getattr(self, "accounts", []):
                account.server.stop()

    def remove(self):
        if self.disk:
            self.disk.end()
        shutil.rmtree(self.directory, ignore_errors=True)

    # Parts of a step.

    def pass_time(self, seconds):
        self.true += seconds
        for inbox in self.inboxes:
            inbox.grow_older(seconds)

    def mail_arrives(self, account, count):
        items = account.mailbox.letters(count)
        for item in items:
            self.oracle.learn(item.letter)
        if items:
            shown = ", ".join(map(repr, items[:12])) + (", ..." if len(items) > 12 else "")
            self.say(f"  {account.name} gets {len(items)}: {shown}")
            if account.trouble:
                account.trouble.see(items)

    def write_configuration(self):
        self.says = "1 failures" if self.says_errors else "3 failures"
        lines = [f"state_dir = '{self.state}'", f'notice_after = "{self.says}"']
        text = "\n".join([*lines, *(a.text() for a in self.accounts)]) + "\n"
        old = None
        if os.path.exists(self.configuration):
            with open(self.configuration) as f:
                old = f.read()
        if text != old:
            with open(os.open(self.configuration, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
                f.truncate()
                f.write(text)

    def move_state(self):
        if os.path.isdir(self.state):
            old, self.state = self.state, os.path.join(self.root, f"state{self.turn}")
            move(old, self.state)
            self.say("  the state directory is moved")

    def run(self, run):
        """Runs it, and looks whether all is as it must be."""
        self.write_configuration()
        before = len(self.history)
        self.say(f"run {self.turn}: {run}")
        self.oracle.begin(run)
        run.go()
        self.history[before] += f"  status {run.status}" + (" (killed)" if run.is_killed else "")
        if any(t.has_fired for t in run.troubles):
            self.history[before] += " (trouble)"
        if run.hits:
            self.say("  the shim: " + run.hits.strip().replace(self.root, "").replace("\n", "; "))
        for line in run.stderr.strip().splitlines()[:4]:
            self.say(f"  says: {line[:300]}")
        for account in run.accounts:
            for session in account.server.sessions:
                self.say(f"  server {account.name}: {brief(session)}")
        if self.disk and run.is_cut:
            self.say("  the power is cut: " + self.disk.cut(self.rng))
            self.cuts += 1
            for inbox in self.inboxes:
                inbox.forget()
        self.was_killed = run.is_killed
        self.was_settled = self.is_settled
        self._note_settled(run)
        if run.status != 0:
            self.has_failed = True
        elif run.mode in ("fetch", "all") and all(run.sessions(a) for a in self.accounts):
            self.has_failed = False
        self.oracle.judge(run)
        for account in run.accounts:
            complete = any(s.is_listed and s.is_complete for s in run.sessions(account))
            if run.mode in ("fetch", "all") and run.is_kept(account) and complete:
                account.full_listings.append(self.turn)
        if not run.is_killed or self.rng.random() < 0.3:
            self._check_databases()
        self.turn += 1
        self.true += 2

    def _note_settled(self, run):
        if not run.is_whole or run.is_cut:
            self.is_settled = False
            self.is_whole = self.is_whole and run.is_whole
        elif run.mode in ("fetch", "all") and all(run.sessions(a) for a in self.accounts):
            self.is_settled = self.is_whole = True

    def _databases(self):
        return [os.path.join(self.state, n) for n in listed(self.state) if n.endswith(".db")]

    def _check_databases(self):
        for path in self._databases():
            sound = ask(path, os.path.join(self.directory, "copy.db"), "integrity_check")
            if sound != [("ok",)]:
                raise Missed(f"{os.path.basename(path)} is not sound: {sound}")

    def states_are_newer(self):
        """Than the old program knows, all of them?"""
        copy, old = os.path.join(self.directory, "copy.db"), self.tools.old_schema
        found = [ask(path, copy, "user_version") for path in self._databases()]
        if old is None or self.disk or len(found) < len(self.accounts) or not self.is_settled:
            return False
        return all(isinstance(rows, list) and rows[0][0] > old for rows in found)

    # The end: quiet runs, with all pauses over, until nothing is left to do.

    def _end(self):
        self.say("the end: all is quiet")
        self.skew = 0
        self.program = self.tools.program
        for account in self.accounts:
            event.end_spell(self, account)
            account.be_quiet()
            account.server.settle()
        for inbox in self.inboxes:
            if inbox.kind == "mda":
                inbox.plan("")
        self.is_due = not self.is_troubled
        self._run_until_finished()
        if self.is_troubled:
            self._wait_for_keep()
        if not self._may_fail():
            self._run_once_more()

    def _run_until_finished(self):
        trouble = self.accounts[0].trouble
        count = trouble.final_runs if trouble else FINAL_RUNS
        for n in range(count):
            seconds = self.rng.choice((31, 35)) * DAY_S if self.is_slow else 8 * DAY_S
            why = self._quiet_run(trouble.steps[n % len(trouble.steps)] if trouble else seconds)
            if why is None:
                return
        raise Missed(f"after {count} quiet runs: {why}")

    def _quiet_run(self, seconds):
        """What is left to do behind it, or None."""
        self.pass_time(seconds)
        is_named = any(a.trouble and a.trouble.is_named for a in self.accounts)
        run = Run(self, arguments=[a.name for a in self.accounts] if is_named else ())
        # that of a message at which a run was killed begins in the next one
        run.ends_pauses = seconds >= 8 * DAY_S and not self.was_killed
        for account in self.accounts:
            run.scripts[account] = event.poisoned(self, account)
        self.run(run)
        for account in self.accounts:
            account.was_refused = False
        return self._unfinished(run)

    def _wait_for_keep(self):
        """Until all that is not kept for ever is due, and then until it is deleted."""
        longest = max(a.keep_s or 0 for a in self.accounts)
        if all(a.keep_s is None for a in self.accounts):
            return
        end = self.true + longest + 11 * DAY_S
        while self.true < end:
            self._quiet_run(DAY_S)
            self._quiet_run(8 * DAY_S)
        self.is_due = True
        self._run_until_finished()

    def _may_fail(self):
        """For ever, at messages that nobody can get."""
        troubles = [a.trouble for a in self.accounts if a.trouble]
        return bool(self.poison) or any(t.is_lasting for t in troubles)

    def _run_once_more(self):
        if self.is_troubled:  # what came, and was then refused, may wait in a pause
            self._quiet_run(8 * DAY_S)
        have = self.oracle.have
        self.pass_time(3600)
        is_stable = all(a.style["uid"] != "positions" for a in self.accounts)
        items = [(a, i) for a in self.accounts for i in a.mailbox.items]
        is_stable &= not any(a.may_look_new(i) for a, i in items)
        # what may be taken for another for a while may also be found out
        is_stable &= all(have[i.letter] or not a.looks_known(i, True) for a, i in items)
        self.run(Run(self))
        if self.oracle.have != have and is_stable:
            raise Missed("a quiet run with nothing to do delivers")

    def _unfinished(self, run):
        if run.status != 0 and not self._may_fail():
            return f"status {run.status}: {run.stderr[-600:]}"
        try:
            self.oracle.check_nothing_lost(True, self.is_due)
        except Missed as missed:
            return str(missed)
        for account in self.accounts:
            due = account.overdue(self.oracle, self.true)
            if due:
                return f"{due[:3]} of {account.name} should be deleted by now"
        return None


def ask(path, copy, pragma):
    """What a copy of a database says, or the error; it may need its log."""
    for end in ("", "-wal"):
        if os.path.exists(copy + end):
            os.unlink(copy + end)
        if os.path.exists(path + end):
            shutil.copyfile(path + end, copy + end)
    connection = sqlite3.connect(copy)
    try:
        return connection.execute(f"pragma {pragma}").fetchall()
    except sqlite3.Error as error:
        return str(error)
    finally:
        connection.close()


def brief(session):
    """The commands, with numbers taken together."""
    shown, last = [], None
    for line in session.lines:
        verb = line.split(" ")[0]
        if verb == last and verb in ("RETR", "TOP", "DELE", "LIST"):
            shown[-1] += "," + line.split(" ")[1] if " " in line else ""
        else:
            shown.append(line)
        last = verb
    end = "" if session.quit_done else " -"
    return ("; ".join(shown))[:900] + end
