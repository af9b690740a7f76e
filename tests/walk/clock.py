# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Whether a deletion by age, too early by the true time, is one that the documented rules allow:
the program has nothing but the clock of its computer.

A run whose clock is behind that of the last one or more than 30 days ahead of it deletes nothing
by age, nor does any until one at least 24 hours later, by that same clock; a second gap of no
more than 100 days is such a one. A delivery with a time that cannot be, before the release or in
the future, counts from the first run that sees it under a clock that is not before the release.
"""

DAY_S = 86400
AHEAD_S, AHEAD_AGAIN_S = 30 * DAY_S, 100 * DAY_S
AGREE_S = DAY_S
RELEASED = 1767225600  # as in configure.ac
SLACK_S = 120


class Trust:
    """The clocks that the runs of one account have seen. What a run that failed has noted of its
    clock cannot be known: then both are taken as possible."""

    def __init__(self):
        self.runs = []  # pairs: the clock, and whether it was a clean run

    def note(self, clock, is_clean):
        self.runs.append((clock, is_clean))

    def now(self, clock):
        """A mark for allows()."""
        return clock, len(self.runs)

    def allows(self, mark, keep_s, clock):
        """A deletion at this clock, of what was delivered at that mark?"""
        age = clock - self._counted_from(*mark)
        return age >= keep_s - SLACK_S and not self._is_surely_odd(clock)

    def _counted_from(self, start, index):
        for seen, _ in self.runs[index:]:
            if seen < RELEASED:
                continue
            # a run that was cut short may have written it down
            if start > seen + SLACK_S or start < RELEASED:
                start = seen
        return start

    def _is_surely_odd(self, clock):
        last, waiting, perhaps = [], None, False
        for seen, is_clean in [*self.runs, (clock, True)]:
            odd = bool(last) and all(is_jump(before, seen) for before in last)
            again = perhaps and any(is_regular(before, seen) for before in last)
            if odd:
                waiting, perhaps = seen if is_clean else None, True
            elif waiting is not None and seen - waiting >= AGREE_S - SLACK_S:
                waiting = None
            last = [seen] if is_clean else [*last, seen]
        if again:
            return False
        return odd or (waiting is not None and clock - waiting < AGREE_S - SLACK_S)


def is_jump(before, after):
    return after < before - SLACK_S or after - before > AHEAD_S + SLACK_S


def is_regular(before, after):
    return AHEAD_S - SLACK_S < after - before <= AHEAD_AGAIN_S + SLACK_S
