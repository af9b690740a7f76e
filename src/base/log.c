/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The delivery log: a file, or syslog. */
#include "config.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

enum { LOG_TEXT_MAX = 2048 };

static struct {
	enum { TO_NOTHING, TO_FILE, TO_SYSLOG } target;
	int fd;
	int failed; /* errno of the first write that failed */
	char *path;
} settings = { .target = TO_NOTHING, .fd = -1 };

int
log_open(const char *target, struct err *e)
{
	assert(settings.target == TO_NOTHING);
	if (!target)
		return 0;
	if (strcmp(target, "syslog") == 0) {
		openlog("popfetch", LOG_PID, LOG_MAIL);
		settings.target = TO_SYSLOG;
		return 0;
	}
	/* O_NONBLOCK: a FIFO that nobody reads would hold us for ever */
	settings.fd = open(target,
			   O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
				   O_NOCTTY | O_NONBLOCK,
			   0600);
	if (settings.fd < 0)
		return err_sys(e, ERR_CREATE, "cannot open log '%s'", target);
	settings.path = mem_string(target);
	settings.target = TO_FILE;
	return 0;
}

/* Uses one write(2), so that the lines of several programs do not mix. */
static void
write_line(const char *line, size_t size)
{
	ssize_t n;

	do {
		n = write(settings.fd, line, size);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)size && !settings.failed)
		settings.failed = n < 0 ? errno : ENOSPC;
}

static void
file_line(const char *text)
{
	char line[CLOCK_DATE_MAX + LOG_TEXT_MAX + 2];
	size_t len;

	clock_iso8601(line, CLOCK_DATE_MAX, clock_unix());
	len = strlen(line);
	line[len++] = ' ';
	memcpy(line + len, text, strlen(text));
	len += strlen(text);
	line[len++] = '\n';
	write_line(line, len);
}

void
log_line(const char *format, ...)
{
	char raw[LOG_TEXT_MAX + 8], text[LOG_TEXT_MAX];
	va_list args;

	if (settings.target == TO_NOTHING)
		return;
	va_start(args, format);
	if (vsnprintf(raw, sizeof(raw), format, args) < 0)
		raw[0] = '\0';
	va_end(args);
	text_safe(text, sizeof(text), raw, strlen(raw));
	if (settings.target == TO_SYSLOG)
		syslog(LOG_INFO, "%s", text);
	else
		file_line(text);
}

static int
close_file(struct err *e)
{
	int failed = settings.failed, rc = 0;

	if (close(settings.fd) != 0 && errno != EINTR && !failed)
		failed = errno;
	errno = failed;
	if (failed)
		rc = err_sys(e, ERR_LOCAL, "cannot write log '%s'",
			     settings.path);
	free(settings.path);
	settings.path = NULL;
	settings.fd = -1;
	settings.failed = 0;
	return rc;
}

int
log_close(struct err *e)
{
	int rc = 0;

	if (settings.target == TO_SYSLOG)
		closelog();
	if (settings.target == TO_FILE)
		rc = close_file(e);
	settings.target = TO_NOTHING;
	return rc;
}
