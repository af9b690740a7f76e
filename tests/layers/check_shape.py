#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Is the C of src/ still of a shape that a person can read?

    check_shape.py SOURCE

The limits below are checked, and the figures are said. Functions are counted from the line of
their name to their closing brace; members of nested structs count for the outer one."""

import collections
import pathlib
import re
import sys

COLUMNS = 80
FILE_LINES = 500
FOLDER_FILES = 30
FUNCTION_LINES = 60
FUNCTION_LINES_P90 = 24
STRUCT_MEMBERS = 30
TAB = 8

NAME = re.compile(r"^[a-z_]\w*\(")
STRUCT = re.compile(r"^(?:typedef )?struct (\w+) \{$")
TEXT = re.compile(r'^\s*".*"[,;]?$')
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def functions(lines):
    """Pairs of name and length: names stand in column 0, as do the braces."""
    name = start = None
    for number, line in enumerate(lines):
        if NAME.match(line):
            name, start = line.split("(")[0], number
        elif line == "}" and name:
            yield name, number - start + 1
            name = None
        elif line.endswith(";") and not line.startswith(("\t", " ")):
            name = None


def structs(text):
    """Pairs of name and number of members."""
    lines = COMMENT.sub(lambda m: "\n" * m.group().count("\n"), text).split("\n")
    for number, line in enumerate(lines):
        match = STRUCT.match(line)
        if not match:
            continue
        end = next(i for i in range(number, len(lines)) if lines[i].startswith("}"))
        body = re.sub(r"\([^()]*\)", "", "".join(lines[number + 1 : end]))
        body = re.sub(r"enum \w*\s*\{[^{}]*\}|\{(?=[^{}]*;)", " ", body)
        members = [m for m in body.split(";") if m.strip(" \t}")]
        yield match[1], sum(1 + m.count(",") for m in members)


def main(source):
    source = pathlib.Path(source)
    faults, lengths, biggest = [], [], collections.Counter()
    folders = collections.Counter()
    longest_file = 0
    for path in sorted(source.glob("src/**/*.[ch]")):
        name = path.relative_to(source).as_posix()
        text = path.read_text()
        lines = text.split("\n")
        folders[path.parent.relative_to(source).as_posix()] += 1
        longest_file = max(longest_file, len(lines) - 1)
        if len(lines) - 1 > FILE_LINES:
            faults.append(f"{name}: {len(lines) - 1} lines")
        for number, line in enumerate(lines, 1):
            # a text for people is as long as it looks to them
            if len(line.expandtabs(TAB)) > COLUMNS and not TEXT.match(line):
                faults.append(f"{name}:{number}: {len(line.expandtabs(TAB))} columns")
        for function, length in functions(lines):
            lengths.append(length)
            if length > FUNCTION_LINES:
                faults.append(f"{name}: {function} has {length} lines")
        for struct, members in structs(text):
            biggest[struct] = max(biggest[struct], members)
            if members > STRUCT_MEMBERS:
                faults.append(f"{name}: struct {struct} has {members} members")
    for folder, count in folders.items():
        if count > FOLDER_FILES:
            faults.append(f"{folder}: {count} files")
    p90 = sorted(lengths)[len(lengths) * 9 // 10]
    if p90 > FUNCTION_LINES_P90:
        faults.append(f"a tenth of all functions has more than {p90} lines")
    for fault in faults:
        print(f"check_shape: {fault}", file=sys.stderr)
    (struct, members), *_ = biggest.most_common(1)
    print(
        f"check_shape: {len(lengths)} functions (p90 {p90} lines, longest {max(lengths)}), files up"
        f" to {longest_file} lines, {max(folders.values())} in a folder, struct {struct} with"
        f" {members} members"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
