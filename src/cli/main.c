/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line.
 */
#include "config.h"

#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "base/text.h"
#include "cli/run.h"

enum { MAIN_JOBS_MAX = 256 };
enum { OPTION_CHECK = 256, OPTION_CATCH_UP };

static const char main_help[] =
"Usage: popfetch [-v|-q] [-n] [-a] [-c FILE] [-j JOBS] [ACCOUNT...]\n"
"Fetches new mail of the accounts named, or of all enabled ones, by POP3.\n"
"\n"
"  -v, --verbose     say what happens; twice: show the protocol\n"
"  -q, --quiet       print errors only\n"
"  -n, --dry-run     say what would be fetched and deleted, change nothing\n"
"      --check       count new mail: status 0 when there is some, 1 when not\n"
"  -a, --all         fetch also what was fetched before\n"
"      --catch-up    record all mail now on the server as delivered\n"
"  -c, --config FILE read FILE, not ~/.config/popfetch/popfetch.conf\n"
"  -j, --jobs JOBS   fetch so many accounts side by side\n"
"  -h, --help        show this help\n"
"  -V, --version     show the version\n"
"\n"
"See popfetch(1) and popfetch.conf(5).\n";

static const struct option main_options[] = {
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "check", no_argument, NULL, OPTION_CHECK },
	{ "all", no_argument, NULL, 'a' },
	{ "catch-up", no_argument, NULL, OPTION_CATCH_UP },
	{ "config", required_argument, NULL, 'c' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int
main_usage(const char *what)
{
	(void)fprintf(stderr, "popfetch: %s (try 'popfetch --help')\n", what);
	return EX_USAGE;
}

static int
main_set_mode(struct run_options *o, enum session_mode mode)
{
	if (o->mode != SESSION_FETCH && o->mode != mode)
		return main_usage("-n, --check and --catch-up exclude "
				  "each other");
	o->mode = mode;
	return 0;
}

static int
main_set_jobs(struct run_options *o, const char *text)
{
	uint64_t jobs;

	if (!text_number(text, strlen(text), MAIN_JOBS_MAX, &jobs) || jobs == 0)
		return main_usage("-j takes a number from 1 to 256");
	o->jobs = (unsigned)jobs;
	return 0;
}

static int
main_print(const char *text)
{
	(void)fputs(text, stdout);
	return fflush(stdout) == 0 ? -1 : EX_IOERR;
}

/* 0: go on; -1: done with status 0; else the exit status. */
static int
main_option(struct run_options *o, int option, const char *argument)
{
	switch (option) {
	case 'v':
		o->verbosity = o->verbosity < 1 ? 1 : 2;
		return 0;
	case 'q':
		o->verbosity = -1;
		return 0;
	case 'n':
		return main_set_mode(o, SESSION_DRY_RUN);
	case OPTION_CHECK:
		return main_set_mode(o, SESSION_CHECK);
	case OPTION_CATCH_UP:
		return main_set_mode(o, SESSION_CATCH_UP);
	case 'a':
		o->all = true;
		return 0;
	case 'c':
		o->conf_path = argument;
		return 0;
	case 'j':
		return main_set_jobs(o, argument);
	case 'h':
		return main_print(main_help);
	case 'V':
		return main_print(PACKAGE_STRING "\n");
	case ':':
		return main_usage("an option lacks its argument");
	default:
		return main_usage("unknown option");
	}
}

int
main(int argc, char **argv)
{
	struct run_options options = { .verbosity = 0 };
	int option, status;

	(void)setlocale(LC_CTYPE, "C");
	(void)umask(077);
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":vqnac:j:hV", main_options,
				     NULL)) != -1) {
		status = main_option(&options, option, optarg);
		if (status != 0)
			return status == -1 ? EXIT_SUCCESS : status;
	}
	options.names = (const char *const *)argv + optind;
	options.name_count = (size_t)(argc - optind);
	return run(&options);
}
