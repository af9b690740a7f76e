# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""How often the server has to wait for popfetch, beyond TCP, TLS and greeting; and what is
remembered of it for that."""

import os
import time

import pytest

from popactions import close, forget, if_more, say, say_and_close
from popmail import mail
from runner import same


def test_nothing_new_takes_few_round_trips(popfetch, server):
    pop = server([mail("one")], pipelining=True, latency=0.02)
    popfetch.account(server=pop)
    for _ in range(3):
        assert popfetch().status == 0
    assert pop.last.waits <= 2, "once the server is known: login and listing; QUIT"


def test_an_unknown_server_takes_one_round_trip_more(popfetch, server):
    pop = server([], pipelining=True, latency=0.02)
    popfetch.account(server=pop)
    assert popfetch().status == 0
    assert pop.last.waits <= 3, "CAPA; login and listing; QUIT"


def test_a_server_without_pipelining_is_asked_nothing_in_vain(popfetch, server):
    pop = server([mail("one")], pipelining=False)
    popfetch.account(server=pop)
    for _ in range(2):
        assert popfetch().status == 0
    words = [command.split()[0] for command in pop.last.commands]
    assert words == ["AUTH", "STAT", "UIDL", "QUIT"]
    assert not pop.last.overlaps


def test_a_server_that_loses_what_comes_behind_a_login_gets_nothing_there(popfetch, server):
    pop = server([mail("one")], pipelining=True, latency=0.02)
    pop.on("AUTH", forget)
    popfetch.account(server=pop, timeout="2 seconds")
    result = popfetch("-v")
    assert result.status == 0, result
    assert same(popfetch.maildir(), pop.wires())
    assert len(pop.connections) == 2
    pop.add(mail("two"))
    result = popfetch("-v")
    assert result.status == 0, result
    assert same(popfetch.maildir(), pop.wires())
    assert len(pop.connections) == 3, "it is remembered"
    assert "CAPA" not in pop.last.commands, "and so is what it can do"
    popfetch.sql("update fact set value = 0 where name = 'capa_time'")
    assert popfetch().status == 0
    assert len(pop.connections) == 4, "for good, whatever else is forgotten"


def test_the_silence_of_such_a_server_is_short(popfetch, server):
    pop = server([mail("one")], pipelining=True)
    pop.on("AUTH", forget)
    popfetch.account(server=pop)
    begun = time.monotonic()
    assert popfetch().status == 0
    assert 9 < time.monotonic() - begun < 20, "not the minute that `timeout` is"


def test_a_server_that_keeps_the_mailbox_locked_after_a_lost_flight(popfetch, server):
    """The login behind it is put off; the next run sends nothing along with its login."""
    pop = server([mail("one")], pipelining=True)

    def auth(session, line):
        if len(pop.connections) == 2:
            session.send(b"-ERR [IN-USE] mailbox locked\r\n")
        else:
            forget(session, line)

    pop.on("AUTH", auth)
    popfetch.account(server=pop, timeout="1 second")
    assert popfetch().status == os.EX_TEMPFAIL
    for _ in range(2):
        assert popfetch().status == 0
    assert len(popfetch.maildir()) == 1
    assert len(pop.connections) == 4, "one a run, once it is known"


def test_a_server_that_refuses_the_login_after_a_lost_flight(popfetch, server):
    pop = server([mail("one")], pipelining=True)

    def auth(session, line):
        if len(pop.connections) == 2:
            session.send(b"-ERR come back in a minute\r\n")
        else:
            forget(session, line)

    pop.on("AUTH", auth)
    popfetch.account(server=pop, timeout="1 second")
    assert popfetch().status != 0
    assert popfetch("--retry", "work").status == 0
    assert popfetch().status == 0
    assert len(pop.connections) == 3, "it is known all the same"


def test_one_refused_stat_is_told_and_no_reason_to_ask_one_by_one(popfetch, server):
    pop = server([mail("one")], pipelining=True, latency=0.02)
    popfetch.account(server=pop)
    assert popfetch().status == 0
    pop.on("STAT", say(b"-ERR not just now\r\n"), nth=1)
    begun = time.monotonic()
    result = popfetch("-v")
    assert result.status == 0 and "server said: not just now; trying again" in result.stdout, result
    assert time.monotonic() - begun < 5, "nothing waits for what has come"
    for _ in range(2):
        assert popfetch().status == 0
    assert pop.last.waits <= 2, "login and listing; QUIT"


@pytest.mark.parametrize(
    "act",
    [close, say(b"-ERR one at a time\r\n"), say_and_close(b"-ERR unexpected data\r\n")],
    ids=["closes", "refuses", "refuses and closes"],
)
@pytest.mark.parametrize("is_known", [False, True])
def test_a_server_that_bears_nothing_behind_a_login_is_asked_one_by_one(
    popfetch, server, act, is_known
):
    pop = server([mail("one")], pipelining=True)
    popfetch.account(server=pop)
    if is_known:
        assert popfetch().status == 0
    pop.on("AUTH", if_more(act))
    for number in range(3):
        pop.add(mail(str(number)))
        before = len(pop.connections)
        result = popfetch("-v")
        assert result.status == 0, result
        assert same(popfetch.maildir(), pop.wires())
        assert len(pop.connections) - before <= 2
    assert len(pop.connections) - before == 1, "it is remembered"


def test_one_dropped_line_is_no_reason_to_ask_one_by_one(popfetch, server):
    pop = server([mail("one")], pipelining=True, latency=0.02)
    popfetch.account(server=pop)
    assert popfetch().status == 0
    pop.on("AUTH", close, nth=2)
    for _ in range(4):
        assert popfetch().status == 0
    assert pop.last.waits <= 2, "login and listing; QUIT"


def test_a_hundred_messages_take_few_round_trips(popfetch, server):
    pop = server([mail("one")], pipelining=True, latency=0.05)
    popfetch.account(server=pop, keep="no")
    for _ in range(2):
        assert popfetch().status == 0
    for number in range(100):
        pop.add(mail(str(number)))
    assert popfetch().status == 0
    assert pop.left() == [] and len(popfetch.maildir()) == 101
    assert pop.last.waits <= 4, "login and listing; RETR; DELE; QUIT"


def test_a_server_that_is_known_is_not_asked_for_its_capabilities(popfetch, server):
    pop = server([mail("one")], pipelining=True)
    popfetch.account(server=pop)
    for _ in range(2):
        assert popfetch().status == 0
    assert "CAPA" not in pop.last.commands


def test_a_server_that_has_changed_is_asked_again(popfetch, server):
    pop = server([mail("one")], pipelining=True)
    popfetch.account(server=pop)
    assert popfetch().status == 0
    pop.on("AUTH", say(b"-ERR unknown command\r\n"), nth=1)
    pop.add(mail("two"))
    result = popfetch("-v")
    assert result.status == 0, result
    assert same(popfetch.maildir(), pop.wires())
    assert "CAPA" in pop.last.commands


def test_a_refusal_with_a_code_is_believed_at_once(popfetch, server):
    pop = server([mail("one")], pipelining=True)
    popfetch.account(server=pop)
    assert popfetch().status == 0
    connections = len(pop.connections)
    pop.on("AUTH", say(b"-ERR [AUTH] no\r\n"))
    assert popfetch().status == os.EX_NOPERM
    assert len(pop.connections) == connections + 1


def test_after_a_session_that_failed_the_server_is_asked_again(popfetch, server):
    pop = server([mail("one")], pipelining=True)
    popfetch.account(server=pop)
    assert popfetch().status == 0
    pop.on("UIDL", say(b"nonsense\r\n"))
    assert popfetch().status == os.EX_PROTOCOL
    pop.forgive()
    assert popfetch().status == 0
    assert "CAPA" in pop.last.commands


def test_what_was_learned_of_one_server_is_not_held_against_another(popfetch, server):
    pop = server([mail("one")], pipelining=True)
    popfetch.account(server=pop, state="jane", maildir="~/Maildir")
    assert popfetch().status == 0
    other = server([mail("two", "Another text.\n")], pipelining=False)
    popfetch.account(server=other, state="jane", maildir="~/Maildir")
    assert popfetch().status == 0
    assert "CAPA" in other.last.commands
    assert same(popfetch.maildir(), pop.wires() + other.wires())
