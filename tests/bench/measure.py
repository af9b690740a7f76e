# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Runs a command and tells what it cost: time, CPU, memory, waits for the disk.

The tools are C programs beside this file, built for the run.
"""

import collections
import contextlib
import mmap
import os
import pwd
import shlex
import signal
import struct
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
RUN_SECONDS = 900

Figures = collections.namedtuple("Figures", "seconds cpu peak_kib syncs")


class Void(Exception):
    """A run that did not do what it was timed for: its figures mean nothing."""


def build_tools(directory):
    compiler = shlex.split(os.environ.get("CC") or "cc")
    tls = shlex.split(os.environ.get("OPENSSL_CFLAGS", ""))
    tls_libraries = shlex.split(os.environ.get("OPENSSL_LIBS", "")) or ["-lssl", "-lcrypto"]
    for source, out, more in (
        ("timed.c", "timed", []),
        ("slowsync.c", "slowsync.so", ["-shared", "-fPIC", "-ldl"]),
        ("reader.c", "reader", [*tls, *tls_libraries]),
        ("handover.c", "handover", []),
    ):
        command = [*compiler, "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-o", str(directory / out)]
        subprocess.run([*command, str(HERE / source), *more], check=True)


def ordinary_user():
    """Who fetches mail: not root, since some programs refuse to deliver root's. (procmail wants
    the user to have a home directory; nobody has none.)"""
    return pwd.getpwnam("daemon") if os.getuid() == 0 else pwd.getpwuid(os.getuid())


class Stopwatch:
    def __init__(self, directory):
        self.tools, self.user = Path(directory), ordinary_user()
        self.report, self.count = self.tools / "report", self.tools / "syncs"
        for file in (self.report, self.count):
            file.write_bytes(bytes(8))
            self.give(file)

    def give(self, path):
        """To the user who fetches, with all that is in it."""
        if os.getuid() != 0:
            return
        os.chown(path, self.user.pw_uid, self.user.pw_gid)
        for directory, folders, files in os.walk(path):
            for name in folders + files:
                os.chown(os.path.join(directory, name), self.user.pw_uid, self.user.pw_gid)

    def who(self):
        """For subprocess: run it as that user."""
        if os.getuid() != 0:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def can_run(self):
        """Whether that user may enter all folders above the tools."""
        command = [self.tools / "timed", self.report, "true"]
        try:
            return subprocess.run(command, **self.who()).returncode == 0
        except PermissionError:
            return False

    def run(self, command, environment, directory, output, sync_ms=0, statuses=(0,)):
        """Figures of one run. output: the file that gets what it says. sync_ms: how much longer a
        sync takes; None: syncs are not even counted."""
        self.clear()
        if sync_ms is not None:
            environment = {
                **environment,
                "LD_PRELOAD": str(self.tools / "slowsync.so"),
                "SLOWSYNC_COUNT": str(self.count),
                "SLOWSYNC_USEC": str(round(sync_ms * 1000)),
            }
        command = [str(self.tools / "timed"), str(self.report), *map(str, command)]
        with open(output, "wb") as out:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=environment,
                start_new_session=True,
                **self.who(),
            )
            wait(process)
        if process.returncode != 0:
            raise Void(f"{command[2]} did not run: {said(output)}")
        seconds, user, system, peak, status = self.report.read_text().split()
        if int(status) not in statuses:
            raise Void(f"{' '.join(command[2:])}: status {status}: {said(output)}")
        syncs = None if sync_ms is None else self.syncs()
        return Figures(float(seconds), float(user) + float(system), int(peak), syncs)

    def clear(self):
        with open(self.count, "r+b") as f, mmap.mmap(f.fileno(), 8) as shared:
            shared[:8] = bytes(8)

    def syncs(self):
        with open(self.count, "r+b") as f, mmap.mmap(f.fileno(), 8) as shared:
            return struct.unpack("=Q", shared[:8])[0]


def wait(process):
    try:
        process.wait(RUN_SECONDS)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise Void(f"no end after {RUN_SECONDS} s") from None
        raise


def said(output):
    text = Path(output).read_text(errors="replace").strip()
    return text[-600:] or "(it said nothing)"


def sync_cost(directory, count=50):
    """Seconds that a sync of a small write takes here: the median."""
    path, costs = Path(directory) / "sync-cost", []
    with open(path, "wb", buffering=0) as f:
        for _ in range(count):
            f.write(bytes(4096))
            began = time.monotonic()
            os.fsync(f.fileno())
            costs.append(time.monotonic() - began)
    path.unlink()
    return sorted(costs)[count // 2]
