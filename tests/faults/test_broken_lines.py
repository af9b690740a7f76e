# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The line drops behind any byte, a reply never comes, a command is refused once.

Whatever happens: nothing partial is ever visible (an MDA is not even started on it), nothing is
lost or doubled, nothing is deleted that is not here, and the next run completes the work, also a
deletion that was never confirmed.
"""

import concurrent.futures
import os

import pytest

from breakable import Line
from popactions import say
from scene import DESTINATIONS, Scene

PASSING = {0, os.EX_TEMPFAIL}
KEEPS = {"deleted": "no", "kept": "forever"}


def session_size(scene, line):
    """How many bytes a server sends in a good session, and that it is a good one."""
    scene.fresh()
    line.mend()
    result = scene.popfetch("work")
    assert result.status == 0, result
    return line.passed


def check_cut(scene, line, size, way, again):
    scene.fresh()
    line.cut(size, way, again)
    result = scene.popfetch("-v")
    happened = line.happened
    line.mend()
    if not happened:
        assert result.status == 0, result
        return 0
    try:
        scene.check_nothing_wrong(result)
        assert result.status in PASSING, result
        assert len(result.errors) == (result.status != 0), result
        left = scene.pop.left()
        before = len(scene.delivered())
        if left and size % 2 and scene.destination == "maildir":
            scene.read_some()
        scene.finish()
        if before == len(scene.wires):  # all were delivered: then nothing is retrieved again
            assert not scene.pop.commands("RETR"), scene.pop.commands()
    except AssertionError as error:
        raise AssertionError(f"cut behind {size} bytes ({way}):\n{error}") from None
    return 1


def cuts(total, long_form, tls, destination, keep):
    """Every byte, or a dense sample that shifts from one test to the next."""
    if long_form:
        return range(total)
    step = 11 if tls == "off" else 29
    shift = (DESTINATIONS.index(destination) * 2 + (keep == "no")) * 4
    return range(shift % step, total, step)


@pytest.mark.parametrize("tls", ["off", "implicit"])
@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "one at a time"])
def test_a_line_that_drops_behind_any_byte(
    binary, tmp_path, server, points, long_form, tls, destination, keep, pipelining
):
    pop = server(tls=tls, pipelining=pipelining)
    with Line(pop) as line:
        scene = Scene(binary, tmp_path / "scene", line, destination, KEEPS[keep], pop=pop)
        total = session_size(scene, line)
        tried, failures = 0, []
        for size in cuts(total, long_form, tls, destination, KEEPS[keep]):
            way, again = ("close", "reset")[size // 2 % 2], size // 4 % 2 == 0
            try:
                tried += check_cut(scene, line, size, way, again)
            except AssertionError as error:
                failures.append(str(error))
        points(tried)
        assert tried > 20
        assert not failures, f"{len(failures)} of {tried}\n" + "\n".join(failures[:3])


def test_after_dele_without_quit_nothing_comes_twice_and_the_deletion_follows(
    binary, tmp_path, server, points
):
    """Every number of DELEs answered, then the line drops: with QUIT understood and not."""
    pop = server(tls="off")
    scene = Scene(binary, tmp_path / "scene", pop, "maildir", "no")
    tried = 0
    for command in ("DELE 1", "DELE 2", "DELE 3", "QUIT"):
        for answered in (False, True):
            for obeyed in (False, True):
                scene.fresh()

                def drop(session, line):
                    reply = session.reply(line) if obeyed else b"+OK\r\n"
                    if answered and command != "QUIT":
                        session.send(reply)
                    session.close()

                pop.on(command, drop)
                result = scene.popfetch("-v")
                pop.forgive()
                scene.check_nothing_wrong(result)
                assert len(scene.delivered()) == 3, result
                assert len(pop.left()) == (0 if command == "QUIT" and obeyed else 3), result
                scene.finish()
                assert not pop.commands("RETR"), "fetched once, deleted later"
                tried += 1
    points(tried)


@pytest.mark.parametrize("tls", ["off", "implicit"])
@pytest.mark.parametrize("destination", DESTINATIONS)
def test_a_reply_that_never_comes(binary, tmp_path, server, points, long_form, tls, destination):
    """At every reply: nothing of it, or a part. Many at a time, since each one is waited for."""
    pop = server(tls=tls)
    with Line(pop) as line:
        scene = Scene(binary, tmp_path / "scene", line, destination, "no", pop=pop)
        total = session_size(scene, line)
        replies = [len(data) for _, side, data in pop.last.log if side == "S"]
    ends = [sum(replies[: number + 1]) for number in range(len(replies))]
    if tls == "off":
        assert ends[-1] == total
        places = sorted({0} | {end + more for end in ends[:-1] for more in (0, 5)})
    else:  # what TLS makes of the replies is not known: evenly
        places = range(0, total, total // (60 if long_form else 15))

    def check(place):
        with Line(other := server(tls=tls)) as slow:
            one = Scene(
                binary, tmp_path / f"{place}", slow, destination, pop=other, timeout="1 second"
            )
            one.fresh()
            slow.cut(place, "stall", again=True)
            result = one.popfetch("-v")
            happened = slow.happened
            slow.mend()
            one.check_nothing_wrong(result)
            assert result.status in PASSING and result.seconds < 12, result
            assert len(result.errors) == (result.status != 0), result
            del one.popfetch.accounts["work"]["timeout"]
            one.finish()
            return happened

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(check, places))
    points(sum(results))
    assert sum(results) > len(places) // 2


REFUSALS = {
    "without a word": b"-ERR\r\n",
    "with words": b"-ERR not now, thank you\r\n",
    "temporarily": b"-ERR [SYS/TEMP] try again later\r\n",
    "for good": b"-ERR [SYS/PERM] never\r\n",
    "mailbox in use": b"-ERR [IN-USE] mailbox locked\r\n",
}


ABOUT_ONE_MESSAGE = {"without a word", "with words"}


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("keep", KEEPS)
def test_a_command_that_is_refused_once(
    binary, tmp_path, server, points, destination, keep, refusal
):
    pop = server(tls="off", pipelining=destination == "mbox")
    scene = Scene(binary, tmp_path / "scene", pop, destination, KEEPS[keep])
    scene.fresh()
    assert scene.popfetch().status == 0
    commands = [c if c[:4] in ("RETR", "DELE") else c.split(" ")[0] for c in pop.commands()]
    for command in ["GREETING", *commands]:
        scene.fresh()
        pop.on(command, say(REFUSALS[refusal]), nth=1)
        result = scene.popfetch("-v")
        pop.forgive()
        scene.check_nothing_wrong(result)
        warned = command == "QUIT" and "refused QUIT" in result.stderr
        assert len(result.errors) == (result.status != 0 or warned), result
        good = len(scene.delivered())
        if command.startswith("RETR") and refusal in ABOUT_ONE_MESSAGE:
            assert good >= 2, f"the others go on\n{result}"
        if command in ("CAPA", "QUIT") or command.startswith("DELE"):
            assert good == 3, result
        scene.finish()
    points(len(commands) + 1)
