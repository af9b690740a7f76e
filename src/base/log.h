/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The delivery log of the option `log`: one line for each message that is
 * delivered, deleted or set aside, and for each session.  The lines go to a
 * file (appended, one write(2) each, created 0600) or to syslog (facility
 * mail).  Only the parent process writes it.
 *
 * Call log_open once before any log_line; without it, or with target NULL,
 * log_line does nothing.  A failing write is reported once, by the next
 * log_close.
 *
 * Nothing waits for a reader, since the file is opened with O_NONBLOCK: a FIFO
 * that nobody reads makes log_open fail (ENXIO), and a line that a full FIFO
 * does not take whole is a failing write.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

/* `target`: NULL, "syslog", or the path of a file.  Fails with ERR_CREATE. */
int log_open(const char *target, struct err *e);
/* Writes one line, which is made safe (text_safe) here; in a file the date
 * stands before it. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
int log_close(struct err *e);

#endif
