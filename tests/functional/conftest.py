# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What the tests of the whole program share: the program, servers, a home directory."""

import contextlib
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from certs import Certificates
from dovecot import Dovecot
from listener import Listener
from popserver import PopServer
from runner import Popfetch
from smalldisk import Disk
from wrongclock import WrongClock


def pytest_configure(config):
    config.addinivalue_line("markers", "progress: many runs, one after the other, which take long")


@pytest.fixture(scope="session")
def source_directory():
    return Path(os.environ.get("POPFETCH_SRCDIR") or Path(__file__).resolve().parents[2])


@pytest.fixture(scope="session")
def binary():
    path = os.environ.get("POPFETCH")
    if not path or not os.access(path, os.X_OK):
        raise RuntimeError(f"POPFETCH={path or ''}: name the program to test")
    return Path(path).resolve()


@pytest.fixture(scope="session")
def with_sanitizers():
    """Whether the program needs much more memory and time than users' one does."""
    return os.environ.get("POPFETCH_SANITIZERS") == "yes"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    directory = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        directory = directory.parent  # one for all workers
    return Certificates(directory / "certificates")


@pytest.fixture
def server(certificates):
    """Makes servers: server(messages=[...], tls="starttls", ...)."""
    made = []

    def make(messages=(), **options):
        made.append(PopServer(certificates, messages, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        assert not one.errors, one.errors


@pytest.fixture
def listener():
    """Makes ports where something else waits: listener(serve), see listener.py."""
    made = []

    def make(serve):
        made.append(Listener(serve))
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.fixture
def popfetch(binary, tmp_path):
    one = Popfetch(binary, tmp_path)
    yield one
    one.end()


@pytest.fixture(scope="session")
def clock(tmp_path_factory):
    """clock(seconds): the environment of a run whose wall clock is off by so many."""
    return WrongClock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="session")
def dovecot(certificates):
    with Dovecot(certificates) as one:
        yield one


@pytest.fixture
def outside_address():
    """An address of this machine that is not the loopback's: some things only that one may."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.77", 9))  # sends nothing: asks which address would be ours
            address = sock.getsockname()[0]
        except OSError:
            address = "127.0.0.1"
    if address.startswith("127."):
        pytest.skip("this machine has no address but the loopback's")
    return address


@pytest.fixture
def own_hosts(tmp_path):
    """Gives popfetch an /etc/hosts of the test's own: own_hosts(text) returns what to put before
    its command line."""

    def make(text):
        file = tmp_path / "hosts"
        file.write_text(text)
        before = [
            "unshare",
            "-rm",
            "sh",
            "-c",
            f'mount --bind {file} /etc/hosts && exec "$@"',
            "sh",
        ]
        if (
            not shutil.which("unshare")
            or subprocess.run([*before, "true"], capture_output=True).returncode != 0
        ):
            pytest.skip("no name spaces for an /etc/hosts of our own here")
        return before

    return make


@pytest.fixture
def small_disk():
    """Mounts a small disk over a directory: small_disk(directory) is a smalldisk.Disk."""
    with contextlib.ExitStack() as disks:

        def make(directory):
            try:
                return disks.enter_context(Disk(directory))
            except OSError as error:
                return pytest.skip(f"no small file system can be mounted here ({error})")

        yield make


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Where everything is to be tested (CI), a test that was left out has failed."""
    report = (yield).get_result()
    if not os.environ.get("CI") or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if "sanitizers" not in reason:
        report.outcome, report.longrepr = "failed", f"{item.nodeid}: left out in CI: {reason}"


def pytest_make_parametrize_id(config, val, argname):
    """Short names for long values."""
    if isinstance(val, (bytes, str)) and len(val) > 40:
        return ascii(val[:36])[:40] + "..."
    return None
