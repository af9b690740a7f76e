# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""One account, three messages, one destination: set up afresh for every fault, and judged after it.

    scene = Scene(binary, directory, pop, "mbox", keep="no")
    scene.fresh()                           an empty home, all messages on the server
    scene.popfetch(...)                     the run that meets the fault
    scene.check_nothing_wrong(result)       what must hold after any fault
    scene.finish()                          one clean run; then all is as if nothing had happened
"""

import collections
import os
import shutil
import sqlite3

from popmail import local, mail
from runner import Popfetch, read_mbox

DESTINATIONS = ("maildir", "mbox", "mda")


def three_messages():
    """Small enough to be cut at each byte; one has what mbox and POP3 quote."""
    return [
        mail("one", "Hello.\n"),
        mail("two", "\nFrom me to you\n.\n..dots\n>From above\n\nFrom below\n"),
        mail("three", "a line of some length and more\n" * 9),
    ]


class Scene:
    runner = Popfetch

    def __init__(
        self, binary, directory, line, destination, keep="no", wires=None, pop=None, **options
    ):
        """line: where popfetch connects to; pop: the server behind it."""
        directory.mkdir(exist_ok=True)
        self.pop, self.destination, self.keep = pop or line, destination, keep
        self.wires = wires or three_messages()
        self.popfetch = self.runner(binary, directory)
        self.home = self.popfetch.home
        self.template = directory / "template"
        self.taken = []  # what a mail reader took away
        to = {"maildir": "~/Maildir", "mbox": "~/mbox", "mda": self._saver()}
        to = {destination: to[destination]}
        self.popfetch.account(server=line, keep=keep, **to, **options)

    def _saver(self):
        """An MDA that records what it gets; its files' names begin with the delivery id. Like any
        good one it shows nothing half: it may be ended in the middle."""
        return self.popfetch.script(
            'cat > "$HOME/coming.$$" &&\n'
            'exec mv "$HOME/coming.$$" "$HOME/delivered/$POPFETCH_DELIVERY_ID.$$"'
        )

    # Before a fault.

    def fresh(self):
        self.pop.settle()  # no QUIT of the last run may delete what is new
        for name in ("Maildir", "delivered", ".local"):
            shutil.rmtree(self.home / name, ignore_errors=True)
        (self.home / "mbox").unlink(missing_ok=True)
        for path in self.home.glob("*[.-]lock*"):
            path.unlink()
        (self.home / "delivered").mkdir()
        self.taken = []
        self.fill(self.wires)
        self.pop.forgive()

    def fill(self, wires):
        self.pop.mailbox.messages.clear()
        self.pop.mailbox.made = 0
        for wire in wires:
            self.pop.add(wire)

    def remember(self):
        """Keeps all that is there, for again(); but no lock of the dead: if it cannot be broken
        it is waited for."""
        (self.home / "mbox.lock").unlink(missing_ok=True)
        shutil.rmtree(self.template, ignore_errors=True)
        shutil.copytree(self.home, self.template, symlinks=True)
        self.remembered = list(self.pop.mailbox.messages)

    def again(self):
        """As it was at remember()."""
        self.pop.settle()
        for name in ("Maildir", "delivered", ".local", "mbox"):
            here, there = self.home / name, self.template / name
            if here.is_dir():
                shutil.rmtree(here)
            elif here.exists():
                here.unlink()
            if there.is_dir():
                shutil.copytree(there, here, symlinks=True)
            elif there.exists():
                shutil.copy2(there, here)
        for path in self.home.glob("*[.-]lock*"):
            path.unlink()
        self.taken = []
        self.pop.mailbox.messages[:] = self.remembered
        self.pop.forgive()

    # A mail reader between two runs.

    def read_some(self):
        """It moves the first new message to cur, and takes the second away."""
        new = self.home / "Maildir/new"
        files = sorted(new.iterdir()) if new.is_dir() else []
        for file in files[:1]:
            file.rename(self.home / "Maildir/cur" / (file.name + ":2,S"))
        for file in files[1:2]:
            self.taken.append(file.read_bytes())
            file.unlink()

    # Afterwards.

    def state_is_made(self, call):
        """Whether the call is of the making of the state or the destination: nothing is there yet
        when it fails."""
        return "/state" in call.path or call.path.rsplit("/", 1)[-1] in ("home", "Maildir", "tmp")

    def delivered(self):
        """Every message that anybody can see. An mbox is read strictly."""
        if self.destination == "maildir":
            return self.popfetch.maildir()
        if self.destination == "mbox":
            return self.popfetch.mbox()
        return self.popfetch.saved()

    def check_nothing_wrong(self, result, torn_mbox=False):
        """No partial message is visible, none is there twice, and what is not delivered is still on
        the server."""
        if torn_mbox and self.destination == "mbox":
            seen = self._whole_beginning()
        else:
            seen = self.delivered()
        want = collections.Counter(local(wire) for wire in self.wires)
        have = collections.Counter(seen + self.taken)
        strange = [message for message in have if message not in want]
        assert not strange, f"not one of the messages: {strange[:2]}\n{result}"
        twice = sum((have - want).values())
        assert twice == 0, f"{twice} twice\n{result}"
        left = collections.Counter(local(wire) for wire in self.pop.wires())
        lost = want - have - left
        assert not lost or (torn_mbox and self.destination == "mbox"), f"lost: {lost}\n{result}"

    def _whole_beginning(self):
        """Of an mbox whose last piece may be torn: the messages before it."""
        path = self.home / "mbox"
        content = path.read_bytes() if path.exists() else b""
        want = {local(wire) for wire in self.wires}
        while content:
            try:
                found = [message for _, message in read_mbox(content)]
                if all(message in want for message in found):
                    return found
            except AssertionError:
                pass
            at = content.rfind(b"\n\nFrom ", 0, len(content) - 1)
            content = content[: at + 2] if at >= 0 else b""
        return []

    def check_error(self, result, statuses):
        """One clear line that names the account, and one of these statuses."""
        assert result.status in statuses, result
        lines = result.errors
        if result.status == 0:
            assert not lines, result
        else:
            assert len(lines) == 1, result
            assert lines[0].startswith("popfetch: work: ") and len(lines[0]) > 30, result

    def finish(self, *arguments, doubtful=0):
        """A clean run completes everything; doubtful: so many an MDA may have got twice."""
        result = self.popfetch("work", *arguments)
        assert result.status == 0 and not result.errors, result
        want = collections.Counter(local(wire) for wire in self.wires)
        have = collections.Counter(self.delivered() + self.taken)
        missing, extra = want - have, have - want
        allowed = doubtful if self.destination == "mda" else 0
        assert not missing, f"{sum(missing.values())} missing\n{result}"
        assert sum(extra.values()) <= allowed, f"{sum(extra.values())} too many\n{result}"
        assert len(self.pop.left()) == (0 if self.keep == "no" else len(self.wires))
        self.check_tidy(result)
        return result

    def check_tidy(self, result):
        """Nothing of ours lies about, and the state is sound and has nothing in doubt."""
        assert not self.popfetch.staged(), result
        assert not (self.home / "mbox.lock").exists(), result
        names = {path.name for path in self.popfetch.state_dir.iterdir()}
        strange = {name for name in names if not name.endswith((".db", ".db-wal", ".lock"))}
        assert not strange, f"{strange}\n{result}"
        copy = self.popfetch.directory / "copy.db"  # SQLite would tidy up the original
        for suffix in ("", "-wal"):
            original = self.popfetch.databases()[0].as_posix() + suffix
            (copy.parent / (copy.name + suffix)).unlink(missing_ok=True)
            if os.path.exists(original):
                shutil.copy(original, copy.as_posix() + suffix)
        connection = sqlite3.connect(copy)
        try:
            assert connection.execute("pragma integrity_check").fetchone() == ("ok",), result
            assert connection.execute("select count(*) from intent").fetchone() == (0,), result
            doubtful = "select count(*) from message where status <> 2"
            assert connection.execute(doubtful).fetchone() == (0,), result
        finally:
            connection.close()
