# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Little room: on the disk, in a file, for descriptors."""

import os
import re

import pytest

from popmail import mail
from runner import at_most, read_mbox, same, small_files_only


def test_a_message_that_cannot_be_written_does_not_keep_the_others_away(popfetch, server):
    small = [mail(str(number)) for number in range(10)]
    big = mail("big", ("x" * 70 + "\n") * 9000)
    pop = server(small[:5] + [big] + small[5:], pipelining=True)
    popfetch.account(server=pop)
    for _ in range(3):
        result = popfetch(preexec_fn=small_files_only)
        assert result.status == os.EX_IOERR, result
        assert "File too large" in result.stderr or result.stderr == ""
    assert same(popfetch.maildir(), small) and popfetch.staged() == []
    assert popfetch("work").status == 0
    assert same(popfetch.maildir(), pop.wires())


@pytest.mark.parametrize("limit", [128, 256])
@pytest.mark.parametrize("destination", ["maildir", "mbox"])
def test_few_descriptors_are_enough_for_many_messages(popfetch, server, limit, destination):
    pop = server([mail(str(number), "x\n") for number in range(600)], pipelining=True)
    popfetch.account(server=pop, **{destination: "~/" + destination})
    result = popfetch(preexec_fn=at_most(limit))
    assert result.status == 0, result
    found = popfetch.maildir("maildir") if destination == "maildir" else popfetch.mbox()
    assert same(found, pop.wires())


def test_an_mda_needs_room_for_few_messages_only(popfetch, server, small_disk):
    pop = server(
        [mail(str(number), ("x" * 70 + "\n") * 14_000) for number in range(12)], pipelining=True
    )
    wires = pop.wires()
    state = popfetch.home / "state"
    state.mkdir()
    disk = small_disk(state)
    disk.limit("6m")
    popfetch.set(state_dir=state).account(server=pop, mda=popfetch.saver(), keep="no")
    result = popfetch("-v", before=disk.inside)
    assert result.status == 0, result
    assert same(popfetch.saved(), wires) and pop.left() == []


def test_an_mbox_on_the_disk_of_its_spool_takes_what_fits(popfetch, server, small_disk):
    """A message is there twice for a while, so one run may not take all."""
    text = ("x" * 70 + "\n") * 3000
    pop = server([mail(str(number), text) for number in range(40)], pipelining=True)
    wires = pop.wires()
    place = popfetch.home / "place"
    place.mkdir()
    disk = small_disk(place)
    disk.limit("12m")
    popfetch.set(state_dir=place).account(server=pop, mbox=str(place / "mbox"), keep="no")
    left = 40
    while left > 0:
        popfetch("work", before=disk.inside)
        assert len(pop.left()) < left, "each run takes some"
        left = len(pop.left())
    found = [message for _, message in read_mbox((disk.path / "mbox").read_bytes())]
    assert same(found, wires)


@pytest.mark.parametrize("destination", ["maildir", "mbox", "mda"])
def test_a_full_disk_is_named_with_what_is_free(popfetch, server, small_disk, destination):
    """1 MiB of it is kept free."""
    pop = server([mail("one"), mail("two")])
    place = popfetch.home / "place"
    place.mkdir()
    disk = small_disk(place)
    disk.limit("800k")
    to = ["true"] if destination == "mda" else str(place / destination)
    state = place if destination == "mda" else popfetch.home / "state"
    popfetch.set(state_dir=state).account(server=pop, **{destination: to})
    result = popfetch(before=disk.inside)
    assert result.status == os.EX_IOERR and len(result.errors) == 1, result
    where = place if destination == "mda" else to
    assert f"1 MiB is kept free on the disk of '{where}', of which " in result.stderr, result
    free = re.search(r"of which (\d+)(\.\d)? KiB is free$", result.errors[0])
    assert free and 500 < int(free[1]) <= 800, result


def test_what_is_on_its_way_to_a_disk_counts(popfetch, server, small_disk):
    pop = server([mail(str(n), ("x" * 70 + "\n") * 9000) for n in range(8)], pipelining=True)
    place = popfetch.home / "place"
    place.mkdir()
    disk = small_disk(place)
    disk.limit("4m")
    popfetch.account(server=pop, maildir=str(place / "Maildir"))
    result = popfetch(before=disk.inside)
    assert result.status == os.EX_IOERR and len(result.errors) == 1, result
    assert re.search(r"MiB is free, and \S+ [KM]iB is for what is on its way$", result.errors[0])
