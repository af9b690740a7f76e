# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What our server may do instead of its duty: functions of (session, line) for PopServer.on().

session.reply(line) is what an honest server would answer.
"""


def say(data):
    """Sends these bytes instead of the reply."""
    return lambda session, line: session.send(data)


def say_and_close(data):
    def act(session, line):
        session.send(data)
        session.close()

    return act


def hang(session, line):
    """Says nothing more until the client leaves."""
    session.wait_for_the_end()


def close(session, line):
    session.close()


def reset(session, line):
    """Ends the connection with RST instead of FIN."""
    session.reset()


def silence(session, line):
    """Leaves this one command without a reply."""


def cut(size, politely=True):
    """The first bytes of the true reply, then the line drops (politely: with close_notify)."""

    def act(session, line):
        session.send(session.reply(line)[:size])
        session.close(politely)

    return act


def stall(size):
    """The first bytes of the true reply, then nothing more."""

    def act(session, line):
        session.send(session.reply(line)[:size])
        session.wait_for_the_end()

    return act


def split(*positions):
    """The true reply in several writes (in TLS: several records)."""

    def act(session, line):
        reply, at = session.reply(line), 0
        for position in [*positions, len(reply)]:
            session.send(reply[at:position])
            at = position

    return act


def drip(step=1, pause=0.0):
    """The true reply, a few bytes a write."""

    def act(session, line):
        reply = session.reply(line)
        for at in range(0, len(reply), step):
            session.send(reply[at : at + step])
            session.pause(pause)

    return act


def forget(session, line):
    """The true reply, but what was sent along behind the command is lost."""
    reply = session.reply(line)
    session.input = b""
    session.send(reply)


def if_more(act):
    """act, if something was sent along behind the command, else the true reply."""

    def look(session, line):
        if session.waiting(0.2):
            session.input = b""
            return act(session, line)
        session.send(session.reply(line))

    return look


def honest(session, line):
    """The true reply."""
    session.send(session.reply(line))


def about(uids, act, otherwise=honest):
    """act, if the command is about this message, or one of these, whatever its number is now."""
    names = [uids] if isinstance(uids, str) else uids

    def look(session, line):
        message = session._find(line.split()[1])
        is_one = message and message.uid.decode() in names
        (act if is_one else otherwise)(session, line)

    return look


def change(function):
    """The true reply after function(reply)."""
    return lambda session, line: session.send(function(session.reply(line)))


def after(seconds):
    """The true reply, late."""

    def act(session, line):
        session.pause(seconds)
        session.send(session.reply(line))

    return act


def replaced(old, new):
    return change(lambda reply: reply.replace(old, new))


def endless(head, piece):
    """A reply without end: the head, then pieces until the client has had enough of them."""

    def act(session, line):
        session.send(head)
        while session.open:
            session.send(piece)

    return act
