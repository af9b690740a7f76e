#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""How fast popfetch is beside other programs, on this machine, now.

    make bench                              everything, half an hour
    make bench BENCHFLAGS='--rounds 3 maildir mda'      these rows only
    make bench-smoke                        small sizes, without peers: does the bench work?

A real Dovecot on loopback serves each program in turn over POP3S with verification, in several
rounds, one run of each program a round. What a run delivered is checked; a run that is not right is
void. Shown are medians, and the median of the ratios of runs of the same round. doc/performance.md
tells what each row means.

Environment: POPFETCH, the program. CORPUS, a directory that tests/fetch-corpus has filled or is to
fill; CC, OPENSSL_CFLAGS and OPENSSL_LIBS for the tools. Exit status 1: a run of popfetch or of the
reader was void; 2: a target was not met, if --strict is given.
"""

import argparse
import csv
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "functional")]

import clients  # noqa: E402
import mailboxes  # noqa: E402
import measure  # noqa: E402
import rows  # noqa: E402
from certs import Certificates  # noqa: E402

OURS, FLOOR = "popfetch", "bare"
PEERS = (clients.Mpop, clients.Fetchmail, clients.Getmail)
NAMES = (OURS, *(peer.name for peer in PEERS), FLOOR)
QUICK = {
    "messages": 300,
    "uids": 3000,
    "large_size": 3_000_000,
    "large_count": 2,
    "huge_size": 30 << 20,
    "accounts": 4,
}
NEEDED = (OURS, FLOOR)


class Bench:
    def __init__(self, options, directory):
        self.options, self.directory, self.load = options, Path(directory), os.getloadavg()[0]
        tools = self.directory / "tools"
        tools.mkdir()
        measure.build_tools(tools)
        self.stopwatch = measure.Stopwatch(tools)
        clients.find_procmail(tools)
        binary = tools / OURS
        shutil.copy2(os.environ["POPFETCH"], binary)
        able = [clients.Popfetch(binary), *(peer() for peer in PEERS), clients.Bare(tools)]
        self.clients = [client for client in able if client.name in options.clients]
        self.rows, self.samples, self.notes, self.failed = [], {}, [], False
        self.real = None

    def messages(self):
        """The mailbox of most rows."""
        if self.real is None:
            if self.options.quick and not os.environ.get("CORPUS"):
                self.real = mailboxes.made(self.options.messages)
            else:
                directory = self.directory / "corpus"
                self.real = mailboxes.repeated(
                    mailboxes.corpus(directory), self.options.messages
                )
        return self.real

    def run(self):
        place = mailboxes.place_for_mail(rows.mail_bytes(self.options))
        certificates = Certificates(self.directory / "certificates")
        os.chmod(self.directory / "certificates", 0o755)
        with mailboxes.Server(certificates, place) as self.server:
            for row in rows.table(self, self.options):
                if not self.options.rows or row.key in self.options.rows:
                    self.rows.append(row)
                    with row:
                        self.take_turns(row)

    def take_turns(self, row):
        """The order changes from round to round, so that none always comes after the same."""
        taking, slow = self.who(row), set()
        for number in range(min(self.options.rounds, row.rounds or self.options.rounds)):
            turn = number % max(1, len(taking))
            for client in taking[turn:] + taking[:turn]:
                if client not in taking or client in slow:
                    continue
                sample = self.one(row, client)
                if sample is None:
                    taking = [other for other in taking if other is not client]
                elif client.name != OURS and sample.seconds > self.options.patience:
                    slow.add(client)

    def who(self, row):
        able = []
        for client in self.clients:
            if client.name not in row.clients:
                continue
            if why := client.missing(row.to):
                self.note(f"{row.key}: {client.name} was left out: {why}")
            else:
                able.append(client)
        return able

    def one(self, row, client):
        try:
            sample = row.once(client)
        except measure.Void as void:
            self.note(f"{row.key}: void: {void}")
            self.samples.setdefault((row.key, client.name), []).clear()
            self.failed = self.failed or client.name in NEEDED
            return None
        self.samples.setdefault((row.key, client.name), []).append(sample)
        progress(f"{row.key} {client.name}: {shown(sample.value)} {row.unit}")
        return sample

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)
            progress(text)

    # What came of it.

    def values(self, row, name, what="value"):
        return [getattr(sample, what) for sample in self.samples.get((row.key, name), [])]

    def median(self, row, name, what="value"):
        values = self.values(row, name, what)
        return statistics.median(values) if values and values[0] is not None else None

    def ratio(self, row, name):
        """To another client's in the same round."""
        pairs = list(zip(self.values(row, OURS), self.values(row, name)))
        return statistics.median(ours / theirs for ours, theirs in pairs) if pairs else None

    def verdict(self, row):
        """How popfetch stands to its target: (the figure that counts, "met", "not met" or "")."""
        target = row.target
        figure = self.median(row, OURS) if not target or not target.of else None
        if target and target.of:
            figure = self.ratio(row, target.of)
        if target is None or figure is None:
            return figure, ""
        return figure, "met" if target.met(figure) else "NOT MET"

    def unmet(self):
        return [row.key for row in self.rows if self.verdict(row)[1] == "NOT MET"]


def progress(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


# --- showing ---


def shown(value):
    if value is None:
        return "-"
    if value >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def lines_of(cells):
    """Columns side by side; the first to the left."""
    widths = [max(len(line[n]) for line in cells) for n in range(len(cells[0]))]
    for line in cells:
        yield "  ".join(
            cell.ljust(width) if n < 1 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()


def main_table(bench):
    cells = [["", "unit", "target", *NAMES, "of mpop", "of bare", ""]]
    for row in bench.rows:
        cells.append(
            [row.title, row.unit, str(row.target or "")]
            + [shown(bench.median(row, name)) for name in NAMES]
            + [shown(bench.ratio(row, name)) for name in ("mpop", FLOOR)]
            + [bench.verdict(row)[1]]
        )
    return lines_of(cells)


def cost_table(bench, what, title, scale=1.0):
    cells = [[title, *NAMES]]
    for row in bench.rows:
        medians = [bench.median(row, name, what) for name in NAMES]
        cells.append([row.title] + [shown(None if m is None else m * scale) for m in medians])
    return lines_of(cells)


def circumstances(bench):
    o = bench.options
    yield f"{time.strftime('%Y-%m-%d %H:%M')}; {processor()}, {os.cpu_count()} processors"
    yield f"{platform.system()} {platform.release()}; load {bench.load:.1f} before"
    kind = file_system(bench.directory)
    cost = measure.sync_cost(bench.directory) * 1000
    yield f"destination: {kind}, a sync of 4 KiB takes {cost:.2f} ms; mail: {bench.server.place}"
    versions = [f"{c.name} {c.version()}" for c in bench.clients if c.path and c.name != FLOOR]
    yield ", ".join(versions) + f"; server: Dovecot {dovecot_version(bench.server.binary)}"
    yield f"rounds: {o.rounds} (one where a run takes a peer more than {o.patience:g} s)"


def processor():
    text = Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    found = re.search(r"model name\s*: (.*)", text)
    return found[1] if found else platform.machine()


def file_system(directory):
    done = subprocess.run(
        ["df", "--output=fstype", str(directory)], capture_output=True, text=True
    )
    return (done.stdout.split() or ["unknown file system"])[-1]


def dovecot_version(binary):
    done = subprocess.run([binary, "--version"], capture_output=True, text=True)
    return done.stdout.split(" ")[0].strip()


def show(bench):
    print("\n".join(circumstances(bench)), "\n")
    print("\n".join(main_table(bench)), "\n")
    print("\n".join(cost_table(bench, "cpu", "seconds of CPU, user and system")), "\n")
    print("\n".join(cost_table(bench, "peak_kib", "largest process, MiB", 1 / 1024)), "\n")
    print("\n".join(cost_table(bench, "syncs", "waits for the disk")), "\n")
    print("\n".join(bench.notes))


def write_csv(bench, file):
    with open(file, "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(["row", "client", "run", "unit", *rows.Sample._fields])
        for row in bench.rows:
            for name in NAMES:
                for number, sample in enumerate(bench.samples.get((row.key, name), []), 1):
                    out.writerow([row.key, name, number, row.unit, *sample])


# --- the command line ---


def names(text):
    found = text.split(",")
    if not set(found) <= set(NAMES):
        raise argparse.ArgumentTypeError("clients are " + ", ".join(NAMES))
    return found


def arguments():
    parser = argparse.ArgumentParser(description="popfetch beside others; see the file's head.")
    add = parser.add_argument
    add("rows", nargs="*", help="these rows only")
    add("--rounds", type=int, default=5)
    add("--messages", type=int, default=6046, help="real ones in a mailbox (default %(default)s)")
    add("--uids", type=int, default=100_000, help="tiny messages (default %(default)s)")
    add("--large-size", type=int, default=100_000_000, help="bytes (default %(default)s)")
    add("--large-count", type=int, default=4)
    add("--huge-size", type=int, default=1 << 30, help="for memory (default %(default)s bytes)")
    add("--accounts", type=int, default=20)
    add("--rtt-ms", type=float, default=100, help="distance of the accounts (default %(default)s)")
    add("--sync-ms", type=float, default=5, help="for the slow disk (default %(default)s)")
    add("--patience", type=float, default=15, help="a slower peer runs once only (seconds)")
    add("--directory", help="where clients deliver to (default: a new one here)")
    add("--csv", default="bench.csv", help="a line a run (default %(default)s)")
    add("--clients", type=names, default=NAMES, help="by default " + ",".join(NAMES))
    add("--quick", action="store_true", help="small sizes, one round, no targets")
    add("--strict", action="store_true", help="status 2 if a target is not met")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
        for name, value in QUICK.items():
            setattr(options, name, value)
    if not os.access(os.environ.get("POPFETCH", ""), os.X_OK):
        parser.error("POPFETCH names the program")
    if os.environ.get("POPFETCH_SANITIZERS") == "yes":
        print("popfetch is built with sanitizers: its figures mean nothing.", file=sys.stderr)
    return options


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = tempfile.mkdtemp(prefix="popfetch-bench-", dir=options.directory or os.getcwd())
    os.chmod(directory, 0o755)
    try:
        bench = Bench(options, directory)
        if not bench.stopwatch.can_run():
            user = bench.stopwatch.user.pw_name
            sys.exit(f"bench: {user} cannot enter {directory}: name another with --directory")
        known = {row.key for row in rows.table(bench, options)}
        if set(options.rows) - known:
            sys.exit("bench: rows are " + " ".join(sorted(known)))
        try:
            bench.run()
        except KeyboardInterrupt:
            bench.note("stopped before the end")
            bench.failed = True
        show(bench)
        write_csv(bench, options.csv)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if bench.failed:
        return 1
    return 2 if options.strict and bench.unmet() else 0


if __name__ == "__main__":
    sys.exit(main())
