# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Coming from another program: --catch-up, and what that has fetched is not fetched again."""

import os
import sqlite3
import time

import pytest

from popactions import say
from popmail import mail
from runner import same, stop, wait_until

DAY = 86400
NO_TOP = {"top": False, "caps": ("UIDL", "USER")}


def rows(popfetch):
    return popfetch.sql("select uid, size, digest is not null, status from message order by uid")


# --- which accounts ---


def test_an_account_that_works_is_left_alone_unless_it_is_named(popfetch, server):
    old, new = server([mail("old")]), server([mail("caught up")])
    assert popfetch.account(server=old, keep="14 days")().status == 0
    waiting = old.add(mail("waiting"))
    popfetch.account("new", server=new)
    result = popfetch("--catch-up")
    assert result.status == 0 and "work: left alone" in result.stdout, result
    assert "--catch-up work" in result.stdout
    assert popfetch().status == 0
    assert waiting.wire.replace(b"\r\n", b"\n") in popfetch.maildir()
    assert popfetch.maildir("Maildir-new") == []


def test_so_is_one_that_has_had_no_mail_yet(popfetch, server):
    pop = server()
    assert popfetch.account(server=pop)().status == 0
    waiting = pop.add(mail("waiting"))
    assert popfetch("--catch-up").status == 0
    assert popfetch().status == 0
    assert same(popfetch.maildir(), [waiting.wire])


def test_so_is_one_whose_first_run_was_killed(popfetch, server):
    def act(session, line):
        wait_until(popfetch.maildir)
        popfetch.kill(process)

    pop = server([mail("one"), mail("two")])
    pop.on("RETR 2", act)
    process = popfetch.account(server=pop).start(env={"POPFETCH_BATCH_LIMIT": "1"})
    popfetch.finish(process)
    pop.settle()
    pop.forgive()
    assert popfetch.sql("select count(*) from message") != [(0,)]
    assert "left alone" in popfetch("--catch-up").stdout
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 2


def test_a_name_says_that_it_is_meant(popfetch, server):
    pop = server([mail("one")])
    assert popfetch.account(server=pop)().status == 0
    pop.add(mail("two"))
    assert popfetch("--catch-up", "work").status == 0
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 1


# --- what is said ---


def test_it_says_how_much_it_records_and_how_new_that_is(popfetch, server):
    pop = server([mail("one"), mail("two", Date="Tue, 3 Nov 2026 10:00:00 +0100")])
    popfetch.account(server=pop)
    result = popfetch("-v", "--catch-up")
    said = "recording 2 messages as delivered, the newest dated Tue, 3 Nov 2026 10:00:00 +0100"
    assert said in result.stdout, result
    for uid in ("uid-000001", "uid-000002"):
        assert f"(uid '{uid}') recorded as delivered" in result.stdout


def test_a_dry_run_says_what_it_would_record_and_changes_nothing(popfetch, server):
    pop = server([mail("one"), mail("two", Date="Tue, 3 Nov 2026 10:00:00 +0100")])
    popfetch.account(server=pop)
    for arguments in (["-n", "--catch-up"], ["--catch-up", "-n"]):
        result = popfetch(*arguments)
        assert result.status == 0 and result.stderr == "", result
        assert "would record 2 messages" in result.stdout, result
        assert "Tue, 3 Nov 2026" in result.stdout and "uid-000001" in result.stdout
        assert popfetch.databases() == []
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 2


# --- what is recorded ---


def test_what_is_recorded_has_a_header_and_ages(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop, keep="14 days")
    assert popfetch("--catch-up").status == 0
    assert [row[2] for row in rows(popfetch)] == [1]
    popfetch.age(15 * DAY)
    assert popfetch().status == 0
    assert pop.left() == [] and popfetch.maildir() == []


@pytest.mark.parametrize("keep", ["14 days", "no"])
def test_without_top_it_is_never_deleted_and_that_is_said_once(popfetch, server, keep):
    pop = server([mail("one"), mail("two")], **NO_TOP)
    popfetch.account(server=pop, keep=keep)
    result = popfetch("--catch-up")
    assert result.status == 0 and "never deletes them" in result.stderr, result
    popfetch.age(15 * DAY)
    for _ in range(2):
        result = popfetch()
        assert result.status == 0 and result.output == "", result
    assert len(pop.left()) == 2 and popfetch.maildir() == []


def test_a_header_that_is_empty_is_none(popfetch, server):
    pop = server([mail("one")]).on("TOP", say(b"+OK\r\n\r\n.\r\n"))
    popfetch.account(server=pop, keep="no")
    assert "never deletes it" in popfetch("--catch-up").stderr
    assert [row[2] for row in rows(popfetch)] == [0]


def test_what_was_set_aside_or_too_large_is_taken_over(popfetch, server):
    pop = server([mail("ok"), mail("refused"), mail("large", "x\n" * 2000)])
    pop.on("RETR 2", say(b"-ERR unreadable\r\n"))
    popfetch.account(server=pop, max_size="1 KiB")
    assert popfetch().status == os.EX_TEMPFAIL
    assert [row[3] for row in rows(popfetch)] == [2, 3, 4]
    for _ in range(2):
        assert popfetch("--catch-up", "work").status == 0
        assert [row[2:] for row in rows(popfetch)] == [(1, 2)] * 3
    pop.forgive()
    del popfetch.accounts["work"]["max_size"]
    assert popfetch("work").status == 0
    assert len(popfetch.maildir()) == 1


# --- in steps ---


@pytest.fixture
def slow(popfetch, server):
    """A server at which --catch-up stops at the header of this message."""

    def make(count, at, action):
        pop = server([mail(str(n)) for n in range(count)], tls="off")
        pop.on(f"TOP {at} 0", action)
        popfetch.account(server=pop)
        return pop

    return make


@pytest.mark.parametrize("how", ["the line drops", "session_timeout"])
def test_a_session_that_ends_early_leaves_what_was_recorded(popfetch, slow, how):
    if how == "the line drops":
        pop = slow(300, 280, lambda session, line: session.close())
    else:
        pop = slow(300, 280, lambda session, line: session.wait_for_the_end())
        popfetch.accounts["work"].update(timeout="2 seconds")
    result = popfetch("-v", "--catch-up")
    assert result.status == os.EX_TEMPFAIL and "of 300 messages are recorded" in result.stderr
    done = popfetch.sql("select count(*) from message where status = 2")[0][0]
    assert 256 <= done < 300
    pop.forgive()
    result = popfetch("-v", "--catch-up")  # which goes on without a name
    assert result.status == 0 and f"recording {300 - done} messages" in result.stdout, result
    assert "gave no header" not in result.stderr, "a line that broke once is just one that broke"
    assert len(rows(popfetch)) == 300
    pop.add(mail("waiting"))
    assert "left alone" in popfetch("--catch-up").stdout
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 1


def test_a_stop_keeps_what_is_whole_and_says_how_far_it_came(popfetch, slow):
    def act(session, line):
        stop(process)
        session.wait_for_the_end()

    pop = slow(20, 10, act)
    process = popfetch.start("-v", "--catch-up")
    result = popfetch.finish(process)
    assert result.status == os.EX_TEMPFAIL, result
    done = len(rows(popfetch))
    assert 0 < done < 20 and f"{done} of 20 messages recorded" in result.stderr, result
    pop.forgive()
    assert popfetch("--catch-up").status == 0
    assert len(rows(popfetch)) == 20


# --- a list ---


@pytest.fixture
def listed(popfetch):
    """Writes the list of another program, and gives the option for it."""

    def make(*lines):
        path = popfetch.directory / "uids"
        path.write_bytes(b"".join(line.encode() + b"\n" for line in lines))
        return f"--catch-up={path}"

    return make


def test_only_what_is_listed_is_recorded(popfetch, server, listed):
    pop = server([mail("one"), mail("two"), mail("late")])
    popfetch.account(server=pop, keep="14 days")
    result = popfetch("-v", listed("uid-000001", "uid-000002", "", "uid-000001"))
    assert result.status == 0 and "recorded 2 uids as delivered" in result.stdout, result
    assert pop.connections == [], "a list needs no server"
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires()[2:])


def test_a_list_from_another_system_names_the_same_uids(popfetch, server, listed):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop)
    assert popfetch(listed("\ufeffuid-000001\r", "uid-000002\r")).status == 0
    assert popfetch().status == 0
    assert popfetch.maildir() == []


def test_its_messages_have_their_ages_and_are_deleted_from_the_next_session_on(
    popfetch, server, listed
):
    pop = server([mail("old"), mail("young"), mail("ageless")])
    now = int(time.time())
    popfetch.account(server=pop, keep="14 days")
    option = listed(f"uid-000001 {now - 20 * DAY}", f"uid-000002 {now - DAY}", "uid-000003")
    assert popfetch(option).status == 0
    assert popfetch().status == 0
    assert len(pop.left()) == 3, "first its header has to be on record"
    assert [row[1] > 0 and row[2] for row in rows(popfetch)] == [1, 1, 1]
    assert popfetch().status == 0
    assert pop.left() == ["uid-000002", "uid-000003"] and popfetch.maildir() == []


def test_a_uid_of_the_list_that_was_given_to_another_in_between_is_safe(popfetch, server, listed):
    pop = server([mail("one", "text\n", Message_ID="<1@example.org>")])
    popfetch.account(server=pop, keep="no")
    assert popfetch(listed("uid-000001")).status == 0
    assert popfetch().status == 0
    pop.mailbox.messages.clear()
    new = pop.add(mail("two", "text\n", Message_ID="<2@example.org>"), "uid-000001")
    for _ in range(2):
        assert popfetch().status == 0
    assert same(popfetch.maildir(), [new.wire]) and pop.left() == []


def test_what_the_server_shows_a_part_of_is_not_forgotten(popfetch, server, listed):
    """Gmail lists some hundreds of messages; the others come later."""
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop)
    assert popfetch(listed("uid-000001", "uid-000002")).status == 0
    everything = list(pop.mailbox.messages)
    for part in (everything[:1], everything[1:], everything):
        pop.mailbox.messages[:] = part
        assert popfetch().status == 0
    assert popfetch.maildir() == [] and not pop.all_commands("RETR")


def test_blanks_belong_to_a_uid_unless_digits_are_behind_the_last(popfetch, server, listed):
    pop = server()
    for uid in ("a b", "c 12x", "d", "7"):
        pop.add(mail(uid), uid)
    popfetch.account(server=pop)
    assert popfetch(listed("a b 1700000000", "c 12x", "  d  \r", "7")).status == 0
    assert {row[0] for row in rows(popfetch)} == {b"a b", b"c 12x", b"d", b"7"}
    assert popfetch().status == 0
    assert popfetch.maildir() == []


def test_times_that_cannot_be_are_those_of_the_list(popfetch, server, listed):
    popfetch.account(server=server())
    before = int(time.time())
    assert popfetch(listed("future 99999999999999999999", "past 1", "now")).status == 0
    times = dict(popfetch.sql("select uid, delivered from message"))
    assert times[b"future"] >= before and times[b"now"] >= before
    assert 1700000000 < times[b"past"] < before


def test_a_list_with_a_dry_run_records_nothing(popfetch, server, listed):
    popfetch.account(server=server())
    result = popfetch("-n", listed("a 1790000000", "b"))
    assert result.status == 0 and "would record 2 uids" in result.stdout, result
    assert "2026" in result.stdout and popfetch.databases() == []


def test_a_list_leaves_an_account_that_works_alone_and_marks_one(popfetch, server, listed):
    pop = server([mail("one")])
    popfetch.account(server=pop)
    assert popfetch(listed("uid-000001")).status == 0
    pop.on("GREETING", say(b"-ERR not now\r\n"))
    assert popfetch("-v").status == os.EX_TEMPFAIL
    pop.forgive()
    pop.add(mail("late"))
    assert "left alone" in popfetch("--catch-up").stdout
    assert "left alone" in popfetch(listed("uid-000002")).stdout
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 1


def test_a_message_of_the_list_that_was_set_aside_is_taken_over(popfetch, server, listed):
    pop = server([mail("one")]).on("RETR", say(b"-ERR unreadable\r\n"))
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == os.EX_TEMPFAIL
    assert popfetch(listed("uid-000001"), "work").status == 0
    pop.forgive()
    for _ in range(2):
        assert popfetch().status == 0
    assert popfetch.maildir() == [] and pop.left() == []


@pytest.mark.parametrize("what", ["two accounts", "no file", "a directory", "a long uid"])
def test_a_list_that_makes_no_sense_is_refused(popfetch, server, listed, what):
    popfetch.account(server=server())
    option = listed("x" * 70000 if what == "a long uid" else "x")
    if what == "two accounts":
        popfetch.account("other", server=server())
    if what == "no file":
        option += ".not-there"
    if what == "a directory":
        option = f"--catch-up={popfetch.directory}"
    result = popfetch(option)
    assert result.status == os.EX_USAGE and len(result.errors) == 1, result
    assert popfetch.databases() == []


def test_a_power_cut_does_not_forget_that_an_account_works(popfetch, server):
    """The first run that ends well is on the disk as such: here, all that was not is lost."""
    pop = server([mail("one")])
    assert popfetch.account(server=pop)().status == 0
    with sqlite3.connect(popfetch.databases()[0]) as connection:
        [(success,)] = connection.execute("select value from fact where name = 'last_success'")
    assert success > 0


def test_a_catch_up_that_broke_is_over_when_a_run_has_ended_well(popfetch, slow):
    pop = slow(20, 10, lambda session, line: session.close())
    assert popfetch("--catch-up").status == os.EX_TEMPFAIL
    pop.forgive()
    assert popfetch().status == 0
    waiting = pop.add(mail("waiting"))
    assert "left alone" in popfetch("--catch-up").stdout
    assert popfetch().status == 0
    assert waiting.wire.replace(b"\r\n", b"\n") in popfetch.maildir()


def test_of_an_account_whose_runs_failed_what_is_new_is_left_alone(popfetch, server):
    pop = server([mail("refused"), mail("one")]).on("RETR 1", say(b"-ERR unreadable\r\n"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    waiting = pop.add(mail("waiting"))
    assert popfetch("--catch-up").status == 0
    assert [row[3] for row in rows(popfetch)] == [2, 2]
    assert popfetch().status == 0
    assert waiting.wire.replace(b"\r\n", b"\n") in popfetch.maildir()


def test_one_refused_header_does_not_cost_the_others_theirs(popfetch, server):
    pop = server([mail(str(n)) for n in range(5)]).on("TOP 5 0", say(b"-ERR busy\r\n"))
    popfetch.account(server=pop)
    assert popfetch("--catch-up").status == 0
    assert sorted(row[2] for row in rows(popfetch)) == [0, 1, 1, 1, 1]


@pytest.mark.parametrize("keep", ["forever", "no"])
def test_what_a_list_has_and_was_seen_to_be_gone_is_new(popfetch, server, listed, keep):
    pop = server([mail("one")]).on("TOP", say(b"-ERR busy\r\n"), nth=1)
    popfetch.account(server=pop, keep=keep)
    assert popfetch(listed("uid-000001")).status == 0
    assert popfetch().status == 0
    pop.mailbox.messages.clear()
    assert popfetch().status == 0
    new = pop.add(mail("two", "of another size\n"), "uid-000001")
    for _ in range(2):
        assert popfetch().status == 0
    assert same(popfetch.maildir(), [new.wire])
