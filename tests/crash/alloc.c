/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "alloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

/* The builder allocates from several threads. */
static atomic_ulong left;
static atomic_int failed;

void alloc_fail_at(unsigned long n)
{
	atomic_store(&failed, 0);
	atomic_store(&left, n);
}

int alloc_failed(void)
{
	return atomic_load(&failed);
}

static int fails(void)
{
	unsigned long n = atomic_load(&left);

	while (n != 0) {
		if (!atomic_compare_exchange_weak(&left, &n, n - 1))
			continue;
		if (n != 1)
			return 0;
		atomic_store(&failed, 1);
		errno = ENOMEM;
		return 1;
	}
	return 0;
}

/* The linker's names for --wrap. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *old, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);
int __real_posix_memalign(void **ret, size_t alignment, size_t n);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *old, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);
int __wrap_posix_memalign(void **ret, size_t alignment, size_t n);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t count, size_t n)
{
	return fails() ? NULL : __real_calloc(count, n);
}

void *__wrap_realloc(void *old, size_t n)
{
	return fails() ? NULL : __real_realloc(old, n);
}

void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, n);
}

int __wrap_posix_memalign(void **ret, size_t alignment, size_t n)
{
	return fails() ? ENOMEM : __real_posix_memalign(ret, alignment, n);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
	return fails() ? NULL : __real_strndup(text, n);
}
