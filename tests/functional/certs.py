# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Certificates for the tests: a CA of our own and leaves, good and bad, made by openssl(1).

    certificates = Certificates(directory)
    certificates.ca                    the trust anchor (a PEM file)
    certificates.pair("expired")       (certificate file, key file), made at the first call
    certificates.sha256("good")        the value of a pin, as popfetch prints it
    certificates.spki_sha256("good")

Several test processes may share one directory: a lock keeps them apart.
"""

import fcntl
import hashlib
import os
import re
import ssl
import subprocess
from datetime import datetime, timedelta, timezone

LOCALHOST = "DNS:localhost,IP:127.0.0.1,IP:::1"

CONFIGURATION = """
[req]
distinguished_name = dn
string_mask = utf8only
[dn]
[ca]
default_ca = maker
[maker]
database = {directory}/index.txt
new_certs_dir = {directory}/issued
unique_subject = no
serial = {directory}/serial
rand_serial = yes
policy = anything
default_md = sha256
x509_extensions = none
email_in_dn = no
[anything]
commonName = optional
[none]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
"""

# Python's client wants them since 3.13; openssl before 4.0 puts them there unasked.
KEY_IDENTIFIERS = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid"
AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign"
NOT_AN_AUTHORITY = "basicConstraints=critical,CA:FALSE"


def der_names(*names):
    """subjectAltName with dNSNames of any bytes, for names that openssl's own syntax cannot say."""
    entries = b"".join(b"\x82" + bytes([len(name)]) + name for name in names)
    return "subjectAltName=DER:" + (b"\x30" + bytes([len(entries)]) + entries).hex(":")


def leaf(names=LOCALHOST, cn="localhost", usage="serverAuth", **more):
    """The recipe of a leaf: what differs from a good one is named, the rest is as it should be."""
    recipe = {"cn": cn, "issuer": "ca", "start": -2, "end": 20, "key": "ec", "md": "sha256"}
    recipe.update(more)
    lines = ["basicConstraints=critical,CA:FALSE", KEY_IDENTIFIERS]
    if names:
        lines.append(names if "=" in names else "subjectAltName=" + names)
    if usage:
        lines.append("extendedKeyUsage=" + usage)
    recipe["extensions"] = "\n".join(lines + more.get("extra", []))
    return recipe


def authority(cn, issuer, extensions=AUTHORITY):
    return {
        "cn": cn,
        "issuer": issuer,
        "start": -2,
        "end": 20,
        "key": "ec",
        "md": "sha256",
        "extensions": extensions + "\n" + KEY_IDENTIFIERS,
    }


RECIPES = {
    "good": leaf(),
    "renewed": leaf(),
    "upper-case": leaf("DNS:LOCALHOST"),
    "wrong-name": leaf("DNS:elsewhere.example", cn="localhost"),
    "expired": leaf(start=-60, end=-2),
    "not-yet-valid": leaf(start=2, end=20),
    "self-signed": leaf(issuer=None),
    "self-signed-expired": leaf(issuer=None, start=-60, end=-2),
    "unknown-root": leaf(issuer="other-ca"),
    "cn-only": leaf(None),
    "email-only": leaf("email:postmaster@localhost"),
    "address-as-name": leaf("DNS:127.0.0.1"),
    "name-with-nul": leaf(der_names(b"localhost\x00.evil.example")),
    "wildcard": leaf("DNS:*.example.test"),
    "partial-wildcard": leaf("DNS:p*.example.test"),
    "inner-wildcard": leaf("DNS:pop.*.test"),
    "top-wildcard": leaf("DNS:*.test"),
    "client-purpose": leaf(usage="clientAuth"),
    "critical-unknown": leaf(extra=["1.2.3.4.5.6=critical,DER:05:00"]),
    "sha1": leaf(md="sha1"),
    "rsa-1024": leaf(key="rsa:1024"),
    "rsa": leaf(key="rsa:2048"),
    "intermediate": authority("Test Intermediate", "ca"),
    "by-intermediate": leaf(issuer="intermediate"),
    "without-intermediate": leaf(issuer="intermediate", alone=True),
    "false-intermediate": authority("Test False Intermediate", "ca", NOT_AN_AUTHORITY),
    "by-false-intermediate": leaf(issuer="false-intermediate"),
    "client": leaf(None, cn="jane", usage="clientAuth"),
    "stranger": leaf(None, cn="jane", usage="clientAuth", issuer="other-ca"),
}


class Certificates:
    def __init__(self, directory):
        self.directory = str(directory)
        os.makedirs(self.path("issued"), exist_ok=True)
        with self._locked():
            if not os.path.exists(self.path("ca.crt")):
                self._begin()
        self.ca = self.path("ca.crt")
        self.other_ca = self.path("other-ca.crt")

    def path(self, name):
        return os.path.join(self.directory, name)

    def pair(self, name):
        """Paths of the certificate (with what it needs of a chain) and of its key."""
        with self._locked():
            self._make(name)
        return self.path(name + ".pem"), self.path(name + ".key")

    def sha256(self, name):
        return hashlib.sha256(self._der(name)).hexdigest()

    def spki_sha256(self, name):
        self.pair(name)
        public = self._openssl("x509", "-in", self.path(name + ".crt"), "-noout", "-pubkey")
        return hashlib.sha256(
            ssl.PEM_cert_to_DER_cert(public.replace("PUBLIC KEY", "CERTIFICATE"))
        ).hexdigest()

    def _der(self, name):
        with open(self.pair(name)[0]) as f:
            first = re.search("-----BEGIN.*?-----END CERTIFICATE-----", f.read(), re.S).group(0)
        return ssl.PEM_cert_to_DER_cert(first)

    def _locked(self):
        return Locked(self.path("lock"))

    def _begin(self):
        with open(self.path("openssl.cnf"), "w") as f:
            f.write(CONFIGURATION.format(directory=self.directory))
        open(self.path("index.txt"), "w").close()
        for name, cn in (("other-ca", "Other Test CA"), ("ca", "popfetch Test CA")):
            self._openssl(
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-subj",
                "/CN=" + cn,
                "-days",
                "30",
                "-extensions",
                "root",
                "-keyout",
                self.path(name + ".key"),
                "-out",
                self.path(name + ".tmp"),
            )
            os.rename(self.path(name + ".tmp"), self.path(name + ".crt"))

    def _make(self, name):
        if os.path.exists(self.path(name + ".pem")):
            return
        recipe = RECIPES[name]
        issuer = recipe["issuer"]
        if issuer and not issuer.endswith("ca"):
            self._make(issuer)
        self._request(name, recipe)
        self._sign(name, recipe)
        longer = issuer and not issuer.endswith("ca") and not recipe.get("alone")
        chain = [name] + ([issuer] if longer else [])
        with open(self.path(name + ".tmp"), "w") as out:
            for member in chain:
                with open(self.path(member + ".crt")) as f:
                    out.write(f.read())
        os.rename(self.path(name + ".tmp"), self.path(name + ".pem"))

    def _request(self, name, recipe):
        key = (
            ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
            if recipe["key"] == "ec"
            else [recipe["key"]]
        )
        self._openssl(
            "req",
            "-new",
            "-newkey",
            *key,
            "-nodes",
            "-subj",
            "/CN=" + recipe["cn"],
            "-keyout",
            self.path(name + ".key"),
            "-out",
            self.path(name + ".csr"),
        )

    def _sign(self, name, recipe):
        with open(self.path(name + ".ext"), "w") as f:
            f.write(recipe["extensions"] + "\n")
        issuer = recipe["issuer"]
        by = (
            ["-cert", self.path(issuer + ".crt"), "-keyfile", self.path(issuer + ".key")]
            if issuer
            else ["-selfsign", "-keyfile", self.path(name + ".key")]
        )
        self._openssl(
            "ca",
            "-batch",
            "-notext",
            "-md",
            recipe["md"],
            *by,
            "-in",
            self.path(name + ".csr"),
            "-out",
            self.path(name + ".crt"),
            "-extfile",
            self.path(name + ".ext"),
            "-startdate",
            day(recipe["start"]),
            "-enddate",
            day(recipe["end"]),
        )

    def _openssl(self, command, *arguments):
        configuration = ["-config", self.path("openssl.cnf")] if command in ("req", "ca") else []
        done = subprocess.run(
            ["openssl", command, *configuration, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "OPENSSL_CONF": "/dev/null"},
        )
        if done.returncode != 0:
            raise RuntimeError(f"openssl {command} failed:\n{done.stderr}")
        return done.stdout


class Locked:
    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.file = open(self.path, "w")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self.file.close()


def day(days_from_now):
    moment = datetime.now(timezone.utc) + timedelta(days=days_from_now)
    return moment.strftime("%Y%m%d%H%M%SZ")
