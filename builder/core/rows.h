/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h: rows in memory, sorted runs of them in the scratch file, and the merge of runs.
 *
 * A run is a sequence of groups, sorted by (key, claim). A group is one (key, claim) and all its
 * occurrences: places and names in the chunk's own numbers. Groups of one key with other claims
 * follow each other; the merge brings together what has one key.
 */
#ifndef KITH_CORE_ROWS_H
#define KITH_CORE_ROWS_H

#include "base/record.h"
#include "core/memory.h"
#include "core/scratch.h"
#include "core/sort.h"

/* In a row's and a group's place: the number is a declared place, not one of the chunk. */
#define KITH_PLACE_DECLARED 0x80000000u
/* In a row's and a group's name: the name is that of a fragment. */
#define KITH_NAME_FRAGMENT 0x80000000u
#define KITH_NUMBER_MASK   0x7fffffffu

/* 88 bytes, no holes: rows are compared and written as bytes. */
struct kith_packed_row {
	uint8_t key[KITH_SHA256_SIZE]; /* a SHA-1 is filled with zeros */
	uint8_t sha1[KITH_SHA1_SIZE];
	uint8_t md5[KITH_MD5_SIZE];
	uint8_t has; /* KITH_REC_HAS_...; a claim that is missing is all zeros */
	uint8_t zero[3];
	uint64_t size_bytes;
	uint32_t place, name;
};
/* How much of it is key and claim. */
#define KITH_ROW_CLAIMED offsetof(struct kith_packed_row, place)

/* Groups are found by the first 10 bits of their key, so that ranges can be merged in parallel. */
#define KITH_RANGE_BITS 10
#define KITH_RANGES     (1u << KITH_RANGE_BITS)

struct kith_run {
	uint64_t offset[KITH_RANGES + 1]; /* of the groups whose key begins with that number */
	uint64_t reserved_at, reserved;   /* the run's range in the scratch file */
	uint32_t chunk;                   /* whose numbers the occurrences use */
};

/*
 * Rows that wait to be sorted, in parts by the first byte of their key: a part fits the cache when
 * it is sorted and written, which all rows together do not. Zeroed: empty.
 */
#define KITH_ROW_PARTS 256u
struct kith_row_block;
struct kith_row_part {
	struct kith_row_block *first, *last;
	size_t n; /* rows */
};
struct kith_rowstore {
	struct kith_row_part parts[KITH_ROW_PARTS];
	void **slabs; /* owned; blocks are cut from them */
	size_t n_slabs, slabs_cap;
	size_t n_blocks; /* in use */
	size_t n, most;  /* rows; rows of the largest part */
	struct kith_room pairs;
};

void kith_rowstore_done(struct kith_rowstore *store);
/* Room for one more row whose key begins with that byte, zeroed; NULL: out of memory. Counts as
 * added. */
struct kith_packed_row *kith_rowstore_add(struct kith_rowstore *store, uint8_t first);
/* Memory that the rows need, sorting included. */
size_t kith_rowstore_memory(const struct kith_rowstore *store);

/*
 * Sorts the rows, writes them as a run and empties the store. names: for each name number of the
 * chunk its number in sorted order, which is what the run keeps; places likewise. NULL: numbers
 * are kept as they are.
 */
enum kith_status kith_rowstore_spill(struct kith_rowstore *store, struct kith_scratch *scratch,
				     const uint32_t *names, const uint32_t *places,
				     struct kith_run *ret_run, struct kith_err *err);

/* ------------------------------------------------------------------ merge */

/* For each chunk: its numbers to ranks. NULL maps: numbers are ranks already. */
struct kith_chunk_map {
	const uint32_t *names, *places;
	uint64_t names_n, places_n;
};

struct kith_merge_input {
	const struct kith_run *const *runs; /* n_runs */
	size_t n_runs;
	const struct kith_chunk_map *chunks; /* by kith_run.chunk */
	const uint32_t *declared;            /* rank of each declared place */
	struct kith_scratch *scratch;
	size_t key_n; /* 32, or 20 */
};

/* What is known of one key: claims (each once, sorted) and occurrences in ranks. */
struct kith_merged {
	uint8_t key[KITH_SHA256_SIZE];
	struct kith_claim *claims; /* owned; the first is the record's own */
	size_t n_claims, claims_cap;
	uint64_t *occs; /* owned; sorted, each once */
	size_t n_occs, occs_cap;
	bool fragment; /* every occurrence's name is that of a fragment */
	bool dropped;  /* there were more claims than KITH_LIMIT_CLAIMS */
};

struct kith_merge;

/* Merges the groups of ranges [from, to). buffer: bytes of reading buffer for each run. */
enum kith_status kith_merge_open(const struct kith_merge_input *input, uint32_t from, uint32_t to,
				 size_t buffer, struct kith_merge **ret, struct kith_err *err);
/* KITH_OK, KITH_END. The merged is reused from call to call; zero it before the first. */
enum kith_status kith_merge_next(struct kith_merge *merge, struct kith_merged *merged,
				 struct kith_err *err);
void kith_merge_close(struct kith_merge *merge);
void kith_merged_done(struct kith_merged *merged);

#endif
