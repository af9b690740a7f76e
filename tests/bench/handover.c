/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The floor where mail goes through an MDA: the MDA alone, once for each file, one
 * after the other.
 *
 *	handover DIRECTORY PROGRAM [ARGUMENT...]
 *
 * Prints how many files there were; fails when the program does.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

static int
is_message(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
hand_over(const char *file, char **argv)
{
	posix_spawn_file_actions_t input;
	int status;
	pid_t pid;

	if (posix_spawn_file_actions_init(&input) != 0 ||
	    posix_spawn_file_actions_addopen(&input, 0, file, O_RDONLY, 0) != 0 ||
	    posix_spawn(&pid, argv[0], &input, NULL, argv, environ) != 0)
		errx(71, "cannot start %s", argv[0]);
	posix_spawn_file_actions_destroy(&input);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		errx(70, "%s fails with %s", argv[0], file);
}

int
main(int argc, char **argv)
{
	struct dirent **entries;
	char file[PATH_MAX];
	int count;

	if (argc < 3)
		errx(64, "usage: handover DIRECTORY PROGRAM [ARGUMENT...]");
	count = scandir(argv[1], &entries, is_message, alphasort);
	if (count < 0)
		err(66, "%s", argv[1]);
	for (int i = 0; i < count; i++) {
		snprintf(file, sizeof(file), "%s/%s", argv[1], entries[i]->d_name);
		hand_over(file, argv + 2);
	}
	printf("%d\n", count);
	return 0;
}
