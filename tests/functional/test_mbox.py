# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Delivery into an mbox (mboxrd), shared with other programs."""

import fcntl
import os
import re
import stat
import struct
import subprocess
import time

import pytest

from popmail import local, mail
from runner import is_at_rest, read_mbox, same, small_files_only, wait_until


@pytest.fixture
def account(popfetch, server):
    """An account that delivers to ~/mbox, and its server."""

    def make(*wires, **options):
        pop = server(wires)
        popfetch.account(server=pop, mbox="~/mbox", **options)
        return pop

    return make


def test_new_mail_arrives_byte_for_byte(popfetch, account):
    pop = account(
        mail("one"),
        mail("two", "\n\n.dots\n\n\n"),
        mail("three", "last line\n"),
        b"Subject: x\r\n\r\nshort",
    )
    assert popfetch().status == 0
    assert same(popfetch.mbox(), pop.wires())


def test_lines_that_look_like_from_lines_are_quoted_and_read_back(popfetch, account):
    body = "From here\n>From there\n>>From both\n From\nfrom\nFROM x\n>From\nFrom \n"
    pop = account(mail("quoting", body), mail("next"))
    assert popfetch().status == 0
    content = (popfetch.home / "mbox").read_bytes()
    assert (
        b"\n>From here\n>>From there\n>>>From both\n From\nfrom\nFROM x\n>From\n>From \n" in content
    )
    assert same(popfetch.mbox(), pop.wires())


def test_a_header_line_that_looks_like_a_from_line_is_quoted_too(popfetch, account):
    pop = account(b"Subject: x\r\nFrom ann Mon Jan 1 00:00:00 2024\r\n\r\nbody\r\n")
    assert popfetch().status == 0
    assert same(popfetch.mbox(), pop.wires())
    assert (popfetch.home / "mbox").read_bytes().count(b"\nFrom ") == 0


def test_from_lines_carry_sender_and_date(popfetch, account):
    account(
        mail("one", Return_Path="<ann@example.org>"), mail("two", Return_Path="<>"), mail("three")
    )
    popfetch()
    lines = [line.decode() for line, _ in read_mbox((popfetch.home / "mbox").read_bytes())]
    date = r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$"
    assert re.match("From ann@example.org " + date, lines[0])
    assert re.match("From MAILER-DAEMON " + date, lines[1])
    assert all(re.match(r"From \S+ " + date, line) for line in lines)


@pytest.mark.parametrize(
    "sender",
    ["<a b@example.org>", "<ünïcode@example.org>", "<x\ty>", "<" + "a" * 3000 + ">", "no"],
    ids=["blank", "not ASCII", "tab", "long", "no address"],
)
def test_a_strange_sender_cannot_break_the_from_line(popfetch, account, sender):
    pop = account(mail("one", Return_Path=sender), mail("two"))
    popfetch()
    messages = read_mbox((popfetch.home / "mbox").read_bytes())
    assert all(
        re.match(rb"From [!-~]+ [A-Z][a-z]{2} [ -~]{20}$", line) for line, _ in messages
    ), messages
    assert same([message for _, message in messages], pop.wires())


def test_fields_that_mbox_readers_trust_are_left_out(popfetch, account):
    fields = ("Status", "X-Status", "X-Keywords", "X-UID", "X-IMAP", "X-IMAPbase", "Content-Length")
    head = (
        b"".join(name.encode() + b": 1\r\n" for name in fields)
        + b"STATUS: RO\r\n x\r\ncontent-length:\r\n\t99\r\n"
    )
    account(head + b"Subject: kept\r\nX-Statusbar: kept\r\n\r\nStatus: in the body, kept\r\n")
    assert popfetch().status == 0
    assert popfetch.mbox() == [b"Subject: kept\nX-Statusbar: kept\n\nStatus: in the body, kept\n"]


def test_a_missing_mbox_is_made_private(popfetch, account):
    account(mail("one"))
    popfetch()
    assert stat.S_IMODE((popfetch.home / "mbox").stat().st_mode) == 0o600


def test_mail_is_appended_to_what_is_there(popfetch, account):
    before = b"From x@y Sun Mar  1 12:00:00 2026\nSubject: old\n\nold\n\n"
    (popfetch.home / "mbox").write_bytes(before)
    pop = account(mail("one"))
    popfetch()
    pop.add(mail("two"))
    popfetch()
    assert (popfetch.home / "mbox").read_bytes().startswith(before)
    assert same(popfetch.mbox()[1:], pop.wires())


@pytest.mark.parametrize("end", ["", "\n"])
def test_an_mbox_that_does_not_end_in_an_empty_line_is_completed_first(popfetch, account, end):
    (popfetch.home / "mbox").write_text(
        "From x@y Sun Mar  1 12:00:00 2026\nSubject: old\n\nold" + end
    )
    pop = account(mail("one"))
    popfetch()
    assert popfetch.mbox() == [b"Subject: old\n\nold\n", local(pop.wires()[0])]


def test_permissions_of_an_existing_mbox_stay(popfetch, account):
    path = popfetch.home / "mbox"
    path.write_bytes(b"")
    path.chmod(0o640)
    account(mail("one"))
    popfetch()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_an_mbox_that_had_mail_and_is_gone_is_not_made_again(popfetch, account):
    pop = account(mail("one"))
    popfetch()
    (popfetch.home / "mbox").unlink()
    pop.add(mail("two"))
    result = popfetch()
    assert result.status == os.EX_CANTCREAT, result
    assert len(pop.connections) == 1
    assert not (popfetch.home / "mbox").exists()


def test_an_emptied_mbox_gets_new_mail_only(popfetch, account):
    pop = account(mail("one"))
    popfetch()
    (popfetch.home / "mbox").write_bytes(b"")
    new = pop.add(mail("two"))
    assert popfetch().status == 0
    assert same(popfetch.mbox(), [new.wire])


@pytest.mark.parametrize("kind", ["directory", "fifo"])
def test_what_is_no_file_is_no_mbox(popfetch, account, kind):
    path = popfetch.home / "mbox"
    path.mkdir() if kind == "directory" else os.mkfifo(path)
    pop = account(mail("one"))
    result = popfetch()
    assert result.status == os.EX_CANTCREAT, result
    assert "mbox" in result.stderr
    assert pop.connections == []


def lock(path):
    """An fcntl lock on the whole file, as another program holds it."""
    file = open(path, "r+b")
    fcntl.fcntl(file, fcntl.F_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
    return file


def wait_for_the_lock(process, pop):
    wait_until(lambda: pop.commands("RETR") and pop.last.idle, process)
    wait_until(lambda: is_at_rest(process), process)


def test_an_fcntl_lock_is_waited_for(popfetch, account):
    path = popfetch.home / "mbox"
    path.write_bytes(b"")
    pop = account(mail("one"))
    holder = lock(path)
    process = popfetch.start()
    wait_for_the_lock(process, pop)
    assert path.read_bytes() == b""
    holder.close()
    assert popfetch.finish(process).status == 0
    assert same(popfetch.mbox(), pop.wires())


def test_a_dotlock_is_waited_for_and_left_alone(popfetch, account):
    path, dotlock = popfetch.home / "mbox", popfetch.home / "mbox.lock"
    path.write_bytes(b"")
    dotlock.write_text(f"{os.getpid()}\n")
    pop = account(mail("one"))
    process = popfetch.start()
    wait_for_the_lock(process, pop)
    assert path.read_bytes() == b"" and dotlock.exists()
    dotlock.unlink()
    assert popfetch.finish(process).status == 0
    assert same(popfetch.mbox(), pop.wires())
    assert not dotlock.exists()


def test_a_dotlock_is_said_to_be_a_lock_with_its_age_and_what_to_do(popfetch, server):
    """Two at one time, since each is waited for."""
    for name, owner in ("anonymous", ""), ("signed", "1:elsewhere.example.org\n"):
        dotlock = popfetch.home / f"{name}.lock"
        dotlock.write_text(owner)
        os.utime(dotlock, (time.time() - 120,) * 2)
        popfetch.account(name, server([mail("one")]), mbox=f"~/{name}")
    result = popfetch("-v", timeout=90)
    assert result.status == os.EX_TEMPFAIL, result
    for name in popfetch.accounts:
        [line] = [line for line in result.errors if f"'{popfetch.home}/{name}.lock'" in line]
        assert "a lock on the mbox, 2 minutes" in line and " old: " in line, line
        assert line.endswith(", remove it"), line
        assert ("'1:elsewhere.example.org'" in line) == (name == "signed"), line


def test_a_forgotten_dotlock_is_broken(popfetch, account):
    dotlock = popfetch.home / "mbox.lock"
    dotlock.write_text("99999999\n")
    os.utime(dotlock, (time.time() - 3600,) * 2)
    pop = account(mail("one"))
    assert popfetch().status == 0
    assert same(popfetch.mbox(), pop.wires())
    assert not dotlock.exists()


@pytest.mark.parametrize("count", [0, 1])
def test_a_dotlock_of_a_run_that_was_killed_goes_in_the_next(popfetch, account, count):
    dead = subprocess.Popen(["true"])
    dead.wait()
    pop = account(mail("one"))
    assert popfetch().status == 0
    dotlock = popfetch.home / "mbox.lock"
    dotlock.write_text(f"{dead.pid}:{os.uname().nodename}\n")
    (popfetch.home / ".mbox.popfetch-lock").write_text("what it is made of")
    for number in range(count):
        pop.add(mail(str(number)))
    assert popfetch().status == 0
    assert len(popfetch.mbox()) == 1 + count
    assert [name for name in os.listdir(popfetch.home) if "mbox" in name] == ["mbox"]


def test_a_link_planted_as_dotlock_is_never_followed(popfetch, account):
    victim, dotlock = popfetch.home / "victim", popfetch.home / "mbox.lock"
    victim.write_text("untouched")
    dotlock.symlink_to(victim)
    pop = account(mail("one"))
    process = popfetch.start()
    wait_for_the_lock(process, pop)
    dotlock.unlink()
    assert popfetch.finish(process).status == 0
    assert victim.read_text() == "untouched"
    assert len(popfetch.mbox()) == 1


def test_locks_are_gone_after_the_run(popfetch, account):
    account(mail("one"))
    popfetch()
    lock(popfetch.home / "mbox").close()
    assert not (popfetch.home / "mbox.lock").exists()
    assert [name for name in os.listdir(popfetch.home) if "mbox" in name] == ["mbox"]


def test_many_messages_of_all_sizes_arrive_once_each(popfetch, account):
    pop = account(*(mail(str(number), "From x\n\n" * (number * 37 % 300)) for number in range(400)))
    assert popfetch().status == 0
    assert same(popfetch.mbox(), pop.wires())
    assert popfetch().status == 0
    assert len(popfetch.mbox()) == 400


def test_a_write_that_fails_is_taken_back(popfetch, account):
    before = b"From x@y Sun Mar  1 12:00:00 2026\nSubject: old\n\n" + b"old\n" * 100_000 + b"\n"
    path = popfetch.home / "mbox"
    path.write_bytes(before)
    pop = account(mail("big", ("x" * 70 + "\n") * 3_000), keep="no")
    result = popfetch(preexec_fn=small_files_only, start_new_session=False)
    assert result.status == os.EX_IOERR, result
    assert "work" in result.stderr and "File too large" in result.stderr
    assert path.read_bytes() == before
    assert pop.left() == ["uid-000001"]
    [wire] = pop.wires()
    assert popfetch().status == 0
    assert same(popfetch.mbox()[1:], [wire])
    assert pop.left() == []


@pytest.mark.parametrize("kind", ["symbolic link", "hard link"])
def test_an_mbox_with_a_second_name_is_refused(popfetch, account, kind):
    victim = popfetch.home / "victim"
    victim.write_bytes(b"")
    (os.symlink if kind == "symbolic link" else os.link)(victim, popfetch.home / "mbox")
    account(mail("one"))
    assert popfetch().status == os.EX_CANTCREAT
    assert victim.read_bytes() == b""
