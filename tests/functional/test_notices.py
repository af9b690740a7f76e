# SPDX-License-Identifier: GPL-3.0-or-later
"""How often people are told of what may pass: cron sends each line as mail."""

import fcntl
import os

import pytest

from popactions import close, say
from popmail import mail
from runner import same


def test_an_mbox_in_use_is_waited_for_once_and_not_told_at_once(popfetch, server):
    pop = server([mail(str(number)) for number in range(300)], pipelining=True)
    popfetch.account(server=pop, mbox="~/mbox")
    path = popfetch.home / "mbox"
    path.touch(0o600)
    with open(path, "r+b") as other:
        fcntl.lockf(other, fcntl.LOCK_EX)
        result = popfetch(timeout=60)
        assert result.status == os.EX_TEMPFAIL and result.output == "", result
        assert 25 < result.seconds < 45, "twice as long if it waits for each batch"
    assert popfetch().status == 0
    assert same(popfetch.mbox(), pop.wires())


def test_a_server_that_wants_all_later_is_a_trouble_that_may_pass(popfetch, server):
    pop = server([mail("one"), mail("two")])
    pop.on("RETR", say(b"-ERR [SYS/TEMP] later\r\n"))
    popfetch.account(server=pop, notice_after="3 failures")
    told = []
    for _ in range(3):
        result = popfetch()
        assert result.status == os.EX_TEMPFAIL, result
        told.append(len(result.errors))
    assert told == [0, 0, 1]
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires()), "nothing was set aside"


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_server_that_refuses_everything_is_soon_left_alone(popfetch, server, pipelining):
    pop = server([mail(str(number)) for number in range(500)], pipelining=pipelining)
    pop.on("RETR", say(b"-ERR download limit exceeded\r\n"))
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_TEMPFAIL, result
    assert 1 <= len(result.errors) <= 12, result
    assert len(popfetch.sql("select id from message")) <= 12, "most wait only for the next run"
    assert all("download limit exceeded" in line for line in result.errors)


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
