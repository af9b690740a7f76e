# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What people are told when TLS fails: whose fault it is, and what to do, in one line."""

import os
import ssl
import subprocess
import warnings

import pytest

from popmail import mail
from wrongclock import DAY

LONGEST = 215


def told(result):
    assert result.status == os.EX_PROTOCOL, result
    [line] = result.errors
    assert line.startswith("popfetch: work: TLS: "), line
    assert len(line) <= LONGEST, (len(line), line)
    return line


@pytest.mark.parametrize(
    "certificate, words",
    [
        ("without-intermediate", ["forgot intermediate 'Test Intermediate'", "tls_ca_file"]),
        ("unknown-root", ["'Other Test CA'", "unknown CA", "tls_ca_file"]),
        ("self-signed", ["self-signed", "tls_ca_file", "set tls_pin to sha256:"]),
        ("wrong-name", ["expected 'localhost', it is for 'elsewhere.example'", "somebody stands"]),
        ("cn-only", ["it names no host", "set tls_pin to sha256:"]),
        ("expired", ["expired on 20", " UTC here: ", "server needs a new one", "clock"]),
        ("not-yet-valid", ["not valid before 20", " UTC here: ", "set this clock"]),
        ("rsa-1024", ["1024 bits are too weak", "server needs a new one"]),
        ("sha1", ["SHA1", "too weak", "server needs a new one"]),
        ("client-purpose", ["purpose", "somebody stands between"]),
    ],
)
def test_a_refused_certificate_is_explained(popfetch, server, certificate, words):
    pop = server([mail()], certificate=certificate)
    line = told(popfetch.account(server=pop)())
    assert [word for word in words if word not in line] == [], line


def test_no_pin_is_told_of_what_no_honest_server_has(popfetch, server):
    pop = server([mail()], certificate="client-purpose")
    assert "tls_pin" not in told(popfetch.account(server=pop)())


def test_a_wrong_clock_of_ours_shows_both_times(popfetch, server, clock):
    pop = server([mail()])
    popfetch.account(server=pop)
    line = told(popfetch(env=clock(-20 * 365 * DAY)))
    assert "is not valid before 20" in line and "set this clock" in line, line
    line = told(popfetch(env=clock(20 * 365 * DAY)))
    assert "expired on 20" in line and "unless this clock is wrong" in line, line


def test_the_pin_that_is_shown_stands_for_a_chain_that_is_not_known(popfetch, server, certificates):
    for name in ("self-signed", "cn-only"):
        pop = server([mail()], certificate=name)
        popfetch.accounts.clear()
        line = told(popfetch.account(server=pop)())
        pin = line.partition("tls_pin to ")[2]
        assert pin == "sha256:" + certificates.sha256(name), line
        popfetch.accounts["work"]["tls_pin"] = [pin]
        assert popfetch().status == 0


def test_whoever_has_a_tls_ca_file_is_told_to_add_to_it(popfetch, server):
    pop = server([mail()], certificate="unknown-root")
    popfetch.account(server=pop)
    assert "add it to tls_ca_file" in told(popfetch())
    popfetch.accounts["work"].pop("tls_ca_file")
    assert "set tls_ca_file to it" in told(
        popfetch(env={"SSL_CERT_FILE": pop.certificates.ca, "SSL_CERT_DIR": "/nowhere"})
    )


def test_a_computer_without_any_authority_is_told_to_install_them(popfetch, server):
    pop = server([mail()])
    result = popfetch.account(server=pop, tls_ca_file=None)(
        env={"SSL_CERT_FILE": "/nowhere.pem", "SSL_CERT_DIR": str(popfetch.home)}
    )
    assert "trusts no CA at all: install ca-certificates" in told(result)


# Old servers.


def old(pop, ciphers=None, dh=None):
    pop.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pop.context.set_ciphers((ciphers or "ALL") + ":@SECLEVEL=0")
    pop.context.load_cert_chain(*pop.certificates.pair("rsa"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pop.context.minimum_version = ssl.TLSVersion.TLSv1
    pop.context.maximum_version = ssl.TLSVersion.TLSv1_2
    if dh:
        pop.context.load_dh_params(dh)
    return pop


def test_an_old_version_is_called_old(popfetch, server):
    pop = old(server([mail()]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pop.context.maximum_version = ssl.TLSVersion.TLSv1_1
    line = told(popfetch.account(server=pop)())
    assert "no TLS version that is allowed (1.2 or newer)" in line, line
    assert "too old to be safe, and its administrator" in line, line


def test_a_minimum_of_ours_is_named_as_the_reason(popfetch, server):
    pop = server([mail()], tls_version=ssl.TLSVersion.TLSv1_2)
    line = told(popfetch.account(server=pop, tls_min_version="1.3")())
    assert 'tls_min_version = "1.2" may do' in line, line


def test_a_short_diffie_hellman_key_is_named(popfetch, server, tmp_path):
    dh = tmp_path / "dh.pem"
    parameters = ["-pkeyopt", "dh_paramgen_prime_len:1024", "-pkeyopt", "dh_paramgen_type:0"]
    subprocess.run(
        ["openssl", "genpkey", "-genparam", "-algorithm", "DH", *parameters, "-out", dh],
        check=True,
        capture_output=True,
    )
    pop = old(server([mail()]), "DHE", str(dh))
    line = told(popfetch.account(server=pop)())
    assert "Diffie-Hellman key is too short: it is too old to be safe" in line, line


def test_a_server_without_a_safe_cipher_is_told_apart(popfetch, server):
    pop = old(server([mail()]), "RC4:eNULL:aNULL")
    line = told(popfetch.account(server=pop)())
    assert "knows no cipher that is safe" in line and "tls_cert_file" in line, line


def test_a_server_without_secure_renegotiation_is_named(popfetch, listener, certificates):
    hello = b"\x03\x03" + bytes(range(32)) + b"\0\xc0\x2f\0"  # no extension at all

    def serve(sock, number):
        sock.recv(4096)
        sock.sendall(b"\x16\x03\x03\0\x2a\x02\0\0\x26" + hello)

    line = told(listener(serve).account(popfetch, tls_ca_file=certificates.ca)())
    assert "no secure renegotiation (RFC 5746): it is too old to be safe" in line, line


# Certificates of ours, and names.


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate_of_ours_says_so(popfetch, server, version):
    pop = server([mail()], client_ca="required", tls_version=version)
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_PROTOCOL and "tls_cert_file" in result.stderr, result


def test_a_server_that_does_not_know_its_name_says_so(popfetch, server):
    pop = server([mail()])
    pop.context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    assert "set host (or tls_server_name)" in told(popfetch.account(server=pop)())
