# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The server of a comparison: a real Dovecot, its mailboxes in memory if there is room."""

import base64
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import dovecot

TESTS = Path(__file__).resolve().parent.parent
MEMORY = "/dev/shm"


def place_for_mail(needed):
    """A directory with that many bytes to spare: in memory, else wherever temporary files go."""
    for directory in (MEMORY, tempfile.gettempdir()):
        if os.access(directory, os.W_OK) and shutil.disk_usage(directory).free > needed * 5 // 4:
            return directory
    raise RuntimeError(f"no room for {needed} bytes of mail; ask for less")


class Server(dovecot.Dovecot):
    """users: how many; user(n) is one, whose mailbox is filled by fill()."""

    steady = True

    def __init__(self, certificates, place):
        super().__init__(certificates)
        self.place, self.written = place, 0

    def start(self):
        before, tempfile.tempdir = tempfile.tempdir, self.place
        try:
            super().start()
        finally:
            tempfile.tempdir = before

    def fill(self, user, messages):
        """Puts messages there, under names that no message had before."""
        inbox = Path(user.home, "Maildir")
        if not inbox.exists():
            for part in ("new", "cur", "tmp"):
                (inbox / part).mkdir(parents=True)
            self.give(user.home)
        for message in messages:
            self.written += 1
            path = inbox / "new" / f"{1700000000 + self.written}.M{self.written:07d}.bench"
            if isinstance(message, Large):
                message.write(path)
            else:
                path.write_bytes(message)
            self.give(path)


# --- messages ---


def corpus(directory):
    """Real messages: those that tests/fetch-corpus fetches."""
    directory = Path(os.environ.get("CORPUS") or directory)
    subprocess.run([str(TESTS / "fetch-corpus"), str(directory)], check=True)
    return [path.read_bytes() for path in sorted(directory.glob("*.eml"))]


def repeated(messages, count):
    """So many of them, in turn, each with a Message-ID of its own."""
    found = []
    for number in range(count):
        head, blank, body = messages[number % len(messages)].partition(b"\n\n")
        head = re.sub(rb"(?im)^message-id:[^\n]*(\n[ \t][^\n]*)*", b"", head)
        head = re.sub(rb"\n\n+", b"\n", head).strip(b"\n")
        found.append(head + f"\nMessage-ID: <{number}@bench.example>".encode() + blank + body)
    return found


def made(count, size=3400):
    """For a try without the real ones."""
    line = b"The quick brown fox jumps over the lazy dog, again and again and again.\n"
    return repeated([b"From: ann@example.org\nSubject: fox\n\n" + line * (size // 73)], count)


def tiny(count):
    return [b"From: a@b.c\nMessage-ID: <%d@bench.example>\n\nhi\n" % n for n in range(count)]


class Large:
    """A message of some size, base64 as large ones are."""

    def __init__(self, size, number=0):
        self.size, self.number = size, number

    def write(self, path):
        lines = base64.encodebytes(bytes(range(57)) * 1024)
        with open(path, "wb") as f:
            f.write(b"From: a@b.c\nMessage-ID: <%d@large.example>\n\n" % self.number)
            while f.tell() < self.size:
                f.write(lines[: self.size - f.tell()])
            f.write(b"\n")


def large(count, size):
    return [Large(size, number) for number in range(count)]
