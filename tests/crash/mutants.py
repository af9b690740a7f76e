# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The protocol with one rule broken at a time: the suites must notice each.

A mutant is made by replacing text in a copy of the sources; a text that is not there any more, or
there twice, is a failure, so that the mutants keep up with the code. The program is compiled
without optimisation, once, and for each mutant the changed files again. Nothing of this is ever in
the product.
"""

import collections
import concurrent.futures
import functools
import itertools
import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import kill
import power
from world import Broken, Scenario, name_of

TRIES = 1500  # points, until a mutant counts as unnoticed

Mutant = collections.namedtuple("Mutant", "name suite scenario edits")
Edit = collections.namedtuple("Edit", "file old new")

MAILDIR = Scenario(later=True, batch=3, count=7)
MAILDIR_KEEP = MAILDIR._replace(keep="forever")
MAILDIR_READ = MAILDIR._replace(other="reader")
MAILDIR_FIRST = Scenario(batch=3, count=5)
MAILDIR_BEGUN = Scenario(batch=4, count=4)
MAILDIR_LAST = Scenario(later=True, batch=4, count=4)
MAILDIR_LOG = Scenario(later=True, keep="forever", batch=2, count=4)
MBOX = Scenario(to="mbox", later=True, batch=3, count=7)
MBOX_FIRST = Scenario(to="mbox", batch=3, count=5)
MBOX_LARGE = Scenario(to="mbox", later=True, large=True, batch=6, count=6)
MBOX_LAST = Scenario(to="mbox", later=True, batch=4, count=4)
MDA = Scenario(to="mda", count=4)

SYNC_ALL_OFF = Edit(
    "src/deliver/staging.c",
    "if (s->above[0] < 0)\n\t\treturn 0;",
    "if (s->above[0] < 9999)\n\t\treturn 0;",
)

SYNC_FD_SUCCEEDS = Edit(
    "src/sys/fs_sync.c",
    "if (is_unsyncable_dir(fd, error))\n\t\treturn 0;\n\terrno = error;\n\treturn -1;",
    "errno = error;\n\treturn 0;",
)

MUTANTS = [
    Mutant(
        "staged files are not synced (no D1)",
        "power",
        MAILDIR,
        [
            Edit(
                "src/deliver/maildir.c",
                "rc = fs_sync_all(maildir_of(d)->staging.dir, fds, count, e);",
                "rc = 0;",
            )
        ],
    ),
    Mutant(
        "the staging directory is not synced at D1",
        "power",
        MAILDIR,
        [
            Edit(
                "src/sys/fs_sync.c",
                'return sync_fd(dir) == 0 ? 0 : fs_fail(e, "sync", dir);',
                "return dir < -9;",
            )
        ],
    ),
    Mutant(
        "D2 is not durable",
        "power",
        MAILDIR_KEEP,
        [
            Edit(
                "src/commit/batch.c",
                "if (store_begin(b->store, STORE_DURABLE, e) != 0)",
                "if (store_begin(b->store, STORE_LAZY, e) != 0)",
            )
        ],
    ),
    Mutant(
        "D2 comes after publishing (Maildir)",
        "kill",
        MAILDIR_READ,
        [
            Edit(
                "src/commit/batch.c",
                "if (d1(b, e) == 0 && d2(b, &attempted, e) == 0)",
                "if (d1(b, e) == 0 && deliver_publish(b->deliver, e) == 0 &&\n"
                "\t    d2(b, &attempted, e) == 0)",
            ),
            Edit(
                "src/commit/batch.c",
                "if (deliver_publish(b->deliver, e) != 0)\n"
                "\t\treturn break_off(b);\n\tbatch_list_move(",
                "batch_list_move(",
            ),
        ],
    ),
    Mutant(
        "D2 comes after publishing (mbox)",
        "kill",
        MBOX,
        [
            Edit(
                "src/commit/batch.c",
                "if (d1(b, e) == 0 && d2(b, &attempted, e) == 0)",
                "if (d1(b, e) == 0 && deliver_publish(b->deliver, e) == 0 &&\n"
                "\t    d2(b, &attempted, e) == 0)",
            ),
            Edit(
                "src/commit/batch.c",
                "if (deliver_publish(b->deliver, e) != 0)\n"
                "\t\treturn break_off(b);\n\tbatch_list_move(",
                "batch_list_move(",
            ),
        ],
    ),
    Mutant(
        "no READY: delivered from D2 on",
        "kill",
        MAILDIR,
        [
            Edit(
                "src/commit/batch.c",
                "\t\t\t\t    deliver_evidence(x->staged), e) != 0)\n\t\t\treturn -1;",
                "\t\t\t\t    deliver_evidence(x->staged), e) != 0 ||\n"
                "\t\t    store_set_delivered(b->store, x->id, clock_unix(), e))\n"
                "\t\t\treturn -1;",
            )
        ],
    ),
    Mutant(
        "DELE and QUIT before D2",
        "kill",
        Scenario(later=True, batch=256, count=4),
        [
            Edit(
                "src/keeper/incoming.c",
                "\t\tmailbox_set_digest(m, entry, header_digest(in->header));\n",
                "\t\tmailbox_set_digest(m, entry, header_digest(in->header));\n"
                "\t\tremoval_add(in->session, entry, 0);\n",
            ),
            Edit(
                "src/keeper/retrieve.c",
                "\t\tif (take_answers(r, e) != 0 ||\n",
                "\t\tstatic bool done;\n"
                "\t\tif (idle && !done) {\n\t\t\tdone = true;\n"
                "\t\t\tif (removal_run(r->session, e) != 0 ||\n"
                "\t\t\t    removal_quit(r->session, e) != 0)\n\t\t\t\treturn -1;\n\t\t}\n"
                "\t\tif (take_answers(r, e) != 0 ||\n",
            ),
            Edit(
                "src/keeper/retrieve.c",
                '#include "keeper/asking.h"\n',
                '#include "keeper/asking.h"\n#include "keeper/removal.h"\n',
            ),
            Edit(
                "src/keeper/session.c",
                "\t    warn_of_unproven(s, e) != 0 || removal_run(s, e) != 0 ||\n",
                "\t    warn_of_unproven(s, e) != 0 ||\n",
            ),
            Edit(
                "src/keeper/session.c",
                "\tgiven = requests_given(s->requests);\n\tif (removal_quit(s, e) != 0)\n"
                "\t\treturn -1;\n",
                "\tgiven = requests_given(s->requests);\n",
            ),
        ],
    ),
    Mutant(
        "an MDA's message is on record as delivered when it starts",
        "kill",
        MDA,
        [
            Edit(
                "src/commit/batch.c",
                "\t\t\t\t    deliver_evidence(x->staged), e) != 0)\n\t\t\treturn -1;",
                "\t\t\t\t    deliver_evidence(x->staged), e) != 0 ||\n"
                "\t\t    store_set_delivered(b->store, x->id, clock_unix(), e))\n"
                "\t\t\treturn -1;",
            )
        ],
    ),
    Mutant(
        "the next MDA starts before the end of the last is on record",
        "kill",
        MDA._replace(deaf=True),
        [
            Edit(
                "src/commit/batch.c",
                "\tif (verdict_record(&b->verdicts, b->store, &b->settled, clock_unix(),\n"
                "\t\t\t   e) != 0 ||\n",
                "\tif ((b->waiting.count == 0 &&\n"
                "\t     verdict_record(&b->verdicts, b->store, &b->settled,\n"
                "\t\t\t    clock_unix(), e) != 0) ||\n",
            ),
            Edit(
                "src/commit/batch.c",
                "\tbatch_list_move(&b->settled, &b->recorded, b->settled.count);\n",
                "\tif (b->waiting.count == 0)\n"
                "\t\tbatch_list_move(&b->settled, &b->recorded, b->settled.count);\n",
            ),
        ],
    ),
    Mutant(
        "new/ is not synced at D3",
        "power",
        MAILDIR,
        [
            Edit(
                "src/deliver/maildir.c",
                "if (fs_sync(m->staging.new_dir, d->target->path, e) != 0 ||\n"
                "\t    fs_sync(m->staging.dir, d->target->path, e) != 0)",
                "if (fs_sync(m->staging.dir, d->target->path, e) != 0)",
            )
        ],
    ),
    Mutant(
        "nothing is synced at D3 (Maildir)",
        "power",
        MAILDIR,
        [
            Edit(
                "src/deliver/maildir.c",
                "if (fs_sync(m->staging.new_dir, d->target->path, e) != 0 ||\n"
                "\t    fs_sync(m->staging.dir, d->target->path, e) != 0)",
                "if (e == NULL)",
            )
        ],
    ),
    Mutant(
        "at D3 the staging directory is synced before new/",
        "power",
        MAILDIR,
        [
            Edit(
                "src/deliver/maildir.c",
                "if (fs_sync(m->staging.new_dir, d->target->path, e) != 0 ||\n"
                "\t    fs_sync(m->staging.dir, d->target->path, e) != 0)",
                "if (fs_sync(m->staging.dir, d->target->path, e) != 0 ||\n"
                "\t    fs_sync(m->staging.new_dir, d->target->path, e) != 0)",
            )
        ],
    ),
    Mutant(
        "the mbox is not synced at D3",
        "power",
        MBOX,
        [
            Edit(
                "src/deliver/mbox/mbox.c",
                "if (fs_sync(m->file.fd, m->file.path, e) != 0)\n\t\treturn take_back(m, e);",
                "(void)take_back;",
            )
        ],
    ),
    Mutant(
        "the mbox is unlocked before D3",
        "power",
        MBOX,
        [
            Edit(
                "src/deliver/mbox/mbox.c",
                "\tmbox_file_mark_new(&m->file);\n",
                "\tmbox_file_mark_new(&m->file);\n\tlock_mailbox_release(&m->file.lock);\n",
            )
        ],
    ),
    Mutant(
        "the sentinel goes before the next D2",
        "kill",
        MAILDIR_READ,
        [
            Edit(
                "src/commit/batch.c",
                "\t\tsettle_one(b, x);\n\t}\n\treturn rc;",
                "\t\tsettle_one(b, x);\n\t}\n"
                "\tdeliver_retire(b->deliver);\n\treturn rc;",
            )
        ],
    ),
    Mutant(
        "the sentinel goes before D2 is committed",
        "kill",
        MAILDIR_KEEP,
        [
            Edit(
                "src/commit/batch.c",
                "\t*attempted = true;\n\tif (store_commit",
                "\t*attempted = true;\n\tdeliver_retire(b->deliver);\n\tif (store_commit",
            )
        ],
    ),
    Mutant(
        "recovery removes the sentinel before its verdict is on record",
        "pairs",
        MAILDIR_LAST._replace(keep="forever"),
        [
            Edit(
                "src/commit/recovery.c",
                "\tif (record(&r,",
                "\tdeliver_recovered(target, evidence, r.count);\n\tif (record(&r,",
            )
        ],
    ),
    Mutant(
        "recovery clears the staging directory before it judges",
        "kill",
        MAILDIR,
        [
            Edit(
                "src/deliver/maildir_recovery.c",
                "\trc = read_names(&n, s->dir, e);\n\tif (rc == 0)\n"
                "\t\trc = judge_path(r, s, &n, path, e);",
                "\trc = read_names(&n, s->dir, e);\n\tif (rc == 0)\n"
                "\t\tremove_stale(r, s, &n);\n\tif (rc == 0) {\n\t\tfree_names(&n);\n"
                "\t\trc = read_names(&n, s->dir, e);\n\t}\n\tif (rc == 0)\n"
                "\t\trc = judge_path(r, s, &n, path, e);",
            ),
            Edit(
                "src/deliver/maildir_recovery.c",
                "if (c->words[STAGED] && (strcmp(c->words[STAGED], name) == 0 ||\n"
                "\t\t\t\t\t strcmp(c->words[SENTINEL], name) == 0))",
                "if (c->words[STAGED] && strcmp(c->words[SENTINEL], name) == 0)",
            ),
        ],
    ),
    Mutant(
        "recovery takes a missing sentinel for a delivery",
        "kill",
        MAILDIR._replace(other="cleaner"),
        [
            Edit(
                "src/deliver/maildir_recovery.c",
                "\t\tif (!c->judged && strcmp(c->words[PATH], path) == 0)\n\t\t\tc->judged = true;",
                "\t\tif (!c->judged && strcmp(c->words[PATH], path) == 0)\n"
                "\t\t\tc->judged = c->delivered = true;",
            )
        ],
    ),
    Mutant(
        "recovery does not sync what it found in new/",
        "recovered",
        MAILDIR_LAST,
        [
            Edit(
                "src/deliver/maildir_recovery.c",
                "return fs_sync(s->new_dir, path, e) != 0 ? -1\n\t\t\t\t\t\t : fs_sync(s->dir, path, e);",
                "return 0;",
            )
        ],
    ),
    Mutant(
        "recovery does not sync what it found in the mbox",
        "recovered",
        MBOX_LAST,
        [
            Edit(
                "src/deliver/mbox/mbox_recovery.c",
                "return fs_sync(r->file.fd, r->file.path, e);",
                "return e == NULL;",
            )
        ],
    ),
    Mutant(
        "recovery's verdict is not durable",
        "recovered",
        MAILDIR_LAST._replace(keep="forever"),
        [
            Edit(
                "src/commit/recovery.c",
                "if (store_begin(store, STORE_DURABLE, e) != 0)",
                "if (store_begin(store, STORE_LAZY, e) != 0)",
            )
        ],
    ),
    Mutant(
        "recovery leaves a torn end of an mbox",
        "kill",
        MBOX_LARGE,
        [
            Edit(
                "src/deliver/mbox/mbox_recovery.c",
                "search(b, e) != 0 || cut_torn(b, e) != 0)",
                "search(b, e) != 0 || (0 && cut_torn(b, e) != 0))",
            )
        ],
    ),
    Mutant(
        "a new mbox's directory is not synced",
        "power",
        MBOX_FIRST,
        [
            Edit(
                "src/deliver/mbox/mbox_file.c",
                "if (rc == 0)\n\t\trc = fs_sync(f->dir, f->path, e);",
                "",
            )
        ],
    ),
    Mutant(
        "a new Maildir's directories are not synced",
        "power",
        MAILDIR_FIRST,
        [
            Edit(
                "src/sys/fs.c",
                "if (n > 0 && fs_sync(dir, name, e) != 0) {",
                "if (n < 0) {",
            ),
            SYNC_ALL_OFF,
        ],
    ),
    Mutant(
        "what a killed run had made is not synced (Maildir)", "begun", MAILDIR_BEGUN, [SYNC_ALL_OFF]
    ),
    Mutant(
        "a failed D1 sync is ignored",
        "failed",
        MAILDIR,
        [
            Edit(
                "src/deliver/maildir.c",
                "if (sync_batch(d, e) != 0)\n\t\treturn -1;",
                "(void)sync_batch(d, e);",
            )
        ],
    ),
    Mutant(
        "a failed commit (D2) is ignored",
        "failed",
        MAILDIR,
        [
            Edit(
                "src/state/store.c",
                "\t\ts->broken = true;\n\t\tstore_rollback(s);\n\t\treturn -1;",
                "\t\tstore_rollback(s);\n\t\treturn 0;",
            )
        ],
    ),
    Mutant(
        "a failed D3 sync is ignored (Maildir)",
        "failed",
        MAILDIR,
        [
            Edit(
                "src/deliver/maildir.c",
                "if (fs_sync(m->staging.new_dir, d->target->path, e) != 0 ||\n"
                "\t    fs_sync(m->staging.dir, d->target->path, e) != 0)",
                "if (fs_sync(m->staging.new_dir, d->target->path, e) < -1 ||\n"
                "\t    fs_sync(m->staging.dir, d->target->path, e) < -1)",
            )
        ],
    ),
    Mutant(
        "a failed D3 sync is ignored (mbox)",
        "failed",
        MBOX,
        [
            Edit(
                "src/deliver/mbox/mbox.c",
                "if (fs_sync(m->file.fd, m->file.path, e) != 0)\n\t\treturn take_back(m, e);",
                "if (fs_sync(m->file.fd, m->file.path, e) < -1)\n\t\treturn take_back(m, e);",
            )
        ],
    ),
    Mutant(
        "an mbox keeps what a failed D3 sync may have lost",
        "failed",
        MBOX,
        [
            Edit(
                "src/deliver/mbox/mbox.c",
                "if (fs_sync(m->file.fd, m->file.path, e) != 0)\n\t\treturn take_back(m, e);",
                "if (fs_sync(m->file.fd, m->file.path, e) != 0)\n\t\treturn -1;",
            )
        ],
    ),
    Mutant("no failed sync is told (Maildir)", "failed", MAILDIR, [SYNC_FD_SUCCEEDS]),
    Mutant("no failed sync is told (mbox)", "failed", MBOX, [SYNC_FD_SUCCEEDS]),
    Mutant(
        "a failed sync is tried again and believed",
        "failed",
        MAILDIR,
        [
            Edit(
                "src/sys/fs_sync.c",
                "if (fsync(fd) == 0)\n",
                "if (fsync(fd) == 0 || fsync(fd) == 0)\n",
            )
        ],
    ),
    Mutant(
        "the log behind a failed commit is believed (the mark is ignored)",
        "lost",
        MAILDIR_LOG,
        [
            Edit(
                "src/sys/lock.c",
                "return fstat(fd, &st) != 0 || st.st_size > 0;",
                "return fstat(fd, &st) != 0;",
            )
        ],
    ),
    Mutant(
        "the log behind a failed commit is synced, but not written anew",
        "lost",
        MAILDIR_LOG,
        [
            Edit(
                "src/state/place.c",
                "rc = fs_write_anew(fd, 0, UINT64_MAX, e);",
                "rc = 0;",
            )
        ],
    ),
    Mutant(
        "what recovery finds in an mbox is synced, but not written anew",
        "lost",
        MBOX_LAST,
        [
            Edit(
                "src/deliver/mbox/mbox_recovery.c",
                "return rewrite_exact(b, e);",
                "return 0;",
            ),
            Edit(
                "src/deliver/mbox/mbox_recovery.c",
                "static int\nrewrite_exact",
                "static int __attribute__((unused))\nrewrite_exact",
            ),
        ],
    ),
    Mutant(
        "the mark is set only when a commit has failed",
        "lost",
        MAILDIR_LOG,
        [
            Edit(
                "src/state/store.c",
                "if (s->lock < 0 || s->marked)\n",
                "if (s->lock < 0 || s->marked || !s->broken)\n",
            ),
            Edit(
                "src/state/store.c",
                "\t\ts->broken = true;\n\t\tstore_rollback(s);\n",
                "\t\ts->broken = true;\n\t\t(void)mark(s, e);\n\t\tstore_rollback(s);\n",
            ),
        ],
    ),
    Mutant(
        "a directory that cannot be listed is taken for empty",
        "looks",
        MAILDIR_READ,
        [
            Edit(
                "src/deliver/maildir_recovery.c",
                "if (fs_list(dir, add_name, n, e) != 0)\n\t\treturn -1;",
                "(void)fs_list(dir, add_name, n, e);",
            )
        ],
    ),
    Mutant(
        "staged files are discarded after a commit that failed",
        "failed",
        MAILDIR,
        [
            Edit(
                "src/commit/batch.c",
                "\tif (attempted)\n\t\treturn break_off(b);\n"
                "\tdeliver_abandon(b->deliver);\n",
                "\tif (attempted) {\n\t\tbatch_list_clear(&b->current, true);\n"
                "\t\treturn break_off(b);\n\t}\n\tdeliver_abandon(b->deliver);\n",
            )
        ],
    ),
]


# --- building ---


def variables(makefile):
    """What configure found out: compiler, flags and libraries."""
    found = {}
    for line in Path(makefile).read_text().splitlines():
        match = re.match(r"(\w+) = ?(.*)", line)
        if match and not line.endswith("\\"):
            found[match[1]] = match[2]
    return found


class Builder:
    def __init__(self, source, build, directory):
        self.source, self.build, self.directory = Path(source), Path(build), Path(directory)
        known = variables(self.build / "Makefile")
        self.compiler = known.get("CC", "cc").split()
        names = ("OPENSSL", "SQLITE", "CONFUSE")
        self.flags = [flag for name in names for flag in known.get(name + "_CFLAGS", "").split()]
        self.flags += ["-std=gnu11", "-O0", "-w", "-DHAVE_CONFIG_H", f"-I{self.build}"]
        self.libraries = [flag for name in names for flag in known.get(name + "_LIBS", "").split()]
        self.libraries += known.get("LIBS", "").split()
        self.files = sorted(f.relative_to(self.source) for f in self.source.glob("src/**/*.c"))

    def build_all(self):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda f: self._compile(self.source, f, self._object(f)), self.files))

    def _object(self, file, directory=None):
        return (directory or self.directory) / (str(file).replace("/", "_") + ".o")

    def _compile(self, top, file, out):
        self._run(
            [
                *self.compiler,
                *self.flags,
                f"-I{top}/src",
                f"-I{self.source}/src",
                "-c",
                str(top / file),
                "-o",
                str(out),
            ]
        )

    def _run(self, command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}:\n{done.stderr[:2000]}")

    def mutate(self, mutant, directory):
        """The path of the program with this mutant's edits."""
        top = Path(directory)
        top.mkdir(parents=True)
        objects = {file: self._object(file) for file in self.files}
        for file, text in edited(self.source, mutant).items():
            place = top / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            objects[Path(file)] = self._object(file, top)
            self._compile(top, Path(file), objects[Path(file)])
        program = top / "popfetch"
        self._run(
            [*self.compiler, *map(str, objects.values()), *self.libraries, "-o", str(program)]
        )
        return program


def edited(source, mutant):
    texts = {}
    for file, old, new in mutant.edits:
        text = texts.get(file) or (source / file).read_text()
        if text.count(old) != 1:
            raise Broken(f"the text to change is in {file} {text.count(old)} times:\n{old}")
        texts[file] = text.replace(old, new)
    return texts


# --- hunting ---


def hunt(place, builder, mutant):
    """How the mutant was noticed: (number of points tried, the first line of what was broken)."""
    directory = Path(place.directory) / ("mutant-" + re.sub(r"\W+", "-", mutant.name))
    try:
        program = builder.mutate(mutant, directory)
        return hunted(type(place)(program, directory), mutant)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


CONTROLS = [
    Mutant(f"control: nothing is broken ({suite})", suite, scenario, [])
    for suite, scenario in (
        ("kill", MAILDIR_READ),
        ("kill", MBOX_LARGE),
        ("kill", MDA._replace(deaf=True)),
        ("pairs", MAILDIR_LAST),
        ("failed", MAILDIR),
        ("looks", MAILDIR_READ),
        ("lost", MAILDIR_LOG),
        ("power", MAILDIR),
        ("power", MBOX),
        ("recovered", MBOX_LAST),
    )
]
CONTROL_TRIES = {"pairs": 1, "failed": 3, "looks": 3, "lost": 12}


def control(place, builder, mutant):
    """The unchanged program, compiled like the mutants, passes what they fail."""
    directory = Path(place.directory) / f"control-{mutant.suite}-{name_of(mutant.scenario)}"
    own = None
    try:
        own = type(place)(builder.mutate(mutant, directory), directory)
        attempts = ATTEMPTS[mutant.suite](own.world_of(mutant.scenario))
        count = CONTROL_TRIES.get(mutant.suite, 40)
        for attempt in itertools.islice(attempts, count):
            attempt()
        return count
    finally:
        if own:
            own.leave()
        shutil.rmtree(directory, ignore_errors=True)


def hunted(place, mutant):
    tried = 0
    world = place.world_of(mutant.scenario)  # which must work
    try:
        for tried, attempt in enumerate(ATTEMPTS[mutant.suite](world), 1):
            attempt()
            if tried >= TRIES:
                break
    except Broken as broken:
        return tried, str(broken).splitlines()[0]
    finally:
        place.leave()
    raise Broken(f"not noticed at {tried} points of {mutant.suite} {name_of(mutant.scenario)}")


def shuffled(items):
    items = list(items)
    random.Random(1).shuffle(items)
    return items


def kills(world):
    for point in shuffled(kill.kill_points(world)):
        yield functools.partial(kill.kill, world, point)


def pairs(world):
    firsts = [p for p in kill.kill_points(world) if p.name in ("renameat2", "fsync", "fdatasync")]
    for first in shuffled(firsts):
        yield functools.partial(kill.pairs, world, first, 0, 40)


def failures(world):
    for sync in shuffled(kill.sync_points(world)):
        yield functools.partial(kill.failed_sync, world, sync, 10, 0)


def looks(world):
    for first in shuffled(kill.look_points(world)):
        yield functools.partial(kill.failed_looks, world, first, 10, 0)


def losses(world):
    points = itertools.product(power.failure_points(world), power.FAILURES)
    for point, how in sorted(shuffled(points), key=lambda p: p[0].name != "fdatasync"):
        yield functools.partial(power.lost, world, point, how, 6)


def cuts(world, point=None):
    recording = power.Recording(world, point)
    for state in shuffled(recording.states()):
        yield functools.partial(power.check, recording, state)


def recovered_cuts(world):
    points = shuffled(power.recovery_points(world, 12))
    for point in sorted(points, key=lambda p: p.name != "fsync"):
        yield from itertools.islice(cuts(world, point), 100)


def begun_cuts(world):
    for point in power.begun_points(world, 30):
        yield from itertools.islice(cuts(world, point), 60)


ATTEMPTS = {
    "begun": begun_cuts,
    "kill": kills,
    "pairs": pairs,
    "failed": failures,
    "looks": looks,
    "power": cuts,
    "lost": losses,
    "recovered": recovered_cuts,
}
