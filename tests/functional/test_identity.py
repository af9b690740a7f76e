# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Which message is which, when uid and size, TOP or UIDL do not tell: none lost, none twice."""

import os
import time

import pytest

from popactions import change, cut, say
from popmail import mail
from runner import same, stop
from wrongclock import DAY


def replace(pop, wire, uid="uid-000001"):
    """Somebody else deletes all, and the server gives this uid away once more."""
    pop.mailbox.messages.clear()
    return pop.add(wire, uid)


# --- a uid that comes back ---


@pytest.mark.parametrize("top", [True, False])
@pytest.mark.parametrize("keep", ["forever", "14 days", "no"])
def test_a_uid_that_was_gone_and_is_back_is_compared(popfetch, server, keep, top):
    caps = ("UIDL", "USER") + ("TOP",) * top
    pop = server([mail("one", "text\n", Message_ID="<1@example.org>")], top=top, caps=caps)
    popfetch.account(server=pop, keep="forever")
    assert popfetch().status == 0
    first = pop.wires()
    pop.mailbox.messages.clear()
    assert popfetch().status == 0
    new = replace(pop, mail("two", "text\n", Message_ID="<2@example.org>"))
    assert len(new.wire) == len(first[0])
    popfetch.accounts["work"]["keep"] = keep
    for _ in range(2):
        assert popfetch().status == 0
        assert same(popfetch.maildir(), first + [new.wire])
    assert len(pop.left()) == (0 if keep == "no" else 1)


@pytest.mark.parametrize("top", [True, False])
def test_a_uid_that_comes_back_where_no_size_was_listed_is_compared(popfetch, server, top):
    caps = ("UIDL", "USER") + ("TOP",) * top
    pop = server([mail("one", "text\n", Message_ID="<1@example.org>")], top=top, caps=caps)
    popfetch.account(server=pop)
    assert popfetch().status == 0
    wires = pop.wires()
    pop.mailbox.messages.clear()
    assert popfetch().status == 0
    # STAT tells that it is as large as the one before, and nobody asks for LIST
    wires.append(replace(pop, mail("two", "text\n", Message_ID="<2@example.org>")).wire)
    assert popfetch().status == 0 and "LIST" not in pop.commands()
    wires.append(replace(pop, mail("three")).wire)
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires)


def test_the_same_message_that_comes_back_is_known_and_believed_again(popfetch, server):
    pop = server([mail("one")])
    assert popfetch.account(server=pop)().status == 0
    everything = list(pop.mailbox.messages)
    pop.mailbox.messages.clear()
    assert popfetch().status == 0
    pop.mailbox.messages[:] = everything
    assert popfetch().status == 0 and pop.commands("TOP")
    assert popfetch().status == 0 and not pop.commands("TOP")
    assert len(popfetch.maildir()) == 1


def test_a_uid_of_another_message_is_compared_once_only(popfetch, server):
    pop = server([mail("one", "text\n", Message_ID="<1@example.org>")])
    assert popfetch.account(server=pop)().status == 0
    pop.mailbox.messages.clear()
    assert popfetch().status == 0
    replace(pop, mail("two", "text\n", Message_ID="<2@example.org>"))
    assert popfetch().status == 0
    assert popfetch().status == 0
    assert not pop.commands("TOP") and not pop.commands("RETR")
    assert len(popfetch.maildir()) == 2


def test_that_it_is_gone_is_seen_by_a_session_that_fails_too(popfetch, server):
    pop = server([mail("one", "text\n", Message_ID="<1@example.org>")])
    assert popfetch.account(server=pop)().status == 0
    replace(pop, mail("breaks the line"), "other")
    pop.on("RETR", lambda session, line: session.close())
    assert popfetch("-v").status == os.EX_TEMPFAIL
    pop.forgive()
    new = replace(pop, mail("two", "text\n", Message_ID="<2@example.org>"))
    assert popfetch().status == 0
    assert new.wire.replace(b"\r\n", b"\n") in popfetch.maildir()


def test_what_a_session_without_uids_did_not_come_to_is_not_gone(popfetch, server):
    wires = [mail("one"), mail("two", "line\n" * 200)]
    pop = server(wires, uidl=False, caps=("USER",), deletes=False)
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0
    pop.on("RETR 2", cut(400))
    assert popfetch("-v").status == os.EX_TEMPFAIL
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_a_size_in_half_a_listing_is_not_that_of_the_row(popfetch, server):
    """A second message with this uid and header is taken for the first while that is not listed,
    and comes when both are."""
    first = mail("both", "text\n")
    second = first.replace(b"text\r\n", b"another text\r\n")
    pop = server()
    pop.add(first, "same")
    popfetch.account(server=pop)
    assert popfetch().status == 0
    pop.add(second, "same")
    pop.on("UIDL", say(b"+OK\r\n2 same\r\n.\r\n"))
    assert popfetch().status == 0
    pop.forgive()
    for _ in range(2):
        assert popfetch().status == 0
    assert same(popfetch.maildir(), [first, second])


def test_a_row_without_header_stands_for_one_message(popfetch, server):
    pop = server([mail("one", "text\n", Message_ID="<1@example.org>")], top=False, caps=("UIDL", "USER"))
    popfetch.account(server=pop, keep="no")
    assert popfetch("--catch-up").status == 0
    new = pop.add(mail("two", "text\n", Message_ID="<2@example.org>"), "uid-000001")
    assert popfetch().status == 0
    assert same(popfetch.maildir(), [new.wire])
    assert pop.left() in (["uid-000001"], ["uid-000001"] * 2)


def test_what_was_recorded_before_a_power_cut_is_enough(popfetch, server):
    """DELE and QUIT are confirmed and the power goes; whether or not the note of the DELE is on the
    disk, a copy under its uid and with its header (that of a list, say) is another message."""
    own = mail("list", "hello\n")
    copy = own.replace(b"hello\r\n", b"hello\r\n-- \r\nTo leave the list ...\r\n")
    pop = server([own])
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0 and pop.left() == []
    popfetch.sql("update message set dele_sent = 0")
    pop.add(copy, "uid-000001")
    for _ in range(2):
        assert popfetch().status == 0
    assert same(popfetch.maildir(), [own, copy]) and pop.left() == []


# --- TOP and RETR ---


def marked(pop, how):
    """A filter before the server changes what RETR gives, or TOP gives nothing."""
    if how == "empty":
        pop.on("TOP", say(b"+OK\r\n\r\n.\r\n"))
    else:
        pop.on(
            "TOP",
            lambda session, line: session.send(
                session.reply(line).replace(b"Subject: [spam] ", b"Subject: ")
            ),
        )


@pytest.mark.parametrize("how", ["marked", "empty"])
@pytest.mark.parametrize("keep", ["14 days", "forever"])
def test_a_header_that_top_shows_otherwise_makes_no_new_message(popfetch, server, how, keep):
    pop = server([mail("[spam] one"), mail("[spam] two")])
    marked(pop, how)
    popfetch.account(server=pop, keep="14 days")
    assert popfetch().status == 0
    popfetch.age(15 * DAY)
    popfetch.accounts["work"]["keep"] = keep
    for message in pop.mailbox.messages:
        message.listed = message.size + 5 if keep == "forever" else None
    for _ in range(3):
        assert popfetch().status == 0
        assert len(popfetch.maildir()) == 2
    assert len(pop.left()) == (2 if keep == "forever" else 0)


def test_such_a_server_is_asked_for_the_message_from_then_on(popfetch, server):
    pop = server([mail("[spam] one"), mail("[spam] two")])
    marked(pop, "marked")
    popfetch.account(server=pop, keep="14 days")
    assert popfetch().status == 0
    popfetch.sql("update message set delivered = delivered - ? where id = 1", 15 * DAY)
    assert popfetch().status == 0 and len(pop.left()) == 1
    popfetch.age(15 * DAY)
    assert popfetch().status == 0
    assert pop.left() == [] and not pop.commands("TOP") and len(pop.commands("RETR")) == 1
    assert len(popfetch.maildir()) == 2


def test_what_top_recorded_is_still_known_by_top(popfetch, server):
    pop = server([mail("[spam] old")])
    marked(pop, "marked")
    popfetch.account(server=pop, keep="14 days")
    assert popfetch("--catch-up").status == 0
    pop.add(mail("[spam] new"))
    assert popfetch().status == 0
    popfetch.sql("update message set delivered = delivered - ? where id = 2", 15 * DAY)
    assert popfetch().status == 0 and pop.left() == ["uid-000001"]
    popfetch.age(15 * DAY)
    assert popfetch().status == 0
    assert pop.left() == [] and len(popfetch.maildir()) == 1


def test_another_message_is_new_by_top_and_by_retr(popfetch, server):
    pop = server([mail("[spam] one", "text\n", Message_ID="<1@example.org>")])
    marked(pop, "marked")
    popfetch.account(server=pop, keep="14 days")
    assert popfetch().status == 0
    popfetch.age(15 * DAY)
    new = replace(pop, mail("[spam] two", "text\n", Message_ID="<2@example.org>"))
    for _ in range(2):
        assert popfetch().status == 0
    assert new.wire.replace(b"\r\n", b"\n") in popfetch.maildir()
    assert len(popfetch.maildir()) == 2 and len(pop.left()) == 1


# --- sizes ---


@pytest.mark.parametrize("how", ["DELE has no effect", "QUIT is lost"])
@pytest.mark.parametrize("sizes", ["exact after RETR", "two backends", "both wrong"])
def test_a_size_that_is_counted_otherwise_makes_no_new_message(popfetch, server, how, sizes):
    pop = server([mail("one", "a\nb\n"), mail("two", "c\n")], deletes=how == "QUIT is lost")
    if how == "QUIT is lost":
        pop.on("QUIT", lambda session, line: session.close(), nth=1)
    for message in pop.mailbox.messages:
        message.listed = message.size - 7
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")("-v")
    offset = {"exact after RETR": 0, "two backends": -20, "both wrong": 31}[sizes]
    for turn in range(3):
        for message in pop.mailbox.messages:
            message.listed = message.size + (offset if turn % 2 == 0 else -7)
        popfetch()
        assert same(popfetch.maildir(), wires)
    pop.deletes = True
    assert popfetch().status == 0 and pop.left() == []
    assert same(popfetch.maildir(), wires)


def test_a_size_known_from_retr_needs_no_comparison(popfetch, server):
    pop = server()
    message = pop.add(mail("one"), listed=10)
    assert popfetch.account(server=pop)().status == 0
    message.listed = message.size
    assert popfetch().status == 0
    assert not pop.commands("TOP") and not pop.commands("RETR")


# --- UIDL ---


@pytest.mark.parametrize("how", ["DELE has no effect", "QUIT is lost"])
def test_uidl_that_is_announced_and_refused_is_asked_for_later(popfetch, server, how):
    pop = server([mail("one"), mail("two")], deletes=how == "QUIT is lost")
    pop.on("UIDL", say(b"-ERR index is broken\r\n"), nth=1)
    popfetch.account(server=pop, keep="no")
    result = popfetch("-v")
    assert result.status == os.EX_TEMPFAIL and "index is broken" in result.stderr, result
    assert popfetch.maildir() == [] and not pop.all_commands("DELE")
    if how == "QUIT is lost":
        pop.on("QUIT", lambda session, line: session.close(), nth=1)
    for _ in range(3):
        popfetch("-v")
        assert len(popfetch.maildir()) == 2


def test_uidl_that_is_refused_for_a_day_is_told(popfetch, server, clock):
    pop = server([mail("one")], tls="off").on("UIDL", say(b"-ERR index is broken\r\n"))
    popfetch.account(server=pop, keep="no")
    for hours, status in ((0, 75), (1, 75), (2, 75), (25, 69), (26, 69)):
        result = popfetch("-v", env=clock(hours * 3600))
        assert result.status == status and "index is broken" in result.stderr, (hours, result)
    pop.forgive()
    assert popfetch(env=clock(27 * 3600)).status == 0
    pop.on("UIDL", say(b"-ERR index is broken\r\n"))
    assert popfetch(env=clock(28 * 3600)).status == 75
    assert len(popfetch.maildir()) == 1


def test_a_server_that_gets_uidl_at_last_doubles_nothing(popfetch, server):
    pop = server([mail("one"), mail("two")], uidl=False, caps=("TOP", "USER"), deletes=False)
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0
    pop.uidl, pop.caps = True, ("TOP", "UIDL", "USER")
    popfetch.sql("update fact set value = 0 where name = 'capa_time'")
    for _ in range(2):
        assert popfetch().status == 0
        assert same(popfetch.maildir(), wires)
    new = pop.add(mail("three"))
    pop.deletes = True
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires + [new.wire]) and pop.left() == []


# --- a list's copy: uid and header of one's own, but a footer ---

FOOTER = b"-- \r\nA list's footer.\r\n"


@pytest.fixture
def copied(popfetch, server):
    """One's own copy was fetched, and is replaced by the list's; what must be there in the end."""

    def make(keep="7 days", **options):
        own = mail("own")
        pop = server([own], **options)
        popfetch.account(server=pop, keep=keep)
        assert popfetch().status == 0
        return pop, [own, replace(pop, own + FOOTER).wire]

    return make


def test_a_length_that_was_not_proven_deletes_nothing(popfetch, copied):
    pop, wires = copied()
    popfetch.age(8 * DAY)
    pop.on("RETR 1", say(b"-ERR busy\r\n"))
    popfetch("-v")
    assert pop.left() == ["uid-000001"]
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires)


def test_nor_does_one_that_a_stop_left_unproven(popfetch, copied):
    pop, wires = copied()
    popfetch.age(8 * DAY)
    started = []

    def stop_first(session, line):
        stop(started[0])
        session.obey(line)

    pop.on("TOP", stop_first)
    started.append(popfetch.start())
    popfetch.finish(started[0])
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires)


@pytest.mark.parametrize("top", [True, False])
def test_nor_does_one_that_was_seen_while_it_was_kept(popfetch, copied, top):
    pop, wires = copied(top=top, caps=("UIDL", "USER") + ("TOP",) * top)
    assert popfetch().status == 0
    popfetch.age(8 * DAY)
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires)


@pytest.mark.parametrize("how", ["no TOP", "TOP refused", "TOP differs"])
def test_a_length_counts_where_retr_compares(popfetch, copied, how):
    caps = ("UIDL", "USER") + ("TOP",) * (how != "no TOP")
    pop, wires = copied(top=how != "no TOP", caps=caps)
    popfetch.age(8 * DAY)
    if how == "TOP refused":
        pop.on("TOP", say(b"-ERR no\r\n"))
    if how == "TOP differs":
        popfetch.sql(f"insert into fact values ('top_differs', {int(time.time()) - 3600})")
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires)


@pytest.mark.parametrize("keep", ["forever", "7 days"])
@pytest.mark.parametrize("lies", [True, False])
def test_a_field_that_the_server_adds_makes_no_other_length(popfetch, server, keep, lies):
    one = mail("one")
    pop = server([one])
    popfetch.account(server=pop, keep=keep)
    assert popfetch().status == 0
    for status in (b"R", b"RO", b"ROX"):
        replace(pop, b"Status: " + status + b"\r\n" + one)
        if lies:
            pop.on("TOP", change(lambda reply: reply.replace(b"Subject: one", b"Subject: two")))
        assert popfetch().status == 0
    popfetch.age(8 * DAY)
    assert popfetch().status == 0
    assert same(popfetch.maildir(), [one])
    assert len(pop.left()) == (1 if keep == "forever" else 0)


@pytest.mark.parametrize("failure", [say(b"-ERR busy\r\n"), cut(60)], ids=["refused", "cut"])
def test_what_was_known_by_content_stays_known_when_its_first_retr_fails(popfetch, server, failure):
    pop = server([mail("one")], uidl=False, caps=("TOP", "USER"), deletes=False)
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0
    pop.uidl, pop.caps = True, ("TOP", "UIDL", "USER")
    pop.on("RETR 1", failure, nth=1)
    for _ in range(3):
        popfetch("work")
    assert len(popfetch.maildir()) == 1


@pytest.mark.parametrize("keep", ["no", "forever"])
def test_what_was_refused_before_there_were_uids_comes_once(popfetch, server, keep):
    pop = server([mail("one")], uidl=False, caps=("TOP", "USER"), deletes=False)
    popfetch.account(server=pop, keep="no", mda=popfetch.script("exit 65", "refuses"))
    assert popfetch().status == os.EX_TEMPFAIL
    pop.uidl, pop.caps = True, ("TOP", "UIDL", "USER")
    popfetch.accounts["work"].update(keep=keep, mda=popfetch.saver())
    for _ in range(3):
        assert popfetch("work").status == 0
        assert same(popfetch.saved(), pop.wires())


def test_all_fetches_once_what_came_before_there_were_uids(popfetch, server):
    pop = server([mail("one")], uidl=False, caps=("TOP", "USER"), deletes=False)
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0
    pop.uidl, pop.caps = True, ("TOP", "UIDL", "USER")
    popfetch.sql("update fact set value = 0 where name = 'capa_time'")
    for arguments in (["-a"], [], []):
        assert popfetch(*arguments).status == 0
        assert same(popfetch.maildir(), 2 * pop.wires())


# --- rows without header among others ---


def test_a_row_without_header_is_known_beside_others_of_its_uid(popfetch, server):
    pop = server([mail("one", "long " * 99)], top=False, caps=("UIDL", "USER"))
    popfetch.account(server=pop, keep="forever")
    assert popfetch("--catch-up").status == 0
    new = pop.add(mail("two"), "uid-000001")
    for _ in range(3):
        assert popfetch().status == 0
        assert same(popfetch.maildir(), [new.wire])


def test_a_message_that_sys_perm_refuses_does_not_starve_the_others(popfetch, server):
    pop = server([mail("refused"), mail("other")])
    pop.on("RETR 1", say(b"-ERR [SYS/PERM] no\r\n"))
    popfetch.account(server=pop, max_messages=1)
    for _ in range(5):
        popfetch()
    assert same(popfetch.maildir(), pop.wires()[1:])


def test_that_it_was_gone_is_not_forgotten_by_a_refusal(popfetch, server):
    pop = server([mail("one", "text\n", Message_ID="<1@example.org>")])
    popfetch.account(server=pop, mda=popfetch.saver())
    assert popfetch().status == 0
    pop.mailbox.messages.clear()
    assert popfetch().status == 0
    new = replace(pop, mail("two", "text\n", Message_ID="<2@example.org>"))
    saver, popfetch.accounts["work"]["mda"] = (
        popfetch.accounts["work"]["mda"],
        popfetch.script("exit 65", "refuses"),
    )
    popfetch("-a")
    popfetch.accounts["work"]["mda"] = saver
    for _ in range(2):
        popfetch("work")
    assert new.wire.replace(b"\r\n", b"\n") in popfetch.saved()


def test_uids_that_are_positions_with_sizes_of_the_same_sum(popfetch, server, clock):
    """Somebody else deletes the first message, and one of its size comes: each uid has another size
    than before, but STAT says the same."""
    texts = [mail(f"m{n}", "x" * size + "\n") for n, size in enumerate((10, 200, 3000), 1)]
    pop = server(texts, tls="off")
    popfetch.account(server=pop)
    assert popfetch(env=clock(0)).status == 0
    pop.mailbox.messages.pop(0)
    pop.add(mail("m4", "x" * 10 + "\n"))
    for number, message in enumerate(pop.mailbox.messages, 1):
        message.uid = b"uid-%06d" % number
    for day in (0.1, 1.2, 2.4):
        assert popfetch(env=clock(int(day * 86400))).status == 0
    assert any(b"Subject: m4\n" in text for text in popfetch.maildir())
