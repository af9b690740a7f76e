/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * How long a batch of new files and their directory take to become durable, by several ways.
 *
 *     syncways [-c FILES] [-s MEAN_BYTES] [-r ROUNDS] [-w WAY,WAY...] [-x MICROSECONDS]
 *              [-n MIB] [-p PERCENT] [-q] DIRECTORY
 *
 * Each round takes the ways in turn: it writes the files (untimed), makes them and the
 * directory durable (timed), and removes them.  -x makes each call that waits for the disk
 * so much longer; io_uring has no calls, so nothing is added there.  -n is a neighbour on
 * the same file system: it writes a file of so many MiB and then calls fsync; the batch is
 * synced when -p percent of it are written (50).  With -q its fsync waits until the batch
 * is durable, as if it came much later.  Beside both a third program appends a few bytes
 * and calls fsync, again and again, as a database would.
 *
 * One line a way: way, files, mean bytes, then milliseconds: median, least, most; with a
 * neighbour also the medians of its writing, of its fsync, and of the slowest fsync of the
 * third program.  Tabs between them; "-" where a way is not to be had.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FILES_MAX = 4096, ROUNDS_MAX = 1000, THREADS_MAX = 64, MIB = 1048576 };

struct batch {
	int dir, count;
	int fds[FILES_MAX];
};

/* What one round of one way took, in milliseconds. */
struct round {
	double batch, writing, neighbour, third;
};

static int count = 256, rounds = 5, neighbour_mib, percent = 50;
static long mean = 5000, extra_us;
static bool is_quiet;

static void
die(const char *what)
{
	fprintf(stderr, "syncways: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
put(int fd, const void *bytes, size_t size)
{
	ssize_t n = write(fd, bytes, size);

	if (n < 0 || (size_t)n != size)
		die("write");
}

static void
get(int fd, void *bytes, size_t size)
{
	if (read(fd, bytes, size) != (ssize_t)size)
		die("a program beside us");
}

/* --- the ways --- */

static void
wait_longer(void)
{
	if (extra_us > 0)
		(void)usleep((useconds_t)extra_us);
}

static void
sync_one(int fd)
{
	if (fsync(fd) != 0)
		die("fsync");
	wait_longer();
}

static bool
way_row(struct batch *b)
{
	int i;

	for (i = 0; i < b->count; i++)
		sync_one(b->fds[i]);
	sync_one(b->dir);
	return true;
}

static void
start_writes(struct batch *b)
{
	int i;

	for (i = 0; i < b->count; i++)
		(void)sync_file_range(b->fds[i], 0, 0, SYNC_FILE_RANGE_WRITE);
}

static bool
way_range(struct batch *b)
{
	start_writes(b);
	return way_row(b);
}

/* Waits for the data of each file, then syncs the directory alone: what no manual promises
 * to be durable.  Here to see what such a promise would be worth. */
static bool
way_trick(struct batch *b)
{
	int i;

	start_writes(b);
	for (i = 0; i < b->count; i++) {
		if (sync_file_range(b->fds[i], 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE |
				    SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER) != 0)
			die("sync_file_range");
		wait_longer();
	}
	sync_one(b->dir);
	return true;
}

static bool
way_syncfs(struct batch *b)
{
	if (syncfs(b->dir) != 0)
		die("syncfs");
	wait_longer();
	return true;
}

static struct batch *shared;
static int next_file;

static void *
sync_some(void *arg)
{
	int i;

	while ((i = __atomic_fetch_add(&next_file, 1, __ATOMIC_RELAXED)) < shared->count)
		sync_one(shared->fds[i]);
	return arg;
}

static bool
sync_by_threads(struct batch *b, int n)
{
	pthread_t threads[THREADS_MAX];
	int i;

	start_writes(b);
	shared = b;
	next_file = 0;
	for (i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, sync_some, NULL) != 0)
			die("pthread_create");
	for (i = 0; i < n; i++)
		(void)pthread_join(threads[i], NULL);
	sync_one(b->dir);
	return true;
}

static bool
way_threads4(struct batch *b)
{
	return sync_by_threads(b, 4);
}

static bool
way_threads16(struct batch *b)
{
	return sync_by_threads(b, 16);
}

static bool
way_threads32(struct batch *b)
{
	return sync_by_threads(b, 32);
}

/* --- io_uring, by its bare calls --- */

static struct {
	int fd;				/* 0: not asked for yet; -1: not to be had */
	unsigned *tail, *mask, *array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *entries;
	struct io_uring_cqe *results;
} ring;

static void *
ring_map(size_t size, off_t at)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, at);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static bool
ring_open(void)
{
	struct io_uring_params p = { .flags = 0 };
	char *sq, *cq;

	ring.fd = (int)syscall(SYS_io_uring_setup, FILES_MAX, &p);
	if (ring.fd < 0)
		return false;
	sq = ring_map(p.sq_off.array + p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	cq = ring_map(p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe),
		      IORING_OFF_CQ_RING);
	ring.entries = ring_map(p.sq_entries * sizeof(*ring.entries), IORING_OFF_SQES);
	ring.tail = (unsigned *)(void *)(sq + p.sq_off.tail);
	ring.mask = (unsigned *)(void *)(sq + p.sq_off.ring_mask);
	ring.array = (unsigned *)(void *)(sq + p.sq_off.array);
	ring.cq_head = (unsigned *)(void *)(cq + p.cq_off.head);
	ring.cq_tail = (unsigned *)(void *)(cq + p.cq_off.tail);
	ring.cq_mask = (unsigned *)(void *)(cq + p.cq_off.ring_mask);
	ring.results = (struct io_uring_cqe *)(void *)(cq + p.cq_off.cqes);
	return true;
}

static void
ring_add(int fd)
{
	unsigned tail = *ring.tail, slot = tail & *ring.mask;

	memset(&ring.entries[slot], 0, sizeof(ring.entries[slot]));
	ring.entries[slot].opcode = IORING_OP_FSYNC;
	ring.entries[slot].fd = fd;
	ring.array[slot] = slot;
	__atomic_store_n(ring.tail, tail + 1, __ATOMIC_RELEASE);
}

static void
ring_collect(void)
{
	unsigned head = *ring.cq_head, tail = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);

	for (; head != tail; head++)
		if (ring.results[head & *ring.cq_mask].res < 0)
			die("fsync by io_uring");
	__atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
}

static bool
way_uring(struct batch *b)
{
	int i;

	if (ring.fd < 0 || (ring.fd == 0 && !ring_open()))
		return false;
	start_writes(b);
	for (i = 0; i < b->count; i++)
		ring_add(b->fds[i]);
	if (syscall(SYS_io_uring_enter, ring.fd, b->count, b->count, IORING_ENTER_GETEVENTS,
		    NULL, 0) != b->count)
		die("io_uring_enter");
	ring_collect();
	sync_one(b->dir);
	return true;
}

static const struct way {
	const char *name;
	bool (*sync)(struct batch *b);
} ways[] = {
	{ "row", way_row },
	{ "range+row", way_range },
	{ "threads-4", way_threads4 },
	{ "threads-16", way_threads16 },
	{ "threads-32", way_threads32 },
	{ "io_uring", way_uring },
	{ "syncfs", way_syncfs },
	{ "trick", way_trick },
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static bool chosen[WAYS];

/* --- a batch --- */

static void
file_name(char name[32], int i)
{
	(void)snprintf(name, 32, "syncways.%d", i);
}

/* Sizes from a tenth to nearly twice the mean, the same in each round. */
static void
batch_write(struct batch *b)
{
	size_t room = (size_t)mean * 2, size;
	char *bytes = malloc(room), name[32];
	int i;

	if (!bytes)
		die("malloc");
	memset(bytes, 'x', room);
	for (i = 0; i < b->count; i++) {
		file_name(name, i);
		b->fds[i] = openat(b->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (b->fds[i] < 0)
			die(name);
		size = (size_t)mean / 10 + (size_t)mean * 18 / 10 * (size_t)(i * 7 % 10) / 9;
		put(b->fds[i], bytes, b->count > 1 ? size : (size_t)mean);
	}
	free(bytes);
}

static void
batch_remove(struct batch *b)
{
	char name[32];
	int i;

	for (i = 0; i < b->count; i++) {
		file_name(name, i);
		(void)close(b->fds[i]);
		(void)unlinkat(b->dir, name, 0);
	}
	(void)syncfs(b->dir);
}

/* --- programs beside us --- */

struct beside {
	pid_t pid;
	int from, to;			/* what it says; what it is told */
};

static struct beside
beside_start(void (*work)(int dir, int in, int out), int dir)
{
	struct beside p;
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		die("pipe");
	p.pid = fork();
	if (p.pid < 0)
		die("fork");
	if (p.pid == 0) {
		(void)close(in[1]);
		work(dir, in[0], out[1]);
		_exit(0);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	p.from = out[0];
	p.to = in[1];
	return p;
}

static void
beside_end(struct beside *p)
{
	(void)close(p->from);
	(void)waitpid(p->pid, NULL, 0);
}

static int
beside_open(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		die(name);
	return fd;
}

/* Says one byte at its mark, and at its end how long it wrote and how long it synced. */
static void
neighbour_work(int dir, int in, int out)
{
	char *bytes = calloc(1, MIB);
	int fd = beside_open(dir, "syncways.neighbour"), i;
	double start = now_ms(), took[2];

	if (!bytes)
		die("calloc");
	for (i = 0; i < neighbour_mib; i++) {
		if (i == neighbour_mib * percent / 100)
			put(out, "", 1);
		put(fd, bytes, MIB);
	}
	if (percent >= 100)
		put(out, "", 1);
	took[0] = now_ms() - start;
	if (is_quiet && read(in, bytes, 1) != 0)
		die("waiting for the batch");
	start = now_ms();
	if (fsync(fd) != 0)
		die("fsync of the neighbour");
	took[1] = now_ms() - start;
	put(out, took, sizeof(took));
	free(bytes);
}

/* Until its input ends; then says how long its slowest fsync took. */
static void
third_work(int dir, int in, int out)
{
	struct pollfd told = { .fd = in, .events = POLLIN };
	int fd = beside_open(dir, "syncways.third");
	double start, slowest = 0;

	while (poll(&told, 1, 5) == 0) {
		put(fd, "a few bytes\n", 12);
		start = now_ms();
		if (fsync(fd) != 0)
			die("fsync of the third program");
		if (now_ms() - start > slowest)
			slowest = now_ms() - start;
	}
	put(out, &slowest, sizeof(slowest));
}

static bool
run_way(const struct way *way, struct batch *b, struct round *r)
{
	double start = now_ms();
	bool is_there = way->sync(b);

	r->batch = now_ms() - start;
	return is_there;
}

static bool
run_beside(const struct way *way, struct batch *b, struct round *r)
{
	struct beside neighbour = beside_start(neighbour_work, b->dir), third;
	double took[2];
	bool is_there;
	char mark;

	get(neighbour.from, &mark, 1);
	third = beside_start(third_work, b->dir);
	is_there = run_way(way, b, r);
	(void)close(third.to);
	get(third.from, &r->third, sizeof(r->third));
	(void)close(neighbour.to);
	get(neighbour.from, took, sizeof(took));
	r->writing = took[0];
	r->neighbour = took[1];
	beside_end(&third);
	beside_end(&neighbour);
	(void)unlinkat(b->dir, "syncways.neighbour", 0);
	(void)unlinkat(b->dir, "syncways.third", 0);
	return is_there;
}

/* --- results --- */

static struct round results[WAYS][ROUNDS_MAX];
static bool absent[WAYS];

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The rounds' values of one field, sorted. */
static void
sorted(double values[], int way, size_t field)
{
	int i;

	for (i = 0; i < rounds; i++)
		memcpy(&values[i], (const char *)&results[way][i] + field, sizeof(double));
	qsort(values, (size_t)rounds, sizeof(double), compare);
}

static void
print_way(int way)
{
	static const size_t beside[] = { offsetof(struct round, writing),
					 offsetof(struct round, neighbour),
					 offsetof(struct round, third) };
	double values[ROUNDS_MAX];
	size_t i;

	printf("%s\t%d\t%ld", ways[way].name, count, mean);
	if (absent[way]) {
		puts("\t-");
		return;
	}
	sorted(values, way, offsetof(struct round, batch));
	printf("\t%.2f\t%.2f\t%.2f", values[rounds / 2], values[0], values[rounds - 1]);
	for (i = 0; i < 3 && neighbour_mib > 0; i++) {
		sorted(values, way, beside[i]);
		printf("\t%.1f", values[rounds / 2]);
	}
	(void)putchar('\n');
}

/* --- the whole --- */

static void
choose(const char *list)
{
	int i;
	char *rest = strdup(list), *word, *at = rest;

	memset(chosen, 0, sizeof(chosen));
	while ((word = strsep(&at, ",")) != NULL) {
		for (i = 0; i < WAYS && strcmp(word, ways[i].name) != 0; i++)
			;
		if (i == WAYS) {
			fprintf(stderr, "syncways: no way is called '%s'\n", word);
			exit(64);
		}
		chosen[i] = true;
	}
	free(rest);
}

static void
read_options(int argc, char *argv[])
{
	int option;

	memset(chosen, 1, sizeof(chosen));
	while ((option = getopt(argc, argv, "c:s:r:w:x:n:p:q")) != -1)
		switch (option) {
		case 'c': count = atoi(optarg); break;
		case 's': mean = atol(optarg); break;
		case 'r': rounds = atoi(optarg); break;
		case 'w': choose(optarg); break;
		case 'x': extra_us = atol(optarg); break;
		case 'n': neighbour_mib = atoi(optarg); break;
		case 'p': percent = atoi(optarg); break;
		case 'q': is_quiet = true; break;
		default: exit(64);
		}
	if (optind != argc - 1 || count < 1 || count > FILES_MAX || rounds < 1 ||
	    rounds > ROUNDS_MAX || mean < 1) {
		fprintf(stderr, "usage: syncways [options] DIRECTORY\n");
		exit(64);
	}
}

int
main(int argc, char *argv[])
{
	static struct batch b;
	int round, i;

	read_options(argc, argv);
	b.count = count;
	b.dir = open(argv[optind], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b.dir < 0)
		die(argv[optind]);
	for (round = 0; round < rounds; round++)
		for (i = 0; i < WAYS; i++) {
			if (!chosen[i] || absent[i])
				continue;
			batch_write(&b);
			absent[i] = !(neighbour_mib > 0 ? run_beside : run_way)(
				&ways[i], &b, &results[i][round]);
			batch_remove(&b);
		}
	for (i = 0; i < WAYS; i++)
		if (chosen[i])
			print_way(i);
	return 0;
}
