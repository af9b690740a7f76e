/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The text of a configuration file before libconfuse sees it. */
#include "config.h"

#include "config/conf_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/conf_string.h"

/* No user can write this byte: as it is, it is an error in the file, and as an
 * escape it would be lifted with the password. */
enum { MARK = '\001' };
enum { VALUE_MAX = 256 * 1024, BRACES_MAX = 16 };

/* Where we are in "password = VALUE". */
enum lift { LIFT_NONE, LIFT_NAME, LIFT_EQUALS, LIFT_DONE };

struct conf_text_scan {
	struct conf_text *text;
	const char *path;
	const char *p, *end; /* what is not read yet */
	int line;
	struct buf *out;
	struct buf value; /* the last string or word, decoded */
	bool wants_value; /* a value comes next, or an account's name */
	enum lift lift;
	int lifted_line;
	bool lifted_word;	/* it had no quotes */
	int equals_line;	/* of the '=' whose value comes next, or 0 */
	int braces[BRACES_MAX]; /* lines of those that are open */
	size_t depth;
	struct err *e;
};

static int
fail(struct conf_text_scan *s, const char *why)
{
	err_set(s->e, ERR_CONFIG, "%s", why);
	return err_context(s->e, "%s:%d", s->path, s->line);
}

/* The byte that comes `ahead` bytes after the next one, or NUL at the end. */
static char
peek(const struct conf_text_scan *s, size_t ahead)
{
	return (size_t)(s->end - s->p) > ahead ? s->p[ahead] : '\0';
}

static void
copy(struct conf_text_scan *s, const char *from, const char *to)
{
	(void)buf_append(s->out, from, (size_t)(to - from));
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* --- comments --- */

static bool
is_comment_next(const struct conf_text_scan *s)
{
	return peek(s, 0) == '#' ||
	       (peek(s, 0) == '/' && (peek(s, 1) == '/' || peek(s, 1) == '*'));
}

/* Does the comment that begins at s->p go on without a blank, as a part of a
 * password would? */
static bool
is_tight(const struct conf_text_scan *s)
{
	size_t i = 1;

	while (peek(s, i) && peek(s, i) == peek(s, i - 1))
		i++;
	return peek(s, i) && !is_blank(peek(s, i)) && peek(s, i) != '\r' &&
	       peek(s, i) != '\n';
}

/* "password = #secret" would have the next line for a password, and "password
 * = sec #ret" be another one. */
static int
check_comment(struct conf_text_scan *s)
{
	const char *mark = peek(s, 0) == '#' ? "#" : "//";

	if (!is_tight(s))
		return 0;
	if (s->lift == LIFT_EQUALS)
		err_set(s->e, ERR_CONFIG,
			"'%s' begins a comment, so there is no password here; "
			"one that begins so needs single quotes",
			mark);
	else if (s->lift == LIFT_DONE && s->line == s->lifted_line &&
		 s->lifted_word && is_blank(s->p[-1]))
		err_set(s->e, ERR_CONFIG,
			"'%s' is a comment or a part of the password: put a "
			"blank behind it, or single quotes around the password",
			mark);
	else
		return 0;
	return err_context(s->e, "%s:%d", s->path, s->line);
}

static int
skip_line_comment(struct conf_text_scan *s)
{
	while (s->p < s->end && *s->p != '\n')
		s->p++;
	return 0;
}

/* Its line ends stay, for the numbers of the lines after it. */
static int
skip_block_comment(struct conf_text_scan *s)
{
	int first = s->line;

	for (s->p += 2; s->p < s->end; s->p++) {
		if (*s->p == '*' && peek(s, 1) == '/') {
			s->p += 2;
			buf_byte(s->out, ' ');
			return 0;
		}
		if (*s->p == '\n') {
			buf_byte(s->out, '\n');
			s->line++;
		}
	}
	s->line = first;
	return fail(s, "comment is never closed");
}

static int
skip_comment(struct conf_text_scan *s)
{
	if (peek(s, 0) == '/' && peek(s, 1) == '*')
		return skip_block_comment(s);
	return check_comment(s) == 0 ? skip_line_comment(s) : -1;
}

/* --- strings --- */

static int
read_string(struct conf_text_scan *s)
{
	bool in_password = s->lift == LIFT_EQUALS;

	if (conf_string_read(&s->p, s->end, in_password, &s->value, s->e) == 0)
		return 0;
	return err_context(s->e, "%s:%d", s->path, s->line);
}

/* What a value may have in it without quotes, beside letters and digits. */
static const char plain[] = "-_./:@%~";

static int
fail_plain(struct conf_text_scan *s)
{
	const char *quote =
		conf_string_foreign_quote(s->value.data, s->value.len);

	if (quote)
		err_set(s->e, ERR_CONFIG,
			"'%s' is no quotation mark here: write \" or '", quote);
	else
		err_set(s->e, ERR_CONFIG,
			"a value with characters other than letters, digits "
			"and %s needs quotes",
			plain);
	return err_context(s->e, "%s:%d", s->path, s->line);
}

/* libconfuse would take all of these, and a mistake would become a part of a
 * host's name or of a password. */
static int
check_word(struct conf_text_scan *s)
{
	const uint8_t *c = s->value.data;

	if (memchr(c, ';', s->value.len))
		return fail(s, "no ';' is needed: leave it out, or put quotes "
			       "around a value that has one in it");
	if (!s->wants_value)
		return 0;
	for (size_t left = s->value.len; left > 0; left--, c++)
		if (!(*c >= '0' && *c <= '9') && !(*c >= 'A' && *c <= 'Z') &&
		    !(*c >= 'a' && *c <= 'z') && !strchr(plain, *c))
			return fail_plain(s);
	return 0;
}

/* Does the value just read go on with what belongs to the syntax?  Behind a
 * value a section may end and the next one begin at once; a password is more
 * likely to have that brace in it. */
static bool
goes_on(const struct conf_text_scan *s)
{
	char c = peek(s, 0), then = peek(s, 1);

	if (s->equals_line != s->line || !c)
		return false;
	if (c == '}' && s->lift == LIFT_EQUALS)
		return then && !strchr(" \t\r\n}#/", then);
	return strchr("={(),", c);
}

static int
read_word(struct conf_text_scan *s)
{
	size_t size = 0;

	while (s->p + size < s->end && !conf_string_is_control(s->p[size]) &&
	       !strchr(" \t#\"'={}()+,*", s->p[size])) {
		if (s->p[size] == '/' && s->p + size + 1 < s->end &&
		    s->p[size + 1] == '/')
			break;
		size++;
	}
	buf_clear(&s->value);
	if (!buf_append(&s->value, s->p, size))
		return fail(s, "word is too long");
	s->p += size;
	/* libconfuse would drop these, or begin a comment or a new word */
	if ((peek(s, 0) && strchr("#\"'*+/", peek(s, 0))) ||
	    (s->p[-1] == '$' && peek(s, 0) == '{') || goes_on(s))
		return fail_plain(s);
	return check_word(s);
}

/* --- passwords --- */

/* Was the word just read a name, which an '=' or '(' follows? */
static bool
is_name_next(const struct conf_text_scan *s)
{
	const char *p = s->p;

	while (p < s->end && is_blank(*p))
		p++;
	return p < s->end && (*p == '=' || *p == '(');
}

static void
lift(struct conf_text_scan *s, const char *start)
{
	struct conf_text *t = s->text;

	t->secrets = mem_resize(t->secrets, t->secret_count + 1,
				sizeof(*t->secrets));
	t->secrets[t->secret_count] = secret_new(s->value.data, s->value.len);
	(void)buf_format(s->out, "'%c%zu'", MARK, t->secret_count++);
	if (!t->password_line)
		t->password_line = s->line;
	s->lifted_line = s->line;
	s->lifted_word = *start != '"' && *start != '\'';
	s->lift = LIFT_DONE;
}

/* libconfuse would complain of what comes next, in another line. */
static int
fail_missing(struct conf_text_scan *s)
{
	s->line = s->equals_line;
	return fail(s, "no value stands behind '='; one that begins like a "
		       "comment needs quotes");
}

static int
fail_blanks(struct conf_text_scan *s)
{
	return fail(s, "a password with blanks or quotes needs single "
		       "quotes around it, and a backslash before each "
		       "single quote inside");
}

/* Puts out the string or word that was read and began at `start`. */
static int
put_value(struct conf_text_scan *s, const char *start)
{
	enum lift before = s->lift;

	if (s->equals_line && s->equals_line < s->line && is_name_next(s))
		return fail_missing(s);
	s->equals_line = 0;

	s->wants_value = !s->wants_value &&
			 text_is_word(s->value.data, s->value.len, "account");
	if (before == LIFT_EQUALS) {
		lift(s, start);
		return 0;
	}
	/* What follows may be the rest of a password: it must not reach an
	 * error text of libconfuse. */
	if (before == LIFT_NAME)
		return fail(s, "missing equal sign after option 'password'");
	if (before == LIFT_DONE && s->line == s->lifted_line &&
	    !is_name_next(s))
		return fail_blanks(s);
	s->lift = text_is_word(s->value.data, s->value.len, "password")
			  ? LIFT_NAME
			  : LIFT_NONE;
	copy(s, start, s->p);
	return 0;
}

/* --- the rest --- */

static int
count_brace(struct conf_text_scan *s, char c)
{
	if (c == '}' && s->depth > 0)
		s->depth--;
	else if (c == '{' && s->depth < BRACES_MAX)
		s->braces[s->depth++] = s->line;
	else if (c == '{')
		return fail(s, "braces are nested too deeply");
	return 0; /* one '}' too many is found by libconfuse */
}

/* libconfuse would speak of a token, and not say what to do. */
static int
check_mark(struct conf_text_scan *s, char c)
{
	if (s->equals_line && c == '}')
		return fail_missing(s);
	if (s->equals_line && (c != '{' || s->lift == LIFT_EQUALS)) {
		buf_clear(&s->value);
		return fail_plain(s);
	}
	if (s->lift == LIFT_DONE && s->line == s->lifted_line && c != '}')
		return fail_blanks(s);
	return 0;
}

static int
put_mark(struct conf_text_scan *s)
{
	char c = *s->p++;

	if (check_mark(s, c) != 0)
		return -1;
	s->equals_line = c == '=' ? s->line : 0;
	s->lift = c == '=' && s->lift == LIFT_NAME ? LIFT_EQUALS : LIFT_NONE;
	if (c != '{') /* a list goes on with a value, a section with a name */
		s->wants_value = c == '=' || c == '(' || c == ',';
	buf_byte(s->out, (uint8_t)c);
	return count_brace(s, c);
}

static int
put_blank(struct conf_text_scan *s)
{
	char c = *s->p++;

	if (c == '\r')
		return peek(s, 0) == '\n'
			       ? 0
			       : fail(s, "carriage return inside a line");
	buf_byte(s->out, (uint8_t)c);
	s->line += c == '\n';
	return 0;
}

static int
put_next(struct conf_text_scan *s)
{
	const char *start = s->p;
	char c = *start;

	if (strchr(" \t\r\n", c))
		return put_blank(s);
	if (strchr("={}(),", c))
		return put_mark(s);
	if (is_comment_next(s))
		return skip_comment(s);
	if (c == '+' && peek(s, 1) == '=')
		return fail(s, "'+=' is not supported; write the whole list");
	if (c == '$' && peek(s, 1) == '{')
		return fail(s, "'${...}' needs double quotes around it");
	if (conf_string_is_control(c) || c == '+' || c == '*')
		return fail(s, "unexpected character; values with special "
			       "characters need quotes");
	if ((c == '"' || c == '\'' ? read_string(s) : read_word(s)) != 0)
		return -1;
	return put_value(s, start);
}

int
conf_text_clean(struct conf_text *t, const char *path, const void *bytes,
		size_t size, struct buf *out, struct err *e)
{
	struct conf_text_scan s = { .text = t,
				    .path = path,
				    .p = bytes,
				    .line = 1,
				    .out = out,
				    .e = e };
	int rc = 0;

	s.end = size ? s.p + size : s.p;
	if (size > 0)
		s.p += text_mark_size(bytes, size);
	buf_init(&s.value, VALUE_MAX);
	while (rc == 0 && s.p < s.end)
		rc = *s.p ? put_next(&s) : fail(&s, "NUL byte");
	if (rc == 0 && s.equals_line)
		rc = fail_missing(&s);
	if (rc == 0 && s.depth > 0) {
		s.line = s.braces[s.depth - 1];
		rc = fail(&s, "'{' without '}'");
	}
	buf_free(&s.value);
	return rc;
}

const struct secret *
conf_text_secret(const struct conf_text *t, const char *value)
{
	uint64_t number;

	if (value[0] != MARK || t->secret_count == 0 ||
	    !text_number(value + 1, strlen(value + 1), t->secret_count - 1,
			 &number))
		return NULL;
	return t->secrets[number];
}

void
conf_text_free(struct conf_text *t)
{
	for (size_t i = 0; i < t->secret_count; i++)
		secret_free(&t->secrets[i]);
	free(t->secrets);
	*t = (struct conf_text){ .secrets = NULL };
}
