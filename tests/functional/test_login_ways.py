# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Servers that do not understand a login, or close the line in place of an answer."""

import os

import pytest

from popactions import close, hang, reset
from popmail import mail
from popserver import PASSWORD
from runner import same

SECRETS = ("PASS ", "AUTH PLAIN ")


def logins(pop):
    """What was sent on all connections to log in, without secrets."""
    words = ("AUTH", "USER", "PASS", "APOP")
    lines = [line.split(" ") for line in pop.all_commands() if line.split(" ")[0] in words]
    return [" ".join(line[: 2 if line[0] == "AUTH" else 1]) + " *" * (len(line) > 2) for line in lines]


def one_line_is_an_error(text, ends):
    """Exchange, and servers without initial responses."""

    def act(session, line):
        if len(line.split()) > 2:
            session.send(b"-ERR " + text + b"\r\n")
            if ends:
                session.close()
        else:
            session.obey(line)

    return act


def assert_well(popfetch, pop, result):
    assert result.status == 0 and result.output == "", result
    assert same(popfetch.maildir(), pop.wires())


@pytest.mark.parametrize("auth", ["auto", "plain"])
@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("ends", [True, False])
def test_plain_in_one_line_is_followed_by_two(popfetch, server, auth, pipelining, ends):
    pop = server([mail()], mechanisms=("PLAIN", "NTLM"), pipelining=pipelining)
    pop.on("AUTH", one_line_is_an_error(b"Protocol error. Connection is closed. 10", ends))
    assert_well(popfetch, pop, popfetch.account(server=pop, auth=auth)())
    assert not pop.commands("USER") and len(pop.connections) <= 2
    before = len(logins(pop))
    pop.add(mail("two"))
    assert_well(popfetch, pop, popfetch())
    assert logins(pop)[before:] == ["AUTH PLAIN"], "the next run begins with what has worked"


@pytest.mark.parametrize(
    "reply",
    [
        b"-ERR authentication mechanism not supported\r\n",
        b"-ERR Unknown command.\r\n",
        b"-ERR Command is not valid in this state.\r\n",
        b"-ERR what is AUTH PLAIN %s? syntax error\r\n",
    ],
)
def test_what_is_not_understood_is_followed_by_user_and_pass(popfetch, server, reply):
    pop = server([mail()], mechanisms=("PLAIN", "LOGIN"))

    def repeat(session, line):
        session.send(reply.replace(b"%s", line.split()[-1]))

    pop.on("AUTH", repeat)
    assert_well(popfetch, pop, popfetch.account(server=pop)())
    assert logins(pop) == ["AUTH PLAIN *", "AUTH PLAIN", "AUTH LOGIN", "USER", "PASS"]
    pop.add(mail("two"))
    assert_well(popfetch, pop, popfetch())
    assert logins(pop)[5:] == ["USER", "PASS"]
    assert PASSWORD not in str(popfetch.sql("select * from fact"))


def test_an_initial_response_that_is_not_heard_is_sent_in_a_line_of_its_own(popfetch, server):
    def ask(session, line):
        session.send(b"+ \r\n")
        answer = session.read_line().strip()
        if answer == b"*":
            session.send(b"-ERR cancelled\r\n")
        else:
            session.send(session.reply(b"AUTH PLAIN " + answer))

    pop = server([mail()]).on("AUTH", ask)
    assert_well(popfetch, pop, popfetch.account(server=pop)())
    assert len(pop.connections) == 1
    pop.add(mail("two"))
    assert_well(popfetch, pop, popfetch())
    assert pop.commands("AUTH") == ["AUTH PLAIN"], "the next run begins with what has worked"


def test_a_way_that_stops_working_is_forgotten(popfetch, server):
    pop = server([mail()]).on("AUTH", b"-ERR Unknown command.\r\n")
    assert_well(popfetch, pop, popfetch.account(server=pop)())
    pop.forgive()
    pop.on("USER", b"-ERR unknown command\r\n")
    pop.add(mail("two"))
    statuses = [popfetch().status for _ in range(2)]
    assert statuses[-1] == 0 and os.EX_NOPERM not in statuses, statuses
    assert same(popfetch.maildir(), pop.wires())


def test_another_option_auth_begins_anew(popfetch, server):
    pop = server([mail()]).on("AUTH", b"-ERR Unknown command.\r\n")
    assert_well(popfetch, pop, popfetch.account(server=pop)())
    pop.forgive()
    popfetch.accounts["work"]["auth"] = "plain"
    before = len(logins(pop))
    assert popfetch().status == 0
    assert logins(pop)[before:] == ["AUTH PLAIN *"]


def test_a_secret_that_was_judged_is_not_sent_another_way(popfetch, server):
    pop = server([mail()], users={"jane": "another"})
    pop.on("AUTH", one_line_is_an_error(b"syntax error", False))
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_NOPERM, result
    assert logins(pop) == ["AUTH PLAIN *", "AUTH PLAIN"]
    assert popfetch().status == os.EX_NOPERM and len(pop.connections) == 1, "in the pause"


@pytest.mark.parametrize("mechanisms", [("NTLM", "GSSAPI"), ("CRAM-MD5",)])
def test_user_and_pass_are_tried_where_nothing_else_is_known(popfetch, server, mechanisms):
    pop = server([mail()], mechanisms=mechanisms, caps=("TOP", "UIDL"))
    assert_well(popfetch, pop, popfetch.account(server=pop)())
    assert logins(pop) == ["USER", "PASS"]


def test_the_error_names_what_the_server_offers(popfetch, server):
    pop = server([mail()], mechanisms=("NTLM", "LOGIN"), caps=("TOP", "UIDL"))
    result = popfetch.account(server=pop, auth="plain")()
    assert result.status == os.EX_UNAVAILABLE, result
    assert "server offers LOGIN NTLM" in result.stderr and 'auth = "user"' in result.stderr
    assert not any(line.startswith(SECRETS) for line in pop.all_commands())


def test_the_error_names_what_is_offered_where_popfetch_has_none_of_it(popfetch, server):
    pop = server([mail()], mechanisms=("CRAM-MD5", "SCRAM-SHA-256"), caps=("TOP", "UIDL"))
    pop.on("USER", b"-ERR unknown command\r\n")
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_UNAVAILABLE, result
    assert "server offers CRAM-MD5 SCRAM-SHA-256, which popfetch does not" in result.stderr, result
    assert logins(pop) == ["USER"]


NO_WAY = b"-ERR [AUTH] Unsupported authentication mechanism.\r\n"  # Dovecot


@pytest.mark.parametrize("auth", ["auto", "user"])
@pytest.mark.parametrize(
    "caps, command, reply",
    [
        (("TOP", "UIDL", "USER", "AUTH-RESP-CODE"), "PASS", NO_WAY),
        (("TOP", "UIDL", "USER"), "PASS", b"-ERR command not supported\r\n"),
        (("TOP", "UIDL"), "USER", b"-ERR no USER here\r\n"),
        (("TOP", "UIDL"), "USER", b"-ERR\r\n"),
    ],
)
def test_where_no_way_to_log_in_is_popfetch_s_no_password_is_blamed(
    popfetch, server, auth, caps, command, reply
):
    pop = server([mail()], mechanisms=("CRAM-MD5",), caps=caps).on(command, reply)
    popfetch.account(server=pop, auth=auth)
    for run in range(2):
        result = popfetch()
        assert result.status == os.EX_UNAVAILABLE and len(result.errors) == 1, result
        assert "check user name and password" not in result.stderr, result
        assert "work: login: USER and PASS: server " in result.stderr, result
        assert result.stderr.endswith(
            "; server offers CRAM-MD5, which popfetch does not have: ask who runs it for PLAIN over TLS\n"
        ), result
        assert len(pop.connections) == run + 1, "no pause follows"
    pop.forgive()
    assert_well(popfetch, pop, popfetch())


def test_a_password_refused_where_nothing_else_is_offered_is_refused(popfetch, server):
    pop = server([mail()], mechanisms=("CRAM-MD5",), caps=("TOP", "UIDL", "USER"))
    pop.on("PASS", b"-ERR no\r\n")
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_NOPERM and "check user name and password" in result.stderr, result
    assert popfetch().status == os.EX_NOPERM and len(pop.connections) == 1, "in the pause"


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("caps", [("TOP", "UIDL"), ("TOP", "UIDL", "USER", "AUTH-RESP-CODE")])
def test_where_a_token_is_wanted_the_error_says_so(popfetch, server, mechanism, caps):
    pop = server([mail()], mechanisms=(mechanism,), caps=caps).on("PASS", NO_WAY)
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_UNAVAILABLE, result
    advice = f'; server offers {mechanism}: set auth = "{mechanism.lower()}" and let password_command'
    assert advice + " print a token (see PROVIDERS in popfetch.conf(5))" in result.stderr, result
    assert ('; auth = "user" may work' in result.stderr) == ("USER" not in caps), result


def test_a_server_that_has_given_up_passwords_is_asked_anew_what_it_offers(popfetch, server):
    pop = server([mail()], mechanisms=("PLAIN",), caps=("TOP", "UIDL", "USER", "AUTH-RESP-CODE"))
    assert_well(popfetch, pop, popfetch.account(server=pop)())
    pop.mechanisms = ("CRAM-MD5",)
    pop.on("AUTH", NO_WAY).on("PASS", NO_WAY)
    result = popfetch()
    assert result.status == os.EX_UNAVAILABLE, result
    assert "server offers CRAM-MD5, which" in result.stderr, result


def test_when_nothing_is_understood_no_password_is_blamed(popfetch, server):
    pop = server([mail()])
    pop.on("AUTH", b"-ERR syntax error\r\n").on("USER", b"-ERR unknown command\r\n")
    popfetch.account(server=pop)
    for _ in range(3):
        result = popfetch()
        assert result.status == os.EX_UNAVAILABLE and "password" not in result.stderr, result
        assert "unknown command" in result.stderr and "server offers PLAIN" in result.stderr
    pop.forgive()
    assert popfetch().status == 0


@pytest.mark.parametrize("act", [close, reset])
def test_a_line_that_is_closed_is_followed_by_one_other_way_a_run(popfetch, server, act):
    pop = server([mail()]).on("AUTH", act)
    popfetch.account(server=pop, notice_after="100 failures")
    assert popfetch().status == os.EX_TEMPFAIL
    assert logins(pop) == ["AUTH PLAIN *", "AUTH PLAIN"]
    assert_well(popfetch, pop, popfetch())
    assert logins(pop)[2:] == ["USER", "PASS"]
    pop.add(mail("two"))
    assert_well(popfetch, pop, popfetch())
    assert logins(pop)[4:] == ["USER", "PASS"]


@pytest.mark.parametrize("reply", [b"500 unrecognized command", b"* BAD command", b""])
def test_what_is_no_reply_at_all_is_followed_by_another_way(popfetch, server, reply):
    pop = server([mail()]).on("AUTH", reply + b"\r\n")
    statuses = [popfetch.account(server=pop)().status, popfetch().status]
    assert statuses == [os.EX_PROTOCOL, 0]
    assert logins(pop) == ["AUTH PLAIN *", "AUTH PLAIN", "USER", "PASS"]
    pop.add(mail("two"))
    assert_well(popfetch, pop, popfetch())
    assert logins(pop)[4:] == ["USER", "PASS"]


def test_what_is_no_reply_to_any_way_is_no_refused_login(popfetch, server):
    pop = server([mail()]).on("AUTH", b"* BAD\r\n").on("USER", b"* BAD\r\n")
    popfetch.account(server=pop)
    assert [popfetch().status for _ in range(4)] == [os.EX_PROTOCOL] * 4
    pop.forgive()
    assert os.EX_OK in [popfetch().status for _ in range(2)]


def test_a_verdict_that_is_no_reply_is_not_followed_by_another_way(popfetch, server):
    pop = server([mail()]).on("AUTH", b"ERR invalid password\r\n")
    popfetch.account(server=pop)
    assert [popfetch().status for _ in range(3)] == [os.EX_PROTOCOL] * 3
    assert set(logins(pop)) == {"AUTH PLAIN *"}


def test_a_secret_that_is_answered_by_no_reply_is_not_sent_another_way(popfetch, server):
    pop = server([mail()], caps=None).on("PASS", b"500 login failed\r\n")
    popfetch.account(server=pop)
    assert [popfetch().status for _ in range(3)] == [os.EX_PROTOCOL] * 3
    assert len(pop.connections) == 3


def test_when_all_ways_close_the_line_the_server_is_left_in_peace(popfetch, server):
    pop = server([mail()]).on("AUTH", close).on("PASS", close)
    popfetch.account(server=pop)
    statuses = [popfetch().status for _ in range(6)]
    assert statuses == [os.EX_TEMPFAIL] + [os.EX_NOPERM] * 5
    assert len(pop.connections) <= 3
    result = popfetch("work")
    assert result.status == os.EX_NOPERM, result
    assert "work: no login is answered, which counts as refused: login: " in result.stderr
    pop.forgive()
    assert_well(popfetch, pop, popfetch("work"))
    assert popfetch().status == 0


def test_a_line_that_breaks_once_or_twice_is_no_refused_login(popfetch, server):
    pop = server([mail()], caps=None, mechanisms=()).on("PASS", close)
    popfetch.account(server=pop, auth="user", notice_after="100 failures")
    for _ in range(2):
        assert popfetch().status == os.EX_TEMPFAIL
    pop.forgive()
    assert_well(popfetch, pop, popfetch())
    pop.on("PASS", close)
    pop.add(mail("two"))
    assert [popfetch().status for _ in range(3)] == [os.EX_TEMPFAIL] * 2 + [os.EX_NOPERM]


def test_a_server_that_falls_silent_has_not_closed_the_line(popfetch, server):
    pop = server([mail()]).on("AUTH", hang)
    popfetch.account(server=pop, timeout="1 second", notice_after="100 failures")
    assert [popfetch().status for _ in range(4)] == [os.EX_TEMPFAIL] * 4
    assert set(logins(pop)) == {"AUTH PLAIN *"}


def test_what_was_learned_on_an_open_line_sends_no_secret(popfetch, server, outside_address):
    pop = server([mail()], tls="off", address=outside_address, apop=True)
    pop.on("APOP", b"-ERR unknown command\r\n")
    for _ in range(2):
        result = popfetch.account(server=pop)()
        assert result.status != 0
    assert not any(line.startswith(SECRETS) for line in pop.all_commands())
