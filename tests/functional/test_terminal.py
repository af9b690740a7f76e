# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What is seen on a terminal while a run lasts, and what is left there."""

import re
import subprocess

import pytest

from popactions import after, close, hang, say
from popmail import mail
from screen import Screen, width

WIDTHS = [60, 80, 200]
LONG = "a subject that goes on and on " * 30
SENDERS = [  # From, Subject, and how they are called
    ("Ann Example <ann@example.org>", "Minutes", "from Ann Example: Minutes"),
    ('"Example, Ann" <ann@example.org>', "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=", "from Example, Ann: Grüße"),
    ("=?iso-8859-1?b?SvxyZ2Vu?= <j@x>", "=?utf-8?b?5pel5pys6Kqe?=", "from Jürgen: 日本語"),
    ("ann@example.org", None, "from ann@example.org"),
    ("<ann@example.org>", "=?koi8-r?q?=C1?=", "from ann@example.org: =?koi8-r?q?=C1?="),
    ("a\x1b[2Jb <a@b>", "x\x1b]0;t\x07", "from a\\x1b[2Jb: x\\x1b]0;t\\x07"),
    ("=?utf-8?q?a=1B[2J?= <a@b>", "=?utf-8?q?a=0D=0Apopfetch:?=", "from a\\x1b[2J: a popfetch:"),
    ("\u202eevil <a@b>", "\udcff\udcc0", "from \\xe2\\x80\\xaeevil: \\xff\\xc0"),
    ("Ann <a@b>", LONG, "from Ann: " + LONG),
    ("Ann <a@b>", "=?utf-8?b?5pel5pys6Kqe?= " * 30, "from Ann: " + "日本語" * 30),
]
BAR = re.compile(r"(\S+)\s+(\d+)/6\s+(\d+)%\s+\d:\d\d left .*\[#*-*\]")
SUMMARY = re.compile(r"(\S+): 6 messages fetched, [\d.]+ KiB in [\d.]+ seconds")


def slow(server, seconds=0.4):
    """Six messages, each of which takes so long."""
    wires = [mail(str(number), "x" * 70 * 20 + "\n") for number in range(6)]
    return server(wires).on("RETR", after(seconds))


def pictures(result, columns):
    """What the screen showed after each write: pairs of seconds and lines; and the screen."""
    screen, shown = Screen(columns), []
    for seconds, data in result.frames:
        screen.feed(data)
        shown.append((seconds, screen.lines))
    assert screen.rest == ""
    return shown, screen


def bars(lines):
    return [match for line in lines if (match := BAR.fullmatch(line))]


def is_left(lines):
    """All that may stay: lines in full, and the cursor in an empty one behind them."""
    return lines[-1] == "" and not any(re.search(r"\[#*-*\]|%", line) for line in lines)


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("accounts", [1, 12])
def test_without_v_a_bar_appears_after_a_second_and_goes(popfetch, server, columns, accounts):
    for number in range(accounts):
        popfetch.account(f"account{number}", slow(server))
    result = popfetch.on_terminal(columns=columns)
    assert result.status == 0
    shown, screen = pictures(result, columns)
    first = min(seconds for seconds, lines in shown if any(line for line in lines))
    assert first >= 1, "nothing before"
    assert max(len(bars(lines)) for _, lines in shown) == accounts
    parts = [int(match[3]) for _, lines in shown for match in bars(lines) if match[1] == "account0"]
    assert parts == sorted(parts) and len(set(parts)) > 2, parts
    assert screen.widest < columns
    assert is_left(screen.lines), screen.lines
    names = [SUMMARY.fullmatch(line)[1] for line in screen.lines[:-1]]
    assert sorted(names) == sorted(popfetch.accounts)


@pytest.mark.parametrize("columns", WIDTHS)
def test_with_v_lines_come_above_the_bars(popfetch, server, columns):
    popfetch.account("a", slow(server)).account("b", slow(server))
    shown, screen = pictures(popfetch.on_terminal("-v", columns=columns), columns)
    assert max(len(bars(lines)) for _, lines in shown) == 2
    for _, lines in shown:
        drawn = [not re.match("[ab]: ", line) for line in lines if line]
        assert drawn == sorted(drawn), lines
    assert is_left(screen.lines), screen.lines
    assert len([line for line in screen.lines if SUMMARY.fullmatch(line)]) == 2


def test_a_bar_is_drawn_ten_times_a_second_at_most(popfetch, server):
    wires = [mail(str(number)) for number in range(300)]
    popfetch.account(server=server(wires, pipelining=False).on("RETR", after(0.005)))
    result = popfetch.on_terminal("-v", columns=80)
    drawn = len(re.findall(r"\d%", result.stdout))
    assert 2 <= drawn <= 10 * result.seconds + 3, (drawn, result.seconds)


def test_a_quick_run_has_no_bar(popfetch, server):
    result = popfetch.account(server=server([mail("one")])).on_terminal(columns=80)
    assert result.status == 0 and "\x1b" not in result.stdout, result


def test_a_server_that_says_nothing_is_seen(popfetch, server):
    popfetch.account(server=server([mail("one")]).on("GREETING", hang), timeout="3 seconds")
    shown, screen = pictures(popfetch.on_terminal(columns=80), 80)
    assert any("work  connecting" in lines for _, lines in shown), shown
    said = "popfetch: work: greeting: no answer from server for 3 seconds"
    assert screen.lines[0].startswith(said) and screen.lines[-1] == "", screen.lines
    assert not any("connecting" in line for line in screen.lines), screen.lines


@pytest.mark.parametrize("columns", WIDTHS)
def test_errors_stand_on_lines_of_their_own_above_the_bar(popfetch, server, columns):
    pop = slow(server).on("RETR 4", say(b"-ERR [SYS/PERM] it is broken\r\n"))
    popfetch.account("slow", pop)
    popfetch.account("bad", server([mail()]).on("STAT", after(1.5)).on("UIDL", close))
    result = popfetch.on_terminal(columns=columns)
    shown, screen = pictures(result, columns)
    assert is_left(screen.lines), screen.lines
    together = 0
    for _, lines in shown:
        drawn = [index for index, line in enumerate(lines) if BAR.fullmatch(line)]
        said = [index for index, line in enumerate(lines) if line.startswith("popfetch: ")]
        if drawn and said:
            assert max(said) < min(drawn), lines
            together += 1
        assert not any(re.search(r".popfetch: ", line) for line in lines), lines
    assert together, "no error was seen beside a bar"


@pytest.mark.parametrize("arguments", [[], ["-v"], ["-vv"], ["-q"]])
def test_off_a_terminal_nothing_is_drawn(popfetch, server, arguments):
    popfetch.account(server=slow(server))
    result = popfetch(*arguments)
    assert result.status == 0 and "\x1b" not in result.output and "\r" not in result.output
    if arguments in ([], ["-q"]):
        assert result.output == ""


@pytest.mark.parametrize("arguments, env", [(["-q"], {}), (["-vv"], {}), ([], {"TERM": "dumb"})])
def test_a_terminal_that_cannot_or_shall_not_gets_no_bar(popfetch, server, arguments, env):
    popfetch.account(server=slow(server))
    result = popfetch.on_terminal(*arguments, columns=80, env=env)
    assert result.status == 0 and "\x1b" not in result.stdout


def test_standard_error_is_the_terminal_that_counts(popfetch, server):
    popfetch.account(server=slow(server))
    result = popfetch.on_terminal(columns=80, stdout=subprocess.DEVNULL)
    shown, screen = pictures(result, 80)
    assert any(bars(lines) for _, lines in shown) and screen.lines == [""]
    popfetch.account("other", slow(server), maildir="~/Other")
    result = popfetch.on_terminal("other", columns=80, stderr=subprocess.DEVNULL)
    assert "\x1b" not in result.stdout and SUMMARY.match(result.stdout)


@pytest.mark.parametrize("arguments", [["-v"], ["-n"]])
def test_a_pager_that_gets_the_lines_has_the_terminal_for_itself(popfetch, server, arguments):
    pop = slow(server).on("STAT", after(1.5))
    popfetch.account(server=pop)
    result = popfetch.on_terminal(*arguments, columns=80, stdout=subprocess.PIPE)
    assert result.status == 0 and result.stdout == "", result


def senders(server):
    return server([mail(sender=sender, Subject=subject) for sender, subject, _ in SENDERS])


def cut(text, columns):
    """As much as fits, with dots if there is more."""
    if sum(map(width, text)) <= columns:
        return text
    while sum(map(width, text)) > columns - 3:
        text = text[:-1]
    return text + "..."


@pytest.mark.parametrize("columns", WIDTHS)
def test_with_v_messages_are_called_by_sender_and_subject(popfetch, server, columns):
    popfetch.account(server=senders(server))
    result = popfetch.on_terminal("-v", columns=columns)
    _, screen = pictures(result, columns)
    lines = [line for line in screen.lines if line.startswith("work: message ")]
    named = [f"work: message {n} {called}" for n, (_, _, called) in enumerate(SENDERS, 1)]
    assert lines == [cut(line, columns - 1) for line in named]
    assert is_left(screen.lines)


@pytest.mark.parametrize("arguments", [[], ["-vv"], ["-q"]])
def test_without_v_or_with_two_no_message_is_named_on_a_terminal(popfetch, server, arguments):
    popfetch.account(server=senders(server))
    result = popfetch.on_terminal(*arguments, columns=80)
    assert result.status == 0
    assert not re.search("Ann|Minutes|subject|evil", result.stdout), result


def test_what_is_not_a_terminal_names_no_message(popfetch, server):
    popfetch.set(log="~/log").account("one", senders(server)).account("two", senders(server))
    popfetch.account("three", senders(server))
    piped = popfetch.on_terminal("-v", "one", columns=80, stdout=subprocess.PIPE)
    assert piped.status == 0 and piped.stdout == ""
    shown = popfetch.on_terminal("-v", "two", columns=80)
    assert "Minutes" in shown.stdout
    off = popfetch("-v", "three")
    assert "three: message 1 (uid 'uid-000001') delivered\n" in off.stdout
    for text in (off.output, (popfetch.home / "log").read_text()):
        assert not re.search("Ann|Minutes|subject|evil", text), text


def test_what_is_set_aside_is_not_named(popfetch, server):
    program = popfetch.script('cat >/dev/null; test "$POPFETCH_UID" != uid-000001')
    popfetch.account(server=server([mail("first"), mail("second")]), mda=program)
    result = popfetch.on_terminal("-v", columns=200)
    assert "work: message 2 from ann@example.org: second" in result.stdout
    assert "from ann@example.org: first" not in result.stdout
    assert "message 1 (uid 'uid-000001')" in result.stdout
