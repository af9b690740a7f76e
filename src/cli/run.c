/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "cli/run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "config/conf.h"
#include "cli/overview.h"
#include "cli/logfile.h"
#include "cli/password.h"
#include "cli/process.h"
#include "cli/show.h"
#include "account/status.h"
#include "account/uidlist.h"
#include "net/tls.h"
#include "sys/proc.h"

/* A keeper that runs. */
struct job {
	struct account *account;
	struct link *link; /* NULL: the slot is free */
	pid_t pid;
	bool ended; /* its result has come */
	struct report_result result;
	bool broken_only; /* the second session that the first asked for */
};

struct run {
	const struct run_options *options;
	struct conf *conf;
	struct show show;
	struct account **wanted;
	size_t count, next;
	struct job *jobs;
	size_t job_count;
	struct uidlist *list; /* of --catch-up=FILE, or NULL */
	int64_t began;	      /* clock_unix */
	int stops;	      /* stop signals that were passed on */
};

/* --- which accounts --- */

static char *
known_names(const struct conf *c)
{
	struct buf names;
	char *text;

	buf_init(&names, 4096);
	for (size_t i = 0; i < c->count; i++)
		(void)buf_format(&names, "%s%s", i == 0 ? "" : ", ",
				 c->accounts[i].name);
	text = mem_string(buf_text(&names));
	buf_free(&names);
	return text;
}

static int
unknown_account(const struct conf *c, const char *name, struct err *e)
{
	char *known = known_names(c);

	err_set(e, ERR_USAGE,
		"account '%s' does not exist in '%s', which has: %s", name,
		c->path, known);
	free(known);
	return -1;
}

/* Accounts by their number in the configuration, in the order in which they are
 * fetched. */
struct run_choice {
	bool *is_wanted;
	size_t *numbers;
	size_t count;
};

/* Takes an account once, and only if it is in the shard. */
static void
want(struct run *r, struct run_choice *c, size_t number)
{
	if (c->is_wanted[number] ||
	    !shard_has(&r->options->shard, &r->conf->accounts[number]))
		return;
	c->is_wanted[number] = true;
	c->numbers[c->count++] = number;
}

static int
choose(struct run *r, struct run_choice *c, struct err *e)
{
	const struct run_options *o = r->options;

	for (size_t i = 0; i < o->name_count; i++) {
		struct account *a = conf_account(r->conf, o->names[i]);

		if (!a)
			return unknown_account(r->conf, o->names[i], e);
		want(r, c, (size_t)(a - r->conf->accounts));
	}
	for (size_t i = 0; i < r->conf->count && o->name_count == 0; i++)
		if (r->conf->accounts[i].enabled || o->action == RUN_STATUS)
			want(r, c, i);
	return 0;
}

/* Accounts that are not wanted are forgotten, so the others have new
 * numbers. */
static void
take_chosen(struct run *r, const struct run_choice *c)
{
	size_t *new_numbers = mem_array(r->conf->count, sizeof(*new_numbers));
	size_t next = 0;

	for (size_t i = 0; i < r->conf->count; i++) {
		new_numbers[i] = next;
		next += c->is_wanted[i];
	}
	conf_keep_only(r->conf, c->is_wanted);
	r->wanted = mem_array(c->count, sizeof(*r->wanted));
	for (size_t i = 0; i < c->count; i++)
		r->wanted[i] = &r->conf->accounts[new_numbers[c->numbers[i]]];
	r->count = c->count;
	free(new_numbers);
}

static int
select_accounts(struct run *r, struct err *e)
{
	struct run_choice c = {
		.is_wanted = mem_array(r->conf->count, sizeof(*c.is_wanted)),
		.numbers = mem_array(r->conf->count, sizeof(*c.numbers)),
	};
	int rc = choose(r, &c, e);

	if (rc == 0)
		take_chosen(r, &c);
	free(c.is_wanted);
	free(c.numbers);
	return rc;
}

/* Leaves out accounts whose password cannot be found, with an error for
 * each. */
static void
find_passwords(struct run *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->count; i++) {
		struct account *a = r->wanted[i];
		struct err e = ERR_INIT;

		if (password_find(a, r->show.progress, &e) == 0)
			r->wanted[kept++] = a;
		else
			show_error(&r->show, a, &e);
	}
	r->count = kept;
}

/* --- keepers --- */

/* Tests set POPFETCH_BATCH_LIMIT, to get many batches from few messages. */
static struct batch_limits
limits_of_batch(void)
{
	struct batch_limits limits = batch_limits_usual;
	const char *text = getenv("POPFETCH_BATCH_LIMIT");
	uint64_t n;

	if (text && text_number(text, strlen(text), 256, &n) && n > 0)
		limits.messages = (size_t)n;
	return limits;
}

static struct session_settings
settings_of(const struct run *r, const struct job *job)
{
	return (struct session_settings){
		.mode = r->options->mode,
		/* what --all fetches again has come in the first session */
		.all = r->options->all && !job->broken_only,
		.ignore_backoff = r->options->name_count > 0,
		.list = r->list,
		.chosen = r->options->chosen,
		.yes = r->options->yes,
		.trace = r->options->verbosity >= 2,
		.wants_captions = show_has_captions(&r->show),
		.broken_only = job->broken_only,
		.run_began = r->began,
		.fetched_before = job->broken_only ? job->result.fetched : 0,
		.limits = limits_of_batch(),
	};
}

static int
start(struct run *r, struct job *job, struct account *a, struct err *e)
{
	struct session_settings settings = settings_of(r, job);
	struct link *theirs;

	if (link_pair(&theirs, &job->link, false, e) != 0)
		return -1;
	job->pid = proc_fork(e);
	if (job->pid == 0) {
		/* which closes the descriptors of this end */
		process_account(a, &settings, r->conf->state_dir, theirs);
	}
	link_free(&theirs);
	if (job->pid < 0) {
		link_free(&job->link);
		return -1;
	}
	job->account = a;
	job->ended = false;
	job->result = (struct report_result){ .is_again = false };
	return 0;
}

static void
start_or_say(struct run *r, size_t slot, struct account *a)
{
	struct err e = ERR_INIT;

	progress_begin(r->show.progress, slot, a->name);
	if (start(r, &r->jobs[slot], a, &e) == 0)
		return;
	show_error(&r->show, a, &e);
	progress_end(r->show.progress, slot);
	secret_free(&a->courier.password);
}

static void
fill_jobs(struct run *r)
{
	for (size_t i = 0; i < r->job_count; i++) {
		if (r->jobs[i].link || r->next == r->count || r->stops > 0)
			continue;
		r->jobs[i].broken_only = false;
		start_or_say(r, i, r->wanted[r->next++]);
	}
}

static void
finish_job(struct run *r, size_t slot)
{
	struct job *job = &r->jobs[slot];
	int status = 0;

	link_free(&job->link);
	while (!proc_reap(job->pid, &status))
		(void)proc_poll(NULL, 0, clock_deadline(100));
	progress_end(r->show.progress, slot);
	if (!job->ended)
		show_early_end(&r->show, job->account, status, r->stops > 1);
	job->pid = 0;
	job->broken_only =
		job->result.is_again && !job->broken_only && r->stops == 0;
	if (job->broken_only)
		start_or_say(r, slot, job->account);
	else
		secret_free(&job->account->courier.password);
}

static void
read_job(struct run *r, size_t slot)
{
	struct job *job = &r->jobs[slot];
	struct link_record record;
	struct err e = ERR_INIT;
	int pulled = link_pull(job->link, &e);

	while (link_next(job->link, &record))
		show_record(&r->show, slot, job->account, job->link, &record,
			    &job->ended, &job->result);
	if (pulled != 0 || link_is_over(job->link))
		finish_job(r, slot);
}

/* --- signals --- */

static void
signal_jobs(struct run *r, int signal)
{
	for (size_t i = 0; i < r->job_count; i++)
		if (r->jobs[i].link)
			(void)kill(r->jobs[i].pid, signal);
}

static void
pass_on_stops(struct run *r)
{
	int stops = proc_stops();

	if (stops == r->stops)
		return;
	signal_jobs(r, stops > 1 ? SIGKILL : SIGTERM);
	r->stops = stops;
}

/* --- the loop --- */

static size_t
fill_poll_set(const struct run *r, struct pollfd *fds)
{
	size_t running = 0;

	for (size_t i = 0; i < r->job_count; i++) {
		bool is_there = r->jobs[i].link;

		fds[i] = (struct pollfd){
			.fd = is_there ? link_input(r->jobs[i].link) : -1,
			.events = POLLIN,
		};
		running += is_there;
	}
	return running;
}

static void
loop_over_jobs(struct run *r)
{
	struct pollfd *fds = mem_array(r->job_count, sizeof(*fds));

	for (;;) {
		int64_t until;

		pass_on_stops(r);
		fill_jobs(r);
		if (fill_poll_set(r, fds) == 0) {
			if (r->next == r->count || r->stops > 0)
				break;
			continue; /* none could be started: on to the next */
		}
		until = progress_tick(r->show.progress, clock_ms());
		(void)proc_poll(fds, (nfds_t)r->job_count, until);
		for (size_t i = 0; i < r->job_count; i++)
			if (fds[i].revents != 0)
				read_job(r, i);
	}
	free(fds);
}

/* A stop request leaves alone the accounts that had no turn yet: people have to
 * know. */
static void
say_what_was_left(struct run *r)
{
	struct err e = ERR_INIT;
	size_t left = r->count - r->next;

	if (left == 0)
		return;
	err_set(&e, ERR_STOPPED, "stopped: %zu account%s not started", left,
		left == 1 ? " was" : "s were");
	show_error(&r->show, NULL, &e);
}

static void
start_accounts(struct run *r)
{
	struct err e = ERR_INIT;

	if (logfile_open(r->conf->log, &e) != 0) {
		show_error(&r->show, NULL, &e);
		return;
	}
	if (!r->list) /* a list needs no server */
		find_passwords(r);
	r->job_count = r->options->jobs > 0 ? r->options->jobs : r->conf->jobs;
	if (r->job_count > r->count)
		r->job_count = r->count;
	r->jobs = mem_array(r->job_count, sizeof(*r->jobs));
	if (r->count > 0)
		tls_prepare();
	loop_over_jobs(r);
	say_what_was_left(r);
	if (log_close(&e) != 0)
		show_error(&r->show, NULL, &e);
	free(r->jobs);
}

static void
retry_accounts(struct run *r)
{
	for (size_t i = 0; i < r->count; i++) {
		char said[STATUS_DUE_MAX];
		struct status_due due;
		struct err e = ERR_INIT;

		if (status_forget_backoff(&r->wanted[i]->keeper.account,
					  r->conf->state_dir,
					  r->options->chosen, &due, &e) == 0) {
			status_show_due(said, &due);
			show_answer(&r->show, r->wanted[i], said);
			continue;
		}
		if (e.kind == ERR_BUSY)
			err_set(&e, ERR_LATER, "is being fetched just now");
		show_error(&r->show, r->wanted[i], &e);
	}
}

static void
act(struct run *r)
{
	switch (r->options->action) {
	case RUN_SESSIONS:
		if (r->count == 0)
			show_no_account(&r->show, r->conf->path,
					&r->options->shard);
		start_accounts(r);
		break;
	case RUN_STATUS:
		overview_print(&r->show, r->wanted, r->count,
			       r->conf->state_dir);
		break;
	case RUN_RETRY:
		retry_accounts(r);
		break;
	}
}

static int
read_conf(struct run *r, struct err *e)
{
	char *found = NULL;
	int rc;

	if (!r->options->conf_path && conf_find(&found, e) != 0)
		return -1;
	rc = conf_read(&r->conf, found ? found : r->options->conf_path, e);
	free(found);
	return rc;
}

static int
read_list(struct run *r, struct err *e)
{
	if (!r->options->list)
		return 0;
	if (r->count != 1)
		return err_set(e, ERR_USAGE,
			       "--catch-up=FILE is for one "
			       "account: name it");
	return uidlist_read(&r->list, r->options->list, e);
}

/* --check: is there anything new?  --status: is there any trouble? */
static int
exit_status(const struct run *r)
{
	if (r->options->action == RUN_STATUS && r->show.status == 0)
		return r->show.has_trouble;
	if (r->options->action != RUN_SESSIONS ||
	    r->options->mode != SESSION_CHECK)
		return r->show.status;
	if (r->show.new_messages > 0)
		return 0;
	return r->show.status != 0 ? r->show.status : 1;
}

int
run(const struct run_options *options)
{
	struct run r = { .options = options, .began = clock_unix() };
	struct err e = ERR_INIT;
	int status;

	show_open(&r.show, options->verbosity, options->mode != SESSION_FETCH);
	r.show.asks = options->mode == SESSION_DELETE && !options->yes;
	proc_signals(PROC_STOPPABLE);
	if (read_conf(&r, &e) != 0 || select_accounts(&r, &e) != 0 ||
	    read_list(&r, &e) != 0)
		show_error(&r.show, NULL, &e);
	else
		act(&r);
	status = e.kind == ERR_NONE ? exit_status(&r) : r.show.status;
	show_close(&r.show);
	uidlist_free(&r.list);
	free(r.wanted);
	conf_free(&r.conf);
	return status;
}
