# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Listings: odd uids, odd numbers, odd sizes; what is known and what is new."""

import itertools
import os
import re

import pytest

from popactions import change, cut, say
from popmail import Mailbox, local, mail
from runner import fetched, same

ODD_UIDS = [
    b"x",
    b"a b c",
    b"x" * 70,
    b"x" * 71,
    b"y" * 500,
    b"z" * 4000,
    b"\x80\xff",
    b"../../etc/passwd",
    b"%s%n",
    b"'; drop table message",
    b"\xc3\xa4",
    b"a\tb",
    b"1",
    b"-",
    b".",
    b"..",
    b"\x01\x02\x1f",
    b"A",
    b"a",
    b'"',
    b"/etc/passwd",
    b"x\0y",
]


def test_odd_uids_are_only_bytes(popfetch, server):
    box = Mailbox()
    for uid in ODD_UIDS:
        box.add(mail(ascii(uid)[:30]), uid)
    pop = server(mailbox=box)
    fetched(popfetch, pop)
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == len(ODD_UIDS)
    popfetch.accounts["work"]["keep"] = "no"
    assert popfetch().status == 0
    assert pop.left() == []


def test_a_very_long_uid(popfetch, server):
    pop = server()
    pop.add(mail("one"), b"u" * 30_000)
    fetched(popfetch, pop)
    assert popfetch().status == 0 and len(popfetch.maildir()) == 1


def test_several_blanks_before_a_uid(popfetch, server):
    pop = server([mail("one"), mail("two")]).on(
        "UIDL",
        change(lambda reply: reply.replace(b" uid", b"    uid").replace(b"01\r\n", b"01  \r\n")),
    )
    fetched(popfetch, pop)
    pop.forgive()
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 2


def test_a_message_without_uid_is_fetched_once(popfetch, server):
    pop = server([mail("one"), mail("two")])
    pop.add(mail("three"), b"")
    fetched(popfetch, pop)
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 3


def test_one_uid_twice_with_different_messages(popfetch, server):
    pop = server()
    pop.add(mail("one"), b"same")
    pop.add(mail("other", "longer text\n"), b"same")
    pop.add(mail("three"))
    wires = pop.wires()
    assert popfetch.account(server=pop, keep="no")("-v").status == 0
    popfetch()
    popfetch()
    assert same(popfetch.maildir(), wires), "each once, none lost"


def test_one_uid_twice_with_one_size(popfetch, server):
    pop = server()
    first, second = mail("one", "text\n"), mail("two", "text\n")
    assert len(first) == len(second)
    pop.add(first, b"same")
    pop.add(second, b"same")
    popfetch.account(server=pop, keep="no")
    for _ in range(3):
        popfetch("-v")
    assert same(popfetch.maildir(), [first, second])


def test_one_message_twice_under_one_uid_is_delivered_once(popfetch, server):
    wire = mail("one")
    pop = server()
    pop.add(wire, b"same")
    pop.add(wire, b"same")
    popfetch.account(server=pop)
    for _ in range(2):
        assert popfetch("-v").status == 0
    assert same(popfetch.maildir(), [wire])


@pytest.mark.parametrize(
    "line", [b"0 zero", b"1 again", b"99999999999999999999 x", b"4294967297 wrapped"]
)
def test_odd_numbers_in_a_listing_are_never_used(popfetch, server, line):
    pop = server([mail("one"), mail("two"), mail("three")]).on(
        "UIDL", change(lambda reply: reply[:-3] + line + b"\r\n.\r\n"), nth=1
    )
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")
    result = popfetch("-v")
    assert result.status in (0, os.EX_PROTOCOL), result
    numbers = {
        command.split(" ")[1]
        for command in pop.commands("RETR") + pop.commands("DELE") + pop.commands("TOP")
    }
    assert numbers <= {"1", "2", "3"}
    popfetch()
    assert same(popfetch.maildir(), wires) and pop.left() == []


@pytest.mark.parametrize("uidl", [True, False])
@pytest.mark.parametrize("line", [b"", b"two", b"2.uid-000002"])
def test_a_malformed_line_keeps_no_other_message_from_coming(popfetch, server, line, uidl):
    command = "UIDL" if uidl else "LIST"
    old = rb"^2 \S+\r\n"
    caps = ("TOP", "USER") + ("UIDL",) * uidl
    pop = server([mail("one"), mail("two"), mail("three")], uidl=uidl, caps=caps)
    pop.on(
        command,
        change(lambda reply: re.sub(old, line + b"\r\n", reply, count=1, flags=re.M)),
        nth=1,
    )
    popfetch.account(server=pop, keep="no")
    result = popfetch()
    assert result.status == os.EX_PROTOCOL, result
    assert [e for e in result.errors if f"{command}: malformed line '" in e], result
    assert len(pop.left()) == 1 and len(popfetch.maildir()) == 2
    assert popfetch().status == 0 and len(popfetch.maildir()) == 3


def test_a_malformed_line_is_told_also_where_stat_counts_fewer_messages(popfetch, server):
    pop = server([mail("one"), mail("two"), mail("three")]).on("STAT", say(b"+OK 0 0\r\n"))
    pop.on("UIDL", change(lambda reply: reply.replace(b"2 uid-", b"#2 uid-")))
    popfetch.account(server=pop, keep="forever")
    for _ in range(2):
        result = popfetch()
        assert result.status == os.EX_PROTOCOL, result
        assert [e for e in result.errors if "UIDL: malformed line '#2 uid-000002'" in e], result
    assert len(popfetch.maildir()) == 2


def test_a_line_that_no_message_is_missing_for_is_no_error(popfetch, server):
    pop = server([mail("one"), mail("two")])
    pop.on("UIDL", change(lambda reply: reply[:-3] + b"two in all\r\n.\r\n"))
    popfetch.account(server=pop, keep="no")
    result = popfetch("-v")
    assert result.status == 0 and "UIDL: malformed line 'two in all'" in result.stdout, result
    assert len(popfetch.maildir()) == 2


def test_a_listing_in_any_order(popfetch, server):
    def backwards(reply):
        lines = reply.split(b"\r\n")
        return b"\r\n".join(lines[:1] + lines[1:-2][::-1] + lines[-2:])

    pop = (
        server([mail("one"), mail("two"), mail("three")])
        .on("UIDL", change(backwards))
        .on("LIST", change(backwards))
    )
    fetched(popfetch, pop)
    assert popfetch().status == 0 and len(popfetch.maildir()) == 3


def test_a_message_missing_from_uidl_is_not_lost(popfetch, server):
    pop = server([mail("one"), mail("two"), mail("three")]).on(
        "UIDL", change(lambda reply: reply.replace(b"2 uid-000002\r\n", b"")), nth=1
    )
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")
    popfetch("-v")
    popfetch("-v")
    assert same(popfetch.maildir(), wires)


@pytest.mark.parametrize("listed", [-1, 0, 1, 10**6, 2**63, 2**64, "x", "0x10", ""])
def test_sizes_are_hints(popfetch, server, listed):
    pop = server()
    pop.add(mail("one"), listed=listed)
    pop.add(mail("two"))
    fetched(popfetch, pop)
    assert popfetch().status == 0 and len(popfetch.maildir()) == 2


def test_sizes_counted_with_bare_line_feeds(popfetch, server):
    pop = server([mail("one", "a\nb\nc\n")])
    for message in pop.mailbox.messages:
        message.listed = message.size = len(local(message.wire))
    fetched(popfetch, pop)
    pop.mailbox.messages[0].listed = pop.mailbox.messages[0].size = len(pop.wires()[0])
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 1, "a size that is counted anew is no new message"


def test_a_known_uid_with_another_message_is_fetched(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop)
    popfetch()
    first = pop.wires()
    pop.mailbox.messages.clear()
    pop.add(mail("another", "and longer\n"), b"uid-000001")
    assert popfetch().status == 0
    assert same(popfetch.maildir(), first + pop.wires())


def test_uids_that_vanish_and_come_back_are_not_fetched_again(popfetch, server):
    pop = server([mail(str(number)) for number in range(10)])
    popfetch.account(server=pop)
    popfetch()
    everything = list(pop.mailbox.messages)
    for part in (everything[:0], everything[5:], everything[:1], everything):
        pop.mailbox.messages[:] = part
        assert popfetch().status == 0
    assert len(popfetch.maildir()) == 10


def test_a_listing_that_was_cut_forgets_nothing(popfetch, server):
    pop = server([mail(str(number)) for number in range(10)])
    popfetch.account(server=pop)
    popfetch()
    pop.on("UIDL", cut(40), nth=1)
    popfetch()
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 10


@pytest.mark.parametrize("uidl", [True, False])
def test_what_neither_stat_nor_the_server_knows_keeps_nothing_from_coming(popfetch, server, uidl):
    caps = ("TOP", "USER") + ("UIDL",) * uidl
    pop = server([mail("one"), mail("two"), mail("three")], uidl=uidl, caps=caps)
    command, line = ("UIDL", b"4 beyond") if uidl else ("LIST", b"4 100")
    pop.on(command, change(lambda reply: reply[:-3] + line + b"\r\n.\r\n"), nth=1)
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")
    result = popfetch("-v")
    assert result.status == os.EX_TEMPFAIL and "RETR 4: server said" in result.stderr, result
    assert same(popfetch.maildir(), wires) and pop.left() == []


@pytest.mark.parametrize("keep", ["no", "forever"])
def test_what_stat_has_not_counted_comes_too(popfetch, server, keep):
    def two_fewer(reply):
        _, count, total = reply.split()
        return b"+OK %d %s\r\n" % (max(0, int(count) - 2), total)

    pop = server([mail(str(number)) for number in range(4)]).on("STAT", change(two_fewer))
    wires = pop.wires()
    popfetch.account(server=pop, keep=keep)
    for _ in range(2):
        assert popfetch().status == 0
        assert same(popfetch.maildir(), wires)
    assert len(pop.left()) == (0 if keep == "no" else 4)


def test_a_thousand_million_messages_announced_cost_nothing(popfetch, server):
    pop = server([mail("one")]).on("STAT", say(b"+OK 1000000000 1\r\n"))
    result = popfetch.account(server=pop)("-v")
    assert result.status in (0, os.EX_PROTOCOL) and result.seconds < 5, result


def test_a_listing_without_end_is_given_up(popfetch, server):
    def endless(session, line):
        session.send(b"+OK\r\n")
        for number in itertools.count(1, 16):
            uids = (b"%d %060000d\r\n" % (n, n) for n in range(number, number + 16))
            session.send(b"".join(uids))

    pop = server(tls="off").on("STAT", say(b"+OK 4000000000 1\r\n")).on("UIDL", endless)
    result = popfetch.account(server=pop)("-v", timeout=60)
    assert result.status == os.EX_PROTOCOL and "does not end" in result.stderr, result


def test_a_listing_of_a_hundred_thousand(popfetch, server, with_sanitizers):
    count = 20_000 if with_sanitizers else 100_000
    lines = b"".join(b"%d %070d\r\n" % (number, number) for number in range(1, count + 1))
    pop = (
        server(pipelining=True)
        .on("STAT", say(b"+OK %d %d\r\n" % (count, count * 100)))
        .on("UIDL", say(b"+OK\r\n" + lines + b".\r\n"))
    )
    sizes = b"".join(b"%d 100\r\n" % number for number in range(1, count + 1))
    pop.on("LIST", say(b"+OK\r\n" + sizes + b".\r\n"))
    popfetch.account(server=pop)
    assert popfetch("--catch-up", timeout=60).status == 0
    result = popfetch(timeout=60)
    assert result.status == 0 and not pop.commands("RETR"), result


def test_a_listing_that_lacks_all_messages_of_stat_is_tried_again_later(popfetch, server):
    pop = server([mail("one")]).on("UIDL", say(b"+OK\r\n.\r\n"))
    result = popfetch.account(server=pop)("-v")
    assert result.status == os.EX_TEMPFAIL and "lists none" in result.stderr, result
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_without_uidl_and_list_nothing_is_taken_for_an_empty_mailbox(popfetch, server):
    pop = server([mail("one")], uidl=False, caps=("USER",)).on("LIST", say(b"-ERR no\r\n"))
    result = popfetch.account(server=pop, keep="no")("-v")
    assert result.status == os.EX_TEMPFAIL and "work" in result.stderr, result
    assert pop.left() == ["uid-000001"]
