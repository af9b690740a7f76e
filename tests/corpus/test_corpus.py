# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Some thousand real messages from a real Dovecot into every kind of destination, byte for byte.

CORPUS names a directory that tests/fetch-corpus has filled; without it one is fetched for this run.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "functional"))

from certs import Certificates  # noqa: E402
from dovecot import Dovecot  # noqa: E402
from runner import Popfetch, same  # noqa: E402

TRUSTED_BY_READERS = (
    b"status",
    b"x-status",
    b"x-keywords",
    b"x-uid",
    b"x-imap",
    b"x-imapbase",
    b"content-length",
)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    directory = os.environ.get("CORPUS")
    if not directory:
        directory = tmp_path_factory.mktemp("corpus")
        subprocess.run(
            [str(Path(__file__).resolve().parent.parent / "fetch-corpus"), str(directory)],
            check=True,
        )
    messages = [path.read_bytes() for path in sorted(Path(directory).glob("*.eml"))]
    assert len(messages) > 2000, f"{directory} is no complete corpus"
    return messages


@pytest.fixture(scope="session")
def dovecot(tmp_path_factory):
    with Dovecot(Certificates(tmp_path_factory.mktemp("certificates"))) as one:
        yield one


@pytest.fixture
def popfetch(tmp_path):
    binary = os.environ.get("POPFETCH")
    assert binary and os.access(binary, os.X_OK), "POPFETCH: name the program to test"
    one = Popfetch(Path(binary).resolve(), tmp_path)
    yield one
    one.end()


def sent(messages):
    """As Dovecot sends them: all lines end in CRLF."""
    return [re.sub(rb"\r?\n", b"\r\n", message) for message in messages]


def without_fields(message, names):
    head, blank, body = message.partition(b"\r\n\r\n")
    kept, leaving = [], False
    for line in head.split(b"\r\n"):
        if not line.startswith((b" ", b"\t")):
            leaving = line.partition(b":")[0].strip().lower() in names
        if not leaving:
            kept.append(line)
    return b"\r\n".join(kept) + blank + body


def fetch_twice(popfetch, user, **destination):
    popfetch.account(**user.account(), **destination)
    first = popfetch(timeout=300)
    assert first.status == 0 and first.output == "", first
    again = popfetch("-v", timeout=300)
    assert again.status == 0, again


def test_a_maildir_gets_every_message_once(popfetch, dovecot, corpus):
    fetch_twice(popfetch, dovecot.user("maildir", corpus), maildir="~/Maildir")
    assert same(popfetch.maildir(), sent(corpus))


def test_an_mbox_gets_every_message_once(popfetch, dovecot, corpus):
    fetch_twice(popfetch, dovecot.user("maildir", corpus), mbox="~/mbox")
    assert same(
        popfetch.mbox(), [without_fields(wire, TRUSTED_BY_READERS) for wire in sent(corpus)]
    )


def test_a_program_gets_every_message_once(popfetch, dovecot, corpus):
    fetch_twice(popfetch, dovecot.user("maildir", corpus), mda=popfetch.saver())
    assert same(popfetch.saved(), sent(corpus))


def test_the_server_is_emptied_if_asked_to(popfetch, dovecot, corpus):
    user = dovecot.user("maildir", corpus)
    fetch_twice(popfetch, user, maildir="~/Maildir", keep="no")
    assert same(popfetch.maildir(), sent(corpus))
    assert user.left() == []


def test_starttls_without_pipelining_gives_the_same(popfetch, dovecot, corpus):
    user = dovecot.user("maildir", corpus[:500])
    popfetch.account(
        **{**user.account(), "port": dovecot.pop3_port}, tls="starttls", pipelining="off"
    )
    assert popfetch(timeout=300).status == 0
    assert same(popfetch.maildir(), sent(corpus[:500]))
