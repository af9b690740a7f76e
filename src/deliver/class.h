/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For destinations only: the table behind deliver.h.  A destination embeds
 * struct deliver and struct deliver_staged as first members of its own.  What
 * each function does is said in deliver.h; NULL means that there is nothing to
 * do.
 */
#ifndef DELIVER_CLASS_H
#define DELIVER_CLASS_H

#include "deliver/deliver.h"

struct deliver_class {
	const char *name; /* "maildir": first word of name and evidence */
	size_t batch_max;
	bool ends_one_by_one, is_slow;
	/* Fills nothing of struct deliver but, if it likes, batch_max. */
	int (*open)(struct deliver **d, const struct deliver_target *target,
		    bool may_create, struct err *e);
	void (*close)(struct deliver *d); /* frees *d */
	uint64_t (*free_bytes)(const struct deliver *d);
	int (*stage)(struct deliver *d, const struct deliver_message *m,
		     struct deliver_staged **s, struct err *e);
	int (*write)(struct deliver_staged *s, const void *bytes, size_t size,
		     struct err *e);
	int (*finish)(struct deliver_staged *s,
		      const uint8_t digest[DIGEST_SHA256_SIZE], int64_t octets,
		      const char *sender, struct err *e);
	void (*discard)(struct deliver_staged *s); /* both free *s */
	void (*leave)(struct deliver_staged *s);
	int (*secure)(struct deliver *d, struct err *e);
	void (*abandon)(struct deliver *d);
	int (*publish)(struct deliver *d, struct err *e);
	size_t (*poll)(const struct deliver *d, int fds[DELIVER_POLL_MAX],
		       int64_t *until);
	int (*continue_)(struct deliver *d, struct err *e);
	int (*settle)(struct deliver *d, struct err *e);
	void (*retire)(struct deliver *d);
	void (*drop)(struct deliver *d);
	/* Only evidence of this class.  Called without any too, for a target of
	 * this class.  verdict[] is DELIVER_WAS_NOT at first. */
	int (*recover)(const struct deliver_target *target,
		       const char *const evidence[],
		       enum deliver_verdict verdict[], size_t count,
		       struct err *e);
	void (*recovered)(const struct deliver_target *target,
			  const char *const evidence[], size_t count);
	/* What is behind "CLASS:" in the names of known destinations, perhaps
	 * none. */
	void (*clear)(const struct deliver_target *target,
		      const char *const places[], size_t count);
};

struct deliver {
	const struct deliver_class *class;
	const struct deliver_target *target;
	struct deliver_staged **batch; /* copied pointers, between secure and
					  settle, drop or abandon */
	size_t count;
	size_t batch_max; /* the class's, unless `open` has set it */
};

struct deliver_staged {
	struct deliver *owner;
	char *evidence; /* set by secure, owned; freed by deliver.c */
	enum deliver_outcome outcome;
	struct err reason;
};

/* In the order of enum deliver_kind. */
extern const struct deliver_class maildir_class, mbox_class, mda_class;

#endif
