# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A server that says, in words, that it cannot serve the account for now."""

import os
import re

import pytest

from popactions import say, say_and_close
from popmail import mail
from runner import same

TROUBLE = [
    "Exceeded the login limit for a 15 minute period. Reduce the frequency of requests",
    "[SYS/TEMP] Server error",
    "[AUTH] login temporarily disabled",
    "Server Unavailable. 21",
    "Too many connections from your address",
    "Your account is temporarily locked",
    "Zu viele Anmeldungen, bitte später erneut versuchen",
    "Please try again",
]


def refusal(text):
    return say_and_close(b"-ERR " + text.encode() + b"\r\n")


def waited(popfetch, seconds):
    """As if so much time of the pause had passed."""
    popfetch.sql("update fact set value = value - ? where name = 'put_off_until'", seconds)


def assert_left_in_peace(popfetch, pop, result):
    """No line, no login, and no connection in the pause; who names the account gets through."""
    assert result.status == os.EX_TEMPFAIL and result.output == "", result
    connections = len(pop.connections)
    for arguments in ((), ("--check",)):
        again = popfetch(*arguments)
        assert again.status == os.EX_TEMPFAIL and again.output == "", again
    assert "server was in trouble, next try in " in popfetch("-v").stderr
    assert len(pop.connections) == connections
    pop.forgive()
    assert popfetch("work").status == 0
    assert same(popfetch.maildir(), pop.wires())
    assert popfetch().status == 0, "no pause any more"


@pytest.mark.parametrize("text", TROUBLE)
@pytest.mark.parametrize("command", ["AUTH", "PASS", "USER"])
def test_a_login_that_is_put_off_is_no_refused_one(popfetch, server, command, text):
    pop = server([mail()]).on(command, refusal(text))
    popfetch.account(server=pop, auth="plain" if command == "AUTH" else "user")
    result = popfetch()
    told = popfetch("--status").stdout
    assert re.search(r" in (1 minute|\d\d? seconds)\n", told), told
    assert text.split()[0] in told
    assert_left_in_peace(popfetch, pop, result)


@pytest.mark.parametrize("command", ["GREETING", "STAT", "UIDL", "LIST"])
@pytest.mark.parametrize("pipelining", [True, False])
def test_what_cannot_be_served_is_put_off_wherever_it_is_said(
    popfetch, server, command, pipelining
):
    pop = server([mail("one"), mail("two")], pipelining=pipelining)
    pop.on(command, say(b"-ERR Exceeded the login limit for a 15 minute period\r\n"))
    result = popfetch.account(server=pop)()
    assert "Exceeded the login limit" in popfetch("--status").stdout
    assert_left_in_peace(popfetch, pop, result)


@pytest.mark.parametrize("text", ["-ERR too many requests", "-ERR LIST is not implemented"])
def test_a_list_that_is_refused_in_a_later_run_is_trouble_by_its_words_alone(
    popfetch, server, text
):
    pop = server([mail("one")])
    assert popfetch.account(server=pop)().status == 0
    pop.add(mail("two"))
    pop.on("LIST", text.encode() + b"\r\n")
    result = popfetch()
    if "too many" in text:
        assert_left_in_peace(popfetch, pop, result)
    else:
        assert result.status == 0 and same(popfetch.maildir(), pop.wires()), result


def test_a_list_that_no_message_needs_costs_one_run_a_day(popfetch, server, clock):
    def act(session, line):
        whole = line.strip() == b"LIST"
        session.send(b"-ERR too many requests\r\n" if whole else session.reply(line))

    pop = server([mail("m0")], pipelining=True)
    popfetch.account(server=pop)
    assert popfetch(env=clock(0)).status == 0
    pop.on("LIST", act)
    statuses = []
    for n in range(1, 9):
        pop.add(mail(f"m{n}"))
        statuses.append(popfetch(env=clock(n * 6 * 3600)).status)
    assert statuses.count(os.EX_TEMPFAIL) == 2 and statuses.count(0) == 6, statuses
    assert len(popfetch.maildir()) >= 8


def test_a_stat_that_is_refused_shows_what_the_server_said(popfetch, server):
    pop = server([mail()]).on("STAT", b"-ERR the index is broken\r\n")
    result = popfetch.account(server=pop)("-v")
    assert result.status == os.EX_TEMPFAIL, result
    assert "STAT: server said: the index is broken" in result.stderr
    assert popfetch().output == "", "it may pass"
    assert len(pop.connections) == 2, "without words of trouble there is no pause yet"


@pytest.mark.parametrize("command", ["STAT", "UIDL"])
def test_a_listing_that_is_refused_again_and_again_is_put_off(popfetch, server, command):
    pop = server([mail()]).on(command, b"-ERR the index is broken\r\n")
    popfetch.account(server=pop)
    assert popfetch().status == os.EX_TEMPFAIL
    assert_left_in_peace(popfetch, pop, popfetch())


def test_pauses_double_from_a_minute_to_six_hours(popfetch, server):
    pop = server([mail()]).on("STAT", refusal("too many requests"))
    popfetch.account(server=pop, notice_after="100 failures")
    assert popfetch().status == os.EX_TEMPFAIL
    for minutes in (1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360):
        waited(popfetch, 60 * minutes - 30)
        before = len(pop.connections)
        assert popfetch().status == os.EX_TEMPFAIL and len(pop.connections) == before, minutes
        waited(popfetch, 30)
        assert popfetch().status == os.EX_TEMPFAIL and len(pop.connections) > before, minutes


def test_trouble_that_goes_on_is_told(popfetch, server):
    pop = server([mail()]).on("GREETING", refusal("busy"))
    popfetch.account(server=pop, notice_after="3 failures")
    told = []
    for _ in range(4):
        told.append(len(popfetch().errors))
        waited(popfetch, 6 * 3600)
    assert told == [0, 0, 1, 0]


@pytest.mark.parametrize("end", ["retry", "configuration"])
def test_what_ends_the_pause_after_a_refused_login_ends_this_one(popfetch, server, end):
    pop = server([mail()]).on("AUTH", refusal("busy"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    pop.forgive()
    if end == "retry":
        assert popfetch("--retry", "work").status == 0
    else:
        popfetch.accounts["work"]["timeout"] = "50 seconds"
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())


@pytest.mark.parametrize(
    "text",
    [
        "[AUTH] Invalid login or password, too many attempts",
        "incorrect password, try again later",
        "unlimited nonsense for busybody@example.org",
        "Authentication failed, please try again",
    ],
)
def test_a_refusal_stays_one_whatever_is_said_besides(popfetch, server, text):
    pop = server([mail()]).on("AUTH", refusal(text))
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_NOPERM and "login refused" in result.stderr, result


@pytest.mark.parametrize("tls", ["starttls", "implicit", "off"])
def test_a_greeting_says_nothing_about_the_login(popfetch, server, tls):
    pop = server([mail()], tls=tls).on("GREETING", refusal("[AUTH] go away"))
    popfetch.account(server=pop)
    for count in (1, 2):
        assert popfetch().status == os.EX_TEMPFAIL
        assert len(pop.connections) == count
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_what_is_said_before_tls_brings_no_pause_about(popfetch, server):
    pop = server([mail()], tls="starttls").on("GREETING", refusal("too many connections"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    pop.forgive()
    assert popfetch().status == 0


def test_a_pause_between_logins_is_no_longer_than_a_day(popfetch, server):
    pop = server([mail()], caps=("TOP", "UIDL", "USER", "LOGIN-DELAY 2000000"))
    assert popfetch.account(server=pop)().status == 0
    result = popfetch("-v")
    assert "server wants a pause between logins (LOGIN-DELAY), next one in " in result.stdout
    popfetch.sql("update fact set value = value - 86300 where name = 'last_login'")
    assert popfetch().status == 0 and len(pop.logins) == 1
    popfetch.sql("update fact set value = value - 100 where name = 'last_login'")
    assert popfetch().status == 0 and len(pop.logins) == 2


# STAT is a hint.


@pytest.mark.parametrize(
    "reply",
    [
        b"+OK 2\r\n",
        b"+OK 2 octets 900\r\n",
        b"+OK 2 messages (900 octets)\r\n",
        b"+OK\r\n",
        b"+OK maildrop has 2 messages\r\n",
    ],
)
@pytest.mark.parametrize("pipelining", [True, False])
def test_mail_comes_whatever_stat_looks_like(popfetch, server, reply, pipelining):
    pop = server([mail("one"), mail("two")], pipelining=pipelining).on("STAT", reply)
    result = popfetch.account(server=pop, keep="forever")()
    assert result.status == 0 and result.output == "", result
    assert same(popfetch.maildir(), pop.wires())
    pop.add(mail("three"))
    pop.mailbox.messages[0].wire = mail("another, and of another size")
    pop.mailbox.messages[0].size = len(pop.mailbox.messages[0].wire)
    result = popfetch()
    assert result.status == 0 and result.output == "", result
    assert len(popfetch.maildir()) == 4, "a uid that was given to another message is noticed"
    while pop.left():
        pop.mailbox.messages.pop()
    result = popfetch()
    expected = os.EX_TEMPFAIL if reply.startswith(b"+OK 2") else 0
    assert result.status == expected and result.output == "", result


def test_a_stat_that_cannot_be_read_is_shown_where_it_matters(popfetch, server):
    pop = server([mail()], uidl=False, caps=("TOP", "USER"))
    pop.on("STAT", b"+OK what? \x1b[2J\r\n")
    result = popfetch.account(server=pop, keep="no")()
    assert result.status == os.EX_PROTOCOL, result
    assert "STAT: malformed reply: 'what? \\x1b[2J'" in result.stderr


def test_without_uidl_a_count_is_enough(popfetch, server):
    pop = server([mail("one"), mail("two")], uidl=False, caps=("TOP", "USER"))
    wires = pop.wires()
    pop.on("STAT", b"+OK 2\r\n")
    assert popfetch.account(server=pop, keep="no")().status == 0
    assert same(popfetch.maildir(), wires) and pop.left() == []
