/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What a crash has left in the staging directory of a Maildir: the functions
 * recover, recovered and clear of class.h, which maildir.c puts into its table.
 *
 * A message that was READY is judged by the names in the staging directory
 * alone, so that nothing counts that a mail reader did in new/ and cur/.  The
 * sentinels stay until the verdicts are recorded, so that a second recovery
 * judges the same.
 */
#ifndef DELIVER_MAILDIR_RECOVERY_H
#define DELIVER_MAILDIR_RECOVERY_H

#include "deliver/deliver.h"

int maildir_recover(const struct deliver_target *target,
		    const char *const evidence[],
		    enum deliver_verdict verdict[], size_t count,
		    struct err *e);
void maildir_recovered(const struct deliver_target *target,
		       const char *const evidence[], size_t count);
void maildir_clear(const struct deliver_target *target,
		   const char *const places[], size_t count);

#endif
