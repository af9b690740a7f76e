# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The command line: options, what is printed, and the exit status."""

import os
import re
import signal
import sqlite3
import stat
import threading

import pytest

from popactions import after, close, hang, say
from popmail import mail
from popserver import PASSWORD
from runner import members, same, stop, wait_until


def states(popfetch):
    """Everything in the home directory, to see that nothing changes; of a database what it says,
    since SQLite may move that from one of its files to another."""
    found = {}
    for path in popfetch.home.rglob("*"):
        if path == popfetch.configuration:
            continue
        if path.suffix == ".db":
            connection = sqlite3.connect(path)
            found[path] = list(connection.iterdump())
            connection.close()
        elif path.is_file() and not path.name.endswith((".db-wal", ".db-shm")):
            found[path] = path.read_bytes()
    return found


# Options.


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_goes_to_standard_output(popfetch, option):
    popfetch.accounts = None
    result = popfetch(option)
    assert result.status == 0 and result.stderr == ""
    for word in (
        "--verbose",
        "--quiet",
        "--dry-run",
        "--check",
        "--all",
        "--catch-up",
        "--config",
        "--jobs",
        "--version",
    ):
        assert word in result.stdout, word
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version(popfetch, option):
    popfetch.accounts = None
    result = popfetch(option)
    assert result.status == 0 and result.stderr == ""
    assert re.match(r"popfetch \d+\.\d+", result.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-x"],
        ["--frobnicate"],
        ["-c"],
        ["-j"],
        ["-j", "0"],
        ["-j", "-1"],
        ["-j", "many"],
        ["-j", "1x"],
        ["--jobs="],
        ["--check", "--catch-up"],
        ["-n", "--check"],
        ["--verbose=yes"],
        ["--checks"],
    ],
)
def test_a_wrong_command_line(popfetch, server, arguments):
    pop = server([mail()])
    result = popfetch.account(server=pop)(*arguments)
    assert result.status == os.EX_USAGE, result
    assert result.stderr.startswith("popfetch: ") and result.stdout == ""
    assert pop.connections == []


@pytest.mark.parametrize(
    "arguments, said",
    [
        ("-c", "option '-c' needs an argument"),
        ("-vc", "option '-c' needs an argument"),
        ("--config", "option '--config' needs an argument"),
        ("work --conf", "option '--conf' needs an argument"),
        ("--jobs", "option '--jobs' needs an argument"),
        ("--shard", "option '--shard' needs an argument"),
        ("--check -vx", "unknown option '-x'"),
        ("--check -xv", "unknown option '-x'"),
        ("--frobnicate", "unknown option '--frobnicate'"),
        ("--verbose=yes", "option '--verbose' takes no argument"),
        ("--check=3", "option '--check' takes no argument"),
        ("-j 0", "-j takes a number from 1 to 256"),
        ("--jobs=0", "--jobs takes a number from 1 to 256"),
    ],
)
def test_a_wrong_option_is_called_as_it_was_typed(popfetch, server, arguments, said):
    result = popfetch.account(server=server())(*arguments.split())
    assert result.status == os.EX_USAGE
    assert result.stderr == f"popfetch: {said} (try 'popfetch --help')\n"


@pytest.mark.parametrize("arguments", [["nobody"], ["work", "nobody"]])
def test_an_unknown_account_is_named_before_anything_happens(popfetch, server, arguments):
    pop = server([mail()])
    result = popfetch.account(server=pop)(*arguments)
    assert result.status in (os.EX_USAGE, os.EX_CONFIG), result
    assert "nobody" in result.stderr and pop.connections == []


def test_an_account_name_nearly_right_gets_a_hint(popfetch, server):
    result = popfetch.account(server=server())("wrok")
    assert "wrok" in result.stderr and "work" in result.stderr


def test_options_may_follow_names_and_be_long(popfetch, server):
    pop = server([mail()])
    popfetch.account(server=pop)
    popfetch.write(popfetch.text(), popfetch.directory / "c")
    assert (
        popfetch("work", "--verbose", "--jobs=2", f"--config={popfetch.directory / 'c'}").status
        == 0
    )
    assert same(popfetch.maildir(), pop.wires())


def test_only_named_accounts_are_fetched(popfetch, server):
    one, two = server([mail("one")]), server([mail("two")])
    popfetch.account("a", one).account("b", two)
    assert popfetch("b").status == 0
    assert one.connections == [] and same(popfetch.maildir("Maildir-b"), two.wires())


def test_a_disabled_account_is_fetched_only_when_named(popfetch, server):
    one, two = server([mail("one")]), server([mail("two")])
    popfetch.account("a", one).account("b", two, enabled=False)
    assert popfetch().status == 0
    assert len(one.connections) == 1 and two.connections == []
    assert popfetch("b").status == 0
    assert len(two.connections) == 1


def test_an_account_named_twice_is_fetched_once(popfetch, server):
    pop = server([mail()])
    assert popfetch.account(server=pop)("work", "work").status == 0
    assert len(pop.connections) == 1


# What is printed.


def test_nothing_is_printed_off_a_terminal_unless_asked_for(popfetch, server):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop)
    assert popfetch().output == ""
    assert popfetch().output == ""


def test_nothing_new_is_silence_on_a_terminal_too(popfetch, server):
    popfetch.account(server=server())
    result = popfetch.on_terminal()
    assert result.status == 0 and result.stdout == ""


def test_verbose_tells_account_and_numbers(popfetch, server):
    pop = server([mail("one"), mail("two")])
    result = popfetch.account(server=pop)("-v")
    assert result.status == 0
    assert "work" in result.output and "2" in result.output and "localhost" in result.output
    assert "RETR" not in result.output


def test_verbose_ends_with_messages_bytes_and_seconds(popfetch, server):
    pop = server([mail("one", "x" * 70 + "\n"), mail("two", "y" * 70000 + "\n")])
    popfetch.account(server=pop, keep="no")
    last = popfetch("-v").stdout.splitlines()[-1]
    words = r"work: 2 messages fetched, 68\.\d KiB in \d\.\d seconds, 2 deleted on the server"
    assert re.fullmatch(words, last), last
    last = popfetch("-v").stdout.splitlines()[-1]
    assert re.fullmatch(r"work: 0 messages fetched, 0 B in \d\.\d seconds", last), last


def test_where_nobody_is_logged_in_nothing_is_counted(popfetch, server):
    pop = server([mail("one")]).on("GREETING", close)
    popfetch.account(server=pop)
    popfetch.account("other", server(users={"jane": "x"}))
    result = popfetch("-v")
    assert result.status == os.EX_NOPERM and "fetched" not in result.output, result


@pytest.mark.parametrize("arguments", [["-v"], ["-v", "-n"]])
def test_verbose_says_that_no_account_is_enabled(popfetch, server, arguments):
    popfetch.account(server=server(), enabled=False)
    result = popfetch(*arguments)
    assert result.status == 0 and result.stderr == ""
    assert result.stdout == f"no account is enabled in '{popfetch.configuration}'\n"
    assert popfetch().output == ""


def test_verbose_says_that_no_account_is_in_the_shard(popfetch, server):
    popfetch.account(server=server())
    said = {popfetch("-v", f"--shard={part}/2", "-n").stdout.splitlines()[0] for part in (1, 2)}
    [line] = [line for line in said if not line.startswith("work: ")]
    assert line.startswith(f"no account of '{popfetch.configuration}' is in shard ")


def test_twice_verbose_shows_the_protocol(popfetch, server):
    pop = server([mail("one")])
    result = popfetch.account(server=pop)("-vv")
    for word in ("CAPA", "RETR 1", "QUIT", "+OK bye"):
        assert word in result.output, word
    assert "Hello." not in result.output, "bodies are not shown"


def test_quiet_on_a_terminal_is_quiet(popfetch, server):
    popfetch.account(server=server([mail("one")]))
    result = popfetch.on_terminal("-q")
    assert result.status == 0 and result.stdout == ""


def test_progress_is_drawn_on_a_terminal(popfetch, server):
    pop = server([mail(str(n), "x" * 30000 + "\n") for n in range(20)])
    pop.on("RETR", after(0.03))
    popfetch.account(server=pop)
    result = popfetch.on_terminal("-v")
    assert result.status == 0
    assert "\r" in result.stdout and "work" in result.stdout
    assert same(popfetch.maildir(), pop.wires())


def test_no_control_characters_go_to_a_dumb_terminal(popfetch, server):
    popfetch.account(server=server([mail("one")]))
    result = popfetch.on_terminal("-v", env={"TERM": "dumb"})
    assert result.status == 0
    assert "\033" not in result.stdout and "work" in result.stdout


def test_every_error_is_one_line_with_the_account(popfetch, server):
    pop = server([mail()]).on("STAT", say(b"-ERR two\rlines\r\n"))
    result = popfetch.account(server=pop, notice_after="1 failure")("-q")
    assert result.status != 0
    assert len(result.errors) == 1 and result.errors[0].startswith("popfetch: work: "), result


def test_output_that_cannot_be_written_does_not_lose_mail(popfetch, server):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop, keep="no")
    wires = pop.wires()
    with open("/dev/full", "wb") as full:
        popfetch("-v", stdout=full, stderr=full)
    reader, writer = os.pipe()
    os.close(reader)
    popfetch("-v", stdout=writer, stderr=writer)
    os.close(writer)
    assert same(popfetch.maildir(), wires) and pop.left() == []


def test_closed_standard_descriptors_do_no_harm(popfetch, server):
    pop = server([mail("one")])
    popfetch.account(server=pop)
    result = popfetch("-v", before=["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"])
    assert result.status == 0
    assert same(popfetch.maildir(), pop.wires())


# Looking without touching.


@pytest.mark.parametrize("fetched_before", [False, True])
def test_a_dry_run_changes_nothing_anywhere(popfetch, server, fetched_before):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop, keep="no")
    if fetched_before:
        popfetch.accounts["work"]["keep"] = "forever"
        popfetch()
        popfetch.accounts["work"]["keep"] = "no"
        pop.add(mail("three"))
    before, uids = states(popfetch), pop.left()
    result = popfetch("-n")
    assert result.status == 0, result
    assert pop.left() == uids
    assert states(popfetch) == before
    assert not pop.commands("RETR") and not pop.commands("DELE")
    assert "work" in result.stdout and "new" in result.stdout
    assert len([line for line in result.stdout.splitlines() if "new" in line]) >= 1


def test_a_dry_run_says_why(popfetch, server):
    pop = server([mail("one"), mail("big", "x" * 5000 + "\n")])
    popfetch.account(server=pop, keep="14 days", max_size="1 KiB")
    popfetch()
    popfetch.age(3 * 86400)
    pop.add(mail("three"))
    output = popfetch("-n", "-v").output
    assert "delivered 3 days ago" in output and "14 days" in output
    assert "larger than 1" in output and "new" in output


def test_check_counts_new_mail_and_leaves_it(popfetch, server):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop)
    before = states(popfetch)
    result = popfetch("--check")
    assert result.status == 0 and "2" in result.stdout and "work" in result.stdout
    assert states(popfetch) == before and not pop.commands("RETR")
    popfetch()
    result = popfetch("--check")
    assert result.status == 1, result
    popfetch.accounts["work"]["password"] = "wrong"
    assert popfetch("--check").status == os.EX_NOPERM


def test_check_over_several_accounts(popfetch, server):
    popfetch.account("a", server()).account("b", server([mail()]))
    assert popfetch("--check").status == 0
    assert popfetch("--check", "a").status == 1


def test_all_fetches_again_what_was_fetched(popfetch, server):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop)
    popfetch()
    assert popfetch("--all").status == 0
    assert same(popfetch.maildir(), pop.wires() * 2)
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 4


def test_catch_up_records_and_fetches_nothing(popfetch, server):
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop, keep="14 days")
    assert popfetch("--catch-up").status == 0
    assert not pop.all_commands("RETR") and not pop.all_commands("DELE")
    new = pop.add(mail("three"))
    assert popfetch().status == 0
    assert same(popfetch.maildir(), [new.wire])
    assert len(pop.left()) == 3


def test_a_new_state_with_a_full_mailbox_names_catch_up(popfetch, server):
    pop = server([mail(str(number)) for number in range(1000)], pipelining=True)
    popfetch.account(server=pop, keep="14 days")
    result = popfetch.on_terminal("-v")
    assert result.status == 0
    assert "--catch-up" in result.stdout


def test_max_messages_takes_the_oldest_first(popfetch, server):
    pop = server([mail(str(number)) for number in range(5)])
    popfetch.account(server=pop, max_messages=2)
    for expected in (2, 4, 5, 5):
        assert popfetch().status == 0
        assert same(popfetch.maildir(), pop.wires()[:expected])


def test_a_message_that_is_too_large_is_named_once(popfetch, server):
    pop = server([mail("one"), mail("big", "x" * 5000 + "\n")])
    popfetch.account(server=pop, max_size="2 KiB", keep="no")
    first = popfetch()
    assert "larger" in first.output and pop.left() == ["uid-000002"]
    assert popfetch().output == ""
    popfetch.accounts["work"]["max_size"] = "10 KiB"
    assert popfetch().status == 0
    assert pop.left() == [] and len(popfetch.maildir()) == 2


# Several accounts, several runs.


def test_the_worst_status_wins_in_the_documented_order(popfetch, server):
    popfetch.account("good", server([mail()]))
    popfetch.account("refused", server(users={"jane": "x"}))
    popfetch.account("network", server().on("GREETING", close))
    assert popfetch("good", "network").status == os.EX_TEMPFAIL
    assert popfetch("good", "network", "refused").status == os.EX_NOPERM
    popfetch.account("broken", server().on("GREETING", b"hello\r\n"))
    assert popfetch("network", "broken").status == os.EX_PROTOCOL
    assert popfetch("broken", "refused").status == os.EX_NOPERM
    popfetch.account("nodir", server(), maildir="~/absent/dir")
    assert popfetch("nodir", "broken", "network").status == os.EX_CANTCREAT
    assert popfetch("nodir", "refused").status == os.EX_NOPERM


def test_one_account_in_trouble_does_not_stop_the_others(popfetch, server):
    good = [server([mail(str(n))]) for n in range(6)]
    for number, pop in enumerate(good):
        popfetch.account(f"good{number}", pop, maildir="~/Maildir")
        popfetch.account(f"bad{number}", server().on("GREETING", close))
    assert popfetch("-j", "2").status == os.EX_TEMPFAIL
    assert same(popfetch.maildir(), [wire for pop in good for wire in pop.wires()])


@pytest.mark.parametrize("jobs, together", [(1, 1), (3, 3)])
def test_so_many_accounts_at_a_time(popfetch, server, jobs, together):
    at_once, most, lock = set(), [0], threading.Lock()

    def count(session, line):
        with lock:
            at_once.add(session)
            most[0] = max(most[0], len(at_once))
        wait_until(lambda: most[0] >= together)
        session.pause(0.1)  # for one too many
        at_once.discard(session)
        session.send(session.reply(line))

    for number in range(6):
        popfetch.account(f"a{number}", server([mail()]).on("STAT", count))
    assert popfetch("-j", jobs).status == 0
    assert most[0] == together


def test_a_second_run_at_the_same_time_leaves_the_account_alone(popfetch, server):
    pop = server([mail()]).on("STAT", hang, nth=1)
    first = popfetch.account(server=pop).start()
    wait_until(lambda: pop.commands("STAT"), first)
    second = popfetch()
    assert second.status == 0 and second.output == "", second
    assert len(pop.connections) == 1
    assert popfetch("-n").status == 0 and popfetch("--check").status == os.EX_TEMPFAIL
    popfetch.kill(first)
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order(popfetch, server, number):
    pop = server([mail(str(number)) for number in range(50)])
    popfetch.account(server=pop, keep="no", pipelining="off")
    wires = pop.wires()
    pop.on("RETR 20", lambda session, line: (stop(process, number), session.obey(line)))
    process = popfetch.start()
    result = popfetch.finish(process)
    assert result.status in (0, os.EX_TEMPFAIL), result
    pop.settle()
    arrived = len(popfetch.maildir())
    assert arrived + len(pop.left()) == 50, "what was delivered is deleted, what was not is there"
    assert popfetch.staged() == []
    assert popfetch().status == 0
    assert same(popfetch.maildir(), wires) and pop.left() == []


def test_a_second_signal_ends_at_once(popfetch, server):
    pop = server([mail()]).on("STAT", hang)
    process = popfetch.account(server=pop).start()
    wait_until(lambda: pop.commands("STAT"), process)
    for _ in range(2):
        stop(process, signal.SIGINT)
    assert not members(process.pid), "it waits for nobody"
    assert popfetch.finish(process).status != 0


def test_no_process_stays_behind(popfetch, server):
    pop = server([mail()]).on("STAT", hang)
    process = popfetch.account(server=pop).start()
    wait_until(lambda: pop.commands("STAT"), process)
    process.kill()
    process.wait()
    wait_until(lambda: not members(process.pid))


# Logs and notices.


def test_the_log_has_a_line_for_each_delivery_deletion_and_session(popfetch, server):
    pop = server([mail("one"), mail("two")])
    assert popfetch.set(log="~/log").account(server=pop, keep="no")().status == 0
    log = popfetch.home / "log"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    lines = log.read_text().splitlines()
    assert len(lines) == 5, lines
    assert all("work" in line for line in lines)
    assert len([line for line in lines if "deliver" in line]) >= 2
    assert len([line for line in lines if "delete" in line]) >= 2
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", line) for line in lines), lines
    assert PASSWORD not in log.read_text()
    popfetch()
    assert log.read_text().startswith("\n".join(lines))


def test_a_log_that_cannot_be_opened_is_an_error(popfetch, server):
    pop = server([mail()])
    result = popfetch.set(log="~/absent/log").account(server=pop)()
    assert result.status == os.EX_CANTCREAT and len(result.errors) == 1, result
    for words in (
        "absent/log'",
        f"directory '{popfetch.home}/absent' does not exist",
        "change the option 'log'",
    ):
        assert words in result.stderr, result


def test_uids_in_the_log_cannot_forge_lines(popfetch, server):
    pop = server()
    pop.add(mail("one"), b"evil\x1b[2Jwork: delivered\xe2\x80\xa8x")
    popfetch.set(log="~/log").account(server=pop, keep="no")()
    text = (popfetch.home / "log").read_text()
    assert "\x1b" not in text and "\u2028" not in text


def test_passing_network_trouble_is_silent_until_it_lasts(popfetch, server):
    pop = server([mail()]).on("GREETING", close)
    popfetch.account(server=pop, notice_after="3 failures")
    outputs = []
    for _ in range(5):
        result = popfetch()
        assert result.status == os.EX_TEMPFAIL
        outputs.append(result.stderr)
    assert outputs[0] == outputs[1] == "", outputs
    assert "work" in outputs[2] and len(outputs[2].splitlines()) == 1, outputs
    assert outputs[3] == outputs[4] == "", "then once a day"
    pop.forgive()
    assert popfetch().output == ""
    pop.on("GREETING", close)
    assert popfetch().output == "", "the count begins anew"


def test_network_trouble_is_told_on_a_terminal_and_with_v(popfetch, server):
    pop = server([mail()]).on("GREETING", close)
    popfetch.account(server=pop)
    assert "work" in popfetch.on_terminal().stdout
    assert "work" in popfetch("-v").stderr


def test_a_notice_may_come_after_a_time(popfetch, server):
    pop = server([mail()]).on("GREETING", close)
    popfetch.account(server=pop, notice_after="2 hours")
    assert [popfetch().stderr for _ in range(4)] == [""] * 4


def test_other_errors_are_told_at_once(popfetch, server):
    popfetch.account(server=server(users={"jane": "x"}))
    assert "work" in popfetch().stderr


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "de_DE.ISO-8859-1", "ja_JP.EUC-JP", "nonsense"])
def test_any_locale_will_do(popfetch, server, locale):
    pop = server([mail("größe"), mail("two")])
    result = popfetch.account("ärger", pop)("-vv", env={"LC_ALL": locale, "LANG": locale})
    assert result.status == 0 and "ärger: " in result.stdout
    assert same(popfetch.maildir(), pop.wires())


@pytest.mark.parametrize("size", [10, 511, 1023, 2047, 2048, 2049, 4000])
def test_what_servers_say_is_harmless_on_a_terminal(popfetch, server, size):
    evil = b"\x1b]0;title\x07\x1b[2J\x9b31m\xc2\x9b1m\xe2\x80\xae\xff%s%n\r" * 200
    greeting = b"+OK " + evil[:size].replace(b"\r", b"\x08") + b"\r\n"
    pop = (
        server([mail("one")])
        .on("GREETING", greeting)
        .on("RETR", say(b"-ERR " + evil[:size] + b"\r\n"))
    )
    result = popfetch.account(server=pop)("-vv")
    for bad in ("\x1b", "\x07", "\x08", "\r", "\x9b", "\u202e"):
        assert bad not in result.output
    result.output.encode()  # valid UTF-8
    assert result.status in (os.EX_TEMPFAIL, os.EX_PROTOCOL)
