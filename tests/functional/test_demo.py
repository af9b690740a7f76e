# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The demonstration works, says so by its status, and leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

DEMO = str(Path(__file__).with_name("demo.py"))


@pytest.fixture
def demonstrate():
    """Starts the demonstration of a program, with temporary files in a directory of its own."""
    directory = tempfile.mkdtemp(prefix="popfetch-t-")
    os.chmod(directory, 0o711)

    def start(program):
        return subprocess.Popen(
            [sys.executable, DEMO, str(program)],
            env={**os.environ, "TMPDIR": directory},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    yield start
    left = os.listdir(directory)
    shutil.rmtree(directory)
    assert left == [], "something was left behind"


def test_the_demonstration_works(binary, demonstrate):
    process = demonstrate(binary)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stdout + stderr
    assert "Ada Lovelace" in stdout and "certificate" in stdout and stderr == ""
    assert "status 76" in stdout


def test_a_program_that_fetches_nothing_does_not_pass(demonstrate):
    process = demonstrate("/bin/true")
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1 and "failed" in stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demonstration_can_be_interrupted(demonstrate, tmp_path, number):
    script = tmp_path / "slow"
    script.write_text("#!/bin/sh\nsleep 300\n")
    script.chmod(0o755)
    process = demonstrate(script)
    while "popfetch -v" not in process.stdout.readline():
        assert process.poll() is None
    os.killpg(process.pid, number)
    process.communicate(timeout=30)
    assert process.returncode == 130
