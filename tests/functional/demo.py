#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Shows popfetch at work: demo.py POPFETCH

A throw-away Dovecot on this machine gets a few messages and a certificate made for the occasion;
popfetch fetches them, finds nothing new the second time, and refuses the server when it has no
reason to trust it. Nothing is left behind.
"""

import email
import email.header
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from certs import Certificates  # noqa: E402
from dovecot import Dovecot  # noqa: E402

MAIL = [
    (
        "Ada Lovelace <ada@example.org>",
        "Notes on the Analytical Engine",
        "It weaves algebraical patterns.\n",
    ),
    (
        "Grace Hopper <grace@example.org>",
        "First actual case of bug being found",
        "A moth, in relay 70.\n",
    ),
    (
        "Jon Postel <jon@example.org>",
        "A robust rule",
        "Be conservative in what you do,\n.liberal in what you accept.\n"
        "From here on, every byte arrives as it was sent.\n",
    ),
    (
        "Marshall Rose <mrose@example.org>",
        "=?utf-8?q?RFC_1939=2C_f=C3=BCr_alle?=",
        "Post Office Protocol, version 3\n",
    ),
]

CONFIGURATION = """account "demo" {{
  host        = "localhost"
  port        = {port}
  user        = "{user}"
  password    = '{password}'
  tls_ca_file = "{ca}"
  maildir     = "~/Mail"
}}
"""


class Failed(Exception):
    pass


def say(text):
    print(f"\n== {text}", flush=True)


def indented(text):
    print(
        "".join("   " + line + "\n" for line in text.rstrip("\n").split("\n")), end="", flush=True
    )


def expect(condition, text):
    if not condition:
        raise Failed(text)


class Demo:
    def __init__(self, binary, directory, dovecot):
        self.binary, self.home, self.dovecot = binary, Path(directory) / "home", dovecot
        self.home.mkdir(mode=0o700)
        self.messages = [
            f"From: {sender}\nTo: you@example.org\nSubject: {subject}\n"
            f"Date: Sun, 1 Mar 2026 12:0{number}:00 +0000\n"
            f"Message-ID: <{number}@example.org>\n\n{body}".encode()
            for number, (sender, subject, body) in enumerate(MAIL)
        ]
        self.user = dovecot.user("maildir", self.messages, name="you")
        self.configuration = self.home / "popfetch.conf"

    def configure(self, text):
        self.configuration.write_text(text)
        self.configuration.chmod(0o600)

    def run(self, *arguments):
        print("   $ popfetch " + " ".join([*arguments, "-c", "~/popfetch.conf"]), flush=True)
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
        }
        done = subprocess.run(
            [self.binary, *arguments, "-c", str(self.configuration)],
            env=environment,
            timeout=60,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if done.stdout:
            indented(done.stdout)
        print(f"   (status {done.returncode})", flush=True)
        return done

    def arrived(self):
        return [path.read_bytes() for path in sorted((self.home / "Mail/new").iterdir())]

    def show(self):
        say(
            f"A mail server runs on this machine now, with {len(MAIL)} messages;"
            " this is popfetch's configuration:"
        )
        text = CONFIGURATION.format(
            port=self.dovecot.pop3s_port,
            user=self.user.name,
            password=self.user.password,
            ca=self.dovecot.certificates.ca,
        )
        self.configure(text)
        indented(text)
        self.show_first_run()
        self.show_second_run()
        self.show_refusal(text)

    def show_first_run(self):
        say("It fetches the mail, over TLS, and verifies the server:")
        done = self.run("-v")
        expect(done.returncode == 0, "the mail was not fetched")
        say("What arrived in the Maildir:")
        found = self.arrived()
        for message in found:
            fields = email.message_from_bytes(message)
            subject = email.header.make_header(email.header.decode_header(fields["Subject"]))
            print(f"   {fields['From']:38} {subject}", flush=True)
        expect(len(found) == len(MAIL), "not every message arrived once")
        for message in self.messages:
            expect(
                [
                    text
                    for text in found
                    if text.startswith(b"Received:") and text.endswith(message)
                ],
                "a message was changed on its way",
            )

    def show_second_run(self):
        say("Once more. The mail is still on the server, but none of it is fetched twice:")
        done = self.run("-v")
        expect(
            done.returncode == 0 and len(self.arrived()) == len(MAIL), "something was fetched again"
        )

    def show_refusal(self, text):
        say("Without that CA file there is no reason to trust this server, so no password is sent:")
        self.configure("".join(line for line in text.splitlines(True) if "tls_ca_file" not in line))
        done = self.run()
        expect(
            done.returncode == os.EX_PROTOCOL and "certificate" in done.stdout,
            "an untrusted server was not refused",
        )


def stop(*_):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # cleaning up is not to be disturbed
    raise KeyboardInterrupt


def main():
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        print("usage: demo.py POPFETCH", file=sys.stderr)
        return os.EX_USAGE
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    directory = tempfile.mkdtemp(prefix="popfetch-demo-")
    try:
        with Dovecot(Certificates(Path(directory) / "certificates")) as dovecot:
            Demo(str(Path(sys.argv[1]).resolve()), directory, dovecot).show()
        say("All as it should be. The server and the files of this demonstration are gone again.")
        return 0
    except (Failed, RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"\npopfetch: the demonstration failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\npopfetch: the demonstration was stopped", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
