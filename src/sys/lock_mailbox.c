/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "sys/lock_mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "sys/fs.h"
#include "sys/lock.h"
#include "sys/proc.h"

enum { STALE_S = 5 * 60 };
enum { RETRY_MIN_MS = 50, RETRY_SPREAD_MS = 451 };

struct lock_mailbox {
	int fd;		  /* the mbox; owned by the caller */
	const char *path; /* borrowed until the locks are taken */
	char *dot;	  /* PATH.lock */
	char *own;	  /* our own file beside it */
	int dot_fd;	  /* the dotlock that we hold, or -1 */
};

/* What comes of one attempt: only HELD is worth another.  HELD and FAILED set
 * the error. */
enum outcome { TAKEN, HELD, FAILED };

static enum outcome
fcntl_take(const struct lock_mailbox *l, struct err *e)
{
	struct flock ask = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int rc;

	do {
		rc = fcntl(l->fd, F_SETLK, &ask);
	} while (rc != 0 && errno == EINTR);
	if (rc == 0)
		return TAKEN;
	if (errno != EACCES && errno != EAGAIN) {
		err_sys(e, ERR_LATER, "cannot lock '%s'", l->path);
		return FAILED;
	}
	if (fcntl(l->fd, F_GETLK, &ask) == 0 && ask.l_type != F_UNLCK &&
	    ask.l_pid > 0)
		err_set(e, ERR_LATER, "'%s' is locked by process %ld", l->path,
			(long)ask.l_pid);
	else
		err_set(e, ERR_LATER, "'%s' is locked", l->path);
	return HELD;
}

static void
fcntl_release(const struct lock_mailbox *l)
{
	struct flock ask = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	(void)fcntl(l->fd, F_SETLK, &ask);
}

/* --- whose dotlock it is --- */

enum { OWNER_MAX = 300 };

/* "PID:HOST\n", which Dovecot and liblockfile read as well. */
static void
write_owner(char out[OWNER_MAX])
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	snprintf(out, OWNER_MAX, "%ld:%s\n", (long)getpid(), host);
}

/* Reads the first line of the dotlock `name`, "" when it cannot be read. */
static void
read_owner(const char *name, char out[OWNER_MAX])
{
	int fd = lock_open(name, O_RDONLY | O_NONBLOCK);
	struct stat st;
	ssize_t n = 0;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = read(fd, out, OWNER_MAX - 1);
	fs_drop(&fd);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
}

/* Is the owner a process of this host that no longer exists? */
static bool
is_owner_dead(const char *owner)
{
	char ours[OWNER_MAX];
	size_t digits = strcspn(owner, ":");
	uint64_t pid;

	write_owner(ours);
	ours[strcspn(ours, "\n")] = '\0';
	return text_number(owner, digits, INT32_MAX, &pid) && pid > 0 &&
	       owner[digits] == ':' && owner[digits + 1] &&
	       strcmp(owner + digits, strchr(ours, ':')) == 0 &&
	       kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Moves the dotlock that was judged stale out of the way; puts back what it
 * moved if that turns out to be another one. */
static bool
take_away(const struct lock_mailbox *l, const struct stat *judged)
{
	char *aside = mem_format("%s.stale", l->own);
	struct stat st;
	bool gone = false;

	if (rename(l->dot, aside) == 0) {
		gone = lstat(aside, &st) == 0 && is_same(&st, judged);
		if (!gone)
			(void)!link(aside, l->dot);
		(void)unlink(aside);
	}
	free(aside);
	return gone;
}

enum dot { DOT_GONE, DOT_STALE, DOT_HELD };

/* What it is, since when, and what to do: nobody knows such files by name. */
static void
describe_dot(const struct lock_mailbox *l, const char *owner,
	     const struct stat *st, time_t now, struct err *e)
{
	int64_t age = (int64_t)now - (int64_t)st->st_mtime;
	char span[QUANTITY_TEXT_MAX];

	quantity_show_duration(span, age > 0 ? age : 0);
	if (!S_ISREG(st->st_mode))
		err_set(e, ERR_LATER,
			"'%s' exists, a lock on the mbox, %s old, though no "
			"file: if no program uses the mbox, remove it",
			l->dot, span);
	else if (owner[0])
		err_set(e, ERR_LATER,
			"'%s' is held by '%s', a lock on the mbox, %s old: if "
			"that program has ended, remove it",
			l->dot, owner, span);
	else
		err_set(e, ERR_LATER,
			"'%s' exists, a lock on the mbox, %s old: if no "
			"program uses the mbox, remove it",
			l->dot, span);
}

/* Judges whose the dotlock is; DOT_HELD sets the error.  A link or directory is
 * never stale, so that nothing but a file is ever removed. */
static enum dot
judge_dot(const struct lock_mailbox *l, time_t now, struct stat *st,
	  struct err *e)
{
	char owner[OWNER_MAX] = "";

	if (lstat(l->dot, st) != 0) {
		err_sys(e, ERR_LATER, "cannot inspect '%s'", l->dot);
		return e->sys == ENOENT ? DOT_GONE : DOT_HELD;
	}
	if (S_ISREG(st->st_mode)) {
		read_owner(l->dot, owner);
		if (is_owner_dead(owner) || now - st->st_mtime > STALE_S)
			return DOT_STALE;
	}
	describe_dot(l, owner, st, now, e);
	return DOT_HELD;
}

/* --- taking the dotlock --- */

/* A disk that is full or fails is not like a lock, which will be free some
 * day. */
static enum err_kind
kind_of_failure(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EIO:
	case EROFS:
		return ERR_CREATE;
	default:
		return ERR_LATER;
	}
}

static int
create_owned(const char *name, int *fd, struct err *e)
{
	char owner[OWNER_MAX];

	*fd = lock_open(name, O_WRONLY | O_CREAT | O_EXCL);
	if (*fd < 0)
		return err_sys(e, kind_of_failure(errno), "cannot create '%s'",
			       name);
	write_owner(owner);
	if (fs_write(*fd, owner, strlen(owner), e) == 0)
		return 0;
	(void)unlink(name);
	fs_drop(fd);
	e->kind = kind_of_failure(e->sys);
	return -1;
}

/* Gives the file of our own name, which is open as *fd, the name of the dotlock
 * as well. */
static enum outcome
link_dot(const struct lock_mailbox *l, int *fd, struct err *e)
{
	struct stat st;
	int other, error = link(l->own, l->dot) == 0 ? 0 : errno;

	/* Over NFS, link(2) may report a failure although it was done: the link
	 * count decides. */
	if (fstat(*fd, &st) == 0 && st.st_nlink == 2)
		return TAKEN;
	if (error == EPERM || error == EOPNOTSUPP || error == ENOSYS) {
		/* There are no hard links here; O_EXCL does as well on such
		 * systems. */
		if (create_owned(l->dot, &other, e) == 0) {
			fs_drop(fd);
			*fd = other;
			return TAKEN;
		}
		return e->sys == EEXIST ? HELD : FAILED;
	}
	errno = error ? error : EEXIST;
	err_sys(e, kind_of_failure(errno), "cannot create '%s'", l->dot);
	return e->sys == EEXIST ? HELD : FAILED;
}

/* The times of our own new file and of the dotlock come from the same clock, on
 * whatever machine the file system is. */
static enum outcome
link_or_break(const struct lock_mailbox *l, int *fd, struct err *e)
{
	enum outcome outcome = link_dot(l, fd, e);
	struct stat ours, theirs;

	if (outcome != HELD || fstat(*fd, &ours) != 0)
		return outcome;
	if (judge_dot(l, ours.st_mtime, &theirs, e) == DOT_STALE &&
	    take_away(l, &theirs))
		return link_dot(l, fd, e);
	return HELD;
}

/* Where we may not write to the directory, fcntl alone serves; but a dotlock
 * that another program could make there counts. */
static enum outcome
respect_dot(const struct lock_mailbox *l, struct err *e)
{
	struct stat st;

	return judge_dot(l, (time_t)clock_unix(), &st, e) == DOT_HELD ? HELD
								      : TAKEN;
}

/* Removes what a killed run left. */
static void
remove_remains(const struct lock_mailbox *l)
{
	char *aside = mem_format("%s.stale", l->own);

	(void)unlink(aside);
	(void)unlink(l->own);
	free(aside);
}

static enum outcome
dot_take(struct lock_mailbox *l, struct err *e)
{
	enum outcome outcome;
	int fd = -1;

	remove_remains(l);
	if (create_owned(l->own, &fd, e) != 0)
		return e->sys == EACCES || e->sys == EPERM || e->sys == EROFS
			       ? respect_dot(l, e)
			       : FAILED;
	outcome = link_or_break(l, &fd, e);
	(void)unlink(l->own);
	if (outcome == TAKEN)
		l->dot_fd = fd;
	else
		fs_drop(&fd);
	return outcome;
}

/* Somebody may have broken our dotlock after five minutes; a dotlock that is
 * not ours stays. */
static void
dot_release(struct lock_mailbox *l)
{
	struct stat held, there;

	if (l->dot_fd < 0)
		return;
	if (fstat(l->dot_fd, &held) == 0 && lstat(l->dot, &there) == 0 &&
	    is_same(&held, &there) && unlink(l->dot) != 0)
		(void)unlink(l->dot); /* we would wait for one that stays */
	fs_drop(&l->dot_fd);
}

/* --- taking both --- */

/* Tries the dotlock once while it holds the fcntl lock; neither is kept to wait
 * for the other. */
static enum outcome
take_both(struct lock_mailbox *l, struct err *e)
{
	enum outcome outcome = fcntl_take(l, e);

	if (outcome != TAKEN)
		return outcome;
	outcome = dot_take(l, e);
	if (outcome != TAKEN)
		fcntl_release(l);
	return outcome;
}

/* 0: try again; -1: give up, with *e as it was, or ERR_STOPPED with that text
 * in it. */
static int
pause_before_retry(int64_t deadline, struct err *e)
{
	uint32_t random;

	if (proc_stops() > 0)
		return err_set(e, ERR_STOPPED, "stopped while waiting: %s",
			       e->text);
	if (clock_poll_timeout(deadline) == 0)
		return -1;
	digest_random(&random, sizeof(random));
	random = RETRY_MIN_MS + random % RETRY_SPREAD_MS;
	proc_poll(NULL, 0, clock_earlier(deadline, clock_deadline(random)));
	return 0;
}

static int
take_until(struct lock_mailbox *l, int64_t deadline, struct err *e)
{
	enum outcome outcome;

	while ((outcome = take_both(l, e)) == HELD)
		if (pause_before_retry(deadline, e) != 0)
			return -1;
	return outcome == TAKEN ? 0 : -1;
}

/* A lock on a file that has been replaced locks nothing. */
static int
check_in_place(const struct lock_mailbox *l, struct err *e)
{
	struct stat held, there;

	if (fstat(l->fd, &held) == 0 && stat(l->path, &there) == 0 &&
	    is_same(&held, &there))
		return 0;
	errno = ESTALE;
	return err_sys(e, ERR_LATER, "'%s' was replaced by another program",
		       l->path);
}

/* The name of our own file beside the mbox.  It is the same each time, so that
 * the next delivery finds and removes what a crash left.  Whoever uses it holds
 * the fcntl lock; where that lock is not shared (NFS without locks), the link
 * count tells whose file was linked. */
static char *
own_beside(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return mem_format("%.*s.%s.popfetch-lock", (int)(name - path), path,
			  name);
}

bool
lock_mailbox_is_left(const char *path)
{
	char *dot = mem_format("%s.lock", path), *own = own_beside(path);
	bool is_left = fs_is_there(dot) || fs_is_there(own);

	free(dot);
	free(own);
	return is_left;
}

int
lock_mailbox_take(struct lock_mailbox **lock, int fd, const char *path,
		  int64_t deadline, struct err *e)
{
	struct lock_mailbox *l = mem_alloc(sizeof(*l));
	struct err why = ERR_INIT; /* of attempts that may be repeated */

	*lock = l;
	l->fd = fd;
	l->path = path;
	l->dot = mem_format("%s.lock", path);
	l->own = own_beside(path);
	l->dot_fd = -1;
	if (take_until(l, deadline, &why) != 0)
		l->fd = -1; /* no lock of ours is on it */
	if (l->fd < 0 || check_in_place(l, &why) != 0) {
		lock_mailbox_release(lock);
		*e = why;
		return -1;
	}
	l->path = NULL;
	return 0;
}

void
lock_mailbox_touch(struct lock_mailbox *lock)
{
	if (lock->dot_fd >= 0)
		(void)futimens(lock->dot_fd, NULL);
}

void
lock_mailbox_release(struct lock_mailbox **lock)
{
	struct lock_mailbox *l = *lock;

	*lock = NULL;
	if (!l)
		return;
	dot_release(l);
	if (l->fd >= 0)
		fcntl_release(l);
	free(l->dot);
	free(l->own);
	free(l);
}
