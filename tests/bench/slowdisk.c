/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A disk whose flush takes as long as a real one's, for loop devices.
 *
 *     slowdisk MICROSECONDS BYTES MOUNTPOINT       (in the foreground; ends when unmounted)
 *
 * A FUSE file system of one file, "disk", kept in memory.  losetup makes a block device of
 * it; each flush of that device becomes an fsync of the file, which takes MICROSECONDS.
 * Flushes are done one after another, as a disk does them.  Built with libfuse 3:
 *
 *     cc -o slowdisk slowdisk.c $(pkg-config --cflags --libs fuse3) -pthread
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char *disk;
static off_t disk_size;
static useconds_t flush_us;
static pthread_mutex_t flushing = PTHREAD_MUTEX_INITIALIZER;

static int
disk_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
	(void)info;
	memset(st, 0, sizeof(*st));
	if (strcmp(path, "/") == 0) {
		st->st_mode = S_IFDIR | 0700;
		st->st_nlink = 2;
		return 0;
	}
	if (strcmp(path, "/disk") != 0)
		return -ENOENT;
	st->st_mode = S_IFREG | 0600;
	st->st_nlink = 1;
	st->st_size = disk_size;
	return 0;
}

static int
disk_open(const char *path, struct fuse_file_info *info)
{
	(void)info;
	return strcmp(path, "/disk") == 0 ? 0 : -ENOENT;
}

static int
within(off_t at, size_t size)
{
	if (at >= disk_size)
		return 0;
	return (int)((off_t)size > disk_size - at ? (size_t)(disk_size - at) : size);
}

static int
disk_read(const char *path, char *bytes, size_t size, off_t at, struct fuse_file_info *info)
{
	int n = within(at, size);

	(void)path;
	(void)info;
	if (n > 0)
		memcpy(bytes, disk + at, (size_t)n);
	return n;
}

static int
disk_write(const char *path, const char *bytes, size_t size, off_t at,
	   struct fuse_file_info *info)
{
	int n = within(at, size);

	(void)path;
	(void)info;
	if (n > 0)
		memcpy(disk + at, bytes, (size_t)n);
	return n > 0 ? n : -ENOSPC;
}

static int
disk_fsync(const char *path, int data_only, struct fuse_file_info *info)
{
	(void)path;
	(void)data_only;
	(void)info;
	(void)pthread_mutex_lock(&flushing);
	(void)usleep(flush_us);
	(void)pthread_mutex_unlock(&flushing);
	return 0;
}

static const struct fuse_operations operations = {
	.getattr = disk_getattr,
	.open = disk_open,
	.read = disk_read,
	.write = disk_write,
	.fsync = disk_fsync,
};

int
main(int argc, char *argv[])
{
	char foreground[] = "-f";
	char *arguments[] = { argv[0], foreground, argc == 4 ? argv[3] : NULL, NULL };

	if (argc != 4) {
		fprintf(stderr, "usage: slowdisk MICROSECONDS BYTES MOUNTPOINT\n");
		return 64;
	}
	flush_us = (useconds_t)atol(argv[1]);
	disk_size = (off_t)atoll(argv[2]);
	disk = mmap(NULL, (size_t)disk_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (disk == MAP_FAILED) {
		perror("slowdisk: mmap");
		return 71;
	}
	return fuse_main(3, arguments, &operations, NULL);
}
