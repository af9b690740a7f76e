# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A real Dovecot in a temporary directory: POP3 with STLS and POP3S on free loopback ports.

    with Dovecot(certificates) as dovecot:
        user = dovecot.user()                a fresh mailbox; formats: "maildir", "mbox", "sdbox"
        user.fill([wire, ...])
        dovecot.pop3s_port, dovecot.pop3_port, user.name, user.password
        user.left()                              raw messages that are still there, in order

Runs as root (then Dovecot serves as nobody) or as any other user (then as that one), without the
system's service or its configuration. Dovecot 2.3 or newer: dovecotconf.py knows their languages.
"""

import grp
import os
import poplib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from dovecotconf import FORMATS, language_of

poplib._MAXLINE = 1 << 26  # real mail has longer lines than poplib allows
PASSWORD = "Dove-c0t/secret"
USERS_PER_FORMAT = 400


class User:
    def __init__(self, dovecot, name, kind):
        self.dovecot, self.name, self.kind, self.password = dovecot, name, kind, PASSWORD
        self.home = os.path.join(dovecot.directory, "home", name)
        self.made = 0  # a name is never used again: Dovecot remembers

    def fill(self, messages):
        """Puts messages (bytes, any line ends) into the mailbox, in this order."""
        {"maildir": self._fill_maildir, "mbox": self._fill_mbox, "sdbox": self._fill_sdbox}[
            self.kind
        ](messages)
        return self

    def _fill_maildir(self, messages):
        inbox = os.path.join(self.home, "Maildir")
        for part in ("", "new", "cur", "tmp"):
            os.makedirs(os.path.join(inbox, part), exist_ok=True)
        for message in messages:
            number, self.made = self.made, self.made + 1
            path = os.path.join(inbox, "new", f"{1700000000 + number}.M{number:06d}.test")
            with open(path, "wb") as f:
                f.write(message)
        self.dovecot.give(self.home)

    def _fill_mbox(self, messages):
        os.makedirs(os.path.join(self.home, "mail"), exist_ok=True)
        with open(os.path.join(self.home, "inbox"), "ab") as f:
            for message in messages:
                text = message.replace(b"\r\n", b"\n")
                f.write(
                    b"From ann@example.org Sun Mar  1 12:00:00 2026\n"
                    + text
                    + (b"\n" if text.endswith(b"\n") else b"\n\n")
                )
        self.dovecot.give(self.home)

    def _fill_sdbox(self, messages):
        os.makedirs(self.home, exist_ok=True)
        self.dovecot.give(self.home)
        for message in messages:
            self.dovecot.doveadm("save", "-u", self.name, input=message)

    def left(self):
        """The messages still in the mailbox as POP3 shows them, with LF line ends."""
        connection = poplib.POP3("127.0.0.1", self.dovecot.pop3_port, timeout=30)
        connection.user(self.name)
        connection.pass_(self.password)
        count = connection.stat()[0]
        found = [
            b"".join(line + b"\n" for line in connection.retr(number + 1)[1])
            for number in range(count)
        ]
        connection.quit()
        return found

    def account(self):
        """The options of an account that fetches from here, for popfetch.conf."""
        return {
            "host": "localhost",
            "port": self.dovecot.pop3s_port,
            "user": self.name,
            "password": self.password,
            "tls_ca_file": self.dovecot.certificates.ca,
        }


class Dovecot:
    steady = False  # whether each session costs the server the same: for measuring others

    def __init__(self, certificates, certificate="good"):
        self.certificates, self.certificate = certificates, certificate
        self.binary = shutil.which(
            "dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
        )
        if not self.binary:
            raise RuntimeError("no dovecot here: contrib/bootstrap packages demo installs it")
        self.language = language_of(self.binary)
        self.process, self._used = None, {}

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        # Not below pytest's directory: others than its owner must be able to get there, and names
        # of sockets are limited to 107 bytes.
        place = tempfile.gettempdir()
        self.directory = tempfile.mkdtemp(
            prefix="popfetch-dovecot-", dir=place if len(place) < 40 else "/tmp"
        )
        try:
            os.chmod(self.directory, 0o755)
            self._choose_users()
            self._write_users()
            for _ in range(5):  # somebody else may take a free port before Dovecot does
                if self._try_to_start():
                    return
            raise RuntimeError("dovecot does not start:\n" + self.log())
        except BaseException:
            self.stop()
            raise

    def _choose_users(self):
        if os.getuid() == 0:
            self.server = pwd.getpwnam("nobody")
            self.internal = pwd.getpwnam("dovecot")
            self.login = pwd.getpwnam("dovenull")
        else:
            self.server = self.internal = self.login = pwd.getpwuid(os.getuid())

    def _write_users(self):
        os.mkdir(os.path.join(self.directory, "home"))
        with open(os.path.join(self.directory, "users"), "w") as f:
            for kind in FORMATS:
                for name in [f"{kind}{number:03d}" for number in range(USERS_PER_FORMAT)] + [
                    "you" if kind == "maildir" else "you-" + kind
                ]:
                    f.write(self._line_for(name, kind))

    def _line_for(self, name, kind):
        home = os.path.join(self.directory, "home", name)
        return self.language.user(name, PASSWORD, self.server, home, kind)

    def _try_to_start(self):
        self.pop3_port, self.pop3s_port = free_ports(2)
        certificate, key = self.certificates.pair(self.certificate)
        self.configuration = os.path.join(self.directory, "dovecot.conf")
        with open(self.configuration, "w") as f:
            f.write(
                self.language.configuration(
                    steady=self.steady,
                    directory=self.directory,
                    pid=os.getpid(),
                    certificate=certificate,
                    key=key,
                    internal=self.internal.pw_name,
                    internal_group=grp.getgrgid(self.internal.pw_gid).gr_name,
                    login=self.login.pw_name,
                    pop3_port=self.pop3_port,
                    pop3s_port=self.pop3s_port,
                )
            )
        self.process = subprocess.Popen(
            [self.binary, "-F", "-c", self.configuration],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=open(os.path.join(self.directory, "stderr"), "wb"),
        )
        end = time.monotonic() + 15
        while time.monotonic() < end and self.process.poll() is None:
            if answers(self.pop3_port):
                return True
            time.sleep(0.02)
        self._end_process()
        return False

    def _end_process(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def stop(self):
        self._end_process()
        shutil.rmtree(self.directory, ignore_errors=True)

    def user(self, kind="maildir", messages=(), name=None):
        """A user whose mailbox nobody has used yet. (Users are listed before Dovecot starts, since
        it looks for new ones once a second only.)"""
        number = self._used.get(kind, 0)
        self._used[kind] = number + 1
        return User(self, name or f"{kind}{number:03d}", kind).fill(messages)

    def doveadm(self, *arguments, input=None):
        done = subprocess.run(
            ["doveadm", "-c", self.configuration, *arguments],
            input=input,
            capture_output=True,
            timeout=30,
        )
        if done.returncode != 0:
            raise RuntimeError("doveadm: " + done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def give(self, path):
        """A mailbox belongs to the user that Dovecot serves as."""
        if os.getuid() != 0:
            return
        os.chown(path, self.server.pw_uid, self.server.pw_gid)
        for directory, folders, files in os.walk(path):
            for name in folders + files:
                os.chown(os.path.join(directory, name), self.server.pw_uid, self.server.pw_gid)

    def log(self):
        text = ""
        for name in ("stderr", "log"):
            try:
                with open(os.path.join(self.directory, name), errors="replace") as f:
                    text += f.read()
            except OSError:
                pass
        return text


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def answers(port):
    """Whether a greeting comes: then the login service is up, not only its listening master."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            return sock.recv(16).startswith(b"+OK")
    except OSError:
        return False
