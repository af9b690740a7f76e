# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Homes of another time: a state as some version of popfetch left it, and all that belongs to it.

    library = build_library(directory)
    archive = Archive(path)                 what make_states.py made
    archive.names                           its scenes
    home = archive.unpack(name, directory, binary, library)
    home.story                              what was so, and what is to come (make_states.py)
    home.serve_again()                      the server of that time: home.pop
    home(...)                               popfetch, at the time of home.now

Nothing in a state is rewritten when it is unpacked: a log with other bytes than those that a killed
run wrote would be another log. So everything that a state says of the world around it must hold
wherever the tests run:

- paths, which stand in the evidence of messages in flight and among the destinations, go by
  /proc/self/cwd: HOME is /proc/self/cwd/home, and the run's directory the one that was unpacked;
- the time stands still, where the scene has got to (moment.c);
- the server is on port 110, as far as popfetch knows (moment.c), and without TLS;
- dates of files are long past, as a lock that is left on a mailbox needs to be.
"""

import fcntl
import io
import json
import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

from faultcalls import KILL, Faults
from popserver import PASSWORD, PopServer
from runner import Popfetch

HERE = Path(__file__).resolve().parent
HOME = "/proc/self/cwd/home"
HOUR = 3600
DAY = 24 * HOUR


def build_library(directory):
    """What is to be preloaded: moment.c, and faultcalls.c of tests/faults. Built once for all
    processes of a test run."""
    library = Path(directory) / "moment.so"
    with open(f"{library}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            compiler = os.environ.get("CC", "cc").split()[0]
            compiler = compiler if shutil.which(compiler) else "cc"
            sources = [HERE / "moment.c", HERE.parent / "faults/faultcalls.c"]
            command = [compiler, "-O1", "-shared", "-fPIC", "-o", f"{library}.new"]
            subprocess.run([*command, *sources], check=True)
            os.rename(f"{library}.new", library)
    return library


class Home(Popfetch):
    """A home that is called the same in every directory, at a time of its own. Its runs wait for no
    disk: nothing here is about power cuts."""

    def __init__(self, binary, directory, library, now):
        super().__init__(binary, directory)
        self.now = now
        self.faults = Faults(library, self.directory)
        self.environment.update(self.faults.environment)
        self.environment["HOME"] = HOME
        self.pop = self.story = None

    def account(self, name="work", server=None, **options):
        login = dict(host="localhost", user="jane", password=PASSWORD, tls="off")
        return super().account(name, server, **{**login, **options})

    def serve(self, **options):
        self.pop = PopServer(None, tls="off", **options)
        return self.pop

    def serve_again(self):
        """With all that was in the mailbox at that time."""
        self.serve(**self.story["server"])
        for message in self.story["messages"]:
            if message["served"]:
                self.pop.add(wire_of(message), message["uid"].encode("latin-1"))
        return self.pop

    def start(self, *arguments, env=(), **more):
        moment = {"MOMENT": str(self.now)}
        if self.pop:
            moment["MOMENT_PORT"] = str(self.pop.port)
        return super().start(*arguments, env={**moment, **dict(env)}, **more)

    def end(self):
        super().end()
        if self.pop:
            self.pop.stop()
            assert not self.pop.errors, self.pop.errors

    def calls(self, *arguments):
        """A run, and which of its calls change files."""
        _, calls = self.faults.record(
            lambda env: self(*arguments, env={"FAULTS_LOG": env["FAULTS_LOG"]})
        )
        return calls

    def die(self, number, *arguments):
        """A run that is killed before so manyth of these calls, if it gets there."""
        self.faults.set(number, how=KILL)
        process = self.start(*arguments)
        self.finish(process)
        self.kill(process)
        self.faults.none()

    # What is there.

    def messages(self):
        """All that was delivered, wherever."""
        saved = self.home / "delivered"
        return (
            self.maildir()
            + self.mbox()
            + ([file.read_bytes() for file in sorted(saved.iterdir())] if saved.is_dir() else [])
        )

    def files(self):
        """Every file, with its content: {name: bytes}; a directory has None."""
        return {
            str(path.relative_to(self.home)): path.read_bytes() if path.is_file() else None
            for path in sorted(self.home.rglob("*"))
        }


def wire_of(message):
    return message["wire"].encode("latin-1")


# --- packing ---


def pack(scenes, path):
    """scenes: [(name, story, home directory)]; the same bytes for the same content."""
    with tarfile.open(path, "w:xz", format=tarfile.USTAR_FORMAT, preset=9) as archive:
        for name, story, home in scenes:
            text = json.dumps(story, indent=1, sort_keys=True) + "\n"
            add(archive, f"{name}/story.json", 0o644, text.encode())
            for entry in [home, *sorted(home.rglob("*"))]:
                mode = entry.stat().st_mode & 0o777
                content = entry.read_bytes() if entry.is_file() else None
                add(archive, f"{name}/home/{entry.relative_to(home)}", mode, content)


def add(archive, name, mode, content):
    info = tarfile.TarInfo(name.removesuffix("/."))
    info.mode = mode
    if content is None:
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    else:
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))


class Archive:
    def __init__(self, path):
        self.name, self.scenes = path.name.split(".")[0], {}
        with tarfile.open(path, "r:xz") as archive:
            for info in archive:
                scene, _, name = info.name.partition("/")
                file = archive.extractfile(info)
                content = file.read() if file else None
                self.scenes.setdefault(scene, {})[name] = info.mode, content

    @property
    def names(self):
        return list(self.scenes)

    def story(self, scene):
        return json.loads(self.scenes[scene]["story.json"][1])

    def unpack(self, scene, directory, binary, library):
        """A Home in this directory, which is made."""
        directory = Path(directory)
        directory.mkdir()
        story = self.story(scene)
        home = Home(binary, directory, library, story["now"])
        home.story, home.accounts = story, None  # it has its configuration
        shutil.rmtree(home.home)
        past = time.time() - HOUR
        for name, (mode, content) in self.scenes[scene].items():
            if name.split("/")[0] != "home":
                continue
            path = directory / name
            if content is None:
                path.mkdir()
            else:
                path.write_bytes(content)
            path.chmod(mode)
            os.utime(path, (past, past))
        return home
