# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What people do with single messages: --list, --skip, --retry --uid, --delete."""

import os
import re
import signal

import pytest

from popactions import about, after, change, close, say
from popmail import mail
from runner import same

DAY = 86400
UNREADABLE = say(b"-ERR cannot read message\r\n")


@pytest.fixture
def three(server, popfetch):
    pop = server([mail("one"), mail("two"), mail("three")])
    popfetch.account(server=pop, keep="14 days")
    return pop


def commands(pop, *words):
    return [c for word in words for c in pop.commands(word)]


def items(result):
    """Of each message its first line, that of its header, and that of its error, as far as there
    are any."""
    found = []
    for line in result.output.splitlines():
        if line.startswith("       "):
            found[-1].append(line.strip())
        elif line[:5].strip().isdigit() and "  uid " in line:
            found.append([line.strip()])
    return found


# --list


def test_a_list_says_what_becomes_of_each_message(popfetch, three, clock):
    three.on("RETR", about("uid-000002", UNREADABLE))
    popfetch(env=clock(0))
    three.add(mail("four", "x" * 5000), b"odd uid %\xff")
    before = popfetch.sql("select * from message")
    result = popfetch("--list", "work", env=clock(60))
    assert result.status == 0, result
    first, second, third, fourth = items(result)
    assert re.match("1  +[0-9]+ B  uid uid-000001  kept until 20", first[0]) and len(first) == 2
    assert "uid uid-000002  set aside, next try 20" in second[0]
    assert "two" in second[1] and "@" in second[1]
    assert second[2] == "last error: RETR 2: server said: cannot read message", second
    assert "kept until 20" in third[0]
    assert "KiB" in fourth[0] and fourth[0].endswith("  uid odd%20uid%20%25%FF  new"), fourth
    assert fourth[1].endswith("four"), fourth
    lines = [line for line in result.stdout.splitlines() if "  uid " in line]
    assert len({line.index("  uid ") for line in lines}) == 1, result
    assert not commands(three, "RETR", "DELE")
    assert popfetch.sql("select * from message") == before


def test_a_list_of_a_server_without_top_has_no_subjects(popfetch, server):
    pop = server([mail("one")], top=False)
    popfetch.account(server=pop)
    result = popfetch("--list", "work")
    assert result.status == 0 and len(items(result)) == 1 and len(items(result)[0]) == 1, result
    assert not commands(pop, "RETR")


def test_headers_of_a_list_come_together(popfetch, server):
    pop = server([mail(f"m{n}") for n in range(30)], pipelining=True)
    popfetch.account(server=pop)
    popfetch("--list", "work")
    assert max(sum(c.startswith("TOP") for c in flight) for flight in pop.last.flights) > 10


def test_hostile_headers_do_not_reach_the_terminal(popfetch, server):
    wire = mail("one").replace(b"Subject: one", b"Subject: a\x1b[2Jb\x07")
    pop = server([wire])
    popfetch.account(server=pop)
    result = popfetch("--list", "work")
    assert "\x1b" not in result.output and "\x07" not in result.output and "[2Jb" in result.output


def test_a_list_asks_nothing_more_about_one_at_which_sessions_break(popfetch, three, clock):
    three.on("TOP", about("uid-000002", close)).on("RETR", about("uid-000002", close))
    popfetch(env=clock(0))
    for _ in range(2):
        result = popfetch("--list", "work", env=clock(60))
        assert result.status == 0 and [len(item) for item in items(result)] == [2, 2, 2], result
        error = items(result)[1][1]
        assert error.startswith("last error: ") and "connection closed by server" in error, result
        assert commands(three, "TOP") == ["TOP 1 0", "TOP 3 0"]


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_list_goes_on_behind_a_message_that_breaks_the_line(popfetch, server, pipelining):
    pop = server([mail("one"), mail("two"), mail("three")], pipelining=pipelining)
    popfetch.account(server=pop)
    pop.on("TOP", about("uid-000002", close))
    result = popfetch("--list", "work")
    assert result.status == os.EX_TEMPFAIL and "TOP 2" in result.stderr, result
    assert [len(item) for item in items(result)] == [2, 1, 1], result
    assert [item[0].split()[4] for item in items(result)] == [f"uid-00000{n}" for n in (1, 2, 3)]
    assert "3 messages" in result.stdout


def test_a_list_shows_all_where_a_size_that_has_changed_breaks_the_line(popfetch, three):
    popfetch()
    three.mailbox.messages[1].listed = 1000
    three.on("TOP", about("uid-000002", close))
    result = popfetch("--list", "work")
    assert result.status == os.EX_TEMPFAIL and "TOP 2" in result.stderr, result
    assert len(items(result)) == 3 and "3 messages" in result.stdout, result


def test_what_a_header_lacks_leaves_no_blanks(popfetch, server):
    wire = mail("one")
    wires = [re.sub(name + rb": [^\r]*\r\n", b"", wire) for name in (b"Date", b"From", b"Subject")]
    popfetch.account(server=server(wires))
    seconds = [item[1] for item in items(popfetch("--list", "work"))]
    assert len(seconds) == 3 and all(len(re.split("  +", line)) == 2 for line in seconds), seconds
    lines = popfetch("--list", "work").stdout.splitlines()
    assert all(re.match(" {7}[^ ]", line) for line in lines[1:-1:2]), lines
    assert not any(line.endswith(" ") for line in lines), lines


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_a_list_fits_the_terminal(popfetch, server, columns, clock):
    pop = server([mail("one " * 60), mail("two")])
    pop.on("RETR 2", say(b"-ERR it is broken" + b" end" * 40 + b"\r\n"))
    popfetch.account(server=pop)(env=clock(0))
    result = popfetch.on_terminal("--list", "work", columns=columns, env=clock(60))
    lines = result.output.splitlines()
    assert max(map(len, lines)) <= columns, result
    assert any(line.endswith("...") and len(line) == columns - 1 for line in lines), result
    assert sum(re.search("  uid uid-00000[12](  |$)", line) is not None for line in lines) == 2
    assert sum(line.split().count("end") for line in lines) == 40, result


# --skip


def test_a_skipped_message_is_neither_fetched_nor_deleted(popfetch, three, clock):
    result = popfetch("--skip", "work", "--uid", "uid-000002", env=clock(0))
    assert result.status == 0 and "is skipped" in result.output, result
    popfetch.accounts["work"]["keep"] = "no"
    for n in range(3):
        assert popfetch(env=clock(n * 2 * DAY)).status == 0
    assert three.left() == ["uid-000002"] and len(popfetch.maildir()) == 2
    assert popfetch("-a", env=clock(7 * DAY)).status == 0
    assert three.left() == ["uid-000002"] and len(popfetch.maildir()) == 2
    assert "skipped" in items(popfetch("--list", "work"))[0][0]


def test_another_message_under_the_uid_of_a_skipped_one_comes(popfetch, server):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop)
    popfetch("--skip", "work", "--uid", "uid-000001")
    other = mail("the other")
    pop.mailbox.messages[0].wire = other
    pop.mailbox.messages[0].listed = len(other)
    popfetch()
    popfetch()
    assert len(popfetch.maildir()) == 2


def test_one_at_which_sessions_break_can_be_skipped(popfetch, three, clock):
    three.on("TOP", about("uid-000001", close)).on("RETR", about("uid-000001", close))
    popfetch.accounts["work"]["keep"] = "no"
    popfetch(env=clock(0))
    for _ in range(2):
        result = popfetch("--skip", "work", "--uid", "uid-000001", env=clock(60))
        assert result.status == 0, result
    count = len(three.all_commands("RETR"))
    for n in range(1, 9):
        assert popfetch(env=clock(n * DAY)).status == 0
    assert three.left() == ["uid-000001"]
    assert "RETR 1" not in three.all_commands("RETR")[count:]


def test_skip_says_what_was_delivered_already(popfetch, three):
    popfetch()
    result = popfetch("--skip", "work", "--uid", "uid-000001")
    assert result.status == 0 and "has been delivered already" in result.output, result
    assert "kept until" in items(popfetch("--list", "work"))[0][0]


@pytest.mark.parametrize("verb, done", [("--list", "shown"), ("--skip", "skipped")])
def test_a_stop_says_how_far_the_verb_came(popfetch, server, verb, done):
    def act(session, line):
        process.send_signal(signal.SIGTERM)
        after(0.2)(session, line)

    pop = server([mail(str(n)) for n in range(4)], pipelining=False).on("TOP 1", act)
    uids = [] if verb == "--list" else [f"--uid=uid-00000{n}" for n in range(1, 5)]
    process = popfetch.account(server=pop).start(verb, "work", *uids)
    result = popfetch.finish(process)
    [line] = result.errors
    assert result.status == os.EX_TEMPFAIL and " stopped by a signal: " in line, result
    count = int(line.split(" of 4 messages ")[0].split()[-1])
    assert line.endswith(done) and 1 <= count < 4, result
    if verb == "--list":
        assert len(items(result)) == count and "4 messages\n" not in result.stdout, result
    else:
        assert result.stdout.count("is skipped") == count, result
        assert popfetch().status == 0 and len(popfetch.maildir()) == 4 - count


def test_nothing_is_called_skipped_that_is_not_on_record(popfetch, three):
    popfetch()
    three.add(mail("four"))
    three.add(mail("five"))
    popfetch.sql("create unique index one on message (status) where status = 5")
    result = popfetch("--skip", "work", "--uid=uid-000004", "--uid=uid-000005")
    assert result.status != 0 and "is skipped" not in result.output, result


def test_a_kill_that_skip_has_judged_is_blamed_on_nobody_else(popfetch, server):
    pop = server([mail("one"), mail("two"), mail("three")])
    popfetch.account(server=pop, mda=popfetch.script("cat > /dev/null; kill -9 $PPID; sleep 1"))
    assert popfetch().status == os.EX_SOFTWARE
    popfetch.sql("insert or replace into fact (name, value) values ('in_hand', 1)")
    assert popfetch("--skip", "work", "--uid", "uid-000001").status == 0
    assert popfetch.sql("select value from fact where name = 'in_hand'") == [(0,)]
    popfetch.accounts["work"]["mda"] = popfetch.saver()
    assert popfetch().status == 0
    assert len(popfetch.saved()) == 2 and len(pop.connections) == 3


@pytest.mark.parametrize("fails", [False, True])
def test_a_skip_alone_is_no_account_that_works(popfetch, three, fails):
    assert popfetch("--skip", "work", "--uid", "uid-000001").status == 0
    if fails:
        three.on("UIDL", close)
        assert popfetch().status != 0
        three.forgive()
    result = popfetch("--catch-up")
    assert result.status == 0 and "left alone" not in result.output, result
    assert popfetch().status == 0 and popfetch.maildir() == []
    first, second, third = (item[0] for item in items(popfetch("--list", "work")))
    assert "skipped" in first and "kept" in second and "kept" in third


# --retry --uid


def test_retry_of_one_leaves_the_others_waiting(popfetch, three, clock):
    three.on("RETR", about(["uid-000001", "uid-000002"], UNREADABLE))
    popfetch(env=clock(0))
    three.forgive()
    assert popfetch("--retry", "work", "--uid", "uid-000002").status == 0
    popfetch(env=clock(60))
    assert len(popfetch.maildir()) == 2
    assert "set aside" in items(popfetch("--list", "work", env=clock(120)))[0][0]


def test_retry_brings_a_skipped_one_back(popfetch, three):
    popfetch("--skip", "work", "--uid", "uid-000001")
    popfetch()
    assert len(popfetch.maildir()) == 2
    result = popfetch("--retry", "work", "--uid", "uid-000001")
    assert result.status == 0, result
    assert result.output == "work: 1 message is tried in the next run\n", result
    popfetch()
    popfetch()
    assert same(popfetch.maildir(), three.wires())


def test_retry_of_what_never_failed_is_an_error(popfetch, three):
    popfetch()
    result = popfetch("--retry", "work", "--uid", "uid-000001")
    assert result.status == os.EX_USAGE and "uid 'uid-000001'" in result.stderr, result


# --delete


def test_delete_without_a_question_deletes_the_named_ones_only(popfetch, three):
    popfetch()
    result = popfetch("--delete", "work", "--uid", "uid-000001", "--uid", "uid-000003", "--yes")
    assert result.status == 0 and three.left() == ["uid-000002"], result
    assert [len(item) for item in items(result)] == [2, 2]
    assert popfetch().status == 0 and len(popfetch.maildir()) == 3


def test_one_at_which_sessions_break_can_be_deleted(popfetch, three, clock):
    three.on("TOP", about("uid-000001", close)).on("RETR", about("uid-000001", close))
    popfetch(env=clock(0))
    result = popfetch("--delete", "work", "--uid", "uid-000001", "--yes", env=clock(60))
    assert result.status == 0 and "uid-000001" not in three.left(), result


@pytest.mark.parametrize(
    "typed, left",
    [("y\n", 2), ("Yes\n", 2), ("n\n", 3), ("\n", 3), ("\0\n", 3), ("yet\n", 3), ("yy\n", 3)],
)
def test_on_a_terminal_delete_asks(popfetch, three, typed, left):
    result = popfetch.on_terminal(
        "--delete", "work", "--uid", "uid-000002", typed=[("[y/N] ", typed)]
    )
    assert result.status == 0 and len(three.left()) == left, result
    assert ("nothing is deleted" in result.output) == (left == 3), result
    assert "two" in result.output


def signalled(number):
    return lambda process: process.send_signal(number)


@pytest.mark.parametrize(
    "typed",
    ["\x03", "\x04", signalled(signal.SIGINT), signalled(signal.SIGTERM), signalled(signal.SIGHUP)],
    ids=["^C", "^D", "INT", "TERM", "HUP"],
)
def test_a_question_without_an_answer_is_not_answered_by_no(popfetch, three, typed):
    result = popfetch.on_terminal(
        *("--delete", "-q", "work", "--uid", "uid-000002"), typed=[("[y/N] ", typed)]
    )
    assert result.status == os.EX_TEMPFAIL and len(three.left()) == 3, result
    assert result.output.count("nothing is deleted") == 1, result
    assert "popfetch: work: no answer: nothing is deleted" in result.output


def test_off_a_terminal_delete_needs_yes(popfetch, three):
    result = popfetch("--delete", "work", "--uid", "uid-000002")
    assert result.status == os.EX_USAGE and "--yes" in result.stderr, result
    assert len(three.left()) == 3


def test_a_header_that_has_changed_since_it_was_shown_is_not_deleted(popfetch, three):
    seen = []

    def other(reply):
        seen.append(reply)
        return reply.replace(b"Subject: two", b"Subject: else") if len(seen) > 1 else reply

    three.on("TOP 2", change(other))
    result = popfetch("--delete", "work", "--uid", "uid-000002", "--yes")
    assert result.status == os.EX_TEMPFAIL and "its header has changed" in result.stderr, result
    assert "0 of 1 message deleted on the server" in result.stdout, result
    assert len(three.left()) == 3


def test_one_whose_header_does_not_come_again_is_not_deleted(popfetch, three):
    three.on("TOP 2", say(b"-ERR no\r\n"), nth=2)
    result = popfetch("--delete", "work", "--uid", "uid-000002", "--yes")
    assert result.status == os.EX_TEMPFAIL and len(three.left()) == 3, result
    assert "its header could not be asked for again" in result.stderr, result


@pytest.mark.parametrize("command, nth", [("TOP 1", 1), ("TOP 3", 1), ("TOP 1", 2), ("TOP 4", 2)])
def test_a_stop_before_all_are_compared_deletes_nothing(popfetch, server, command, nth):
    def act(session, line):
        process.send_signal(signal.SIGTERM)
        after(0.2)(session, line)

    pop = server([mail(str(n)) for n in range(4)], pipelining=False).on(command, act, nth)
    uids = [f"--uid=uid-00000{n}" for n in range(1, 5)]
    process = popfetch.account(server=pop).start("--delete", "work", "--yes", *uids)
    result = popfetch.finish(process)
    assert result.status == os.EX_TEMPFAIL and len(pop.left()) == 4, result
    assert len(result.errors) == 1, result
    assert "stopped by a signal: 0 of 4 messages deleted" in result.stderr


def test_without_time_for_all_headers_nothing_is_deleted(popfetch, three):
    popfetch.accounts["work"]["session_timeout"] = "3 seconds"
    three.on("TOP 2", after(1.7))
    result = popfetch("--delete", "work", "--yes", "--uid=uid-000002", "--uid=uid-000003")
    assert result.status == os.EX_TEMPFAIL and len(three.left()) == 3, result
    assert len(result.errors) == 1, result
    assert "session_timeout reached: 0 of 2 messages deleted" in result.stderr


def test_a_refused_dele_is_told(popfetch, three):
    three.on("DELE", say(b"-ERR no\r\n"))
    result = popfetch("--delete", "work", "--uid", "uid-000002", "--yes")
    assert result.status == os.EX_TEMPFAIL and len(three.left()) == 3, result
    assert "is not deleted: DELE 2: server said: no" in result.stderr, result
    assert "0 of 1 message deleted on the server; nothing tries it again" in result.stdout, result


def test_with_q_only_what_is_asked_about_is_shown(popfetch, three):
    arguments = ["--delete", "-q", "work", "--uid", "uid-000001"]
    result = popfetch.on_terminal(*arguments, typed=[("[y/N] ", "n\n")])
    assert result.status == 0 and "uid uid-000001" in result.output, result
    assert popfetch("--list", "-q", "work").output == ""
    result = popfetch(*arguments, "--yes")
    assert result.status == 0 and result.output == "" and len(three.left()) == 2, result


@pytest.mark.parametrize("refused, count", [("DELE", 0), ("DELE 1", 1)])
def test_each_refused_dele_of_several_is_told_and_how_many_are_deleted(
    popfetch, three, refused, count
):
    three.on(refused, say(b"-ERR no\r\n"))
    uids = ["--uid=uid-000001", "--uid=uid-000003"]
    result = popfetch("--delete", "work", "--yes", *uids)
    assert result.status == os.EX_TEMPFAIL and len(three.left()) == 3 - count, result
    assert result.stderr.count("is not deleted: DELE") == 2 - count, result
    assert f"{count} of 2 messages deleted on the server; nothing tries the others again" in (
        result.stdout
    ), result


def test_delete_says_how_many_it_has_deleted(popfetch, three):
    result = popfetch("--delete", "work", "--uid", "uid-000002", "--yes")
    assert "1 message deleted on the server" in result.output, result


def counts(popfetch, *columns):
    """What --status has in these columns."""
    heads, line = (re.split("  +", x) for x in popfetch("--status").stdout.splitlines()[:2])
    shown = dict(zip(heads, line, strict=True))
    return [shown[column] for column in columns]


@pytest.mark.parametrize("quit_, kept", [(None, "1"), (close, "3")])
def test_what_delete_has_deleted_counts_as_kept_no_more(popfetch, three, quit_, kept):
    popfetch()
    assert counts(popfetch, "KEPT") == ["3"]
    if quit_:
        three.on("QUIT", quit_)
    popfetch("--delete", "work", "--yes", "--uid=uid-000001", "--uid=uid-000003")
    assert counts(popfetch, "KEPT") == [kept]
    three.forgive()
    popfetch()
    assert counts(popfetch, "KEPT") == [str(len(three.left()))]


def test_a_delete_confirms_nothing_that_a_run_before_has_left_open(popfetch, three):
    popfetch()
    popfetch.accounts["work"]["keep"] = "no"
    three.on("QUIT", close)
    popfetch()
    three.forgive()
    three.add(mail("four"))
    popfetch("--delete", "work", "--yes", "--uid=uid-000004")
    assert counts(popfetch, "KEPT") == ["3"]
    result = popfetch()
    assert three.left() == [] and "still lists" not in result.output, result


def test_one_set_aside_that_is_deleted_waits_no_more(popfetch, three, clock):
    three.on("RETR", about("uid-000002", UNREADABLE))
    popfetch()
    assert counts(popfetch, "ASIDE") == ["1"]
    popfetch("--delete", "work", "--yes", "--uid=uid-000002")
    assert counts(popfetch, "KEPT", "ASIDE", "NEXT TRY") == ["2", "0", "-"]


@pytest.mark.parametrize("verb", [["--skip"], ["--delete", "--yes"]])
def test_a_failure_is_over_when_none_is_left_that_has_failed(popfetch, three, verb):
    three.on("RETR", about(["uid-000001", "uid-000002"], UNREADABLE))
    assert popfetch().status == os.EX_TEMPFAIL
    assert popfetch(*verb, "work", "--uid", "uid-000001").status == 0
    result = popfetch("--status")
    assert result.status == 1 and "is set aside" in result.stdout, result
    assert popfetch(*verb, "work", "--uid", "uid-000002").status == 0
    result = popfetch("--status")
    assert result.status == 0 and "last error" not in result.stdout, result


def test_a_failure_is_over_when_what_could_not_be_deleted_is(popfetch, three):
    popfetch.accounts["work"]["keep"] = "no"
    three.on("DELE 2", UNREADABLE)
    assert popfetch().status == os.EX_TEMPFAIL
    three.forgive()
    assert popfetch("--delete", "--yes", "work", "--uid", "uid-000002").status == 0
    result = popfetch("--status")
    assert result.status == 0 and "last error" not in result.stdout, result


def test_a_skip_settles_no_other_failure(popfetch, three):
    popfetch()
    three.on("UIDL", UNREADABLE)
    assert popfetch().status != 0
    three.forgive()
    before = popfetch("--status").stdout
    assert "last error" in before
    three.add(mail("four"))
    assert popfetch("--skip", "work", "--uid", "uid-000004").status == 0
    assert "last error" in popfetch("--status").stdout


@pytest.mark.parametrize("act", [close, say(b"-ERR no\r\n")])
def test_a_delete_that_quit_does_not_confirm_is_told(popfetch, three, act):
    three.on("QUIT", act)
    result = popfetch("--delete", "-q", "work", "--uid", "uid-000002", "--yes")
    assert result.status == os.EX_TEMPFAIL and "perhaps nothing is deleted" in result.stderr, result


@pytest.mark.parametrize("top", [True, False])
def test_what_outlived_a_delete_is_asked_for_once_more_and_then_kept(popfetch, server, top):
    pop = server([mail("one"), mail("two")], top=top)
    popfetch.account(server=pop, keep="14 days")()
    pop.on("QUIT", close)
    popfetch("--delete", "work", "--uid", "uid-000001", "--yes")
    pop.forgive()
    asked = []
    for _ in range(3):
        assert popfetch().status == 0
        asked.append(commands(pop, "TOP", "RETR", "DELE"))
    assert asked == [["TOP 1 0"] if top else ["TOP 1 0", "RETR 1"], [], []]
    assert len(popfetch.maildir()) == 2
    assert "kept until" in items(popfetch("--list", "work"))[0][0]


@pytest.mark.parametrize("command", ["DELE", "QUIT"])
def test_a_delete_that_failed_brings_no_message_again(popfetch, server, command):
    """Of what is on record without a header nothing else could tell that it is known."""
    pop = server([mail("one"), mail("two")], top=False)
    popfetch.account(server=pop)
    popfetch("--catch-up", "work")
    pop.on(command, say(b"-ERR no\r\n"))
    popfetch("--delete", "work", "--uid", "uid-000001", "--yes")
    pop.forgive()
    for _ in range(2):
        assert popfetch().status == 0
    assert len(popfetch.maildir()) == 0


def test_a_delete_that_failed_takes_no_skip_back(popfetch, three, clock):
    three.on("TOP", about("uid-000001", close)).on("RETR", about("uid-000001", close))
    popfetch(env=clock(0))
    for verb in (["--skip"], ["--delete", "--yes"], ["--skip"]):
        three.on("QUIT", say(b"-ERR no\r\n"))
        popfetch(*verb, "work", "--uid", "uid-000001", env=clock(60))
    three.forgive()
    popfetch(env=clock(120))
    popfetch(env=clock(7200))
    assert len(popfetch.maildir()) == 2
    assert "skipped" in items(popfetch("--list", "work", env=clock(7300)))[0][0]


def test_with_a_program_v_still_says_what_was_delivered(popfetch, server):
    pop = server([mail("one")])
    result = popfetch.account(server=pop, mda=popfetch.saver())("-v")
    assert "message 1 (uid 'uid-000001') delivered" in result.output, result


# What they have in common.


@pytest.mark.parametrize("verb", [["--skip"], ["--delete", "--yes"]])
def test_a_uid_that_is_not_there_changes_nothing(popfetch, three, verb):
    result = popfetch(*verb, "work", "--uid", "uid-000001", "--uid", "nosuch%20one")
    assert result.status == os.EX_USAGE, result
    assert "uid 'nosuch%20one' is not on the server" in result.stderr, result
    assert len(three.left()) == 3
    popfetch()
    assert len(popfetch.maildir()) == 3


@pytest.mark.parametrize(
    "verb", [["--list"], ["--skip", "--uid", "x"], ["--delete", "--yes", "--uid", "x"]]
)
def test_without_uidl_no_message_can_be_named(popfetch, server, verb):
    pop = server([mail("one")], uidl=False, caps=("TOP", "USER"))
    popfetch.account(server=pop, keep="no")
    result = popfetch(*verb, "work")
    assert result.status == os.EX_UNAVAILABLE and "UIDL" in result.stderr, result
    assert len(pop.left()) == 1


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--list"], "--list and --uid need the name of one account"),
        (["--skip", "work"], "--skip and --delete need --uid"),
        (["--delete", "--yes", "work"], "--skip and --delete need --uid"),
        (["--skip", "--uid", "x"], "--list and --uid need the name of one account"),
        (["--uid", "x", "work"], "--uid goes with --retry, --skip and --delete"),
        (["--yes", "work"], "--yes goes with --delete"),
        (["--skip", "--uid", "%zz", "work"], "--uid takes a uid as --list shows it"),
        (["--skip", "--uid", "", "work"], "--uid takes a uid as --list shows it"),
        (["--list", "--skip", "--uid", "x", "work"], "exclude each other"),
        (["--list", "work", "other"], "--list and --uid need the name of one account"),
    ],
)
def test_what_does_not_go_together_is_said(popfetch, three, arguments, said):
    result = popfetch(*arguments)
    assert result.status == os.EX_USAGE and len(result.errors) == 1, result
    assert said in result.stderr, result
    assert not three.connections
