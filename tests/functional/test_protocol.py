# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""POP3 as servers really speak it: odd mail, lines that break, replies that are none."""

import os
import random

import pytest

from popactions import (
    about,
    change,
    close,
    cut,
    drip,
    endless,
    hang,
    replaced,
    reset,
    say,
    split,
    stall,
)
from popmail import mail
from runner import fetched, same

LONG = 8 * 1024 * 1024


def protocol_error(popfetch, pop, **options):
    """The line is dropped without QUIT, nothing is deleted, and one line says why."""
    uids = pop.left()
    result = popfetch.account(server=pop, keep="no", **options)(timeout=20)
    assert result.status == os.EX_PROTOCOL, result
    assert len(result.errors) == 1 and result.stderr.startswith("popfetch: work: "), result
    pop.settle()
    assert not pop.all_commands("QUIT") and pop.left() == uids
    return result


# Mail.


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"\r\n",
        b"x",
        b".",
        b"..",
        b".\r\n",
        b"..\r\n.\r\n..x\r\n.x\r\n",
        b"Subject: only a head\r\n",
        b"\r\nonly a body\r\n",
        b"Subject: x\r\n\r\n",
        b"Subject: x\r\n\r\nno end of line",
        b"\r\n\r\n\r\n",
        b"Subject: x\r\n\r\n.\r\n.\r\n",
        b"Subject: x\r\n\r\nbare\rCR and bare\nLF and \r\r\n and \n\r\n",
        b"a\r",
        b"a\n",
        b"\n.\r\n",
        b"x\n.\nx\r\n",
        b"x\r.\rx\r\n",
        b"x\r\n.\rx\r\n",
        b"x\r\n.\nx\r\n",
        b"\0\0nul\0\r\n\0",
        b"\xef\xbb\xbfSubject: BOM\r\n\r\n\xff\xfe\x80\r\n",
        bytes(range(256)),
        b"Subject: x\r\nFrom ann Mon Jan 1 00:00:00 2024\r\n\r\nFrom b\r\n",
        b" folded first\r\nSubject: x\r\n\r\n",
        b"\x1a\x04\r\n",
    ],
    ids=lambda wire: ascii(wire)[2:40],
)
def test_any_bytes_are_a_message(popfetch, server, wire):
    fetched(popfetch, server([mail("before"), wire, mail("after")]))


def test_a_dot_that_was_not_doubled_is_taken_off_all_the_same(popfetch, server):
    wire = b"Subject: x\r\n\r\nline\r\nxdot\r\n"
    pop = server([wire]).on("RETR", replaced(b"\r\nxdot", b"\r\n.dot"))
    popfetch.account(server=pop)()
    assert popfetch.maildir() == [b"Subject: x\n\nline\ndot\n"]


@pytest.mark.parametrize(
    "wire",
    [
        b"S: x\r\n\r\n" + b"x" * LONG + b"\r\n",
        b"S: x\r\n\r\n" + b"." * LONG + b"\r\n",
        b"S: " + b"x" * LONG + b"\r\n\r\n",
        b"S: x\r\n\r\n" + b"\r" * LONG + b"\r\n",
        b"S: x\r\n\r\n" + b".\r\n" * 500_000,
    ],
)
def test_lines_of_megabytes(popfetch, server, wire):
    fetched(popfetch, server([wire]))


def test_random_bytes(popfetch, server):
    dice = random.Random(4711)
    wires = [
        bytes(dice.choice(b"\r\n\r\n..\0aF \xff") for _ in range(dice.randrange(400)))
        for _ in range(60)
    ]
    fetched(popfetch, server(wires))


def test_random_bytes_with_pipelining_and_odd_records(popfetch, server):
    dice = random.Random(815)
    wires = [
        bytes(dice.choice(b"\r\n\r\n..x") for _ in range(dice.randrange(300))) for _ in range(40)
    ]
    pop = server(wires, pipelining=True)
    pop.on("RETR", lambda session, line: drip(dice.randrange(1, 9))(session, line))
    fetched(popfetch, pop)


def test_the_end_of_a_message_is_found_wherever_a_read_ends(popfetch, server):
    wire = b"Subject: x\r\n\r\n.\r\n..\r\nend.\r\n"
    size = len(b"+OK message\r\n") + len(wire) + 6
    pop = server([wire + b"%d\r\n" % position for position in range(size)], pipelining=False)
    for position in range(size):
        pop.on(f"RETR {position + 1}", split(position))
    fetched(popfetch, pop)


def test_one_byte_at_a_time(popfetch, server):
    pop = server([mail("one", ".\n..\n"), mail("two")])
    for command in ("GREETING", "CAPA", "USER", "PASS", "STAT", "UIDL", "LIST", "RETR"):
        if command != "GREETING":
            pop.on(command, drip(1))
    fetched(popfetch, pop, auth="user")


def test_many_small_messages(popfetch, server):
    fetched(popfetch, server([mail(str(number)) for number in range(1500)], pipelining=True))


# Lines that break.


def test_a_message_cut_anywhere_is_not_delivered_and_comes_later(popfetch, server):
    wire = mail("one", ".dots\n..\nmore\n")
    total = len(b"+OK message\r\n") + len(wire) + 5
    pop = server([wire])
    popfetch.account(server=pop, keep="no")
    for size in list(range(0, 20)) + list(range(total - 12, total)):
        pop.forgive()
        pop.on("RETR", cut(size))
        # named, since a message that breaks the line again and again is set aside
        result = popfetch("-v", "work")
        assert result.status == os.EX_TEMPFAIL, (size, result)
        assert len(result.errors) >= 1 and "work" in result.stderr
        assert popfetch.maildir() == [] and popfetch.staged() == [], size
    pop.forgive()
    assert popfetch("work").status == 0
    assert same(popfetch.maildir(), [wire]) and pop.left() == []


@pytest.mark.parametrize("act", [close, say(b"Internal error\r\n")], ids=["close", "junk"])
def test_a_header_that_cannot_be_looked_at_keeps_no_new_mail_away(popfetch, server, act):
    pop = server([mail("one")])
    popfetch.account(server=pop, keep="14 days")
    assert popfetch().status == 0
    popfetch.age(15 * 86400)
    pop.on("TOP", act)
    for number in range(3):
        pop.add(mail(str(number)))
        assert popfetch().status != 0
        assert same(popfetch.maildir(), pop.wires())
    assert len(pop.left()) == 4


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_message_answered_outside_the_protocol_is_set_aside_in_the_end(
    popfetch, server, pipelining
):
    pop = server([mail("one"), mail("two"), mail("three")], pipelining=pipelining)
    pop.on("RETR", about("uid-000002", say(b"Internal error at 0x1234\r\n")))
    popfetch.account(server=pop, keep="no")
    statuses = [popfetch().status for _ in range(4)]
    assert statuses == [os.EX_PROTOCOL] * 3 + [0]
    assert len(popfetch.maildir()) == 2 and pop.left() == ["uid-000002"]
    assert "Internal error" in popfetch("--status", "-v").output


def test_a_message_that_breaks_the_line_again_and_again_is_set_aside(popfetch, server):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop)
    pop.on("RETR 1", cut(20))
    for _ in range(3):
        assert popfetch().status == os.EX_TEMPFAIL
    assert same(popfetch.maildir(), [pop.wires()[1]]), "the others come in spite of it"
    result = popfetch("-v")
    assert result.status == 0 and "1 set aside" in result.stdout, result
    pop.forgive()
    assert popfetch("work").status == 0
    assert same(popfetch.maildir(), pop.wires())


@pytest.mark.parametrize(
    "command",
    ["GREETING", "CAPA", "USER", "PASS", "STAT", "UIDL", "LIST", "RETR 2", "TOP", "DELE 1"],
)
@pytest.mark.parametrize("action", [close, reset, hang], ids=["close", "reset", "hang"])
def test_a_line_that_breaks_is_tried_again_in_the_next_run(popfetch, server, command, action):
    pop = server([mail("one"), mail("two"), mail("three")], mechanisms=())
    wires = pop.wires()
    pop.on(command, action)
    popfetch.account(server=pop, keep="no", timeout="1 second", auth="user")
    result = popfetch("-v", timeout=20)
    assert result.status in (0, os.EX_TEMPFAIL), result
    if result.status == 0:  # not every run needs every command, and CAPA is not vital
        assert command in ("CAPA", "LIST", "TOP")
    assert len(pop.connections) <= 2 and result.seconds < 8
    pop.forgive()
    del popfetch.accounts["work"]["timeout"]
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires) and pop.left() == []


@pytest.mark.parametrize("command", ["STAT", "UIDL", "RETR", "CAPA"])
def test_a_reply_that_stops_in_the_middle_is_given_up(popfetch, server, command):
    pop = server([mail("one")]).on(command, stall(5))
    result = popfetch.account(server=pop, timeout="1 second")("-v", timeout=20)
    assert result.status in (os.EX_TEMPFAIL, 0) and result.seconds < 8, result


def test_one_byte_now_and_then_does_not_last_for_ever(popfetch, server):
    pop = server([mail("one", "x" * 3000 + "\n")]).on("RETR", drip(1, 0.2))
    result = popfetch.account(server=pop, timeout="10 seconds", session_timeout="2 seconds")(
        "-v", timeout=20
    )
    assert result.status == os.EX_TEMPFAIL and result.seconds < 10, result
    assert popfetch.maildir() == []


def test_every_session_broken_at_every_command_delivers_once_in_the_end(popfetch, server):
    pop = server([mail(str(number)) for number in range(6)])
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")
    for nth in range(1, 40):
        pop.forgive()
        command_count = [0]

        def break_off(session, line):
            command_count[0] += 1
            session.close() if command_count[0] == nth else session.obey(line)

        for word in ("CAPA", "AUTH", "STAT", "UIDL", "LIST", "RETR", "DELE", "QUIT"):
            pop.on(word, break_off)
        popfetch()
        if pop.left() == []:
            break
    assert pop.left() == [] and same(popfetch.maildir(), wires)


# Replies that are none.


@pytest.mark.parametrize(
    "greeting",
    [
        b"* OK imap\r\n",
        b"220 smtp\r\n",
        b"+ok\r\n",
        b"\r\n",
        b"+OKAY\r\n",
        b"\0\0\0\r\n",
        b"SSH-2.0-x\r\n",
        b"+\r\n",
    ],
)
def test_a_greeting_that_is_none(popfetch, server, greeting):
    pop = server([mail("one")]).on("GREETING", greeting)
    protocol_error(popfetch, pop)
    assert pop.last.commands == []


@pytest.mark.parametrize(
    "greeting, status",
    [
        (b"-ERR go away\r\n", os.EX_TEMPFAIL),
        (b"-ERR [SYS/TEMP] later\r\n", os.EX_TEMPFAIL),
        (b"-ERR [SYS/PERM] never\r\n", os.EX_UNAVAILABLE),
        (b"-ERR [IN-USE] busy\r\n", os.EX_TEMPFAIL),
    ],
)
def test_a_greeting_that_refuses(popfetch, server, greeting, status):
    pop = server([mail("one")]).on("GREETING", greeting)
    result = popfetch.account(server=pop)("-v")
    assert result.status == status, result
    assert pop.last.commands in ([], ["QUIT"])


@pytest.mark.parametrize(
    "command, reply",
    [
        ("STAT", b"OK 1 5\r\n"),
        ("STAT", b"+OK0 0\r\n"),
        ("STAT", b"\r\n"),
        ("STAT", b"+ok 1 5\r\n"),
        ("STAT", b"+ 1 5\r\n"),
        ("UIDL", b"hello\r\n"),
        ("UIDL", b"+OK\r\nx y\r\n.\r\n"),
        ("UIDL", b"+OK\r\n\r\n.\r\n"),
        ("RETR", b"hello\r\n"),
        ("RETR", b"* 1 FETCH\r\n"),
        ("RETR", b"\r\n.\r\n"),
        ("RETR", b"+OK" + b"x" * 5000 + b"\r\n\r\n.\r\n"),
    ],
)
def test_a_reply_outside_the_protocol_ends_the_session(popfetch, server, command, reply):
    protocol_error(popfetch, server([mail("one")]).on(command, say(reply)))


@pytest.mark.parametrize(
    "command, head, piece",
    [
        ("GREETING", b"+OK ", b"x" * 8192),
        ("CAPA", b"+OK\r\n", b"X-NONSENSE\r\n" * 500),
        ("CAPA", b"+OK\r\n", b"x" * 8192),
        ("STAT", b"+OK 1 1 ", b"1" * 8192),
        ("UIDL", b"+OK\r\n1 ", b"u" * 8192),
        ("UIDL", b"+OK\r\n", b"2 x\r\n3 y\r\n" * 500),
        ("UIDL", b"+OK\r\n", b"\r\n" * 4000),
        ("RETR", b"+OK ", b"x" * 8192),
        ("LIST", b"+OK\r\n", b"9 9\r\n" * 500),
    ],
)
def test_a_reply_without_end_is_cut_short(popfetch, server, command, head, piece):
    pop = server([mail("one"), mail("two")]).on(command, endless(head, piece))
    result = popfetch.account(server=pop)("-v")
    assert result.status == os.EX_PROTOCOL, result
    assert pop.sent() < 64 * 1024 * 1024


def test_a_first_line_of_512_octets_and_more_is_read(popfetch, server):
    pop = server([mail("one")]).on(
        "STAT", change(lambda reply: reply[:-2] + b" " + b"x" * 3000 + b"\r\n")
    )
    pop.on("RETR", change(lambda reply: reply.replace(b"+OK message", b"+OK " + b"m" * 505, 1)))
    fetched(popfetch, pop)


@pytest.mark.parametrize(
    "command, extra",
    [
        ("STAT", b"+OK surprise\r\n"),
        ("PASS", b"+OK 1\r\n"),
        ("RETR 2", b"+OK\r\n"),
        ("RETR 2", b"x\r\n.\r\n"),
        ("RETR 2", b"\r\n"),
        ("UIDL", b".\r\n"),
        ("GREETING", b"+OK again\r\n"),
    ],
)
def test_what_nobody_asked_for_is_a_protocol_error(popfetch, server, command, extra):
    pop = server([mail("one"), mail("two")])
    if command == "GREETING":
        pop.on("GREETING", say(b"+OK ready\r\n" + extra))
    else:
        pop.on(command, change(lambda reply: reply + extra))
    protocol_error(popfetch, pop, auth="user")


def test_a_body_that_ends_early_and_goes_on_as_replies_deletes_nothing(popfetch, server):
    wire = mail("evil", "text\n")
    pop = server([wire, mail("two")], pipelining=False)
    pop.on(
        "RETR 1", change(lambda reply: reply + b"+OK\r\nSubject: forged\r\n\r\n.\r\n+OK\r\n+OK\r\n")
    )
    protocol_error(popfetch, pop)
    assert not [message for message in popfetch.maildir() if b"forged" in message]
