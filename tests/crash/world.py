# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A home directory, its servers, and what must be true of them once a clean run has ended.

    world = World(binary, scenario, directory)
    world.reset()                 as before the first run
    world.run(before=[...])       popfetch, perhaps under strace
    world.between_runs()          what a mail reader (or a cleaner) does meanwhile
    world.verify(result)          raises Broken unless everything is as promised
    saved = world.save(); world.restore(saved)
"""

import collections
import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import time
import urllib.parse
from pathlib import Path

import calls
from popmail import Mailbox, local, mail
from popserver import PopServer
from runner import Popfetch, read_mbox

RUN_SECONDS = 30
NO_LEAK_CHECK = ":detect_leaks=0"  # impossible under strace


# What may be in a home directory after a clean run.
FILES = (
    r"\.config/popfetch/popfetch\.conf|\.local/state/popfetch/[^/]+\.(db|db-wal|lock)"
    r"|Maildir\d*/((new|cur)|\.Saved/cur)/[^/]+|Mbox\d*|Mda/(new|tmp)/[^/]+"
)
LOCKS = r"|Mbox\d*\.lock|\.[^/]*popfetch-lock[^/]*"


class Broken(AssertionError):
    """A promise that was not kept."""


@contextlib.contextmanager
def saying(what):
    """Whatever is Broken within says so first."""
    try:
        yield
    except Broken as broken:
        raise Broken(f"{what}: {broken}") from None


# What differs between the worlds; the names of scenarios are made of it.
#
# to        "maildir", "mbox" or "mda" (mda.c)
# keep      "no" or "forever"
# later     the destination and the state are there already, with mail in them
# other     who touches the destination between two runs: "reader" moves some messages and deletes
#           others, "emptier" deletes all, "cleaner" empties tmp/; "appender" adds one to an mbox,
#           "mimic" one with the very From_ line that the killed run was about to write
# accounts  fetched at once; shared: into one destination
# batch     messages a batch
# count     new messages of an account
# large     some are of more than a mebibyte
# jobs      MDAs at once
# deaf      the MDA goes on when it is asked to end
# server    "script" (popserver.py) or "dovecot" (over TLS)
FIELDS = dict(
    to="maildir",
    keep="no",
    later=False,
    other=None,
    accounts=1,
    shared=False,
    batch=4,
    count=9,
    large=False,
    jobs=1,
    deaf=False,
    server="script",
)
Scenario = collections.namedtuple("Scenario", FIELDS, defaults=FIELDS.values())


def name_of(scenario):
    said = [scenario.to, "keep" if scenario.keep == "forever" else "delete"]
    said.append("later" if scenario.later else "first")
    said += [scenario.other] if scenario.other else []
    said += [f"{scenario.accounts}accounts"] if scenario.accounts > 1 else []
    said += ["shared"] if scenario.shared else []
    said += ["large"] if scenario.large else []
    said += [f"{scenario.jobs}jobs"] if scenario.jobs > 1 else []
    said += ["deaf"] if scenario.deaf else []
    said += [f"{scenario.count}by{scenario.batch}"]
    said += ["dovecot"] if scenario.server == "dovecot" else []
    return "-".join(said)


# --- messages ---

BODIES = [
    "Hello.\n",
    ".\n..\n.hidden\nend\n",
    "From the first line\n\nFrom here to there\n>From quoted\n>>From twice\n",
    "",
    "no line end at the end",
    "caf\u00e9 \udcff\udc80 bytes\n\n\n",
    "x" * 5000 + "\n",
    "line of a longer one\n" * 4000,
]


def twin(account):
    """Twice in one mailbox, byte for byte. Not in two: accounts that share an mbox and leave out
    received_header cannot tell their copies of one message apart (DELIVERY GUARANTEES)."""
    return mail("twin", "Two of a kind.\n", Message_ID=f"<twin-{account}@example.org>")


def messages_of(scenario, account, first, count):
    found = []
    for number in range(first, first + count):
        body = BODIES[number % len(BODIES)]
        if scenario.large and number % 3 == 1:
            body = f"a large one, number {number}\n" * 60000
        is_twin = number in (3, 8)
        found.append(twin(account) if is_twin else mail(f"account {account} number {number}", body))
    return found


# --- the world ---


class Server:
    """What both kinds of servers have in common."""

    def __init__(self, scenario, account):
        self.scenario, self.account = scenario, account

    def options(self):
        raise NotImplementedError


class ScriptServer(Server):
    def __init__(self, scenario, account):
        super().__init__(scenario, account)
        self.pop = PopServer(None, tls="off", pipelining=True)

    def options(self):
        return {"server": self.pop}

    def put(self, wires):
        for wire in wires:
            self.pop.add(wire)

    def heed(self, trace):
        """Counts the DELE that from now on a QUIT confirms after a call has failed."""
        self.rash = 0
        self.pop.on("QUIT", lambda session, line: self._quit(session, line, trace))

    def _quit(self, session, line, trace):
        if calls.has_failed(trace):
            self.rash += len(session.connection.deletions)
        session.obey(line)

    def reset(self):
        self.settle()
        self.pop.forgive()
        self.pop.connections.clear()
        self.pop._sessions.clear()
        self.pop.mailbox = Mailbox()

    def settle(self):
        self.pop.settle()
        if self.pop.errors:
            raise Broken(f"the server: {self.pop.errors}")

    def left(self):
        return [local(message.wire) for message in self.pop.mailbox.messages]

    def save(self):
        self.settle()
        return list(self.pop.mailbox.messages), self.pop.mailbox.made

    def restore(self, saved):
        self.reset()
        self.pop.mailbox.messages[:], self.pop.mailbox.made = saved

    def stop(self):
        self.pop.stop()


class DovecotServer(Server):
    """A user of a running Dovecot; a new one after each reset."""

    def __init__(self, scenario, account, dovecot):
        super().__init__(scenario, account)
        self.dovecot, self.user = dovecot, None
        self.reset()

    def options(self):
        return {**self.user.account(), "tls": "implicit"}

    def put(self, wires):
        self.user.fill(wires)

    def reset(self):
        if self.user:
            shutil.rmtree(self.user.home, ignore_errors=True)
        self.user = self.dovecot.fresh_user()

    def settle(self):
        """Until every login of this user is followed by the end of its session."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            begun, ended = self.dovecot.sessions(self.user.name)
            if begun <= ended:
                return
            time.sleep(0.002)
        raise Broken("the server: a session does not end")

    def left(self):
        inbox = Path(self.user.home, "Maildir")
        return [local(f.read_bytes()) for part in ("new", "cur") for f in (inbox / part).iterdir()]

    def stop(self):
        pass


class World:
    def __init__(self, binary, scenario, directory, dovecot=None):
        self.scenario, self.dovecot = scenario, dovecot
        self.directory = Path(directory)
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.trace = self.directory / "trace"
        self.popfetch = Popfetch(binary, self.directory)
        self.home = self.popfetch.home
        self.environment = {
            "POPFETCH_BATCH_LIMIT": str(scenario.batch),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + NO_LEAK_CHECK,
        }
        self.servers = [self._server(number) for number in range(scenario.accounts)]
        self.old, self.new = self._messages(0, 4), self._messages(4, scenario.count)
        self.start, self.kills = None, 0
        self._prepare()

    def _server(self, number):
        if self.scenario.server == "dovecot":
            return DovecotServer(self.scenario, number, self.dovecot)
        return ScriptServer(self.scenario, number)

    def _messages(self, first, count):
        return [messages_of(self.scenario, n, first, count) for n in range(self.scenario.accounts)]

    def destination(self, account):
        number = 0 if self.scenario.shared else account
        return self.scenario.to.capitalize() + (str(number) if number else "")

    def destinations(self):
        return sorted({self.destination(n) for n in range(self.scenario.accounts)})

    def _describe(self):
        self.popfetch.accounts = {}
        for number, server in enumerate(self.servers):
            self.popfetch.account(
                f"a{number}", keep=self.scenario.keep, **self._where(number), **server.options()
            )

    def _where(self, number):
        place = str(self.home / self.destination(number))
        if self.scenario.to != "mda":
            return {self.scenario.to: place}
        deaf = ["deaf"] if self.scenario.deaf else []
        return {"mda": [str(self.directory / "mda"), place, *deaf], "mda_jobs": self.scenario.jobs}

    def _build_mda(self):
        source, program = Path(__file__).with_name("mda.c"), self.directory / "mda"
        subprocess.run([os.environ.get("CC", "cc"), "-O1", "-o", program, source], check=True)
        for part in ("new", "tmp"):
            (self.home / "Mda" / part).mkdir(parents=True)

    def _forget(self):
        """Nothing was delivered yet."""
        self.delivered = {name: collections.Counter() for name in self.destinations()}
        self.taken = {name: collections.Counter() for name in self.destinations()}

    # The state in which every attempt begins.

    def _prepare(self):
        self._forget()
        if self.scenario.to == "mda":
            self._build_mda()
        if self.scenario.server == "script":
            self._describe()
            if self.scenario.later:
                self._deliver_old()
            self.start = self.save()

    def _deliver_old(self):
        for server, wires in zip(self.servers, self.old):
            server.put(wires)
        result = self.run()
        if result.status != 0:
            raise Broken(f"the run before does not work: {result}")

    def reset(self):
        if self.scenario.server == "script":
            self.restore(self.start)
        else:
            self._reset_all()
        for server, wires in zip(self.servers, self.new):
            server.put(wires)

    def _reset_all(self):
        for entry in self.home.iterdir():
            if entry.name != ".config":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for server in self.servers:
            server.reset()
        self._forget()
        self._describe()
        if self.scenario.later:
            self._deliver_old()

    def save(self):
        saved = self.directory / f"saved-{len(list(self.directory.glob('saved-*')))}"
        shutil.copytree(self.home, saved, symlinks=True)
        servers = [server.save() for server in self.servers]
        return saved, servers, copied(self.taken), copied(self.delivered), self.kills

    def restore(self, state):
        saved, servers, taken, delivered, self.kills = state
        shutil.rmtree(self.home)
        shutil.copytree(saved, self.home, symlinks=True)
        for server, content in zip(self.servers, servers):
            server.restore(content)
        self.taken, self.delivered = copied(taken), copied(delivered)

    def forget_saved(self, state):
        shutil.rmtree(state[0])

    # Running.

    def run(self, before=()):
        process = self.popfetch.start(before=before, env=self.environment)
        return self._finish(process)

    def run_killed(self, point):
        """Whether the point was reached."""
        if self.trace.exists():
            self.trace.unlink()
        process = self.popfetch.start(before=calls.kill_at(point, self.trace), env=self.environment)
        stopper = calls.Stopper(process, point.role, self.trace) if point.role else None
        self._finish(process)
        if stopper:
            stopper.finish()
        was_killed = calls.was_killed(self.trace)
        self.kills += was_killed
        return was_killed

    def _finish(self, process):
        self.popfetch.running.clear()
        try:
            process.wait(RUN_SECONDS)
        except subprocess.TimeoutExpired:
            hanging = self._hanging(process)
            self.popfetch.kill(process)
            process.communicate()
            raise Broken(f"popfetch did not end in {RUN_SECONDS} s\n{hanging}") from None
        result = self.popfetch.finish(process, RUN_SECONDS)
        if "Sanitizer" in result.stderr or "runtime error:" in result.stderr:
            raise Broken(repr(result))
        for server in self.servers:
            server.settle()
        return result

    def _hanging(self, process):
        """The processes that are left, and what strace saw last."""
        shown = subprocess.run(
            ["ps", "-o", "pid,ppid,stat,wchan,args", "-g", str(process.pid)],
            capture_output=True,
            text=True,
        ).stdout
        if self.trace.exists():
            shown += self.trace.read_text(errors="replace")[-1500:]
        return shown

    def points(self):
        """Where a run from here can be killed."""
        self.run(calls.record(self.trace))
        return calls.points(self.trace.read_text(errors="replace"), self.scenario.accounts == 1)

    def stop(self):
        for server in self.servers:
            server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    # Others, between two runs.

    def between_runs(self):
        self.check_no_partial_is_visible()
        other = self.scenario.other
        for name in self.destinations():
            if other == "appender":
                self._append(name, b"From bob@example.org Sun Mar  1 12:00:00 2026\n")
            if other == "mimic":
                self._append(name, self._intended_line())
            if other == "cleaner":
                shutil.rmtree(self.home / name / "tmp/.popfetch", ignore_errors=True)
            if other in ("reader", "emptier"):
                self._read(name, all=other == "emptier")

    def _read(self, name, all):
        root = self.home / name
        files = sorted((root / "new").iterdir()) if (root / "new").is_dir() else []
        for number, file in enumerate(files):
            if all or number % 4 == 0:
                self.taken[name][file.read_bytes()] += 1
                file.unlink()
            elif number % 4 == 1:
                file.rename(root / "cur" / (file.name + ":2,S"))
            elif number % 4 == 2:
                (root / ".Saved/cur").mkdir(parents=True, exist_ok=True)
                file.rename(root / ".Saved/cur" / (file.name + ":2,RS"))

    def _append(self, name, line):
        file, wire = self.home / name, mail(
            "from another program", Message_ID="<other@example.org>"
        )
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as f:
            f.write(line + local(wire) + b"\n")
        self.delivered[name][local(wire)] += 1

    def _intended_line(self):
        """The From_ line with which the run that was killed wanted to begin: that of another
        message of the same sender in the same second is equal."""
        line = b"From bob@example.org Sun Mar  1 12:00:00 2026\n"
        for words in self._evidence():
            line = urllib.parse.unquote_to_bytes(words[6])
        return line

    def _evidence(self):
        """The words of the first message in doubt of each account."""
        for file in self.popfetch.databases():
            copy = self.directory / "copy.db"
            for old, new in ((file, copy), (f"{file}-wal", f"{copy}-wal")):
                Path(new).write_bytes(Path(old).read_bytes() if Path(old).exists() else b"")
            connection = sqlite3.connect(copy)
            try:
                rows = connection.execute("select evidence from intent order by id").fetchall()
            except sqlite3.Error:
                rows = []  # there is no table yet
            finally:
                connection.close()
            yield from (evidence.split(" ") for (evidence,) in rows[:1])

    def check_no_doubtful_is_visible(self):
        """Nobody finds in an mbox what a failed sync may have lost: the file ends where the batch
        in doubt would begin."""
        if self.scenario.to != "mbox" or self.scenario.accounts > 1:
            return
        for words in self._evidence():
            size = (self.home / self.destination(0)).stat().st_size
            if size > int(words[2]):
                raise Broken(f"the mbox has {size} bytes, of which {words[2]} are not in doubt")

    def heed_deletions(self):
        """From now on a scripted server counts those that come too late."""
        for server in self.servers:
            server.heed(self.trace)

    def rash_deletions(self):
        """How many the run went through with after a call had failed."""
        return sum(server.rash for server in self.servers)

    def check_no_partial_is_visible(self):
        """What a mail reader finds in a Maildir at any time is a whole message."""
        if self.scenario.to != "maildir":
            return
        for name in self.destinations():
            have, want = self._found(name), self._expected(name)
            extra = set(have) - set(want) if self.scenario.other == "cleaner" else have - want
            if extra:
                raise Broken(f"in {name}, before recovery: {brief(collections.Counter(extra))}")

    # The promises.

    def recover(self):
        """Others have their turn, then a clean run."""
        self.between_runs()
        self.verify(self.run())

    def verify(self, result, after_power_cut=False):
        if result.status != 0:
            raise Broken(f"the clean run fails: {result}")
        for name in self.destinations():
            if self.scenario.to == "mda":
                self._verify_handed_over(name)
            else:
                self._verify_messages(name, result)
        self._verify_litter(after_power_cut)
        self._verify_servers()
        self._verify_states()

    def _expected(self, name):
        want = collections.Counter(self.delivered[name])
        for number in range(self.scenario.accounts):
            if self.destination(number) == name:
                old = self.old[number] if self.scenario.later else []
                want.update(local(wire) for wire in [*old, *self.new[number]])
        return want

    def _found(self, name):
        root = self.home / name
        if self.scenario.to == "mbox":
            return collections.Counter(read_strictly(root))
        found = [
            file.read_bytes()
            for part in ("new", "cur", ".Saved/cur")
            if (root / part).is_dir()
            for file in (root / part).iterdir()
        ]
        return collections.Counter(found) + self.taken[name]

    def _verify_messages(self, name, result):
        have, want = self._found(name), self._expected(name)
        missing, extra = want - have, have - want
        if self.scenario.other == "cleaner":  # then a message may come twice
            extra = collections.Counter(set(have) - set(want))
        if missing or extra:
            raise Broken(f"in {name} missing: {brief(missing)} too many: {brief(extra)}\n{result}")

    def _verify_handed_over(self, name):
        """Each message at least once; more often only those that an MDA had when a run was killed,
        and then under the same id."""
        by_id = collections.defaultdict(list)
        for file in (self.home / name / "new").iterdir():
            by_id[file.name.partition(".")[0]].append(file.read_bytes())
        have, want = collections.Counter(v[0] for v in by_id.values()), self._expected(name)
        if have != want:
            raise Broken(f"missing: {brief(want - have)} too many: {brief(have - want)}")
        if any(len(set(messages)) > 1 for messages in by_id.values()):
            raise Broken("different messages have one delivery id")
        again = sum(len(messages) - 1 for messages in by_id.values())
        if again > self.kills * self.scenario.jobs:
            raise Broken(f"{again} came again after {self.kills} kills: {brief(have)}")

    def _verify_litter(self, after_power_cut):
        """A power cut may bring back a dotlock, which nothing syncs and whoever needs it breaks."""
        fit = FILES + (LOCKS if after_power_cut else "")
        files = [f.relative_to(self.home) for f in self.home.rglob("*") if not f.is_dir()]
        litter = [str(file) for file in files if not re.fullmatch(fit, str(file))]
        if litter:
            raise Broken(f"left behind: {litter}")

    def _verify_servers(self):
        for number, server in enumerate(self.servers):
            want = collections.Counter()
            if self.scenario.keep == "forever":
                old = self.old[number] if self.scenario.later else []
                want.update(local(wire) for wire in [*old, *self.new[number]])
            have = collections.Counter(server.left())
            if have != want:
                raise Broken(f"on the server of a{number}: {brief(have)} instead of {brief(want)}")

    def _verify_states(self):
        databases = self.popfetch.databases()
        if len(databases) != self.scenario.accounts:
            raise Broken(f"databases: {databases}")
        for file in databases:
            self._verify_state(file)

    def _verify_state(self, file):
        connection = sqlite3.connect(file)
        try:
            sound = connection.execute("pragma integrity_check").fetchall()
            waiting = connection.execute("select count(*) from intent").fetchone()[0]
            rows = connection.execute("select count(*) from message where status = 2").fetchone()[0]
        except sqlite3.Error as error:
            raise Broken(f"{file.name}: {error}") from None
        finally:
            connection.close()
        if sound != [("ok",)] or waiting:
            raise Broken(f"{file.name}: {sound}, {waiting} in doubt after a clean run")
        wanted = self.scenario.count + (4 if self.scenario.later else 0)
        if rows != wanted:
            raise Broken(f"{file.name}: {rows} messages on record as delivered, not {wanted}")


def read_strictly(file):
    if not file.exists():
        return []
    try:
        return [message for _, message in read_mbox(file.read_bytes())]
    except AssertionError as error:
        raise Broken(f"{file.name} is no mbox: {error}") from None


def copied(counters):
    return {name: collections.Counter(counter) for name, counter in counters.items()}


def brief(messages):
    """The subjects, and how often each is there."""
    shown = []
    for message, count in messages.items():
        subject = re.search(rb"^Subject: ([^\n]*)", message, re.M)
        name = subject[1].decode("latin-1") if subject else repr(message[:40])
        shown.append(f"{count} x '{name}' ({len(message)} bytes)")
    return ("; ".join(shown[:6]) + (" ..." if len(shown) > 6 else "")) or "nothing"
