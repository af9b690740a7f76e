# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A forbidden use or shape is refused: each test adds one to a copy of libraries or sources."""

import os
import pathlib
import shutil
import subprocess
import sys

import error_texts
import pytest

SOURCE = pathlib.Path(os.environ["POPFETCH_SRCDIR"])
BUILD = pathlib.Path(os.environ["POPFETCH_BUILDDIR"])
CHECK = pathlib.Path(__file__).with_name("check_layers.py")


@pytest.fixture
def house(tmp_path):
    for library in BUILD.glob("src/*/lib*.a"):
        copy = tmp_path / library.relative_to(BUILD)
        copy.parent.mkdir(parents=True)
        shutil.copyfile(library, copy)
    for header in SOURCE.glob("src/**/*.[ch]"):
        copy = tmp_path / header.relative_to(SOURCE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(header, copy)
    (tmp_path / "doc").mkdir()
    shutil.copyfile(SOURCE / "doc/design.md", tmp_path / "doc/design.md")
    return tmp_path


def run(*command):
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False
    )


def check(house):
    return run(CHECK, house, house)


def add_call(house, folder, function):
    source, made = house / "intruder.c", house / "intruder.o"
    source.write_text(f"void {function}(void);\nvoid intruder(void) {{ {function}(); }}\n")
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, "-c", "-o", made, source], check=True)
    subprocess.run(["ar", "r", house / f"src/{folder}/lib{folder}.a", made], check=True)


def test_the_house_as_it_is(house):
    result = check(house)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "folder, function, home",
    [
        ("pop3", "store_is_new", "state"),
        ("courier", "store_is_new", "state"),
        ("courier", "deliver_open", "deliver"),
        ("courier", "session_run", "keeper"),
        ("keeper", "pop3_command", "pop3"),
        ("keeper", "courier_run", "courier"),
        ("keeper", "tls_connect", "net"),
        ("state", "deliver_open", "deliver"),
        ("deliver", "store_is_new", "state"),
        ("base", "proc_poll", "sys"),
    ],
)
def test_a_call_through_a_wall(house, folder, function, home):
    add_call(house, folder, function)
    result = check(house)
    assert result.returncode == 1
    assert f"{folder}: intruder.o uses {function} of {home}" in result.stderr


@pytest.mark.parametrize(
    "folder, function", [("pop3", "fs_open"), ("courier", "fs_write"), ("keeper", "connect")]
)
def test_a_call_that_a_sentence_forbids(house, folder, function):
    add_call(house, folder, function)
    result = check(house)
    assert result.returncode == 1
    assert f"{folder}: intruder.o uses {function}, but " in result.stderr


@pytest.mark.parametrize(
    "at, header",
    [
        ("courier/courier.h", '"state/store.h"'),
        ("keeper/session.h", '"pop3/capa.h"'),
        ("keeper/session.h", "<openssl/ssl.h>"),
        ("commit/batch.h", "<sqlite3.h>"),
    ],
)
def test_a_header_from_behind_a_wall(house, at, header):
    path = house / "src" / at
    path.write_text(f"#include {header}\n" + path.read_text())
    result = check(house)
    assert result.returncode == 1
    assert f"{at} includes {header.strip(chr(34))}" in result.stderr


@pytest.mark.parametrize(
    "text, fault",
    [
        ("\n" * 501, "bad.c: 501 lines"),
        ("int x; /* " + "x" * 68 + " */\n", "bad.c:1: 81 columns"),
        ("int\nlong_one(void)\n{\n" + "\tx();\n" * 58 + "}\n", "long_one has 61 lines"),
        ("struct wide {\n" + "\tint x, y;\n" * 15 + "\tint z;\n};\n", "wide has 31 members"),
    ],
)
def test_a_shape_that_nobody_can_read(house, text, fault):
    shape = CHECK.with_name("check_shape.py")
    assert run(shape, house).returncode == 0
    (house / "src/base/bad.c").write_text(text)
    result = run(shape, house)
    assert result.returncode == 1 and fault in result.stderr, result.stderr


# Error texts.


def test_each_text_that_people_are_told_was_read_before_it_was_added():
    known = CHECK.with_name("error_texts.txt").read_text().splitlines()
    found = error_texts.all_texts(SOURCE)
    new, gone = sorted(set(found) - set(known)), sorted(set(known) - set(found))
    assert not new and not gone, (
        f"new: {new}\ngone: {gone}\n"
        "read what is new as a stranger does (step, cause, what to do); then:\n"
        "python3 tests/layers/error_texts.py . > tests/layers/error_texts.txt"
    )


def test_a_text_that_is_made_of_several_strings_is_one(tmp_path):
    (tmp_path / "src" / "x").mkdir(parents=True)
    (tmp_path / "src" / "x" / "x.c").write_text(
        'err_set(e, KIND, "cannot read "\n\t"\'%s\'", name); /* err_set(e, K, "no such text") */\n'
        'report_line(l, REPORT_WARNING, "a warning (%s)", f("inside"));\n'
        'report_line(l, REPORT_VERBOSE, "no error");\n'
        'return is_it(\'"\') ? "no error" : fail(r, "set it to \\"a\\"", n);\n'
    )
    assert error_texts.all_texts(tmp_path) == [
        "x: a warning (%s)",
        "x: cannot read '%s'",
        "x: inside",
        'x: set it to \\"a\\"',
    ]


def test_a_file_of_words_has_all_its_strings_with_blanks_in_the_list(tmp_path):
    (tmp_path / "src" / "net").mkdir(parents=True)
    (tmp_path / "src" / "net" / "tls_fault.c").write_text(
        '#include "net/no such text.h"\nreturn is_it("word") ? "it is old" : "it /* is */ new";\n'
    )
    assert error_texts.all_texts(tmp_path) == ["net: it /* is */ new", "net: it is old"]
