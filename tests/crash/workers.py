# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The tasks of a suite, side by side on all processors.

A task is (function, scenario, arguments): function(world of the scenario, *arguments), or without a
scenario function(place, *arguments). Workers keep the world of the last scenario, so tasks come in
the order of scenarios.
"""

import multiprocessing
import os
import time
import traceback

from world import Broken, World

TASK_SECONDS = 300


class Place:
    """What a worker needs: the program, a directory of its own, a Dovecot."""

    def __init__(self, binary, directory, dovecot=None):
        self.binary, self.directory, self.dovecot = str(binary), str(directory), dovecot
        self.world = None

    def world_of(self, scenario):
        if self.world is None or self.world.scenario != scenario:
            self.leave()
            directory = os.path.join(self.directory, f"worker-{os.getpid()}")
            self.world = World(self.binary, scenario, directory, self.dovecot)
        return self.world

    def leave(self):
        if self.world is not None:
            self.world.stop()
        self.world = None


_place = None


def _begin(place):
    global _place
    _place = place
    if place.dovecot:
        place.dovecot.name_for_worker(os.getpid())


def _do(task):
    function, scenario, arguments = task
    began = time.monotonic()
    try:
        where = _place.world_of(scenario) if scenario else _place
        value, error = function(where, *arguments), None
    except Broken as broken:
        value, error = None, str(broken)
    except Exception:  # a fault of the suite itself must not pass for a result
        value, error = None, traceback.format_exc()
    return task, value, error, time.monotonic() - began


class Workers:
    def __init__(self, place, count=None):
        self.count = count or os.cpu_count() or 1
        self.pool = multiprocessing.get_context("fork").Pool(self.count, _begin, (place,))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pool.terminate()
        self.pool.join()

    def each(self, tasks):
        """(task, value, error, seconds) as they end. A worker that hangs or died ends it all."""
        results = self.pool.imap_unordered(_do, tasks)
        for _ in range(len(tasks)):
            try:
                yield results.next(TASK_SECONDS)
            except multiprocessing.TimeoutError:
                raise Broken(f"no task ended within {TASK_SECONDS} seconds") from None
