/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "fake_courier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "link/facts.h"

struct fake_mailbox *
fake_mailbox_new(void)
{
	struct fake_mailbox *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		abort();
	m->expire_days = FACTS_EXPIRE_UNSAID;
	return m;
}

void
fake_mailbox_free(struct fake_mailbox *m)
{
	(void)munmap(m, sizeof(*m));
}

struct fake_message *
fake_mailbox_add(struct fake_mailbox *m, const char *uid, const char *text)
{
	struct fake_message *x = &m->message[m->count++];

	memset(x, 0, sizeof(*x));
	(void)snprintf(x->uid, sizeof(x->uid), "%s", uid);
	(void)snprintf(x->text, sizeof(x->text), "%s", text);
	x->size = (int64_t)strlen(text);
	return x;
}

static void
fake_log_in(struct fake_mailbox *m, struct link *l)
{
	struct err e = ERR_INIT;

	m->logins++;
	if (!m->refuses_login && !m->is_in_trouble)
		return;
	link_put_text(l, LINK_ERROR, FACTS_FLIGHT_NONE,
		      m->refuses_login ? ERR_LOGIN : ERR_TROUBLE,
		      m->refuses_login ? "server refused the login"
				       : "server is busy");
	(void)link_flush(l, &e);
	_exit(0);
}

static void
fake_uids(struct fake_mailbox *m, struct link *l)
{
	for (size_t i = 0; i < m->count && !m->no_uidl; i++)
		link_put_text(l, LINK_UID, (uint32_t)i + 1, 0,
			      m->message[i].uid);
	link_put(l, LINK_LISTED, 0, !m->no_uidl, NULL, 0);
}

static void
fake_listing(struct fake_mailbox *m, struct link *l)
{
	struct facts facts = {
		.encrypted = true,
		.has_top = !m->no_top,
		.announces_uidl = !m->no_uidl,
		.pipelining = true,
		.expire_days = m->expire_days,
	};
	int64_t total = 0;

	facts_put(l, &facts);
	for (size_t i = 0; i < m->count; i++)
		total += m->message[i].size;
	link_put(l, LINK_STAT, (uint32_t)m->count, total, NULL, 0);
	fake_uids(m, l);
}

static void
fake_list(struct fake_mailbox *m, struct link *l, uint32_t number)
{
	m->lists++;
	for (uint32_t i = 1; i <= m->count; i++)
		if (number == 0 || number == i)
			link_put(l, LINK_SIZE, i, m->message[i - 1].size, NULL,
				 0);
	link_put(l, LINK_LISTED, number, 1, NULL, 0);
}

static void
fake_send(struct fake_message *x, struct link *l, uint32_t number, size_t size)
{
	uint32_t told = x->lies ? number + 1 : number;
	struct err e = ERR_INIT;

	if (x->refused) {
		link_put_text(l, LINK_REFUSED, number, ERR_MESSAGE,
			      "server said 'broken'");
		return;
	}
	if (size > 1) /* in two chunks */
		link_put(l, LINK_CHUNK, told, 0, x->text, size / 2);
	if (x->dies) {
		(void)link_flush(l, &e);
		_exit(0);
	}
	if (size > 0)
		link_put(l, LINK_CHUNK, told, 0, x->text + size / 2,
			 size - size / 2);
	link_put(l, LINK_END, told, (int64_t)size, NULL, 0);
}

static size_t
fake_header_size(const struct fake_message *x)
{
	const char *end = strstr(x->text, "\n\n");

	return end == NULL ? strlen(x->text) : (size_t)(end + 2 - x->text);
}

static void
fake_quit(struct fake_mailbox *m, struct link *l)
{
	for (size_t i = 0; i < m->count; i++)
		m->message[i].deleted |= m->marked[i];
	m->has_quit = true;
	link_put(l, LINK_BYE, 0, 1, NULL, 0);
}

static void
fake_order(struct fake_mailbox *m, struct link *l, const struct link_record *r)
{
	struct fake_message *x =
		&m->message[r->number == 0 ? 0 : r->number - 1];

	switch (r->type) {
	case LINK_GO:
		fake_log_in(m, l);
		fake_listing(m, l);
		break;
	case LINK_LIST:
		fake_list(m, l, r->number);
		break;
	case LINK_UIDL:
		fake_uids(m, l);
		break;
	case LINK_TOP:
		x->tops++;
		fake_send(x, l, r->number, fake_header_size(x));
		break;
	case LINK_RETR:
		x->retrs++;
		fake_send(x, l, r->number, strlen(x->text));
		break;
	case LINK_DELE:
		m->marked[r->number - 1] = true;
		link_put(l, LINK_DELETED, r->number, 0, NULL, 0);
		break;
	default:
		fake_quit(m, l);
		break;
	}
}

static void
fake_serve(struct fake_mailbox *m, struct link *l)
{
	struct err e = ERR_INIT;
	struct link_record r;

	memset(m->marked, 0, sizeof(m->marked));
	m->has_quit = false;
	while (!m->has_quit && link_wait(l, &r, CLOCK_NEVER, &e) == 0) {
		fake_order(m, l, &r);
		if (link_flush(l, &e) == -1)
			return;
	}
}

pid_t
fake_courier_start(struct fake_mailbox *m, struct link **keeper)
{
	struct link *courier;
	struct err e = ERR_INIT;
	pid_t pid;

	if (link_pair(&courier, keeper, true, &e) == -1)
		abort();
	pid = fork();
	if (pid == 0) {
		link_free(keeper);
		fake_serve(m, courier);
		_exit(0);
	}
	link_free(&courier);
	return pid;
}
