# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Several messages under one uid, or none: never lost, never deleted undelivered."""

import os
import threading

import pytest

from popactions import close, say
from popmail import mail
from runner import same, stop
from test_poison import DAY, HOUR, Runs

LARGE = "x\n" * 2000


@pytest.fixture
def twins(server):
    """A server with these messages, all under one uid."""

    def make(*wires, **options):
        pop = server(**options)
        for wire in wires:
            pop.add(wire, "same")
        return pop

    return make


@pytest.fixture
def without_uidl(popfetch, server):
    """A fetch-and-delete account of a server that knows no uids, and whose mda refuses."""

    def make(*capabilities):
        pop = server([mail("one")], uidl=False, caps=("TOP", "USER", *capabilities))
        popfetch.account(server=pop, mda=popfetch.script("exit 1"), keep="no")
        assert popfetch().status == os.EX_TEMPFAIL
        assert pop.left() == ["uid-000001"]
        return pop

    return make


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_twin_of_a_message_that_was_refused_is_not_deleted(popfetch, twins, pipelining):
    one = mail("one", "first\n")
    pop = twins(one, one.replace(b"first", b"other"), pipelining=pipelining)
    popfetch.account(server=pop, mda=popfetch.script("exit 1"), keep="no")
    for _ in range(2):
        popfetch("-v")
        assert pop.left() == ["same", "same"] and not pop.all_commands("DELE")
    popfetch.accounts["work"]["mda"] = popfetch.saver()
    assert popfetch("work").status == 0
    assert one.replace(b"\r\n", b"\n") in popfetch.saved()


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("keep", ["no", "forever"])
def test_of_equal_messages_under_one_uid_one_is_delivered(popfetch, twins, pipelining, keep):
    one, two = mail("one"), mail("two")
    pop = twins(one, two, two, pipelining=pipelining)
    popfetch.account(server=pop, keep=keep)
    for _ in range(2):
        assert popfetch().status == 0
        assert same(popfetch.maildir(), [one, two])
        assert pop.left() == ([] if keep == "no" else ["same"] * 3)


@pytest.fixture
def copies():
    """A message sent to a list and to oneself: one header (but for what lists add), two bodies."""
    own = mail("list", "hello\n")
    return own, own.replace(b"hello\r\n", b"hello\r\n-- \r\nTo leave the list ...\r\n")


def test_copies_under_one_uid_are_told_apart_after_a_broken_line(popfetch, twins, copies):
    pop = twins(*copies)
    pop.on("RETR 2", lambda session, line: session.close())
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == os.EX_TEMPFAIL
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), copies) and pop.left() == []


@pytest.mark.parametrize("keep", ["no", "14 days", "forever"])
def test_a_copy_that_comes_while_the_first_is_there_is_delivered(popfetch, twins, copies, keep):
    pop = twins(copies[0])
    for command in ("DELE", "QUIT"):
        pop.on(command, lambda session, line: session.close())
    popfetch.account(server=pop, keep=keep)("-v")
    pop.forgive()
    pop.add(copies[1], "same")
    for _ in range(2):
        assert popfetch().status == 0
        assert same(popfetch.maildir(), copies)
    assert len(pop.left()) == (0 if keep == "no" else 2)


@pytest.mark.parametrize("runs", [1, 2], ids=["at once", "after it was seen to be gone"])
@pytest.mark.parametrize("late", [True, False], ids=["which is put off", "which is fetched"])
def test_a_copy_that_comes_after_the_first_was_deleted_is_delivered(
    popfetch, twins, copies, runs, late
):
    pop = twins(copies[0])
    popfetch.account(server=pop, keep="no")
    for _ in range(runs):
        assert popfetch().status == 0 and pop.left() == []
    pop.add(copies[1], "same")
    if late:
        pop.on("RETR 1", say(b"-ERR [SYS/TEMP] later\r\n"))
        assert popfetch().status == os.EX_TEMPFAIL and pop.left() == ["same"]
        pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), copies) and pop.left() == []


@pytest.mark.parametrize("headers", ["one header", "two headers"])
def test_twins_whose_sizes_are_counted_anew_are_known(popfetch, twins, copies, headers):
    pop = twins(*(copies if headers == "one header" else [mail("one"), mail("two")]))
    wires = pop.wires()
    popfetch.account(server=pop, keep="forever")
    assert popfetch().status == 0
    for message in pop.mailbox.messages:
        message.listed = message.size + 5
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires)


def test_a_copy_that_was_refused_is_not_taken_for_the_one_delivered(popfetch, twins, copies):
    pop = twins(*copies)
    picky = popfetch.script('grep -q "leave the list" && exit 1; exit 0', "picky")
    popfetch.account(server=pop, mda=picky, keep="14 days")
    assert popfetch().status == os.EX_TEMPFAIL
    popfetch.age(20 * 86400)
    popfetch.accounts["work"]["mda"] = popfetch.saver()
    assert popfetch("work").status == 0
    assert same(popfetch.saved(), copies[1:]) and pop.left() == ["same"]


def test_copies_of_unknown_size_are_all_delivered(popfetch, twins, copies):
    def sizes(session, line):
        number = line.split()[1:]
        one = b"+OK %s -1\r\n" % b"".join(number)
        session.send(one if number else b"+OK\r\n1 -1\r\n2 -1\r\n.\r\n")

    pop = twins(*copies).on("LIST", sizes)
    pop.on("DELE", lambda session, line: session.close())
    popfetch.account(server=pop, keep="no")("-v")
    pop.forgive()
    pop.on("LIST", sizes)
    for _ in range(2):
        assert popfetch().status == 0
        assert same(popfetch.maildir(), copies)
    assert pop.left() == []


def test_each_of_several_under_one_uid_has_its_own_delivery_id(popfetch, twins):
    one = mail("one", "first\n")
    pop = twins(one, one.replace(b"Subject: one", b"Subject: two"))
    mda = popfetch.script('cat >/dev/null; echo "$POPFETCH_DELIVERY_ID" >> "$HOME/ids"', "ids")
    assert popfetch.account(server=pop, mda=mda)().status == 0
    assert len(set((popfetch.home / "ids").read_text().split())) == 2


def test_what_was_caught_up_with_and_is_gone_says_nothing_of_the_next(popfetch, server):
    """Without TOP a row has no digest; its uid and size may be those of another message."""
    pop = server([mail("one", "first\n")], top=False, caps=("UIDL", "USER"))
    popfetch.account(server=pop, keep="no")
    assert popfetch("--catch-up").status == 0
    pop.mailbox.messages.clear()
    assert popfetch().status == 0
    new = pop.add(mail("two", "other\n"), "uid-000001")
    assert popfetch().status == 0
    assert same(popfetch.maildir(), [new.wire]) and pop.left() == []


ALARM = b"From: box@example.org\r\nSubject: alarm\r\n\r\nThe disk is full.\r\n"


def test_without_uidl_an_equal_message_after_the_first_is_another(popfetch, server):
    pop = server([ALARM], uidl=False, caps=("TOP", "USER"))
    popfetch.account(server=pop, keep="no")
    for _ in range(2):  # the second sees that it is gone
        assert popfetch().status == 0 and pop.left() == []
    pop.add(ALARM)
    assert popfetch().status == 0
    assert same(popfetch.maildir(), [ALARM, ALARM]) and pop.left() == []


def test_without_uidl_what_was_thrown_away_unread_is_not_gone(popfetch, server):
    """A delivered message that could not be deleted comes in again when the run is stopped."""
    pop = server([mail("one")], uidl=False, caps=("TOP", "USER"))
    pop.on("QUIT", lambda session, line: session.close())
    popfetch.account(server=pop, mda=popfetch.saver(), keep="no")("-v")
    assert len(popfetch.saved()) == 1 and len(pop.left()) == 1
    pop.forgive()
    asked, stopped = threading.Event(), threading.Event()
    pop.on("RETR 1", lambda session, line: (asked.set(), stopped.wait(20), session.obey(line)))
    process = popfetch.start("-v")
    assert asked.wait(20)
    stop(process)
    stopped.set()
    popfetch.finish(process)
    pop.settle()
    pop.forgive()
    assert popfetch().status == 0
    assert len(popfetch.saved()) == 1 and pop.left() == []


def test_without_uidl_an_equal_message_after_a_long_pause_is_another(popfetch, server):
    pop = server([ALARM], uidl=False, caps=("TOP", "USER"))
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0
    popfetch.sql("update fact set value = value - 31 * 86400 where name = 'last_run'")
    assert popfetch().status == 0  # it sees that it is gone
    pop.add(ALARM)
    assert popfetch().status == 0
    assert same(popfetch.maildir(), [ALARM, ALARM]) and pop.left() == []


def test_without_uidl_a_thousand_equal_messages_are_told_apart_in_time(popfetch, server):
    pop = server([ALARM] * 1000, uidl=False, caps=("TOP", "USER"), deletes=False, tls="off")
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0
    result = popfetch()
    assert result.status == 0 and len(popfetch.maildir()) == 1000
    assert result.seconds < 10, result


def test_without_uidl_equal_messages_of_which_one_is_delivered(popfetch, server):
    pop = server([ALARM] * 3, uidl=False, caps=("TOP", "USER"))
    popfetch.account(server=pop, keep="no")
    pop.on("RETR 2", lambda session, line: session.close())
    assert popfetch().status == os.EX_TEMPFAIL
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), [ALARM] * 3) and pop.left() == []


def test_catching_up_records_twins_once(popfetch, twins):
    pop = twins(mail("one"), mail("two"))
    pop.add(mail("three"))
    popfetch.account(server=pop)
    for _ in range(3):
        assert popfetch("--catch-up").status == 0
        assert popfetch.sql("select count(*) from message") == [(3,)]
    assert popfetch().status == 0
    assert popfetch.maildir() == [] and not pop.all_commands("RETR")


def test_a_twin_that_is_too_large_is_named_once(popfetch, twins):
    pop = twins(mail("one"), mail("two", LARGE))
    popfetch.account(server=pop, max_size="1 KiB")
    told = [popfetch().stderr for _ in range(3)]
    assert told[0].count("larger than max_size (1 KiB)") == 1, told
    assert len(told[0].splitlines()) == 1, told
    assert told[1:] == ["", ""]
    assert len(popfetch.maildir()) == 1


def test_what_is_too_large_and_has_no_uid_is_not_told_in_every_run(popfetch, server):
    pop = server([mail("one", LARGE)], uidl=False, caps=("TOP", "USER"))
    popfetch.account(server=pop, keep="no", max_size="1 KiB")
    result = popfetch()
    assert result.status == 0, result
    [line] = result.errors
    assert line.endswith("work: 1 message is larger than max_size (1 KiB): left on the server")
    for _ in range(3):
        result = popfetch()
        assert result.status == 0 and result.output == "", result
    assert popfetch.sql("select count(*) from message") == [(0,)]
    shown = popfetch("-v").output
    assert "message 1, " in shown and "is larger than max_size (1 KiB)" in shown, shown
    assert pop.left() == ["uid-000001"]


def test_what_is_too_large_and_has_no_uid_is_told_when_there_is_more_of_it(popfetch, server):
    pop = server([mail("one", LARGE)], uidl=False, caps=("TOP", "USER"))
    popfetch.account(server=pop, keep="no", max_size="1 KiB")
    assert "1 message is larger than max_size" in popfetch().stderr
    pop.add(mail("two", LARGE))
    pop.add(mail("small"))
    assert "2 messages are larger than max_size" in popfetch().stderr
    assert len(popfetch.maildir()) == 1
    pop.mailbox.messages.pop(0)
    assert popfetch().output == ""
    pop.add(mail("three", LARGE))
    assert "2 messages are larger than max_size" in popfetch().stderr
    assert popfetch().output == ""


@pytest.mark.parametrize("how", ["named", "due"])
def test_what_was_refused_without_uid_is_delivered_later(popfetch, without_uidl, how):
    pop = without_uidl()
    wires = pop.wires()
    popfetch.accounts["work"]["mda"] = popfetch.saver()
    popfetch()
    assert popfetch.saved() == [] and len(pop.left()) == 1, "it is not its time yet"
    if how == "due":
        popfetch.sql("update message set next_try = 1")
    assert popfetch(*["work"] * (how == "named")).status == 0
    assert same(popfetch.saved(), wires) and pop.left() == []


def test_expire_0_withholds_quit_while_a_message_without_uid_is_set_aside(popfetch, without_uidl):
    pop = without_uidl("EXPIRE 0")
    assert not pop.commands("QUIT")
    popfetch("-v")
    assert pop.commands("RETR") and not pop.commands("QUIT")


def test_that_expire_0_keeps_all_mail_on_the_server_is_told_once_a_day(popfetch, server, clock):
    pop = server([mail("one"), mail("two")], uidl=False, caps=("TOP", "USER", "EXPIRE 0"))
    popfetch.account(server=pop, mda=popfetch.script("grep -q '^Subject: two'"), keep="no")
    run = Runs(popfetch, clock)
    told = [sum("nothing is deleted" in line for line in r.errors) for r in run(30, apart=HOUR)]
    assert told == [1] + 23 * [0] + [1] + 5 * [0]
    popfetch.accounts["work"]["mda"] = popfetch.saver()
    run.wait(8 * 24 * HOUR)
    result = run()[0]
    assert result.status == 0 and not result.errors, result
    assert pop.left() == []


def test_expire_0_withholds_quit_when_what_was_compared_has_to_wait(popfetch, server):
    pop = server([mail("one")], top=False, caps=("UIDL", "USER", "EXPIRE 0"))
    assert popfetch.account(server=pop)().status == 0
    pop.mailbox.messages.clear()
    pop.add(mail("two"))
    pop.add(mail("other", "longer and longer\n"), "uid-000001")
    wires = pop.wires()
    popfetch.accounts["work"]["max_messages"] = 1
    assert popfetch("-v").status == 0
    assert len(pop.commands("RETR")) == 2 and not pop.commands("QUIT")
    del popfetch.accounts["work"]["max_messages"]
    assert popfetch("-v").status == 0
    assert pop.commands("QUIT")
    assert [wire.replace(b"\r\n", b"\n") in popfetch.maildir() for wire in wires] == [True] * 2


def test_a_comparison_that_the_server_refuses_is_told(popfetch, server):
    pop = server([mail("one")], top=False, caps=("UIDL", "USER"))
    assert popfetch.account(server=pop)().status == 0
    pop.mailbox.messages.clear()
    new = pop.add(mail("other", "longer and longer\n"), "uid-000001")
    pop.on("RETR", say(b"-ERR broken\r\n"))
    result = popfetch()
    assert result.status == os.EX_TEMPFAIL, result
    assert len(result.errors) == 1 and "broken" in result.stderr, result
    pop.forgive()
    assert popfetch("work").status == 0
    assert new.wire.replace(b"\r\n", b"\n") in popfetch.maildir()


def test_one_that_broke_a_session_has_its_turn_though_each_has_to_compare(popfetch, twins, clock):
    pop = twins(mail("first"), top=False, caps=("UIDL", "USER", "LOGIN-DELAY 60"))
    saver = popfetch.saver()
    popfetch.account(server=pop, mda=saver, keep="forever")
    assert popfetch().status == 0
    pop.mailbox.messages.clear()
    for name in ("one", "second"):
        pop.add(mail(name), "same")
    popfetch.accounts["work"]["mda"] = popfetch.script("kill -9 $PPID; sleep 1", "killer")
    run = Runs(popfetch, clock)
    run.wait(HOUR)
    run(apart=HOUR)
    popfetch.accounts["work"]["mda"] = saver
    run(6, apart=HOUR)
    assert len(popfetch.saved()) == 3
    assert run()[0].status == 0


UNREADABLE = {"close": close, "refuse": say(b"-ERR cannot read message\r\n")}
unreadable = pytest.mark.parametrize("act", UNREADABLE.values(), ids=UNREADABLE)


def fail(pop, number, act):
    for command in ("TOP", "RETR"):
        pop.on(f"{command} {number}", act)


def aside(popfetch):
    return popfetch.sql("select count(*) from message where status = 3 and gone_since = 0")[0][0]


@pytest.fixture
def alike():
    """Two messages of one size."""
    return mail("one", "x" * 50 + "\n"), mail("two", "y" * 50 + "\n")


@unreadable
@pytest.mark.parametrize("place", [1, 2])
def test_one_that_never_came_is_set_aside_though_its_like_was_delivered(
    popfetch, twins, clock, alike, act, place
):
    pop, run = twins(alike[0]), Runs(popfetch, clock)
    popfetch.account(server=pop, keep="forever")
    assert run(apart=HOUR)[0].status == 0
    pop.add(alike[1], "same")
    if place == 1:
        pop.mailbox.messages.reverse()
    fail(pop, place, act)
    told = "".join(result.stderr for result in run(8, apart=HOUR))
    assert f"message {place} (uid 'same') is set aside" in told, told
    assert "not deleted" not in told, told
    assert aside(popfetch) == 1
    run.wait(DAY)
    for result in run(2, apart=DAY):
        assert "1 message is set aside, the first since" in result.stderr, result
    pop.forgive()
    run.wait(7 * DAY)
    run(3, apart=HOUR)
    assert same(popfetch.maildir(), alike) and aside(popfetch) == 0
    assert run()[0].output == ""


@unreadable
def test_one_of_two_that_were_delivered_is_not_set_aside(popfetch, twins, clock, alike, act):
    pop, run = twins(*alike), Runs(popfetch, clock)
    popfetch.account(server=pop, keep="forever")
    assert run(apart=HOUR)[0].status == 0 and len(popfetch.maildir()) == 2
    fail(pop, 2, act)
    told = "".join(result.stderr for result in run(8, apart=HOUR))
    assert "is not deleted for now" in told and "set aside" not in told, told
    assert aside(popfetch) == 0


def test_a_copy_of_another_size_that_was_delivered_is_not_set_aside(
    popfetch, twins, clock, copies
):
    pop, run = twins(copies[0]), Runs(popfetch, clock)
    popfetch.account(server=pop, keep="forever")
    assert run(apart=HOUR)[0].status == 0
    pop.add(copies[1], "same")
    fail(pop, 1, UNREADABLE["refuse"])
    told = "".join(result.stderr for result in run(4, apart=HOUR))
    assert same(popfetch.maildir(), copies)
    assert "set aside" not in told and aside(popfetch) == 0, told


@pytest.mark.parametrize("times", [1, 2])
def test_what_turns_out_to_be_the_delivered_one_is_not_set_aside_any_more(
    popfetch, twins, clock, times
):
    one = mail("one")
    pop, run = twins(one), Runs(popfetch, clock)
    popfetch.account(server=pop, keep="forever")
    assert run(apart=HOUR)[0].status == 0
    pop.add(one, "same")
    for _ in range(times):
        fail(pop, 2, UNREADABLE["refuse"])
        assert "is set aside" in run(apart=DAY)[0].stderr
        assert aside(popfetch) == 1
        pop.forgive()
        run(2, apart=DAY)
        assert aside(popfetch) == 0 and len(popfetch.maildir()) == 1


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("place", [1, 2, 3])
def test_one_at_which_sessions_break_keeps_none_of_its_uid_and_size_away(
    popfetch, twins, clock, alike, place, pipelining
):
    wires = [*alike, mail("six", "z" * 50 + "\n")]
    assert len({len(wire) for wire in wires}) == 1
    pop, run = twins(*wires, pipelining=pipelining), Runs(popfetch, clock)
    pop.on(f"RETR {place}", close)
    popfetch.account(server=pop, keep="forever")
    run(8, apart=HOUR)
    others = [wire for wire in wires if wire != wires[place - 1]]
    assert same(popfetch.maildir(), others)
    pop.forgive()
    run.wait(7 * DAY)
    run(2, apart=HOUR)
    assert same(popfetch.maildir(), wires)
