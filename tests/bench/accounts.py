#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Many accounts on one machine, nothing new in any: what an account costs.

    POPFETCH=build/popfetch tests/bench/accounts.py --accounts 10000 --jobs 32
    POPFETCH=build/popfetch tests/bench/accounts.py --accounts 20 --rtt 100 --jobs 0

Generates a configuration, starts a small POP3S server of its own, fetches all mail once,
then runs popfetch some times and prints medians: wall time, processor time of popfetch
and all its processes (not the server's), and memory. --rtt puts a line of so many milliseconds
between the two. --jobs 0 leaves the number to popfetch.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "functional"))
from certs import Certificates
from relay import Relay

PASSWORD = "secret-of-all"
CAPABILITIES = "TOP UIDL USER PIPELINING RESP-CODES AUTH-RESP-CODE".split() + ["SASL PLAIN"]


class Mailbox:
    """Answers commands as a server whose users all have the same mail."""

    def __init__(self, messages):
        numbers = range(1, messages + 1)
        self.replies = {
            b"STAT": b"+OK %d %d\r\n" % (messages, 1000 * messages),
            b"UIDL": self.listing(b"%d uid-%08d" % (n, n) for n in numbers),
            b"LIST": self.listing(b"%d 1000" % n for n in numbers),
            b"CAPA": self.listing(line.encode() for line in CAPABILITIES),
        }

    def listing(self, lines):
        return b"".join([b"+OK\r\n", *(line + b"\r\n" for line in lines), b".\r\n"])

    def answer(self, line):
        word, _, rest = line.strip().upper().partition(b" ")
        if word in (b"TOP", b"RETR"):
            return self.listing([b"Message-ID: <%s@example.org>" % rest.split()[0], b"", b"x"])
        if word == b"LIST" and rest:
            return b"+OK %s 1000\r\n" % rest
        return self.replies.get(word, b"+OK\r\n")

    async def serve(self, reader, writer):
        with contextlib.suppress(OSError, ssl.SSLError):
            writer.write(b"+OK ready\r\n")
            while line := await reader.readline():
                writer.write(self.answer(line))
                if line.upper().startswith(b"QUIT"):
                    break
            writer.close()
            await writer.wait_closed()


def listening():
    sock = socket.create_server(("127.0.0.1", 0), backlog=1024)
    return sock, sock.getsockname()[1]


async def serving(serve, sock, context):
    server = await asyncio.start_server(serve, sock=sock, ssl=context, backlog=1024)
    async with server:
        await server.serve_forever()


def start_server(serve, sock, context=None):
    """In a process of its own, which ends with this one's group."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            asyncio.run(serving(serve, sock, context))
        finally:
            os._exit(0)
    return pid


def configuration(directory, port, certificates, options):
    lines = [
        f"state_dir = '{directory}/state'",
        "defaults {",
        f"  host = localhost\n  port = {port}\n  tls_ca_file = '{certificates.ca}'",
        f"  password = '{PASSWORD}'\n  keep = forever" if options.shared_password else "",
        "}",
    ]
    for number in range(options.accounts):
        name = f"u{number:07d}"
        lines += [f"account {name} {{", f"  user = '{name}@example.org'"]
        if not options.shared_password:
            lines += [f"  password = '{PASSWORD}-{number}'"]
        lines += [f"  maildir = '{directory}/mail/{name}'", "}"]
    path = directory / "popfetch.conf"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    return path


class Memory(threading.Thread):
    """Looks at the processes of a session while it runs."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session, self.over = session, threading.Event()
        self.parent = self.child = self.total = self.processes = 0

    def run(self):
        while not self.over.wait(0.5):
            found = {}
            for pid in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError, ValueError, KeyError):
                    if os.getsid(int(pid)) == self.session:
                        found[int(pid)] = self.look(pid)
            self.note(found)

    def look(self, pid):
        fields = {}
        for name in ("status", "smaps_rollup"):
            for line in Path(f"/proc/{pid}/{name}").read_text().splitlines():
                key, _, value = line.partition(":")
                if value.endswith("kB"):
                    fields[key] = int(value.split()[0])
        return fields["VmHWM"], fields["Pss"], fields["Private_Dirty"]

    def note(self, found):
        parent = found.pop(self.session, (0, 0, 0))
        self.parent = max(self.parent, parent[0])
        self.child = max([self.child, *(dirty for _, _, dirty in found.values())])
        total = sum(pss for _, pss, _ in found.values()) + parent[1]
        if total > self.total:
            self.total, self.processes = total, 1 + len(found)


def run(command, check=True):
    began = time.monotonic()
    process = subprocess.Popen(command, start_new_session=True)
    memory = Memory(process.pid)
    memory.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    memory.over.set()
    memory.join()
    if check and status != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: wait status {status}")
    return wall, usage.ru_utime, usage.ru_stime, memory


def measure(binary, path, options):
    command = [binary, "-q", "-c", path, *(["-j", str(options.jobs)] if options.jobs else [])]
    command += ["--shard", options.shard] if options.shard else []
    print(f"{options.accounts} accounts of {options.messages} messages, nothing new; ", end="")
    print(f"jobs: {options.jobs or 'as popfetch likes'}; round trip: {options.rtt} ms")
    reading = [
        run([binary, "-q", "-c", path, "--retry", "u0000000"])
        for _ in range(options.rounds)
    ]
    show("reading the configuration, one account touched", reading, options.accounts)
    first = run(command)
    fetched = len(os.listdir(path.parent / "mail"))
    show("first run, everything new", [first], fetched)
    run(command)
    show("nothing new", [run(command) for _ in range(options.rounds)], fetched)
    stats = [os.stat(entry) for entry in os.scandir(path.parent / "state")]
    print(
        f"state: {sum(stat.st_size for stat in stats) / fetched / 1024:.1f} KiB an account, "
        f"{sum(stat.st_blocks for stat in stats) / fetched / 2:.1f} KiB of the disk, "
        f"{len(stats) / fetched:.0f} files"
    )


def show(what, runs, accounts):
    wall, user, system = (statistics.median(column) for column in list(zip(*runs))[:3])
    memory = runs[-1][3]
    cpu = user + system
    print(
        f"{what}: {accounts} accounts, {wall:.3f} s wall, {cpu:.3f} s CPU "
        f"({user:.3f} user, {system:.3f} system), "
        f"{cpu / accounts * 1000:.3f} ms CPU and {wall / accounts * 1000:.3f} ms wall an account"
    )
    if memory.total:
        print(
            f"    memory: parent at most {memory.parent} KiB, a child's own at most "
            f"{memory.child} KiB, all together {memory.total} KiB in {memory.processes} processes"
        )


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=32)
    parser.add_argument("--shard", help="only this part of the accounts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rtt", type=float, default=0, help="milliseconds")
    parser.add_argument("--servers", type=int, default=2, help="processes")
    parser.add_argument("--shared-password", action="store_true", help="one in defaults")
    parser.add_argument("--directory", help="of a file system to measure on")
    return parser.parse_args()


def main():
    options = arguments()
    binary = os.environ.get("POPFETCH") or "popfetch"
    children = []
    with tempfile.TemporaryDirectory(prefix="popfetch-accounts-", dir=options.directory) as name:
        directory = Path(name)
        (directory / "mail").mkdir()
        certificates = Certificates(directory / "certificates")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificates.pair("good"))
        sock, port = listening()
        mailbox = Mailbox(options.messages)
        try:
            for _ in range(options.servers):
                children.append(start_server(mailbox.serve, sock, context))
            with contextlib.ExitStack() as stack:
                if options.rtt:
                    port = stack.enter_context(Relay(port, options.rtt / 1000)).port
                measure(binary, configuration(directory, port, certificates, options), options)
        finally:
            for pid in children:
                os.kill(pid, signal.SIGTERM)
                os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
