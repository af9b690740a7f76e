#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Makes the states that later versions have to take over.

    tests/upgrade/make_states.py POPFETCH COMMIT [SCENE...]

runs the program POPFETCH, a build of COMMIT, in the scenes of scenes.py, and writes COMMIT.tar.xz
beside this script: each scene's whole home directory, and its story. COMMIT.txt says what was made
of what. With SCENEs only these are made, in a directory that is named, and nothing is packed.

Each release that changes the schema or what a state says makes such an archive once, with the
program that goes out; it is never made anew. tests/functional/test_upgrade.py has every version
since take over every one. How a state can be moved to other machines and times is said in
states.py. What is random (the state's id, names of staged files, the log's salts) differs each time
the script runs; all else is the same.

A story: "now", the time of the last run; "server", the options of the server (popserver.py);
"status", what --status said an hour later; "messages" in order of the mailbox:

    uid, wire             popmail.Message
    served                it is on the server
    copies                how many of it must be delivered in the end, in all, counted where the
                          test finds them; none of what a reader took away, or --catch-up skipped
    waits                 "aside" or "large": not fetched by the next runs
    stays                 it is still on the server after the next runs

"keeps": a message that comes now is not deleted in the run that fetches it.
"""

import argparse
import contextlib
import datetime
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / name) for name in ("functional", "faults")]

from scenes import SCENES  # noqa: E402
from stage import Stage  # noqa: E402
from states import build_library, pack  # noqa: E402


@contextlib.contextmanager
def played(name, binary, directory, library):
    stage = Stage(binary, directory / name, library)
    try:
        SCENES[name](stage)
        stage.pop.forgive()
        yield stage.story(), stage.path
    finally:
        stage.home.end()


def describe(binary, commit, archive):
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    said = version.stdout.splitlines()[0]
    return (
        f"{archive.name} was made by tests/upgrade/make_states.py with a build of\n"
        f"commit {commit}, of which --version says\n\n    {said}\n\n"
        f"on {datetime.date.today()}, in these scenes:\n\n    " + "\n    ".join(SCENES) + "\n"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=Path)
    parser.add_argument("commit")
    parser.add_argument("scenes", nargs="*")
    options = parser.parse_args()
    binary = options.binary.resolve()
    os.umask(0o022)
    directory = Path(tempfile.mkdtemp(prefix="popfetch-states-"))
    library = build_library(directory)
    scenes = []
    for name in options.scenes or SCENES:
        with played(name, binary, directory, library) as (story, home):
            scenes.append((name, story, home))
            print(name, *story["status"].values())
    if options.scenes:
        print(directory)
        return
    archive = HERE / f"{options.commit}.tar.xz"
    pack(scenes, archive)
    archive.with_suffix("").with_suffix(".txt").write_text(
        describe(binary, options.commit, archive)
    )
    shutil.rmtree(directory)
    print(archive, archive.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
