/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/said.h"

#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"

/* 96 bits of a digest: containers are hostile, and a message that looked like another one would be
 * lost. */
#define KEY_SIZE 12u

struct entry {
	uint8_t key[KEY_SIZE];
	uint32_t left;
};

static void add_bytes(struct kith_sha256 *sha, const void *data, size_t n)
{
	const uint64_t size = n;

	kith_sha256_add(sha, &size, sizeof size);
	if (n > 0)
		kith_sha256_add(sha, data, n);
}

static void make_key(const struct kith_wire *m, struct entry *ret)
{
	const uint64_t numbers[] = {m->type, m->code, m->number, m->digests.size};
	uint8_t digest[KITH_SHA256_SIZE];
	struct kith_sha256 sha;
	unsigned i;

	kith_sha256_init(&sha);
	kith_sha256_add(&sha, numbers, sizeof numbers);
	add_bytes(&sha, m->text.data, m->text.n);
	add_bytes(&sha, m->name.data, m->name.n);
	add_bytes(&sha, m->digests.sha256, sizeof m->digests.sha256);
	for (i = 0; i < KITH_FACTS; i++)
		add_bytes(&sha, m->claims[i].data, m->claims[i].n);
	kith_sha256_end(&sha, digest);
	memcpy(ret->key, digest, KEY_SIZE);
	ret->left = 1;
}

bool walk_said_add(struct walk_said *said, const struct kith_wire *message)
{
	struct entry entry;

	make_key(message, &entry);
	return kith_buf_add(&said->entries, &entry, sizeof entry);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, KEY_SIZE);
}

void walk_said_sort(struct walk_said *said)
{
	struct entry *entries = (void *)said->entries.data;
	size_t n = said->entries.n / sizeof *entries, kept = 0, i;

	if (n == 0)
		return;
	qsort(entries, n, sizeof *entries, compare);
	for (i = 1; i < n; i++) {
		if (compare(&entries[kept], &entries[i]) == 0)
			entries[kept].left += entries[i].left;
		else
			entries[++kept] = entries[i];
	}
	said->entries.n = (kept + 1) * sizeof *entries;
}

bool walk_said_take(struct walk_said *said, const struct kith_wire *message)
{
	const size_t n = said->entries.n / sizeof(struct entry);
	struct entry entry, *found;

	if (n == 0)
		return false;
	make_key(message, &entry);
	found = bsearch(&entry, said->entries.data, n, sizeof entry, compare);
	if (found == NULL || found->left == 0)
		return false;
	found->left--;
	return true;
}

void walk_said_done(struct walk_said *said)
{
	kith_buf_done(&said->entries);
}
