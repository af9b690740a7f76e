# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Somebody meddles with what a run relies on: mail may come late, and is never lost."""

import os
import shutil
import threading

import pytest

from popmail import mail
from runner import is_at_rest, same, wait_until


@pytest.fixture
def stalled(popfetch, server):
    """A run that has messages 1 to 3 staged and waits for the fourth; open the gate to go on."""
    pop = server([mail(str(number)) for number in range(4)], tls="off", pipelining=True)
    gate = threading.Event()

    def wait(session, line):
        gate.wait(20)
        session.send(session.reply(line))

    pop.on("RETR 4", wait)
    yield pop, gate
    gate.set()


def start(popfetch):
    run = popfetch.start("-v")
    wait_until(lambda: len(popfetch.staged()) >= 3, run)
    wait_until(lambda: is_at_rest(run), run)
    return run


def test_staged_files_that_are_removed_in_a_run_are_fetched_again(popfetch, stalled):
    pop, gate = stalled
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")
    run = start(popfetch)
    for file in popfetch.staged()[:2]:
        file.unlink()
    gate.set()
    result = popfetch.finish(run)
    assert result.status == 74
    assert "work: cannot rename" in result.stderr and len(result.stderr.splitlines()) == 1
    assert len(pop.left()) >= 2
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires)
    assert pop.left() == []
    assert popfetch.staged() == []


def test_a_staging_directory_that_is_removed_in_a_run_costs_no_mail(popfetch, stalled):
    pop, gate = stalled
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")
    run = start(popfetch)
    shutil.rmtree(popfetch.staged()[0].parent)
    gate.set()
    assert popfetch.finish(run).status == 73
    assert len(pop.left()) == 4
    pop.forgive()
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires)


def test_a_copy_of_the_state_does_not_clean_up_behind_a_run(popfetch, server, stalled):
    pop, gate = stalled
    other = server([], tls="off")
    wires = pop.wires()
    popfetch.account(server=pop, keep="no")
    run = start(popfetch)
    shutil.copytree(popfetch.state_dir, popfetch.home / "copy")
    copy = popfetch.home / "copy.conf"
    text = popfetch.configuration.read_text().replace(f"port = {pop.port}", f"port = {other.port}")
    text = text.replace("'work' {", f"'work' {{\n  state = 'jane@localhost:{pop.port}'")
    copy.write_text(f"state_dir = '{popfetch.home}/copy'\n" + text)
    copy.chmod(0o600)
    result = popfetch("-v", "-c", str(copy))
    assert result.status == os.EX_TEMPFAIL, result
    assert "a run with a copy of this state is at work there" in result.stderr
    gate.set()
    assert popfetch.finish(run).status == 0
    assert same(popfetch.maildir(), wires)
    assert pop.left() == []
