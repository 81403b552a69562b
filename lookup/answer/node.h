/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h: sources and product places in words, made once and kept; for chain.c. What is kept is
 * bounded by KITH_LIMIT_CHAIN_CACHE. For one thread.
 */
#ifndef KITH_ANSWER_NODE_H
#define KITH_ANSWER_NODE_H

#include "answer/chain.h"

struct kith_nodes;

enum kith_status kith_nodes_open(kith_reader *reader, struct kith_nodes **ret);
void kith_nodes_close(struct kith_nodes *nodes); /* NULL is accepted */

/* The node of a place that is `depth` places above the one that was asked for. KITH_OK,
 * KITH_E_CORRUPT, KITH_E_NOMEM. Valid until everything is forgotten. */
enum kith_status kith_nodes_get(struct kith_nodes *nodes, uint32_t rank, unsigned depth,
				struct kith_node **ret);

/* Forgets everything when too much is kept; true when it did. */
bool kith_nodes_make_room(struct kith_nodes *nodes);

/* A copy that lives as long as the nodes that are kept now; data NULL: no memory. */
struct kith_bytes kith_nodes_keep(struct kith_nodes *nodes, const void *data, size_t n);

/* A rank that is outside of its table means a damaged set. */
enum kith_status kith_as_corrupt(enum kith_status st);

struct kith_bytes kith_literal(const char *text);
/* What stands between a folder and a name in it: "/", "\\", or nothing. */
struct kith_bytes kith_folder_separator(struct kith_bytes folder);

#endif
