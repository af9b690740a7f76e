# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A POP3 server in a thread, for one mailbox, that follows a script of faults for each run.

The commands of a run are counted over all its sessions, and so are the bytes that are sent; at
such a count something happens, so that it happens at the same place when a world is replayed.
"""

import socket
import threading
import time

from letter import Letter

SILENCE_S = 30
KILLS = ("kill", "kill parent", "kill keeper", "kill courier")


class Gone(Exception):
    """The session ends here."""


class Script:
    """What goes wrong in one run; by default nothing."""

    def __init__(self):
        self.at_command = {}  # number: "kill", "kill after", "cut", "refuse", "noise", "term" ...
        self.at_byte = None  # (number, "kill" or "cut")
        self.quit = "works"  # "lost", "lost undone", "refused", "half"
        self.dele = None  # or "vain", "refused"
        self.uidl = "works"  # or "refused"
        self.hidden = set()  # items that are not listed
        self.is_stat_true = True  # while some are hidden
        self.stat_off = 0
        self.unreadable = {}  # item: answer to RETR and TOP
        self.login = None  # answer to PASS
        self.is_unstuffed = False
        self.number_twice = False
        self.meddling = []  # (number of the command, function): others at work

    def __repr__(self):
        start = Script.__new__(Script)
        start.__init__()
        parts = [f"{k}={v}" for k, v in vars(self).items() if v != vars(start)[k]]
        return ", ".join(parts)


class Session:
    def __init__(self, number, items):
        self.number, self.items = number, items
        self.deleted, self.retrieved = [], []
        self.lines = []
        self.is_listed = self.is_complete = False
        self.stat_count = 0
        self.quit_done = False
        self.is_answering = False  # to AUTH: the next line is no command

    def number_of(self, item):
        return self.items.index(item) + 1


class Server:
    def __init__(self, mailbox):
        self.mailbox, self.style = mailbox, mailbox.style
        self.script, self.sessions = Script(), []
        self.trouble = None
        self.kill = lambda how: None
        self.commands = self.bytes = 0
        self._idle = threading.Condition()
        self._busy = 0
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def begin(self, script, kill):
        """Before a run."""
        self.script, self.kill, self.sessions = script, kill, []
        self.commands = self.bytes = 0

    def settle(self):
        """Behind a run: until no session is left."""
        with self._idle:
            if not self._idle.wait_for(lambda: self._busy == 0, SILENCE_S + 5):
                raise RuntimeError("a session of the walk's own server does not end")

    def stop(self):
        """The thread ends first: it must not accept from a later socket of the same number."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    # Connections.

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with self._idle:
                self._busy += 1
            try:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.settimeout(SILENCE_S)
                self._talk(connection)
            except (Gone, OSError):
                pass
            finally:
                connection.close()
                with self._idle:
                    self._busy -= 1
                    self._idle.notify_all()

    def _talk(self, connection):
        session = Session(len(self.sessions) + 1, list(self.mailbox.items))
        self.sessions.append(session)
        self._send(connection, b"+OK ready\r\n")
        waiting = b""
        while True:
            line, end, rest = waiting.partition(b"\r\n")
            if not end:
                more = connection.recv(65536)
                if not more:
                    return
                waiting += more
                continue
            waiting = rest
            self._command(connection, session, line.decode("latin-1"))

    def _send(self, connection, data):
        if self.script.at_byte:
            limit, what = self.script.at_byte
            if self.bytes + len(data) >= limit:
                at = max(0, limit - self.bytes)
                connection.sendall(data[:at])
                self.script.at_byte = None
                self._happen(what)
                connection.sendall(data[at:])
                self.bytes += len(data)
                return
        self.bytes += len(data)
        connection.sendall(data)

    def _happen(self, what):
        if what != "cut":
            self.kill(what)
        if what not in ("term", "kill parent", "kill keeper"):
            raise Gone

    # Commands.

    def _command(self, connection, session, line):
        self.commands += 1
        verb, _, argument = line.partition(" ")
        verb = "RESPONSE" if session.is_answering else verb.upper()
        session.is_answering = False
        session.lines.append(line if verb not in ("PASS", "RESPONSE") else verb)
        for number, meddle in self.script.meddling:
            if number == self.commands:
                meddle()
        event = self.script.at_command.get(self.commands)
        item = self._item(session, argument) if verb in ("RETR", "TOP") else None
        if event and item:
            item.breaks += 1
        if event in ("cut", "term") or event in KILLS:
            self._happen(event)
        if event == "silence":
            silence(connection)
        # which no program can know of that is refused CAPA
        spared = ["USER", "PASS", "AUTH", "RESPONSE", "QUIT"]
        spared += ["CAPA"] * (self.style["expire"] == 0)
        if event == "refuse" and verb not in spared:
            return self._send(connection, b"-ERR not now\r\n")
        if event == "noise":
            return self._send(connection, b"what is this\r\n")
        self._send(connection, self._answer(connection, session, verb, argument))
        if event == "kill after":
            self._happen("kill")
        if verb == "QUIT":
            raise Gone
        return None

    def _answer(self, connection, session, verb, argument):
        item = self._item(session, argument)
        if verb == "RETR" and item and item.asked is None:
            item.asked = self.mailbox.turn
        answer = None
        if self.trouble:
            answer = self.trouble.answer(session, verb, argument, item)
            time.sleep(self.trouble.delay_s)
        if answer is None:
            return self._true_answer(session, verb, argument)
        if answer == "half":
            connection.sendall(b"+OK\r\n" + stuffed(item.letter.raw[: len(item.letter.raw) // 2]))
            raise Gone
        if answer == "silence":
            silence(connection)
        if isinstance(answer, tuple):
            connection.sendall(answer[0])
            raise Gone
        if answer == "cut":
            raise Gone
        return answer

    def _true_answer(self, session, verb, argument):
        method = getattr(self, f"_{verb.lower()}", None)
        if method is None or verb in ("SEND", "TALK", "ACCEPT"):
            return b"-ERR unknown\r\n"
        return method(session, argument)

    def _capa(self, session, argument):
        if self.style["capa"] is None:
            return b"-ERR unknown\r\n"
        return b"+OK\r\n" + "".join(f"{c}\r\n" for c in self.style["capa"]).encode() + b".\r\n"

    def _user(self, session, argument):
        return b"+OK\r\n"

    def _pass(self, session, argument):
        return self.script.login or b"+OK logged in\r\n"

    def _auth(self, session, argument):
        words = argument.split(" ")
        if words[0] != "PLAIN" or "SASL PLAIN NTLM" not in (self.style["capa"] or ()):
            return b"-ERR unknown\r\n"
        if len(words) > 1:
            return self._pass(session, argument)
        session.is_answering = True
        return b"+ \r\n"

    _response = _pass

    def _noop(self, session, argument):
        return b"+OK\r\n"

    def _shown(self, session):
        return [
            (number + 1, item)
            for number, item in enumerate(session.items)
            if item not in session.deleted and item not in self.script.hidden
        ]

    def _stat(self, session, argument):
        return self.stat_of(session)

    def stat_of(self, session):
        shown = self._shown(session)
        counted = shown
        if self.script.hidden and self.script.is_stat_true:
            counted = [(n, i) for n, i in enumerate(session.items) if i not in session.deleted]
        count, total = len(counted), sum(self._size(i) for _, i in counted)
        if self.style["stat"] == "low":
            count = max(1, count - 2) if count else 0
        if self.style["stat"] == "off":
            total += 17 * count
        session.is_complete = count == len(counted) == len(session.items) == len(shown)
        session.stat_count = count
        return b"+OK %d %d\r\n" % (count, max(0, total + self.script.stat_off))

    def _size(self, item):
        size = self.mailbox.size(item)
        return len(item.letter.raw) if size is None else size

    def _uidl(self, session, argument):
        if self.style["uid"] == "none" or self.script.uidl == "refused":
            return b"-ERR no uids\r\n"
        shown = self._shown(session)
        for _, item in shown:
            item.listings.setdefault(self.mailbox.turn, None)
        session.is_listed = True
        lines = [b"%d %s\r\n" % (number, item.uid) for number, item in shown]
        if self.script.number_twice and lines:
            lines.append(lines[-1])
        return b"+OK\r\n" + b"".join(lines) + b".\r\n"

    def _list(self, session, argument):
        shown = self._shown(session)
        if argument:
            shown = [(number, item) for number, item in shown if str(number) == argument]
            if not shown:
                return b"-ERR no such message\r\n"
            return b"+OK " + b"".join(self._sizes(shown))
        if self.style["uid"] == "none":
            session.is_listed = True
        return self.list_of(session)

    def list_of(self, session):
        return b"+OK\r\n" + b"".join(self._sizes(self._shown(session))) + b".\r\n"

    def _sizes(self, shown):
        for number, item in shown:
            size = self.mailbox.size(item)
            item.listings[self.mailbox.turn] = size
            item.sizes.add(size)
            yield b"%d %d\r\n" % (number, -1 if size is None else size)

    def _item(self, session, argument):
        number = argument.split(" ")[0]
        if not number.isdigit() or not 0 < int(number) <= len(session.items):
            return None
        item = session.items[int(number) - 1]
        if item in session.deleted or item.end is not None:
            return None
        return item

    def _retr(self, session, argument):
        item = self._item(session, argument)
        if item is None:
            return b"-ERR no such message\r\n"
        if item in self.script.unreadable:
            return self.script.unreadable[item]
        item.is_retrieved = True
        session.retrieved.append(item)
        raw = item.letter.raw
        return b"+OK\r\n" + (raw if self.script.is_unstuffed else stuffed(raw)) + b".\r\n"

    def _top(self, session, argument):
        item = self._item(session, argument)
        if item is None or not self.style["has_top"]:
            return b"-ERR no\r\n"
        if item in self.script.unreadable:
            return self.script.unreadable[item]
        if self.style["top"] == "empty":
            return b"+OK\r\n.\r\n"
        return b"+OK\r\n" + stuffed(Letter.top(item.letter)) + b".\r\n"

    def _dele(self, session, argument):
        item = self._item(session, argument)
        if item is None or self.script.dele == "refused":
            return b"-ERR no\r\n"
        session.deleted.append(item)
        return b"+OK\r\n"

    def _quit(self, session, argument):
        how, gone = self.script.quit, list(session.deleted)
        if how == "lost undone":
            raise Gone
        if how == "refused":
            return b"-ERR not deleted\r\n"
        if how == "half":
            gone = gone[: len(gone) // 2]
        if "vain" in (self.script.dele, self.style["dele"]):
            gone = []
        session.quit_done = True
        session.taken = gone
        self.mailbox.remove(gone, "us")
        if self.style["expire"] == 0:
            self.mailbox.remove(session.retrieved, "server")
        if how == "lost":
            raise Gone
        return b"-ERR some are not deleted\r\n" if how == "half" else b"+OK bye\r\n"


def silence(connection):
    """Until the client has had enough."""
    while connection.recv(65536):
        pass
    raise Gone


def stuffed(raw):
    if raw.startswith(b"."):
        raw = b"." + raw
    return raw.replace(b"\r\n.", b"\r\n..")
