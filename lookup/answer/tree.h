/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h: the provenance tree read both ways. A *container* is a place of the kinds image and
 * archive.
 *
 * Ranks are in the order of a walk of the tree (docs/FORMAT.md, section 6.4): all that lies in a
 * place has the ranks that follow it, and its children are sorted. So the way down is a binary
 * search, and no index from a place to what lies in it is needed.
 *
 * What must hold: the way up is at most KITH_LIMIT_DEPTH steps, whatever a damaged set says.
 */
#ifndef KITH_ANSWER_TREE_H
#define KITH_ANSWER_TREE_H

#include "answer/facts.h"

/* The rank behind the last place in `place`. */
enum kith_status kith_tree_end(kith_reader *reader, uint32_t place, uint32_t *ret_end);

/*
 * The container in `parent` that has this name: what lies there under it was opened. KITH_OK,
 * KITH_NOT_FOUND, KITH_E_CORRUPT.
 */
enum kith_status kith_tree_container(kith_reader *reader, uint32_t parent, struct kith_bytes name,
				     uint32_t *ret_place);

/* Whether any place lies in it. KITH_OK, KITH_NOT_FOUND, KITH_E_CORRUPT. */
enum kith_status kith_tree_has_children(kith_reader *reader, uint32_t place);

struct kith_parent {
	uint32_t set, place;
};

/*
 * What a content lies in, appended to out as struct kith_parent, sorted, each once: every container
 * above an occurrence, and the product where there is none. A list that names neither adds nothing.
 */
enum kith_status kith_tree_parents(struct kith_asker *asker, const struct kith_content *content,
				   struct kith_buf *out);

#endif
