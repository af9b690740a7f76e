# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Every text that people are told when something is wrong, as the sources have it: error_texts.txt.

error_texts.py SOURCES prints them. A new one is added to the list on purpose, when it was read as a
stranger reads it: does it name the step, the cause and what to do? The account's name is put before
it, and what stands in front of a context is said by those who call (err_context).
"""

import re
import sys
from pathlib import Path

# Functions whose format is an error, a warning, or put before one.
FUNCTIONS = (
    "err_set",
    "err_sys",
    "err_context",
    "phase_warn",
    "usage",
    "sql_damaged",
    "refuse_victim",
    "chosen_missing",
)
CALL = re.compile(r"\b(%s)\(" % "|".join(FUNCTIONS))
WARNING = re.compile(r"\breport_line\(")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')


def arguments(text, at):
    """What stands between the parenthesis at this place and its end."""
    depth, start, quoted = 0, at, False
    while True:
        c = text[at]
        if quoted:
            at += c == "\\"
            quoted = c != '"' or text[at - 1 : at + 1] == '\\"'
        elif c == '"':
            quoted = True
        elif c == "(":
            depth += 1
        elif c == ")":
            depth -= 1
            if depth == 0:
                return text[start + 1 : at]
        at += 1


def literals(text):
    """Its strings; those that follow each other are one."""
    joined = re.sub(r'"\s*\n?\s*"', "", text)
    return [m.group(1) for m in LITERAL.finditer(joined)]


def texts_of(source):
    text = re.sub(r"/\*.*?\*/", "", source.read_text(), flags=re.S)
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    for call in CALL.finditer(text):
        yield from literals(arguments(text, call.end() - 1))
    for call in WARNING.finditer(text):
        inside = arguments(text, call.end() - 1)
        if "REPORT_WARNING" in inside or "REPORT_TROUBLE" in inside:
            yield from literals(inside)


def all_texts(sources):
    lines = set()
    for source in sorted(Path(sources, "src").rglob("*.c")):
        for text in texts_of(source):
            if re.search(r"[a-zA-Z]{3}", re.sub(r"%[-.*\d]*[a-zA-Z]+", "", text)):
                lines.add(f"{source.relative_to(Path(sources, 'src')).parent}: {text}")
    return sorted(lines)


if __name__ == "__main__":
    print("\n".join(all_texts(sys.argv[1])))
