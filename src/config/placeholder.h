/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What is meant to be replaced in the argument of a program, but is not: a
 * misspelt "%{sender}", or the way in which other programs write it.  The
 * program would get it as it stands, and take it for a name.
 */
#ifndef CONFIG_PLACEHOLDER_H
#define CONFIG_PLACEHOLDER_H

#include "base/err.h"

/* Refuses an argument with a "%{" that is none of `known` (which ends with
 * NULL), and one that is nothing but a placeholder of another program, or an
 * option and such a placeholder.  "%%" is a per cent sign.  ERR_CONFIG, which
 * says what there is. */
int placeholder_check(const char *argument, const char *const known[],
		      struct err *e);
/* For an argument in which nothing is replaced: refuses one of `known` in it,
 * and one that is nothing but a name in round or square brackets behind '%', as
 * getmail and fdm replace it.  The rest is the program's, such as
 * "%{http_code}" for curl, since there is no other way to write that.  One with
 * blanks is left alone: it is a script, in which all of this may mean
 * something. */
int placeholder_refuse(const char *argument, const char *const known[],
		       struct err *e);
/* For the path of a program: refuses any "%{", and all that placeholder_check
 * knows of other programs. */
int placeholder_refuse_any(const char *argument, struct err *e);

#endif
