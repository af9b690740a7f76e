# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What --status tells of accounts, what --retry changes, and what an account says that another
run holds."""

import os
import re
import shutil
import time

import pytest

from popactions import close, say
from popmail import mail
from runner import same

COLUMNS = ("LAST SUCCESS", "FETCHED", "KEPT", "ASIDE", "NEXT TRY")
SECONDS = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}
HOUR, DAY = SECONDS["hour"], SECONDS["day"]


def row(result, account="work"):
    """The words of an account's line under the heading."""
    lines = [line for line in result.stdout.splitlines() if line.startswith(account)]
    assert len(lines) == 1, result
    return lines[0]


def whole_lines(result):
    """The lines, of which none is wider than a terminal; what was wrapped is one again."""
    found = []
    for line in result.stdout.splitlines():
        assert len(line) <= 80, line
        if line.startswith(" " * 8):
            found[-1] += " " + line.strip()
        else:
            found.append(line)
    return found


def table(popfetch, account="work", status=0):
    """What stands in the columns of an account's line, and as LAST ERROR below it."""
    result = popfetch("--status")
    assert result.status == status and result.stderr == "", result
    heads = re.split("  +", result.stdout.splitlines()[0])
    assert tuple(heads[1:]) == COLUMNS
    shown = dict(zip(heads, re.split("  +", row(result, account)), strict=True))
    errors = [line for line in whole_lines(result) if line.startswith("    last error, ")]
    shown["LAST ERROR"] = errors[0].removeprefix("    last error, ") if errors else "-"
    return shown


def is_in(text, seconds):
    """Says the text "in ..." so much, or a little less, since time goes on?"""
    said = sum(
        int(number) * SECONDS[unit]
        for number, unit in re.findall("([0-9]+) (day|hour|minute|second)s?", text.split("in ")[1])
    )
    return seconds - 60 <= said <= seconds


def aside(popfetch):
    """The line of the one message set aside."""
    lines = whole_lines(popfetch("--status", "-v"))
    [line] = [line for line in lines if line.startswith("    uid ")]
    return line


def later(popfetch, seconds):
    """As if everything that is remembered had happened so long before."""
    popfetch.sql(
        "update fact set value = value - ? where value > 1e9 and typeof(value) = 'integer'", seconds
    )
    popfetch.sql("update message set next_try = next_try - ? where next_try > 0", seconds)


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
    assert len(pop.connections) == connections
    shown = table(popfetch)
    assert " ago" in shown.pop("LAST SUCCESS")
    assert shown == {
        "ACCOUNT": "work",
        "FETCHED": "3",
        "KEPT": "3",
        "ASIDE": "0",
        "NEXT TRY": "-",
        "LAST ERROR": "-",
    }


def test_what_was_fetched_counts_however_the_run_ended(popfetch, server):
    pop = server([mail("one"), mail("two"), mail("three")])
    pop.on("RETR 1", say(b"-ERR it is broken\r\n"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    shown = table(popfetch, status=1)
    assert shown["LAST SUCCESS"] == "never" and shown["FETCHED"] == "2", shown
    assert shown["KEPT"] == "2" and shown["ASIDE"] == "1", shown
    assert is_in(shown["NEXT TRY"], HOUR), shown
    pop.forgive()
    pop.on("RETR 4", close)
    for name in ("four", "five"):
        pop.add(mail(name))
    assert popfetch().status == os.EX_TEMPFAIL
    assert table(popfetch)["FETCHED"] == "0"
    pop.forgive()
    assert popfetch().status == 0
    shown = table(popfetch)
    assert shown["LAST SUCCESS"] != "never" and shown["FETCHED"] == "2", shown


def test_the_last_error_has_its_time(popfetch, server):
    pop = server([mail("one")], users={"jane": "other"})
    assert popfetch.account(server=pop)().status == os.EX_NOPERM
    later(popfetch, 3 * HOUR)
    told = table(popfetch, status=1)["LAST ERROR"]
    assert told.startswith("3 hours ago: login: login refused"), told


def test_a_run_in_the_pause_leaves_the_refusal_to_be_seen(popfetch, server):
    pop = server([mail("one")], users={"jane": "other"})
    popfetch.account(server=pop)
    for _ in range(3):
        assert popfetch().status == os.EX_NOPERM
    shown = table(popfetch, status=1)
    assert "login refused" in shown["LAST ERROR"] and "next try" not in shown["LAST ERROR"], shown
    assert is_in(shown["NEXT TRY"], 15 * 60), shown


# What is kept on the server.


def test_what_was_deleted_is_not_kept(popfetch, server):
    pop = server([mail("one"), mail("two")])
    assert popfetch.account(server=pop, keep="no")().status == 0
    assert pop.left() == [] and table(popfetch)["KEPT"] == "0"
    assert popfetch().status == 0
    assert table(popfetch)["KEPT"] == "0"


def test_what_others_deleted_is_not_kept_once_it_is_known(popfetch, server):
    pop = server([mail("one"), mail("two"), mail("three")])
    pop.on("RETR 3", say(b"-ERR it is broken\r\n"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    shown = table(popfetch, status=1)
    assert (shown["KEPT"], shown["ASIDE"]) == ("2", "1"), shown
    pop.mailbox.messages[1:] = []
    assert popfetch().status == 0
    shown = table(popfetch)
    assert (shown["KEPT"], shown["ASIDE"], shown["NEXT TRY"]) == ("1", "0", "-"), shown


@pytest.mark.parametrize("quit", [close, say(b"-ERR cannot\r\n")], ids=["closed", "refused"])
def test_what_is_to_be_deleted_is_kept_until_quit_is_answered(popfetch, server, quit):
    pop = server([mail("old")])
    assert popfetch.account(server=pop, keep="no")().status == 0
    for name in ("one", "two", "three"):
        pop.add(mail(name))
    pop.on("QUIT", quit)
    popfetch()
    assert len(pop.left()) == 3 and table(popfetch)["KEPT"] == "3"
    pop.forgive()
    assert popfetch().status == 0
    assert pop.left() == [] and table(popfetch)["KEPT"] == "0"


def test_what_a_server_does_not_delete_is_kept(popfetch, server):
    pop = server([mail("one"), mail("two")], deletes=False)
    popfetch.account(server=pop, keep="no")
    for _ in range(3):
        assert popfetch().status == 0
    assert table(popfetch)["KEPT"] == "2"


# When something is tried again.


def test_a_next_try_that_has_come_is_that_of_the_next_run(popfetch, server):
    pop = server([mail("one"), mail("two")]).on("RETR 1", say(b"-ERR it is broken\r\n"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    assert is_in(table(popfetch, status=1)["NEXT TRY"], HOUR)
    later(popfetch, HOUR)
    assert table(popfetch, status=1)["NEXT TRY"] == "next run"
    assert "next try in the next run" in aside(popfetch)


def test_after_a_jump_of_the_clock_the_true_next_try_is_shown(popfetch, server):
    pop = server([mail("one"), mail("two")]).on("RETR 1", say(b"-ERR it is broken\r\n"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    later(popfetch, -300 * 24 * HOUR)
    shown = table(popfetch, status=1)
    assert shown["NEXT TRY"] == "next run" and shown["LAST ERROR"].startswith("in the future: ")
    assert "next try in the next run" in aside(popfetch)
    pop.forgive()
    popfetch("-v")
    assert same(popfetch.maildir(), pop.wires())


def test_the_pause_that_a_server_wants_is_shown(popfetch, server):
    pop = server([mail("one")], caps=("TOP", "UIDL", "USER", "LOGIN-DELAY 300"))
    assert popfetch.account(server=pop)().status == 0
    assert is_in(table(popfetch)["NEXT TRY"], 300)
    later(popfetch, 300)
    assert table(popfetch)["NEXT TRY"] == "-"


# The exit status, for whoever looks after many accounts.


def test_an_account_that_fails_past_notice_after_is_status_1(popfetch, server):
    pop = server([mail("one")]).on("UIDL", close)
    popfetch.account(server=pop, notice_after="3 failures")
    assert popfetch("--status").status == 0
    for status in (0, 0, 1):
        assert popfetch().status == os.EX_TEMPFAIL
        assert popfetch("--status").status == status
    popfetch.accounts["work"].update(notice_after="2 days")
    assert popfetch("--status").status == 0
    popfetch.earlier("first_failure", 2 * DAY)
    assert popfetch("--status").status == 1
    pop.forgive()
    assert popfetch().status == 0 and popfetch("--status").status == 0


def test_trouble_that_lasts_long_is_status_1_and_shown(popfetch, server):
    pop = server([mail("one"), mail("two")]).on("RETR 1", say(b"-ERR it is broken\r\n"))
    popfetch.account(server=pop)()
    assert popfetch().status == 0 and popfetch("--status").status == 0
    popfetch.earlier("aside_since", 2 * DAY)
    result = popfetch("--status")
    assert result.status == 1 and result.stderr == "", result
    [line] = [line for line in whole_lines(result) if line.startswith("    trouble: ")]
    assert "1 message is set aside, the first since 20" in line and "--retry work" in line
    pop.forgive()
    assert popfetch("work").status == 0 and popfetch("--status").status == 0


def test_an_error_of_the_state_keeps_its_status(popfetch, server):
    pop, other = server([mail("one")], users={"jane": "other"}), server([mail("two")])
    popfetch.account(server=pop).account("other", other)()
    assert popfetch("--status").status == 1
    [broken] = [path for path in popfetch.databases() if str(other.port) in path.name]
    broken.write_bytes(b"no database" * 1000)
    result = popfetch("--status")
    assert result.status == os.EX_DATAERR and "other: " in result.stderr, result
    assert row(result, "other").split("  ", 1)[1].strip() == "cannot be read", result


def test_a_lock_that_is_held_for_long_is_status_1(popfetch, server):
    assert popfetch.account(server=server([mail("one")]))().status == 0
    with popfetch.locked():
        result = popfetch("--status")
        assert result.status == 0 and "is being fetched" in row(result), result
    with popfetch.locked(2 * HOUR):
        result = popfetch("--status")
        assert result.status == 1 and "is being fetched" in row(result), result
        assert any("holds its lock since 20" in line for line in whole_lines(result)), result


def test_disabled_accounts_are_shown_as_such_and_keep_no_status(popfetch, server):
    pop, other = server([mail("one")]), server([mail("two")], users={"jane": "other"})
    popfetch.account(server=pop).account("other", other)
    assert popfetch().status == os.EX_NOPERM and popfetch("--status").status == 1
    popfetch.accounts["other"].update(enabled=False)
    result = popfetch("--status")
    assert result.status == 0 and "disabled" in row(result, "other"), result
    assert "login refused" in result.stdout and "disabled" not in row(result), result
    assert popfetch("--status", "other").status == 0
    [broken] = [path for path in popfetch.databases() if str(other.port) in path.name]
    broken.write_bytes(b"no database" * 1000)
    result = popfetch("--status")
    assert result.status == 0 and "disabled" in row(result, "other") and result.stderr == "", result


@pytest.mark.parametrize("columns, most", [(40, 40), (60, 60), (80, 80), (200, 80)])
def test_words_below_the_table_fit_the_terminal(popfetch, server, columns, most):
    pop = server([mail("one")]).on("RETR 1", say(b"-ERR it is broken" + b" end" * 40 + b"\r\n"))
    popfetch.account(server=pop)()
    result = popfetch.on_terminal("--status", "-v", columns=columns)
    lines = [line for line in result.output.splitlines() if line.startswith("    ")]
    assert len(lines) > 3 and most - 5 < max(map(len, lines)) <= most, result
    assert sum(line.split().count("end") for line in lines) == 80, result


@pytest.mark.parametrize("name", ["w" * 20, "w" * 21, "w" * 200, "many words " * 9, "\u00e9" * 30])
def test_no_line_of_the_table_is_longer_than_80(popfetch, server, name):
    words = b"-ERR it is broken " + b"/a/long/path" * 9 + b" end " * 20 + b"\r\n"
    pop = server().on("RETR 1", say(words))
    pop.add(mail("one"), "u" * 70)
    pop.add(mail("two"))
    popfetch.account(name.strip(), pop, maildir=popfetch.home / "Maildir")()
    popfetch.earlier("aside_since", 2 * DAY)
    popfetch.sql("update fact set value = 12345678 where name = 'last_fetched'")
    result = popfetch("--status", "-v")
    lines = whole_lines(result)
    text = "".join(lines).replace(" ", "")
    for word in (name, "/a/long/path" * 9 + " end", "u" * 70, "trouble:", "never many 1 1 in"):
        assert word.replace(" ", "") in text, result


# What may be read while nothing is fetched.


def test_the_last_error_is_shown_until_a_run_is_well(popfetch, server):
    pop = server([mail("one")]).on("PASS", say(b"-ERR [IN-USE] busy\r\n"))
    pop.on("AUTH", say(b"-ERR [IN-USE] busy\r\n"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    assert "busy" in table(popfetch)["LAST ERROR"]
    pop.forgive()
    assert popfetch().status == 0
    assert table(popfetch)["LAST ERROR"] == "-"


def test_messages_set_aside_are_counted_and_listed_and_retried(popfetch, server):
    pop = server([mail("one"), mail("two")]).on("RETR 1", say(b"-ERR it is broken\r\n"))
    assert popfetch.account(server=pop)().status == os.EX_TEMPFAIL
    pop.forgive()
    assert popfetch().status == 0 and len(popfetch.maildir()) == 1
    assert "it is broken" not in popfetch("--status", "work").stdout
    assert "uid-000001" in aside(popfetch) and "it is broken" in aside(popfetch)
    result = popfetch("--retry", "work")
    assert result.status == 0, result
    assert result.output == "work: 1 message is tried in the next run\n", result
    assert popfetch("--retry", "-q", "work").output == ""
    assert len(popfetch.maildir()) == 1
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_retry_forgets_how_often_a_message_has_failed(popfetch, server):
    pop = server([mail("one"), mail("two")]).on("RETR 1", say(b"-ERR it is broken\r\n"))
    popfetch.account(server=pop)
    for hours in (1, 2, 4):
        assert popfetch("work").status == os.EX_TEMPFAIL
        assert is_in(aside(popfetch), hours * HOUR)
    assert "failed 3 times" in aside(popfetch)
    assert popfetch("--retry", "work").status == 0
    assert "failed" not in aside(popfetch)
    assert "next try in the next run: RETR 1: server said: it is broken" in aside(popfetch)
    assert table(popfetch, status=1)["NEXT TRY"] == "next run"
    assert popfetch().status == os.EX_TEMPFAIL
    assert "failed 1 time, " in aside(popfetch) and is_in(aside(popfetch), HOUR)


def test_retry_forgets_how_often_a_login_was_refused(popfetch, server):
    pop = server([mail("one")], users={"jane": "other"})
    popfetch.account(server=pop)
    for minutes in (15, 30, 60):
        assert popfetch("work").status == os.EX_NOPERM
        assert is_in(table(popfetch, status=1)["NEXT TRY"], minutes * 60)
    assert popfetch("--retry", "work").output == "work: the login is tried in the next run\n"
    assert table(popfetch, status=1)["NEXT TRY"] == "-"
    assert popfetch().status == os.EX_NOPERM
    assert is_in(table(popfetch, status=1)["NEXT TRY"], 15 * 60)


def test_retry_of_an_account_that_never_ran_makes_nothing(popfetch, server):
    result = popfetch.account(server=server([]))("--retry", "work")
    assert result.status == 0 and result.output == "work: nothing to forget\n", result
    assert not popfetch.state_dir.exists()


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


@pytest.mark.parametrize("option", ["--check", "--catch-up"])
def test_who_cannot_look_because_another_run_fetches_is_told_so(popfetch, server, option):
    held, other = server([mail("one")]), server([mail("two")])
    waiting = []

    def look(session, line):
        waiting.append(popfetch(option, "work"))
        waiting.append(popfetch(option))
        session.obey(line)

    held.on("UIDL", look)
    popfetch.account(server=held).account("other", other)
    assert popfetch("work").status == 0
    alone, both = waiting
    assert alone.status == os.EX_TEMPFAIL and alone.stdout == "", alone
    assert alone.errors == ["popfetch: work: is being fetched by another run"], alone
    assert both.errors == alone.errors
    assert both.status == (0 if option == "--check" else os.EX_TEMPFAIL), both


def test_who_fetches_while_another_run_does_is_quietly_sent_away(popfetch, server):
    pop = server([mail("one")])
    waiting = []

    def look(session, line):
        waiting.append(popfetch("work"))
        session.obey(line)

    pop.on("UIDL", look)
    assert popfetch.account(server=pop)().status == 0
    assert waiting[0].status == 0 and waiting[0].output == "", waiting
    assert len(pop.connections) == 1


def test_the_status_of_one_account_whose_mailbox_is_gone(popfetch, server):
    pop = server([mail("one")])
    assert popfetch.account(server=pop)().status == 0
    shutil.move(popfetch.home / "Maildir", popfetch.home / "elsewhere")
    assert popfetch().status == os.EX_CANTCREAT
    shown = table(popfetch, status=1)
    assert "is its disk mounted?" in shown["LAST ERROR"] and shown["FETCHED"] == "0", shown


@pytest.mark.parametrize(
    "arguments", [["--retry"], ["--status", "-n"], ["--retry", "--status", "work"]]
)
def test_wrong_combinations_are_usage_errors(popfetch, server, arguments):
    assert popfetch.account(server=server([]))(*arguments).status == os.EX_USAGE
