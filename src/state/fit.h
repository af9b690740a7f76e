/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For plan.c alone: which rows with the uid of a listed message may be its
 * rows, judged by their sizes.
 */
#ifndef STATE_FIT_H
#define STATE_FIT_H

#include "state/match.h"

/* What plan.c notes of a row while it decides. */
struct fit_mark {
	uint32_t taken;	  /* entries that are its message */
	uint32_t unclear; /* entries that may be, once they are compared */
	bool fetched;
	bool settled; /* an entry was settled as its message */
	bool exact;   /* an entry has both its uid and its size */
};

/* The rows that the size of an entry fits; an index is SIZE_MAX where there is
 * no such row. */
struct fit {
	size_t same, same_count; /* the first with exactly this size; how many
				    of them were not seen to be gone */
	size_t open;		 /* the first where the size of the entry is
				    unknown, or the row has neither size nor
				    octets */
	size_t untold;		 /* the first that fits, was never delivered,
				    has no digest and is not fetched yet */
	size_t present, present_count; /* the first of any size that was not
					  seen to be gone; how many there are */
	size_t rows;		       /* all with this uid */
};

/* Is this the size that was listed before, or the one that was counted when the
 * message was retrieved? */
bool fit_is_its_size(const struct store_row *row, int64_t size);
/* Was neither ever known? */
bool fit_has_no_size(const struct store_row *row);
/* Was its message delivered, and then seen to be gone? */
bool fit_is_gone(const struct store_row *row);

/* Of entries with one uid and one size, all to be fetched for this row, is it
 * the turn of entry i, or is that over?  Where sessions broke at one of them
 * each is the first by turns; and the last one may always be fetched. */
bool fit_is_next(const struct match *m, const struct listing *l, size_t i,
		 const struct store_row *row);

/* The rows for entry i, which is listed with this size, or -1.  Sets `exact` in
 * the marks of rows that have exactly this size. */
struct fit fit_rows(const struct match *m, const struct store_rows *rows,
		    struct fit_mark marks[], size_t i, int64_t size);

#endif
