# SPDX-License-Identifier: GPL-3.0-or-later
"""What --status tells of accounts, and what --retry changes."""

import os

import pytest

from popactions import say
from popmail import mail
from runner import same


def row(result, account="work"):
    """The words of an account's line under the heading."""
    lines = [line for line in result.stdout.splitlines() if line.startswith(account)]
    assert len(lines) == 1, result
    return lines[0]


def test_an_account_that_never_ran_is_shown_and_nothing_is_made(popfetch, server):
    pop = server([mail("one")])
    result = popfetch.account(server=pop)("--status")
    assert result.status == 0 and result.stderr == "", result
    assert result.stdout.startswith("ACCOUNT") and "never" in row(result)
    assert not popfetch.state_dir.exists() and pop.connections == []


def test_success_and_counts_are_shown_without_the_network(popfetch, server):
    pop = server([mail("one"), mail("two"), mail("three")])
    assert popfetch.account(server=pop)().status == 0
    connections = len(pop.connections)
    result = popfetch("--status")
    assert result.status == 0, result
    assert " ago" in row(result) and row(result).split()[-5:-2].count("3") >= 1, result
    assert len(pop.connections) == connections


def test_the_last_error_is_shown_until_a_run_is_well(popfetch, server):
    pop = server([mail("one")]).on("PASS", say(b"-ERR [IN-USE] busy\r\n"))
    pop.on("AUTH", say(b"-ERR [IN-USE] busy\r\n"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    assert "busy" in row(popfetch("--status"))
    pop.forgive()
    assert popfetch().status == 0
    assert "busy" not in row(popfetch("--status"))


def test_messages_set_aside_are_counted_and_listed_and_retried(popfetch, server):
    pop = server([mail("one"), mail("two")]).on("RETR 1", say(b"-ERR it is broken\r\n"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    pop.forgive()
    assert popfetch().status == 0 and len(popfetch.maildir()) == 1
    assert "it is broken" not in popfetch("--status", "work").stdout.splitlines()[1]
    listed = popfetch("--status", "-v")
    assert "uid-000001" in listed.stdout and "it is broken" in listed.stdout, listed
    result = popfetch("--retry", "work")
    assert result.status == 0 and result.output == "", result
    assert len(popfetch.maildir()) == 1
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_retry_lets_a_refused_login_be_tried_again(popfetch, server):
    pop = server([mail("one")], users={"jane": "other"})
    popfetch.account(server=pop)
    assert popfetch().status == os.EX_NOPERM
    logins = len(pop.all_commands("AUTH") + pop.all_commands("PASS"))
    assert popfetch().status == os.EX_NOPERM
    assert len(pop.all_commands("AUTH") + pop.all_commands("PASS")) == logins
    assert popfetch("--retry", "work").status == 0
    assert popfetch().status == os.EX_NOPERM
    assert len(pop.all_commands("AUTH") + pop.all_commands("PASS")) > logins


def test_an_account_that_is_being_fetched_is_shown_as_such(popfetch, server):
    pop = server([mail("one")])
    waiting = []

    def look(session, line):
        waiting.append(popfetch("--status"))
        session.close()

    pop.on("UIDL", look)
    popfetch.account(server=pop)()
    assert "is being fetched" in row(waiting[0]) and waiting[0].status == 0


@pytest.mark.parametrize(
    "arguments", [["--retry"], ["--status", "-n"], ["--retry", "--status", "work"]]
)
def test_wrong_combinations_are_usage_errors(popfetch, server, arguments):
    assert popfetch.account(server=server([]))(*arguments).status == os.EX_USAGE
