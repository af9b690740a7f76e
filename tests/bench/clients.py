# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The programs that are compared, each set up as its manual says, and asked to do the same job."""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import measure

MAILDIR, MBOX, MDA = "maildir", "mbox", "mda"


class Job:
    """What is fetched, and where it goes: a home directory, users of a server, a destination for
    each. An MDA is procmail, and delivers into a Maildir."""

    procmail = None  # a copy without the setuid bit, as whoever calls it is
    mda_jobs = 1  # at once, by a client that can

    def __init__(self, home, users, port, to=MAILDIR, keep=True):
        self.home, self.users, self.port, self.to, self.keep = Path(home), users, port, to, keep
        self.ca = users[0].dovecot.certificates.ca
        self.home.mkdir(parents=True)
        for number in range(len(users)):
            if to == MBOX:
                self.destination(number).touch(mode=0o600)
            else:
                for part in ("new", "cur", "tmp"):
                    (self.destination(number) / part).mkdir(parents=True, mode=0o700)

    def destination(self, number=0):
        return self.home / f"mail{number}"

    messages = property(lambda self: self.home / "messages")  # for an MDA without a client

    def recipe(self, number=0):
        """procmail's command line for a destination."""
        file = self.home / f"procmailrc{number}"
        path = self.destination(number)
        file.write_text(f":0:\n{path}\n" if self.to == MBOX else f":0\n{path}/\n")
        return [self.procmail, "-t", "-f-", str(file)]

    def delivered(self):
        """The Message-IDs of all that arrived, sorted; None for a message without one."""
        found = []
        for number in range(len(self.users)):
            if self.to == MBOX:
                text = b"\n" + self.destination(number).read_bytes()
                heads = re.split(rb"\nFrom ", text)[1:]
            else:
                heads = map(head_of, files_of(self.destination(number)))
            found += [message_id(head) for head in heads]
        return sorted(found, key=lambda found: found or b"")

    def empty(self):
        """As if nothing had been delivered; what the client remembers stays."""
        for number in range(len(self.users)):
            if self.to == MBOX:
                os.truncate(self.destination(number), 0)
            else:
                for file in files_of(self.destination(number)):
                    file.unlink()


def find_procmail(directory):
    if found := shutil.which("procmail"):
        Job.procmail = str(shutil.copy2(found, directory / "procmail"))
        os.chmod(Job.procmail, 0o755)


def files_of(maildir):
    return [file for part in ("new", "cur") for file in (maildir / part).iterdir()]


def head_of(file):
    with open(file, "rb") as f:
        return f.read(65536)


def message_id(text):
    found = re.search(rb"(?im)^message-id:\s*(\S+)", text)
    return found and found[1]


class Client:
    """statuses: those of a run that went well, with mail and without."""

    name = binary = None
    statuses = (0,)
    through_procmail = False  # whatever the destination

    def __init__(self):
        self.path = shutil.which(self.binary)

    def missing(self, to):
        """Why this client cannot do it here; nothing if it can."""
        if not self.path:
            return "not installed"
        if (to == MDA or self.through_procmail) and not Job.procmail:
            return "needs procmail, which is not installed"
        return None

    def environment(self, job):
        return {
            "HOME": str(job.home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "USER": measure.ordinary_user().pw_name,
            "LOGNAME": measure.ordinary_user().pw_name,
            "LANG": "C.UTF-8",
            "TZ": "UTC",
        }

    def prepare(self, job):
        """Writes the configuration."""

    def commands(self, job):
        """What is run; more than one where the program takes one account a run."""

    def catch_up(self, job, uids):
        """As if it had fetched these uids of the first user: a command that does it, or files."""

    def forget(self, job):
        """Forgets what it has learned of the server, as after a long time."""

    def version(self):
        done = subprocess.run(
            [self.path, *self.version_arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "HOME": "/"},
        )
        found = re.search(r"\d+(\.\w+)+", done.stdout)
        return found[0] if found else "version unknown"

    version_arguments = ["--version"]


class Popfetch(Client):
    name = "popfetch"

    def __init__(self, path):
        self.path = str(path)

    def prepare(self, job):
        accounts = []
        for number, user in enumerate(job.users):
            to = f'{job.to} = "{job.destination(number)}"'
            if job.to == MDA:
                to = "mda = {" + ", ".join(f'"{word}"' for word in job.recipe(number)) + "}"
                to += f"\n  mda_jobs = {job.mda_jobs}"
            accounts.append(
                f'account "{user.name}" {{\n  host = localhost\n  port = {job.port}\n'
                f'  user = "{user.name}"\n  password = "{user.password}"\n'
                f'  tls_ca_file = "{job.ca}"\n  {to}\n'
                f'  keep = {"forever" if job.keep else "no"}\n}}\n'
            )
        private(job.home / ".popfetchrc", "".join(accounts))

    def commands(self, job):
        return [[self.path]]

    def catch_up(self, job, uids):
        return [self.path, "--catch-up"]

    def forget(self, job):
        for database in (job.home / ".local/state/popfetch").glob("*.db"):
            with contextlib.closing(sqlite3.connect(database)) as state, state:
                state.execute("delete from fact where name like 'capa%'")


class Mpop(Client):
    name = binary = "mpop"

    def prepare(self, job):
        accounts = []
        for number, user in enumerate(job.users):
            to = f"{job.to} {job.destination(number)}"
            if job.to == MDA:
                to = "mda " + " ".join(job.recipe(number))
            accounts.append(
                f"account {user.name}\nhost localhost\nport {job.port}\nuser {user.name}\n"
                f"password {user.password}\ntls on\ntls_starttls off\ntls_trust_file {job.ca}\n"
                f"keep {'on' if job.keep else 'off'}\ndelivery {to}\n"
                f"uidls_file {job.home}/uidls-{user.name}\n"
            )
        private(job.home / ".mpoprc", "\n".join(accounts))

    def commands(self, job):
        return [[self.path, "--quiet", "--all-accounts"]]

    def catch_up(self, job, uids):
        user = job.users[0].name
        listing = "".join(f"{uid}\n" for uid in sorted(uids))
        private(job.home / f"uidls-{user}", f" {len(uids)} localhost {user}\n{listing}")


class Fetchmail(Client):
    """It has no Maildir of its own: its users take procmail."""

    name = binary = "fetchmail"
    statuses = (0, 1)  # 1: there was nothing new
    through_procmail = True

    def prepare(self, job):
        accounts = ["set no syslog\nset no bouncemail\n"]
        for number, user in enumerate(job.users):
            accounts.append(
                f"poll {user.name} via localhost protocol pop3 service {job.port} uidl\n"
                f"  user '{user.name}' password '{user.password}'\n"
                f"  ssl sslproto 'TLS1.2+' sslcertck sslcertfile '{job.ca}'\n"
                f"  {'keep' if job.keep else 'nokeep'} mda '{' '.join(job.recipe(number))}'\n"
            )
        private(job.home / ".fetchmailrc", "".join(accounts))

    def commands(self, job):
        return [[self.path, "--silent"]]

    def catch_up(self, job, uids):
        user = job.users[0].name
        private(job.home / ".fetchids", "".join(f"{user}@localhost {uid}\n" for uid in uids))

    version_arguments = ["-V"]


class Getmail(Client):
    """One account a run, so several are run one after another."""

    name = binary = "getmail"

    def prepare(self, job):
        (job.home / ".getmail").mkdir(mode=0o700, exist_ok=True)
        for number, user in enumerate(job.users):
            private(self.file(job, user), self.text(job, number, user))

    def file(self, job, user):
        return job.home / ".getmail" / f"rc-{user.name}"

    def text(self, job, number, user):
        path = job.destination(number)
        to = {
            MAILDIR: f"type = Maildir\npath = {path}/\n",
            MBOX: f"type = Mboxrd\npath = {path}\n",
            MDA: f"type = MDA_external\npath = {job.recipe(number)[0]}\n"
            f"arguments = {tuple(job.recipe(number)[1:])!r}\n",
        }[job.to]
        return (
            f"[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = {job.port}\n"
            f"username = {user.name}\npassword = {user.password}\nca_certs = {job.ca}\n"
            f"timeout = 30\n\n"
            f"[destination]\n{to}\n[options]\nread_all = false\n"
            f"delete = {'false' if job.keep else 'true'}\nverbose = 0\n"
        )

    def commands(self, job):
        return [[self.path, "--rcfile", str(self.file(job, user))] for user in job.users]

    def catch_up(self, job, uids):
        user = job.users[0].name
        private(
            job.home / ".getmail" / f"oldmail-localhost-{job.port}-{user}",
            "".join(f"{uid}\0001700000000\n" for uid in uids),
        )


class Bare(Client):
    """The floor: reads what is asked for and throws it away, or lets an MDA deliver files."""

    name = "bare"

    def __init__(self, tools, what="retr"):
        self.path, self.handover, self.what = str(tools / "reader"), tools / "handover", what

    def missing(self, to):
        return super().missing(to) if to == MDA else None

    def commands(self, job):
        if job.to == MDA:
            return [[self.handover, job.messages, *job.recipe()]]
        return [
            [self.path, str(job.port), job.ca, user.name, user.password, self.what]
            for user in job.users
        ]


def private(path, text):
    path.write_text(text)
    path.chmod(0o600)
