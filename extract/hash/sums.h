/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sums.h: MD5, SHA-1 and SHA-256 of one run of bytes. sums.c is the one file of extract/ that sees
 * libcrypto; digest.c, which has the threads, is over this.
 */
#ifndef KITH_EXTRACT_SUMS_H
#define KITH_EXTRACT_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash/digest.h"

/* Which of them, so that two threads can share one stream. */
#define SUM_SHA256 0x1u
#define SUM_SHA1   0x2u
#define SUM_MD5    0x4u
#define SUM_ALL    0x7u

struct sum_methods; /* the algorithms, looked up once: 200 ns for each file are saved by it */
struct sums;        /* the running state of all three */

/* NULL: no memory, or libcrypto has not got one of them. */
struct sum_methods *sum_methods_new(void);
void sum_methods_free(struct sum_methods *methods);

/* Does a whole round, so that whatever libcrypto sets up late is set up. NULL: as above. */
struct sums *sums_new(const struct sum_methods *methods);
void sums_free(struct sums *sums);

/* Threads may use different parts of one sums at a time. */
void sums_begin(struct sums *sums, unsigned parts);
void sums_add(struct sums *sums, unsigned parts, const void *data, size_t n);
void sums_add_zeros(struct sums *sums, unsigned parts, uint64_t n);
/* Writes only the digests of parts. False when anything failed since the begin. */
bool sums_end(struct sums *sums, unsigned parts, struct kith_digests *ret);

#endif
