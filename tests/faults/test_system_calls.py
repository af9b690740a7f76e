# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Every system call that writes is made to fail, in every way, once and for good.

Whatever fails: no partial message is ever visible, nothing is lost or doubled, the program says in
one line what is wrong and ends with the right status, and the next run completes the work.
"""

import collections
import errno
import os
import re
import shutil
import subprocess

import pytest

from faultcalls import AFTERWARDS, ALL, EVER, INSTEAD, KILL, KINDS, SHORT, SHORT_FIRST
from popmail import local
from scene import DESTINATIONS, Scene

# A disk that is full still lets one remove and shorten files.
FULL = ALL & ~(KINDS["unlink"] | KINDS["truncate"])
Mode = collections.namedtuple("Mode", "error span how kinds", defaults=(INSTEAD, ALL))
MODES = {
    "no space, once": Mode("ENOSPC", 1),
    "quota, once": Mode("EDQUOT", 1),
    "input or output error, once": Mode("EIO", 1),
    "read-only, once": Mode("EROFS", 1),
    "no space from then on": Mode("ENOSPC", EVER, INSTEAD, FULL),
    "quota from then on": Mode("EDQUOT", EVER, INSTEAD, FULL),
    "errors from then on": Mode("EIO", EVER),
    "read-only from then on": Mode("EROFS", EVER),
    "done, but an error is reported": Mode("EIO", 1, AFTERWARDS),
    "interrupted": Mode("EINTR", 1),
    "interrupted three times": Mode("EINTR", 3),
    "short write": Mode("EIO", 1, SHORT, KINDS["write"]),
    "short write, then no space": Mode("ENOSPC", EVER, SHORT_FIRST, FULL),
}
PROBE = re.compile(r"probe|popfetch-lock|mbox\.lock")  # there to see whether one may write
SCENES = ("first run", "later run", "recovery")
HARMLESS = {"short write"}
LOCAL_STATUSES = {0, os.EX_CANTCREAT, os.EX_IOERR}


def set_up(scene, faults, kind):
    """What there is before the run that meets the faults; again() brings it back."""
    scene.kind = kind
    scene.fresh()
    account = scene.popfetch.accounts["work"]
    if kind == "later run":  # two are here already and are to go, one is new
        account["keep"] = "forever"
        scene.fill(scene.wires[:2])
        assert scene.popfetch().status == 0
        scene.pop.add(scene.wires[2])
        account["keep"] = "no"
    if kind == "recovery":  # an earlier run died in the middle of publishing
        result, calls = faults.record(lambda env: scene.popfetch(env=env))
        assert result.status == 0, result
        scene.fresh()
        faults.set(publishing(scene, calls).number, error=errno.EIO, how=KILL)
        scene.popfetch.finish(scene.popfetch.start(env=faults.environment))
        assert scene.popfetch.sql("select count(*) from intent")[0][0] > 0
    scene.remember()


def publishing(scene, calls):
    """A call in the middle of publishing."""
    if scene.destination == "maildir":
        return [call for call in calls if call.kind == "rename" and "probe" not in call.path][1]
    if scene.destination == "mbox":
        return [call for call in calls if call.kind == "write" and call.path.endswith("/mbox")][0]
    spooled = [call.number for call in calls if "memfd:" in call.path]
    return [call for call in calls if call.kind == "sync" and call.number > spooled[0]][2]


def expected(mode, failed, scene):
    """The statuses that are right when these calls fail."""
    if mode in HARMLESS:
        return {0}
    if MODES[mode].error == "EINTR":  # link(2) may be tried later
        return LOCAL_STATUSES | {os.EX_TEMPFAIL}
    made = scene.kind != "first run"
    first = failed[0]
    creates = first.kind in ("open", "mkdir", "link") or PROBE.search(first.path)
    if creates or MODES[mode].span == EVER or not made and scene.state_is_made(first):
        return LOCAL_STATUSES
    return {0, os.EX_IOERR}


def must_be_told(failed):
    """Whether a sync failed, on which all that follows rests. SQLite's own sync of the directory of
    its files is none, and it passes over its failure: popfetch syncs what is new there."""
    by_sqlite = failed[0].name == "fdatasync" and failed[0].path.endswith("/popfetch")
    return failed[0].kind == "sync" and not by_sqlite


def heed_deletions(scene, faults):
    """The DELE, from now on, that a QUIT confirms after a call has failed."""
    found = []

    def note(session, line):
        if faults.hits:
            found.extend(session.connection.deletions)
        session.obey(line)

    scene.pop.on("QUIT", note)
    return found


def check_told(result, rash):
    """A failed sync is never passed over: the status says so, and nothing is deleted from then
    on."""
    assert result.status in {os.EX_CANTCREAT, os.EX_IOERR}, result
    assert not rash, result


def check_point(scene, faults, mode, number, odd):
    how = MODES[mode]
    scene.again()
    rash = heed_deletions(scene, faults)
    last = min(EVER, number + how.span - 1)
    faults.set(number, last, error=getattr(errno, how.error), how=how.how, kinds=how.kinds)
    result = scene.popfetch.finish(scene.popfetch.start(env=faults.environment))
    failed = faults.failures()
    faults.none()
    if not failed:
        return 0
    what = f"failed: {[' '.join(map(str, call)) for call in failed[:2]]}"
    everything_fails = how.span == EVER and how.kinds == ALL
    try:
        scene.check_nothing_wrong(result, torn_mbox=everything_fails)
        if result.status != os.EX_TEMPFAIL:  # else it may be folded
            scene.check_error(result, expected(mode, failed, scene))
        assert result.status in expected(mode, failed, scene), result
        if how.error != "EINTR" and must_be_told(failed):
            check_told(result, rash)
        if result.status == 0:  # then it must be true
            have = collections.Counter(scene.delivered())
            want = collections.Counter(local(wire) for wire in scene.wires)
            assert not want - have and not scene.pop.left(), result
        if odd and scene.destination == "maildir":
            scene.read_some()
        if any(call.kind == "unlink" for call in failed):
            (scene.home / "mbox.lock").unlink(missing_ok=True)  # the next one to deliver breaks it
        doubtful = result.status != 0 or scene.kind == "recovery"
        scene.finish(doubtful=1 if doubtful else 0)
    except AssertionError as error:
        raise AssertionError(f"{what}\n{error}") from None
    return len(failed)


def meaningful(call, calls, mode, kind):
    """A dotlock that recovery cannot remove is waited for by the delivery, for half a minute: a
    test of patience only."""
    if mode.span != EVER and kind == "recovery":
        hit = calls[call.number - 1 : call.number - 1 + mode.span]
        if any(c.kind == "unlink" and c.path.endswith("mbox.lock") for c in hit):
            return False
    return mode.span == EVER or mode.kinds & KINDS[call.kind]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("kind", SCENES)
def test_a_call_that_fails_loses_and_doubles_nothing(
    binary, tmp_path, server, faults, points, long_form, kind, destination, mode
):
    pop = server(tls="off", pipelining=True)
    scene = Scene(binary, tmp_path / "scene", pop, destination)
    set_up(scene, faults, kind)
    result, calls = faults.record(lambda env: scene.popfetch(env=env))
    assert result.status == 0, result
    wanted = [call for call in calls if meaningful(call, calls, MODES[mode], kind)]
    step = 1 if long_form else 3
    start = list(MODES).index(mode) % step
    tried, failures = 0, []
    for place, call in enumerate(wanted[start::step]):
        try:
            tried += check_point(scene, faults, mode, call.number, place % 2) > 0
        except AssertionError as error:
            failures.append(f"call {call.number}: {error}")
    points(tried)
    assert tried > 0
    assert not failures, f"{len(failures)} of {tried}\n" + "\n".join(failures[:3])


TRACED = "open openat creat write writev pwrite64 pwritev fsync fdatasync syncfs rename renameat \
renameat2 unlink unlinkat rmdir ftruncate truncate mkdir mkdirat link linkat fallocate symlink \
symlinkat copy_file_range sendfile".split()


def traced_calls(trace, home):
    """The calls in strace's record that change files below this directory, by name."""
    found = collections.Counter()
    for line in trace.read_text(errors="replace").splitlines():
        match = re.match(r"\d+ +(\w+)\((.*)", line)
        if not match or str(home) not in line:
            continue
        name, arguments = match.groups()
        if name in ("open", "openat") and not re.search(r"O_(CREAT|WRONLY|RDWR)", arguments):
            continue
        if name.startswith("write") and "<pipe:" in arguments.split(",")[0]:
            continue
        found[{"open": "openat", "unlink": "unlinkat", "mkdir": "mkdirat"}.get(name, name)] += 1
    return found


@pytest.mark.parametrize("destination", ["maildir", "mbox"])
def test_no_writing_call_escapes_these_tests(binary, tmp_path, server, faults, destination):
    """What the preloaded library has counted is what the kernel has seen."""
    strace = shutil.which("strace")
    assert strace, "strace is needed here (Debian: strace)"
    pop = server(tls="off", pipelining=True)
    scene = Scene(binary, tmp_path / "scene", pop, destination)
    scene.fresh()
    result, calls = faults.record(lambda env: scene.popfetch(env=env))
    assert result.status == 0, result
    scene.fresh()
    trace = tmp_path / "trace"
    names = ",".join("?" + name for name in TRACED)
    before = [strace, "-f", "-y", "-s", "0", "-o", str(trace), "-e", "trace=" + names]
    asan = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    assert scene.popfetch(before=before, env={"ASAN_OPTIONS": asan}).status == 0
    there = traced_calls(trace, scene.home)
    names = {"pwrite": "pwrite64", "mkdir": "mkdirat"}
    names.update(renameat="renameat2", unlink="unlinkat", open="openat")
    here = collections.Counter(
        names.get(call.name, call.name)
        for call in calls
        if call.kind != "other" and str(scene.home) in call.path
    )
    assert there == here


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_an_error_from_the_kernel_itself(
    binary, tmp_path, server, faults, points, long_form, destination
):
    """The same by strace, so that nothing depends on how the program calls its C library. The MDA
    is left in peace (-b execve)."""
    strace = shutil.which("strace")
    assert strace, "strace is needed here (Debian: strace)"
    pop = server(tls="off", pipelining=True)
    scene = Scene(binary, tmp_path / "scene", pop, destination)
    names = "fsync fdatasync pwrite64 renameat2 ftruncate mkdirat unlinkat".split()
    asan = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    tried = 0
    for name in names:
        for nth in list(range(1, 40 if long_form else 8)):
            scene.fresh()
            before = [strace, "-f", "-b", "execve", "-qq", "-o", str(tmp_path / "injected")]
            before += ["-e", f"trace={name}", "-e", f"inject={name}:error=EIO:when={nth}"]
            process = scene.popfetch.start(before=before, env={"ASAN_OPTIONS": asan})
            result = scene.popfetch.finish(process)
            if "(INJECTED)" not in (tmp_path / "injected").read_text(errors="replace"):
                break
            tried += 1
            scene.check_nothing_wrong(result)
            scene.check_error(result, LOCAL_STATUSES)
            scene.finish(doubtful=1)
    points(tried)
    assert tried > 10


def test_the_library_is_not_passed_on_to_an_mda(binary, tmp_path, server, faults):
    """An MDA's own calls must not be made to fail: it would answer for them by itself."""
    pop = server(tls="off", pipelining=True)
    scene = Scene(binary, tmp_path / "scene", pop, "mda")
    scene.fresh()
    mda = scene.popfetch.script('cat >/dev/null; env > "$HOME/environment"', "env")
    scene.popfetch.accounts["work"]["mda"] = mda
    assert scene.popfetch(env=faults.environment).status == 0
    assert "LD_PRELOAD" not in (scene.home / "environment").read_text()
    assert subprocess.run(["true"], env=faults.environment).returncode == 0


def test_a_maildir_needs_no_hard_links(binary, tmp_path, server, faults):
    """Some file systems have none: what is delivered is renamed, never linked."""
    pop = server(tls="off", pipelining=True)
    scene = Scene(binary, tmp_path / "scene", pop, "maildir")
    scene.fresh()
    result, calls = faults.record(lambda env: scene.popfetch(env=env))
    assert result.status == 0, result
    assert not [call for call in calls if call.kind == "link"]
    assert len([call for call in calls if call.kind == "rename"]) >= len(scene.wires)
