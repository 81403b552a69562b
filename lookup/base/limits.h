/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h: every bound on what an input may make us do, in one place, each with its reason.
 * Where a command has an option for it, the value here is the default.
 */
#ifndef KITH_BASE_LIMITS_H
#define KITH_BASE_LIMITS_H

/* One line of a hash list or of an RDS v2 file. A path may be long; 1 MiB is far beyond PATH_MAX.
 */
#define KITH_LIMIT_LINE (1u << 20)

/* One file name or folder name. NSRL joins names with commas, so well over NAME_MAX. */
#define KITH_LIMIT_NAME (64u << 10)

/* Nodes between an occurrence and its source. NSRL's recursion_level goes to 10. */
#define KITH_LIMIT_DEPTH 64

/* Products, distributors, sources and product places of one build: kept in memory. The modern RDS
 * has 140,000 package rows. */
#define KITH_LIMIT_ENTITIES (16u << 20)

/* Claims that differ about one file. Honest sources never have more than a few; the smallest are
 * kept. */
#define KITH_LIMIT_CLAIMS 256

/* Distinct reasons in one source's ledger; further ones are counted as "other". */
#define KITH_LIMIT_REASONS 256

/* Bytes of the example that a ledger row keeps. */
#define KITH_LIMIT_EXAMPLE 256

/* --memory of kith-build: default and least. */
#define KITH_MEMORY_DEFAULT ((size_t)1 << 30)
#define KITH_MEMORY_MIN     ((size_t)16 << 20)

/* Ranks are 32 bits, one value is reserved. */
#define KITH_LIMIT_RANKS 0xfffffff0u

/* Occurrences of one file that an answer prints unless told otherwise; the set keeps all. */
#define KITH_LIMIT_SHOWN 1000

/* Bytes of rendered places that one thread keeps while it answers; then it starts anew. */
#define KITH_LIMIT_CHAIN_CACHE ((size_t)64 << 20)

/* Bytes of digests that an export sorts at a time. */
#define KITH_LIMIT_EXPORT ((size_t)192 << 20)

/* Bytes of a Bloom filter: more than all of the NSRL at one in a million. */
#define KITH_LIMIT_BLOOM ((size_t)16 << 30)

/* Sets that one command opens. */
#define KITH_LIMIT_SETS 64

#endif
