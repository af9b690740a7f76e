# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Messages of many kinds, and in what form each may arrive.

A letter is what a server hands out, with CRLF line ends. No two are equal, but for copies that a
world makes on purpose: each has a token in its body, most have one in their header.
"""

import re

STABLE = ("message-id", "date", "from", "to", "subject")
READERS = ("status", "x-status", "x-keywords", "x-uid", "x-imap", "x-imapbase", "content-length")
UNSTABLE = ("status", "x-status", "x-uidl", "x-keywords")


class Letter:
    """`fields` are pairs of name and value; a server that marks subjects shows `top_fields`."""

    def __init__(self, token, kind, fields, body, first=b"", newline=b"\r\n"):
        self.token, self.kind = token, kind
        self.fields, self.top_fields = fields, fields
        self.first, self.newline = first, newline
        self.raw = self._wire(fields) + self._rest(body)
        self.key = stable(fields)

    def _wire(self, fields):
        lines = [name + b": " + value + self.newline for name, value in fields]
        return self.first + b"".join(lines)

    def _rest(self, body):
        if body is None:  # a header without an end
            return b""
        return self.newline + body if self.fields else body

    def mark(self, word):
        """A filter in front of the server marks the subject in RETR, not in TOP."""
        fields = [(n, word + v if n.lower() == b"subject" else v) for n, v in self.fields]
        if fields != self.fields:
            rest = self.raw[len(self._wire(self.fields)) :]
            self.fields = fields
            self.raw = self._wire(fields) + rest
            self.key = stable(fields)

    def top(self):
        return self._wire(self.top_fields) + self.newline

    def is_marked(self):
        return self.fields != self.top_fields

    def texts(self):
        """As it may arrive in a Maildir or at an MDA. What becomes of an mbox line at the very top
        is up to the program, as long as no other byte is lost."""
        text = self.raw.replace(b"\r\n", b"\n")
        yield text
        if self.first:
            yield text.partition(b"\n")[2]

    def mbox_texts(self):
        if not self.raw:
            yield b"\n"  # a header has an end there
        for text in self.texts():
            yield quoted(without_readers(text))
            if text.startswith(b">From "):
                yield quoted(without_readers(text[1:]))

    def __repr__(self):
        return f"{self.token}({self.kind}, {len(self.raw)})"


def stable(fields):
    """What header digests are made of, by the manual: equal for messages that look alike."""
    clean = [(n.lower().decode(), b" ".join(v.split())) for n, v in fields]
    if any(name == "message-id" for name, _ in clean):
        return tuple((n, v) for n, v in clean if n in STABLE)
    return tuple((n, v) for n, v in clean if n not in UNSTABLE)


def without_readers(text):
    header, end, body = text.partition(b"\n\n")
    if text.startswith(b"\n"):
        return text
    lines, is_left_out = [], False
    for line in header.split(b"\n"):
        if not line[:1] in (b" ", b"\t"):
            name = line.partition(b":")[0].strip().lower()
            is_left_out = b":" in line and name.decode("latin-1") in READERS
        if not is_left_out:
            lines.append(line)
    return b"\n".join(lines) + end + body


def quoted(text):
    return re.sub(rb"^(>*From )", rb">\1", text, flags=re.M)


class Writer:
    """Writes the letters of one world."""

    def __init__(self, rng, world):
        self.rng, self.world, self.count = rng, world, 0
        self.written = []

    def write(self, size=None):
        """One more; of exactly that size, if it can be."""
        self.count += 1
        token = f"t{self.count}"
        if size is not None:
            letter = self._plain(token, size)
        else:
            kind = self.rng.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
            letter = KINDS[kind][1](self, token)
        self.written.append(letter)
        return letter

    # What they are made of.

    def _fields(self, token, subject=None):
        day = self.rng.randint(1, 28)
        return [
            (b"From", b"alice@example.org"),
            (b"To", b"bob@example.org"),
            (b"Date", b"%d Mar 2027 10:00:00 +0000" % day),
            (b"Message-ID", f"<{token}.{self.world}@example.org>".encode()),
            (b"Subject", (subject or f"letter {token}").encode()),
        ]

    def _body(self, token, size):
        line = f"token {token} of world {self.world}\r\n".encode()
        left = max(0, size - len(line))
        rows = (b"abcdefgh" * 8 + b"\r\n") * (left // 66)
        rest = left % 66
        return line + rows + (b"z" * (rest - 2) + b"\r\n" if rest >= 2 else b"")

    def _plain(self, token, size):
        fields = self._fields(token)
        head = sum(len(n) + len(v) + 4 for n, v in fields) + 2
        return Letter(token, "plain", fields, self._body(token, max(0, size - head)))

    def plain(self, token):
        return self._plain(token, self.rng.choice((250, 400, 700, self.rng.randint(300, 2500))))

    def large(self, token):
        return self._plain(token, self.rng.randint(100_000, 180_000))

    def long_line(self, token):
        body = self._body(token, 60) + b"x" * self.rng.randint(5_000, 70_000) + b"\r\nend\r\n"
        return Letter(token, "long line", self._fields(token), body)

    def dots(self, token):
        body = b".\r\n..\r\n" + self._body(token, 60) + b".x\r\n.\r\n...\r\n"
        return Letter(token, "dots", self._fields(token), body)

    def from_lines(self, token):
        body = b"From here\r\n>From there\r\n\r\nFrom a@b Mon Jan  1 00:00:00 2024\r\n"
        return Letter(token, "From lines", self._fields(token), body + self._body(token, 90))

    def from_first(self, token):
        quote = self.rng.choice((b"", b">"))
        first = quote + b"From jane@x.org Mon Jan  1 00:00:00 2024\r\n"
        return Letter(token, "From first", self._fields(token), self._body(token, 80), first)

    def odd_bytes(self, token):
        body = b"\0\0nul\r\n\xff\xfe\r\ncr\rcr\nlf\r\r\n" + self._body(token, 80) + b"\0\r\n"
        fields = self._fields(token, "\u00fc")
        return Letter(token, "odd bytes", fields, body)

    def nul_tail(self, token):
        body = self._body(token, 80) + b"\0" * self.rng.randint(1, 5000) + b"\r\n"
        return Letter(token, "NULs at the end", self._fields(token), body)

    def no_id(self, token):
        fields = [f for f in self._fields(token) if f[0] != b"Message-ID"]
        return Letter(token, "no Message-ID", fields, self._body(token, 200))

    def no_header(self, token):
        return Letter(token, "no header", [], b"\r\n" + self._body(token, 100))

    def no_end(self, token):
        return Letter(token, "no end of header", self._fields(token), None)

    def blank_lines(self, token):
        body = self._body(token, 80) + b"\r\n" * 5
        return Letter(token, "blank lines", self._fields(token), body)

    def cr_cr(self, token):
        body = self._body(token, 80).replace(b"\r\n", b"\r\r\n")
        return Letter(token, "CR CR LF", self._fields(token), body, newline=b"\r\r\n")

    def of_readers(self, token):
        fields = self._fields(token)
        fields[2:2] = [(b"Status", b"RO"), (b"X-UID", b"7"), (b"Content-Length", b"3\r\n 4")]
        fields += [(b"X-Keywords", b"a b"), (b"X-UIDL", b"abc")]
        return Letter(token, "fields of readers", fields, self._body(token, 80))

    def alike(self, token):
        """With the header of an earlier one and another body, maybe as long as that one's."""
        if not self.written:
            return self.plain(token)
        other = self.rng.choice(self.written)
        if not other.fields or other.is_marked() or other.first or other.newline != b"\r\n":
            return self.plain(token)
        size = len(other.raw) if self.rng.random() < 0.4 else self.rng.randint(300, 900)
        head = len(other._wire(other.fields)) + 2
        return Letter(token, "alike", list(other.fields), self._body(token, max(0, size - head)))

    def empty(self, token):
        if any(letter.raw == b"" for letter in self.written):
            return self.plain(token)
        return Letter(token, "empty", [], b"")


KINDS = {
    "plain": (50, Writer.plain),
    "large": (3, Writer.large),
    "long line": (3, Writer.long_line),
    "dots": (4, Writer.dots),
    "From lines": (4, Writer.from_lines),
    "From first": (2, Writer.from_first),
    "odd bytes": (4, Writer.odd_bytes),
    "NULs at the end": (2, Writer.nul_tail),
    "no Message-ID": (6, Writer.no_id),
    "no header": (2, Writer.no_header),
    "no end": (2, Writer.no_end),
    "blank lines": (3, Writer.blank_lines),
    "CR CR LF": (2, Writer.cr_cr),
    "of readers": (4, Writer.of_readers),
    "alike": (8, Writer.alike),
    "empty": (2, Writer.empty),
}
