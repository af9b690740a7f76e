/* SPDX-License-Identifier: GPL-3.0-or-later */
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
#include "config/conf_text.h"
#include "config/fingerprint.h"
#include "sys/fs.h"

enum { FILE_MAX = 64 * 1024 * 1024, DEPTH_MAX = 16 };
/* All options that one scope may have, include, two kinds of sections, the end. */
enum { CFG_OPTS_MAX = CONF_OPTION_COUNT + 4 };

/* A file that is being read; `from` includes it. */
struct source {
	const struct source *from;
	const struct conffile *file;
	dev_t dev;
	ino_t ino;
	unsigned depth;
};

struct parse {
	struct conf_tree *tree;
	struct conf_text text;
	const struct source *source;
	struct confsection *open;	/* an account that has not ended yet */
	bool located;		/* an error would say where it is already */
	struct digest *identity;	/* of the files so far */
	struct err *e;
};

/* The parse that is going on: libconfuse calls back without a pointer of ours. */
static struct parse *parsing;

/* --- errors --- */

/* Puts file, line and section before the error that is there.  Returns -1. */
static int
locate(cfg_t *cfg)
{
	struct err *e = parsing->e;

	parsing->located = true;
	if (cfg_title(cfg))
		err_context(e, "account '%s'", cfg_title(cfg));
	else if (strcmp(cfg_name(cfg), "root") != 0)
		err_context(e, "%s", cfg_name(cfg));
	return err_context(e, "%s:%d", parsing->source->file->path, cfg->line);
}

/* The name in "no such option 'NAME'", owned by the caller, or NULL. */
static char *
unknown_name(const char *text)
{
	static const char start[] = "no such option '";
	size_t size;

	if (strncmp(text, start, sizeof(start) - 1) != 0)
		return NULL;
	text += sizeof(start) - 1;
	size = strlen(text);
	return size ? mem_string_n(text, size - 1) : NULL;
}

/* What libconfuse itself complains about.  Only the first complaint counts: those
 * after it are about what it left behind. */
static void __attribute__((format(printf, 2, 0)))
complain(cfg_t *cfg, const char *format, va_list args)
{
	char text[ERR_TEXT_MAX], *name;
	struct err *e = parsing->e;

	if (e->kind != ERR_NONE)
		return;
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	name = unknown_name(text);
	if (name)
		conf_option_unknown(name, strcmp(cfg_name(cfg), "root") == 0, e);
	else
		err_set(e, ERR_CONFIG, "%s", text);
	free(name);
	locate(cfg);
}

/* --- sections and values --- */

/* The section of an account that is being read. */
static struct confsection *
account_section(struct conf_tree *tree, const char *title)
{
	if (parsing->open)
		return parsing->open;
	parsing->open = conf_tree_add_account(tree, title);
	return parsing->open;
}

static struct confsection *
section_of(cfg_t *cfg)
{
	struct conf_tree *tree = parsing->tree;

	if (cfg_title(cfg))
		return account_section(tree, cfg_title(cfg));
	return strcmp(cfg_name(cfg), "root") == 0 ? &tree->global
						  : &tree->defaults;
}

static int
read_value(const struct conf_option *o, struct confvalue *v, const char *text)
{
	const struct secret *secret;

	if (o == &conf_option_table[CONF_OPTION_PASSWORD]) {
		secret = conf_text_secret(&parsing->text, text);
		if (!secret)
			return err_set(parsing->e, ERR_CONFIG, "must stand as "
				       "password = '...' in single quotes");
		v->secret = secret_copy(secret);
	}
	return o->read(v, text, parsing->e);
}

/* Called by libconfuse for each value, also for each one of a list.  It keeps an
 * empty string in its place. */
static int
take_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	bool global = strcmp(cfg_name(cfg), "root") == 0;
	const struct conf_option *o = conf_option_find(opt->name, global);
	struct confvalue *v;
	int rc;

	*(const char **)result = "";
	if (!o) {	/* "account=work|host" gets here */
		conf_option_unknown(opt->name, global, parsing->e);
		return locate(cfg);
	}
	v = &section_of(cfg)->values[o - conf_option_table];
	/* the first of a list again: the list stands there twice */
	if (v->set && (!o->is_list || cfg_opt_size(opt) == 1)) {
		rc = err_set(parsing->e, ERR_CONFIG,
			     "is there twice (line %d)", v->line);
	} else {
		v->set = true;
		v->file = parsing->source->file;
		v->line = cfg->line;
		rc = read_value(o, v, text);
	}
	if (rc == 0)
		return 0;
	err_context(parsing->e, "option '%s'", o->name);
	return locate(cfg);
}

/* Of "name = {}" libconfuse only remembers that it was there. */
static int
take_empty_list(cfg_t *cfg, const struct conf_option *o, struct confvalue *v)
{
	if (v->set)
		err_set(parsing->e, ERR_CONFIG, "is there twice (line %d)",
			v->line);
	else if (!o->may_be_empty)
		err_set(parsing->e, ERR_CONFIG, "must not be empty");
	v->set = true;
	v->file = parsing->source->file;
	v->line = cfg->line;
	if (parsing->e->kind == ERR_NONE)
		return 0;
	err_context(parsing->e, "option '%s'", o->name);
	return locate(cfg);
}

static int
check_title(cfg_t *section)
{
	const char *title = cfg_title(section), *c;

	if (!title)
		return 0;
	for (c = title; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			break;
	if (*title && !*c)
		return 0;
	err_set(parsing->e, ERR_CONFIG, "an account's title must not be "
		"empty or have control characters in it");
	return locate(section);
}

/* Called by libconfuse at the end of each section. */
static int
end_section(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	struct confsection *s = section_of(section);
	const struct conf_option *o = conf_option_table;
	cfg_opt_t *list;

	(void)cfg;
	s->file = parsing->source->file;
	s->line = section->line;
	if (!cfg_title(section) && cfg_opt_size(opt) > 1) {
		err_set(parsing->e, ERR_CONFIG, "is there twice");
		return locate(section);
	}
	for (; o < conf_option_table + CONF_OPTION_COUNT; o++) {
		if (!o->is_list)
			continue;
		list = cfg_getopt(section, o->name);
		if ((list->flags & CFGF_MODIFIED) && cfg_opt_size(list) == 0 &&
		    take_empty_list(section, o, &s->values[o - conf_option_table]))
			return -1;
	}
	if (check_title(section))
		return -1;
	/* Libconfuse would go through all of them for each new one, and a section
	 * of it is some kilobytes. */
	if (cfg_title(section))
		cfg_opt_rmnsec(opt, cfg_opt_size(opt) - 1);
	parsing->open = NULL;
	return 0;
}

/* --- files --- */

static int
check_source(const struct source *s, const char *path, struct err *e)
{
	const struct source *up;

	for (up = s->from; up; up = up->from)
		if (up->dev == s->dev && up->ino == s->ino)
			return err_set(e, ERR_CONFIG, "'%s' includes itself",
				       path);
	if (s->depth > DEPTH_MAX)
		return err_set(e, ERR_CONFIG, "'%s' is included more than %d "
			       "levels deep", path, DEPTH_MAX);
	return 0;
}

/* On the descriptor that was read, so that nobody can swap the file. */
static int
check_private(int fd, const struct source *s, const struct stat *st, int line,
	      struct err *e)
{
	if (line == 0 || fs_is_private(fd))
		return 0;
	err_set(e, ERR_CONFIG, "a password stands here, and the file has mode "
		"%04o or a strange owner: make it yours and chmod it to 600",
		(unsigned)(st->st_mode & 07777));
	return err_context(e, "%s:%d", s->file->path, line);
}

/* What is in the file goes through libconfuse into `cfg`. */
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
	if (conf_text_clean(&parsing->text, s->file->path, raw.data, raw.len,
			   &clean, e) != 0 ||
	    check_private(fd, s, st, parsing->text.password_line, e) != 0)
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
	/* Non-blocking, or a FIFO would hang here before it is refused. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) != 0) {
		err_sys(e, ERR_CONFIG, "cannot read '%s'", path);
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

/* include("FILE"), outside and inside of sections. */
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
make_options(cfg_opt_t out[CFG_OPTS_MAX], bool global)
{
	const struct conf_option *o = conf_option_table;
	size_t n = 0;

	for (; o < conf_option_table + CONF_OPTION_COUNT; o++) {
		cfg_opt_t one = CFG_STR_CB(o->name, NULL, CFGF_NODEFAULT,
					   take_value);
		cfg_opt_t many = CFG_STR_LIST_CB(o->name, NULL, CFGF_NODEFAULT,
						 take_value);

		if (global ? o->global : o->account)
			out[n++] = o->is_list ? many : one;
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

	n = make_options(inside, false);
	inside[n] = (cfg_opt_t)CFG_END();
	n = make_options(outside, true);
	outside[n++] = (cfg_opt_t)CFG_SEC("defaults", inside, CFGF_MULTI);
	outside[n++] = (cfg_opt_t)CFG_SEC("account", inside,
					  CFGF_MULTI | CFGF_TITLE);
	outside[n] = (cfg_opt_t)CFG_END();
	cfg = cfg_init(outside, CFGF_NONE);	/* copies them */
	if (!cfg)
		mem_exhausted();
	cfg_set_error_function(cfg, complain);
	cfg_set_validate_func(cfg, "defaults", end_section);
	cfg_set_validate_func(cfg, "account", end_section);
	return cfg;
}

int
conf_parse_file(struct conf_tree **tree, const char *path, struct err *e)
{
	struct parse p = { .identity = digest_new(DIGEST_SHA256), .e = e };
	cfg_t *cfg;
	int rc;

	assert(!parsing);
	err_clear(e);
	p.tree = mem_alloc(sizeof(*p.tree));
	parsing = &p;
	cfg = make_grammar();
	rc = parse_file(cfg, path);
	cfg_free(cfg);
	parsing = NULL;
	conf_text_free(&p.text);
	digest_end(p.identity, p.tree->identity);
	digest_free(&p.identity);
	if (rc != 0)
		conf_tree_free(&p.tree);
	*tree = p.tree;
	return rc;
}
