/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect.c: digests that a container's metadata has for files of another container in it (dpkg's
 * md5sums, for what is in data.tar). By the first half of the path's SHA-256, so that a hostile
 * list cannot make the table slow. What must hold: all tables together have a bound; beyond it
 * nothing is compared, and that is noted.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sha256.h"
#include "walk/walk_int.h"

struct slot {
	uint8_t key[16];
	bool used;
	struct kith_declared declared;
};

struct walk_expect {
	struct walk_expect *next; /* of the same job */
	struct kith_buf child;
	struct slot *slots;
	size_t n, cap;
};

/* "./usr/bin/x", "/usr/bin/x" and "usr/bin/x" are one path. */
static void path_key(struct kith_bytes path, uint8_t ret_key[16])
{
	uint8_t digest[KITH_SHA256_SIZE];
	struct kith_sha256 sha;

	if (path.n >= 2 && path.data[0] == '.' && path.data[1] == '/') {
		path.data++;
		path.n--;
	}
	while (path.n > 0 && path.data[0] == '/') {
		path.data++;
		path.n--;
	}
	kith_sha256_init(&sha);
	kith_sha256_add(&sha, path.data, path.n);
	kith_sha256_end(&sha, digest);
	memcpy(ret_key, digest, 16);
}

static struct slot *find_slot(struct slot *slots, size_t cap, const uint8_t key[16])
{
	size_t at = (size_t)kith_get_le64(key);

	for (;; at++) {
		struct slot *slot = &slots[at & (cap - 1)];

		if (!slot->used || memcmp(slot->key, key, 16) == 0)
			return slot;
	}
}

static enum kith_status grow(struct walk_expect *expect, struct kith_err *err)
{
	size_t i, cap = expect->cap == 0 ? 256 : expect->cap * 2;
	struct slot *slots;

	if ((expect->n + 1) * 4 <= expect->cap * 3)
		return KITH_OK;
	slots = calloc(cap, sizeof *slots);
	if (slots == NULL)
		return kith_fail_nomem(err);
	for (i = 0; i < expect->cap; i++)
		if (expect->slots[i].used)
			*find_slot(slots, cap, expect->slots[i].key) = expect->slots[i];
	free(expect->slots);
	expect->slots = slots;
	expect->cap = cap;
	return KITH_OK;
}

static struct walk_expect **find_child(struct walk_job *job, const uint8_t *child, size_t n)
{
	struct walk_expect **at = &job->expects;

	for (; *at != NULL; at = &(*at)->next)
		if (kith_bytes_cmp((*at)->child.data, (*at)->child.n, child, n) == 0)
			break;
	return at;
}

enum kith_status walk_expect_add(struct kith_walk *walk, struct walk_job *job,
				 struct kith_bytes child, struct kith_bytes path,
				 const struct kith_declared *declared, struct kith_err *err)
{
	struct walk_expect **at = find_child(job, child.data, child.n), *expect = *at;
	struct slot *slot;
	enum kith_status st;
	uint8_t key[16];

	if (walk->n_expected >= WALK_EXPECTED)
		return walk_note(walk, job->node, KITH_LEDGER_SKIPPED,
				 "digests that are not compared: too many", 1, path.data, path.n,
				 err);
	if (expect == NULL) {
		expect = calloc(1, sizeof *expect);
		if (expect == NULL || !kith_buf_add(&expect->child, child.data, child.n)) {
			free(expect);
			return kith_fail_nomem(err);
		}
		*at = expect;
		walk->n_expected++; /* so that many names have an end too */
		expect->n = 1;
	}
	st = grow(expect, err);
	if (st < 0)
		return st;
	path_key(path, key);
	slot = find_slot(expect->slots, expect->cap, key);
	if (!slot->used) {
		slot->used = true;
		memcpy(slot->key, key, sizeof key);
		expect->n++;
		walk->n_expected++;
	}
	slot->declared = *declared;
	return KITH_OK;
}

struct walk_expect *walk_expect_take(struct walk_job *job, const uint8_t *child, size_t n)
{
	struct walk_expect **at = find_child(job, child, n), *expect = *at;

	if (expect != NULL) {
		*at = expect->next;
		expect->next = NULL;
	}
	return expect;
}

void walk_expect_free(struct kith_walk *walk, struct walk_expect *expect)
{
	while (expect != NULL) {
		struct walk_expect *next = expect->next;

		walk->n_expected -= expect->n;
		kith_buf_done(&expect->child);
		free(expect->slots);
		free(expect);
		expect = next;
	}
}

enum kith_status walk_expect_check(const struct walk_expect *expect, struct kith_bytes path,
				   const struct kith_digests *digests)
{
	const struct kith_declared *d;
	const struct slot *slot;
	uint8_t key[16];

	if (expect->cap == 0)
		return KITH_OK;
	path_key(path, key);
	slot = find_slot(expect->slots, expect->cap, key);
	if (!slot->used)
		return KITH_OK;
	d = &slot->declared;
	if ((d->has_sha256 && memcmp(d->sha256, digests->sha256, KITH_SHA256_SIZE) != 0) ||
	    (d->has_sha1 && memcmp(d->sha1, digests->sha1, KITH_SHA1_SIZE) != 0) ||
	    (d->has_md5 && memcmp(d->md5, digests->md5, KITH_MD5_SIZE) != 0))
		return KITH_NOT_FOUND;
	return KITH_OK;
}
