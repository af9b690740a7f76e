# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""--shard K/N: which accounts are in a part, and that all else stays as it is."""

import hashlib
import os
import resource
import string

import pytest

from popactions import say
from popmail import mail
from runner import same, stop, wait_until

UNCHANGED = set(string.ascii_letters + string.digits + "@.-_+")


def part(state, count):
    """As popfetch(1) describes it."""
    name = "".join(
        chr(byte) if chr(byte) in UNCHANGED and (at or byte != ord(".")) else f"%{byte:02X}"
        for at, byte in enumerate(state.encode())
    )
    return int(hashlib.sha256(name.encode()).hexdigest()[:15], 16) % count + 1


def section(title, user, **options):
    options = {"host": "'pop.example.org'", "maildir": f"'~/mail/{title}'", **options}
    lines = [f"  {name} = {value}" for name, value in options.items()]
    return "\n".join([f"account '{title}' {{", f"  user = '{user}'", *lines, "}"]) + "\n"


def write_many(popfetch, numbers):
    return popfetch.write("".join(section(f"a{n:05d}", f"user{n}") for n in numbers))


def shown(popfetch, *arguments):
    """The accounts that --status shows."""
    result = popfetch("--status", *arguments)
    assert result.status == 0 and result.stderr == "", result
    return [line.split()[0] for line in result.stdout.splitlines()[1:]]


def parts(popfetch, count):
    return [shown(popfetch, f"--shard={k}/{count}") for k in range(1, count + 1)]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64])
def test_every_account_is_in_exactly_one_part(popfetch, count):
    write_many(popfetch, range(100))
    found = [name for names in parts(popfetch, count) for name in names]
    assert sorted(found) == [f"a{n:05d}" for n in range(100)]


def test_a_part_keeps_the_order_of_the_configuration(popfetch):
    write_many(popfetch, range(100))
    assert all(names == sorted(names) and len(names) > 1 for names in parts(popfetch, 4))


def test_accounts_that_come_and_go_move_no_other(popfetch):
    write_many(popfetch, range(100))
    before = parts(popfetch, 5)
    write_many(popfetch, [1000, *range(0, 50), 2000, *range(51, 100), 3000])
    kept = [
        [name for name in names if int(name[1:]) < 1000 and name != "a00050"]
        for names in parts(popfetch, 5)
    ]
    assert kept == [[name for name in names if name != "a00050"] for names in before]


def test_parts_are_even_within_chance(popfetch):
    write_many(popfetch, range(8000))
    sizes = [len(names) for names in parts(popfetch, 8)]
    assert sum(sizes) == 8000
    assert all(abs(size - 1000) < 5 * (8000 / 8 * 7 / 8) ** 0.5 for size in sizes), sizes


@pytest.mark.parametrize(
    "user, options, state",
    [
        ("jane", {}, "jane@pop.example.org"),
        ("jane", {"host": "'POP.Example.ORG'"}, "jane@pop.example.org"),
        ("jane", {"port": 1995}, "jane@pop.example.org:1995"),
        ("jane@example.org", {}, "jane@example.org@pop.example.org"),
        ("jürgen x/y", {}, "jürgen x/y@pop.example.org"),
        (".jane", {}, ".jane@pop.example.org"),
        ("jane", {"state": "'moved from there'"}, "moved from there"),
    ],
)
def test_the_part_can_be_computed_by_others(popfetch, user, options, state):
    for title in ("one", "another name"):  # the title does not count
        popfetch.write(section(title, user, **options))
        found = [k for k in range(1, 998) if k == part(state, 997)]
        assert len(found) == 1
        assert len(shown(popfetch, f"--shard={found[0]}/997")) == 1, found
        assert shown(popfetch, f"--shard={found[0] % 997 + 1}/997") == []


def test_the_part_can_be_told_from_a_database(popfetch, server):
    popfetch.account(server=server([mail("one")]))
    assert popfetch().status == 0
    [database] = popfetch.databases()
    digest = hashlib.sha256(database.name.removesuffix(".db").encode()).hexdigest()
    assert shown(popfetch, "--shard", f"{int(digest[:15], 16) % 9 + 1}/9") == ["work"]


def test_twice_as_many_parts_split_each_in_two(popfetch):
    write_many(popfetch, range(100))
    few, many = parts(popfetch, 3), parts(popfetch, 6)
    assert [sorted(many[k] + many[k + 3]) for k in range(3)] == few


def part_of_work(pop, count):
    return part(f"jane@localhost:{pop.port}", count)


def test_only_the_accounts_of_the_part_are_fetched(popfetch, server):
    pops = [server([mail(str(n))]) for n in range(6)]
    for number, pop in enumerate(pops):
        popfetch.account(f"a{number}", pop, maildir=popfetch.home / "Maildir")
    result = popfetch("--shard=1/3")
    assert result.status == 0 and result.output == "", result
    mine = [pop for pop in pops if part_of_work(pop, 3) == 1]
    assert same(popfetch.maildir() if mine else [], [w for pop in mine for w in pop.wires()])
    assert [bool(pop.connections) for pop in pops] == [pop in mine for pop in pops]
    for k in (2, 3):
        assert popfetch(f"--shard={k}/3").status == 0
    assert same(popfetch.maildir(), [wire for pop in pops for wire in pop.wires()])
    assert all(len(pop.connections) == 1 for pop in pops)


def test_of_accounts_named_only_those_of_the_part_are_fetched(popfetch, server):
    pop, other = server([mail("one")]), server([mail("two")])
    popfetch.account(server=pop).account("other", other)
    mine = part_of_work(pop, 2)
    result = popfetch(f"--shard={3 - mine}/2", "work")
    assert result.status == 0 and result.output == "" and pop.connections == [], result
    assert popfetch(f"--shard={mine}/2", "work").status == 0
    assert same(popfetch.maildir(), pop.wires()) and other.connections == []


def test_an_unknown_name_is_an_error_in_every_part(popfetch, server):
    popfetch.account(server=server([mail()]))
    for k in (1, 2):
        result = popfetch(f"--shard={k}/2", "nobody")
        assert result.status == os.EX_USAGE and "nobody" in result.stderr, result


def test_an_account_that_is_not_enabled_is_in_its_part_only_when_named(popfetch, server):
    pop = server([mail("one")])
    mine = part_of_work(pop, 2)
    popfetch.account(server=pop, enabled=False)
    assert popfetch(f"--shard={mine}/2").status == 0 and pop.connections == []
    assert popfetch(f"--shard={mine}/2", "work").status == 0 and len(popfetch.maildir()) == 1


def test_other_modes_keep_to_the_part(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop)
    mine, other = f"--shard={part_of_work(pop, 2)}/2", f"--shard={3 - part_of_work(pop, 2)}/2"
    assert popfetch("--check", other).status == 1 and pop.connections == []
    assert popfetch("--check", mine).status == 0
    assert popfetch("-n", other).output == ""
    assert "1" in popfetch("-n", mine).stdout
    assert popfetch.maildir() == []
    connections = len(pop.connections)
    assert popfetch("--catch-up", other).status == 0
    assert len(pop.connections) == connections
    assert popfetch("--catch-up", mine).status == 0
    assert len(pop.connections) == connections + 1


def test_retry_keeps_to_the_part(popfetch, server):
    pop = server([mail("one"), mail("two")]).on("RETR 1", say(b"-ERR it is broken\r\n"))
    popfetch.account(server=pop)
    mine = part_of_work(pop, 2)
    assert popfetch().status == os.EX_TEMPFAIL
    pop.forgive()
    assert popfetch("--retry", f"--shard={3 - mine}/2", "work").status == 0
    assert popfetch().status == 0 and len(popfetch.maildir()) == 1
    assert popfetch("--retry", f"--shard={mine}/2", "work").status == 0
    assert popfetch().status == 0 and same(popfetch.maildir(), pop.wires())


@pytest.mark.parametrize(
    "value",
    ["", "1", "/", "1/", "/2", "0/2", "3/2", "1/0", "0/0", "-1/2", "+1/2", " 1/2", "1/2 ", "1.0/2"]
    + ["1/2/3", "one/two", "0x1/2", "1/1000001", "1/18446744073709551617", "1:2"],
)
def test_a_part_that_is_none(popfetch, server, value):
    pop = server([mail()])
    result = popfetch.account(server=pop)("--shard", value)
    assert result.status == os.EX_USAGE and result.stdout == "", result
    assert len(result.errors) == 1 and "--shard" in result.stderr and "K/N" in result.stderr
    assert pop.connections == []


def test_two_parts_at_once(popfetch, server):
    result = popfetch.account(server=server([mail()]))("--shard=1/2", "--shard=2/2")
    assert result.status == os.EX_USAGE and len(result.errors) == 1, result


# Many accounts.


def test_twenty_accounts_go_side_by_side_by_default(popfetch, server):
    pop = server([mail("one")], users={f"user{n}": "secret" for n in range(20)})
    together = set()

    def meet(session, line):
        together.add(session)
        wait_until(lambda: len(together) == 20)
        session.send(session.reply(line))

    pop.on("UIDL", meet)
    for number in range(20):
        popfetch.account(f"a{number}", pop, user=f"user{number}", password="secret")
    result = popfetch()
    assert result.status == 0 and len(together) == 20, result


def test_each_of_many_accounts_logs_in_with_its_own_password(popfetch, server):
    users = {f"user{n}": f"secret-{n}" * (1 + n % 40) for n in range(60)}
    pop = server([mail("one")], users=users)
    for name, password in users.items():
        popfetch.account(name, pop, user=name, password=password)
    result = popfetch("--catch-up")
    assert result.status == 0 and result.output == "", result


def test_a_stop_says_once_how_many_accounts_had_no_turn(popfetch, server):
    pops = [server([mail(str(n))]) for n in range(4)]
    for number, pop in enumerate(pops):
        popfetch.account(f"a{number}", pop)

    pops[0].on("QUIT", lambda session, line: (stop(process), session.obey(line)))
    process = popfetch.start("-j", "1")
    result = popfetch.finish(process)
    assert result.status == os.EX_TEMPFAIL, result
    assert result.stderr.count("stopped: 3 accounts were not started") == 1, result
    assert len(result.errors) <= 2 and not any(pop.connections for pop in pops[1:])
    assert popfetch().status == 0


def test_two_accounts_of_one_name_or_one_state_are_found_among_many(popfetch):
    accounts = [section(f"a{n}", f"user{n}") for n in range(3000)]
    popfetch.write("".join([*accounts, section("a1234", "somebody")]))
    result = popfetch("--status")
    assert result.status == os.EX_CONFIG and "'a1234': appears twice" in result.stderr, result
    popfetch.write("".join([*accounts, section("other", "user77")]))
    result = popfetch("--status")
    assert result.status == os.EX_CONFIG and "'other'" in result.stderr, result
    assert "'a77'" in result.stderr


def test_a_configuration_of_many_accounts_is_read_in_linear_time(popfetch, with_sanitizers):
    def seconds(count):
        write_many(popfetch, range(count))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert popfetch("--status", "a00001").status == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    few, many = (2000, 20000) if not with_sanitizers else (500, 5000)
    small = min(seconds(few) for _ in range(3))
    assert min(seconds(many) for _ in range(2)) < 40 * small + 1, "ten times as many"
