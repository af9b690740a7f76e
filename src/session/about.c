/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/about.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { SENDER_MAX = 100, SUBJECT_MAX = 80 };

static size_t
find(const struct abouts *a, size_t entry)
{
	size_t i = 0;

	while (i < a->count && a->at[i].entry != entry)
		i++;
	return i;
}

void
abouts_note(struct abouts *a, size_t entry, const char *sender,
	    const char *subject)
{
	char from[SENDER_MAX], about[SUBJECT_MAX];
	const char *cut;

	text_safe(from, sizeof(from), sender, strlen(sender));
	text_safe(about, sizeof(about), subject, strlen(subject));
	cut = strlen(about) < strlen(subject) ? "..." : "";
	abouts_forget(a, entry);
	if (a->count == a->room) {
		a->room = 2 * a->room + 8;
		a->at = mem_resize(a->at, a->room, sizeof(*a->at));
	}
	a->at[a->count++] = (struct about){
		.entry = entry,
		.text = *about ? mem_format(" from %s, \"%s%s\"", from, about,
					    cut)
			       : mem_format(" from %s, without a subject",
					    from),
	};
}

void
abouts_forget(struct abouts *a, size_t entry)
{
	size_t i = find(a, entry);

	if (i == a->count)
		return;
	free(a->at[i].text);
	a->at[i] = a->at[--a->count];
}

const char *
abouts_of(const struct abouts *a, size_t entry)
{
	size_t i = find(a, entry);

	return i < a->count ? a->at[i].text : "";
}

void
abouts_end(struct abouts *a)
{
	while (a->count > 0)
		abouts_forget(a, a->at[0].entry);
	free(a->at);
	*a = ABOUTS_NONE;
}
