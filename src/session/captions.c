/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/captions.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { ADDRESS_SHOWN = 100, SUBJECT_SHOWN = 80 }; /* bytes */

struct caption_of {
	struct caption_of *next;
	size_t entry;
	char *sender, *subject, *about;
};

/* Where the pointer to it stands; that is to NULL if there is none. */
static struct caption_of **
find(struct captions *c, size_t entry)
{
	struct caption_of **at = &c->first;

	while (*at && (*at)->entry != entry)
		at = &(*at)->next;
	return at;
}

static void
drop(struct captions *c, struct caption_of **at)
{
	struct caption_of *old = *at;

	if (!old)
		return;
	*at = old->next;
	free(old->sender);
	free(old->subject);
	free(old->about);
	free(old);
	c->count--;
}

static char *
make_about(const char *address, const char *subject)
{
	char from[ADDRESS_SHOWN], cut[SUBJECT_SHOWN];
	const char *dots;

	text_safe(from, sizeof(from), address, strlen(address));
	text_safe(cut, sizeof(cut), subject, strlen(subject));
	dots = strlen(cut) < strlen(subject) ? "..." : "";
	return *cut ? mem_format(" from %s, \"%s%s\"", from, cut, dots)
		    : mem_format(" from %s, without a subject", from);
}

void
captions_add(struct captions *c, size_t entry, const struct header *h)
{
	char sender[HEADER_TEXT_MAX], subject[HEADER_TEXT_MAX];
	struct caption_of **end, *x;

	captions_forget(c, entry);
	header_from_name(h, sender);
	header_text(h, HEADER_SUBJECT, subject);
	if (c->count == CAPTIONS_MAX)
		drop(c, &c->first);
	end = find(c, SIZE_MAX);
	x = mem_alloc(sizeof(*x));
	x->entry = entry;
	x->sender = mem_string(sender);
	x->subject = mem_string(subject);
	x->about = make_about(header_sender(h), subject);
	*end = x;
	c->count++;
}

bool
captions_tell(struct captions *c, size_t entry, uint32_t number,
	      struct link *report)
{
	struct caption_of **at = find(c, entry);

	if (!*at || (!(*at)->sender[0] && !(*at)->subject[0]))
		return false;
	report_message(report, number, (*at)->sender, (*at)->subject);
	drop(c, at);
	return true;
}

const char *
captions_about(struct captions *c, size_t entry)
{
	struct caption_of **at = find(c, entry);

	return *at ? (*at)->about : "";
}

void
captions_forget(struct captions *c, size_t entry)
{
	drop(c, find(c, entry));
}

void
captions_clear(struct captions *c)
{
	while (c->first)
		drop(c, &c->first);
}
