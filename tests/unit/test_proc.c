/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a caller notices of sys/proc.h. The programs run here are /bin/sh with a
 * script as an argument. */
#include "config.h"
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <cmocka.h>

#include "base/clock.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER
#endif
#endif

static struct err e;

static const char *const plain_env[] = { "PATH=/usr/bin:/bin", "LANG=C", NULL };

/* --- helpers --- */

/* Runs `body` in a forked process and tells its exit status; -signal if killed. */
static int
run_forked(int (*body)(void))
{
	pid_t pid;
	int status;

	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static struct proc *
start_script(const char *script, struct proc_program *how)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct proc *p = NULL;

	how->argv = argv;
	how->env = how->env ? how->env : plain_env;
	assert_int_equal(proc_start(&p, how, &e), 0);
	return p;
}

/* Reads to the end of file. */
static void
read_all(int fd, char *out, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t got = 0;
	ssize_t n = 1;

	while (n != 0 && got < size - 1) {
		assert_int_equal(proc_poll(&p, 1, clock_deadline(30000)), 1);
		n = read(fd, out + got, size - 1 - got);
		assert_true(n >= 0 || errno == EAGAIN);
		got += n > 0 ? (size_t)n : 0;
	}
	out[got] = '\0';
}

static int
await(struct proc *p)
{
	int64_t deadline = clock_deadline(30000);
	int status = -1;

	while (!proc_ended(p, &status)) {
		assert_true(clock_ms() < deadline);
		proc_poll(NULL, 0, clock_deadline(5));
	}
	assert_true(proc_ended(p, &status));
	return status;
}

static bool
is_alive(pid_t pid)
{
	return kill(pid, 0) == 0;
}

static void
await_death(pid_t pid)
{
	int64_t deadline = clock_deadline(30000);
	char path[64], line[256] = "";
	FILE *f;

	/* An orphan may stay a zombie where nobody reaps for init. */
	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	while (is_alive(pid)) {
		f = fopen(path, "re");
		if (f && fgets(line, sizeof(line), f) && strstr(line, ") Z ")) {
			(void)fclose(f);
			return;
		}
		if (f)
			(void)fclose(f);
		assert_true(clock_ms() < deadline);
		proc_poll(NULL, 0, clock_deadline(5));
	}
}

/* --- signals and waiting --- */

/* Linux compares the number of places with the limit, whatever is in them. */
static void
places_without_descriptor_may_be_more_than_files_may_be_open(void **state)
{
	enum { PLACES = 300, USED = 250 };
	const struct rlimit few = { 64, 64 };
	struct pollfd p[PLACES];
	int ends[2], status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		for (size_t i = 0; i < PLACES; i++)
			p[i] = (struct pollfd){ .fd = -1, .revents = 99 };
		if (pipe(ends) != 0 || setrlimit(RLIMIT_NOFILE, &few) != 0 ||
		    write(ends[1], "x", 1) != 1)
			_exit(1);
		p[USED] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
		if (proc_poll(p, PLACES, CLOCK_NEVER) != 1)
			_exit(2);
		for (size_t i = 0; i < PLACES; i++)
			if (p[i].revents != (i == USED ? POLLIN : 0))
				_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
without_signals_proc_poll_is_poll(void **state)
{
	int ends[2];
	struct pollfd p;
	int64_t start = clock_ms();

	(void)state;
	assert_int_equal(pipe(ends), 0);
	p = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	assert_int_equal(proc_poll(&p, 1, start + 30), 0);
	assert_true(clock_ms() >= start + 30);
	assert_int_equal(proc_poll(&p, 1, 0), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(proc_poll(&p, 1, CLOCK_NEVER), 1);
	assert_int_equal(p.revents, POLLIN);
	assert_int_equal(proc_stops(), 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static int
stop_while_waiting(void)
{
	int ends[2];
	struct pollfd p;

	(void)signal(SIGHUP, SIG_DFL); /* nohup has it ignored */
	proc_signals(PROC_STOPPABLE);
	if (pipe(ends) != 0)
		return 1;
	/* Sent before the wait: it must be seen all the same. */
	if (raise(SIGTERM) != 0 || proc_stops() != 0)
		return 2;
	p = (struct pollfd){ .fd = ends[0], .events = POLLIN, .revents = 99 };
	if (proc_poll(&p, 1, CLOCK_NEVER) != 0 || p.revents != 0)
		return 3;
	if (proc_stops() != 1)
		return 4;
	(void)raise(SIGINT);
	(void)proc_poll(NULL, 0, CLOCK_NEVER);
	if (proc_stops() != 2)
		return 5;
	(void)raise(SIGHUP);
	(void)proc_poll(NULL, 0, CLOCK_NEVER);
	return proc_stops() == 3 ? 0 : 6;
}

static void
a_stop_signal_wakes_every_wait(void **state)
{
	(void)state;
	assert_int_equal(run_forked(stop_while_waiting), 0);
}

static int
stop_while_busy(void)
{
	int ends[2];
	struct pollfd p;

	proc_signals(PROC_STOPPABLE);
	if (pipe(ends) != 0 || write(ends[1], "x", 1) != 1)
		return 1;
	(void)raise(SIGTERM);
	p = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	if (proc_poll(&p, 1, CLOCK_NEVER) != 1 || p.revents != POLLIN)
		return 2;
	return proc_stops() == 1 ? 0 : 3;
}

static void
a_stop_signal_is_seen_though_data_never_ceases(void **state)
{
	(void)state;
	assert_int_equal(run_forked(stop_while_busy), 0);
}

static int
be_deaf(void)
{
	proc_signals(PROC_STOPPABLE);
	proc_signals(PROC_DEAF);
	(void)raise(SIGTERM);
	(void)raise(SIGINT);
	(void)raise(SIGHUP);
	(void)raise(SIGPIPE);
	(void)proc_poll(NULL, 0, clock_deadline(20));
	return proc_stops();
}

static int
hear_term_only(void)
{
	proc_signals(PROC_TERM_ONLY);
	(void)raise(SIGINT);
	(void)raise(SIGHUP);
	(void)proc_poll(NULL, 0, clock_deadline(20));
	if (proc_stops() != 0)
		return 1;
	(void)raise(SIGTERM);
	(void)proc_poll(NULL, 0, clock_deadline(10000));
	return proc_stops() == 1 ? 0 : 2;
}

static int
stay_under_nohup(void)
{
	(void)signal(SIGHUP, SIG_IGN);
	proc_signals(PROC_STOPPABLE);
	(void)raise(SIGHUP);
	(void)proc_poll(NULL, 0, clock_deadline(20));
	return proc_stops();
}

static void
each_role_hears_what_it_should(void **state)
{
	(void)state;
	assert_int_equal(run_forked(be_deaf), 0);
	assert_int_equal(run_forked(hear_term_only), 0);
	assert_int_equal(run_forked(stay_under_nohup), 0);
}

static int
hear_of_a_child(void)
{
	int64_t deadline = clock_deadline(30000);
	pid_t pid;
	int status;

	proc_signals(PROC_STOPPABLE);
	pid = fork();
	if (pid == 0)
		_exit(7);
	if (proc_poll(NULL, 0, deadline) != 0 || clock_ms() >= deadline)
		return 1;
	if (!proc_reap(pid, &status) || WEXITSTATUS(status) != 7)
		return 2;
	return proc_stops();
}

static void
the_end_of_a_child_wakes_its_parent(void **state)
{
	(void)state;
	assert_int_equal(run_forked(hear_of_a_child), 0);
}

/* --- forks of ourselves --- */

static void
a_fork_can_be_killed_and_reaped(void **state)
{
	int status = 0;
	pid_t pid;

	(void)state;
	pid = proc_fork(&e);
	if (pid == 0) {
		for (;;)
			(void)pause();
	}
	assert_true(pid > 0);
	assert_false(proc_reap(pid, &status));
	proc_kill(pid);
	assert_false(is_alive(pid));
	proc_kill(0);
	proc_kill(-1);
}

static int
could_dump(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max != 0)
		return 1;
#if defined(__linux__) && !defined(HAS_SANITIZER)
	if (prctl(PR_GET_DUMPABLE) != 0)
		return 2;
#endif
	return 0;
}

static void
a_fork_leaves_no_core_file(void **state)
{
	int status = 0;
	pid_t pid = proc_fork(&e);

	(void)state;
	if (pid == 0)
		_exit(could_dump());
	while (!proc_reap(pid, &status))
		proc_poll(NULL, 0, clock_deadline(5));
	assert_int_equal(status, 0);
}

static void
unflushed_output_is_not_printed_twice(void **state)
{
	char name[] = "test-proc-XXXXXX", text[20] = "";
	int fd = mkstemp(name), status;
	FILE *f = fdopen(fd, "w+");
	pid_t pid;

	(void)state;
	assert_non_null(f);
	fputs("once", f);
	pid = proc_fork(&e);
	if (pid == 0) {
		(void)fclose(f);
		_exit(0);
	}
	while (!proc_reap(pid, &status))
		proc_poll(NULL, 0, clock_deadline(5));
	(void)fflush(f);
	rewind(f);
	assert_non_null(fgets(text, sizeof(text), f));
	assert_string_equal(text, "once");
	(void)fclose(f);
	(void)unlink(name);
}

#ifdef __linux__
static void
a_fork_dies_with_its_parent(void **state)
{
	int ends[2];
	char byte;
	pid_t middle;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	middle = fork();
	if (middle == 0) {
		(void)close(ends[0]);
		if (proc_fork(&e) == 0) {
			/* Only its death closes the pipe. */
			for (;;)
				(void)pause();
		}
		_exit(0);
	}
	(void)close(ends[1]);
	assert_int_equal(waitpid(middle, NULL, 0), middle);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	(void)close(ends[0]);
}
#endif

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int
close_all_but_two(void)
{
	int keep[3] = { -1, -1, -1 };
	int fds[20], i;

	for (i = 0; i < 20; i++)
		fds[i] = dup(2);
	keep[0] = fds[13];
	keep[2] = fds[5];
	proc_close_others(keep, 3);
	for (i = 0; i < 20; i++)
		if (is_open(fds[i]) != (i == 13 || i == 5))
			return 1;
	if (!is_open(0) || !is_open(1) || !is_open(2))
		return 2;
	proc_close_others(NULL, 0);
	return is_open(fds[13]) || is_open(fds[5]) ? 3 : 0;
}

static void
other_descriptors_are_closed(void **state)
{
	(void)state;
	assert_int_equal(run_forked(close_all_but_two), 0);
}

/* --- other programs --- */

static void
output_and_errors_come_apart_and_the_status_with_them(void **state)
{
	struct proc_program how = { .input = -1,
				    .wants_output = true,
				    .wants_errors = true };
	char text[100];
	struct proc *p;
	int status;

	(void)state;
	p = start_script("echo out; echo err >&2; exit 42", &how);
	read_all(proc_output(p), text, sizeof(text));
	assert_string_equal(text, "out\n");
	read_all(proc_errors(p), text, sizeof(text));
	assert_string_equal(text, "err\n");
	status = await(p);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
	proc_free(&p);
	assert_null(p);
	proc_free(&p);
}

static void
the_end_by_a_signal_is_told_as_wait_tells_it(void **state)
{
	struct proc_program how = { .input = -1 };
	struct proc *p = start_script("kill -USR1 $$", &how);
	int status = await(p);

	(void)state;
	assert_int_equal(proc_output(p), -1);
	assert_int_equal(proc_errors(p), -1);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGUSR1);
	proc_free(&p);
}

static void
input_directory_and_environment_are_what_was_given(void **state)
{
	static const char *const env[] = { "PATH=/bin:/usr/bin", "X=y z",
					   NULL };
	char name[] = "test-proc-XXXXXX", text[200];
	int fd = mkstemp(name);
	struct proc_program how = {
		.input = fd, .wants_output = true, .directory = "/", .env = env
	};
	struct proc *p;

	(void)state;
	assert_int_equal(write(fd, "message", 7), 7);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	(void)unlink(name);
	p = start_script("pwd; echo \"$X$HOME\"; cat", &how);
	read_all(proc_output(p), text, sizeof(text));
	assert_string_equal(text, "/\ny z\nmessage");
	assert_int_equal(await(p), 0);
	proc_free(&p);
	assert_true(is_open(fd));
	(void)close(fd);
}

static void
without_input_there_is_nothing_to_read(void **state)
{
	struct proc_program how = { .input = -1, .wants_output = true };
	struct proc *p = start_script("cat; echo end", &how);
	char text[20];

	(void)state;
	read_all(proc_output(p), text, sizeof(text));
	assert_string_equal(text, "end\n");
	proc_free(&p);
}

static int
be_seen_from_inside(void)
{
	struct proc_program how = { .input = -1, .wants_output = true };
	char text[4000];
	struct proc *p;

	proc_signals(PROC_DEAF);
	if (dup2(2, 77) != 77) /* not close-on-exec */
		return 1;
	p = start_script(
		"ls /proc/self/fd | tr '\\n' ' '; echo;"
		"sed -n 's/^Sig\\(Blk\\|Ign\\):.*\\(.......\\)$/\\1 \\2/p' "
		"/proc/self/status; "
		"test $(ps -o sid= -p $$) = $$ && echo leader",
		&how);
	read_all(proc_output(p), text, sizeof(text));
	proc_free(&p);
	/* 3 is what ls itself has opened.  Signals 1 to 28: those of the C
	 * library's own (32, 33), which make ignores, are out of reach. */
	return strcmp(text, "0 1 2 3 \nBlk 0000000\nIgn 0000000\nleader\n") !=
	       0;
}

static void
a_program_starts_with_a_clean_slate(void **state)
{
	(void)state;
	if (access("/proc/self/status", R_OK) != 0 ||
	    access("/bin/ps", X_OK) != 0)
		skip();
	assert_int_equal(run_forked(be_seen_from_inside), 0);
}

static int
start_with_nothing_open(void)
{
	struct proc_program how = { .input = -1, .wants_output = true };
	char text[20];
	struct proc *p;

	(void)close(0);
	(void)close(1);
	p = start_script("cat; echo fine", &how);
	read_all(proc_output(p), text, sizeof(text));
	proc_free(&p);
	return strcmp(text, "fine\n") != 0;
}

static void
closed_standard_descriptors_confuse_nothing(void **state)
{
	(void)state;
	assert_int_equal(run_forked(start_with_nothing_open), 0);
}

static void
assert_no_start(const char *const argv[], const char *const env[],
		const char *directory, int sys, const char *named)
{
	struct proc_program how = {
		.argv = argv, .env = env, .input = -1, .directory = directory
	};
	struct proc *p = NULL;

	assert_int_equal(proc_start(&p, &how, &e), -1);
	assert_null(p);
	assert_int_equal(e.kind, ERR_OS);
	assert_int_equal(e.sys, sys);
	assert_non_null(strstr(e.text, named));
}

static void
a_program_that_cannot_be_started_is_named_with_its_errno(void **state)
{
	static const char *const missing[] = { "no-such-program", NULL };
	static const char *const absent[] = { "/no/such/program", NULL };
	static const char *const directory[] = { "/", NULL };
	static const char *const nameless[] = { "", NULL };
	static const char *const sh[] = { "sh", "-c", ":", NULL };
	static const char *const elsewhere[] = { "PATH=/dev:/nowhere", NULL };
	char name[] = "./test-proc-XXXXXX";
	const char *const garbage[] = { name, NULL };
	int fd = mkstemp(name);

	(void)state;
	assert_no_start(missing, plain_env, NULL, ENOENT,
			"'no-such-program': No such file or directory");
	assert_no_start(absent, plain_env, NULL, ENOENT, "'/no/such/program'");
	assert_no_start(directory, plain_env, NULL, EACCES, "'/'");
	assert_no_start(nameless, plain_env, NULL, ENOENT, "''");
	assert_no_start(sh, elsewhere, NULL, ENOENT, "'sh'");
	assert_no_start(sh, plain_env, "/no/such/dir", ENOENT,
			"'sh' in '/no/such/dir'");
	assert_no_start(garbage, plain_env, NULL, EACCES, name);
	/* No shell reads what has no "#!". */
	assert_int_equal(write(fd, "exit 0\n", 7), 7);
	assert_int_equal(fchmod(fd, 0700), 0);
	(void)close(fd);
	assert_no_start(garbage, plain_env, NULL, ENOEXEC, name);
	assert_no_start(garbage, plain_env, NULL, ENOEXEC,
			"a script begins with a line such as #!/bin/sh");
	(void)unlink(name);
}

static void
a_script_whose_interpreter_is_missing_is_told_so(void **state)
{
	static const char *const lines[][2] = {
		{ "#!/no/such/sh\n", ": '/no/such/sh', which its first line" },
		{ "#! /no/sh -e\n", ": '/no/sh', which its first line names" },
		{ "#!/bin/sh\r\n:\r\n", "'/bin/sh\\x0d', which its first" },
		{ "#!/no/such/sh", "'/no/such/sh', which its first line" },
	};
	char name[] = "./test-proc-XXXXXX";
	const char *const script[] = { name, NULL };

	(void)state;
	(void)close(mkstemp(name));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		FILE *f = fopen(name, "we");

		assert_non_null(f);
		assert_true(fputs(lines[i][0], f) >= 0);
		assert_int_equal(fclose(f), 0);
		assert_int_equal(chmod(name, 0700), 0);
		assert_no_start(script, plain_env, NULL, ENOENT, lines[i][1]);
	}
	(void)unlink(name);
}

static void
path_comes_from_the_environment_given_and_then_from_ours(void **state)
{
	static const char *const no_path[] = { "LANG=C", NULL };
	static const char *const empty_path[] = { "PATH=", NULL };
	static const char *const sh[] = { "sh", "-c", ":", NULL };
	struct proc_program how = { .input = -1, .env = no_path };
	struct proc *p;

	(void)state;
	p = start_script(":", &how);
	assert_int_equal(await(p), 0);
	proc_free(&p);
	assert_no_start(sh, empty_path, NULL, ENOENT, "'sh'");
}

static void
a_program_that_ignores_term_is_killed_with_its_children(void **state)
{
	struct proc_program how = { .input = -1, .wants_output = true };
	char text[100] = "";
	struct pollfd wait;
	struct proc *p;
	long child = 0;
	int status;

	(void)state;
	p = start_script("trap '' TERM; (while :; do sleep 9; done) & echo $!;"
			 "while :; do sleep 9; done",
			 &how);
	wait = (struct pollfd){ .fd = proc_output(p), .events = POLLIN };
	assert_int_equal(proc_poll(&wait, 1, clock_deadline(30000)), 1);
	assert_true(read(proc_output(p), text, sizeof(text) - 1) > 0);
	child = atol(text);
	assert_true(child > 1);
	proc_signal(p, SIGTERM);
	proc_poll(NULL, 0, clock_deadline(50));
	assert_false(proc_ended(p, &status));
	proc_free(&p);
	await_death((pid_t)child);
}

static void
who_dies_of_our_signal_takes_its_deaf_children_along(void **state)
{
	struct proc_program how = { .input = -1, .wants_output = true };
	char text[100] = "";
	struct pollfd wait;
	struct proc *p;
	int status;

	(void)state;
	p = start_script("(trap '' TERM; echo ready; while :; do sleep 9; "
			 "done) & wait",
			 &how);
	wait = (struct pollfd){ .fd = proc_output(p), .events = POLLIN };
	assert_int_equal(proc_poll(&wait, 1, clock_deadline(30000)), 1);
	proc_signal(p, SIGTERM);
	status = await(p);
	assert_true(WIFSIGNALED(status));
	/* The child holds the pipe: end of file is its death. */
	wait.fd = dup(proc_output(p));
	proc_free(&p);
	read_all(wait.fd, text, sizeof(text));
	(void)close(wait.fd);
}

static void
what_a_finished_program_leaves_running_stays(void **state)
{
	struct proc_program how = { .input = -1, .wants_output = true };
	char text[100];
	struct proc *p;
	long child;

	(void)state;
	p = start_script("sleep 60 >/dev/null 2>&1 & echo $!", &how);
	read_all(proc_output(p), text, sizeof(text));
	assert_int_equal(await(p), 0);
	proc_free(&p);
	child = atol(text);
	assert_true(child > 1 && is_alive((pid_t)child));
	(void)kill((pid_t)child, SIGKILL);
	await_death((pid_t)child);
}

/* --- the first line --- */

static char said[4096]; /* all lines of standard error, each with its LF */
static unsigned said_count;

static void
note_said(void *arg, const char *line)
{
	size_t size = strlen(said);

	(void)arg;
	said_count++;
	(void)snprintf(said + size, sizeof(said) - size, "%s\n", line);
}

static int
first_line(const char *script, size_t max, int64_t deadline,
	   struct secret **line)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	err_clear(&e);
	said[0] = '\0';
	said_count = 0;
	return proc_first_line(argv, max, deadline, note_said, NULL, line, &e);
}

static void
assert_line(const char *script, size_t max, const char *expected)
{
	struct secret *line = NULL;

	if (first_line(script, max, clock_deadline(30000), &line) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(secret_size(line), strlen(expected));
	assert_string_equal((const char *)secret_bytes(line), expected);
	secret_free(&line);
}

static void
assert_no_line(const char *script, size_t max, const char *text)
{
	struct secret *line = NULL;

	assert_int_equal(first_line(script, max, clock_deadline(30000), &line),
			 -1);
	assert_null(line);
	assert_int_equal(e.kind, ERR_LATER);
	assert_string_equal(e.text, text);
}

static void
the_first_line_is_returned_without_its_end(void **state)
{
	(void)state;
	assert_line("echo secret", 100, "secret");
	assert_line("printf secret", 100, "secret");
	assert_line("printf 'secret\\r\\nmore\\n'", 100, "secret");
	assert_line("echo ' sec ret '", 100, " sec ret ");
	assert_line("printf '\\357\\273\\277secret\\r\\n'", 6, "secret");
	assert_line("printf sec; sleep 0.1; echo ret; echo more", 100,
		    "secret");
	assert_line("printf 12345", 5, "12345");
	assert_line("printf '12345\\r\\n'", 5, "12345");
	assert_line("echo secret; exec >&-; sleep 0.1", 100, "secret");
	assert_line("cat; echo secret", 100, "secret");
}

static void
a_program_that_prints_much_more_is_heard_out(void **state)
{
	(void)state;
	assert_line("echo secret; head -c 1000000 /dev/zero", 100, "secret");
}

static void
a_line_of_64_kib_is_returned_whole(void **state)
{
	struct secret *line = NULL;
	size_t i;

	(void)state;
	assert_int_equal(
		first_line("head -c 65536 /dev/zero | tr '\\0' t; echo", 65536,
			   clock_deadline(30000), &line),
		0);
	assert_int_equal(secret_size(line), 65536);
	for (i = 0; i < 65536; i++)
		assert_int_equal(secret_bytes(line)[i], 't');
	secret_free(&line);
	assert_no_line("head -c 65537 /dev/zero | tr '\\0' t; echo", 65536,
		       "'sh' printed a line of more than 65536 bytes");
}

static void
failures_name_the_program_and_never_what_it_printed(void **state)
{
	(void)state;
	assert_no_line("echo secret; exit 3", 100, "'sh' failed (status 3)");
	assert_no_line("echo secret; kill -9 $$", 100,
		       "'sh' was ended by signal 9");
	assert_no_line(":", 100, "'sh' printed nothing");
	assert_no_line("echo; echo more", 100, "'sh' printed nothing");
	assert_no_line("printf '\\r\\n'", 100, "'sh' printed nothing");
	assert_no_line("echo 123456", 5,
		       "'sh' printed a line of more than 5 bytes");
}

static void
its_last_words_are_part_of_the_error(void **state)
{
	(void)state;
	assert_no_line("echo one >&2; printf 'a\033b\n\n' >&2; exit 2", 100,
		       "'sh' failed (status 2): a\\x1bb");
	assert_string_equal(said, "one\na\\x1bb\n\n");
	assert_no_line("printf unfinished >&2", 100, "'sh' printed nothing");
	assert_no_line("printf unfinished >&2; exit 1", 100,
		       "'sh' failed (status 1): unfinished");
	assert_line("echo words >&2; echo secret", 100, "secret");
	assert_string_equal(said, "words\n");
	/* who has printed a secret may tell it in any words */
	assert_no_line("echo secret >&2", 100, "'sh' printed nothing");
	assert_no_line("echo sec-ret; echo + echo ret-sec >&2; exit 2", 100,
		       "'sh' failed (status 2)");
}

static void
that_it_has_no_terminal_is_said_where_it_seems_to_miss_one(void **state)
{
	static const struct {
		const char *words;
		bool is_missed;
	} cases[] = {
		{ "gpg: cannot open '/dev/tty': No such device or address", 1 },
		{ "gpg: public key decryption failed: Inappropriate ioctl for "
		  "device",
		  1 },
		{ "gpg: public key decryption failed: No pinentry", 1 },
		{ "gpg: can't connect to the agent: IPC connect call failed",
		  1 },
		{ "Set GPG_TTY", 1 },
		{ "the input is not a TERMINAL", 1 },
		{ "gpg: decryption failed: No secret key", 0 },
		{ "cat: '~/pw': No such file or directory", 0 },
		{ "pretty bad reagents", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char script[200], text[300];

		snprintf(script, sizeof(script),
			 "echo \"%s\" >&2; echo last >&2; exit 2",
			 cases[i].words);
		snprintf(text, sizeof(text), "'sh' failed (status 2): last%s",
			 cases[i].is_missed ? " (it has no terminal here: an "
					      "agent must hold the key)"
					    : "");
		assert_no_line(script, 100, text);
	}
}

static void
what_it_says_is_bounded_and_never_holds_it_up(void **state)
{
	(void)state;
	assert_line("i=0; while test $i -lt 30000; do echo line; i=$((i+1));"
		    " done >&2; echo secret",
		    100, "secret");
	assert_int_equal(said_count, PROC_LINES_MAX);
	assert_line("head -c 300000 /dev/zero | tr '\\0' x >&2; echo secret",
		    100, "secret");
	assert_int_equal(said_count, 1);
	assert_int_equal(strlen(said), PROC_LINES_SIZE + 1);
}

static void
a_command_that_does_not_exist_is_a_matter_of_configuration(void **state)
{
	static const char *const argv[] = { "no-such-program", NULL };
	struct secret *line = NULL;

	(void)state;
	assert_int_equal(proc_first_line(argv, 100, CLOCK_NEVER, NULL, NULL,
					 &line, &e),
			 -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_int_equal(e.sys, ENOENT);
	assert_non_null(strstr(e.text, "'no-such-program'"));
}

static void
a_slow_command_is_ended_at_the_deadline(void **state)
{
	static const char *const scripts[] = {
		"sleep 60", "trap '' TERM; echo secret; sleep 60; :", "yes",
		"exec >&-; sleep 60"
	};
	struct secret *line = NULL;
	int64_t start, took;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		start = clock_ms();
		assert_int_equal(first_line(scripts[i], 100, start + 100,
					    &line),
				 -1);
		took = clock_ms() - start;
		assert_int_equal(e.kind, ERR_LATER);
		assert_string_equal(e.text, "'sh' took too long");
		assert_true(took >= 100 && took <= 20000);
	}
}

static void
a_daemon_left_behind_with_the_pipe_does_not_hold_us_up(void **state)
{
	char name[] = "test-proc-XXXXXX", script[200];
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	snprintf(script, sizeof(script),
		 "(while test -e %s;"
		 "do sleep 0.05; done) & echo secret",
		 name);
	assert_line(script, 100, "secret");
	assert_int_equal(unlink(name), 0); /* the daemon was there still */
	(void)close(fd);
}

static int
stop_a_command(void)
{
	static const char *const argv[] = { "sleep", "60", NULL };
	struct secret *line = NULL;

	proc_signals(PROC_STOPPABLE);
	(void)raise(SIGTERM);
	if (proc_first_line(argv, 100, CLOCK_NEVER, NULL, NULL, &line, &e) !=
	    -1)
		return 1;
	return e.kind == ERR_STOPPED ? 0 : 2;
}

static void
a_stop_request_ends_the_wait_for_a_command(void **state)
{
	(void)state;
	assert_int_equal(run_forked(stop_a_command), 0);
}

static int
hear_with_signals(void)
{
	static const char *const argv[] = { "echo", "secret", NULL };
	struct secret *line = NULL;
	int i, rc = 0;

	proc_signals(PROC_DEAF);
	for (i = 0; rc == 0 && i < 20; i++) {
		rc = proc_first_line(argv, 100, clock_deadline(30000), NULL,
				     NULL, &line, &e);
		secret_free(&line);
	}
	return rc;
}

static void
a_command_is_heard_by_those_who_block_signals(void **state)
{
	int64_t start = clock_ms();

	(void)state;
	assert_int_equal(run_forked(hear_with_signals), 0);
	assert_true(clock_ms() - start < 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_signals_proc_poll_is_poll),
		cmocka_unit_test(
			places_without_descriptor_may_be_more_than_files_may_be_open),
		cmocka_unit_test(a_stop_signal_wakes_every_wait),
		cmocka_unit_test(
			a_stop_signal_is_seen_though_data_never_ceases),
		cmocka_unit_test(each_role_hears_what_it_should),
		cmocka_unit_test(the_end_of_a_child_wakes_its_parent),
		cmocka_unit_test(a_fork_can_be_killed_and_reaped),
		cmocka_unit_test(a_fork_leaves_no_core_file),
		cmocka_unit_test(unflushed_output_is_not_printed_twice),
#ifdef __linux__
		cmocka_unit_test(a_fork_dies_with_its_parent),
#endif
		cmocka_unit_test(other_descriptors_are_closed),
		cmocka_unit_test(
			output_and_errors_come_apart_and_the_status_with_them),
		cmocka_unit_test(the_end_by_a_signal_is_told_as_wait_tells_it),
		cmocka_unit_test(
			input_directory_and_environment_are_what_was_given),
		cmocka_unit_test(without_input_there_is_nothing_to_read),
		cmocka_unit_test(a_program_starts_with_a_clean_slate),
		cmocka_unit_test(closed_standard_descriptors_confuse_nothing),
		cmocka_unit_test(
			a_program_that_cannot_be_started_is_named_with_its_errno),
		cmocka_unit_test(
			a_script_whose_interpreter_is_missing_is_told_so),
		cmocka_unit_test(
			path_comes_from_the_environment_given_and_then_from_ours),
		cmocka_unit_test(
			a_program_that_ignores_term_is_killed_with_its_children),
		cmocka_unit_test(
			who_dies_of_our_signal_takes_its_deaf_children_along),
		cmocka_unit_test(what_a_finished_program_leaves_running_stays),
		cmocka_unit_test(the_first_line_is_returned_without_its_end),
		cmocka_unit_test(a_program_that_prints_much_more_is_heard_out),
		cmocka_unit_test(a_line_of_64_kib_is_returned_whole),
		cmocka_unit_test(
			failures_name_the_program_and_never_what_it_printed),
		cmocka_unit_test(its_last_words_are_part_of_the_error),
		cmocka_unit_test(
			that_it_has_no_terminal_is_said_where_it_seems_to_miss_one),
		cmocka_unit_test(what_it_says_is_bounded_and_never_holds_it_up),
		cmocka_unit_test(
			a_command_that_does_not_exist_is_a_matter_of_configuration),
		cmocka_unit_test(a_slow_command_is_ended_at_the_deadline),
		cmocka_unit_test(
			a_daemon_left_behind_with_the_pipe_does_not_hold_us_up),
		cmocka_unit_test(a_stop_request_ends_the_wait_for_a_command),
		cmocka_unit_test(a_command_is_heard_by_those_who_block_signals),
	};

	(void)alarm(300); /* a wait that never ends fails */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
