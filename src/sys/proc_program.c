/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Other programs, run for us. */
#include "config.h"

#include "sys/proc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "sys/fs.h"

/* As long a name as Linux reads, and as it is shown. */
enum { INTERPRETER_MAX = 255, INTERPRETER_TEXT_MAX = 300 };

struct proc {
	pid_t pid;  /* also its process group */
	int output; /* read ends, or -1 */
	int errors;
	bool ended;	/* not reaped until proc_free, so that no other process
			   gets its id */
	bool signalled; /* by us */
	int status;
};

/* What a child needs on its way to exec.  All descriptors are above 2. */
struct launch {
	const char *path;
	const struct proc_program *program;
	int fds[3]; /* become 0, 1, 2; -1 leaves ours */
	int report; /* a pipe for a struct report; exec closes it */
	pid_t parent;
};

/* Why there was no exec. */
struct report {
	int error; /* 0: there was one */
	bool at_directory;
};

static void fail_launch(const struct launch *l, bool at_directory)
	__attribute__((noreturn));

static void
fail_launch(const struct launch *l, bool at_directory)
{
	struct report r = { .error = errno, .at_directory = at_directory };
	ssize_t ignored = write(l->report, &r, sizeof(r));

	(void)ignored;
	_exit(127);
}

/* A signal that a terminal sent to our process group while the child was still
 * in it was not meant for the child.  Ignoring a signal discards it if it is
 * pending. */
static void
default_signals(void)
{
	static const int of_terminals[] = { SIGINT, SIGQUIT, SIGHUP };
	struct sigaction action = { .sa_handler = SIG_IGN };

	sigemptyset(&action.sa_mask);
	for (int i = 0; i < 3; i++)
		(void)sigaction(of_terminals[i], &action, NULL);
	action.sa_handler = SIG_DFL;
	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &action, NULL);
	sigprocmask(SIG_SETMASK, &action.sa_mask, NULL);
}

static void launch(const struct launch *l) __attribute__((noreturn, noinline));

/* Runs in the child of vfork, in the parent's memory, and so changes nothing
 * there. */
static void
launch(const struct launch *l)
{
#ifdef HAVE_SYS_PRCTL_H
	if (l->program->dies_with_us)
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
	if (l->program->dies_with_us && getppid() != l->parent)
		_exit(127); /* the parent died before prctl */
	if (setsid() < 0)
		fail_launch(l, false);
	for (int i = 0; i < 3; i++)
		if (l->fds[i] >= 0 && dup2(l->fds[i], i) < 0)
			fail_launch(l, false);
	if (l->program->directory && chdir(l->program->directory) != 0)
		fail_launch(l, true);
	proc_close_others(&l->report, 1);
	default_signals();
	execve(l->path, (char *const *)(uintptr_t)l->program->argv,
	       (char *const *)(uintptr_t)l->program->env);
	fail_launch(l, false);
}

/* Every signal is blocked meanwhile, so that no handler of ours runs in a child
 * that shares our memory. */
static pid_t
launch_child(const struct launch *l)
{
	sigset_t all, before;
	pid_t pid;
	int error;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = vfork();
	if (pid == 0)
		launch(l);
	error = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return pid;
}

/* --- PATH --- */

static const char *
env_value(const char *const env[], const char *name)
{
	size_t size = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, size) == 0 && (*env)[size] == '=')
			return *env + size + 1;
	return NULL;
}

/* 0 when the file can be executed, else an errno. */
static int
check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	return access(path, X_OK) == 0 ? 0 : errno;
}

/* Relative directories in PATH are passed over: they would mean one place now
 * and another after chdir. */
static char *
search_path(const char *name, const char *dirs)
{
	int error = ENOENT, why;
	size_t size;
	char *path;

	for (;; dirs += size + 1) {
		size = strcspn(dirs, ":");
		path = mem_format("%.*s/%s", (int)size, dirs, name);
		why = path[0] == '/' && size > 0 ? check_executable(path)
						 : ENOENT;
		if (why == 0)
			return path;
		free(path);
		if (why == EACCES)
			error = EACCES;
		if (!dirs[size])
			break;
	}
	errno = error;
	return NULL;
}

char *
proc_find(const char *name, const char *dirs)
{
	if (strchr(name, '/'))
		return mem_string(name);
	errno = ENOENT;
	return *name ? search_path(name, dirs) : NULL;
}

/* The path of the file to execute, which the caller frees; NULL with errno. */
static char *
find_program(const struct proc_program *program)
{
	const char *dirs = env_value(program->env, "PATH");

	if (!dirs)
		dirs = getenv("PATH");
	return proc_find(program->argv[0], dirs ? dirs : "/usr/bin:/bin");
}

/* --- descriptors of a child --- */

/* Copies a descriptor above 2, so that no dup2 onto 0 to 2 can hit another one
 * that is needed. */
static int
lift(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* Both ends are above 2 and close-on-exec. */
static int
make_pipe(int *read_end, int *write_end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	*read_end = lift(ends[0]);
	*write_end = lift(ends[1]);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return *read_end < 0 || *write_end < 0 ? -1 : 0;
}

static int
open_null(int flags)
{
	int fd = open("/dev/null", flags | O_CLOEXEC), lifted;

	if (fd < 0)
		return -1;
	lifted = lift(fd);
	(void)close(fd);
	return lifted;
}

static int
make_output(int *read_end, int *write_end)
{
	if (make_pipe(read_end, write_end) != 0)
		return -1;
	return fcntl(*read_end, F_SETFL, O_NONBLOCK);
}

static int
open_fds(const struct proc_program *program, struct launch *l, struct proc *p)
{
	l->fds[0] = program->input >= 0 ? lift(program->input)
					: open_null(O_RDONLY);
	if (l->fds[0] < 0)
		return -1;
	if (program->wants_errors && make_output(&p->errors, &l->fds[2]) != 0)
		return -1;
	if (program->wants_output)
		return make_output(&p->output, &l->fds[1]);
	l->fds[1] = open_null(O_WRONLY);
	return l->fds[1] < 0 ? -1 : 0;
}

/* What the child reported before exec closed the pipe. */
static struct report
read_report(int fd)
{
	struct report r;
	ssize_t n;

	do {
		n = read(fd, &r, sizeof(r));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(r) ? r : (struct report){ .error = 0 };
}

/* The report has the errno of our own failures, too. */
static struct report
run(struct launch *l, struct proc *p)
{
	struct report r = { .error = 0 };
	int reports = -1;

	if (make_pipe(&reports, &l->report) == 0)
		p->pid = launch_child(l);
	if (p->pid < 0)
		r.error = errno;
	fs_drop(&l->report);
	if (p->pid > 0)
		r = read_report(reports);
	fs_drop(&reports);
	return r;
}

static struct report
find_and_run(struct launch *l, struct proc *p)
{
	char *path = find_program(l->program);
	struct report r = { .error = 0 };

	l->path = path;
	if (path && open_fds(l->program, l, p) == 0)
		r = run(l, p);
	else
		r.error = errno;
	for (int i = 0; i < 3; i++)
		fs_drop(&l->fds[i]);
	free(path);
	return r;
}

static int
fail_directory(const struct proc_program *program, int error, struct err *e)
{
	char *inside = mem_format("%s/.", program->directory);
	char *why = fs_obstacle(inside);

	err_set(e, ERR_OS, "cannot run '%s' in '%s': %s", program->argv[0],
		program->directory, why ? why : strerror(error));
	e->sys = error;
	free(why);
	free(inside);
	return -1;
}

/* What the file names behind "#!", or "" if it is no script. */
static void
read_interpreter(const char *path, char out[INTERPRETER_TEXT_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char line[INTERPRETER_MAX + 1] = "";
	struct err ignored = ERR_INIT;
	const char *name;
	size_t got;

	out[0] = '\0';
	if (fd >= 0 &&
	    fs_read_at(fd, line, INTERPRETER_MAX, 0, &got, &ignored) == 0 &&
	    strncmp(line, "#!", 2) == 0) {
		name = line + 2 + strspn(line + 2, " \t");
		text_safe(out, INTERPRETER_TEXT_MAX, name,
			  strcspn(name, " \t\n"));
	}
	fs_drop(&fd);
}

/* The system says of a script whose interpreter is missing that the script is
 * so.  A '\r' at the end of the name is the most frequent reason. */
static int
fail_exec(const struct proc_program *program, const char *path, int error,
	  struct err *e)
{
	char interpreter[INTERPRETER_TEXT_MAX] = "";

	if (error == ENOENT && (path[0] == '/' || !program->directory))
		read_interpreter(path, interpreter);
	errno = error;
	err_sys(e, ERR_OS, "cannot run '%s'", program->argv[0]);
	if (interpreter[0])
		err_set(e, ERR_OS,
			"cannot run '%s': '%s', which its first line names, "
			"does not exist",
			program->argv[0], interpreter);
	else if (error == ENOEXEC)
		err_set(e, ERR_OS,
			"cannot run '%s': %s; a script begins with a line such "
			"as #!/bin/sh",
			program->argv[0], strerror(error));
	e->sys = error;
	return -1;
}

static int
fail_start(const struct proc_program *program, struct report r, struct err *e)
{
	char *path;

	if (r.at_directory)
		return fail_directory(program, r.error, e);
	path = find_program(program);
	fail_exec(program, path ? path : "", r.error, e);
	free(path);
	return -1;
}

int
proc_start(struct proc **p, const struct proc_program *program, struct err *e)
{
	struct launch l = { .program = program,
			    .fds = { -1, -1, -1 },
			    .report = -1,
			    .parent = getpid() };
	struct report r;

	assert(program->argv[0] && program->env);
	*p = mem_alloc(sizeof(**p));
	(*p)->pid = (*p)->output = (*p)->errors = -1;
	r = find_and_run(&l, *p);
	if (r.error == 0)
		return 0;
	proc_free(p);
	return fail_start(program, r, e);
}

int
proc_output(const struct proc *p)
{
	return p->output;
}

int
proc_errors(const struct proc *p)
{
	return p->errors;
}

/* The status as wait(2) would have put it. */
static int
wait_status(const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED)
		return (info->si_status & 0xff) << 8;
	return (info->si_status & 0x7f) |
	       (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

bool
proc_ended(struct proc *p, int *status)
{
	siginfo_t info = { .si_pid = 0 };

	if (!p->ended) {
		while (waitid(P_PID, (id_t)p->pid, &info,
			      WEXITED | WNOHANG | WNOWAIT) != 0)
			assert(errno == EINTR);
		p->ended = info.si_pid == p->pid;
		if (p->ended)
			p->status = wait_status(&info);
	}
	if (p->ended)
		*status = p->status;
	return p->ended;
}

void
proc_signal(struct proc *p, int signal)
{
	p->signalled = true;
	(void)kill(-p->pid, signal);
}

static void
end_and_reap(struct proc *p)
{
	int status;

	if (!proc_ended(p, &status) || p->signalled)
		(void)kill(-p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void
proc_free(struct proc **p)
{
	struct proc *old = *p;

	*p = NULL;
	if (!old)
		return;
	if (old->pid > 0)
		end_and_reap(old);
	fs_drop(&old->output);
	fs_drop(&old->errors);
	free(old);
}
