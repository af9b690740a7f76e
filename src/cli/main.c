/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The command line.
 */
#include "config.h"

#include <getopt.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "account/chosen.h"
#include "base/text.h"
#include "cli/run.h"
#include "cli/terminal.h"

enum { MAIN_JOBS_MAX = 256 };
enum {
	OPTION_CHECK = 256,
	OPTION_CATCH_UP,
	OPTION_STATUS,
	OPTION_RETRY,
	OPTION_LIST,
	OPTION_SKIP,
	OPTION_DELETE,
	OPTION_UID,
	OPTION_YES,
	OPTION_SHARD
};

static const char main_help[] =
	"Usage: popfetch [-v|-q] [-n] [-a] [-c FILE] [-j JOBS] [ACCOUNT...]\n"
	"Fetches new mail of the accounts named, or of all enabled ones, by POP3.\n"
	"\n"
	"  -v, --verbose     say what happens; twice: show the protocol\n"
	"  -q, --quiet       print errors only\n"
	"  -n, --dry-run     say what would be fetched and deleted, change nothing\n"
	"      --check       count new mail: status 0 when there is some, 1 when not\n"
	"  -a, --all         fetch also what was fetched before\n"
	"      --catch-up[=FILE]\n"
	"                    record all mail now on the server as delivered, or the uids\n"
	"                    that FILE lists; with -n say what it would record\n"
	"      --status      show a table of accounts; with -v also what was set aside\n"
	"      --list        show the messages on the server, and what becomes of them\n"
	"      --retry       forget the back-off of the accounts named\n"
	"      --skip        never fetch the messages that --uid names\n"
	"      --delete      delete them on the server, for good; asks before it does\n"
	"      --uid UID     a message, for --retry, --skip and --delete\n"
	"      --yes         --delete does not ask\n"
	"  -c, --config FILE read FILE, not ~/.config/popfetch/popfetch.conf\n"
	"  -j, --jobs JOBS   fetch up to JOBS accounts side by side\n"
	"      --shard K/N   only the accounts in part K of N (by a hash of their state)\n"
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
	{ "catch-up", optional_argument, NULL, OPTION_CATCH_UP },
	{ "status", no_argument, NULL, OPTION_STATUS },
	{ "list", no_argument, NULL, OPTION_LIST },
	{ "retry", no_argument, NULL, OPTION_RETRY },
	{ "skip", no_argument, NULL, OPTION_SKIP },
	{ "delete", no_argument, NULL, OPTION_DELETE },
	{ "uid", required_argument, NULL, OPTION_UID },
	{ "yes", no_argument, NULL, OPTION_YES },
	{ "config", required_argument, NULL, 'c' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "shard", required_argument, NULL, OPTION_SHARD },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int
usage(const char *what)
{
	(void)fprintf(stderr, "popfetch: %s (try 'popfetch --help')\n", what);
	return EX_USAGE;
}

static const char main_exclusive[] =
	"--check, --catch-up, --status, --list, --retry, --skip and --delete "
	"exclude each other, and -n goes with --catch-up only";

/* Makes one mode of two that go together; false if they exclude each other. */
static bool
join_modes(enum session_mode a, enum session_mode b, enum session_mode *both)
{
	bool dry = a == SESSION_DRY_RUN || b == SESSION_DRY_RUN;
	bool catch_up = a == SESSION_CATCH_UP || b == SESSION_CATCH_UP;

	*both = a == SESSION_FETCH ? b : a;
	if (a == SESSION_CATCH_UP_DRY_RUN)
		return dry || catch_up;
	if (dry && catch_up)
		*both = SESSION_CATCH_UP_DRY_RUN;
	return a == SESSION_FETCH || a == b || (dry && catch_up);
}

static int
set_mode(struct run_options *o, enum session_mode mode)
{
	if (!join_modes(o->mode, mode, &o->mode) || o->action != RUN_SESSIONS)
		return usage(main_exclusive);
	return 0;
}

static int
set_action(struct run_options *o, enum run_action action)
{
	if (o->mode != SESSION_FETCH ||
	    (o->action != RUN_SESSIONS && o->action != action))
		return usage(main_exclusive);
	o->action = action;
	return 0;
}

static int
set_jobs(struct run_options *o, const char *text, bool is_long)
{
	uint64_t jobs;

	if (!text_number(text, strlen(text), MAIN_JOBS_MAX, &jobs) || jobs == 0)
		return usage(is_long ? "--jobs takes a number from 1 to 256"
				     : "-j takes a number from 1 to 256");
	o->jobs = (unsigned)jobs;
	return 0;
}

static int
set_shard(struct run_options *o, const char *text)
{
	if (o->shard.count > 0)
		return usage("--shard may be given once");
	if (!shard_parse(text, &o->shard))
		return usage("--shard takes K/N, with K from 1 to N and N "
			     "up to 1000000");
	return 0;
}

static int
add_uid(struct run_options *o, const char *text)
{
	if (!o->chosen)
		o->chosen = chosen_new();
	return chosen_add(o->chosen, text)
		       ? 0
		       : usage("--uid takes a uid as --list shows it, with two "
			       "hex digits behind each '%'");
}

/* Do the options about single messages go together? */
static int
check_verbs(const struct run_options *o)
{
	bool is_delete = o->mode == SESSION_DELETE;
	bool needs_uid = is_delete || o->mode == SESSION_SKIP;
	bool takes_uid = needs_uid || o->action == RUN_RETRY;

	if (o->action == RUN_RETRY && o->name_count == 0)
		return usage("--retry needs the name of an account");
	if (o->chosen && !takes_uid)
		return usage("--uid goes with --retry, --skip and --delete");
	if (needs_uid && !o->chosen)
		return usage("--skip and --delete need --uid; --list shows "
			     "the uids");
	if ((o->chosen || o->mode == SESSION_LIST) && o->name_count != 1)
		return usage("--list and --uid need the name of one account");
	if (o->yes && !is_delete)
		return usage("--yes goes with --delete");
	if (is_delete && !o->yes && !terminal_is_there())
		return usage("--delete asks on a terminal, and there is none: "
			     "--yes deletes without a question");
	return 0;
}

static int
print(const char *text)
{
	(void)fputs(text, stdout);
	return fflush(stdout) == 0 ? -1 : EX_IOERR;
}

/* Has the table an option with this value (getopt's optopt)? */
static bool
is_option(int value)
{
	for (const struct option *o = main_options; o->name; o++)
		if (o->val == value)
			return true;
	return false;
}

/* `shown` is the option as it was written; `option` and `value` are what getopt
 * makes of it: a known one that is not taken was given an argument. */
static int
bad_option(int option, int value, const char *shown)
{
	int size = (int)strcspn(shown, "=");
	char text[128];

	if (option == ':')
		(void)snprintf(text, sizeof(text),
			       "option '%s' needs an argument", shown);
	else if (is_option(value))
		(void)snprintf(text, sizeof(text),
			       "option '%.*s' takes no argument", size, shown);
	else
		(void)snprintf(text, sizeof(text), "unknown option '%s'",
			       shown);
	return usage(text);
}

/* 0: go on; -1: done with status 0; else the exit status. */
static int
take_option(struct run_options *o, int option, const char *argument,
	    bool is_long)
{
	switch (option) {
	case 'v':
		o->verbosity = o->verbosity < 1 ? 1 : 2;
		return 0;
	case 'q':
		o->verbosity = -1;
		return 0;
	case 'n':
		return set_mode(o, SESSION_DRY_RUN);
	case OPTION_CHECK:
		return set_mode(o, SESSION_CHECK);
	case OPTION_CATCH_UP:
		o->list = argument;
		return set_mode(o, SESSION_CATCH_UP);
	case OPTION_STATUS:
		return set_action(o, RUN_STATUS);
	case OPTION_RETRY:
		return set_action(o, RUN_RETRY);
	case OPTION_LIST:
		return set_mode(o, SESSION_LIST);
	case OPTION_SKIP:
		return set_mode(o, SESSION_SKIP);
	case OPTION_DELETE:
		return set_mode(o, SESSION_DELETE);
	case OPTION_UID:
		return add_uid(o, argument);
	case OPTION_YES:
		o->yes = true;
		return 0;
	case 'a':
		o->all = true;
		return 0;
	case 'c':
		o->conf_path = argument;
		return 0;
	case 'j':
		return set_jobs(o, argument, is_long);
	case OPTION_SHARD:
		return set_shard(o, argument);
	case 'h':
		return print(main_help);
	default: /* 'V' */
		return print(PACKAGE_STRING "\n");
	}
}

/* Takes what getopt has found; `last` is the word that it has read last.  A
 * letter that is unknown may stand in the word behind that one. */
static int
take_found(struct run_options *o, int option, int index, const char *last)
{
	const char letter[] = { '-', (char)optopt, '\0' };
	bool is_letter = optopt > ' ' && optopt < 0x7f;

	if (option != ':' && option != '?')
		return take_option(o, option, optarg, index >= 0);
	if (strncmp(last, "--", 2) == 0 && (option == ':' || is_option(optopt)))
		is_letter = false;
	return bad_option(option, optopt, is_letter ? letter : last);
}

/* 0: go on; -1: done with status 0; else the exit status. */
static int
take_options(struct run_options *o, int argc, char **argv)
{
	int option, index, status;

	for (;;) {
		index = -1;
		option = getopt_long(argc, argv, ":vqnac:j:hV", main_options,
				     &index);
		if (option == -1)
			break;
		status = take_found(o, option, index, argv[optind - 1]);
		if (status != 0)
			return status;
	}
	o->names = (const char *const *)argv + optind;
	o->name_count = (size_t)(argc - optind);
	return check_verbs(o);
}

int
main(int argc, char **argv)
{
	struct run_options options = { .verbosity = 0 };
	int status;

	(void)setlocale(LC_CTYPE, "C");
	(void)umask(077);
	opterr = 0;
	status = take_options(&options, argc, argv);
	if (status == 0)
		status = run(&options);
	chosen_free(&options.chosen);
	return status == -1 ? EXIT_SUCCESS : status;
}
