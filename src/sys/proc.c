/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Processes and signals: stop requests, waiting, forks of ourselves. */
#include "config.h"

#include "sys/proc.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "base/clock.h"
#include "base/mem.h"

/* --- signals --- */

/* How many stop signals have come; only the handler note_stop writes it. */
static volatile sig_atomic_t stops_come;

/* The mask inside proc_poll, once proc_signals has been called. */
static bool is_masked;
static sigset_t poll_mask;

static const int our_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
enum { OUR_SIGNALS = sizeof(our_signals) / sizeof(our_signals[0]) };

/* The system calls this for a stop signal, and only inside proc_poll: elsewhere
 * the signals are blocked. */
static void
note_stop(int signal_number)
{
	(void)signal_number;
	if (stops_come < 100)
		stops_come++;
}

/* The system calls this for CHLD inside proc_poll: a signal without a handler
 * would not end the wait. */
static void
wake(int signal_number)
{
	(void)signal_number;
}

static void
set_handler(int signal_number, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigemptyset(&action.sa_mask);
	if (sigaction(signal_number, &action, NULL) != 0)
		abort();
}

static bool
is_ignored(int signal_number)
{
	struct sigaction action;

	return sigaction(signal_number, NULL, &action) == 0 &&
	       action.sa_handler == SIG_IGN;
}

static void
block_ours(void)
{
	sigset_t ours, before;

	sigemptyset(&ours);
	for (size_t i = 0; i < OUR_SIGNALS; i++)
		sigaddset(&ours, our_signals[i]);
	sigprocmask(SIG_BLOCK, &ours, &before);
	if (is_masked)
		return;
	for (size_t i = 0; i < OUR_SIGNALS; i++)
		sigdelset(&before, our_signals[i]);
	poll_mask = before;
	is_masked = true;
}

void
proc_signals(enum proc_role role)
{
	bool stoppable = role == PROC_STOPPABLE;
	/* A process that was started under nohup keeps ignoring HUP. */
	bool hangs_up = stoppable && !is_ignored(SIGHUP);

	block_ours();
	set_handler(SIGINT, stoppable ? note_stop : SIG_IGN, 0);
	set_handler(SIGHUP, hangs_up ? note_stop : SIG_IGN, 0);
	set_handler(SIGTERM, role == PROC_DEAF ? SIG_IGN : note_stop, 0);
	set_handler(SIGCHLD, wake, SA_NOCLDSTOP);
	/* When these are ignored, the write fails (EPIPE, EFBIG) and the error
	 * says why. */
	set_handler(SIGPIPE, SIG_IGN, 0);
	set_handler(SIGXFSZ, SIG_IGN, 0);
}

int
proc_stops(void)
{
	return stops_come;
}

/* ppoll prefers ready descriptors to signals: a process that is never without
 * data would never see a signal. */
static void
let_pending_in(void)
{
	sigset_t pending, before;
	bool any = false;

	if (!is_masked || sigpending(&pending) != 0)
		return;
	for (size_t i = 0; i < OUR_SIGNALS; i++)
		any = any || sigismember(&pending, our_signals[i]) == 1;
	if (!any)
		return;
	sigprocmask(SIG_SETMASK, &poll_mask, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static const struct timespec *
time_left(int64_t deadline, struct timespec *left)
{
	int64_t ms = deadline - clock_ms();

	if (deadline == CLOCK_NEVER)
		return NULL;
	ms = ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : ms;
	left->tv_sec = (time_t)(ms / 1000);
	left->tv_nsec = (long)(ms % 1000) * 1000000;
	return left;
}

static int
poll_all(struct pollfd fds[], nfds_t count, int64_t deadline)
{
	struct timespec left;

	return ppoll(fds, count, time_left(deadline, &left),
		     is_masked ? &poll_mask : NULL);
}

/* The system counts entries without a descriptor too, and takes no more entries
 * than the limit of open files allows; so this polls the others alone. */
static int
poll_open(struct pollfd fds[], nfds_t count, int64_t deadline)
{
	struct pollfd *open = mem_array(count, sizeof(*open));
	nfds_t i, to = 0;
	int n, error;

	for (i = 0; i < count; i++)
		if (fds[i].fd >= 0)
			open[to++] = fds[i];
	n = poll_all(open, to, deadline);
	error = errno;
	for (i = count; n >= 0 && i-- > 0;)
		fds[i].revents = fds[i].fd >= 0 ? open[--to].revents : 0;
	free(open);
	errno = error;
	return n;
}

int
proc_poll(struct pollfd fds[], nfds_t count, int64_t deadline)
{
	int n = poll_all(fds, count, deadline);
	nfds_t i;

	if (n < 0 && errno == EINVAL)
		n = poll_open(fds, count, deadline);
	if (n > 0)
		let_pending_in();
	if (n >= 0)
		return n;
	if (errno != EINTR) /* the system is out of memory or at a limit */
		mem_exhausted();
	for (i = 0; i < count; i++)
		fds[i].revents = 0;
	return 0;
}

/* --- forks of ourselves --- */

static bool
has_sanitizer(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(leak_sanitizer)
	return true;
#else
	return false;
#endif
#else
	return false;
#endif
}

/* The child leaves no core file, lets no debugger in, and dies with its
 * parent. */
static void
become_child(pid_t parent)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!has_sanitizer()) /* whose leak check traces us */
		(void)prctl(PR_SET_DUMPABLE, 0);
#endif
	if (getppid() != parent)
		_exit(0); /* the parent died before prctl */
}

pid_t
proc_fork(struct err *e)
{
	pid_t parent = getpid(), pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid < 0)
		return err_sys(e, ERR_OS, "cannot start a process");
	if (pid == 0)
		become_child(parent);
	return pid;
}

/* Closes first to last, both included; calls nothing that a child of vfork must
 * not call. */
static void
close_span(unsigned first, unsigned last)
{
	long limit;
	unsigned fd;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, last, 0) == 0)
		return;
#endif
	limit = sysconf(_SC_OPEN_MAX);
	if (limit < 0 || limit > 65536)
		limit = 65536;
	for (fd = first; fd <= last && fd < (unsigned)limit; fd++)
		(void)close((int)fd);
}

/* The smallest of keep[] that is at least `from`, or UINT_MAX. */
static unsigned
next_kept(const int keep[], size_t count, unsigned from)
{
	unsigned next = UINT_MAX;

	for (size_t i = 0; i < count; i++)
		if (keep[i] >= 0 && (unsigned)keep[i] >= from &&
		    (unsigned)keep[i] < next)
			next = (unsigned)keep[i];
	return next;
}

void
proc_close_others(const int keep[], size_t count)
{
	unsigned from = 3, kept;

	for (;; from = kept + 1) {
		kept = next_kept(keep, count, from);
		if (kept > from)
			close_span(from, kept == UINT_MAX ? kept : kept - 1);
		if (kept == UINT_MAX)
			return;
	}
}

void
proc_kill(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

bool
proc_reap(pid_t pid, int *status)
{
	pid_t got;

	assert(pid > 0);
	do {
		got = waitpid(pid, status, WNOHANG);
	} while (got < 0 && errno == EINTR);
	assert(got >= 0);
	return got == pid;
}
