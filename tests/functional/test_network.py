# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Names, addresses and connections that do not work."""

import os
import socket

import pytest

from popmail import mail
from popserver import PASSWORD
from runner import same


@pytest.fixture
def deaf_port():
    """A port that nobody else gets, and on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def test_an_unknown_host(popfetch):
    popfetch.account(host="does-not-exist.invalid", user="jane", password=PASSWORD)
    result = popfetch("-v")
    assert result.status == os.EX_NOHOST, result
    assert "popfetch: work: " in result.stderr and "does-not-exist.invalid" in result.stderr


@pytest.mark.parametrize(
    "host", ["", "a" * 300, "with blank", "-", "..", "localhost/x", "[::1", "1.2.3.4.5"]
)
def test_a_host_that_is_none(popfetch, host):
    popfetch.account(host=host, user="jane", password=PASSWORD)
    result = popfetch("-v", timeout=20)
    assert result.status in (os.EX_NOHOST, os.EX_CONFIG, os.EX_TEMPFAIL), result


@pytest.mark.parametrize("tls", ["implicit", "starttls", "off"])
def test_nobody_listens(popfetch, deaf_port, tls):
    popfetch.account(host="127.0.0.1", port=deaf_port, user="jane", password=PASSWORD, tls=tls)
    result = popfetch("-v")
    assert result.status == os.EX_TEMPFAIL and result.seconds < 5, result
    assert "127.0.0.1" in result.stderr and "refused" in result.stderr.lower()


def test_a_port_that_never_answers_is_given_up(popfetch):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    queue = []
    for _ in range(8):  # the queue is full: further connections get no answer
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        queue.append(sock)
    popfetch.account(
        host="127.0.0.1",
        port=listener.getsockname()[1],
        user="jane",
        password=PASSWORD,
        timeout="1 second",
    )
    result = popfetch("-v", timeout=20)
    for sock in [listener, *queue]:
        sock.close()
    assert result.status == os.EX_TEMPFAIL and result.seconds < 10, result


HOSTS = "127.0.0.1 localhost\n{} two.example.test\n{} two.example.test\n"


@pytest.mark.parametrize(
    "addresses", [("::1", "127.0.0.1"), ("127.0.0.1", "::1"), ("127.0.0.9", "127.0.0.1")]
)
def test_a_dead_address_does_not_matter_if_another_lives(popfetch, server, own_hosts, addresses):
    before = own_hosts(HOSTS.format(*addresses))
    pop = server([mail()])
    popfetch.account(server=pop, host="two.example.test", tls_server_name="localhost")
    result = popfetch("-v", before=before)
    assert result.status == 0 and result.seconds < 5, result
    assert same(popfetch.maildir(), pop.wires())


def test_an_ipv6_only_server_behind_a_name(popfetch, server, own_hosts):
    before = own_hosts(HOSTS.format("127.0.0.1", "::1"))
    try:
        pop = server([mail()], address="::1")
    except OSError:
        pytest.skip("no IPv6 here")
    popfetch.account(server=pop, host="two.example.test", tls_server_name="localhost")
    assert popfetch(before=before).status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_all_addresses_dead(popfetch, deaf_port, own_hosts):
    before = own_hosts(HOSTS.format("127.0.0.1", "::1"))
    popfetch.account(host="two.example.test", port=deaf_port, user="jane", password=PASSWORD)
    result = popfetch("-v", before=before)
    assert result.status == os.EX_TEMPFAIL and "two.example.test" in result.stderr, result
