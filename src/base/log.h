/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The delivery log of the option `log`: one line a delivered, deleted or
 * set-aside message and a session, to a file (appended, one write(2) a line,
 * created 0600) or to syslog (facility mail).  Only the parent process writes
 * it.
 *
 * log_open once before any log_line; without it, or with target NULL, log_line
 * does nothing.  A failing write is reported once by the next log_close.
 *
 * Nothing waits for a reader: the file is opened without blocking.  So a FIFO
 * that nobody reads is an error of log_open (ENXIO), and a line that a full one
 * does not take whole is a failing write.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

/* `target`: NULL, "syslog", or the path of a file.  Fails with ERR_CREATE. */
int log_open(const char *target, struct err *e);
/* One line; made safe (text_safe) here; the date is put before it in a file. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
int log_close(struct err *e);

#endif
