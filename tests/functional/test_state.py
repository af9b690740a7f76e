# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The state database of a mailbox: where it is, what it survives, what makes it untrusted."""

import os
import random
import shutil
import sqlite3
import stat
import time

from popmail import mail
from runner import same


def damaged(popfetch, server, change):
    """A run against a state that `change` spoiled: 65, nothing fetched, the file as it was."""
    pop = server([mail("one")])
    popfetch.account(server=pop, keep="no")
    popfetch.accounts["work"]["keep"] = "forever"
    assert popfetch().status == 0
    [path] = popfetch.databases()
    change(path)
    before = {file: file.read_bytes() for file in popfetch.state_dir.iterdir()}
    connections = len(pop.connections)
    popfetch.accounts["work"]["keep"] = "no"
    pop.add(mail("two"))
    result = popfetch()
    assert result.status == os.EX_DATAERR, result
    assert result.stderr.startswith("popfetch: work: ") and path.name in result.stderr, result
    assert {
        file: file.read_bytes() for file in popfetch.state_dir.iterdir() if file in before
    } == before
    assert len(pop.left()) == 2 and len(pop.connections) == connections
    assert len(popfetch.maildir()) == 1
    return result


def without_wal(path):
    """All in one file, as if the last run had tidied up."""
    connection = sqlite3.connect(path)
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.execute("pragma journal_mode = delete")
    connection.close()


def test_a_file_that_is_no_database(popfetch, server):
    def change(path):
        without_wal(path)
        path.write_bytes(b"These are my notes, not a database. " * 1000)

    damaged(popfetch, server, change)


def test_a_truncated_database(popfetch, server):
    def change(path):
        without_wal(path)
        path.write_bytes(path.read_bytes()[: 4096 + 100])

    damaged(popfetch, server, change)


def test_an_empty_database_beside_a_log_that_is_not(popfetch, server):
    def change(path):
        os.truncate(path, 0)

    assert "its '-wal' file is not" in damaged(popfetch, server, change).stderr


def test_a_garbled_database(popfetch, server):
    def change(path):
        without_wal(path)
        content = bytearray(path.read_bytes())
        for at in range(100, len(content)):
            content[at] ^= 0x55
        path.write_bytes(content)

    damaged(popfetch, server, change)


def test_the_database_of_another_program(popfetch, server):
    def change(path):
        path.unlink()
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        connection = sqlite3.connect(path)
        connection.executescript(
            "pragma application_id = 42; create table places (name);"
            " insert into places values ('x');"
        )
        connection.close()
        path.chmod(0o600)

    result = damaged(popfetch, server, change)
    assert "give the option 'state' another name" in result.stderr, result


def test_a_database_of_another_program_without_an_id(popfetch, server):
    def change(path):
        path.unlink()
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        connection = sqlite3.connect(path)
        connection.executescript("create table message (foo);")
        connection.close()
        path.chmod(0o600)

    damaged(popfetch, server, change)


def test_a_newer_database(popfetch, server):
    def change(path):
        without_wal(path)
        connection = sqlite3.connect(path)
        connection.execute("pragma user_version = 1000")
        connection.commit()
        connection.close()

    assert "newer" in damaged(popfetch, server, change).stderr


def test_a_directory_in_place_of_the_database(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop)
    popfetch()
    [path] = popfetch.databases()
    for file in popfetch.state_dir.glob("*.db*"):
        file.unlink()
    path.mkdir()
    result = popfetch()
    assert result.status in (os.EX_DATAERR, os.EX_CANTCREAT, os.EX_IOERR), result
    assert len(pop.connections) == 1


def test_bits_that_flip_never_delete_mail_or_crash(popfetch, server):
    pop = server([mail(str(number)) for number in range(30)])
    popfetch.account(server=pop)
    popfetch()
    [path] = popfetch.databases()
    without_wal(path)
    good, dice = path.read_bytes(), random.Random(99)
    for _ in range(25):
        content = bytearray(good)
        for _ in range(dice.choice((1, 3, 30))):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        for file in popfetch.state_dir.glob("*.db?*"):
            file.unlink()
        path.write_bytes(content)
        result = popfetch("-v")
        assert result.status in (0, os.EX_DATAERR, os.EX_TEMPFAIL, os.EX_CANTCREAT), result
    assert len(pop.left()) == 30


def test_an_empty_database_file_is_a_new_state(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop)
    popfetch("--check")
    popfetch()
    [path] = popfetch.databases()
    shutil.rmtree(popfetch.state_dir)
    popfetch.state_dir.mkdir(mode=0o700)
    path.write_bytes(b"")
    path.chmod(0o600)
    assert popfetch().status == 0
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires() * 2)


# Names and places.


def test_the_state_is_named_after_user_and_host(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop, host="LOCALHOST", user="jane", tls_server_name="localhost")
    assert popfetch().status == 0
    [path] = popfetch.databases()
    assert path.name.startswith("jane@localhost") and str(pop.port) in path.name
    assert (popfetch.state_dir / (path.name.removesuffix(".db") + ".lock")).exists()


def test_a_state_may_be_named(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop, state="jane@old.example.org")
    assert popfetch().status == 0
    assert [path.name for path in popfetch.databases()] == ["jane@old.example.org.db"]
    assert (popfetch.state_dir / "jane@old.example.org.lock").exists()


def test_a_renamed_host_keeps_its_state(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop, state="mine")
    popfetch()
    popfetch.accounts["work"]["host"] = "127.0.0.1"
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 1


def test_a_name_can_never_leave_the_state_directory(popfetch, server):
    names = ["../../evil", "/etc/x", ".", "..", ".hidden", "a/b", "ünï", "x" * 1000, "a b%c"]
    for number, name in enumerate(names):
        popfetch.account(f"a{number}", server([mail()]), state=name)
    result = popfetch()
    assert result.status == 0, result
    assert len(popfetch.databases()) == len(names)
    assert all(
        len(path.name) < 250 and not path.name.startswith(".") for path in popfetch.databases()
    )


def test_state_files_are_private(popfetch, server):
    popfetch.account(server=server([mail("one")]))
    popfetch(preexec_fn=lambda: os.umask(0), start_new_session=True)
    assert stat.S_IMODE(popfetch.state_dir.stat().st_mode) == 0o700
    for file in popfetch.state_dir.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_state_is_only_database_its_log_and_lock(popfetch, server):
    popfetch.account(server=server([mail("one")]))
    popfetch()
    [path] = popfetch.databases()
    base = path.name.removesuffix(".db")
    assert {file.name for file in popfetch.state_dir.iterdir()} <= {
        base + ".db",
        base + ".db-wal",
        base + ".lock",
    }


def test_a_state_may_be_moved_to_another_machine(popfetch, server):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop)
    popfetch()
    moved = popfetch.home / "moved"
    moved.mkdir(mode=0o700)
    for file in popfetch.state_dir.glob("*.db*"):
        shutil.copy2(file, moved / file.name)
    popfetch.set(state_dir="~/moved")
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 2


def test_a_lost_state_fetches_everything_again(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop)
    popfetch()
    shutil.rmtree(popfetch.state_dir)
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires() * 2)


def test_a_state_directory_that_cannot_be_made(popfetch, server):
    pop = server([mail("one")])
    (popfetch.home / "file").write_text("x")
    result = popfetch.set(state_dir="~/file/state").account(server=pop)()
    assert result.status in (os.EX_CANTCREAT, os.EX_IOERR), result
    assert "file" in result.stderr and pop.connections == []


def test_a_lock_file_stays_and_does_not_matter(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop)
    popfetch()
    [lock] = popfetch.state_dir.glob("*.lock")
    inode = lock.stat().st_ino
    pop.add(mail("two"))
    assert popfetch().status == 0
    assert lock.stat().st_ino == inode and len(popfetch.maildir()) == 2


def test_a_lock_held_by_somebody_leaves_the_account_alone(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop)
    popfetch()
    pop.add(mail("two"))
    with popfetch.locked():
        result = popfetch()
        assert result.status == 0 and result.output == "", result
        assert len(pop.connections) == 1
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_the_row_of_a_message_says_when_it_was_delivered(popfetch, server):
    popfetch.account(server=server([mail("one")]))
    popfetch()
    [(uid, delivered)] = popfetch.sql("select uid, delivered from message")
    assert bytes(uid) == b"uid-000001" and abs(delivered - time.time()) < 60
