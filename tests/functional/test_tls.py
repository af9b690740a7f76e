# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""TLS: what is verified, what is refused, and that no secret is sent before both."""

import os
import ssl
import subprocess

import pytest

from popactions import after, close, cut, hang, say
from popmail import mail
from popserver import PASSWORD
from runner import same

WRONG = [
    ("wrong-name", "elsewhere.example"),
    ("expired", "expired"),
    ("not-yet-valid", "not valid before"),
    ("self-signed", "self"),
    ("unknown-root", ""),
    ("without-intermediate", ""),
    ("by-false-intermediate", ""),
    ("cn-only", "localhost"),
    ("email-only", "localhost"),
    ("name-with-nul", "localhost"),
    ("client-purpose", ""),
    ("critical-unknown", ""),
    ("rsa-1024", ""),
    ("sha1", ""),
]


def nothing_was_said(pop):
    """Not one command inside TLS, none but CAPA and STLS outside."""
    for connection in pop.connections:
        assert [
            c for c in connection.commands if c not in ("CAPA", "STLS")
        ] == [], connection.commands
        assert PASSWORD.encode() not in connection.sent
    return True


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_verified_server_gets_the_login(popfetch, server, tls):
    pop = server([mail()], tls=tls)
    result = popfetch.account(server=pop)()
    assert result.status == 0, result
    assert pop.last.tls_version in ("TLSv1.2", "TLSv1.3")
    assert pop.last.clear.count(b"STLS\r\n") == (1 if tls == "starttls" else 0)
    assert PASSWORD.encode() not in pop.last.clear
    assert same(popfetch.maildir(), pop.wires())


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("certificate, words", WRONG)
def test_a_bad_certificate_is_refused_and_the_reason_is_named(
    popfetch, server, tls, certificate, words
):
    pop = server([mail()], tls=tls, certificate=certificate)
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_PROTOCOL, result
    assert result.stderr.startswith("popfetch: work: ") and len(result.errors) == 1, result
    assert "certificate" in result.stderr and words in result.stderr, result
    assert nothing_was_said(pop)
    assert len(pop.connections) == 1, "no second attempt without TLS"


def test_a_wrong_name_error_names_both_names(popfetch, server):
    pop = server([mail()], certificate="wrong-name")
    result = popfetch.account(server=pop)()
    assert "localhost" in result.stderr and "elsewhere.example" in result.stderr


@pytest.mark.parametrize("certificate", ["upper-case", "by-intermediate", "rsa"])
def test_other_good_certificates(popfetch, server, certificate):
    pop = server([mail()], certificate=certificate)
    assert popfetch.account(server=pop)().status == 0


@pytest.mark.parametrize(
    "certificate, name, accepted",
    [
        ("wildcard", "pop.example.test", True),
        ("wildcard", "POP.Example.TEST", True),
        ("wildcard", "a.pop.example.test", False),
        ("wildcard", "example.test", False),
        ("partial-wildcard", "pop.example.test", False),
        ("inner-wildcard", "pop.example.test", False),
        ("top-wildcard", "example.test", False),
        ("good", "localhost.", True),
        ("good", "elsewhere.example", False),
    ],
)
def test_the_name_that_is_verified_may_be_set(popfetch, server, certificate, name, accepted):
    pop = server([mail()], certificate=certificate)
    result = popfetch.account(server=pop, tls_server_name=name)()
    assert result.status == (0 if accepted else os.EX_PROTOCOL), result
    if accepted:
        assert pop.last.server_name.lower() == name.rstrip(".").lower()
    else:
        assert nothing_was_said(pop)


@pytest.mark.parametrize(
    "certificate, accepted", [("good", True), ("address-as-name", False), ("upper-case", False)]
)
def test_an_address_matches_only_an_address(popfetch, server, certificate, accepted):
    pop = server([mail()], certificate=certificate)
    result = popfetch.account(server=pop, host="127.0.0.1")()
    assert result.status == (0 if accepted else os.EX_PROTOCOL), result
    assert pop.last.server_name is None, "no server name for addresses"


def test_an_ipv6_address(popfetch, server):
    try:
        pop = server([mail()], address="::1")
    except OSError:
        pytest.skip("no IPv6 here")
    for host in ("::1", "[::1]"):
        popfetch.accounts.clear()
        assert popfetch.account(server=pop, host=host, state="six")().status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_the_system_store_is_the_default(popfetch, server):
    pop = server([mail()])
    result = popfetch.account(server=pop, tls_ca_file=None)()
    assert result.status == os.EX_PROTOCOL, result
    assert nothing_was_said(pop)
    assert popfetch(env={"SSL_CERT_FILE": pop.certificates.ca}).status in (0, os.EX_PROTOCOL)


def test_a_directory_of_trust_anchors(popfetch, server, certificates):
    directory = popfetch.home / "anchors"
    directory.mkdir()
    (directory / "ca.pem").write_bytes(open(certificates.ca, "rb").read())
    subprocess.run(["openssl", "rehash", str(directory)], check=True, capture_output=True)
    pop = server([mail()])
    assert popfetch.account(server=pop, tls_ca_file=None, tls_ca_dir="~/anchors")().status == 0
    pop = server([mail()], certificate="unknown-root")
    popfetch.accounts.clear()
    result = popfetch.account(server=pop, tls_ca_file=None, tls_ca_dir="~/anchors")()
    assert result.status == os.EX_PROTOCOL and nothing_was_said(pop)


@pytest.mark.parametrize("option", ["tls_ca_file", "tls_ca_dir", "tls_cert_file"])
def test_a_file_for_tls_that_is_not_there_is_named(popfetch, server, option):
    pop = server([mail()])
    result = popfetch.account(server=pop, **{option: "~/absent.pem"})()
    assert result.status == os.EX_CONFIG, result
    assert "absent.pem" in result.stderr and nothing_was_said(pop)


def test_an_empty_file_of_trust_anchors_trusts_nobody(popfetch, server):
    (popfetch.home / "empty.pem").write_text("")
    pop = server([mail()])
    result = popfetch.account(server=pop, tls_ca_file="~/empty.pem")()
    assert result.status in (os.EX_CONFIG, os.EX_PROTOCOL), result
    assert nothing_was_said(pop)


# Pins.


@pytest.mark.parametrize("certificate", ["self-signed", "wrong-name", "expired", "good"])
@pytest.mark.parametrize("kind", ["sha256", "spki-sha256"])
def test_a_pin_stands_for_chain_and_name(popfetch, server, certificates, certificate, kind):
    pop = server([mail()], certificate=certificate)
    value = (
        certificates.sha256(certificate)
        if kind == "sha256"
        else certificates.spki_sha256(certificate)
    )
    result = popfetch.account(server=pop, tls_ca_file=None, tls_pin=[f"{kind}:{value}"])()
    assert result.status == 0, result
    assert same(popfetch.maildir(), pop.wires())


def test_any_one_of_several_pins_will_do(popfetch, server, certificates):
    pins = [
        "sha256:" + certificates.sha256("good"),
        "spki-sha256:" + certificates.spki_sha256("renewed").upper(),
    ]
    for name in ("good", "renewed"):
        pop = server([mail()], certificate=name)
        popfetch.accounts.clear()
        assert popfetch.account(server=pop, tls_ca_file=None, tls_pin=pins)().status == 0


@pytest.mark.parametrize("certificate", ["good", "self-signed"])
def test_a_pin_that_does_not_match_is_refused_though_the_chain_be_good(
    popfetch, server, certificates, certificate
):
    pop = server([mail()], certificate=certificate)
    result = popfetch.account(server=pop, tls_pin=["sha256:" + certificates.sha256("renewed")])()
    assert result.status == os.EX_PROTOCOL, result
    assert "pin" in result.stderr and nothing_was_said(pop)
    assert "sha256:" + certificates.sha256(certificate) in result.stderr.lower()
    assert "spki-sha256:" + certificates.spki_sha256(certificate) in result.stderr.lower()


def test_the_values_for_a_pin_are_printed_for_an_untrusted_certificate_and_work(
    popfetch, server, certificates
):
    pop = server([mail()], certificate="self-signed")
    result = popfetch.account(server=pop)()
    [value] = [
        word.strip(",;()'")
        for word in result.stderr.replace("spki-sha256:", "spki:").split()
        if "sha256:" in word
    ][:1]
    assert value == "sha256:" + certificates.sha256("self-signed")
    popfetch.accounts["work"]["tls_pin"] = [value]
    assert popfetch().status == 0


@pytest.mark.parametrize(
    "value", ["sha256:12", "md5:" + "0" * 32, "0" * 64, "sha256:" + "g" * 64, ""]
)
def test_a_pin_that_is_none_is_an_error_of_the_configuration(popfetch, server, value):
    result = popfetch.account(server=server(), tls_pin=[value])()
    assert result.status == os.EX_CONFIG, result
    assert "tls_pin" in result.stderr


# Client certificates.


def test_a_client_certificate_is_sent_if_configured(popfetch, server, certificates):
    pop = server([mail()], client_ca="required")
    certificate, key = certificates.pair("client")
    assert popfetch.account(server=pop, tls_cert_file=certificate, tls_key_file=key)().status == 0
    assert dict(pair[0] for pair in pop.last.client_certificate["subject"])["commonName"] == "jane"


def test_a_certificate_and_its_key_may_be_one_file(popfetch, server, certificates):
    pop = server([mail()], client_ca="required")
    both = popfetch.home / "both.pem"
    both.write_bytes(b"".join(open(path, "rb").read() for path in certificates.pair("client")))
    both.chmod(0o600)
    assert popfetch.account(server=pop, tls_cert_file="~/both.pem")().status == 0


def test_no_client_certificate_is_sent_unasked(popfetch, server):
    pop = server([mail()], client_ca="optional")
    assert popfetch.account(server=pop)().status == 0
    assert not pop.last.client_certificate


def test_a_server_that_insists_on_a_client_certificate_is_a_tls_error(popfetch, server):
    pop = server([mail()], client_ca="required")
    result = popfetch.account(server=pop)("-v")
    assert result.status == os.EX_PROTOCOL, result
    assert nothing_was_said(pop)


def test_a_key_that_does_not_fit_its_certificate(popfetch, server, certificates):
    pop = server([mail()], client_ca="required")
    result = popfetch.account(
        server=pop,
        tls_cert_file=certificates.pair("client")[0],
        tls_key_file=certificates.pair("good")[1],
    )()
    assert result.status == os.EX_CONFIG, result
    assert nothing_was_said(pop)


# Versions.


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_an_old_version_is_not_spoken(popfetch, server, version):
    try:
        pop = server([mail()], tls_version=version)
    except (ValueError, ssl.SSLError):
        pytest.skip("this OpenSSL cannot speak it either")
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_PROTOCOL, result
    assert nothing_was_said(pop)


@pytest.mark.parametrize(
    "version, minimum, accepted",
    [
        (ssl.TLSVersion.TLSv1_2, None, True),
        (ssl.TLSVersion.TLSv1_2, "1.2", True),
        (ssl.TLSVersion.TLSv1_2, "1.3", False),
        (ssl.TLSVersion.TLSv1_3, None, True),
        (ssl.TLSVersion.TLSv1_3, "1.3", True),
    ],
)
def test_the_minimum_version(popfetch, server, version, minimum, accepted):
    pop = server([mail()], tls_version=version)
    result = popfetch.account(server=pop, tls_min_version=minimum)()
    assert result.status == (0 if accepted else os.EX_PROTOCOL), result
    if accepted:
        assert pop.last.tls_version == (
            "TLSv1.2" if version == ssl.TLSVersion.TLSv1_2 else "TLSv1.3"
        )


@pytest.mark.parametrize("value", ["1.1", "1.0", "TLSv1.2", ""])
def test_a_version_that_is_not_to_be_had(popfetch, server, value):
    assert popfetch.account(server=server(), tls_min_version=value)().status == os.EX_CONFIG


# STLS.


def test_stls_is_mandatory_once_chosen(popfetch, server):
    pop = server([mail()], tls="off")
    result = popfetch.account(server=pop, tls="starttls", tls_ca_file=pop.certificates.ca)()
    assert result.status == os.EX_PROTOCOL, result
    assert "work: TLS: server does not offer STLS here: try tls = " in result.stderr, result
    assert nothing_was_said(pop) and len(pop.connections) == 1


@pytest.mark.parametrize(
    "action",
    [
        say(b"-ERR not today\r\n"),
        close,
        hang,
        say(b"+ok\r\n"),
        say(b"garbage\r\n"),
        say(b"+\r\n"),
        say(b"\x16\x03\x01\x00\r\n"),
        say(b"+OK"),
        say(b"+OK begin\r\nthis is no TLS at all, and long enough to be seen\r\n" * 20),
    ],
)
def test_whatever_stls_meets_no_secret_goes_out(popfetch, server, action):
    pop = server([mail()], tls="starttls").on("STLS", action)
    result = popfetch.account(server=pop, timeout="1 second")("-v")
    assert result.status in (os.EX_PROTOCOL, os.EX_TEMPFAIL, os.EX_UNAVAILABLE), result
    assert nothing_was_said(pop)


@pytest.mark.parametrize("end", ["close", "reset", "wait_for_the_end"])
def test_a_line_that_ends_within_the_handshake_after_stls_is_tried_again_later(
    popfetch, server, end
):
    def act(session, line):
        session.send(b"+OK begin\r\n")
        session.sock.recv(10)
        getattr(session, end)()

    pop = server([mail()], tls="starttls").on("STLS", act)
    result = popfetch.account(server=pop, timeout="1 second")("-v")
    assert result.status == os.EX_TEMPFAIL, result
    assert len(result.errors) == 1 and "TLS" in result.stderr, result
    assert nothing_was_said(pop)


@pytest.mark.parametrize("behind", [b"+OK injected\r\n", b"x", b"\r\n", b"+OK\r\n" * 64])
def test_bytes_behind_the_answer_to_stls_are_an_injection(popfetch, server, behind):
    def inject(session, line):
        session.send(b"+OK begin\r\n" + behind)
        session.start_tls()

    pop = server([mail()], tls="starttls").on("STLS", inject)
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_PROTOCOL, result
    assert nothing_was_said(pop)
    assert b"PASS" not in pop.last.sent and b"AUTH" not in pop.last.sent


def test_bytes_a_moment_later_are_no_better(popfetch, server):
    def inject(session, line):
        session.send(b"+OK begin\r\n")
        session.waiting(20)  # for its hello
        session.send(b"+OK injected\r\n")
        session.start_tls()

    pop = server([mail()], tls="starttls").on("STLS", inject)
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_PROTOCOL, result
    assert nothing_was_said(pop)


def test_an_answer_to_stls_before_the_question_is_refused(popfetch, server):
    def early(session, line):
        session.send(session.reply(line) + b"+OK begin TLS\r\n")

    pop = server([mail()], tls="starttls").on("CAPA", early, nth=1)
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_PROTOCOL, result
    assert nothing_was_said(pop)


def test_what_was_learned_before_tls_is_forgotten(popfetch, server):
    def lie(session, line):
        if session.secure:
            session.obey(line)
        else:
            session.send(b"+OK\r\nSTLS\r\nUIDL\r\nTOP\r\nSASL XOAUTH2\r\nPIPELINING\r\n.\r\n")

    pop = server([mail("one"), mail("two")], tls="starttls", mechanisms=("PLAIN",)).on("CAPA", lie)
    result = popfetch.account(server=pop)()
    assert result.status == 0, result
    assert pop.last.commands[:3] == ["CAPA", "STLS", "CAPA"]
    assert pop.commands("AUTH")[0].startswith("AUTH PLAIN")
    assert pop.last.overlaps == [], "PIPELINING was only said outside TLS"


def test_nothing_is_sent_between_stls_and_the_handshake(popfetch, server):
    def late(session, line):
        session.pause(0.2)
        session.send(b"+OK begin\r\n")
        session.start_tls()

    pop = server([mail()], tls="starttls").on("STLS", late)
    assert popfetch.account(server=pop)().status == 0
    assert not pop.last.overlaps
    assert pop.last.clear.endswith(b"STLS\r\n")


def test_stls_is_sent_once_and_never_inside_tls(popfetch, server):
    pop = server([mail()], tls="implicit", caps=("TOP", "UIDL", "USER", "STLS"))
    assert popfetch.account(server=pop)().status == 0
    assert pop.commands("STLS") == []
    pop = server([mail()], tls="starttls", caps=("TOP", "UIDL", "USER", "STLS"))
    popfetch.accounts.clear()
    assert popfetch.account(server=pop)().status == 0
    assert pop.commands("STLS") == ["STLS"]


# The wrong port.


def test_a_server_that_speaks_in_the_clear_where_tls_is_expected(popfetch, server):
    pop = server([mail()], tls="off")
    result = popfetch.account(server=pop, tls="implicit")()
    assert result.status == os.EX_PROTOCOL, result
    assert "TLS" in result.stderr and result.seconds < 5
    # What it takes for commands are pieces of a ClientHello.
    words = {command.split(" ")[0] for command in pop.last.commands}
    assert not words & {"CAPA", "STLS", "AUTH", "USER", "PASS", "APOP", "STAT", "UIDL", "QUIT"}
    assert PASSWORD.encode() not in pop.last.sent


def test_a_server_that_speaks_tls_where_text_is_expected(popfetch, listener):
    alert = b"\x15\x03\x01\x00\x02\x02\x0a"
    other = listener(lambda sock, number: sock.sendall(alert))
    result = other.account(popfetch, tls="starttls")()
    assert result.status == os.EX_PROTOCOL, result
    assert "TLS" in result.stderr and "implicit" in result.stderr, result


def test_a_server_that_waits_for_a_hello_where_text_is_expected_is_given_up(popfetch, server):
    pop = server([mail()], tls="implicit")
    result = popfetch.account(server=pop, tls="starttls", timeout="1 second")("-v")
    assert result.status in (os.EX_TEMPFAIL, os.EX_PROTOCOL) and result.seconds < 10, result


# The end of a connection.


def test_tls_is_ended_properly(popfetch, server):
    pop = server([mail()]).on("QUIT", lambda s, line: (s.send(s.reply(line)), s.wait_for_the_end()))
    result = popfetch.account(server=pop)()
    assert result.status == 0, result
    pop.settle()
    assert pop.last.closed_politely


@pytest.mark.parametrize("politely", [True, False])
def test_a_message_that_ends_with_the_connection_is_not_delivered(popfetch, server, politely):
    pop = server([mail("one", "text\n" * 50)]).on("RETR", cut(200, politely))
    result = popfetch.account(server=pop)("-v")
    assert result.status == os.EX_TEMPFAIL, result
    assert popfetch.maildir() == [] and popfetch.staged() == []


def test_no_session_is_resumed_and_no_connection_shared(popfetch, server):
    pop = server([mail()], users={"jane": PASSWORD, "joe": PASSWORD})
    popfetch.account("a", pop).account("b", pop, user="joe")
    assert popfetch().status == 0
    assert len(pop.connections) == 2


def test_a_slow_server_is_fine(popfetch, server):
    pop = (
        server([mail()])
        .on("CAPA", after(0.2))
        .on("GREETING", lambda session, line: (session.pause(0.3), session.send(b"+OK slow\r\n")))
    )
    assert popfetch.account(server=pop)().status == 0


def test_a_server_silent_during_the_handshake_is_given_up(popfetch, server):
    pop = server([mail()]).on("CONNECT", hang)
    result = popfetch.account(server=pop, timeout="1 second")("-v")
    assert result.status in (os.EX_TEMPFAIL, os.EX_PROTOCOL) and result.seconds < 10, result
