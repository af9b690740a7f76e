/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What keeper and courier tell each other about the server: before it is
 * connected to, what earlier sessions have shown (LINK_GO); after the login,
 * what this one shows (LINK_FACTS).  For each there is a function that writes
 * it and one that reads it, field by field, side by side in facts.c.
 */
#ifndef LINK_FACTS_H
#define LINK_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "link/link.h"

/* The capabilities of a server as lines of CAPA, which only the courier
 * reads. */
enum { FACTS_CAPA_MAX = 1024 };

struct facts_go {
	bool knows_capa; /* `capa` is what the server said after a login, in a
			    session that went well; so it is not asked again */
	char capa[FACTS_CAPA_MAX];
	int64_t login;	  /* what the server has made of the ways to log in: a
			     number of the courier's, 0: nothing is known */
	bool was_greeted; /* an earlier session got past its greeting */
	bool no_capa;	  /* the server closes or hangs on CAPA */
	bool plain;	  /* one command at a time: the server cannot take what
			     is sent along with the login */
	bool wants_sizes; /* send LIST along with UIDL */
	bool trace;	  /* send LINK_TRACE */
};

/* What became of STAT and UIDL that were sent along with the login: */
enum facts_flight {
	FACTS_FLIGHT_NONE,    /* they were not sent so */
	FACTS_FLIGHT_HEARD,   /* they were answered */
	FACTS_FLIGHT_FAILED,  /* the connection broke, or login or listing was
				 refused; sent one by one they were answered */
	FACTS_FLIGHT_UNHEARD, /* the server threw them away, though the login
				 went well: a silence came behind it */
	FACTS_FLIGHTS	      /* how many there are */
};

enum {
	FACTS_EXPIRE_UNSAID = -2,
	FACTS_EXPIRE_NEVER = -1,
	FACTS_EXPIRE_MAX = 36500,
	FACTS_LOGIN_DELAY_MAX = 30 * 86400
};

struct facts {
	bool encrypted;
	bool has_top; /* may TOP be asked for? True where nothing is
			 announced */
	bool announces_uidl;
	bool pipelining;       /* pipelining is used */
	int64_t expire_days;   /* RFC 2449 section 6.7, or a FACTS_EXPIRE_* of
				  the above */
	int64_t login_delay_s; /* RFC 2449 section 6.5; 0: none */
	enum facts_flight flight;
	bool capa_broke;	   /* CAPA made the server close or hang */
	bool capa_is_new;	   /* `capa` was asked for and answered */
	char capa[FACTS_CAPA_MAX]; /* worth remembering, for facts_go */
};

void facts_put_go(struct link *l, const struct facts_go *go);
/* Fails with ERR_INTERNAL when the record is not a GO or is malformed. */
int facts_read_go(const struct link_record *r, struct facts_go *go,
		  struct err *e);
void facts_put(struct link *l, const struct facts *f);
int facts_read(const struct link_record *r, struct facts *f, struct err *e);

#endif
