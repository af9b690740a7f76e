# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A program that does not take its messages: which of them that concerns, and what is told."""

import os

import pytest

from popmail import mail
from runner import same, wait_until

HOUR = 3600
# What an option of a script does to the message of this subject.
FAILURES = {
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


@pytest.mark.parametrize("jobs", [1, 4])
def test_what_ran_beside_one_that_took_the_run_down_is_not_set_aside(popfetch, deliver, jobs):
    script = NOTE + '[ "$s" = 1 ] && { sleep 0.3; kill -9 $PPID; exit 0; }\n'
    script += '[ -e "$HOME/again" ] || { touch "$HOME/again"; sleep 5; }\ntake\n'
    pop = deliver(script, *numbered(6), mda_jobs=jobs, keep="no")
    for _ in range(5):
        popfetch()
    assert pop.left() == ["uid-000002"]
    assert attempts(popfetch) == {"uid-000002": 3}


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
