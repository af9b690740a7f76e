# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Where the scenes of make_states.py are played: a home, its server, and what there is to tell.

    stage = Stage(binary, directory, library)
    stage.serve(uidl=False); stage.account(maildir="~/Maildir", keep="no")
    one = stage.mail("one", stays=False)           one message more, and what will become of it
    stage.run(); stage.later(DAY)
    stage.killed(before=("renameat2", "Maildir/*", 2))
    stage.take(one)
    stage.story()
"""

import datetime
import fnmatch
import re
import shutil

from popmail import local, mail
from states import HOUR, Home

NOON = int(datetime.datetime(2030, 3, 1, 12, tzinfo=datetime.timezone.utc).timestamp())


class Stage:
    def __init__(self, binary, directory, library):
        (directory / "run").mkdir(parents=True)
        self.home = Home(binary, directory / "run", library, NOON)
        self.home.environment["MOMENT_HOST"] = "home"
        self.path = self.home.home
        self.number, self.messages, self.saved = [0], [], directory / "saved"

    def serve(self, **options):
        self.server = dict(pipelining=True, **options)
        self.pop = self.home.serve(**self.server)

    def account(self, **options):
        self.home.accounts.clear()
        self.home.account(**options)
        self.home._prepare()

    # The server's side.

    def mail(self, subject, body="Hello.\n", uid=None, copies=1, stays=True, waits=None):
        """One message more on the server, and in the story."""
        message = self.pop.add(mail(subject, body, number=self.number), uid)
        message.story = dict(copies=copies, stays=stays, waits=waits)
        self.messages.append(message)
        return message

    def remove(self, message):
        """Another program does, on the server."""
        self.pop.mailbox.messages.remove(message)

    # The destination's.

    def take(self, message):
        """A mail reader takes it out of the Maildir."""
        text = local(message.wire)
        [file] = [file for file in self.home.maildir_files() if file.read_bytes() == text]
        file.unlink()
        message.story["copies"] -= 1

    def clean(self):
        """Somebody empties tmp/."""
        shutil.rmtree(self.path / "Maildir/tmp/.popfetch")

    # Time, and what happens.

    def at(self, seconds):
        """Before (or behind) the noon at which most scenes end."""
        self.home.now = NOON + seconds

    def later(self, seconds):
        self.home.now += seconds

    def run(self, *arguments, status=0):
        result = self.home(*arguments)
        assert status in (None, result.status), result
        return result

    def number_of(self, arguments, name, pattern, nth=1):
        """Which one is the nth call of this name on such a path, in the coming run?"""
        with Rehearsal(self):
            calls = self.home.calls(*arguments)
        found = [
            call.number
            for call in calls
            if call.name == name
            and fnmatch.fnmatch(re.sub(r".*(/run|/cwd)/home/", "", call.path), pattern)
            and not call.path.endswith("/probe")
        ]
        return found[nth - 1]

    def killed(self, *arguments, before):
        """A run that dies before this call: before=("renameat2", "Maildir/*", 2)."""
        self.home.die(self.number_of(arguments, *before), *arguments)

    # What there is to tell.

    def story(self):
        return dict(
            now=self.home.now,
            server=self.server,
            keeps=self.home.accounts["work"]["keep"] != "no",
            messages=[self._told(message) for message in self.messages],
            status=self._status(),
        )

    def _told(self, message):
        return dict(
            uid=message.uid.decode("latin-1"),
            wire=message.wire.decode("latin-1"),
            served=message in self.pop.mailbox.messages,
            **message.story,
        )

    def _status(self):
        """What --status says in an hour, under its headings."""
        with Rehearsal(self):
            self.later(HOUR)
            lines = self.run("--status", status=None).stdout.splitlines()
            self.later(-HOUR)
        heads, shown = (re.split("  +", line) for line in lines[:2])
        return {**dict(zip(heads, shown)), "LAST ERROR": "".join(lines[2:]).strip() or "-"}


class Rehearsal:
    """What happens within has not happened afterwards."""

    def __init__(self, stage):
        self.stage = stage

    def __enter__(self):
        shutil.copytree(self.stage.path, self.stage.saved, symlinks=True)
        self.mailbox = list(self.stage.pop.mailbox.messages)

    def __exit__(self, *_):
        shutil.rmtree(self.stage.path)
        self.stage.saved.rename(self.stage.path)
        self.stage.pop.mailbox.messages[:] = self.mailbox
