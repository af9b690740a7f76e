/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Runs a command and writes what it and all that it started cost:
 *
 *	timed REPORT COMMAND [ARGUMENT...]
 *
 * REPORT gets one line: seconds from the start to the end of the command, seconds of
 * user and of system time of the whole tree of processes, the peak of resident memory
 * of the largest of them in KiB, and the command's exit status (128 and the signal's
 * number if one ended it).
 *
 * A process inherits its peak of memory from the one that forks it, so this program is
 * small and has no library but libc.
 */
#include <err.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Waits for the command, then for what it left behind. */
static double
wait_for_all(pid_t command, int *status)
{
	double ended = 0;
	int one;

	for (;;) {
		pid_t pid = wait(&one);

		if (pid == -1 && errno == ECHILD)
			return ended;
		if (pid != command)
			continue;
		ended = now();
		*status = WIFEXITED(one) ? WEXITSTATUS(one) : 128 + WTERMSIG(one);
	}
}

int
main(int argc, char **argv)
{
	struct rusage used;
	double began, ended;
	int error, status = 0;
	pid_t pid;
	FILE *report;

	if (argc < 3)
		errx(64, "usage: timed REPORT COMMAND [ARGUMENT...]");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		err(71, "prctl");
	began = now();
	error = posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ);
	if (error != 0) {
		errno = error;
		err(71, "%s", argv[2]);
	}
	ended = wait_for_all(pid, &status);
	getrusage(RUSAGE_CHILDREN, &used);
	report = fopen(argv[1], "w");
	if (report == NULL)
		err(73, "%s", argv[1]);
	fprintf(report, "%.6f %.6f %.6f %ld %d\n", ended - began, seconds(used.ru_utime),
	    seconds(used.ru_stime), used.ru_maxrss, status);
	if (fclose(report) != 0)
		err(74, "%s", argv[1]);
	return 0;
}
