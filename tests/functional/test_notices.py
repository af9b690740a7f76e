# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""How often people are told of what may pass: cron sends each line as mail."""

import fcntl
import os

import pytest

from popactions import close, say
from popmail import mail
from runner import same

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
    popfetch.sql("update fact set value = value - ? where name = 'capa_time'", 7 * DAY)
    assert "10 days" in popfetch().stderr
    assert popfetch().stderr == ""
