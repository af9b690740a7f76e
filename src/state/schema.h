/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For the store's own files: the schema, its versions, and the step from each
 * version to the next.
 *
 *	1	popfetch 0.1
 *	2	message.octets, intent.prior_octets
 *	3	message.broke
 *
 * A release that needs another schema adds a version (PLACE_VERSION) and a
 * step.  It changes neither what a step of an earlier release does nor what a
 * column means: a state of any version is brought up to date by the steps that
 * follow it, in one transaction.  An older program refuses a newer state
 * (place_check_kind).
 */
#ifndef STATE_SCHEMA_H
#define STATE_SCHEMA_H

#include "base/err.h"
#include "state/store.h"

/* Fills an empty database, within a transaction: with today's schema,
 * application_id and user_version, and with a new id of the state. */
int schema_make(struct store *s, struct err *e);
/* Brings the schema from s->version, which it sets, to today's, within a
 * transaction. */
int schema_advance(struct store *s, struct err *e);

#endif
