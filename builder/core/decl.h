/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decl.h: the declarations of a build (source.h has the functions that sources call), and what
 * becomes of them: ranks and the items of the tables.
 */
#ifndef KITH_CORE_DECL_H
#define KITH_CORE_DECL_H

#include "core/source.h"

struct kith_decl *kith_decl_new(void);
void kith_decl_free(struct kith_decl *decl);

uint32_t kith_decl_sources(const struct kith_decl *decl);
uint32_t kith_decl_places(const struct kith_decl *decl);
/* The key (placekey.h) of a declared place. */
struct kith_bytes kith_decl_place_key(const struct kith_decl *decl, uint32_t place);

/*
 * Sorts everything, so that ranks are known; nothing may be declared afterwards. Then the getters
 * below work.
 */
enum kith_status kith_decl_finish(struct kith_decl *decl, struct kith_err *err);

enum kith_decl_table { KITH_DECL_SOURCE, KITH_DECL_DISTRIBUTOR, KITH_DECL_PRODUCT };
/* Number of items of the table, and the item with that rank. */
uint32_t kith_decl_count(const struct kith_decl *decl, enum kith_decl_table table);
struct kith_bytes kith_decl_item(const struct kith_decl *decl, enum kith_decl_table table,
				 uint32_t rank);
/* Rank of each source handle. */
const uint32_t *kith_decl_source_ranks(const struct kith_decl *decl);
/* The refs of a declared place: ranks, sorted, each once. */
struct kith_rank_list kith_decl_place_refs(const struct kith_decl *decl, uint32_t place);

#endif
