# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What the manuals show works as it stands."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from dovecotconf import version_of
from manual import ORDINARY, as_ordinary, blocks, give
from popmail import mail
from popserver import PASSWORD

LDA = "/usr/lib/dovecot/dovecot-lda"


@pytest.fixture(scope="session")
def examples(source_directory):
    return blocks((source_directory / "doc/popfetch.conf.5").read_text())


# --- configurations ---


def test_each_configuration_of_the_manual_is_read_without_complaint(popfetch, examples):
    shown = [block for block in examples if re.match(r'account "|defaults {|jobs =', block)]
    assert len(shown) > 9, "the manual has fewer than it had"
    accounts = popfetch.configuration.parent / "accounts"
    accounts.mkdir()
    for name in ("jane", "joe"):
        own = accounts / f"{name}.conf"
        own.write_text(f'account "{name}" {{ host = h user = {name} maildir = "~/{name}" }}\n')
    for block in shown:
        popfetch.write(block)
        result = popfetch("--status")
        assert result.status == 0 and result.stderr == "", (block, result)


def test_each_recipe_of_the_manual_is_read_without_complaint(popfetch, examples):
    recipes = [block for block in examples if block.startswith("mda = ")]
    assert len(recipes) == 4, "procmail, maildrop, sendmail and dovecot-lda"
    for recipe in recipes:
        popfetch.write(f"account work {{ host = h user = u\n{recipe}}}\n")
        result = popfetch("--status")
        assert result.status == 0 and result.stderr == "", (recipe, result)


# --- dovecot-lda ---


@pytest.fixture
def jane():
    """The home of an ordinary user, where mail has never been delivered."""
    home = Path(tempfile.mkdtemp(prefix="popfetch-manual-", dir="/tmp"))
    home.chmod(0o755)
    yield home
    shutil.rmtree(home)


def lda_recipe(examples, filtered, home):
    lines, newer = (
        [line.strip() for line in block.splitlines()]
        for block in examples
        if "dovecot-lda" in block or "mail_driver" in block
    )
    if version_of("/usr/sbin/dovecot") >= (2, 4):
        lines[1:2] = [*newer, f'"-o", "mail_home={home}",']
    if not filtered:
        lines[-2:] = [lines[-2].rstrip(",") + "}"]
    return "\n".join(lines)


@pytest.mark.parametrize("filtered", [True, False])
def test_dovecot_lda_delivers_on_a_machine_on_which_nothing_is_configured(
    binary, server, examples, jane, filtered
):
    if not os.access(LDA, os.X_OK):
        pytest.skip("the recipe is that of Debian's dovecot-core, which is not here")
    pop = server([mail("one"), mail("two")], tls="off")
    (jane / ".dovecot.sieve").write_text(
        'require ["fileinto", "mailbox"];\n'
        'if header :is "subject" "two" { fileinto :create "second"; }\n'
    )
    configuration = jane / "popfetch.conf"
    configuration.write_text(
        f"account work {{ host = localhost port = {pop.port} tls = off insecure_auth = yes\n"
        f"user = jane password = '{PASSWORD}'\n{lda_recipe(examples, filtered, jane)} }}\n"
    )
    configuration.chmod(0o600)
    shutil.copy2(binary, jane / "popfetch")
    give(jane, ORDINARY)
    done = subprocess.run(
        as_ordinary([jane / "popfetch", "-c", configuration]),
        cwd=jane,
        env={"HOME": str(jane), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and done.stderr == "", done
    count = [len(list((jane / "Maildir").glob(folder))) for folder in ("new/*", ".second/new/*")]
    assert count == ([1, 1] if filtered else [2, 0])
