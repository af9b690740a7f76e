/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Delivery to an mbox: spooled, then appended under the mailbox's locks. */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "deliver/class.h"
#include "deliver/mbox/mbox_block.h"
#include "deliver/mbox/mbox_file.h"
#include "deliver/mbox/mboxrd.h"
#include "deliver/mbox/mbox_recovery.h"
#include "deliver/mbox/mbox_scan.h"
#include "deliver/spool.h"
#include "deliver/mbox/strip.h"
#include "sys/fs.h"

/* Input is filtered in pieces, and is spooled when SPOOL_AT bytes of it wait;
 * an mbox is written in larger pieces. */
enum { PIECE = 16 * 1024, SPOOL_AT = 64 * 1024, WRITE_AT = 1024 * 1024 };

struct mbox {
	struct deliver base;
	bool may_create;
	struct mbox_file file; /* taken between secure and settle */
	struct spool *spool;
	int spool_dir;
	struct buf out; /* for the mbox; written at `out_at` */
	uint64_t out_at;
};

struct mbox_staged {
	struct deliver_staged base;
	struct strip strip;
	struct mboxrd mboxrd;
	struct buf stripped, quoted; /* the latter waits for the spool */
	struct spool_text *text;
	struct digest *digest;
	struct mboxcontent *content;
	uint8_t last; /* the last byte of the text */
	struct mbox_block block;
};

/* Mail readers believe these fields, so only they may write them (RFC 4155
 * knows none). */
static const char *const trusted_fields[] = { "status",		"x-status",
					      "x-keywords",	"x-uid",
					      "x-imap",		"x-imapbase",
					      "content-length", NULL };

static struct mbox *
mbox_of(struct deliver *d)
{
	return (struct mbox *)d;
}

static struct mbox_staged *
staged_of(struct deliver_staged *s)
{
	return (struct mbox_staged *)s;
}

/* --- open and close --- */

/* The name of what a kill may leave of the spool, which tells whose it is; the
 * caller frees it. */
static char *
spool_name(const struct deliver_target *target)
{
	return mem_format("mbox-%s", target->state_id);
}

static int
mbox_open(struct deliver **d, const struct deliver_target *target,
	  bool may_create, struct err *e)
{
	struct mbox_file file;
	struct mbox *m;
	int spool_dir = -1;
	char *name;

	if (fs_open_dir(target->spool, &spool_dir, e) != 0)
		return -1;
	if (mbox_file_open(&file, target->path, e) != 0 ||
	    mbox_file_check(&file, may_create, e) != 0) {
		mbox_file_close(&file);
		fs_drop(&spool_dir);
		return -1;
	}
	m = mem_alloc(sizeof(*m));
	m->may_create = may_create;
	m->file = file;
	name = spool_name(target);
	m->spool = spool_new(target->spool, name);
	free(name);
	m->spool_dir = spool_dir;
	buf_init(&m->out, SIZE_MAX);
	*d = &m->base;
	return 0;
}

static void
mbox_close(struct deliver *d)
{
	struct mbox *m = mbox_of(d);

	mbox_file_close(&m->file);
	spool_free(&m->spool);
	fs_drop(&m->spool_dir);
	buf_free(&m->out);
	free(m);
}

static void
mbox_space(const struct deliver *d, struct deliver_space *space)
{
	const struct mbox *m = (const struct mbox *)d;
	uint64_t spool = fs_free_bytes(m->spool_dir);
	uint64_t here = fs_free_bytes(m->file.dir);

	space->free_bytes = spool < here ? spool : here;
	space->copies = spool == here ? 2 : 1; /* one disk */
	space->path = spool < here ? d->target->spool : d->target->path;
}

/* --- one message --- */

static int
mbox_stage(struct deliver *d, const struct deliver_message *message,
	   struct deliver_staged **s, struct err *e)
{
	struct spool_text *text;
	struct mbox_staged *staged;

	(void)message;
	if (spool_begin(mbox_of(d)->spool, &text, e) != 0)
		return -1;
	staged = mem_alloc(sizeof(*staged));
	staged->text = text;
	strip_start(&staged->strip, trusted_fields);
	mboxrd_start(&staged->mboxrd);
	buf_init(&staged->stripped, SIZE_MAX);
	buf_init(&staged->quoted, SIZE_MAX);
	staged->digest = digest_new(DIGEST_SHA256);
	staged->content = mboxcontent_new();
	*s = &staged->base;
	return 0;
}

static int
flush_text(struct mbox_staged *staged, struct err *e)
{
	struct buf *b = &staged->quoted;

	if (b->len == 0)
		return 0;
	if (spool_add(staged->text, b->data, b->len, e) != 0)
		return -1;
	buf_clear(b);
	return 0;
}

/* The text in the buffer is new from `from` on. */
static int
add_text(struct mbox_staged *staged, size_t from, struct err *e)
{
	struct buf *b = &staged->quoted;

	if (b->len == from)
		return 0;
	digest_add(staged->digest, b->data + from, b->len - from);
	mboxcontent_add(staged->content, b->data + from, b->len - from);
	staged->last = b->data[b->len - 1];
	return b->len >= SPOOL_AT ? flush_text(staged, e) : 0;
}

/* What the strip filter has passed goes through the quoting one. */
static int
quote(struct mbox_staged *staged, bool at_end, struct err *e)
{
	size_t from = staged->quoted.len;

	mboxrd_add(&staged->mboxrd, staged->stripped.data, staged->stripped.len,
		   &staged->quoted);
	buf_clear(&staged->stripped);
	if (at_end)
		mboxrd_end(&staged->mboxrd, &staged->quoted);
	return add_text(staged, from, e);
}

static int
mbox_write(struct deliver_staged *s, const void *bytes, size_t size,
	   struct err *e)
{
	struct mbox_staged *staged = staged_of(s);
	const uint8_t *p = bytes;
	size_t piece;

	for (; size > 0; p += piece, size -= piece) {
		piece = size < PIECE ? size : PIECE;
		strip_add(&staged->strip, p, piece, &staged->stripped);
		if (quote(staged, false, e) != 0)
			return -1;
	}
	return 0;
}

/* The message ends with a line end, and an empty line follows it. */
static int
end_text(struct mbox_staged *staged, struct err *e)
{
	size_t from;

	strip_end(&staged->strip, &staged->stripped);
	if (quote(staged, true, e) != 0)
		return -1;
	from = staged->quoted.len;
	if (staged->last != '\n')
		(void)buf_byte(&staged->quoted, '\n');
	(void)buf_byte(&staged->quoted, '\n');
	if (add_text(staged, from, e) != 0)
		return -1;
	return flush_text(staged, e);
}

/* Frees what was needed while bytes came in. */
static void
free_filters(struct mbox_staged *staged)
{
	buf_free(&staged->stripped);
	buf_free(&staged->quoted);
	digest_free(&staged->digest);
	mboxcontent_free(&staged->content);
}

static int
read_start(struct mbox_staged *staged, struct err *e)
{
	struct mbox_block *b = &staged->block;

	b->start_size = b->text_size < MBOX_BLOCK_START_MAX
				? (size_t)b->text_size
				: MBOX_BLOCK_START_MAX;
	return spool_read(staged->text, 0, b->start, b->start_size, e);
}

static int
mbox_finish(struct deliver_staged *s, const uint8_t digest[DIGEST_SHA256_SIZE],
	    int64_t octets, const char *sender, struct err *e)
{
	struct mbox_staged *staged = staged_of(s);
	char date[CLOCK_DATE_MAX];

	(void)digest;
	(void)octets;
	if (end_text(staged, e) != 0)
		return -1;
	clock_asctime(date, sizeof(date), clock_unix());
	staged->block.from_line = mem_format("From %s %s\n", sender, date);
	staged->block.text_size = spool_size(staged->text);
	if (read_start(staged, e) != 0)
		return -1;
	digest_end(staged->digest, staged->block.text);
	mboxcontent_end(staged->content, staged->block.content);
	free_filters(staged);
	return 0;
}

static void
mbox_discard(struct deliver_staged *s)
{
	struct mbox_staged *staged = staged_of(s);

	free_filters(staged);
	spool_end(&staged->text);
	mbox_block_clear(&staged->block);
	free(staged);
}

/* --- a batch --- */

static int
set_evidence(struct deliver *d, struct err *e)
{
	struct mbox *m = mbox_of(d);
	uint8_t before[DIGEST_SIZE_MAX];
	uint64_t at = m->file.size, newlines;
	struct mbox_block *b;

	if (mbox_file_newlines(&m->file, &newlines, e) != 0 ||
	    mbox_file_digest_before(&m->file, at, before, e) != 0)
		return -1;
	for (size_t i = 0; i < d->count; i++) {
		b = &staged_of(d->batch[i])->block;
		free(b->path);
		b->path = mem_string(m->file.path);
		b->base = m->file.size;
		memcpy(b->before, before, sizeof(before));
		b->offset = at;
		b->newlines = i == 0 ? newlines : 0;
		d->batch[i]->evidence = mbox_block_evidence(b);
		at += mbox_block_size(b);
	}
	return 0;
}

static int
mbox_secure(struct deliver *d, struct err *e)
{
	struct mbox *m = mbox_of(d);

	if (mbox_file_take(&m->file, m->may_create, MBOX_WAIT_MS, e) != 0)
		return -1;
	if (set_evidence(d, e) == 0)
		return 0;
	mbox_file_release(&m->file);
	return -1;
}

static int
flush_out(struct mbox *m, struct err *e)
{
	if (m->out.len == 0)
		return 0;
	mbox_file_touch(&m->file);
	if (fs_write_at(m->file.fd, m->out.data, m->out.len, (off_t)m->out_at,
			e) != 0)
		return -1;
	m->out_at += m->out.len;
	buf_clear(&m->out);
	return 0;
}

static int
append_text(struct mbox *m, const struct spool_text *text, struct err *e)
{
	uint64_t at = 0, size = spool_size(text);
	size_t piece;

	for (; at < size; at += piece) {
		piece = size - at < SPOOL_AT ? (size_t)(size - at) : SPOOL_AT;
		if (spool_read(text, at, buf_room(&m->out, piece), piece, e))
			return -1;
		buf_added(&m->out, piece);
		if (m->out.len >= WRITE_AT && flush_out(m, e) != 0)
			return -1;
	}
	return 0;
}

static int
append_block(struct mbox *m, const struct mbox_staged *staged, struct err *e)
{
	const struct mbox_block *b = &staged->block;

	assert(m->out_at + m->out.len == b->offset);
	(void)buf_append(&m->out, "\n\n", (size_t)b->newlines);
	(void)buf_append(&m->out, b->from_line, strlen(b->from_line));
	return append_text(m, staged->text, e);
}

static int
append_batch(struct deliver *d, struct err *e)
{
	struct mbox *m = mbox_of(d);

	buf_clear(&m->out);
	m->out_at = m->file.size;
	for (size_t i = 0; i < d->count; i++)
		if (append_block(m, staged_of(d->batch[i]), e) != 0)
			return -1;
	return flush_out(m, e);
}

/* Nobody must find a part of a batch, or what a failed sync may have lost. */
static int
take_back(struct mbox *m, struct err *e)
{
	struct err second = ERR_INIT;

	if (mbox_file_cut(&m->file, m->file.size, &second) != 0)
		err_context(e, "%s, after this", second.text);
	mbox_file_restore_atime(&m->file);
	mbox_file_release(&m->file);
	e->kind = ERR_LOCAL;
	return -1;
}

static int
mbox_publish(struct deliver *d, struct err *e)
{
	if (append_batch(d, e) == 0)
		return 0;
	return take_back(mbox_of(d), e);
}

static int
mbox_settle(struct deliver *d, struct err *e)
{
	struct mbox *m = mbox_of(d);

	mbox_file_mark_new(&m->file);
	if (fs_sync(m->file.fd, m->file.path, e) != 0)
		return take_back(m, e);
	mbox_file_release(&m->file);
	buf_free(&m->out);
	for (size_t i = 0; i < d->count; i++)
		d->batch[i]->outcome = DELIVER_DONE;
	return 0;
}

static void
mbox_drop(struct deliver *d)
{
	mbox_file_release(&mbox_of(d)->file);
}

static void
mbox_clear(const struct deliver_target *target, const char *const places[],
	   size_t count)
{
	struct err ignored = ERR_INIT;
	char *name = spool_name(target);
	int dir = -1;

	(void)places;
	(void)count;
	if (fs_open_dir(target->spool, &dir, &ignored) == 0)
		(void)fs_remove_at(dir, name, &ignored);
	fs_drop(&dir);
	free(name);
}

/* deliver.c has this table; class.h says what is called when. */
const struct deliver_class mbox_class = { .name = "mbox",
					  .batch_max = 256,
					  .open = mbox_open,
					  .close = mbox_close,
					  .space = mbox_space,
					  .stage = mbox_stage,
					  .write = mbox_write,
					  .finish = mbox_finish,
					  .discard = mbox_discard,
					  .leave = mbox_discard,
					  .secure = mbox_secure,
					  .abandon = mbox_drop,
					  .publish = mbox_publish,
					  .settle = mbox_settle,
					  .drop = mbox_drop,
					  .recover = mbox_recover,
					  .clear = mbox_clear };
