/* SPDX-License-Identifier: Apache-2.0 */
#include "core/strings.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "core/heap.h"
#include "core/sort.h"

/* A string in a run: its length (4 bytes of this machine's order), its bytes. */
#define HEAD  4
#define AHEAD ((size_t)12)

enum kith_status kith_strings_spill(const struct kith_bytes *items, size_t n,
				    struct kith_scratch *scratch, struct kith_room *room,
				    struct kith_strings_run *ret_run, uint32_t *ret_order,
				    struct kith_err *err)
{
	struct kith_scratch_out out = {0};
	struct kith_pair *pairs;
	uint64_t size = 0;
	enum kith_status st = KITH_OK;
	size_t i;

	pairs = kith_room_get(room, (n + 1) * sizeof *pairs);
	if (pairs == NULL)
		return kith_fail_nomem(err);
	for (i = 0; i < n; i++) {
		pairs[i].value = i;
		size += HEAD + items[i].n;
	}
	kith_sort_strings(items, pairs, n);
	ret_run->at = kith_scratch_reserve(scratch, size);
	ret_run->end = ret_run->at + size;
	ret_run->n = n;
	st = kith_scratch_out_init(&out, scratch, ret_run->at, KITH_SCRATCH_BUFFER, err);
	for (i = 0; st >= 0 && i < n; i++) {
		struct kith_bytes item = items[pairs[i].value];
		uint32_t len = (uint32_t)item.n;

		/* Sorted strings lie anywhere in memory: fetch those that come next. */
		if (i + 2 * AHEAD < n)
			__builtin_prefetch(&items[pairs[i + 2 * AHEAD].value]);
		if (i + AHEAD < n) {
			__builtin_prefetch(items[pairs[i + AHEAD].value].data);
			__builtin_prefetch(&ret_order[pairs[i + AHEAD].value], 1);
		}
		ret_order[pairs[i].value] = (uint32_t)i;
		st = kith_scratch_out_add(&out, &len, HEAD, err);
		if (st >= 0)
			st = kith_scratch_out_add(&out, item.data, item.n, err);
	}
	if (st >= 0)
		st = kith_scratch_out_flush(&out, err);
	kith_scratch_out_done(&out);
	return st;
}

/* One run in the merge: its current string and where its map grows. */
struct cursor {
	struct kith_scratch_in in;
	struct kith_scratch_out map;
	uint64_t map_at;
	struct kith_bytes string;
	uint64_t prefix;
};

struct merge {
	struct cursor *cursors;
	void **heap; /* of cursors */
	size_t n_heap;
};

static int cursor_cmp(const void *x, const void *y)
{
	const struct cursor *a = x, *b = y;

	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	return kith_bytes_cmp(a->string.data, a->string.n, b->string.data, b->string.n);
}

static enum kith_status cursor_next(struct cursor *cursor, struct kith_err *err)
{
	const uint8_t *p;
	uint32_t len;
	enum kith_status st = kith_scratch_in_peek(&cursor->in, HEAD, &p, err);

	if (st != KITH_OK)
		return st;
	memcpy(&len, p, HEAD);
	st = kith_scratch_in_peek(&cursor->in, HEAD + (size_t)len, &p, err);
	if (st != KITH_OK)
		return st < 0 ? st : kith_fail(err, KITH_E_CORRUPT, "a run of names ends early");
	cursor->string.data = p + HEAD;
	cursor->string.n = len;
	cursor->prefix = kith_sort_prefix(cursor->string.data, len);
	return KITH_OK;
}

/* Gives `rank` to the string at the top of the heap in every run that has it, and moves on. */
static enum kith_status assign(struct merge *merge, struct kith_bytes string, uint64_t prefix,
			       uint32_t rank, struct kith_err *err)
{
	enum kith_status st;

	while (merge->n_heap > 0) {
		struct cursor *cursor = merge->heap[0];

		if (cursor->prefix != prefix ||
		    kith_bytes_cmp(cursor->string.data, cursor->string.n, string.data, string.n) !=
			0)
			break;
		st = kith_scratch_out_add(&cursor->map, &rank, sizeof rank, err);
		if (st < 0)
			return st;
		kith_scratch_in_skip(&cursor->in, HEAD + cursor->string.n);
		st = cursor_next(cursor, err);
		if (st < 0)
			return st;
		kith_heap_next(merge->heap, &merge->n_heap, st == KITH_END, cursor_cmp);
	}
	return KITH_OK;
}

static enum kith_status merge_init(struct merge *merge, const struct kith_strings_run *runs,
				   size_t n_runs, struct kith_scratch *scratch, size_t memory,
				   struct kith_err *err)
{
	size_t buffer = memory / (2 * n_runs + 1), i;
	enum kith_status st;

	if (buffer > KITH_SCRATCH_BUFFER)
		buffer = KITH_SCRATCH_BUFFER;
	if (buffer < 4096)
		buffer = 4096;
	merge->cursors = calloc(n_runs + 1, sizeof *merge->cursors);
	merge->heap = calloc(n_runs + 1, sizeof *merge->heap);
	if (merge->cursors == NULL || merge->heap == NULL)
		return kith_fail_nomem(err);
	for (i = 0; i < n_runs; i++) {
		struct cursor *cursor = &merge->cursors[i];

		cursor->map_at = kith_scratch_reserve(scratch, 4 * runs[i].n);
		st = kith_scratch_out_init(&cursor->map, scratch, cursor->map_at, buffer, err);
		if (st >= 0)
			st = kith_scratch_in_init(&cursor->in, scratch, runs[i].at, runs[i].end,
						  buffer, err);
		if (st >= 0)
			st = cursor_next(cursor, err);
		if (st < 0)
			return st;
		if (st == KITH_OK)
			merge->heap[merge->n_heap++] = cursor;
	}
	kith_heap_make(merge->heap, merge->n_heap, cursor_cmp);
	return KITH_OK;
}

enum kith_status kith_strings_merge(const struct kith_strings_run *runs, size_t n_runs,
				    struct kith_scratch *scratch, size_t memory,
				    kith_strings_emit emit, void *user, const uint32_t **ret_maps,
				    struct kith_err *err)
{
	struct merge merge = {0};
	struct kith_buf string = {0};
	enum kith_status st;
	size_t i;

	st = merge_init(&merge, runs, n_runs, scratch, memory, err);
	if (st < 0)
		goto out;
	while (merge.n_heap > 0) {
		const struct cursor *first = merge.heap[0];
		uint64_t prefix = first->prefix;
		struct kith_bytes copy;
		uint32_t rank;

		/* A copy, because moving a cursor on may overwrite its string. */
		string.n = 0;
		if (!kith_buf_add(&string, first->string.data, first->string.n)) {
			st = kith_fail_nomem(err);
			goto out;
		}
		copy.data = string.data;
		copy.n = string.n;
		st = emit(copy, user, &rank, err);
		if (st >= 0)
			st = assign(&merge, copy, prefix, rank, err);
		if (st < 0)
			goto out;
	}
	for (i = 0; i < n_runs; i++) {
		ret_maps[i] = NULL;
		st = kith_scratch_out_flush(&merge.cursors[i].map, err);
		if (st < 0)
			goto out;
		kith_scratch_drop(scratch, runs[i].at, runs[i].end - runs[i].at);
		if (runs[i].n == 0)
			continue;
		ret_maps[i] = kith_scratch_map(scratch, merge.cursors[i].map_at, 4 * runs[i].n);
		if (ret_maps[i] == NULL) {
			st = kith_fail_nomem(err);
			goto out;
		}
	}
	st = KITH_OK;
out:
	if (merge.cursors != NULL)
		for (i = 0; i < n_runs; i++) {
			kith_scratch_in_done(&merge.cursors[i].in);
			kith_scratch_out_done(&merge.cursors[i].map);
		}
	free(merge.cursors);
	free(merge.heap);
	kith_buf_done(&string);
	return st;
}
