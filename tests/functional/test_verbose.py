# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What -vv shows can be passed on to others: no secret, no address, nothing of a message."""

import base64
import os

import pytest

from popactions import change, say
from popmail import mail
from popserver import PASSWORD, TOKEN

USER = "recent:jane.roe@work.example"
SENDER, RECIPIENT, SUBJECT = "ann@friends.example", "joe@work.example", "our secret meeting"
METHODS = ["user", "plain", "login", "apop", "xoauth2", "oauthbearer"]


def letter(subject=SUBJECT):
    fields = {"To": f"Joe <{RECIPIENT}>", "Return-Path": f"<{SENDER}>"}
    return mail(subject, body="Burn after reading.\n", sender=f"Ann <{SENDER}>", **fields)


@pytest.fixture
def private(popfetch, server):
    """An account whose every word would be noticed; returns its server, which greets by name."""

    def make(*wires, auth="plain", **options):
        pop = server(wires, users={USER: PASSWORD}, mechanisms=map(str.upper, METHODS), apop=True)
        for command in ("PASS", "AUTH", "APOP"):
            pop.on(command, change(lambda reply: reply.replace(b"+OK", b"+OK " + USER.encode())))
        secret = TOKEN if "oauth" in auth else PASSWORD
        popfetch.account(server=pop, user=USER, auth=auth, password=secret, **options)
        return pop

    return make


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def in_base64(text):
    """What is sure to stand in the base64 of anything that has this in it."""
    return [encoded(text[skip:])[: (len(text) - skip) // 3 * 4] for skip in range(3)]


def names_nobody(pop, shown):
    words = ["jane.roe", "work.example", SENDER, RECIPIENT, SUBJECT, "meeting", "Burn after"]
    words += [word for secret in (PASSWORD, TOKEN) for word in (secret, *in_base64(secret))]
    words += in_base64(USER)
    words += [line.split(" ")[2] for line in pop.all_commands("APOP")]  # the digest
    for word in words:
        assert word not in shown, word


@pytest.mark.parametrize("auth", METHODS)
def test_a_session_names_nobody(popfetch, private, auth):
    pop = private(letter(), letter("two"), auth=auth, keep="no")
    result = popfetch("-vv")
    assert result.status == 0 and pop.logins == [USER] and pop.left() == [], result
    for line in ("work: connected to localhost", "work: logged in as *** using " + auth):
        assert line in result.stdout, result
    assert "work: < +OK *** welcome" in result.stdout, "what a server repeats"
    names_nobody(pop, result.output)


@pytest.mark.parametrize("auth", METHODS)
def test_a_refused_login_names_nobody(popfetch, private, auth):
    pop = private(letter(), auth=auth)
    for command in ("PASS", "AUTH", "APOP"):
        pop.on(command, say(f"-ERR [AUTH] {USER.upper()}: no such user\r\n".encode()))
    result = popfetch("-vv")
    assert result.status == os.EX_NOPERM, result
    assert "***: no such user" in result.stderr, result
    names_nobody(pop, result.output)


def test_the_commands_of_a_login_show_their_keywords(popfetch, private):
    private(letter(), auth="user")
    shown = popfetch("-vv").stdout
    assert "work: > USER ***\n" in shown and "work: > PASS ***\n" in shown, shown


@pytest.mark.parametrize("option", ["-n", "--check", "--catch-up"])
def test_looking_names_nobody(popfetch, private, option):
    pop = private(letter(), letter("two"))
    result = popfetch("-vv", option)
    assert result.status == 0 and "2 messages" in result.stdout, result
    names_nobody(pop, result.output)


def test_a_program_is_shown_without_what_it_was_given(popfetch, private):
    pop = private(letter(), mda=[*popfetch.script("cat >/dev/null; echo filed"), "%{sender}", USER])
    result = popfetch("-vv")
    assert result.status == 0 and "work: mda: filed\n" in result.stdout, result
    names_nobody(pop, result.output)


def test_a_program_that_refuses_is_shown_without_what_it_was_given(popfetch, private):
    pop = private(letter(), mda=[*popfetch.script("exit 1"), "%{sender}", USER])
    result = popfetch("-vv")
    assert result.status == os.EX_TEMPFAIL and "refused the message" in result.stderr, result
    names_nobody(pop, result.output)


@pytest.mark.parametrize("state", [None, "jane.roe@work.example@localhost"])
def test_the_name_of_a_state_is_hidden(popfetch, private, state):
    pop = private(letter(), state=state)
    assert popfetch().status == 0
    [database] = popfetch.databases()
    assert "jane.roe" in database.name
    database.write_bytes(b"junk" * 1000)
    assert database.name in popfetch().stderr, "an error says which file it is, without -vv"
    result = popfetch("-vv")
    assert result.status == os.EX_DATAERR and "/***.db'" in result.stderr, result
    names_nobody(pop, result.output)


def test_an_account_that_is_called_by_its_address_is_hidden(popfetch, server):
    pop = server([letter()], users={"jane.roe@work.example": PASSWORD})
    popfetch.account("jane.roe@work.example", pop, user="jane.roe@work.example")
    result = popfetch("-vv")
    assert result.status == 0 and "***: connected to localhost" in result.stdout, result
    names_nobody(pop, result.output)


def test_a_short_name_leaves_other_words_alone(popfetch, server):
    pop = server([letter()], users={"e": PASSWORD}, mechanisms=())
    shown = popfetch.account(server=pop, user="e")("-vv").stdout
    for line in ("> USER ***\n", "logged in as *** using user\n", "uid-000001') delivered\n"):
        assert line in shown, shown


def test_once_verbose_tells_the_name(popfetch, private):
    private(letter())
    result = popfetch("-v")
    assert result.status == 0 and f"logged in as {USER} using plain" in result.stdout, result


def test_a_name_that_is_shown_escaped_is_hidden(popfetch, server):
    user = "jane\u200broe@work.example"
    pop = server([letter()], users={user: PASSWORD})
    pop.on("AUTH", say(b"-ERR [AUTH] " + user.encode() + b": no such user\r\n"))
    popfetch.account(server=pop, user=user)
    assert "jane\\xe2\\x80\\x8broe@" in popfetch("-v").output
    result = popfetch("-vv")
    assert "jane" not in result.output.replace(str(popfetch.home), ""), result
