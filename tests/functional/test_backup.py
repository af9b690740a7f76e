# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A copy of the state's *.db, taken between two runs, is a backup of it."""

import shutil

import pytest

from popmail import mail
from runner import same


def back_up(popfetch):
    """As a backup that takes *.db and nothing else."""
    copy = popfetch.directory / "backup"
    copy.mkdir(exist_ok=True)
    for file in popfetch.databases():
        shutil.copy2(file, copy)
    return copy


def restore(popfetch, copy):
    """As popfetch(1) says it."""
    for file in copy.iterdir():
        (popfetch.state_dir / (file.name + "-wal")).unlink(missing_ok=True)
        shutil.copy2(file, popfetch.state_dir)


@pytest.mark.parametrize("destination", ["maildir", "mbox", "mda"])
@pytest.mark.parametrize("keep", ["forever", "14 days"])
def test_a_copy_of_the_database_knows_all_that_was_fetched(popfetch, server, destination, keep):
    pop = server([mail(str(number)) for number in range(5)], pipelining=True)
    to = popfetch.saver() if destination == "mda" else "~/" + destination
    popfetch.account(server=pop, keep=keep, **{destination: to})
    found = {"maildir": lambda: popfetch.maildir("maildir"), "mda": popfetch.saved}
    found = found.get(destination, popfetch.mbox)
    assert popfetch().status == 0
    for number in range(3):  # and bookkeeping behind it
        pop.add(mail(f"later {number}"))
        assert popfetch().status == 0
    copy = back_up(popfetch)
    shutil.rmtree(popfetch.state_dir)
    popfetch.state_dir.mkdir(mode=0o700)
    restore(popfetch, copy)
    assert popfetch().status == 0
    assert same(found(), pop.wires())


def test_a_copy_from_behind_a_catch_up_knows_what_was_there(popfetch, server):
    pop = server([mail(str(number)) for number in range(5)])
    popfetch.account(server=pop)
    assert popfetch("--catch-up").status == 0
    copy = back_up(popfetch)
    shutil.rmtree(popfetch.state_dir)
    popfetch.state_dir.mkdir(mode=0o700)
    restore(popfetch, copy)
    assert popfetch().status == 0
    assert popfetch.maildir() == []


def test_an_old_copy_put_back_fetches_again_what_came_since(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop)
    assert popfetch().status == 0
    copy = back_up(popfetch)
    pop.add(mail("two"))
    for _ in range(3):
        assert popfetch().status == 0
    restore(popfetch, copy)
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 3  # "two" came again, "one" did not
    assert popfetch.sql("pragma integrity_check") == [("ok",)]


def test_a_run_without_mail_leaves_the_database_alone(popfetch, server):
    popfetch.account(server=server([mail("one")]))
    assert popfetch().status == 0
    file = popfetch.databases()[0]
    before = file.read_bytes(), file.stat().st_mtime_ns
    for _ in range(5):
        assert popfetch().status == 0
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
