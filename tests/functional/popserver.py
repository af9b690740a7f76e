# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A POP3 server that behaves as a test tells it to, and remembers every byte that a client sent.

    server = PopServer(certificates, messages=[mail("one"), mail("two")])      POP3S, Jane's
    server.on("RETR 2", say(b"-ERR gone\r\n"))     every RETR 2 from now on
    server.on("UIDL", cut(20), nth=1)              the first UIDL: 20 bytes, then the line drops
    ...
    server.commands()           what the client sent on its last connection: ["CAPA", ...]
    server.connections[0].log   [(seconds, "C" or "S", bytes), ...]
    server.left()               uids still in the mailbox

Actions (popactions.py) are found by command or the beginning of the line ("RETR 2", "AUTH PLAIN");
"GREETING", "CONNECT" (before TLS) and "DONE" (after QUIT was answered) are events of their own. A
mailbox outlives its connections, and several servers may share one.
"""

import socket
import ssl
import threading
import warnings

from popactions import say
from popmail import Mailbox
from popsession import ENOUGH_SECONDS, Session

PASSWORD = "s3cret-Passw0rd"
TOKEN = "ya29.A0-token~of/jane=="
CAPABILITIES = ("TOP", "UIDL", "USER", "RESP-CODES", "AUTH-RESP-CODE")


class PopServer:
    """Options, all of which may also be changed later as attributes:

    tls            "implicit", "starttls" or "off"
    certificate    a name of certs.RECIPES
    client_ca      asks for a client certificate of this CA ("required": and insists)
    tls_version    ssl.TLSVersion: the only one spoken
    users          {name: password}; token: what XOAUTH2 and OAUTHBEARER take
    mechanisms     for SASL in CAPA; apop: a challenge in the greeting
    caps           the capabilities besides (None: no CAPA at all); caps_after_login if they differ
    pipelining     announced; without it every overlapping command is noted in overlaps
    uidl, top      understood; deletes: QUIT deletes
    latency        seconds between the arrival of a flight of commands and its being looked at
    """

    def __init__(
        self,
        certificates,
        messages=(),
        mailbox=None,
        tls="implicit",
        certificate="good",
        client_ca=None,
        tls_version=None,
        users=None,
        token=TOKEN,
        mechanisms=("PLAIN",),
        apop=False,
        caps=CAPABILITIES,
        caps_after_login=None,
        pipelining=False,
        uidl=True,
        top=True,
        deletes=True,
        latency=0.0,
        address="127.0.0.1",
        port=0,
    ):
        self.certificates, self.tls, self.certificate = certificates, tls, certificate
        self.mailbox = mailbox or Mailbox(messages)
        self.users = {"jane": PASSWORD} if users is None else users
        self.token, self.mechanisms, self.apop = token, tuple(mechanisms), apop
        self.caps, self.caps_after_login, self.pipelining = caps, caps_after_login, pipelining
        self.uidl, self.top, self.deletes, self.latency = uidl, top, deletes, latency
        self.connections, self.errors, self.logins = [], [], []
        self._sessions, self._actions, self._counts = [], [], {}
        self.context = self._tls_context(client_ca, tls_version)
        self.address = address
        self.listener = self._listen(address, port)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _listen(self, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(64)
        return listener

    def _tls_context(self, client_ca, version):
        if self.tls == "off":
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = lambda sock, name, _: setattr(sock, "sni", name)
        if version:
            context.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
                context.minimum_version = context.maximum_version = version
        if self.certificate in ("rsa-1024", "sha1"):
            context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(*self.certificates.pair(self.certificate))
        if client_ca:
            context.verify_mode = (
                ssl.CERT_REQUIRED if client_ca == "required" else ssl.CERT_OPTIONAL
            )
            context.load_verify_locations(self.certificates.ca)
        return context

    # For tests.

    def on(self, what, action, nth=None):
        """From now on this command (or its nth, over all connections) meets this action."""
        if isinstance(action, bytes):
            action = say(action)
        self._actions.append((what, nth, action))
        return self

    def forgive(self):
        """An honest server again."""
        self._actions.clear()
        self._counts.clear()

    def add(self, wire, uid=None, listed=None):
        return self.mailbox.add(wire, uid, listed)

    @property
    def last(self):
        return self.connections[-1]

    def commands(self, word=None):
        """What was sent on the last connection; only these commands if a word is given."""
        if not self.connections:
            return []
        return [c for c in self.last.commands if word is None or c.split(" ")[0] == word]

    def all_commands(self, word=None):
        return [
            c
            for connection in self.connections
            for c in connection.commands
            if word is None or c.split(" ")[0] == word
        ]

    def sent(self):
        """How many bytes it has sent, over all connections."""
        logs = (connection.log for connection in self.connections)
        return sum(len(data) for log in logs for _, side, data in log if side == "S")

    def left(self):
        return [message.uid.decode("latin-1") for message in self.mailbox.messages]

    def wires(self):
        return [message.wire for message in self.mailbox.messages]

    def settle(self):
        """Waits until the server has seen the end of every connection."""
        for connection in self.connections:
            connection.ended.wait(ENOUGH_SECONDS)

    # For sessions.

    def action_for(self, text):
        found = None
        for what, nth, action in self._actions:
            if text != what and not text.startswith(what + " "):
                continue
            if nth is None:
                found = action
                continue
            key = (what, nth, id(action))
            count = self._counts[key] = self._counts.get(key, 0) + 1
            if count == nth:
                found = action
        return found

    @property
    def serial(self):
        return not self.pipelining

    def greeting_for(self, session):
        if self.apop:
            return b"+OK ready " + session.challenge.encode() + b"\r\n"
        return b"+OK ready\r\n"

    def capabilities(self, session):
        names = (
            self.caps_after_login
            if session.logged_in and self.caps_after_login is not None
            else self.caps
        )
        if names is None:
            return None
        names = list(names)
        if self.caps_after_login is None or session.logged_in is None:
            if self.tls == "starttls" and not session.secure:
                names.append("STLS")
            if self.mechanisms:
                names.append("SASL " + " ".join(self.mechanisms))
            if self.pipelining:
                names.append("PIPELINING")
        return names

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(ENOUGH_SECONDS)
            session = Session(self, sock)
            self._sessions.append(session)
            self.connections.append(session.connection)
            threading.Thread(target=self._run, args=(session,), daemon=True).start()

    def _run(self, session):
        try:
            session.run()
        except (
            Exception
        ) as error:  # shown by the fixture: a broken server must not look like a broken client
            self.errors.append(error)
        finally:
            session.connection.ended.set()

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for session in self._sessions:
            try:
                session.sock.shutdown(socket.SHUT_RDWR)
            except (OSError, ValueError):
                pass
