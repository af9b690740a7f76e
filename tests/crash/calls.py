# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""System calls as strace(1) tells and disturbs them.

    points(trace)                     where a recorded run can be killed: [Point]
    kill_at(point)                    strace's command line that does it
    Stopper(process, role)            kills one of several processes that make the same call

strace counts a call by its name and in each process, so a point is a name and an ordinal. Two
processes of one run may both get there: then the first of them dies, or, where a role is named,
both are stopped at that call, the one is killed and the other goes on.
"""

import collections
import os
import re
import signal
import subprocess
import threading
import time

# What changes a file, or what another process or machine sees.
CHANGING = (
    "openat mkdirat mkdir renameat2 renameat rename unlinkat unlink rmdir linkat link symlinkat "
    "write writev pwrite64 pwritev sendfile copy_file_range ftruncate truncate fallocate "
    "fsync fdatasync syncfs sync_file_range utimensat fchmod fchown fchmodat flock fcntl "
    "connect sendto sendmsg shutdown clone clone3 vfork kill"
).split()
SYNCING = ("fsync", "fdatasync", "syncfs", "sync_file_range", "sync")
LOOKING = "openat getdents64 newfstatat fstatat64 statx faccessat2 pread64".split()
ROLES = ("parent", "keeper", "courier")
PROGRAM = "popfetch"

Point = collections.namedtuple("Point", "name nth role", defaults=(None,))


def show(point):
    return f"{point.name}#{point.nth}" + (f"@{point.role}" if point.role else "")


def read_point(text):
    match = re.fullmatch(r"(\w+)#(\d+)(?:@(\w+))?", text)
    if not match:
        raise ValueError(f"not a point: {text}")
    return Point(match[1], int(match[2]), match[3])


def works():
    """Whether strace is there and allowed."""
    try:
        done = subprocess.run(
            ["strace", "-f", "-o", "/dev/null", "-e", "trace=write", "true"],
            capture_output=True,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


# --- recording ---


def known(names):
    """A list for -e trace= that does not fail where a machine lacks one of the calls."""
    return "trace=" + ",".join("?" + name for name in names)


def record(file):
    return ["strace", "-f", "-qq", "-o", str(file), "-e", "signal=none", "-e", known(CHANGING)]


def record_whole(prefix):
    """One file a process, with all that was written."""
    names = [*CHANGING, "close", "close_range", "lseek", "dup", "dup2", "dup3"]
    return ["strace", "-ff", "-ttt", "-xx", "-s", "100000000", "-o", str(prefix)] + [
        "-e",
        "signal=none",
        "-e",
        known(names),
    ]


def entries(trace):
    """(pid, name, the rest of the line) of each call, in the order in which they began."""
    for line in trace.splitlines():
        match = re.match(r"(\d+) +(\w+)\((.*)", line)
        if match:
            yield int(match[1]), match[2], match[3]


def changes(name, rest):
    if name == "openat":
        return re.search(r"O_CREAT|O_TMPFILE|O_TRUNC", rest) is not None
    if name == "fcntl":
        return "F_SETLK" in rest
    if name == "connect":
        return "AF_INET" in rest
    return True


def roles_of(trace):
    """{pid: role}: the parent is the first, keepers are its children, couriers theirs. Programs
    that they run (by vfork) have none."""
    roles, children = {}, []
    for line in trace.splitlines():
        pid = int(line.split(None, 1)[0])
        roles.setdefault(pid, "parent" if not roles else None)
        match = re.search(r"clone3?\b.*= (\d+)$", line)
        if match:
            children.append((pid, int(match[1])))
    for pid, child in children:
        roles[child] = "keeper" if roles.get(pid) == "parent" else "courier"
    return roles


def points(trace, by_role=True):
    """Every point at which a run like the recorded one can be killed."""
    counts, found, reach = collections.Counter(), [], collections.Counter()
    roles = roles_of(trace)
    for pid, name, rest in entries(trace):
        counts[pid, name] += 1
        if changes(name, rest) and roles.get(pid):  # an MDA has none
            found.append(Point(name, counts[pid, name], roles[pid]))
    for (_, name), count in counts.items():
        for nth in range(1, count + 1):
            reach[name, nth] += 1
    plain = [p if by_role and reach[p.name, p.nth] > 1 else p._replace(role=None) for p in found]
    return list(dict.fromkeys(plain))


# --- disturbing ---


def kill_at(point, trace):
    return inject(point.name, "signal=" + ("STOP" if point.role else "KILL"), point.nth, trace)


def inject(name, what, nth, trace):
    return ["strace", "-f", "-qq", "-o", str(trace), "-e", "trace=" + name] + [
        "-e",
        f"inject={name}:{what}:when={nth}",
    ]


def fail_at(name, nth, error, trace, kill=None):
    """This call fails; and perhaps the run is killed at another one behind it. The record has
    paths."""
    command = inject(name, "error=" + error, nth, trace)
    command.insert(1, "-y")
    if not kill or kill.name == name:
        return command
    command[command.index("trace=" + name)] += "," + kill.name
    return command + ["-e", f"inject={kill.name}:signal=KILL:when={kill.nth}"]


def failed_path(trace):
    """The file whose sync failed, or None."""
    with open(trace, errors="replace") as f:
        match = re.search(r"\w+\(\d+<(.*?)>\) += -1 .*\(INJECTED\)", f.read())
    return match and match[1]


def _says(trace, words):
    try:
        with open(trace, errors="replace") as f:
            return words in f.read()
    except OSError:
        return False


def has_failed(trace):
    """Whether strace, which writes line by line, has made a call fail by now."""
    return _says(trace, "(INJECTED)")


def was_killed(trace):
    return _says(trace, "+++ killed by SIGKILL")


class Stopper:
    """Looks after a run whose processes are stopped at a call: one of them dies there, the others
    go on."""

    def __init__(self, process, role, trace, seconds=20):
        self.process, self.role, self.trace = process, role, trace
        self.end = time.monotonic() + seconds
        self.others = set()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def finish(self):
        self.thread.join(30)

    def _watch(self):
        at = 0
        while self.process.poll() is None and time.monotonic() < self.end:
            try:
                with open(self.trace, errors="replace") as f:
                    f.seek(at)
                    text = f.read()
            except OSError:
                text = ""
            whole = text.rfind("\n") + 1
            at += len(text[:whole].encode("utf-8", "replace"))
            for match in re.finditer(r"^(\d+) +--- stopped by SIGSTOP ---$", text[:whole], re.M):
                self._decide(int(match[1]))
            for pid in self.others:  # again: it may have come before strace let go of the process
                send(pid, signal.SIGCONT)
            time.sleep(0.001)

    def _decide(self, pid):
        if self._role(pid) == self.role:
            send(pid, signal.SIGKILL)
        else:
            self.others.add(pid)

    def _role(self, pid):
        if name_of(pid) != PROGRAM:
            return None
        depth, top = 0, self.process.pid
        while depth < len(ROLES) and (above := parent_of(pid)) not in (top, 0):
            pid, depth = above, depth + 1
        return ROLES[min(depth, len(ROLES) - 1)]


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().rstrip("\n")
    except OSError:
        return ""


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            return int(re.search(r"^PPid:\s+(\d+)", f.read(), re.M)[1])
    except (OSError, TypeError):
        return 0
