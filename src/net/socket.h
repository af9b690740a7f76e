/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A TCP connection to a host by name or address.
 *
 * Addresses are tried as RFC 8305 says: IPv6 and IPv4 in turn, each 250 ms
 * after the one before (at once when that one failed), all in parallel until
 * one answers.  A dead first address costs no more than these 250 ms.
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/stream.h"

/*
 * Resolves (getaddrinfo, which may block for as long as the system's resolver
 * does) and connects.  `host` is a name (one trailing dot is fine), an IPv4
 * literal, or an IPv6 literal with or without brackets.  Errors: ERR_NOHOST
 * when the name does not exist, ERR_CONFIG when it is not ASCII (an
 * internationalised name is given as xn--...) or has brackets around something
 * else, ERR_NETWORK for all else; the text names the host, and the cause of the
 * last address tried.  The descriptor is non-blocking, with TCP_NODELAY and
 * keep-alive.
 */
int socket_connect(int *fd, const char *host, uint16_t port, int64_t deadline,
		   struct err *e);
/* The second half of socket_connect, for addresses that are known already, in
 * the order of getaddrinfo; at most SOCKET_ADDRESSES_MAX are tried.  The
 * error's text names the address. */
enum { SOCKET_ADDRESSES_MAX = 16 };
struct addrinfo;
int socket_connect_any(int *fd, const struct addrinfo *list, int64_t deadline,
		       struct err *e);
/* Begins one more connection to the address at the other end of fd, and returns
 * its descriptor, or -1.  That it is made shows when it can be written to. */
int socket_again(int fd);
/* Is there something to read, and not just an end or an error?  Takes nothing
 * away and does not wait. */
bool socket_has_bytes(int fd);
/* Writes the host without brackets or one trailing dot, as certificates have
 * it.  False when it is empty, too long, or not ASCII. */
enum { SOCKET_HOST_MAX = 256 };
bool socket_host(const char *host, char out[SOCKET_HOST_MAX]);
/* Is it an address rather than a name (IPv6 with or without brackets)? */
bool socket_is_literal(const char *host);
/* Is the other end of fd the loopback interface (127/8, ::1, v4-mapped)? */
bool socket_is_loopback(int fd);
/* Writes the peer's address in words, "127.0.0.1 port 995". */
enum { SOCKET_PEER_MAX = 64 };
void socket_peer(int fd, char out[SOCKET_PEER_MAX]);

/* Makes a transport that owns the descriptor. */
struct transport *socket_transport(int fd);

#endif
