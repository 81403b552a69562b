/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alloc.h: makes the N-th allocation of our own code fail. The test is linked with --wrap for
 * malloc, calloc, realloc, aligned_alloc, posix_memalign, strdup and strndup, so allocations inside
 * of other libraries are not counted.
 */
#ifndef KITH_TESTS_CRASH_ALLOC_H
#define KITH_TESTS_CRASH_ALLOC_H

/* The n-th allocation from now on fails, once; 0: none does. */
void alloc_fail_at(unsigned long n);

/* True when that allocation was reached, so that something failed. */
int alloc_failed(void);

#endif
