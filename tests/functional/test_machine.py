# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Odd machines, file systems and limits, and what no assertion may rest on."""

import errno
import os
import subprocess

import pytest

from popactions import change, hang
from popmail import mail
from popserver import PASSWORD
from runner import at_most, read_mbox, same, small_files_only, wait_until
from sandbox import CALLS, not_permitted

NUMBERS = "1 2 3"


@pytest.mark.parametrize("destination", ["maildir", "mbox", "mda"])
@pytest.mark.parametrize(
    "command, reply",
    [
        ("STAT", b"+OK 3 1\r\n"),
        ("STAT", b"+OK 3 99999999\r\n"),
        ("STAT", b"+OK 4 1000\r\n"),
        ("LIST", b"+OK\r\n1 -1\r\n2 -1\r\n3 -1\r\n.\r\n"),
        ("LIST", b"+OK\r\n3 99\r\n1 7\r\n1 8\r\n2 9\r\n0 1\r\n.\r\n"),
    ],
)
def test_without_uidl_stat_and_list_need_not_agree(popfetch, server, command, reply, destination):
    pop = server([mail(n) for n in NUMBERS.split()], uidl=False, caps=("TOP", "USER"))
    wires = pop.wires()

    def of_all(session, line):
        session.send(reply if line.strip().decode() == command else session.reply(line))

    pop.on(command, of_all)
    to = popfetch.saver() if destination == "mda" else "~/" + destination
    popfetch.account(server=pop, keep="no", **{destination: to})
    result = popfetch()
    assert result.status == 0 and result.stderr == "", result
    found = {"maildir": lambda: popfetch.maildir("maildir"), "mda": popfetch.saved}
    assert same(found.get(destination, popfetch.mbox)(), wires)
    assert pop.all_commands("LIST").count("LIST") == 1, "it would not say anything else"
    pop.forgive()
    assert popfetch().status == 0
    assert same(found.get(destination, popfetch.mbox)(), wires) and pop.left() == []


def test_sizes_of_messages_that_uidl_does_not_list_are_passed_over(popfetch, server):
    pop = server([mail(n) for n in NUMBERS.split()])
    wires = pop.wires()
    pop.on("UIDL", change(lambda reply: reply.replace(b"2 uid-000002\r\n", b"")))
    popfetch.account(server=pop)
    assert popfetch().status == 0
    assert same(popfetch.maildir(), [wires[0], wires[2]])
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires)


def test_more_jobs_than_files_may_be_open_end_with_an_error_each(popfetch, server):
    pop = server([mail("one")], tls="off")
    popfetch.set(jobs=256)
    for number in range(200):
        popfetch.account(f"a{number}", server=pop, state=f"s{number}", maildir=f"~/M{number}")
    result = popfetch(preexec_fn=at_most(64), timeout=120)
    assert result.status == 71, result
    assert all("Too many open files" in line for line in result.errors), result


@pytest.mark.skipif(not CALLS, reason="the numbers of this machine's system calls are not known")
@pytest.mark.parametrize("destination", ["maildir", "mbox", "mda"])
@pytest.mark.parametrize("call", ["all", *CALLS])
def test_a_sandbox_that_does_not_know_a_call_is_no_trouble(popfetch, server, call, destination):
    pop = server([mail(str(number)) for number in range(40)], tls="off", pipelining=True)
    wires = pop.wires()
    to = popfetch.saver() if destination == "mda" else "~/" + destination
    popfetch.account(server=pop, keep="no", mda_jobs=4, **{destination: to})
    calls = CALLS if call == "all" else [call]
    result = popfetch(preexec_fn=not_permitted(*calls))
    assert result.status == 0 and result.stderr == "", result
    found = {"maildir": lambda: popfetch.maildir("maildir"), "mda": popfetch.saved}
    assert same(found.get(destination, popfetch.mbox)(), wires) and pop.left() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a directory immutable")
def test_a_directory_that_nobody_may_write_is_an_error_still(popfetch, server):
    popfetch.account(server=server([mail("one")]))
    assert popfetch().status == 0
    new = popfetch.home / "Maildir/new"
    if subprocess.run(["chattr", "+i", new], capture_output=True).returncode != 0:
        pytest.skip("this file system has no immutable directories")
    try:
        result = popfetch()
    finally:
        subprocess.run(["chattr", "-i", new], check=True)
    assert result.status == os.EX_CANTCREAT, result
    assert os.strerror(errno.EPERM) in result.stderr


BIG = ("x" * 70 + "\n") * 9000  # more than small_files_only allows


@pytest.mark.parametrize("destination", ["maildir", "mbox", "mda"])
def test_a_limit_on_the_size_of_files_is_a_write_that_fails(popfetch, server, destination):
    pop = server([mail("small"), mail("big", BIG), mail("later")])
    to = popfetch.saver() if destination == "mda" else "~/" + destination
    popfetch.account(server=pop, **{destination: to})
    found = {"maildir": lambda: popfetch.maildir("maildir"), "mda": popfetch.saved}
    found = found.get(destination, popfetch.mbox)
    for _ in range(3):
        result = popfetch(preexec_fn=small_files_only)
        assert result.status == os.EX_IOERR, result
        assert "File too large" in result.stderr or result.stderr == ""
    assert same(found(), [pop.wires()[0], pop.wires()[2]])
    assert popfetch("work").status == 0
    assert same(found(), pop.wires())


def test_an_mbox_that_may_not_grow_is_cut_back_and_unlocked(popfetch, server):
    pop = server([mail("first", ("x" * 70 + "\n") * 6000)])
    popfetch.account(server=pop, mbox="~/mbox", keep="no")
    assert popfetch().status == 0
    wires, before = pop.wires(), (popfetch.home / "mbox").read_bytes()
    wires += [pop.add(mail(str(number), ("x" * 70 + "\n") * 1000)).wire for number in range(3)]
    result = popfetch(preexec_fn=small_files_only)
    assert result.status == os.EX_IOERR and "File too large" in result.stderr, result
    assert (popfetch.home / "mbox").read_bytes() == before
    assert not (popfetch.home / "mbox.lock").exists() and len(pop.left()) == 3
    assert popfetch().status == 0
    found = [message for _, message in read_mbox((popfetch.home / "mbox").read_bytes())]
    assert same(found[1:], wires) and len(found) == 4 and pop.left() == []


@pytest.mark.parametrize("program", ["mda", "password_command"])
def test_programs_that_are_run_are_ended_by_the_signals_that_popfetch_ignores(
    popfetch, server, program
):
    pop = server([mail("one")])
    for signal in "XFSZ", "PIPE":
        options = {program: popfetch.script(f"kill -s {signal} $$; exit 0")}
        if program == "mda":
            options["maildir"] = None
        popfetch.account(server=pop, **options)
        result = popfetch("-v")  # what may pass by itself is not told else
        assert result.status == os.EX_TEMPFAIL, result
        assert "signal" in result.stderr, result


def test_what_a_killed_run_staged_elsewhere_goes_when_mail_is_to_go_another_way(popfetch, server):
    pop = server([mail("one"), mail("two"), mail("three")], tls="off")
    pop.on("RETR 3", hang)
    popfetch.account(server=pop, maildir="~/First")
    run = popfetch.start()
    wait_until(lambda: len(popfetch.staged("First")) >= 2, run)
    popfetch.kill(run)
    assert len(popfetch.staged("First")) >= 2
    pop.forgive()
    identity = popfetch.sql("select value from fact where name = 'id'")[0][0]
    for name in f"mda-{identity}-0123", f"mbox-{identity}", "mda-0123-0123":
        (popfetch.state_dir / name).write_text("mail")
    popfetch.account(server=pop, maildir="~/Second")
    assert popfetch().status == 0
    assert same(popfetch.maildir("Second"), pop.wires())
    assert popfetch.staged("First") == [] and popfetch.maildir("First") == []
    assert [path.name for path in popfetch.state_dir.glob("m*-*")] == ["mda-0123-0123"]


@pytest.mark.parametrize("first, second", [("localhost", "localhost."), ("localhost.", "localhost")])
def test_a_dot_at_the_end_of_the_host_makes_no_other_account(popfetch, server, first, second):
    pop = server([mail("one")])
    popfetch.account(server=pop, host=first)
    assert popfetch().status == 0
    assert pop.last.server_name == "localhost"
    pop.add(mail("two"))
    popfetch.accounts["work"]["host"] = second
    result = popfetch("-v")
    assert result.status == 0 and pop.last.server_name == "localhost", result
    assert same(popfetch.maildir(), pop.wires()) and len(popfetch.databases()) == 1
    assert pop.commands("CAPA") == [], "what the server can do was known"


def test_a_state_of_a_host_with_a_dot_from_before_goes_on(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop)
    assert popfetch().status == 0
    for file in popfetch.state_dir.iterdir():  # as it was called then
        file.rename(str(file).replace("localhost", "localhost."))
    popfetch.accounts["work"]["host"] = "localhost."
    pop.add(mail("two"))
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires()) and len(popfetch.databases()) == 1


def test_a_name_in_netrc_may_end_with_a_dot(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop, password=None, password_command=None)
    netrc = popfetch.home / ".netrc"
    netrc.write_text(f"machine localhost. login jane password {PASSWORD}\n")
    netrc.chmod(0o600)
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())
