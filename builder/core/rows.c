/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "core/heap.h"
#include "core/memory.h"

/* Blocks are small, because each part has one that is not full; slabs are huge pages. */
#define BLOCK_ROWS  46u
#define BLOCK_BYTES ((size_t)4096)
#define SLAB_BYTES  ((size_t)2 << 20)

struct kith_row_block {
	struct kith_row_block *next;
	struct kith_packed_row rows[BLOCK_ROWS];
};

/* A group's head in a run: the row's key and claim, and how many occurrences follow (8 bytes
 * each: place, name). */
struct group_head {
	uint8_t claimed[KITH_ROW_CLAIMED];
	uint32_t n_occs;
	uint32_t zero;
};

_Static_assert(sizeof(struct kith_packed_row) == 88, "rows are written as bytes");
_Static_assert(sizeof(struct kith_row_block) <= BLOCK_BYTES, "see BLOCK_ROWS");
_Static_assert(KITH_ROW_CLAIMED == 80, "a group's head has no holes");

void kith_rowstore_done(struct kith_rowstore *store)
{
	size_t i;

	for (i = 0; i < store->n_slabs; i++)
		free(store->slabs[i]);
	free(store->slabs);
	kith_room_done(&store->pairs);
	memset(store, 0, sizeof *store);
}

static void clear(struct kith_rowstore *store)
{
	memset(store->parts, 0, sizeof store->parts);
	store->n_blocks = 0;
	store->n = store->most = 0;
}

static struct kith_row_block *new_block(struct kith_rowstore *store)
{
	const size_t in_slab = SLAB_BYTES / BLOCK_BYTES;
	size_t slab = store->n_blocks / in_slab;
	struct kith_row_block *block;

	if (slab == store->n_slabs) {
		if (store->n_slabs == store->slabs_cap) {
			size_t cap = store->slabs_cap == 0 ? 64 : 2 * store->slabs_cap;
			void **slabs = realloc(store->slabs, cap * sizeof *slabs);

			if (slabs == NULL)
				return NULL;
			store->slabs = slabs;
			store->slabs_cap = cap;
		}
		store->slabs[slab] = kith_memory_alloc(SLAB_BYTES);
		if (store->slabs[slab] == NULL)
			return NULL;
		store->n_slabs++;
	}
	block = (void *)((uint8_t *)store->slabs[slab] + store->n_blocks % in_slab * BLOCK_BYTES);
	store->n_blocks++;
	block->next = NULL;
	return block;
}

struct kith_packed_row *kith_rowstore_add(struct kith_rowstore *store, uint8_t first)
{
	struct kith_row_part *part = &store->parts[first];
	size_t at = part->n % BLOCK_ROWS;
	struct kith_packed_row *row;

	if (at == 0) {
		struct kith_row_block *block = new_block(store);

		if (block == NULL)
			return NULL;
		*(part->first == NULL ? &part->first : &part->last->next) = block;
		part->last = block;
	}
	row = &part->last->rows[at];
	memset(row, 0, sizeof *row);
	part->n++;
	store->n++;
	if (part->n > store->most)
		store->most = part->n;
	return row;
}

size_t kith_rowstore_memory(const struct kith_rowstore *store)
{
	return store->n_blocks * BLOCK_BYTES + store->most * sizeof(struct kith_pair);
}

/* A pair's value is the address of its row. */
static const struct kith_packed_row *row_of(const struct kith_pair *pair)
{
	return (const struct kith_packed_row *)(uintptr_t)pair->value;
}

static int compare_rows(uint64_t a, uint64_t b, void *user)
{
	(void)user;
	return memcmp((const void *)(uintptr_t)a, (const void *)(uintptr_t)b, KITH_ROW_CLAIMED);
}

static void touch_row(const struct kith_packed_row *row)
{
	__builtin_prefetch(row);
	__builtin_prefetch((const uint8_t *)row + 64);
}

/* Sorts a part by the first 8 bytes of the key only: what is equal there is sorted when it is
 * written. */
static void sort_part(const struct kith_row_part *part, struct kith_pair *pairs)
{
	const struct kith_row_block *block = part->first;
	size_t i;

	for (i = 0; i < part->n; i++) {
		const struct kith_packed_row *row = &block->rows[i % BLOCK_ROWS];

		pairs[i].key = kith_get_be64(row->key);
		pairs[i].value = (uintptr_t)row;
		if (i % BLOCK_ROWS == BLOCK_ROWS - 1)
			block = block->next;
	}
	kith_sort_pairs(pairs, part->n);
}

static uint32_t translate(uint32_t number, const uint32_t *map)
{
	if (map == NULL)
		return number;
	return (number & ~KITH_NUMBER_MASK) | map[number & KITH_NUMBER_MASK];
}

/* A part that is written. Its rows lie anywhere in it, and their names and places anywhere in the
 * maps: what comes next is fetched ahead. */
struct spill {
	struct kith_pair *pairs;
	size_t n;
	const uint32_t *names, *places;
	struct kith_scratch_out out;
	size_t rows_ahead, numbers_ahead; /* fetched so far */
};

#define ROWS_AHEAD    24u
#define NUMBERS_AHEAD 12u

static void look_ahead(struct spill *spill, size_t at)
{
	size_t rows = at + ROWS_AHEAD, numbers = at + NUMBERS_AHEAD;

	for (; spill->rows_ahead < rows && spill->rows_ahead < spill->n; spill->rows_ahead++)
		touch_row(row_of(&spill->pairs[spill->rows_ahead]));
	for (; spill->numbers_ahead < numbers && spill->numbers_ahead < spill->n;
	     spill->numbers_ahead++) {
		const struct kith_packed_row *row = row_of(&spill->pairs[spill->numbers_ahead]);

		if (spill->names != NULL)
			__builtin_prefetch(&spill->names[row->name & KITH_NUMBER_MASK]);
		if (spill->places != NULL && (row->place & KITH_PLACE_DECLARED) == 0)
			__builtin_prefetch(&spill->places[row->place]);
	}
}

/* Writes the rows pairs[from .. to), which have one key and claim. */
static enum kith_status write_group(struct spill *spill, size_t from, size_t to,
				    struct kith_err *err)
{
	struct group_head head;
	enum kith_status st;
	size_t i;

	memcpy(head.claimed, row_of(&spill->pairs[from]), KITH_ROW_CLAIMED);
	head.n_occs = (uint32_t)(to - from);
	head.zero = 0;
	st = kith_scratch_out_add(&spill->out, &head, sizeof head, err);
	for (i = from; st >= 0 && i < to; i++) {
		const struct kith_packed_row *row = row_of(&spill->pairs[i]);
		uint32_t occ[2];

		look_ahead(spill, i);
		occ[0] = (row->place & KITH_PLACE_DECLARED) != 0
			     ? row->place
			     : translate(row->place, spill->places);
		occ[1] = translate(row->name, spill->names);
		st = kith_scratch_out_add(&spill->out, occ, sizeof occ, err);
	}
	return st;
}

/* Writes the rows pairs[from .. to), which are equal in the first 8 bytes of their keys. */
static enum kith_status write_equal(struct spill *spill, size_t from, size_t to,
				    struct kith_err *err)
{
	struct kith_pair *pairs = spill->pairs;
	enum kith_status st = KITH_OK;
	size_t end;

	kith_sort_equal(pairs + from, to - from, compare_rows, NULL);
	for (; st >= 0 && from < to; from = end) {
		for (end = from + 1; end < to && end - from < UINT32_MAX; end++)
			if (compare_rows(pairs[end].value, pairs[from].value, NULL) != 0)
				break;
		st = write_group(spill, from, end, err);
	}
	return st;
}

/* Writes a sorted part; *range is the next of the run's ranges whose beginning is not known. */
static enum kith_status write_part(struct spill *spill, struct kith_run *run, uint32_t *range,
				   struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	size_t from, to;

	spill->rows_ahead = spill->numbers_ahead = 0;
	for (from = 0; st >= 0 && from < spill->n; from = to) {
		uint64_t prefix = spill->pairs[from].key;

		look_ahead(spill, from);
		while (*range <= prefix >> (64 - KITH_RANGE_BITS))
			run->offset[(*range)++] = kith_scratch_out_offset(&spill->out);
		for (to = from + 1; to < spill->n && spill->pairs[to].key == prefix; to++)
			;
		st = write_equal(spill, from, to, err);
	}
	return st;
}

enum kith_status kith_rowstore_spill(struct kith_rowstore *store, struct kith_scratch *scratch,
				     const uint32_t *names, const uint32_t *places,
				     struct kith_run *ret_run, struct kith_err *err)
{
	struct spill spill = {.names = names, .places = places};
	uint32_t range = 0, i;
	enum kith_status st;

	spill.pairs = kith_room_get(&store->pairs, store->most * sizeof *spill.pairs);
	if (spill.pairs == NULL)
		return kith_fail_nomem(err);
	ret_run->reserved = store->n * (sizeof(struct group_head) + 8);
	ret_run->reserved_at = kith_scratch_reserve(scratch, ret_run->reserved);
	st = kith_scratch_out_init(&spill.out, scratch, ret_run->reserved_at, KITH_SCRATCH_BUFFER,
				   err);
	for (i = 0; st >= 0 && i < KITH_ROW_PARTS; i++) {
		sort_part(&store->parts[i], spill.pairs);
		spill.n = store->parts[i].n;
		st = write_part(&spill, ret_run, &range, err);
	}
	if (st < 0)
		goto out;
	while (range <= KITH_RANGES)
		ret_run->offset[range++] = kith_scratch_out_offset(&spill.out);
	st = kith_scratch_out_flush(&spill.out, err);
	clear(store);
out:
	kith_scratch_out_done(&spill.out);
	return st;
}

/* ------------------------------------------------------------------ merge */

#define RANKS_AHEAD 8u /* of a group's occurrences, so many have their ranks fetched ahead */

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

/* Fetches the ranks of the first occurrences: until the group is taken, others are. */
static void touch_ranks(const struct cursor *cursor, const uint8_t *occs)
{
	size_t left = (cursor->in.n - cursor->in.pos - sizeof *cursor->head) / 8, i;

	if (left > cursor->head->n_occs)
		left = cursor->head->n_occs;
	for (i = 0; i < left && i < RANKS_AHEAD; i++) {
		uint32_t occ[2];

		memcpy(occ, occs + 8 * i, 8);
		if (cursor->map->places != NULL && (occ[0] & KITH_PLACE_DECLARED) == 0)
			__builtin_prefetch(&cursor->map->places[occ[0]]);
		if (cursor->map->names != NULL)
			__builtin_prefetch(&cursor->map->names[occ[1] & KITH_NUMBER_MASK]);
	}
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
	touch_ranks(cursor, p + sizeof *cursor->head);
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
	uint64_t prefix;
	enum kith_status st;

	if (merge->n_heap == 0)
		return KITH_END;
	merged->n_claims = 0;
	merged->n_occs = 0;
	merged->fragment = true;
	merged->dropped = false;
	cursor = merge->heap[0];
	prefix = cursor->prefix;
	memcpy(merged->key, cursor->head->claimed, sizeof merged->key);
	for (; merge->n_heap > 0; cursor = merge->heap[0]) {
		if (cursor->prefix != prefix ||
		    memcmp(cursor->head->claimed, merged->key, sizeof merged->key) != 0)
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
