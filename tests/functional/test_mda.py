# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Delivery through a program: what it is given, what its exit status means, and the real ones."""

import os
import shutil
import signal

import pytest

from popactions import cut
from popmail import local, mail
from runner import alive, is_at_rest, proc_stat, same, wait_until

ALLOWED = {"HOME", "PATH", "USER", "LOGNAME", "SHELL", "TZ", "LANG"}


@pytest.fixture
def deliver(popfetch, server):
    """An account whose mda is this shell script; returns its server."""

    def make(script, *wires, **options):
        pop = server(wires)
        mda = popfetch.script(script, "mda") if isinstance(script, str) else script
        popfetch.account(server=pop, mda=mda, **options)
        return pop

    return make


def calls(popfetch):
    """How often a script that appends to ~/calls was run."""
    path = popfetch.home / "calls"
    return path.read_text().split() if path.exists() else []


# What the program gets.


def test_the_program_gets_each_message_whole_on_standard_input(popfetch, deliver):
    pop = deliver(
        popfetch.saver(), mail("one"), mail("two", ".dots\n\n\n"), mail("big", "x" * 300_000 + "\n")
    )
    assert popfetch().status == 0
    assert same(popfetch.saved(), pop.wires())


def test_standard_input_is_a_file_in_which_one_can_seek(popfetch, deliver):
    script = popfetch.directory / "seek.py"
    script.write_text(
        "import os, stat, sys\n"
        "assert stat.S_ISREG(os.fstat(0).st_mode)\n"
        "first = sys.stdin.buffer.read()\n"
        "sys.stdin.buffer.seek(0)\n"
        "assert sys.stdin.buffer.read() == first and first\n"
        "open(os.environ['HOME'] + '/calls', 'a').write('ok\\n')\n"
    )
    deliver(["/usr/bin/python3", str(script)], mail("one"))
    result = popfetch("-v")
    assert result.status == 0, result
    assert calls(popfetch) == ["ok"]


def test_the_environment_is_small_and_known(popfetch, deliver):
    deliver('tr "\\0" "\\n" < /proc/$$/environ > "$HOME/environment"', mail("one"))
    assert (
        popfetch(env={"LEAKED": "yes", "LD_PRELOAD_LIST": "x", "POPFETCH_DEBUG": "x"}).status == 0
    )
    lines = (popfetch.home / "environment").read_text().splitlines()
    environment = dict(line.split("=", 1) for line in lines)
    ours = {name for name in environment if name.startswith("POPFETCH_")}
    assert set(environment) - ours <= ALLOWED, environment
    assert {"HOME", "PATH", "USER", "LOGNAME", "SHELL"} <= set(environment)
    assert environment["HOME"] == str(popfetch.home)
    assert environment["POPFETCH_ACCOUNT"] == "work"
    assert environment["POPFETCH_DELIVERY_ID"] and "POPFETCH_DEBUG" not in ours


def test_it_runs_in_the_home_directory_and_a_process_group_of_its_own(popfetch, deliver):
    deliver(
        'pwd > "$HOME/directory"; echo $$ $(cut -d" " -f5,6 /proc/$$/stat) > "$HOME/group"',
        mail("one"),
    )
    assert popfetch().status == 0
    assert (popfetch.home / "directory").read_text().strip() == str(popfetch.home)
    pid, group, session = (popfetch.home / "group").read_text().split()
    assert pid == group == session


def test_nothing_of_popfetch_is_open_in_it(popfetch, deliver):
    program = (
        "import os\n"
        "there = '/proc/self/fd/'\n"
        "found = [name for name in os.listdir(there) if os.path.exists(there + name)]\n"
        "open(os.environ['HOME'] + '/descriptors', 'w').write(' '.join(found))"
    )
    (popfetch.directory / "look.py").write_text(program)
    deliver(["/usr/bin/python3", str(popfetch.directory / "look.py")], mail("one"))
    assert popfetch().status == 0
    assert set((popfetch.home / "descriptors").read_text().split()) == {"0", "1", "2"}


def test_arguments_are_passed_as_they_are_without_a_shell(popfetch, deliver):
    script = popfetch.script('printf "%s|" "$@" > "$HOME/arguments"')
    arguments = ["$HOME", "a b", ";touch x", "*", "", "'", "-f"]
    deliver(script + arguments, mail("one"))
    assert popfetch().status == 0
    assert (popfetch.home / "arguments").read_text().split("|")[:-1] == arguments


@pytest.mark.parametrize(
    "sender, expected",
    [
        ("<ann@example.org>", "ann@example.org"),
        ("<>", "MAILER-DAEMON"),
        ("<`id`@$(id).x;id>", None),
        ("<-oQ/tmp@x>", None),
        ("<a b'\"\\@x>", None),
        ("<" + "a" * 100_000 + "@x>", None),
    ],
)
def test_the_sender_fills_one_argument_and_never_becomes_an_option(
    popfetch, deliver, sender, expected
):
    script = popfetch.script('printf "%s|" "$@" > "$HOME/arguments"')
    deliver(script + ["-f", "%{sender}", "end"], mail("one", Return_Path=sender))
    assert popfetch("-v").status == 0
    shown = (popfetch.home / "arguments").read_text().split("|")[:-1]
    assert len(shown) == 3 and shown[0] == "-f" and shown[2] == "end"
    assert not shown[1].startswith("-") and shown[1] and " " not in shown[1]
    if expected:
        assert shown[1] == expected


def test_account_and_user_are_at_hand(popfetch, deliver):
    script = popfetch.script('printf "%s|" "$@" > "$HOME/arguments"')
    deliver(script + ["%{account}", "%{user}"], mail("one"))
    assert popfetch().status == 0
    assert (popfetch.home / "arguments").read_text() == "work|jane|"


def test_other_percent_signs_stay(popfetch, deliver):
    script = popfetch.script('printf "%s|" "$@" > "$HOME/arguments"')
    deliver(script + ["%%{unknown}", "100%", "%%", "%%F", "+%F"], mail("one"))
    assert popfetch().status == 0
    assert (popfetch.home / "arguments").read_text() == "%{unknown}|100%|%|%F|+%F|"


def test_the_received_field_is_there_unless_switched_off(popfetch, deliver):
    pop = deliver(popfetch.saver(), mail("one"), received_header=True)
    popfetch()
    assert popfetch.saved()[0].startswith(b"Received: ") and popfetch.saved()[0].endswith(
        local(pop.wires()[0])
    )


# What comes back.


def test_status_0_is_delivered_even_if_nothing_was_read(popfetch, deliver):
    pop = deliver("exit 0", mail("one", "x" * 200_000 + "\n"), keep="no")
    assert popfetch().status == 0
    assert pop.left() == []


@pytest.mark.parametrize(
    "script", ["exit 75", "exit 71", "exit 111", "kill -TERM $$", "kill -SEGV $$"]
)
def test_after_a_temporary_failure_the_next_run_tries_again(popfetch, deliver, script):
    pop = deliver(f'echo x >> "$HOME/calls"; {script}', mail("one"), mail("two"), keep="no")
    result = popfetch("-v")
    assert result.status == os.EX_TEMPFAIL, result
    assert calls(popfetch) == ["x", "x"]
    assert pop.left() == ["uid-000001", "uid-000002"]
    wires = pop.wires()
    popfetch.accounts["work"]["mda"] = popfetch.saver()
    assert popfetch().status == 0
    assert same(popfetch.saved(), wires)
    assert pop.left() == []


@pytest.mark.parametrize("status", [1, 64, 65, 67, 69, 73, 74, 76, 77, 78, 99, 100, 126, 127, 255])
def test_another_status_refuses_this_message_only(popfetch, deliver, status):
    pop = deliver(
        f'echo x >> "$HOME/calls"; grep -q "^Subject: bad" && exit {status}; exit 0',
        mail("good 1"),
        mail("bad"),
        mail("good 2"),
        keep="no",
    )
    result = popfetch()
    assert result.status == os.EX_TEMPFAIL, result
    assert "popfetch: work: " in result.stderr and str(status) in result.stderr
    assert len(calls(popfetch)) == 3
    assert pop.left() == ["uid-000002"]


def test_a_refused_message_is_not_tried_in_every_run(popfetch, deliver):
    pop = deliver('echo x >> "$HOME/calls"; exit 67', mail("bad"), keep="no")
    for _ in range(4):
        popfetch()
    assert len(calls(popfetch)) == 1
    assert pop.left() == ["uid-000001"]
    assert "set aside" in popfetch("-n").output
    popfetch.sql("update message set next_try = 1")
    popfetch()
    assert len(calls(popfetch)) == 2


def test_a_program_that_hangs_is_ended_with_all_its_children(popfetch, deliver):
    pop = deliver(
        'echo $$ > "$HOME/pid"; sleep 300 & echo $! > "$HOME/child"; trap "" TERM; '
        "while :; do sleep 300; done",
        mail("one"),
        mda_timeout="2 seconds",
    )
    result = popfetch("-v")
    assert result.status == os.EX_TEMPFAIL, result
    assert "mda" in result.stderr
    for name in ("pid", "child"):
        pid = int((popfetch.home / name).read_text())
        wait_until(lambda: not alive(pid))
    assert pop.left() == ["uid-000001"]


def test_a_child_that_stays_behind_does_not_hold_up_the_run(popfetch, deliver):
    deliver(
        'cat > /dev/null; sleep 300 & echo $! >> "$HOME/calls"; exit 0', mail("one"), mail("two")
    )
    result = popfetch()
    children = list(map(int, calls(popfetch)))
    stayed = [alive(pid) for pid in children]
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    assert result.status == 0 and stayed == [True, True], result


def test_a_program_that_is_not_there(popfetch, deliver):
    pop = deliver(["no-such-mda"], mail("one"), keep="no")
    result = popfetch()
    assert result.status in (os.EX_OSERR, os.EX_CANTCREAT, os.EX_CONFIG), result
    assert "no-such-mda" in result.stderr and "No such file" in result.stderr
    assert pop.left() == ["uid-000001"]


def test_what_it_says_on_standard_error_is_logged(popfetch, deliver):
    deliver('echo "quota \033[31mexceeded" >&2; exit 73', mail("one"))
    result = popfetch.set(log="~/log")("-v")
    shown = result.output + (popfetch.home / "log").read_text()
    assert "quota" in shown and "exceeded" in shown and "\033" not in shown


def test_a_flood_on_standard_error_is_survived(popfetch, deliver):
    pop = deliver(
        'cat > /dev/null; head -c 3000000 /dev/zero | tr "\\0" y >&2\n'
        "yes | head -100000 >&2; exit 0",
        mail("one"),
        keep="no",
    )
    result = popfetch("-v")
    assert result.status == 0, result.status
    assert len(result.output) < 1_000_000
    assert pop.left() == []


def test_the_delivery_id_is_the_same_when_a_message_comes_again(popfetch, deliver):
    deliver(
        'echo "$POPFETCH_DELIVERY_ID" >> "$HOME/calls"; test -e "$HOME/ready" || exit 75',
        mail("one"),
        mail("two"),
    )
    popfetch()
    popfetch()
    (popfetch.home / "ready").touch()
    popfetch()
    ids = calls(popfetch)
    assert ids[0] != ids[1] and ids == 3 * ids[:2]


def test_the_delivery_id_does_not_hang_on_a_listing(popfetch, deliver):
    def no_listing(session, line):
        session.send(b"-ERR not now\r\n" if line == b"LIST\r\n" else session.reply(line))

    pop = deliver('echo "$POPFETCH_DELIVERY_ID" >> "$HOME/calls"; exit 75', mail("one"))
    pop.on("LIST", no_listing)
    popfetch()
    pop.forgive()
    popfetch()
    first, second = calls(popfetch)
    assert first == second


def test_no_partial_message_ever_reaches_the_program(popfetch, server):
    wire = mail("one", "line\n" * 2000)
    for size in (10, 100, 5000, len(wire), len(wire) + 14):
        pop = server([wire]).on("RETR", cut(size))
        popfetch.accounts.clear()
        popfetch.account(
            server=pop, mda=popfetch.script('echo x >> "$HOME/calls"; cat > /dev/null')
        )
        popfetch()
        assert calls(popfetch) == [], size


def test_messages_go_one_at_a_time_in_order(popfetch, deliver):
    deliver(
        'mkdir "$HOME/inside" || exit 1; sed -n "s/^Subject: //p" >> "$HOME/calls"\n'
        'rmdir "$HOME/inside"',
        *(mail(str(number)) for number in range(30)),
    )
    assert popfetch().status == 0
    assert calls(popfetch) == [str(number) for number in range(30)]


# Several at once.

TOGETHER = """
enter() { # waits until $1 are inside, or others have been so
    mkdir "$HOME/inside.$$"
    test $(ls -d "$HOME"/inside.* | wc -l) -le %(jobs)d || touch "$HOME/too-many"
    tries=0
    until [ $(ls -d "$HOME"/inside.* | wc -l) -ge $1 ] || [ -e "$HOME/met" ]; do
        tries=$((tries + 1)); [ $tries -lt 500 ] || exit 70
        sleep 0.02
    done
    touch "$HOME/met"
}
leave() { rmdir "$HOME/inside.$$"; }
"""


@pytest.mark.parametrize("jobs", [2, 5])
def test_as_many_run_at_once_as_are_allowed(popfetch, deliver, jobs):
    script = popfetch.saver(before=TOGETHER % {"jobs": jobs} + f"enter {jobs}", after="leave")
    pop = deliver(script, *(mail(str(number)) for number in range(20)), mda_jobs=jobs, keep="no")
    wires = pop.wires()
    result = popfetch("-v")
    assert result.status == 0, result
    assert same(popfetch.saved(), wires) and pop.left() == []
    assert not (popfetch.home / "too-many").exists()


def test_one_that_is_slow_does_not_hold_up_the_others(popfetch, deliver):
    script = popfetch.saver(
        after='case "$(cat "$HOME/subject.$$")" in\n'
        '*first*) until [ -e "$HOME/last" ]; do sleep 0.02; done;;\n'
        '*last*) touch "$HOME/last";;\nesac',
        before='sed -n "s/^Subject: //p" > "$HOME/subject.$$" < /proc/self/fd/0',
    )
    names = ["first", *map(str, range(12)), "last"]
    pop = deliver(script, *map(mail, names), mda_jobs=2)
    result = popfetch("-v")
    assert result.status == 0, result
    assert same(popfetch.saved(), pop.wires())


def test_a_refusal_concerns_one_message_when_several_run(popfetch, deliver):
    script = popfetch.saver(before='grep -q "^Subject: bad" /proc/self/fd/0 && exit 67')
    pop = deliver(
        script, *(mail("bad" if n == 3 else str(n)) for n in range(9)), mda_jobs=4, keep="no"
    )
    wires = pop.wires()
    result = popfetch()
    assert result.status == os.EX_TEMPFAIL and len(result.errors) == 1, result
    assert same(popfetch.saved(), wires[:3] + wires[4:]) and pop.left() == ["uid-000004"]


def test_what_runs_beside_one_that_asks_for_later_is_recorded(popfetch, deliver):
    script = popfetch.saver(
        before=TOGETHER % {"jobs": 3} + "enter 3\n"
        'if [ ! -e "$HOME/ready" ]; then\n'
        '    grep -q "^Subject: 0" /proc/self/fd/0 &&\n'
        '        { leave; echo $$ > "$HOME/pid.$$"; mv "$HOME/pid.$$" "$HOME/pid"; exit 75; }\n'
        '    until [ -e "$HOME/pid" ] && ! kill -0 $(cat "$HOME/pid"); do sleep 0.02; done\n'
        "fi",
        after="leave",
    )
    pop = deliver(script, *(mail(str(n)) for n in range(9)), mda_jobs=3, keep="no")
    wires = pop.wires()
    result = popfetch()
    assert result.status == os.EX_TEMPFAIL and len(result.errors) == 1, result
    assert same(popfetch.saved(), wires[1:]) and pop.left() == ["uid-000001"]
    (popfetch.home / "ready").touch()
    assert popfetch().status == 0
    assert same(popfetch.saved(), wires) and pop.left() == []


def test_several_that_ask_for_later_are_one_line(popfetch, deliver):
    pop = deliver(
        TOGETHER % {"jobs": 4} + "enter 4\nleave\nexit 75",
        *(mail(str(n)) for n in range(9)),
        mda_jobs=4,
    )
    result = popfetch()
    assert result.status == os.EX_TEMPFAIL and len(result.errors) == 1, result
    assert len(pop.left()) == 9


# When the program wants no more.


def test_a_server_without_pipelining_is_not_asked_for_what_is_not_wanted(popfetch, server):
    asked, ended = popfetch.home / "asked", popfetch.home / "ended"
    waits = f'until [ -e "{asked}" ]; do sleep 0.01; done; '
    said = f'echo $$ > "{ended}.new"; mv "{ended}.new" "{ended}"; '
    pop = server([mail(str(number)) for number in range(12)], pipelining=False)

    def answer_late(session, line):
        asked.touch()
        wait_until(ended.exists)
        mda = int(ended.read_text())
        wait_until(lambda: not proc_stat(mda) and is_at_rest(process))  # it has seen the end too
        session.obey(line)

    pop.on("RETR 3", answer_late)
    goes = 'rm "$0"; '  # so that none can be started for the next message
    popfetch.account(server=pop, mda=popfetch.script(waits + goes + said + "exit 75"))
    process = popfetch.start()
    result = popfetch.finish(process)
    pop.settle()
    assert result.status == os.EX_OSERR, result
    assert pop.last.quit_answered
    retrs = [line for line in pop.last.commands if line.startswith("RETR")]
    assert 3 <= len(retrs) <= 4, retrs


# Real programs.


def program(name):
    path = shutil.which(name)
    assert path, f"these tests need {name} (contrib/bootstrap packages check)"
    return path


@pytest.fixture
def procmail(popfetch):
    """The mda that runs procmail with this text as its recipes. Without -m it would look after the
    system's mailbox of whoever runs these tests; it takes the home directory from the password
    database."""

    def make(recipes, *arguments):
        path = popfetch.home / "recipes"
        path.write_text(recipes)
        path.chmod(0o600)
        (popfetch.home / "Mail").mkdir()
        return [
            program("procmail"),
            *arguments,
            "-m",
            f"HOME={popfetch.home}",
            f"ORGMAIL={popfetch.home}/astray",
            f"DEFAULT={popfetch.home}/astray",
            str(path),
        ]

    return make


def test_procmail_sorts_with_the_example_recipe(popfetch, server, procmail, source_directory):
    example = (source_directory / "contrib/procmailrc.example").read_text()
    pop = server(
        [
            mail("one"),
            mail("two", "From the body\n", List_Id="A list <list.example.org>"),
            mail("three", X_Spam_Flag="YES"),
        ]
    )
    wires = pop.wires()
    popfetch.account(server=pop, mda=procmail(example, "-t", "-p"), keep="no")
    result = popfetch("-v")
    assert result.status == 0, result
    for folder, wire in (
        ("inbox", wires[0]),
        ("lists-list.example.org", wires[1]),
        ("junk", wires[2]),
    ):
        assert same(popfetch.maildir("Mail/" + folder), [wire]), folder
    assert pop.left() == []


def test_the_example_recipe_drops_what_popfetch_hands_over_twice(
    popfetch, server, procmail, source_directory
):
    example = (source_directory / "contrib/procmailrc.example").read_text()
    pop = server([mail("one"), mail("two")])
    popfetch.account(server=pop, mda=procmail(example, "-t", "-p"))
    assert popfetch().status == 0
    assert popfetch("--all").status == 0
    assert same(popfetch.maildir("Mail/inbox"), pop.wires())


def test_procmail_delivers_into_a_maildir(popfetch, server, procmail):
    recipes = "MAILDIR=$HOME\nDEFAULT=$HOME/inbox/\n:0\n* ^Subject: two\n$HOME/second/\n"
    pop = server([mail("one", "\n>quoted\n"), mail("two"), mail("three")])
    popfetch.account(server=pop, mda=procmail(recipes))
    result = popfetch("-v")
    assert result.status == 0, result
    assert same(popfetch.maildir("inbox"), [pop.wires()[0], pop.wires()[2]])
    assert same(popfetch.maildir("second"), [pop.wires()[1]])


def test_procmail_may_say_try_again_later(popfetch, server, procmail):
    pop = server([mail("one")])
    popfetch.account(server=pop, mda=procmail("EXITCODE=75\nHOST\n"), keep="no")
    assert popfetch().status == os.EX_TEMPFAIL
    assert pop.left() == ["uid-000001"]


def test_maildrop_sorts_by_its_filter(popfetch, server):
    program("maildrop")
    folder = popfetch.home / "inbox"
    for name in ("", "new", "cur", "tmp"):
        (folder / name).mkdir()
    recipe = popfetch.home / "filter"
    recipe.write_text(f'if (/^Subject: bad/)\n{{\n  EXITCODE=67\n  exit\n}}\nto "{folder}"\n')
    recipe.chmod(0o600)
    pop = server([mail("one"), mail("bad"), mail("two")])
    popfetch.account(server=pop, mda=[program("maildrop"), str(recipe)], keep="no")
    result = popfetch("-v")
    assert result.status == os.EX_TEMPFAIL, result
    assert len(popfetch.maildir("inbox")) == 2
    assert pop.left() == ["uid-000002"]


def test_a_message_that_kills_the_program_does_not_stop_the_account_for_ever(popfetch, server):
    script = popfetch.script(
        'cat > "$HOME/one"\ngrep -q "^Subject: two" "$HOME/one" && kill -9 $$\n'
        'cat "$HOME/one" >> "$HOME/got"'
    )
    pop = server([mail("one"), mail("two"), mail("three")])
    popfetch.account(server=pop, mda=script)
    for _ in range(3):
        assert popfetch().status == os.EX_TEMPFAIL
    got = (popfetch.home / "got").read_text()
    assert got.count("Subject: one") == 1 and got.count("Subject: three") == 1, got
    result = popfetch("-v")
    assert result.status == 0 and "1 set aside" in result.stdout, result
