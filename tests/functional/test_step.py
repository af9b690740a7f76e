# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A server that forgets to stuff dots: what stands behind the false end looks like replies."""

import os

import pytest

from popactions import about, after, say
from popmail import mail
from runner import at_most, same

FORGED = "+OK\nFrom: x@y\nMessage-ID: <forged@x>\nSubject: forged\n\nforged\n"


def when_more_is_asked(session, line):
    """The true reply, held back until the client has sent something more."""
    session.waiting(20)
    session.send(session.reply(line))


def in_two_parts(session, line):
    """The first line when the client has sent something more, the rest after the next."""
    first, end, rest = session.reply(line).partition(b"\n")
    for part in (first + end, rest):
        session.waiting(20)
        session.input += session.sock.recv(65536)
        session.send(part)


def without_stuffing(wire, at_once):
    """RETR of a message with a line of one dot; at_once false: what is behind that line goes when
    the next command has come."""
    end = wire.index(b"\r\n.\r\n") + 5

    def act(session, line):
        session.send(b"+OK\r\n" + wire[: None if at_once else end])
        if not at_once:
            session.waiting(20)
            session.send(wire[end:])
        session.send(b".\r\n")

    return act


@pytest.fixture
def shifted(server):
    """A server from whose first message on every reply is one too early; the true last one comes
    when the client asks on. Once it is honest again, so are its messages."""

    def make(pipelining):
        evil = mail("evil", "hello\n.\n" + FORGED)
        pop = server([evil, mail("two"), mail("three")], pipelining=pipelining)
        pop.on("RETR 1", without_stuffing(evil, at_once=pipelining))
        if not pipelining:
            pop.on("RETR 2", when_more_is_asked)
        return pop.on("RETR 3", in_two_parts)

    return make


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("keep", ["no", "forever"])
def test_replies_out_of_step_are_noticed_before_anything_is_delivered(
    popfetch, shifted, pipelining, keep
):
    pop = shifted(pipelining)
    wires = pop.wires()
    result = popfetch.account(server=pop, keep=keep)("-v")
    pop.settle()
    assert result.status == os.EX_PROTOCOL, result
    assert popfetch.maildir() == [] and popfetch.staged() == []
    delivered = "select count(*) from message where status <> 3"
    assert popfetch.sql(delivered) == [(0,)]
    assert len(pop.left()) == 3 and not pop.commands("DELE") and not pop.commands("QUIT")
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires)
    assert len(pop.left()) == (0 if keep == "no" else 3)


@pytest.mark.parametrize("pipelining", [True, False])
def test_no_mda_gets_a_message_that_is_out_of_step(popfetch, shifted, pipelining):
    pop = shifted(pipelining)
    wires = pop.wires()
    popfetch.account(server=pop, mda=popfetch.saver(), keep="no")
    result = popfetch("-v")
    assert result.status == os.EX_PROTOCOL, result
    assert popfetch.saved() == [] and len(pop.left()) == 3
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.saved(), wires) and pop.left() == []


@pytest.mark.parametrize("pipelining", [True, False])
def test_messages_shorter_than_listed_cost_one_question(popfetch, server, pipelining):
    pop = server([mail(str(number)) for number in range(20)], pipelining=pipelining)
    wires = pop.wires()
    for message in pop.mailbox.messages:
        message.listed = message.size + 10
    assert popfetch.account(server=pop, keep="no")().status == 0
    assert same(popfetch.maildir(), wires) and pop.left() == []
    behind = pop.commands()[pop.commands().index("RETR 20") + 1 :]
    assert [command.split()[0] for command in behind].count("LIST") == 1


def test_messages_that_wait_for_a_proof_need_no_more_files_than_may_be_open(popfetch, server):
    pop = server([], pipelining=True)
    for number in range(600):
        wire = mail(str(number))
        pop.add(wire, listed=len(wire) + 100)
    popfetch.account(server=pop)
    result = popfetch(preexec_fn=at_most(256))
    assert result.status == 0, result
    assert same(popfetch.maildir(), pop.wires())


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_message_that_brings_replies_out_of_step_is_set_aside(popfetch, server, pipelining):
    """The one that seems to end too early, not the one that was asked for behind it."""
    evil = mail("evil", "hello\n.\nrest\n")
    pop = server([mail("one"), evil, mail("three")], pipelining=pipelining)
    pop.on("RETR", about("uid-000002", without_stuffing(evil, at_once=True)))
    popfetch.account(server=pop, keep="no")
    statuses = [popfetch().status for _ in range(4)]
    assert statuses == [os.EX_PROTOCOL] * 3 + [0]
    assert len(popfetch.maildir()) == 2 and pop.left() == ["uid-000002"]
    assert "1 set aside" in popfetch("-v").output
    pop.forgive()
    assert popfetch("work").status == 0
    assert len(popfetch.maildir()) == 3 and pop.left() == []


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_server_that_knows_a_size_only_after_retr(popfetch, server, pipelining):
    pop = server([mail(str(number)) for number in range(6)], pipelining=pipelining)
    wires = pop.wires()
    for number, message in enumerate(pop.mailbox.messages):
        message.listed = message.size + (50 if number % 2 else -50)

    def retr(session, line):
        session.obey(line)
        session.messages[int(line.split()[1]) - 1].listed = None

    pop.on("RETR", retr)
    result = popfetch.account(server=pop, keep="no")("-v")
    assert result.status == 0, result
    assert same(popfetch.maildir(), wires) and pop.left() == []


def test_an_empty_message_whose_size_was_estimated_is_in_step(popfetch, server):
    def act(session, line):
        session.obey(line)
        message.listed = 0

    pop = server()
    message = pop.add(b"", listed=450)
    pop.on("RETR 1", act)
    assert popfetch.account(server=pop, keep="no")().status == 0
    assert len(popfetch.maildir()) == 1 and pop.left() == []


@pytest.mark.parametrize("pipelining", [True, False])
def test_no_message_is_blamed_for_another_for_long(popfetch, server, pipelining):
    """All are shorter than listed, so any of them might have brought replies out of step."""
    pop = server([mail(str(number)) for number in range(8)], pipelining=pipelining)
    for message in pop.mailbox.messages:
        message.listed = message.size + 50
    pop.on("RETR", about("uid-000004", say(b"Internal error\r\n")))
    popfetch.account(server=pop, keep="no")
    statuses = [popfetch().status for _ in range(4)]
    assert statuses == [os.EX_PROTOCOL] * 3 + [0]
    assert len(popfetch.maildir()) == 7 and pop.left() == ["uid-000004"]


def test_the_proof_knows_long_uids_too(popfetch, server):
    """LIST of one message is refused, so that UIDL is asked for once more."""
    pop = server()
    pop.add(mail("one"), uid=b"u" * 300, listed=5000)
    pop.on("LIST", lambda s, line: s.send(b"-ERR no\r\n") if b" " in line else s.obey(line))
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 1 and pop.left() == []
    assert len(pop.commands("UIDL")) == 2


def test_what_was_deleted_in_this_session_is_no_part_of_the_proof(popfetch, server, clock):
    """Headers that take long are compared, and what is due is deleted, in slices. A message that is
    shorter than listed comes behind them."""
    pop = server([mail(f"m{n}") for n in range(40)])
    popfetch.account(server=pop, keep="1 day")
    assert popfetch().status == 0
    other = pop.mailbox.messages[35]
    other.wire = mail("other", "body of another\n" * 5)
    other.listed = len(other.wire) + 50
    pop.on("STAT", say(b"+OK 40 1\r\n")).on("TOP", after(0.15))
    pop.on("LIST", lambda s, line: s.send(b"-ERR no\r\n") if b" " in line else s.obey(line))
    result = popfetch(env=clock(3 * 86400))
    assert result.status == 0, result
    assert len(popfetch.maildir()) == 41
    assert len(pop.left()) == 1


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("pause", [0, 0.1])
def test_a_reply_is_no_line_of_the_message_that_follows(popfetch, server, pipelining, pause):
    def too_much(session, line):
        session.send(session.reply(line))
        session.pause(pause)
        session.send(b"+OK\r\n")

    def in_pieces(session, line):
        reply = session.reply(line)
        session.send(reply[:2])
        session.pause(pause)
        session.send(reply[2:])

    pop = server([mail(str(number)) for number in range(5)], pipelining=pipelining)
    wires = pop.wires()
    pop.on("RETR", about("uid-000002", too_much, otherwise=in_pieces))
    popfetch.account(server=pop, keep="no")
    statuses = [popfetch().status for _ in range(4)]
    assert statuses[0] == os.EX_PROTOCOL and statuses[3] == 0, statuses
    pop.forgive()
    assert popfetch("work").status == 0
    assert same(popfetch.maildir(), wires) and pop.left() == []


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_message_that_begins_like_a_reply_comes(popfetch, server, pipelining):
    odd = b"+OK 17 octets\r\n" + mail("odd")
    pop = server([mail("one"), odd, mail("three")], pipelining=pipelining)
    wires = pop.wires()
    assert popfetch.account(server=pop, keep="no")().status == 0
    assert same(popfetch.maildir(), wires) and pop.left() == []
