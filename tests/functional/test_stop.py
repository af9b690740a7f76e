# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Stop requests, children that die or hang, and waiting that costs nothing."""

import contextlib
import fcntl
import os
import signal
import threading
import time

import pytest

from popactions import hang
from popmail import mail
from runner import alive, children, cpu_seconds, is_at_rest, same, stop, wait_until


@pytest.fixture
def slow_mda(popfetch):
    """An mda that saves the message, and ends when the test says go()."""

    class SlowMda:
        began, may_end = popfetch.home / "began", popfetch.home / "go"
        argv = popfetch.saver(
            before='echo >> "$HOME/began"', after='until [ -e "$HOME/go" ]; do sleep 0.02; done'
        )

        def wait(self, process):
            wait_until(self.began.exists, process)

        def count(self):
            return len(self.began.read_text().splitlines()) if self.began.exists() else 0

        def go(self):
            self.may_end.touch()

    return SlowMda()


def is_idle(pid):
    """Whether it spends a second waiting rather than asking again and again."""
    before = cpu_seconds(pid)
    time.sleep(1)
    return alive(pid) and cpu_seconds(pid) - before < 0.2


def gone(pid):
    wait_until(lambda: not alive(pid))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_is_heard_while_nobody_reads_the_output(popfetch, server, number):
    pop = server([mail(str(number)) for number in range(800)])  # more than are asked for ahead
    wires = pop.wires()
    pop.on("RETR 50", lambda session, line: (process.send_signal(number), session.obey(line)))
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)  # less than what there is to say till then
    process = popfetch.account(server=pop).start("-vv", stdout=writer)
    result = popfetch.finish(process)
    os.close(writer)
    os.close(reader)
    assert result.status == os.EX_TEMPFAIL, result
    assert len(popfetch.maildir()) >= 49
    assert popfetch("-q").status == 0
    assert same(popfetch.maildir(), wires)


def test_what_an_mda_took_before_the_stop_is_deleted(popfetch, server, slow_mda):
    pop = server([mail("one"), mail("two"), mail("three")])
    wires = pop.wires()
    process = popfetch.account(server=pop, mda=slow_mda.argv, keep="no").start("-v")
    slow_mda.wait(process)
    process.send_signal(signal.SIGTERM)
    time.sleep(6)  # longer than what else is on its way is waited for
    assert process.poll() is None
    slow_mda.go()
    result = popfetch.finish(process)
    assert result.status == os.EX_TEMPFAIL and "stopped" in result.stderr, result
    pop.settle()
    assert same(popfetch.saved(), wires[:1])
    assert pop.left() == ["uid-000002", "uid-000003"] and pop.last.quit_answered
    assert popfetch().status == 0
    assert same(popfetch.saved(), wires) and pop.left() == []


def test_a_password_command_does_not_outlive_a_stop(popfetch, server):
    file = popfetch.home / "pid"
    command = popfetch.script(f'echo $$ > "{file}.new"; mv "{file}.new" "{file}"; exec sleep 300')
    process = popfetch.account(server=server([mail()]), password_command=command).start("-v")
    wait_until(file.exists, process)
    process.send_signal(signal.SIGTERM)
    assert popfetch.finish(process).status == os.EX_TEMPFAIL
    gone(int(file.read_text()))


def test_a_courier_that_is_killed_does_not_make_its_keeper_busy(popfetch, server, slow_mda):
    pop = server([mail("one")])
    process = popfetch.account(server=pop, mda=slow_mda.argv).start("-v")
    slow_mda.wait(process)
    [keeper] = children(process.pid)
    [courier] = [pid for pid in children(keeper) if os.getsid(pid) == process.pid]
    os.kill(courier, signal.SIGKILL)
    assert is_idle(keeper)
    slow_mda.go()
    result = popfetch.finish(process)
    assert result.status == os.EX_SOFTWARE and "courier" in result.stderr, result
    popfetch()
    assert same(popfetch.saved(), pop.wires()), "what the mda took was recorded"


def test_an_mda_that_asks_for_later_does_not_make_its_keeper_busy(popfetch, server):
    pop = server([mail(str(number)) for number in range(4)])
    asked, called = popfetch.home / "asked", popfetch.home / "called"
    resume = threading.Event()
    pop.on("RETR 4", lambda session, line: (asked.touch(), resume.wait(20), session.obey(line)))
    mda = popfetch.script(f'until [ -e "{asked}" ]; do sleep 0.02; done; touch "{called}"; exit 75')
    process = popfetch.account(server=pop, mda=mda).start("-v")
    wait_until(called.exists, process)
    [keeper] = children(process.pid)
    time.sleep(10.5)  # as long as a message may wait for more of its batch
    idle = is_idle(keeper)
    resume.set()
    result = popfetch.finish(process)
    assert idle and result.status == os.EX_TEMPFAIL, result
    assert "try again later" in result.stderr


# A stop that comes when there is nothing left to do.


@pytest.mark.parametrize("command", ["DELE 3", "QUIT"])
@pytest.mark.parametrize("to", ["maildir", "mda"])
def test_a_stop_that_comes_after_the_work_is_no_failure(popfetch, server, command, to):
    pop = server([mail(str(number)) for number in range(3)])
    wires = pop.wires()
    pop.on(command, lambda session, line: (stop(process), session.obey(line)))
    options = {"mda": popfetch.saver()} if to == "mda" else {}
    process = popfetch.account(server=pop, keep="no", **options).start()
    result = popfetch.finish(process)
    assert result.status == 0 and not result.errors, result
    assert same(popfetch.saved() if to == "mda" else popfetch.maildir(), wires)
    assert pop.left() == []


def test_a_stop_that_leaves_messages_on_the_server_says_so_once(popfetch, server):
    pop = server([mail(str(number)) for number in range(3)], pipelining=False)
    pop.on("RETR 2", lambda session, line: (stop(process), session.obey(line)))
    process = popfetch.account(server=pop, mda=popfetch.saver(), keep="no").start()
    result = popfetch.finish(process)
    assert result.status == os.EX_TEMPFAIL and len(result.errors) == 1, result
    assert "stopped by a signal" in result.stderr, result
    assert popfetch().status == 0
    assert len(popfetch.saved()) == 3 and pop.left() == []


def test_after_a_stop_nothing_more_is_asked_for(popfetch, server, slow_mda):
    pop = server([mail(str(number)) for number in range(300)], pipelining=True)
    process = popfetch.account(server=pop, mda=slow_mda.argv, keep="no").start()
    wait_until(lambda: len(pop.commands("RETR")) == 65 and is_at_rest(process), process)
    stop(process)
    slow_mda.go()
    result = popfetch.finish(process)
    assert result.status == os.EX_TEMPFAIL and len(result.errors) == 1, result
    assert len(pop.commands("RETR")) == 65
    assert len(popfetch.saved()) == 1 and len(pop.left()) == 299, "it is deleted"
    assert pop.commands("QUIT")


# Killed: the children go too.


@pytest.fixture
def rolling_back(popfetch):
    """An mda that stores nothing when it is asked to end, as procmail and maildrop do."""

    class RollingBack:
        began, asked = popfetch.home / "began", popfetch.home / "asked"
        argv = popfetch.script(
            f"trap 'echo >> \"{asked}\"; kill $!; exit 75' TERM\n"
            f'echo $$ > "{began}.new"; mv "{began}.new" "{began}"; sleep 300 & wait\n'
        )

        def pid(self, process):
            wait_until(self.began.exists, process)
            return int(self.began.read_text())

    return RollingBack()


@pytest.mark.parametrize("who", ["parent", "keeper", "all"])
def test_an_mda_is_asked_to_end_when_popfetch_is_killed(popfetch, server, rolling_back, who):
    pop = server([mail("one"), mail("two")])
    process = popfetch.account(server=pop, mda=rolling_back.argv).start()
    mda = rolling_back.pid(process)
    [keeper] = children(process.pid)
    family = [process.pid, *children(process.pid), *children(keeper)]
    for pid in {"parent": [process.pid], "keeper": [keeper]}.get(who, family):
        if pid != mda:
            with contextlib.suppress(ProcessLookupError):  # it went when another one had
                os.kill(pid, signal.SIGKILL)
    popfetch.finish(process)
    for pid in family:
        gone(pid)
    assert rolling_back.asked.exists()
    popfetch.accounts["work"]["mda"] = popfetch.saver()
    assert popfetch().status == 0
    assert same(popfetch.saved(), pop.wires())


def test_all_mdas_are_asked_to_end_when_popfetch_is_killed(popfetch, server, slow_mda):
    pop = server([mail(str(number)) for number in range(5)])
    process = popfetch.account(server=pop, mda=slow_mda.argv, mda_jobs=3).start()
    wait_until(lambda: slow_mda.count() == 3, process)
    [keeper] = children(process.pid)
    mdas = [pid for pid in children(keeper) if os.getsid(pid) != process.pid]
    assert len(mdas) == 3
    os.kill(keeper, signal.SIGKILL)
    assert popfetch.finish(process).status == os.EX_SOFTWARE
    for pid in mdas:
        gone(pid)


def test_a_stop_that_waits_in_vain_says_how_far_it_came(popfetch, server):
    """What is on its way gets five seconds."""
    pop = server([mail("one"), mail("two"), mail("three")]).on("RETR 2", hang)
    process = popfetch.account(server=pop).start()
    wait_until(lambda: "RETR 2" in pop.commands() and is_at_rest(process), process)
    stop(process)
    result = popfetch.finish(process)
    assert result.status == os.EX_TEMPFAIL, result
    assert result.errors == ["popfetch: work: stopped by a signal: 1 of 3 messages fetched"]
    assert len(popfetch.maildir()) == 1


@pytest.mark.parametrize("pipelining", [True, False])
def test_expire_0_withholds_quit_after_a_stop_with_something_retrieved(
    popfetch, server, slow_mda, pipelining
):
    """What was on its way when the stop came was thrown away."""
    pop = server(
        [mail("one"), mail("second"), mail("three")],
        pipelining=pipelining,
        caps=("TOP", "UIDL", "USER", "EXPIRE 0"),
    )
    stopped = threading.Event()
    pop.on("RETR 2", lambda session, line: (stopped.wait(20), session.obey(line)))
    process = popfetch.account(server=pop, mda=slow_mda.argv, keep="no").start("-v")
    slow_mda.wait(process)
    stop(process)
    stopped.set()
    slow_mda.go()
    popfetch.finish(process)
    pop.settle()
    retrieved = len(pop.commands("RETR"))
    assert retrieved > len(popfetch.saved()) == 1
    assert not pop.commands("QUIT") and len(pop.left()) == 3
