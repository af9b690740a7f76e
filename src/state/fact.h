/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names of facts (store_fact): what a state knows beside its messages.
 * Times are seconds since 1970; a fact that was never written is what its
 * reader says, mostly 0.
 *
 * A lazily committed one may be lost with the power (doc/design.md says at what
 * cost); those marked [durable] are on the disk before anything relies on them.
 */
#ifndef STATE_FACT_H
#define STATE_FACT_H

/* The state: schema.c, when it is made. [durable] */
#define FACT_ID "id" /* 32 hex digits, in delivery ids */

/* What is in it: catch_up.c and uidlist.c. [durable] */
#define FACT_CATCHING_UP "catching_up" /* 1: --catch-up is not finished */
#define FACT_HAS_LIST	 "has_list" /* 1: --catch-up=FILE has recorded uids */

/* The last run that fetched: list.c, in its last transaction. */
#define FACT_LAST_RUN	   "last_run"	   /* when its clock was looked at */
#define FACT_CLOCK_WENT_ON "clock_went_on" /* seconds, or -1 (age.h) */
#define FACT_CLOCK_HIGH	   "clock_high"	   /* (age.h) */

/* The server: server_memory.c, after a session that went well; any that fails
 * sets FACT_CAPA_TIME to 0, and FACT_PLAIN_UNTIL where that was why. */
#define FACT_CAPA_OF   "capa_of"   /* host, port and tls that all five are of */
#define FACT_CAPA      "capa"	   /* lines of CAPA */
#define FACT_CAPA_TIME "capa_time" /* when it was asked for; 0: forgotten */
#define FACT_PLAIN_UNTIL \
	"plain_until" /* till then nothing goes along with a login;
					   in the past: it has failed once */
#define FACT_NO_CAPA_UNTIL "no_capa_until" /* the same of CAPA */

/* The server: list.c, compare.c. */
#define FACT_TOP_DIFFERS \
	"top_differs" /* when TOP was seen to differ from RETR */
#define FACT_UIDL_REFUSED	"uidl_refused" /* by so many runs in a row */
#define FACT_UIDL_REFUSED_SINCE "uidl_refused_since"

/* What people were told: list.c, session.c, removal.c; each once. */
#define FACT_WARNED_UNPROVEN "warned_unproven" /* when */
#define FACT_WARNED_EXPIRE   "warned_expire"   /* of so many days */
#define FACT_WARNED_DELE     "warned_dele"     /* when */

/* Deletions: removal.c sets it to 0 before a DELE [durable], and behind QUIT to
 * the time at which that was answered with +OK. */
#define FACT_QUIT_CONFIRMED "quit_confirmed"

/* Logins: history.c; FACT_LOGIN_* behind one that was refused, all behind a
 * good one. */
#define FACT_LOGIN_FAILURES    "login_failures" /* in a row */
#define FACT_LOGIN_NEXT_TRY    "login_next_try"
#define FACT_LOGIN_FINGERPRINT "login_fingerprint" /* whose refusals they are */
#define FACT_LOGIN_DELAY \
	"login_delay" /* seconds that the server wants between two */
#define FACT_LAST_LOGIN "last_login"

/* Runs: history.c, at the end of each. */
#define FACT_FAILURES	   "failures"	   /* that may pass, in a row */
#define FACT_FIRST_FAILURE "first_failure" /* of these, when */
#define FACT_LAST_NOTICE   "last_notice"   /* when they were told */
#define FACT_LAST_SUCCESS  "last_success"  /* the first one [durable] */
#define FACT_LAST_FAILURE  "last_failure"  /* 0: the last run went well */
#define FACT_LAST_ERROR	   "last_error"	   /* its text */
#define FACT_LAST_FETCHED  "last_fetched"  /* messages */

/* Where mail goes: recovery.c, at the beginning of a run that fetches. */
#define FACT_DESTINATION "destination" /* deliver_name of the last run's */

#endif
