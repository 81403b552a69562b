/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ranks.c: names and places are merged at the same time, in a thread each. Only one of them may
 * write to the set, and the set's text has places first: so the names' blocks go to the scratch
 * file. When both are finished, one thread copies them to the set and one makes their text.
 */
#include "core/ranks.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "core/placekey.h"

/* Gathers the items of a block. */
struct block {
	struct kith_buf bytes, encoded;
	size_t lens[KITH_BLOCK];
	size_t n;
	uint32_t first; /* rank of its first item */
};

static bool block_add(struct block *block, const void *item, size_t n)
{
	block->lens[block->n++] = n;
	return kith_buf_add(&block->bytes, item, n);
}

static bool block_encode(struct block *block)
{
	block->encoded.n = 0;
	return kith_block_encode(&block->encoded, block->lens, block->n, block->bytes.data);
}

static void block_next(struct block *block)
{
	block->first += (uint32_t)block->n;
	block->n = 0;
	block->bytes.n = 0;
}

static void block_done(struct block *block)
{
	kith_buf_done(&block->bytes);
	kith_buf_done(&block->encoded);
}

/* Writes the block to a table of the set. */
static enum kith_status block_write(struct block *block, struct kith_lmdb *db,
				    enum kith_lmdb_table table, struct kith_err *err)
{
	uint8_t key[4];
	enum kith_status st;

	if (block->n == 0)
		return KITH_OK;
	if (!block_encode(block))
		return kith_fail_nomem(err);
	kith_put_be32(key, block->first);
	st = kith_lmdb_append(db, table, key, sizeof key, block->encoded.data, block->encoded.n,
			      err);
	block_next(block);
	return st;
}

/* ------------------------------------------------------------ declarations */

static bool dump_item(struct kith_text *text, enum kith_decl_table kind, uint32_t rank,
		      struct kith_bytes item)
{
	struct kith_source source;
	struct kith_distributor distributor;
	struct kith_product product;

	switch (kind) {
	case KITH_DECL_SOURCE:
		return kith_source_decode(item, &source) == KITH_OK &&
		       kith_dump_source(&text->lines, rank, &source);
	case KITH_DECL_DISTRIBUTOR:
		return kith_distributor_decode(item, &distributor) == KITH_OK &&
		       kith_dump_distributor(&text->lines, rank, &distributor);
	case KITH_DECL_PRODUCT:
		return kith_product_decode(item, &product) == KITH_OK &&
		       kith_dump_product(&text->lines, rank, &product);
	}
	return false;
}

static enum kith_status write_declared(const struct kith_decl *decl, enum kith_decl_table kind,
				       struct kith_lmdb *db, enum kith_lmdb_table table,
				       struct kith_text *text, struct kith_err *err)
{
	uint32_t count = kith_decl_count(decl, kind), rank;
	struct block block = {0};
	enum kith_status st = KITH_OK;

	for (rank = 0; st >= 0 && rank < count; rank++) {
		struct kith_bytes item = kith_decl_item(decl, kind, rank);

		if (!block_add(&block, item.data, item.n) || !dump_item(text, kind, rank, item))
			st = kith_fail_nomem(err);
		kith_text_settle(text);
		if (st >= 0 && block.n == KITH_BLOCK)
			st = block_write(&block, db, table, err);
	}
	if (st >= 0)
		st = block_write(&block, db, table, err);
	block_done(&block);
	return st;
}

/* ------------------------------------------------------------------ places */

struct places {
	struct kith_decl *decl;
	struct kith_lmdb *db;
	struct kith_text *text;
	const uint32_t *sorted; /* declared places in the order of their keys */
	uint32_t n_sorted, next_sorted;
	struct block block;
	uint32_t rank; /* next to be given */
	/* The path of the place that was written last: where each component ends, and its rank. */
	struct kith_buf path;
	size_t ends[KITH_LIMIT_DEPTH + 2];
	uint32_t ranks[KITH_LIMIT_DEPTH + 2];
	size_t depth;
	struct kith_buf name, item;
};

/* Writes one place: path[0 .. ends[depth - 1]], whose parent is the component before. */
static enum kith_status write_place(struct places *places, struct kith_bytes key, size_t from,
				    size_t end, struct kith_err *err)
{
	uint32_t parent = places->depth == 0 ? KITH_NO_PLACE : places->ranks[places->depth - 1];
	struct kith_rank_list refs = {NULL, 0};
	struct kith_bytes whole = {key.data, end}, name, item;
	enum kith_place_kind kind;
	struct kith_place place;
	size_t pos = from;

	if (places->depth >= KITH_LIMIT_DEPTH + 2)
		return kith_fail(err, KITH_E_LIMIT, "a place is more than %d levels deep",
				 KITH_LIMIT_DEPTH);
	if (places->rank >= KITH_NUMBER_MASK)
		return kith_fail(err, KITH_E_LIMIT, "more than 2 147 483 647 places");
	if (places->next_sorted < places->n_sorted) {
		uint32_t declared = places->sorted[places->next_sorted];
		struct kith_bytes other = kith_decl_place_key(places->decl, declared);

		if (kith_bytes_cmp(other.data, other.n, whole.data, whole.n) == 0) {
			refs = kith_decl_place_refs(places->decl, declared);
			places->next_sorted++;
		}
	}
	if (!kith_place_key_next(key, &pos, &kind, &places->name))
		return kith_fail_nomem(err);
	name.data = places->name.data;
	name.n = places->name.n;
	places->item.n = 0;
	if (!kith_place_encode(&places->item, kind, places->rank, parent, &refs, name) ||
	    !block_add(&places->block, places->item.data, places->item.n))
		return kith_fail_nomem(err);
	item.data = places->item.data;
	item.n = places->item.n;
	if (kith_place_decode(item, places->rank, &place) != KITH_OK)
		return kith_fail(err, KITH_E_CORRUPT, "a place cannot be read back");
	if (!kith_dump_place(&places->text->lines, places->rank, &place))
		return kith_fail_nomem(err);
	kith_text_settle(places->text);
	places->ends[places->depth] = end;
	places->ranks[places->depth] = places->rank++;
	places->depth++;
	return places->block.n == KITH_BLOCK
		   ? block_write(&places->block, places->db, KITH_LMDB_PLACE, err)
		   : KITH_OK;
}

/* Keys come in the order of a walk, so what the path before shares with this one is written. */
static enum kith_status emit_place(struct kith_bytes key, void *user, uint32_t *ret_rank,
				   struct kith_err *err)
{
	struct places *places = user;
	size_t from, span;
	enum kith_status st;

	while (places->depth > 0) {
		size_t end = places->ends[places->depth - 1];

		if (end <= key.n && memcmp(places->path.data, key.data, end) == 0)
			break;
		places->depth--;
	}
	from = places->depth == 0 ? 0 : places->ends[places->depth - 1];
	while (from < key.n) {
		span = kith_place_key_span(key, from);
		if (span == 0)
			return kith_fail(err, KITH_E_CORRUPT, "a malformed place");
		st = write_place(places, key, from, from + span, err);
		if (st < 0)
			return st;
		from += span;
	}
	places->path.n = 0;
	if (!kith_buf_add(&places->path, key.data, key.n))
		return kith_fail_nomem(err);
	*ret_rank = places->ranks[places->depth - 1];
	return KITH_OK;
}

/* Writes the declared places' keys as one more run, so that they take part in the merge. */
static enum kith_status spill_declared(struct kith_decl *decl, struct kith_scratch *scratch,
				       struct kith_strings_run *ret_run, uint32_t **ret_order,
				       struct kith_err *err)
{
	uint32_t n = kith_decl_places(decl), i;
	struct kith_bytes *items = malloc(((size_t)n + 1) * sizeof *items);
	uint32_t *order = malloc(((size_t)n + 1) * sizeof *order);
	struct kith_room room = {NULL, 0};
	enum kith_status st;

	if (items == NULL || order == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	for (i = 0; i < n; i++)
		items[i] = kith_decl_place_key(decl, i);
	st = kith_strings_spill(items, n, scratch, &room, ret_run, order, err);
	kith_room_done(&room);
	if (st < 0)
		goto out;
	*ret_order = order;
	order = NULL;
out:
	free(items);
	free(order);
	return st;
}

/* Sources and their trees are both in the order of ids. */
static enum kith_status find_roots(const struct kith_decl *decl, struct kith_ranks *ranks,
				   struct kith_err *err)
{
	uint32_t n_declared = kith_decl_places(decl), i;

	ranks->n_sources = kith_decl_sources(decl);
	ranks->roots = calloc((size_t)ranks->n_sources + 1, sizeof *ranks->roots);
	if (ranks->roots == NULL)
		return kith_fail_nomem(err);
	for (i = 0; i < n_declared; i++) {
		struct kith_bytes key = kith_decl_place_key(decl, i);

		if (kith_place_key_span(key, 0) == key.n)
			ranks->roots[kith_decl_place_refs(decl, i).items[0]] = ranks->declared[i];
	}
	return KITH_OK;
}

static enum kith_status write_places(struct kith_chunks *chunks, struct kith_decl *decl,
				     size_t memory, struct kith_lmdb *db, struct kith_text *text,
				     struct kith_ranks *ranks, struct kith_err *err)
{
	size_t n = chunks->n + 1, i;
	uint32_t n_declared = kith_decl_places(decl), *order = NULL, *sorted = NULL;
	struct kith_strings_run *runs = calloc(n, sizeof *runs);
	const uint32_t **maps = calloc(n, sizeof *maps);
	struct places *places = calloc(1, sizeof *places);
	enum kith_status st;

	sorted = malloc(((size_t)n_declared + 1) * sizeof *sorted);
	ranks->declared = calloc((size_t)n_declared + 1, sizeof *ranks->declared);
	if (runs == NULL || maps == NULL || places == NULL || sorted == NULL ||
	    ranks->declared == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	for (i = 0; i + 1 < n; i++)
		runs[i] = chunks->items[i]->places;
	st = spill_declared(decl, chunks->scratch, &runs[n - 1], &order, err);
	if (st < 0)
		goto out;
	assert(order != NULL);
	for (i = 0; i < n_declared; i++)
		sorted[order[i]] = (uint32_t)i;
	places->decl = decl;
	places->db = db;
	places->text = text;
	places->sorted = sorted;
	places->n_sorted = n_declared;
	st = kith_strings_merge(runs, n, chunks->scratch, memory, emit_place, places, maps, err);
	for (i = 0; i + 1 < n; i++) {
		ranks->chunks[i].places = maps[i];
		ranks->chunks[i].places_n = runs[i].n;
	}
	if (st >= 0)
		st = block_write(&places->block, db, KITH_LMDB_PLACE, err);
	for (i = 0; st >= 0 && i < n_declared; i++)
		ranks->declared[i] = maps[n - 1][order[i]];
	kith_scratch_unmap(maps[n - 1], 4 * runs[n - 1].n);
	ranks->places = places->rank;
	st = st < 0 ? st : find_roots(decl, ranks, err);
out:
	if (places != NULL) {
		block_done(&places->block);
		kith_buf_done(&places->path);
		kith_buf_done(&places->name);
		kith_buf_done(&places->item);
	}
	free(places);
	free(runs);
	free(maps);
	free(order);
	free(sorted);
	return st;
}

/* ------------------------------------------------------------------- names */

struct names {
	struct kith_chunks *chunks;
	struct kith_ranks *ranks;
	size_t memory;
	struct block block;
	struct kith_scratch_out out; /* blocks: length (4 bytes), bytes */
	uint64_t out_at, out_size;
	uint64_t n;
	enum kith_status st; /* of the thread */
	struct kith_err err;
};

static enum kith_status names_block(struct names *names, struct kith_err *err)
{
	uint32_t n;
	enum kith_status st;

	if (names->block.n == 0)
		return KITH_OK;
	if (!block_encode(&names->block))
		return kith_fail_nomem(err);
	n = (uint32_t)names->block.encoded.n;
	st = kith_scratch_out_add(&names->out, &n, sizeof n, err);
	if (st >= 0)
		st = kith_scratch_out_add(&names->out, names->block.encoded.data, n, err);
	block_next(&names->block);
	return st;
}

static enum kith_status emit_name(struct kith_bytes name, void *user, uint32_t *ret_rank,
				  struct kith_err *err)
{
	struct names *names = user;

	if (names->n >= KITH_NUMBER_MASK)
		return kith_fail(err, KITH_E_LIMIT, "more than 2 147 483 647 names");
	*ret_rank = (uint32_t)names->n++;
	if (!block_add(&names->block, name.data, name.n))
		return kith_fail_nomem(err);
	return names->block.n == KITH_BLOCK ? names_block(names, err) : KITH_OK;
}

static enum kith_status merge_names(struct names *names, struct kith_err *err)
{
	size_t n = names->chunks->n, i;
	struct kith_strings_run *runs = calloc(n + 1, sizeof *runs);
	const uint32_t **maps = calloc(n + 1, sizeof *maps);
	uint64_t room = 4096;
	enum kith_status st;

	if (runs == NULL || maps == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	for (i = 0; i < n; i++) {
		runs[i] = names->chunks->items[i]->names;
		/* A string needs 4 bytes of head in a run; less in a block. */
		room += runs[i].end - runs[i].at + runs[i].n;
	}
	names->out_at = kith_scratch_reserve(names->chunks->scratch, room);
	names->out_size = room;
	st = kith_scratch_out_init(&names->out, names->chunks->scratch, names->out_at,
				   KITH_SCRATCH_BUFFER, err);
	if (st < 0)
		goto out;
	st = kith_strings_merge(runs, n, names->chunks->scratch, names->memory, emit_name, names,
				maps, err);
	for (i = 0; i < n; i++) {
		names->ranks->chunks[i].names = maps[i];
		names->ranks->chunks[i].names_n = runs[i].n;
	}
	if (st >= 0)
		st = names_block(names, err);
	if (st >= 0)
		st = kith_scratch_out_flush(&names->out, err);
out:
	free(runs);
	free(maps);
	return st;
}

static void *names_thread(void *arg)
{
	struct names *names = arg;

	names->st = merge_names(names, &names->err);
	return NULL;
}

/* Calls `take` for each block in the scratch file: its first rank, its items, its bytes. */
typedef enum kith_status (*take_block)(void *user, uint32_t rank, size_t items,
				       struct kith_bytes block, struct kith_err *err);

static enum kith_status each_block(const struct names *names, take_block take, void *user,
				   struct kith_err *err)
{
	struct kith_scratch_in in = {0};
	uint64_t rank = 0;
	enum kith_status st;

	st = kith_scratch_in_init(&in, names->chunks->scratch, names->out_at,
				  kith_scratch_out_offset(&names->out), KITH_SCRATCH_BUFFER, err);
	while (st >= 0) {
		size_t items =
		    names->n - rank < KITH_BLOCK ? (size_t)(names->n - rank) : KITH_BLOCK;
		const uint8_t *p;
		uint32_t n;

		st = kith_scratch_in_peek(&in, sizeof n, &p, err);
		if (st != KITH_OK)
			break;
		memcpy(&n, p, sizeof n);
		st = kith_scratch_in_peek(&in, sizeof n + n, &p, err);
		if (st < 0)
			break;
		st = take(user, (uint32_t)rank, items, (struct kith_bytes){p + sizeof n, n}, err);
		kith_scratch_in_skip(&in, sizeof n + n);
		rank += items;
	}
	kith_scratch_in_done(&in);
	return st < 0 ? st : KITH_OK;
}

static enum kith_status append_names(void *db, uint32_t rank, size_t items, struct kith_bytes block,
				     struct kith_err *err)
{
	uint8_t key[4];

	(void)items;
	kith_put_be32(key, rank);
	return kith_lmdb_append(db, KITH_LMDB_NAME, key, sizeof key, block.data, block.n, err);
}

static enum kith_status dump_names(void *user, uint32_t rank, size_t items, struct kith_bytes block,
				   struct kith_err *err)
{
	struct kith_text *text = user;
	size_t i;

	for (i = 0; i < items; i++) {
		struct kith_bytes name;
		enum kith_status st =
		    kith_block_item(block.data, block.data + block.n, items, i, &name, NULL);

		if (st < 0)
			return st;
		if (!kith_dump_name(&text->lines, rank + (uint32_t)i, name))
			return kith_fail_nomem(err);
	}
	kith_text_settle(text);
	return KITH_OK;
}

struct names_text {
	const struct names *names;
	struct kith_text *text;
	enum kith_status st;
	struct kith_err err;
};

static void *names_text_thread(void *arg)
{
	struct names_text *job = arg;

	job->st = each_block(job->names, dump_names, job->text, &job->err);
	return NULL;
}

/* Copies the blocks to the set and its text. */
static enum kith_status write_names(struct names *names, struct kith_lmdb *db,
				    struct kith_text *text, struct kith_err *err)
{
	struct names_text job = {.names = names, .text = text};
	pthread_t thread;
	bool started = pthread_create(&thread, NULL, names_text_thread, &job) == 0;
	enum kith_status st = each_block(names, append_names, db, err);

	if (started)
		(void)pthread_join(thread, NULL);
	else
		(void)names_text_thread(&job);
	if (st >= 0 && job.st < 0) {
		st = job.st;
		if (err != NULL)
			*err = job.err;
	}
	kith_scratch_drop(names->chunks->scratch, names->out_at, names->out_size);
	return st;
}

enum kith_status kith_ranks_write(struct kith_chunks *chunks, struct kith_decl *decl, size_t memory,
				  struct kith_lmdb *db, struct kith_text *text,
				  struct kith_ranks *ret, struct kith_err *err)
{
	struct names names = {0};
	bool started = false;
	pthread_t thread;
	enum kith_status st;

	memset(ret, 0, sizeof *ret);
	ret->n_chunks = chunks->n;
	ret->chunks = calloc(chunks->n + 1, sizeof *ret->chunks);
	if (ret->chunks == NULL)
		return kith_fail_nomem(err);
	names.chunks = chunks;
	names.ranks = ret;
	names.memory = memory / 2;
	started = pthread_create(&thread, NULL, names_thread, &names) == 0;
	st = write_declared(decl, KITH_DECL_SOURCE, db, KITH_LMDB_SOURCE, text, err);
	if (st >= 0)
		st = write_declared(decl, KITH_DECL_DISTRIBUTOR, db, KITH_LMDB_DISTRIBUTOR, text,
				    err);
	if (st >= 0)
		st = write_declared(decl, KITH_DECL_PRODUCT, db, KITH_LMDB_PRODUCT, text, err);
	if (st >= 0)
		st = write_places(chunks, decl, memory / 2, db, text, ret, err);
	if (started)
		(void)pthread_join(thread, NULL);
	else
		(void)names_thread(&names);
	if (st >= 0 && names.st < 0) {
		st = names.st;
		if (err != NULL)
			*err = names.err;
	}
	if (st >= 0)
		st = write_names(&names, db, text, err);
	ret->names = names.n;
	kith_scratch_out_done(&names.out);
	block_done(&names.block);
	return st;
}

void kith_ranks_done(struct kith_ranks *ranks)
{
	size_t i;

	for (i = 0; ranks->chunks != NULL && i < ranks->n_chunks; i++) {
		kith_scratch_unmap(ranks->chunks[i].names, 4 * ranks->chunks[i].names_n);
		kith_scratch_unmap(ranks->chunks[i].places, 4 * ranks->chunks[i].places_n);
	}
	free(ranks->chunks);
	free(ranks->declared);
	free(ranks->roots);
	memset(ranks, 0, sizeof *ranks);
}
