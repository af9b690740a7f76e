/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * An MDA for the crash tests: stores its standard input durably, as
 * DIRECTORY/new/DELIVERY-ID.PID.
 *
 *	mda DIRECTORY [deaf]		deaf: it delivers though it is asked to end
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TRY_LATER = 75 };

static void
need(int is_so)
{
	if (!is_so)
		_exit(TRY_LATER);
}

static void
copy(int out)
{
	char bytes[65536];
	ssize_t n;

	while ((n = read(0, bytes, sizeof(bytes))) > 0)
		need(write(out, bytes, (size_t)n) == n);
	need(n == 0 && fsync(out) == 0 && close(out) == 0);
}

int
main(int argc, char *argv[])
{
	const char *id = getenv("POPFETCH_DELIVERY_ID");
	char temporary[200], name[200];
	int new_dir, fd;

	if (argc > 2)
		signal(SIGTERM, SIG_IGN);
	need(argc > 1 && id != NULL && chdir(argv[1]) == 0);
	snprintf(temporary, sizeof(temporary), "tmp/%s.%d", id, (int)getpid());
	snprintf(name, sizeof(name), "new/%s.%d", id, (int)getpid());
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
	need(fd >= 0);
	copy(fd);
	need(rename(temporary, name) == 0);
	new_dir = open("new", O_RDONLY | O_DIRECTORY);
	need(new_dir >= 0 && fsync(new_dir) == 0);
	return 0;
}
