/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The floor of every comparison: a POP3S client that throws away what it gets.
 *
 *	reader PORT CA-FILE USER PASSWORD look|uidl|retr
 *
 * It logs in on localhost, with verification, and asks for STAT and then nothing more,
 * the UIDL listing, or every message, in a window of pipelined RETRs. It looks for end
 * markers only, to know when it has all, and prints how many messages there were and
 * how many bytes the answers had.
 */
#include <err.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

enum {
	WINDOW = 256,
	ROOM = 1 << 20,
	COMMAND_MAX = 600,
	TAIL = 4, /* an end marker has five bytes, so it may begin four before a read */
};

static SSL *ssl;
static char room[TAIL + ROOM];
static unsigned long long bytes;

static void
say(const char *text, size_t length)
{
	if (SSL_write(ssl, text, (int)length) != (int)length)
		errx(75, "cannot write");
}

static size_t
receive(void)
{
	int count = SSL_read(ssl, room + TAIL, ROOM);

	if (count <= 0)
		errx(75, "the server left");
	bytes += (unsigned)count;
	return (size_t)count;
}

/* A reply of one line; nothing may come behind it. */
static const char *
line(void)
{
	size_t used = 0;

	while (used == 0 || room[used - 1] != '\n') {
		int count = SSL_read(ssl, room + used, (int)(ROOM - used));

		if (count <= 0)
			errx(75, "the server left");
		used += (size_t)count;
	}
	room[used] = '\0';
	if (strncmp(room, "+OK", 3) != 0)
		errx(76, "refused: %s", room);
	return room;
}

/* End markers in what was read; dot-stuffing keeps them out of messages. */
static unsigned
end_markers(size_t count)
{
	const char *at = room, *end = room + TAIL + count;
	unsigned found = 0;

	while ((at = memmem(at, (size_t)(end - at), "\r\n.\r\n", 5)) != NULL) {
		found++;
		at += 3; /* its last CRLF may be the first one of the next */
	}
	memmove(room, end - TAIL, TAIL);
	return found;
}

static void
read_answers(unsigned count)
{
	memset(room, 0, TAIL);
	for (unsigned done = 0; done < count;)
		done += end_markers(receive());
}

static void
ask(unsigned from, unsigned to)
{
	char text[WINDOW * 16];
	size_t length = 0;

	for (unsigned i = from; i <= to; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
		    "RETR %u\r\n", i);
	if (length > 0)
		say(text, length);
}

static unsigned
smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static void
read_messages(unsigned count)
{
	unsigned asked = smaller(count, WINDOW), done = 0;

	memset(room, 0, TAIL);
	ask(1, asked);
	while (done < count) {
		unsigned upto;

		done += end_markers(receive());
		upto = smaller(count, done + WINDOW);
		if (upto - asked >= WINDOW / 2 || upto == count) {
			ask(asked + 1, upto);
			asked = upto;
		}
	}
}

static int
dial(const char *port)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
	int fd, one = 1;

	if (getaddrinfo("localhost", port, &hints, &found) != 0)
		errx(68, "no localhost");
	fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
	if (fd == -1 || connect(fd, found->ai_addr, found->ai_addrlen) == -1)
		err(75, "connect");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	freeaddrinfo(found);
	return fd;
}

static void
secure(int fd, const char *ca)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL || SSL_CTX_load_verify_locations(context, ca, NULL) != 1)
		errx(78, "cannot use %s", ca);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_default_read_buffer_len(context, 256 * 1024);
	ssl = SSL_new(context);
	if (ssl == NULL || SSL_set1_host(ssl, "localhost") != 1 ||
	    SSL_set_tlsext_host_name(ssl, "localhost") != 1 || SSL_set_fd(ssl, fd) != 1 ||
	    SSL_connect(ssl) != 1)
		errx(76, "TLS failed");
}

int
main(int argc, char **argv)
{
	char command[COMMAND_MAX];
	unsigned count;

	if (argc != 6)
		errx(64, "usage: reader PORT CA-FILE USER PASSWORD look|uidl|retr");
	secure(dial(argv[1]), argv[2]);
	(void)line();
	say(command, (size_t)snprintf(command, sizeof(command), "USER %.200s\r\n", argv[3]));
	(void)line();
	say(command, (size_t)snprintf(command, sizeof(command), "PASS %.200s\r\n", argv[4]));
	(void)line();
	say("STAT\r\n", 6);
	count = (unsigned)strtoul(line() + 4, NULL, 10);
	bytes = 0;
	if (strcmp(argv[5], "uidl") == 0) {
		say("UIDL\r\n", 6);
		read_answers(1);
	} else if (strcmp(argv[5], "retr") == 0) {
		read_messages(count);
	}
	say("QUIT\r\n", 6);
	(void)line();
	SSL_shutdown(ssl);
	printf("%u %llu\n", count, bytes);
	return 0;
}
