/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the session's own files only: what they share.  session.c runs the others: survey.c
 * lists and plans, examine.c settles what is unclear, retrieve.c asks for messages,
 * incoming.c takes them in, step.c sees that replies belong to their commands, removal.c
 * deletes and says QUIT, takeover.c records what others delivered, answer.c serves
 * --dry-run and --check.
 */
#ifndef KEEPER_SESSION_STATE_H
#define KEEPER_SESSION_STATE_H

#include "message/fromline.h"
#include "message/header.h"
#include "keeper/requests.h"
#include "keeper/session.h"
#include "state/age.h"
#include "state/listing.h"
#include "state/plan.h"

/* A message to delete: its position in the listing, and its row. */
struct removal {
	size_t entry;
	int64_t row;
};

/* Marks of a listing entry. */
enum {
	MARK_ASKED = 1,		/* RETR was sent to deliver it */
	MARK_RETRIEVED = 2,	/* RETR was answered, for whatever purpose */
	MARK_DIGEST = 4,	/* its digest stands in `digests` */
	MARK_DELIVERED = 8,	/* recorded, itself or an equal twin */
	MARK_REMOVAL = 16,	/* in `removals` */
	MARK_NAMED = 32,	/* too large, and the user was told */
	MARK_DELETED = 64,	/* DELE was answered with +OK */
	MARK_SHUT = 128,	/* the server does not give it to be compared */
	MARK_TOP = 256,		/* by TOP it is none that is known */
	MARK_LEARNED = 512,	/* its header is as good as recorded */
	MARK_PROVE = 1024,	/* by TOP it is one that is known, of another size
				   or of one that is unproven: RETR is to tell */
	MARK_LOOKED_UP = 2048,	/* by all of its content, if it has no uid */
	MARK_PROVEN = 4096	/* by RETR it is its row's */
};

struct session;
/* What is done with the header digest of a message on the server. */
typedef int session_examined(struct session *s, size_t entry,
			     const uint8_t *digest, struct err *e);

struct session {
	const struct session_settings *set;
	struct store *store;
	const struct deliver_target *target;
	struct link *report;
	struct requests *requests;
	struct batch *batch;		/* SESSION_FETCH only */
	struct facts facts;

	bool has_uidl, listed, saw_uid, saw_size;
	struct err no_uidl;		/* what was said instead of a listing */
	bool planned;			/* the plan is decided */
	bool knows_contents;		/* rows without uid are on record */
	struct listing *listing;
	struct store_rows *rows;
	struct plan *plan;

	struct header *header;		/* of what is coming in now */
	struct fromline fromline;	/* in front of that */
	bool top_refused;
	bool top_differs;		/* from RETR, at this server */
	int64_t top_differed;		/* when that was noted, or 0 */
	struct takeover *takeover;	/* NULL until there is something */
	size_t newest;			/* of what --catch-up is to record */
	char newest_date[HEADER_DATE_MAX];
	char *received;			/* field to prepend, or NULL */
	size_t next;			/* entry to retrieve next, in two passes */
	bool by_itself;			/* not before all else is handed over */
	uint64_t asked_bytes;		/* listed sizes of RETRs under way */
	bool out_of_space;		/* it was told that the disk is full */
	bool postponed;			/* ask for no more: MDA or server say so */
	struct err later;		/* what the server said then */
	unsigned refusals;		/* of RETR, in a row */
	bool staging_failed;
	bool threw_away;		/* what came in was not looked at */
	bool saw_contents;		/* all that no uid tells of was retrieved */
	uint8_t content[DIGEST_SHA256_SIZE];	/* looked up last, without uid */
	int64_t content_row;		/* its last row that is taken, or 0 */
	bool batch_failed;		/* hand over no more */
	bool in_doubt;			/* are replies and commands in step? */
	size_t doubted;			/* the last entry that made it so */
	int64_t *octets;		/* of entries listed otherwise (else -1), or
					   NULL */
	bool wants_proof;		/* it is time to find out */
	int64_t proof;			/* size that the proof has told */
	uint16_t *marks;		/* of each entry */
	uint8_t (*digests)[DIGEST_SHA256_SIZE];	/* of entries with
					   MARK_DIGEST; NULL: no twins */
	bool fetched_some;		/* a round of RETR is over */
	session_examined *examined;

	struct removal *removals;
	size_t removal_count, removal_room;
	uint64_t marked;		/* DELE was answered with +OK */
	bool dele_refused;
	int64_t bye;			/* value of LINK_BYE; 2: none yet */

	int64_t now;			/* when the clock was judged: should it
					   be set right meanwhile, the next run must
					   see that it jumped */
	struct age_clock clock;
	bool clock_is_doubted;
	int64_t end;			/* of the session, clock_ms */
	int64_t stop_until;		/* 0: not asked to stop */
	bool stopped_short;		/* which left work undone */
	struct report_progress progress;
	int64_t progress_at;		/* clock_ms of the last report */
	struct report_result *result;
	struct err first;		/* that did not end the session */
};

/* One turn of the keeper's loop: waits, carries out records, sees to the batch (`all`
 * as for batch_run) and to a request to stop. */
int session_turn(struct session *s, bool all, struct err *e);
int session_run_batch(struct session *s, bool all, struct err *e);
/* Turns until every errand is answered. */
int session_settle(struct session *s, struct err *e);
bool session_is_stopping(const struct session *s);
/* Will the MDA get nothing that is not with it already?  Then what is on its way from
 * the server is thrown away. */
bool session_wants_no_more(const struct session *s);
/* An error that does not end the session: reported now, and the first remembered. */
void session_complain(struct session *s, const struct err *e);
void session_warn(struct session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* How a message is called in lines for people: "message 17 (uid 'abc')"; cut. */
enum { SESSION_NAME_MAX = 160 };
void session_name(const struct session *s, size_t entry,
		  char out[SESSION_NAME_MAX]);
/* Octets of a message as the server lists it now, or as it did when it was recorded; -1
 * when neither is known. */
int64_t session_size(const struct session *s, size_t entry);
/* An error that ends the fetching, not the session: told at the end like one that
 * did (notice_after). */
void session_postpone(struct session *s, const struct err *e);
/* A small transaction of its own around one store call. */
int session_begin_note(struct session *s, struct err *e);
int session_end_note(struct session *s, int result, struct err *e);

/* The courier's GO, and the listing; then the plan. */
extern const struct requests_listing survey_listing;
int survey_go(struct session *s, struct err *e);
int survey_plan(struct session *s, struct err *e);
/* What the next run is to know of the clock, of UIDL and of TOP. */
int survey_note_facts(struct session *s, struct err *e);

/* Of so many messages that are delivered no header is on record: told once. */
int survey_warn_unproven(struct session *s, uint64_t count, struct err *e);

/* Names what is too large, once in its life. */
int survey_name_large(struct session *s, struct err *e);

/* TOP for everything in PLAN_COMPARE, and for PLAN_DELETE (what matches becomes a
 * removal). */
int examine_run(struct session *s, struct err *e);
/* The row among those of this uid that the message is, or SIZE_MAX. */
int examine_find_row(struct session *s, size_t entry, const uint8_t *digest,
		     size_t *row, struct err *e);
/* The same of one that was retrieved, with so many octets, after all. */
int examine_find_retrieved(struct session *s, size_t entry,
			   const uint8_t *digest, int64_t octets, size_t *row,
			   struct err *e);
/* TOP for all that are wanted; `use` is not called for what gives none, which is all of
 * a server that has no TOP. */
int examine_by(struct session *s, session_examined *use,
	       bool (*is_wanted)(const struct session *s, size_t entry),
	       struct err *e);
bool examine_has_top(const struct session *s);

/* All of PLAN_FETCH that was not asked for yet, to its end on record. */
int retrieve_run(struct session *s, struct err *e);

/* RETR of a message that is to be delivered. */
extern const struct errand_class incoming_errand;
void incoming_show_progress(struct session *s, bool now);
/* The session ended with this error: was it at a message? Then that one is remembered. */
void incoming_broken(struct session *s, const struct err *why);
/* batch_done of the session. */
void incoming_done(void *arg, const struct batch_message *m,
		   enum deliver_outcome outcome, const struct err *why);

/* So many octets a message had: its size may be told so from now on. */
void step_note(struct session *s, size_t entry, int64_t octets);
/* The same; and if it is not as long as it was listed, replies may be out of step. */
void step_doubt(struct session *s, size_t entry, int64_t octets);
/* Asks for the proof; all before it is answered. */
void step_give_proof(struct session *s);

void removal_add(struct session *s, size_t entry, int64_t row);
int removal_run(struct session *s, struct err *e);
int removal_quit(struct session *s, struct err *e);

/* --catch-up, or what it would do. */
int takeover_run(struct session *s, struct err *e);
int takeover_look(struct session *s, struct err *e);
/* The header of what a list has recorded, in steps; takeover_save is the last one. */
int takeover_learn(struct session *s, size_t entry, const uint8_t *digest,
		   struct err *e);
int takeover_save(struct session *s, struct err *e);
void takeover_free(struct session *s);

void answer_dry_run(struct session *s);
void answer_check(struct session *s);

#endif
