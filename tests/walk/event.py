# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""What can happen in one step of a world: mail, other people, time, the configuration; then a run,
and what goes wrong in it."""

import os
import random

from account import DAY_S, Spell
from run import KINDS, Fault, Run
from server import Script

REFUSALS = (b"-ERR cannot read it\r\n", b"-ERR [SYS/TEMP] try again\r\n", b"-ERR [SYS/PERM] no\r\n")
LOGINS = (
    b"-ERR [IN-USE] locked\r\n",
    b"-ERR [AUTH] wrong\r\n",
    b"-ERR no\r\n",
    b"-ERR [SYS/TEMP] later\r\n",
)
HALF_KILL = "half is written, then kill"
ERRORS = ("EIO", "ENOSPC", "EINTR", "EDQUOT", "EACCES")


def step(world):
    rng = world.rng
    before(world)
    mode = rng.choices(list(MODES), [weight for weight, _, _ in MODES.values()])[0]
    if mode == "back" and not world.states_are_newer():
        mode = "fetch"
    run_in_mode(world, mode)


# --- what happens between runs ---


def before(world):
    rng = world.rng
    if world.program != world.tools.program and rng.random() < 0.35:
        world.program = world.tools.program
        world.say("the program is replaced by the new one")
    time_passes(world)
    for account in world.accounts:
        mailbox_changes(world, account)
        if rng.random() < 0.13 and not world.is_calm:
            world.say("  " + account.change(world.inboxes))
    if rng.random() < 0.35:
        reader_comes(world)
    if rng.random() < 0.04 and not world.is_calm:
        world.move_state()


def time_passes(world):
    rng = world.rng
    seconds = rng.choice((60, 300, 300, 3600, 3600, 5 * 3600, DAY_S, DAY_S, 3 * DAY_S, 10 * DAY_S))
    if (rng.random() < 0.04 and not world.is_calm) or world.is_slow:
        seconds = rng.choice((31, 33, 45, 100, 200)) * DAY_S
    world.pass_time(seconds)
    world.say(f"time: +{seconds / 3600:.1f} h")
    if world.skew and rng.random() < 0.5:
        world.skew = 0
        world.say("  the clock is right again")
    elif rng.random() < 0.1 and not world.is_calm:
        world.skew = rng.choice(
            (
                # 1970; to the old program 0 is no time at all
                -world.true + 3600 * world.has_old_program,
                -world.true + 1262304000,  # 2010
                -3 * 3600,
                -2 * DAY_S,
                -20 * DAY_S,
                2 * DAY_S,
                20 * DAY_S,
                50 * DAY_S,
                400 * DAY_S,
                7000 * DAY_S,
            )
        )
        world.say(f"  the clock is wrong by {world.skew / DAY_S:.1f} days")
        if world.skew > 150 * DAY_S:
            forgive_missing(world)


def mailbox_changes(world, account):
    rng, mailbox = world.rng, account.mailbox
    mailbox.turn = world.turn - 1 if world.turn else 0
    if mailbox.items and rng.random() < 0.18:
        gone = rng.sample(mailbox.items, rng.randint(1, min(3, len(mailbox.items))))
        mailbox.remove(gone, "other")
        world.say(f"  {account.name}: others delete {gone}")
    if rng.random() < 0.65:
        count = rng.choices((1, 2, 4, 8, 25, 60), (30, 25, 20, 12, 3, 1))[0]
        world.mail_arrives(account, count)
    if mailbox.items and rng.random() < 0.008 and not world.is_calm:
        item = rng.choice(mailbox.items)
        item.is_poison = True
        world.poison[item] = rng.choice(REFUSALS[::2])  # for ever, and so not [SYS/TEMP]
        world.say(f"  {account.name}: nobody can read {item}: {world.poison[item]}")
    if rng.random() < 0.02:
        mailbox.renumber()
        world.say(f"  {account.name}: all uids are new ones")


def reader_comes(world):
    """To an mbox only while nothing is in doubt: more is not promised there."""
    inbox = world.rng.choice(world.inboxes)
    if inbox.kind == "mbox" and not world.is_settled:
        return
    if inbox.kind == "mbox" and world.rng.random() < 0.3:
        letter = world.writer.write(300)
        world.oracle.add_foreign(letter)
        inbox.append(letter)
        world.say(f"  another program appends {letter} to {inbox}")
        return
    is_cleaner = inbox.kind == "maildir" and world.rng.random() < 0.06 and not world.is_calm
    if is_cleaner and inbox.clean():
        world.say(f"  somebody cleans {inbox}")
        if not world.is_settled:
            world.oracle.forgive(i.letter for a in world.accounts for i in a.mailbox.items)
    count = world.oracle.take(inbox, world.rng)
    if count:
        world.say(f"  a reader of {inbox} takes {count}")


# --- runs ---

MODES = {  # weight, arguments, whether it needs accounts
    "fetch": (74, [], False),
    "verbose": (6, ["-v"], False),
    "named": (5, [], True),
    "all": (2, ["-a"], False),
    "check": (4, ["--check"], False),
    "dry": (4, ["-n"], False),
    "status": (2, ["--status"], False),
    "retry": (1, ["--retry"], True),
    "catch-up": (4, ["--catch-up"], False),
    "list": (3, [], True),  # --catch-up=FILE
    "back": (2, [], False),  # to the old program, which must leave newer states alone
}


def run_in_mode(world, mode):
    rng = world.rng
    _, arguments, is_named = MODES[mode]
    accounts = world.accounts
    if is_named or rng.random() < 0.1:
        accounts = [rng.choice(world.accounts)]
        arguments = [*arguments, accounts[0].name]
    mode = "fetch" if mode in ("verbose", "named") else mode
    run = Run(world, mode, arguments, accounts)
    if mode == "back":
        run.program = world.tools.old
        world.run(run)
        return
    if mode == "list" and not list_some(world, run):
        return
    if not world.is_calm:
        go_wrong(world, run)
    world.run(run)


def go_wrong(world, run):
    rng, mode = world.rng, run.mode
    for account in run.accounts:
        run.scripts[account] = random_script(world, account)
    run.is_mda_planned = plan_mda(world)
    if mode in ("fetch", "all", "catch-up") and rng.random() < 0.36:
        run.fault = random_fault(rng, world)
    if world.disk and mode in ("fetch", "all", "catch-up") and rng.random() < 0.75:
        run.is_cut = True
        if rng.random() < 0.8:
            run.fault = Fault(rng.choice(("any", "any", "rename", "sync", "unlink")),
                              nth_call(rng), rng.choice(("kill", "kill behind")))
        if rng.random() < 0.5:
            run.flush = nth_call(rng)


def list_some(world, run):
    """Some of what is there stands in the list of another program; whether there is any. Not where
    the clock is wrong, which counts their ages, nor where a uid is given to another message before
    it is listed: the list is believed. Nor while one may have come in a run that was killed."""
    rng, account = world.rng, run.accounts[0]
    fit = [i for i in account.mailbox.items if world.oracle.is_surely_new(account, i)]
    if not fit or world.skew or account.mailbox.style["uid"] not in ("numbers", "long"):
        return False
    if run.program != world.tools.program or not world.is_settled:
        return False
    path = os.path.join(world.directory, "uids")
    some = rng.sample(fit, rng.randint(1, len(fit)))
    run.listed = {i: rng.choice((0, rng.randint(0, 40 * 86400))) for i in some}
    with open(path, "wb") as f:
        for item, age in run.listed.items():
            f.write(item.uid + (b" %d" % (run.clock - age) if age else b"") + b"\n")
    run.arguments.insert(0, f"--catch-up={path}")
    return True


def nth_call(rng):
    return min(rng.randint(1, 12) if rng.random() < 0.4 else int(rng.expovariate(1 / 40)) + 1, 400)


def random_fault(rng, world):
    kind = rng.choice(list(KINDS) + ["any"] * 4)
    if rng.random() < 0.6:
        return Fault(kind, nth_call(rng), rng.choice(("kill", "kill behind")))
    if rng.random() < 0.2:
        return Fault("write", nth_call(rng), rng.choice(("half is written", HALF_KILL, HALF_KILL)))
    how = rng.choices(("fails once", "fails from then on", "done, but fails"), (5, 4, 1))[0]
    error = rng.choice(ERRORS)
    if error == "EINTR":
        how, kind = "fails once", rng.choice(("open", "write"))
    elif kind == "rename" and rng.random() < 0.4:
        error, how = "ENOENT", "done, but fails"
    return Fault(kind, nth_call(rng), how, error)


def plan_mda(world):
    """Whether it shall fail."""
    rng, is_planned = world.rng, False
    for inbox in world.inboxes:
        if inbox.kind == "mda" and any(a.inbox is inbox for a in world.accounts):
            letters = ""
            if rng.random() < 0.4:
                fit = "...rldh" if world.disk else "...rRlLdDh"
                letters = "".join(rng.choice(fit) for _ in range(rng.randint(1, 6)))
            inbox.plan(letters)
            if letters:
                world.say(f"  the MDA will: {letters}")
                is_planned = True
    return is_planned


# --- what a server does wrong in a run ---


def poisoned(world, account):
    """A script in which what can never be read cannot be read."""
    script = Script()
    fit = world.poison.items()
    script.unreadable = {i: text for i, text in fit if i in account.mailbox.items}
    return script


def random_script(world, account):
    rng, script = world.rng, poisoned(world, account)
    be_under_a_spell(world, account, script)
    if rng.random() < 0.45:
        return script
    for _ in range(rng.choice((1, 1, 1, 2))):
        FAULTS[rng.choice(list(FAULTS))](script, rng, account, world)
    return script


def be_under_a_spell(world, account, script):
    rng, items = world.rng, account.mailbox.items
    if account.spell is None and items and rng.random() < 0.05:
        hidden = rng.sample(items, rng.randint(1, len(items)))
        account.spell = Spell(world, hidden, rng.randint(2, 4))
    if account.spell is None:
        return
    account.spell.runs -= 1
    account.spell.note(world)
    script.hidden = Hidden(i for i in account.spell.items if i in items)
    script.is_stat_true = not script.hidden
    if account.style["uid"] == "none":  # what is there again before the end is another one, too
        world.oracle.forgive(item.letter for item in script.hidden)
    if account.spell.runs <= 0:
        end_spell(world, account)


def end_spell(world, account):
    if account.spell:
        account.spell.note(world)
        forgive_hidden(world, account, account.spell.items, account.spell.is_long)
        account.spell = None


def forgive_hidden(world, account, items, all_of_them=False):
    """Without a uid, or a header on record, it is another message when it is there again."""
    all_of_them = all_of_them or account.style["uid"] == "none"
    strange = [i for i in items if all_of_them or not i.uid or account.is_bare(i)]
    world.oracle.forgive(item.letter for item in strange)


def forgive_missing(world):
    """What a listing lacked is forgotten 180 days later, by this clock."""
    for account in world.accounts:
        items = account.mailbox.items
        turns = {turn for item in items for turn in item.listings}
        missed = [i for i in items if any(i.is_missing(turn) for turn in turns)]
        world.oracle.forgive(item.letter for item in missed)


def nth_command(rng):
    return rng.randint(1, 9) if rng.random() < 0.5 else int(rng.expovariate(1 / 14)) + 4


def at_command(what):
    def add(script, rng, account, world):
        script.at_command[nth_command(rng)] = what

    return add


def at_byte(script, rng, account, world):
    limit = rng.randint(20, 400) if rng.random() < 0.3 else int(rng.expovariate(1 / 6000)) + 60
    script.at_byte = (limit, rng.choice(("kill", "cut", "cut", "term")))


def lose_quit(script, rng, account, world):
    script.quit = rng.choice(("lost", "lost", "lost undone", "refused", "half"))


def no_deletion(script, rng, account, world):
    script.dele = rng.choice(("vain", "vain", "refused"))


def no_uids(script, rng, account, world):
    """Only where it is known that there are uids: else nobody could know."""
    if account.style["capa"] is not None:
        script.uidl = "refused"


def hide(script, rng, account, world):
    items = account.mailbox.items
    if items:
        script.hidden = Hidden(rng.sample(items, rng.randint(1, len(items))))
        script.is_stat_true = rng.random() < 0.5
        if not script.is_stat_true:
            forgive_hidden(world, account, script.hidden)


class Hidden(set):
    def __repr__(self):
        return f"{sorted(i.letter.token for i in self)}"


def wrong_sum(script, rng, account, world):
    script.stat_off = rng.choice((-100, 1, 7, 5000))


def unreadable(script, rng, account, world):
    items = account.mailbox.items
    if items:
        for item in rng.sample(items, rng.randint(1, min(2, len(items)))):
            script.unreadable[item] = rng.choice(REFUSALS)


def refuse_login(script, rng, account, world):
    script.login = rng.choice(LOGINS)
    if b"[" not in script.login or b"AUTH" in script.login or account.style["capa"] is None:
        account.was_refused = True
    if "RESP-CODES" not in (account.style["capa"] or ["RESP-CODES"]):
        account.was_refused = True


def fall_silent(script, rng, account, world):
    if account.is_impatient:
        script.at_command[nth_command(rng)] = "silence"


def forget_dots(script, rng, account, world):
    script.is_unstuffed = True


def twice(script, rng, account, world):
    script.number_twice = True


def meddle(script, rng, account, world):
    """Others are at work on the mailbox while it is fetched."""
    seed = rng.random()

    def others():
        own, mailbox = random.Random(seed), account.mailbox
        if mailbox.items and own.random() < 0.6:
            mailbox.remove([own.choice(mailbox.items)], "other")
        else:
            world.mail_arrives(account, 1)

    script.meddling.append(Meddling((nth_command(rng), others)))


class Meddling(tuple):
    def __repr__(self):
        return f"at command {self[0]}"


FAULTS = {
    "kill": at_command("kill"),
    "kill after": at_command("kill after"),
    "kill parent": at_command("kill parent"),
    "kill keeper": at_command("kill keeper"),
    "kill courier": at_command("kill courier"),
    "cut": at_command("cut"),
    "term": at_command("term"),
    "refuse": at_command("refuse"),
    "noise": at_command("noise"),
    "at byte": at_byte,
    "at a byte": at_byte,
    "lose QUIT": lose_quit,
    "lose QUIT too": lose_quit,
    "no deletion": no_deletion,
    "no uids": no_uids,
    "hide": hide,
    "wrong sum": wrong_sum,
    "unreadable": unreadable,
    "refuse login": refuse_login,
    "fall silent": fall_silent,
    "forget dots": forget_dots,
    "number twice": twice,
    "meddle": meddle,
}
