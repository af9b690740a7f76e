/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Passwords and tokens, from birth to wipe. */
#include "config.h"
#include "base/secret.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

/* Heads a mapping of its own, so that the advice about whole pages touches
 * nothing else. */
struct secret {
	size_t size;
	size_t mapped;		/* length of the mapping, this head included */
	uint8_t bytes[];
};

static size_t
whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (size > PTRDIFF_MAX - page)
		mem_exhausted();
	return (size + page - 1) / page * page;
}

/* Neither is more than a wish: RLIMIT_MEMLOCK may be 0. */
static void
shelter(void *start, size_t size)
{
#ifdef MADV_DONTDUMP
	(void)madvise(start, size, MADV_DONTDUMP);
#endif
	(void)mlock(start, size);
}

struct secret *
secret_new(const void *bytes, size_t size)
{
	struct secret *s;
	size_t mapped;

	if (size > PTRDIFF_MAX - sizeof(*s) - 1)
		mem_exhausted();
	mapped = whole_pages(sizeof(*s) + size + 1);
	s = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		mem_exhausted();
	shelter(s, mapped);
	s->size = size;
	s->mapped = mapped;
	if (size)
		memcpy(s->bytes, bytes, size);
	return s;		/* the mapping is zeroed: a NUL is there */
}

struct secret *
secret_copy(const struct secret *s)
{
	assert(s);
	return secret_new(s->bytes, s->size);
}

void
secret_free(struct secret **s)
{
	struct secret *old = *s;

	*s = NULL;
	if (!old)
		return;
	secret_wipe(old->bytes, old->size);
	(void)munmap(old, old->mapped);
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
