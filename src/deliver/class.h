/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For destinations only: the table behind deliver.h.  A destination embeds
 * struct deliver and struct deliver_staged as first members of its own.
 *
 * The states of a staged message, and from secured on of its batch; D2 and
 * DELIVERED are commits of the caller (commit/batch.c):
 *
 *	state      entered by        goes on by         given up by
 *	open       stage             write..., finish   discard
 *	finished   finish            secure             discard
 *	secured    secure            the caller's D2    abandon, then discard
 *	committed  an attempt at D2  publish            drop, then leave
 *	published  publish           (tend,) settle     drop, then leave
 *	settled    settle            leave; DELIVERED   drop
 *	retired    retire, when DELIVERED is on record
 *
 * A failure leaves a message or batch in its state, to be given up, and each
 * `secure` that fails undoes itself: the messages are finished then, and there
 * is no `abandon`.  From the attempt at D2 on nothing is discarded any more:
 * what was staged is evidence.  `drop` may also come without a batch.
 *
 * The next batch may be secured before this one is retired: `retire` comes
 * between D2 and publish of the next one, and that D2 has recorded this one as
 * DELIVERED.  A class without `settle` (the MDA) keeps what it has published
 * itself: each message runs until `tend` has found its outcome, and batches may
 * be secured and published meanwhile.
 *
 * What each function does is said in deliver.h; NULL, which abandon, poll,
 * tend, settle, retire, drop, recover, recovered and clear may be, means that
 * there is nothing to do.  The account's lock is held in all of them, and no
 * transaction is open.
 */
#ifndef DELIVER_CLASS_H
#define DELIVER_CLASS_H

#include "deliver/deliver.h"

struct deliver_class {
	const char *name; /* "maildir": first word of name and evidence */
	size_t batch_max;
	bool ends_one_by_one, is_slow;

	/* the destination; `open` sets nothing of struct deliver but, if it
	 * likes, batch_max; `close` frees *d */
	int (*open)(struct deliver **d, const struct deliver_target *target,
		    bool may_create, struct err *e);
	void (*close)(struct deliver *d);
	void (*space)(const struct deliver *d, struct deliver_space *space);

	/* one message; `discard` and `leave` free *s */
	int (*stage)(struct deliver *d, const struct deliver_message *m,
		     struct deliver_staged **s, struct err *e);
	int (*write)(struct deliver_staged *s, const void *bytes, size_t size,
		     struct err *e);
	int (*finish)(struct deliver_staged *s,
		      const uint8_t digest[DIGEST_SHA256_SIZE], int64_t octets,
		      const char *sender, struct err *e);
	void (*discard)(struct deliver_staged *s);
	void (*leave)(struct deliver_staged *s);

	/* the batch in struct deliver */
	int (*secure)(struct deliver *d, struct err *e);
	void (*abandon)(struct deliver *d);
	int (*publish)(struct deliver *d, struct err *e);
	size_t (*poll)(const struct deliver *d, int fds[DELIVER_POLL_MAX],
		       int64_t *until);
	int (*tend)(struct deliver *d, struct err *e);
	int (*settle)(struct deliver *d, struct err *e);
	void (*retire)(struct deliver *d);
	void (*drop)(struct deliver *d);

	/* recovery: only evidence of this class.  `recover` is called for a
	 * target of this class even if there is none.  verdict[] is
	 * DELIVER_WAS_NOT at first. */
	int (*recover)(const struct deliver_target *target,
		       const char *const evidence[],
		       enum deliver_verdict verdict[], size_t count,
		       struct err *e);
	void (*recovered)(const struct deliver_target *target,
			  const char *const evidence[], size_t count);
	/* places[] are what stands behind "CLASS:" in the names of known
	 * destinations; there may be none */
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
