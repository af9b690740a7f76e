# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A Dovecot that many processes use, each for many short sessions."""

import os
import re

from dovecot import Dovecot, User

WORKERS, USERS = 64, 2000


class DovecotForMany(Dovecot):
    """A fresh user for every point: name_for_worker() once in each worker, then fresh_user()."""

    def __init__(self, certificates):
        super().__init__(certificates)
        self.prefix, self.made, self.read, self.events = None, 0, 0, {}

    def _write_users(self):
        os.mkdir(os.path.join(self.directory, "home"))
        os.mkdir(os.path.join(self.directory, "taken"))
        with open(os.path.join(self.directory, "users"), "w") as f:
            for worker in range(WORKERS):
                for number in range(USERS):
                    f.write(self._line_for(f"w{worker}n{number}", "maildir"))

    def name_for_worker(self, _):
        for worker in range(WORKERS):
            try:
                os.mkdir(os.path.join(self.directory, "taken", str(worker)))
            except FileExistsError:
                continue
            self.prefix = f"w{worker}n"
            return
        raise RuntimeError("too many workers")

    def fresh_user(self):
        user = User(self, f"{self.prefix}{self.made % USERS}", "maildir")
        self.made += 1
        return user.fill([])

    def sessions(self, name):
        """How many of this user's sessions have begun and ended, as the log tells."""
        with open(os.path.join(self.directory, "log"), errors="replace") as f:
            f.seek(self.read)
            text = f.read()
        whole = text.rfind("\n") + 1
        self.read += len(text[:whole].encode("utf-8", "replace"))
        for match in re.finditer(
            r"pop3-login: Info: (?:Login|Logged in): user=<(\w+)>"  # 2.3, 2.4
            r"|pop3\((\w+)\)<\d+><[^>]*>: Info: (?:Disconnected|Logged out|Connection closed)",
            text[:whole],
        ):
            user = match[1] or match[2]
            begun, ended = self.events.get(user, (0, 0))
            self.events[user] = (begun + bool(match[1]), ended + bool(match[2]))
        begun, ended = self.events.get(name, (0, 0))
        if ended > begun + 1:
            raise RuntimeError("Dovecot's log has ends of sessions, but nothing about logins")
        return begun, ended
