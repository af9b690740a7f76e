# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A sandbox that answers EPERM to system calls that it does not know, as older container run times do.

    popfetch(preexec_fn=not_permitted("renameat2", "syncfs"))
"""

import ctypes
import errno
import os
import struct

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS; BPF_JMP | BPF_JEQ; BPF_RET
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
NUMBERS = {
    "x86_64": dict(
        prctl=157,
        sync_file_range=277,
        fallocate=285,
        syncfs=306,
        renameat2=316,
        memfd_create=319,
        copy_file_range=326,
        statx=332,
        clone3=435,
        close_range=436,
        openat2=437,
        faccessat2=439,
    ),
    "aarch64": dict(
        fallocate=47,
        sync_file_range=84,
        prctl=167,
        syncfs=267,
        renameat2=276,
        memfd_create=279,
        copy_file_range=285,
        statx=291,
        clone3=435,
        close_range=436,
        openat2=437,
        faccessat2=439,
    ),
}
CALLS = NUMBERS.get(os.uname().machine, {})  # empty: this machine's numbers are not known here


def instruction(code, value, if_equal=0):
    return struct.pack("=HBBI", code, if_equal, 0, value)


def not_permitted(*names):
    """For preexec_fn: these calls fail with EPERM in the program and all that it runs."""
    libc = ctypes.CDLL(None, use_errno=True)
    numbers = [CALLS[name] for name in names]
    code = instruction(LOAD, 0)  # the number of the call
    for place, number in enumerate(numbers):
        code += instruction(EQUAL, number, len(numbers) - place)
    code += instruction(RETURN, ALLOW) + instruction(RETURN, ERRNO | errno.EPERM)
    text = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(text))
    rule = ctypes.create_string_buffer(program, len(program))

    def begin():
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
        if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, rule, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")

    begin.keep = text  # what the rule points to
    return begin
