/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "link/report.h"

#include <stdarg.h>
#include <stdio.h>

enum { REPORT_TEXT_MAX = 4096 };

static void __attribute__((format(printf, 4, 0)))
report_text(struct link *l, enum report_type type, int64_t value,
	    const char *format, va_list args)
{
	char text[REPORT_TEXT_MAX];

	(void)vsnprintf(text, sizeof(text), format, args);
	link_put_text(l, type, 0, value, text);
}

void
report_line(struct link *l, enum report_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_text(l, REPORT_LINE, (int64_t)level, format, args);
	va_end(args);
}

void
report_log(struct link *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_text(l, REPORT_LOG, 0, format, args);
	va_end(args);
}

void
report_phase(struct link *l, const char *phase)
{
	link_put_text(l, REPORT_PHASE, 0, 0, phase);
	report_flush(l);
}

void
report_progress(struct link *l, const struct report_progress *p)
{
	link_put(l, REPORT_PROGRESS, 0, 0, p, sizeof(*p));
}

void
report_error(struct link *l, const struct err *e, bool folded)
{
	link_put_text(l, REPORT_ERROR, folded, (int64_t)e->kind, e->text);
	report_flush(l);
}

void
report_result(struct link *l, const struct report_result *r)
{
	link_put(l, REPORT_RESULT, 0, 0, r, sizeof(*r));
	report_flush(l);
}

void
report_flush(struct link *l)
{
	struct err ignored = ERR_INIT;

	(void)link_flush(l, &ignored);
}
