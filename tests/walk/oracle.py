# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What must be true, by the promises of popfetch(1), computed from what the servers had and what
has arrived, and from nothing that the program says of itself.

Nothing lost, nothing twice, nothing partial, nothing deleted too early; and where two messages look
alike to everybody, exactly what the manual says remains.
"""

import collections

from clock import Trust
from run import READ_ONLY

STATUSES = {0, 68, 69, 71, 73, 74, 75, 76, 77}
SLACK_S = 120


class Missed(AssertionError):
    """A promise that was not kept."""


class Oracle:
    def __init__(self, accounts, inboxes):
        self.accounts, self.inboxes = accounts, inboxes
        self.forms, self.mbox_forms = {}, {}
        self.letters = []
        self.taken = collections.Counter()  # by mail readers
        self.have = collections.Counter()
        self.before = self.have  # this run
        self.again = collections.Counter()  # by -a
        self.delivered = {}  # letter: true time
        self.maybe = {}  # letter: when it was retrieved, if nobody has looked since
        self.seen = {}  # item: the clock of the first run that it was listed in
        self.shown = {}  # letter: marks of the runs that may have delivered it
        self.mda_budget = 0
        self.trust = {account: Trust() for account in accounts}
        self.ids = collections.defaultdict(set)

    def learn(self, letter):
        if letter in self.letters:
            return
        self.letters.append(letter)
        for text in letter.texts():
            self.forms.setdefault(text, letter)
        for text in letter.mbox_texts():
            self.mbox_forms.setdefault(text, letter)

    def begin(self, run):
        """Before a run: what it may do more than once."""
        if run.mode == "all":
            for account in run.accounts:
                for item in account.mailbox.items:
                    self.again[item.letter] += 1

    def forgive(self, letters):
        """Each may come once more: somebody has taken the evidence away."""
        self.again.update(letters)

    def add_foreign(self, letter):
        """Another program delivers one of its own."""
        self.learn(letter)
        self.again[letter] += 1

    # What is there.

    def letter_of(self, inbox, text, where):
        known = self.mbox_forms if inbox.kind == "mbox" else self.forms
        letter = known.get(text)
        if letter is None:
            raise Missed(f"{where} in {inbox} is no message that was ever offered: {brief(text)}")
        return letter

    def take(self, inbox, rng):
        """A mail reader is at work."""
        texts = inbox.read(rng)
        for text in texts:
            self.taken[self.letter_of(inbox, text, "what the reader took")] += 1
        return len(texts)

    def look(self, is_whole):
        """Counts what has arrived; False while an mbox may end in half of a message."""
        have, is_known = collections.Counter(self.taken), True
        self.ids.clear()
        for inbox in self.inboxes:
            if inbox.kind == "mbox" and not is_whole and inbox.is_there():
                is_known = False
                continue
            for name, text in inbox.found():
                letter = self.letter_of(inbox, text, name)
                have[letter] += 1
                if inbox.kind == "mda":
                    self.ids[letter].add(name.partition(".")[0])
        if is_known:
            self.have = have
        return is_known

    # Behind a run.

    def judge(self, run):
        self._status(run)
        for trouble in run.troubles:
            trouble.judge(run)
        self._note_mda(run)
        self._note_catch_up(run)
        self._note_list(run)
        self._read_only(run)
        self._note_retrieved(run)
        self._note_seen(run)
        self.before = self.have
        is_seen = self.look(run.world.is_whole)
        if is_seen:
            for letter in self.have:
                self.delivered.setdefault(letter, self.maybe.get(letter, run.true))
            self.maybe.clear()
            self.check_nothing_lost(at_the_end=False)
            self._nothing_twice(run)
            self._nothing_in_silence(run)
        for account in self.accounts:
            for session in run.sessions(account):
                if session.quit_done:
                    self._nothing_too_early(run, account, session)
        for account in run.accounts:
            is_left_alone = run.mode == "catch-up" and not run.sessions(account)
            if run.mode in ("fetch", "all", "catch-up") and not is_left_alone:
                self.trust[account].note(run.clock, run.is_kept(account))
            account.was_fetched |= run.mode in ("fetch", "all")
            if run.mode in ("fetch", "all") and run.is_clean(account):
                for item in account.mailbox.items:
                    is_shown = not (item.breaks or item.is_stuck)
                    item.is_unlearned &= not (is_shown and run.world.turn in item.listings)
        if run.is_quiet and run.status == 0 and run.mode == "fetch" and run.is_of_all:
            self._no_litter(run)

    def _status(self, run):
        if run.is_hanging:
            raise Missed(f"the run does not end\n{run.stderr}")
        if "Sanitizer" in run.stderr or "runtime error:" in run.stderr:
            raise Missed(f"a sanitizer reports: {run.stderr[-3000:]}")
        if run.is_killed:
            return
        fit = STATUSES | ({1} if run.mode in ("check", "status") else set())
        for trouble in run.troubles:
            fit = fit | trouble.fit_statuses
            if trouble.has_fired and run.status in trouble.unfit_statuses - run.quiet_statuses():
                raise Missed(f"status {run.status} for {trouble}: {run.stderr[-600:]}")
        if run.mode == "back":
            fit = {65}
        if run.status not in fit:
            raise Missed(f"exit status {run.status}: {run.stderr[-1500:]}")
        if run.is_quiet and run.mode in ("fetch", "all") and run.status not in run.quiet_statuses():
            raise Missed(f"a run without any fault has status {run.status}: {run.stderr[-1500:]}")
        is_silent = run.must_say and not run.stderr.strip()
        if run.status > 1 and is_silent and not self._was_told(run):
            raise Missed(f"exit status {run.status} without a word")

    def _was_told(self, run):
        """Of one that was delivered and cannot be read again people hear once."""
        unreadable = [item for script in run.scripts.values() for item in script.unreadable]
        return any(self.have[item.letter] for item in unreadable)

    def _read_only(self, run):
        if run.mode not in READ_ONLY:
            return
        if run.tree_before != run.tree_after:
            changed = set(run.tree_before.items()) ^ set(run.tree_after.items())
            raise Missed(f"--{run.mode} changes files: {sorted({name for name, _ in changed})}")
        for account in self.accounts:
            for session in run.sessions(account):
                if session.deleted:
                    raise Missed(f"--{run.mode} deletes")

    def _note_retrieved(self, run):
        for account in run.accounts:
            for session in run.sessions(account):
                for item in session.retrieved:
                    if item.letter not in self.delivered:
                        self.maybe.setdefault(item.letter, run.true)
                        mark = self.trust[account].now(run.clock)
                        self.shown.setdefault((account, item.letter), []).append(mark)

    def _note_seen(self, run):
        for account in run.accounts if run.mode in ("fetch", "all") else ():
            for item in account.mailbox.items:
                if run.world.turn in item.listings:
                    self.seen.setdefault(item, run.clock)

    def _note_mda(self, run):
        """Those that a run had in hand when it was ended may come once more."""
        if run.is_disturbed:
            jobs = [a.mda_jobs for a in run.accounts if a.inbox.kind == "mda"]
            self.mda_budget += sum(jobs)

    def _note_catch_up(self, run):
        """What it listed is on record, or may be if it did not come to its end."""
        if run.mode != "catch-up":
            return
        for account in run.accounts:
            for session in run.sessions(account):
                if not session.is_listed:
                    continue
                for number, item in enumerate(session.items, 1):
                    if item.end is None and run.world.turn in item.listings:
                        is_sure = run.is_clean(account) and self.is_surely_new(account, item)
                        # the old program leaves out what is listed beyond the count of STAT
                        is_sure = is_sure and not (run.is_old and number > session.stat_count)
                        # without a header it is soon strange; and where others have begun to
                        # fetch, what is new is left alone
                        is_sure = is_sure and item.letter.fields
                        is_sure = is_sure and (run.names(account) or not account.was_fetched)
                        item.recorded = item.recorded or ("surely" if is_sure else "maybe")
                        item.is_bare |= not run.is_clean(account)  # TOP may have been refused
                        item.recorded_true = item.recorded_true or run.true
                        mark = self.trust[account].now(run.clock)
                        item.recorded_marks.append(mark)

    def _note_list(self, run):
        """What stood in the list of another program is on record, as old as it says."""
        for item, age in run.listed.items():
            item.recorded = "surely" if run.is_whole and run.status == 0 else "maybe"
            item.is_unlearned = True
            item.recorded_true = run.true - age
            item.recorded_marks.append(self.trust[run.accounts[0]].now(run.clock - age))

    def is_surely_new(self, account, item):
        """Has it not come, and is it not on its way either, and nobody else under its uid?"""
        if self.have[item.letter] or not account.world.was_settled:
            return False
        return item.uid and sum(i.uid == item.uid for i in account.mailbox.all()) == 1

    # Nothing lost.

    def check_nothing_lost(self, at_the_end, is_due=True):
        """At the end all has to be here; and what is taken for another, if it has been due."""
        needed, who = collections.Counter(), collections.defaultdict(list)
        for account in self.accounts:
            for item in account.mailbox.all():
                if item.end == "other" or (item.end is None and not at_the_end):
                    continue
                # EXPIRE 0: what was retrieved goes, though a program did not take it
                if item.end == "server" and account.inbox.kind == "mda":
                    continue
                if item.recorded or account.looks_known(item, at_the_end and is_due):
                    continue
                if item.is_poison and item.end is None:
                    continue
                needed[item.letter] += 1
                who[item.letter].append(item)
        for letter, count in needed.items():
            if self.have[letter] < count:
                items = who[letter]
                what = "was deleted and never came" if items[0].end else "does not come"
                raise Missed(f"{items[-1]} {what} ({self.have[letter]} of {count})")

    # Nothing twice.

    def _nothing_twice(self, run):
        items = collections.defaultdict(list)
        for account in self.accounts:
            for item in account.mailbox.all():
                items[item.letter].append((account, item))
        excess = collections.Counter()
        for letter, count in self.have.items():
            fit = sum(a.incarnations(i) for a, i in items[letter]) + self.again[letter]
            fit -= sum(i.recorded == "surely" for _, i in items[letter])
            fit += sum(a.may_look_new(i) for a, i in items[letter])
            if count > fit:
                excess[letter] = count - fit
        if not excess:
            return
        for letter, count in excess.items():
            if letter not in self.ids:
                raise Missed(f"{letter} came {self.have[letter]} times, {count} too many")
            single = len(items[letter]) == 1 and items[letter][0][0].tells_exact_sizes
            single = single and not run.world.has_old_program  # whose ids hang on LIST
            if single and len(items[letter][0][1].names) == 1 and len(self.ids[letter]) > 1:
                raise Missed(f"{letter} came again under another delivery id")
        budget = self.mda_budget + sum(
            letter in "RLD" for inbox in self.inboxes if inbox.kind == "mda"
            for _, letter in inbox.starts()
        )
        if sum(excess.values()) > budget:
            raise Missed(f"{dict(excess)} came again; {budget} may have")

    # Nothing left behind without a word.

    def _nothing_in_silence(self, run):
        """In a run that ends well and says nothing only what has failed before may wait, for a week
        at most; with max_messages, at the end of a world, some have come."""
        if run.status != 0 or run.stderr.strip() or run.is_killed or run.is_old:
            return
        if run.mode not in ("fetch", "all"):
            return
        for account in run.accounts:
            sessions = [s for s in run.sessions(account) if s.is_listed]
            if not sessions or account.max_size:
                continue
            listed = [i for i in sessions[-1].items if run.world.turn in i.listings]
            # one without uid that came meanwhile is nothing for a second session
            listed = [i for i in listed if i.uid or i in sessions[0].items]
            has_new = any(self.have[i.letter] > self.before[i.letter] for i in listed)
            if account.max_messages and (has_new or not run.ends_pauses):
                continue
            for item in listed:
                has_failed = item.asked not in (None, run.world.turn) or item.breaks > 0
                may_wait = has_failed and not run.ends_pauses
                if may_wait or item.recorded or self.have[item.letter]:
                    continue
                if account.looks_known(item, False) or account.hides_another(item, run.world.turn):
                    continue
                if self._is_size_open(run, account, item):
                    continue
                raise Missed(f"{item} does not come, and the run has status 0")

    def _is_size_open(self, run, account, item):
        """It has the uid of one that went, and no size was told that would differ: the sum of STAT
        is as before, or LIST is refused. Once a day all are asked for."""
        if item.listings[run.world.turn] is not None or not item.uid:
            return False
        gone = [uid for o in account.mailbox.all() if o is not item for uid, _ in o.past_names()]
        return item.uid in gone and 0 <= run.clock - self.seen[item] < 86400

    # Nothing deleted too early.

    def _nothing_too_early(self, run, account, session):
        if run.mode in (*READ_ONLY, "retry", "catch-up") and session.taken:
            raise Missed(f"--{run.mode} deletes {session.taken}")
        keep = account.keep_s
        for item in session.taken:
            if keep is None:
                raise Missed(f"{item} is deleted though keep is forever")
            items = [item, *account.twins(item)]  # its time is that of the one it is taken for
            since = [self.delivered.get(i.letter) for i in items] + [i.recorded_true for i in items]
            since = [t for t in since if t]
            if keep == 0 or not since or run.true - min(since) >= keep - SLACK_S:
                continue
            marks = []
            for one in items:
                marks += one.recorded_marks
                marks += self.shown.get((account, one.letter), [])
            trust = self.trust[account]
            if not any(trust.allows(mark, keep, run.clock) for mark in marks):
                days = (run.true - min(since)) / 86400
                raise Missed(f"{item} is deleted after {days:.2f} days, keep is {keep / 86400}")

    def _no_litter(self, run):
        if run.world.has_old_program:  # it does not say where it has staged something
            return
        left = [name for inbox in run.inboxes for name in inbox.litter()]
        if run.world.disk:
            # a power cut brings back locks, which whoever needs them breaks; and the empty file of
            # a test whether the Maildir works, while it takes the new database whose id names it
            left = [n for n in left if "lock" not in n and not n.endswith("/probe")]
        left += run.state_litter()
        if left:
            raise Missed(f"left behind: {left[:5]}")


def brief(text):
    shown = text if len(text) < 400 else text[:250] + b" ... " + text[-120:]
    return f"{shown!r} ({len(text)} bytes)"
