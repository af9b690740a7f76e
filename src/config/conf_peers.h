/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For conf*.c only: what other fetchers (fetchmail, mpop, getmail, fdm) call
 * their options, and what to write here in their place.
 */
#ifndef CONFIG_CONF_PEERS_H
#define CONFIG_CONF_PEERS_H

struct conf_peer {
	const char *name; /* theirs; several are divided by blanks */
	const char *ours; /* our option, or NULL if there is none or many */
	const char *hint; /* what else is to be said, or NULL */
};

/* The row of this name (case ignored, '-' like '_'), or NULL. */
const struct conf_peer *conf_peers_find(const char *name);

#endif
