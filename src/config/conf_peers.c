/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What other fetchers call their options. */
#include "config.h"

#include "config/conf_peers.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char opposite[] = "its value is the opposite, false for true";

/* clang-format off */
static const struct conf_peer peers[] = {
	/* the server */
	{ "server via poll remotehost hostname", "host", NULL },
	{ "skip disabled", "enabled", opposite },
	{ "service", "port", NULL },
	{ "protocol proto", NULL, "popfetch speaks POP3; leave it out" },
	{ "ssl starttls tls_starttls use_ssl ssltype type no_tls", "tls",
	  "its values are \"implicit\", \"starttls\" and \"off\"" },
	{ "sslproto", "tls",
	  "its values are \"implicit\", \"starttls\" and \"off\"; the oldest "
	  "version of TLS is 'tls_min_version'" },
	{ "ssl_version", "tls_min_version", NULL },
	{ "sslcertfile tls_trust_file ca_certs ca_file cafile", "tls_ca_file",
	  NULL },
	{ "sslcertpath", "tls_ca_dir", NULL },
	{ "sslfingerprint tls_fingerprint ssl_fingerprints", "tls_pin",
	  "see PINS in popfetch.conf(5)" },
	{ "sslcertck nosslcertck tls_certcheck verify_certificates no_verify "
	  "verify insecure",
	  NULL, "certificates are always verified; 'tls_pin' is for a server "
	  "that has one of its own making" },
	{ "sslcommonname tls_host_override ssl_cert_hostname",
	  "tls_server_name", NULL },
	{ "sslcert certfile", "tls_cert_file", NULL },
	{ "sslkey keyfile", "tls_key_file", NULL },
	{ "tls_priorities ssl_ciphers tls_min_dh_prime_bits", NULL,
	  "popfetch chooses ciphers and how long keys must be; leave it out" },

	/* the login */
	{ "username login", "user", NULL },
	{ "pass passwd", "password", NULL },
	{ "passwordeval password_cmd passcmd", "password_command",
	  "no shell is run" },
	{ "use_apop no_apop use_xoauth2 use_cram_md5 use_kerberos auth_method "
	  "authentication",
	  "auth", NULL },

	/* where mail goes */
	{ "delivery folder destination path mailbox mailboxes", NULL,
	  "where mail goes is 'maildir', 'mbox' or 'mda'" },
	{ "arguments action pipe", "mda",
	  "write the program and its arguments as a list" },
	{ "filter match", NULL, "the program in 'mda' may filter mail" },
	{ "envelope envelope_recipient localdomains aka recipients", NULL,
	  "the program in 'mda' may sort mail by its recipients" },
	{ "smtphost smtpaddress smtpname lmtp bsmtp postmaster bouncemail "
	  "softbounce spambounce", NULL,
	  "no mail is sent; the program in 'mda' may be sendmail" },
	{ "received", "received_header", NULL },
	{ "invisible no_received", "received_header", opposite },
	{ "rewrite norewrite stripcr forcecr mimedecode dropstatus "
	  "dropdelivered pass8bits", NULL,
	  "messages are stored as they are; leave it out" },

	/* what is fetched, and what stays */
	{ "delete delete_after keep_days nokeep purge_after leave_on_server "
	  "leave_messages_on_server",
	  "keep",
	  "its values are \"forever\", \"no\" or a time such as \"14 days\"" },
	{ "flush limitflush delete_bigger_than delete_oversized "
	  "delete_dup_msgids", NULL,
	  "nothing is deleted that was not delivered; see 'keep'" },
	{ "limit max_message_size maximum_size skipsize killsize", "max_size",
	  "larger messages stay on the server" },
	{ "batchlimit fetchlimit max_messages_per_session", "max_messages",
	  NULL },
	{ "max_bytes_per_session", NULL, "see 'max_messages'" },
	{ "fetchall read_all", NULL, "popfetch --all fetches again what was "
	  "fetched before" },
	{ "only_new new_only old_only uidl no_uidl fastuidl", NULL,
	  "what was fetched before is never fetched again; leave it out" },
	{ "idfile uidls_file uidl_file uid_cache cache oldmail_file", NULL,
	  "what was fetched is kept in a database in 'state_dir', whose name "
	  "is 'state'; popfetch --catch-up=FILE takes over the uids of another "
	  "program" },

	/* the whole */
	{ "logfile syslog message_log message_log_syslog", "log",
	  "its value is a file or \"syslog\"" },
	{ "message_log_verbose verbose", NULL, "popfetch -v says more" },
	{ "daemon interval", NULL, "popfetch runs once; cron or a systemd "
	  "timer starts it again, see popfetch(1)" },
	{ "idle", NULL, "POP3 tells of no new mail; popfetch runs once, see "
	  "popfetch(1)" },
	{ "pidfile lock_file", NULL, "a lock beside each state keeps runs "
	  "apart; leave it out" },
	{ "warnings", "notice_after", NULL },
	{ "parallel_accounts", "jobs", NULL },
	{ "set", NULL, "an option is written NAME = VALUE" },
};
/* clang-format on */

static char
folded(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + ('a' - 'A'));
	return c == '-' ? '_' : c;
}

static bool
is_among(const char *name, const char *names)
{
	size_t size;

	for (; *names; names += size + (names[size] == ' ')) {
		size_t i = 0;

		size = strcspn(names, " ");
		while (i < size && folded(name[i]) == names[i])
			i++;
		if (i == size && !name[i])
			return true;
	}
	return false;
}

const struct conf_peer *
conf_peers_find(const char *name)
{
	for (size_t i = 0; i < sizeof(peers) / sizeof(*peers); i++)
		if (is_among(name, peers[i].name))
			return &peers[i];
	return NULL;
}
