# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""States that earlier versions left, killed in the middle too, are taken over: nothing is fetched
again, nothing is forgotten. What a newer version left is not touched.

The states stand in tests/upgrade: make_states.py says how they came to be, states.py how they get
here. POPFETCH_OLD may name a program of an earlier version (make old-popfetch), which then takes
part."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from popactions import close, say
from popmail import local, mail
from runner import same

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "upgrade"), str(TESTS / "faults")]

from states import DAY, HOUR, Archive, build_library, wire_of  # noqa: E402

ARCHIVES = [Archive(path) for path in sorted((TESTS / "upgrade").glob("*.tar.xz"))]
STATES = [(archive, scene) for archive in ARCHIVES for scene in archive.names]
OLD = os.environ.get("POPFETCH_OLD")
PROGRAMS = ["this program", *(["an older one"] if OLD else [])]
POINTS = 12  # at which a run is killed while it takes a state over, and some more behind that


def every(*scenes):
    """The test is about these scenes (or all of them) of every version."""
    found = [(a, name) for a, name in STATES if name in scenes or not scenes]
    return pytest.mark.parametrize("state", found, ids=[f"{name}-{a.name}" for a, name in found])


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    directory = tmp_path_factory.getbasetemp()
    directory = directory.parent if os.environ.get("PYTEST_XDIST_WORKER") else directory
    return build_library(directory)


@pytest.fixture
def unpack(binary, tmp_path, library):
    """A home of that time, an hour later, and its server."""
    homes = []

    def make(state):
        archive, scene = state
        place = tmp_path / f"{scene}-{len(homes)}"
        homes.append(archive.unpack(scene, place, binary, library))
        homes[-1].serve_again()
        homes[-1].now += HOUR
        return homes[-1]

    yield make
    for home in homes:
        home.end()


def run(home, *arguments, status=0):
    """`status` may be a tuple of those that are right."""
    result = home(*arguments)
    assert result.status in (status if isinstance(status, tuple) else (status,)), result
    return result


def status(home):
    """What --status says: {heading: word}, and the LAST ERROR, which once had a heading too."""
    result = run(home, "--status", status=(0, 1))
    lines = result.stdout.splitlines()
    shown = dict(zip(*(columns(line) for line in lines[:2]), strict=True))
    shown["LAST ERROR"] = "".join(lines[2:]) or "-"
    assert result.status == 0 or shown["LAST ERROR"] != "-", result
    return shown


def columns(line):
    return [word.strip() for word in line.split("  ") if word.strip()]


def aside(home):
    """The line of the one message set aside."""
    text = run(home, "--status", "-v", status=(0, 1)).stdout.replace("\n        ", " ")
    [line] = [line for line in text.splitlines() if line.startswith("    uid ")]
    return line


def change(home, old, new):
    """In the configuration."""
    text = home.configuration.read_text()
    assert old in text
    home.write(text.replace(old, new))


def due(home):
    """What is to be delivered in the end, as often as it should."""
    found = [m for m in home.story["messages"] if not m["waits"] for _ in range(m["copies"])]
    return [wire_of(message) for message in found]


def check(home, new=()):
    """That has come, and nothing else; and what must be is still on the server."""
    assert same(home.messages(), due(home) + list(new))
    messages = home.story["messages"]
    left = [message["uid"] for message in messages if message["served"] and message["stays"]]
    assert home.pop.left() == left + ["new"] * (len(new) if home.story["keeps"] else 0)
    assert home.staged() == []
    assert all(name.endswith((".db", ".db-wal", ".lock")) for name in os.listdir(home.state_dir))
    assert not list(home.home.glob("*.lock"))


def take_over(home):
    """Two runs, and a new message."""
    new = home.pop.add(mail("new"), "new").wire
    for _ in range(2):
        run(home)
        check(home, [new])


# Taking over.


@every()
def test_looking_at_a_state_changes_no_byte_of_it_and_shows_what_was_shown_then(unpack, state):
    home = unpack(state)
    before, then = home.files(), home.story["status"]
    run(home, "-n")
    shown = status(home)
    assert home.files() == before
    for head in ("FETCHED", "KEPT", "ASIDE"):
        assert shown[head] == then[head], shown
    for head in ("LAST SUCCESS", "NEXT TRY", "LAST ERROR"):
        assert (shown[head] in ("-", "never")) == (then[head] in ("-", "never")), shown


@every("ages", "published_in_part", "long_log")
@pytest.mark.parametrize("look", ["--check", "-n --all", "--status -v"])
def test_no_other_look_changes_a_byte_either(unpack, state, look):
    home = unpack(state)
    home.pop.add(mail("new"), "new")
    before = home.files()
    result = run(home, *look.split(), status=(0, 1) if "--status" in look else 0)
    assert home.files() == before, result


@every()
def test_a_state_is_taken_over(unpack, state):
    home = unpack(state)
    take_over(home)
    waiting = [message["waits"] for message in home.story["messages"] if message["waits"]]
    shown = status(home)
    assert shown["ASIDE"] == str(waiting.count("aside")), shown
    assert shown["KEPT"] == str(len(home.pop.left()) - len(waiting)), shown


@every("ages", "published_in_part_and_kept")
def test_a_run_that_is_killed_while_it_takes_a_state_over_leaves_it_to_the_next(unpack, state):
    numbers = [
        call.number
        for call in unpack(state).calls()
        if "/.local/state/popfetch/" in call.path and call.kind in ("write", "truncate")
    ]
    first, rest = numbers[:POINTS], numbers[POINTS:]
    for number in first + rest[:: len(rest) // 3 + 1]:
        home = unpack(state)
        home.die(number)
        run(home)
        check(home)


@every("published_in_part", "ages")
def test_a_state_may_be_caught_up_first(unpack, state):
    home = unpack(state)
    home.pop.add(mail("skipped"), "new")
    run(home, "--catch-up", "work")
    for _ in range(2):
        assert same(home.messages(), due(home))
        home.now += HOUR
        run(home)


# What is on record.


@every("plain", "again_cleaned")
def test_what_is_known_of_a_server_and_its_messages_is_not_asked_again(unpack, state):
    home = unpack(state)
    run(home)
    words = [command.split()[0] for command in home.pop.last.commands]
    assert "UIDL" in words and not {"CAPA", "LIST", "TOP", "RETR"} & set(words)


@every("plain", "again_cleaned")
def test_another_message_under_a_known_uid_is_not_taken_for_it(unpack, state):
    home = unpack(state)
    before = home.messages()
    message = home.pop.mailbox.messages[0]
    message.wire = message.wire.replace(b"Subject: ", b"Subject; ")
    change(home, "'forever'", "'no'")
    for _ in range(2):
        run(home)
    assert sorted(home.messages()) == sorted(before + [local(message.wire)])
    assert home.pop.left() == []


@every("ages")
def test_a_copy_of_what_dele_was_sent_for_is_delivered(unpack, state):
    """One's own, and that of a mailing list, under one uid and header."""
    home = unpack(state)
    copy = home.pop.mailbox.messages[0]
    copy.wire += b"-- \r\nTo leave the list ...\r\n"
    copy.size = len(copy.wire)
    run(home)
    assert local(copy.wire) in home.messages()


@every("ages")
def test_what_was_gone_is_not_counted_as_kept(unpack, state):
    home = unpack(state)
    run(home, "--retry", "work")  # changes the state without a look at the server
    assert status(home)["KEPT"] == home.story["status"]["KEPT"]


@every("plain")
def test_a_maildir_that_had_mail_and_is_gone_is_not_made(unpack, state):
    home = unpack(state)
    (home.home / "Maildir").rename(home.home / "elsewhere")
    run(home, status=os.EX_CANTCREAT)
    assert not (home.home / "Maildir").exists() and home.pop.connections == []


@every("mbox_written")
def test_an_mbox_that_had_mail_and_is_gone_is_not_made(unpack, state):
    home = unpack(state)
    run(home)
    (home.home / "mbox").unlink()
    run(home, status=os.EX_CANTCREAT)
    assert not (home.home / "mbox").exists()


@every("ages")
def test_what_was_set_aside_is_tried_at_its_time_and_not_before(unpack, state):
    home = unpack(state)
    [bad] = [message for message in home.story["messages"] if message["waits"] == "aside"]
    assert "failed 3 times, next try in 3 hours" in aside(home)
    home.pop.on("RETR", say(b"-ERR still broken\r\n"))
    run(home)
    assert "failed 3 times" in aside(home) and "it is broken" in aside(home)
    home.now += 3 * HOUR
    run(home, status=os.EX_TEMPFAIL)
    assert "failed 4 times" in aside(home) and "still broken" in aside(home)
    home.pop.forgive()
    home.now += 7 * DAY
    run(home)
    assert local(wire_of(bad)) in home.messages()


@every("ages")
def test_what_was_set_aside_may_be_retried_at_once(unpack, state):
    home = unpack(state)
    [bad] = [message for message in home.story["messages"] if message["waits"] == "aside"]
    run(home, "--retry", "work")
    run(home)
    assert local(wire_of(bad)) in home.messages()
    assert status(home)["ASIDE"] == "0"


@every("aside_cleaned")
def test_what_was_in_hand_again_is_set_aside_as_before(unpack, state):
    home = unpack(state)
    run(home)
    assert "failed 2 times, next try in 58 minutes" in aside(home)


@every("ages", "large_cleaned")
def test_what_was_too_large_comes_when_it_may(unpack, state):
    home = unpack(state)
    [large] = [message for message in home.story["messages"] if message["waits"] == "large"]
    assert "large" not in run(home).output
    change(home, "4 KiB", "1 MiB")
    run(home)
    assert local(wire_of(large)) in home.messages()


@every("ages")
def test_what_was_gone_and_is_back_is_known(unpack, state):
    home = unpack(state)
    [gone] = [message for message in home.story["messages"] if not message["served"]]
    before = home.messages()
    home.pop.add(wire_of(gone), gone["uid"])
    home.now -= HOUR
    run(home)
    assert sorted(home.messages()) == sorted(before)


@every("ages")
def test_the_time_of_the_last_run_is_known(unpack, state):
    home = unpack(state)
    left = home.pop.left()
    home.now -= 2 * HOUR
    run(home)
    assert home.pop.left() == left, "the clock is behind"


@every("caught_up", "caught_up_without_top")
def test_what_was_caught_up_never_comes(unpack, state):
    home = unpack(state)
    for _ in range(3):
        home.now += 10 * DAY
        run(home)
        assert home.messages() == []


@every("mda_in_hand")
def test_what_an_mda_had_in_hand_comes_again_under_the_same_id(unpack, state):
    home = unpack(state)
    take_over(home)
    names = sorted(file.name for file in (home.home / "delivered").iterdir())
    ids = [name.split("-", 1)[1] for name in names]
    assert ids[1] in ids[2:] and len(set(ids)) == len(ids) - 1, names


@every("refused")
def test_a_refused_login_is_remembered(unpack, state):
    home = unpack(state)
    assert "login refused" in status(home)["LAST ERROR"]
    run(home)
    assert status(home)["LAST ERROR"] == "-"


@every("folded")
def test_failures_are_counted_on(unpack, state):
    home = unpack(state)
    home.pop.on("GREETING", close)
    assert run(home, status=os.EX_TEMPFAIL).output == ""
    assert len(run(home, status=os.EX_TEMPFAIL).errors) == 1


# Newer and older programs.


def raise_version(path):
    """As a newer program does: the version in the database itself."""
    connection = sqlite3.connect(path)
    [(version,)] = connection.execute("pragma user_version")
    connection.execute(f"pragma user_version = {version + 1}")
    connection.commit()
    connection.close()


def raise_version_in_the_log(path):
    """The same, killed before its log was copied into the database."""
    script = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        " [(version,)] = c.execute('pragma user_version');"
        " c.execute(f'pragma user_version = {version + 1}'); c.commit(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, path], check=True)
    path.with_name(path.name + "-shm").unlink()
    assert path.with_name(path.name + "-wal").stat().st_size > 0


def raise_version_and_be_killed(path):
    """And with the lock's mark left behind."""
    raise_version_in_the_log(path)
    os.truncate(path.with_suffix(".lock"), 1)


COMMANDS = [
    [],
    ["-v", "work"],
    ["-n"],
    ["--check"],
    ["--all"],
    ["--catch-up", "work"],
    ["--retry", "work"],
    ["--status"],
    ["--status", "-v"],
]


def files(popfetch):
    return {
        path: path.read_bytes() if path.is_file() else None for path in popfetch.home.rglob("*")
    }


def refuses(popfetch, pop):
    before, connections = files(popfetch), len(pop.connections)
    for arguments in COMMANDS:
        result = popfetch(*arguments)
        assert result.status == os.EX_DATAERR, result
        [line] = result.errors
        assert line.startswith("popfetch: work: state database '"), result
        assert ".db' was made by a newer popfetch" in line, result
        assert files(popfetch) == before, arguments
    assert len(pop.connections) == connections


@pytest.mark.parametrize(
    "raised", [raise_version, raise_version_in_the_log, raise_version_and_be_killed]
)
def test_a_state_of_a_newer_program_is_left_alone(popfetch, server, raised):
    pop = server([mail("one"), mail("two")], tls="off")
    popfetch.account(server=pop, keep="forever")
    run(popfetch)
    raised(popfetch.databases()[0])
    pop.add(mail("three"))
    popfetch.accounts["work"]["keep"] = "no"
    popfetch._prepare()
    refuses(popfetch, pop)


def version_of(popfetch):
    return popfetch.sql("pragma user_version")[0][0]


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_older_program_works_on_or_leaves_the_state_of_this_one(
    popfetch, server, binary, program
):
    pop = server([mail("one"), mail("two")], tls="off")
    popfetch.account(server=pop)
    popfetch.binary = str(binary) if program == "this program" else OLD
    run(popfetch)
    before = version_of(popfetch)
    popfetch.binary = str(binary)
    pop.add(mail("three"))
    run(popfetch)
    assert version_of(popfetch) >= before
    is_newer = version_of(popfetch) > before
    popfetch.binary = str(binary) if program == "this program" else OLD
    pop.add(mail("four"))
    if is_newer:
        refuses(popfetch, pop)
        popfetch.binary = str(binary)
    run(popfetch)
    assert same(popfetch.maildir(), pop.wires())


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_pause_after_a_refused_login_outlives_an_upgrade(popfetch, server, binary, program):
    pop = server([mail("one")], users={"jane": "other"}, tls="off")
    popfetch.account(server=pop)
    popfetch.binary = str(binary) if program == "this program" else OLD
    run(popfetch, status=os.EX_NOPERM)
    popfetch.binary = str(binary)
    connections = len(pop.connections)
    run(popfetch, status=os.EX_NOPERM)
    assert len(pop.connections) == connections
