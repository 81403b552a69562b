/* SPDX-License-Identifier: Apache-2.0 */
#include "answer/chain.h"

#include <stdlib.h>
#include <string.h>

#include "answer/node.h"
#include "base/record.h"
#include "lib/set.h"

/* The places seen last, or ahead of time: twice what kith_chain_ahead() is given. Without that few
 * will do, and who asks for one hash touches few pages. */
#define RECENT  (2 * KITH_CHAIN_AHEAD)
#define FEW     32u
#define WALKING (KITH_NO_PLACE - 1) /* kith_chain_ahead() is about to fill the entry */

/* A place on its way up in kith_chain_ahead(). */
struct walk {
	uint32_t place, at;
	struct kith_bytes item; /* of `at` */
};

struct kith_chain {
	kith_reader *reader;
	struct kith_nodes *nodes;
	/* By place % n_recent. */
	uint32_t n_recent;
	uint32_t recent[RECENT];
	struct kith_where recent_where[RECENT];
	struct walk walks[KITH_CHAIN_AHEAD];
};

static void forget_recent(struct kith_chain *chain)
{
	size_t i;

	for (i = 0; i < chain->n_recent; i++)
		chain->recent[i] = KITH_NO_PLACE;
}

enum kith_status kith_chain_open(kith_reader *reader, struct kith_chain **ret)
{
	struct kith_chain *chain = calloc(1, sizeof *chain);

	if (chain == NULL)
		return KITH_E_NOMEM;
	chain->reader = reader;
	chain->n_recent = FEW;
	forget_recent(chain);
	if (kith_nodes_open(reader, &chain->nodes) != KITH_OK) {
		free(chain);
		return KITH_E_NOMEM;
	}
	*ret = chain;
	return KITH_OK;
}

void kith_chain_close(struct kith_chain *chain)
{
	if (chain == NULL)
		return;
	kith_nodes_close(chain->nodes);
	free(chain);
}

struct kith_bytes kith_chain_keep(struct kith_chain *chain, const void *data, size_t n)
{
	return kith_nodes_keep(chain->nodes, data, n);
}

static void make_room(struct kith_chain *chain)
{
	if (kith_nodes_make_room(chain->nodes))
		forget_recent(chain);
}

/*
 * One step up: adds to *where what stands at *at. KITH_OK: *at is now what that is in. KITH_END: it
 * has products or is a source, of which a node says all.
 */
static enum kith_status climb(const struct kith_place *item, uint32_t *at, struct kith_where *where)
{
	struct kith_part *part = &where->parts[where->n_parts];

	if (item->kind == KITH_PLACE_SOURCE || item->kind == KITH_PLACE_PRODUCT)
		return KITH_END;
	if (item->parent >= *at) /* KITH_NO_PLACE too: only sources are roots */
		return KITH_E_CORRUPT;
	*at = item->parent;
	if (item->kind == KITH_PLACE_FOLDER && item->name.n == 0)
		return KITH_OK; /* the files stand in what it is in */
	part->name = item->name;
	part->separator = item->kind == KITH_PLACE_FOLDER ? kith_folder_separator(item->name)
							  : kith_literal(" > ");
	where->n_parts++;
	return where->n_parts < KITH_CHAIN_PARTS ? KITH_OK : KITH_END;
}

enum kith_status kith_chain_at(struct kith_chain *chain, uint32_t place,
			       const struct kith_where **ret_where)
{
	uint32_t *recent = &chain->recent[place % chain->n_recent], at = place;
	struct kith_where *where = &chain->recent_where[place % chain->n_recent];
	struct kith_place item;
	enum kith_status st;

	if (place == KITH_NO_PLACE)
		return KITH_E_CORRUPT;
	make_room(chain);
	if (*recent != place) {
		*recent = KITH_NO_PLACE; /* until all of it is there */
		memset(where, 0, sizeof *where);
		do {
			st = kith_place(chain->reader, at, &item);
			if (st != KITH_OK)
				return kith_as_corrupt(st);
			st = climb(&item, &at, where);
		} while (st == KITH_OK);
		if (st != KITH_END)
			return st;
		st = kith_nodes_get(chain->nodes, at, where->n_parts, &where->node);
		if (st != KITH_OK)
			return st;
		*recent = place;
	}
	*ret_where = where;
	return KITH_OK;
}

/* Goes one step up with a walk whose item is there. False: it is at its end. */
static bool go_up(struct kith_chain *chain, struct walk *walk)
{
	size_t recent = walk->place % chain->n_recent;
	struct kith_where *where = &chain->recent_where[recent];
	struct kith_place item;
	enum kith_status st = kith_place_decode(walk->item, walk->at, &item);

	if (st == KITH_OK)
		st = climb(&item, &walk->at, where);
	if (st == KITH_OK)
		return true;
	if (st == KITH_END)
		st = kith_nodes_get(chain->nodes, walk->at, where->n_parts, &where->node);
	if (st == KITH_OK)
		__builtin_prefetch(where->node);
	chain->recent[recent] = st == KITH_OK ? walk->place : KITH_NO_PLACE;
	return false;
}

void kith_chain_ahead(struct kith_chain *chain, const uint32_t *places, size_t n)
{
	struct walk *walks = chain->walks;
	size_t n_walks = 0, left, i;

	make_room(chain);
	if (chain->n_recent < RECENT) {
		chain->n_recent = RECENT;
		forget_recent(chain);
	}
	for (i = 0; i < n && i < KITH_CHAIN_AHEAD; i++) {
		size_t recent = places[i] % chain->n_recent;

		if (places[i] == KITH_NO_PLACE || chain->recent[recent] == places[i] ||
		    chain->recent[recent] == WALKING)
			continue;
		chain->recent[recent] = WALKING;
		memset(&chain->recent_where[recent], 0, sizeof chain->recent_where[recent]);
		walks[n_walks].place = walks[n_walks].at = places[i];
		n_walks++;
	}
	while (n_walks > 0) {
		for (i = 0; i < n_walks; i++)
			kith_item_prefetch(chain->reader, KITH_DB_PLACE, walks[i].at, 0);
		for (i = 0; i < n_walks; i++)
			kith_item_prefetch(chain->reader, KITH_DB_PLACE, walks[i].at, 1);
		for (i = 0; i < n_walks; i++) {
			kith_item_fetch(chain->reader, KITH_DB_PLACE, walks[i].at, &walks[i].item);
		}
		for (left = 0, i = 0; i < n_walks; i++) {
			if (go_up(chain, &walks[i]))
				walks[left++] = walks[i];
		}
		n_walks = left;
	}
	for (i = 0; i < n && i < KITH_CHAIN_AHEAD; i++) {
		const struct kith_node *node =
		    chain->recent_where[places[i] % chain->n_recent].node;

		if (chain->recent[places[i] % chain->n_recent] != places[i])
			continue;
		__builtin_prefetch(node->origin);
		__builtin_prefetch(node->json.data);
	}
	for (i = 0; i < n && i < KITH_CHAIN_AHEAD; i++) {
		const struct kith_node *node =
		    chain->recent_where[places[i] % chain->n_recent].node;

		if (chain->recent[places[i] % chain->n_recent] == places[i])
			__builtin_prefetch(node->origin->tuples);
	}
}
