# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Delivery into a Maildir."""

import os
import re
import socket
import stat
from email import message_from_bytes
from email.utils import parsedate_to_datetime

import pytest

from popmail import local, mail
from runner import same, small_files_only, without_received


def test_new_mail_arrives_byte_for_byte(popfetch, server):
    pop = server([mail("one"), mail("two", "\n\n.dots\n..\n\n"), mail("umlaut äöü", "grüße\n")])
    result = popfetch.account(server=pop)()
    assert result.status == 0, result
    assert result.output == ""
    assert same(popfetch.maildir(), pop.wires())


def test_one_received_field_is_put_before_the_message_unless_switched_off(popfetch, server):
    pop = server([mail("one", "body\n")])
    assert popfetch.account(server=pop, received_header=None)().status == 0
    [message] = popfetch.maildir()
    assert without_received(message) == local(pop.wires()[0])
    received = message_from_bytes(message)["Received"]
    assert "localhost" in received and "popfetch" in received
    assert abs(parsedate_to_datetime(received.rpartition(";")[2].strip()).year - 2026) < 50
    assert all(len(line) <= 998 for line in message.split(b"\n"))


def test_the_received_field_names_no_user_and_no_secret(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop, received_header=True)()
    head = popfetch.maildir()[0].partition(b"From:")[0]
    assert b"s3cret" not in head


def test_a_missing_maildir_is_made_private_with_its_three_folders(popfetch, server):
    pop = server([mail("one")])
    assert popfetch.account(server=pop)().status == 0
    for name in ("", "cur", "new", "tmp"):
        assert stat.S_IMODE((popfetch.home / "Maildir" / name).stat().st_mode) == 0o700


def test_a_maildir_in_a_directory_that_is_not_there_is_not_made(popfetch, server):
    pop = server([mail("one")])
    result = popfetch.account(server=pop, maildir="~/absent/Maildir")()
    assert result.status == os.EX_CANTCREAT, result
    assert "work" in result.stderr and "absent" in result.stderr
    assert not (popfetch.home / "absent").exists()
    assert pop.connections == []


def test_a_maildir_that_had_mail_and_is_gone_is_taken_for_an_unmounted_disk(popfetch, server):
    pop = server([mail("one")])
    assert popfetch.account(server=pop)().status == 0
    (popfetch.home / "Maildir").rename(popfetch.home / "elsewhere")
    pop.add(mail("two"))
    result = popfetch()
    assert result.status == os.EX_CANTCREAT, result
    assert "Maildir" in result.stderr
    assert len(pop.connections) == 1
    assert not (popfetch.home / "Maildir").exists()
    (popfetch.home / "elsewhere").rename(popfetch.home / "Maildir")
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_a_file_in_place_of_the_maildir_is_an_error_before_any_connection(popfetch, server):
    pop = server([mail("one")])
    (popfetch.home / "Maildir").write_text("precious")
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_CANTCREAT, result
    assert (popfetch.home / "Maildir").read_text() == "precious"
    assert pop.connections == []


def test_a_maildir_without_new_is_refused_or_completed_but_loses_nothing(popfetch, server):
    pop = server([mail("one")])
    for name in ("Maildir", "Maildir/cur", "Maildir/tmp"):
        (popfetch.home / name).mkdir()
    (popfetch.home / "Maildir/new").write_text("a file")
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_CANTCREAT, result
    (popfetch.home / "Maildir/new").unlink()
    (popfetch.home / "Maildir/new").mkdir()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_files_are_private_and_named_as_maildir_wants(popfetch, server):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop)()
    files = popfetch.maildir_files()
    assert len(files) == 2
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert re.match(r"\d{10,}\.[^:/]+\.[^:/]+$", file.name), file.name
        for size in re.findall(r",S=(\d+)", file.name):
            assert int(size) == file.stat().st_size
        for size in re.findall(r",W=(\d+)", file.name):
            assert int(size) == len(file.read_bytes().replace(b"\n", b"\r\n"))
    assert not popfetch.maildir_files(part="cur")


def test_nothing_stays_in_tmp(popfetch, server):
    pop = server([mail(str(number)) for number in range(300)])
    assert popfetch.account(server=pop)().status == 0
    assert same(popfetch.maildir(), pop.wires())
    assert popfetch.staged() == []


def test_what_others_have_in_tmp_is_left_alone(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop)()
    others = [
        popfetch.home / "Maildir/tmp/1234.other.host",
        popfetch.home / "Maildir/tmp/.popfetch/foreign",
        popfetch.home / "Maildir/tmp/.popfetch/0123456789abcdef0123456789abcdef/file",
    ]
    for file in others:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("keep me")
    pop.add(mail("two"))
    assert popfetch().status == 0
    assert [file.read_text() for file in others] == ["keep me"] * 3


def test_what_a_reader_moved_or_removed_does_not_come_back(popfetch, server):
    pop = server([mail("one"), mail("two"), mail("three")])
    popfetch.account(server=pop)()
    first, second, third = popfetch.maildir_files()
    first.unlink()
    second.rename(popfetch.home / "Maildir/cur" / (second.name + ":2,S"))
    pop.add(mail("four"))
    assert popfetch().status == 0
    assert len(popfetch.maildir_files()) == 2 and third.exists()


def test_two_accounts_may_share_a_maildir(popfetch, server):
    one, two = server([mail("one")]), server([mail("two")])
    popfetch.account("a", one, maildir="~/Maildir").account("b", two, maildir="~/Maildir")
    assert popfetch().status == 0
    assert same(popfetch.maildir(), one.wires() + two.wires())


def test_the_same_message_may_arrive_twice_under_two_uids(popfetch, server):
    wire = mail("twins")
    pop = server([wire, wire])
    assert popfetch.account(server=pop)().status == 0
    assert same(popfetch.maildir(), [wire, wire])


@pytest.mark.parametrize("path", ["~/Maildir", "~/./Maildir/", "~/with blank/ümlaut", "~/it's"])
def test_a_path_may_hold_what_paths_hold(popfetch, server, path):
    pop = server([mail("one")])
    target = popfetch.home / path[2:]
    target.parent.mkdir(exist_ok=True)
    assert popfetch.account(server=pop, maildir=path)().status == 0
    assert same(popfetch.maildir(path[2:]), pop.wires())


def test_a_message_that_cannot_be_written_is_an_error_and_not_lost(popfetch, server):
    pop = server([mail("small"), mail("big", ("x" * 76 + "\n") * 13_000), mail("last")])
    popfetch.account(server=pop, keep="no")
    result = popfetch(preexec_fn=small_files_only, start_new_session=False)
    assert result.status == os.EX_IOERR, result
    assert re.search(
        r"popfetch: work: RETR 2: cannot write '.*': File too large", result.stderr
    ), result
    assert len(result.errors) == 1, result
    assert local(pop.wires()[pop.left().index("uid-000002")]) not in popfetch.maildir()
    wires = pop.wires()
    arrived = popfetch.maildir()
    popfetch()
    assert pop.left() == []
    assert popfetch.staged() == []
    assert len(popfetch.maildir()) == 3, "each message once"
    assert set(map(local, wires)) <= set(popfetch.maildir()) and set(arrived) <= set(
        popfetch.maildir()
    )


def test_the_name_holds_this_host_without_slash_or_colon(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop)()
    host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")
    assert host.split(".")[0] in popfetch.maildir_files()[0].name


def test_a_maildir_in_a_directory_that_never_was(popfetch, server):
    pop = server([mail("one")])
    (popfetch.home / "m").mkdir()
    result = popfetch.account(server=pop, maildir="~/m/no/parent/md")()
    assert result.status == os.EX_CANTCREAT, result
    assert result.errors == [
        f"popfetch: work: cannot make Maildir '{popfetch.home}/m/no/parent/md': "
        f"directory '{popfetch.home}/m/no' does not exist; is its disk mounted?"
    ]
    assert pop.connections == [] and list((popfetch.home / "m").iterdir()) == []
