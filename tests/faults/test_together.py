# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""popfetch and others: a second popfetch, procmail, a clock that goes back, signals."""

import collections
import contextlib
import fcntl
import glob
import itertools
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from popactions import hang
from popmail import local, mail
from runner import alive, children, is_at_rest, members, read_mbox, same, session_of, stop, wait_until
from scene import DESTINATIONS, Scene


def processes_of(popfetch, programs=True):
    """Every living process that works in this test's directories: popfetch's own, and the programs
    that it runs. (One that is just becoming another program has no environment to know it by.)"""
    found, runs = [], {run.pid for run in popfetch.running}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        ours = session_of(pid) in runs
        try:
            mine = ours or Path(f"/proc/{pid}/cwd").readlink().is_relative_to(popfetch.directory)
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if mine and alive(pid) and (programs or ours):
            found.append((pid, command))
    return found


def nobody_stays(popfetch, programs=True):
    wait_until(lambda: not processes_of(popfetch, programs))


# Two and more of us.


@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("keep", ["no", "forever"])
def test_four_runs_at_once_on_one_account(binary, tmp_path, server, points, destination, keep):
    pop = server(tls="off", pipelining=True)
    wires = [mail(str(number), "text\n" * number) for number in range(12)]
    scene = Scene(binary, tmp_path / "scene", pop, destination, keep, wires=wires)
    for _ in range(12):
        scene.fresh()
        runs = [scene.popfetch.start() for _ in range(4)]
        results = [scene.popfetch.finish(run) for run in runs]
        assert all(r.status == 0 and r.output == "" for r in results), results
        assert len(scene.delivered()) == len(wires)
        scene.finish()
        points(4)


@pytest.mark.parametrize("how", ["one run", "two runs"])
def test_two_accounts_with_one_mbox(binary, tmp_path, server, popfetch, points, how):
    pops = [server(tls="off", pipelining=True) for _ in range(2)]
    for number, pop in enumerate(pops):
        popfetch.account(f"account{number}", pop, mbox="~/mbox", keep="no")
    wires = []
    for round_ in range(6):
        for number, pop in enumerate(pops):
            count = 300 if round_ == 0 else 20  # more than one batch
            new = [mail(f"{round_} {number} {n}", "From here\n" * 5) for n in range(count)]
            wires += [pop.add(wire).wire for wire in new]
        if how == "one run":
            results = [popfetch()]
        else:
            runs = [popfetch.start(f"account{number}") for number in range(2)]
            results = [popfetch.finish(run) for run in runs]
        assert all(result.status == 0 and not result.errors for result in results), results
        assert not pops[0].left() and not pops[1].left()
        assert same(popfetch.mbox(), wires)
        points(2)
    assert not list(popfetch.home.glob("*lock*"))


def test_one_state_for_two_names_of_a_host(popfetch, server, points):
    """Two configurations that share a state by its name: one run at a time, nothing twice."""
    pop = server([mail(str(number)) for number in range(10)], tls="off")
    popfetch.account("work", pop, state="mine", keep="forever")
    popfetch._prepare()
    text = popfetch.configuration.read_text()
    second = popfetch.home / "second.conf"
    second.write_text(text.replace("localhost", "127.0.0.1").replace("'work'", "'play'"))
    second.chmod(0o600)
    for _ in range(8):
        runs = [popfetch.start(), popfetch.start("-c", str(second))]
        results = [popfetch.finish(run) for run in runs]
        assert all(result.status == 0 for result in results), results
        pop.add(mail("new"))
        points(2)
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())


# procmail, and others that lock in one way only.


def by_procmail(rules):
    def append(popfetch, number):
        message = mail(f"from procmail {number}", "line\n" * (number % 40 + 1))
        recipe = popfetch.home / "recipe"
        arguments = ["-m", f"HOME={popfetch.home}", f"ORGMAIL={popfetch.home}/astray"]
        arguments += [f"DEFAULT={popfetch.home}/astray", "LOCKSLEEP=1", str(recipe)]
        done = subprocess.run(
            ["procmail", "-f", "ann@example.org", *arguments],
            input=local(message),
            capture_output=True,
        )
        assert done.returncode == 0 and not done.stderr, done
        return local(message)

    def prepare(popfetch):
        assert shutil.which("procmail"), "procmail is needed here (contrib/bootstrap packages check)"
        recipe = popfetch.home / "recipe"
        recipe.write_text(f"{rules}\n{popfetch.home}/mbox\n")
        recipe.chmod(0o600)

    return prepare, append


def with_locks(take_fcntl, take_dotlock):
    """A program that locks like this, and writes slowly, in pieces."""

    def append(popfetch, number):
        message = local(mail(f"from a program {number}", "line\n" * (number % 40 + 1)))
        path, dot = popfetch.home / "mbox", popfetch.home / "mbox.lock"
        while take_dotlock:
            try:
                os.close(os.open(dot, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                break
            except FileExistsError:
                time.sleep(0.003)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if take_fcntl:
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
        text = b"From ann@example.org Sun Mar  1 12:00:00 2026\n" + message + b"\n"
        for at in range(0, len(text), 60):
            os.write(descriptor, text[at : at + 60])
            time.sleep(0.0002)
        os.close(descriptor)
        if take_dotlock:
            dot.unlink()
        return message

    return lambda popfetch: None, append


OTHERS = {
    "procmail with a lock file": by_procmail(":0:"),
    "procmail with kernel locks only": by_procmail(":0"),
    "a program that takes fcntl only": with_locks(True, False),
    "a program that takes a dotlock only": with_locks(False, True),
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_program_appends_to_the_same_mbox(popfetch, server, points, long_form, other):
    prepare, append = OTHERS[other]
    pop = server(tls="off", pipelining=True)
    popfetch.account(server=pop, mbox="~/mbox", keep="no")
    prepare(popfetch)
    theirs, errors, stop = [], [], threading.Event()

    def work():
        try:
            while not stop.is_set():
                theirs.append(append(popfetch, len(theirs)))
                time.sleep(0.002)
        except BaseException as error:
            errors.append(error)

    wires = []
    thread = threading.Thread(target=work)
    thread.start()
    try:
        rounds, end = 100 if long_form else 20, time.monotonic() + 60
        for round_ in itertools.count():
            # the other has to have its turns too: procmail sleeps a second when locked out
            if round_ >= rounds and (len(theirs) >= 10 or time.monotonic() > end):
                break
            new = [mail(f"{round_} {n}", "x\n" * 10 * n) for n in range(10)]
            wires += [pop.add(wire).wire for wire in new]
            result = popfetch("work")
            assert result.status == 0 and not result.errors, result
            assert pop.left() == []
            points(1)
    finally:
        stop.set()
        thread.join()
    assert not errors, errors
    assert len(theirs) >= 10
    found = collections.Counter(m for _, m in read_mbox((popfetch.home / "mbox").read_bytes()))
    assert found == collections.Counter([local(wire) for wire in wires] + theirs)
    assert not (popfetch.home / "mbox.lock").exists() and not (popfetch.home / "astray").exists()


# Clocks.


def clock(popfetch, days):
    """The environment of a run on another day: by libfaketime where it is, else the day of the
    last run is set in the state instead."""
    libraries = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if libraries:
        return {
            "LD_PRELOAD": libraries[0],
            "FAKETIME": f"{int(days * 86400):+d}",
            "DONT_FAKE_MONOTONIC": "1",
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }
    if popfetch.databases():
        moved = getattr(popfetch, "days", 0) - days
        for change in (
            "update message set delivered = delivered + ?",
            "update message set gone_since = gone_since + ? where gone_since > 0",
            "update fact set value = value + ? where name = 'last_run'",
        ):
            popfetch.sql(change, int(moved * 86400))
    popfetch.days = days
    return {}


@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("back", [1, 400])
def test_the_clock_goes_back_between_runs(binary, tmp_path, server, points, destination, back):
    """Nothing is deleted by age then, nothing comes again; and when it is right once more, all goes
    on as usual."""
    pop = server(tls="off", pipelining=True)
    scene = Scene(binary, tmp_path / "scene", pop, destination, "14 days")
    scene.fresh()
    popfetch = scene.popfetch

    def run(days):
        result = popfetch("work", env=clock(popfetch, days))
        assert result.status == 0, result
        points(1)

    run(0)
    assert len(scene.delivered()) == 3
    run(13)
    assert len(pop.left()) == 3
    run(13 - back)
    scene.wires = scene.wires + [mail("new"), mail("newer")]
    for wire in scene.wires[3:]:
        pop.add(wire)
    run(13 - back)
    assert same(scene.delivered(), scene.wires) and len(pop.left()) == 5
    run(13 - back + 0.5)
    assert len(pop.left()) == 5
    if back < 14:
        run(13)
        run(15)
        run(16)
        assert len(pop.left()) == 2, "the first three are older than 14 days"
    run(30)
    assert len(pop.left()) == (0 if back < 14 else 5), "a leap of 416 days deletes nothing by age"
    run(31)
    assert len(pop.left()) == (0 if back < 14 else 2), "fetched before this release was made"
    run(46)
    assert same(scene.delivered(), scene.wires) and pop.left() == []


def test_a_clock_behind_that_of_the_last_run_deletes_nothing(popfetch, server, points):
    pop = server([mail("one"), mail("two")], tls="off")
    popfetch.account(server=pop, keep="14 days")
    assert popfetch(env=clock(popfetch, 0)).status == 0
    assert popfetch(env=clock(popfetch, 13.9)).status == 0
    popfetch.age(20 * 86400)  # they would be due now
    assert popfetch(env=clock(popfetch, 12.9)).status == 0
    assert len(pop.left()) == 2, "the clock is behind"
    assert popfetch(env=clock(popfetch, 14)).status == 0
    assert len(pop.left()) == 2, "the clock may have been put right"
    assert popfetch(env=clock(popfetch, 15.1)).status == 0
    assert pop.left() == []
    assert len(popfetch.maildir()) == 2
    points(5)


@pytest.mark.parametrize("days", [(200, 200, 0), (-200, 0, 0), (0, 200, 0)])
def test_a_clock_that_was_wrong_makes_nothing_known_forgotten(popfetch, server, points, days):
    """180 days of absence are days, not jumps."""
    pop = server([mail("one"), mail("two")], tls="off")
    everything = list(pop.mailbox.messages)
    popfetch.account(server=pop, keep="forever")
    assert popfetch(env=clock(popfetch, 0)).status == 0
    for place, day in enumerate(days):
        pop.mailbox.messages[:] = everything[: 2 if place == 2 else 1]
        assert popfetch(env=clock(popfetch, day)).status == 0
        points(1)
    assert same(popfetch.maildir(), [message.wire for message in everything])


def test_a_clock_that_stands_still_makes_no_name_twice(popfetch, server, points):
    libraries = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not libraries:
        pytest.skip("no libfaketime here (Debian: faketime)")
    still = {
        "LD_PRELOAD": libraries[0],
        "FAKETIME": "2026-03-01 12:00:00",
        "DONT_FAKE_MONOTONIC": "1",
        "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
    }
    pop = server(tls="off", pipelining=True)
    wires = []
    popfetch.account(server=pop, keep="no")
    for round_ in range(4):
        wires += [pop.add(mail(f"{round_} {number}")).wire for number in range(30)]
        assert popfetch(env=still).status == 0
        points(1)
    assert same(popfetch.maildir(), wires)


# Signals.


class Watch:
    """Sends a signal to a run when the server gets a command."""

    at = 0.0

    def __init__(self, scene, command, action):
        self.scene, self.action, self.process = scene, action, None
        self.done = threading.Event()
        scene.pop.on(command, self.act, nth=1)

    def act(self, session, line):
        self.action(wait_until(lambda: self.process))
        self.at = time.monotonic()
        self.done.set()
        wait_until(lambda: is_at_rest(self.process))  # it has noticed it before the reply
        session.obey(line)

    def start(self):
        self.process = self.scene.popfetch.start()
        return self.process


SIGNALS = {
    "TERM": lambda process: process.send_signal(signal.SIGTERM),
    "^C": lambda process: os.killpg(process.pid, signal.SIGINT),
    "HUP": lambda process: process.send_signal(signal.SIGHUP),
}
COMMANDS = ["GREETING", "CAPA", "AUTH", "STAT", "UIDL", "RETR 1", "RETR 20", "RETR 40"]
COMMANDS += ["DELE 1", "DELE 20", "DELE 40", "QUIT"]


@pytest.mark.parametrize("what", SIGNALS)
@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "one at a time"])
def test_a_signal_commits_what_is_complete_and_says_how_far_it_came(
    binary, tmp_path, server, points, what, destination, pipelining
):
    pop = server(tls="off", pipelining=pipelining)
    wires = [mail(str(number), "text\n" * number) for number in range(40)]
    scene = Scene(binary, tmp_path / "scene", pop, destination, "no", wires=wires)
    for command in COMMANDS:
        scene.fresh()
        watch = Watch(scene, command, SIGNALS[what])
        result = scene.popfetch.finish(watch.start())
        in_time = time.monotonic() - watch.at < 5  # what is on its way is waited for so long
        assert watch.done.is_set(), command
        pop.settle()
        at = f"{command}\n{result}"
        assert not processes_of(scene.popfetch), at
        scene.check_nothing_wrong(result)
        delivered = len(scene.delivered())
        assert result.status in (0, os.EX_TEMPFAIL), at
        if result.status == 0:
            assert delivered == len(wires) and not result.errors, at
        else:
            assert len(result.errors) == 1, at
            words = r"stopped by a signal(?:: (\d+) of 40 messages fetched)?"
            said = re.search(words, result.stderr)
            assert said, at
            assert int(said[1] or 0) == delivered, at
        in_session = "DELE" in command or "RETR" in command
        if in_session and result.status and in_time:
            assert delivered + len(pop.left()) == len(wires), f"DELE and QUIT are sent\n{at}"
        assert command not in COMMANDS[:5] or delivered == 0, at
        scene.finish()
        points(1)


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_a_second_signal_ends_at_once_and_is_as_safe(
    binary, tmp_path, server, points, destination
):
    pop = server(tls="off")
    scene = Scene(binary, tmp_path / "scene", pop, destination, "no")
    for command in ["CAPA", "STAT", "RETR 1", "RETR 2", "DELE 1", "DELE 3", "QUIT"]:
        scene.fresh()
        hanging = threading.Event()
        pop.on(command, lambda session, line, is_met=hanging: (is_met.set(), hang(session, line)))
        process = scene.popfetch.start()
        wait_until(hanging.is_set, process)
        for _ in range(2):
            stop(process, signal.SIGINT)
        assert not members(process.pid), f"{command}: it waits for nobody"
        result = scene.popfetch.finish(process)
        assert result.status != 0, f"{command}: {result}"
        nobody_stays(scene.popfetch)
        scene.check_nothing_wrong(result)
        pop.forgive()
        scene.finish(doubtful=1)  # with an MDA: it is killed with its message in hand
        points(1)


def slow_mda(scene):
    """An MDA that takes its time over the second message, with a child of its own that sleeps."""
    return scene.popfetch.script(
        'f="$HOME/delivered/$POPFETCH_DELIVERY_ID.$$"; cat > "$HOME/coming.$$"\n'
        'if [ -e "$HOME/one" ] && [ ! -e "$HOME/slow" ]; then\n'
        '  : > "$HOME/slow"; sleep 60 & wait\n'
        'fi\n'
        ': > "$HOME/one"; mv "$HOME/coming.$$" "$f"',
        "slow",
    )


def sleepers(scene):
    return [pid for pid, words in processes_of(scene.popfetch) if words.startswith(b"sleep")]


def wake(scene):
    """An MDA that was not ended goes on."""
    for pid in sleepers(scene):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_run_that_is_stopped_while_an_mda_works(binary, tmp_path, server, points):
    """The MDA may end its work, or is ended; in any case none is left."""
    pop = server(tls="off")
    scene = Scene(binary, tmp_path / "scene", pop, "mda", "no")
    for number in (1, 2):
        scene.fresh()
        for name in ("one", "slow"):
            (scene.home / name).unlink(missing_ok=True)
        scene.popfetch.accounts["work"]["mda"] = slow_mda(scene)
        process = scene.popfetch.start()
        wait_until(lambda: sleepers(scene), process)
        for _ in range(number):
            stop(process)
        wake(scene)
        result = scene.popfetch.finish(process)
        assert result.status == os.EX_TEMPFAIL, result
        nobody_stays(scene.popfetch)
        scene.check_nothing_wrong(result)
        scene.popfetch.accounts["work"]["mda"] = scene._saver()
        scene.finish(doubtful=1)
        points(1)


@pytest.mark.parametrize(
    "command", ["GREETING", "CAPA", "AUTH", "STAT", "RETR 2", "DELE 2", "QUIT"]
)
@pytest.mark.parametrize("destination", DESTINATIONS)
def test_a_parent_that_is_killed_takes_its_children_with_it(
    binary, tmp_path, server, points, destination, command
):
    pop = server(tls="off")
    scene = Scene(binary, tmp_path / "scene", pop, destination, "no")
    scene.fresh()
    pop.on(command, hang)
    process = scene.popfetch.start()
    name = command.replace("GREETING", "")
    wait_until(lambda: pop.connections and any(c.startswith(name) for c in pop.commands() + [""]))
    assert len(processes_of(scene.popfetch)) >= 2
    os.kill(process.pid, signal.SIGKILL)  # it alone, not its group
    result = scene.popfetch.finish(process)
    nobody_stays(scene.popfetch)
    scene.check_nothing_wrong(result)
    pop.forgive()
    scene.finish(doubtful=1)
    points(1)


@pytest.mark.parametrize("victim", ["parent", "keeper", "courier"])
def test_whoever_is_killed_while_an_mda_works_nobody_of_us_stays_behind(
    binary, tmp_path, server, points, victim
):
    """The MDA itself may end what it has begun: it has the whole message."""
    pop = server(tls="off")
    scene = Scene(binary, tmp_path / "scene", pop, "mda", "no")
    scene.popfetch.accounts["work"]["mda"] = slow_mda(scene)
    scene.fresh()
    process = scene.popfetch.start()
    wait_until(lambda: sleepers(scene), process)
    [keeper] = children(process.pid)
    [courier] = set(children(keeper)) & set(members(process.pid))
    os.kill({"parent": process.pid, "keeper": keeper, "courier": courier}[victim], signal.SIGKILL)
    if victim != "courier":
        process.wait(20)
        nobody_stays(scene.popfetch, programs=False)
    wake(scene)
    result = scene.popfetch.finish(process)
    nobody_stays(scene.popfetch)
    scene.check_nothing_wrong(result)
    scene.popfetch.accounts["work"]["mda"] = scene._saver()
    scene.finish(doubtful=1)
    points(1)


def test_a_parent_killed_while_a_lock_is_waited_for(binary, tmp_path, server, points):
    pop = server(tls="off")
    scene = Scene(binary, tmp_path / "scene", pop, "mbox", "no")
    scene.fresh()
    (scene.home / "mbox").touch(mode=0o600)
    with open(scene.home / "mbox", "r+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        process = scene.popfetch.start()
        wait_until(lambda: "RETR 3" in pop.commands() and pop.last.idle, process)
        wait_until(lambda: is_at_rest(process), process)
        os.kill(process.pid, signal.SIGKILL)
        scene.popfetch.finish(process)
        nobody_stays(scene.popfetch)
    scene.finish()
    points(1)
