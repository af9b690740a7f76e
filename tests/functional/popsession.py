# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""One connection to our POP3 server: the honest replies, and what is remembered of it."""

import base64
import hashlib
import select
import socket
import ssl
import struct
import threading
import time

ENOUGH_SECONDS = 30
COMMANDS = b"CAPA STLS USER PASS APOP AUTH STAT LIST UIDL RETR TOP DELE RSET NOOP QUIT".split()


class Connection:
    """What is known of one connection after the event."""

    def __init__(self, began):
        self.began = began
        self.log = []
        self.lines = []  # every line that the client sent, as bytes, with its CRLF
        self.secure_from = None  # how many bytes the client had sent in clear before TLS
        self.clear = b""  # what the client sent outside TLS (its hello not included)
        self.tls_version = self.server_name = self.client_certificate = None
        self.tls_error = None
        self.idle = False  # the server has answered all that it was asked
        self.waits = 0  # how often the server had nothing to do: once each round trip
        self.overlaps = []  # commands that came before the previous one was answered
        self.closed_politely = False  # close_notify, or FIN without TLS, not RST
        self.quit_answered = False
        self.ended = threading.Event()

    @property
    def sent(self):
        return b"".join(data for _, side, data in self.log if side == "C")

    @property
    def commands(self):
        return [line.rstrip(b"\r\n").decode("latin-1") for line in self.lines]

    @property
    def deletions(self):
        return [command for command in self.commands if command.startswith("DELE")]

    @property
    def flights(self):
        """The commands as they arrived: a new list begins when the server had spoken between."""
        flights, spoken = [], True
        for _, side, data in self.log:
            if side == "S":
                spoken = True
            elif side == "C":
                if spoken:
                    flights.append(b"")
                flights[-1] += data
                spoken = False
        return [flight.decode("latin-1").split("\r\n")[:-1] for flight in flights]


class Gone(Exception):
    """The client left, or the test is over."""


class Session:
    """One connection, from the server's side."""

    def __init__(self, server, sock):
        self.server, self.sock, self.open = server, sock, True
        self.connection = Connection(time.monotonic())
        self.input = b""
        self.secure = False
        self.user = self.logged_in = None
        self.messages, self.deleted = [], set()
        self.challenge = f"<{id(self)}.{time.time_ns()}@localhost>"

    # Bytes.

    def send(self, data):
        self._note("S", data)
        try:
            self.sock.sendall(data)
        except (OSError, ssl.SSLError) as error:
            self.open = False
            raise Gone() from error

    def read_line(self):
        if not self.input:
            self.connection.waits += 1
            self.connection.idle = True
            self.input += self._receive_something()
            self.connection.idle = False
            if self.server.latency:
                self.pause(self.server.latency)
        while b"\n" not in self.input:
            self.input += self._receive_something()
        line, newline, self.input = self.input.partition(b"\n")
        self.connection.lines.append(line + newline)
        return line + newline

    def _receive_something(self):
        data = self._receive()
        if not data:
            raise Gone()
        return data

    def _receive(self):
        try:
            data = self.sock.recv(65536)
        except (OSError, ssl.SSLError) as error:
            raise Gone() from error
        if data:
            self._note("C", data)
            if not self.secure:
                self.connection.clear += data
        else:
            self.connection.closed_politely = True
        return data

    def _note(self, side, data):
        self.connection.log.append((time.monotonic() - self.connection.began, side, data))

    def waiting(self, seconds):
        """Whether the client has sent something more, or sends it within this time."""
        if self.input or (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()):
            return True
        return bool(select.select([self.sock], [], [], seconds)[0])

    def pause(self, seconds):
        """Waits, and keeps what the client sends meanwhile; ends the session when it leaves."""
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            if not select.select([self.sock], [], [], rest)[0]:
                break
            try:
                self.input += self._receive_something()
            except Gone:
                self.open = False
                raise

    def wait_for_the_end(self):
        self.sock.settimeout(ENOUGH_SECONDS)
        while self._receive():
            pass
        raise Gone()

    def close(self, politely=True):
        """Ends the connection; without TLS's close_notify if impolite."""
        self.open = False
        try:
            if isinstance(self.sock, ssl.SSLSocket):
                if politely:
                    self.sock.settimeout(0.2)
                    try:
                        self.sock.unwrap()
                    except (OSError, ssl.SSLError, ValueError):
                        pass
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        raise Gone()

    def reset(self):
        self.open = False
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw = self.sock.detach()
        socket.close(raw)
        raise Gone()

    def start_tls(self):
        if self.input:
            self.connection.overlaps.append(b"bytes behind STLS: " + self.input)
        try:
            self.sock = self.server.context.wrap_socket(
                self.sock, server_side=True, suppress_ragged_eofs=False
            )
        except (OSError, ssl.SSLError) as error:
            self.connection.tls_error = str(error)
            raise Gone() from error
        self.secure = True
        self.connection.tls_version = self.sock.version()
        self.connection.server_name = getattr(self.sock, "sni", None)
        self.connection.client_certificate = self.sock.getpeercert()

    # The conversation.

    def run(self):
        try:
            self._event("CONNECT", lambda: None)
            if self.server.tls == "implicit":
                self.start_tls()
            self._event("GREETING", lambda: self.send(self.server.greeting_for(self)))
            while self.open:
                self._serve(self.read_line())
        except Gone:
            pass
        finally:
            self.open = False
            try:
                self.sock.close()
            except OSError:
                pass

    def _event(self, name, otherwise):
        action = self.server.action_for(name)
        if action:
            action(self, name.encode())
        else:
            otherwise()

    def _serve(self, line):
        if self.server.serial and self.waiting(0.002):
            self.connection.overlaps.append(line)
        text = line.rstrip(b"\r\n").decode("latin-1")
        action = self.server.action_for(text)
        if action:
            action(self, line)
        else:
            self.obey(line)

    def obey(self, line):
        """Does what the command asks, for actions that only want to do something besides."""
        reply = self.reply(line)
        if reply:
            self.send(reply)
        word = line.split(b" ")[0].strip()
        if word == b"STLS" and reply.startswith(b"+OK"):
            self.start_tls()
        if word == b"QUIT":
            self.connection.quit_answered = True
            self._event("DONE", self.close)

    def reply(self, line):
        """What an honest server would answer now; its effects (DELE, QUIT, login) happen."""
        word, _, argument = line.rstrip(b"\r\n").partition(b" ")
        if word not in COMMANDS:
            return b"-ERR unknown command\r\n"
        method = getattr(self, "_" + word.decode().lower())
        if (
            word in (b"STAT", b"LIST", b"UIDL", b"RETR", b"DELE", b"TOP", b"RSET")
            and not self.logged_in
        ):
            return b"-ERR log in first\r\n"
        return method(argument)

    def _capa(self, _):
        names = self.server.capabilities(self)
        if names is None:
            return b"-ERR no CAPA here\r\n"
        return (
            b"+OK list\r\n" + "".join(name + "\r\n" for name in names).encode("latin-1") + b".\r\n"
        )

    def _stls(self, _):
        if self.server.tls != "starttls" or self.secure or self.logged_in:
            return b"-ERR no TLS now\r\n"
        return b"+OK begin\r\n"

    def _user(self, name):
        self.user = name.decode("utf-8", "surrogateescape")
        return b"+OK and the password\r\n"

    def _pass(self, secret):
        if self.user is None:
            return b"-ERR USER first\r\n"
        return self._login(self.user, secret.decode("utf-8", "surrogateescape"))

    def _apop(self, argument):
        name, _, digest = argument.decode("utf-8", "surrogateescape").rpartition(" ")
        secret = self.server.users.get(name, "")
        right = hashlib.md5(
            (self.challenge + secret).encode("utf-8", "surrogateescape")
        ).hexdigest()
        return self._login(name, secret if digest == right else None)

    def _login(self, name, secret):
        if secret is not None and self.server.users.get(name) == secret:
            self.logged_in = name
            self.messages = list(self.server.mailbox.messages)
            self.server.logins.append(name)
            return b"+OK welcome\r\n"
        return b"-ERR [AUTH] no\r\n"

    # AUTH: one generator each; what it yields is a challenge, what comes back the client's answer.

    def _auth(self, argument):
        word, _, first = argument.decode("latin-1").partition(" ")
        steps = {
            "PLAIN": self._plain,
            "LOGIN": self._login_mechanism,
            "XOAUTH2": self._xoauth2,
            "OAUTHBEARER": self._oauthbearer,
        }.get(word.upper())
        if steps is None or word.upper() not in map(str.upper, self.server.mechanisms):
            return b"-ERR no such mechanism\r\n"
        initial = base64.b64decode(first) if first and first != "=" else (b"" if first else None)
        conversation = steps(initial)
        try:
            challenge = next(conversation)
            while True:
                self.send(b"+ " + base64.b64encode(challenge) + b"\r\n")
                line = self.read_line().rstrip(b"\r\n")
                if line == b"*":
                    return b"-ERR given up\r\n"
                challenge = conversation.send(base64.b64decode(line, validate=True))
        except StopIteration as end:
            return end.value
        except ValueError:
            return b"-ERR not base64\r\n"

    def _plain(self, initial):
        answer = initial if initial is not None else (yield b"")
        parts = answer.decode("utf-8", "surrogateescape").split("\0")
        return self._login(parts[1], parts[2]) if len(parts) == 3 else b"-ERR three parts\r\n"

    def _login_mechanism(self, initial):
        name = initial if initial is not None else (yield b"Username:")
        secret = yield b"Password:"
        return self._login(
            name.decode("utf-8", "surrogateescape"), secret.decode("utf-8", "surrogateescape")
        )

    def _token(self, name, token):
        if self.server.users.get(name) is not None and token == "Bearer " + self.server.token:
            return self._login(name, self.server.users[name])
        return None

    def _xoauth2(self, initial):
        answer = initial if initial is not None else (yield b"")
        fields = dict(part.partition("=")[::2] for part in answer.decode().split("\x01") if part)
        done = self._token(fields.get("user"), fields.get("auth"))
        if done is None:
            self.oauth_answer = (
                yield b'{"status":"400","schemes":"Bearer","scope":"https://mail.example/"}'
            )
            return b"-ERR [AUTH] token refused\r\n"
        return done

    def _oauthbearer(self, initial):
        answer = (initial if initial is not None else (yield b"")).decode()
        header, _, rest = answer.partition("\x01")
        fields = dict(part.partition("=")[::2] for part in rest.split("\x01") if part)
        name = header.split(",")[1].removeprefix("a=").replace("=2C", ",").replace("=3D", "=")
        done = self._token(name, fields.get("auth"))
        if done is None or not header.startswith("n,a=") or not answer.endswith("\x01\x01"):
            self.oauth_answer = yield b'{"status":"invalid_token","scope":"mail"}'
            return b"-ERR [AUTH] token refused\r\n"
        return done

    # The mailbox.

    def numbered(self):
        return [
            (number, message)
            for number, message in enumerate(self.messages, 1)
            if number not in self.deleted
        ]

    def _find(self, argument):
        number = argument.split(b" ")[0]
        if (
            not number.isdigit()
            or not 1 <= int(number) <= len(self.messages)
            or int(number) in self.deleted
        ):
            return None
        return self.messages[int(number) - 1]

    def _stat(self, _):
        rest = self.numbered()
        return b"+OK %d %d\r\n" % (len(rest), sum(message.size for _, message in rest))

    def _listing(self, argument, value):
        if argument:
            message = self._find(argument)
            return (
                b"+OK " + argument + b" " + value(message) + b"\r\n"
                if message
                else b"-ERR no such\r\n"
            )
        lines = [b"%d %s\r\n" % (number, value(message)) for number, message in self.numbered()]
        return b"+OK\r\n" + b"".join(lines) + b".\r\n"

    def _list(self, argument):
        return self._listing(
            argument,
            lambda message: str(
                message.size if message.listed is None else message.listed
            ).encode(),
        )

    def _uidl(self, argument):
        if not self.server.uidl:
            return b"-ERR no UIDL\r\n"
        return self._listing(argument, lambda message: message.uid)

    def _retr(self, argument):
        message = self._find(argument)
        return b"+OK message\r\n" + message.stuffed() if message else b"-ERR no such message\r\n"

    def _top(self, argument):
        message = self._find(argument)
        if not self.server.top or not message:
            return b"-ERR no TOP\r\n"
        return b"+OK top\r\n" + message.stuffed(int(argument.split(b" ")[1]))

    def _dele(self, argument):
        if not self._find(argument):
            return b"-ERR no such message\r\n"
        self.deleted.add(int(argument))
        return b"+OK marked\r\n"

    def _rset(self, _):
        self.deleted.clear()
        return b"+OK\r\n"

    def _noop(self, _):
        return b"+OK\r\n"

    def _quit(self, _):
        if self.logged_in and self.server.deletes:
            doomed = [self.messages[number - 1] for number in self.deleted]
            self.server.mailbox.messages[:] = [
                m for m in self.server.mailbox.messages if m not in doomed
            ]
        return b"+OK bye\r\n"
