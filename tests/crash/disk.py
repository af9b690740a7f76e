# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What a file system may hold after a power cut, rebuilt from a recording of system calls.

    disk = Disk(home)                    takes the tree that is there now; all of it is durable
    for event in read_events(log):       of the keeper, which alone touches files
        disk.apply(event)
        for label, tree in disk.states(): ...      {path: (mode, bytes or None for a directory)}

Nothing is assumed but this: what a file held at its last fsync, fdatasync or syncfs is there, and
an entry of a directory at that of the directory. In particular a new file's own fsync does not make
its name durable. All else may have come to the disk or not, in any of the ways of states().

What waited when a sync of its file failed never comes to the disk, though programs go on reading
it: the system holds it for clean, so that only what is written again is written at all. An entry of
a directory is not lost in this way: a file system whose journal cannot be written ends all writing.
"""

import os
import re
import time

EVENT = re.compile(r"([\d.]+) (\w+)\((.*)\) += (-?\d+|\?|0x[0-9a-f]+)")
THREAD = re.compile(r"^[\d.]+ clone3?\(.*CLONE_THREAD.* = (\d+)$")
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
WRITES = ("write", "pwrite64")
SYNCS = ("fsync", "fdatasync", "syncfs")


class Event:
    def __init__(self, time, name, rest, result):
        self.time, self.name, self.rest, self.result = time, name, rest, result
        self.texts = [bytes.fromhex(t.replace("\\x", "")) for t in TEXT.findall(rest)]
        self.words = [word.strip() for word in TEXT.sub("TEXT", rest).split(",")]


def read_events(log, last_failed=False):
    """The calls of a process, and of its threads, that succeeded, and the syncs that failed, in
    order. last_failed: so did the sync at which the process was killed."""
    events = list(events_of(log, last_failed))
    threads = threads_of(log)
    for thread in threads:
        events += events_of(thread, last_failed)
    return sorted(events, key=lambda event: event.time) if threads else events


def events_of(log, last_failed):
    with open(log, errors="replace") as f:
        for line in f:
            match = EVENT.match(line)
            if not match or match[4] == "?" and not last_failed:
                continue
            result = -1 if match[4] == "?" else int(match[4], 0)
            event = Event(float(match[1]), match[2], match[3], result)
            if event.result >= 0 or event.name in SYNCS:
                yield event


def threads_of(log):
    """Their logs: a file with the thread's number behind the last dot for each."""
    with open(log, errors="replace") as f:
        found = [match[1] for match in map(THREAD.search, f) if match]
    logs = [f"{str(log).rpartition('.')[0]}.{number}" for number in found]
    return [thread for thread in logs if os.path.exists(thread)]


# --- files and directories ---


class File:
    def __init__(self, mode, content=b""):
        self.mode, self.base = mode, content
        self.steps = []  # (offset, bytes), or (size, None) for a truncation
        self.synced = 0  # so many of them are durable
        self.lost = set()  # but not these
        self.made = {}

    def is_pending(self):
        return bool(self._steps(self.synced))

    def sync(self):
        self.synced = len(self.steps)

    def fail_sync(self):
        waiting = range(self.synced, len(self.steps))
        self.lost.update(n for n in waiting if self.steps[n][1] is not None)

    def _steps(self, begin, end=None):
        """Those that may come, or have come, to the disk."""
        numbers = range(len(self.steps))[begin:end]
        return [self.steps[number] for number in numbers if number not in self.lost]

    def write(self, offset, data):
        self.steps.append((offset, data))

    def truncate(self, size):
        self.steps.append((size, None))

    def content(self, choice):
        """One object for one content, so that many states cost little."""
        key = choice, len(self.steps), self.synced, len(self.lost)
        if key not in self.made:
            self.made[key] = bytes(getattr(self, "_" + choice)())
        return self.made[key]

    def size(self):
        return len(self.content("seen"))

    def _seen(self):
        """By programs, as long as the machine is up."""
        return applied(bytearray(self.base), self.steps)

    def _all(self):
        return applied(bytearray(self.base), self._steps(0))

    def _synced(self):
        return applied(bytearray(self.base), self._steps(0, self.synced))

    def _zeros(self):
        """The size is that of now, the data that of the last sync."""
        data, size = self._synced(), self.size()
        return data[:size] + bytes(max(0, size - len(data)))

    def _half(self):
        pending = self._steps(self.synced)
        middle = len(pending) // 2
        data = applied(self._synced(), pending[:middle])
        if middle < len(pending) and pending[middle][1] is not None:
            offset, written = pending[middle]
            data = applied(data, [(offset, written[: len(written) // 2])])
        return data

    def _last(self):
        """Of all that waited only what was written last."""
        data = self._zeros()
        pending = self._steps(self.synced)
        if pending and pending[-1][1] is not None:
            data = applied(data, pending[-1:])
        return data


def applied(data, steps):
    for offset, written in steps:
        if len(data) < offset:
            data += bytes(offset - len(data))
        if written is None:
            del data[offset:]
        else:
            data[offset : offset + len(written)] = written
    return data


class Directory:
    def __init__(self, mode):
        self.mode, self.start, self.now = mode, {}, {}


class Change:
    """An act on directories: [(directory, name, what is there then or None)]. A rename has two
    halves; each is durable when its directory is synced."""

    def __init__(self, text, *halves):
        self.text, self.halves, self.durable = text, halves, [False] * len(halves)


class Descriptor:
    def __init__(self, node, append=False):
        self.node, self.append, self.at = node, append, 0


# --- the whole ---


class Disk:
    def __init__(self, home):
        self.home = os.fsencode(str(home))
        self.root = self._take(self.home)
        self.changes, self.files = [], []
        self._collect(self.root)
        self.open = {}

    def _take(self, path):
        mode = os.lstat(path).st_mode & 0o7777
        if not os.path.isdir(path):
            with open(path, "rb") as f:
                return File(mode, f.read())
        directory = Directory(mode)
        for name in os.listdir(path):
            directory.start[name] = self._take(os.path.join(path, name))
        directory.now = dict(directory.start)
        return directory

    def _collect(self, node):
        if isinstance(node, File):
            self.files.append(node)
            return
        for below in node.start.values():
            self._collect(below)

    def begin_process(self):
        self.open = {}

    # Finding.

    def _place(self, word, path):
        """(directory, name) of a path, or None outside."""
        if path.startswith(b"/"):
            if not (path + b"/").startswith(self.home + b"/"):
                return None
            at, parts = self.root, path[len(self.home) :].split(b"/")
        else:
            descriptor = self.open.get(word)
            at = descriptor.node if descriptor else None
            parts = path.split(b"/")
        parts = [part for part in parts if part not in (b"", b".")]
        for part in parts[:-1]:
            at = at.now.get(part) if isinstance(at, Directory) else None
        if not isinstance(at, Directory):
            return None
        return at, (parts[-1] if parts else None)

    def _node(self, place):
        if place is None:
            return None
        directory, name = place
        return directory if name is None else directory.now.get(name)

    # What calls do.

    def apply(self, event):
        """Whether the disk, or what is durable of it, differs now."""
        act = getattr(self, ("_do_" if event.result >= 0 else "_fail_") + event.name, None)
        return bool(act and act(event))

    def _change(self, text, *halves):
        self.changes.append(Change(text, *halves))
        for directory, name, node in halves:
            if node is None:
                directory.now.pop(name, None)
            else:
                directory.now[name] = node
        return True

    def _do_openat(self, e):
        place, flags = self._place(e.words[0], e.texts[0]), e.words[2]
        node, changed = self._node(place), False
        if "O_TMPFILE" in flags:
            node = self._new_file()
        elif node is None and "O_CREAT" in flags and place:
            node = self._new_file()
            changed = self._change("create " + shown(place), (*place, node))
        elif isinstance(node, File) and "O_TRUNC" in flags:
            node.truncate(0)
            changed = True
        self.open.pop(str(e.result), None)
        if node is not None:
            self.open[str(e.result)] = Descriptor(node, "O_APPEND" in flags)
        return changed

    def _new_file(self):
        self.files.append(File(0o600))
        return self.files[-1]

    def _do_close(self, e):
        self.open.pop(e.words[0], None)

    def _do_close_range(self, e):
        first, last = int(e.words[0], 0), int(e.words[1], 0)
        for fd in [fd for fd in self.open if first <= int(fd) <= last]:
            del self.open[fd]

    def _do_dup(self, e):
        if e.words[0] in self.open:
            self.open[str(e.result)] = self.open[e.words[0]]

    _do_dup2 = _do_dup3 = _do_dup

    def _do_fcntl(self, e):
        if "F_DUPFD" in e.rest:
            self._do_dup(e)

    def _do_lseek(self, e):
        if e.words[0] in self.open:
            self.open[e.words[0]].at = e.result

    def _do_write(self, e):
        d = self.open.get(e.words[0])
        if d is None or not isinstance(d.node, File):
            return False
        at = d.node.size() if d.append else d.at
        d.node.write(at, e.texts[0][: e.result])
        d.at = at + e.result
        return True

    def _do_pwrite64(self, e):
        d = self.open.get(e.words[0])
        if d is None or not isinstance(d.node, File):
            return False
        d.node.write(int(e.words[3]), e.texts[0][: e.result])
        return True

    def _do_ftruncate(self, e):
        d = self.open.get(e.words[0])
        if d is None:
            return False
        d.node.truncate(int(e.words[1]))
        return True

    def _unexpected(self, e):
        raise NotImplementedError(f"{e.name} is not understood by the model of the disk")

    _do_writev = _do_pwritev = _unexpected_if_open = lambda self, e: (
        self._unexpected(e) if e.words[0] in self.open else False
    )
    _do_fallocate = _do_copy_file_range = _do_sendfile = _unexpected_if_open

    def _do_mkdirat(self, e):
        place = self._place(e.words[0], e.texts[0])
        return place and self._change("mkdir " + shown(place), (*place, Directory(0o700)))

    def _do_mkdir(self, e):
        place = self._place("AT_FDCWD", e.texts[0])
        return place and self._change("mkdir " + shown(place), (*place, Directory(0o700)))

    def _do_unlinkat(self, e):
        place = self._place(e.words[0], e.texts[0])
        return place and self._change("unlink " + shown(place), (*place, None))

    def _do_unlink(self, e):
        place = self._place("AT_FDCWD", e.texts[0])
        return place and self._change("unlink " + shown(place), (*place, None))

    def _do_renameat2(self, e):
        return self._move(self._place(e.words[0], e.texts[0]), self._place(e.words[2], e.texts[1]))

    _do_renameat = _do_renameat2

    def _do_rename(self, e):
        return self._move(*(self._place("AT_FDCWD", text) for text in e.texts))

    def _move(self, old, new):
        if old is None or new is None:
            return False
        return self._change("rename " + shown(new), (*new, self._node(old)), (*old, None))

    def _do_link(self, e):
        old, new = (self._place("AT_FDCWD", text) for text in e.texts)
        return new and self._change("link " + shown(new), (*new, self._node(old)))

    def _do_fsync(self, e):
        d = self.open.get(e.words[0])
        if d is None:
            return False
        if isinstance(d.node, File):
            d.node.sync()
        else:
            self._sync_directory(d.node)
        return True

    _do_fdatasync = _do_fsync

    def _fail_fsync(self, e):
        d = self.open.get(e.words[0])
        if d is None or not isinstance(d.node, File):
            return False
        d.node.fail_sync()
        return True

    _fail_fdatasync = _fail_fsync
    _fail_syncfs = _unexpected

    def _sync_directory(self, directory):
        for change in self.changes:
            for number, half in enumerate(change.halves):
                change.durable[number] |= half[0] is directory

    def _do_syncfs(self, e):
        for file in self.files:
            file.sync()
        for change in self.changes:
            change.durable = [True] * len(change.halves)
        return True

    # What may be found after a power cut.

    def states(self):
        """(label, tree): see the words in STATES; then each act on a directory that is not durable
        yet alone done, and alone not done."""
        for label, (directories, data) in STATES.items():
            yield label, self._tree(CHOICES[directories], data)
        for change in self.changes:
            if all(change.durable):
                continue
            yield "only: " + change.text, self._tree(
                lambda c, n, x=change: c.durable[n] or c is x, "synced"
            )
            yield "without: " + change.text, self._tree(lambda c, n, x=change: c is not x, "all")

    def _tree(self, keep, data):
        entries = {}

        def of(directory):
            return entries.setdefault(id(directory), dict(directory.start))

        for change in self.changes:
            for number, (directory, name, node) in enumerate(change.halves):
                if not keep(change, number):
                    continue
                if node is None:
                    of(directory).pop(name, None)
                else:
                    of(directory)[name] = node
        tree = {}
        self._grow(tree, b"", self.root, of, data)
        return tree

    def _grow(self, tree, path, node, of, data):
        if isinstance(node, File):
            tree[path] = node.mode, node.content(data)
            return
        tree[path] = node.mode, None
        for name, below in of(node).items():
            self._grow(tree, os.path.join(path, name), below, of, data)

    def pending(self, path):
        """A file that is there now and whose data is not all durable."""
        node = self._node(self._place("", os.fsencode(str(path))))
        return node if isinstance(node, File) and node.is_pending() else None

    def is_there(self, path):
        return self._node(self._place("", os.fsencode(str(path)))) is not None

    def tree_with(self, path, content):
        """All that was done, but of data what was synced; and this file as given."""
        tree = self._tree(CHOICES["all"], "synced")
        name = os.fsencode(str(path))[len(self.home) + 1 :]
        tree[name] = tree[name][0], content
        return tree


CHOICES = {
    "all": lambda change, number: True,
    "synced": lambda change, number: change.durable[number],
}
# Name: of directories, and of data.
STATES = {
    "synced": ("synced", "synced"),
    "all": ("all", "all"),
    "directories": ("all", "synced"),
    "data": ("synced", "all"),
    "zeros": ("all", "zeros"),
    "half": ("all", "half"),
    "last": ("all", "last"),
}


def shown(place):
    return (place[1] or b".").decode("utf-8", "backslashreplace")


def fingerprint(tree):
    return hash(frozenset(tree.items()))


AWAY_SECONDS = 600  # the machine was off for so long


def build(tree, home):
    """Puts the tree where it was, as old as it is when the machine is up again."""
    then = time.time() - AWAY_SECONDS
    home = os.fsencode(str(home))
    for path in sorted(tree):
        mode, content = tree[path]
        place = os.path.join(home, path) if path else home
        if content is None:
            os.makedirs(place, exist_ok=True)
        else:
            with open(place, "wb") as f:
                f.write(content)
            os.utime(place, (then, then))
        os.chmod(place, mode)
