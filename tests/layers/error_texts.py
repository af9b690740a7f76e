# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The texts that people are told when something is wrong, as the sources have them.

error_texts.py SOURCES prints them. A new one is added to error_texts.txt on purpose, when it was
read as a stranger reads it: does it name the step, the cause and what to do? The account's name is
put before it, and what stands in front of a context is said by those who call (err_context). Not in
the list are other fetchers' options and what they are called here (conf_peers.c).
"""

import re
import sys
from pathlib import Path

# Functions whose format or words are an error, a warning, or put before one.
FUNCTIONS = (
    "err_set",
    "err_sys",
    "err_context",
    "fail",
    "phase_warn",
    "usage",
    "sql_damaged",
    "pop3_malformed",
    "refuse_victim",
    "chosen_missing",
)
# Files that make words for errors of others: each of their strings with blanks is told.
WORDS = (
    "account/trouble.c",
    "config/conf_reader.c",
    "config/placeholder.c",
    "net/certificate_error.c",
    "net/stranger.c",
    "net/tls_fault.c",
    "pop3/auth.c",
    "pop3/hint.c",
    "sys/fs_path.c",
)
CALL = re.compile(r"\b(%s)\(" % "|".join(FUNCTIONS))
WARNING = re.compile(r"\breport_line\(")
# A string, a character, a comment; whatever else there is.
TOKEN = re.compile(
    r'"((?:[^"\\]|\\.)*)"' r"|'(?:[^'\\]|\\.)+'|/\*.*?\*/|.", re.DOTALL
)


def arguments(text, at):
    """What stands between the parenthesis at this place and its end."""
    depth = 0
    for token in TOKEN.finditer(text, at):
        depth += (token.group() == "(") - (token.group() == ")")
        if depth == 0:
            return text[at + 1 : token.start()]
    raise ValueError(f"a parenthesis without end: {text[at : at + 80]}")


def literals(text):
    """Its strings; those that follow each other are one."""
    found, is_joined = [], False
    for token in TOKEN.finditer(text):
        if token.group(1) is not None:
            found[len(found) - is_joined :] = [(found[-1] if is_joined else "") + token.group(1)]
        elif token.group().isspace():
            continue
        is_joined = token.group(1) is not None
    return found


def code_of(source):
    """Without comments and what the preprocessor reads."""
    tokens = (token.group() for token in TOKEN.finditer(source.read_text()))
    text = "".join(" " if token.startswith("/*") else token for token in tokens)
    return re.sub(r"(?m)^#.*$", "", text)


def texts_of(source, is_words):
    text = code_of(source)
    for call in CALL.finditer(text):
        yield from literals(arguments(text, call.end() - 1))
    for call in WARNING.finditer(text):
        inside = arguments(text, call.end() - 1)
        if "REPORT_WARNING" in inside or "REPORT_TROUBLE" in inside:
            yield from literals(inside)
    if is_words:
        yield from (found for found in literals(text) if " " in found.strip())


def all_texts(sources):
    lines, top = set(), Path(sources, "src")
    for source in sorted(top.rglob("*.c")):
        name = source.relative_to(top)
        for text in texts_of(source, str(name) in WORDS):
            if re.search(r"[a-zA-Z]{3}", re.sub(r"%[-.*\d]*[a-zA-Z]+", "", text)):
                lines.add(f"{name.parent}: {text}")
    return sorted(lines)


if __name__ == "__main__":
    print("\n".join(all_texts(sys.argv[1])))
