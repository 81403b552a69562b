/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decl.c: handles are numbers in the order of declaration. Items are kept encoded, with handles
 * where ranks will be; kith_decl_finish() sorts, drops repetitions and puts the ranks in.
 */
#include "core/decl.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/placeholder.h"
#include "core/dict.h"
#include "core/placekey.h"
#include "core/sort.h"

/* Items of one table: a dictionary, so that a repeated declaration costs nothing. */
struct table {
	struct kith_dict items; /* encoded */
	uint32_t *ranks;        /* handle -> rank, after finish */
	uint32_t *order;        /* rank -> handle */
	uint32_t count;         /* ranks */
};

struct refs {
	uint32_t *items; /* owned */
	uint32_t n, cap;
};

struct kith_decl {
	struct table tables[3];
	struct kith_dict source_ids;
	struct kith_dict places; /* keys */
	struct refs *refs;       /* of each place */
	size_t refs_cap;
	struct kith_buf work, key;
};

struct kith_decl *kith_decl_new(void)
{
	return calloc(1, sizeof(struct kith_decl));
}

void kith_decl_free(struct kith_decl *decl)
{
	size_t i;

	if (decl == NULL)
		return;
	for (i = 0; i < 3; i++) {
		kith_dict_done(&decl->tables[i].items);
		free(decl->tables[i].ranks);
		free(decl->tables[i].order);
	}
	for (i = 0; i < decl->places.n; i++)
		free(decl->refs[i].items);
	free(decl->refs);
	kith_dict_done(&decl->source_ids);
	kith_dict_done(&decl->places);
	kith_buf_done(&decl->work);
	kith_buf_done(&decl->key);
	free(decl);
}

/* Adds decl->work as an item. */
static enum kith_status add_item(struct kith_decl *decl, enum kith_decl_table table, uint32_t *ret,
				 struct kith_err *err)
{
	struct kith_dict *items = &decl->tables[table].items;
	bool is_new;

	if (items->n >= KITH_LIMIT_ENTITIES)
		return kith_fail(err, KITH_E_LIMIT, "more than %u products or distributors",
				 KITH_LIMIT_ENTITIES);
	if (decl->work.failed || !kith_dict_add(items, decl->work.data, decl->work.n, ret, &is_new))
		return kith_fail_nomem(err);
	return KITH_OK;
}

/* Adds decl->key as a place with `n` refs. */
static enum kith_status add_place(struct kith_decl *decl, const uint32_t *refs, size_t n,
				  uint32_t *ret, struct kith_err *err)
{
	struct refs *mine;
	bool is_new;

	if (decl->places.n >= KITH_LIMIT_ENTITIES)
		return kith_fail(err, KITH_E_LIMIT, "more than %u places declared",
				 KITH_LIMIT_ENTITIES);
	if (decl->places.n == decl->refs_cap) {
		size_t cap = decl->refs_cap == 0 ? 64 : 2 * decl->refs_cap;
		struct refs *bigger = realloc(decl->refs, cap * sizeof *bigger);

		if (bigger == NULL)
			return kith_fail_nomem(err);
		decl->refs = bigger;
		decl->refs_cap = cap;
	}
	if (decl->key.failed ||
	    !kith_dict_add(&decl->places, decl->key.data, decl->key.n, ret, &is_new))
		return kith_fail_nomem(err);
	mine = &decl->refs[*ret];
	if (is_new)
		memset(mine, 0, sizeof *mine);
	if (n > mine->cap - mine->n) {
		size_t cap = mine->n + n;
		uint32_t *items = realloc(mine->items, cap * sizeof *items);

		if (items == NULL)
			return kith_fail_nomem(err);
		mine->items = items;
		mine->cap = (uint32_t)cap;
	}
	if (n > 0)
		memcpy(mine->items + mine->n, refs, n * sizeof *refs);
	mine->n += (uint32_t)n;
	return KITH_OK;
}

enum kith_status kith_decl_source(struct kith_decl *decl, const struct kith_source *source,
				  uint32_t *ret_source, uint32_t *ret_place, struct kith_err *err)
{
	uint32_t number, handle = 0, place = 0;
	size_t known = decl->tables[KITH_DECL_SOURCE].items.n;
	enum kith_status st;
	bool is_new;

	if (!kith_dict_add(&decl->source_ids, source->id.data, source->id.n, &number, &is_new))
		return kith_fail_nomem(err);
	decl->work.n = 0;
	(void)kith_source_encode(&decl->work, source);
	st = add_item(decl, KITH_DECL_SOURCE, &handle, err);
	if (st < 0)
		return st;
	if (!is_new && (source->release.n > 0 || source->digest.n > 0 ||
			decl->tables[KITH_DECL_SOURCE].items.n > known))
		return kith_fail(err, KITH_E_ARG,
				 "the source '%.*s' is there already; name this one "
				 "with --set-name",
				 (int)source->id.n, (const char *)source->id.data);
	decl->key.n = 0;
	(void)kith_place_key_add(&decl->key, KITH_PLACE_SOURCE, source->id.data, source->id.n);
	st = add_place(decl, &handle, 1, &place, err);
	if (st < 0)
		return st;
	*ret_source = handle;
	*ret_place = place;
	return KITH_OK;
}

enum kith_status kith_decl_distributor(struct kith_decl *decl, struct kith_bytes name,
				       const struct kith_text_list *links, uint32_t *ret,
				       struct kith_err *err)
{
	decl->work.n = 0;
	(void)kith_distributor_encode(
	    &decl->work, kith_is_placeholder(name) ? KITH_IS_PLACEHOLDER : 0, name, links);
	return add_item(decl, KITH_DECL_DISTRIBUTOR, ret, err);
}

static int compare_texts(const void *a, const void *b)
{
	const struct kith_bytes *x = a, *y = b;

	return kith_bytes_cmp(x->data, x->n, y->data, y->n);
}

/* A sorted copy without repetitions; its array is the caller's to free. */
static bool settle_texts(const struct kith_text_list *list, struct kith_bytes **ret_items,
			 struct kith_text_list *ret)
{
	struct kith_bytes *items = malloc((list->n + 1) * sizeof *items);
	size_t i, kept = 0;

	*ret_items = items;
	if (items == NULL)
		return false;
	if (list->n > 0) {
		memcpy(items, list->items, list->n * sizeof *items);
		qsort(items, list->n, sizeof *items, compare_texts);
	}
	for (i = 0; i < list->n; i++)
		if (i == 0 || compare_texts(&items[i], &items[kept - 1]) != 0)
			items[kept++] = items[i];
	ret->items = items;
	ret->n = kept;
	return true;
}

enum kith_status kith_decl_product(struct kith_decl *decl, const struct kith_product_decl *product,
				   uint32_t *ret, struct kith_err *err)
{
	const struct kith_text_list *lists[4] = {&product->systems, &product->languages,
						 &product->types, &product->links};
	struct kith_bytes *items[4] = {NULL, NULL, NULL, NULL};
	struct kith_text_list settled[4];
	struct kith_rank_list distributors;
	uint32_t *handles = NULL;
	enum kith_status st;
	size_t i;

	handles = malloc((product->distributors.n + 1) * sizeof *handles);
	if (handles == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	if (product->distributors.n > 0)
		memcpy(handles, product->distributors.items,
		       product->distributors.n * sizeof *handles);
	distributors.n = kith_sort_unique_u32(handles, product->distributors.n);
	distributors.items = handles;
	for (i = 0; i < 4; i++)
		if (!settle_texts(lists[i], &items[i], &settled[i])) {
			st = kith_fail_nomem(err);
			goto out;
		}
	decl->work.n = 0;
	(void)kith_product_encode(&decl->work,
				  kith_is_placeholder(product->name) ? KITH_IS_PLACEHOLDER : 0,
				  product->name, product->version, &distributors, &settled[0],
				  &settled[1], &settled[2], &settled[3]);
	st = add_item(decl, KITH_DECL_PRODUCT, ret, err);
out:
	for (i = 0; i < 4; i++)
		free(items[i]);
	free(handles);
	return st;
}

enum kith_status kith_decl_place(struct kith_decl *decl, uint32_t parent, enum kith_place_kind kind,
				 struct kith_bytes name, const struct kith_rank_list *products,
				 uint32_t *ret_place, struct kith_err *err)
{
	struct kith_bytes key;

	if (parent >= decl->places.n || kind == KITH_PLACE_SOURCE)
		return kith_fail(err, KITH_E_ARG, "a place without a place above it");
	if (name.n > KITH_LIMIT_NAME)
		return kith_fail(err, KITH_E_LIMIT, "the name of a place is longer than %u bytes",
				 KITH_LIMIT_NAME);
	key = kith_dict_get(&decl->places, parent);
	decl->key.n = 0;
	(void)kith_buf_add(&decl->key, key.data, key.n);
	(void)kith_place_key_add(&decl->key, kind, name.data, name.n);
	return add_place(decl, products == NULL ? NULL : products->items,
			 products == NULL ? 0 : products->n, ret_place, err);
}

uint32_t kith_decl_sources(const struct kith_decl *decl)
{
	return (uint32_t)decl->tables[KITH_DECL_SOURCE].items.n;
}

uint32_t kith_decl_places(const struct kith_decl *decl)
{
	return (uint32_t)decl->places.n;
}

struct kith_bytes kith_decl_place_key(const struct kith_decl *decl, uint32_t place)
{
	return kith_dict_get(&decl->places, place);
}

/* --------------------------------------------------------------- finishing */

/* The text by which the item's table is sorted first. */
static struct kith_bytes sort_text(enum kith_decl_table kind, struct kith_bytes item)
{
	struct kith_bytes none = {NULL, 0};
	struct kith_source source;
	struct kith_distributor distributor;
	struct kith_product product;

	switch (kind) {
	case KITH_DECL_SOURCE:
		return kith_source_decode(item, &source) == KITH_OK ? source.id : none;
	case KITH_DECL_DISTRIBUTOR:
		return kith_distributor_decode(item, &distributor) == KITH_OK ? distributor.name
									      : none;
	case KITH_DECL_PRODUCT:
		return kith_product_decode(item, &product) == KITH_OK ? product.name : none;
	}
	return none;
}

/* By sort_text, products by version then; last by the whole item. */
static int compare_items(enum kith_decl_table kind, struct kith_bytes a, struct kith_bytes b)
{
	struct kith_bytes ta = sort_text(kind, a), tb = sort_text(kind, b);
	struct kith_product pa, pb;
	int c = compare_texts(&ta, &tb);

	if (c == 0 && kind == KITH_DECL_PRODUCT && kith_product_decode(a, &pa) == KITH_OK &&
	    kith_product_decode(b, &pb) == KITH_OK)
		c = compare_texts(&pa.version, &pb.version);
	return c != 0 ? c : kith_bytes_cmp(a.data, a.n, b.data, b.n);
}

struct sorting {
	const struct kith_dict *items;
	enum kith_decl_table kind;
};

static int compare_handles(uint64_t a, uint64_t b, void *user)
{
	const struct sorting *sorting = user;

	return compare_items(sorting->kind, kith_dict_get(sorting->items, (uint32_t)a),
			     kith_dict_get(sorting->items, (uint32_t)b));
}

/* Items of a dictionary are different, so each gets a rank of its own. */
static enum kith_status rank_table(struct kith_decl *decl, enum kith_decl_table kind,
				   struct kith_err *err)
{
	struct table *table = &decl->tables[kind];
	size_t n = table->items.n, i;
	struct sorting sorting = {&table->items, kind};
	struct kith_pair *pairs = malloc((n + 1) * sizeof *pairs);

	table->ranks = malloc((n + 1) * sizeof *table->ranks);
	table->order = malloc((n + 1) * sizeof *table->order);
	if (pairs == NULL || table->ranks == NULL || table->order == NULL) {
		free(pairs);
		return kith_fail_nomem(err);
	}
	for (i = 0; i < n; i++) {
		struct kith_bytes text = sort_text(kind, kith_dict_get(&table->items, (uint32_t)i));

		pairs[i].key = kith_sort_prefix(text.data, text.n);
		pairs[i].value = i;
	}
	kith_sort_pairs_by(pairs, n, compare_handles, &sorting);
	for (i = 0; i < n; i++) {
		table->order[i] = (uint32_t)pairs[i].value;
		table->ranks[pairs[i].value] = (uint32_t)i;
	}
	table->count = (uint32_t)n;
	free(pairs);
	return KITH_OK;
}

/*
 * Products again, with ranks of distributors instead of handles. Two products that differ in
 * handles alone cannot be: equal distributors have one handle.
 */
static enum kith_status rewrite_products(struct kith_decl *decl, struct kith_err *err)
{
	struct table *table = &decl->tables[KITH_DECL_PRODUCT];
	const uint32_t *ranks = decl->tables[KITH_DECL_DISTRIBUTOR].ranks;
	struct kith_dict items = {0};
	enum kith_status st = KITH_OK;
	size_t i;

	for (i = 0; i < table->items.n; i++) {
		struct kith_bytes item = kith_dict_get(&table->items, (uint32_t)i), text;
		struct kith_list lists[4];
		struct kith_text_list texts[4];
		struct kith_bytes *text_items[4] = {NULL, NULL, NULL, NULL};
		struct kith_rank_list distributors = {NULL, 0};
		uint32_t *mine = NULL, rank, number;
		struct kith_product product;
		size_t k;
		bool ok, is_new;

		if (kith_product_decode(item, &product) != KITH_OK) {
			st = kith_fail(err, KITH_E_CORRUPT, "a product cannot be read back");
			break;
		}
		lists[0] = product.systems;
		lists[1] = product.languages;
		lists[2] = product.types;
		lists[3] = product.links;
		mine = malloc((product.distributors.left + 1) * sizeof *mine);
		ok = mine != NULL;
		while (ok && kith_list_rank(&product.distributors, &rank) == KITH_OK)
			mine[distributors.n++] = ranks[rank];
		if (ok)
			distributors.n = kith_sort_unique_u32(mine, distributors.n);
		distributors.items = mine;
		for (k = 0; k < 4; k++) {
			text_items[k] = malloc((lists[k].left + 1) * sizeof *text_items[k]);
			texts[k].items = text_items[k];
			texts[k].n = 0;
			ok = ok && text_items[k] != NULL;
			while (ok && kith_list_text(&lists[k], &text) == KITH_OK)
				text_items[k][texts[k].n++] = text;
		}
		decl->work.n = 0;
		ok = ok &&
		     kith_product_encode(&decl->work, product.flags, product.name, product.version,
					 &distributors, &texts[0], &texts[1], &texts[2],
					 &texts[3]) &&
		     kith_dict_add(&items, decl->work.data, decl->work.n, &number, &is_new);
		for (k = 0; k < 4; k++)
			free(text_items[k]);
		free(mine);
		if (!ok) {
			st = kith_fail_nomem(err);
			break;
		}
	}
	if (st < 0) {
		kith_dict_done(&items);
		return st;
	}
	kith_dict_done(&table->items);
	table->items = items;
	return KITH_OK;
}

enum kith_status kith_decl_finish(struct kith_decl *decl, struct kith_err *err)
{
	enum kith_status st;
	size_t i, k;

	st = rank_table(decl, KITH_DECL_SOURCE, err);
	if (st >= 0)
		st = rank_table(decl, KITH_DECL_DISTRIBUTOR, err);
	if (st >= 0)
		st = rewrite_products(decl, err);
	if (st >= 0)
		st = rank_table(decl, KITH_DECL_PRODUCT, err);
	if (st < 0)
		return st;
	for (i = 0; i < decl->places.n; i++) {
		struct refs *refs = &decl->refs[i];
		struct kith_bytes key = kith_dict_get(&decl->places, (uint32_t)i);
		/* Only the place of a source has a key of one component. */
		enum kith_decl_table kind =
		    kith_place_key_span(key, 0) == key.n ? KITH_DECL_SOURCE : KITH_DECL_PRODUCT;

		for (k = 0; k < refs->n; k++)
			refs->items[k] = decl->tables[kind].ranks[refs->items[k]];
		refs->n = (uint32_t)kith_sort_unique_u32(refs->items, refs->n);
	}
	return KITH_OK;
}

uint32_t kith_decl_count(const struct kith_decl *decl, enum kith_decl_table table)
{
	return decl->tables[table].count;
}

struct kith_bytes kith_decl_item(const struct kith_decl *decl, enum kith_decl_table table,
				 uint32_t rank)
{
	return kith_dict_get(&decl->tables[table].items, decl->tables[table].order[rank]);
}

const uint32_t *kith_decl_source_ranks(const struct kith_decl *decl)
{
	return decl->tables[KITH_DECL_SOURCE].ranks;
}

struct kith_rank_list kith_decl_place_refs(const struct kith_decl *decl, uint32_t place)
{
	struct kith_rank_list list = {decl->refs[place].items, decl->refs[place].n};

	return list;
}
