# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Messages that a server ends early, in good order, though it lists them as longer."""

import pytest

from popactions import about, change, close, honest, say
from popmail import local, mail

DAY = 86400
BODY = "text\n" * 200


def half(reply):
    return reply[: len(reply) // 2].rsplit(b"\r\n", 1)[0] + b"\r\n.\r\n"


def header_alone(reply):
    return reply.split(b"\r\n\r\n")[0] + b"\r\n\r\n.\r\n"


CUTS = {
    "half": change(half),
    "the header alone": change(header_alone),
    "nothing": say(b"+OK\r\n.\r\n"),
}


def once(act):
    """act the first time, then the true reply."""
    acts = [act]
    return lambda session, line: (acts.pop() if acts else honest)(session, line)


def mails(count=4):
    return [mail(f"m{number}", BODY) for number in range(count)]


def cut_once(server, what, number=2, **options):
    return server(mails(), **options).on(f"RETR {number}", CUTS[what], nth=1)


def has_all(popfetch, wires, pieces=1):
    """All messages are there whole, and so many besides."""
    there = popfetch.maildir()
    for wire in wires:
        there.remove(local(wire))
    return len(there) == pieces


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("what", CUTS)
@pytest.mark.parametrize("number", [1, 2])
def test_what_was_cut_is_not_deleted_before_it_has_come_whole(
    popfetch, server, what, number, pipelining
):
    pop = cut_once(server, what, number, pipelining=pipelining)
    wires = pop.wires()
    result = popfetch.account(server=pop, keep="no")()
    assert result.status == 0 and len(result.errors) == 1, result
    assert f"message {number} (uid 'uid-00000{number}') ended after " in result.errors[0]
    assert pop.left() == [f"uid-00000{number}"]
    result = popfetch()
    assert result.status == 0 and len(result.errors) == 1, result
    assert "it is delivered, too" in result.errors[0]
    assert has_all(popfetch, wires) and pop.left() == []
    assert popfetch().errors == [] and has_all(popfetch, wires)


@pytest.mark.parametrize("top", [True, False])
@pytest.mark.parametrize("what", CUTS)
def test_what_was_cut_and_is_kept_for_a_day_comes_whole_when_it_is_due(
    popfetch, server, clock, what, top
):
    pop = cut_once(server, what, pipelining=True, top=top)
    wires = pop.wires()
    popfetch.account(server=pop, keep="1 day")
    for hours, left in (0, 4), (1, 4), (25, 1), (26, 1), (60, 0):
        assert popfetch(env=clock(hours * 3600)).status == 0
        assert len(pop.left()) == left, hours
    assert has_all(popfetch, wires)


@pytest.mark.parametrize("top", [True, False])
@pytest.mark.parametrize("keep", ["no", "1 day"])
@pytest.mark.parametrize("what", CUTS)
def test_what_comes_as_short_once_more_is_as_any_other(popfetch, server, clock, what, keep, top):
    pop = server(mails(), pipelining=True, top=top)
    pop.on("RETR", about("uid-000002", CUTS[what]))
    popfetch.account(server=pop, keep=keep)
    assert popfetch().status == 0
    assert "uid-000002" in pop.left()
    result = popfetch(env=clock(2 * DAY))
    assert result.status == 0 and result.errors == []
    assert len(pop.commands("RETR")) == (1 if top or keep == "no" else 4)
    assert len(popfetch.maildir()) == 4 and pop.left() == []


def test_what_was_as_short_once_more_is_fetched_no_third_time(popfetch, server):
    """The session that has seen it so ends without an answer to QUIT."""
    pop = server(mails(), pipelining=True)
    pop.on("RETR", about("uid-000002", CUTS["half"]))
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0
    pop.on("QUIT", close, nth=1)
    popfetch()
    assert pop.commands("RETR") == ["RETR 1"] and pop.left() == ["uid-000002"]
    popfetch()
    assert pop.commands("RETR") == [] and pop.left() == []
    assert len(popfetch.maildir()) == 4


@pytest.mark.parametrize("mda", [False, True])
def test_earlier_sessions_tell_that_sizes_are_exact(popfetch, server, mda):
    """It is the only new message, or the first one for an MDA."""
    pop = server(mails())
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0 and pop.left() == []
    for name in ["new", "newer"][: 1 + mda]:
        pop.add(mail(name, BODY))
    wires = pop.wires()
    if mda:
        popfetch.accounts.clear()
        popfetch.account(server=pop, keep="no", mda=popfetch.saver())
    pop.on("RETR", about("uid-000005", once(CUTS["half"])))
    assert popfetch().status == 0
    assert pop.left() == ["uid-000005"]
    assert popfetch().status == 0
    assert pop.left() == []
    assert local(wires[0]) in (popfetch.saved() if mda else popfetch.maildir())


def test_without_uidl_what_was_cut_comes_whole(popfetch, server):
    pop = cut_once(server, "half", uidl=False, caps=("TOP", "USER"))
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0
    assert len(pop.left()) == 1
    assert popfetch().status == 0
    assert has_all(popfetch, wires) and pop.left() == []
    assert popfetch().status == 0 and has_all(popfetch, wires)


def test_a_server_that_deletes_what_was_fetched_hears_no_quit_when_it_was_cut(popfetch, server):
    pop = cut_once(server, "half", caps=("TOP", "UIDL", "USER", "EXPIRE 0"))
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")
    popfetch()
    assert pop.commands("QUIT") == [] and len(pop.left()) == 4
    popfetch()
    assert pop.commands("QUIT") and has_all(popfetch, wires) and pop.left() == []


def test_of_two_with_one_uid_neither_is_deleted_when_the_first_was_cut(popfetch, server):
    wires = mails()
    pop = server(wires)
    pop.add(wires[1], uid=b"uid-000002")
    pop.on("RETR 2", CUTS["half"], nth=1)
    popfetch.account(server=pop, keep="no")
    assert popfetch().status == 0
    assert pop.left() == ["uid-000002"] * 2
    assert popfetch().status == 0
    assert popfetch().status == 0
    assert local(wires[1]) in popfetch.maildir() and pop.left() == []


@pytest.mark.parametrize("destination", ["maildir", "mbox"])
@pytest.mark.parametrize(
    "command", ["RETR 4", "LIST 2", "DELE 1", "DELE 3", "QUIT", "run 2: TOP 1 0", "run 2: RETR 1",
                "run 2: DELE 1", "run 2: QUIT"]
)  # fmt: skip
def test_a_run_that_dies_deletes_nothing_unseen_and_delivers_nothing_thrice(
    popfetch, server, destination, command
):
    pop = server(mails(), pipelining=True)
    pop.on("RETR", about("uid-000002", once(CUTS["half"])))
    wires = pop.wires()
    options = {"mbox": "~/mbox"} if destination == "mbox" else {}
    popfetch.account(server=pop, keep="no", **options)
    running = []

    def kill(session, line):
        popfetch.kill(running[-1])
        session.close()

    if command.startswith("run 2: "):
        assert popfetch().status == 0
    pop.on(command.replace("run 2: ", ""), kill)
    running.append(popfetch.start())
    popfetch.finish(running[-1])
    pop.forgive()
    for _ in range(3):
        assert popfetch().status == 0
    there = popfetch.maildir() if destination == "maildir" else popfetch.mbox()
    for wire in wires:
        there.remove(local(wire))
    assert len(there) <= 1 and pop.left() == []


# Sizes that are hints.


@pytest.mark.parametrize("keep", ["no", "1 day"])
def test_a_size_that_was_estimated_until_retr_costs_no_other_retr(popfetch, server, clock, keep):
    """Another client has fetched most of them, so that their sizes are exact."""

    def retr(session, line):
        session.obey(line)
        session.messages[int(line.split()[1]) - 1].listed = None

    pop = server(mails(6), pipelining=True)
    pop.mailbox.messages[1].listed = 5000
    pop.mailbox.messages[4].listed = 6000
    pop.on("RETR", retr)
    popfetch.account(server=pop, keep=keep)
    results = popfetch(), popfetch(env=clock(2 * DAY))
    assert [r.status for r in results] == [0, 0] and not any(r.errors for r in results)
    assert len(pop.all_commands("RETR")) == 6
    assert len(popfetch.maildir()) == 6 and pop.left() == []


@pytest.mark.parametrize("keep", ["no", "1 day"])
def test_sizes_that_are_wrong_for_most_cost_no_other_retr(popfetch, server, clock, keep):
    pop = server(mails(7), pipelining=True)
    for number, message in enumerate(pop.mailbox.messages):
        message.listed = message.size + (0 if number in (2, 5) else 40 + number)
    popfetch.account(server=pop, keep=keep)
    results = popfetch(), popfetch(env=clock(2 * DAY))
    assert [r.status for r in results] == [0, 0] and not any(r.errors for r in results)
    assert len(pop.all_commands("RETR")) == 7
    assert len(popfetch.maildir()) == 7 and pop.left() == []


@pytest.mark.parametrize("expire", [True, False], ids=["EXPIRE 0", ""])
@pytest.mark.parametrize("keep", ["no", "1 day"])
def test_what_is_cut_elsewhere_each_time_comes_once_and_has_pauses(
    popfetch, server, clock, keep, expire
):
    looks = iter(range(1, 100))

    def cut(session, line):
        reply = session.reply(line).split(b"\r\n")
        session.send(b"\r\n".join(reply[: 20 + next(looks)] + [b".", b""]))

    caps = ("TOP", "UIDL", "USER") + ("EXPIRE 0",) * expire
    pop = server(mails(), caps=caps).on("RETR", about("uid-000002", cut))
    popfetch.account(server=pop, keep=keep)
    results = [popfetch(env=clock(3 * DAY * (n > 0) + 600 * n)) for n in range(8)]
    assert len(popfetch.maildir()) == 4 and pop.left() == ["uid-000002"], results
    told = [line for result in results for line in result.errors if "the server cuts it" in line]
    assert len(told) == 1, results
    assert len(pop.all_commands("RETR")) <= 10, "it is not asked for in each run"


def test_and_comes_when_it_is_whole(popfetch, server, clock):
    looks = iter([20, 25, 30, 35])

    def cut(session, line):
        length = next(looks, 0)
        reply = session.reply(line).split(b"\r\n")
        session.send(b"\r\n".join(reply[:length] + [b".", b""] if length else reply))

    pop = server(mails(), pipelining=True).on("RETR", about("uid-000002", cut))
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")
    for hours in range(6):
        popfetch(env=clock(2 * hours * 3600))
    assert has_all(popfetch, wires) and pop.left() == []
