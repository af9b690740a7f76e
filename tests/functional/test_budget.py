# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""session_timeout is a budget: each run does what fits into it, ends with QUIT, and is nearer to
the end. And max_messages counts what comes."""

import os

import pytest

from popactions import after, close, honest, say
from popmail import mail
from test_poison import Runs, count_anew

pytestmark = pytest.mark.progress

DAY = 86400
TIME = 4  # seconds of session_timeout
SLOW = 0.02  # seconds an answer takes


@pytest.fixture
def run(popfetch, clock):
    return Runs(popfetch, clock)


def mails(count):
    return [mail(f"m{n}", "short\n") for n in range(1, count + 1)]


def slow_down(pop, *commands):
    for command in commands:
        pop.on(command, after(SLOW))


def marked_late(session, line):
    """TOP with another Subject than RETR has, after SLOW seconds."""
    session.pause(SLOW)
    session.send(session.reply(line).replace(b"Subject: ", b"Subject: [x] "))


def delete_slowly(popfetch, pop, run):
    """What was fetched with a long session_timeout is due, and there is less time for that."""
    run()
    run.wait(2 * DAY)
    popfetch.accounts["work"]["session_timeout"] = f"{TIME} seconds"
    slow_down(pop, "TOP", "RETR", "DELE")
    left = until(run, lambda: len(pop.left()))
    assert len(left) > 2 and sorted(left, reverse=True) == left
    assert all(c.commands[-1] == "QUIT" for c in pop.connections)


def until(run, condition, most=8):
    """Runs until it is so; what each run has left to do must shrink."""
    left = []
    for _ in range(most):
        left.append(condition())
        if left[-1] == 0:
            return left
        run(apart=60)
    assert False, f"no end in sight: {left}"


@pytest.mark.parametrize("top", [True, False])
def test_messages_that_are_due_are_deleted_in_several_runs(popfetch, server, run, top):
    count = 250
    pop = server(mails(count), top=top)
    popfetch.account(server=pop, keep="1 day", session_timeout="1 minute")
    delete_slowly(popfetch, pop, run)


def test_due_messages_that_only_retr_proves_are_deleted_in_several_runs(popfetch, server, run):
    """Where no size is told TOP proves nothing, so a RETR and a DELE follow each."""
    count = 220
    pop = server(mails(count))
    popfetch.account(server=pop, keep="1 day", session_timeout="1 minute")
    pop.on("LIST", say(b"-ERR not here\r\n"))
    pop.on("STAT", say(b"+OK %d 1\r\n" % count))
    delete_slowly(popfetch, pop, run)
    assert len(popfetch.maildir()) == count


def test_no_dele_without_a_header_of_this_session(popfetch, server, run):
    pop = server(mails(250))
    popfetch.account(server=pop, keep="1 day", session_timeout="1 minute")
    run()
    run.wait(2 * DAY)
    popfetch.accounts["work"]["session_timeout"] = f"{TIME} seconds"
    slow_down(pop, "TOP", "DELE")
    until(run, lambda: len(pop.left()))
    for connection in pop.connections:
        tops = [c.split()[1] for c in connection.commands if c.startswith("TOP")]
        deles = [c.split()[1] for c in connection.commands if c.startswith("DELE")]
        assert set(deles) <= set(tops)


@pytest.mark.parametrize("keep", ["no", "forever"])
def test_a_backlog_comes_in_several_runs(popfetch, server, run, keep):
    pop = server(mails(250))
    slow_down(pop, "RETR", "DELE")
    popfetch.account(
        server=pop, keep=keep, session_timeout=f"{TIME} seconds", notice_after="1 failures"
    )
    first = run()[0]
    assert first.status == os.EX_TEMPFAIL, first
    assert len(first.errors) == 1 and "session_timeout reached: " in first.stderr, first
    until(run, lambda: 250 - len(popfetch.maildir()))
    assert len(popfetch.maildir()) == 250
    if keep == "no":
        until(run, lambda: len(pop.left()))
    assert all(c.commands[-1] == "QUIT" for c in pop.connections)


def test_a_backlog_for_a_slow_program(popfetch, server, run):
    pop = server(mails(30))
    popfetch.account(
        server=pop, keep="no", session_timeout=f"{TIME} seconds", mda=popfetch.saver(after="sleep 0.3")
    )
    until(run, lambda: len(pop.left()))
    assert len(popfetch.saved()) == 30


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_program_for_which_there_is_no_time(popfetch, server, run, pipelining):
    """What it has taken is deleted in the same session; what came too late for it comes again."""
    pop = server(mails(12), pipelining=pipelining)
    popfetch.account(
        server=pop,
        keep="no",
        session_timeout=f"{TIME} seconds",
        mda=popfetch.saver(after="sleep 0.8"),
    )
    first = run()[0]
    assert first.status == os.EX_TEMPFAIL and first.seconds < TIME + 1, first
    until(run, lambda: len(pop.left()))
    assert len(popfetch.saved()) == 12
    assert all(c.commands[-1] == "QUIT" for c in pop.connections)


def test_what_is_looked_at_in_each_run_leaves_time_for_the_rest(popfetch, server, run):
    """Of two messages with one uid headers tell which is which, in each run anew."""
    pop = server()
    for n in range(30):
        pop.add(mail(f"a{n:02}"), b"uid%d" % n)
        pop.add(mail(f"b{n:02}"), b"uid%d" % n)
    popfetch.account(server=pop, session_timeout="1 minute")
    run(2)
    assert len(popfetch.maildir()) == 60
    popfetch.accounts["work"]["session_timeout"] = "2 seconds"
    pop.mailbox.messages[-1].wire = mail("c29")
    pop.on("TOP", after(0.05))
    until(run, lambda: 61 - len(popfetch.maildir()))


def test_a_uid_that_is_back_is_not_forgotten_when_there_was_no_time_for_it(popfetch, server, run):
    """It may be of new mail, which is not to be seen before its header is looked at."""
    pop = server(mails(60))
    uid = pop.mailbox.messages[-1].uid
    popfetch.account(server=pop, keep="1 day", session_timeout="2 seconds")
    run()
    pop.mailbox.messages.pop()
    run()
    run.wait(2 * DAY)
    pop.add(mail("new", "short\n"), uid)
    pop.on("TOP", after(0.1))
    result = run()[0]
    assert result.status == os.EX_TEMPFAIL and len(popfetch.maildir()) == 60, result
    pop.on("TOP", honest)
    popfetch.accounts["work"]["keep"] = "forever"
    assert run()[0].status == 0
    assert len(popfetch.maildir()) == 61


def test_what_failed_before_and_is_slow_ends_each_session_in_order(popfetch, server, run):
    pop = server(mails(30))

    def refuse(session, line):
        session.send(b"-ERR cannot read it" + b"!" * int(line.split()[1]) + b"\r\n")

    pop.on("RETR", refuse)
    popfetch.account(server=pop, keep="no", session_timeout=f"{TIME} seconds")
    run()
    run.wait(DAY)
    pop.on("RETR", after(0.7))
    for result in run(4):
        assert result.seconds < TIME + 1, result
    assert all(c.commands[-1] == "QUIT" for c in pop.connections)
    assert len(popfetch.maildir()) >= 4 and len(pop.left()) == 30 - len(popfetch.maildir())


def test_new_mail_that_only_retr_tells_from_old_comes_in_several_runs(popfetch, server, run):
    """The uids were given to other messages, and there is no TOP."""
    pop = server(mails(120), top=False, caps=("UIDL", "USER"))
    popfetch.account(server=pop, keep="30 days", session_timeout="1 minute")
    run()
    uids = [message.uid for message in pop.mailbox.messages]
    pop.mailbox.messages.clear()
    for n, uid in enumerate(uids):
        pop.add(mail(f"other {n}", "longer text, too\n"), uid)
    popfetch.accounts["work"]["session_timeout"] = f"{TIME} seconds"
    slow_down(pop, "RETR")
    until(run, lambda: 240 - len(popfetch.maildir()))


# Sessions that the server, or the line, ends early.


def end_sessions_after(pop, count, refused=b"", also=()):
    """The line drops at the next RETR, TOP or DELE behind so many; this command is refused."""
    counted = ("RETR", "TOP", "DELE", *also)

    def act(session, line):
        commands = [c.split()[0] for c in session.connection.commands]
        if sum(c in counted for c in commands) > count:
            return session.close()
        if refused and line.startswith(refused):
            return session.send(b"-ERR not implemented\r\n")
        session.obey(line)

    for command in counted:
        pop.on(command, act)


@pytest.mark.parametrize("pipelining", [True, False])
def test_due_messages_of_such_a_server_that_refuses_top(popfetch, server, run, pipelining):
    pop = server(mails(60), pipelining=pipelining)
    popfetch.account(server=pop, keep="1 day")
    run()
    run.wait(2 * DAY)
    end_sessions_after(pop, 30, refused=b"TOP")
    run(30)
    assert not pop.left()


@pytest.mark.parametrize("keep", ["no", "1 day"])
def test_a_line_that_drops_just_at_quit_is_told_and_got_around(popfetch, server, run, keep):
    pop = server(mails(6))
    popfetch.account(server=pop, keep=keep, notice_after="1 failures")
    run(keep == "1 day")
    run.wait(2 * DAY)
    end_sessions_after(pop, 12, also=("QUIT",))
    results = run(16)
    assert any("QUIT: no answer from server" in r.stderr for r in results)
    assert not pop.left() and len(popfetch.maildir()) == 6


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("survived", [12, 40])
def test_due_messages_of_a_server_that_ends_long_sessions(
    popfetch, server, run, pipelining, survived
):
    pop = server(mails(60), pipelining=pipelining)
    popfetch.account(server=pop, keep="1 day")
    run()
    run.wait(2 * DAY)
    end_sessions_after(pop, survived)
    run(50)
    assert not pop.left() and len(popfetch.maildir()) == 60


def test_due_messages_of_such_a_server_at_which_all_sessions_broke(popfetch, server, run):
    """All have the turn of broken ones, and sessions must get shorter in it, too."""
    pop = server(mails(24))
    popfetch.account(server=pop, keep="1 day")
    run()
    run.wait(2 * DAY)
    pop.on("TOP", close)
    run(24, apart=3600)
    pop.forgive()
    end_sessions_after(pop, 12)
    run(14, apart=3600)
    assert not pop.left()


def test_a_backlog_of_a_server_that_ends_long_sessions(popfetch, server, run):
    pop = server(mails(200))
    popfetch.account(server=pop, keep="no", notice_after="1 failures")
    end_sessions_after(pop, 16)
    run(8)
    run.wait(DAY)
    assert "sessions break off, so they are kept short: " in run()[0].stderr
    last = run(60)[-1]
    assert last.status == 0 and not pop.left() and len(popfetch.maildir()) == 200, last


def test_sessions_are_long_again_where_they_do_not_break(popfetch, server, run):
    pop = server(mails(600))
    popfetch.account(server=pop, keep="no")
    end_sessions_after(pop, 16)
    run(12)
    for command in ("RETR", "TOP", "DELE"):
        pop.on(command, honest)
    until(run, lambda: len(pop.left()), most=25)
    for n in range(600):
        pop.add(mail(f"n{n}", "later\n"))
    run()
    assert not pop.left() and len(popfetch.maildir()) == 1200


def counted_anew(popfetch, server, run, count):
    """A server with so many known messages, each of which has another size than before."""
    pop = server(mails(count))
    popfetch.account(server=pop, session_timeout="1 minute")
    run()
    count_anew(pop)
    popfetch.accounts["work"]["session_timeout"] = f"{TIME} seconds"
    return pop


def test_sizes_that_are_all_counted_anew(popfetch, server, run):
    """A migration: each message has to be compared, once."""
    count = 250
    pop = counted_anew(popfetch, server, run, count)
    slow_down(pop, "TOP")
    tops = []
    for _ in range(8):
        before = len(pop.all_commands("TOP"))
        result = run()[0]
        tops.append(len(pop.all_commands("TOP")) - before)
        assert result.status == (os.EX_TEMPFAIL if sum(tops) < count else 0), result
    assert sum(tops) == count and tops[0] < count and tops[-1] == 0, tops
    assert len(popfetch.maildir()) == count


def test_where_top_differs_there_is_time_for_retr(popfetch, server, run):
    """What TOP shows is a message that nobody knows, until RETR tells."""
    count = 130
    pop = counted_anew(popfetch, server, run, count)
    slow_down(pop, "RETR")
    pop.on("TOP", marked_late)
    for _ in range(12):
        result = run()[0]
        if result.status == 0:
            break
    assert result.status == 0, result
    assert len(popfetch.maildir()) == count
    assert "TOP" not in " ".join(pop.commands()), "it is known that TOP differs"


SLOWER = 0.1
ALL = ["STAT", "UIDL", "LIST", "RETR", "TOP", "DELE", "QUIT"]


@pytest.mark.parametrize(
    "pipelining, commands, is_due",
    [(True, ALL, True), (True, ALL, False), (True, ["DELE"], True), (False, ["DELE"], False)],
)
def test_not_more_is_begun_at_once_than_there_is_time_for(
    popfetch, server, run, pipelining, commands, is_due
):
    """Before any answer has shown how long one takes."""
    pop = server(mails(100), pipelining=pipelining)
    popfetch.account(server=pop, keep="1 day", session_timeout="1 minute")
    if is_due:
        run()
    run.wait(2 * DAY)
    popfetch.accounts["work"].update(keep="no", session_timeout=f"{TIME} seconds")
    for command in commands:
        pop.on(command, after(SLOWER))
    left = [100]
    for _ in range(2):
        run()
        left.append(len(pop.left()))
        assert pop.last.commands[-1] == "QUIT"
    assert left[0] > left[1] > left[2], left
    assert popfetch.sql("select count(*) from message where attempts > 0") == [(0,)]


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_large_message_leaves_time_for_its_deletion(popfetch, server, run, pipelining):
    pop = server(mails(1), top=False, pipelining=pipelining).on("RETR", after(0.65 * TIME))
    popfetch.account(server=pop, keep="no", session_timeout=f"{TIME} seconds")
    run(2)
    assert pop.left() == []


def test_new_mail_at_which_a_session_broke_does_not_wait_behind_a_backlog(popfetch, server, run):
    pop = server(mails(250))
    popfetch.account(server=pop, keep="1 day", session_timeout="1 minute")
    run()
    run.wait(2 * DAY)
    popfetch.accounts["work"]["session_timeout"] = "2 seconds"
    pop.on("TOP", after(0.06))
    pop.add(mail("new"))
    pop.on("RETR", close, nth=1)
    run()
    assert run(apart=2 * 3600)[0].status == os.EX_TEMPFAIL, "it is no silence"
    run(apart=2 * 3600)
    assert len(popfetch.maildir()) == 251


def test_catch_up_of_a_mailbox_that_takes_long(popfetch, server, run):
    count = 250
    pop = server(mails(count))
    slow_down(pop, "TOP")
    popfetch.account(server=pop, session_timeout=f"{TIME} seconds")
    first = popfetch("--catch-up", "work")
    recorded = popfetch.sql("select count(*) from message")[0][0]
    assert first.status == os.EX_TEMPFAIL and len(first.errors) == 1, first
    assert f"session_timeout reached: {recorded} of {count} messages recorded" in first.stderr
    for _ in range(3):
        last = popfetch("--catch-up", "work")
    assert last.status == 0, last
    assert popfetch.sql("select count(*) from message where digest is not null") == [(count,)]
    run()
    assert popfetch.maildir() == []


# max_messages


@pytest.mark.parametrize("pipelining", [True, False])
def test_headers_of_a_list_are_learned_in_several_runs(popfetch, server, run, pipelining):
    """--catch-up=FILE: what a run has no time to learn the next one does, and all is deleted."""
    count = 400
    pop = server(mails(count), pipelining=pipelining)
    popfetch.account(server=pop, keep="1 day", session_timeout=f"{TIME} seconds")
    path = popfetch.directory / "uids"
    path.write_text("".join(f"uid-{n:06}\n" for n in range(1, count + 1)))
    assert popfetch(f"--catch-up={path}", env=run.clock(0)).status == 0
    slow_down(pop, "TOP")
    results = run(4)
    assert not any("no header" in r.stderr for r in results), results
    run.wait(2 * DAY)
    until(run, lambda: len(pop.left()))
    assert popfetch.maildir() == []


def test_messages_that_are_known_already_do_not_use_up_max_messages(popfetch, server, run):
    """Without UIDL, at a server where DELE has no effect."""
    pop = server(mails(6), uidl=False, deletes=False, caps=("TOP", "USER"))
    popfetch.account(server=pop, keep="no", max_messages=2)
    run(4)
    assert len(popfetch.maildir()) == 6


@pytest.mark.parametrize("pipelining", [True, False])
def test_messages_that_fail_do_not_use_up_max_messages(popfetch, server, run, pipelining):
    pop = server(mails(8), pipelining=pipelining)
    bad = pop.left()[:3]
    pop.on(
        "RETR",
        lambda session, line: session.send(b"-ERR broken\r\n")
        if session._find(line.split()[1]).uid.decode() in bad
        else session.obey(line),
    )
    popfetch.account(server=pop, max_messages=2)
    assert run()[0].status == os.EX_TEMPFAIL
    assert len(popfetch.maildir()) == 2
    run(2)
    assert len(popfetch.maildir()) == 5


def test_what_max_messages_leaves_to_be_compared_is_not_forgotten(popfetch, server, run):
    """By TOP a message that is due is a new one, and there is no room for RETR, which would tell
    that it is not."""

    pop = server(mails(1), tls="off")
    popfetch.account(server=pop, keep="1 day", max_messages=1)
    run()
    pop.on("TOP", marked_late)
    run.wait(2 * DAY)
    for number, days in enumerate((1, 200, 2, 1, 1), 2):
        pop.add(mail(f"m{number}"))
        assert run(apart=days * DAY)[0].status == 0
    run(8, apart=DAY)
    assert len(popfetch.maildir()) == 6


def test_max_messages_is_still_a_limit(popfetch, server, run):
    pop = server(mails(5))
    popfetch.account(server=pop, max_messages=2)
    for expected in (2, 4, 5):
        assert run()[0].status == 0
        assert len(popfetch.maildir()) == expected


# Hints


@pytest.mark.parametrize("size", [2**62, 2**63 - 1, 2**41])
def test_a_size_that_cannot_be(popfetch, server, run, size):
    pop = server([])
    pop.add(mail("small"), listed=size)
    popfetch.account(server=pop)
    assert run()[0].status == 0
    assert len(popfetch.maildir()) == 1
    assert run()[0].status == 0
    assert len(popfetch.maildir()) == 1


def test_stat_lower_than_the_listing(popfetch, server, run):
    pop = server(mails(5)).on("STAT", say(b"+OK 3 900\r\n"))
    popfetch.account(server=pop)
    run(2)
    assert len(popfetch.maildir()) == 5


@pytest.mark.parametrize("option", ["--check", "-n"])
def test_a_look_that_has_no_time_for_all_says_so(popfetch, server, run, option):
    count = 250
    pop = counted_anew(popfetch, server, run, count)
    slow_down(pop, "TOP")
    result = popfetch(option)
    assert result.status == os.EX_TEMPFAIL and len(result.errors) == 1, result
    assert "session_timeout reached: not all messages were looked at" in result.stderr


def test_check_compares_what_has_another_size(popfetch, server, run):
    pop = server(mails(3))
    popfetch.account(server=pop)
    run()
    for message in pop.mailbox.messages:
        message.listed = message.size + 7
    pop.on("STAT", say(b"+OK 3 1\r\n"))
    assert popfetch("--check").status == 1, "the same messages, counted anew"
    pop.mailbox.messages[0].wire = mail("other")
    result = popfetch("--check")
    assert result.status == 0 and "1 new message" in result.stdout, result
    assert run()[0].status == 0
    assert len(popfetch.maildir()) == 4
