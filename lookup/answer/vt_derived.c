/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vt_derived.c: nsrl_info, monitor_info and trusted_verdict, which VirusTotal's API had before
 * known_distributors. Their texts are those of the occurrences of one kind of source; as there,
 * lists have at most 20 items. A file that no such source has lacks the attribute.
 */
#include <stdlib.h>
#include <string.h>

#include "answer/render.h"
#include "base/out.h"

#define ITEMS 20u

struct list {
	struct kith_buf texts[ITEMS]; /* sorted, each once; the smallest of all */
	size_t n;
};

struct derived {
	struct list names, products, distributors;
	bool failed;
};

static void list_add(struct list *list, const struct kith_buf *text, bool *failed)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct kith_buf *t = &list->texts[i];
		size_t n = t->n < text->n ? t->n : text->n;
		int order = memcmp(text->data, t->data, n);

		if (order == 0 && text->n == t->n)
			return;
		if (order < 0 || (order == 0 && text->n < t->n))
			break;
	}
	if (i == ITEMS)
		return;
	if (list->n == ITEMS)
		kith_buf_done(&list->texts[--list->n]);
	memmove(&list->texts[i + 1], &list->texts[i], (list->n - i) * sizeof *list->texts);
	memset(&list->texts[i], 0, sizeof *list->texts);
	list->n++;
	if (!kith_buf_add(&list->texts[i], text->data, text->n))
		*failed = true;
}

static void list_add_bytes(struct list *list, struct kith_bytes text, bool *failed)
{
	struct kith_buf buf = {NULL, 0, 0, false};

	if (text.n == 0)
		return;
	if (kith_buf_add(&buf, text.data, text.n))
		list_add(list, &buf, failed);
	else
		*failed = true;
	kith_buf_done(&buf);
}

static void list_done(struct list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		kith_buf_done(&list->texts[i]);
}

static void list_print(struct kith_buf *out, const struct list *list)
{
	size_t i;

	(void)kith_buf_add_byte(out, '[');
	for (i = 0; i < list->n; i++) {
		struct kith_bytes text = {list->texts[i].data, list->texts[i].n};

		if (i > 0)
			(void)kith_buf_add_byte(out, ',');
		(void)kith_json_string(out, text);
	}
	(void)kith_buf_add_byte(out, ']');
}

/* "Name (Manufacturer)" */
static void add_origin(struct derived *d, const struct kith_origin *origin)
{
	size_t i, k;

	for (i = 0; i < origin->n_tuples; i++) {
		const struct kith_tuple *tuple = &origin->tuples[i];

		for (k = 0; k < tuple->n_distributors; k++)
			list_add_bytes(&d->distributors, tuple->distributors[k], &d->failed);
		if (tuple->product.n == 0)
			continue;
		for (k = 0; k < tuple->n_distributors || k == 0; k++) {
			struct kith_buf text = {NULL, 0, 0, false};

			(void)kith_buf_add(&text, tuple->product.data, tuple->product.n);
			if (k < tuple->n_distributors) {
				(void)kith_buf_add_str(&text, " (");
				(void)kith_buf_add(&text, tuple->distributors[k].data,
						   tuple->distributors[k].n);
				(void)kith_buf_add_byte(&text, ')');
			}
			if (text.failed)
				d->failed = true;
			else
				list_add(&d->products, &text, &d->failed);
			kith_buf_done(&text);
		}
	}
}

static void print(struct kith_buf *out, const char *name, const struct derived *d)
{
	struct kith_bytes text;

	(void)kith_buf_add_str(out, ",\"");
	(void)kith_buf_add_str(out, name);
	if (*name == 'n') {
		(void)kith_buf_add_str(out, "\":{\"products\":");
		list_print(out, &d->products);
		(void)kith_buf_add_str(out, ",\"filenames\":");
		list_print(out, &d->names);
	} else if (*name == 'm') {
		(void)kith_buf_add_str(out, "\":{\"organizations\":");
		list_print(out, &d->distributors);
		(void)kith_buf_add_str(out, ",\"filenames\":");
		list_print(out, &d->names);
	} else {
		/* "goodware" is that attribute's only word; kith's own is "known". */
		(void)kith_buf_add_str(out, "\":{\"verdict\":\"goodware\"");
		if (d->distributors.n > 0) {
			text.data = d->distributors.texts[0].data;
			text.n = d->distributors.texts[0].n;
			(void)kith_buf_add_str(out, ",\"organization\":");
			(void)kith_json_string(out, text);
		}
		if (d->names.n > 0) {
			text.data = d->names.texts[0].data;
			text.n = d->names.texts[0].n;
			(void)kith_buf_add_str(out, ",\"filename\":");
			(void)kith_json_string(out, text);
		}
	}
	(void)kith_buf_add_byte(out, '}');
}

enum kith_status kith_vt_derived(struct kith_asker *asker, const struct kith_content *content,
				 const char *name, struct kith_buf *out)
{
	const char *label = *name == 'n'   ? KITH_LABEL_NSRL
			    : *name == 'm' ? KITH_LABEL_MONITOR
					   : KITH_LABEL_TRUSTED;
	struct derived *d = calloc(1, sizeof *d);
	const struct kith_origin *last = NULL;
	struct kith_shown shown;
	struct kith_seen seen;
	enum kith_status st;
	bool any = false;

	if (d == NULL)
		return KITH_E_NOMEM;
	kith_shown_start(&shown, content, 0);
	while ((st = kith_shown_next(asker, &shown, &seen)) == KITH_OK) {
		const struct kith_origin *origin = seen.where->node->origin;

		if (!kith_label_is(origin->source.label, label))
			continue;
		any = true;
		list_add_bytes(&d->names, seen.name, &d->failed);
		if (origin != last)
			add_origin(d, origin);
		last = origin;
	}
	if (st == KITH_END && any)
		print(out, name, d);
	if (st == KITH_END && d->failed)
		st = KITH_E_NOMEM;
	list_done(&d->names);
	list_done(&d->products);
	list_done(&d->distributors);
	free(d);
	return st == KITH_END ? KITH_OK : st;
}
