/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The log that the configuration names, for a run. */
#ifndef CLI_LOGFILE_H
#define CLI_LOGFILE_H

#include "base/err.h"

/* log_open (base/log.h), with an error that says what to do. */
int logfile_open(const char *target, struct err *e);

#endif
