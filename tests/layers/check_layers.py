#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Does each library use only what doc/design.md lets it use?

    check_layers.py SOURCE BUILD

SOURCE has doc/design.md, whose table of folders is the rule, and src/, whose #include lines
are looked at; BUILD has the libraries, whose undefined symbols are.  A folder may use what
stands behind it in the table, and what these may use."""

import collections
import pathlib
import re
import subprocess
import sys

ROW = re.compile(r"^\| `src/(\w+)` \|[^|]*\| ([^|]*?) \|$", re.M)
INCLUDE = re.compile(r'^#include ([<"])([^>"]+)[>"]', re.M)

# What the table cannot say.  Each stands behind the sentence of doc/design.md that it proves.
SENTENCES = [
    (
        "`net`, `pop3` and `courier` call no function of `fs`",
        lambda folder, symbol: folder in ("net", "pop3", "courier") and symbol.startswith("fs_"),
    ),
    (
        "only `net` makes sockets",
        lambda folder, symbol: folder != "net" and symbol in ("socket", "connect", "getaddrinfo"),
    ),
]
HEADERS = [
    (
        "OpenSSL in `net` and, for digests, random bytes, base64 and wiping, in `base`",
        "openssl/",
        ("net/", "base/"),
    ),
    ("`sqlite3.h` in `state/sql.h`", "sqlite3.h", ("state/sql.h",)),
    ("`confuse.h` in `config/conf_parse.c`", "confuse.h", ("config/conf_parse.c",)),
]


def rules(design):
    """What each folder may use, itself included."""
    rows = ROW.findall(design)
    if not rows:
        raise SystemExit("check_layers: doc/design.md has no table of folders")
    allowed = {}
    for folder, uses in rows:
        names = list(allowed) if uses == "all above" else uses.split(", ")
        allowed[folder] = {folder}
        for name in names:
            if name != "nothing":
                allowed[folder] |= allowed[name]
    return allowed


def undefined_and_defined(library):
    """By object file, the symbols that it wants from elsewhere; and all that the library has."""
    wanted, defined, member = collections.defaultdict(set), set(), None
    output = subprocess.run(
        ["nm", "--extern-only", str(library)], check=True, capture_output=True, text=True
    ).stdout
    for line in output.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        elif line.strip():
            kind, symbol = line.split()[-2:]
            if kind in "Uw":
                wanted[member].add(symbol)
            else:
                defined.add(symbol)
    return wanted, defined


def forbidden_symbols(build, allowed):
    libraries = {f: undefined_and_defined(build / f"src/{f}/lib{f}.a") for f in allowed}
    home = {symbol: f for f, (_, defined) in libraries.items() for symbol in defined}
    for folder, (wanted, _) in libraries.items():
        for member, symbols in wanted.items():
            for symbol in sorted(symbols):
                at = home.get(symbol, folder)
                if at not in allowed[folder]:
                    yield f"{folder}: {member} uses {symbol} of {at}"
                for sentence, is_forbidden in SENTENCES:
                    if is_forbidden(folder, symbol):
                        yield f"{folder}: {member} uses {symbol}, but {sentence}"


def forbidden_headers(source, allowed):
    for path in sorted(source.glob("src/**/*.[ch]")):
        name = path.relative_to(source / "src").as_posix()
        folder = name.split("/")[0]
        if folder not in allowed:
            yield f"{folder}: {name} is in no folder of the table"
            continue
        for quote, header in INCLUDE.findall(path.read_text()):
            at = header.split("/")[0]
            if quote == '"' and at in allowed and at not in allowed[folder]:
                yield f"{folder}: {name} includes {header}"
            for sentence, prefix, homes in HEADERS:
                if header.startswith(prefix) and not name.startswith(homes):
                    yield f"{folder}: {name} includes <{header}>, but {sentence}"


def main(source, build):
    source, build = pathlib.Path(source), pathlib.Path(build)
    design = (source / "doc/design.md").read_text()
    text = " ".join(design.split())
    unsaid = [s for s, *_ in SENTENCES + HEADERS if s not in text]
    if unsaid:
        raise SystemExit(f"check_layers: doc/design.md does not say: {unsaid}")
    allowed = rules(design)
    found = [*forbidden_symbols(build, allowed), *forbidden_headers(source, allowed)]
    for line in found:
        print(f"check_layers: {line}", file=sys.stderr)
    print(f"check_layers: {len(allowed)} folders, {len(found)} forbidden uses")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
