/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A configuration file and what it includes, parsed by libconfuse. */
#include "config.h"

#include "config/conf_parse.h"

#include <assert.h>
#include <confuse.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/fingerprint.h"
#include "sys/fs.h"

enum { FILE_MAX = 64 * 1024 * 1024, DEPTH_MAX = 16 };
/* All options of one scope, include, two kinds of sections, the end. */
enum { CFG_OPTS_MAX = CONF_OPTION_MAX + 4 };

/* A file that is being read; `from` is the file that includes it. */
struct source {
	const struct source *from;
	struct conf_file *file;
	dev_t dev;
	ino_t ino;
	unsigned depth;
};

struct parse {
	struct conf_tree *tree;
	/* Options outside of accounts are read into this, to be checked. */
	struct account inherited;
	const struct source *source;
	struct conf_section *open; /* an account that has not ended yet */
	bool located;		   /* the error says where it is */
	struct digest *identity;   /* of the files so far */
	struct err *e;
};

/* The parse that is going on, for the functions that make_grammar gives to
 * libconfuse: it calls them while it reads parsing->source, but without a
 * pointer of ours. */
static struct parse *parsing;

static bool
is_root(cfg_t *cfg)
{
	return strcmp(cfg_name(cfg), "root") == 0;
}

/* --- errors --- */

/* Puts file, line and section before the error that is set.  Returns -1. */
static int
locate(cfg_t *cfg)
{
	struct err *e = parsing->e;

	parsing->located = true;
	if (cfg_title(cfg))
		err_context(e, "account '%s'", cfg_title(cfg));
	else if (!is_root(cfg))
		err_context(e, "%s", cfg_name(cfg));
	return err_context(e, "%s:%d", parsing->source->file->path, cfg->line);
}

/* The name in "no such option 'NAME'", owned by the caller, or NULL. */
static char *
extract_name(const char *text)
{
	static const char start[] = "no such option '";
	size_t size;

	if (strncmp(text, start, sizeof(start) - 1) != 0)
		return NULL;
	text += sizeof(start) - 1;
	size = strlen(text);
	return size ? mem_string_n(text, size - 1) : NULL;
}

/* libconfuse calls this with its own complaints.  Only the first one counts:
 * those after it are about what it left behind. */
static void __attribute__((format(printf, 2, 0)))
complain(cfg_t *cfg, const char *format, va_list args)
{
	char text[ERR_TEXT_MAX], *name;
	struct err *e = parsing->e;

	if (e->kind != ERR_NONE)
		return;
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	name = extract_name(text);
	if (name)
		conf_option_unknown(name, is_root(cfg), e);
	else
		err_set(e, ERR_CONFIG, "%s", text);
	free(name);
	locate(cfg);
}

/* --- sections and values --- */

static struct conf_section *
find_section(cfg_t *cfg)
{
	struct conf_tree *t = parsing->tree;

	if (!cfg_title(cfg))
		return is_root(cfg) ? &t->global : &t->defaults;
	if (!parsing->open)
		parsing->open = conf_tree_add_account(t, cfg_title(cfg));
	return parsing->open;
}

/* The struct that the option's member is in.  find_section was called for the
 * section before. */
static void *
find_whole(cfg_t *cfg, const struct conf_option *o)
{
	struct conf *c = parsing->tree->conf;

	if (cfg_title(cfg))
		return &c->accounts[c->count - 1];
	return o->flags & CONF_ACCOUNT ? (void *)&parsing->inherited : c;
}

/* Keeps the text: it is read again for each account that inherits it. */
static void
keep_text(struct conf_value *v, const char *text)
{
	v->texts =
		mem_resize(v->texts, (size_t)v->count + 1, sizeof(*v->texts));
	v->texts[v->count++] = mem_string(text);
}

/* Notes that the option stands here, and sees to it that it stands nowhere else
 * in its section. */
static int
begin_value(cfg_t *cfg, const struct conf_option *o, struct conf_value *v)
{
	if (v->file) {
		err_set(parsing->e, ERR_CONFIG,
			"option '%s': appears twice (line %d)", o->name,
			v->line);
		return locate(cfg);
	}
	v->file = parsing->source->file;
	v->line = cfg->line;
	return 0;
}

/* libconfuse calls this for each value, and for each one of a list.  It keeps
 * an empty string in place of the value. */
static int
take_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	const struct conf_option *o = conf_option_find(opt->name, is_root(cfg));
	bool goes_on = cfg_opt_size(opt) > 1; /* a list */
	struct conf_value *v;

	*(const char **)result = "";
	if (!o) { /* "account=work|host" gets here */
		conf_option_unknown(opt->name, is_root(cfg), parsing->e);
		return locate(cfg);
	}
	v = &find_section(cfg)->values[o - conf_option_table];
	if (!goes_on && begin_value(cfg, o, v) != 0)
		return -1;
	if (!cfg_title(cfg))
		keep_text(v, text);
	if (conf_option_read(o, find_whole(cfg, o), v->file, text,
			     parsing->e) != 0)
		return locate(cfg);
	return 0;
}

/* Of "name = {}" libconfuse only remembers that it has seen it. */
static int
take_empty_list(cfg_t *cfg, const struct conf_option *o, struct conf_value *v)
{
	if (begin_value(cfg, o, v) != 0)
		return -1;
	if (o->flags & CONF_MAY_BE_EMPTY)
		return 0;
	err_set(parsing->e, ERR_CONFIG, "option '%s': must not be empty",
		o->name);
	return locate(cfg);
}

static int
check_title(cfg_t *section)
{
	const char *title = cfg_title(section), *c = title;

	if (!title)
		return 0;
	while ((unsigned char)*c >= 0x20 && *c != 0x7f)
		c++;
	if (*title && !*c)
		return 0;
	err_set(parsing->e, ERR_CONFIG,
		"an account's title must not be "
		"empty or have control characters in it");
	return locate(section);
}

static int
check_lists(cfg_t *section, struct conf_section *s)
{
	cfg_opt_t *list;
	size_t i = 0;

	for (const struct conf_option *o = conf_option_table; o->name;
	     o++, i++) {
		if (!(o->flags & CONF_LIST))
			continue;
		list = cfg_getopt(section, o->name);
		if ((list->flags & CFGF_MODIFIED) && cfg_opt_size(list) == 0 &&
		    take_empty_list(section, o, &s->values[i]) != 0)
			return -1;
	}
	return 0;
}

/* libconfuse calls this at the end of each section. */
static int
end_section(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	struct conf_section *s = find_section(section);

	(void)cfg;
	s->file = parsing->source->file;
	s->line = section->line;
	if (!cfg_title(section) && cfg_opt_size(opt) > 1) {
		err_set(parsing->e, ERR_CONFIG, "appears twice");
		return locate(section);
	}
	if (check_lists(section, s) != 0 || check_title(section) != 0)
		return -1;
	/* libconfuse would go through all sections for each new one, and each
	 * takes some kilobytes. */
	if (cfg_title(section))
		cfg_opt_rmnsec(opt, cfg_opt_size(opt) - 1);
	parsing->open = NULL;
	return 0;
}

/* --- files --- */

static int
check_source(const struct source *s, const char *path, struct err *e)
{
	for (const struct source *up = s->from; up; up = up->from)
		if (up->dev == s->dev && up->ino == s->ino)
			return err_set(e, ERR_CONFIG, "'%s' includes itself",
				       path);
	if (s->depth > DEPTH_MAX)
		return err_set(e, ERR_CONFIG,
			       "'%s' is included more than %d "
			       "levels deep",
			       path, DEPTH_MAX);
	return 0;
}

/* Looks at the descriptor that is read, so that nobody can swap the file. */
static int
check_private(int fd, const struct conf_file *file, const struct stat *st,
	      struct err *e)
{
	if (file->text.password_line == 0 || fs_is_private(fd))
		return 0;
	err_set(e, ERR_CONFIG,
		"a password stands here, but the file has mode "
		"%04o or another owner: make it yours and chmod it to 600",
		(unsigned)(st->st_mode & 07777));
	return err_context(e, "%s:%d", file->path, file->text.password_line);
}

/* Passes the content of the file through libconfuse into `cfg`. */
static int
parse_open_file(cfg_t *cfg, int fd, struct source *s, const struct stat *st,
		struct err *e)
{
	struct buf raw, clean;
	int rc = -1;

	buf_init(&raw, FILE_MAX);
	buf_init(&clean, SIZE_MAX);
	parsing->source = s;
	if (fs_read_fd(fd, s->file->path, FILE_MAX, &raw, e) != 0)
		goto out;
	parsing->located = true;
	if (conf_text_clean(&s->file->text, s->file->path, raw.data, raw.len,
			    &clean, e) != 0 ||
	    check_private(fd, s->file, st, e) != 0)
		goto out;
	buf_free(&raw);
	if (cfg_parse_buf(cfg, buf_text(&clean)) == CFG_SUCCESS)
		rc = 0;
	else if (e->kind == ERR_NONE)
		err_set(e, ERR_CONFIG, "cannot parse '%s'", s->file->path);
out:
	e->kind = rc == 0 ? ERR_NONE : ERR_CONFIG;
	parsing->source = s->from;
	buf_free(&clean);
	buf_free(&raw);
	return rc;
}

static int
parse_file(cfg_t *cfg, const char *path)
{
	const struct source *from = parsing->source;
	struct source s = { .from = from, .depth = from ? from->depth + 1 : 0 };
	struct err *e = parsing->e;
	struct stat st;
	int rc = -1, fd;

	parsing->located = false;
	/* Without O_NONBLOCK, a FIFO would hang here before it is refused. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) != 0) {
		fs_fail_path(e, ERR_CONFIG, "read", path);
	} else {
		s.dev = st.st_dev;
		s.ino = st.st_ino;
		fingerprint_add_identity(parsing->identity, &st);
		s.file = conf_tree_add_file(parsing->tree, path, e);
		if (s.file && check_source(&s, path, e) == 0)
			rc = parse_open_file(cfg, fd, &s, &st, e);
	}
	fs_drop(&fd);
	return rc;
}

/* libconfuse calls this for include("FILE"), outside and inside of sections. */
static int
include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	struct err *e = parsing->e;
	int line = cfg->line, rc = -1;
	char *path = NULL;

	(void)opt;
	parsing->located = false;
	if (argc != 1)
		err_set(e, ERR_CONFIG, "include takes one file name");
	else
		path = fs_expand(argv[0], parsing->source->file->dir, e);
	if (path)
		rc = parse_file(cfg, path);
	free(path);
	cfg->line = line;
	return rc != 0 && !parsing->located ? locate(cfg) : rc;
}

/* --- the whole --- */

/* The options of one scope as libconfuse wants them. */
static size_t
make_options(cfg_opt_t out[CFG_OPTS_MAX], unsigned scope)
{
	size_t n = 0;

	for (const struct conf_option *o = conf_option_table; o->name; o++) {
		cfg_opt_t one =
			CFG_STR_CB(o->name, NULL, CFGF_NODEFAULT, take_value);
		cfg_opt_t many = CFG_STR_LIST_CB(o->name, NULL, CFGF_NODEFAULT,
						 take_value);

		if (o->flags & scope)
			out[n++] = o->flags & CONF_LIST ? many : one;
	}
	out[n++] = (cfg_opt_t)CFG_FUNC("include", include);
	return n;
}

static cfg_t *
make_grammar(void)
{
	cfg_opt_t inside[CFG_OPTS_MAX], outside[CFG_OPTS_MAX];
	cfg_t *cfg;
	size_t n;

	n = make_options(inside, CONF_ACCOUNT);
	inside[n] = (cfg_opt_t)CFG_END();
	n = make_options(outside, CONF_GLOBAL);
	outside[n++] = (cfg_opt_t)CFG_SEC("defaults", inside, CFGF_MULTI);
	outside[n++] =
		(cfg_opt_t)CFG_SEC("account", inside, CFGF_MULTI | CFGF_TITLE);
	outside[n] = (cfg_opt_t)CFG_END();
	cfg = cfg_init(outside, CFGF_NONE); /* copies them */
	if (!cfg)
		mem_exhausted();
	cfg_set_error_function(cfg, complain);
	cfg_set_validate_func(cfg, "defaults", end_section);
	cfg_set_validate_func(cfg, "account", end_section);
	return cfg;
}

int
conf_parse_file(struct conf_tree *t, struct err *e)
{
	struct parse p = { .tree = t,
			   .identity = digest_new(DIGEST_SHA256),
			   .e = e };
	cfg_t *cfg;
	int rc;

	assert(!parsing);
	err_clear(e);
	parsing = &p;
	cfg = make_grammar();
	rc = parse_file(cfg, t->conf->path);
	cfg_free(cfg);
	parsing = NULL;
	account_free(&p.inherited);
	digest_end(p.identity, t->identity);
	digest_free(&p.identity);
	return rc;
}
