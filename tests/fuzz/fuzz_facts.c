/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_facts.c: all inspectors. The input's first line is the path, the rest the file: so one
 * corpus reaches the version resources of programs, control files, JSON and XML.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "facts/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void on_fact(void *user, enum kith_fact fact, unsigned weight, const void *text, size_t n)
{
	const uint8_t *p = text;
	volatile uint8_t sum = 0;
	size_t i;

	(void)user;
	if ((unsigned)fact >= KITH_FACTS || weight > 100 || n == 0 || n > KITH_FACT_TEXT)
		abort();
	for (i = 0; i < n; i++) /* all of it can be read */
		sum = (uint8_t)(sum + p[i]);
}

static void on_declared(void *user, const void *name, size_t n, const uint8_t *sha256,
			bool has_size, uint64_t size)
{
	(void)has_size;
	(void)size;
	if (n == 0)
		abort();
	on_fact(user, KITH_FACT_PRODUCT, 0, name, n > KITH_FACT_TEXT ? KITH_FACT_TEXT : n);
	on_fact(user, KITH_FACT_PRODUCT, 0, sha256, KITH_SHA256_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct kith_fact_sink sink = {NULL, on_fact, on_declared};
	const uint8_t *end = n == 0 ? NULL : memchr(data, '\n', n);
	const struct kith_inspector *inspector;
	struct kith_bytes path, bytes, head;
	struct kith_blob blob;

	if (end == NULL)
		return 0;
	path = (struct kith_bytes){data, (size_t)(end - data)};
	bytes = (struct kith_bytes){end + 1, n - path.n - 1};
	head = bytes;
	if (head.n > KITH_FACT_HEAD)
		head.n = KITH_FACT_HEAD;
	inspector = kith_inspector_of(path, head);
	if (inspector == NULL)
		return 0;
	kith_blob_memory(&blob, &bytes);
	if (kith_inspect(inspector, &blob, &sink, NULL) != KITH_OK)
		abort();
	return 0;
}
