# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A file server carries a call out, its answer gets lost, and what is asked again finds it done: the
file is not there any more (rename, unlink), or is there already (mkdir, link, a new file)."""

import errno
import os

import pytest

from faultcalls import AFTERWARDS, KINDS
from scene import Scene
from test_system_calls import set_up

GONE = KINDS["rename"] | KINDS["unlink"]
THERE = KINDS["open"] | KINDS["mkdir"] | KINDS["link"]
STATUSES = {0, os.EX_CANTCREAT, os.EX_IOERR, os.EX_TEMPFAIL}


@pytest.mark.parametrize("error, kinds", [("ENOENT", GONE), ("EEXIST", THERE)])
@pytest.mark.parametrize("destination", ["maildir", "mbox"])
@pytest.mark.parametrize("kind", ["first run", "later run", "recovery"])
def test_what_was_done_though_the_retry_fails_comes_once(
    binary, tmp_path, server, faults, points, kind, destination, error, kinds
):
    pop = server(tls="off", pipelining=True)
    scene = Scene(binary, tmp_path / "scene", pop, destination)
    set_up(scene, faults, kind)
    result, calls = faults.record(lambda env: scene.popfetch(env=env))
    assert result.status == 0, result
    wanted = [call for call in calls if KINDS[call.kind] & kinds]
    for call in wanted:
        scene.again()
        faults.set(call.number, error=getattr(errno, error), how=AFTERWARDS, kinds=kinds)
        result = scene.popfetch.finish(scene.popfetch.start(env=faults.environment))
        assert len(faults.failures()) == 1, call
        faults.none()
        assert result.status in STATUSES, (call, result)
        if call.kind == "rename":  # what is renamed was named by us: it is found
            assert result.status == 0 and result.stderr == "", (call, result)
            assert len(scene.delivered()) >= len(scene.wires), call
        (scene.home / "mbox.lock").unlink(missing_ok=True)  # the next one to deliver breaks it
        scene.finish(doubtful=1)
    points(len(wanted))
    assert len(wanted) > 0
