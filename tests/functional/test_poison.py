# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A message at which sessions break, or that the server will not give, never stops the others."""

import os
import signal

import pytest

from popactions import about, close, endless, hang, honest, say
from popmail import mail
from runner import same

pytestmark = pytest.mark.progress

DAY, HOUR = 86400, 3600
UNREADABLE = say(b"-ERR cannot read message\r\n")
TEMPORARY = say(b"-ERR [SYS/TEMP] internal error\r\n")
LATER = say(b"-ERR cannot open it, try again later\r\n")
BROKEN = [("silence", hang), ("line drops", close), ("nonsense", say(b"HELLO\r\n"))]
BROKEN += [("empty line", say(b"\r\n"))]

broken = pytest.mark.parametrize("act", [act for _, act in BROKEN], ids=[name for name, _ in BROKEN])
pipelining = pytest.mark.parametrize("pipelining", [True, False])


def poison(pop, command, number, act):
    """act, at this command about the message that has this number now."""
    return pop.on(command, about(pop.left()[number - 1], act))


def hold_back(session, line):
    """Replies are sent when no more commands are there."""
    session.held = getattr(session, "held", b"") + session.reply(line)
    if not session.waiting(0.02):
        session.send(session.held)
        session.held = b""


def mails(count):
    return [mail(f"m{n}") for n in range(1, count + 1)]


def count_anew(pop):
    """All that is there has another size from now on, and STAT does not fit."""
    for message in pop.mailbox.messages:
        message.listed = message.size + 7
    pop.on("STAT", say(b"+OK %d 1\r\n" % len(pop.mailbox.messages)))


class Runs:
    """Runs of cron: so many, and so many seconds apart."""

    def __init__(self, popfetch, clock):
        self.popfetch, self.clock = popfetch, clock
        self.seconds = 0

    def wait(self, seconds):
        self.seconds += seconds

    def __call__(self, times=1, apart=300):
        results = []
        for _ in range(times):
            results.append(self.popfetch(env=self.clock(self.seconds)))
            self.wait(apart)
        return results


@pytest.fixture
def run(popfetch, clock):
    return Runs(popfetch, clock)


@pytest.fixture
def due(popfetch, server, run):
    """A server with so many messages, all of them fetched and due for deletion."""

    def make(count, **options):
        pop = server(mails(count), **options)
        popfetch.account(server=pop, keep="1 day")
        run()
        run.wait(2 * DAY)
        return pop

    return make


# A session breaks at each numbered command of one message.


@broken
@pipelining
@pytest.mark.parametrize("command", ["TOP", "DELE"])
def test_others_that_are_due_are_deleted(popfetch, server, run, command, act, pipelining):
    pop = server(mails(6), pipelining=pipelining)
    popfetch.account(server=pop, keep="1 day", timeout="1 second")
    assert run()[0].status == 0
    run.wait(3 * DAY)
    poison(pop, command, 3, act)
    first, second = run(2)
    assert first.status in (os.EX_TEMPFAIL, os.EX_PROTOCOL), first
    assert len(pop.left()) == 1, second


@broken
@pipelining
def test_others_are_fetched_and_deleted(popfetch, server, run, act, pipelining):
    pop = server(mails(6), pipelining=pipelining)
    poison(pop, "RETR", 3, act)
    wires = pop.wires()
    popfetch.account(server=pop, keep="no", timeout="1 second")
    run(2)
    assert len(pop.left()) == 1
    assert same(popfetch.maildir(), wires[:2] + wires[3:])


def without_end(pop, command):
    """The answer about the second message has no end."""
    line = b"X-W: " + b"w" * 900 + b"\r\n"
    return poison(pop, command, 2, endless(b"+OK\r\n", line * 9))


@pytest.mark.parametrize(
    "options, most",
    [({"max_size": "1 MiB"}, 1 << 20), ({}, 64 << 20), ({"max_size": "1 GiB"}, 64 << 20)],
    ids=["max_size", "listed", "large max_size"],
)
def test_a_message_without_end_is_left_and_the_others_come(popfetch, server, run, options, most):
    pop = without_end(server(mails(3)), "RETR")
    popfetch.account(server=pop, keep="no", **options)
    results = run(3)
    assert [result.status for result in results] == [os.EX_PROTOCOL] * 3
    assert "is set aside, since three sessions broke at it: RETR" in results[2].stderr
    assert len(popfetch.maildir()) == 2 and len(pop.left()) == 1
    assert 3 * most < pop.sent() < 3 * most + (48 << 20)


def test_a_header_without_end_keeps_no_other_from_being_deleted(due, run):
    pop = without_end(due(3), "TOP")
    results = run(3)
    assert "is not deleted for now, since three sessions broke at it: TOP" in results[2].stderr
    assert len(pop.left()) == 1


@broken
def test_list_of_one_message(popfetch, server, run, act):
    pop = server(mails(12), pipelining=True)
    popfetch.account(server=pop, timeout="1 second")
    assert popfetch().status == 0
    pop.add(mail("new"))
    pop.add(mail("newer"))
    pop.on("LIST 14", act)
    assert run()[0].status != 0
    assert run()[0].status == 0
    assert len(popfetch.maildir()) == 14


@broken
def test_the_whole_list(popfetch, server, run, act):
    pop = server(mails(3), pipelining=True)
    pop.on("LIST", act)
    popfetch.account(server=pop, timeout="1 second")
    run(4)
    assert len(popfetch.maildir()) == 3


@broken
def test_new_mail_in_each_run_comes_and_goes(popfetch, server, run, act):
    """Each session in order ends with QUIT, though the message that breaks them is due."""
    pop = server(mails(2))
    poison(pop, "RETR", 1, act)
    popfetch.account(server=pop, keep="no", timeout="1 second")
    run()
    for n in range(5):
        pop.add(mail(f"new{n}"))
        run()
        assert len(pop.left()) == 1, n
    assert len(popfetch.maildir()) == 6


@broken
def test_it_is_asked_for_when_there_is_nothing_else_and_three_times_in_an_hour(
    popfetch, server, run, act
):
    pop = server(mails(3))
    poison(pop, "RETR", 1, act)
    popfetch.account(server=pop, timeout="1 second")
    results = run(6, apart=60)
    assert [r.status == 0 for r in results] == [False] * 3 + [True] * 3
    assert len(pop.all_commands("RETR")) == 3 + 2
    run.wait(HOUR)
    run(2, apart=60)
    assert len(pop.all_commands("RETR")) == 4 + 2


@broken
@pytest.mark.parametrize("command", ["RETR", "TOP", "DELE"])
def test_people_hear_once_that_it_is_left(popfetch, server, run, command, act):
    """Though new mail comes, and other sessions go well, between its failures."""
    pop = server(mails(3))
    if command != "RETR":
        popfetch.account(server=pop, keep="1 day", timeout="1 second")
        run()
        run.wait(2 * DAY)
    poison(pop, command, 1, act)
    popfetch.account(server=pop, keep="1 day", timeout="1 second")
    told = []
    for n in range(5):
        pop.add(mail(f"new{n}"))
        lines = run()[0].stderr.splitlines()
        told.append(sum("three sessions broke at it" in line for line in lines))
    run.wait(HOUR)
    assert "three sessions" not in run()[0].stderr
    assert sum(told) == 1 and told[:2] == [0, 0], told


def test_what_is_good_again_comes_though_new_mail_comes_in_each_run(popfetch, server, run):
    pop = server(mails(2))
    poison(pop, "RETR", 1, close)
    popfetch.account(server=pop)
    run()
    pop.forgive()
    pop.add(mail("new"))
    assert run()[0].status == 0
    assert len(popfetch.maildir()) == 3


def test_what_is_good_again_comes_though_another_is_refused_in_each_run(popfetch, server, run):
    pop = server(mails(3))
    poison(pop, "RETR", 1, close)
    popfetch.account(server=pop)
    run()
    pop.forgive()
    poison(pop, "RETR", 2, UNREADABLE)
    assert run()[0].status == os.EX_TEMPFAIL
    assert len(popfetch.maildir()) == 2


def test_there_is_no_second_session_where_logins_must_not_follow_each_other(popfetch, server, run):
    pop = server(mails(2), caps=("TOP", "UIDL", "USER", "LOGIN-DELAY 60"))
    poison(pop, "RETR", 1, close)
    popfetch.account(server=pop)
    run()
    pop.forgive()
    pop.add(mail("new"))
    before = len(pop.connections)
    result = run()[0]
    assert result.status == os.EX_TEMPFAIL and result.output == "", result
    assert "LOGIN-DELAY" in popfetch("--status", "-v").stdout
    assert len(pop.connections) == before + 1
    assert len(popfetch.maildir()) == 2
    assert run()[0].status == 0
    assert len(popfetch.maildir()) == 3


@pytest.mark.parametrize("keep", ["no", "forever"])
def test_one_that_has_to_be_compared_first_comes_in_the_end(popfetch, server, run, keep):
    """Another message of its size has its uid."""
    pop = server(mails(3))
    popfetch.account(server=pop, keep="forever")
    run()
    pop.add(mail("m4"), uid=pop.left()[0])
    popfetch.accounts["work"]["keep"] = keep
    pop.on("RETR 4", close, nth=1)
    assert run()[0].status == os.EX_TEMPFAIL
    run(3)
    assert len(popfetch.maildir()) == 4
    assert len(pop.left()) == (0 if keep == "no" else 4)
    before = len(pop.connections)
    run()
    assert len(pop.connections) == before + 1


@broken
@pytest.mark.parametrize("number", [1, 3, 6])
@pytest.mark.parametrize("is_named", [True, False], ids=["named", ""])
def test_catch_up_gets_past_it(popfetch, server, run, act, number, is_named):
    pop = server(mails(6))
    poison(pop, "TOP", number, act)
    popfetch.account(server=pop, timeout="1 second")
    named = ["work"] * is_named
    for _ in range(2):
        assert popfetch("--catch-up", *named).status != 0
    assert popfetch("--catch-up", *named).status == 0
    new = pop.add(mail("new")).wire
    assert run()[0].status == 0
    assert same(popfetch.maildir(), [new])


@broken
@pytest.mark.parametrize("command", ["RETR", "DELE"])
def test_without_uidl_others_are_fetched_and_deleted_too(popfetch, server, run, act, command):
    pop = server(mails(6), uidl=False, caps=("TOP", "USER"))
    poison(pop, command, 3, act)
    popfetch.account(server=pop, keep="no", timeout="1 second")
    run(3)
    assert len(popfetch.maildir()) == (6 if command == "DELE" else 5)
    assert len(pop.left()) == 1
    errors = [line for result in run(3) for line in result.errors]
    assert sum("three sessions broke at it" in line for line in errors) == 1, errors
    before = len(pop.connections)
    pop.add(mail("new"))
    assert run()[0].status == 0
    assert len(pop.connections) == before + 1 and len(pop.left()) == 1
    pop.forgive()
    run.wait(8 * DAY)
    assert run()[0].status == 0
    assert len(popfetch.maildir()) == 7 and not pop.left()


def test_without_uidl_one_before_which_new_mail_is_listed(popfetch, server, run):
    pop = server(mails(2), uidl=False, caps=("TOP", "USER"))
    bad = pop.add(mail("poison", "another length\n"))
    pop.add(mail("behind"))
    pop.on("RETR", about(bad.uid.decode(), close))
    popfetch.account(server=pop, keep="no")
    for n in range(8):
        pop.add(mail(f"new{n}", "n" * n))
        pop.mailbox.messages.insert(0, pop.mailbox.messages.pop())
        run(apart=HOUR)
    assert len(popfetch.maildir()) == 11 and len(pop.left()) == 1


@pytest.mark.parametrize("count", [1, 6])
def test_without_uidl_what_is_refused_has_its_pauses_too(popfetch, server, run, count):
    pop = server(mails(8), uidl=False, caps=("TOP", "USER"))
    bad = pop.left()[1 : 1 + count]
    pop.on("RETR", about(bad, UNREADABLE))
    popfetch.account(server=pop, keep="no")
    first = run()[0]
    assert first.status == os.EX_TEMPFAIL and len(first.errors) == count, first
    for n in range(5):
        pop.add(mail(f"n{n}"))
        result = run()[0]
        assert result.status == 0 and not result.errors, result
        assert pop.commands("RETR") == [f"RETR {count + 1}"], pop.commands()
    assert pop.left() == bad
    run.wait(DAY)
    pop.add(mail("n5"))
    assert run()[0].status == os.EX_TEMPFAIL
    numbers = [count + 1, *range(1, count + 1)]
    assert pop.commands("RETR") == [f"RETR {n}" for n in numbers], pop.commands()
    pop.forgive()
    run.wait(8 * DAY)
    assert run()[0].status == 0
    assert len(popfetch.maildir()) == 14 and not pop.left()


@pytest.mark.parametrize("newest_first", [True, False])
def test_one_at_which_runs_are_killed(popfetch, server, clock, newest_first):
    """However much new mail comes before it."""
    pop = server(mails(6))
    pids = []

    def kill(session, _):
        os.killpg(pids[-1], signal.SIGKILL)
        session.close()

    pop.on("RETR", about(pop.left()[3], kill))
    popfetch.account(server=pop, keep="forever")
    for n in range(9):
        pop.add(mail(f"new{n}"))
        if newest_first:
            pop.mailbox.messages.insert(0, pop.mailbox.messages.pop())
        process = popfetch.start(env=clock(n * HOUR))
        pids.append(process.pid)
        popfetch.finish(process)
    assert len(popfetch.maildir()) == 14
    rows = popfetch.sql("SELECT status, CAST(uid AS TEXT) FROM message WHERE attempts >= 3")
    assert rows == [(3, "uid-000004")], rows


@pytest.mark.parametrize("why", ["LOGIN-DELAY", "[IN-USE] busy", "login refused"])
def test_it_has_its_turn_though_each_session_has_other_things_to_do(popfetch, server, run, why):
    caps = ("TOP", "UIDL", "USER") + (("LOGIN-DELAY 60",) if why == "LOGIN-DELAY" else ())
    pop = server(mails(2), caps=caps)
    pop.on("RETR 1", close, nth=1)
    popfetch.account(server=pop, keep="no")
    run()
    first = pop.left()[0]
    for n in range(12):
        pop.add(mail(f"new{n}"))
        if why != "LOGIN-DELAY":  # the second login of each run
            pop.forgive()
            pop.on("AUTH", say(f"-ERR {why}\r\n".encode()), nth=2)
        result = run(apart=600)[0]
        is_told = why == "LOGIN-DELAY" and first in pop.left()
        assert result.status == (os.EX_TEMPFAIL if is_told else 0), result
    assert first not in pop.left()
    assert len(popfetch.maildir()) == 14


def test_max_messages_holds_when_the_others_wait_for_it(popfetch, server, run):
    pop = server(mails(30), caps=("TOP", "UIDL", "USER", "LOGIN-DELAY 60"))
    popfetch.account(server=pop, keep="no", max_messages=2)
    pop.on("RETR 1", close, nth=1)
    first = pop.left()[0]
    came = [0]
    while len(came) < 12:
        run(apart=600)
        came.append(len(popfetch.maildir()))
    assert first not in pop.left()
    assert max(b - a for a, b in zip(came, came[1:])) <= 3, came


def test_a_line_too_many_behind_dele_of_what_came_now(popfetch, server, run):
    pop = server(mails(4), pipelining=False)
    popfetch.account(server=pop, keep="no")
    bad = pop.left()[1]
    poison(pop, "DELE", 2, say(b"+OK gone\r\n+OK more\r\n"))
    run(2)
    assert pop.left() == [bad]
    assert len(popfetch.maildir()) == 4
    assert popfetch.sql("select count(*) from message") == [(4,)]


@pytest.mark.parametrize("command", ["TOP", "DELE"])
@pytest.mark.parametrize("reply", [b"-ERR cannot read it\r\n", b"+OK done\r\n"])
def test_a_line_too_many_is_by_the_message_before(due, run, command, reply):
    pop = due(12, pipelining=False)
    end = b".\r\n" if command == "TOP" and reply.startswith(b"+OK") else b""
    poison(pop, command, 5, say(reply + end + b"I/O error\r\n"))
    run(4)
    assert len(pop.left()) == 1


def test_what_is_good_again_is_deleted_before_the_next_one_breaks(due, run):
    pop = due(2)
    first = pop.left()[0]
    pop.on("TOP 1", close, nth=1)
    run()
    poison(pop, "TOP", 2, close)
    run(4)
    assert first not in pop.left()


@pytest.mark.parametrize("command", ["RETR", "TOP", "DELE"])
def test_where_replies_are_lost_with_the_line_it_is_found_all_the_same(
    popfetch, server, run, command
):
    """The first that is not answered is not the one at which the server died."""
    pop = server(mails(40), pipelining=True)
    popfetch.account(server=pop, keep="no" if command == "RETR" else "1 day")
    if command != "RETR":
        run()
        run.wait(2 * DAY)
    bad = pop.left()[30]
    pop.on(command, about(bad, close, hold_back))
    run(10)
    assert len(pop.left()) <= 3
    run.wait(HOUR)  # others may have been blamed until it was found
    run(3)
    assert pop.left() == [bad]


def test_in_runs_by_the_hour_the_others_come_first(due, run):
    pop = due(4)
    poison(pop, "TOP", 1, close)
    run(apart=2 * HOUR)
    run(apart=2 * HOUR)
    assert len(pop.left()) == 1


def test_while_it_is_overdue_and_breaks_others_come(popfetch, server, run):
    pop = server(mails(2), caps=("TOP", "UIDL", "USER", "LOGIN-DELAY 60"))
    poison(pop, "RETR", 1, close)
    popfetch.account(server=pop, keep="no")
    run()
    waiting = []
    for n in range(20):
        pop.add(mail(f"new{n}"))
        run(apart=600)
        waiting.append(len(pop.left()))
    assert waiting.count(1) >= 16 and max(waiting) == 2, waiting


def test_what_turns_out_to_be_one_of_them_while_others_are_deleted_is_not_forgotten(
    popfetch, server, run
):
    pop = server(mails(2), caps=("TOP", "UIDL", "USER", "LOGIN-DELAY 60"))
    pop.add(mail("of the list", "longer\n"), b"uid-000002")  # a header tells whose uid it is
    pop.on("RETR 3", close)
    popfetch.account(server=pop, keep="1 hour", notice_after="1 failures")
    run(2)
    pop.mailbox.messages[2].listed = 1000
    pop.on("RETR 3", honest)
    pop.add(mail("new"))
    run(apart=2 * HOUR)
    result = run(apart=2 * HOUR)[0]
    assert result.status == os.EX_TEMPFAIL, result
    assert run()[0].status == 0 and len(popfetch.maildir()) == 4


def test_two_whose_dele_breaks_sessions_take_no_others_along_for_long(popfetch, server, run):
    pop = server(mails(12), pipelining=True)
    popfetch.account(server=pop, keep="1 day")
    run()
    run.wait(2 * DAY)
    bad = pop.left()[0], pop.left()[3]
    pop.on("DELE", about(bad, say(b"what is this\r\n")))
    run(4, apart=DAY)
    assert tuple(pop.left()) == bad
    begun = len(pop.connections)
    run(6, apart=2 * HOUR)
    deletions = [connection.deletions for connection in pop.connections[begun:]]
    assert max(map(len, deletions)) == 1, deletions


@pytest.mark.parametrize("command", ["RETR", "DELE"])
def test_people_hear_of_it_though_other_mail_comes_in_each_run(popfetch, server, run, command):
    pop = server(mails(2))
    poison(pop, command, 1, close)
    popfetch.account(server=pop, keep="no")
    results = []
    for n in range(8):
        results += run()
        pop.add(mail(f"new{n}"))
    errors = [line for result in results for line in result.errors]
    assert len(errors) == 1 and "uid-000001" in errors[0], errors


@pytest.mark.parametrize("words", [b"[IN-USE] busy", b"[AUTH] no"])
def test_a_second_session_that_is_put_off_is_nobody_s_trouble(popfetch, server, run, words):
    pop = server(mails(2))
    poison(pop, "RETR", 1, close)
    popfetch.account(server=pop)
    run()
    pop.add(mail("new"))
    pop.on("PASS", say(b"-ERR " + words + b"\r\n"), nth=2)
    pop.on("AUTH", say(b"-ERR " + words + b"\r\n"), nth=2)
    result = run()[0]
    assert result.status == 0 and result.output == "", result
    assert len(popfetch.maildir()) == 2
    pop.add(mail("newer"))
    run()
    assert len(popfetch.maildir()) == 3


def test_a_second_login_that_is_refused_is_not_tried_each_time(popfetch, server, run):
    pop = server(mails(2))
    popfetch.account(server=pop)
    poison(pop, "RETR", 1, close)
    run()
    for n in range(8):
        pop.add(mail(f"new{n}"))
        pop.forgive()
        pop.on("AUTH", say(b"-ERR [AUTH] no\r\n"), nth=2)
        poison(pop, "RETR", 1, close)
        run()
    assert len(popfetch.maildir()) == 9
    assert sum(not any(c.startswith("UIDL") for c in x.commands) for x in pop.connections) == 1


# The server refuses.


@pytest.mark.parametrize("refuse", [TEMPORARY, LATER], ids=["SYS/TEMP", "later"])
@pytest.mark.parametrize("keep", ["no", "forever"])
def test_trouble_with_single_messages(popfetch, server, run, refuse, keep):
    pop = server(mails(8))
    pop.on("RETR", about(pop.left()[1:3], refuse))
    popfetch.account(server=pop, keep=keep)
    assert run()[0].status == os.EX_TEMPFAIL
    assert len(popfetch.maildir()) == 6
    run(2)
    assert popfetch.sql("select attempts from message where status = 3") == [(3,), (3,)]
    assert run()[0].status == 0
    pop.forgive()
    run.wait(2 * HOUR)
    assert run()[0].status == 0
    assert len(popfetch.maildir()) == 8


def test_what_is_due_and_unreadable_is_told_once_and_waits(due, run):
    pop = due(3)
    poison(pop, "TOP", 2, UNREADABLE)
    poison(pop, "RETR", 2, UNREADABLE)
    results = run(6)
    assert len(pop.left()) == 1
    assert [len(r.errors) for r in results] == [1, 0, 0, 0, 0, 0]
    assert [r.status for r in results] == [os.EX_TEMPFAIL, 0, 0, 0, 0, 0]
    assert len(pop.all_commands("RETR")) == 3 + 1
    pop.forgive()
    run.wait(HOUR)
    run()
    assert pop.left() == []


@pytest.mark.parametrize("is_gone_seen", [True, False])
@pytest.mark.parametrize("act", [UNREADABLE, close], ids=["refused", "line drops"])
def test_new_mail_under_the_uid_of_one_that_fails_does_not_wait_for_it(
    popfetch, due, run, act, is_gone_seen
):
    """The server gives the uid away again: what failed was the message before."""
    pop = due(3)
    poison(pop, "RETR", 1, act)
    poison(pop, "TOP", 1, act)
    run(16, apart=12 * HOUR)
    (uid,) = pop.left()
    before = len(popfetch.maildir())
    pop.mailbox.messages.clear()
    if is_gone_seen:
        run()
    pop.add(mail("another", "and of another size\n"), uid)
    pop.forgive()
    run(2)
    assert len(popfetch.maildir()) == before + 1


@pytest.mark.parametrize("act", [UNREADABLE, close], ids=["refused", "line drops"])
def test_one_of_another_size_at_whose_top_sessions_break_is_known_by_retr(
    popfetch, server, run, act
):
    """And then it is compared no more."""
    pop = server(mails(4))
    popfetch.account(server=pop)
    run()
    count_anew(pop)
    poison(pop, "TOP", 2, act)
    run(3)
    before = len(pop.connections)
    results = run(4, apart=3 * DAY)
    assert [r.status for r in results] == [0] * 4
    assert len(popfetch.maildir()) == 4
    after = [c for x in pop.connections[before:] for c in x.commands]
    assert not any(c.startswith(("TOP", "RETR")) for c in after), after


def test_new_mail_under_the_uid_of_one_set_aside_does_not_wait_for_it(popfetch, server, run):
    pop = server(mails(2))
    popfetch.account(server=pop)
    poison(pop, "RETR", 1, UNREADABLE)
    run(10, apart=12 * HOUR)
    pop.mailbox.messages.clear()
    pop.add(mail("another", "and of another size\n"), b"uid-000001")
    pop.forgive()
    run(1)
    assert len(popfetch.maildir()) == 2


def test_one_that_has_another_size_each_time_does_not_stop_the_others(popfetch, server, run):
    pop = server(mails(6), pipelining=False)
    bad = pop.mailbox.messages[1]
    poison(pop, "RETR", 2, close)
    popfetch.account(server=pop, keep="no")
    for n in range(10):
        bad.listed = bad.size + n
        run(apart=600)
        pop.add(mail(f"new{n}"))
    assert len(popfetch.maildir()) == 5 + 9
    assert popfetch.sql("select count(*) from message where status = 3") == [(1,)]


def test_nor_does_it_wait_for_one_that_an_mda_refused(popfetch, server, run):
    pop = server(mails(2))
    script = 'grep -q "^Subject: m1" && exit 1; echo taken >>"$HOME/taken"'
    popfetch.account(server=pop, mda=["/bin/sh", "-c", script])
    run(10, apart=12 * HOUR)
    pop.mailbox.messages.clear()
    pop.add(mail("another", "and of another size\n"), b"uid-000001")
    run(1)
    assert (popfetch.home / "taken").read_text() == 2 * "taken\n"


def test_a_dele_that_is_refused_is_told_though_the_message_failed_before(popfetch, server, run):
    pop = server(mails(2))
    poison(pop, "RETR", 1, UNREADABLE)
    popfetch.account(server=pop, keep="no")
    run()
    pop.forgive()
    pop.on("DELE", say(b"-ERR read-only\r\n"))
    run.wait(2 * HOUR)
    errors = [line for result in run(2, apart=2 * HOUR) for line in result.errors]
    assert len(errors) == 1 and "read-only" in errors[0], errors


def test_a_dele_that_is_always_refused_is_told_once_and_waits(popfetch, server, run):
    pop = server(mails(3))
    poison(pop, "DELE", 2, say(b"-ERR not this one\r\n"))
    popfetch.account(server=pop, keep="no")
    results = run(5)
    assert len(pop.left()) == 1
    assert [len(r.errors) for r in results] == [1, 0, 0, 0, 0]
    assert len(pop.all_commands("DELE")) == 5
    assert len(popfetch.maildir()) == 3


@pytest.mark.parametrize("commands", [["TOP", "RETR"], ["DELE"]], ids=["unreadable", "DELE"])
def test_retry_lets_a_deletion_that_failed_be_tried_at_once(popfetch, due, run, commands):
    pop = due(3)
    for command in commands:
        poison(pop, command, 2, UNREADABLE)
    run(4)
    pop.forgive()
    run()
    assert len(pop.left()) == 1, "it waits for an hour"
    assert popfetch("--retry", "work").status == 0
    assert run()[0].status == 0
    assert pop.left() == [] and len(popfetch.maildir()) == 3


def test_a_mailbox_that_may_only_be_read(popfetch, server, run):
    pop = server(mails(20)).on("DELE", say(b"-ERR read-only\r\n"))
    popfetch.account(server=pop, keep="no")
    first, second = run(2)
    assert len(first.errors) == 2, first
    assert "DELE was refused for 20 messages" in first.stderr
    assert second.output == ""
    assert len(popfetch.maildir()) == 20


@pipelining
def test_what_cannot_be_read_at_both_ends_keeps_no_other_that_is_due(due, run, pipelining):
    """Only RETR shows what they are, and all in a row are refused, like the last one."""
    count, first = (200, 100) if pipelining else (20, 7)
    pop = due(count, pipelining=pipelining, top=False, caps=("UIDL", "USER"))
    bad = pop.left()[:first] + pop.left()[-1:]
    pop.on("RETR", about(bad, UNREADABLE))
    result = run()[0]
    assert result.status == os.EX_TEMPFAIL and not result.errors, result
    run(3, apart=600)
    assert pop.left() == bad
    results = run(20, apart=600)
    assert all(not result.errors for result in results[8:]), results
    pop.forgive()
    run.wait(8 * DAY)
    assert run()[0].status == 0 and pop.left() == []


def test_top_refused_for_one_message_says_nothing_about_the_others(due, run):
    pop = due(5)
    poison(pop, "TOP", 2, UNREADABLE)
    before = len(pop.all_commands("RETR"))
    assert run()[0].status == 0
    assert pop.left() == []
    assert pop.all_commands("RETR")[before:] == ["RETR 2"]


# The server's limit.


class Quota:
    """So many RETRs, then none, in these words."""

    def __init__(self, count, words=b"Download exceed. msg=%d"):
        self.left, self.words = count, words

    def __call__(self, session, line):
        if self.left == 0:
            words = self.words % int(line.split()[1]) if b"%d" in self.words else self.words
            return session.send(b"-ERR " + words + b"\r\n")
        self.left -= 1
        session.obey(line)


@pipelining
@pytest.mark.parametrize("count", [30, 200])
@pytest.mark.parametrize("words", [b"Download exceed. msg=%d", b"Server Unavailable. 21"])
def test_a_quota_is_one_line_and_no_message_s_fault(
    popfetch, server, run, pipelining, words, count
):
    quota = Quota(5, words)
    pop = server(mails(count), pipelining=pipelining).on("RETR", quota)
    popfetch.account(server=pop, keep="no", notice_after="1 failures")
    result = run()[0]
    assert result.status == os.EX_TEMPFAIL, result
    assert len(result.errors) == 1 and words.split()[0].decode() in result.stderr
    assert len(popfetch.maildir()) == 5 and len(pop.left()) == count - 5
    assert len(pop.commands("RETR")) < (150 if pipelining else 30), "one at the other end confirms it"
    assert popfetch.sql("select count(*) from message where status = 3") == [(0,)]
    quota.left = 1000
    assert run()[0].status == 0
    assert len(popfetch.maildir()) == count and pop.left() == []


def test_a_quota_that_holds_brings_a_pause_that_grows_to_an_hour(popfetch, server, run):
    quota = Quota(0)
    pop = server(mails(30)).on("RETR", quota)
    popfetch.account(server=pop)
    connections = []
    for _ in range(60):
        result = run(apart=300)[0]
        assert result.status == os.EX_TEMPFAIL
        connections.append(len(pop.connections))
    # 1, 2, 4, 8, 16, 32, 60, 60 minutes ... within five hours
    assert 8 <= connections[-1] <= 12
    quota.left = 10
    run.wait(HOUR)
    run()
    assert len(popfetch.maildir()) == 10


def test_a_quota_by_the_hour_is_used_up(popfetch, server, run):
    """50 messages at 10 an hour take five hours, and little more."""
    quota = Quota(10)
    pop = server(mails(50)).on("RETR", quota)
    popfetch.account(server=pop)
    for hour in range(6):
        run(12, apart=300)
        quota.left = 10
    assert len(popfetch.maildir()) == 50


@pipelining
@pytest.mark.parametrize("count", [12, 200])
def test_broken_messages_behind_each_other_are_no_limit(popfetch, server, run, count, pipelining):
    pop = server(mails(count), pipelining=pipelining)
    for n in range(3, 9):
        pop.on(f"RETR {n}", UNREADABLE)
    popfetch.account(server=pop)
    result = run()[0]
    assert result.status == os.EX_TEMPFAIL and len(result.errors) == 6
    assert len(popfetch.maildir()) == count - 6
    assert popfetch.sql("select count(*) from message where status = 3") == [(6,)]


def test_broken_messages_that_are_due_again_together_are_no_limit(popfetch, server, run):
    pop = server(mails(10))
    pop.on("RETR", about(pop.left()[:6], UNREADABLE))
    popfetch.account(server=pop, keep="no")
    run()
    run.wait(HOUR)
    run(2)
    pop.add(mail("new"))
    assert run()[0].status == 0, "they are in their pause, and new mail comes"
    assert len(pop.left()) == 6


def test_for_a_program_too_one_at_the_other_end_confirms_it(popfetch, server, run):
    quota = Quota(3)
    pop = server(mails(40), pipelining=False).on("RETR", quota)
    popfetch.account(server=pop, mda=popfetch.saver(), keep="no")
    assert run()[0].status == os.EX_TEMPFAIL
    assert len(popfetch.saved()) == 3 and len(pop.left()) == 37
    assert pop.commands("RETR")[-1] == "RETR 40" and len(pop.commands("RETR")) <= 10


def test_a_quota_whose_words_have_an_id_of_the_failure(popfetch, server, run):
    ids = iter(f"{n * 0x9E3779B1 % 2**32:x}a" for n in range(1, 1000))
    refuse = lambda session, line: session.send(b"-ERR busy (%s)\r\n" % next(ids).encode())
    pop = server(mails(20)).on("RETR", refuse)
    popfetch.account(server=pop)
    assert run()[0].status == os.EX_TEMPFAIL
    assert popfetch.sql("select count(*) from message where status = 3") == [(0,)]


@pytest.mark.parametrize("most", [1, 3])
def test_a_quota_with_max_messages(popfetch, server, run, most):
    pop = server(mails(20)).on("RETR", Quota(0))
    popfetch.account(server=pop, max_messages=most)
    assert run()[0].status == os.EX_TEMPFAIL
    assert popfetch.sql("select count(*) from message where status = 3") == [(0,)]
    assert len(pop.commands("RETR")) <= 5 + most
    assert "RETR 20" in pop.commands("RETR")


@pytest.mark.parametrize("most", [1, 3])
def test_six_broken_messages_are_no_limit_with_max_messages(popfetch, server, run, most):
    pop = server(mails(12))
    bad = pop.left()[:6]
    pop.on("RETR", about(bad, UNREADABLE))
    popfetch.account(server=pop, max_messages=most, keep="no")
    run(8, apart=60)
    assert pop.left() == bad
    assert popfetch.sql("select count(*) from message where status = 3") == [(6,)]


def test_five_refused_and_one_that_was_before_take_no_time(popfetch, server, run):
    pop = server(mails(7), pipelining=True)
    good = pop.mailbox.messages[1].uid.decode()
    others = pop.mailbox.messages[1:]
    del pop.mailbox.messages[1:]
    pop.on("RETR", about(good, honest, UNREADABLE))
    popfetch.account(server=pop)
    run()
    run.wait(2 * HOUR)
    pop.mailbox.messages.extend(others)
    result = run()[0]
    assert result.status == os.EX_TEMPFAIL and result.seconds < 4, result
    assert len(popfetch.maildir()) == 1


def test_a_broken_message_does_not_make_others_pay_for_a_quota(popfetch, server, run):
    pop = server(mails(30), pipelining=True)
    bad = pop.left()[11]
    pop.on("RETR", about(bad, UNREADABLE))
    popfetch.account(server=pop, max_messages=12)
    run()
    run.wait(2 * HOUR)  # its next try is due
    del popfetch.accounts["work"]["max_messages"]
    quota = Quota(5)
    pop.on("RETR", lambda s, line: (UNREADABLE if line == b"RETR 12\r\n" else quota)(s, line))
    assert run()[0].status == os.EX_TEMPFAIL
    assert popfetch.sql("select count(*) from message where status = 3") == [(1,)]


# A reply is missing, or there is one too many.


def swallow(session, line):
    """This one is never answered."""


@pytest.mark.parametrize("sizes", [(100, 300), (300, 100), (100, 100)])
@pytest.mark.parametrize("keep", ["no", "forever"])
def test_a_reply_that_was_never_sent_swaps_no_messages(popfetch, server, run, keep, sizes):
    pop = server([mail(f"m{n}", "x" * size) for n, size in enumerate(sizes)], pipelining=True)
    wires = pop.wires()
    pop.on("RETR 1", swallow, nth=1)
    popfetch.account(server=pop, keep=keep, timeout="1 second")
    run(3)
    assert same(popfetch.maildir(), wires)


def test_one_whose_reply_is_never_sent_is_found_soon(popfetch, server, run):
    pop = server(mails(12), pipelining=True)
    poison(pop, "RETR", 3, swallow)
    bad = pop.left()[2]
    popfetch.account(server=pop, keep="no", timeout="1 second")
    for n in range(9):
        pop.add(mail(f"new{n}"))
        run()
    assert pop.left() == [bad]
    assert len(popfetch.maildir()) == 20


@pytest.mark.parametrize("pause", [0, 0.2])
@pytest.mark.parametrize("sizes", [(100,) * 6, (600, 500, 400, 300, 200, 100)])
def test_a_refusal_of_two_lines_swaps_no_messages(popfetch, server, run, sizes, pause):
    def refuse(session, line):
        session.pause(pause)
        session.send(b"-ERR cannot read message\r\n-ERR I/O error\r\n")

    pop = server([mail(f"m{n}", "x" * size) for n, size in enumerate(sizes)], pipelining=True)
    wires = pop.wires()
    pop.on("RETR", about([pop.left()[2], pop.left()[5]], refuse))
    popfetch.account(server=pop, keep="no")
    run(4)
    pop.forgive()
    run.wait(8 * DAY)
    run(2)
    assert same(popfetch.maildir(), wires) and not pop.left()


@pytest.mark.parametrize("more", [b"\r\n", b"junk\r\n", b"-ERR x\r\n"])
@pytest.mark.parametrize("uidl", [True, False])
def test_a_line_too_many_behind_what_is_retrieved_each_time(popfetch, server, run, uidl, more):
    """Without TOP, or without uids, each session asks for it."""
    pop = server(mails(6), uidl=uidl, caps=("USER",) + (("UIDL",) if uidl else ()))
    bad = pop.left()[2]
    pop.on("RETR", about(bad, lambda s, line: s.send(s.reply(line) + more)))
    popfetch.account(server=pop, keep="1 day" if uidl else "no")
    run(4)
    run.wait(2 * DAY)
    run(8)
    assert pop.left() == [bad]
    assert len(popfetch.maildir()) == 6


def test_a_known_message_is_not_deleted_for_another(popfetch, server, run):
    """It stands where the new one was asked for, behind a refusal of two lines."""

    def late(session, line):
        session.pause(0.2)
        session.obey(line)

    pop = server([mail("m1"), mail("m2")], uidl=False, pipelining=True, caps=("TOP", "USER"))
    wires = pop.wires()
    pop.on("RETR 1", UNREADABLE)
    pop.on("QUIT", close)
    popfetch.account(server=pop, keep="no")
    run()
    assert same(popfetch.maildir(), wires[1:])
    pop.forgive()
    wires.append(mail("m3"))
    pop.add(wires[2])
    pop.on("RETR 1", say(b"-ERR cannot read message\r\n-ERR I/O error\r\n"))
    pop.on("RETR 3", late)
    run()
    pop.forgive()
    run.wait(8 * DAY)
    run(3)
    assert same(popfetch.maildir(), [wires[1], wires[2], wires[0]]) and not pop.left()


def test_without_uids_a_refusal_of_two_lines_is_found(popfetch, server, run):
    pop = server(mails(6), uidl=False, pipelining=True, caps=("TOP", "USER"))
    bad = pop.left()[0]
    pop.on("RETR", about(bad, say(b"-ERR cannot read message\r\n-ERR I/O error\r\n")))
    popfetch.account(server=pop, keep="no")
    run(8, apart=HOUR)
    assert pop.left() == [bad]
    assert len(popfetch.maildir()) == 5
