# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Messages as the tests make them, and the mailbox that a server of ours serves."""

import hashlib
from datetime import datetime, timezone
from email.utils import format_datetime


def mail(subject="hello", body="Hello.\n", sender="ann@example.org", number=[0], **fields):
    """A message as it travels: CRLF line ends, a Message-ID of its own."""
    number[0] += 1
    head = {
        "From": sender,
        "To": "jane@example.org",
        "Subject": subject,
        "Date": format_datetime(datetime(2026, 3, 1, 12, 0, number[0] % 60, tzinfo=timezone.utc)),
        "Message-ID": f"<{number[0]:06d}.{hashlib.md5(subject.encode()).hexdigest()[:12]}@example.org>",
    }
    head.update({name.replace("_", "-"): value for name, value in fields.items()})
    text = (
        "".join(f"{name}: {value}\n" for name, value in head.items() if value is not None)
        + "\n"
        + body
    )
    return text.encode("utf-8", "surrogateescape").replace(b"\n", b"\r\n")


def local(wire):
    """The same message as it is on disk: LF line ends, a last one if it had none (POP3 cannot do
    without), nothing else changed."""
    return (wire if wire.endswith(b"\r\n") or not wire else wire + b"\r\n").replace(b"\r\n", b"\n")


class Message:
    def __init__(self, uid, wire, listed=None):
        self.uid, self.wire, self.size = uid, wire, len(wire)
        self.listed = listed  # what LIST says, when that is not the truth

    def stuffed(self, lines=None):
        wire = self.wire
        if lines is not None:
            head, blank, body = wire.partition(b"\r\n\r\n")
            wire = head + blank + b"".join(line + b"\r\n" for line in body.split(b"\r\n")[:lines])
        if wire and not wire.endswith(b"\r\n"):
            wire += b"\r\n"
        if wire.startswith(b"."):
            wire = b"." + wire
        return wire.replace(b"\r\n.", b"\r\n..") + b".\r\n"


class Mailbox:
    def __init__(self, messages=()):
        self.messages, self.made = [], 0
        for message in messages:
            self.add(message)

    def add(self, wire, uid=None, listed=None):
        self.made += 1
        uid = f"uid-{self.made:06d}" if uid is None else uid
        message = Message(uid.encode() if isinstance(uid, str) else uid, wire, listed)
        self.messages.append(message)
        return message
