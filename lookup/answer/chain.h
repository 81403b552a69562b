/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain.h: where an occurrence stands, in words. Walks from a place up to its source and renders
 * `SOURCE > product version > image > archive > folder/`, behind which the file's name goes.
 *
 * Many answers share products and sources, so what they have in common is kept. What is kept is
 * bounded by KITH_LIMIT_CHAIN_CACHE; when it is full it is dropped as a whole. For one thread.
 */
#ifndef KITH_ANSWER_CHAIN_H
#define KITH_ANSWER_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "kith.h"

/* One (name, version) of the products of a place, with the distributors of all its rows. */
struct kith_tuple {
	struct kith_bytes product, version;    /* product.data NULL: none, or a placeholder */
	const struct kith_bytes *distributors; /* sorted by bytes, each once, no placeholders */
	size_t n_distributors;
	struct kith_bytes json; /* kept by jsonl.c; empty at first */
};

/* What the nearest place with products (or the source itself) says about everything below it. */
struct kith_origin {
	struct kith_source source;
	struct kith_tuple *tuples; /* at least one */
	size_t n_tuples;
	/* Of all products of the place, each list sorted and unique. */
	const struct kith_bytes *links, *systems;
	size_t n_links, n_systems;
	struct kith_bytes language, type; /* the first of each; may be empty */
};

/* A source or a product place, or one deep below, with the chain down to it. Kept. */
struct kith_node {
	uint32_t origin_place; /* equal for places that share their origin */
	struct kith_origin *origin;
	struct kith_bytes text;      /* the chain down to here */
	struct kith_bytes separator; /* what follows it: " > ", or "/" or "\" behind a folder */
	struct kith_bytes json;      /* kept by jsonl.c; empty at first */
};

/*
 * Where files stand: the node and its separator, then each part and its separator, then comes the
 * name. Archives and folders are millions and mostly used once, so nothing is made or kept for
 * them.
 */
#define KITH_CHAIN_PARTS 3
struct kith_where {
	struct kith_node *node;
	unsigned n_parts; /* innermost first */
	struct kith_part {
		struct kith_bytes name, separator;
	} parts[KITH_CHAIN_PARTS];
};

struct kith_chain;

enum kith_status kith_chain_open(kith_reader *reader, struct kith_chain **ret);
void kith_chain_close(struct kith_chain *chain);

/* *ret_where is valid until the next call. KITH_OK, KITH_E_CORRUPT, KITH_E_NOMEM. */
enum kith_status kith_chain_at(struct kith_chain *chain, uint32_t place,
			       const struct kith_where **ret_where);

/*
 * Does for many places what kith_chain_at() would do for each later, so that it need not wait for
 * memory each time. Only a hint: faults are found when the place is asked for.
 */
#define KITH_CHAIN_AHEAD 512u /* more are passed over */
void kith_chain_ahead(struct kith_chain *chain, const uint32_t *places, size_t n);

/* A copy that lives as long as the places that are kept now; data NULL: no memory. */
struct kith_bytes kith_chain_keep(struct kith_chain *chain, const void *data, size_t n);

/* Without blanks at both ends. */
struct kith_bytes kith_trim(struct kith_bytes text);

/* Sorts by bytes, drops what is equal; returns how many are left. */
size_t kith_sort_unique(struct kith_bytes *items, size_t n);

#endif
