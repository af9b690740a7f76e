/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A message as --list and --delete show it: its number, size and uid, what
 * becomes of it, of its header date, sender and subject, and its last error.
 */
#ifndef KEEPER_ITEM_H
#define KEEPER_ITEM_H

#include "message/header.h"
#include "session/phase.h"

/* The plan is decided.  h: NULL where the header is not known. */
void item_show(struct session *s, size_t entry, const struct header *h);

#endif
