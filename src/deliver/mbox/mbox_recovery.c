/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a crash has left at the end of an mbox. */
#include "config.h"

#include "deliver/mbox/mbox_recovery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/mem.h"
#include "deliver/mbox/mbox_block.h"
#include "deliver/mbox/mbox_file.h"
#include "deliver/mbox/mbox_scan.h"
#include "deliver/mbox/mbox_tail.h"
#include "sys/fs.h"
#include "sys/lock_mailbox.h"

enum { PIECE = 64 * 1024 };

struct mbox_claim {
	struct mbox_block block;
	bool judged; /* or not understood */
	bool exact;  /* the region equals the block */
	bool delivered;
	uint64_t found_at; /* where its From_ line was found by content */
	size_t index;
};

struct mbox_recovery {
	const struct deliver_target *target;
	struct mbox_claim *claims; /* in order of path and offset */
	size_t count;
	struct mbox_file file;
};

/* The claims of one batch; they stand together. */
struct mbox_batch {
	struct mbox_recovery *recovery;
	struct mbox_claim *claims;
	size_t count;
	bool base_is_there; /* what precedes the batch is unchanged */
};

/* For qsort; claims that are judged come last. */
static int
compare_claims(const void *a, const void *b)
{
	const struct mbox_claim *x = a, *y = b;
	int order;

	if (x->judged != y->judged)
		return x->judged ? 1 : -1;
	if (x->judged)
		return 0;
	order = strcmp(x->block.path, y->block.path);
	if (order != 0)
		return order;
	if (x->block.base != y->block.base)
		return x->block.base < y->block.base ? -1 : 1;
	return x->block.offset < y->block.offset
		       ? -1
		       : x->block.offset > y->block.offset;
}

static void
begin(struct mbox_recovery *r, const struct deliver_target *target,
      const char *const evidence[], size_t count)
{
	struct mbox_claim *c;

	r->target = target;
	r->claims = mem_array(count, sizeof(*r->claims));
	r->count = count;
	for (size_t i = 0; i < count; i++) {
		c = &r->claims[i];
		c->index = i;
		c->judged = !mbox_block_parse(&c->block, evidence[i]);
	}
	if (count > 0)
		qsort(r->claims, count, sizeof(*r->claims), compare_claims);
}

static void
end(struct mbox_recovery *r)
{
	for (size_t i = 0; i < r->count; i++)
		mbox_block_clear(&r->claims[i].block);
	free(r->claims);
}

/* --- is it there as it was written? --- */

static int
digest_region(int fd, uint64_t at, uint64_t size, uint8_t out[DIGEST_SIZE_MAX],
	      struct err *e)
{
	struct digest *digest = digest_new(DIGEST_SHA256);
	char *piece = mem_alloc(PIECE);
	size_t got = 1;
	int rc = 0;

	for (; size > 0 && rc == 0 && got > 0; at += got, size -= got) {
		got = size < PIECE ? (size_t)size : PIECE;
		rc = fs_read_at(fd, piece, got, (off_t)at, &got, e);
		if (rc == 0)
			digest_add(digest, piece, got);
	}
	digest_end(digest, out);
	digest_free(&digest);
	free(piece);
	return rc;
}

static int
match_line(int fd, const struct mbox_block *b, uint64_t at, bool *same,
	   struct err *e)
{
	size_t size = strlen(b->from_line), got = 0;
	char *there = mem_alloc(size);
	int rc;

	rc = fs_read_at(fd, there, size, (off_t)at, &got, e);
	*same = rc == 0 && got == size &&
		memcmp(there, b->from_line, size) == 0;
	free(there);
	return rc;
}

static int
match_exactly(struct mbox_recovery *r, struct mbox_claim *c, struct err *e)
{
	uint8_t text[DIGEST_SIZE_MAX];
	bool same;

	if (mbox_block_end(&c->block) > r->file.size)
		return 0;
	if (match_line(r->file.fd, &c->block, mbox_block_line_at(&c->block),
		       &same, e) != 0 ||
	    digest_region(r->file.fd, mbox_block_text_at(&c->block),
			  c->block.text_size, text, e) != 0)
		return -1;
	c->exact = c->delivered =
		same && memcmp(text, c->block.text, DIGEST_SHA256_SIZE) == 0;
	return 0;
}

static int
match_base(struct mbox_batch *b, struct err *e)
{
	struct mbox_recovery *r = b->recovery;
	const struct mbox_block *first = &b->claims[0].block;
	uint8_t before[DIGEST_SIZE_MAX];

	b->base_is_there = false;
	if (r->file.size < first->base)
		return 0;
	if (mbox_file_digest_before(&r->file, first->base, before, e) != 0)
		return -1;
	b->base_is_there =
		memcmp(before, first->before, DIGEST_SHA256_SIZE) == 0;
	for (size_t i = 0; i < b->count && b->base_is_there; i++)
		if (match_exactly(r, &b->claims[i], e) != 0)
			return -1;
	return 0;
}

/* --- is it there in another place or with other header fields? --- */

/* mbox_scan calls it for each message of the file, under the mailbox's locks.
 * Of messages with the same content each stands for one claim.  The From_ line
 * must be ours, too, which mail readers leave as it is: an equal message may
 * have been there before, or have come by another account. */
static int
find_claim(void *arg, uint64_t at, const uint8_t content[DIGEST_SIZE_MAX],
	   struct err *e)
{
	struct mbox_batch *b = arg;
	struct mbox_claim *c, *end_of = b->claims + b->count;
	bool same = false;

	for (c = b->claims; c < end_of; c++)
		if (c->exact && mbox_block_line_at(&c->block) == at)
			return 0;
	for (c = b->claims; c < end_of && !same; c++) {
		if (c->delivered ||
		    memcmp(c->block.content, content, DIGEST_SHA256_SIZE) != 0)
			continue;
		if (match_line(b->recovery->file.fd, &c->block, at, &same, e) !=
		    0)
			return -1;
		c->delivered = same;
		c->found_at = same ? at : c->found_at;
	}
	return 0;
}

static bool
wants_search(const struct mbox_batch *b)
{
	const struct mbox_claim *c;

	for (c = b->claims; c < b->claims + b->count; c++)
		if (!c->delivered && (!b->base_is_there ||
				      c->block.offset < b->recovery->file.size))
			return true;
	return false;
}

static int
search(struct mbox_batch *b, struct err *e)
{
	uint64_t from = b->base_is_there ? b->claims[0].block.base : 0;

	if (!wants_search(b))
		return 0;
	/* At the base a line begins, or there are the newlines that complete
	 * the one before it: neither can hide a From_ line. */
	return mbox_scan(b->recovery->file.fd, from, find_claim, b, e);
}

/* --- torn? --- */

static int
is_torn(const struct mbox_batch *b, size_t first, bool *torn, struct err *e)
{
	size_t count = b->count - first;
	const struct mbox_block **blocks = mem_array(count, sizeof(*blocks));
	int rc;

	for (size_t i = 0; i < count; i++)
		blocks[i] = &b->claims[first + i].block;
	rc = mbox_tail_is_ours(b->recovery->file.fd, b->recovery->file.size,
			       blocks, count, torn, e);
	free(blocks);
	return rc;
}

static int
cut(struct mbox_batch *b, size_t first, struct err *e)
{
	struct mbox_file *f = &b->recovery->file;

	for (size_t i = first; i < b->count; i++)
		b->claims[i].delivered = false;
	f->size = b->claims[first].block.offset;
	return mbox_file_cut(f, f->size, e);
}

/* It was found by its content where it was written, but only because newlines
 * at the end do not count: it is torn all the same. */
static bool
lacks_its_end(const struct mbox_batch *b, const struct mbox_claim *c)
{
	return !c->exact && c->found_at == mbox_block_line_at(&c->block) &&
	       b->recovery->file.size < mbox_block_end(&c->block);
}

static int
cut_torn(struct mbox_batch *b, struct err *e)
{
	bool torn = false;

	for (size_t i = 0; i < b->count && b->base_is_there; i++) {
		if (b->claims[i].block.offset >= b->recovery->file.size)
			return 0;
		if (b->claims[i].delivered && !lacks_its_end(b, &b->claims[i]))
			continue;
		if (is_torn(b, i, &torn, e) != 0)
			return -1;
		if (torn)
			return cut(b, i, e);
	}
	return 0;
}

/* --- is it durable? --- */

/* The run that wrote it may have ended because its sync failed: then the bytes
 * are in memory only, and no sync would write them any more. */
static int
rewrite_exact(const struct mbox_batch *b, struct err *e)
{
	const struct mbox_claim *c;

	for (c = b->claims; c < b->claims + b->count; c++)
		if (c->exact && c->delivered &&
		    fs_write_anew(b->recovery->file.fd, (off_t)c->block.offset,
				  mbox_block_size(&c->block), e) != 0)
			return -1;
	return 0;
}

static int
judge_batch(struct mbox_batch *b, struct err *e)
{
	if (match_base(b, e) != 0 || search(b, e) != 0 || cut_torn(b, e) != 0)
		return -1;
	return rewrite_exact(b, e);
}

/* --- a file --- */

static size_t
batch_size(const struct mbox_claim *c, size_t count)
{
	size_t n = 1;

	while (n < count && !c[n].judged && c[n].block.base == c->block.base &&
	       strcmp(c[n].block.path, c->block.path) == 0)
		n++;
	return n;
}

/* Judges `count` claims on the file that is taken.  What is there is made
 * durable before it counts as delivered. */
static int
judge_file(struct mbox_recovery *r, struct mbox_claim *claims, size_t count,
	   struct err *e)
{
	struct mbox_batch b = { .recovery = r, .claims = claims };

	for (; count > 0; b.claims += b.count, count -= b.count) {
		b.count = batch_size(b.claims, count);
		if (judge_batch(&b, e) != 0)
			return -1;
	}
	return fs_sync(r->file.fd, r->file.path, e);
}

static bool
is_target(const struct deliver_target *target, const char *path)
{
	return target->kind == DELIVER_MBOX && strcmp(target->path, path) == 0;
}

/* It does not exist at all, or something else has taken its place: a Maildir, a
 * link. */
static bool
is_absent(const struct err *e)
{
	return e->sys == ENOENT || e->sys == ENOTDIR || e->sys == EISDIR ||
	       e->sys == ELOOP;
}

/* A file that is absent has nothing in it.  But if new mail is to go there it
 * is an error, since the disk may be missing. */
static int
open_file(struct mbox_recovery *r, const char *path, bool *there, struct err *e)
{
	*there = false;
	if (mbox_file_open(&r->file, path, e) == 0 &&
	    mbox_file_take(&r->file, false, MBOX_WAIT_MS, e) == 0) {
		*there = true;
		return 0;
	}
	if (!is_absent(e) || is_target(r->target, path))
		return -1;
	err_clear(e);
	return 0;
}

static int
recover_file(struct mbox_recovery *r, struct mbox_claim *claims, size_t count,
	     struct err *e)
{
	bool there;
	int rc;

	rc = open_file(r, claims->block.path, &there, e);
	if (there)
		rc = judge_file(r, claims, count, e);
	mbox_file_restore_atime(&r->file);
	mbox_file_close(&r->file);
	return rc;
}

static size_t
file_claims(const struct mbox_claim *c, size_t count)
{
	size_t n = 1;

	while (n < count && !c[n].judged &&
	       strcmp(c[n].block.path, c->block.path) == 0)
		n++;
	return n;
}

/* A lock that a killed run has left would keep others out until they take it
 * for stale, and this run may have nothing to deliver. */
static void
clear_lock(const struct deliver_target *target)
{
	struct err ignored = ERR_INIT;
	struct mbox_file f;

	if (target->kind != DELIVER_MBOX ||
	    !lock_mailbox_is_left(target->path) ||
	    mbox_file_open(&f, target->path, &ignored) != 0)
		return;
	(void)mbox_file_take(&f, false, 0, &ignored);
	mbox_file_close(&f);
}

int
mbox_recover(const struct deliver_target *target, const char *const evidence[],
	     enum deliver_verdict verdict[], size_t count, struct err *e)
{
	struct mbox_recovery r;
	size_t n;
	int rc = 0;

	begin(&r, target, evidence, count);
	for (size_t i = 0; i < count && !r.claims[i].judged && rc == 0;
	     i += n) {
		n = file_claims(r.claims + i, count - i);
		rc = recover_file(&r, r.claims + i, n, e);
	}
	for (size_t i = 0; i < count; i++)
		if (r.claims[i].delivered)
			verdict[r.claims[i].index] = DELIVER_WAS_DELIVERED;
	end(&r);
	if (rc == 0)
		clear_lock(target);
	return rc;
}
