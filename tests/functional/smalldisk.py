# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A small file system over a directory, in a mount name space of its own.

    with Disk(directory) as disk:          OSError where that is not allowed
        disk.limit("6m", files=100)        from now on
        popfetch(before=disk.inside)
"""

import os
import subprocess

LARGE = "16m"


class Disk:
    """What is in the directory of others is at `path`; popfetch sees it there itself when `inside`
    is put before its command line."""

    def __init__(self, directory):
        self.directory = directory
        user = [] if os.geteuid() == 0 else ["-r"]
        script = 'mount -t tmpfs -o "size=$2,mode=700" disk "$1" && echo ready && exec cat'
        self.holder = subprocess.Popen(
            ["unshare", *user, "-m", "sh", "-c", script, "sh", str(directory), LARGE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if self.holder.stdout.readline() != b"ready\n":
            said = self.holder.stderr.read().decode()
            self.close()
            raise OSError(said)
        self.inside = ["nsenter", "-t", str(self.holder.pid), "-m"]
        if user:
            self.inside += ["-U", "--preserve-credentials"]
        self.path = type(directory)(f"/proc/{self.holder.pid}/root{directory}")

    def limit(self, size, files=0):
        options = f"remount,size={size},nr_inodes={files or 100_000}"
        subprocess.run([*self.inside, "mount", "-o", options, str(self.directory)], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()
