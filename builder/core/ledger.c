/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.c: few rows (a reason is a fixed text), so a list that is searched from the row used last
 * does; what is noted a million times is found at once.
 */
#define _POSIX_C_SOURCE 200809L
#include "core/ledger.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

struct row {
	uint32_t source;
	enum kith_ledger_class class_;
	char *reason; /* owned */
	uint64_t count;
	uint8_t example[KITH_LIMIT_EXAMPLE];
	size_t example_n;
};

struct kith_ledger {
	struct row *rows;
	size_t n, cap;
	size_t last; /* used last */
	bool lost;
};

struct kith_ledger *kith_ledger_new(void)
{
	return calloc(1, sizeof(struct kith_ledger));
}

void kith_ledger_free(struct kith_ledger *ledger)
{
	size_t i;

	if (ledger == NULL)
		return;
	for (i = 0; i < ledger->n; i++)
		free(ledger->rows[i].reason);
	free(ledger->rows);
	free(ledger);
}

static bool is(const struct row *row, uint32_t source, enum kith_ledger_class class_,
	       const char *reason)
{
	return row->source == source && row->class_ == class_ && strcmp(row->reason, reason) == 0;
}

static struct row *find(struct kith_ledger *ledger, uint32_t source, enum kith_ledger_class class_,
			const char *reason)
{
	size_t i, of_source = 0;
	struct row *row;

	if (ledger->last < ledger->n && is(&ledger->rows[ledger->last], source, class_, reason))
		return &ledger->rows[ledger->last];
	for (i = 0; i < ledger->n; i++) {
		of_source += ledger->rows[i].source == source;
		if (is(&ledger->rows[i], source, class_, reason)) {
			ledger->last = i;
			return &ledger->rows[i];
		}
	}
	if (of_source == KITH_LIMIT_REASONS && strcmp(reason, "other") != 0)
		return find(ledger, source, class_, "other");
	if (ledger->n == ledger->cap) {
		size_t cap = ledger->cap == 0 ? 16 : 2 * ledger->cap;
		struct row *rows = realloc(ledger->rows, cap * sizeof *rows);

		if (rows == NULL)
			return NULL;
		ledger->rows = rows;
		ledger->cap = cap;
	}
	row = &ledger->rows[ledger->n];
	memset(row, 0, sizeof *row);
	row->source = source;
	row->class_ = class_;
	row->reason = strdup(reason);
	if (row->reason == NULL)
		return NULL;
	ledger->last = ledger->n++;
	return row;
}

void kith_ledger_note(struct kith_ledger *ledger, uint32_t source, enum kith_ledger_class class_,
		      const char *reason, uint64_t count, const void *example, size_t example_n)
{
	struct row *row = find(ledger, source, class_, reason);

	if (row == NULL) {
		ledger->lost = true;
		return;
	}
	if (example_n > KITH_LIMIT_EXAMPLE)
		example_n = KITH_LIMIT_EXAMPLE;
	/* The smallest, so that it does not depend on which thread came first; a shorter one is
	 * smaller, so that "row 9" is before "row 10". */
	if (example_n > 0 &&
	    (row->example_n == 0 || example_n < row->example_n ||
	     (example_n == row->example_n && memcmp(example, row->example, example_n) < 0))) {
		memcpy(row->example, example, example_n);
		row->example_n = example_n;
	}
	row->count += count;
}

void kith_ledger_notef(struct kith_ledger *ledger, uint32_t source, enum kith_ledger_class class_,
		       const char *reason, const char *fmt, ...)
{
	char example[KITH_LIMIT_EXAMPLE + 1];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(example, sizeof example, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	if (n >= (int)sizeof example)
		n = (int)sizeof example - 1;
	kith_ledger_note(ledger, source, class_, reason, 1, example, (size_t)n);
}

bool kith_ledger_merge(struct kith_ledger *into, const struct kith_ledger *from)
{
	size_t i;

	for (i = 0; i < from->n; i++) {
		const struct row *row = &from->rows[i];

		kith_ledger_note(into, row->source, row->class_, row->reason, row->count,
				 row->example, row->example_n);
	}
	into->lost |= from->lost;
	return !into->lost;
}

/* By what becomes of them in the set: rank is put into `source` before. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	if (x->class_ != y->class_)
		return x->class_ < y->class_ ? -1 : 1;
	return strcmp(x->reason, y->reason);
}

enum kith_status kith_ledger_rows(struct kith_ledger *ledger, const uint32_t *ranks,
				  kith_ledger_row_fn fn, void *user, struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	size_t i;

	if (ledger->lost)
		return kith_fail_nomem(err);
	for (i = 0; i < ledger->n; i++)
		ledger->rows[i].source = ranks[ledger->rows[i].source];
	if (ledger->n > 0)
		qsort(ledger->rows, ledger->n, sizeof *ledger->rows, compare_rows);
	for (i = 0; st >= 0 && i < ledger->n; i++) {
		const struct row *row = &ledger->rows[i];
		struct kith_ledger_entry entry;

		entry.source = row->source;
		entry.class_ = row->class_;
		entry.reason.data = (const uint8_t *)row->reason;
		entry.reason.n = strlen(row->reason);
		entry.count = row->count;
		entry.example.data = row->example;
		entry.example.n = row->example_n;
		st = fn(&entry, user, err);
	}
	return st;
}
