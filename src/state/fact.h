/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The names of facts (store_fact): what a state knows beside its messages.
 * Times are seconds since 1970.  A reader says what a fact that was never
 * written stands for, mostly 0.
 *
 * Each heading names who writes its facts, and when.  A fact that is committed
 * lazily may be lost in a power cut (doc/design.md says what that costs); those
 * marked [durable] are on the disk before anything relies on them.
 */
#ifndef STATE_FACT_H
#define STATE_FACT_H

/* The state: schema.c, when it makes it. [durable] */
#define FACT_ID "id" /* 32 hex digits, part of delivery ids */

/* What is in the state: catch_up.c and uidlist.c. [durable] */
#define FACT_CATCHING_UP "catching_up" /* 1: --catch-up is not finished */
#define FACT_HAS_LIST	 "has_list" /* 1: --catch-up=FILE has recorded uids */

/* The last run that fetched: list.c, in the last transaction of the run. */
#define FACT_LAST_RUN	    "last_run"	     /* when it looked at the clock */
#define FACT_CLOCK_WENT_ON  "clock_went_on"  /* went_on_s of age.h; -1: good */
#define FACT_CLOCK_HIGH	    "clock_high"     /* `high` of age.h */
#define FACT_CLOCK_HAS_GAPS "clock_has_gaps" /* 1: has_gaps of age.h */

/* What the server can do: server_memory.c, after a session that went well.  A
 * session that fails sets FACT_CAPA_TIME to 0, and sets FACT_PLAIN_UNTIL if it
 * failed because commands were sent along with the login. */
#define FACT_CAPA_OF	   "capa_of"   /* whose these are: host, port, tls */
#define FACT_CAPA	   "capa"      /* the lines of CAPA */
#define FACT_CAPA_TIME	   "capa_time" /* when it was asked for; 0: forgotten */
/* Until this time nothing is sent along with a login.  A time in the past says
 * that this has failed once. */
#define FACT_PLAIN_UNTIL   "plain_until"
#define FACT_NO_CAPA_UNTIL "no_capa_until" /* the same for CAPA */

/* Which ways to log in the server has not understood (facts_go.login), and
 * until when that is believed: server_memory.c, after a login, however the
 * session ended. */
#define FACT_LOGIN_WAYS	      "login_ways"
#define FACT_LOGIN_WAYS_UNTIL "login_ways_until"

/* What the server was seen to do: list.c and compare.c. */
#define FACT_TOP_DIFFERS	"top_differs"  /* when TOP differed from RETR */
#define FACT_UIDL_REFUSED	"uidl_refused" /* by how many runs in a row */
#define FACT_UIDL_REFUSED_SINCE "uidl_refused_since"

/* LIST: list_sizes.c, when a session ends. */
#define FACT_LIST_ONE	"list_one" /* of one message: enum list_one */
/* 1: a session broke at the whole list; a time: so did the next one, and it is
 * not asked for until then. */
#define FACT_LIST_BROKE "list_broke"
#define FACT_LIST_WHOLE "list_whole" /* when all sizes were asked for */

/* What is being fetched: retrieve.c, before messages are asked for; it is 0
 * again when these are handed over, and when the session ends, however it
 * ends. */
#define FACT_IN_HAND \
	"in_hand" /* so many together; negative: in the turn of those at which \
		     a session broke (failure.h) */
#define FACT_IN_HAND_UID   "in_hand_uid" /* of a single one, in hexadecimal */
/* When the login of a session for them was refused: keeper.c. */
#define FACT_AGAIN_REFUSED "again_refused"
/* Since when these have missed their turn: failure.c. */
#define FACT_TURN_MISSED   "turn_missed"
/* A session broke in their turn, and none has ended well behind it: compare.c,
 * by session.c. */
#define FACT_TURN_BROKE	   "turn_broke"
/* A session broke while more than one answer was waited for: so many at once
 * are asked for by the next one; 0: as many as it likes.  session.c; list.c
 * sets it to 0 when a session ends well. */
#define FACT_WINDOW	   "window"
/* For this message number a session had no time: the next one looks at headers
 * from there on.  headers.c, by list.c. */
#define FACT_LOOK_FROM	   "look_from"
/* So many sessions broke in a row; so many commands the longest of them has
 * survived, or twice as many as the next one gets: ration.c. */
#define FACT_BREAKS	   "breaks"
#define FACT_SURVIVED	   "survived"
/* Which messages without uid have failed: unnamed.c. */
#define FACT_UNNAMED	   "unnamed"
/* How many without uid were larger than max_size, as people know: list.c. */
#define FACT_LARGE_UNNAMED "large_unnamed"

/* What people were told, each once: list.c, session.c, removal.c. */
#define FACT_WARNED_UNPROVEN "warned_unproven" /* when */
#define FACT_WARNED_EXPIRE   "warned_expire"   /* of how many days */
#define FACT_WARNED_DELE     "warned_dele"     /* when */
#define FACT_WARNED_NO_QUIT  "warned_no_quit"  /* when; once a day */

/* Deletions: removal.c sets this to 0 before a DELE [durable], and after QUIT
 * to the time at which that was answered with +OK; --delete does only if no
 * session before has left any unconfirmed. */
#define FACT_QUIT_CONFIRMED "quit_confirmed"

/* Logins: history.c, which writes FACT_LOGIN_* after a login that was refused,
 * and all of them after one that was not. */
#define FACT_LOGIN_FAILURES    "login_failures" /* in a row */
#define FACT_LOGIN_NEXT_TRY    "login_next_try"
#define FACT_LOGIN_FINGERPRINT "login_fingerprint" /* of the refused login */
#define FACT_LOGIN_DELAY       "login_delay" /* seconds between two logins */
#define FACT_LAST_LOGIN	       "last_login"
#define FACT_REFUSED_SINCE     "refused_since" /* 0: the last one was not */

/* Pauses that a server in trouble gets: history.c, at the end of a run that met
 * it.  A login that goes well ends the pause, and a run that goes well the row
 * of them. */
#define FACT_PUT_OFF_UNTIL	 "put_off_until"
#define FACT_PUT_OFF_S		 "put_off_s" /* the last pause of the row */
#define FACT_PUT_OFF_FINGERPRINT "put_off_fingerprint"
#define FACT_PUT_OFF_SINCE	 "put_off_since" /* when the row began */

/* What lasts for long: trouble.c, at the end of a run. */
#define FACT_ASIDE_ROW \
	"aside_row" /* a message set aside; -1: one without
					    uid; 0: there is none */
#define FACT_ASIDE_SINCE    "aside_since"  /* when it was first seen to be so */
#define FACT_TROUBLE_TOLD   "trouble_told" /* when people were told */
/* Since when, and by how many, each session has seen fewer messages listed than
 * STAT counts; 0 in the first such session.  By list.c. */
#define FACT_LEFT_OUT_SINCE "left_out_since"
#define FACT_LEFT_OUT	    "left_out"

/* Runs: history.c, at the end of each. */
#define FACT_FAILURES	   "failures"	   /* passing ones in a row */
#define FACT_FIRST_FAILURE "first_failure" /* when the first of them was */
#define FACT_LAST_NOTICE   "last_notice"   /* when people were told of them */
#define FACT_LAST_SUCCESS  "last_success"  /* the first one is [durable] */
#define FACT_LAST_FAILURE  "last_failure"  /* 0: the last run went well */
#define FACT_LAST_ERROR	   "last_error"	   /* the text of that failure */
#define FACT_LAST_FETCHED  "last_fetched"  /* messages of the last run */

/* The program that mail is given to (deliver_fingerprint): verdict.c, with its
 * first delivery, and history.c. */
#define FACT_MDA_PROVEN	 "mda_proven"  /* it has delivered [durable] */
#define FACT_MDA_TOLD_OF "mda_told_of" /* people were told that it cannot */
#define FACT_MDA_TOLD	 "mda_told"    /* when */

/* It has postponed all that were tried: the next run begins with this message
 * number.  0: with the first.  asking.c, at the end of a session. */
#define FACT_TRY_FROM "try_from"

/* Where mail goes: recovery.c, at the beginning of a run that fetches. */
#define FACT_DESTINATION "destination" /* deliver_name of the last run's */

#endif
