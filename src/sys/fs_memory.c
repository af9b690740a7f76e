/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Files that exist in memory only. */
#include "config.h"

#include "sys/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef HAVE_MEMFD_CREATE

static int
make_memory(void)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = -1;

#ifdef MFD_NOEXEC_SEAL
	fd = memfd_create("popfetch", flags | MFD_NOEXEC_SEAL);
#endif
	return fd < 0 ? memfd_create("popfetch", flags) : fd;
}

bool
fs_memory(int *fd, const void *bytes, size_t size)
{
	const int seals =
		F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
	struct err ignored = ERR_INIT;

	*fd = make_memory();
	if (*fd < 0)
		return false;
	if (fs_write(*fd, bytes, size, &ignored) == 0 &&
	    fcntl(*fd, F_ADD_SEALS, seals) == 0 && lseek(*fd, 0, SEEK_SET) == 0)
		return true;
	fs_drop(fd);
	return false;
}

#else

bool
fs_memory(int *fd, const void *bytes, size_t size)
{
	(void)bytes;
	(void)size;
	*fd = -1;
	return false;
}

#endif
