/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ranks.h: writes the tables whose key is a rank. Names and places of all chunks are merged, get
 * their ranks, and each chunk gets its maps; declarations are in memory already.
 */
#ifndef KITH_CORE_RANKS_H
#define KITH_CORE_RANKS_H

#include "core/collector.h"
#include "core/decl.h"
#include "core/lmdb_writer.h"
#include "core/text.h"

struct kith_ranks {
	struct kith_chunk_map *chunks; /* by chunk; one more at the end, without maps */
	size_t n_chunks;
	uint32_t *declared; /* rank of each declared place */
	/* Where the tree of each source begins, by the source's rank; trees have that order too. */
	uint32_t *roots;
	uint32_t n_sources;
	uint64_t names, places;
};

/* Writes source, distributor, product, place and name, in this order, to the set and its text. */
enum kith_status kith_ranks_write(struct kith_chunks *chunks, struct kith_decl *decl, size_t memory,
				  struct kith_lmdb *db, struct kith_text *text,
				  struct kith_ranks *ret, struct kith_err *err);
void kith_ranks_done(struct kith_ranks *ranks);

#endif
