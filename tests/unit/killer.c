/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Kills a piece of work at a system call. */
#include "config.h"
#include "killer.h"

#include "scratch.h"

#include <stdlib.h>
#include <unistd.h>

#ifdef __linux__

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <linux/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Those that leave something behind. */
static bool
is_counted(uint64_t number)
{
	switch (number) {
	case SYS_write:
	case SYS_pwrite64:
	case SYS_writev:
	case SYS_openat:
	case SYS_fsync:
	case SYS_fdatasync:
	case SYS_syncfs:
	case SYS_ftruncate:
	case SYS_linkat:
	case SYS_unlinkat:
	case SYS_renameat2:
	case SYS_mkdirat:
	case SYS_utimensat:
	case SYS_close:
	case SYS_fcntl:
#ifdef SYS_rename
	case SYS_rename:
	case SYS_renameat:
	case SYS_link:
	case SYS_unlink:
	case SYS_mkdir:
	case SYS_open:
#endif
		return true;
	default:
		return false;
	}
}

static void
child(void (*work)(void *arg), void *arg)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(99);
	raise(SIGSTOP);
	work(arg);
	_exit(0);
}

static bool
is_entry(pid_t pid, uint64_t *number)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		return false;
	*number = info.entry.nr;
	return info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

static void
end_child(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) == pid && !WIFSIGNALED(status) &&
	       !WIFEXITED(status))
		;
}

/* Stops by signals are passed on; those by calls are marked with 0x80. */
static bool
follow(pid_t pid, unsigned n)
{
	uint64_t number;
	int status, signal = 0;

	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)signal);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return false;
		}
		assert_true(WIFSTOPPED(status));
		signal = WSTOPSIG(status);
		if (signal != (SIGTRAP | 0x80))
			continue;
		signal = 0;
		if (is_entry(pid, &number) && is_counted(number) && n-- == 0) {
			end_child(pid);
			return true;
		}
	}
}

static pid_t
start(void (*work)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		child(work, arg);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSTOPPED(status))
		return -1;
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
	       (void *)(intptr_t)(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD));
	return pid;
}

static void
nothing(void *arg)
{
	(void)arg;
}

bool
killer_works(void)
{
	struct ptrace_syscall_info info;
	pid_t pid = start(nothing, NULL);
	bool works;

	if (pid < 0)
		return false;
	works = ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0;
	end_child(pid);
	return works;
}

bool
killer_run(void (*work)(void *arg), void *arg, unsigned n)
{
	pid_t pid = start(work, arg);

	assert_true(pid > 0);
	return follow(pid, n);
}

#else

bool
killer_works(void)
{
	return false;
}

bool
killer_run(void (*work)(void *arg), void *arg, unsigned n)
{
	(void)work;
	(void)arg;
	(void)n;
	return false;
}

#endif
