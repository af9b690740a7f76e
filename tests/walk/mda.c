/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * mda DIRECTORY: keeps the message as DIRECTORY/new/ID.NUMBER, whole or not at all.
 *
 * DIRECTORY/plan has one letter for each start, which DIRECTORY/count counts:
 *	r  refuse		l  later		d  die
 *	R  keep, then refuse	L  keep, then later	D  keep, then die
 *	h  hang for a moment, then keep			any other: keep
 * DIRECTORY/log gets a line "ID LETTER" at each start.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int number;

static void
fail(const char *what)
{
	perror(what);
	exit(75);
}

static char
letter(void)
{
	char text[32] = "", plan[256] = "";
	int fd = open("count", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ssize_t n;

	if (fd < 0 || flock(fd, LOCK_EX) != 0)
		fail("count");
	n = pread(fd, text, sizeof(text) - 1, 0);
	number = n > 0 ? atoi(text) : 0;
	(void)snprintf(text, sizeof(text), "%d\n", number + 1);
	(void)!pwrite(fd, text, strlen(text), 0);
	close(fd);
	if ((fd = open("plan", O_RDONLY | O_CLOEXEC)) >= 0) {
		(void)!read(fd, plan, sizeof(plan) - 1);
		close(fd);
	}
	return number < (int)strlen(plan) ? plan[number] : '.';
}

static void
note(const char *id, char what)
{
	char line[128];
	int fd = open("log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int n = snprintf(line, sizeof(line), "%s %c\n", id, what);

	if (fd < 0 || write(fd, line, (size_t)n) != n)
		fail("log");
	close(fd);
}

static void
keep(const char *id)
{
	char tmp[128], name[128], bytes[65536];
	int fd, dir;
	ssize_t n;

	(void)snprintf(tmp, sizeof(tmp), "tmp/%s.%d.%d", id, number, (int)getpid());
	(void)snprintf(name, sizeof(name), "new/%s.%d.%d", id, number, (int)getpid());
	if ((fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		fail(tmp);
	while ((n = read(0, bytes, sizeof(bytes))) > 0)
		if (write(fd, bytes, (size_t)n) != n)
			fail("write");
	if (n < 0 || fsync(fd) != 0 || close(fd) != 0 || rename(tmp, name) != 0)
		fail(name);
	if ((dir = open("new", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || fsync(dir) != 0)
		fail("new");
}

int
main(int argc, char **argv)
{
	const char *id = getenv("POPFETCH_DELIVERY_ID");
	char what;

	if (argc != 2 || !id || chdir(argv[1]) != 0)
		return 64;
	what = letter();
	note(id, what);
	if (what == 'h')
		usleep(60000);
	if (!strchr("rld", what))
		keep(id);
	puts("a line of the mda");
	fflush(stdout);
	switch (tolower(what)) {
	case 'r':
		return 1;
	case 'l':
		return 75;
	case 'd':
		raise(SIGKILL);
	}
	return 0;
}
