# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Runs of popfetch on another day, or on a computer whose clock is wrong.

    clock = WrongClock(directory)
    popfetch(env=clock(-20 * 365 * DAY))         the environment of a run twenty years ago
"""

import os
import shutil
import subprocess
from pathlib import Path

DAY = 86400


class WrongClock:
    def __init__(self, directory):
        compiler = os.environ.get("CC", "cc").split()[0]
        compiler = compiler if shutil.which(compiler) else "cc"
        self.preloaded = Path(directory) / "wrongclock.so"
        source = Path(__file__).with_suffix(".c")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", self.preloaded, source], check=True)

    def __call__(self, seconds):
        return {
            "LD_PRELOAD": str(self.preloaded),
            "WRONG_CLOCK": str(int(seconds)),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }
