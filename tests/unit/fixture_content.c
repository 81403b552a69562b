/* SPDX-License-Identifier: Apache-2.0 */
/* What the files, names and places of fixture_set.h are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture_set.h"

/* splitmix64: a number without pattern for each number */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static void fill(uint64_t seed, uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(mix(seed * 8 + i / 8) >> (i % 8 * 8));
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void fixture_file(uint64_t i, uint64_t n, bool sha1_only, struct fixture_file *ret)
{
	uint64_t seed = i + (sha1_only ? UINT64_C(1) << 40 : 0);
	struct kith_claim *own = &ret->claims[0], *other = &ret->claims[1];
	size_t k, wanted;

	memset(ret->claims, 0, sizeof ret->claims);
	/* keys ascend with i, so that the table can be written in one go */
	fill(seed * 4 + 1, ret->key, sizeof ret->key);
	kith_put_be64(ret->key, UINT64_MAX / n * i + mix(seed) % (UINT64_MAX / n));
	ret->marks =
	    (uint8_t)((i % 23 == 2 ? KITH_REC_TRIVIAL : 0) | (i % 29 == 4 ? KITH_REC_FRAGMENT : 0));
	ret->n_claims = 1;
	if (!sha1_only && i % 11 != 3)
		own->has |= KITH_REC_HAS_SHA1;
	fill(seed * 4 + 2, own->sha1, sizeof own->sha1);
	if (i % 13 != 5)
		own->has |= KITH_REC_HAS_MD5;
	/* two contents with one MD5: i and the one before */
	fill((i % 19 == 7 ? i - 1 + (seed - i) : seed) * 4 + 3, own->md5, sizeof own->md5);
	if (i % 7 != 6) {
		own->has |= KITH_REC_HAS_SIZE;
		own->size_bytes = mix(i) >> (i % 60);
	}
	if (i % 17 == 0) {
		ret->n_claims = 2;
		*other = *own;
		other->has |= KITH_REC_HAS_MD5;
		fill(seed * 4 + UINT64_C(0x5000000000000), other->md5, sizeof other->md5);
		if (!sha1_only) {
			other->has |= KITH_REC_HAS_SHA1;
			fill(seed * 4 + UINT64_C(0x6000000000000), other->sha1, sizeof other->sha1);
		}
	}
	/* some records are too large for a page of LMDB */
	wanted = i % 97 == 1 && i < 2000 ? FIXTURE_OCCS_MAX : 1 + (size_t)(i % 3);
	for (k = 0; k < wanted; k++)
		ret->occs[k] = kith_occ_make((uint32_t)(1 + (i * 7 + k) % (FIXTURE_PLACES - 1)),
					     (uint32_t)((i * 3 + k * 5) % FIXTURE_NAMES));
	qsort(ret->occs, wanted, sizeof ret->occs[0], compare_u64);
	ret->n_occs = 0;
	for (k = 0; k < wanted; k++)
		if (k == 0 || ret->occs[k] != ret->occs[ret->n_occs - 1])
			ret->occs[ret->n_occs++] = ret->occs[k];
}

void fixture_unknown(uint64_t i, uint8_t ret[KITH_SHA256_SIZE])
{
	fill(i * 4 + UINT64_C(0x7000000000000), ret, KITH_SHA256_SIZE);
}

size_t fixture_name(uint32_t rank, char *ret)
{
	size_t n = (size_t)sprintf(ret, "name-%06u", (unsigned)rank);

	if (rank % 10 == 1)
		n += (size_t)sprintf(ret + n, " %c\\\xff,\n.exe", 'a');
	if (rank % 10 == 2)
		ret[n++] = '\0';
	return n;
}

size_t fixture_place(uint32_t rank, char *ret, enum kith_place_kind *ret_kind, uint32_t *ret_parent)
{
	uint32_t product = (rank - 1) / (1 + FIXTURE_FOLDERS);
	uint32_t folder = (rank - 1) % (1 + FIXTURE_FOLDERS);

	if (rank == 0) {
		*ret_kind = KITH_PLACE_SOURCE;
		*ret_parent = KITH_NO_PLACE;
		return (size_t)sprintf(ret, "fixture");
	}
	if (folder == 0) {
		*ret_kind = KITH_PLACE_PRODUCT;
		*ret_parent = 0;
		return (size_t)sprintf(ret, "%u", (unsigned)product);
	}
	*ret_kind = KITH_PLACE_FOLDER;
	*ret_parent = rank - folder;
	return (size_t)sprintf(ret, "folder/%03u", (unsigned)folder);
}
