/* SPDX-License-Identifier: Apache-2.0 */
#include "core/collector.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "core/classify.h"
#include "core/decl.h"
#include "core/memory.h"

/* Rows whose names are looked up together, so that memory can be fetched ahead. */
#define STAGED 32

struct staged {
	struct kith_packed_row *row; /* in its store; only the name's number is missing */
	size_t name_at, name_n;      /* in staged_names */
	uint32_t hash;
};

struct kith_collector {
	struct kith_chunks *chunks;
	struct kith_dict names;
	struct kith_dict places; /* declared place (4 bytes, big-endian), then what is below it */
	struct kith_rowstore stores[2];
	struct kith_ledger *ledger;
	struct staged staged[STAGED];
	size_t n_staged;
	struct kith_buf staged_names;
	/* The place of the row before, as in `places`: most rows have the same. */
	struct kith_buf last_key;
	uint32_t last_place;
	bool has_last;
	/* Working space of a spill. */
	struct kith_room items, pairs, names_order, places_order;
	struct kith_buf place_keys;
};

enum kith_status kith_collector_new(struct kith_chunks *chunks,
				    struct kith_collector **ret_collector, struct kith_err *err)
{
	struct kith_collector *collector = calloc(1, sizeof *collector);

	if (collector == NULL)
		return kith_fail_nomem(err);
	collector->chunks = chunks;
	collector->ledger = kith_ledger_new();
	if (collector->ledger == NULL) {
		kith_collector_free(collector);
		return kith_fail_nomem(err);
	}
	*ret_collector = collector;
	return KITH_OK;
}

void kith_collector_free(struct kith_collector *collector)
{
	if (collector == NULL)
		return;
	kith_dict_done(&collector->names);
	kith_dict_done(&collector->places);
	kith_rowstore_done(&collector->stores[0]);
	kith_rowstore_done(&collector->stores[1]);
	kith_buf_done(&collector->staged_names);
	kith_buf_done(&collector->last_key);
	kith_room_done(&collector->items);
	kith_room_done(&collector->pairs);
	kith_room_done(&collector->names_order);
	kith_room_done(&collector->places_order);
	kith_buf_done(&collector->place_keys);
	kith_ledger_free(collector->ledger);
	free(collector);
}

struct kith_ledger *kith_collector_ledger(struct kith_collector *collector)
{
	return collector->ledger;
}

/* ------------------------------------------------------------------- spill */

/* The whole keys of the places, one behind the other in place_keys. */
static bool make_place_keys(struct kith_collector *collector, struct kith_bytes *items)
{
	const struct kith_dict *dict = &collector->places;
	struct kith_buf *keys = &collector->place_keys;
	size_t i, sum = 0;

	for (i = 0; i < dict->n; i++) {
		struct kith_bytes tail = kith_dict_get(dict, (uint32_t)i);

		sum += kith_decl_place_key(collector->chunks->decl, kith_get_be32(tail.data)).n;
		sum += tail.n - 4;
	}
	keys->n = 0;
	if (kith_buf_room(keys, sum) == NULL) /* from here on nothing moves */
		return false;
	for (i = 0; i < dict->n; i++) {
		struct kith_bytes tail = kith_dict_get(dict, (uint32_t)i);
		struct kith_bytes head =
		    kith_decl_place_key(collector->chunks->decl, kith_get_be32(tail.data));

		items[i].data = keys->data + keys->n;
		items[i].n = head.n + tail.n - 4;
		(void)kith_buf_add(keys, head.data, head.n);
		(void)kith_buf_add(keys, tail.data + 4, tail.n - 4);
	}
	return true;
}

/* Writes a dictionary's strings as a sorted run; *ret_order is kept in `order`. */
static enum kith_status spill_dict(struct kith_collector *collector, const struct kith_dict *dict,
				   struct kith_room *order, struct kith_strings_run *ret_run,
				   uint32_t **ret_order, struct kith_err *err)
{
	struct kith_bytes *items = kith_room_get(&collector->items, (dict->n + 1) * sizeof *items);
	size_t i;

	*ret_order = kith_room_get(order, (dict->n + 1) * sizeof **ret_order);
	if (items == NULL || *ret_order == NULL)
		return kith_fail_nomem(err);
	if (dict == &collector->places) {
		if (!make_place_keys(collector, items))
			return kith_fail_nomem(err);
	} else {
		for (i = 0; i < dict->n; i++)
			items[i] = kith_dict_get(dict, (uint32_t)i);
	}
	return kith_strings_spill(items, dict->n, collector->chunks->scratch, &collector->pairs,
				  ret_run, *ret_order, err);
}

static enum kith_status add_chunk(struct kith_chunks *chunks, struct kith_chunk *chunk,
				  struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	(void)pthread_mutex_lock(&chunks->lock);
	if (chunks->n == chunks->cap) {
		size_t cap = chunks->cap == 0 ? 16 : 2 * chunks->cap;
		struct kith_chunk **items = realloc(chunks->items, cap * sizeof *items);

		if (items == NULL) {
			st = kith_fail_nomem(err);
			goto out;
		}
		chunks->items = items;
		chunks->cap = cap;
	}
	/* Which number a chunk gets depends on the threads; nothing of it reaches the set. */
	chunk->runs[0].chunk = chunk->runs[1].chunk = (uint32_t)chunks->n;
	chunks->items[chunks->n++] = chunk;
out:
	(void)pthread_mutex_unlock(&chunks->lock);
	return st;
}

/* Gives the staged rows the numbers of their names. */
static enum kith_status settle_staged(struct kith_collector *collector, struct kith_err *err)
{
	struct kith_dict *names = &collector->names;
	const uint8_t *bytes = collector->staged_names.data;
	size_t n = collector->n_staged, i;
	bool is_new;

	if (n == 0)
		return KITH_OK;
	if (!kith_dict_reserve(names, n))
		return kith_fail_nomem(err);
	for (i = 0; i < n; i++) {
		struct staged *staged = &collector->staged[i];

		staged->hash = kith_dict_hash(names, bytes + staged->name_at, staged->name_n);
		kith_dict_touch_slot(names, staged->hash);
	}
	for (i = 0; i < n; i++)
		kith_dict_touch_entry(names, collector->staged[i].hash);
	for (i = 0; i < n; i++) {
		struct staged *staged = &collector->staged[i];
		const uint8_t *name = bytes + staged->name_at;
		struct kith_dict_entry *entry =
		    kith_dict_add_hashed(names, staged->hash, name, staged->name_n, &is_new);

		if (entry == NULL)
			return kith_fail_nomem(err);
		if (is_new)
			entry->mark = kith_name_is_fragment(name, staged->name_n);
		staged->row->name = entry->number | (entry->mark != 0 ? KITH_NAME_FRAGMENT : 0);
	}
	collector->n_staged = 0;
	collector->staged_names.n = 0;
	return KITH_OK;
}

static enum kith_status spill(struct kith_collector *collector, struct kith_err *err)
{
	uint32_t *names = NULL, *places = NULL;
	struct kith_chunk *chunk;
	enum kith_status st;
	int table;

	if (collector->stores[0].n + collector->stores[1].n == 0)
		return KITH_OK;
	st = settle_staged(collector, err);
	if (st < 0)
		return st;
	chunk = calloc(1, sizeof *chunk);
	if (chunk == NULL)
		return kith_fail_nomem(err);
	st = spill_dict(collector, &collector->names, &collector->names_order, &chunk->names,
			&names, err);
	if (st < 0)
		goto out;
	st = spill_dict(collector, &collector->places, &collector->places_order, &chunk->places,
			&places, err);
	if (st < 0)
		goto out;
	for (table = 0; table < 2; table++) {
		chunk->n_rows[table] = collector->stores[table].n;
		st = kith_rowstore_spill(&collector->stores[table], collector->chunks->scratch,
					 names, places, &chunk->runs[table], err);
		if (st < 0)
			goto out;
		atomic_fetch_add(&collector->chunks->rows, chunk->n_rows[table]);
	}
	kith_dict_clear(&collector->names);
	kith_dict_clear(&collector->places);
	collector->has_last = false;
	st = add_chunk(collector->chunks, chunk, err);
	if (st >= 0)
		chunk = NULL;
out:
	free(chunk);
	return st;
}

enum kith_status kith_collector_finish(struct kith_collector *collector, struct kith_err *err)
{
	enum kith_status st = spill(collector, err);

	/* The merge needs this memory now. */
	kith_dict_done(&collector->names);
	kith_dict_done(&collector->places);
	kith_rowstore_done(&collector->stores[0]);
	kith_rowstore_done(&collector->stores[1]);
	return st;
}

/* -------------------------------------------------------------------- rows */

static bool is_full(const struct kith_collector *collector)
{
	return kith_rowstore_memory(&collector->stores[0]) +
		   kith_rowstore_memory(&collector->stores[1]) +
		   kith_dict_memory(&collector->names) + kith_dict_memory(&collector->places) >=
	       collector->chunks->memory;
}

/* The number of the row's place: declared, or of this chunk. */
static enum kith_status find_place(struct kith_collector *collector, const struct kith_row *row,
				   uint32_t *ret, struct kith_err *err)
{
	struct kith_buf *last = &collector->last_key;
	uint8_t head[4];
	bool is_new;

	if (row->below_n == 0) {
		*ret = row->place | KITH_PLACE_DECLARED;
		return KITH_OK;
	}
	kith_put_be32(head, row->place);
	if (!collector->has_last || last->n != sizeof head + row->below_n ||
	    memcmp(last->data, head, sizeof head) != 0 ||
	    memcmp(last->data + sizeof head, row->below, row->below_n) != 0) {
		collector->has_last = false;
		last->n = 0;
		if (!kith_buf_add(last, head, sizeof head) ||
		    !kith_buf_add(last, row->below, row->below_n) ||
		    !kith_dict_add(&collector->places, last->data, last->n, &collector->last_place,
				   &is_new))
			return kith_fail_nomem(err);
		collector->has_last = true;
	}
	*ret = collector->last_place;
	return KITH_OK;
}

enum kith_status kith_collect(struct kith_collector *collector, const struct kith_row *row,
			      struct kith_err *err)
{
	struct kith_packed_row *packed;
	struct staged *staged;
	enum kith_status st;
	uint32_t place = 0;

	if (row->name_n > KITH_LIMIT_NAME)
		return kith_fail(err, KITH_E_LIMIT, "a name of %zu bytes", row->name_n);
	if (collector->n_staged == STAGED) {
		st = is_full(collector) ? spill(collector, err) : settle_staged(collector, err);
		if (st < 0)
			return st;
	}
	st = find_place(collector, row, &place, err);
	if (st < 0)
		return st;
	staged = &collector->staged[collector->n_staged];
	staged->name_at = collector->staged_names.n;
	staged->name_n = row->name_n;
	if (!kith_buf_add(&collector->staged_names, row->name, row->name_n))
		return kith_fail_nomem(err);
	packed = kith_rowstore_add(&collector->stores[row->table], row->key[0]);
	if (packed == NULL)
		return kith_fail_nomem(err);
	memcpy(packed->key, row->key,
	       row->table == KITH_TABLE_FILE ? KITH_SHA256_SIZE : KITH_SHA1_SIZE);
	packed->has = row->claim.has;
	if ((row->claim.has & KITH_REC_HAS_SHA1) != 0)
		memcpy(packed->sha1, row->claim.sha1, sizeof packed->sha1);
	if ((row->claim.has & KITH_REC_HAS_MD5) != 0)
		memcpy(packed->md5, row->claim.md5, sizeof packed->md5);
	if ((row->claim.has & KITH_REC_HAS_SIZE) != 0)
		packed->size_bytes = row->claim.size_bytes;
	packed->place = place;
	staged->row = packed;
	collector->n_staged++;
	return KITH_OK;
}

enum kith_status kith_collect_progress(struct kith_collector *collector, uint64_t more_units,
				       struct kith_err *err)
{
	atomic_fetch_add_explicit(&collector->chunks->units, more_units, memory_order_relaxed);
	if (atomic_load_explicit(&collector->chunks->cancelled, memory_order_relaxed) != 0)
		return kith_fail(err, KITH_E_CANCELLED, "stopped");
	return KITH_OK;
}
