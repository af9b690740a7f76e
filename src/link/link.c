/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "link/link.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/proc.h"

/* The head of a record as it travels, in native byte order: both ends are the
 * same program on the same machine. */
struct link_head {
	uint16_t type;
	uint16_t size;
	uint32_t number;
	int64_t value;
};

struct link {
	int in, out;
	bool over;   /* end of file was read */
	bool broken; /* the peer reads no more */
	bool never_waits;
	uint8_t *in_data, *out_data;
	size_t in_at, in_end; /* unread bytes of in_data */
	size_t out_size;
};

_Static_assert(sizeof(struct link_head) == 16, "records are small");
_Static_assert(LINK_PAYLOAD_MAX <= UINT16_MAX, "a size fits its field");

static struct link *
make_end(int in, int out)
{
	struct link *l = mem_alloc(sizeof(*l));

	l->in = in;
	l->out = out;
	l->in_data = mem_alloc(LINK_BUFFER_SIZE);
	l->out_data = mem_alloc(LINK_BUFFER_SIZE);
	return l;
}

static int
make_pipe(int fds[2], bool deep, struct err *e)
{
	if (pipe2(fds, O_CLOEXEC) != 0)
		return err_sys(e, ERR_OS, "cannot make a pipe");
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
#ifdef F_SETPIPE_SZ
	if (deep) /* refused beyond a user's limit: then the pipe has 64 KiB */
		(void)fcntl(fds[1], F_SETPIPE_SZ, LINK_DEEP);
#else
	(void)deep;
#endif
	return 0;
}

int
link_pair(struct link **a, struct link **b, bool a_deep, struct err *e)
{
	int from_a[2], from_b[2];

	if (make_pipe(from_a, a_deep, e) != 0)
		return -1;
	if (make_pipe(from_b, false, e) != 0) {
		close(from_a[0]);
		close(from_a[1]);
		return -1;
	}
	*a = make_end(from_b[0], from_a[1]);
	*b = make_end(from_a[0], from_b[1]);
	return 0;
}

void
link_free(struct link **l)
{
	if (!*l)
		return;
	close((*l)->in);
	close((*l)->out);
	free((*l)->in_data);
	free((*l)->out_data);
	free(*l);
	*l = NULL;
}

int
link_input(const struct link *l)
{
	return l->in;
}

int
link_output(const struct link *l)
{
	return l->out;
}

/* --- writing --- */

void
link_never_wait(struct link *l)
{
	l->never_waits = fcntl(l->out, F_SETFL, O_NONBLOCK) == 0;
}

bool
link_has_unsent(const struct link *l)
{
	return l->never_waits && !l->broken && l->out_size > 0;
}

/* What the pipe takes now; the rest stays. */
static void
send_some(struct link *l)
{
	size_t sent = 0;
	ssize_t n = 0;

	while (sent < l->out_size && (n >= 0 || errno == EINTR)) {
		n = write(l->out, l->out_data + sent, l->out_size - sent);
		sent += n > 0 ? (size_t)n : 0;
	}
	if (n < 0 && errno != EAGAIN)
		l->broken = true;
	l->out_size -= sent;
	memmove(l->out_data, l->out_data + sent, l->out_size);
}

static void
send_gathered(struct link *l)
{
	struct err ignored = ERR_INIT;

	if (!l->broken && l->never_waits) {
		send_some(l);
		return;
	}
	if (!l->broken && l->out_size > 0)
		l->broken = fs_write(l->out, l->out_data, l->out_size,
				     &ignored) != 0;
	l->out_size = 0;
}

uint8_t *
link_reserve(struct link *l, size_t least, size_t *room)
{
	size_t head = sizeof(struct link_head);

	assert(least <= LINK_PAYLOAD_MAX);
	if (LINK_BUFFER_SIZE - l->out_size < head + least)
		send_gathered(l);
	/* an end that never waits may still have no room */
	if (LINK_BUFFER_SIZE - l->out_size < head + least) {
		l->broken = true;
		l->out_size = 0;
	}
	*room = LINK_BUFFER_SIZE - l->out_size - head;
	if (*room > LINK_PAYLOAD_MAX)
		*room = LINK_PAYLOAD_MAX;
	return l->out_data + l->out_size + head;
}

void
link_commit(struct link *l, unsigned type, uint32_t number, int64_t value,
	    size_t size)
{
	struct link_head head = {
		.type = (uint16_t)type,
		.size = (uint16_t)size,
		.number = number,
		.value = value,
	};

	assert(size <= LINK_PAYLOAD_MAX);
	memcpy(l->out_data + l->out_size, &head, sizeof(head));
	l->out_size += sizeof(head) + size;
}

void
link_put(struct link *l, unsigned type, uint32_t number, int64_t value,
	 const void *data, size_t size)
{
	size_t room;
	uint8_t *to = link_reserve(l, size, &room);

	if (size > 0)
		memcpy(to, data, size);
	link_commit(l, type, number, value, size);
}

void
link_put_text(struct link *l, unsigned type, uint32_t number, int64_t value,
	      const char *text)
{
	link_put(l, type, number, value, text, strnlen(text, LINK_PAYLOAD_MAX));
}

int
link_flush(struct link *l, struct err *e)
{
	send_gathered(l);
	if (l->broken)
		return err_set(e, ERR_INTERNAL,
			       "another process of popfetch has ended");
	return 0;
}

/* --- reading --- */

int
link_pull(struct link *l, struct err *e)
{
	ssize_t n;

	if (l->in_at > 0) {
		memmove(l->in_data, l->in_data + l->in_at,
			l->in_end - l->in_at);
		l->in_end -= l->in_at;
		l->in_at = 0;
	}
	if (l->over || l->in_end == LINK_BUFFER_SIZE)
		return 0;
	do
		n = read(l->in, l->in_data + l->in_end,
			 LINK_BUFFER_SIZE - l->in_end);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		return err_sys(e, ERR_INTERNAL,
			       "cannot read from another process of popfetch");
	if (n == 0)
		l->over = true;
	if (n > 0)
		l->in_end += (size_t)n;
	return 0;
}

bool
link_has_next(const struct link *l)
{
	size_t have = l->in_end - l->in_at;
	struct link_head head;

	if (have < sizeof(head))
		return false;
	memcpy(&head, l->in_data + l->in_at, sizeof(head));
	return have >= sizeof(head) + head.size || head.size > LINK_PAYLOAD_MAX;
}

bool
link_next(struct link *l, struct link_record *r)
{
	size_t have = l->in_end - l->in_at;
	struct link_head head;

	if (have < sizeof(head))
		return false;
	memcpy(&head, l->in_data + l->in_at, sizeof(head));
	if (head.size > LINK_PAYLOAD_MAX) {
		/* this is nonsense, so nothing behind it can be believed */
		l->over = true;
		l->in_at = l->in_end;
		return false;
	}
	if (have < sizeof(head) + head.size)
		return false;
	*r = (struct link_record){
		.type = head.type,
		.number = head.number,
		.value = head.value,
		.data = l->in_data + l->in_at + sizeof(head),
		.size = head.size,
	};
	l->in_at += sizeof(head) + head.size;
	return true;
}

bool
link_is_over(const struct link *l)
{
	return l->over;
}

int
link_wait(struct link *l, struct link_record *r, int64_t deadline,
	  struct err *e)
{
	struct pollfd p = { .fd = l->in, .events = POLLIN };

	while (!link_next(l, r)) {
		if (l->over)
			return err_set(e, ERR_INTERNAL,
				       "another process of popfetch has ended");
		if (proc_poll(&p, 1, deadline) == 0 && clock_ms() >= deadline)
			return err_set(e, ERR_NETWORK, "time is up");
		if (link_pull(l, e) != 0)
			return -1;
	}
	return 0;
}
