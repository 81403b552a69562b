/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rank.c: from a rank to its item: names, places, products, distributors, sources. The blocks of
 * names and places are found through their offsets in the direct index, the others by their key.
 */
#include "base/bytes.h"
#include "base/record.h"
#include "lib/set.h"

/* The offsets that the direct index has for the table; NULL for none. */
static const struct kith_offsets *offsets_of(const struct kith_set *set, enum kith_db_table table)
{
	const struct kith_offsets *offsets = NULL;

	if (table == KITH_DB_NAME)
		offsets = &set->names;
	else if (table == KITH_DB_PLACE)
		offsets = &set->places;
	return offsets != NULL && offsets->n > 0 ? offsets : NULL;
}

/* The bytes of block `number`; through the index they reach to the end of the file. */
static enum kith_status get_block(const struct kith_reader *reader, enum kith_db_table table,
				  uint64_t number, struct kith_bytes *ret_block)
{
	const struct kith_db *db = &reader->set->db;
	const struct kith_offsets *offsets = offsets_of(reader->set, table);
	uint64_t offset;
	uint8_t key[4];
	enum kith_status st;

	if (offsets != NULL) {
		if (number >= offsets->n)
			return KITH_E_CORRUPT;
		offset = kith_get_le64(offsets->data + number * 8);
		if (offset >= db->file_size)
			return KITH_E_CORRUPT;
		ret_block->data = db->base + offset;
		ret_block->n = (size_t)(db->file_size - offset);
		return KITH_OK;
	}
	kith_put_be32(key, (uint32_t)(number * KITH_BLOCK));
	st = kith_db_get(db, reader->txn, table, key, sizeof key, ret_block);
	return st == KITH_NOT_FOUND ? KITH_E_CORRUPT : st;
}

/* Items in block `number` of a table with `count` items. */
static size_t block_items(uint64_t count, uint64_t number)
{
	uint64_t left = count - number * KITH_BLOCK;

	return left < KITH_BLOCK ? (size_t)left : KITH_BLOCK;
}

enum kith_status kith_item(struct kith_reader *reader, enum kith_db_table table, uint32_t rank,
			   struct kith_bytes *ret_item)
{
	uint64_t count = kith_set_count(reader->set, table), number = rank / KITH_BLOCK;
	struct kith_bytes block;
	enum kith_status st;

	if (rank >= count)
		return KITH_E_ARG;
	st = get_block(reader, table, number, &block);
	if (st != KITH_OK)
		return st;
	return kith_block_item(block.data, block.data + block.n, block_items(count, number),
			       rank % KITH_BLOCK, ret_item, NULL);
}

void kith_item_prefetch(const struct kith_reader *reader, enum kith_db_table table, uint32_t rank,
			int step)
{
	const struct kith_offsets *offsets = offsets_of(reader->set, table);
	const uint8_t *slot;
	uint64_t offset;

	if (offsets == NULL || rank / KITH_BLOCK >= offsets->n)
		return;
	slot = offsets->data + (size_t)(rank / KITH_BLOCK) * 8;
	if (step == 0) {
		__builtin_prefetch(slot);
		return;
	}
	offset = kith_get_le64(slot);
	if (offset >= reader->set->db.file_size)
		return;
	/* The lengths of 32 items are at the front, mostly a byte each. */
	__builtin_prefetch(reader->set->db.base + offset);
	__builtin_prefetch(reader->set->db.base + offset + (KITH_BLOCK - 1));
}

void kith_item_fetch(struct kith_reader *reader, enum kith_db_table table, uint32_t rank,
		     struct kith_bytes *ret_item)
{
	if (kith_item(reader, table, rank, ret_item) != KITH_OK) {
		ret_item->data = NULL;
		ret_item->n = 0;
		return;
	}
	/* Few items are longer than two cache lines. */
	__builtin_prefetch(ret_item->data);
	__builtin_prefetch(ret_item->data + ret_item->n);
}

enum kith_status kith_name(kith_reader *reader, uint32_t rank, struct kith_bytes *ret_name)
{
	return kith_item(reader, KITH_DB_NAME, rank, ret_name);
}

enum kith_status kith_place(kith_reader *reader, uint32_t rank, struct kith_place *ret_place)
{
	struct kith_bytes item;
	enum kith_status st = kith_item(reader, KITH_DB_PLACE, rank, &item);

	return st == KITH_OK ? kith_place_decode(item, rank, ret_place) : st;
}

enum kith_status kith_product(kith_reader *reader, uint32_t rank, struct kith_product *ret_product)
{
	struct kith_bytes item;
	enum kith_status st = kith_item(reader, KITH_DB_PRODUCT, rank, &item);

	return st == KITH_OK ? kith_product_decode(item, ret_product) : st;
}

enum kith_status kith_distributor(kith_reader *reader, uint32_t rank,
				  struct kith_distributor *ret_distributor)
{
	struct kith_bytes item;
	enum kith_status st = kith_item(reader, KITH_DB_DISTRIBUTOR, rank, &item);

	return st == KITH_OK ? kith_distributor_decode(item, ret_distributor) : st;
}

enum kith_status kith_source(kith_reader *reader, uint32_t rank, struct kith_source *ret_source)
{
	struct kith_bytes item;
	enum kith_status st = kith_item(reader, KITH_DB_SOURCE, rank, &item);

	return st == KITH_OK ? kith_source_decode(item, ret_source) : st;
}

enum kith_status kith_name_find(kith_reader *reader, const void *name, size_t n, uint32_t *ret_rank)
{
	uint64_t low = 0, high = reader->set->info.names;

	/* the name's rank, if it is there, is in low .. high - 1 */
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		struct kith_bytes item;
		enum kith_status st = kith_name(reader, (uint32_t)middle, &item);
		int c;

		if (st != KITH_OK)
			return st;
		c = kith_bytes_cmp(name, n, item.data, item.n);
		if (c == 0) {
			*ret_rank = (uint32_t)middle;
			return KITH_OK;
		}
		if (c < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return KITH_NOT_FOUND;
}
