# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Killed at any moment, cut off anywhere: in the end every message is there once, whole."""

import os
import shutil
import signal
import subprocess

import pytest

from popactions import close, hang
from popmail import mail
from runner import same, wait_until

COMMANDS = [
    "CAPA",
    "AUTH",
    "STAT",
    "UIDL",
    "LIST",
    "RETR 1",
    "RETR 2",
    "RETR 7",
    "RETR 12",
    "DELE 1",
    "DELE 7",
    "DELE 12",
    "QUIT",
    "DONE",
]


def account(popfetch, pop, destination):
    options = {"maildir": {}, "mbox": {"mbox": "~/mbox"}}[destination]
    popfetch.account(server=pop, keep="no", **options)


def delivered(popfetch, destination):
    return popfetch.maildir() if destination == "maildir" else popfetch.mbox()


@pytest.mark.parametrize("destination", ["maildir", "mbox"])
@pytest.mark.parametrize("pipelining", [True, False])
def test_killed_at_any_command(popfetch, server, destination, pipelining):
    for command in COMMANDS:
        shutil.rmtree(popfetch.home / "Maildir", ignore_errors=True)
        (popfetch.home / "mbox").unlink(missing_ok=True)
        shutil.rmtree(popfetch.state_dir, ignore_errors=True)
        pop = server(
            [mail(str(number), "line\n" * number * 50) for number in range(12)],
            pipelining=pipelining,
        )
        wires = pop.wires()
        running = []

        def kill(session, line):
            popfetch.kill(running[0])
            session.close()

        pop.on(command, kill)
        popfetch.accounts.clear()
        account(popfetch, pop, destination)
        running.append(popfetch.start())
        popfetch.finish(running[0])
        pop.forgive()
        result = popfetch()
        assert result.status == 0, (command, result)
        assert same(delivered(popfetch, destination), wires), command
        assert pop.left() == [], command


def calls_of(popfetch, trace):
    """The calls of a good run that change something on disk: [(name, how manyth)]."""
    counts, found = {}, []
    for line in trace.read_text().splitlines():
        pid, call = line.split(None, 1)
        name = call.split("(")[0]
        if name in KILL_AT:
            counts[pid, name] = counts.get((pid, name), 0) + 1
            found.append((name, counts[pid, name]))
    return list(dict.fromkeys(found))


KILL_AT = (
    "renameat",
    "renameat2",
    "unlinkat",
    "fsync",
    "fdatasync",
    "syncfs",
    "pwrite64",
    "ftruncate",
    "mkdirat",
    "link",
    "linkat",
    "pwritev",
    "writev",
)
NO_LEAK_CHECK = {
    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
}  # impossible under strace


def works(strace, directory):
    return (
        subprocess.run(
            [strace, "-f", "-o", str(directory / "probe"), "true"], capture_output=True
        ).returncode
        == 0
    )


@pytest.mark.parametrize("destination", ["maildir", "mbox"])
def test_killed_at_system_calls(popfetch, server, destination, tmp_path):
    """At each of a sample of all points the run is killed; then a second one finishes the work."""
    strace = shutil.which("strace")
    if not strace or not works(strace, tmp_path):
        pytest.skip("strace does not work here")
    home = popfetch.home

    def fresh():
        for name in ("Maildir", "mbox"):
            shutil.rmtree(home / name, ignore_errors=True) if (home / name).is_dir() else (
                home / name
            ).unlink(missing_ok=True)
        shutil.rmtree(popfetch.state_dir, ignore_errors=True)
        pop = server([mail(str(number)) for number in range(5)], pipelining=True)
        popfetch.accounts.clear()
        account(popfetch, pop, destination)
        return pop

    fresh()
    trace = tmp_path / "trace"
    assert (
        popfetch(
            before=[
                strace,
                "-f",
                "-o",
                str(trace),
                "-e",
                "trace=" + ",".join("?" + name for name in KILL_AT),
            ],
            env=NO_LEAK_CHECK,
        ).status
        == 0
    )
    points = calls_of(popfetch, trace)
    sample = points[:: max(1, len(points) // 24)]
    assert len(sample) > 5, points
    for name, nth in sample:
        pop = fresh()
        wires = pop.wires()
        process = popfetch.start(
            before=[
                strace,
                "-f",
                "-o",
                "/dev/null",
                "-e",
                f"trace={name}",
                "-e",
                f"inject={name}:signal=KILL:when={nth}",
            ],
            env=NO_LEAK_CHECK,
        )
        popfetch.finish(process)
        popfetch.kill(process)
        taken = taken_away(home / "Maildir/new")
        result = popfetch()
        assert result.status == 0, (name, nth, result)
        assert same(delivered(popfetch, destination) + taken, wires), (name, nth)
        assert pop.left() == [], (name, nth)
        assert destination != "maildir" or popfetch.staged() == [], (name, nth)


def taken_away(directory):
    """A mail reader was quicker than the second run: it took the first message away."""
    taken = []
    for file in sorted(directory.iterdir())[:1] if directory.is_dir() else []:
        taken.append(file.read_bytes())
        file.unlink()
    return taken


@pytest.mark.parametrize("destination", ["maildir", "mbox"])
@pytest.mark.parametrize("call", ["fsync", "fdatasync", "renameat2", "pwrite64"])
def test_a_system_call_that_fails_loses_and_doubles_nothing(
    popfetch, server, destination, call, tmp_path
):
    strace = shutil.which("strace")
    if not strace or not works(strace, tmp_path):
        pytest.skip("strace does not work here")
    pop = server([mail(str(number)) for number in range(4)], pipelining=True)
    wires = pop.wires()
    account(popfetch, pop, destination)
    assert (
        popfetch().status == 0
    )  # so that the faults meet messages, not the first creation of everything
    for nth in (1, 2, 3, 5, 8):
        new = [pop.add(mail(f"{call} {nth} {number}")).wire for number in range(3)]
        wires += new
        process = popfetch.start(
            before=[
                strace,
                "-f",
                "-o",
                "/dev/null",
                "-e",
                f"trace={call}",
                "-e",
                f"inject={call}:error=EIO:when={nth}",
            ],
            env=NO_LEAK_CHECK,
        )
        popfetch.finish(process)
        assert process.returncode in (
            0,
            os.EX_IOERR,
            os.EX_CANTCREAT,
            os.EX_DATAERR,
            os.EX_TEMPFAIL,
        ), (call, nth)
        assert popfetch().status == 0, (call, nth)
        assert same(delivered(popfetch, destination), wires), (call, nth)
        assert pop.left() == [], (call, nth)


def test_line_drops_and_kills_in_turn(popfetch, server):
    pop = server([mail(str(number)) for number in range(40)], pipelining=True)
    wires = pop.wires()
    popfetch.account(server=pop, keep="no", max_messages=9)
    for round_ in range(12):
        pop.forgive()
        if round_ % 3 == 0:
            pop.on("RETR", close, nth=4)
        process = popfetch.start()
        if round_ % 3 == 1:
            pop.on(
                "DELE",
                lambda session, line: (process.send_signal(signal.SIGKILL), session.close()),
                nth=3,
            )
        popfetch.finish(process)
    pop.forgive()
    del popfetch.accounts["work"]["max_messages"]
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires) and pop.left() == []


def delivered_on_record(popfetch):
    """By a copy, since a run has the state for itself."""
    copy = popfetch.home / "copy"
    shutil.copytree(popfetch.state_dir, copy, dirs_exist_ok=True)
    database = next(copy.glob("*.db"))
    return popfetch.sql("SELECT count(*) FROM message WHERE status = 2", database=database)[0][0]


def test_what_a_program_has_taken_is_on_record_while_the_next_one_is_waited_for(popfetch, server):
    pop = server([mail(f"m{n}") for n in range(3)]).on("RETR 3", hang, nth=1)
    popfetch.account(server=pop, mda=popfetch.saver())
    process = popfetch.start()
    wait_until(lambda: len(popfetch.saved()) == 2 and delivered_on_record(popfetch) == 2, process)
    popfetch.kill(process)
    assert popfetch().status == 0
    assert same(popfetch.saved(), pop.wires())
