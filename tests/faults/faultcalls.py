# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""System calls that fail when a test says so, by a preloaded library (faultcalls.c).

    faults = Faults(library, directory)             build() makes the library
    result, calls = faults.record(run)              calls run(environment) and notes its calls
    faults.set(first=7, error=errno.ENOSPC)         the 7th call fails, once
    faults.set(first=7, last=EVER, error=errno.EIO) it, and all behind it
    faults.failures()                               the calls that failed in the run
    faults.set_reads(first=7, error=errno.EIO)      the 7th read of the state fails instead
"""

import fcntl
import mmap
import os
import shutil
import struct
import subprocess
from pathlib import Path

EVER = 2**31 - 1
KINDS = {
    name: 1 << bit
    for bit, name in enumerate(
        "open write sync rename unlink truncate mkdir link other".split()
    )
}
ALL = sum(KINDS.values())
INSTEAD, AFTERWARDS, SHORT, SHORT_FIRST, KILL = range(5)
FIELDS = "8i"  # the struct control of faultcalls.c, and behind it what is about reads
READS = "4i"
KIND_OF = {
    "open": "open",
    "openat": "open",
    "write": "write",
    "pwrite": "write",
    "writev": "write",
    "fsync": "sync",
    "fdatasync": "sync",
    "syncfs": "sync",
    "rename": "rename",
    "renameat": "rename",
    "renameat2": "rename",
    "unlink": "unlink",
    "unlinkat": "unlink",
    "rmdir": "unlink",
    "ftruncate": "truncate",
    "mkdir": "mkdir",
    "mkdirat": "mkdir",
    "link": "link",
    "linkat": "link",
    "fchown": "other",
    "fchmod": "other",
    "futimens": "other",
}


def build(directory):
    """The library, built once for all processes of the test run."""
    library = Path(directory) / "faultcalls.so"
    with open(f"{library}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            compiler = os.environ.get("CC", "cc").split()[0]
            compiler = compiler if shutil.which(compiler) else "cc"
            source = Path(__file__).with_suffix(".c")
            subprocess.run(
                [compiler, "-O1", "-shared", "-fPIC", "-o", f"{library}.new", source], check=True
            )
            os.rename(f"{library}.new", library)
    return library


class Call(tuple):
    """One recorded call: number, name, path."""

    number = property(lambda self: self[0])
    name = property(lambda self: self[1])
    path = property(lambda self: self[2])
    kind = property(lambda self: KIND_OF[self[1]])


class Faults:
    def __init__(self, library, directory):
        self.preloaded, self.directory = library, Path(directory)
        self.file = self.directory / "faults"
        self.file.write_bytes(bytes(mmap.PAGESIZE))
        self._open = open(self.file, "r+b")
        self.memory = mmap.mmap(self._open.fileno(), mmap.PAGESIZE)
        self.log, self.failed = self.directory / "calls", self.directory / "failed"
        asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAULTS": str(self.file),
            "FAULTS_HITS": str(self.failed),
            "ASAN_OPTIONS": asan,
        }
        self.none()

    def set(self, first, last=None, error=0, how=INSTEAD, kinds=ALL, without_sync=True):
        last = first if last is None else last
        values = (0, 0, first, last, error, how, kinds, int(without_sync))
        self.memory[: struct.calcsize(FIELDS)] = struct.pack(FIELDS, *values)
        self.failed.unlink(missing_ok=True)

    def set_reads(self, first, last=None, error=0):
        self.none()
        values = (0, first, first if last is None else last, error)
        struct.pack_into(READS, self.memory, struct.calcsize(FIELDS), *values)

    def none(self):
        self.set(0, 0)
        struct.pack_into(READS, self.memory, struct.calcsize(FIELDS), 0, 0, 0, 0)

    @property
    def reads(self):
        return struct.unpack_from(READS, self.memory, struct.calcsize(FIELDS))[0]

    @property
    def counter(self):
        return struct.unpack_from(FIELDS, self.memory)[0]

    @property
    def hits(self):
        return struct.unpack_from(FIELDS, self.memory)[1]

    def failures(self):
        """The calls that failed."""
        return read_calls(self.failed)

    def record(self, run):
        """The calls that change files in a run: run(environment)."""
        self.none()
        self.log.unlink(missing_ok=True)
        result = run({**self.environment, "FAULTS_LOG": str(self.log)})
        calls = read_calls(self.log)
        assert [call.number for call in calls] == list(range(1, self.counter + 1))
        return result, calls


def read_calls(file):
    calls = []
    for line in file.read_text(errors="replace").splitlines() if file.exists() else []:
        number, name, path = line.split(" ", 2)
        calls.append(Call((int(number), name, path)))
    return sorted(calls)
