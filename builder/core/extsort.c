/* SPDX-License-Identifier: Apache-2.0 */
#include "core/extsort.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "core/heap.h"
#include "core/memory.h"
#include "core/sort.h"

struct run {
	uint64_t at, end;
	struct kith_scratch_in in;
	const uint8_t *item;
	size_t width; /* of the item */
};

/*
 * Items of 16 bytes, which the index has for each file, are pairs themselves: two big-endian
 * numbers. Others are found by their pair's value.
 */
#define PAIR_WIDTH 16

struct kith_extsort {
	size_t width, capacity; /* capacity: items in memory */
	size_t expected;        /* items, more or less */
	struct kith_scratch *scratch;
	size_t memory;
	uint8_t *items; /* NULL where pairs are all */
	struct kith_pair *pairs;
	uint8_t pair[PAIR_WIDTH]; /* the one at hand, as an item */
	size_t allocated;         /* of items and pairs */
	size_t n;                 /* items in memory */
	size_t next;              /* reading from memory: the next pair */
	uint64_t count;
	struct run *runs;
	size_t n_runs, runs_cap;
	void **heap; /* of runs, smallest item first */
	size_t n_heap;
	bool consumed; /* the item at the top was given out */
};

enum kith_status kith_extsort_new(size_t width, size_t memory, uint64_t expected,
				  struct kith_scratch *scratch, struct kith_extsort **ret,
				  struct kith_err *err)
{
	struct kith_extsort *sort = calloc(1, sizeof *sort);

	if (sort == NULL)
		return kith_fail_nomem(err);
	sort->width = width;
	sort->memory = memory;
	sort->scratch = scratch;
	sort->capacity = memory / (sizeof(struct kith_pair) + (width == PAIR_WIDTH ? 0 : width));
	if (sort->capacity < 1024)
		sort->capacity = 1024;
	sort->expected =
	    expected < sort->capacity ? (size_t)expected + (size_t)expected / 64 : sort->capacity;
	*ret = sort;
	return KITH_OK;
}

void kith_extsort_free(struct kith_extsort *sort)
{
	size_t i;

	if (sort == NULL)
		return;
	for (i = 0; i < sort->n_runs; i++)
		kith_scratch_in_done(&sort->runs[i].in);
	free(sort->runs);
	free(sort->heap);
	free(sort->items);
	free(sort->pairs);
	free(sort);
}

uint64_t kith_extsort_count(const struct kith_extsort *sort)
{
	return sort->count;
}

static int compare_items(uint64_t a, uint64_t b, void *user)
{
	const struct kith_extsort *sort = user;

	return memcmp(sort->items + a * sort->width + 8, sort->items + b * sort->width + 8,
		      sort->width - 8);
}

static int compare_values(uint64_t a, uint64_t b, void *user)
{
	(void)user;
	return a < b ? -1 : a > b;
}

static void sort_memory(struct kith_extsort *sort)
{
	size_t i;

	if (sort->width == PAIR_WIDTH) {
		kith_sort_pairs_by(sort->pairs, sort->n, compare_values, NULL);
		return;
	}
	for (i = 0; i < sort->n; i++) {
		sort->pairs[i].key = kith_get_be64(sort->items + i * sort->width);
		sort->pairs[i].value = i;
	}
	kith_sort_pairs_by(sort->pairs, sort->n, compare_items, sort);
}

/* The item of a pair, valid until the next call. */
static const uint8_t *item_of(struct kith_extsort *sort, const struct kith_pair *pair)
{
	if (sort->width != PAIR_WIDTH)
		return sort->items + pair->value * sort->width;
	kith_put_be64(sort->pair, pair->key);
	kith_put_be64(sort->pair + 8, pair->value);
	return sort->pair;
}

static enum kith_status spill(struct kith_extsort *sort, struct kith_err *err)
{
	struct kith_scratch_out out = {0};
	struct run *run;
	enum kith_status st;
	size_t i;

	if (sort->n_runs == sort->runs_cap) {
		size_t cap = sort->runs_cap == 0 ? 16 : 2 * sort->runs_cap;
		struct run *runs = realloc(sort->runs, cap * sizeof *runs);

		if (runs == NULL)
			return kith_fail_nomem(err);
		sort->runs = runs;
		sort->runs_cap = cap;
	}
	sort_memory(sort);
	run = &sort->runs[sort->n_runs++];
	memset(run, 0, sizeof *run);
	run->at = kith_scratch_reserve(sort->scratch, sort->n * sort->width);
	run->end = run->at + sort->n * sort->width;
	st = kith_scratch_out_init(&out, sort->scratch, run->at, KITH_SCRATCH_BUFFER, err);
	for (i = 0; st >= 0 && i < sort->n; i++)
		st = kith_scratch_out_add(&out, item_of(sort, &sort->pairs[i]), sort->width, err);
	if (st >= 0)
		st = kith_scratch_out_flush(&out, err);
	kith_scratch_out_done(&out);
	sort->n = 0;
	return st;
}

static enum kith_status grow(struct kith_extsort *sort, struct kith_err *err)
{
	size_t more = sort->allocated > 0 ? 2 * sort->allocated : sort->expected;
	size_t kept = 0; /* of the pairs: others are made when the items are sorted */
	struct kith_pair *pairs;
	uint8_t *items;

	if (more < 1024)
		more = 1024;
	if (more > sort->capacity)
		more = sort->capacity;
	if (sort->width == PAIR_WIDTH) {
		kept = sort->n * sizeof *pairs;
	} else {
		items = kith_memory_grow(sort->items, sort->n * sort->width, more * sort->width);
		if (items == NULL)
			return kith_fail_nomem(err);
		sort->items = items;
	}
	pairs = kith_memory_grow(sort->pairs, kept, more * sizeof *pairs);
	if (pairs == NULL)
		return kith_fail_nomem(err);
	sort->pairs = pairs;
	sort->allocated = more;
	return KITH_OK;
}

enum kith_status kith_extsort_add(struct kith_extsort *sort, const void *item, struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	if (sort->n == sort->capacity)
		st = spill(sort, err);
	else if (sort->n == sort->allocated)
		st = grow(sort, err);
	if (st < 0)
		return st;
	if (sort->width == PAIR_WIDTH)
		sort->pairs[sort->n] = (struct kith_pair){kith_get_be64(item),
							  kith_get_be64((const uint8_t *)item + 8)};
	else
		memcpy(sort->items + sort->n * sort->width, item, sort->width);
	sort->n++;
	sort->count++;
	return KITH_OK;
}

static int run_cmp(const void *x, const void *y)
{
	const struct run *a = x, *b = y;

	return memcmp(a->item, b->item, a->width);
}

enum kith_status kith_extsort_finish(struct kith_extsort *sort, struct kith_err *err)
{
	size_t buffer, i;
	enum kith_status st;

	if (sort->n_runs == 0) {
		sort_memory(sort);
		return KITH_OK;
	}
	if (sort->n > 0) {
		st = spill(sort, err);
		if (st < 0)
			return st;
	}
	free(sort->items);
	free(sort->pairs);
	sort->items = NULL;
	sort->pairs = NULL;
	sort->allocated = 0;
	buffer = sort->memory / sort->n_runs;
	if (buffer > KITH_SCRATCH_BUFFER)
		buffer = KITH_SCRATCH_BUFFER;
	if (buffer < 4096)
		buffer = 4096;
	sort->heap = malloc(sort->n_runs * sizeof *sort->heap);
	if (sort->heap == NULL)
		return kith_fail_nomem(err);
	for (i = 0; i < sort->n_runs; i++) {
		struct run *run = &sort->runs[i];

		st = kith_scratch_in_init(&run->in, sort->scratch, run->at, run->end, buffer, err);
		if (st >= 0)
			st = kith_scratch_in_peek(&run->in, sort->width, &run->item, err);
		if (st < 0)
			return st;
		run->width = sort->width;
		sort->heap[sort->n_heap++] = run;
	}
	kith_heap_make(sort->heap, sort->n_heap, run_cmp);
	return KITH_OK;
}

enum kith_status kith_extsort_next(struct kith_extsort *sort, const uint8_t **ret_item,
				   struct kith_err *err)
{
	enum kith_status st;

	if (sort->n_runs == 0) {
		if (sort->next == sort->n)
			return KITH_END;
		*ret_item = item_of(sort, &sort->pairs[sort->next++]);
		return KITH_OK;
	}
	if (sort->consumed && sort->n_heap > 0) {
		struct run *run = sort->heap[0];

		kith_scratch_in_skip(&run->in, sort->width);
		st = kith_scratch_in_peek(&run->in, sort->width, &run->item, err);
		if (st < 0)
			return st;
		if (st == KITH_END)
			kith_scratch_drop(sort->scratch, run->at, run->end - run->at);
		kith_heap_next(sort->heap, &sort->n_heap, st == KITH_END, run_cmp);
	}
	if (sort->n_heap == 0)
		return KITH_END;
	sort->consumed = true;
	*ret_item = ((const struct run *)sort->heap[0])->item;
	return KITH_OK;
}
