# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What a later run makes of what an earlier one knew of the server, or delivered to."""

import os

import pytest

from popactions import close, say
from popmail import mail
from runner import same

DAY = 86400


# Without CAPA.


def test_a_server_that_closes_on_capa_is_asked_again_after_30_days(popfetch, server):
    pop = server([mail("one")], mechanisms=()).on("CAPA", close)
    popfetch.account(server=pop)
    for _ in range(2):
        assert popfetch().status == 0
    pop.forgive()
    days = "update fact set value = value - ? where name = 'no_capa_until'"
    popfetch.sql(days, 30 * DAY - 60)
    assert popfetch().status == 0
    assert "CAPA" not in pop.last.commands
    popfetch.sql(days, 60)
    assert popfetch().status == 0
    assert "CAPA" in pop.last.commands
    assert len(pop.connections) == 6


# Without UIDL, of a sudden.


@pytest.mark.parametrize("keep", ["no", "forever", "14 days"])
def test_uidl_refused_by_a_server_that_had_it_is_tried_later(popfetch, server, keep):
    pop = server([mail("one"), mail("two")], caps=None)
    popfetch.account(server=pop, keep="forever")
    assert popfetch().status == 0
    popfetch.accounts["work"]["keep"] = keep
    pop.add(mail("three"))
    pop.on("UIDL", say(b"-ERR not now\r\n"))
    result = popfetch("-v")
    assert result.status == os.EX_TEMPFAIL and "refuses UIDL" in result.stderr, result
    assert len(popfetch.maildir()) == 2 and len(pop.left()) == 3
    assert not pop.commands("RETR") and not pop.commands("DELE")
    wires = pop.wires()
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires)
    assert pop.left() == ([] if keep == "no" else ["uid-000001", "uid-000002", "uid-000003"])


def test_that_is_trouble_which_may_pass(popfetch, server):
    pop = server([mail("one")])
    assert popfetch.account(server=pop, notice_after="2 failures")().status == 0
    pop.on("UIDL", say(b"-ERR not now\r\n"))
    assert popfetch().output == ""
    assert len(popfetch().errors) == 1


# A disk that is not mounted.


@pytest.mark.parametrize("keep", ["no", "forever"])
def test_an_mbox_whose_directory_is_gone(popfetch, server, keep):
    pop = server([mail("one")])
    disk = popfetch.home / "disk"
    disk.mkdir()
    popfetch.account(server=pop, mbox="~/disk/mbox", keep=keep)
    assert popfetch().status == 0
    pop.add(mail("two"))
    disk.rename(popfetch.home / "elsewhere")
    connections = len(pop.connections)
    result = popfetch()
    assert result.status == os.EX_CANTCREAT, result
    assert result.errors == [
        f"popfetch: work: directory '{disk}' of the mbox does not exist; is its disk mounted?"
    ]
    assert len(pop.connections) == connections and not disk.exists()
    (popfetch.home / "elsewhere").rename(disk)
    assert popfetch().status == 0
    assert len(popfetch.mbox("disk/mbox")) == 2


def test_an_mbox_in_a_directory_that_never_was(popfetch, server):
    pop = server([mail("one")])
    result = popfetch.account(server=pop, mbox="~/no/such/mbox")()
    assert result.status == os.EX_CANTCREAT, result
    assert f"'{popfetch.home}/no/such'" in result.stderr, result
    assert f"directory '{popfetch.home}/no' does not exist" in result.stderr, result
    assert pop.connections == []
