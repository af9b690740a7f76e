# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Where mail goes to: a Maildir, an mbox or the store of the suite's MDA, read as a mail reader
does, and what a mail reader does to it."""

import os
import re
import shutil

RECEIVED = re.compile(rb"Received: from [^\n]*\(popfetch [^\n]*\n(?:[ \t][^\n]*\n)*")
FROM = re.compile(rb"^From ", re.M)


class Inbox:
    """found() gives pairs of a name and the text of a message, without the field Received."""

    kind = None

    def __init__(self, path):
        self.path = path

    def is_locked(self):
        return False

    def option(self):
        return f"{self.kind} = '{self.path}'"

    def make(self):
        """Before its first use."""

    def grow_older(self, seconds):
        """By the clock of the file system, which is not that of the walk."""

    def __repr__(self):
        return f"{self.kind} {os.path.basename(self.path)}"


def without_received(text):
    field = RECEIVED.match(text)
    return text[field.end() :] if field else text


class Maildir(Inbox):
    kind = "maildir"

    def __init__(self, path):
        super().__init__(path)
        self.known = {}

    def found(self):
        for part in ("new", "cur"):
            for name in listed(os.path.join(self.path, part)):
                base = name.partition(":")[0]
                if base not in self.known:
                    with open(os.path.join(self.path, part, name), "rb") as f:
                        self.known[base] = without_received(f.read())
                yield base, self.known[base]

    def forget(self):
        """What is on the disk may be another now."""
        self.known.clear()

    def read(self, rng):
        """Some messages are moved, some go; gives the texts of these."""
        taken = []
        for part in ("new", "cur"):
            for name in listed(os.path.join(self.path, part)):
                file = os.path.join(self.path, part, name)
                chance = rng.random()
                if chance < 0.35:
                    with open(file, "rb") as f:
                        taken.append(without_received(f.read()))
                    os.unlink(file)
                elif chance < 0.7 and part == "new":
                    os.rename(file, os.path.join(self.path, "cur", name + ":2,S"))
        for part in ("new", "cur"):
            sync_directory(os.path.join(self.path, part))
        return taken

    def clean(self):
        """Whether there was something to take away."""
        place = os.path.join(self.path, "tmp/.popfetch")
        if not os.path.isdir(place):
            return False
        shutil.rmtree(place)
        sync_directory(os.path.dirname(place))
        return True

    def litter(self):
        found = []
        for root, _, files in os.walk(os.path.join(self.path, "tmp")):
            found += [os.path.join(root, name) for name in files]
        return found


class Mbox(Inbox):
    kind = "mbox"

    def grow_older(self, seconds):
        lock = self.path + ".lock"
        if os.path.exists(lock):
            then = os.stat(lock).st_mtime - seconds
            os.utime(lock, (then, then))

    def append(self, letter):
        text = next(letter.mbox_texts())
        with open(self.path, "ab") as f:
            f.write(b"From carol@example.org Mon Mar  1 10:00:00 2027\n" + text + b"\n")
            f.flush()
            os.fsync(f.fileno())
        os.chmod(self.path, 0o600)
        sync_directory(os.path.dirname(self.path))

    def is_there(self):
        return os.path.exists(self.path)

    def _blocks(self):
        try:
            with open(self.path, "rb") as f:
                data = f.read()
        except FileNotFoundError:
            return []
        starts = [m.start() for m in FROM.finditer(data)]
        if data and (not starts or starts[0] != 0):
            return [data]
        return [data[a:b] for a, b in zip(starts, starts[1:] + [len(data)])]

    def found(self):
        for number, block in enumerate(self._blocks()):
            yield str(number), self._text(block)

    def _text(self, block):
        line, _, rest = block.partition(b"\n")
        if not line.startswith(b"From ") or not block.endswith(b"\n\n"):
            return b"(no block of an mbox) " + block
        return without_received(rest[:-1])

    def forget(self):
        pass

    def read(self, rng):
        blocks = self._blocks()
        kept = [block for block in blocks if rng.random() > 0.4]
        taken = [self._text(block) for block in blocks if block not in kept]
        if len(kept) + len(taken) != len(blocks) or not blocks:
            return []
        with open(self.path, "r+b") as f:
            f.write(b"".join(kept))
            f.truncate()
            os.fsync(f.fileno())
        return taken

    def is_locked(self):
        return os.path.exists(self.path + ".lock")

    def litter(self):
        place = os.path.dirname(self.path)
        return [
            os.path.join(place, name)
            for name in listed(place)
            if "popfetch-lock" in name or name == os.path.basename(self.path) + ".lock"
        ]


class Mda(Inbox):
    kind = "mda"

    def __init__(self, path, program):
        super().__init__(path)
        self.program, self.known = program, {}
        self.is_fixed = False  # an option makes what was special ordinary

    def option(self):
        fixed = ', "fixed"' if self.is_fixed else ""
        return f'mda = {{"{self.program}", "{self.path}"{fixed}}}'

    def make(self):
        for part in ("new", "tmp"):
            os.makedirs(os.path.join(self.path, part), exist_ok=True)
        sync_directory(self.path)
        sync_directory(os.path.dirname(self.path))

    def found(self):
        for name in listed(os.path.join(self.path, "new")):
            if name not in self.known:
                with open(os.path.join(self.path, "new", name), "rb") as f:
                    self.known[name] = without_received(f.read())
            yield name, self.known[name]

    def forget(self):
        self.known.clear()

    def read(self, rng):
        return []

    def litter(self):
        return []

    def plan(self, letters):
        """What it does from its next start on."""
        with open(os.path.join(self.path, "plan"), "w") as f:
            f.write("." * self._count() + letters)

    def be_special(self, words, letter, times):
        """What it does, always or so many times, with a message that has these words in it."""
        with open(os.path.join(self.path, "special"), "w") as f:
            f.write(f"{letter} {times} {words}\n")
            f.flush()
            os.fsync(f.fileno())
        sync_directory(self.path)

    def _count(self):
        try:
            with open(os.path.join(self.path, "count")) as f:
                return int(f.read().strip("\0\n") or 0)  # a power cut leaves NULs
        except FileNotFoundError:
            return 0

    def starts(self):
        """Pairs of delivery id and letter; a line that a kill has torn is none."""
        try:
            with open(os.path.join(self.path, "log")) as f:
                words = [tuple(line.split()) for line in f]
        except FileNotFoundError:
            return []
        return [pair for pair in words if len(pair) == 2]


def listed(directory):
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []


def sync_directory(path):
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def move(old, new):
    """A directory of state databases, wholly."""
    shutil.move(old, new)
    sync_directory(os.path.dirname(new))
    sync_directory(os.path.dirname(old))
