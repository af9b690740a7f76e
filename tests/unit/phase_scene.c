/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "phase_scene.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "keeper/removal.h"
#include "message/header.h"
#include "scratch.h"

enum { PATIENCE_MS = 5 * 1000 };

static void
note(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static void
set_settings(struct scene *x)
{
	static char host[] = "pop.example.org", user[] = "jane";

	x->server = (struct server){
		.host = host,
		.user = user,
		.timeout_ms = PATIENCE_MS,
		.session_timeout_ms = PATIENCE_MS,
	};
	x->keeper_settings.rules.keep_s = PLAN_KEEP_FOREVER;
	x->keeper_settings.target = (struct deliver_target){
		.kind = DELIVER_MAILDIR,
		.path = x->maildir,
		.account = "work",
		.user = user,
		.spool = x->dir,
		.note = note,
	};
	x->settings = (struct session_settings){
		.server = &x->server,
		.keeper = &x->keeper_settings,
		.limits = batch_limits_usual,
	};
}

int
scene_set_up(void **state)
{
	struct scene *x = mem_alloc(sizeof(*x));

	*state = x;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(x->dir, sizeof(x->dir), "/tmp/popfetch-test-XXXXXX");
	assert_non_null(mkdtemp(x->dir));
	x->maildir = mem_format("%s/Mail", x->dir);
	x->db = mem_format("%s/state.db", x->dir);
	x->told = mem_string("");
	x->listing = NULL;
	set_settings(x);
	assert_int_equal(link_pair(&x->courier, &x->keeper, true, &x->e), 0);
	assert_int_equal(link_pair(&x->report, &x->parent, true, &x->e), 0);
	x->session = (struct session){
		.set = &x->settings,
		.report = x->report,
		.requests = requests_new(x->keeper, x->report, PATIENCE_MS),
		.removals = removals_new(),
		.result = &x->result,
		.facts = { .has_top = true,
			   .announces_uidl = true,
			   .pipelining = true,
			   .expire_days = FACTS_EXPIRE_UNSAID },
		.now = clock_unix(),
		.end = clock_deadline(PATIENCE_MS),
		.work_end = clock_deadline(3600 * 1000), /* the default */
	};
	assert_int_equal(store_open(&x->session.store, x->db, -1, true, &x->e),
			 0);
	x->keeper_settings.target.state_id = store_id(x->session.store);
	return 0;
}

int
scene_tear_down(void **state)
{
	struct scene *x = *state;
	char *command = mem_format("rm -rf '%s'", x->dir);

	mailbox_free(&x->session.mailbox);
	removals_free(&x->session.removals);
	requests_free(&x->session.requests);
	listing_free(&x->listing);
	store_close(&x->session.store);
	link_free(&x->courier);
	link_free(&x->keeper);
	link_free(&x->report);
	link_free(&x->parent);
	assert_int_equal(system(command), 0);
	free(command);
	free(x->maildir);
	free(x->db);
	free(x->told);
	free(x);
	return 0;
}

/* --- what there is --- */

static void
digest_header(const char *text, uint8_t digest[DIGEST_SHA256_SIZE])
{
	struct header *h = header_new();

	header_start(h);
	header_add(h, (const uint8_t *)text, strlen(text));
	header_end(h);
	memcpy(digest, header_digest(h), DIGEST_SHA256_SIZE);
	header_free(&h);
}

int64_t
scene_row(struct scene *x, const char *uid, int64_t size, const char *header,
	  int64_t octets, int64_t days_ago)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	struct store_message m = {
		.uid = (const uint8_t *)uid,
		.uid_size = strlen(uid),
		.size = size,
		.digest = header ? digest : NULL,
		.octets = octets,
	};
	struct store *s = x->session.store;
	struct store_rows *rows;
	int64_t id;

	if (header)
		digest_header(header, digest);
	assert_int_equal(store_begin(s, STORE_DURABLE, &x->e), 0);
	assert_int_equal(store_add_delivered(s, &m,
					     x->session.now -
						     days_ago * SCENE_DAY,
					     &x->e),
			 0);
	assert_int_equal(store_commit(s, &x->e), 0);
	assert_int_equal(store_load(s, &rows, &x->e), 0);
	id = store_rows_at(rows, store_rows_count(rows) - 1).id;
	store_rows_free(&rows);
	return id;
}

void
scene_list(struct scene *x, const char *uid, int64_t size)
{
	static uint32_t number;

	if (!x->listing) {
		x->listing = listing_new(0, 0);
		number = 0;
	}
	assert_true(listing_add(x->listing, ++number, uid, strlen(uid)));
	(void)listing_set_size(x->listing, number, size);
}

/* The same with the count and the sum that STAT would tell. */
static struct listing *
whole_listing(struct scene *x)
{
	struct listing *all;
	uint64_t total = 0;
	size_t count;

	if (!x->listing)
		x->listing = listing_new(0, 0);
	listing_done(x->listing);
	count = listing_count(x->listing);
	for (size_t i = 0; i < count; i++)
		if (listing_at(x->listing, i).size > 0)
			total += (uint64_t)listing_at(x->listing, i).size;
	all = listing_new(count, total);
	for (size_t i = 0; i < count; i++) {
		struct listing_entry l = listing_at(x->listing, i);

		assert_true(listing_add(all, l.number, l.uid, l.uid_size));
		(void)listing_set_size(all, l.number, l.size);
	}
	listing_done(all);
	return all;
}

static void
make_mailbox(struct scene *x, struct listing *l)
{
	struct plan_rules rules = x->keeper_settings.rules;
	struct store_rows *rows;

	assert_int_equal(store_load(x->session.store, &rows, &x->e), 0);
	x->session.mailbox = mailbox_new(l, rows, true);
	rules.now = x->session.now;
	rules.all = x->settings.all;
	mailbox_decide(x->session.mailbox, &rules);
}

void
scene_mailbox(struct scene *x)
{
	make_mailbox(x, whole_listing(x));
}

void
scene_mailbox_as_listed(struct scene *x)
{
	listing_done(x->listing);
	make_mailbox(x, x->listing);
	x->listing = NULL;
}

/* --- what the courier will say --- */

static void
flush(struct scene *x)
{
	assert_int_equal(link_flush(x->courier, &x->e), 0);
}

void
scene_answer(struct scene *x, enum link_type type, uint32_t number,
	     int64_t value, const char *text)
{
	link_put_text(x->courier, type, number, value, text);
	flush(x);
}

void
scene_message(struct scene *x, uint32_t number, const char *text,
	      int64_t octets)
{
	if (octets < 0) {
		octets = 0;
		for (const char *c = text; *c; c++)
			octets += *c == '\n' ? 2 : 1;
	}
	if (*text)
		link_put_text(x->courier, LINK_CHUNK, number, 0, text);
	link_put(x->courier, LINK_END, number, octets, NULL, 0);
	flush(x);
}

void
scene_refuse(struct scene *x, uint32_t number, enum err_kind kind,
	     const char *why)
{
	scene_answer(x, LINK_REFUSED, number, (int64_t)kind, why);
}

void
scene_listing(struct scene *x)
{
	struct listing *all = whole_listing(x);

	facts_put(x->courier, &x->session.facts);
	link_put(x->courier, LINK_STAT, (uint32_t)listing_count(all),
		 (int64_t)listing_stat_total(all), NULL, 0);
	for (size_t i = 0; i < listing_count(all); i++) {
		struct listing_entry l = listing_at(all, i);

		link_put(x->courier, LINK_UID, l.number, 0, l.uid, l.uid_size);
	}
	link_put(x->courier, LINK_LISTED, 0, 1, NULL, 0);
	flush(x);
	listing_free(&all);
}

/* --- what came of it --- */

static const char *
order_name(unsigned type)
{
	switch (type) {
	case LINK_GO:
		return "GO";
	case LINK_LIST:
		return "LIST";
	case LINK_UIDL:
		return "UIDL";
	case LINK_TOP:
		return "TOP";
	case LINK_RETR:
		return "RETR";
	case LINK_DELE:
		return "DELE";
	case LINK_QUIT:
		return "QUIT";
	default:
		return "nonsense";
	}
}

void
scene_assert_asked(struct scene *x, const char *expected)
{
	struct link_record r;
	struct err ignored = ERR_INIT;
	struct buf all;

	buf_init(&all, 64 * 1024);
	if (x->keeper)
		(void)link_flush(x->keeper, &ignored);
	(void)link_pull(x->courier, &ignored);
	while (link_next(x->courier, &r)) {
		(void)buf_format(&all, "%s%s", all.len > 0 ? ", " : "",
				 order_name(r.type));
		if (r.number != 0)
			(void)buf_format(&all, " %u", r.number);
	}
	assert_string_equal(buf_text(&all), expected);
	buf_free(&all);
}

static void
hear(struct scene *x)
{
	struct link_record r;
	struct err ignored = ERR_INIT;

	report_flush(x->report);
	(void)link_pull(x->parent, &ignored);
	while (link_next(x->parent, &r)) {
		char *before = x->told;

		if (r.type != REPORT_LINE && r.type != REPORT_LOG &&
		    r.type != REPORT_ERROR)
			continue;
		x->told = mem_format("%s%.*s\n", before, (int)r.size,
				     (const char *)r.data);
		free(before);
	}
}

bool
scene_was_told(struct scene *x, const char *part)
{
	hear(x);
	return strstr(x->told, part);
}

struct store_row
scene_row_now(struct scene *x, int64_t id)
{
	struct store_row row = { .id = 0 };
	struct store_rows *rows;

	assert_int_equal(store_load(x->session.store, &rows, &x->e), 0);
	for (size_t i = 0; i < store_rows_count(rows); i++)
		if (store_rows_at(rows, i).id == id)
			row = store_rows_at(rows, i);
	store_rows_free(&rows);
	assert_int_equal(row.id, id);
	row.uid = NULL; /* it was the rows' */
	return row;
}

size_t
scene_row_count(struct scene *x)
{
	struct store_rows *rows;
	size_t count;

	assert_int_equal(store_load(x->session.store, &rows, &x->e), 0);
	count = store_rows_count(rows);
	store_rows_free(&rows);
	return count;
}

/* fs_list calls it for each name. */
size_t
scene_delivered(struct scene *x)
{
	char *path = mem_format("%s/new", x->maildir);
	size_t count = scratch_count(path);

	free(path);
	return count;
}

/* --- facts and headers --- */

void
scene_facts(struct scene *x)
{
	facts_put(x->courier, &x->session.facts);
	flush(x);
}

int64_t
scene_fact(struct scene *x, const char *name)
{
	int64_t value;

	assert_int_equal(store_fact(x->session.store, name, 0, &value, &x->e),
			 0);
	return value;
}

void
scene_set_fact(struct scene *x, const char *name, int64_t value)
{
	assert_int_equal(phase_note_fact(&x->session, name, value, &x->e), 0);
}

void
scene_digest(const char *header, uint8_t digest[DIGEST_SHA256_SIZE])
{
	digest_header(header, digest);
}

bool
scene_has_header(struct scene *x, int64_t id, const char *header)
{
	uint8_t stored[DIGEST_SHA256_SIZE], digest[DIGEST_SHA256_SIZE];
	bool found;

	digest_header(header, digest);
	assert_int_equal(store_digest(x->session.store, id, &found, stored,
				      &x->e),
			 0);
	return found && memcmp(stored, digest, sizeof(stored)) == 0;
}

int64_t
scene_row_of(struct scene *x, const char *uid)
{
	struct store_rows *rows;
	int64_t id = 0;

	assert_int_equal(store_load(x->session.store, &rows, &x->e), 0);
	for (size_t i = 0; i < store_rows_count(rows); i++) {
		struct store_row row = store_rows_at(rows, i);

		if (row.uid_size == strlen(uid) &&
		    memcmp(row.uid, uid, row.uid_size) == 0)
			id = row.id;
	}
	store_rows_free(&rows);
	return id;
}

int64_t
scene_aside(struct scene *x, const char *uid, int64_t size, int64_t hours)
{
	struct store_message m = {
		.uid = (const uint8_t *)uid,
		.uid_size = strlen(uid),
		.size = size,
	};
	int64_t id = 0;
	int rc;

	assert_int_equal(phase_begin_note(&x->session, &x->e), 0);
	rc = store_set_aside(x->session.store, &id, &m,
			     x->session.now + hours * 3600, "refused", &x->e);
	assert_int_equal(phase_end_note(&x->session, rc, &x->e), 0);
	return id;
}
