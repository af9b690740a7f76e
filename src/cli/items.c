/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "cli/items.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/quantity.h"

void
items_print(struct progress *p, const struct report_item *item)
{
	char size[QUANTITY_TEXT_MAX] = "unknown size";
	char *first, *second;

	if (item->size >= 0)
		quantity_show_size(size, (uint64_t)item->size);
	first = mem_format("%5u  %s  %s  uid %s", item->number, item->state,
			   size, item->uid);
	progress_line(p, first);
	free(first);
	if (item->date[0] == '\0' && item->from[0] == '\0' &&
	    item->subject[0] == '\0')
		return;
	second = mem_format("       %s  %s  %s", item->date, item->from,
			    item->subject);
	progress_line(p, second);
	free(second);
}
