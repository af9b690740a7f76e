# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What people hear of the programs that popfetch runs for them: password_command."""

import os

import pytest

from popmail import mail
from popserver import PASSWORD
from runner import same
from test_terminal import is_left, pictures

HINT = " (it has no terminal here: an agent must hold the key)"
FAILS = "echo gpg: no pinentry >&2; echo gpg: decryption failed: No secret key >&2; exit 2"


def teller(popfetch, pop, script, **options):
    return popfetch.account(
        server=pop, password_command=popfetch.script(script, "teller"), **options
    )


def test_the_words_of_a_password_command_are_part_of_its_error(popfetch, server):
    teller(popfetch, server([mail("one")]), FAILS)
    for _ in range(2):
        result = popfetch()
        assert result.status == os.EX_TEMPFAIL and result.output == "", result
    result = popfetch()
    [line] = result.errors
    assert line.startswith("popfetch: work: password_command: '/"), line
    assert line.endswith("teller' failed (status 2): gpg: decryption failed: No secret key" + HINT)
    assert "decryption failed" in popfetch("--status").stdout.replace("\n        ", " ")


@pytest.mark.parametrize("how", ["-v", "terminal"])
def test_who_looks_sees_each_line_at_once_beside_the_accounts_name(popfetch, server, how):
    teller(popfetch, server([mail("one")]), FAILS)
    if how == "-v":
        lines = popfetch("-v").errors
    else:
        lines = popfetch.on_terminal().stdout.replace("\r", "").splitlines()
    assert lines[0] == "popfetch: work: password_command: gpg: no pinentry", lines
    assert lines[1].startswith("popfetch: work: password_command: gpg: decryption failed"), lines
    assert lines[2].endswith("No secret key" + HINT) and len(lines) == 3, lines


def test_what_a_password_command_says_is_not_drawn_over_a_bar(popfetch, server):
    pop = server([mail("one")])
    teller(popfetch, pop, f"sleep 0.5; echo touch the key >&2; sleep 0.5; echo '{PASSWORD}'")
    result = popfetch.on_terminal("-v", columns=80)
    assert result.status == 0 and same(popfetch.maildir(), pop.wires()), result
    shown, screen = pictures(result, 80)
    assert any("work  asking for the password" in lines for _, lines in shown), shown
    assert screen.lines[0] == "popfetch: work: password_command: touch the key", screen.lines
    assert is_left(screen.lines) and not any("asking" in line for line in screen.lines)


def test_a_password_command_that_succeeds_says_nothing_off_a_terminal(popfetch, server):
    pop = server([mail("one")])
    teller(popfetch, pop, f"echo gpg: warning: unsafe >&2; echo '{PASSWORD}'")
    result = popfetch()
    assert result.status == 0 and result.output == "", result
    assert "popfetch: work: password_command: gpg: warning: unsafe" in popfetch("-v").errors


def test_its_lines_are_made_safe_and_bounded(popfetch, server):
    script = "printf '\\033[2J\\n' >&2; head -c 5000 /dev/zero | tr '\\0' x >&2; echo >&2;"
    teller(popfetch, server([]), script + "yes 2>/dev/null | head -n 100000 >&2; exit 1")
    result = popfetch("-v")
    assert "password_command: \\x1b[2J" in result.stderr and "\x1b" not in result.stderr, result
    assert len(result.errors) == 101 and max(map(len, result.errors)) < 1100, result


def test_a_secret_that_it_shows_gets_into_no_error(popfetch, server):
    teller(popfetch, server([]), f"echo {PASSWORD}; echo + echo {PASSWORD} >&2; exit 1")
    popfetch.set(log=popfetch.home / "log")
    popfetch.accounts["work"]["notice_after"] = "1 failures"
    result = popfetch()
    assert result.status == os.EX_TEMPFAIL, result
    for text in result.output, (popfetch.home / "log").read_text(), popfetch("--status").stdout:
        assert "failed (status 1)" in text.replace("\n        ", " ") and PASSWORD not in text, text


@pytest.fixture
def child(popfetch):
    """The end of a script that leaves a child behind, which holds all its streams until the test
    is over."""
    file = popfetch.directory / "the test lasts"
    file.touch()
    yield f"while test -e '{file}'; do sleep 0.1; done & exit"
    file.unlink()


def test_a_child_that_a_password_command_leaves_behind_holds_nobody_up(popfetch, server, child):
    pop = server([mail("one")])
    teller(popfetch, pop, f"echo '{PASSWORD}'; {child} 0")
    result = popfetch()
    assert result.status == 0 and result.seconds < 10, result
    assert same(popfetch.maildir(), pop.wires())


def test_one_that_fails_and_leaves_a_child_behind_is_told_at_once(popfetch, server, child):
    teller(popfetch, server([]), f"echo locked >&2; {child} 1")
    result = popfetch("-v")
    assert result.status == os.EX_TEMPFAIL and result.seconds < 10, result
    assert "failed (status 1): locked" in result.stderr, result


@pytest.mark.parametrize(
    "script", ["exit 1", "cat '~/pw'", "echo gpg: decryption failed: No secret key >&2; exit 2"]
)
def test_a_cause_that_is_none_is_not_named(popfetch, server, script):
    teller(popfetch, server([]), script)
    result = popfetch("-v")
    assert result.status == os.EX_TEMPFAIL and "terminal" not in result.stderr, result


def test_the_limit_of_a_password_command_is_named(popfetch, server):
    teller(popfetch, server([]), "sleep 60", session_timeout="1 second")
    result = popfetch("-v")
    assert result.status == os.EX_TEMPFAIL, result
    assert result.stderr.endswith("' took too long; session_timeout is over\n"), result


def test_a_password_command_has_no_terminal(popfetch, server):
    teller(popfetch, server([]), "exec </dev/tty")
    result = popfetch.on_terminal()
    assert result.status == os.EX_TEMPFAIL and "/dev/tty" in result.stdout, result
    assert HINT in result.stdout, result
