/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "pop3/words.h"

#include <stdbool.h>
#include <string.h>

/* Of several kinds in a text the first one counts.  To try again is what those
 * are told, too, who have mistyped their password. */
enum kind {
	KIND_WRONG_LOGIN,
	KIND_NO_MECHANISM,
	KIND_NOT_UNDERSTOOD,
	KIND_TROUBLE,
	KIND_FAILED,
	KIND_TRY_AGAIN,
	KIND_NONE
};

static const enum words_meaning meanings[] = {
	[KIND_WRONG_LOGIN] = WORDS_WRONG_LOGIN,
	[KIND_NO_MECHANISM] = WORDS_NO_MECHANISM,
	[KIND_NOT_UNDERSTOOD] = WORDS_NOT_UNDERSTOOD,
	[KIND_TROUBLE] = WORDS_TROUBLE,
	[KIND_FAILED] = WORDS_NONE,
	[KIND_TRY_AGAIN] = WORDS_TROUBLE,
	[KIND_NONE] = WORDS_NONE,
};

/*
 * In a pattern a blank stands for one or more blanks or hyphens; "?" for a
 * letter with an accent, in UTF-8, in Latin-1 or written by two letters ("ue");
 * and "*" at the end for the rest of a word.  All else stands for itself.
 */
struct pattern {
	const char *text;
	enum kind kind;
};

static const struct pattern patterns[] = {
	/* a verdict about user or secret */
	{ "invalid login", KIND_WRONG_LOGIN },
	{ "invalid log in", KIND_WRONG_LOGIN },
	{ "invalid user*", KIND_WRONG_LOGIN },
	{ "invalid password", KIND_WRONG_LOGIN },
	{ "invalid credentials", KIND_WRONG_LOGIN },
	{ "invalid account", KIND_WRONG_LOGIN },
	{ "incorrect login", KIND_WRONG_LOGIN },
	{ "incorrect user*", KIND_WRONG_LOGIN },
	{ "incorrect password", KIND_WRONG_LOGIN },
	{ "incorrect credentials", KIND_WRONG_LOGIN },
	{ "wrong login", KIND_WRONG_LOGIN },
	{ "wrong user*", KIND_WRONG_LOGIN },
	{ "wrong password", KIND_WRONG_LOGIN },
	{ "wrong credentials", KIND_WRONG_LOGIN },
	{ "bad login", KIND_WRONG_LOGIN },
	{ "bad user*", KIND_WRONG_LOGIN },
	{ "bad password", KIND_WRONG_LOGIN },
	{ "bad credentials", KIND_WRONG_LOGIN },
	{ "login incorrect", KIND_WRONG_LOGIN },
	{ "login invalid", KIND_WRONG_LOGIN },
	{ "password incorrect", KIND_WRONG_LOGIN },
	{ "password invalid", KIND_WRONG_LOGIN },
	{ "password is incorrect", KIND_WRONG_LOGIN },
	{ "password is invalid", KIND_WRONG_LOGIN },
	{ "password is wrong", KIND_WRONG_LOGIN },
	{ "password mismatch", KIND_WRONG_LOGIN },
	{ "password does not match", KIND_WRONG_LOGIN },
	{ "password failed", KIND_WRONG_LOGIN },
	{ "password expired", KIND_WRONG_LOGIN },
	{ "password has expired", KIND_WRONG_LOGIN },
	{ "temporary password", KIND_WRONG_LOGIN },
	{ "credentials invalid", KIND_WRONG_LOGIN },
	{ "username or password", KIND_WRONG_LOGIN },
	{ "user name or password", KIND_WRONG_LOGIN },
	{ "user or password", KIND_WRONG_LOGIN },
	{ "login or password", KIND_WRONG_LOGIN },
	{ "password or username", KIND_WRONG_LOGIN },
	{ "unknown user", KIND_WRONG_LOGIN },
	{ "user unknown", KIND_WRONG_LOGIN },
	{ "user not found", KIND_WRONG_LOGIN },
	{ "no such user", KIND_WRONG_LOGIN },
	{ "no such mailbox", KIND_WRONG_LOGIN },
	{ "no such account", KIND_WRONG_LOGIN },
	{ "falsches passwort", KIND_WRONG_LOGIN },
	{ "passwort falsch", KIND_WRONG_LOGIN },
	{ "passwort ist falsch", KIND_WRONG_LOGIN },
	{ "kennwort falsch", KIND_WRONG_LOGIN },
	{ "falsches kennwort", KIND_WRONG_LOGIN },
	{ "mot de passe incorrect", KIND_WRONG_LOGIN },
	{ "mot de passe invalide", KIND_WRONG_LOGIN },
	{ "mot de passe erron?", KIND_WRONG_LOGIN },
	{ "password errata", KIND_WRONG_LOGIN },
	{ "credenziali errate", KIND_WRONG_LOGIN },
	{ "contrase?a incorrecta", KIND_WRONG_LOGIN },
	{ "senha incorreta", KIND_WRONG_LOGIN },
	{ "\xe5\xaf\x86\xe7\xa0\x81\xe9\x94\x99\xe8\xaf\xaf",
	  KIND_WRONG_LOGIN }, /* "password wrong" in Chinese, UTF-8 */
	{ "\xc3\xdc\xc2\xeb\xb4\xed\xce\xf3",
	  KIND_WRONG_LOGIN }, /* the same, GBK */

	/* a way to log in that the server does not have, or not here: none of
	 * this may be said of a user, since it counts behind [AUTH] as well */
	{ "unsupported mechanism", KIND_NO_MECHANISM },
	{ "unsupported authentication", KIND_NO_MECHANISM },
	{ "authentication not supported", KIND_NO_MECHANISM },
	{ "unknown authentication mechanism", KIND_NO_MECHANISM },
	{ "unknown authentication type", KIND_NO_MECHANISM },
	{ "unknown authentication method", KIND_NO_MECHANISM },
	{ "unknown auth mechanism", KIND_NO_MECHANISM },
	{ "unknown mechanism", KIND_NO_MECHANISM },
	{ "unknown sasl", KIND_NO_MECHANISM },
	{ "mechanism not", KIND_NO_MECHANISM },
	{ "mechanism is not", KIND_NO_MECHANISM },
	{ "mechanism unknown", KIND_NO_MECHANISM },
	{ "mechanism unavailable", KIND_NO_MECHANISM },
	{ "mechanism disabled", KIND_NO_MECHANISM },
	{ "invalid mechanism", KIND_NO_MECHANISM },
	{ "no such mechanism", KIND_NO_MECHANISM },
	{ "no mechanism", KIND_NO_MECHANISM },
	{ "plaintext authentication dis*", KIND_NO_MECHANISM }, /* Dovecot */
	{ "cleartext authentication dis*", KIND_NO_MECHANISM },
	{ "only available under a layer", KIND_NO_MECHANISM }, /* Cyrus */
	{ "use stronger authentication", KIND_NO_MECHANISM },  /* qpopper */

	/* a command that means nothing to the server */
	{ "syntax", KIND_NOT_UNDERSTOOD },
	{ "protocol error", KIND_NOT_UNDERSTOOD }, /* Exchange */
	{ "parse error", KIND_NOT_UNDERSTOOD },
	{ "unknown command", KIND_NOT_UNDERSTOOD },
	{ "command unknown", KIND_NOT_UNDERSTOOD },
	{ "unrecognized command", KIND_NOT_UNDERSTOOD },
	{ "unrecognised command", KIND_NOT_UNDERSTOOD },
	{ "command unrecogni*", KIND_NOT_UNDERSTOOD },
	{ "command not recogni*", KIND_NOT_UNDERSTOOD },
	{ "not valid in this state", KIND_NOT_UNDERSTOOD }, /* Exchange */
	{ "not understood", KIND_NOT_UNDERSTOOD },
	{ "not implemented", KIND_NOT_UNDERSTOOD },
	{ "unimplemented", KIND_NOT_UNDERSTOOD },
	{ "unsupported command", KIND_NOT_UNDERSTOOD },
	{ "command not supported", KIND_NOT_UNDERSTOOD },
	{ "does not support", KIND_NOT_UNDERSTOOD },
	{ "invalid command", KIND_NOT_UNDERSTOOD },
	{ "illegal command", KIND_NOT_UNDERSTOOD },
	{ "bad command", KIND_NOT_UNDERSTOOD },
	{ "no such command", KIND_NOT_UNDERSTOOD },
	{ "command not implemented", KIND_NOT_UNDERSTOOD },
	{ "command not known", KIND_NOT_UNDERSTOOD },
	{ "command not available", KIND_NOT_UNDERSTOOD },
	{ "unknown method", KIND_NOT_UNDERSTOOD },
	{ "type not supported", KIND_NOT_UNDERSTOOD },
	{ "no such auth*", KIND_NOT_UNDERSTOOD },
	{ "initial response", KIND_NOT_UNDERSTOOD },
	{ "too many arguments", KIND_NOT_UNDERSTOOD },
	{ "too many parameters", KIND_NOT_UNDERSTOOD },
	{ "number of arguments", KIND_NOT_UNDERSTOOD },
	{ "number of parameters", KIND_NOT_UNDERSTOOD },
	{ "invalid argument*", KIND_NOT_UNDERSTOOD },
	{ "invalid parameter*", KIND_NOT_UNDERSTOOD },
	{ "bad argument*", KIND_NOT_UNDERSTOOD },
	{ "bad parameter*", KIND_NOT_UNDERSTOOD },
	{ "unexpected argument*", KIND_NOT_UNDERSTOOD },
	{ "unexpected parameter*", KIND_NOT_UNDERSTOOD },
	{ "line too long", KIND_NOT_UNDERSTOOD },

	/* trouble that passes; first of all the server's */
	{ "tempor*", KIND_TROUBLE },	 /* in six languages; Dovecot, web.de */
	{ "unavailable", KIND_TROUBLE }, /* Exchange: "Server Unavailable" */
	{ "not available", KIND_TROUBLE },
	{ "not ready", KIND_TROUBLE },
	{ "busy", KIND_TROUBLE },
	{ "overload*", KIND_TROUBLE },
	{ "maintenance", KIND_TROUBLE },
	{ "in progress", KIND_TROUBLE },
	{ "being migrated", KIND_TROUBLE },
	{ "being moved", KIND_TROUBLE },
	{ "shutting down", KIND_TROUBLE },
	{ "server error", KIND_TROUBLE }, /* Yahoo */
	{ "system error", KIND_TROUBLE },
	{ "internal error", KIND_TROUBLE },
	{ "internal login failure", KIND_TROUBLE }, /* Dovecot */
	{ "timed out", KIND_TROUBLE },
	{ "timeout", KIND_TROUBLE },
	{ "inactivity", KIND_TROUBLE },
	{ "unreachable", KIND_TROUBLE },
	{ "no backend", KIND_TROUBLE },
	{ "database error", KIND_TROUBLE },
	{ "dns failure", KIND_TROUBLE },
	{ "out of memory", KIND_TROUBLE },
	{ "unable to open mailbox", KIND_TROUBLE },
	{ "cannot open mailbox", KIND_TROUBLE },
	{ "connection refused", KIND_TROUBLE },
	{ "unable to connect", KIND_TROUBLE },
	{ "could not connect", KIND_TROUBLE },
	{ "cannot connect", KIND_TROUBLE },
	{ "can't connect", KIND_TROUBLE },
	{ "failed to connect", KIND_TROUBLE },
	/* ... then what is asked too much of it */
	{ "too many", KIND_TROUBLE }, /* Yahoo, mail.ru, Cyrus */
	{ "too soon", KIND_TROUBLE },
	{ "too early", KIND_TROUBLE },
	{ "too often", KIND_TROUBLE },
	{ "too frequent*", KIND_TROUBLE },
	{ "too fast", KIND_TROUBLE },
	{ "frequency", KIND_TROUBLE }, /* Yandex, QQ */
	{ "minimum time", KIND_TROUBLE },
	{ "limit", KIND_TROUBLE }, /* Outlook.com: "Exceeded the login limit
				       for a 15 minute period"; Courier */
	{ "limits", KIND_TROUBLE },
	{ "quota", KIND_TROUBLE },
	{ "download exceed*", KIND_TROUBLE }, /* 163.com */
	{ "downloads exceed*", KIND_TROUBLE },
	{ "exceeded", KIND_TROUBLE },
	{ "throttl*", KIND_TROUBLE },
	{ "try again later", KIND_TROUBLE },
	{ "try again in", KIND_TROUBLE },
	{ "try again after", KIND_TROUBLE },
	{ "try later", KIND_TROUBLE },
	{ "try it later", KIND_TROUBLE },
	{ "retry later", KIND_TROUBLE },
	{ "again later", KIND_TROUBLE },
	{ "login later", KIND_TROUBLE },
	{ "come back", KIND_TROUBLE },
	{ "please wait", KIND_TROUBLE },
	{ "currently locked", KIND_TROUBLE }, /* Windows; a time-out ends it */
	{ "locked out", KIND_TROUBLE },
	/* German: T-Online, web.de, GMX */
	{ "vor?bergehend*", KIND_TROUBLE },
	{ "zurzeit", KIND_TROUBLE },
	{ "zur zeit", KIND_TROUBLE },
	{ "derzeit", KIND_TROUBLE },
	{ "momentan*", KIND_TROUBLE }, /* Italian and French as well */
	{ "zu viele", KIND_TROUBLE },
	{ "zu oft", KIND_TROUBLE },
	{ "zu h?ufig", KIND_TROUBLE },
	{ "sp?ter", KIND_TROUBLE },
	{ "?berlastet", KIND_TROUBLE },
	{ "wartung*", KIND_TROUBLE },
	{ "nicht verf?gbar", KIND_TROUBLE },
	{ "nicht erreichbar", KIND_TROUBLE },
	/* French: Orange, Free */
	{ "trop de", KIND_TROUBLE },
	{ "plus tard", KIND_TROUBLE },
	{ "ult?rieurement", KIND_TROUBLE },
	{ "indisponible", KIND_TROUBLE },
	{ "non disponible", KIND_TROUBLE },
	{ "surcharg*", KIND_TROUBLE },
	{ "limite", KIND_TROUBLE },
	/* Italian: Libero, Tiscali */
	{ "troppi", KIND_TROUBLE },
	{ "troppe", KIND_TROUBLE },
	{ "riprova*", KIND_TROUBLE },
	{ "pi? tardi", KIND_TROUBLE },
	{ "non disponibile", KIND_TROUBLE },
	{ "manutenzione", KIND_TROUBLE },
	/* Spanish, Portuguese, Dutch, Polish */
	{ "demasiad*", KIND_TROUBLE },
	{ "m?s tarde", KIND_TROUBLE },
	{ "mais tarde", KIND_TROUBLE },
	{ "no disponible", KIND_TROUBLE },
	{ "aguarde", KIND_TROUBLE },
	{ "indispon?vel", KIND_TROUBLE },
	{ "mantenimiento", KIND_TROUBLE },
	{ "te veel", KIND_TROUBLE },
	{ "tijdelijk*", KIND_TROUBLE },
	{ "zbyt wiele", KIND_TROUBLE },
	{ "tymczasow*", KIND_TROUBLE },
	/* Chinese (163.com, QQ): "system busy", "too frequent", "please ...
	 * later", each in UTF-8 and in GBK */
	{ "\xe7\xb3\xbb\xe7\xbb\x9f\xe7\xb9\x81\xe5\xbf\x99", KIND_TROUBLE },
	{ "\xcf\xb5\xcd\xb3\xb7\xb1\xc3\xa6", KIND_TROUBLE },
	{ "\xe8\xbf\x87\xe4\xba\x8e\xe9\xa2\x91\xe7\xb9\x81", KIND_TROUBLE },
	{ "\xb9\xfd\xd3\xda\xc6\xb5\xb7\xb1", KIND_TROUBLE },
	{ "\xe8\xaf\xb7\xe7\xa8\x8d\xe5\x90\x8e", KIND_TROUBLE },
	{ "\xc7\xeb\xc9\xd4\xba\xf3", KIND_TROUBLE },

	{ "fail*", KIND_FAILED },
	{ "invalid", KIND_FAILED },
	{ "incorrect", KIND_FAILED },
	{ "wrong", KIND_FAILED },
	{ "bad", KIND_FAILED },
	{ "denied", KIND_FAILED },
	{ "reject*", KIND_FAILED },
	{ "refused", KIND_FAILED },
	{ "unauthorized", KIND_FAILED },
	{ "not authorized", KIND_FAILED },
	{ "try again", KIND_TRY_AGAIN },
};
enum { PATTERNS = sizeof(patterns) / sizeof(*patterns) };

struct words {
	const uint8_t *text;
	size_t size;
};

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* A dot may be inside of a word. */
static bool
is_joined(const struct words *w, size_t i)
{
	uint8_t c = w->text[i];

	if (is_letter(c) || (c >= '0' && c <= '9') || c == '_')
		return true;
	return c == '.' && i > 0 && i + 1 < w->size &&
	       is_letter(w->text[i - 1]) && is_letter(w->text[i + 1]);
}

static bool
is_one_of(uint8_t c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

/* Is it a part of an address, which servers repeat? */
static bool
is_in_address(const struct words *w, size_t at)
{
	static const char ends[] = " \t<>()\"',;";

	while (at > 0 && !is_one_of(w->text[at - 1], ends))
		at--;
	for (; at < w->size && !is_one_of(w->text[at], ends); at++)
		if (w->text[at] == '@')
			return true;
	return false;
}

static size_t
skip_gap(const struct words *w, size_t at)
{
	while (at < w->size && is_one_of(w->text[at], " \t-"))
		at++;
	return at;
}

static bool
ends_word(const struct words *w, size_t at)
{
	/* Chinese has no borders of words */
	return at == w->size || w->text[at - 1] >= 0x80 || !is_joined(w, at);
}

static bool matches(const struct words *w, size_t at, const char *pattern);

/* Is there a letter with an accent, in one byte or two, and then the rest? */
static bool
matches_accent(const struct words *w, size_t at, const char *rest)
{
	if (at >= w->size || !is_letter(w->text[at]))
		return false;
	if (matches(w, at + 1, rest))
		return true;
	at++;
	return at < w->size && is_letter(w->text[at]) &&
	       matches(w, at + 1, rest);
}

/* Does the pattern match the text from `at` on, to the end of a word? */
static bool
matches(const struct words *w, size_t at, const char *pattern)
{
	for (; *pattern; pattern++) {
		size_t gap = skip_gap(w, at);

		if (strcmp(pattern, "*") == 0)
			return true;
		if (*pattern == '?')
			return matches_accent(w, at, pattern + 1);
		if (*pattern == ' ') {
			if (gap == at)
				return false;
			at = gap;
			continue;
		}
		if (at == w->size || lower(w->text[at]) != (uint8_t)*pattern)
			return false;
		at++;
	}
	return ends_word(w, at);
}

static bool
contains(const struct words *w, const char *pattern)
{
	bool is_free = (uint8_t)*pattern >= 0x80;

	for (size_t at = 0; at < w->size; at++)
		if ((at == 0 || is_free || !is_joined(w, at - 1)) &&
		    matches(w, at, pattern) && !is_in_address(w, at))
			return true;
	return false;
}

/* So many bytes of a refusal are looked at: a server may go on for long. */
enum { LOOK_MAX = 512 };

enum words_meaning
words_meaning(const uint8_t *text, size_t size)
{
	const struct words w = { text, size < LOOK_MAX ? size : LOOK_MAX };
	enum kind found = KIND_NONE;

	for (size_t i = 0; i < PATTERNS; i++)
		if (patterns[i].kind < found && contains(&w, patterns[i].text))
			found = patterns[i].kind;
	return meanings[found];
}
