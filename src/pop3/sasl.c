/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What SASL mechanisms and APOP put on the wire.
 *
 * Messages grow in a struct buf, which leaves no copies behind and is wiped.
 */
#include "config.h"

#include "pop3/sasl.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "pop3/auth.h"

/* --- messages --- */

static int
refuse_nul(const struct secret *s, struct err *e)
{
	size_t size = secret_size(s);

	if (size > 0 && memchr(secret_bytes(s), '\0', size))
		return err_set(e, ERR_CONFIG,
			       "password or token contains a NUL byte");
	return 0;
}

static void
add_text(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

static void
add_secret(struct buf *b, const struct secret *s)
{
	buf_put(b, secret_bytes(s), secret_size(s));
}

static struct secret *
finish(struct buf *b)
{
	struct secret *s = secret_new(b->data, b->len);

	buf_free(b);
	return s;
}

int
sasl_plain(struct sasl_exchange *x, const struct buf *challenge,
	   struct secret **answer, struct err *e)
{
	const struct auth_settings *s = x->settings;
	struct buf b;

	(void)challenge;
	if (x->answers > 0)
		return 0;
	if (refuse_nul(s->secret, e) != 0)
		return -1;
	buf_init(&b, SIZE_MAX);
	buf_put(&b, "", 1);
	buf_put(&b, s->user, strlen(s->user) + 1);
	add_secret(&b, s->secret);
	*answer = finish(&b);
	x->progress = SASL_DONE;
	return 0;
}

int
sasl_login(struct sasl_exchange *x, const struct buf *challenge,
	   struct secret **answer, struct err *e)
{
	const struct auth_settings *s = x->settings;

	(void)challenge;
	(void)e;
	if (x->answers == 0) {
		*answer = secret_new(s->user, strlen(s->user));
	} else if (x->answers == 1) {
		*answer = secret_copy(s->secret);
		x->progress = SASL_DONE;
	}
	return 0;
}

/* --- messages of OAuth --- */

/* A challenge after the token tells why the server will refuse, and waits to be
 * acknowledged.  It is shown, so it must not repeat the token. */
static int
take_failure(struct sasl_exchange *x, const struct buf *json,
	     const char *farewell, struct secret **answer)
{
	const struct secret *token = x->settings->secret;

	if (x->answers > 1)
		return 0;
	/* also where JSON writes it in another way */
	sasl_oauth_failure(json, x->failure, sizeof(x->failure));
	if (secret_is_in(token, json->data, json->len) ||
	    secret_is_in(token, x->failure, strlen(x->failure)))
		(void)snprintf(x->failure, sizeof(x->failure),
			       "*** (hidden: it repeats the token)");
	*answer = secret_new(farewell, strlen(farewell));
	x->progress = SASL_FAILED;
	return 0;
}

int
sasl_xoauth2(struct sasl_exchange *x, const struct buf *challenge,
	     struct secret **answer, struct err *e)
{
	const struct auth_settings *s = x->settings;
	struct buf b;

	if (x->answers > 0)
		return take_failure(x, challenge, "", answer);
	if (refuse_nul(s->secret, e) != 0)
		return -1;
	buf_init(&b, SIZE_MAX);
	add_text(&b, "user=");
	add_text(&b, s->user);
	add_text(&b, "\001auth=Bearer ");
	add_secret(&b, s->secret);
	add_text(&b, "\001\001");
	*answer = finish(&b);
	x->progress = SASL_DONE;
	return 0;
}

/* A name inside a GS2 header (RFC 5801 section 4). */
static void
add_gs2_name(struct buf *b, const char *name)
{
	for (; *name; name++)
		if (*name == ',')
			add_text(b, "=2C");
		else if (*name == '=')
			add_text(b, "=3D");
		else
			buf_put(b, name, 1);
}

int
sasl_oauthbearer(struct sasl_exchange *x, const struct buf *challenge,
		 struct secret **answer, struct err *e)
{
	const struct auth_settings *s = x->settings;
	struct buf b;

	if (x->answers > 0)
		return take_failure(x, challenge, "\001", answer);
	if (refuse_nul(s->secret, e) != 0)
		return -1;
	buf_init(&b, SIZE_MAX);
	add_text(&b, "n,a=");
	add_gs2_name(&b, s->user);
	add_text(&b, ",\001host=");
	add_text(&b, s->host);
	(void)buf_format(&b, "\001port=%u\001auth=Bearer ", (unsigned)s->port);
	add_secret(&b, s->secret);
	add_text(&b, "\001\001");
	*answer = finish(&b);
	x->progress = SASL_DONE;
	return 0;
}

/* --- APOP --- */

int
sasl_apop(char out[33], const char *challenge, const struct secret *password,
	  struct err *e)
{
	struct digest *d = digest_new(DIGEST_MD5);
	uint8_t md5[DIGEST_SIZE_MAX];

	if (!d)
		return err_set(e, ERR_CONFIG,
			       "cannot use APOP: the "
			       "cryptographic library does not allow MD5");
	digest_add(d, challenge, strlen(challenge));
	digest_add(d, secret_bytes(password), secret_size(password));
	digest_end(d, md5);
	digest_free(&d);
	text_hex(out, md5, DIGEST_MD5_SIZE);
	secret_wipe(md5, sizeof(md5));
	return 0;
}

/* --- base64 --- */

static int
value_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes four characters, of which the last `padding` are not looked at. */
static bool
decode_group(uint8_t out[3], const uint8_t *in, size_t padding)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - padding ? value_of(in[i]) : 0;

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
	}
	out[0] = (uint8_t)(bits >> 16);
	out[1] = (uint8_t)(bits >> 8);
	out[2] = (uint8_t)bits;
	return true;
}

bool
sasl_decode(const void *text, size_t size, struct buf *out)
{
	const uint8_t *in = text;
	size_t before = out->len, padding = 0;
	uint8_t group[3];

	if (size % 4 != 0)
		return false;
	if (size > 0 && in[size - 1] == '=')
		padding = in[size - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < size; i += 4) {
		size_t missing = i + 4 == size ? padding : 0;

		if (!decode_group(group, in + i, missing) ||
		    !buf_append(out, group, 3 - missing)) {
			out->len = before;
			return false;
		}
	}
	return true;
}

/* --- the JSON of a failed OAuth login --- */

/* A reader of just enough JSON to find the members of the outermost object. */
struct json {
	const uint8_t *at;
	const uint8_t *end;
};

static void
json_blanks(struct json *j)
{
	while (j->at < j->end && memchr(" \t\r\n", *j->at, 4))
		j->at++;
}

static void
add_utf8(struct buf *b, unsigned c)
{
	if (c < 0x80) {
		buf_byte(b, (uint8_t)c);
	} else if (c < 0x800) {
		buf_byte(b, (uint8_t)(0xc0 | c >> 6));
		buf_byte(b, (uint8_t)(0x80 | (c & 63)));
	} else {
		buf_byte(b, (uint8_t)(0xe0 | c >> 12));
		buf_byte(b, (uint8_t)(0x80 | (c >> 6 & 63)));
		buf_byte(b, (uint8_t)(0x80 | (c & 63)));
	}
}

/* Reads what follows a backslash.  Halves of surrogate pairs come out as
 * invalid UTF-8, which text_safe shows as what it is. */
static void
json_escape(struct json *j, struct buf *out)
{
	static const char names[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	uint8_t c = *j->at++, hex[2];
	char digits[5] = "";
	const char *name;

	if (c == 'u' && j->end - j->at >= 4) {
		memcpy(digits, j->at, 4);
		if (text_unhex(digits, hex, sizeof(hex))) {
			j->at += 4;
			add_utf8(out, (unsigned)hex[0] << 8 | hex[1]);
			return;
		}
	}
	name = memchr(names, c, sizeof(names) - 1);
	buf_byte(out, name ? (uint8_t)meanings[name - names] : c);
}

/* Reads the string that begins with this quote, unescaped, up to what `out`
 * takes. */
static void
json_string(struct json *j, struct buf *out)
{
	buf_clear(out);
	for (j->at++; j->at < j->end && *j->at != '"';) {
		if (*j->at != '\\')
			buf_byte(out, *j->at++);
		else if (++j->at < j->end)
			json_escape(j, out);
	}
	if (j->at < j->end)
		j->at++;
}

/* Reads a number or word as it stands. */
static void
json_bare(struct json *j, struct buf *out)
{
	buf_clear(out);
	while (j->at < j->end && !memchr(",{}[]\" \t\r\n", *j->at, 10))
		buf_byte(out, *j->at++);
}

/* Finds a member by name and leaves its value, if it is a string, number or
 * word, in out. */
static bool
json_member(const struct buf *json, const char *name, struct buf *out)
{
	struct json j = { json->data, json->data + json->len };
	int depth = 0;
	bool found;

	while (j.at < j.end) {
		if (*j.at != '"') {
			depth += *j.at == '{' || *j.at == '[';
			depth -= *j.at == '}' || *j.at == ']';
			j.at++;
			continue;
		}
		json_string(&j, out);
		json_blanks(&j);
		found = depth == 1 && text_is_word(out->data, out->len, name);
		if (!found || j.at == j.end || *j.at != ':')
			continue;
		j.at++;
		json_blanks(&j);
		if (j.at < j.end && *j.at == '"')
			json_string(&j, out);
		else
			json_bare(&j, out);
		return out->len > 0;
	}
	return false;
}

void
sasl_oauth_failure(const struct buf *json, char *out, size_t out_size)
{
	enum { VALUE_MAX = 256 };
	struct buf value, line;

	buf_init(&value, VALUE_MAX);
	buf_init(&line, 2 * VALUE_MAX + 32);
	if (json->len > 0 && json_member(json, "status", &value)) {
		add_text(&line, "status ");
		buf_put(&line, value.data, value.len);
		if (json_member(json, "error_description", &value)) {
			add_text(&line, ": ");
			buf_put(&line, value.data, value.len);
		}
		text_safe(out, out_size, line.data, line.len);
	} else {
		text_safe(out, out_size, json->data, json->len);
	}
	buf_free(&value);
	buf_free(&line);
}
