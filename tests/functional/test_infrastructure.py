# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The servers of these tests do what the tests believe they do, seen by Python's own client; and
contrib/bootstrap does not do what it should not."""

import base64
import os
import poplib
import shutil
import socket
import ssl
import subprocess
import time

import pytest

from dovecotconf import language_of
from popactions import cut, drip, hang, say, split
from popmail import local, mail
from popserver import PASSWORD, TOKEN
from runner import read_mbox, same


def client(certificates, port, tls="implicit", host="localhost"):
    context = ssl.create_default_context(cafile=certificates.ca)
    if tls == "implicit":
        return poplib.POP3_SSL(host, port, context=context, timeout=10)
    plain = poplib.POP3(host, port, timeout=10)
    if tls == "starttls":
        plain.stls(context)
    return plain


def everything(connection):
    return [
        b"\r\n".join(connection.retr(number + 1)[1]) + b"\r\n"
        for number in range(connection.stat()[0])
    ]


@pytest.mark.parametrize("tls", ["implicit", "starttls", "off"])
def test_our_server_gives_every_byte_of_a_message(server, certificates, tls):
    wires = [mail("dots", ".\n..\n.x\n"), mail("empty", ""), b"\r\n", b"no newline at the end"]
    pop = server(wires, tls=tls)
    connection = client(certificates, pop.port, tls)
    connection.user("jane")
    connection.pass_(PASSWORD)
    assert [local(wire) for wire in everything(connection)] == [local(wire) for wire in wires]
    connection.quit()
    pop.settle()
    assert pop.commands("RETR") == ["RETR 1", "RETR 2", "RETR 3", "RETR 4"]
    assert (pop.last.clear == b"") == (tls == "implicit")


def test_our_server_deletes_at_quit_and_only_then(server, certificates):
    pop = server([mail("one"), mail("two")])
    for quits, left in ((False, 2), (True, 1)):
        connection = client(certificates, pop.port)
        connection.user("jane")
        connection.pass_(PASSWORD)
        connection.dele(1)
        connection.quit() if quits else connection.close()
        pop.settle()
        assert len(pop.left()) == left


def test_our_server_refuses_what_it_should(server, certificates):
    pop = server([mail("one")], mechanisms=("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"), apop=True)
    connection = client(certificates, pop.port)
    with pytest.raises(poplib.error_proto):
        connection.stat()
    connection.user("jane")
    with pytest.raises(poplib.error_proto):
        connection.pass_("wrong")
    connection.apop("jane", PASSWORD)
    assert connection.stat()[0] == 1


@pytest.mark.parametrize(
    "mechanism, message, answer",
    [
        ("PLAIN", b"\0jane\0" + PASSWORD.encode(), "+OK"),
        ("PLAIN", b"\0jane\0wrong", "-ERR"),
        ("XOAUTH2", b"user=jane\x01auth=Bearer " + TOKEN.encode() + b"\x01\x01", "+OK"),
        (
            "OAUTHBEARER",
            b"n,a=jane,\x01host=localhost\x01port=995\x01auth=Bearer "
            + TOKEN.encode()
            + b"\x01\x01",
            "+OK",
        ),
    ],
)
def test_our_server_speaks_sasl(server, certificates, mechanism, message, answer):
    pop = server(mechanisms=("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"))
    connection = client(certificates, pop.port)
    connection._putcmd("AUTH " + mechanism)
    assert connection._getline()[0] == b"+ "
    connection._putline(base64.b64encode(message))
    assert connection._getline()[0].decode().startswith(answer)


def test_actions_replace_replies_by_command_and_by_occurrence(server, certificates):
    pop = server([mail("one"), mail("two"), mail("three")])
    pop.on("RETR 2", say(b"-ERR never\r\n")).on("NOOP", b"-ERR second\r\n", nth=2).on(
        "TOP", split(5, 7, 9)
    )
    connection = client(certificates, pop.port)
    connection.user("jane")
    connection.pass_(PASSWORD)
    with pytest.raises(poplib.error_proto):
        connection.retr(2)
    connection.retr(3)
    connection.noop()
    with pytest.raises(poplib.error_proto):
        connection.noop()
    connection.noop()
    assert connection.top(1, 0)[1][-1] == b""


def test_actions_cut_and_drip(server, certificates):
    pop = server([mail("one", "body\n")]).on("RETR", cut(30)).on("STAT", drip(1))
    connection = client(certificates, pop.port)
    connection.user("jane")
    connection.pass_(PASSWORD)
    assert connection.stat()[0] == 1
    with pytest.raises((poplib.error_proto, OSError)):
        connection.retr(1)
    pop.settle()
    assert len([entry for entry in pop.last.log if entry[1] == "S"]) > 10


def test_a_server_that_hangs_lets_go_of_its_client(server, certificates):
    pop = server().on("GREETING", hang)
    began = time.monotonic()
    with socket.create_connection(("localhost", pop.port)) as sock:
        context = ssl.create_default_context(cafile=certificates.ca)
        context.wrap_socket(sock, server_hostname="localhost").close()
    pop.settle()
    assert time.monotonic() - began < 20


def test_commands_that_overlap_are_noticed(server, certificates):
    pop = server(tls="off")
    connection = client(certificates, pop.port, "off")
    connection.sock.sendall(b"CAPA\r\nNOOP\r\n")
    connection._getlongresp()
    connection._getresp()
    connection.quit()
    pop.settle()
    assert pop.last.overlaps == [b"CAPA\r\n"]
    assert pop.last.flights == [["CAPA", "NOOP"], ["QUIT"]]


def test_round_trips_are_counted(server, certificates):
    pop = server(tls="off", latency=0.05)
    connection = client(certificates, pop.port, "off")
    began = time.monotonic()
    connection.sock.sendall(b"NOOP\r\nNOOP\r\n")
    assert [connection._getline()[0], connection._getline()[0]] == [b"+OK", b"+OK"]
    connection.quit()
    pop.settle()
    assert pop.last.waits == 2 and time.monotonic() - began >= 0.1


@pytest.mark.parametrize("kind", ["maildir", "mbox", "sdbox"])
def test_dovecot_serves_what_it_was_given(dovecot, certificates, kind):
    wires = [mail("one", ".dot\n"), mail("two", "From here\n"), mail("three", "x" * 3000 + "\n")]
    user = dovecot.user(kind, [local(wire) for wire in wires])
    connection = client(certificates, dovecot.pop3s_port)
    connection.user(user.name)
    connection.pass_(user.password)
    assert len(connection.uidl()[1]) == 3
    assert sorted(everything(connection)) == sorted(wires)
    connection.dele(1)
    connection.quit()
    assert same(user.left(), wires[1:])


def test_dovecot_offers_tls_on_its_open_port(dovecot, certificates):
    user = dovecot.user()
    connection = client(certificates, dovecot.pop3_port, "starttls")
    connection.user(user.name)
    connection.pass_(user.password)
    assert connection.stat()[0] == 0


def test_an_mboxrd_is_read_back():
    content = (
        b"From a@b Sun Mar  1 12:00:00 2026\nA: b\n\n>From x\n>>From y\n\n\nFrom c@d x\nC: d\n\n\n"
    )
    assert [message for _, message in read_mbox(content)] == [
        b"A: b\n\nFrom x\n>From y\n\n",
        b"C: d\n\n",
    ]


@pytest.mark.parametrize(
    "version, begins, says",
    [
        ("2.3.4.1 (f79e8e7e4)", "\nprotocols = pop3\n", "disable_plaintext_auth = no"),
        ("2.4.1-4 (7d8c0e5759)", "dovecot_config_version = 2.4.0\n", "auth_allow_cleartext = yes"),
        ("2.10.0", "dovecot_config_version = 2.4.0\n", "auth_allow_cleartext = yes"),
    ],
)
def test_dovecot_is_told_in_the_language_of_its_version(tmp_path, version, begins, says):
    names = "directory pid certificate key internal internal_group login pop3_port pop3s_port"
    language = language_of(program(tmp_path / "dovecot", f"echo '{version}'"))
    text = language.configuration(**dict.fromkeys(names.split(), "x"))
    assert text.startswith(begins) and says in text


def test_a_dovecot_that_is_too_old_is_named(tmp_path):
    with pytest.raises(RuntimeError, match="Dovecot 2.2 is too old, 2.3 is needed"):
        language_of(program(tmp_path / "dovecot", "echo '2.2.36 (1f10bfa63)'"))


def program(path, script):
    path.write_text("#!/bin/sh\n" + script + "\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def bootstrap(tmp_path):
    """Runs contrib/bootstrap on a machine that has nothing, for somebody who is not root:
    bootstrap.bin is its /usr/bin, and what apt-get was told is in bootstrap.apt."""

    def run(*arguments):
        return subprocess.run(
            ["/bin/sh", "contrib/bootstrap", *arguments],
            cwd=os.environ.get("POPFETCH_SRCDIR", "."),
            env={"PATH": str(run.bin), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    run.bin, run.apt = tmp_path / "bin", tmp_path / "apt"
    run.bin.mkdir()
    for name in ("cat", "dirname", "sed"):
        (run.bin / name).symlink_to(shutil.which(name))
    program(run.bin / "id", "echo 1000")
    program(run.bin / "apt-get", f'echo "$@" >>{run.apt}')
    return run


@pytest.mark.parametrize("sudo", ["absent", "refused"])
@pytest.mark.parametrize(
    "arguments, told",
    [
        (["demo"], "contrib/bootstrap packages demo"),
        (["check"], "contrib/bootstrap packages check"),
        (["packages", "ci"], "contrib/bootstrap packages ci"),
    ],
)
def test_who_is_not_root_is_told_what_root_is_to_run(bootstrap, arguments, told, sudo):
    if sudo == "refused":
        program(bootstrap.bin / "sudo", "echo 'jane is not in the sudoers file' >&2; exit 1")
    done = bootstrap(*arguments)
    said = done.stdout + done.stderr
    assert done.returncode == os.EX_UNAVAILABLE, said
    # apt-get alone would start a mail server that listens to everybody.
    assert done.stderr.endswith(f"; run this as root: {told}\n") and "apt-get" not in said
    assert not bootstrap.apt.exists()


def test_without_apt_what_is_needed_is_named(bootstrap):
    (bootstrap.bin / "apt-get").unlink()
    done = bootstrap("demo")
    assert done.returncode == os.EX_UNAVAILABLE
    assert "libssl-dev" in done.stderr and "python3" in done.stderr, done.stderr
