/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What an MDA is told of its message. */
#include "config.h"

#include "deliver/mda_program.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/fs.h"
#include "sys/proc.h"

/* --- what is ours --- */

static const char *
ours(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static const char *
search_path(void)
{
	return ours("PATH", "/usr/local/bin:/usr/bin:/bin");
}

/* --- identity --- */

void
mda_program_delivery_id(char out[MDA_PROGRAM_ID_SIZE + 1], const char *state_id,
			const char *uid, int64_t octets,
			const uint8_t digest[DIGEST_SHA256_SIZE])
{
	struct digest *d = digest_new(DIGEST_SHA256);
	uint8_t id[DIGEST_SIZE_MAX];
	char *text = mem_format("%s %" PRId64 " %s", state_id, octets, uid);

	digest_add(d, text, strlen(text));
	digest_add(d, digest, DIGEST_SHA256_SIZE);
	digest_end(d, id);
	digest_free(&d);
	free(text);
	text_hex(out, id, MDA_PROGRAM_ID_SIZE / 2);
}

/* --- whether it was changed --- */

/* Hex digits: the chance to miss a change is small enough, and who tries all
 * likely arguments finds many that fit. */
enum { FINGERPRINT_SIZE = 4 };

/* Time, size and inode show that a file was changed or replaced. */
static void
add_file(struct digest *d, const char *path)
{
	struct stat st;
	char *text;

	if (!path || path[0] != '/' || stat(path, &st) != 0 ||
	    !S_ISREG(st.st_mode))
		return;
	text = mem_format("%lld.%09ld %lld %llu", (long long)st.st_mtim.tv_sec,
			  st.st_mtim.tv_nsec, (long long)st.st_size,
			  (unsigned long long)st.st_ino);
	digest_add(d, text, strlen(text) + 1);
	free(text);
}

char *
mda_program_fingerprint(const struct deliver_target *target)
{
	struct digest *d = digest_new(DIGEST_SHA256);
	uint8_t binary[DIGEST_SIZE_MAX];
	char *hex = mem_alloc(FINGERPRINT_SIZE + 1);
	char *path = proc_find(target->argv[0], search_path());

	add_file(d, path);
	for (size_t i = 0; target->argv[i]; i++) {
		digest_add(d, target->argv[i], strlen(target->argv[i]) + 1);
		if (i > 0) /* a script, for one */
			add_file(d, target->argv[i]);
	}
	digest_end(d, binary);
	digest_free(&d);
	text_hex(hex, binary, FINGERPRINT_SIZE / 2);
	free(path);
	return hex;
}

/* --- arguments --- */

enum { ACCOUNT, SENDER, USER, PLACEHOLDERS };

const char *const mda_program_placeholders[] = { [ACCOUNT] = "%{account}",
						 [SENDER] = "%{sender}",
						 [USER] = "%{user}",
						 [PLACEHOLDERS] = NULL };

/* Expands what is at a '%'; returns how much of the template it takes. */
static size_t
expand_one(struct buf *out, const char *at, const char *const values[])
{
	const char *name;

	if (at[1] == '%') {
		(void)buf_byte(out, '%');
		return 2;
	}
	for (size_t i = 0; i < PLACEHOLDERS; i++) {
		name = mda_program_placeholders[i];
		if (strncmp(at, name, strlen(name)) == 0) {
			(void)buf_append(out, values[i], strlen(values[i]));
			return strlen(name);
		}
	}
	(void)buf_byte(out, '%');
	return 1;
}

static char *
expand(const char *template, const char *const values[])
{
	struct buf out;
	const char *text;
	char *argument;
	size_t i = 0;

	buf_init(&out, SIZE_MAX);
	while (template[i]) {
		if (template[i] == '%')
			i += expand_one(&out, template + i, values);
		else
			(void)buf_byte(&out, (uint8_t) template[i++]);
	}
	text = buf_text(&out);
	if (text[0] == '-' && template[0] != '-')
		argument = mem_format("_%s", text);
	else
		argument = mem_string(text);
	buf_free(&out);
	return argument;
}

char **
mda_program_arguments(const struct deliver_target *target,
		      const struct mda_program *p)
{
	const char *const values[] = { [ACCOUNT] = target->account,
				       [SENDER] = p->sender,
				       [USER] = target->user };
	size_t count = 0;
	char **list;

	while (target->argv[count])
		count++;
	list = mem_array(count + 1, sizeof(*list));
	list[0] = mem_string(target->argv[0]);
	for (size_t i = 1; i < count; i++)
		list[i] = expand(target->argv[i], values);
	return list;
}

/* --- environment --- */

enum { VARIABLES_MAX = 16 };

/* Adds a variable, but nothing when value is NULL. */
static void
set(char **list, const char *name, const char *value)
{
	if (!value)
		return;
	while (*list)
		list++;
	*list = mem_format("%s=%s", name, value);
}

/* The user database is read only if it has to be, since that would take time
 * for each message. */
static void
set_user(char **list)
{
	const char *name = ours("LOGNAME", ours("USER", NULL));
	const char *shell = ours("SHELL", NULL);
	const struct passwd *pw = name && shell ? NULL : getpwuid(getuid());

	if (!name && pw)
		name = pw->pw_name;
	if (!shell && pw && pw->pw_shell && *pw->pw_shell)
		shell = pw->pw_shell;
	set(list, "LOGNAME", name);
	set(list, "USER", ours("USER", name));
	set(list, "SHELL", shell ? shell : "/bin/sh");
}

char **
mda_program_environment(const struct deliver_target *target,
			const struct mda_program *p)
{
	char **list = mem_array(VARIABLES_MAX + 1, sizeof(*list));
	char *size = mem_format("%" PRIu64, p->size);

	set(list, "HOME", fs_home());
	set(list, "PATH", search_path());
	set_user(list);
	set(list, "TZ", ours("TZ", NULL));
	set(list, "LANG", ours("LANG", NULL));
	set(list, "POPFETCH_ACCOUNT", target->account);
	set(list, "POPFETCH_UID", p->uid);
	set(list, "POPFETCH_SENDER", p->sender);
	set(list, "POPFETCH_DELIVERY_ID", p->delivery_id);
	set(list, "POPFETCH_SIZE", size);
	free(size);
	return list;
}

void
mda_program_free_list(char **list)
{
	if (!list)
		return;
	for (size_t i = 0; list[i]; i++)
		free(list[i]);
	free(list);
}
