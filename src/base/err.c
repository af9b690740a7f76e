/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* An error on its way up: kind, errno and one safe line of text. */
#include "config.h"

#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Escaping never shortens, so bytes beyond ERR_TEXT_MAX cannot reach the text;
 * the 8 bytes more keep a character at that border whole. */
enum { RAW_MAX = ERR_TEXT_MAX + 8 };

/* A context may take up to half of the text: the cause matters more. */
enum { CONTEXT_MAX = ERR_TEXT_MAX / 2 };

static void format_safe(char *out, size_t size, const char *format,
			va_list args) __attribute__((format(printf, 3, 0)));

static void
format_safe(char *out, size_t size, const char *format, va_list args)
{
	char raw[RAW_MAX];

	if (vsnprintf(raw, sizeof(raw), format, args) < 0)
		raw[0] = '\0';
	text_safe(out, size, raw, strlen(raw));
}

void
err_clear(struct err *e)
{
	assert(e);
	e->kind = ERR_NONE;
	e->sys = 0;
	e->told = false;
	e->text[0] = '\0';
}

int
err_set(struct err *e, enum err_kind kind, const char *format, ...)
{
	va_list args;

	assert(e && kind > ERR_NONE && kind < ERR_KINDS);
	va_start(args, format);
	format_safe(e->text, sizeof(e->text), format, args);
	va_end(args);
	e->kind = kind;
	e->sys = 0;
	e->told = false;
	return -1;
}

int
err_sys(struct err *e, enum err_kind kind, const char *format, ...)
{
	int sys = errno;
	const char *cause = strerror(sys);
	char suffix[ERR_TEXT_MAX / 4];
	va_list args;

	assert(e && kind > ERR_NONE && kind < ERR_KINDS);
	memcpy(suffix, ": ", 2);
	text_safe(suffix + 2, sizeof(suffix) - 2, cause, strlen(cause));
	va_start(args, format);
	format_safe(e->text, sizeof(e->text) - strlen(suffix), format, args);
	va_end(args);
	memcpy(e->text + strlen(e->text), suffix, strlen(suffix) + 1);
	e->kind = kind;
	e->sys = sys;
	e->told = false;
	return -1;
}

int
err_context(struct err *e, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	size_t len;
	va_list args;

	assert(e);
	va_start(args, format);
	format_safe(text, CONTEXT_MAX, format, args);
	va_end(args);
	len = strlen(text);
	memcpy(text + len, ": ", 2);
	len += 2;
	text_safe(text + len, sizeof(text) - len, e->text, strlen(e->text));
	memcpy(e->text, text, strlen(text) + 1);
	return -1;
}

int
err_status(enum err_kind kind)
{
	static const int status[ERR_KINDS] = {
		[ERR_NONE] = 0,	     [ERR_BUSY] = 0,	 [ERR_USAGE] = 64,
		[ERR_DATABASE] = 65, [ERR_NOHOST] = 68,	 [ERR_UNAVAILABLE] = 69,
		[ERR_INTERNAL] = 70, [ERR_OS] = 71,	 [ERR_CREATE] = 73,
		[ERR_LOCAL] = 74,    [ERR_LATER] = 75,	 [ERR_TROUBLE] = 75,
		[ERR_NETWORK] = 75,  [ERR_MESSAGE] = 75, [ERR_STOPPED] = 75,
		[ERR_PROTOCOL] = 76, [ERR_TLS] = 76,	 [ERR_LOGIN] = 77,
		[ERR_CONFIG] = 78,
	};

	assert(kind < ERR_KINDS);
	return status[kind];
}

int
err_status_worse(int a, int b)
{
	static const int worst_first[] = { 78, 77, 65, 73, 74, 71,
					   70, 76, 69, 68, 75, 64 };

	for (size_t i = 0; i < sizeof(worst_first) / sizeof(worst_first[0]);
	     i++)
		if (a == worst_first[i] || b == worst_first[i])
			return worst_first[i];
	return 0;
}

bool
err_is_passing(enum err_kind kind)
{
	return kind == ERR_NETWORK || kind == ERR_NOHOST || kind == ERR_LATER ||
	       kind == ERR_TROUBLE;
}
