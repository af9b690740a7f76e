# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Runs popfetch in a home directory of its own, and reads what it delivered.

    popfetch.account("work", server, keep="no")      one account more in the configuration
    result = popfetch("-v", "work")                  writes the configuration, runs, waits
    result.status, result.stdout, result.stderr
    popfetch.maildir(), popfetch.mbox()              what arrived
"""

import collections
import contextlib
import fcntl
import os
import pty
import re
import resource
import select
import signal
import sqlite3
import struct
import subprocess
import termios
import time
from pathlib import Path

from popmail import local
from popserver import PASSWORD

KEPT_ENVIRONMENT = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LD_LIBRARY_PATH")


class Result:
    def __init__(self, arguments, status, stdout, stderr, seconds):
        self.arguments, self.status, self.seconds = arguments, status, seconds
        self.stdout = stdout.decode("utf-8", "surrogateescape")
        self.stderr = stderr.decode("utf-8", "surrogateescape")

    @property
    def output(self):
        return self.stdout + self.stderr

    @property
    def errors(self):
        return self.stderr.splitlines()

    def __repr__(self):
        return (
            f"popfetch {' '.join(self.arguments)}: "
            f"status {self.status} after {self.seconds:.2f} s\n"
            f"--- standard output\n{self.stdout}--- standard error\n{self.stderr}---"
        )


class Raw(str):
    """A value for the configuration that stands there as it is."""


def quoted(value):
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "{" + ", ".join(quoted(item) for item in value) + "}"
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


class Popfetch:
    def __init__(self, binary, directory):
        self.binary = str(binary)
        self.directory = Path(directory)
        self.home = self.directory / "home"
        self.home.mkdir(mode=0o700)
        self.configuration = self.home / ".config/popfetch/popfetch.conf"
        self.configuration.parent.mkdir(parents=True)
        self.globals, self.defaults, self.accounts = {}, {}, {}
        self.environment = {
            name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ
        }
        self.environment.update(
            PATH="/usr/local/bin:/usr/bin:/bin",
            HOME=str(self.home),
            USER="jane",
            LOGNAME="jane",
            LANG="C.UTF-8",
            TZ="UTC",
        )
        self.running = []

    # Configuration.

    def account(self, name="work", server=None, **options):
        """Describes an account. What is not said: a Maildir, no Received field, and what the server
        needs. None leaves an option out."""
        section = {}
        if server is not None:
            section.update(host="localhost", port=server.port, user="jane", password=PASSWORD)
            if ":" in server.address:
                section["host"] = server.address
            if server.tls != "implicit":
                section["tls"] = server.tls
            if server.tls != "off":
                section["tls_ca_file"] = server.certificates.ca
        if not {"maildir", "mbox", "mda"} & set(options):
            section["maildir"] = self.home / ("Maildir" if not self.accounts else "Maildir-" + name)
        section["received_header"] = False
        section.update(options)
        if "password" not in options and {"password_command", "password_file"} & set(options):
            del section["password"]
        self.accounts[name] = {key: value for key, value in section.items() if value is not None}
        return self

    def set(self, **options):
        self.globals.update(options)
        return self

    def text(self):
        lines = [f"{name} = {quoted(value)}" for name, value in self.globals.items()]
        for title, section in [("defaults", self.defaults)] + [
            (f"account {quoted(name)}", options) for name, options in self.accounts.items()
        ]:
            if section or title != "defaults":
                lines += (
                    [title + " {"]
                    + [f"  {name} = {quoted(value)}" for name, value in section.items()]
                    + ["}"]
                )
        return "\n".join(lines) + "\n"

    def write(self, text, path=None, mode=0o600):
        """Writes a configuration of the test's own instead of the described accounts."""
        path = Path(path or self.configuration)
        content = text if isinstance(text, bytes) else text.encode()
        if (
            not path.exists() or path.read_bytes() != content
        ):  # its date counts for a login that was refused
            path.write_bytes(content)
        path.chmod(mode)
        if path == self.configuration:
            self.accounts = None
        return path

    # Running.

    def _prepare(self):
        if self.accounts is not None:
            accounts = self.accounts
            text = self.text()
            if not self.configuration.exists() or self.configuration.read_text() != text:
                self.write(text)  # a file written anew ends the pause after refused logins
            self.accounts = accounts

    def start(self, *arguments, env=(), before=(), **more):
        """Begins a run; the test waits for it (finish) or ends it. `before` stands before the
        command line."""
        self._prepare()
        arguments = [str(argument) for argument in arguments]
        options = dict(
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=self.directory,
            env={**self.environment, **dict(env)},
        )
        options.update(more)
        process = subprocess.Popen([*before, self.binary, *arguments], **options)
        process.arguments, process.began = arguments, time.monotonic()
        self.running.append(process)
        return process

    def finish(self, process, timeout=30):
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill(process)
            try:
                stdout, stderr = process.communicate(timeout=2)
            except subprocess.TimeoutExpired:  # a program that it ran has its output open still
                stdout = stderr = b""
            raise AssertionError(
                "popfetch did not end in time\n"
                + repr(
                    Result(
                        process.arguments,
                        None,
                        stdout or b"",
                        stderr or b"",
                        time.monotonic() - process.began,
                    )
                )
            ) from None
        if process.returncode < 0:  # its children may be a little slower
            wait_until(lambda: not members(process.pid))
        return Result(
            process.arguments,
            process.returncode,
            stdout or b"",
            stderr or b"",
            time.monotonic() - process.began,
        )

    def __call__(self, *arguments, timeout=30, **more):
        result = self.finish(self.start(*arguments, **more), timeout)
        assert "Sanitizer" not in result.stderr and "runtime error:" not in result.stderr, result
        assert result.status is not None and result.status >= 0, result
        return result

    def on_terminal(self, *arguments, typed=None, timeout=30, env=(), columns=0, **more):
        """The run's standard streams are a terminal, but for those in `more`; typed: [(what is
        waited for, what is typed, or is done with the process)].  Returns a Result whose stdout has everything that was seen,
        and whose `frames` have it with the seconds since the start: [(seconds, bytes)]."""
        master, slave = pty.openpty()
        size = struct.pack("HHHH", 24 * bool(columns), columns, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        typed, seen, frames = list(typed or []), b"", []
        process = self.start(
            *arguments,
            **{
                **dict(stdin=slave, stdout=slave, stderr=slave, start_new_session=False),
                **dict(preexec_fn=make_controlling_terminal, env={"TERM": "xterm", **dict(env)}),
                **more,
            },
        )
        os.close(slave)
        end = time.monotonic() + timeout
        at = 0
        while time.monotonic() < end:
            ended = process.poll() is not None
            if not select.select([master], [], [], 0.05)[0]:
                if ended:
                    break
                continue
            try:
                data = os.read(master, 65536)
            except OSError:  # what Linux says when the last slave is closed
                break
            if not data:
                break
            seen += data
            frames.append((time.monotonic() - process.began, data))
            if typed and typed[0][0].encode() in seen[at:]:
                at = len(seen)
                answer = typed.pop(0)[1]
                if callable(answer):
                    answer(process)
                else:
                    os.write(master, answer.encode())
        try:
            process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill(process)
            raise AssertionError(f"popfetch did not end in time; seen: {seen!r}") from None
        finally:
            os.close(master)
        result = Result(
            process.arguments, process.returncode, seen, b"", time.monotonic() - process.began
        )
        result.frames = frames
        return result

    def kill(self, process):
        """Ends all of a run, and waits until none of them holds a lock any more."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            process.kill()
        wait_until(lambda: not members(process.pid))

    def end(self):
        for process in self.running:
            if process.poll() is None:
                self.kill(process)
                process.wait()

    # What is there afterwards.

    def maildir(self, path="Maildir"):
        """The messages in new and cur."""
        root = self.home / path
        return [
            file.read_bytes()
            for part in ("new", "cur")
            if (root / part).is_dir()
            for file in sorted((root / part).iterdir())
        ]

    def maildir_files(self, path="Maildir", part="new"):
        return sorted((self.home / path / part).iterdir())

    def staged(self, path="Maildir"):
        """What lies in the staging directories."""
        return [file for file in (self.home / path / "tmp").rglob("*") if file.is_file()]

    def mbox(self, path="mbox"):
        file = self.home / path
        return [message for _, message in read_mbox(file.read_bytes())] if file.exists() else []

    @property
    def state_dir(self):
        return self.home / ".local/state/popfetch"

    def databases(self):
        return sorted(self.state_dir.glob("*.db")) if self.state_dir.is_dir() else []

    def sql(self, statement, *values, database=None):
        """Looks into (or changes) the state between two runs."""
        connection = sqlite3.connect(database or self.databases()[0])
        try:
            rows = connection.execute(statement, values).fetchall()
            connection.commit()
            return rows
        finally:
            connection.close()

    def age(self, seconds, database=None):
        """As if all that was delivered had been delivered so long ago."""
        self.sql(
            "update message set delivered = delivered - ? where delivered is not null",
            seconds,
            database=database,
        )

    def earlier(self, fact, seconds):
        """As if what is remembered of this time had been so long before."""
        [(value,)] = self.sql("select value from fact where name = ?", fact) or [(0,)]
        assert value > 0, f"nothing is remembered of {fact}"
        self.sql("update fact set value = ? where name = ?", value - seconds, fact)

    @contextlib.contextmanager
    def locked(self, seconds_ago=0):
        """The account's lock is held by somebody else, who took it so long ago."""
        [path] = self.state_dir.glob("*.lock")
        os.utime(path, (time.time() - seconds_ago,) * 2)
        with open(path, "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield path

    def script(self, text, name="mda"):
        """A program for password_command or mda: the argument list that runs this shell script."""
        path = self.directory / name
        path.write_text("#!/bin/sh\n" + text + "\n")
        path.chmod(0o755)
        return [str(path)]

    def saver(self, directory="delivered", before="", after=""):
        """An mda that keeps each message it gets as a file; read them with saved()."""
        (self.home / directory).mkdir()
        return self.script(
            f'{before}\nf=$(mktemp "{self.home / directory}/XXXXXXXX") && cat > "$f" || exit 75\n'
            + after,
            "saver-" + directory,
        )

    def saved(self, directory="delivered"):
        return [file.read_bytes() for file in sorted((self.home / directory).iterdir())]


def make_controlling_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def wait_until(condition, process=None, seconds=20):
    """Looks until it is so; the run, if one is named, must not end before."""
    end = time.monotonic() + seconds
    while True:
        ended = process is not None and process.poll() is not None
        if found := condition():
            return found
        assert not ended, "popfetch ended too early"
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def proc_stat(pid):
    """The fields of /proc/PID/stat from the state on; none when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def alive(pid):
    return proc_stat(pid)[:1] not in ([], ["Z"])


def children(pid):
    """Its children that live."""
    return [
        int(other)
        for other in filter(str.isdigit, os.listdir("/proc"))
        if alive(other) and proc_stat(other)[1:2] == [str(pid)]
    ]


def cpu_seconds(pid):
    return sum(map(int, proc_stat(pid)[11:13])) / os.sysconf("SC_CLK_TCK")


def members(session):
    """The processes of a session that live: a run's own, without the programs that it runs."""
    return [
        pid
        for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
        if session_of(pid) == session and alive(pid)
    ]


def session_of(pid):
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def is_at_rest(process):
    """Whether all of a run sleep at one time: then it has seen what it was sent, done all that it
    could do about it, and waits for somebody else. (Or it is over.)"""
    first = sleeps(members(process.pid))
    return None not in first.values() and first == sleeps(members(process.pid))


def sleeps(pids):
    """How often each thread of theirs has gone to sleep, or None of one that is awake."""
    return {path: times_asleep(path) for pid in pids for path in threads_of(pid)}


def threads_of(pid):
    """None of a process that is gone."""
    place = Path(f"/proc/{pid}/task")
    try:
        return [place / name for name in os.listdir(place)]
    except OSError:
        return []


def times_asleep(thread):
    try:
        status = (thread / "status").read_text()
    except OSError:
        return None
    if not re.search(r"^State:\s*S", status, re.M):
        return None
    return sum(map(int, re.findall(r"ctxt_switches:\s*(\d+)", status)))


def stop(process, number=signal.SIGTERM):
    """A stop request, until all of the run have heard of it."""
    process.send_signal(number)
    wait_until(lambda: is_at_rest(process))


def at_most(limit):
    """For preexec_fn: so many descriptors for each process."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def small_files_only():
    """No file may grow beyond 512 KiB: to a program this looks much like a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # which Python ignores
    resource.setrlimit(resource.RLIMIT_FSIZE, (512 * 1024, 512 * 1024))


def read_mbox(content):
    """An mboxrd, strictly: [(From_ line, message)]."""
    assert content == b"" or content.startswith(b"From "), content[:80]
    assert content == b"" or content.endswith(b"\n\n"), content[-80:]
    found = []
    for block in re.split(rb"(?<=\n\n)(?=From )", content):
        if block:
            line, _, text = block.partition(b"\n")
            found.append((line, re.sub(rb"^>(>*From )", rb"\1", text[:-1], flags=re.M)))
    return found


def without_received(message):
    """The message behind the Received field that popfetch put before it."""
    head = re.match(rb"Received: [^\n]*\n([ \t][^\n]*\n)*", message)
    assert head, message[:200]
    return message[head.end() :]


def same(found, wires):
    """Exactly these messages, each as often as it is there; in any order."""
    have, want = collections.Counter(found), collections.Counter(local(wire) for wire in wires)
    missing, extra = want - have, have - want
    assert not missing and not extra, (
        f"{sum(missing.values())} missing: {show(missing)}\n"
        f"{sum(extra.values())} too many: {show(extra)}"
    )
    return True


def show(messages):
    return [(count, message[:300]) for message, count in list(messages.items())[:3]]


def fetched(popfetch, pop, **options):
    """One good run into a Maildir."""
    result = popfetch.account(server=pop, **options)("-v")
    assert result.status == 0, result
    assert same(popfetch.maildir(), pop.wires())
    return result
