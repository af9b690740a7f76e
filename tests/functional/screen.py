# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""As much of a terminal as popfetch uses: what can be read on it at any time.

    screen = Screen(80).feed(bytes)
    screen.lines        all rows from the first one on, also those that have scrolled away
    screen.widest       the highest number of columns that a row has had

What popfetch must not send is an error here.
"""

import codecs
import re
import unicodedata

TOKEN = re.compile(r"\x1b\[(\d*)([AKJ])|([\r\n])|([^\x00-\x1f\x7f-\x9f])")


def width(char):
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


class Screen:
    def __init__(self, columns, rows=24):
        self.columns, self.rows = columns, rows
        self.cells = [[]]  # rows of characters; a wide one has "" behind it
        self.row = self.column = self.widest = 0
        self.decoder = codecs.getincrementaldecoder("utf-8")()  # strict
        self.rest = ""

    def feed(self, data):
        text = self.rest + self.decoder.decode(data)
        at = 0
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                break
            self.take(*match.groups())
            at = match.end()
        self.rest = text[at:]  # the begin of a sequence, or one that is none of ours
        assert re.fullmatch(r"(\x1b(\[\d*)?)?", self.rest), repr(self.rest)
        return self

    def take(self, number, letter, control, char):
        if char:
            self.put(char)
        elif control == "\r":
            self.column = 0
        elif control == "\n":
            self.row += 1
            if self.row == len(self.cells):
                self.cells.append([])
        elif letter == "A":
            top = max(0, len(self.cells) - self.rows)
            self.row = max(top, self.row - int(number or 1))
        else:
            del self.cells[self.row][self.column :]
            if letter == "J":
                del self.cells[self.row + 1 :]

    def put(self, char):
        cells = self.cells[self.row]
        cells += [" "] * (self.column - len(cells))
        cells[self.column : self.column + max(1, width(char))] = [char] + [""] * (width(char) - 1)
        self.column += width(char)
        self.widest = max(self.widest, self.column)
        if self.column >= self.columns:
            self.take(None, None, "\n", None)
            self.column = 0

    @property
    def lines(self):
        return ["".join(cells).rstrip() for cells in self.cells]
