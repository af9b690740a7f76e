/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the plan only: which rows of its uid may be those of a listed message, by
 * their sizes.
 */
#ifndef STATE_FIT_H
#define STATE_FIT_H

#include "state/match.h"

/* Of a row. */
struct fit_mark {
	uint32_t taken;	  /* entries that are its message */
	uint32_t unclear; /* that may be, once they are compared */
	bool fetched;
	bool settled; /* an entry was found to be its message */
	bool exact;   /* an entry has its uid and size */
};

/* The rows of an entry that its size fits; an index is SIZE_MAX where there is
 * none. */
struct fit {
	size_t same, same_count; /* first with this very size; how many that
				    were not seen to be gone */
	size_t open;		 /* first where one side is unknown */
	size_t untold;		 /* first that fits, was never delivered, has no
				    digest, is not fetched yet */
	size_t present, present_count; /* first that was not seen to be gone, of
					  any size; how many */
	size_t rows;		       /* all of the uid */
};

/* Is it as listed before, or as it was when it was retrieved? */
bool fit_is_its_size(const struct store_row *row, int64_t size);
/* Was it delivered, and then seen to be gone? */
bool fit_is_gone(const struct store_row *row);

/* Of entry i, listed with this size or -1.  Notes in the marks of rows that it
 * has their very size. */
struct fit fit_rows(const struct match *m, const struct store_rows *rows,
		    struct fit_mark marks[], size_t i, int64_t size);

#endif
