# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""How often people are told of what may pass: cron sends each line as mail."""

import fcntl
import os
import time

import pytest

from popactions import change, close, say
from popmail import mail
from runner import is_at_rest, same, wait_until

DAY = 86400


def test_an_mbox_in_use_is_waited_for_once_and_not_told_at_once(popfetch, server):
    pop = server([mail(str(number)) for number in range(300)], pipelining=True)
    popfetch.account(server=pop, mbox="~/mbox")
    path = popfetch.home / "mbox"
    path.touch(0o600)
    with open(path, "r+b") as other:
        fcntl.lockf(other, fcntl.LOCK_EX)
        result = popfetch(timeout=90)
        assert result.status == os.EX_TEMPFAIL and result.output == "", result
        assert 25 < result.seconds < 55, "twice as long if it waits for each batch"
    assert popfetch().status == 0
    assert same(popfetch.mbox(), pop.wires())


def test_trouble_with_single_messages_is_told_when_they_are_set_aside(popfetch, server):
    pop = server([mail("one"), mail("two")])
    pop.on("RETR", say(b"-ERR [SYS/TEMP] later\r\n"))
    popfetch.account(server=pop)
    told = []
    for _ in range(3):
        result = popfetch()
        assert result.status == os.EX_TEMPFAIL, result
        told.append(len(result.errors))
    assert told == [0, 0, 2]
    pop.forgive()
    assert popfetch("work").status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_a_server_that_wants_all_later_is_a_trouble_that_may_pass(popfetch, server):
    pop = server([mail(str(n)) for n in range(9)])
    pop.on("RETR", say(b"-ERR [SYS/TEMP] later\r\n"))
    popfetch.account(server=pop, notice_after="3 failures")
    told = []
    for _ in range(3):
        result = popfetch("work")
        assert result.status == os.EX_TEMPFAIL, result
        told.append(len(result.errors))
    assert told == [0, 0, 1]
    pop.forgive()
    assert popfetch("work").status == 0
    assert same(popfetch.maildir(), pop.wires()), "nothing was set aside"


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_server_that_refuses_everything_is_soon_left_alone(popfetch, server, pipelining):
    pop = server([mail(str(number)) for number in range(500)], pipelining=pipelining)
    pop.on("RETR", say(b"-ERR download limit exceeded\r\n"))
    result = popfetch.account(server=pop, notice_after="1 failures")()
    assert result.status == os.EX_TEMPFAIL, result
    assert len(result.errors) == 1 and "download limit exceeded" in result.stderr
    assert popfetch.sql("select id from message") == [], "all wait for the next run"


def test_a_run_that_reached_the_server_ends_a_row_of_failures(popfetch, server):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop, notice_after="3 failures")
    told = []
    for what in ("line", "message") * 2 + ("line", "line", "line"):
        pop.forgive()
        if what == "line":
            pop.on("UIDL", close)
        else:
            pop.on("RETR 1", say(b"-ERR no\r\n"))
            popfetch.sql("update message set next_try = 0")
        result = popfetch()
        assert result.status == os.EX_TEMPFAIL, result
        told.append(len(result.errors))
    assert told == [0, 1, 0, 1, 0, 0, 1]


# Mail that the server deletes by itself.


def expiring(popfetch, server, *expire, keep="forever", after=None):
    """The lines of three runs, each with something new."""
    caps = ("TOP", "UIDL", "USER")
    pop = server(
        [mail("one")],
        caps=(*caps, *expire),
        caps_after_login=None if after is None else (*caps, *after),
    )
    popfetch.account(server=pop, keep=keep)
    told = []
    for name in ("two", "three", "four"):
        result = popfetch()
        assert result.status == 0 and result.stdout == "", result
        told.append(result.stderr)
        pop.add(mail(name))
    return told


@pytest.mark.parametrize(
    "expire, keep, text",
    [
        ("30", "forever", "after 30 days"),
        ("30", "31 days", "after 30 days"),
        ("30", "30 days", "after 30 days"),
        ("1", "forever", "after 1 day\n"),
        ("0", "forever", "as soon as they have been fetched (EXPIRE 0)"),
        ("0", "1 day", "as soon as they have been fetched (EXPIRE 0)"),
    ],
)
def test_that_the_server_deletes_sooner_than_keep_says_is_told_once(
    popfetch, server, expire, keep, text
):
    told = expiring(popfetch, server, "EXPIRE " + expire, keep=keep)
    assert told[0].startswith("popfetch: work: server may delete messages by itself "), told
    assert text in told[0] and told[1:] == ["", ""], told


@pytest.mark.parametrize(
    "expire, keep", [("NEVER", "forever"), ("30", "29 days"), ("30", "no"), ("0", "no")]
)
def test_a_server_that_keeps_long_enough_is_no_news(popfetch, server, expire, keep):
    assert expiring(popfetch, server, "EXPIRE " + expire, keep=keep) == ["", "", ""]


def test_the_time_of_this_user_counts(popfetch, server):
    told = expiring(popfetch, server, "EXPIRE 60 USER", after=["EXPIRE 7"])
    assert "after 7 days" in told[0] and told[1:] == ["", ""], told


def test_a_user_whose_mail_never_expires_is_told_nothing(popfetch, server):
    told = expiring(popfetch, server, "EXPIRE 30 USER", after=["EXPIRE NEVER"])
    assert told == ["", "", ""]


def test_another_time_than_before_is_told_again(popfetch, server):
    pop = server([mail("one")], caps=("TOP", "UIDL", "USER", "EXPIRE 30"))
    assert "30 days" in popfetch.account(server=pop)().stderr
    pop.caps = ("TOP", "UIDL", "USER", "EXPIRE 10")
    popfetch.earlier("capa_time", 7 * DAY)
    assert "10 days" in popfetch().stderr
    assert popfetch().stderr == ""


# What keeps mail away for long.


def told(result, *words):
    """The one line of a run that tells of such trouble, with what to do."""
    [line] = result.errors
    assert line.startswith("popfetch: work: ") and "since 20" in line, line
    for word in words:
        assert word in line, line
    return True


HELP = ("(2 days)", "popfetch --status -v work", "popfetch --retry work")


def test_that_logins_are_refused_for_long_is_told_once_a_day(popfetch, server):
    pop = server([mail("one")], users={"jane": "other"})
    assert popfetch.account(server=pop)().status == os.EX_NOPERM
    result = popfetch()
    assert result.status == os.EX_NOPERM and result.output == "", result
    popfetch.earlier("refused_since", 2 * DAY)
    result = popfetch("-q")
    assert result.status == os.EX_NOPERM and told(result, "logins are refused", *HELP), result
    result = popfetch()
    assert result.status == os.EX_NOPERM and result.output == "", result
    popfetch.earlier("trouble_told", DAY)
    result = popfetch("work")
    assert told(result, "login refused, check", "; logins are refused", "(2 days)"), result
    pop.users = {"jane": popfetch.accounts["work"]["password"]}
    assert popfetch("work").output == ""
    assert popfetch.sql("select value from fact where name = 'refused_since'") == [(0,)]


def test_that_a_server_is_in_trouble_for_long_is_told_once_a_day(popfetch, server):
    pop = server([mail("one")])
    busy = say(b"-ERR [SYS/TEMP] out of order\r\n")
    pop.on("AUTH", busy).on("PASS", busy)
    popfetch.account(server=pop, notice_after="1000 failures")
    result = popfetch()
    assert result.status == os.EX_TEMPFAIL and result.output == "", result
    popfetch.earlier("put_off_since", 2 * DAY)
    result = popfetch()
    assert result.status == os.EX_TEMPFAIL and told(result, "put off", *HELP), result
    result = popfetch()
    assert result.status == os.EX_TEMPFAIL and result.output == "", result


def fail_logins(popfetch, pop, name):
    """For two days now."""
    busy = say(b"-ERR [SYS/TEMP] out of order\r\n" if name == "put_off" else b"-ERR no\r\n")
    pop.on("AUTH", busy).on("PASS", busy)
    assert popfetch().status != 0
    popfetch.earlier(name + "_since", 2 * DAY)


@pytest.mark.parametrize("name", ["put_off", "refused"])
def test_sessions_that_break_behind_the_listing_are_no_logins_that_fail(popfetch, server, name):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop, notice_after="1000 failures")
    fail_logins(popfetch, pop, name)
    pop.forgive()
    pop.on("RETR 2", close)
    result = popfetch("work")
    assert result.status == os.EX_TEMPFAIL and result.output == "", result
    assert len(popfetch.maildir()) == 1
    status = popfetch("--status").stdout
    assert "put off" not in status and "logins are" not in status, status


@pytest.mark.parametrize("name", ["put_off", "refused"])
def test_a_server_that_cannot_be_reached_refuses_no_login(popfetch, server, name):
    pop = server([mail("one")])
    popfetch.account(server=pop, notice_after="1000 failures")
    fail_logins(popfetch, pop, name)
    pop.stop()
    result = popfetch("work")
    assert result.status == os.EX_TEMPFAIL and result.output == "", result


def test_a_server_that_is_in_trouble_behind_the_listing_is_so_since_it_began(popfetch, server):
    pop = server([mail(str(n)) for n in range(9)])
    pop.on("RETR", say(b"-ERR [SYS/TEMP] later\r\n"))
    popfetch.account(server=pop, notice_after="1000 failures")
    assert popfetch().output == ""
    popfetch.earlier("put_off_since", 2 * DAY)
    assert told(popfetch("work"), "put off")


def test_the_same_server_is_not_told_of_twice_a_day(popfetch, server):
    pop = server([mail("one")])
    busy = say(b"-ERR [SYS/TEMP] out of order\r\n")
    pop.on("AUTH", busy).on("PASS", busy)
    popfetch.account(server=pop, notice_after="1 failures")
    assert "out of order" in popfetch().stderr
    popfetch.earlier("put_off_since", 2 * DAY)
    assert popfetch().output == "", "within a day of the error itself"
    popfetch.earlier("last_notice", DAY)
    assert told(popfetch("work"), "out of order", "put off")
    assert popfetch("work").output == ""


def test_that_messages_are_set_aside_for_long_is_told_once_a_day(popfetch, server):
    pop = server([mail("one"), mail("two")]).on("RETR 1", say(b"-ERR it is broken\r\n"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    assert popfetch().output == ""
    popfetch.earlier("aside_since", 2 * DAY)
    result = popfetch()
    assert result.status == 0 and told(result, "1 message is set aside", *HELP), result
    assert popfetch().output == ""
    popfetch.earlier("trouble_told", DAY)
    assert popfetch().errors != []
    pop.forgive()
    assert popfetch("work").output == ""
    assert popfetch.sql("select value from fact where name = 'aside_since'") == [(0,)]


def leave_out(reply):
    return reply.replace(b"2 uid-000002\r\n", b"")


def test_that_the_server_lists_fewer_messages_than_it_counts_is_told_once_a_day(popfetch, server):
    pop = server([mail("one"), mail("two"), mail("three")]).on("UIDL", change(leave_out))
    popfetch.account(server=pop, keep="forever")
    result = popfetch()
    assert result.status == 0 and result.output == "", "once proves little"
    result = popfetch()
    assert result.status == 0, result
    assert told(result, "server counts 1 message more than it lists", "webmail"), result
    assert "--retry" not in result.stderr, result
    shown = popfetch("--status")
    assert shown.status == 1 and "trouble: server counts 1 message more" in shown.stdout, shown
    assert popfetch().output == ""
    popfetch.sql("update fact set value = value - ? where name = 'trouble_told'", DAY)
    assert told(popfetch(), "server counts 1 message more than it lists")
    pop.forgive()
    assert popfetch().output == "" and len(popfetch.maildir()) == 3
    assert popfetch("--status").status == 0


def test_a_message_that_is_left_out_once_in_a_while_is_no_news(popfetch, server):
    pop = server([mail("one"), mail("two"), mail("three")])
    popfetch.account(server=pop, keep="forever")
    for _ in range(3):
        pop.on("UIDL", change(leave_out))
        assert popfetch().output == ""
        pop.forgive()
        assert popfetch().output == ""


def test_messages_that_come_and_go_are_not_one_that_waits_for_long(popfetch, server):
    pop = server([mail("one"), mail("two")]).on("RETR 1", say(b"-ERR it is broken\r\n"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    popfetch.earlier("aside_since", 2 * DAY)
    pop.forgive()
    pop.add(mail("three"))
    pop.on("RETR 3", say(b"-ERR it is broken\r\n"))
    assert "set aside, the first" not in popfetch("work").stderr
    assert "set aside, the first" not in popfetch().stderr


def test_a_clock_that_was_wrong_makes_no_long_trouble(popfetch, server):
    pop = server([mail("one"), mail("two")]).on("RETR 1", say(b"-ERR it is broken\r\n"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    for value in (1000, 2**40):
        [(began,)] = popfetch.sql("select value from fact where name = 'aside_since'")
        popfetch.earlier("aside_since", began - value)
        assert popfetch().output == ""


def test_a_lock_that_is_held_for_long_is_told_once_a_day(popfetch, server):
    pop = server([mail("one")])
    assert popfetch.account(server=pop)().status == 0
    with popfetch.locked(3000):
        result = popfetch()
        assert result.status == 0 and result.output == "" and result.seconds < 4, result
    with popfetch.locked(2 * 3600) as path:
        result = popfetch()
        assert result.status == 0 and told(result, "holds its lock", "(2 hours", f"'{path}'")
        result = popfetch()
        assert result.status == 0 and result.output == "" and result.seconds < 4, result
        [note] = popfetch.state_dir.glob("*.busy")
        os.utime(note, (time.time() - DAY,) * 2)
        assert told(popfetch(), "holds its lock")
        os.utime(note, (time.time() + DAY,) * 2)
        assert told(popfetch(), "holds its lock"), "the clock was ahead"
    assert popfetch().output == ""


def test_a_lock_taken_under_a_wrong_clock_counts_from_now(popfetch, server):
    pop = server([mail("one")])
    assert popfetch.account(server=pop)().status == 0
    for seconds_ago in (-9 * DAY, time.time() - 1000):
        with popfetch.locked(seconds_ago) as path:
            assert popfetch().output == ""
            assert abs(path.stat().st_mtime - time.time()) < 60


def test_a_lock_that_is_free_soon_keeps_no_mail_away(popfetch, server):
    pop = server([mail("one")])
    assert popfetch.account(server=pop)().status == 0
    pop.add(mail("two"))
    with popfetch.locked(12 * 3600):
        process = popfetch.start()
        wait_until(lambda: is_at_rest(process), process)
    result = popfetch.finish(process)
    assert result.status == 0 and result.output == "", result
    assert same(popfetch.maildir(), pop.wires())


def test_a_lock_is_told_of_when_no_run_has_gone_well_for_long(popfetch, server):
    pop = server([mail("one")])
    assert popfetch.account(server=pop)().status == 0
    popfetch.earlier("last_success", 2 * DAY)
    with popfetch.locked(60):
        result = popfetch()
        assert result.status == 0 and told(result, "no run has gone well", "(2 days)"), result
        assert popfetch().output == ""


def test_a_run_that_is_at_work_is_not_told_of_though_none_has_gone_well_for_long(popfetch, server):
    pop = server([mail("one")])
    assert popfetch.account(server=pop)().status == 0
    popfetch.earlier("last_success", 2 * DAY)
    waiting = []

    def look(session, line):
        waiting.append(popfetch())
        session.obey(line)

    pop.on("UIDL", look)
    assert popfetch().status == 0
    assert waiting[0].output == "" and waiting[0].status == 0 and waiting[0].seconds < 4, waiting


def test_a_lock_is_not_told_of_when_the_log_says_that_a_run_went_well(popfetch, server):
    pop = server([mail("one")])
    assert popfetch.account(server=pop)().status == 0
    popfetch.earlier("last_success", 2 * DAY)
    assert popfetch().status == 0, "which is noted in the log alone"
    with popfetch.locked(60):
        assert popfetch().output == ""


def test_a_copy_of_the_state_that_is_at_work_is_trouble_that_may_pass(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop, notice_after="2 failures")
    assert popfetch().status == 0
    pop.add(mail("two"))
    [staging] = (popfetch.home / "Maildir/tmp/.popfetch").iterdir()
    fd = os.open(staging, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        first, second = popfetch(), popfetch()
        status = popfetch("--status")
    finally:
        os.close(fd)
    assert first.status == second.status == os.EX_TEMPFAIL and first.output == "", first
    assert "a run with a copy of this state is at work there" in second.stderr, second
    assert status.status == 1 and "copy of this state" in status.stdout.replace("\n", " "), status
    assert popfetch().status == 0 and same(popfetch.maildir(), pop.wires())
