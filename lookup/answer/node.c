/* SPDX-License-Identifier: Apache-2.0 */
#include "answer/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/placeholder.h"

/* ------------------------------------------------------------------ arena */

#define BLOCK_SIZE ((size_t)256 << 10)

struct block {
	struct block *next;
	_Alignas(16) uint8_t data[];
};

struct arena {
	struct block *blocks;
	size_t used, size; /* of the first block */
	size_t total;      /* bytes of all blocks */
};

static void *arena_get(struct arena *arena, size_t n)
{
	void *p;

	n = (n + 15) & ~(size_t)15;
	if (arena->blocks == NULL || arena->size - arena->used < n) {
		size_t size = n > BLOCK_SIZE ? n : BLOCK_SIZE;
		struct block *block = malloc(sizeof *block + size);

		if (block == NULL)
			return NULL;
		block->next = arena->blocks;
		arena->blocks = block;
		arena->used = 0;
		arena->size = size;
		arena->total += size;
	}
	p = arena->blocks->data + arena->used;
	arena->used += n;
	return p;
}

static void arena_drop(struct arena *arena)
{
	while (arena->blocks != NULL) {
		struct block *next = arena->blocks->next;

		free(arena->blocks);
		arena->blocks = next;
	}
	memset(arena, 0, sizeof *arena);
}

/* ------------------------------------------------------------------ nodes */

#define FIRST_SLOTS 64u
struct slot {
	uint32_t place; /* KITH_NO_PLACE: empty */
	struct kith_node *node;
};

struct kith_nodes {
	kith_reader *reader;
	struct arena arena;
	struct slot *slots;
	size_t n_slots, n_used; /* a power of two; used: at most half */
	/* Lists while a product is read. */
	struct kith_buf links, systems, distributors, tuples;
};

static size_t hash(uint32_t place)
{
	return (size_t)((uint64_t)place * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static struct slot *find_slot(struct kith_nodes *nodes, uint32_t place)
{
	size_t i = hash(place) & (nodes->n_slots - 1);

	while (nodes->slots[i].place != KITH_NO_PLACE && nodes->slots[i].place != place)
		i = (i + 1) & (nodes->n_slots - 1);
	return &nodes->slots[i];
}

static bool resize(struct kith_nodes *nodes, size_t n_slots)
{
	struct slot *old = nodes->slots;
	size_t n_old = old == NULL ? 0 : nodes->n_slots, i;
	struct slot *slots = malloc(n_slots * sizeof *slots);

	if (slots == NULL)
		return false;
	for (i = 0; i < n_slots; i++)
		slots[i].place = KITH_NO_PLACE;
	nodes->slots = slots;
	nodes->n_slots = n_slots;
	for (i = 0; i < n_old; i++) {
		if (old[i].place != KITH_NO_PLACE)
			*find_slot(nodes, old[i].place) = old[i];
	}
	free(old);
	return true;
}

enum kith_status kith_nodes_open(kith_reader *reader, struct kith_nodes **ret)
{
	struct kith_nodes *nodes = calloc(1, sizeof *nodes);

	if (nodes == NULL)
		return KITH_E_NOMEM;
	nodes->reader = reader;
	if (!resize(nodes, FIRST_SLOTS)) {
		free(nodes);
		return KITH_E_NOMEM;
	}
	*ret = nodes;
	return KITH_OK;
}

void kith_nodes_close(struct kith_nodes *nodes)
{
	if (nodes == NULL)
		return;
	arena_drop(&nodes->arena);
	kith_buf_done(&nodes->links);
	kith_buf_done(&nodes->systems);
	kith_buf_done(&nodes->distributors);
	kith_buf_done(&nodes->tuples);
	free(nodes->slots);
	free(nodes);
}

bool kith_nodes_make_room(struct kith_nodes *nodes)
{
	size_t i;

	if (nodes->arena.total <= KITH_LIMIT_CHAIN_CACHE)
		return false;
	arena_drop(&nodes->arena);
	for (i = 0; i < nodes->n_slots; i++)
		nodes->slots[i].place = KITH_NO_PLACE;
	nodes->n_used = 0;
	return true;
}

/* A copy of n bytes; NULL: no memory. */
static void *keep(struct kith_nodes *nodes, const void *data, size_t n)
{
	void *kept = arena_get(&nodes->arena, n == 0 ? 1 : n);

	if (kept != NULL && n > 0)
		memcpy(kept, data, n);
	return kept;
}

struct kith_bytes kith_nodes_keep(struct kith_nodes *nodes, const void *data, size_t n)
{
	struct kith_bytes kept = {keep(nodes, data, n), n};

	return kept;
}

struct kith_bytes kith_trim(struct kith_bytes t)
{
	while (t.n > 0 && (t.data[t.n - 1] <= ' '))
		t.n--;
	while (t.n > 0 && *t.data <= ' ') {
		t.data++;
		t.n--;
	}
	return t;
}

static int compare_bytes(const void *a, const void *b)
{
	const struct kith_bytes *x = a, *y = b;

	return kith_bytes_cmp(x->data, x->n, y->data, y->n);
}

#define SHORT 16u
size_t kith_sort_unique(struct kith_bytes *items, size_t n)
{
	size_t i, k, kept = 0;

	for (i = 1; i < n && compare_bytes(&items[i - 1], &items[i]) < 0; i++)
		;
	if (i >= n)
		return n; /* in order already, as lists from one set mostly are */
	/* Most lists are short: insertion, from where they are out of order. */
	for (; i < n && n <= SHORT; i++) {
		struct kith_bytes item = items[i];

		for (k = i; k > 0 && compare_bytes(&items[k - 1], &item) > 0; k--)
			items[k] = items[k - 1];
		items[k] = item;
	}
	if (n > SHORT)
		qsort(items, n, sizeof *items, compare_bytes);
	for (i = 0; i < n; i++) {
		if (kept == 0 || compare_bytes(&items[kept - 1], &items[i]) != 0)
			items[kept++] = items[i];
	}
	return kept;
}

/* Arrays of struct kith_bytes are collected in a buffer first. */
static struct kith_bytes *texts_of(struct kith_buf *buf)
{
	return (void *)buf->data;
}

/* A placeholder, or nothing but: "TBD none" is a system and its version. */
static bool says_nothing(struct kith_bytes text)
{
	size_t from = 0, i;

	for (i = 0; i < text.n; i++) {
		struct kith_bytes word = {text.data + from, i - from};

		if (text.data[i] != ' ')
			continue;
		if (!kith_is_placeholder(word))
			return kith_is_placeholder(text);
		from = i + 1;
	}
	text.data += from;
	text.n -= from;
	return kith_is_placeholder(text);
}

static bool add_text(struct kith_buf *buf, struct kith_bytes text)
{
	return says_nothing(text) || kith_buf_add(buf, &text, sizeof text);
}

enum kith_status kith_as_corrupt(enum kith_status st)
{
	return st == KITH_E_ARG || st > 0 ? KITH_E_CORRUPT : st;
}

static enum kith_status add_list(struct kith_buf *buf, struct kith_list list)
{
	struct kith_bytes text;
	enum kith_status st;

	while ((st = kith_list_text(&list, &text)) == KITH_OK) {
		if (!add_text(buf, text))
			return KITH_E_NOMEM;
	}
	return st == KITH_END ? KITH_OK : st;
}

/* The first of the list that says something, unless there is one already. */
static enum kith_status add_first(struct kith_bytes *first, struct kith_list list)
{
	struct kith_bytes text;
	enum kith_status st = KITH_END;

	while (first->n == 0 && (st = kith_list_text(&list, &text)) == KITH_OK) {
		if (!kith_is_placeholder(text))
			*first = text;
	}
	return st < 0 ? st : KITH_OK;
}

/* Sorts what buf[from ..] has and keeps it; NULL: no memory. */
static const struct kith_bytes *keep_texts(struct kith_nodes *nodes, struct kith_buf *buf,
					   size_t *ret_n)
{
	size_t n = kith_sort_unique(texts_of(buf), buf->n / sizeof(struct kith_bytes));

	*ret_n = n;
	return keep(nodes, buf->data, n * sizeof(struct kith_bytes));
}

/* The distributors of one product to nodes->distributors, their links to nodes->links. */
static enum kith_status add_distributors(struct kith_nodes *nodes, struct kith_list ranks)
{
	struct kith_distributor d;
	enum kith_status st;
	uint32_t rank;

	while ((st = kith_list_rank(&ranks, &rank)) == KITH_OK) {
		st = kith_distributor(nodes->reader, rank, &d);
		if (st != KITH_OK)
			return kith_as_corrupt(st);
		if ((d.flags & KITH_IS_PLACEHOLDER) != 0)
			continue;
		if (!add_text(&nodes->distributors, kith_trim(d.name)))
			return KITH_E_NOMEM;
		st = add_list(&nodes->links, d.links);
		if (st != KITH_OK)
			return st;
	}
	return st == KITH_END ? KITH_OK : st;
}

static struct kith_tuple *tuples_of(struct kith_nodes *nodes)
{
	return (void *)nodes->tuples.data;
}

/* Ends the tuple that is being collected: its distributors are complete. */
static bool close_tuple(struct kith_nodes *nodes)
{
	size_t n = nodes->tuples.n / sizeof(struct kith_tuple);
	struct kith_tuple *last;

	if (n == 0)
		return true;
	last = &tuples_of(nodes)[n - 1];
	last->distributors = keep_texts(nodes, &nodes->distributors, &last->n_distributors);
	nodes->distributors.n = 0;
	return last->distributors != NULL;
}

/* Adds a product; products come sorted by name and version, so equal ones follow each other. */
static enum kith_status add_product(struct kith_nodes *nodes, struct kith_origin *origin,
				    uint32_t rank)
{
	struct kith_tuple tuple, *last;
	struct kith_product product;
	enum kith_status st = kith_product(nodes->reader, rank, &product);
	size_t n = nodes->tuples.n / sizeof tuple;

	if (st != KITH_OK)
		return kith_as_corrupt(st);
	memset(&tuple, 0, sizeof tuple);
	if ((product.flags & KITH_IS_PLACEHOLDER) == 0 && kith_trim(product.name).n > 0) {
		tuple.product = kith_trim(product.name);
		if (!kith_is_placeholder(product.version))
			tuple.version = kith_trim(product.version);
	}
	last = n == 0 ? NULL : &tuples_of(nodes)[n - 1];
	if (last == NULL || compare_bytes(&last->product, &tuple.product) != 0 ||
	    compare_bytes(&last->version, &tuple.version) != 0) {
		if (!close_tuple(nodes) || !kith_buf_add(&nodes->tuples, &tuple, sizeof tuple))
			return KITH_E_NOMEM;
	}
	st = add_first(&origin->language, product.languages);
	if (st == KITH_OK)
		st = add_first(&origin->type, product.types);
	if (st == KITH_OK)
		st = add_list(&nodes->links, product.links);
	if (st == KITH_OK)
		st = add_list(&nodes->systems, product.systems);
	return st == KITH_OK ? add_distributors(nodes, product.distributors) : st;
}

static enum kith_status make_origin(struct kith_nodes *nodes, const struct kith_place *place,
				    const struct kith_origin *above, struct kith_origin **ret)
{
	struct kith_origin *origin = arena_get(&nodes->arena, sizeof *origin);
	struct kith_list ranks = place->refs;
	struct kith_tuple none;
	enum kith_status st;
	uint32_t rank;

	if (origin == NULL)
		return KITH_E_NOMEM;
	memset(origin, 0, sizeof *origin);
	nodes->links.n = nodes->systems.n = nodes->distributors.n = nodes->tuples.n = 0;
	if (place->kind == KITH_PLACE_SOURCE) {
		st = kith_list_rank(&ranks, &rank);
		if (st == KITH_OK)
			st = kith_source(nodes->reader, rank, &origin->source);
		if (st != KITH_OK)
			return kith_as_corrupt(st);
	} else {
		if (above == NULL)
			return KITH_E_CORRUPT;
		origin->source = above->source;
		while ((st = kith_list_rank(&ranks, &rank)) == KITH_OK) {
			st = add_product(nodes, origin, rank);
			if (st != KITH_OK)
				return st;
		}
		if (st != KITH_END)
			return kith_as_corrupt(st);
	}
	memset(&none, 0, sizeof none);
	if (nodes->tuples.n == 0 && !kith_buf_add(&nodes->tuples, &none, sizeof none))
		return KITH_E_NOMEM;
	if (!close_tuple(nodes))
		return KITH_E_NOMEM;
	origin->tuples = keep(nodes, nodes->tuples.data, nodes->tuples.n);
	origin->n_tuples = nodes->tuples.n / sizeof none;
	origin->links = keep_texts(nodes, &nodes->links, &origin->n_links);
	origin->systems = keep_texts(nodes, &nodes->systems, &origin->n_systems);
	if (origin->tuples == NULL || origin->links == NULL || origin->systems == NULL)
		return KITH_E_NOMEM;
	*ret = origin;
	return KITH_OK;
}

/* ----------------------------------------------------------------- words */

static bool buf_text(struct kith_buf *buf, struct kith_bytes text)
{
	return kith_buf_add(buf, text.data, text.n);
}

/* "Name Version, Other 2"; the source's own id of the place where all are placeholders. */
static void product_words(struct kith_buf *buf, const struct kith_origin *origin,
			  struct kith_bytes place_name)
{
	size_t from = buf->n, i;

	for (i = 0; i < origin->n_tuples; i++) {
		const struct kith_tuple *tuple = &origin->tuples[i];

		if (tuple->product.n == 0)
			continue;
		if (buf->n > from)
			(void)kith_buf_add(buf, ", ", 2);
		(void)buf_text(buf, tuple->product);
		if (tuple->version.n > 0) {
			(void)kith_buf_add_byte(buf, ' ');
			(void)buf_text(buf, tuple->version);
		}
	}
	if (buf->n == from)
		(void)buf_text(buf, place_name);
}

struct kith_bytes kith_literal(const char *text)
{
	struct kith_bytes bytes = {(const uint8_t *)text, strlen(text)};

	return bytes;
}

struct kith_bytes kith_folder_separator(struct kith_bytes folder)
{
	uint8_t last = folder.data[folder.n - 1];

	if (last == '/' || last == '\\')
		return kith_literal("");
	if (memchr(folder.data, '/', folder.n) == NULL &&
	    memchr(folder.data, '\\', folder.n) != NULL)
		return kith_literal("\\");
	return kith_literal("/");
}

static enum kith_status words(struct kith_nodes *nodes, const struct kith_place *place,
			      const struct kith_node *above, struct kith_node *node)
{
	struct kith_buf buf = {NULL, 0, 0, false};
	enum kith_status st = KITH_OK;

	if (above != NULL && place->kind == KITH_PLACE_FOLDER && place->name.n == 0) {
		node->text = above->text;
		node->separator = above->separator;
		return KITH_OK;
	}
	if (above != NULL) {
		(void)buf_text(&buf, above->text);
		(void)buf_text(&buf, above->separator);
	}
	node->separator = kith_literal(" > ");
	if (place->kind == KITH_PLACE_SOURCE) {
		(void)buf_text(&buf, node->origin->source.label);
	} else if (place->kind == KITH_PLACE_PRODUCT) {
		product_words(&buf, node->origin, place->name);
	} else {
		(void)buf_text(&buf, place->name);
		if (place->kind == KITH_PLACE_FOLDER)
			node->separator = kith_folder_separator(place->name);
	}
	node->text = kith_nodes_keep(nodes, buf.data, buf.n);
	if (buf.failed || node->text.data == NULL)
		st = KITH_E_NOMEM;
	kith_buf_done(&buf);
	return st;
}

enum kith_status kith_nodes_get(struct kith_nodes *nodes, uint32_t rank, unsigned depth,
				struct kith_node **ret)
{
	struct slot *slot = find_slot(nodes, rank);
	struct kith_node *above = NULL, *node;
	struct kith_place place;
	enum kith_status st;

	if (slot->place == rank) {
		*ret = slot->node;
		return KITH_OK;
	}
	st = kith_place(nodes->reader, rank, &place);
	if (st != KITH_OK)
		return kith_as_corrupt(st);
	if (place.parent != KITH_NO_PLACE) {
		if (place.parent >= rank || depth > KITH_LIMIT_DEPTH)
			return KITH_E_CORRUPT;
		st = kith_nodes_get(nodes, place.parent, depth + 1, &above);
		if (st != KITH_OK)
			return st;
	}
	node = arena_get(&nodes->arena, sizeof *node);
	if (node == NULL)
		return KITH_E_NOMEM;
	memset(node, 0, sizeof *node);
	if (place.kind == KITH_PLACE_SOURCE || place.kind == KITH_PLACE_PRODUCT) {
		node->origin_place = rank;
		st =
		    make_origin(nodes, &place, above == NULL ? NULL : above->origin, &node->origin);
	} else if (above != NULL) {
		node->origin_place = above->origin_place;
		node->origin = above->origin;
	} else {
		st = KITH_E_CORRUPT;
	}
	if (st == KITH_OK)
		st = words(nodes, &place, above, node);
	if (st != KITH_OK)
		return st;
	if (nodes->n_used >= nodes->n_slots / 2 && !resize(nodes, nodes->n_slots * 2))
		return KITH_E_NOMEM;
	slot = find_slot(nodes, rank);
	slot->place = rank;
	slot->node = node;
	nodes->n_used++;
	*ret = node;
	return KITH_OK;
}
