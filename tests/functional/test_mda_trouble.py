# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A program that does not take its messages: which of them that concerns, what is told, and how soon
a run ends all the same."""

import hashlib
import os
import signal

import pytest

from popmail import mail
from runner import alive, is_at_rest, same, wait_until

pytestmark = pytest.mark.progress

HOUR = 3600
DAY = 86400
# What an option of a script does to the message of this subject.
FAILURES = {
    "later": "exit 75",
    "out of resources": "exit 71",
    "qmail's later": "exit 111",
    "killed": "kill -9 $$",
    "hangs": "exec sleep 60",
    "takes popfetch down": "kill -9 $PPID; exit 0",
}


@pytest.fixture
def deliver(popfetch, server):
    """An account whose mda is this shell script; returns its server."""

    def make(script, *wires, **options):
        pop = server(wires)
        mda = popfetch.script(script, "mda") if isinstance(script, str) else script
        popfetch.account(server=pop, mda=mda, **options)
        return pop

    return make


def numbered(count):
    return [mail(str(number)) for number in range(count)]


def calls(popfetch):
    """The subjects that a script was given, in order."""
    path = popfetch.home / "calls"
    return path.read_text().split() if path.exists() else []


NOTE = """
cat > "$HOME/message.$$"; s=$(sed -n "s/^Subject: //p" "$HOME/message.$$"); echo $s >> "$HOME/calls"
take() { mv "$HOME/message.$$" "$HOME/delivered/$POPFETCH_DELIVERY_ID"; }
mkdir -p "$HOME/delivered"
"""


def bad(subject, failure):
    return NOTE + f'[ "$s" = {subject} ] && {{ {failure}; }}\ntake\n'


def attempts(popfetch):
    """Of each message whose failures are on record."""
    return dict(popfetch.sql("select cast(uid as text), attempts from message where attempts > 0"))


def later(popfetch, seconds):
    popfetch.sql("update message set next_try = next_try - ? where next_try > ?", seconds, seconds)


# What is told.

WORDS = {
    "exit 1": "refused the message (status 1)",
    "exit 75": "asks to try again later (status 75)",
    "kill -9 $$": "was ended by signal 9",
    "exec sleep 60": "did not end within 1 second",
}


def letter(sender, subject):
    return f"From: Jane <{sender}>\r\nSubject: {subject}\r\n\r\nbody\r\n".encode()


@pytest.mark.parametrize("failure", WORDS)
def test_an_error_says_who_its_message_is_from_and_what_about(deliver, popfetch, failure):
    script = "cat > message; grep -q good message && exit 0; echo quota exceeded >&2; " + failure
    wires = letter("joe@example.org", "good"), letter("jane@example.org", "Your invoice")
    deliver(f"cd $HOME; {script}", *wires, mda_timeout="1 second", log=None)
    popfetch.set(log=popfetch.home / "log")
    result = popfetch()
    [line] = result.errors
    name = "popfetch: work: message 2 (uid 'uid-000002') from jane@example.org, \"Your invoice\": '"
    assert line.startswith(name) and WORDS[failure] + ": quota exceeded" in line, line
    assert ("; it is set aside" in line) == (failure == "exit 1"), line
    kept = (popfetch.home / "log").read_text() + popfetch("--status", "-v").stdout
    kept += repr(popfetch.sql("select value from fact"))
    kept += repr(popfetch.sql("select * from message"))
    assert "quota exceeded" in kept and "invoice" not in kept and "example.org" not in kept, kept


@pytest.mark.parametrize("failure", ["exit 127", "exit 75"])
def test_an_mda_that_takes_nothing_is_told_with_such_a_message(deliver, popfetch, failure):
    deliver(failure, *[letter("jane@example.org", f"number {n}") for n in range(7)])
    [line] = popfetch("-v").errors
    assert "(uid 'uid-00000" in line and ") from jane@example.org, \"number " in line, line


def test_what_is_told_of_a_message_is_safe_and_bounded(deliver, popfetch):
    subject = "\x1b[2J\x07" + "long words " * 300
    wires = letter("jane@example.org", subject), letter("x" * 900 + "@a", ""), b"\r\nx\r\n"
    deliver("exit 1", *wires)
    result = popfetch()
    assert "\x1b" not in result.stderr and "\\x1b[2J\\x07long words" in result.stderr, result
    assert "..." in result.stderr and max(map(len, result.errors)) < 500, result
    assert "from MAILER-DAEMON, without a subject" in result.stderr, result


# One message.


@pytest.mark.parametrize("what", FAILURES)
@pytest.mark.parametrize("jobs", [1, 3])
def test_one_message_keeps_no_other_from_coming(popfetch, deliver, what, jobs):
    wires = numbered(8)
    pop = deliver(bad(2, FAILURES[what]), *wires, mda_timeout="1 second", mda_jobs=jobs, keep="no")
    results = [popfetch() for _ in range(5)]
    assert same(popfetch.saved(), wires[:2] + wires[3:])
    assert pop.left() == ["uid-000003"]
    assert calls(popfetch).count("2") == 3, "then it is set aside"
    assert attempts(popfetch) == {"uid-000003": 3}
    assert results[-1].status == 0, results[-1]
    later(popfetch, HOUR)
    popfetch()
    assert calls(popfetch).count("2") == 4


@pytest.mark.parametrize("what", ["later", "killed", "hangs"])
def test_the_error_names_the_message(popfetch, deliver, what):
    deliver(bad(1, FAILURES[what]), *numbered(3), mda_timeout="1 second")
    result = popfetch()
    assert result.status == os.EX_TEMPFAIL and len(result.errors) == 1, result
    assert "message 2 (uid 'uid-000002') from " in result.stderr


def test_what_failed_before_comes_last(popfetch, deliver):
    deliver(bad(0, "exit 75"), *numbered(4), keep="forever")
    popfetch()
    popfetch()
    assert calls(popfetch) == ["0", "1", "2", "3", "0"]


@pytest.mark.parametrize("jobs", [1, 4])
def test_what_ran_beside_one_that_took_the_run_down_is_not_set_aside(popfetch, deliver, jobs):
    script = NOTE + '[ "$s" = 1 ] && { sleep 0.3; kill -9 $PPID; exit 0; }\n'
    script += '[ -e "$HOME/again" ] || { touch "$HOME/again"; sleep 5; }\ntake\n'
    pop = deliver(script, *numbered(6), mda_jobs=jobs, keep="no")
    for _ in range(5):
        popfetch()
    assert pop.left() == ["uid-000002"]
    assert attempts(popfetch) == {"uid-000002": 3}


def test_beside_one_that_takes_runs_down_the_others_are_deleted(popfetch, deliver):
    pop = deliver(bad(2, FAILURES["takes popfetch down"]), *numbered(8), keep="no")
    for _ in range(2):
        popfetch()
    assert pop.left() == ["uid-000003"]


def test_that_a_message_was_set_aside_for_killed_runs_is_told(popfetch, deliver):
    deliver(bad(0, FAILURES["takes popfetch down"]), *numbered(1))
    for _ in range(3):
        assert popfetch().status == os.EX_SOFTWARE
    result = popfetch()
    assert result.status == 0 and "1 message is set aside" in result.stderr, result
    shown = popfetch("-n")
    assert "uid-000001" in shown.output and "set aside" in shown.output
    assert "set aside" not in popfetch().stderr


def test_a_kill_that_has_nothing_to_do_with_the_message_costs_nothing(popfetch, deliver):
    script = NOTE + '[ -e "$HOME/go" ] || { touch "$HOME/began"; sleep 60; }; take\n'
    pop = deliver(script, *numbered(3), keep="no")
    wires = pop.wires()
    process = popfetch.start()
    wait_until((popfetch.home / "began").exists, process)
    popfetch.kill(process)
    (popfetch.home / "go").touch()
    result = popfetch()
    assert result.status == 0 and not result.errors, result
    assert same(popfetch.saved(), wires) and pop.left() == []


def test_a_message_without_uid_that_takes_the_run_down_is_set_aside(popfetch, server):
    pop = server(numbered(3), uidl=False, caps=("TOP", "USER"))
    script = popfetch.script(bad(0, FAILURES["takes popfetch down"]))
    popfetch.account(server=pop, mda=script, keep="no")
    for _ in range(5):
        popfetch()
    assert calls(popfetch).count("0") == 3
    assert len(popfetch.saved()) == 2 and len(pop.left()) == 1


# All messages.


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("what", ["later", "killed"])
def test_a_program_that_takes_nothing_is_one_line_and_no_message_s_fault(
    popfetch, deliver, what, jobs
):
    pop = deliver(NOTE + FAILURES[what], *numbered(40), mda_jobs=jobs)
    for run in range(4):
        result = popfetch()
        assert result.status == os.EX_TEMPFAIL and len(result.errors) == 1, result
        assert "messages in a row" in result.stderr and "uid 'uid-0000" in result.stderr
    assert len(calls(popfetch)) <= 4 * (6 + jobs)
    assert attempts(popfetch) == {} and len(pop.left()) == 40
    popfetch.accounts["work"]["mda"] = popfetch.saver("later")
    assert popfetch().status == 0
    assert same(popfetch.saved("later"), pop.wires())


def test_the_last_message_that_waits_tells_whether_it_is_all_of_them(popfetch, deliver):
    """The first six cannot be delivered; what is behind them can."""
    deliver(NOTE + '[ "$s" -lt 6 ] && exit 75\ntake', *numbered(12))
    result = popfetch()
    assert result.status == os.EX_TEMPFAIL and len(result.errors) == 6, result
    assert len(popfetch.saved()) == 6
    assert len(attempts(popfetch)) == 6


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_mailbox_that_is_full_does_not_stop_the_others(popfetch, deliver, jobs):
    """Of a domain: all but one message are for one whose mailbox is full."""
    pop = deliver(NOTE + '[ "$s" = 12 ] || exit 75\ntake', *numbered(30), mda_jobs=jobs)
    results = [popfetch() for _ in range(4)]
    assert all(result.status == os.EX_TEMPFAIL for result in results), results
    assert same(popfetch.saved(), [pop.wires()[12]])
    pop.add(mail("12"))
    for _ in range(8):
        popfetch()
    assert len(popfetch.saved()) == 2
    popfetch.accounts["work"]["mda"] = popfetch.saver("rest")
    later(popfetch, 8 * DAY)
    assert popfetch().status == 0
    assert len(popfetch.saved("rest")) == 29


def test_two_messages_that_are_all_there_is_are_not_counted(popfetch, deliver):
    pop = deliver(NOTE + "exit 75", *numbered(2), keep="no")
    for _ in range(5):
        result = popfetch()
        assert result.status == os.EX_TEMPFAIL and len(result.errors) == 1, result
    assert attempts(popfetch) == {} and len(pop.left()) == 2


def test_refusals_never_end_a_run(popfetch, deliver):
    deliver(NOTE + "exit 67", *numbered(12))
    result = popfetch()
    assert len(calls(popfetch)) == 12 and len(result.errors) == 12
    assert len(attempts(popfetch)) == 12


def test_a_program_that_is_not_there_is_told_once_and_not_counted(popfetch, deliver):
    deliver(["no-such-mda"], *numbered(12))
    for _ in range(2):
        result = popfetch()
        assert result.status == os.EX_OSERR and len(result.errors) == 1, result
    assert attempts(popfetch) == {}


# A configuration that cannot work.


def touch_at_rest(path, process):
    wait_until(lambda: is_at_rest(process))
    path.touch()


@pytest.mark.parametrize("status", [64, 126, 127])
@pytest.mark.parametrize("count, jobs", [(1, 1), (12, 1), (12, 4)])
def test_a_program_that_is_called_wrongly_is_told_once_and_tried_again(
    popfetch, deliver, status, count, jobs
):
    script = NOTE + f"echo no such option >&2; exit {status}"
    pop = deliver(script, *numbered(count), mda_jobs=jobs)
    result = popfetch()
    assert result.status == os.EX_CONFIG and len(result.errors) == 1, result
    assert "option 'mda'" in result.stderr and "no such option" in result.stderr
    assert f"status {status}" in result.stderr
    assert len(calls(popfetch)) <= 1 + jobs
    again = popfetch()
    assert again.status == os.EX_CONFIG and not again.errors, again
    popfetch.sql("update fact set value = value - ? where name = 'mda_told'", DAY + 1)
    assert len(popfetch().errors) == 1
    assert attempts(popfetch) == {} and len(pop.left()) == count
    popfetch.script(NOTE + "take", "mda")  # the same options, a better script
    assert popfetch().status == 0
    assert same(popfetch.saved(), pop.wires())


def test_the_first_and_the_last_message_that_came_are_asked_about(popfetch, deliver):
    asked = popfetch.home / "asked"
    script = NOTE + f'until [ -e "{asked}" ]; do sleep 0.02; done; exit 127'
    pop = deliver(script, *numbered(12))
    pop.on("RETR 12", lambda session, line: (session.obey(line), touch_at_rest(asked, process)))
    process = popfetch.start()
    assert popfetch.finish(process).status == os.EX_CONFIG
    assert calls(popfetch) == ["0", "11"]


def test_a_changed_option_is_told_at_once(popfetch, deliver):
    deliver(["/bin/sh", "-c", "procmial"], *numbered(3))
    assert len(popfetch().errors) == 1
    assert not popfetch().errors
    popfetch.accounts["work"]["mda"] = ["/bin/sh", "-c", "procamil"]
    result = popfetch()
    assert len(result.errors) == 1 and "procamil" in result.stderr


def test_what_has_delivered_before_it_was_changed_is_not_said_to_never_have(popfetch, deliver):
    pop = deliver(NOTE + "take", mail("0"))
    changed = "option 'mda' seems to be wrong, it has not delivered since it or its program was changed; "
    assert popfetch().status == 0
    popfetch.script(NOTE + "exit 127", "mda")
    pop.add(mail("1"))
    assert "work: " + changed in popfetch().stderr
    popfetch.accounts["work"]["mda"] = ["/bin/sh", "-c", "procmial"]
    assert "work: " + changed in popfetch().stderr
    popfetch.accounts["work"]["mda"] = popfetch.script(NOTE + "take", "mda")
    assert popfetch().status == 0


def test_what_has_never_delivered_is_said_to_never_have(popfetch, deliver):
    deliver(["/bin/sh", "-c", "procmial"], mail("0"))
    assert "option 'mda' seems to be wrong, it has never delivered; " in popfetch().stderr
    popfetch.accounts["work"]["mda"] = ["/bin/sh", "-c", "procamil"]
    assert "it has never delivered; " in popfetch().stderr


def test_a_program_that_has_delivered_may_refuse_with_any_status(popfetch, deliver):
    deliver(NOTE + "[ $s -gt 0 ] && exit 64\ntake", *numbered(4))
    result = popfetch()
    assert result.status == os.EX_TEMPFAIL and len(result.errors) == 3, result
    assert len(calls(popfetch)) == 4 and len(attempts(popfetch)) == 3


def inner_program(popfetch, pop):
    """Of an account whose mda is a shell that runs it, and has delivered."""
    inner = popfetch.home / "inner"
    inner.write_text("#!/bin/sh\n" + NOTE + "take\n")
    inner.chmod(0o755)
    popfetch.account(server=pop, mda=["/bin/sh", "-c", 'cd "$HOME" && ./inner'])
    assert popfetch().status == 0
    return inner


@pytest.mark.parametrize("how", ["is gone", "cannot be run"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_run_that_sets_aside_for_want_of_a_program_says_what_to_do(popfetch, server, count, how):
    pop = server([mail("first")])
    inner = inner_program(popfetch, pop)
    gone = popfetch.home / "gone"
    inner.rename(gone) if how == "is gone" else inner.chmod(0o600)
    for number in range(count):
        pop.add(mail(str(number)))
    result = popfetch("-q")
    assert result.status == os.EX_TEMPFAIL and len(result.errors) == count + 1, result
    told = "1 message is set aside" if count == 1 else f"{count} messages are set aside"
    assert result.errors[-1] == (
        f"popfetch: work: {told}, since a program that option 'mda' needs is missing or cannot "
        "be run; why: popfetch --status -v work; to try again: popfetch --retry work"
    )
    again = popfetch()
    assert again.status == 0 and not again.errors, again
    gone.rename(inner) if how == "is gone" else inner.chmod(0o755)
    assert popfetch("--retry", "work").status == 0
    assert popfetch().status == 0
    assert same(popfetch.saved(), pop.wires())


def test_of_what_a_program_refuses_no_program_is_said_to_be_missing(popfetch, deliver):
    deliver(NOTE + "[ $s -gt 0 ] && exit $((62 + s))\ntake", *numbered(4))
    result = popfetch()
    assert "status 64" in result.stderr and "missing" not in result.stderr, result


def test_one_message_that_is_refused_so_does_not_stop_a_new_account(popfetch, deliver):
    pop = deliver(bad(0, "exit 64"), *numbered(4), keep="no")
    result = popfetch()
    assert result.status == os.EX_TEMPFAIL and len(result.errors) == 1, result
    assert pop.left() == ["uid-000001"] and attempts(popfetch) == {"uid-000001": 1}


# What is too long for a program.


def test_a_uid_without_measure_does_not_stop_the_account(popfetch, server):
    uid = b"\x80" * 50000

    def list_uids(session, line):
        session.send(b"+OK\r\n1 a\r\n2 " + uid + b"\r\n3 c\r\n.\r\n")

    pop = server(numbered(3)).on("UIDL", list_uids)
    popfetch.account(server=pop, mda=popfetch.script(NOTE + "take"))
    result = popfetch()
    assert result.status == 0, result
    assert same(popfetch.saved(), pop.wires())
    name = hashlib.sha256(uid).hexdigest().encode()
    assert popfetch.sql("SELECT uid FROM message ORDER BY id") == [(b"a",), (name,), (b"c",)]
    assert popfetch("--status").status == popfetch().status == 0
    assert len(popfetch.saved()) == 3


# A stop request.

DEAF = 'trap "" TERM; touch "$HOME/began.$s"; while :; do sleep 0.2; done'
POLITE = 'trap "exit 75" TERM; touch "$HOME/began.$s"; while :; do sleep 0.1; done'
HOLDING = 'sleep 300 & echo $! >> "$HOME/children"; touch "$HOME/began.$s"; wait'


def began(popfetch):
    return list(popfetch.home.glob("began.*"))


@pytest.mark.parametrize("script", [POLITE, DEAF, HOLDING])
@pytest.mark.parametrize("jobs", [1, 4])
def test_a_stop_ends_the_run_while_programs_go_on(popfetch, deliver, script, jobs):
    pop = deliver(NOTE + script, *numbered(8), mda_jobs=jobs, keep="no")
    process = popfetch.start()
    wait_until(lambda: len(began(popfetch)) == jobs, process)
    process.send_signal(signal.SIGTERM)
    result = popfetch.finish(process, timeout=14)
    assert result.status == os.EX_TEMPFAIL and len(result.errors) == 1, result
    assert "stopped by a signal: 0 of 8 messages fetched" in result.stderr
    children = popfetch.home / "children"
    for pid in map(int, children.read_text().split() if children.exists() else []):
        wait_until(lambda: not alive(pid))
    pop.settle()
    assert pop.last.quit_answered and len(pop.left()) == 8
    assert attempts(popfetch) == {}, "it is not the messages' fault"
    popfetch.script(NOTE + "take", "mda")
    wires = pop.wires()
    assert popfetch().status == 0
    assert same(popfetch.saved(), wires)


def test_a_stop_that_comes_as_a_program_is_started_ends_the_run(popfetch, deliver):
    """The program itself sends it, before it does anything else."""
    script = 'kill -TERM $(ps -o ppid= -p $PPID)\n' + NOTE + DEAF
    pop = deliver(script, *numbered(3), keep="no")
    result = popfetch(timeout=16)
    assert result.status == os.EX_TEMPFAIL and "stopped by a signal" in result.stderr, result
    assert calls(popfetch) == ["0"] and len(pop.left()) == 3


def test_a_program_that_ends_in_time_after_a_stop_has_delivered(popfetch, deliver):
    script = NOTE + 'touch "$HOME/began.$s"; sleep 3; take'
    pop = deliver(script, *numbered(3), mda_jobs=2, keep="no")
    process = popfetch.start()
    wait_until(lambda: len(began(popfetch)) == 2, process)
    process.send_signal(signal.SIGTERM)
    result = popfetch.finish(process)
    assert result.status == os.EX_TEMPFAIL, result
    assert len(popfetch.saved()) == 2 and pop.left() == ["uid-000003"]


def test_a_stop_that_leaves_nothing_undone_is_no_failure_however_long_the_program_takes(
    popfetch, deliver
):
    script = NOTE + 'touch "$HOME/began.$s"; sleep 6; take'  # longer than a reply is waited for
    deliver(script, mail("0"), keep="forever")
    process = popfetch.start()
    wait_until(lambda: began(popfetch), process)
    process.send_signal(signal.SIGTERM)
    result = popfetch.finish(process)
    assert result.status == 0 and not result.errors, result
    assert len(popfetch.saved()) == 1
