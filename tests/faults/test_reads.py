# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A read of the state that fails is no damage: who is told of damage restores an old state, or removes
it, and gets all mail again."""

import errno
import os

import pytest

from faultcalls import EVER
from scene import Scene
from test_system_calls import set_up


def check(scene, faults, number, last, error):
    scene.again()
    faults.set_reads(number, last, error)
    result = scene.popfetch.finish(scene.popfetch.start("-v", env=faults.environment))
    reads = faults.reads
    faults.none()
    assert reads >= number, (number, result)
    assert result.status == os.EX_IOERR, (number, result)
    assert os.strerror(error) in result.stderr, (number, result)
    scene.check_nothing_wrong(result)
    scene.finish(doubtful=1)


@pytest.mark.parametrize("error", ["EIO", "ENXIO", "ERANGE", "ESTALE"])
@pytest.mark.parametrize("kind", ["later run", "recovery"])
def test_a_read_of_the_state_that_fails_is_no_damage(
    binary, tmp_path, server, faults, points, kind, error
):
    pop = server(tls="off", pipelining=True)
    scene = Scene(binary, tmp_path / "scene", pop, "maildir")
    set_up(scene, faults, kind)
    scene.again()
    faults.set_reads(0)
    result = scene.popfetch(env=faults.environment)
    assert result.status == 0, result
    count = faults.reads
    assert count > 5
    for number in range(1, count + 1):
        last = number if number % 2 else EVER
        check(scene, faults, number, last, getattr(errno, error))
    points(count)
