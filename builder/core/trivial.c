/* SPDX-License-Identifier: Apache-2.0 */
#include "core/trivial.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/digest.h"
#include "core/sort.h"

#define SHORT_MAX  256
#define SECTOR     ((size_t)512)
#define SECTOR_MAX ((size_t)64 << 10)
#define PAGE_STEP  ((size_t)4096)
#define LONG_MAX   ((size_t)16 << 20)

/* Digests of one kind: the first 8 bytes sorted, the whole ones by number. Digests are spread
 * evenly, so the first 16 bits lead to a handful of them. */
#define BUCKETS 65536
struct table {
	uint32_t first[BUCKETS + 1];
	struct kith_pair *pairs;
	uint8_t (*digests)[KITH_SHA256_SIZE];
	size_t n;
};

struct kith_trivial {
	struct table sha256, sha1;
};

static void add(struct table *table, struct kith_sha *sha)
{
	uint8_t *digest = table->digests[table->n];

	kith_sha_get(sha, digest);
	table->pairs[table->n].key = kith_get_be64(digest);
	table->pairs[table->n].value = table->n;
	table->n++;
}

static bool fill(struct table *table, enum kith_digest kind)
{
	static const uint8_t long_bytes[] = {0x00, 0x20, 0xff};
	size_t most =
	    1 + 256 * SHORT_MAX + sizeof long_bytes * (SECTOR_MAX / SECTOR + LONG_MAX / PAGE_STEP);
	struct kith_sha *sha = kith_sha_new(kind);
	uint8_t step[PAGE_STEP];
	size_t i, n, more;
	unsigned byte;

	table->pairs = malloc(most * sizeof *table->pairs);
	table->digests = malloc(most * sizeof *table->digests);
	if (sha == NULL || table->pairs == NULL || table->digests == NULL) {
		kith_sha_free(sha);
		return false;
	}
	add(table, sha);
	for (byte = 0; byte < 256; byte++) {
		uint8_t one = (uint8_t)byte;

		kith_sha_reset(sha);
		for (n = 1; n <= SHORT_MAX; n++) {
			kith_sha_add(sha, &one, 1);
			add(table, sha);
		}
	}
	for (i = 0; i < sizeof long_bytes; i++) {
		memset(step, long_bytes[i], sizeof step);
		kith_sha_reset(sha);
		for (n = 0; n < LONG_MAX; n += more) {
			more = n < SECTOR_MAX ? SECTOR : PAGE_STEP;
			kith_sha_add(sha, step, more);
			add(table, sha);
		}
	}
	kith_sha_free(sha);
	kith_sort_pairs(table->pairs, table->n);
	for (i = 0, n = 0; i <= BUCKETS; i++) {
		while (n < table->n && table->pairs[n].key >> 48 < i)
			n++;
		table->first[i] = (uint32_t)n;
	}
	return true;
}

static void table_done(struct table *table)
{
	free(table->pairs);
	free(table->digests);
}

struct kith_trivial *kith_trivial_new(void)
{
	struct kith_trivial *trivial = calloc(1, sizeof *trivial);

	if (trivial != NULL && !fill(&trivial->sha256, KITH_SHA256)) {
		kith_trivial_free(trivial);
		return NULL;
	}
	return trivial;
}

bool kith_trivial_add_sha1(struct kith_trivial *trivial)
{
	return fill(&trivial->sha1, KITH_SHA1);
}

void kith_trivial_free(struct kith_trivial *trivial)
{
	if (trivial == NULL)
		return;
	table_done(&trivial->sha256);
	table_done(&trivial->sha1);
	free(trivial);
}

bool kith_trivial_has(const struct kith_trivial *trivial, enum kith_digest kind,
		      const uint8_t *digest)
{
	const struct table *table = kind == KITH_SHA256 ? &trivial->sha256 : &trivial->sha1;
	uint64_t key = kith_get_be64(digest);
	uint32_t i = table->first[key >> 48], end = table->first[(key >> 48) + 1];

	for (; i < end; i++)
		if (table->pairs[i].key == key && memcmp(table->digests[table->pairs[i].value],
							 digest, kith_digest_size(kind)) == 0)
			return true;
	return false;
}
