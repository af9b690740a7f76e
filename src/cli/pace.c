/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "cli/pace.h"

enum { RATE_MS = 500 };
/* Longer than anybody waits, and than a bar has room for. */
enum { LEFT_MAX_S = 1000 * 3600 };

/* Until the last message is there it is not all, whatever sizes were listed. */
static const double NEARLY_ALL = 0.9999;

double
pace_part(const struct progress_state *s)
{
	uint64_t part = s->messages, total = s->messages_total;
	double done;

	if (part >= total)
		return total > 0 ? 1 : 0;
	if (s->bytes_total > 0) {
		part = s->bytes;
		total = s->bytes_total;
	}
	done = (double)part / (double)total;
	return done < NEARLY_ALL ? done : NEARLY_ALL;
}

/* How long the rest takes if it goes on as it went so far.  While nothing comes
 * nobody can say. */
static int64_t
time_left(const struct pace *p, const struct progress_state *s, int64_t now_ms)
{
	double part = pace_part(s), left;
	int64_t passed = now_ms - p->began_ms;

	if (p->rate == 0 || passed < RATE_MS || part <= 0 || part >= 1)
		return -1;
	left = (double)passed / 1000 * (1 - part) / part;
	return left < (double)LEFT_MAX_S ? (int64_t)left + 1 : LEFT_MAX_S;
}

/* Each sample counts for half of the rate: so it follows within seconds and
 * does not jump. */
static void
sample(struct pace *p, const struct progress_state *s, int64_t now_ms)
{
	int64_t passed = now_ms - p->sample_ms;
	uint64_t news;

	if (p->is_sampled && s->bytes >= p->sample_bytes) {
		if (passed < RATE_MS)
			return;
		news = (uint64_t)((double)(s->bytes - p->sample_bytes) * 1000 /
				  (double)passed);
		p->rate = p->rate > 0 ? p->rate / 2 + news / 2 : news;
	} else {
		p->began_ms = now_ms;
		p->rate = 0;
	}
	p->is_sampled = s->messages_total > 0;
	p->sample_ms = now_ms;
	p->sample_bytes = s->bytes;
}

void
pace_measure(struct pace *p, const struct progress_state *s, int64_t now_ms)
{
	sample(p, s, now_ms);
	p->left_s = time_left(p, s, now_ms);
}
