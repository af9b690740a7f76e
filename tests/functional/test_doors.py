# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The wrong door: a port of another kind of TLS, or of another service than POP3."""

import os
import socket
import time

import pytest

from popactions import say, say_and_close
from popmail import mail
from popserver import CAPABILITIES, PASSWORD
from runner import same

GREETERS = {
    "SMTP": b"220 mx.example.org ESMTP ready\r\n",
    "IMAP": b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
    "HTTP": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    "FTP": b"220 (vsFTPd 3.0.5)\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
}
TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x46"


def late(seconds):
    """The greeting, after so many seconds."""

    def act(session, line):
        session.pause(seconds)
        session.send(session.server.greeting_for(session))

    return act


def one_line(result):
    [line] = result.errors
    assert line.startswith("popfetch: work: ") and len(line) <= 200, line
    return line


# POP3S without its TLS.


@pytest.mark.parametrize("tls", ["starttls", "off"])
def test_a_port_where_tls_comes_first_is_told_at_once(popfetch, server, tls):
    pop = server([mail()])
    result = popfetch.account(server=pop, tls=tls)()
    assert result.status == os.EX_PROTOCOL and result.seconds < 10, result
    assert 'set tls = "implicit"' in one_line(result), result
    assert len(pop.connections) == 2
    assert PASSWORD.encode() not in b"".join(one.sent for one in pop.connections)


def test_an_old_server_that_refuses_the_hello_speaks_tls_all_the_same(popfetch, listener):
    def serve(sock, number):
        if sock.recv(4096):  # an alert: protocol_version
            sock.sendall(TLS_ALERT)

    old = listener(serve)
    result = old.account(popfetch, tls="starttls")()
    assert result.status == os.EX_PROTOCOL and result.seconds < 10, result
    assert 'set tls = "implicit"' in one_line(result), result


def test_the_question_is_a_clienthello_and_nothing_else(popfetch, listener):
    def serve(sock, number):
        if number == 1:
            other.received[number] += sock.recv(4096)
            sock.sendall(b"\x16\x03\x03\x00\x02\x02\x00")

    other = listener(serve)
    other.account(popfetch, tls="starttls")()
    first, second = other.heard()
    assert first == b""
    assert second[0] == 22 and len(second) == 5 + int.from_bytes(second[3:5], "big")
    assert b"localhost" in second, "some servers answer those alone that name them"


def test_a_port_that_speaks_tls_is_told_when_it_closes_the_line_in_the_clear(popfetch, listener):
    def serve(sock, number):
        if number == 0:
            time.sleep(3)
            sock.close()
        elif sock.recv(4096):
            sock.sendall(TLS_ALERT)

    port = listener(serve)
    result = port.account(popfetch, tls="starttls")()
    assert result.status == os.EX_PROTOCOL and result.seconds < 6, result
    assert 'set tls = "implicit"' in one_line(result), result


def test_a_short_timeout_does_not_hide_that_a_port_speaks_tls(popfetch, server):
    pop = server([mail()])
    result = popfetch.account(server=pop, tls="off", timeout="4 seconds")()
    assert result.status == os.EX_PROTOCOL and result.seconds < 4, result
    assert 'set tls = "implicit"' in one_line(result), result


def test_a_port_that_speaks_both_greets_in_the_clear_after_a_while(popfetch, server):
    pop = server([mail()], tls="off")
    pop.on("GREETING", late(5), nth=1).on("GREETING", say_and_close(TLS_ALERT), nth=2)
    result = popfetch.account(server=pop, keep="forever")()
    assert result.status == 0 and result.seconds < 8, result
    assert same(popfetch.maildir(), pop.wires())


# Slow servers.


@pytest.mark.parametrize("tls", ["starttls", "off"])
def test_a_slow_greeting_still_works_with_at_most_one_connection_more(popfetch, server, tls):
    pop = server([mail()], tls=tls).on("GREETING", late(3), nth=1)
    result = popfetch.account(server=pop, keep="forever")()
    assert result.status == 0, result
    assert same(popfetch.maildir(), pop.wires())
    assert len(pop.connections) <= 2


def test_a_greeting_that_is_as_slow_on_each_connection_still_works(popfetch, server):
    pop = server([mail()], tls="off").on("GREETING", late(4))
    assert popfetch.account(server=pop, keep="forever")().status == 0
    assert len(pop.connections) == 2


@pytest.mark.parametrize("caps", [CAPABILITIES, None])
def test_a_server_that_has_greeted_before_is_not_asked_again(popfetch, server, caps):
    pop = server([mail()], tls="off", caps=caps).on("GREETING", late(3), nth=1)
    popfetch.account(server=pop, keep="forever")
    assert popfetch().status == 0 and len(pop.connections) == 2
    pop.on("GREETING", late(3))
    assert popfetch().status == 0 and len(pop.connections) == 3


def test_nor_is_one_whose_last_session_failed(popfetch, server):
    pop = server([mail()], tls="off")
    popfetch.account(server=pop, keep="forever")
    assert popfetch().status == 0
    pop.on("STAT", say_and_close(b""))
    assert popfetch().status == os.EX_TEMPFAIL
    pop.forgive()
    pop.on("GREETING", late(3))
    before = len(pop.connections)
    assert popfetch().status == 0
    assert len(pop.connections) == before + 1


def test_a_greeting_that_comes_while_the_question_waits_is_read_at_once(popfetch, server):
    pop = server([mail()], tls="off")
    pop.on("GREETING", late(2.5), nth=1).on("GREETING", late(20), nth=2)
    result = popfetch.account(server=pop, keep="forever")()
    assert result.status == 0 and result.seconds < 4.5, result
    assert len(pop.connections) == 2


@pytest.mark.parametrize(
    "answer", [b"+OK hello\r\n", b"-ERR too many connections\r\n", b"what?", b"\x16\x03", b""]
)
def test_what_is_not_tls_in_answer_changes_nothing(popfetch, server, answer):
    pop = server([mail()], tls="off").on("GREETING", late(3), nth=1)

    def second(session, line):
        session.send(answer)
        session.close()

    pop.on("GREETING", second, nth=2)
    result = popfetch.account(server=pop, keep="forever")()
    assert result.status == 0 and len(pop.connections) == 2, result
    assert same(popfetch.maildir(), pop.wires())


@pytest.mark.parametrize("tls", ["implicit", "starttls", "off"])
def test_a_port_that_never_speaks_is_a_time_out_that_names_the_ports(popfetch, listener, tls):
    silent = listener(lambda sock, number: None)
    result = silent.account(popfetch, tls=tls, timeout="4 seconds")("-v")
    assert result.status == os.EX_TEMPFAIL and 3.5 < result.seconds < 6, result
    [line] = [line for line in result.errors if "no answer from server for 4 seconds" in line]
    assert len(line) <= 200
    if tls != "implicit":
        assert "nor one in TLS" in line and 'port 995 with tls = "implicit"' in line
    assert len(silent.socks) <= 2


def test_a_port_that_takes_no_second_connection_is_waited_for(popfetch, server):
    pop = server([mail()], tls="off")

    def lonely(session, line):
        pop.listener.shutdown(socket.SHUT_RDWR)
        pop.listener.close()
        late(3)(session, line)

    pop.on("GREETING", lonely, nth=1)
    assert popfetch.account(server=pop, keep="forever")().status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_no_answer_in_tls_is_told_of_where_nobody_could_ask(popfetch, listener):
    def lonely(sock, number):
        silent.listener.shutdown(socket.SHUT_RDWR)
        silent.listener.close()

    silent = listener(lonely)
    result = silent.account(popfetch, tls="off", timeout="4 seconds")("-v")
    [line] = [line for line in result.errors if "no answer from server for 4 seconds" in line]
    assert "TLS;" not in line and "nor one" not in line, line


# POP3 in the clear, and other services.


def test_implicit_at_a_port_in_the_clear_says_starttls(popfetch, server):
    pop = server([mail()], tls="starttls")
    result = popfetch.account(server=pop, tls="implicit")()
    assert result.status == os.EX_PROTOCOL, result
    assert 'set tls = "starttls"' in one_line(result), result


@pytest.mark.parametrize("tls", ["implicit", "starttls", "off"])
@pytest.mark.parametrize("service", GREETERS)
def test_another_service_is_called_by_its_name(popfetch, listener, service, tls):
    def serve(sock, number):
        if service == "HTTP" and not sock.recv(4096):  # it speaks when it is spoken to
            return
        sock.sendall(GREETERS[service])

    other = listener(serve)
    result = other.account(popfetch, tls=tls)()
    assert result.status == os.EX_PROTOCOL and result.seconds < 10, result
    line = one_line(result)
    assert f"this is an {service} port ('{GREETERS[service][:10].decode()}" in line, line
    assert 'POP3 has port 995 with tls = "implicit", 110 with "starttls"' in line


@pytest.mark.parametrize("service", ["SMTP", "IMAP"])
def test_another_service_within_tls_is_called_by_its_name(popfetch, server, service):
    pop = server([mail()]).on("GREETING", say(GREETERS[service]))
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_PROTOCOL, result
    assert f"this is an {service} port" in one_line(result), result


def test_what_is_no_known_service_is_shown(popfetch, listener):
    other = listener(lambda sock, number: sock.sendall(b"hello there\r\n"))
    line = one_line(other.account(popfetch, tls="implicit")())
    assert "does not speak TLS on this port ('hello there')" in line, line
    popfetch.accounts.clear()
    line = one_line(other.account(popfetch, tls="off")())
    assert "not a POP3 reply: 'hello there'" in line, line
