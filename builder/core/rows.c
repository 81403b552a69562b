/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "core/heap.h"
#include "core/memory.h"

/* A little under 2 MiB, so that a block is one huge page. */
#define BLOCK_ROWS ((size_t)23800)

/* A group's head in a run: the row's key and claim, and how many occurrences follow (8 bytes
 * each: place, name). */
struct group_head {
	uint8_t claimed[KITH_ROW_CLAIMED];
	uint32_t n_occs;
	uint32_t zero;
};

_Static_assert(sizeof(struct kith_packed_row) == 88, "rows are written as bytes");
_Static_assert(BLOCK_ROWS * sizeof(struct kith_packed_row) <= (size_t)2 << 20, "see BLOCK_ROWS");
_Static_assert(KITH_ROW_CLAIMED == 80, "a group's head has no holes");

void kith_rowstore_done(struct kith_rowstore *store)
{
	size_t i;

	for (i = 0; i < store->n_blocks; i++)
		free(store->blocks[i]);
	free(store->blocks);
	free(store->pairs);
	memset(store, 0, sizeof *store);
}

struct kith_packed_row *kith_rowstore_add(struct kith_rowstore *store)
{
	size_t block = store->n / BLOCK_ROWS;
	struct kith_packed_row *row;

	if (block == store->n_blocks) {
		if (store->n_blocks == store->blocks_cap) {
			size_t cap = store->blocks_cap == 0 ? 64 : 2 * store->blocks_cap;
			struct kith_packed_row **blocks =
			    realloc(store->blocks, cap * sizeof *blocks);

			if (blocks == NULL)
				return NULL;
			store->blocks = blocks;
			store->blocks_cap = cap;
		}
		store->blocks[block] = kith_memory_alloc((size_t)2 << 20);
		if (store->blocks[block] == NULL)
			return NULL;
		store->n_blocks++;
	}
	row = &store->blocks[block][store->n % BLOCK_ROWS];
	memset(row, 0, sizeof *row);
	store->n++;
	return row;
}

size_t kith_rowstore_memory(const struct kith_rowstore *store)
{
	return store->n * (sizeof(struct kith_packed_row) + sizeof(struct kith_pair));
}

static const struct kith_packed_row *row_at(const struct kith_rowstore *store, uint64_t number)
{
	return &store->blocks[number / BLOCK_ROWS][number % BLOCK_ROWS];
}

static int compare_rows(uint64_t a, uint64_t b, void *user)
{
	const struct kith_rowstore *store = user;

	return memcmp(row_at(store, a), row_at(store, b), KITH_ROW_CLAIMED);
}

/* Rows that are fetched ahead. */
#define AHEAD 16

static void touch_row(const struct kith_packed_row *row)
{
	__builtin_prefetch(row);
	__builtin_prefetch((const uint8_t *)row + 64);
}

static enum kith_status sort_rows(struct kith_rowstore *store, struct kith_err *err)
{
	size_t i;

	if (store->pairs_cap < store->n) {
		free(store->pairs);
		store->pairs_cap = 0;
		store->pairs = kith_memory_alloc(store->n * sizeof *store->pairs);
		if (store->pairs == NULL)
			return kith_fail_nomem(err);
		store->pairs_cap = store->n;
	}
	for (i = 0; i < store->n; i++) {
		store->pairs[i].key = kith_get_be64(row_at(store, i)->key);
		store->pairs[i].value = i;
	}
	kith_sort_pairs_by(store->pairs, store->n, compare_rows, store);
	return KITH_OK;
}

static uint32_t range_of(const uint8_t *key)
{
	return (uint32_t)key[0] << 2 | key[1] >> 6;
}

static uint32_t translate(uint32_t number, const uint32_t *map)
{
	if (map == NULL)
		return number;
	return (number & ~KITH_NUMBER_MASK) | map[number & KITH_NUMBER_MASK];
}

/* Writes the rows pairs[from .. to), which have one key and claim. */
static enum kith_status write_group(struct kith_rowstore *store, size_t from, size_t to,
				    const uint32_t *names, const uint32_t *places,
				    struct kith_scratch_out *out, struct kith_err *err)
{
	struct group_head head;
	enum kith_status st;
	size_t i;

	memcpy(head.claimed, row_at(store, store->pairs[from].value), KITH_ROW_CLAIMED);
	head.n_occs = (uint32_t)(to - from);
	head.zero = 0;
	st = kith_scratch_out_add(out, &head, sizeof head, err);
	for (i = from; st >= 0 && i < to; i++) {
		const struct kith_packed_row *row = row_at(store, store->pairs[i].value);
		uint32_t occ[2];

		occ[0] = (row->place & KITH_PLACE_DECLARED) != 0 ? row->place
								 : translate(row->place, places);
		occ[1] = translate(row->name, names);
		st = kith_scratch_out_add(out, occ, sizeof occ, err);
	}
	return st;
}

enum kith_status kith_rowstore_spill(struct kith_rowstore *store, struct kith_scratch *scratch,
				     const uint32_t *names, const uint32_t *places,
				     struct kith_run *ret_run, struct kith_err *err)
{
	struct kith_scratch_out out = {0};
	uint32_t range = 0;
	size_t from, to;
	enum kith_status st;

	st = sort_rows(store, err);
	if (st < 0)
		return st;
	ret_run->reserved = store->n * (sizeof(struct group_head) + 8);
	ret_run->reserved_at = kith_scratch_reserve(scratch, ret_run->reserved);
	st = kith_scratch_out_init(&out, scratch, ret_run->reserved_at, KITH_SCRATCH_BUFFER, err);
	if (st < 0)
		goto out;
	for (from = 0; from < store->n; from = to) {
		const struct kith_packed_row *row = row_at(store, store->pairs[from].value);
		uint32_t mine = range_of(row->key);

		/* Sorted rows lie anywhere in memory: fetch those that come next. */
		if (from + AHEAD < store->n)
			touch_row(row_at(store, store->pairs[from + AHEAD].value));
		while (range <= mine)
			ret_run->offset[range++] = kith_scratch_out_offset(&out);
		for (to = from + 1; to < store->n && to - from < UINT32_MAX; to++)
			if (store->pairs[to].key != store->pairs[from].key ||
			    memcmp(row_at(store, store->pairs[to].value), row, KITH_ROW_CLAIMED) !=
				0)
				break;
		st = write_group(store, from, to, names, places, &out, err);
		if (st < 0)
			goto out;
	}
	while (range <= KITH_RANGES)
		ret_run->offset[range++] = kith_scratch_out_offset(&out);
	st = kith_scratch_out_flush(&out, err);
	store->n = 0;
out:
	kith_scratch_out_done(&out);
	return st;
}

/* ------------------------------------------------------------------ merge */

struct cursor {
	struct kith_scratch_in in;
	const struct group_head *head; /* valid until the next peek */
	const struct kith_chunk_map *map;
	uint64_t prefix;
};

struct kith_merge {
	const struct kith_merge_input *input;
	struct cursor *cursors;
	void **heap; /* of cursors, smallest key first */
	size_t n_heap;
};

static int cursor_cmp(const void *x, const void *y)
{
	const struct cursor *a = x, *b = y;

	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	return memcmp(a->head->claimed, b->head->claimed, KITH_SHA256_SIZE);
}

/* Brings the cursor's next group head into view. KITH_OK or KITH_END. */
static enum kith_status cursor_head(struct cursor *cursor, struct kith_err *err)
{
	const uint8_t *p;
	enum kith_status st = kith_scratch_in_peek(&cursor->in, sizeof(struct group_head), &p, err);

	if (st != KITH_OK)
		return st;
	cursor->head = (const struct group_head *)(const void *)p;
	cursor->prefix = kith_get_be64(cursor->head->claimed);
	return KITH_OK;
}

enum kith_status kith_merge_open(const struct kith_merge_input *input, uint32_t from, uint32_t to,
				 size_t buffer, struct kith_merge **ret, struct kith_err *err)
{
	struct kith_merge *merge = calloc(1, sizeof *merge);
	enum kith_status st = KITH_OK;
	size_t i;

	if (merge == NULL)
		return kith_fail_nomem(err);
	merge->input = input;
	merge->cursors = calloc(input->n_runs + 1, sizeof *merge->cursors);
	merge->heap = calloc(input->n_runs + 1, sizeof *merge->heap);
	if (merge->cursors == NULL || merge->heap == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	for (i = 0; i < input->n_runs; i++) {
		const struct kith_run *run = input->runs[i];
		struct cursor *cursor = &merge->cursors[i];

		if (run->offset[from] == run->offset[to])
			continue;
		cursor->map = &input->chunks[run->chunk];
		st = kith_scratch_in_init(&cursor->in, input->scratch, run->offset[from],
					  run->offset[to], buffer, err);
		if (st < 0)
			goto out;
		st = cursor_head(cursor, err);
		if (st < 0)
			goto out;
		if (st == KITH_OK)
			merge->heap[merge->n_heap++] = cursor;
	}
	kith_heap_make(merge->heap, merge->n_heap, cursor_cmp);
	*ret = merge;
	merge = NULL;
	st = KITH_OK;
out:
	kith_merge_close(merge);
	return st;
}

void kith_merge_close(struct kith_merge *merge)
{
	size_t i;

	if (merge == NULL)
		return;
	if (merge->cursors != NULL)
		for (i = 0; i < merge->input->n_runs; i++)
			kith_scratch_in_done(&merge->cursors[i].in);
	free(merge->cursors);
	free(merge->heap);
	free(merge);
}

void kith_merged_done(struct kith_merged *merged)
{
	free(merged->claims);
	free(merged->occs);
	memset(merged, 0, sizeof *merged);
}

static enum kith_status add_claim(struct kith_merged *merged, const struct group_head *head,
				  struct kith_err *err)
{
	struct kith_packed_row row;
	struct kith_claim *claim;

	memcpy(&row, head->claimed, KITH_ROW_CLAIMED);
	if (merged->n_claims == merged->claims_cap) {
		size_t cap = merged->claims_cap == 0 ? 4 : 2 * merged->claims_cap;
		struct kith_claim *claims = realloc(merged->claims, cap * sizeof *claims);

		if (claims == NULL)
			return kith_fail_nomem(err);
		merged->claims = claims;
		merged->claims_cap = cap;
	}
	claim = &merged->claims[merged->n_claims++];
	claim->size_bytes = row.size_bytes;
	claim->has = row.has;
	memcpy(claim->sha1, row.sha1, sizeof claim->sha1);
	memcpy(claim->md5, row.md5, sizeof claim->md5);
	return KITH_OK;
}

/* The rank for a chunk's number, or the highest number when the run is damaged. */
static uint32_t rank_of(uint32_t number, const uint32_t *map, uint64_t n)
{
	number &= KITH_NUMBER_MASK;
	if (map == NULL)
		return number;
	return number < n ? map[number] : UINT32_MAX;
}

/* Takes the group at the cursor: its claim and its occurrences. */
static enum kith_status take_group(struct kith_merge *merge, struct cursor *cursor,
				   struct kith_merged *merged, struct kith_err *err)
{
	const struct kith_chunk_map *map = cursor->map;
	size_t left = cursor->head->n_occs;
	enum kith_status st = add_claim(merged, cursor->head, err);

	if (st < 0)
		return st;
	if (merged->occs_cap - merged->n_occs < left) {
		size_t cap = merged->n_occs + left + merged->n_occs / 2 + 8;
		uint64_t *occs = realloc(merged->occs, cap * sizeof *occs);

		if (occs == NULL)
			return kith_fail_nomem(err);
		merged->occs = occs;
		merged->occs_cap = cap;
	}
	kith_scratch_in_skip(&cursor->in, sizeof(struct group_head));
	while (left > 0) {
		size_t some = left < 1024 ? left : 1024, i;
		const uint8_t *p;

		st = kith_scratch_in_peek(&cursor->in, 8 * some, &p, err);
		if (st != KITH_OK)
			return st < 0 ? st : kith_fail(err, KITH_E_CORRUPT, "a run ends early");
		for (i = 0; i < some; i++) {
			uint32_t occ[2], place;

			memcpy(occ, p + 8 * i, 8);
			if ((occ[0] & KITH_PLACE_DECLARED) != 0)
				place = rank_of(occ[0], merge->input->declared, UINT64_MAX);
			else
				place = rank_of(occ[0], map->places, map->places_n);
			merged->fragment &= (occ[1] & KITH_NAME_FRAGMENT) != 0;
			merged->occs[merged->n_occs++] =
			    kith_occ_make(place, rank_of(occ[1], map->names, map->names_n));
		}
		kith_scratch_in_skip(&cursor->in, 8 * some);
		left -= some;
	}
	return KITH_OK;
}

static int compare_claims(const struct kith_claim *a, const struct kith_claim *b)
{
	int c;

	/* The most complete first, so that the record's own claim says as much as it can. */
	c = __builtin_popcount(b->has) - __builtin_popcount(a->has);
	if (c == 0)
		c = (int)b->has - (int)a->has;
	if (c == 0)
		c = memcmp(a->sha1, b->sha1, sizeof a->sha1);
	if (c == 0)
		c = memcmp(a->md5, b->md5, sizeof a->md5);
	if (c == 0)
		c = a->size_bytes < b->size_bytes ? -1 : a->size_bytes > b->size_bytes;
	return c;
}

/* True when nothing that b says differs from what a says. */
static bool agrees(const struct kith_claim *a, const struct kith_claim *b)
{
	uint8_t both = a->has & b->has;

	return ((both & KITH_REC_HAS_SHA1) == 0 || memcmp(a->sha1, b->sha1, sizeof a->sha1) == 0) &&
	       ((both & KITH_REC_HAS_MD5) == 0 || memcmp(a->md5, b->md5, sizeof a->md5) == 0) &&
	       ((both & KITH_REC_HAS_SIZE) == 0 || a->size_bytes == b->size_bytes);
}

static void take_over(struct kith_claim *a, const struct kith_claim *b)
{
	uint8_t more = b->has & (uint8_t)~a->has;

	if ((more & KITH_REC_HAS_SHA1) != 0)
		memcpy(a->sha1, b->sha1, sizeof a->sha1);
	if ((more & KITH_REC_HAS_MD5) != 0)
		memcpy(a->md5, b->md5, sizeof a->md5);
	if ((more & KITH_REC_HAS_SIZE) != 0)
		a->size_bytes = b->size_bytes;
	a->has |= more;
}

/*
 * Sorts the claims and keeps those that say something else: a claim that agrees with one before it
 * is taken into that one. Usually there is one.
 */
static void settle_claims(struct kith_merged *merged)
{
	size_t i, j, kept = 1;

	if (merged->n_claims < 2)
		return;
	for (i = 1; i < merged->n_claims; i++) {
		struct kith_claim x = merged->claims[i];

		for (j = i; j > 0 && compare_claims(&merged->claims[j - 1], &x) > 0; j--)
			merged->claims[j] = merged->claims[j - 1];
		merged->claims[j] = x;
	}
	for (i = 1; i < merged->n_claims; i++) {
		for (j = 0; j < kept; j++)
			if (agrees(&merged->claims[j], &merged->claims[i]))
				break;
		if (j < kept)
			take_over(&merged->claims[j], &merged->claims[i]);
		else if (kept < KITH_LIMIT_CLAIMS)
			merged->claims[kept++] = merged->claims[i];
		else
			merged->dropped = true;
	}
	merged->n_claims = kept;
}

enum kith_status kith_merge_next(struct kith_merge *merge, struct kith_merged *merged,
				 struct kith_err *err)
{
	struct cursor *cursor;
	size_t settled = 32;
	enum kith_status st;

	if (merge->n_heap == 0)
		return KITH_END;
	merged->n_claims = 0;
	merged->n_occs = 0;
	merged->fragment = true;
	merged->dropped = false;
	cursor = merge->heap[0];
	memcpy(merged->key, cursor->head->claimed, sizeof merged->key);
	for (; merge->n_heap > 0; cursor = merge->heap[0]) {
		if (memcmp(cursor->head->claimed, merged->key, sizeof merged->key) != 0)
			break;
		st = take_group(merge, cursor, merged, err);
		if (st < 0)
			return st;
		st = cursor_head(cursor, err);
		if (st < 0)
			return st;
		kith_heap_next(merge->heap, &merge->n_heap, st == KITH_END, cursor_cmp);
		/* Many runs may repeat one claim: settle now and then, so that it stays short. */
		if (merged->n_claims >= 2 * settled) {
			settle_claims(merged);
			settled = merged->n_claims < 32 ? 32 : merged->n_claims;
		}
	}
	settle_claims(merged);
	merged->n_occs = kith_sort_unique_u64(merged->occs, merged->n_occs);
	return KITH_OK;
}
