/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What a status line says, and the numbers behind it.
 */
#include "config.h"

#include "pop3/reply.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* How much of a server's words is shown to people. */
enum { SHOWN_MAX = 200 };

static bool
is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

/* --- response codes --- */

static const struct {
	const char *name;
	enum pop3_code code;
	bool common; /* so well known that no announcement is needed */
} codes[] = {
	{ "IN-USE", POP3_CODE_IN_USE, true },
	{ "LOGIN-DELAY", POP3_CODE_LOGIN_DELAY, true },
	{ "SYS/PERM", POP3_CODE_SYS_PERM, true },
	{ "SYS/TEMP", POP3_CODE_SYS_TEMP, true },
	{ "SYS", POP3_CODE_SYS_TEMP, true },
	{ "AUTH", POP3_CODE_AUTH, true },
	{ "UTF8", POP3_CODE_UTF8, false },
};

/* What servers said before there were codes. */
static const struct {
	const char *words;
	enum pop3_code code;
} old_texts[] = {
	{ "lock busy", POP3_CODE_IN_USE },
	{ "mailbox in use", POP3_CODE_IN_USE },
	{ "mailbox is in use", POP3_CODE_IN_USE },
	{ "already in use", POP3_CODE_IN_USE },
	{ "mailbox locked", POP3_CODE_IN_USE },
	{ "mailbox is locked", POP3_CODE_IN_USE },
	{ "maildrop already locked", POP3_CODE_IN_USE },
	{ "unable to lock maildrop", POP3_CODE_IN_USE },
	{ "try again later", POP3_CODE_SYS_TEMP },
};

static bool
contains(const uint8_t *text, size_t size, const char *words)
{
	for (size_t i = 0; i < size; i++)
		if (text_starts(text + i, size - i, words))
			return true;
	return false;
}

/* Codes form a hierarchy: what follows a known level and a slash is more detail
 * (RFC 2449 section 8). */
static bool
is_code(const uint8_t *code, size_t size, const char *name)
{
	size_t length = strlen(name);

	return text_starts(code, size, name) &&
	       (size == length || code[length] == '/');
}

static enum pop3_code
code_in_brackets(const struct pop3_reply *r, const struct capa *capa)
{
	const uint8_t *end = NULL;
	size_t size;

	if (r->text_size > 0 && r->text[0] == '[')
		end = memchr(r->text, ']', r->text_size);
	/* Where CAPA was answered without RESP-CODES, brackets are just
	 * text. */
	if (!end || (capa->known && !capa->resp_codes))
		return POP3_CODE_NONE;
	size = (size_t)(end - r->text) - 1;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if ((capa->resp_codes || codes[i].common) &&
		    is_code(r->text + 1, size, codes[i].name))
			return codes[i].code;
	return POP3_CODE_NONE;
}

static enum pop3_code
code_of(const struct pop3_reply *r, const struct capa *capa)
{
	enum pop3_code code = code_in_brackets(r, capa);

	if (code != POP3_CODE_NONE || r->meaning == WORDS_WRONG_LOGIN)
		return code;
	for (size_t i = 0; i < sizeof(old_texts) / sizeof(*old_texts); i++)
		if (contains(r->text, r->text_size, old_texts[i].words))
			return old_texts[i].code;
	return POP3_CODE_NONE;
}

/* --- status --- */

/* How long is the status word, with the blank behind it?  0: there is none. */
static size_t
find_status(const uint8_t *line, size_t size, enum pop3_status *status)
{
	static const struct {
		const char *word;
		enum pop3_status status;
	} words[] = {
		{ "+OK", POP3_OK },
		{ "-ERR", POP3_ERR },
		{ "+ERR", POP3_ERR }, /* hMailServer */
		{ "+", POP3_CONTINUE },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t length = strlen(words[i].word);

		if (size < length || memcmp(line, words[i].word, length) != 0)
			continue;
		if (size > length && !is_blank(line[length]))
			continue;
		*status = words[i].status;
		return length + (size > length);
	}
	return 0;
}

bool
pop3_is_status(const uint8_t *line, size_t size)
{
	enum pop3_status ignored;

	return find_status(line, size, &ignored) > 0;
}

bool
reply_parse(struct pop3_reply *r, const uint8_t *line, size_t size,
	    const struct capa *capa)
{
	size_t length = find_status(line, size, &r->status);

	if (length == 0)
		return false;
	r->text = line + length;
	r->text_size = size - length;
	r->meaning = WORDS_NONE;
	r->code = POP3_CODE_NONE;
	if (r->status == POP3_ERR) {
		r->meaning = words_meaning(r->text, r->text_size);
		r->code = code_of(r, capa);
	}
	return true;
}

/* --- the APOP challenge --- */

static bool
is_msg_id_byte(uint8_t c)
{
	return c > 0x20 && c < 0x7f && !strchr("()<>,;:\\\"", c);
}

/*
 * Returns the size of the msg-id (RFC 822) that begins with this "<", or 0.  An
 * attacker in the middle who chooses challenges at will can work out a
 * password; that takes challenges that are not well-formed, so these are not
 * answered (CVE-2007-1558).
 */
static size_t
msg_id_size(const uint8_t *text, size_t size)
{
	size_t at = 0, i;

	for (i = 1; i < size && is_msg_id_byte(text[i]); i++) {
		if (text[i] != '@')
			continue;
		if (at != 0)
			return 0;
		at = i;
	}
	if (i == size || text[i] != '>' || at < 2 || at + 1 == i)
		return 0;
	return i + 1;
}

char *
reply_challenge(const uint8_t *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		size_t found =
			text[i] == '<' ? msg_id_size(text + i, size - i) : 0;

		if (found > 0)
			return mem_string_n(text + i, found);
	}
	return NULL;
}

/* --- refusals --- */

static enum err_kind
kind_of(enum pop3_code code, enum err_kind otherwise)
{
	switch (code) {
	case POP3_CODE_IN_USE:
	case POP3_CODE_LOGIN_DELAY:
	case POP3_CODE_SYS_TEMP:
		return ERR_LATER;
	case POP3_CODE_SYS_PERM:
		return ERR_UNAVAILABLE;
	case POP3_CODE_AUTH:
		return ERR_LOGIN;
	case POP3_CODE_UTF8:
	case POP3_CODE_NONE:
		break;
	}
	return otherwise;
}

static enum err_kind
session_kind_of(const struct pop3_reply *r, enum err_kind otherwise)
{
	switch (r->code) {
	case POP3_CODE_IN_USE:
		return ERR_LATER;
	case POP3_CODE_LOGIN_DELAY:
	case POP3_CODE_SYS_TEMP:
		return ERR_TROUBLE;
	case POP3_CODE_SYS_PERM:
		return ERR_UNAVAILABLE;
	case POP3_CODE_AUTH:
	case POP3_CODE_UTF8:
	case POP3_CODE_NONE:
		break;
	}
	return r->meaning == WORDS_TROUBLE ? ERR_TROUBLE : otherwise;
}

static int
tell(const struct pop3_reply *r, enum err_kind kind, struct err *e)
{
	const char *what = "";
	char text[SHOWN_MAX + 1];

	if (r->code == POP3_CODE_IN_USE)
		what = "mailbox in use: ";
	if (r->code == POP3_CODE_LOGIN_DELAY)
		what = "logged in too soon after the last time: ";
	text_safe(text, sizeof(text), r->text, r->text_size);
	if (text[0] == '\0')
		return err_set(e, kind,
			       "%sserver refused without giving a reason",
			       what);
	return err_set(e, kind, "%sserver said: %s", what, text);
}

int
pop3_refusal(const struct pop3_reply *r, enum err_kind otherwise, struct err *e)
{
	return tell(r, kind_of(r->code, otherwise), e);
}

int
pop3_session_refusal(const struct pop3_reply *r, enum err_kind otherwise,
		     struct err *e)
{
	return tell(r, session_kind_of(r, otherwise), e);
}

bool
pop3_is_not_understood(const struct pop3_reply *r)
{
	/* Dovecot says [AUTH] of it as well */
	if (r->meaning == WORDS_NO_MECHANISM && r->code == POP3_CODE_AUTH)
		return true;
	return r->code == POP3_CODE_NONE &&
	       (r->meaning == WORDS_NO_MECHANISM ||
		r->meaning == WORDS_NOT_UNDERSTOOD);
}

/* --- numbers --- */

/* Takes blanks and the word after them off the line. */
static size_t
next_word(const uint8_t **line, size_t *size, const uint8_t **word)
{
	size_t length = 0;

	while (*size > 0 && is_blank(**line)) {
		++*line;
		--*size;
	}
	*word = *line;
	while (length < *size && !is_blank((*word)[length]))
		length++;
	*line += length;
	*size -= length;
	return length;
}

static bool
next_number(const uint8_t **line, size_t *size, uint64_t max, uint64_t *number)
{
	const uint8_t *word;
	size_t length = next_word(line, size, &word);

	return text_number(word, length, max, number);
}

bool
pop3_parse_stat(const struct pop3_reply *r, uint64_t *count, int64_t *total)
{
	const uint8_t *line = r->text;
	size_t size = r->text_size;
	uint64_t n;

	if (!next_number(&line, &size, INT64_MAX, count))
		return false;
	*total = next_number(&line, &size, INT64_MAX, &n) ? (int64_t)n : -1;
	return true;
}

bool
pop3_parse_size(const uint8_t *line, size_t size, uint32_t *number,
		int64_t *octets)
{
	uint64_t n;

	if (!next_number(&line, &size, UINT32_MAX, &n))
		return false;
	*number = (uint32_t)n;
	*octets = next_number(&line, &size, INT64_MAX, &n) ? (int64_t)n : -1;
	return true;
}

bool
pop3_parse_uid(const uint8_t *line, size_t size, uint32_t *number,
	       const uint8_t **uid, size_t *uid_size)
{
	uint64_t n;

	if (!next_number(&line, &size, UINT32_MAX, &n))
		return false;
	while (size > 0 && is_blank(*line)) {
		line++;
		size--;
	}
	while (size > 0 && is_blank(line[size - 1]))
		size--;
	*number = (uint32_t)n;
	*uid = line;
	*uid_size = size;
	return true;
}
