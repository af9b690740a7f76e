# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Servers that list a part of their messages, list them otherwise each time, or tell lies.

Of the odd uids, numbers and sizes of a single listing tests/functional knows more; here are those
that come and go from run to run.
"""

import collections
import random
import re

import pytest

from popactions import about, change, hang
from popmail import Mailbox, local, mail
from runner import same

DAY = 86400


def each_once(popfetch, wires):
    assert same(popfetch.maildir(), wires)
    return True


def window(pop, messages):
    """What the server shows from now on: a message that is shown and deleted is gone for good."""
    pop.mailbox.messages[:] = messages


def put_back(pop, everything, shown):
    """The mailbox behind a window, after a session in which some of it may have been deleted."""
    left = {id(message) for message in pop.mailbox.messages}
    gone = {id(message) for message in shown} - left
    return [message for message in everything if id(message) not in gone]


def test_windows_of_250_move_over_600_messages_that_are_kept(popfetch, server, points):
    pop = server([mail(str(number)) for number in range(600)], pipelining=True, tls="off")
    everything = list(pop.mailbox.messages)
    popfetch.account(server=pop, keep="forever")
    views = [everything[-250:], everything[:250], everything, everything[:0], everything[-250:]]
    views += [everything[100:350], everything]
    seen = set()
    for view in views:
        window(pop, view)
        assert popfetch().status == 0
        seen |= {message.wire for message in view}
        assert each_once(popfetch, seen), len(view)
        retrieved = [c for c in pop.commands("RETR")]
        assert len(retrieved) <= len(view)
    points(len(views))


@pytest.mark.parametrize("end", ["oldest", "newest"])
@pytest.mark.parametrize("comes_back", [False, True], ids=["deleted", "not at first"])
def test_windows_of_250_are_emptied_one_after_the_other(popfetch, server, points, end, comes_back):
    pop = server(pipelining=True, tls="off")
    everything = [pop.add(mail(str(number))) for number in range(600)]
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")
    for run in range(5):
        shown = everything[:250] if end == "oldest" else everything[-250:]
        window(pop, shown)
        pop.deletes = not comes_back or run % 2 == 1
        assert popfetch().status == 0
        everything = put_back(pop, everything, shown)
        points(1)
    if comes_back:
        pop.deletes = True
        while everything:
            shown = everything[:250] if end == "oldest" else everything[-250:]
            window(pop, shown)
            assert popfetch().status == 0
            left = put_back(pop, everything, shown)
            assert len(left) < len(everything)
            everything = left
    assert everything == [] and each_once(popfetch, wires)


@pytest.mark.parametrize("keep", ["forever", "14 days"])
@pytest.mark.parametrize("days, again", [(1, False), (179, False), (190, True)])
def test_a_uid_that_comes_back_is_known_for_180_days(
    popfetch, server, points, keep, days, again
):
    pop = server([mail("one"), mail("two")], tls="off")
    everything = list(pop.mailbox.messages)
    popfetch.account(server=pop, keep=keep)
    assert popfetch().status == 0
    window(pop, everything[:1])
    assert popfetch().status == 0
    popfetch.sql("update message set gone_since = gone_since - ? where gone_since > 0", days * DAY)
    assert popfetch().status == 0  # a complete listing without it
    window(pop, everything)
    assert popfetch().status == 0
    count = collections.Counter(popfetch.maildir())[local(everything[1].wire)]
    assert count == (2 if again else 1)
    points(1)


def test_a_listing_that_is_not_complete_makes_nothing_gone(popfetch, server, points):
    """STAT counts more than UIDL lists: what is missing may well be there."""
    pop = server([mail("one"), mail("two"), mail("three")], tls="off")
    everything = list(pop.mailbox.messages)
    popfetch.account(server=pop, keep="forever")
    assert popfetch().status == 0
    window(pop, everything[:1])
    pop.on("STAT", b"+OK 3 1000\r\n")
    for _ in range(2):
        popfetch()
    assert popfetch.sql("select count(*) from message where gone_since > 0") == [(0,)]
    pop.forgive()
    window(pop, everything)
    assert popfetch().status == 0 and len(popfetch.maildir()) == 3
    points(3)


@pytest.mark.parametrize("top", [True, False], ids=["with TOP", "without TOP"])
@pytest.mark.parametrize("size", ["the same size", "another size"])
@pytest.mark.parametrize("keep", ["no", "14 days"])
def test_a_uid_given_to_another_message_deletes_nothing_undelivered(
    popfetch, server, points, top, size, keep
):
    """It was not deleted when the line broke; when we come back, the uid means another message."""
    one, other = mail("one", "text\n"), mail("two", "text\n")
    if size != "the same size":
        other = mail("two", "much more text\n" * 5)
    pop = server([one], top=top, tls="off", caps=("UIDL", "USER") + (("TOP",) if top else ()))
    popfetch.account(server=pop, keep=keep)
    if keep == "no":
        pop.on("DELE", lambda session, line: session.close())
    popfetch("-v")
    pop.forgive()
    assert same(popfetch.maildir(), [one])
    popfetch.age(15 * DAY)
    window(pop, [])
    pop.add(other, "uid-000001")
    for _ in range(3):
        assert popfetch().status == 0
        have = popfetch.maildir()
        assert local(other) in have or pop.left(), "deleted before it was delivered"
    assert same(popfetch.maildir(), [one, other])
    points(3)


@pytest.mark.parametrize("sizes", ["one size", "two sizes"])
@pytest.mark.parametrize("keep", ["no", "forever"])
def test_a_known_uid_that_is_suddenly_there_twice(popfetch, server, points, sizes, keep):
    one, other = mail("one", "text\n"), mail("two", "text\n" if sizes == "one size" else "longer\n")
    pop = server([one], tls="off")
    popfetch.account(server=pop, keep="forever")
    assert popfetch().status == 0
    pop.add(other, "uid-000001")
    pop.add(mail("three"))
    wires = pop.wires()
    popfetch.accounts["work"]["keep"] = keep
    for _ in range(3):
        popfetch()
        have = collections.Counter(popfetch.maildir())
        there = [local(wire) for wire in pop.wires()]
        assert all(local(wire) in have or local(wire) in there for wire in wires)
    assert same(popfetch.maildir(), wires)
    assert len(pop.left()) == (3 if keep == "forever" else 0)
    points(3)


def test_one_uid_for_all_messages(popfetch, server, points):
    pop = server(tls="off", pipelining=True)
    wires = [mail(f"number {number}", "x\n" * (number // 2)) for number in range(12)]
    for wire in wires:
        pop.add(wire, b"the only one")
    popfetch.account(server=pop, keep="no")
    for _ in range(4):
        popfetch()
        have = popfetch.maildir()
        assert all(local(wire) in have or wire in pop.wires() for wire in wires)
    assert same(popfetch.maildir(), wires)
    points(4)


def test_every_byte_that_a_line_can_hold_may_be_in_a_uid(popfetch, server, points):
    box = Mailbox()
    for byte in range(256):
        if byte not in b"\r\n":
            box.add(mail(f"byte {byte}"), bytes([byte]) + b"x")
            box.add(mail(f"byte {byte} again"), b"x" + bytes([byte]) + b"y")
    pop = server(mailbox=box, tls="off", pipelining=True)
    wires = pop.wires()
    popfetch.account(server=pop, keep="forever")
    assert popfetch().status == 0
    # " x" and "x" may be one uid to a server that pads with blanks: never lost, at most told apart
    assert each_once(popfetch, wires)
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == len(wires), "known when they come again"
    popfetch.accounts["work"]["keep"] = "no"
    assert popfetch().status == 0
    assert pop.left() == []
    points(len(wires))


def test_numbers_that_mean_other_messages_in_each_run(popfetch, server, points):
    """Only those whose time has come are deleted, whatever number they have now."""
    pop = server([mail(str(number), "x" * number + "\n") for number in range(30)], tls="off")
    wires = pop.wires()
    popfetch.account(server=pop, keep="14 days")
    dice = random.Random(7)
    assert popfetch().status == 0
    aged = set()
    while pop.mailbox.messages:
        dice.shuffle(pop.mailbox.messages)
        some = dice.sample(pop.mailbox.messages, min(5, len(pop.mailbox.messages)))
        for message in some:
            popfetch.sql("update message set delivered = delivered - ? where uid = ?",
                         15 * DAY, message.uid)  # fmt: skip
            aged.add(message.uid.decode())
        before = set(pop.left())
        assert popfetch().status == 0
        assert before - set(pop.left()) == before & aged
        points(1)
    assert each_once(popfetch, wires)


def test_after_a_migration_with_new_uids_nothing_is_lost_or_deleted_unseen(
    popfetch, server, points
):
    pop = server([mail(str(number)) for number in range(8)], tls="off")
    wires = pop.wires()
    popfetch.account(server=pop, keep="14 days")
    assert popfetch().status == 0
    popfetch.age(15 * DAY)
    for number, message in enumerate(pop.mailbox.messages):
        message.uid = b"migrated-%d" % number
    wires.append(pop.add(mail("new"), "migrated-new").wire)
    for _ in range(2):
        assert popfetch().status == 0
    assert set(popfetch.maildir()) == {local(wire) for wire in wires}
    points(2)


def without_line(number):
    return change(lambda reply: re.sub(rb"\n%d [^\n]*\n" % number, b"\n", reply, count=1))


LIES = {
    "STAT counts one less": ("STAT", change(lambda r: re.sub(rb"OK \d+", b"OK 4", r))),
    "STAT counts one more": ("STAT", change(lambda r: re.sub(rb"OK \d+", b"OK 6", r))),
    "STAT sees an empty mailbox": ("STAT", change(lambda r: b"+OK 0 0\r\n")),
    "STAT sees too many bytes": ("STAT", change(lambda r: re.sub(rb"\d+\r", b"999999\r", r))),
    "UIDL lacks the first": ("UIDL", without_line(1)),
    "UIDL lacks the third": ("UIDL", without_line(3)),
    "UIDL lacks the last": ("UIDL", without_line(5)),
    "UIDL is empty": ("UIDL", change(lambda r: b"+OK\r\n.\r\n")),
    "UIDL has one more": ("UIDL", change(lambda r: r[:-3] + b"6 uid-000006\r\n.\r\n")),
    "LIST lacks one": ("LIST", without_line(3)),
    "LIST is empty": ("LIST", change(lambda r: b"+OK\r\n.\r\n" if b"\r\n." in r else r)),
    "LIST has one more": ("LIST", change(lambda r: r.replace(b"\r\n.\r\n", b"\r\n6 100\r\n.\r\n"))),
    "LIST doubles the sizes": (
        "LIST",
        change(lambda r: re.sub(rb"(\d) (\d+)\r", lambda m: b"%s %d\r" % (m[1], 2 * int(m[2])), r)),
    ),
    "LIST says 0 for all": ("LIST", change(lambda r: re.sub(rb"(\d) \d+\r", rb"\1 0\r", r))),
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("keep", ["no", "forever"])
@pytest.mark.parametrize("when", ["first", "later"])
def test_listings_that_disagree_lose_and_double_nothing(
    popfetch, server, points, lie, keep, when
):
    """For two runs; then the server tells the truth again."""
    pop = server([mail(f"{number} {lie}", "x\n" * number) for number in range(5)], tls="off")
    wires = pop.wires()
    popfetch.account(server=pop, keep="forever")
    if when == "later":
        newest = pop.mailbox.messages.pop()
        assert popfetch().status == 0
        pop.mailbox.messages.append(newest)
    popfetch.accounts["work"]["keep"] = keep
    pop.on(*LIES[lie])
    for _ in range(2):
        result = popfetch("-v")
        have = collections.Counter(popfetch.maildir())
        assert max(have.values(), default=0) <= 1, result
        there = {local(wire) for wire in pop.wires()}
        assert all(local(wire) in have or local(wire) in there for wire in wires), result
        points(1)
    pop.forgive()
    result = popfetch("work")
    assert result.status == 0, result
    assert each_once(popfetch, wires)
    assert len(pop.left()) == (0 if keep == "no" else 5)


def test_two_uids_that_change_places_for_a_while_delete_nothing_undelivered(
    popfetch, server, points
):
    def swap(reply):
        return reply.replace(b"1 uid-000001", b"1 uid-00000X").replace(
            b"2 uid-000002", b"2 uid-000001").replace(b"00000X", b"000002")  # fmt: skip

    pop = server([mail("one"), mail("two"), mail("three")], tls="off")
    wires = pop.wires()
    popfetch.account(server=pop, keep="14 days")
    pop.on("UIDL", change(swap))
    assert popfetch().status == 0
    assert each_once(popfetch, wires)
    pop.forgive()
    popfetch.age(15 * DAY)
    for _ in range(3):
        popfetch()
        have = popfetch.maildir()
        assert all(local(wire) in have for wire in wires)
    points(4)


def test_dele_without_effect_on_some_is_told_once_and_nothing_comes_twice(
    popfetch, server, points
):
    """Some accounts of big providers answer +OK to DELE and keep the message."""
    pop = server([mail(str(number)) for number in range(6)], tls="off")
    wires = pop.wires()
    stubborn = pop.mailbox.messages[2]
    popfetch.account(server=pop, keep="no")
    told = 0
    for run in range(5):
        assert (result := popfetch()).status == 0
        told += len(result.errors)
        if stubborn not in pop.mailbox.messages:
            pop.mailbox.messages.append(stubborn)
        assert each_once(popfetch, wires)
        points(1)
    assert told == 1, "noted once"


def test_messages_hidden_once_they_were_retrieved_are_delivered_all_the_same(
    popfetch, server, points
):
    """Gmail lists no message again that a client has retrieved, deleted or not."""
    pop = server(tls="off", pipelining=True)
    everything = [pop.add(mail(str(number))) for number in range(20)]
    wires = pop.wires()
    popfetch.account(server=pop, keep="14 days", max_messages=7)
    for _ in range(3):
        assert popfetch().status == 0
        hidden = {local(wire) for wire in wires} & set(popfetch.maildir())
        window(pop, [message for message in everything if local(message.wire) not in hidden])
        points(1)
    assert pop.left() == [] and each_once(popfetch, wires)
    window(pop, everything)  # "recent:" shows them all again
    assert popfetch().status == 0
    assert each_once(popfetch, wires)


@pytest.mark.parametrize(
    "end", [b"last words.\r\n", b"last words\r\n.\r", b"last words\r\n."], ids=ascii
)
def test_a_message_whose_end_never_comes_is_not_delivered_by_guess(
    popfetch, server, points, end
):
    """Exchange has left out the last line end, Cyrus the last octet; then all is silent."""
    pop = server([mail("one"), mail("two"), mail("three")], tls="off")
    wires = pop.wires()

    def stuck(session, line):
        session.send(b"+OK\r\n" + wires[1].rpartition(b"\r\n\r\n")[0] + b"\r\n\r\n" + end)
        hang(session, line)

    pop.on("RETR", about("uid-000002", stuck))
    popfetch.account(server=pop, keep="no", timeout="1 second")
    for _ in range(5):
        result = popfetch("-v")
        assert result.status != 0, result
        assert local(wires[1]) not in popfetch.maildir() and len(pop.left()) >= 1
        points(1)
        if same_number(popfetch, 2):
            break
    assert same(popfetch.maildir(), [wires[0], wires[2]]), "it is set aside, the others go on"
    pop.forgive()
    del popfetch.accounts["work"]["timeout"]
    assert popfetch("work").status == 0
    assert each_once(popfetch, wires) and pop.left() == []


def same_number(popfetch, number):
    return len(popfetch.maildir()) == number
