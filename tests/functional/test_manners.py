# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What a server refuses or cannot do, and how it is spoken to."""

import os
import re

import pytest

from popactions import close, drip, hang, reset, say, say_and_close, silence
from popmail import mail
from runner import fetched, same


# What a server refuses.


def test_a_message_that_retr_refuses_is_set_aside_and_the_rest_goes_on(popfetch, server):
    pop = server([mail("one"), mail("two"), mail("three")]).on(
        "RETR 2", say(b"-ERR corrupt message\r\n")
    )
    popfetch.account(server=pop, keep="no")
    result = popfetch("-v")
    assert result.status == os.EX_TEMPFAIL, result
    assert "RETR 2" in result.output and "corrupt message" in result.output
    assert pop.left() == ["uid-000002"] and len(popfetch.maildir()) == 2
    popfetch()
    assert len(pop.all_commands("RETR")) == 3, "not tried again at once"


@pytest.mark.parametrize(
    "capa",
    [
        say(b"-ERR what?\r\n"),
        say_and_close(b"-ERR what?\r\n"),
        close,
        hang,
        silence,
        reset,
        say(b"+OK\r\n.\r\n"),
        say(b"+OK\r\nX\r\n\r\n  \r\nTOP TOP TOP\r\nuidl\r\nUser\r\n.\r\n"),
    ],
    ids=["refused", "refused and closed", "close", "hang", "silence", "reset", "empty", "odd"],
)
def test_whatever_capa_meets_mail_is_fetched(popfetch, server, capa):
    pop = server([mail("one")], mechanisms=()).on("CAPA", capa)
    popfetch.account(server=pop, auth="user", timeout="2 seconds")
    popfetch("-v")
    result = popfetch("-v", timeout=20)
    assert result.status == 0, result
    assert same(popfetch.maildir(), pop.wires())


def test_a_server_that_closes_on_capa_is_remembered(popfetch, server):
    pop = server([mail("one")], mechanisms=()).on("CAPA", close)
    popfetch.account(server=pop)
    for connections in (2, 4):
        assert popfetch().status == 0
        assert len(pop.connections) == connections
    assert popfetch().status == 0
    assert len(pop.connections) == 5 and "CAPA" not in pop.last.commands


def test_a_line_that_drops_at_capa_once_is_no_reason_to_do_without(popfetch, server):
    pop = server([mail("one")]).on("CAPA", close, nth=1)
    popfetch.account(server=pop)
    assert popfetch().status == 0
    pop.forgive()
    assert popfetch().status == 0
    assert "CAPA" in pop.last.commands


def test_a_server_of_1996_is_enough(popfetch, server):
    pop = server([mail("one"), mail("two")], caps=None, uidl=False, top=False)
    wires = pop.wires()
    assert popfetch.account(server=pop, keep="no")().status == 0
    assert same(popfetch.maildir(), wires) and pop.left() == []


@pytest.mark.parametrize(
    "command, reply, status",
    [
        ("STAT", b"-ERR [SYS/TEMP] x\r\n", os.EX_TEMPFAIL),
        ("STAT", b"-ERR [SYS/PERM] x\r\n", os.EX_UNAVAILABLE),
        ("UIDL", b"-ERR [SYS/TEMP] x\r\n", os.EX_TEMPFAIL),
        ("UIDL", b"-ERR [IN-USE] x\r\n", os.EX_TEMPFAIL),
    ],
)
def test_codes_are_understood_everywhere(popfetch, server, command, reply, status):
    pop = server([mail("one")]).on(command, say(reply))
    result = popfetch.account(server=pop)("-v")
    assert result.status == status, result


# Manners.


def test_without_pipelining_no_command_goes_before_its_turn(popfetch, server):
    pop = server([mail(str(number)) for number in range(8)])
    popfetch.account(server=pop, keep="14 days")
    popfetch()
    popfetch.age(15 * 86400)
    pop.add(mail("new"))
    assert popfetch().status == 0
    assert [connection.overlaps for connection in pop.connections] == [[], []]
    assert len(pop.left()) == 1


def test_pipelining_switched_off(popfetch, server):
    pop = server([mail(str(number)) for number in range(8)], pipelining=True)
    flights = []
    pop.on(
        "RETR", lambda session, line: (flights.append(session.waiting(0.002)), session.obey(line))
    )
    popfetch.account(server=pop, pipelining="off")
    for _ in range(2):
        assert popfetch().status == 0
    assert flights and not any(flights)


def test_with_pipelining_commands_go_together(popfetch, server):
    pop = server([mail(str(number)) for number in range(100)], pipelining=True)
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0
    retr = [flight for flight in pop.last.flights if flight and flight[0].startswith("RETR")]
    assert max(map(len, retr)) > 5
    assert len(pop.last.flights) < 60
    assert pop.left() == []


def test_nothing_goes_behind_a_login_before_its_answer(popfetch, server):
    pop = server([mail("one")], pipelining=True)
    late = []

    def look(session, line):
        late.append(session.waiting(0.1))
        session.obey(line)

    pop.on("PASS", look).on("QUIT", look)
    popfetch.account(server=pop, auth="user")
    for _ in range(3):
        assert popfetch().status == 0
    assert late and not any(late)


def test_replies_stay_with_their_commands_when_some_are_refused(popfetch, server):
    pop = server([mail(str(number)) for number in range(64)], pipelining=True)
    wires = pop.wires()
    for number in (5, 6, 31, 64):
        pop.on(f"RETR {number}", say(b"-ERR no\r\n"))
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == os.EX_TEMPFAIL
    assert same(
        popfetch.maildir(),
        [wire for number, wire in enumerate(wires, 1) if number not in (5, 6, 31, 64)],
    )
    assert pop.left() == [f"uid-{number:06d}" for number in (5, 6, 31, 64)]


def test_a_server_that_reads_nothing_while_it_writes(popfetch, server):
    pop = server([mail(str(number), "x" * 20_000 + "\n") for number in range(300)], pipelining=True)
    fetched(popfetch, pop)


@pytest.mark.parametrize("where", ["login", "never"])
def test_pipelining_announced_late_or_never(popfetch, server, where):
    late = ["UIDL", "TOP", "USER"] + (["PIPELINING"] if where == "login" else [])
    pop = server(
        [mail(str(number)) for number in range(20)],
        caps=("UIDL", "TOP", "USER"),
        caps_after_login=late,
    )
    popfetch.account(server=pop)
    for _ in range(2):
        assert popfetch().status == 0
        pop.add(mail("more"))
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())
    if where == "never":
        assert all(connection.overlaps == [] for connection in pop.connections)


def test_every_command_is_well_formed(popfetch, server):
    pop = server([mail("one"), mail("two")], apop=True)
    popfetch.account(server=pop, keep="no")
    popfetch()
    for line in pop.last.lines:
        assert re.fullmatch(rb"[A-Z]+( [!-~]+)*\r\n", line), line
        assert len(line) <= 255


def test_the_implementation_string_changes_nothing(popfetch, server):
    said = []
    for name in (
        "Dovecot",
        "qpopper",
        "Microsoft Exchange",
        "Gpop",
        "Cyrus",
        "hMailServer",
        "Courier",
        "x" * 400,
    ):
        pop = server([mail("one")], caps=("TOP", "UIDL", "USER", "IMPLEMENTATION " + name))
        pop.on("GREETING", f"+OK {name[:60]} ready.\r\n".encode())
        popfetch.accounts.clear()
        popfetch.account(server=pop)
        assert popfetch().status == 0
        said.append(pop.last.commands)
    assert all(commands == said[0] for commands in said)


def test_an_idle_server_is_kept_awake_while_an_mda_works(popfetch, server):
    pop = server([mail(str(number)) for number in range(3)])
    popfetch.account(server=pop, mda=popfetch.script("sleep 0.3"), timeout="1 second", keep="no")
    assert popfetch().status == 0
    assert pop.left() == []


def test_a_server_at_the_end_of_its_patience_costs_nothing(popfetch, server):
    pop = (
        server([mail("one"), mail("two")])
        .on("NOOP", close)
        .on("QUIT", lambda session, line: (session.pause(0.2), session.close()))
    )
    popfetch.account(server=pop)
    result = popfetch()
    assert result.status == 0, result
    assert len(popfetch.maildir()) == 2


def test_time_runs_out_only_when_nothing_comes(popfetch, server):
    pop = server([mail("one", "x" * 76 + "\n" * 200)]).on("RETR", drip(20, 0.1))
    assert fetched(popfetch, pop, timeout="2 seconds").seconds > 2


@pytest.mark.parametrize("destination", ["maildir", "mbox"])
def test_memory_does_not_grow_with_a_message(popfetch, server, destination, with_sanitizers):
    if with_sanitizers:
        pytest.skip("sanitizers need memory of their own")
    pop = server([mail("one", ("x" * 76 + "\n") * 500_000)])
    most = []

    def look(session, line):
        most.extend(peak_memory(process.pid))
        session.obey(line)

    pop.on("QUIT", look)
    process = popfetch.account(server=pop, **{destination: "~/" + destination}).start()
    assert popfetch.finish(process).status == 0
    assert len(most) >= 2 and max(most) < 16 * 1024 * 1024, most


def peak_memory(session):
    """Peaks of the resident memory of all processes of this session."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getsid(int(pid)) == session:
                with open(f"/proc/{pid}/status") as f:
                    found += [int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM")]
        except OSError:
            pass
    return found
