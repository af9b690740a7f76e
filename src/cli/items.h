/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * How a single message is shown by --list and --delete, in two lines:
 *
 *	   17  kept until 2026-12-14 10:00  3.4 KiB  uid-000017
 *	       Tue, 1 Dec 2026 10:00:00 +0000  jane@example.org  The subject
 */
#ifndef CLI_ITEMS_H
#define CLI_ITEMS_H

#include "cli/progress.h"
#include "link/report.h"

void items_print(struct progress *p, const struct report_item *item);

#endif
