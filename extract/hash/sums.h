/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sums.h: MD5, SHA-1 and SHA-256 of one run of bytes: stitched where the processor can, else by
 * libcrypto, which sums.c is the one file of extract/ to see. digest.c, which has the threads, is
 * over this.
 */
#ifndef KITH_EXTRACT_SUMS_H
#define KITH_EXTRACT_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash/digest.h"

/* Which of them. Two alone, or one, are libcrypto's. */
#define SUM_SHA256 0x1u
#define SUM_SHA1   0x2u
#define SUM_MD5    0x4u
#define SUM_ALL    0x7u

#define SUM_BLOCK ((size_t)64)

struct sum_methods; /* the algorithms, looked up once: 200 ns for each file are saved by it */
struct sums;        /* their running state */

/* NULL: no memory, or libcrypto has not got one of them. */
struct sum_methods *sum_methods_new(unsigned which);
/* For the test that compares both: libcrypto's, whatever the processor has. */
struct sum_methods *sum_methods_new_libcrypto(unsigned which);
void sum_methods_free(struct sum_methods *methods);

/* Does a whole round, so that whatever libcrypto sets up late is set up. NULL: as above. */
struct sums *sums_new(const struct sum_methods *methods);
void sums_free(struct sums *sums);

void sums_begin(struct sums *sums);
void sums_add(struct sums *sums, const void *data, size_t n);
/* Adds to both, which are of the same methods: where stitched in little more than half of the time,
 * as long as what is added is whole blocks of SUM_BLOCK bytes. */
void sums_add_two(struct sums *a, const void *data_a, size_t n_a, struct sums *b,
		  const void *data_b, size_t n_b);
/* Whether that is so. */
bool sums_two_pay(const struct sum_methods *methods);
void sums_add_zeros(struct sums *sums, uint64_t n);
/* Writes those digests, not the size. False when anything failed since the begin. */
bool sums_end(struct sums *sums, struct kith_digests *ret);

#endif
