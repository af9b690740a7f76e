/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Passwords and tokens, from their creation to the wipe. */
#include "config.h"

#include "base/secret.h"

#include <assert.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

/*
 * Short secrets share mappings, since the system allows only some ten thousand
 * mappings and copies each at a fork; a long secret has a mapping of its own.
 * Either way the advice to the kernel, which is about whole pages, concerns
 * nothing but secrets.
 */
enum { PLACE_SIZE = 128, SHARED_SIZE_MAX = 64 * 1024 };

struct secret {
	size_t size;
	size_t mapped;	     /* length of its own mapping; 0: a place */
	struct secret *next; /* in free_places or all_own */
	struct secret *previous;
	uint8_t bytes[];
};

/* A mapping of places; this head takes up the first of them. */
struct shared {
	struct shared *next;
	size_t mapped;
};

static struct shared *all_shared;
static struct secret *free_places, *all_own;

static size_t
whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (size > PTRDIFF_MAX - page)
		mem_exhausted();
	return (size + page - 1) / page * page;
}

/* The kernel may refuse both (RLIMIT_MEMLOCK may be 0), and the secret is used
 * all the same. */
static void
shelter(void *start, size_t size)
{
#ifdef MADV_DONTDUMP
	(void)madvise(start, size, MADV_DONTDUMP);
#endif
	(void)mlock(start, size);
}

static void *
map(size_t size)
{
	void *start = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED)
		mem_exhausted();
	shelter(start, size);
	return start;
}

/* --- places --- */

static void
place_give_back(struct secret *s)
{
	s->next = free_places;
	free_places = s;
}

/* Each mapping is twice as large as the one before, up to the limit; the first
 * is small, because a locked page takes up memory even when it is not used. */
static void
share_mapping(void)
{
	size_t size = all_shared ? 2 * all_shared->mapped : whole_pages(1);
	struct shared *m;
	char *start;

	if (size > SHARED_SIZE_MAX && all_shared)
		size = all_shared->mapped;
	m = map(size);
	start = (char *)m;
	m->mapped = size;
	m->next = all_shared;
	all_shared = m;
	for (size_t at = size; at > PLACE_SIZE; at -= PLACE_SIZE)
		place_give_back(
			(struct secret *)(void *)(start + at - PLACE_SIZE));
}

static struct secret *
place_take(void)
{
	struct secret *s;

	if (!free_places)
		share_mapping();
	s = free_places;
	free_places = s->next;
	s->mapped = 0;
	return s;
}

/* --- mappings of their own --- */

static struct secret *
own_take(size_t needed)
{
	size_t mapped = whole_pages(needed);
	struct secret *s = map(mapped);

	s->mapped = mapped;
	s->previous = NULL;
	s->next = all_own;
	if (all_own)
		all_own->previous = s;
	all_own = s;
	return s;
}

static void
own_give_back(struct secret *s)
{
	if (s->previous)
		s->previous->next = s->next;
	else
		all_own = s->next;
	if (s->next)
		s->next->previous = s->previous;
	(void)munmap(s, s->mapped);
}

/* --- secrets --- */

/* Room for so many bytes and a NUL. */
static struct secret *
take(size_t size)
{
	struct secret *s;
	size_t needed;

	if (size > PTRDIFF_MAX - sizeof(*s) - 1)
		mem_exhausted();
	needed = sizeof(*s) + size + 1;
	s = needed <= PLACE_SIZE ? place_take() : own_take(needed);
	s->size = size;
	s->bytes[size] = 0;
	return s;
}

struct secret *
secret_new(const void *bytes, size_t size)
{
	struct secret *s = take(size);

	if (size > 0)
		memcpy(s->bytes, bytes, size);
	return s;
}

struct secret *
secret_base64(const void *bytes, size_t size)
{
	struct secret *s;

	if (size > INT_MAX / 2)
		mem_exhausted();
	s = take((size + 2) / 3 * 4);
	(void)EVP_EncodeBlock(s->bytes, bytes, (int)size);
	return s;
}

struct secret *
secret_copy(const struct secret *s)
{
	assert(s);
	return secret_new(s->bytes, s->size);
}

bool
secret_is_in(const struct secret *s, const void *bytes, size_t size)
{
	const uint8_t *text = bytes;

	if (!s || s->size == 0)
		return false;
	for (size_t i = 0; size - i >= s->size; i++)
		if (memcmp(text + i, s->bytes, s->size) == 0)
			return true;
	return false;
}

void
secret_free(struct secret **s)
{
	struct secret *old = *s;

	*s = NULL;
	if (!old)
		return;
	secret_wipe(old->bytes, old->size);
	if (old->mapped > 0)
		own_give_back(old);
	else
		place_give_back(old);
}

/* The secrets are unmapped, not wiped: wiping them would first copy the pages
 * of the parent. */
void
secret_keep_only(struct secret **only)
{
	struct secret *own = all_own, *kept = NULL, *next;
	struct shared *shared = all_shared, *next_shared;

	all_own = free_places = NULL;
	all_shared = NULL;
	if (*only) {
		kept = own_take(sizeof(*kept) + (*only)->size + 1);
		kept->size = (*only)->size;
		memcpy(kept->bytes, (*only)->bytes, kept->size + 1);
	}
	for (; own; own = next) {
		next = own->next;
		(void)munmap(own, own->mapped);
	}
	for (; shared; shared = next_shared) {
		next_shared = shared->next;
		(void)munmap(shared, shared->mapped);
	}
	*only = kept;
}

const uint8_t *
secret_bytes(const struct secret *s)
{
	assert(s);
	return s->bytes;
}

size_t
secret_size(const struct secret *s)
{
	assert(s);
	return s->size;
}

void
secret_wipe(void *bytes, size_t size)
{
	if (size)
		OPENSSL_cleanse(bytes, size);
}
