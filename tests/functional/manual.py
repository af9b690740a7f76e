# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What popfetch.conf(5) shows, as its readers see it, and an ordinary user who tries it.

What delivers mail for others (dovecot-lda, getmail, fdm) does not do so as root.
"""

import os
import re

ORDINARY = 65534
AS_ORDINARY = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups", "--"]


def plain(mdoc):
    for escape, text in (("\\e", "\\"), ("\\(dq", '"'), ("\\&", "")):
        mdoc = mdoc.replace(escape, text)
    return mdoc


def blocks(mdoc):
    """The literal blocks."""
    return [plain(found) for found in re.findall(r"(?ms)^\.Bd -literal[^\n]*\n(.*?)^\.Ed", mdoc)]


def lines(mdoc):
    """The literal lines."""
    return [plain(found) for found in re.findall(r"(?m)^\.Dl (.*)$", mdoc)]


def give(home, uid):
    """All that is there, to this user; only root can do that, and only root needs it."""
    if os.getuid() == 0:
        for path in (home, *home.rglob("*")):
            os.chown(path, uid, uid)


def as_ordinary(command):
    return [*AS_ORDINARY, *command] if os.getuid() == 0 else list(command)
