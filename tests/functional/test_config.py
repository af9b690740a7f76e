# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""The configuration file: every mistake is one line with file and line, and nothing is done."""

import os
import re

import pytest

from popmail import mail
from popserver import PASSWORD
from runner import Raw, same

GOOD = """account "work" {
  host = "localhost"
  port = 1
  user = "jane"
  password = 'x'
  maildir = "~/Maildir"
}
"""


def refused(popfetch, text, *words, line=None, mode=0o600, arguments=()):
    """This configuration is an error: one line that names file, line and these words."""
    path = popfetch.write(text, mode=mode)
    result = popfetch(*arguments)
    assert result.status == os.EX_CONFIG, result
    assert result.stdout == "" and len(result.errors) == 1, result
    assert result.stderr.startswith("popfetch: "), result
    if line is not None:
        assert f"{path}:{line}:" in result.stderr, result
    for word in words:
        assert word in result.stderr, result
    assert not popfetch.state_dir.exists() or not list(popfetch.state_dir.iterdir())
    return result


def with_line(text, number=3):
    lines = GOOD.split("\n")
    lines[number - 1 : number - 1] = [text]
    return "\n".join(lines)


# Where it is.


def test_without_a_configuration_both_places_are_named(popfetch):
    popfetch.accounts = None
    result = popfetch()
    assert result.status == os.EX_CONFIG, result
    assert "popfetch.conf" in result.stderr and ".popfetchrc" in result.stderr


def test_a_home_that_is_not_there_is_named(popfetch):
    popfetch.accounts = None
    gone = popfetch.directory / "gone"
    result = popfetch(env={"HOME": str(gone)})
    assert result.status == os.EX_CONFIG, result
    assert f"the home directory '{gone}' (HOME) does not exist" in result.stderr, result


@pytest.mark.parametrize("destination", ["maildir", "mbox"])
def test_mail_for_a_home_that_is_not_there_says_so(popfetch, server, destination):
    gone = popfetch.directory / "gone"
    popfetch.set(state_dir=popfetch.directory / "state")
    popfetch.account(server=server(), **{destination: "~/new"})
    result = popfetch("-c", popfetch.configuration, env={"HOME": str(gone)})
    assert result.status == os.EX_CANTCREAT and len(result.errors) == 1, result
    assert f"the home directory '{gone}' (HOME) does not exist" in result.stderr, result


def test_a_program_for_mail_in_a_home_that_is_not_there_says_so(popfetch, server):
    gone = popfetch.directory / "gone"
    popfetch.set(state_dir=popfetch.directory / "state")
    popfetch.account(server=server([mail()]), mda=["true"])
    result = popfetch("-c", popfetch.configuration, env={"HOME": str(gone)})
    assert result.status == os.EX_OSERR and len(result.errors) == 1, result
    assert f"the home directory '{gone}' (HOME) does not exist" in result.stderr, result


@pytest.mark.parametrize("place", ["xdg", "config", "dot"])
def test_it_is_found_where_it_belongs(popfetch, server, place):
    pop = server([mail()])
    text = popfetch.account(server=pop).text()
    path, env = {
        "xdg": (
            popfetch.home / "xdg/popfetch/popfetch.conf",
            {"XDG_CONFIG_HOME": str(popfetch.home / "xdg")},
        ),
        "config": (popfetch.home / ".config/popfetch/popfetch.conf", {}),
        "dot": (popfetch.home / ".popfetchrc", {}),
    }[place]
    path.parent.mkdir(parents=True, exist_ok=True)
    popfetch.accounts = None
    popfetch.write(text, path)
    assert popfetch(env=env).status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_another_file_may_be_named(popfetch, server):
    pop = server([mail()])
    path = popfetch.directory / "other.conf"
    popfetch.account(server=pop)
    popfetch.write(popfetch.text(), path)
    popfetch.accounts = None
    assert popfetch("-c", path).status == 0
    result = popfetch("-c", popfetch.directory / "absent.conf")
    assert (
        result.status == os.EX_CONFIG
        and "absent.conf" in result.stderr
        and "No such file" in result.stderr
    ), result


@pytest.mark.parametrize("kind", ["directory", "fifo", "binary", "unterminated"])
def test_what_is_no_text_file_is_refused(popfetch, kind):
    path = popfetch.directory / "odd.conf"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path, 0o600)
    else:
        path.write_bytes(GOOD.encode() + (b"\0" if kind == "binary" else b"account 'x' {"))
        path.chmod(0o600)
    popfetch.accounts = None
    result = popfetch("-c", path, timeout=10)
    assert result.status == os.EX_CONFIG and "odd.conf" in result.stderr, result


# Who may read it.


@pytest.mark.parametrize(
    "mode, accepted",
    [(0o600, True), (0o400, True), (0o700, True), (0o640, False), (0o604, False), (0o660, False)],
)
def test_a_file_with_a_password_must_be_private(popfetch, server, mode, accepted):
    pop = server([mail()])
    text = popfetch.account(server=pop).text()
    popfetch.write(text, mode=mode)
    result = popfetch()
    assert result.status == (0 if accepted else os.EX_CONFIG), result
    if not accepted:
        assert "popfetch.conf" in result.stderr, result
        assert pop.connections == []


def test_a_file_without_a_password_may_be_public(popfetch, server):
    pop = server([mail()])
    text = popfetch.account(server=pop, password_command=["echo", PASSWORD]).text()
    popfetch.write(text, mode=0o644)
    assert popfetch().status == 0


# Mistakes.


@pytest.mark.parametrize(
    "text, line, words",
    [
        ("hots = 'x'", 3, ["hots", "host"]),
        ("mail_dir = 'x'", 3, ["mail_dir", "maildir"]),
        ("kepe = 'no'", 3, ["kepe", "keep"]),
        ("frobnicate = 'no'", 3, ["frobnicate"]),
        ("host = 'other'", 3, ["host"]),
        ("port = 0", 3, ["port"]),
        ("port = 65536", 3, ["port"]),
        ("port = -1", 3, ["port"]),
        ("port = pop3", 3, ["port"]),
        ("tls = 'ssl'", 3, ["tls", "ssl", "implicit"]),
        ("tls = true", 3, ["tls"]),
        ("tls_min_version = '1.1'", 3, ["tls_min_version"]),
        ("tls_pin = {'sha256:00'}", 3, ["tls_pin"]),
        ("auth = 'x-unknown'", 3, ["auth", "x-unknown"]),
        ("keep = '14'", 3, ["keep"]),
        ("keep = '14 fortnights'", 3, ["keep"]),
        ("keep = '-1 days'", 3, ["keep"]),
        ("keep = ''", 3, ["keep"]),
        ("keep = 'yes'", 3, ["keep"]),
        ("timeout = '0 seconds'", 3, ["timeout"]),
        ("timeout = 'never'", 3, ["timeout"]),
        ("session_timeout = '60'", 3, ["session_timeout"]),
        ("mda_timeout = 'x'", 3, ["mda_timeout"]),
        ("mda_jobs = 0", 3, ["mda_jobs", "1 to 64"]),
        ("mda_jobs = 65", 3, ["mda_jobs", "1 to 64"]),
        ("max_size = 'huge'", 3, ["max_size"]),
        ("max_size = '-1'", 3, ["max_size"]),
        ("max_messages = -1", 3, ["max_messages"]),
        ("max_messages = many", 3, ["max_messages"]),
        ("received_header = 'maybe'", 3, ["received_header"]),
        ("enabled = 2", 3, ["enabled"]),
        ("pipelining = 'always'", 3, ["pipelining"]),
        ("insecure_auth = 'x'", 3, ["insecure_auth"]),
        ("password = 'again'\n  password = 'more'", None, ["password"]),
        ("password_command = {}", None, ["password_command"]),
        ("mda = {}", None, ["mda"]),
        ("mbox = '~/mbox'", None, ["maildir", "mbox"]),
        ("password_file = '~/x'", None, ["password"]),
        ("maildir = ''", None, ["maildir"]),
        ("tls_ca_file = '~nobody-of-this-name/x'", 3, ["tls_ca_file", "nobody-of-this-name"]),
        ("jobs = 3", 3, ["jobs"]),
        ("host = pop.example.org;", 3, ["';'"]),
        ("password = 'a';", 3, ["';'"]),
        ('tls_ca_file = "a\\sb"', 3, ["backslash", "single quotes"]),
        ("tls_ca_file = a!b", 3, ["needs quotes"]),
        ("mda = {'x', '%{sendr}'}", 3, ["mda", "'%{sendr}'", "%{account}, %{sender}, %{user}"]),
        ("mda = {'x', '-f', '%F'}", 3, ["'%F'", "'%{sender}'"]),
        ("mda = {'x', '%(sender)'}", 3, ["'%(sender)'", "'%{sender}'"]),
        ("password_command = {'x', 'mail/%{user}'}", 3, ["password_command", "'%{user}'"]),
        ("password_file = 'credential:'", 3, ["password_file", "credential:NAME"]),
        ("password_file = 'credential:a/b'", 3, ["password_file", "credential:a/b"]),
        ("password_file = 'credential:..'", 3, ["password_file", "credential:NAME"]),
        ("= 3", 3, []),
        ("host 'x'", 3, []),
        ("host = ", None, []),
    ],
)
def test_a_mistake_in_an_account_is_named_with_its_line(popfetch, text, line, words):
    refused(popfetch, with_line("  " + text), *words, line=line)


def test_an_error_in_an_option_names_the_account(popfetch):
    refused(popfetch, with_line("  keep = 'sometimes'"), "work", "keep", line=3)


@pytest.mark.parametrize(
    "text, words",
    [
        ("jobs = 0", ["jobs"]),
        ("jobs = -1", ["jobs"]),
        ("jobs = many", ["jobs"]),
        ("jbos = 3", ["jbos", "jobs"]),
        ("jobs = 1\njobs = 2", ["jobs"]),
        ("state_dir = ''", ["state_dir"]),
        ("host = 'x'", ["host"]),
        ("acount 'x' { }", ["acount", "account"]),
        ("account { }", []),
        ("account 'x' 'y' { }", []),
    ],
)
def test_a_mistake_outside_accounts_is_named_with_its_line(popfetch, text, words):
    refused(popfetch, text + "\n" + GOOD, *words, line=1 + text.count("\n"))


@pytest.mark.parametrize("missing", ["host", "user", "maildir"])
def test_what_every_account_needs(popfetch, missing):
    text = "\n".join(line for line in GOOD.split("\n") if not line.strip().startswith(missing))
    refused(popfetch, text, "work", missing)


def test_two_accounts_of_one_name(popfetch):
    refused(popfetch, GOOD + GOOD.replace("jane", "joe"), "work")


def test_an_option_given_twice(popfetch):
    refused(popfetch, with_line("  user = 'joe'", 5), "user", line=5)


def test_a_file_without_accounts(popfetch):
    refused(popfetch, "jobs = 3\n", "account")


def test_an_empty_file(popfetch):
    refused(popfetch, "", "account")


@pytest.mark.parametrize("option", ["host", "user", "password", "tls_server_name"])
@pytest.mark.parametrize("byte", ["\\n", "\\r", "\\x00"])
def test_line_ends_cannot_be_smuggled_into_commands(popfetch, server, option, byte):
    pop = server([mail()])
    value = Raw(f'"x{byte}DELE 1"')
    result = popfetch.account(server=pop, **{option: value})()
    assert result.status in (
        os.EX_CONFIG,
        os.EX_NOHOST if option == "host" else os.EX_CONFIG,
    ), result
    assert not [c for c in pop.all_commands() if "DELE" in c]


def test_a_password_never_shows_in_an_error(popfetch):
    for text in (
        f"  password = '{PASSWORD}' oops",
        f"  passwrd = '{PASSWORD}'",
        f"  password = {{'{PASSWORD}', 'y'}}",
        f"  password = {PASSWORD};",
        f"  password = {PASSWORD}!",
        f'  password = "{PASSWORD}\\s"',
    ):
        result = refused(popfetch, with_line(text))
        assert PASSWORD not in result.output


def test_an_error_points_to_the_line_behind_long_values(popfetch):
    refused(popfetch, "# comment\n\n" + with_line("  mda_timeout = 'x'", 4), "mda_timeout", line=6)


# Values.


def test_an_account_overrides_the_defaults(popfetch, server):
    pop = server([mail("one")])
    popfetch.defaults.update(keep="no", received_header=True, user="joe", tls="off")
    popfetch.account(server=pop, tls="implicit")
    assert popfetch().status == 0
    assert pop.logins == ["jane"] and pop.left() == []
    assert pop.last.tls_version and len(popfetch.maildir()) == 1


def test_defaults_fill_what_an_account_leaves_out(popfetch, server):
    pop = server([mail("one")])
    popfetch.defaults.update(
        host="localhost",
        user="jane",
        password=PASSWORD,
        keep="no",
        tls_ca_file=pop.certificates.ca,
        maildir="~/Maildir",
        received_header=False,
    )
    popfetch.accounts["a"] = {"port": pop.port}
    wires = pop.wires()
    assert popfetch().status == 0
    assert pop.left() == [] and same(popfetch.maildir(), wires)


def test_defaults_may_stand_behind_the_accounts(popfetch, server):
    pop = server([mail("one")])
    text = popfetch.account(server=pop, keep=None).text() + "defaults {\n  keep = 'no'\n}\n"
    popfetch.write(text)
    assert popfetch().status == 0
    assert pop.left() == []


@pytest.mark.parametrize(
    "own, inherited", [("mbox", "maildir"), ("maildir", "mda"), ("mda", "mbox")]
)
def test_an_own_destination_hides_the_inherited_one(popfetch, server, own, inherited):
    pop = server([mail("one")])
    value = {"mbox": "~/own", "maildir": "~/own", "mda": ["sh", "-c", "cat > $HOME/own"]}
    other = {"mbox": "~/other", "maildir": "~/other", "mda": ["sh", "-c", "cat > $HOME/other"]}
    popfetch.defaults[inherited] = other[inherited]
    assert popfetch.account(server=pop, **{own: value[own]})().status == 0
    assert (popfetch.home / "own").exists() and not (popfetch.home / "other").exists()


def test_two_defaults_sections_are_one_too_many_or_merged(popfetch):
    popfetch.write("defaults {\n keep = 'no'\n}\ndefaults {\n keep = '1 day'\n}\n" + GOOD)
    assert popfetch().status == os.EX_CONFIG


@pytest.mark.parametrize(
    "text", ["14 days", "14days", "2 weeks", "1 hour", "36 h", "1 day 12 hours", "no", "forever"]
)
def test_durations_as_people_write_them(popfetch, server, text):
    assert popfetch.account(server=server(), keep=text)().status == 0


@pytest.mark.parametrize("text", ["512", "20 MiB", "20MB", "1 GiB", "100 K", "1 kb"])
def test_sizes_as_people_write_them(popfetch, server, text):
    assert popfetch.account(server=server(), max_size=text)().status == 0


@pytest.mark.parametrize(
    "text, size, fetched", [("1 KiB", 900, True), ("1 KiB", 1200, False), ("2 K", 1200, True)]
)
def test_a_size_means_what_it_says(popfetch, server, text, size, fetched):
    wire = mail("one", "x" * (size - len(mail("one", "\n")) - 1) + "\n")
    pop = server([wire])
    popfetch.account(server=pop, max_size=text)()
    assert bool(popfetch.maildir()) == fetched


def test_variables_expand_in_double_quotes_only(popfetch, server):
    pop = server([mail()])
    popfetch.account(server=pop, maildir=Raw('"${HOME}/Double"'))
    assert popfetch().status == 0
    assert same(popfetch.maildir("Double"), pop.wires())


def test_comments_and_blanks_are_free(popfetch, server):
    pop = server([mail()])
    text = popfetch.account(server=pop).text()
    popfetch.write(
        "# a comment\n// another\n/* and\n more */\n\n" + text.replace("{\n", "{ # here\n\n")
    )
    assert popfetch().status == 0


def test_a_state_directory_of_ones_own(popfetch, server):
    pop = server([mail()])
    assert popfetch.set(state_dir="~/states/here").account(server=pop)().status == 0
    assert list((popfetch.home / "states/here").glob("*.db"))
    assert not popfetch.state_dir.exists()


def test_the_state_directory_follows_xdg(popfetch, server):
    pop = server([mail()])
    assert (
        popfetch.account(server=pop)(env={"XDG_STATE_HOME": str(popfetch.home / "xdg")}).status == 0
    )
    assert list((popfetch.home / "xdg/popfetch").glob("*.db"))


# Including.


def test_an_included_file_is_found_beside_the_including_one(popfetch, server):
    pop = server([mail()])
    text = popfetch.account(server=pop).text()
    inner = popfetch.configuration.parent / "accounts/work.conf"
    inner.parent.mkdir()
    popfetch.write(text, inner)
    popfetch.write("include('accounts/work.conf')\n")
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_an_error_in_an_included_file_is_named_there(popfetch):
    inner = popfetch.write(with_line("  keep = 'x'"), popfetch.configuration.parent / "inner.conf")
    popfetch.write("\n\ninclude('inner.conf')\n")
    result = popfetch()
    assert result.status == os.EX_CONFIG, result
    assert f"{inner}:3:" in result.stderr, result


def test_an_error_behind_an_included_file_has_the_right_line(popfetch):
    popfetch.write("# nothing\n# much\n# here\n", popfetch.configuration.parent / "inner.conf")
    refused(popfetch, "include('inner.conf')\njobs = none\n" + GOOD, "jobs", line=2)


def test_an_included_file_with_a_password_must_be_private(popfetch):
    popfetch.write(GOOD, popfetch.configuration.parent / "inner.conf", mode=0o644)
    popfetch.write("include('inner.conf')\n")
    result = popfetch()
    assert result.status == os.EX_CONFIG and "inner.conf" in result.stderr, result


@pytest.mark.parametrize("kind", ["absent", "directory", "fifo", "itself"])
def test_what_cannot_be_included_is_an_error_with_its_line(popfetch, kind):
    path = popfetch.configuration.parent / kind
    if kind == "directory":
        path.mkdir()
    if kind == "fifo":
        os.mkfifo(path)
    name = "popfetch.conf" if kind == "itself" else kind
    popfetch.write(f"\ninclude('{name}')\n" + GOOD)
    result = popfetch(timeout=10)
    assert result.status == os.EX_CONFIG, result
    assert name in result.stderr, result
    if kind != "itself":
        assert f"{popfetch.configuration}:2:" in result.stderr, result


# Accounts that collide.


def test_two_accounts_may_not_share_a_state(popfetch):
    refused(
        popfetch,
        GOOD + GOOD.replace('"work"', '"same"').replace("~/Maildir", "~/Other"),
        "work",
        "same",
        "state",
    )


def test_case_of_the_host_makes_no_second_state(popfetch):
    refused(
        popfetch,
        GOOD + GOOD.replace('"work"', '"same"').replace("localhost", "LocalHost"),
        "work",
        "same",
    )


def test_a_state_of_its_own_separates_them(popfetch, server):
    pop = server([mail()])
    popfetch.account("a", pop).account("b", pop, state="b")
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires()) and same(
        popfetch.maildir("Maildir-b"), pop.wires()
    )


@pytest.mark.parametrize(
    "name, ours",
    [
        ("username", ["'user'"]),
        ("delete", ["'keep'"]),
        ("mailbox", ["'maildir'", "'mbox'", "'mda'"]),
    ],
)
def test_an_option_of_another_fetcher_is_told_what_it_is_called_here(popfetch, name, ours):
    refused(popfetch, with_line(f"  {name} = 'no'"), f"'{name}'", *ours, line=3)


# What is written about it.


def example_lines(source_directory):
    return (source_directory / "doc/popfetch.conf.example").read_text().splitlines()


def accepted(popfetch, lines):
    """Read without a complaint; then only the account that is asked for is not there."""
    popfetch.write("\n".join(lines) + "\n")
    result = popfetch("nobody")
    return result.status == os.EX_USAGE and "nobody" in result.stderr


def test_the_example_is_accepted_as_it_stands(popfetch, source_directory):
    assert accepted(popfetch, example_lines(source_directory))


def test_every_option_of_the_example_is_accepted_when_its_line_is(popfetch, source_directory):
    lines = [
        line.replace("#tls_cert_file", "tls_cert_file") for line in example_lines(source_directory)
    ]
    shown = 0
    for number, line in enumerate(lines):
        match = re.match(r"( *)#((\w+) = .*)$", line)
        if not match or lines[number - 1].startswith("#defaults"):
            continue
        shown += 1
        others = [
            other
            for other in lines
            if not (match[3] in ("mbox", "mda") and other.strip().startswith("maildir ="))
        ]
        variant = [match[1] + match[2] if other == line else other for other in others]
        assert accepted(popfetch, variant), line
    assert shown > 25
