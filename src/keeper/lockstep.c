/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/digest.h"
#include "base/mem.h"
#include "keeper/session_state.h"

/* Are replies and commands in step? */

/* An empty message has none: 0 octets are some. */
static int64_t *
step_no_octets(size_t count)
{
	int64_t *octets = mem_array(count, sizeof(*octets));

	for (size_t i = 0; i < count; i++)
		octets[i] = -1;
	return octets;
}

void
step_note(struct session *s, size_t entry, int64_t octets)
{
	if (octets == session_size(s, entry))
		return;
	if (s->octets == NULL)
		s->octets = step_no_octets(listing_count(s->listing));
	s->octets[entry] = octets;
}

/* A message that ends before its listed size may have held an end marker that the server
 * forgot to stuff: then the rest of it stands where replies are expected, and what
 * comes next is not what it seems.  Nothing is handed over until the session has proved
 * to be in step. */
void
step_doubt(struct session *s, size_t entry, int64_t octets)
{
	int64_t listed = session_size(s, entry);

	step_note(s, entry, octets);
	if (octets == listed || (listed >= 0 && octets > listed))
		return;
	s->in_doubt = true;
	s->doubted = entry;
}

/* As listed in this session (a row may be another message's); or exactly, by a server
 * that estimates until it has sent a message. */
static bool
step_is_size(const struct session *s, size_t entry, int64_t size)
{
	int64_t listed = listing_at(s->listing, entry).size;

	return listed < 0 || size < 0 || size == listed ||
	       (s->octets != NULL && size == s->octets[entry]);
}

static int
step_proved(void *arg, size_t entry, int64_t value, struct err *e)
{
	struct session *s = arg;

	if (value != 1)		/* no message's fault */
		s->in_doubt = false;
	if (value != 1 || !step_is_size(s, entry, s->proof))
		return err_set(e, ERR_PROTOCOL,
			       "replies and commands are out of step");
	s->in_doubt = s->wants_proof = false;
	return 0;
}

static const struct errand_class step_proof = {
	.order = LINK_LIST,
	.end = step_proved,
};

/* LIST of a message that nobody can foresee: its reply names number and size, so that no
 * left-over of a message passes for it.  All before it is answered. */
void
step_give_proof(struct session *s)
{
	uint64_t random;
	size_t entry;

	digest_random(&random, sizeof(random));
	entry = (size_t)(random % listing_count(s->listing));
	s->proof = LISTING_SIZE_UNKNOWN;
	requests_give(s->requests, &step_proof,
		     listing_at(s->listing, entry).number, entry);
}
