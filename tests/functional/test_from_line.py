# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Messages that a server hands out with the line of its mbox in front."""

import email

import pytest

from popactions import split
from popmail import mail
from runner import Raw, same

LINES = [
    b"From jane@x.org Mon Jan  1 00:00:00 2024\r\n",
    b">From jane@x.org Mon Jan  1 00:00:00 2024\r\n",
    b"From jane@x.org Mon Jan  1 00:00:00 2024\r\n>From MAILER-DAEMON\r\n",
    b"From nobody\r\n",
]
FIELD = b"From : jane@x.org\r\nSubject: a field\r\n\r\nFrom here.\r\n"


@pytest.fixture(params=["maildir", "mbox", "mda"])
def place(request, popfetch):
    """(the options of the account, what arrived)"""
    if request.param == "maildir":
        return {"maildir": "~/Mail"}, lambda: popfetch.maildir("Mail")
    if request.param == "mbox":
        return {"mbox": "~/mbox"}, popfetch.mbox
    return {"mda": popfetch.saver()}, popfetch.saved


@pytest.mark.parametrize("line", LINES)
def test_a_from_line_in_front_of_a_header_is_left_out(popfetch, server, place, line):
    wire = mail("hello", "\nFrom me to you\n")
    pop = server([line + wire, FIELD], pipelining=True)
    popfetch.account(server=pop, **place[0])
    assert popfetch().status == 0
    assert same(place[1](), [wire, FIELD])


@pytest.mark.parametrize("line", LINES)
def test_what_popfetch_puts_first_begins_the_header(popfetch, server, place, line):
    pop = server([line + mail("hello")])
    popfetch.account(server=pop, received_header=True, **place[0])
    assert popfetch().status == 0
    (message,) = place[1]()
    assert message.startswith(b"Received: ")
    parsed = email.message_from_bytes(message)
    names = ["Received", "From", "To", "Subject", "Date", "Message-ID"]
    assert parsed.keys() == names and parsed["Subject"] == "hello"
    assert parsed.get_payload() == "Hello.\n"


def test_a_from_line_in_pieces_is_left_out(popfetch, server):
    wire = mail("hello")
    popfetch.account(server=server([LINES[1] + wire]).on("RETR", split(*range(1, 60))))
    assert popfetch().status == 0
    assert same(popfetch.maildir(), [wire])


@pytest.mark.parametrize("uidl", [True, False])
def test_what_is_on_record_is_recognised_with_its_line(popfetch, server, uidl):
    """By the digest of the header, and of the whole; the line is a part of both, as ever."""
    caps = ("TOP", "UIDL", "USER") if uidl else ("TOP", "USER")
    pop = server([LINES[0] + mail("hello")], uidl=uidl, caps=caps, deletes=False)
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0
    pop.deletes = True
    assert popfetch().status == 0
    assert pop.left() == [] and len(popfetch.maildir()) == 1


def test_the_sender_is_that_of_the_header(popfetch, server):
    wire = b"From bounce@x.org Mon Jan  1 00:00:00 2024\r\nFrom: joe@y.org\r\n\r\nx\r\n"
    popfetch.account(server=server([wire]), mbox=Raw("'~/mbox'"))
    assert popfetch().status == 0
    assert (popfetch.home / "mbox").read_bytes().startswith(b"From joe@y.org ")
