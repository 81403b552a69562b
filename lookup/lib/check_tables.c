/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_tables.c: the part of kith_reader_check() that reads the anchor, the tables whose key is a
 * rank, and the ledger; see docs/FORMAT.md, sections 5 to 8.2.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/record.h"
#include "lib/check.h"

/* An ancestor of the place at hand, or this place itself. */
struct level {
	uint32_t rank;
	bool has_child;
	enum kith_place_kind child_kind; /* of the child that came last */
	struct kith_bytes child_name;
};

/* The item that came before, and what it takes to check the next. */
struct items {
	struct kith_check *check;
	enum kith_db_table table;
	bool started;
	struct kith_bytes name, version, whole; /* what the table is sorted by */
	size_t depth;                           /* levels in use; level 0 is above the roots */
	struct level levels[KITH_LIMIT_DEPTH + 3];
};

static enum kith_status fail_item(const struct items *items, uint32_t rank, const char *what)
{
	return kith_fail(items->check->err, KITH_E_CORRUPT, "%s %lu: %s",
			 kith_db_table_name(items->table), (unsigned long)rank, what);
}

/* Texts are sorted, each once. */
static bool check_texts(struct kith_list list)
{
	struct kith_bytes before = {NULL, 0}, text;
	bool started = false;
	enum kith_status st;

	while ((st = kith_list_text(&list, &text)) == KITH_OK) {
		if (started && kith_bytes_cmp(before.data, before.n, text.data, text.n) >= 0)
			return false;
		before = text;
		started = true;
	}
	return st == KITH_END;
}

/* Ranks are below `count`, sorted, each once. */
static bool check_ranks(struct kith_list list, uint64_t count)
{
	uint64_t least = 0;
	uint32_t rank;
	enum kith_status st;

	while ((st = kith_list_rank(&list, &rank)) == KITH_OK) {
		if (rank < least || rank >= count)
			return false;
		least = (uint64_t)rank + 1;
	}
	return st == KITH_END;
}

/* Items ascend by name, version (empty where there is none) and their own bytes, each once. */
static bool check_order(struct items *items, struct kith_bytes name, struct kith_bytes version,
			struct kith_bytes whole)
{
	int c = -1;

	if (items->started)
		c = kith_bytes_cmp(items->name.data, items->name.n, name.data, name.n);
	if (c == 0)
		c = kith_bytes_cmp(items->version.data, items->version.n, version.data, version.n);
	if (c == 0)
		c = kith_bytes_cmp(items->whole.data, items->whole.n, whole.data, whole.n);
	items->name = name;
	items->version = version;
	items->whole = whole;
	return c < 0;
}

static bool check_product(struct items *items, struct kith_bytes item)
{
	uint64_t distributors = items->check->reader->set->info.distributors;
	struct kith_product product;

	return kith_product_decode(item, &product) == KITH_OK &&
	       check_ranks(product.distributors, distributors) && check_texts(product.systems) &&
	       check_texts(product.languages) && check_texts(product.types) &&
	       check_texts(product.links) &&
	       check_order(items, product.name, product.version, item);
}

/*
 * The table is a walk of the tree: a place's parent is the place before or one of its ancestors,
 * and children of one parent ascend by kind and name.
 */
static enum kith_status check_place(struct items *items, uint32_t rank, struct kith_bytes item)
{
	const struct kith_set_info *info = &items->check->reader->set->info;
	struct kith_place place;
	struct level *parent;

	if (kith_place_decode(item, rank, &place) < 0)
		return fail_item(items, rank, "is damaged");
	if (!check_ranks(place.refs, place.kind == KITH_PLACE_SOURCE    ? info->sources
				     : place.kind == KITH_PLACE_PRODUCT ? info->products
									: 0))
		return fail_item(items, rank, "names what is not there");
	while (items->depth > 1 && items->levels[items->depth - 1].rank != place.parent)
		items->depth--;
	parent = &items->levels[items->depth - 1];
	if (items->depth == 1 && place.parent != KITH_NO_PLACE)
		return fail_item(items, rank, "does not stand below its parent");
	if (parent->has_child && (parent->child_kind > place.kind ||
				  (parent->child_kind == place.kind &&
				   kith_bytes_cmp(parent->child_name.data, parent->child_name.n,
						  place.name.data, place.name.n) >= 0)))
		return fail_item(items, rank, "is not in order");
	parent->has_child = true;
	parent->child_kind = place.kind;
	parent->child_name = place.name;
	if (items->depth == sizeof items->levels / sizeof items->levels[0])
		return fail_item(items, rank, "is nested too deeply");
	items->levels[items->depth].rank = rank;
	items->levels[items->depth].has_child = false;
	items->depth++;
	return KITH_OK;
}

static enum kith_status check_item(struct items *items, uint32_t rank, struct kith_bytes item)
{
	static const struct kith_bytes none = {NULL, 0};
	struct kith_distributor distributor;
	struct kith_source source;
	bool good = false;

	switch (items->table) {
	case KITH_DB_PLACE: return check_place(items, rank, item);
	case KITH_DB_NAME: good = check_order(items, item, none, none); break;
	case KITH_DB_PRODUCT: good = check_product(items, item); break;
	case KITH_DB_DISTRIBUTOR:
		good = kith_distributor_decode(item, &distributor) == KITH_OK &&
		       check_order(items, distributor.name, none, item);
		break;
	case KITH_DB_SOURCE:
		good = kith_source_decode(item, &source) == KITH_OK &&
		       check_order(items, source.id, none, none);
		break;
	case KITH_DB_META:
	case KITH_DB_FILE:
	case KITH_DB_SHA1_ONLY:
	case KITH_DB_LEDGER:
	case KITH_DB_INDEX: break;
	}
	items->started = true;
	return good ? KITH_OK : fail_item(items, rank, "is damaged or not in order");
}

static enum kith_status check_block(struct items *items, const struct kith_check_walk *walk,
				    const struct kith_offsets *offsets)
{
	const struct kith_set *set = items->check->reader->set;
	const uint8_t *end = walk->value.data + walk->value.n, *after = NULL;
	uint64_t first = walk->row * KITH_BLOCK, count = kith_set_count(set, items->table), n, i;
	enum kith_status st = KITH_OK;

	if (first >= count || walk->key.n != 4 || kith_get_be32(walk->key.data) != first)
		return fail_item(items, (uint32_t)first, "its block has the wrong key");
	n = count - first < KITH_BLOCK ? count - first : KITH_BLOCK;
	for (i = 0; i < n && st == KITH_OK; i++) {
		struct kith_bytes item;
		uint32_t rank = (uint32_t)(first + i);

		if (kith_block_item(walk->value.data, end, (size_t)n, (size_t)i, &item, &after) < 0)
			return fail_item(items, rank, "its block is damaged");
		st = check_item(items, rank, item);
	}
	if (st != KITH_OK)
		return st;
	if (after != end)
		return fail_item(items, (uint32_t)first, "its block has bytes behind its items");
	if (offsets != NULL && offsets->n == 0 && items->check->indexed)
		return fail_item(items, (uint32_t)first,
				 "the direct index does not have its block");
	if (offsets != NULL && offsets->n > 0 &&
	    (walk->row >= offsets->n || kith_get_le64(offsets->data + walk->row * 8) !=
					    (uint64_t)(walk->value.data - set->db.base)))
		return fail_item(items, (uint32_t)first, "the direct index has another offset");
	return KITH_OK;
}

static enum kith_status check_items(struct kith_check *check, enum kith_db_table table,
				    const struct kith_offsets *offsets)
{
	uint64_t count = kith_set_count(check->reader->set, table), seen = 0;
	struct kith_check_walk walk = {.table = table};
	struct items items = {.check = check, .table = table, .depth = 1};
	enum kith_status st;

	items.levels[0].rank = KITH_NO_PLACE;
	while ((st = kith_check_walk_next(check, &walk)) == KITH_OK) {
		st = check_block(&items, &walk, offsets);
		if (st < 0)
			goto out;
		seen += KITH_BLOCK;
		if (table == KITH_DB_NAME || table == KITH_DB_PLACE)
			st = kith_check_tick(check, KITH_BLOCK);
		if (st < 0)
			goto out;
	}
	if (st < 0)
		goto out;
	st = KITH_OK;
	if (seen < count)
		st = kith_fail(check->err, KITH_E_CORRUPT, "table '%s' ends early",
			       kith_db_table_name(table));
out:
	kith_check_walk_done(&walk);
	return st;
}

static enum kith_status check_ledger(struct kith_check *check)
{
	struct kith_check_walk walk = {.table = KITH_DB_LEDGER};
	struct kith_ledger_entry entry, before = {0};
	uint32_t number = 0;
	enum kith_status st;

	while ((st = kith_check_walk_next(check, &walk)) == KITH_OK) {
		bool same;

		st = kith_ledger_decode(walk.key.data, walk.key.n, walk.value.data, walk.value.n,
					&entry);
		same = st == KITH_OK && walk.row > 0 && entry.source == before.source;
		number = same ? number + 1 : 0;
		if (st != KITH_OK || entry.source >= check->reader->set->info.sources ||
		    kith_get_be32(walk.key.data + 4) != number ||
		    (same && (entry.class_ < before.class_ ||
			      (entry.class_ == before.class_ &&
			       kith_bytes_cmp(before.reason.data, before.reason.n,
					      entry.reason.data, entry.reason.n) >= 0)))) {
			st = kith_fail(check->err, KITH_E_CORRUPT,
				       "table 'ledger', row %llu: is damaged or not in order",
				       (unsigned long long)walk.row);
			goto out;
		}
		before = entry;
	}
	st = st == KITH_END ? KITH_OK : st;
out:
	kith_check_walk_done(&walk);
	return st;
}

/* The rows of meta, and what the anchor says about the direct index. */
static enum kith_status check_meta(struct kith_check *check)
{
	const struct kith_set *set = check->reader->set;
	struct kith_check_walk walk = {.table = KITH_DB_META};
	struct kith_bytes anchor;
	enum kith_status st;

	do {
		st = kith_check_walk_next(check, &walk);
	} while (st == KITH_OK);
	kith_check_walk_done(&walk);
	if (st < 0)
		return st;
	if (kith_db_get(&set->db, check->reader->txn, KITH_DB_META, "anchor", 6, &anchor) !=
		KITH_OK ||
	    anchor.n != KITH_ANCHOR_SIZE || memcmp(anchor.data, KITH_ANCHOR_MAGIC, 8) != 0 ||
	    memcmp(anchor.data + 16, set->info.id, 16) != 0)
		return kith_fail(check->err, KITH_E_CORRUPT, "its anchor is missing or damaged");
	/* Another offset: the file was rewritten page by page, and its direct index is not used.
	 * This offset: then the index should have been found good. */
	if (!set->info.direct &&
	    kith_get_le64(anchor.data + 8) == (uint64_t)(anchor.data - set->db.base))
		return kith_fail(check->err, KITH_E_CORRUPT,
				 "its direct index does not lead to its files");
	return KITH_OK;
}

enum kith_status kith_check_tables(struct kith_check *check)
{
	const struct kith_set *set = check->reader->set;
	const struct {
		enum kith_db_table table;
		const struct kith_offsets *offsets; /* NULL: the direct index has none for it */
	} tables[] = {
	    {KITH_DB_SOURCE, NULL},        {KITH_DB_DISTRIBUTOR, NULL}, {KITH_DB_PRODUCT, NULL},
	    {KITH_DB_PLACE, &set->places}, {KITH_DB_NAME, &set->names},
	};
	size_t i;
	enum kith_status st;

	st = check_meta(check);
	if (st < 0)
		return st;
	for (i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		st = check_items(check, tables[i].table, tables[i].offsets);
		if (st < 0)
			return st;
	}
	return check_ledger(check);
}
