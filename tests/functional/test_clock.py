# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Computers whose clock is wrong for a while: nothing is deleted before its time."""

import time

import pytest

from popmail import mail
from wrongclock import DAY

YEAR = 365 * DAY
HOUR = 3600


@pytest.fixture
def kept(popfetch, server):
    """An account that keeps mail for 14 days."""
    pop = server([mail("one"), mail("two")], tls="off")
    popfetch.account(server=pop, keep="14 days")
    return pop


def test_mail_that_came_under_a_clock_far_behind_stays_its_time(popfetch, kept, clock):
    assert popfetch(env=clock(-20 * YEAR)).status == 0
    for seconds in (0, 300, DAY + HOUR, 14 * DAY - HOUR):
        assert popfetch(env=clock(seconds)).status == 0
        assert len(kept.left()) == 2, seconds
    assert popfetch(env=clock(16 * DAY)).status == 0
    assert kept.left() == []


def test_mail_that_came_under_a_clock_far_ahead_stays_its_time(popfetch, kept, clock):
    assert popfetch(env=clock(14 * YEAR)).status == 0
    for seconds in (0, 300, DAY + HOUR, 14 * DAY):
        assert popfetch(env=clock(seconds)).status == 0
        assert len(kept.left()) == 2, seconds
    assert popfetch(env=clock(16 * DAY)).status == 0
    assert kept.left() == []


def test_runs_under_a_clock_far_ahead_delete_nothing(popfetch, kept, clock):
    assert popfetch().status == 0
    for seconds in (14 * YEAR, 14 * YEAR + 300, 14 * YEAR + 23 * HOUR, 300, 600):
        assert popfetch(env=clock(seconds)).status == 0
        assert len(kept.left()) == 2, seconds


def test_a_jump_is_told_once_and_over_after_a_day(popfetch, kept, clock):
    assert popfetch().status == 0
    said = [popfetch(env=clock(40 * DAY + seconds)).stderr for seconds in (0, 300, 600)]
    assert "the clock has jumped" in said[0] and said[1:] == ["", ""]
    assert len(kept.left()) == 2
    assert popfetch(env=clock(41 * DAY + HOUR)).status == 0
    assert kept.left() == []


def test_runs_once_a_month_delete_from_the_second_jump_on(popfetch, kept, clock):
    left = []
    for month in range(4):
        assert popfetch(env=clock(month * 31 * DAY)).status == 0
        left.append(len(kept.left()))
        kept.add(mail(f"month {month}"))
    assert left == [2, 3, 1, 1], "what is older than 14 days goes"
    assert len(popfetch.maildir()) == 5


def test_runs_once_a_month_delete_behind_a_clock_far_ahead_too(popfetch, kept, clock):
    assert popfetch(env=clock(14 * YEAR)).status == 0
    left = []
    for month in range(4):
        assert popfetch(env=clock(month * 31 * DAY)).status == 0
        left.append(len(kept.left()))
    assert left == [2, 2, 2, 0], "their age counts from the first run with a good clock on"


def test_a_leap_while_a_step_is_doubted_deletes_nothing(popfetch, kept, clock):
    for seconds in (10 * DAY, 0, 11 * DAY, 61 * DAY, 61 * DAY + HOUR):
        assert popfetch(env=clock(seconds)).status == 0
        assert len(kept.left()) == 2, seconds


def test_a_gap_of_years_deletes_nothing_behind_a_gap_of_weeks(popfetch, kept, clock):
    for seconds in (0, 45 * DAY, 45 * DAY + 300, 20 * YEAR, 20 * YEAR + HOUR):
        assert popfetch(env=clock(seconds)).status == 0
        assert len(kept.left()) == 2, seconds


def test_a_computer_that_begins_in_1970_asks_what_the_server_can_do(popfetch, server, clock):
    """EXPIRE 0, without which QUIT would delete what was not delivered."""
    pop = server([mail("one")], tls="off", caps=("TOP", "UIDL", "USER", "EXPIRE 0"))
    popfetch.account(server=pop, mda=popfetch.script("exit 75"))
    env = clock(10 * DAY - time.time())
    for _ in range(2):
        assert popfetch(env=env).status == 75
        assert "QUIT" not in pop.commands()
    assert pop.all_commands("CAPA") and pop.left()


def test_a_clock_set_right_in_the_midst_of_a_run_has_jumped(popfetch, server, clock):
    """The time that a run notes is that of its beginning; here the run before says so."""
    pop = server([mail("one")], tls="off")
    popfetch.account(server=pop, keep="14 days")
    assert popfetch(env=clock(-100 * DAY)).status == 0
    assert popfetch().status == 0
    assert len(pop.left()) == 1


@pytest.mark.parametrize("years", [81, 300])
def test_behind_2106_all_goes_on(popfetch, kept, clock, years):
    assert popfetch(env=clock(years * YEAR)).status == 0
    assert popfetch(env=clock(years * YEAR + 13 * DAY)).status == 0
    assert len(kept.left()) == 2 and len(popfetch.maildir()) == 2
    assert popfetch(env=clock(years * YEAR + 15 * DAY)).status == 0
    assert kept.left() == [] and len(popfetch.maildir()) == 2


def test_keep_no_asks_no_clock(popfetch, kept, clock):
    assert popfetch().status == 0
    popfetch.accounts["work"]["keep"] = "no"
    assert popfetch(env=clock(-20 * YEAR)).status == 0
    assert kept.left() == []


@pytest.mark.parametrize("days", [2, 20, 40, 100])
def test_mail_that_came_under_a_clock_that_is_put_right_is_not_old(popfetch, server, clock, days):
    pop = server([mail("one")], tls="off")
    popfetch.account(server=pop, keep="1 day")
    assert popfetch().status == 0
    pop.add(mail("under the wrong clock"))
    assert popfetch(env=clock(-days * DAY)).status == 0
    for seconds in (600, 900, 23 * HOUR):
        assert popfetch(env=clock(seconds)).status == 0
        assert len(pop.left()) == 2, seconds
