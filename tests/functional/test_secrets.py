# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Secrets that a platform mounts: files whose owner and mode nobody in there can change."""

import os
import shutil
import subprocess

import pytest

from popmail import mail
from popserver import PASSWORD
from runner import same

# As Kubernetes does it: the file is behind a link to a directory with another name each time.
SCRIPT = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p "$1/..now"
cat > "$1/..now/password"
chmod "$2" "$1/..now/password"
ln -s ..now "$1/..data"
ln -s ..data/password "$1/password"
shift 2
exec "$@"
"""


@pytest.fixture
def mounted():
    """mounted(directory, mode): what stands before a command that sees the secret there."""

    def make(directory, mode):
        before = ["unshare", "-rm", "sh", "-c", SCRIPT, "sh", directory, f"{mode:o}"]
        if (
            not shutil.which("unshare")
            or subprocess.run([*before, "true"], capture_output=True, input=b"").returncode != 0
        ):
            pytest.skip("no name spaces for a /run of our own here")
        return before

    return make


def run(popfetch, before, **more):
    process = popfetch.start(before=before, stdin=subprocess.PIPE, **more)
    process.stdin.write(PASSWORD.encode())
    process.stdin.close()
    process.stdin = None
    return popfetch.finish(process)


@pytest.mark.parametrize("mode", [0o444, 0o440, 0o400])
def test_what_a_container_mounts_below_run_secrets_is_a_password_file(
    popfetch, server, mounted, mode
):
    pop = server([mail()])
    popfetch.account(server=pop, password_file="/run/secrets/mail/password")
    assert run(popfetch, mounted("/run/secrets/mail", mode)).status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_a_link_from_elsewhere_leads_to_it(popfetch, server, mounted):
    pop = server([mail()])
    (popfetch.home / "secret").symlink_to("/run/secrets/password")
    popfetch.account(server=pop, password_file="~/secret")
    assert run(popfetch, mounted("/run/secrets", 0o444)).status == 0


@pytest.mark.parametrize(
    "directory, mode",
    [("/run/other", 0o444), ("/run/secrets-not", 0o444), ("/run/secrets", 0o464)],
)
def test_one_that_others_may_read_or_write_is_refused(popfetch, server, mounted, directory, mode):
    pop = server([mail()])
    popfetch.account(server=pop, password_file=f"{directory}/password")
    result = run(popfetch, mounted(directory, mode))
    assert result.status == os.EX_CONFIG and f"'{directory}/password'" in result.stderr, result
    assert pop.connections == []


def test_a_link_below_run_secrets_to_a_file_elsewhere_is_judged_by_the_file(
    popfetch, server, mounted
):
    pop = server([mail()])
    open_to_all = popfetch.home / "open"
    open_to_all.write_text(PASSWORD)
    open_to_all.chmod(0o444)
    popfetch.account(server=pop, password_file="/run/secrets/link")
    before = mounted("/run/secrets", 0o444)
    before[4] = before[4].replace("shift", f"ln -s '{open_to_all}' /run/secrets/link\nshift")
    result = run(popfetch, before)
    assert result.status == os.EX_CONFIG and "/run/secrets/link" in result.stderr, result


# $CREDENTIALS_DIRECTORY


@pytest.fixture
def credentials(popfetch):
    """The environment of a service with the credential "pop"."""
    directory = popfetch.directory / "credentials"
    directory.mkdir()
    (directory / "pop").write_text(PASSWORD)
    (directory / "pop").chmod(0o400)
    return {"CREDENTIALS_DIRECTORY": str(directory)}


def test_a_credential_of_systemd_is_named(popfetch, server, credentials):
    pop = server([mail()])
    popfetch.account(server=pop, password_file="credential:pop")
    assert popfetch(env=credentials).status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_all_may_read_a_credential_of_root(popfetch, server, mounted):
    pop = server([mail()])
    popfetch.account(server=pop, password_file="credential:password")
    env = {"CREDENTIALS_DIRECTORY": "/run/credentials/popfetch.service"}
    before = mounted("/run/credentials/popfetch.service", 0o444)
    assert run(popfetch, before, env=env).status == 0


def test_a_credential_that_is_not_there_is_named(popfetch, server, credentials):
    popfetch.account(server=server(), password_file="credential:other")
    result = popfetch(env=credentials)
    assert result.status == os.EX_CONFIG, result
    assert "credentials/other': No such file" in result.stderr, result


def test_outside_of_the_service_the_missing_variable_is_named(popfetch, server):
    pop = server([mail()])
    popfetch.account(server=pop, password_file="credential:pop")
    result = popfetch()
    assert result.status == os.EX_CONFIG and len(result.errors) == 1, result
    for word in "credential:pop", "CREDENTIALS_DIRECTORY", "LoadCredential":
        assert word in result.stderr, result
    assert pop.connections == []


def test_the_status_can_be_asked_outside_of_the_service(popfetch, server):
    popfetch.account(server=server(), password_file="credential:pop")
    assert popfetch("--status").status == 0


def test_a_refused_credential_is_not_tried_again_at_the_next_start(popfetch, server, credentials):
    """systemd makes the file anew each time, so that its date and inode tell nothing."""
    pop = server([mail()])
    file = popfetch.directory / "credentials/pop"
    popfetch.account(server=pop, password_file="credential:pop")
    for _ in range(3):
        other = file.with_name("new")
        other.write_text("x" * len(PASSWORD))
        other.chmod(0o400)
        other.rename(file)
        popfetch(env=credentials)
    assert len(pop.connections) == 1
