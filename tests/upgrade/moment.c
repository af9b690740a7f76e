/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Another time and another port: a library to be preloaded (LD_PRELOAD) into the
 * program under test.
 *
 * MOMENT is what the wall clock shows, in seconds since 1970; it stands still.  A
 * connection to port 110 goes to MOMENT_PORT, and the machine is called MOMENT_HOST.
 * So a state is found at the time, and its server at the port, that stand in it.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { POP3_PORT = 110 };

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	const char *moment = clock == CLOCK_REALTIME ? getenv("MOMENT") : NULL;

	if (!moment)
		return (int)syscall(SYS_clock_gettime, clock, t);
	t->tv_sec = (time_t)atoll(moment);
	t->tv_nsec = 0;
	return 0;
}

int
connect(int fd, const struct sockaddr *to, socklen_t size)
{
	const char *port = getenv("MOMENT_PORT");
	struct sockaddr_in at;

	if (port && to->sa_family == AF_INET && size == sizeof(at)) {
		at = *(const struct sockaddr_in *)to;
		if (at.sin_port == htons(POP3_PORT)) {
			at.sin_port = htons((in_port_t)atoi(port));
			return (int)syscall(SYS_connect, fd, &at, size);
		}
	}
	return (int)syscall(SYS_connect, fd, to, size);
}

int
gethostname(char *name, size_t size)
{
	const char *host = getenv("MOMENT_HOST");
	struct utsname here;

	if (!host && uname(&here) == 0)
		host = here.nodename;
	if (!host || size == 0)
		return -1;
	strncpy(name, host, size);
	return 0;
}
