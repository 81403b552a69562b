/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.c: few rows (a reason is a fixed text), so a list that is searched from the row used last
 * does; what is noted a million times is found at once. Rows for inputs (KITH_LEDGER_INPUT) may be
 * many; they have a table of their own.
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

struct rows {
	struct row *items;
	size_t n, cap;
};

struct kith_ledger {
	struct rows few, inputs;
	size_t last;     /* of the few: used last */
	uint32_t *slots; /* of inputs, by reason: open addressing; number plus 1, 0: free */
	size_t n_slots;
	bool lost;
};

struct kith_ledger *kith_ledger_new(void)
{
	return calloc(1, sizeof(struct kith_ledger));
}

static void free_rows(struct rows *rows)
{
	size_t i;

	for (i = 0; i < rows->n; i++)
		free(rows->items[i].reason);
	free(rows->items);
}

void kith_ledger_free(struct kith_ledger *ledger)
{
	if (ledger == NULL)
		return;
	free_rows(&ledger->few);
	free_rows(&ledger->inputs);
	free(ledger->slots);
	free(ledger);
}

static bool is(const struct row *row, uint32_t source, enum kith_ledger_class class_,
	       const char *reason)
{
	return row->source == source && row->class_ == class_ && strcmp(row->reason, reason) == 0;
}

static struct row *add_row(struct rows *rows, uint32_t source, enum kith_ledger_class class_,
			   const char *reason)
{
	struct row *row;

	if (rows->n == rows->cap) {
		size_t cap = rows->cap == 0 ? 16 : 2 * rows->cap;
		struct row *items = realloc(rows->items, cap * sizeof *items);

		if (items == NULL)
			return NULL;
		rows->items = items;
		rows->cap = cap;
	}
	row = &rows->items[rows->n];
	memset(row, 0, sizeof *row);
	row->source = source;
	row->class_ = class_;
	row->reason = strdup(reason);
	if (row->reason == NULL)
		return NULL;
	rows->n++;
	return row;
}

/* Where the number of that input's row is, or where it goes. */
static uint32_t *input_slot(struct kith_ledger *ledger, uint32_t source, const char *reason)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ source;
	const char *c;
	size_t i;

	for (c = reason; *c != '\0'; c++)
		h = (h ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
	for (i = (size_t)(h ^ h >> 32) & (ledger->n_slots - 1); ledger->slots[i] != 0;
	     i = (i + 1) & (ledger->n_slots - 1))
		if (is(&ledger->inputs.items[ledger->slots[i] - 1], source, KITH_LEDGER_COUNT,
		       reason))
			break;
	return &ledger->slots[i];
}

static bool grow_slots(struct kith_ledger *ledger)
{
	size_t n = ledger->n_slots == 0 ? 64 : 2 * ledger->n_slots, i;
	uint32_t *bigger = calloc(n, sizeof *bigger);

	if (bigger == NULL)
		return false;
	free(ledger->slots);
	ledger->slots = bigger;
	ledger->n_slots = n;
	for (i = 0; i < ledger->inputs.n; i++) {
		const struct row *row = &ledger->inputs.items[i];

		*input_slot(ledger, row->source, row->reason) = (uint32_t)i + 1;
	}
	return true;
}

static struct row *find_input(struct kith_ledger *ledger, uint32_t source, const char *reason)
{
	struct row *row;
	uint32_t *slot;

	if (2 * (ledger->inputs.n + 1) > ledger->n_slots && !grow_slots(ledger))
		return NULL;
	slot = input_slot(ledger, source, reason);
	if (*slot != 0)
		return &ledger->inputs.items[*slot - 1];
	if (ledger->inputs.n >= UINT32_MAX - 1)
		return NULL;
	row = add_row(&ledger->inputs, source, KITH_LEDGER_COUNT, reason);
	if (row != NULL)
		*slot = (uint32_t)ledger->inputs.n;
	return row;
}

static struct row *find(struct kith_ledger *ledger, uint32_t source, enum kith_ledger_class class_,
			const char *reason)
{
	const struct rows *few = &ledger->few;
	size_t i, of_source = 0;
	struct row *row;

	if (class_ == KITH_LEDGER_COUNT &&
	    strncmp(reason, KITH_LEDGER_INPUT, sizeof KITH_LEDGER_INPUT - 1) == 0)
		return find_input(ledger, source, reason);
	if (ledger->last < few->n && is(&few->items[ledger->last], source, class_, reason))
		return &few->items[ledger->last];
	for (i = 0; i < few->n; i++) {
		of_source += few->items[i].source == source;
		if (is(&few->items[i], source, class_, reason)) {
			ledger->last = i;
			return &few->items[i];
		}
	}
	if (of_source == KITH_LIMIT_REASONS && strcmp(reason, "other") != 0)
		return find(ledger, source, class_, "other");
	row = add_row(&ledger->few, source, class_, reason);
	if (row != NULL)
		ledger->last = ledger->few.n - 1;
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

static void merge_rows(struct kith_ledger *into, const struct rows *from)
{
	size_t i;

	for (i = 0; i < from->n; i++) {
		const struct row *row = &from->items[i];

		kith_ledger_note(into, row->source, row->class_, row->reason, row->count,
				 row->example, row->example_n);
	}
}

bool kith_ledger_merge(struct kith_ledger *into, const struct kith_ledger *from)
{
	merge_rows(into, &from->few);
	merge_rows(into, &from->inputs);
	into->lost = into->lost || from->lost;
	return !into->lost;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	if (x->class_ != y->class_)
		return x->class_ < y->class_ ? -1 : 1;
	return strcmp(x->reason, y->reason);
}

enum kith_status kith_ledger_rows(struct kith_ledger *ledger, const uint32_t *ranks,
				  kith_ledger_row_fn fn, void *user, struct kith_err *err)
{
	const struct rows *const all[] = {&ledger->few, &ledger->inputs};
	size_t n = ledger->few.n + ledger->inputs.n, i, k, at = 0;
	const struct row **rows;
	enum kith_status st = KITH_OK;

	if (ledger->lost)
		return kith_fail_nomem(err);
	rows = malloc((n + 1) * sizeof(const struct row *));
	if (rows == NULL)
		return kith_fail_nomem(err);
	for (i = 0; i < 2; i++) {
		for (k = 0; k < all[i]->n; k++) {
			all[i]->items[k].source = ranks[all[i]->items[k].source];
			rows[at++] = &all[i]->items[k];
		}
	}
	qsort(rows, n, sizeof(const struct row *), compare_rows);
	for (i = 0; st >= 0 && i < n; i++) {
		struct kith_ledger_entry entry;

		entry.source = rows[i]->source;
		entry.class_ = rows[i]->class_;
		entry.reason.data = (const uint8_t *)rows[i]->reason;
		entry.reason.n = strlen(rows[i]->reason);
		entry.count = rows[i]->count;
		entry.example.data = rows[i]->example;
		entry.example.n = rows[i]->example_n;
		st = fn(&entry, user, err);
	}
	free(rows);
	return st;
}
