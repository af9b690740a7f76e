/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * mda DIRECTORY [fixed]: keeps the message as DIRECTORY/new/ID.NUMBER, whole or not at all.
 *
 * DIRECTORY/plan has one letter for each start, which DIRECTORY/count counts:
 *	r  refuse		l  later		d  die
 *	R  keep, then refuse	L  keep, then later	D  keep, then die
 *	h  hang for a moment, then keep			any other: keep
 * DIRECTORY/special has "LETTER TIMES WORDS": to a message with these words in it that
 * happens instead, so many times (0: always), unless it is fixed.  Further letters are
 *	k  kill popfetch	n, x, u  end with 127, 126, 64
 * DIRECTORY/log gets a line "ID LETTER" at each start, with a * before what is special.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
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

/* Has the message, on standard input, these words in it? */
static int
has_words(const char *words, size_t size)
{
	char *bytes = malloc(1 << 20);
	ssize_t n;
	int found;

	if (!bytes || (n = read(0, bytes, 1 << 20)) < 0 || lseek(0, 0, SEEK_SET) != 0)
		fail("standard input");
	found = memmem(bytes, (size_t)n, words, size) != NULL;
	free(bytes);
	return found;
}

/* Another time; how many were there before? */
static long
count_special(void)
{
	struct stat st;
	int fd = open("specials", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || fstat(fd, &st) != 0 || write(fd, "x", 1) != 1)
		fail("specials");
	close(fd);
	return (long)st.st_size;
}

/* The letter for a message that is special, or 0. */
static char
special(void)
{
	char text[256], what;
	int fd = open("special", O_RDONLY | O_CLOEXEC), words = 0;
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	long times;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n - 1] = '\0'; /* the end of the line */
	if (sscanf(text, "%c %ld %n", &what, &times, &words) != 2 || words == 0)
		return 0;
	if (!has_words(text + words, strlen(text + words)))
		return 0;
	return times == 0 || count_special() < times ? what : 0;
}

static void
note(const char *id, const char *mark, char what)
{
	char line[128];
	int fd = open("log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int n = snprintf(line, sizeof(line), "%s %s%c\n", id, mark, what);

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
	char what, how;

	if (argc < 2 || !id || chdir(argv[1]) != 0)
		return 65;
	what = letter();
	how = argc == 2 ? special() : 0;
	if (how)
		what = how;
	note(id, how ? "*" : "", what);
	if (what == 'h')
		usleep(60000);
	if (!strchr("rldknxu", what))
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
		break;
	case 'k':
		kill(getppid(), SIGKILL);
		sleep(1);
		return 75;
	case 'n':
		return 127;
	case 'x':
		return 126;
	case 'u':
		return 64;
	}
	return 0;
}
