# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""How long messages stay on the server, and what must be true before one is deleted."""

import os

import pytest

from popactions import cut, say
from popmail import mail
from runner import same

DAY = 86400


def test_nothing_is_deleted_unless_asked_for(popfetch, server):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop)
    for _ in range(2):
        assert popfetch().status == 0
    popfetch.age(10_000 * DAY)
    assert popfetch().status == 0
    assert pop.all_commands("DELE") == [] and len(pop.left()) == 2
    assert len(pop.all_commands("RETR")) == 2


def test_keep_no_deletes_what_was_delivered(popfetch, server):
    pop = server([mail("one"), mail("two")])
    wires = pop.wires()
    assert popfetch.account(server=pop, keep="no")().status == 0
    assert pop.left() == [] and same(popfetch.maildir(), wires)


@pytest.mark.parametrize(
    "keep, seconds", [("14 days", 14 * DAY), ("2 weeks", 14 * DAY), ("36 hours", 36 * 3600)]
)
def test_a_copy_goes_when_its_time_has_come(popfetch, server, keep, seconds):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop, keep=keep)
    assert popfetch().status == 0
    pop.add(mail("new"))
    popfetch.age(seconds - 3600)
    assert popfetch().status == 0
    assert len(pop.left()) == 3
    popfetch.age(3700)
    assert popfetch().status == 0
    assert pop.left() == ["uid-000003"]
    assert len(popfetch.maildir()) == 3


def test_age_counts_from_delivery_not_from_the_date_field(popfetch, server):
    pop = server([mail("old", Date="Mon, 1 Jan 1990 00:00:00 +0000")])
    assert popfetch.account(server=pop, keep="14 days")().status == 0
    assert len(pop.left()) == 1


def test_a_shorter_keep_takes_effect_at_once(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop, keep="14 days")
    popfetch()
    popfetch.accounts["work"]["keep"] = "no"
    assert popfetch().status == 0
    assert pop.left() == [] and len(popfetch.maildir()) == 1


def test_what_catch_up_recorded_ages_from_then_on(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop, keep="14 days")
    popfetch("--catch-up")
    popfetch.age(15 * DAY)
    assert popfetch().status == 0
    assert pop.left() == [] and popfetch.maildir() == []


def test_a_message_delivered_earlier_is_looked_at_before_it_is_deleted(popfetch, server):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop, keep="14 days")
    popfetch()
    popfetch.age(15 * DAY)
    assert popfetch().status == 0
    commands = pop.commands()
    for number in (1, 2):
        assert commands.index(f"TOP {number} 0") < commands.index(f"DELE {number}")
    assert not pop.commands("RETR") and pop.left() == []


def test_without_top_it_is_retrieved_for_that_and_not_delivered_again(popfetch, server):
    pop = server([mail("one"), mail("two")], top=False, caps=("UIDL", "USER"))
    popfetch.account(server=pop, keep="14 days")
    popfetch()
    popfetch.age(15 * DAY)
    assert popfetch().status == 0
    assert pop.left() == [] and len(popfetch.maildir()) == 2


def test_another_message_under_a_known_uid_is_delivered_not_deleted(popfetch, server):
    one = mail("one", "text\n")
    other = mail("two", "text\n")
    assert len(one) == len(other)
    pop = server([one])
    popfetch.account(server=pop, keep="14 days")
    popfetch()
    pop.mailbox.messages.clear()
    pop.add(other, "uid-000001")
    popfetch.age(15 * DAY)
    assert popfetch().status == 0
    assert len(pop.left()) == 1, "what was not delivered is not deleted"
    popfetch()
    assert same(popfetch.maildir(), [one, other])


def test_fields_that_servers_add_do_not_make_another_message(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop, keep="14 days")
    popfetch()
    message = pop.mailbox.messages[0]
    message.wire = b"X-UIDL: abc\r\nStatus: RO\r\n" + message.wire
    popfetch.age(15 * DAY)
    assert popfetch().status == 0
    assert pop.left() == [] and len(popfetch.maildir()) == 1


def test_top_that_fails_keeps_the_message(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop, keep="14 days")
    popfetch()
    popfetch.age(15 * DAY)
    pop.on("TOP", say(b"-ERR not now\r\n")).on("RETR", say(b"-ERR not now\r\n"))
    popfetch()
    assert len(pop.left()) == 1 and not pop.all_commands("DELE")


def test_dele_without_effect_is_repeated_but_nothing_fetched_twice(popfetch, server):
    pop = server([mail("one"), mail("two")], deletes=False)
    popfetch.account(server=pop, keep="no")
    for _ in range(3):
        assert popfetch().status == 0
    assert len(pop.all_commands("RETR")) <= 2 + 0 and len(popfetch.maildir()) == 2
    pop.deletes = True
    assert popfetch().status == 0
    assert pop.left() == [] and len(popfetch.maildir()) == 2


def test_dele_after_a_dropped_quit_is_repeated_and_nothing_fetched_twice(popfetch, server):
    pop = server([mail("one"), mail("two")])
    wires = pop.wires()
    pop.on("QUIT", lambda session, line: session.close(), nth=1)
    popfetch.account(server=pop, keep="no")
    popfetch("-v")
    assert len(pop.left()) == 2
    assert popfetch().status == 0
    assert pop.left() == [] and same(popfetch.maildir(), wires)
    assert not pop.commands("RETR")
    assert len(pop.all_commands("RETR")) == 2


def test_quit_that_worked_but_was_not_answered(popfetch, server):
    pop = server([mail("one"), mail("two")])
    wires = pop.wires()
    pop.on("QUIT", lambda session, line: (session.reply(line), session.close()))
    result = popfetch.account(server=pop, keep="no")()
    assert result.status == 0, result
    assert pop.left() == []
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires)


def test_an_error_in_answer_to_quit_is_no_loss(popfetch, server):
    pop = server([mail("one")]).on(
        "QUIT", say(b"-ERR some deleted messages not removed\r\n"), nth=1
    )
    popfetch.account(server=pop, keep="no")
    popfetch("-v")
    assert popfetch().status == 0
    assert pop.left() == [] and len(popfetch.maildir()) == 1


def test_a_refused_quit_is_told_and_nothing_counts_as_deleted(popfetch, server):
    pop = server([mail("one")]).on(
        "QUIT", say(b"-ERR some deleted messages not removed\r\n"), nth=1
    )
    popfetch.set(log="~/log").account(server=pop, keep="no")
    result = popfetch()
    assert len(result.errors) == 1 and "QUIT" in result.stderr, result
    log = (popfetch.home / "log").read_text()
    assert "1 fetched, 0 deleted" in log and "deleted: " not in log
    assert popfetch().status == 0
    assert "0 fetched, 1 deleted" in (popfetch.home / "log").read_text()
    assert pop.left() == [] and len(popfetch.maildir()) == 1


def test_dele_that_is_refused_leaves_the_message_for_the_next_run(popfetch, server):
    pop = server([mail("one"), mail("two"), mail("three")]).on("DELE 2", say(b"-ERR no\r\n"), nth=1)
    popfetch.account(server=pop, keep="no")
    popfetch("-v")
    assert pop.left() == ["uid-000002"]
    assert popfetch().status == 0
    assert pop.left() == [] and len(popfetch.maildir()) == 3


@pytest.mark.parametrize("position", range(1, 4))
def test_a_line_dropped_while_deleting_loses_and_doubles_nothing(popfetch, server, position):
    pop = server([mail("one"), mail("two"), mail("three")])
    wires = pop.wires()
    pop.on(f"DELE {position}", lambda session, line: session.close(), nth=1)
    popfetch.account(server=pop, keep="no")
    popfetch("-v")
    assert popfetch().status == 0
    assert pop.left() == [] and same(popfetch.maildir(), wires)
    assert len(pop.all_commands("RETR")) == 3


def test_a_message_is_deleted_only_after_it_was_recorded_as_delivered(popfetch, server):
    pop = server([mail("one"), mail("two")])
    seen = []

    def look(session, line):
        seen.append((len(list((popfetch.home / "Maildir/new").iterdir())), len(popfetch.staged())))
        session.obey(line)

    pop.on("DELE", look)
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0
    assert [delivered for delivered, _ in seen] == [2, 2]


def test_no_number_is_used_again_after_its_dele(popfetch, server):
    pop = server([mail(str(number)) for number in range(20)])
    popfetch.account(server=pop, keep="no")
    popfetch()
    commands = pop.commands()
    for number in range(1, 21):
        behind = commands[commands.index(f"DELE {number}") + 1 :]
        assert not [c for c in behind if c.split(" ")[1:2] == [str(number)]]


def test_keep_needs_uidl(popfetch, server):
    for keep in ("forever", "14 days", None):
        pop = server([mail("one")], uidl=False, caps=("TOP", "USER"))
        popfetch.accounts.clear()
        result = popfetch.account(server=pop, keep=keep)()
        assert result.status == os.EX_UNAVAILABLE, result
        assert "UIDL" in result.stderr and "keep" in result.stderr
        assert not pop.commands("RETR") and not pop.commands("DELE")


def test_fetch_and_delete_works_without_uidl(popfetch, server):
    pop = server([mail("one"), mail("two")], uidl=False, caps=("TOP", "USER"))
    wires = pop.wires()
    assert popfetch.account(server=pop, keep="no")().status == 0
    assert pop.left() == [] and same(popfetch.maildir(), wires)


def test_without_uidl_a_dropped_quit_does_not_double(popfetch, server):
    pop = server([mail("one"), mail("two")], uidl=False, caps=("TOP", "USER"))
    wires = pop.wires()
    pop.on("QUIT", lambda session, line: session.close(), nth=1)
    popfetch.account(server=pop, keep="no")
    popfetch("-v")
    new = pop.add(mail("three"))
    assert popfetch().status == 0
    assert pop.left() == [] and same(popfetch.maildir(), wires + [new.wire])


def test_expire_0_withholds_quit_when_something_retrieved_was_not_delivered(popfetch, server):
    pop = server([mail("one"), mail("bad")], caps=("TOP", "UIDL", "USER", "EXPIRE 0"))
    popfetch.account(server=pop, mda=popfetch.script('grep -q "^Subject: bad" && exit 67; exit 0'))
    popfetch("-v")
    assert not pop.commands("QUIT")


def test_expire_0_with_everything_delivered_ends_as_usual(popfetch, server):
    pop = server([mail("one")], caps=("TOP", "UIDL", "USER", "EXPIRE 0"))
    assert popfetch.account(server=pop)("-v").status == 0
    assert pop.commands("QUIT")


def test_a_clock_that_went_back_deletes_nothing(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop, keep="14 days")
    popfetch()
    popfetch.age(15 * DAY)
    names = [name for name, in popfetch.sql("select name from fact")]
    [clock] = [name for name in names if "run" in name and "first" not in name][:1] or [None]
    assert clock, names
    popfetch.sql("update fact set value = value + ? where name = ?", 2 * DAY, clock)
    assert popfetch().status == 0
    assert len(pop.left()) == 1


def test_a_protocol_error_deletes_nothing(popfetch, server):
    pop = server([mail("one"), mail("two"), mail("three")]).on("RETR 3", say(b"what?\r\n"))
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == os.EX_PROTOCOL
    assert len(pop.left()) == 3 and not pop.commands("QUIT")
    wires = pop.wires()
    pop.forgive()
    assert popfetch().status == 0
    assert pop.left() == [] and same(popfetch.maildir(), wires)


def test_a_cut_message_does_not_keep_the_others_from_being_delivered_once(popfetch, server):
    pop = server([mail("one"), mail("two", "text\n" * 100), mail("three")]).on(
        "RETR 2", cut(100), nth=1
    )
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")
    assert popfetch("-v").status == os.EX_TEMPFAIL
    assert popfetch().status == 0
    assert pop.left() == [] and same(popfetch.maildir(), wires)
