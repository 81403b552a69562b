/* SPDX-License-Identifier: Apache-2.0 */
#include "answer/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"

static bool is_container(const struct kith_place *place)
{
	return place->kind == KITH_PLACE_IMAGE || place->kind == KITH_PLACE_ARCHIVE;
}

/* A rank that a table does not have is damage, unless it was only tried. */
static enum kith_status as_corrupt(enum kith_status st)
{
	return st == KITH_E_ARG || st > 0 ? KITH_E_CORRUPT : st;
}

/*
 * The child of `parent` that `place`, which has a higher rank, is or lies in. KITH_NOT_FOUND: it
 * lies elsewhere, or there is no such place.
 */
static enum kith_status child_above(kith_reader *reader, uint32_t parent, uint32_t place,
				    uint32_t *ret_rank, struct kith_place *ret)
{
	unsigned depth;

	for (depth = 0; depth <= KITH_LIMIT_DEPTH; depth++) {
		enum kith_status st = kith_place(reader, place, ret);

		if (st != KITH_OK)
			return st == KITH_E_ARG && depth == 0 ? KITH_NOT_FOUND : as_corrupt(st);
		if (ret->parent == parent) {
			*ret_rank = place;
			return KITH_OK;
		}
		if (ret->parent == KITH_NO_PLACE || ret->parent < parent)
			return KITH_NOT_FOUND;
		if (ret->parent >= place)
			return KITH_E_CORRUPT;
		place = ret->parent;
	}
	return KITH_E_CORRUPT;
}

enum kith_status kith_tree_end(kith_reader *reader, uint32_t place, uint32_t *ret_end)
{
	uint32_t low = place + 1, high = KITH_LIMIT_RANKS, child;
	struct kith_place item;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		enum kith_status st = child_above(reader, place, mid, &child, &item);

		if (st < 0)
			return st;
		if (st == KITH_OK)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_end = low;
	return KITH_OK;
}

enum kith_status kith_tree_has_children(kith_reader *reader, uint32_t place)
{
	struct kith_place item;
	uint32_t child;

	return child_above(reader, place, place + 1, &child, &item);
}

static enum kith_status child_named(kith_reader *reader, uint32_t parent, uint32_t end,
				    enum kith_place_kind kind, struct kith_bytes name,
				    uint32_t *ret_place)
{
	uint32_t low = parent + 1, high = end;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2, child;
		struct kith_place item;
		enum kith_status st = child_above(reader, parent, mid, &child, &item);
		int order;

		if (st != KITH_OK)
			return as_corrupt(st);
		order = item.kind != kind
			    ? (item.kind < kind ? -1 : 1)
			    : kith_bytes_cmp(item.name.data, item.name.n, name.data, name.n);
		if (order == 0) {
			*ret_place = child;
			return KITH_OK;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = child;
	}
	return KITH_NOT_FOUND;
}

enum kith_status kith_tree_container(kith_reader *reader, uint32_t parent, struct kith_bytes name,
				     uint32_t *ret_place)
{
	uint32_t end;
	enum kith_status st = kith_tree_has_children(reader, parent);

	if (st == KITH_OK)
		st = kith_tree_end(reader, parent, &end);
	if (st != KITH_OK)
		return st;
	st = child_named(reader, parent, end, KITH_PLACE_ARCHIVE, name, ret_place);
	if (st == KITH_NOT_FOUND)
		st = child_named(reader, parent, end, KITH_PLACE_IMAGE, name, ret_place);
	return st;
}

/* ---------------------------------------------------------------- upwards */

static int compare_parents(const void *a, const void *b)
{
	const struct kith_parent *x = a, *y = b;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Of buf[from ..]: sorted, each once. */
static void sort_unique(struct kith_buf *buf, size_t from)
{
	struct kith_parent *items;
	size_t n = (buf->n - from) / sizeof *items, i, kept = 0;

	if (n == 0)
		return;
	items = (void *)(buf->data + from);
	qsort(items, n, sizeof *items, compare_parents);
	for (i = 0; i < n; i++) {
		if (kept == 0 || compare_parents(&items[kept - 1], &items[i]) != 0)
			items[kept++] = items[i];
	}
	buf->n = from + kept * sizeof *items;
}

/* The next place above that counts as a parent; KITH_NOT_FOUND: none. with_product: that counts. */
static enum kith_status next_above(kith_reader *reader, uint32_t place, bool with_product,
				   uint32_t *ret)
{
	unsigned depth;

	for (depth = 0; depth <= KITH_LIMIT_DEPTH && place != KITH_NO_PLACE; depth++) {
		struct kith_place item;
		enum kith_status st = kith_place(reader, place, &item);

		if (st != KITH_OK)
			return as_corrupt(st);
		if (is_container(&item) || (with_product && item.kind == KITH_PLACE_PRODUCT)) {
			*ret = place;
			return KITH_OK;
		}
		if (item.parent != KITH_NO_PLACE && item.parent >= place)
			return KITH_E_CORRUPT;
		place = item.parent;
	}
	return place == KITH_NO_PLACE ? KITH_NOT_FOUND : KITH_E_CORRUPT;
}

/* The nearest parent of each occurrence: occurrences of one place follow each other. */
static enum kith_status add_nearest(kith_reader *reader, const struct kith_record *record,
				    struct kith_buf *out)
{
	struct kith_parent parent = {(uint32_t)record->set, KITH_NO_PLACE};
	uint32_t last = KITH_NO_PLACE, last_parent = KITH_NO_PLACE;
	struct kith_occurrence occurrence;
	struct kith_file_iter iter;
	enum kith_status st = kith_occurrences(&record->file, &iter);

	while (st == KITH_OK && (st = kith_occurrence_next(&iter, &occurrence)) == KITH_OK) {
		if (occurrence.place == last)
			continue;
		last = occurrence.place;
		st = next_above(reader, last, true, &parent.place);
		if (st == KITH_OK && parent.place != last_parent &&
		    !kith_buf_add(out, &parent, sizeof parent))
			return KITH_E_NOMEM;
		if (st == KITH_OK)
			last_parent = parent.place;
		st = st == KITH_NOT_FOUND ? KITH_OK : st;
	}
	return st == KITH_END ? KITH_OK : st;
}

/* What the items of out[from ..] lie in, and so on. A product counts only where nothing nearer
 * does. */
static enum kith_status add_outer(struct kith_asker *asker, struct kith_buf *out, size_t from)
{
	struct kith_parent last = {UINT32_MAX, KITH_NO_PLACE};
	size_t at;

	for (at = from; at < out->n; at += sizeof last) {
		struct kith_parent parent;
		struct kith_place item;
		kith_reader *reader;
		enum kith_status st;

		memcpy(&parent, out->data + at, sizeof parent);
		reader = kith_asker_reader(asker, parent.set);
		st = kith_place(reader, parent.place, &item);
		if (st != KITH_OK)
			return as_corrupt(st);
		if (!is_container(&item))
			continue;
		st = next_above(reader, item.parent, false, &parent.place);
		if (st < 0)
			return st;
		if (st != KITH_OK || compare_parents(&parent, &last) == 0)
			continue; /* the neighbour lies in the same */
		if (!kith_buf_add(out, &parent, sizeof parent))
			return KITH_E_NOMEM;
		last = parent;
	}
	return KITH_OK;
}

enum kith_status kith_tree_parents(struct kith_asker *asker, const struct kith_content *content,
				   struct kith_buf *out)
{
	size_t from = out->n, i;
	enum kith_status st = KITH_OK;

	for (i = 0; i < content->n_records && st == KITH_OK; i++)
		st = add_nearest(kith_asker_reader(asker, content->records[i].set),
				 &content->records[i], out);
	sort_unique(out, from);
	if (st == KITH_OK)
		st = add_outer(asker, out, from);
	sort_unique(out, from);
	return st;
}
