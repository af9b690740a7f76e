# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Logging in: mechanisms, where secrets come from and never go, and what a refusal means."""

import base64
import hashlib
import os
import shutil
from pathlib import Path

import pytest

from popactions import hang, say, silence
from popmail import mail
from popserver import PASSWORD, TOKEN
from runner import Raw, same, wait_until


def encoded(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def login_lines(pop):
    """What the client said of USER, PASS, APOP, AUTH and inside AUTH."""
    words = ("CAPA", "STLS", "STAT", "LIST", "UIDL", "RETR", "TOP", "DELE", "NOOP", "RSET", "QUIT")
    return [line for line in pop.commands() if line.split(" ")[0] not in words]


def nothing_secret_in_clear(pop, *secrets):
    for connection in pop.connections:
        for secret in (PASSWORD, *secrets):
            assert secret.encode() not in connection.clear
        assert not [
            line
            for line in connection.commands
            if line.split(" ")[0] in ("PASS", "AUTH")
            and connection.secure_from is None
            and not connection.tls_version
        ]


# Mechanisms.


def test_plain(popfetch, server):
    pop = server([mail()], mechanisms=("PLAIN",))
    assert popfetch.account(server=pop, auth="plain")().status == 0
    assert login_lines(pop)[-1].split(" ")[-1] == encoded(f"\0jane\0{PASSWORD}")
    assert same(popfetch.maildir(), pop.wires())


def test_login(popfetch, server):
    pop = server([mail()], mechanisms=("LOGIN",))
    assert popfetch.account(server=pop, auth="login")().status == 0
    assert login_lines(pop)[-2:] == [encoded("jane"), encoded(PASSWORD)]


def test_user_and_pass(popfetch, server):
    pop = server([mail()], mechanisms=("PLAIN", "LOGIN"))
    assert popfetch.account(server=pop, auth="user")().status == 0
    assert login_lines(pop) == ["USER jane", "PASS " + PASSWORD]
    assert not pop.last.overlaps


def test_apop(popfetch, server):
    pop = server([mail()], apop=True)
    assert popfetch.account(server=pop, auth="apop")().status == 0
    [line] = login_lines(pop)
    assert line.startswith("APOP jane ") and PASSWORD not in line


def test_apop_as_in_the_standard(popfetch, server):
    pop = server([mail()]).on(
        "GREETING", b"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>\r\n"
    )
    pop.on(
        "APOP", lambda session, line: (session._login("jane", PASSWORD), session.send(b"+OK\r\n"))
    )
    popfetch.account(server=pop, auth="apop", user="mrose", password="tanstaaf")
    assert popfetch().status == 0
    assert login_lines(pop) == ["APOP mrose c4c9334bac560ecc979e58001b3e22fb"]


@pytest.mark.parametrize(
    "greeting", [b"+OK ready", b"+OK <not a msg-id>", b"+OK <a@b@c>", b"+OK <\xff@x>"]
)
def test_apop_needs_a_proper_challenge(popfetch, server, greeting):
    pop = server([mail()]).on("GREETING", greeting + b"\r\n")
    result = popfetch.account(server=pop, auth="apop")()
    assert result.status != 0, result
    assert login_lines(pop) == []


@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])
def test_tokens(popfetch, server, auth):
    pop = server([mail()], mechanisms=("PLAIN", auth.upper()))
    assert popfetch.account(server=pop, auth=auth, password=TOKEN)().status == 0
    first, second = login_lines(pop)
    assert first == "AUTH " + auth.upper(), "in two lines, as Exchange Online wants it"
    message = base64.b64decode(second).decode()
    if auth == "xoauth2":
        assert message == f"user=jane\x01auth=Bearer {TOKEN}\x01\x01"
    else:
        assert (
            message
            == f"n,a=jane,\x01host=localhost\x01port={pop.port}\x01auth=Bearer {TOKEN}\x01\x01"
        )


@pytest.mark.parametrize(
    "auth, farewell, status",
    [("xoauth2", "", "400"), ("oauthbearer", encoded("\x01"), "invalid_token")],
)
def test_a_refused_token_shows_what_the_server_says(popfetch, server, auth, farewell, status):
    pop = server([mail()], mechanisms=(auth.upper(),))
    result = popfetch.account(server=pop, auth=auth, password="stale-token-1234")()
    assert result.status == os.EX_NOPERM, result
    assert status in result.stderr and "stale-token" not in result.stderr
    assert "get a new token" in result.stderr and "password" not in result.stderr, result
    assert login_lines(pop)[2] == farewell


@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])
@pytest.mark.parametrize("reply", [b"-ERR [AUTH] no\r\n", b"-ERR no\r\n"])
def test_a_token_that_is_refused_without_a_status_is_called_a_token(
    popfetch, server, auth, reply
):
    def act(session, line):
        session.send(b"+ \r\n")
        session.read_line()
        session.send(reply)

    pop = server([mail()], mechanisms=(auth.upper(),)).on("AUTH", act)
    result = popfetch.account(server=pop, auth=auth, password="stale-token-1234")()
    assert result.status == os.EX_NOPERM, result
    assert "login refused, get a new token: server said: " in result.stderr, result
    assert "password" not in result.stderr, result


def test_a_token_of_64_kib_passes(popfetch, server):
    token = ("Az09-._~+/" * 6554)[:65536]
    pop = server([mail()], mechanisms=("XOAUTH2",), token=token)
    script = popfetch.script(f"printf '%s\\nsecond line\\n' {token}")
    assert popfetch.account(server=pop, auth="xoauth2", password_command=script)().status == 0
    assert same(popfetch.maildir(), pop.wires())


@pytest.mark.parametrize(
    "mechanisms, caps, chosen",
    [
        (("PLAIN", "LOGIN"), ("USER", "UIDL", "TOP"), "AUTH PLAIN"),
        (("LOGIN",), ("USER", "UIDL", "TOP"), "AUTH LOGIN"),
        (("GSSAPI", "NTLM", "plain"), ("USER", "UIDL", "TOP"), "AUTH PLAIN"),
        (("XOAUTH2",), ("USER", "UIDL", "TOP"), "USER jane"),
        ((), ("USER", "UIDL", "TOP"), "USER jane"),
        ((), ("UIDL", "TOP"), "USER jane"),
        (tuple(f"X-{n}" for n in range(60)) + ("PLAIN",), ("USER", "UIDL", "TOP"), "AUTH PLAIN"),
    ],
)
def test_auto_takes_the_strongest_that_is_offered(popfetch, server, mechanisms, caps, chosen):
    pop = server([mail()], mechanisms=mechanisms, caps=caps)
    result = popfetch.account(server=pop)()
    if caps == ("UIDL", "TOP") and result.status:
        assert result.status in (
            os.EX_UNAVAILABLE,
            os.EX_CONFIG,
        )  # neither USER nor SASL: saying so is fine too
        return
    assert result.status == 0, result
    assert login_lines(pop)[0].startswith(chosen)


def test_a_server_without_capa_gets_user_and_pass(popfetch, server):
    pop = server([mail()], caps=None)
    assert popfetch.account(server=pop)().status == 0
    assert login_lines(pop) == ["USER jane", "PASS " + PASSWORD]


@pytest.mark.parametrize("auth", ["plain", "login", "apop", "xoauth2"])
def test_a_mechanism_that_was_chosen_is_never_replaced_by_another(popfetch, server, auth):
    pop = server([mail()], mechanisms=("X-UNKNOWN",))
    result = popfetch.account(server=pop, auth=auth)()
    assert result.status in (os.EX_UNAVAILABLE, os.EX_NOPERM, os.EX_CONFIG), result
    assert "work" in result.stderr
    assert (
        PASSWORD.encode() not in pop.last.sent
        and encoded(PASSWORD)[:12].encode() not in pop.last.sent
    )
    assert not pop.commands("USER") and not pop.commands("PASS")


def test_no_second_mechanism_is_tried_with_a_refused_password(popfetch, server):
    pop = server([mail()], mechanisms=("PLAIN", "LOGIN"), apop=True, users={"jane": "another"})
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_NOPERM, result
    assert len(pop.commands("AUTH") + pop.commands("USER") + pop.commands("APOP")) == 1
    assert len(pop.connections) == 1


def test_a_long_secret_goes_in_an_exchange_of_its_own(popfetch, server):
    secret = "p" * 400
    pop = server([mail()], mechanisms=("PLAIN",), users={"jane": secret})
    assert popfetch.account(server=pop, auth="plain", password=secret)().status == 0
    assert login_lines(pop) == ["AUTH PLAIN", encoded(f"\0jane\0{secret}")]


def test_no_line_is_longer_than_the_standard_allows(popfetch, server):
    secret = "p" * 400
    pop = server([mail()], mechanisms=(), users={"jane": secret})
    result = popfetch.account(server=pop, auth="user", password=secret)()
    assert result.status == os.EX_CONFIG, result
    assert not pop.commands("PASS") and secret not in result.output


@pytest.mark.parametrize(
    "name", ["recent:jane@gmail.com", "DOMAIN\\jane", "jane doe", "jäne", "a" * 200]
)
def test_a_login_name_is_sent_unchanged(popfetch, server, name):
    pop = server([mail()], mechanisms=("PLAIN",), users={name: PASSWORD})
    assert popfetch.account(server=pop, user=name)().status == 0
    assert pop.logins == [name]


@pytest.mark.parametrize(
    "secret",
    [
        "two words ",
        "\ttab",
        'quote"$HOME`',
        "back\\slash",
        "it's",
        "ünï",
        "%s%n",
        "=",
        "#no comment",
    ],
)
@pytest.mark.parametrize("auth", ["user", "plain"])
def test_a_password_is_sent_verbatim(popfetch, server, secret, auth):
    pop = server([mail()], users={"jane": secret})
    assert popfetch.account(server=pop, auth=auth, password=secret)().status == 0, login_lines(pop)


def test_an_empty_challenge_may_lack_its_blank(popfetch, server):
    pop = server([mail()], mechanisms=("XOAUTH2",))

    def plus(session, line):
        session.send(b"+\r\n")
        session.read_line()
        session._login("jane", PASSWORD)
        session.send(b"+OK\r\n")

    pop.on("AUTH", plus)
    assert popfetch.account(server=pop, auth="xoauth2", password=TOKEN)().status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_plus_err_is_a_refusal(popfetch, server):
    pop = server([mail()]).on("AUTH PLAIN", b"+ERR go away\r\n")
    result = popfetch.account(server=pop, auth="plain")()
    assert result.status == os.EX_NOPERM, result


@pytest.mark.parametrize("challenge", [b"+ !!!!\r\n", b"+ AAA\r\n", b"+ A=AA\r\n"])
def test_a_challenge_that_is_no_base64_ends_the_exchange(popfetch, server, challenge):
    pop = server([mail()], mechanisms=("LOGIN",))

    def garble(session, line):
        session.send(challenge)
        session.read_line()
        session.send(b"-ERR\r\n")

    pop.on("AUTH", garble)
    result = popfetch.account(server=pop, auth="login")()
    assert result.status == os.EX_PROTOCOL, result
    assert login_lines(pop) == ["AUTH LOGIN", "*"]


def test_an_endless_exchange_is_given_up(popfetch, server):
    pop = server([mail()], mechanisms=("LOGIN",))

    def more(session, line):
        for _ in range(1000):
            session.send(b"+ VXNlcm5hbWU6\r\n")
            session.read_line()
        session.send(b"+OK\r\n")

    pop.on("AUTH", more)
    result = popfetch.account(server=pop, auth="login")()
    assert result.status in (os.EX_PROTOCOL, os.EX_NOPERM), result
    assert len(pop.commands()) < 50


@pytest.mark.parametrize(
    "reply, status",
    [
        (b"-ERR who?\r\n", os.EX_NOPERM),
        (b"+ok\r\n", os.EX_PROTOCOL),
        (b"+ more\r\n", os.EX_PROTOCOL),
    ],
)
def test_the_password_is_sent_only_after_a_good_answer_to_user(popfetch, server, reply, status):
    pop = server([mail()], mechanisms=()).on("USER", reply)
    result = popfetch.account(server=pop, auth="user")()
    assert result.status == status, result
    assert not pop.commands("PASS")


# What a refusal means.


@pytest.mark.parametrize(
    "reply, status",
    [
        ("-ERR [AUTH] wrong", os.EX_NOPERM),
        ("-ERR wrong", os.EX_NOPERM),
        ("-ERR [IN-USE] Do you have another POP session running?", os.EX_TEMPFAIL),
        ("-ERR [LOGIN-DELAY] minimum time between mail checks violation", os.EX_TEMPFAIL),
        ("-ERR [login-delay] lower case", os.EX_TEMPFAIL),
        ("-ERR [SYS/TEMP] come back", os.EX_TEMPFAIL),
        ("-ERR [SYS/PERM] POP is switched off", os.EX_UNAVAILABLE),
        ("-ERR maildrop lock busy! Is another session active?", os.EX_TEMPFAIL),
        ("-ERR mailbox in use", os.EX_TEMPFAIL),
        ("-ERR maildrop already locked", os.EX_TEMPFAIL),
        ("-ERR Cannot open mailbox, please try again later", os.EX_TEMPFAIL),
    ],
)
@pytest.mark.parametrize("auth", ["user", "plain"])
def test_a_refused_login_is_classified(popfetch, server, reply, status, auth):
    pop = server([mail()]).on("PASS", reply.encode() + b"\r\n").on("AUTH", reply.encode() + b"\r\n")
    result = popfetch.account(server=pop, auth=auth)("-v")
    assert result.status == status, result
    assert "popfetch: work: " in result.stderr
    assert popfetch.maildir() == []
    is_refused = status == os.EX_NOPERM
    assert ("login refused, check user name and password: " in result.stderr) == is_refused, result


def test_after_refused_logins_the_server_is_left_in_peace(popfetch, server):
    pop = server([mail()], users={"jane": "changed"})
    popfetch.account(server=pop)
    results = [popfetch() for _ in range(6)]
    assert all(result.status == os.EX_NOPERM for result in results), results
    assert len(pop.all_commands("AUTH") + pop.all_commands("PASS")) < 6


def test_a_changed_password_is_tried_at_once(popfetch, server):
    pop = server([mail()], users={"jane": "changed"})
    popfetch.account(server=pop)
    for _ in range(6):
        popfetch()
    popfetch.accounts["work"]["password"] = "changed"
    result = popfetch("-v")
    assert result.status == 0, result
    assert same(popfetch.maildir(), pop.wires())


def attempts(pop):
    return len(pop.all_commands("AUTH") + pop.all_commands("PASS"))


def by_password(popfetch):
    return {}


def by_file(popfetch):
    file = popfetch.home / "secret"
    file.write_text(PASSWORD + "\n")
    file.chmod(0o600)
    return {"password_file": "~/secret"}


def by_command(popfetch):
    return {"password_command": ["echo", PASSWORD]}


def by_netrc(popfetch):
    file = popfetch.home / ".netrc"
    file.write_text(f"machine localhost login jane password {PASSWORD}\n")
    file.chmod(0o600)
    return {"password": None}


def refused(popfetch, server, give=by_password, **options):
    """An account in the pause after a refused login."""
    pop = server([mail()], users={"jane": "changed"}, **options)
    popfetch.account(server=pop, **give(popfetch))
    assert popfetch().status == os.EX_NOPERM
    connections = len(pop.connections)
    result = popfetch()
    assert result.status == os.EX_NOPERM and result.output == "", result
    assert len(pop.connections) == connections
    return pop


@pytest.mark.parametrize(
    "change",
    [{"auth": "user"}, {"insecure_auth": True}, {"tls_min_version": "1.3"}, {"keep": "14 days"}],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("give", [by_password, by_file, by_command, by_netrc])
def test_a_changed_configuration_ends_the_pause(popfetch, server, give, change):
    pop = refused(popfetch, server, give)
    before = attempts(pop)
    popfetch.accounts["work"].update(change)
    assert popfetch().status == os.EX_NOPERM
    assert attempts(pop) > before


@pytest.mark.parametrize(
    "give, name",
    [
        (by_password, ".config/popfetch/popfetch.conf"),
        (by_file, "secret"),
        (by_command, ".config/popfetch/popfetch.conf"),
        (by_netrc, ".netrc"),
    ],
)
@pytest.mark.parametrize("how", ["touched", "replaced"])
def test_a_file_that_is_touched_or_replaced_ends_the_pause(popfetch, server, give, name, how):
    pop = refused(popfetch, server, give)
    before = attempts(pop)
    file = popfetch.home / name
    if how == "touched":
        os.utime(file)
    else:
        copy = file.with_name("copy")
        shutil.copy2(file, copy)
        copy.replace(file)
    assert popfetch().status == os.EX_NOPERM
    assert attempts(pop) > before
    connections = len(pop.connections)
    popfetch()
    assert len(pop.connections) == connections, "and a pause follows again"


def test_a_changed_file_that_is_included_ends_the_pause(popfetch, server):
    more = popfetch.home / ".config/popfetch/more"
    more.write_text("keep = '14 days'\n")
    pop = server([mail()], users={"jane": "changed"})
    popfetch.account(server=pop)
    popfetch.write(popfetch.text().replace("received_header", "include('more')\nreceived_header"))
    for _ in range(2):
        assert popfetch().status == os.EX_NOPERM
    assert attempts(pop) == 1
    more.write_text("keep = '15 days'\n")
    assert popfetch().status == os.EX_NOPERM
    assert attempts(pop) == 2


def test_another_account_named_or_not_changes_nothing_of_the_pause(popfetch, server):
    pop = refused(popfetch, server)
    other = server([mail("other")])
    before = attempts(pop)
    popfetch.account("other", other)
    popfetch("other")  # the configuration is another one now
    assert attempts(pop) == before
    assert popfetch().status == os.EX_NOPERM and attempts(pop) > before
    before = attempts(pop)
    assert popfetch("other").status == 0
    assert popfetch().status == os.EX_NOPERM and attempts(pop) == before


def test_looking_for_mail_keeps_the_pause_too(popfetch, server):
    pop = server([mail("one")], users={"jane": "other"})
    popfetch.account(server=pop)
    assert popfetch().status == os.EX_NOPERM
    connections = len(pop.connections)
    for _ in range(3):
        assert popfetch("--check").status == os.EX_NOPERM
    assert len(pop.connections) == connections


def test_who_names_the_account_tries_in_the_pause(popfetch, server):
    pop = refused(popfetch, server)
    before = attempts(pop)
    result = popfetch("work")
    assert result.status == os.EX_NOPERM and "login refused" in result.stderr, result
    assert attempts(pop) > before
    pop.users = {"jane": PASSWORD}
    assert popfetch().status == os.EX_NOPERM, "the pause is longer now"
    assert popfetch("work").status == 0
    assert popfetch().status == 0, "no pause any more"
    assert same(popfetch.maildir(), pop.wires())


def test_pauses_double_from_15_minutes_to_6_hours(popfetch, server):
    pop = refused(popfetch, server)
    for minutes in (15, 30, 60, 120, 240, 360, 360):
        seconds, before = minutes * 60, attempts(pop)
        popfetch.sql(
            "update fact set value = value - ? where name = 'login_next_try'", seconds - 30
        )
        assert popfetch().status == os.EX_NOPERM and attempts(pop) == before, minutes
        popfetch.sql("update fact set value = value - 30 where name = 'login_next_try'")
        assert popfetch().status == os.EX_NOPERM and attempts(pop) > before, minutes


@pytest.mark.parametrize("give", [by_password, by_file, by_command, by_netrc])
def test_nothing_of_a_secret_is_in_the_state(popfetch, server, give):
    """Not even in a digest, from which a short one could be guessed: two secrets, in files that
    are the same otherwise, leave the same fingerprint."""
    popfetch.account(server=server([mail()], users={"jane": "changed"}), **give(popfetch))
    files = [popfetch.home / name for name in (".netrc", "secret")] + [popfetch.configuration]
    prints = []
    for secret in (PASSWORD, PASSWORD[::-1]):
        if give is by_command:
            popfetch.accounts["work"]["password_command"] = ["echo", secret]
        if give is by_password:
            popfetch.accounts["work"]["password"] = secret
        popfetch("-n")  # writes the configuration
        for file in filter(Path.exists, files):
            file.write_text(file.read_text().replace(PASSWORD, secret))
            os.utime(file, (1.7e9, 1.7e9))
        assert popfetch("work").status == os.EX_NOPERM
        prints += popfetch.sql("select value from fact where name = 'login_fingerprint'")
    assert prints[0] == prints[1] and len(prints[0][0]) == 64


def test_login_delay_is_honoured_quietly(popfetch, server):
    pop = server([mail()], caps=("TOP", "UIDL", "USER", "RESP-CODES", "LOGIN-DELAY 300"))
    popfetch.account(server=pop)
    assert popfetch().status == 0
    pop.add(mail("two"))
    result = popfetch()
    assert result.stderr == "", result
    assert len(pop.logins) == 1, "the second login comes 300 seconds later, not at once"
    popfetch.sql("update fact set value = value - 300 where name = 'last_login'")
    assert popfetch().status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_who_names_the_account_does_not_wait_for_login_delay(popfetch, server):
    pop = server([mail()], caps=("TOP", "UIDL", "USER", "RESP-CODES", "LOGIN-DELAY 300"))
    assert popfetch.account(server=pop)().status == 0
    pop.add(mail("two"))
    assert popfetch("work").status == 0
    assert same(popfetch.maildir(), pop.wires())


def test_the_login_delay_of_this_user_counts(popfetch, server):
    """LOGIN-DELAY with the argument USER: the true value comes after the login."""
    pop = server(
        [mail()],
        caps=("TOP", "UIDL", "USER", "LOGIN-DELAY 1 USER"),
        caps_after_login=("TOP", "UIDL", "USER", "LOGIN-DELAY 300"),
    )
    assert popfetch.account(server=pop)().status == 0
    assert popfetch.sql("select value from fact where name = 'login_delay'") == [(300,)]
    assert popfetch().status == 0 and len(pop.logins) == 1


# No secret in the clear.


@pytest.mark.parametrize("auth", ["auto", "user", "plain", "login", "xoauth2", "oauthbearer"])
def test_an_open_line_never_carries_a_secret(popfetch, server, outside_address, auth):
    pop = server(
        [mail()],
        tls="off",
        address=outside_address,
        mechanisms=("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"),
    )
    result = popfetch.account(server=pop, host=outside_address, auth=auth)()
    assert result.status in (os.EX_CONFIG, os.EX_UNAVAILABLE), result
    assert "work" in result.stderr
    assert login_lines(pop) == []


def test_an_open_line_carries_it_if_the_account_says_so(popfetch, server, outside_address):
    pop = server([mail()], tls="off", address=outside_address)
    result = popfetch.account(server=pop, host=outside_address, insecure_auth=True)()
    assert result.status == 0, result
    assert same(popfetch.maildir(), pop.wires())


def test_an_open_line_may_use_apop(popfetch, server, outside_address):
    pop = server([mail()], tls="off", address=outside_address, apop=True)
    result = popfetch.account(server=pop, host=outside_address)()
    assert result.status == 0, result
    assert login_lines(pop)[0].startswith("APOP ")


def test_the_loopback_is_no_open_line(popfetch, server):
    pop = server([mail()], tls="off")
    assert popfetch.account(server=pop, host="127.0.0.1")().status == 0
    assert same(popfetch.maildir(), pop.wires())


# No secret anywhere else.


@pytest.mark.parametrize("auth", ["user", "plain", "login", "apop", "xoauth2", "oauthbearer"])
@pytest.mark.parametrize("right", [True, False])
def test_what_is_shown_with_vv_has_no_secret_in_it(popfetch, server, auth, right):
    secret = TOKEN if "oauth" in auth else PASSWORD
    if not right:
        secret = "Wr0ng-" + secret
    pop = server([mail()], mechanisms=("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"), apop=True)
    result = popfetch.set(log="~/log").account(server=pop, auth=auth, password=secret)("-vv")
    assert result.status == (0 if right else os.EX_NOPERM), result
    shown = result.output + (popfetch.home / "log").read_text()
    forms = [
        secret,
        encoded(secret),
        encoded(f"\0jane\0{secret}"),
        encoded(f"user=jane\x01auth=Bearer {secret}\x01\x01"),
        hashlib.md5(secret.encode()).hexdigest(),
    ]
    forms += [
        line.split(" ")[-1]
        for line in login_lines(pop)
        if line.split(" ")[-1]
        not in ("jane", "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", encoded("jane"))
        and len(line.split(" ")[-1]) > 5
    ]
    for form in forms:
        assert form not in shown
    assert "***" in result.output
    for file in popfetch.state_dir.iterdir():
        assert secret.encode() not in file.read_bytes()


def has_no_secret(popfetch, result, secret, sent):
    shown = result.output + (popfetch.home / "log").read_text() + popfetch("--status").output
    assert sent and secret not in shown and sent[-1].decode() not in shown
    for file in popfetch.state_dir.iterdir():
        assert secret.encode() not in file.read_bytes()


def secret_in(line, secret):
    """Is it part of this line of a login, in whatever form?"""
    try:
        decoded = base64.b64decode(line.split()[-1])
    except ValueError:
        decoded = b""
    return secret.encode() in line + decoded


@pytest.mark.parametrize("auth", ["user", "plain", "login", "xoauth2", "oauthbearer"])
@pytest.mark.parametrize("form", ["as it is", "as it was sent"])
def test_a_secret_that_the_server_repeats_is_not_shown(popfetch, server, auth, form):
    secret = TOKEN if "oauth" in auth else PASSWORD
    sent = []

    def repeat(session, line):
        session.reply(line)
        sent.append(session.connection.lines[-1].split()[-1])
        text = secret.encode() if form == "as it is" else sent[-1]
        session.send(b"-ERR bad password " + text + b" for jane\r\n")

    pop = server([mail()], mechanisms=("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"))
    pop.on("PASS", repeat).on("AUTH", repeat)
    result = popfetch.set(log="~/log").account(server=pop, auth=auth, password=secret)("-vv")
    assert result.status == os.EX_NOPERM and "login refused" in result.stderr, result
    has_no_secret(popfetch, result, secret, sent)


@pytest.mark.parametrize("auth", ["user", "plain", "login", "xoauth2"])
@pytest.mark.parametrize("form", ["as it is", "as it was sent"])
@pytest.mark.parametrize(
    "command, reply",
    [
        ("STAT", b"-ERR unknown command PASS %s\r\n"),
        ("STAT", b"+OK %s\r\n"),
        ("UIDL", b"+OK\r\n1 a\r\nPASS %s\r\n.\r\n"),
        ("UIDL", b"PASS %s\r\n"),
        ("RETR", b"-ERR [SYS/PERM] PASS %s\r\n"),
        ("DELE", b"-ERR %s\r\n"),
        ("QUIT", b"-ERR %s\r\n"),
    ],
)
def test_nor_is_one_that_is_repeated_later(popfetch, server, auth, form, command, reply):
    secret = TOKEN if "oauth" in auth else PASSWORD
    sent = []

    def repeat(session, line):
        login = next(c for c in reversed(session.connection.lines) if secret_in(c, secret))
        sent.append(login.split()[-1])
        session.send(reply % (secret.encode() if form == "as it is" else sent[-1]))

    pop = server([mail()], mechanisms=("PLAIN", "LOGIN", "XOAUTH2")).on(command, repeat)
    popfetch.set(log="~/log").account(server=pop, auth=auth, password=secret, keep="no")
    has_no_secret(popfetch, popfetch("-vv"), secret, sent)


@pytest.mark.parametrize("uidl", [True, False])
def test_numbers_that_are_the_password_by_chance_are_understood(popfetch, server, uidl):
    caps = ("TOP", "USER") + ("UIDL",) * uidl
    pop = server([mail("one")], users={"jane": "1234"}, uidl=uidl, caps=caps)
    pop.mailbox.messages[0].listed = 12345
    popfetch.account(server=pop, password="1234", keep="no")
    assert popfetch().status == 0
    assert len(popfetch.maildir()) == 1 and not pop.left()


def test_a_status_in_a_listing_that_repeats_the_password_is_out_of_step(popfetch, server):
    listing = b"+OK\r\n-ERR what is %s\r\n1 uid-000001\r\n.\r\n" % PASSWORD.encode()
    pop = server([mail("one")]).on("UIDL", say(listing))
    result = popfetch.account(server=pop, keep="no")("-v")
    assert result.status == os.EX_PROTOCOL and PASSWORD not in result.output, result
    assert len(pop.left()) == 1


@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])
@pytest.mark.parametrize(
    "challenge",
    [
        "%s",
        '{"status":"%s"}',
        '{"status":"401","error_description":"%s is old"}',
        '{"status":"\\u0079%.0s' + TOKEN[1:] + '"}',
    ],
)
def test_a_token_that_a_challenge_repeats_is_not_shown(popfetch, server, auth, challenge):
    def repeat(session, line):
        session.send(b"+ \r\n")
        sent.append(session.read_line().strip())
        text = sent[-1] if challenge == "%s" else encoded(challenge % TOKEN).encode()
        session.send(b"+ " + text + b"\r\n")
        session.read_line()
        session.send(b"-ERR [AUTH] refused\r\n")

    sent = []
    pop = server([mail()], mechanisms=(auth.upper(),)).on("AUTH", repeat)
    result = popfetch.set(log="~/log").account(server=pop, auth=auth, password=TOKEN)("-vv")
    assert result.status == os.EX_NOPERM and "login refused" in result.stderr, result
    has_no_secret(popfetch, result, TOKEN, sent)


def test_no_process_shows_the_secret_to_ps(popfetch, server):
    pop = server([mail()]).on("STAT", hang)
    popfetch.account(server=pop, password_command=popfetch.script(f"echo {PASSWORD}"))
    process = popfetch.start()
    wait_until(lambda: pop.commands("STAT"), process)
    seen = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getpgid(int(pid)) != process.pid:
                continue
            seen += 1
            for name in ("cmdline", "environ"):
                with open(f"/proc/{pid}/{name}", "rb") as f:
                    assert PASSWORD.encode() not in f.read()
        except (OSError, ProcessLookupError):
            pass
    assert seen >= 2


# Where secrets come from.


def test_a_password_file(popfetch, server):
    pop = server([mail()])
    file = popfetch.home / "secret"
    file.write_text(PASSWORD + "\n")
    file.chmod(0o600)
    assert popfetch.account(server=pop, password_file="~/secret")().status == 0
    file.chmod(0o644)
    pop.add(mail("two"))
    result = popfetch()
    assert result.status == os.EX_CONFIG, result
    assert "secret" in result.stderr and len(pop.logins) == 1


def test_a_password_file_that_is_not_there(popfetch, server):
    pop = server([mail()])
    result = popfetch.account(server=pop, password_file="~/absent")()
    assert result.status == os.EX_CONFIG, result
    assert "absent" in result.stderr and "No such file" in result.stderr
    assert pop.connections == [] or not login_lines(pop)


def test_a_password_command_gives_its_first_line(popfetch, server):
    pop = server([mail()])
    script = popfetch.script(f"echo {PASSWORD}; echo login: jane; echo url: x")
    assert popfetch.account(server=pop, password_command=script)().status == 0


def test_a_password_command_is_run_without_a_shell_and_without_input(popfetch, server):
    pop = server([mail()])
    script = popfetch.script(
        'printf "%s|" "$@" > "$HOME/arguments"; cat > "$HOME/input"; echo ' + PASSWORD
    )
    arguments = ["$HOME", "; touch x", "a b", "*", ""]
    assert popfetch.account(server=pop, password_command=script + arguments)().status == 0
    assert (popfetch.home / "arguments").read_text() == "".join(a + "|" for a in arguments)
    assert (popfetch.home / "input").read_text() == ""


@pytest.mark.parametrize(
    "text, status",
    [("exit 3", os.EX_TEMPFAIL), ("true", os.EX_TEMPFAIL), ("kill -9 $$", os.EX_TEMPFAIL)],
)
def test_a_password_command_that_fails(popfetch, server, text, status):
    pop = server([mail()])
    result = popfetch.account(server=pop, password_command=popfetch.script(f"{text}", "teller"))(
        "-v"
    )
    assert result.status == status, result
    assert "teller" in result.stderr
    assert not pop.connections or not login_lines(pop)


def test_a_password_command_that_is_not_there(popfetch, server):
    pop = server([mail()])
    result = popfetch.account(server=pop, password_command=["no-such-teller"])()
    assert result.status == os.EX_CONFIG, result
    assert "no-such-teller" in result.stderr and "No such file" in result.stderr


def test_what_a_failing_password_command_prints_is_not_shown(popfetch, server):
    pop = server([mail()])
    script = popfetch.script(f"echo {PASSWORD}; exit 1")
    result = popfetch.account(server=pop, password_command=script)("-vv")
    assert result.status == os.EX_TEMPFAIL, result
    assert PASSWORD not in result.output


def test_a_password_command_that_hangs_is_ended(popfetch, server):
    pop = server([mail()])
    popfetch.account(
        server=pop,
        password_command=popfetch.script("sleep 60"),
        timeout="1 second",
        session_timeout="2 seconds",
    )
    result = popfetch("-v", timeout=20)
    assert result.status == os.EX_TEMPFAIL and result.seconds < 15, result


@pytest.mark.parametrize(
    "text",
    [
        "machine localhost login jane password {}\n",
        "machine other login jane password x\nmachine localhost\n login jane\n password {}\n",
        "machine localhost login joe password x\nmachine localhost login jane password {}\n",
        "default login jane password {}\n",
    ],
)
def test_netrc(popfetch, server, text):
    pop = server([mail()])
    netrc = popfetch.home / ".netrc"
    netrc.write_text(text.format(PASSWORD))
    netrc.chmod(0o600)
    result = popfetch.account(server=pop, password=None)()
    assert result.status == 0, result
    assert same(popfetch.maildir(), pop.wires())


def test_a_netrc_that_others_may_read_is_not_used(popfetch, server):
    pop = server([mail()])
    netrc = popfetch.home / ".netrc"
    netrc.write_text(f"machine localhost login jane password {PASSWORD}\n")
    netrc.chmod(0o644)
    result = popfetch.account(server=pop, password=None)()
    assert result.status == os.EX_CONFIG, result
    assert ".netrc" in result.stderr
    assert pop.logins == []


def test_without_a_password_and_a_terminal_it_is_an_error(popfetch, server):
    pop = server([mail()])
    result = popfetch.account(server=pop, password=None)()
    assert result.status == os.EX_CONFIG, result
    assert "work" in result.stderr and "password" in result.stderr
    assert pop.logins == []


def test_a_missing_password_is_asked_for_on_the_terminal_and_not_echoed(popfetch, server):
    one, two = server([mail("one")]), server([mail("two")], users={"joe": "other secret"})
    popfetch.account("a", one, password=None).account("b", two, password=None, user="joe")
    result = popfetch.on_terminal(
        typed=[("assword", PASSWORD + "\n"), ("assword", "other secret\n")]
    )
    assert result.status == 0, result
    assert PASSWORD not in result.stdout and "other secret" not in result.stdout
    assert same(popfetch.maildir() + popfetch.maildir("Maildir-b"), one.wires() + two.wires())


def test_an_account_uses_its_own_kind_of_secret_not_an_inherited_one(popfetch, server):
    pop = server([mail()])
    popfetch.defaults.update(password_command=["false"])
    assert popfetch.account(server=pop)().status == 0


def test_a_password_from_a_configuration_in_single_quotes_is_taken_literally(popfetch, server):
    secret = "a${HOME}b\\n"
    pop = server([mail()], users={"jane": secret})
    popfetch.account(server=pop, password=Raw("'a${HOME}b\\n'"))
    assert popfetch().status == 0


def test_a_silent_server_during_login_is_given_up(popfetch, server):
    pop = server([mail()], mechanisms=()).on("PASS", silence)
    result = popfetch.account(server=pop, timeout="1 second")("-v")
    assert result.status == os.EX_TEMPFAIL and result.seconds < 10, result


def test_login_texts_of_the_server_are_shown_safely(popfetch, server):
    pop = server([mail()]).on("AUTH", say(b"-ERR [AUTH] \x1b]0;owned\x07 \xe2\x80\xae evil\r\n"))
    result = popfetch.account(server=pop)()
    assert result.status == os.EX_NOPERM
    assert (
        "\x1b" not in result.output
        and "\x07" not in result.output
        and "\u202e" not in result.output
    )
    assert "evil" in result.stderr


# What is said behind a login.


def test_a_server_that_lists_no_methods_to_those_who_have_logged_in(popfetch, server):
    """How to log in is what it said before; else the second run would not get in."""

    def capa(session, line):
        lines = b"UIDL\r\nTOP\r\n" if session.logged_in else b"SASL PLAIN\r\nUIDL\r\nTOP\r\n"
        session.send(b"+OK\r\n" + lines + b".\r\n")

    pop = server([mail()]).on("CAPA", capa)
    pop.on("USER", say(b"-ERR [AUTH] plaintext disabled\r\n"))
    popfetch.account(server=pop)
    for _ in range(3):
        result = popfetch()
        assert result.status == 0, result
    assert same(popfetch.maildir(), pop.wires())


def test_a_second_answer_to_a_password_that_repeats_it(popfetch, server):
    pop = server([mail()], mechanisms=()).on(
        "PASS", lambda session, line: session.send(b"+OK welcome\r\n-ERR unknown: " + line + b"\r\n")
    )
    popfetch.account(server=pop, auth="user")
    result = popfetch("-vv")
    assert result.status != 0, result
    assert PASSWORD not in result.output, result


def test_a_challenge_that_has_the_password_in_it_by_chance(popfetch, server):
    """'UGFzc3dvcmQ6', which asks for it, has a "cm" in it."""
    pop = server([mail()], mechanisms=("LOGIN",), users={"jane": "cm"})
    popfetch.account(server=pop, auth="login", password="cm")
    result = popfetch()
    assert result.status == 0, result
    assert same(popfetch.maildir(), pop.wires())
