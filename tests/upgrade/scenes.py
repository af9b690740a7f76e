# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The scenes of make_states.py, in the order in which they stand in an archive: functions of a
Stage, which they leave as it is to be packed."""

import errno
import os

from popactions import close, say
from states import DAY, HOUR

MINUTE = 60
LINE = "x" * 79 + "\n"
SAVER = (
    'n=$(ls delivered | wc -l); cat > "delivered/$n-$POPFETCH_DELIVERY_ID";'
    " if [ -e die ]; then rm die; kill -9 $PPID; fi"
)
SCENES = {}


def scene(function):
    SCENES[function.__name__] = function
    return function


@scene
def plain(s):
    """A Maildir, five messages in two runs, kept for ever; a reader has seen and removed some."""
    s.serve()
    s.account(maildir="~/Maildir", keep="forever")
    first = [s.mail(f"plain {number}") for number in range(3)]
    s.run()
    s.take(first[1])
    file = s.home.maildir_files()[0]
    file.rename(file.parents[1] / "cur" / f"{file.name}:2,S")
    s.later(DAY)
    for number in range(3, 5):
        s.mail(f"plain {number}")
    s.run()


@scene
def ages(s):
    """keep = "14 days", with a message of every age: one whose DELE was in vain, one that another
    program removed, one that is due within the hour, one that is not, one that fails for the third
    time and one that is too large."""
    s.serve()
    s.account(maildir="~/Maildir", keep="14 days", max_size="4 KiB")
    s.at(-20 * DAY)
    s.mail("in vain", stays=False)
    gone = s.mail("gone")
    s.run()
    s.at(-14 * DAY + 30 * MINUTE)
    s.mail("due", stays=False)
    s.run()
    s.at(-7 * DAY)
    s.remove(gone)
    s.run()
    s.at(-5 * DAY)
    s.mail("large", LINE * 100, waits="large")
    s.pop.on("QUIT", close)
    s.run(status=None)
    s.mail("not due")
    s.mail("bad", waits="aside")
    s.pop.on("RETR 5", say(b"-ERR it is broken\r\n"))
    for hours in (-6, -4, 0):
        s.at(hours * HOUR)
        s.run(status=os.EX_TEMPFAIL)
    assert len(s.pop.mailbox.messages) == 5 and len(s.pop.all_commands("DELE")) == 4


def begin_batch(s, name, keep="no", count=4, **account):
    """Two messages that were delivered before, and a batch to come."""
    s.serve()
    s.account(**account or {"maildir": "~/Maildir"}, keep=keep)
    stays = keep != "no"
    for number in range(2):
        s.mail(f"{name}, before, {number}", stays=stays)
    s.run()
    s.later(DAY)
    return [s.mail(f"{name} {number}", stays=stays) for number in range(count)]


@scene
def staged(s):
    """Killed before D2: messages are staged, and not on record."""
    begin_batch(s, "staged")
    s.killed(before=("pwrite", "*.db-wal", 1))
    assert len(s.home.staged()) == 5


@scene
def ready(s):
    """Killed behind D2: all is on record and staged, nothing is renamed."""
    begin_batch(s, "ready")
    s.killed(before=("renameat2", "Maildir/*", 1))
    assert len(s.home.staged()) == 5


@scene
def published_in_part(s):
    """Killed in the middle of the renames; a reader has taken what was there away."""
    new = begin_batch(s, "in part")
    s.killed(before=("renameat2", "Maildir/*", 3))
    s.take(new[0])
    assert len(s.home.staged()) == 3 and len(s.home.maildir()) == 3


@scene
def published_in_part_and_kept(s):
    """The same with keep = "forever", where nothing but the rows says what was delivered."""
    new = begin_batch(s, "in part, kept", keep="forever")
    s.killed(before=("renameat2", "Maildir/*", 3))
    s.take(new[1])


@scene
def published(s):
    """Killed behind the renames, before that is on record; a reader has taken everything away."""
    new = begin_batch(s, "published")
    s.killed(before=("fsync", "Maildir/new", 1))
    for message in new:
        s.take(message)
    assert len(s.home.staged()) == 1


@scene
def published_and_kept(s):
    """The same with keep = "forever"."""
    new = begin_batch(s, "published, kept", keep="forever")
    s.killed(before=("fsync", "Maildir/new", 1))
    for message in new:
        s.take(message)


@scene
def cleaned(s):
    """Killed behind D2, and then somebody has emptied tmp/: nothing was delivered."""
    begin_batch(s, "cleaned")
    s.killed(before=("renameat2", "Maildir/*", 1))
    s.clean()


@scene
def moved_on(s):
    """Killed in the middle of the renames, and then mail goes to an mbox: the Maildir gets what
    is its own."""
    new = begin_batch(s, "moved on")
    s.killed(before=("renameat2", "Maildir/*", 3))
    s.take(new[0])
    s.account(mbox="~/mbox", keep="no")


@scene
def sync_failed(s):
    """The sync of D2 fails (EIO): the lock's mark says so."""
    begin_batch(s, "sync failed")
    s.home.faults.set(s.number_of((), "fdatasync", "*.db-wal"), error=errno.EIO)
    s.run(status=os.EX_IOERR)
    s.home.faults.none()
    [lock] = s.home.state_dir.glob("*.lock")
    assert lock.stat().st_size == 1 and len(s.home.staged()) == 5


@scene
def mbox_unwritten(s):
    """Killed behind D2 before anything is appended to the mbox, which stays locked."""
    begin_batch(s, "unwritten", mbox="~/mbox")
    s.killed(before=("pwrite", "mbox", 1))
    assert (s.path / "mbox.lock").exists() and len(s.home.mbox()) == 2


@scene
def mbox_torn(s):
    """Killed in the middle of the write."""
    begin_batch(s, "torn", mbox="~/mbox")
    size = (s.path / "mbox").stat().st_size
    s.killed(before=("fsync", "mbox", 1))
    whole = (s.path / "mbox").stat().st_size
    os.truncate(s.path / "mbox", (size + whole) // 2)  # as such a kill may leave it


@scene
def mbox_written(s):
    """Killed behind it."""
    begin_batch(s, "written", mbox="~/mbox", keep="forever")
    s.killed(before=("fsync", "mbox", 1))
    assert len(s.home.mbox()) == 6


def begin_mda(s, name, body="Hello.\n"):
    s.serve()
    s.account(mda=["/bin/sh", "-c", SAVER], keep="no")
    (s.path / "delivered").mkdir()
    s.mail(f"{name}, before", stays=False)
    s.run()
    s.later(DAY)
    return [s.mail(f"{name} {number}", body, stays=False) for number in range(2)]


@scene
def mda_in_hand(s):
    """Killed while an MDA has a message in hand, which it saves: that one comes twice."""
    new = begin_mda(s, "in hand")
    (s.path / "die").touch()
    s.run(status=None)
    new[0].story["copies"] = 2
    assert len(s.home.saved()) == 2


@scene
def mda_spool(s):
    """Killed in the moment in which a large message for an MDA has a file with a name."""
    begin_mda(s, "spool", LINE * 1000)
    s.killed(before=("unlinkat", "*/mda-*", 1))
    assert list(s.home.state_dir.glob("mda-*"))


@scene
def without_uidl(s):
    """A server without UIDL, which has lost QUIT: messages are known by their content."""
    s.serve(uidl=False, caps=("TOP", "USER"))
    s.account(maildir="~/Maildir", keep="no")
    for number in range(3):
        s.mail(f"without uid {number}", stays=False)
    s.pop.on("QUIT", close)
    s.run(status=None)
    assert len(s.pop.left()) == 3


@scene
def caught_up(s):
    """--catch-up from a server with TOP."""
    s.serve()
    s.account(maildir="~/Maildir", keep="14 days")
    for number in range(3):
        s.mail(f"caught up {number}", copies=0)
    s.run("--catch-up", "work")


@scene
def caught_up_without_top(s):
    """The same without: rows have no header."""
    s.serve(top=False, caps=("UIDL", "USER"))
    s.account(maildir="~/Maildir", keep="14 days")
    for number in range(3):
        s.mail(f"caught up without TOP {number}", copies=0)
    s.run("--catch-up", "work")


@scene
def twins(s):
    """One uid for several messages of several sizes and headers; and uids of odd bytes."""
    s.serve()
    s.account(maildir="~/Maildir", keep="forever")
    for number in range(3):
        s.mail(f"twin {number}", "x" * 10 * number + "\n", uid="same")
    s.run()
    s.later(DAY)
    s.mail("twin 4", "of another size\n", uid="same")
    for uid in ("\x01'%", "\xff", "x" * 70):
        s.mail("odd uid", uid=uid.encode("latin-1"))
    s.run()


@scene
def long_log(s):
    """A log that was copied into the database once, and then begun anew: behind what counts stands
    what does not any more."""
    s.serve()
    s.account(maildir="~/Maildir", keep="forever")
    for number in range(100):
        s.mail(f"log {number}")
    s.home.environment["POPFETCH_BATCH_LIMIT"] = "1"
    s.run()
    del s.home.environment["POPFETCH_BATCH_LIMIT"]
    s.later(DAY)
    s.mail("log, another day")
    s.run()
    [log] = s.home.state_dir.glob("*.db-wal")
    content = log.read_bytes()
    assert len(content) >= 256 * 4096 and int.from_bytes(content[12:16], "big") > 0


def making(s, *before):
    s.serve()
    s.account(maildir="~/Maildir", keep="forever")
    s.mail("making")
    s.killed(before=before)


@scene
def making_its_file(s):
    """Killed while the database was made, at one moment after the other."""
    making(s, "open", "*.db-journal", 1)


@scene
def making_its_journal(s):
    making(s, "pwrite", "*.db", 1)


@scene
def making_its_header(s):
    making(s, "unlink", "*.db-journal", 1)


@scene
def making_its_log(s):
    making(s, "open", "*.db-wal", 1)


@scene
def making_its_schema(s):
    making(s, "pwrite", "*.db-wal", 6)


@scene
def making_its_names_durable(s):
    making(s, "fsync", ".local/state/popfetch", 1)


@scene
def making_a_copy_of_the_log(s):
    making(s, "pwrite", "*.db", 5)


@scene
def made(s):
    making(s, "mkdirat", "Maildir", 1)


@scene
def again_in_part(s):
    """--all, killed in the middle of the renames: every message is there twice in the end."""
    old = begin_batch(s, "again", keep="forever", count=1)
    s.run()
    for message in old + s.messages[:2]:
        message.story["copies"] = 2
    s.later(DAY)
    s.killed("--all", before=("renameat2", "Maildir/*", 2))


@scene
def again_cleaned(s):
    """--all, killed before them, and tmp/ was emptied: what was on record before holds."""
    begin_batch(s, "not again", keep="forever", count=1)
    s.run()
    s.later(DAY)
    s.killed("--all", before=("renameat2", "Maildir/*", 1))
    s.clean()


def begin_odd(s, name):
    """A message that was set aside twice, and one that is too large."""
    s.serve()
    s.account(maildir="~/Maildir", keep="forever", max_size="4 KiB")
    s.mail(f"{name}, bad", waits="aside")
    s.mail(f"{name}, large", LINE * 100, waits="large")
    s.pop.on("RETR 1", say(b"-ERR it is broken\r\n"))
    for hours in (6, 0):
        s.run("work", status=os.EX_TEMPFAIL)
        s.later(hours * HOUR)
    s.later(2 * MINUTE)


@scene
def aside_cleaned(s):
    """The same with a message that was set aside, when it was tried again."""
    begin_odd(s, "not aside")
    s.pop.forgive()
    s.killed("work", before=("renameat2", "Maildir/*", 1))
    s.clean()


@scene
def large_cleaned(s):
    """And with one that was too large until then."""
    begin_odd(s, "not large")
    s.account(maildir="~/Maildir", keep="forever", max_size="1 MiB")
    s.killed(before=("renameat2", "Maildir/*", 1))
    s.clean()
    s.account(maildir="~/Maildir", keep="forever", max_size="4 KiB")


@scene
def refused(s):
    """A login that was refused twice."""
    s.serve()
    s.account(maildir="~/Maildir", keep="forever")
    s.mail("refused")
    s.run()
    s.later(DAY)
    s.pop.users["jane"] = "another"
    for _ in range(2):
        s.run("work", status=os.EX_NOPERM)


@scene
def folded(s):
    """A line that broke twice, of which nothing is said before the fourth time."""
    s.serve()
    s.account(maildir="~/Maildir", keep="forever", notice_after="4 failures")
    s.mail("folded")
    s.run()
    s.later(DAY)
    s.pop.on("GREETING", close)
    for _ in range(2):
        assert s.run(status=os.EX_TEMPFAIL).output == ""
        s.later(HOUR)
